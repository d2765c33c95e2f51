//! The one table from failures to gRPC statuses, and the google.rpc details that each carries.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::domain::error_kind::{ErrorKind, Failure};
use crate::domain::validation::{Refusal, Violation};
use crate::wire::decode::MAX_VIOLATIONS;

/// Domain of every google.rpc.ErrorInfo.
pub const DOMAIN: &str = "fairdue";
/// Most bytes of violations in one status: all details travel in one header, which clients cap at 8 KiB.
const MAX_VIOLATION_BYTES: usize = 4096;
/// Most bytes of a status message, for the same reason.
const MAX_MESSAGE_BYTES: usize = 1024;
/// Wait that is advised where a retry helps and the failure names none.
const DEFAULT_RETRY_MS: u64 = 1_000;

/// The status code of a failure.
#[must_use]
pub const fn code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::InvalidArgument => Code::InvalidArgument,
        ErrorKind::Unauthenticated => Code::Unauthenticated,
        ErrorKind::PermissionDenied => Code::PermissionDenied,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::AlreadyExists => Code::AlreadyExists,
        ErrorKind::FailedPrecondition => Code::FailedPrecondition,
        ErrorKind::Aborted => Code::Aborted,
        ErrorKind::ResourceExhausted => Code::ResourceExhausted,
        ErrorKind::DeadlineExceeded => Code::DeadlineExceeded,
        ErrorKind::OutOfRange => Code::OutOfRange,
        ErrorKind::Unavailable => Code::Unavailable,
        ErrorKind::Internal => Code::Internal,
    }
}

/// The status of a failure. What broke inside goes to the log only.
pub fn status(failure: &dyn Failure) -> Status {
    let kind = failure.kind();
    let message = match kind {
        ErrorKind::Internal => {
            tracing::error!(cause = %chain(failure), "a call failed inside");
            "an internal error, which was logged".to_owned()
        }
        ErrorKind::Unavailable => {
            tracing::warn!(cause = %chain(failure), "a part is not available");
            "temporarily not available: try again".to_owned()
        }
        _ => failure.to_string(),
    };
    let retry = failure.retry_after_ms().or_else(|| (kind == ErrorKind::Unavailable).then_some(DEFAULT_RETRY_MS));
    build(code(kind), failure.reason(), message, failure.violations(), retry)
}

/// The status of a call whose only record was refused.
#[must_use]
pub fn refused(refusal: &Refusal) -> Status {
    let retry = refusal.retryable.then_some(DEFAULT_RETRY_MS);
    build(code(refusal.kind), refusal.reason, refusal_message(refusal), &refusal.violations, retry)
}

/// The sentence of a refusal.
#[must_use]
pub fn refusal_message(refusal: &Refusal) -> String {
    match refusal.violations.as_slice() {
        [] => refusal.reason.to_owned(),
        [only] => format!("{}: {}", only.field, only.description),
        [first, rest @ ..] => format!("{}: {} (and {} more)", first.field, first.description, rest.len()),
    }
}

/// A status that this layer makes itself.
#[must_use]
pub fn own(kind: ErrorKind, reason: &str, message: impl Into<String>) -> Status {
    let retry = (kind == ErrorKind::Unavailable).then_some(DEFAULT_RETRY_MS);
    build(code(kind), reason, message.into(), &[], retry)
}

/// A status of the service's own that one field of the request is the reason for.
#[must_use]
pub fn at_field(kind: ErrorKind, reason: &str, field: &str, message: String) -> Status {
    let violation = Violation::new(field, message.as_str());
    build(code(kind), reason, message, &[violation], None)
}

/// The status of a market that is not configured for the tenant, or that the key may not touch: both look alike.
#[must_use]
pub fn unknown_market(message: &str) -> Status {
    let violation = Violation::new("region_code", message);
    build(Code::InvalidArgument, "MARKET_UNKNOWN", message.to_owned(), &[violation], None)
}

/// Completes a status that another layer made without details: gRPC's codec calls an oversized message OUT_OF_RANGE
/// and an unreadable one INTERNAL, which here mean other things.
#[must_use]
pub fn foreign(status: &Status) -> Status {
    let message = status.message();
    match status.code() {
        Code::OutOfRange => build(
            Code::ResourceExhausted,
            "MESSAGE_TOO_LARGE",
            format!("the message is too large ({message}): send smaller batches"),
            &[],
            None,
        ),
        Code::Internal => build(
            Code::InvalidArgument,
            "MALFORMED_MESSAGE",
            format!("the request is no message of this method: {message}"),
            &[],
            None,
        ),
        code => build(code, reason_of(code), message.to_owned(), &[], None),
    }
}

/// The status of a batch of a stream that failed as a whole, with the number that the client gave it.
#[must_use]
pub fn of_batch(found: &Status, sequence: i64) -> Status {
    let mut details = found.get_error_details();
    if let Some(info) = details.error_info() {
        let (reason, domain, mut metadata) = (info.reason.clone(), info.domain.clone(), info.metadata.clone());
        metadata.insert("sequence".to_owned(), sequence.to_string());
        details.set_error_info(reason, domain, metadata);
    }
    let message = format!("batch {sequence}: {}", found.message());
    Status::with_error_details(found.code(), cut(message, MAX_MESSAGE_BYTES), details)
}

