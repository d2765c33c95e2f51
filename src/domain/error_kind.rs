//! The few kinds of failure that a caller can tell apart, and what every error must say of itself.

/// What a failure means to the caller. The transport turns each into one status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request is wrong; sending it again will not help.
    InvalidArgument,
    /// No credential, or a wrong one.
    Unauthenticated,
    /// The caller is known and lacks the role or market.
    PermissionDenied,
    /// The thing is unknown, or another tenant's.
    NotFound,
    /// The id exists with other content.
    AlreadyExists,
    /// The state of the thing does not admit the request.
    FailedPrecondition,
    /// A concurrent change came first.
    Aborted,
    /// Over a limit of size or rate.
    ResourceExhausted,
    /// The deadline passed.
    DeadlineExceeded,
    /// A position was pruned.
    OutOfRange,
    /// A part is away or overloaded; retrying helps.
    Unavailable,
    /// A bug or a corrupt row. The cause goes to the log only.
    Internal,
}

/// Every error names its kind and a stable reason.
pub trait Failure: std::error::Error {
    /// What it means to the caller.
    fn kind(&self) -> ErrorKind;
    /// Stable reason, `[A-Z][A-Z0-9_]+`, for google.rpc.ErrorInfo.
    fn reason(&self) -> &'static str;
    /// Fields that were wrong, for google.rpc.BadRequest.
    fn violations(&self) -> &[super::validation::Violation] {
        &[]
    }
    /// How long to wait before trying again, in milliseconds, where trying again helps.
    fn retry_after_ms(&self) -> Option<u64> {
        None
    }
}
