//! Calls that the server makes to addresses outside: only to public ones, or to networks that the operator names.
//!
//! A name is resolved once; every address that it gives is looked at, and exactly those are connected to, so that an answer
//! that changes between look and connection changes nothing. No redirect is followed. Answers are bounded in size and time.

mod dial;
mod guard;
mod http;
mod nats;
mod secret;
#[cfg(test)]
mod tests;

pub use dial::{Dialer, Resolve};
pub use guard::{Guard, Network};
pub use http::{Answer, HttpClient};
pub use nats::{Login, Message, Nats};
pub use secret::{SigningKey, read, signature};

use std::time::Duration;

/// Why a call did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The address may not be called: no call was made.
    #[error("{0}")]
    Forbidden(String),
    /// Nobody was reached, or the connection broke.
    #[error("{0}")]
    Unreachable(String),
    /// No answer in time.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// The receiver takes nothing as it is called, and would not a moment later.
    #[error("{0}")]
    Refused(String),
    /// The receiver will never take this message, but others.
    #[error("{0}")]
    Unfit(String),
}

/// Bounds of a call.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// From the first look at the name to the last byte of the answer.
    pub time: Duration,
    /// Bytes of an answer that are read.
    pub answer_bytes: usize,
}
