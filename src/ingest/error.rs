//! Why a write as a whole failed. What is wrong with one record of a batch is a refusal of that record instead.

use crate::domain::error_kind::{ErrorKind, Failure};
use crate::domain::time::Timestamp;
use crate::domain::validation::Violation;
use crate::store::StoreError;

/// A write that failed as a whole.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IngestError {
    /// The credential is missing, malformed, unknown or revoked: which of these is not told.
    #[error("the API key is missing or not valid")]
    Unauthenticated,
    /// The caller lacks a role.
    #[error("the API key lacks the role \"{0}\"")]
    RoleMissing(&'static str),
    /// The key is a partner's, and nothing of what it asks for is shared with it.
    #[error("{0}")]
    NotShared(String),
    /// The market is not configured for the tenant, or the key may not touch it.
    #[error("market \"{0}\" is not known: use one of the markets configured for this tenant")]
    MarketUnknown(String),
    /// The thing asked for is unknown, or another tenant's.
    #[error("{what} \"{id}\" is not known")]
    NotFound {
        /// What was asked for.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// A request is wrong as a whole.
    #[error("{0}")]
    Invalid(String, Vec<Violation>),
    /// A KPI question that cannot be answered.
    #[error("{message}")]
    Question {
        /// What is wrong.
        message: String,
        /// Stable reason.
        reason: &'static str,
        /// The fields.
        violations: Vec<Violation>,
    },
    /// A read asks for a revision that the market does not have.
    #[error(
        "the market's newest revision is {newest}, not {wanted} or more: ask for a revision that a write was answered with"
    )]
    NotReached {
        /// What was asked for.
        wanted: u64,
        /// What there is.
        newest: u64,
    },
    /// A message of a partner's writes leaves a number out.
    #[error("the message has number {sent}, the last one stored has {last}: send the messages behind {last} in order")]
    Gap {
        /// The number sent.
        sent: u64,
        /// The last one.
        last: u64,
    },
    /// The place at which a feed would go on is gone.
    #[error("{0}")]
    Resync(String),
    /// What a partner's copy is compared by is being counted for the first time.
    #[error("what is shared of this market is being counted, {through} of {head} revisions so far: ask again")]
    Counting {
        /// Counted so far.
        through: u64,
        /// The newest revision.
        head: u64,
    },
    /// Another server has derived the market by other rules since this one did by its own.
    #[error(
        "another server derives this market by other rules since {0}: send the request to it, or load its rules here"
    )]
    Superseded(Timestamp),
    /// More is waiting than the writer will queue.
    #[error("the market has more writes waiting than it takes: try again after the given time")]
    Overloaded,
    /// The service is stopping.
    #[error("the service is stopping: send the request again to another replica")]
    Stopping,
    /// The database is away or refused.
    #[error("{message}")]
    Store {
        /// What it means to the caller.
        kind: ErrorKind,
        /// Stable reason.
        reason: &'static str,
        /// Public text.
        message: String,
        /// Whether trying again helps.
        retryable: bool,
    },
}

impl IngestError {
    /// A fault of the service itself, which trying again does not mend.
    pub(crate) fn internal(message: &str) -> Self {
        Self::faulty("INTERNAL", message)
    }

    /// Something stored that does not read.
    pub(super) fn corrupt(message: &str) -> Self {
        Self::faulty("STORAGE_CORRUPT", message)
    }

    fn faulty(reason: &'static str, message: &str) -> Self {
        Self::Store { kind: ErrorKind::Internal, reason, message: message.to_owned(), retryable: false }
    }
}

impl From<StoreError> for IngestError {
    fn from(error: StoreError) -> Self {
        if error.kind() == ErrorKind::Internal {
            tracing::error!(error = &error as &dyn std::error::Error, "storage failed");
        }
        Self::Store {
            kind: error.kind(),
            reason: error.reason(),
            message: error.to_string(),
            retryable: error.is_retryable(),
        }
    }
}

impl Failure for IngestError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unauthenticated => ErrorKind::Unauthenticated,
            Self::RoleMissing(_) | Self::NotShared(_) => ErrorKind::PermissionDenied,
            Self::MarketUnknown(_) | Self::NotFound { .. } => ErrorKind::NotFound,
            Self::Invalid(..) | Self::Question { .. } => ErrorKind::InvalidArgument,
            Self::NotReached { .. } | Self::Gap { .. } => ErrorKind::FailedPrecondition,
            Self::Resync(_) => ErrorKind::OutOfRange,
            Self::Counting { .. } | Self::Superseded(_) | Self::Overloaded | Self::Stopping => ErrorKind::Unavailable,
            Self::Store { kind, .. } => *kind,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::RoleMissing(_) => "ROLE_MISSING",
            Self::NotShared(_) => "NOT_SHARED",
            Self::MarketUnknown(_) => "MARKET_UNKNOWN",
            Self::NotFound { .. } => "NOT_FOUND",
            Self::Invalid(..) => "INVALID_FIELD",
            Self::NotReached { .. } => "REVISION_NOT_REACHED",
            Self::Gap { .. } => "SEQUENCE_GAP",
            Self::Resync(_) => "RESYNC_NEEDED",
            Self::Counting { .. } => "COUNTING",
            Self::Superseded(_) => "RULES_SUPERSEDED",
            Self::Overloaded => "OVERLOADED",
            Self::Stopping => "STOPPING",
            Self::Store { reason, .. } | Self::Question { reason, .. } => reason,
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Invalid(_, violations) | Self::Question { violations, .. } => violations,
            _ => &[],
        }
    }

    fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::Counting { .. } | Self::Overloaded => Some(500),
            Self::Superseded(_) | Self::Stopping => Some(1_000),
            Self::Store { retryable: true, .. } => Some(200),
            _ => None,
        }
    }
}