const fn reason_of(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "METHOD_UNKNOWN",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// The name of a code, as metrics label it.
#[must_use]
pub const fn code_name(code: Code) -> &'static str {
    match code {
        Code::Unimplemented => "UNIMPLEMENTED",
        other => reason_of(other),
    }
}

fn build(code: Code, reason: &str, message: String, violations: &[Violation], retry_ms: Option<u64>) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info(reason, DOMAIN, std::collections::HashMap::new());
    let mut bytes = 0;
    let mut kept = 0;
    for violation in violations.iter().take(MAX_VIOLATIONS) {
        bytes += violation.field.len() + violation.description.len();
        if bytes > MAX_VIOLATION_BYTES {
            break;
        }
        details.add_bad_request_violation(violation.field.clone(), violation.description.clone());
        kept += 1;
    }
    if kept < violations.len() {
        let left_out = violations.len() - kept;
        details.add_bad_request_violation("", format!("{left_out} further violations were left out"));
    }
    if let Some(ms) = retry_ms {
        details.set_retry_info(Some(Duration::from_millis(ms)));
    }
    Status::with_error_details(code, cut(message, MAX_MESSAGE_BYTES), details)
}

/// The text, cut to at most `most` bytes at a character's border.
#[must_use]
pub fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        let mut end = most;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}

fn chain(failure: &dyn Failure) -> String {
    let mut text = failure.to_string();
    let mut source = failure.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Wrappers often repeat their cause: naming it twice helps nobody.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::decode::DecodeError;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Fault {
        kind: ErrorKind,
        text: &'static str,
        retry: Option<u64>,
    }

    impl Failure for Fault {
        fn kind(&self) -> ErrorKind {
            self.kind
        }
        fn reason(&self) -> &'static str {
            "A_REASON"
        }
        fn retry_after_ms(&self) -> Option<u64> {
            self.retry
        }
    }

    const KINDS: [(ErrorKind, Code); 12] = [
        (ErrorKind::InvalidArgument, Code::InvalidArgument),
        (ErrorKind::Unauthenticated, Code::Unauthenticated),
        (ErrorKind::PermissionDenied, Code::PermissionDenied),
        (ErrorKind::NotFound, Code::NotFound),
        (ErrorKind::AlreadyExists, Code::AlreadyExists),
        (ErrorKind::FailedPrecondition, Code::FailedPrecondition),
        (ErrorKind::Aborted, Code::Aborted),
        (ErrorKind::ResourceExhausted, Code::ResourceExhausted),
        (ErrorKind::DeadlineExceeded, Code::DeadlineExceeded),
        (ErrorKind::OutOfRange, Code::OutOfRange),
        (ErrorKind::Unavailable, Code::Unavailable),
        (ErrorKind::Internal, Code::Internal),
    ];

    #[test]
    fn every_kind_has_its_code_and_names_reason_and_domain() {
        for (kind, code) in KINDS {
            let status = status(&Fault { kind, text: "select * from secrets", retry: None });
            assert_eq!(status.code(), code);
            let info = status.get_details_error_info().unwrap();
            assert_eq!((info.reason.as_str(), info.domain.as_str()), ("A_REASON", "fairdue"));
            let hides = matches!(kind, ErrorKind::Internal | ErrorKind::Unavailable);
            assert_eq!(!status.message().contains("secrets"), hides, "{kind:?}");
            assert_eq!(status.get_details_retry_info().is_some(), kind == ErrorKind::Unavailable);
        }
    }

    #[test]
    fn a_named_wait_is_passed_on() {
        let status = status(&Fault { kind: ErrorKind::ResourceExhausted, text: "full", retry: Some(250) });
        assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(Duration::from_millis(250)));
    }

    #[test]
    fn violations_are_capped_in_number_and_bytes() {
        let many = |count: usize, text: &str| DecodeError {
            violations: (0..count).map(|n| Violation::new(format!("f{n}"), text)).collect(),
        };
        let of = |error: &DecodeError| status(error).get_details_bad_request().unwrap().field_violations;
        assert_eq!(of(&many(20, "x")).len(), 20);
        let capped = of(&many(31, "x"));
        assert_eq!(capped.len(), 21);
        assert_eq!(capped[20].description, "11 further violations were left out");
        let long = of(&many(20, &"y".repeat(1000)));
        assert_eq!(long.len(), 5);
        assert_eq!(long[4].description, "16 further violations were left out");
        assert!(status(&many(20, &"y".repeat(1000))).details().len() < 6144);
    }

    #[test]
    fn what_the_codec_says_gets_our_codes() {
        let large = foreign(&Status::out_of_range("Error, decoded message length too large"));
        assert_eq!(large.code(), Code::ResourceExhausted);
        assert_eq!(large.get_details_error_info().unwrap().reason, "MESSAGE_TOO_LARGE");
        let broken = foreign(&Status::internal("failed to decode Protobuf message"));
        assert_eq!(broken.code(), Code::InvalidArgument);
        assert_eq!(broken.get_details_error_info().unwrap().reason, "MALFORMED_MESSAGE");
        assert_eq!(foreign(&Status::unimplemented("")).code(), Code::Unimplemented);
    }

    #[test]
    fn texts_are_cut_at_a_characters_border() {
        assert_eq!(cut("aöb".to_owned(), 2), "a");
        assert_eq!(cut("aöb".to_owned(), 3), "aö");
        assert_eq!(cut("aöb".to_owned(), 9), "aöb");
    }
}
