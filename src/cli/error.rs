//! Why a command failed, as one sentence for the person who typed it.

use crate::domain::diagnostic::Diagnostics;
use crate::store::StoreError;

/// A command's failure.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CliError(String);

impl CliError {
    /// With a sentence that says what to do.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl From<Diagnostics> for CliError {
    fn from(diagnostics: Diagnostics) -> Self {
        let count = diagnostics.0.len();
        let mistakes = if count == 1 { "mistake" } else { "mistakes" };
        Self(format!("{diagnostics}\nthe configuration has {count} {mistakes}"))
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        match (&error, error.cause()) {
            (StoreError::Copy(text), _) => Self(text.clone()),
            // Whoever typed the command has to know what to mend: a password, a name, a directory.
            (error, Some(cause)) => Self(format!("the database: {error}: {cause}")),
            (error, None) => Self(format!("the database: {error}")),
        }
    }
}

impl From<tonic::Status> for CliError {
    fn from(status: tonic::Status) -> Self {
        Self(format!("the server answered {:?}: {}", status.code(), status.message()))
    }
}

impl From<std::fmt::Error> for CliError {
    fn from(error: std::fmt::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}
