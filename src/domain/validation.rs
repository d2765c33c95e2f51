//! What was wrong with which field of a request.

/// A field that was refused. The text names the value, the limit and the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path in the request as the wire names it: `activities[3].occur_time`.
    pub field: String,
    /// What is wrong and what to send instead.
    pub description: String,
}

impl Violation {
    /// A violation of one field.
    pub fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self { field: field.into(), description: description.into() }
    }
}

/// Why one record of a batch was refused, without stopping the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Stable reason: `INVALID_FIELD`, `CASE_UNKNOWN`, `ID_CONFLICT`, ...
    pub reason: &'static str,
    /// What it means to the caller.
    pub kind: super::error_kind::ErrorKind,
    /// The fields.
    pub violations: Vec<Violation>,
    /// Sending the same again later may succeed (the case may arrive).
    pub retryable: bool,
}
