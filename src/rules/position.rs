//! Where something stands in a file of the configuration: what every rule, KPI and worked example carries.

use std::sync::Arc;

use crate::domain::diagnostic::Diagnostic;

/// Where something stands in a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Position {
    /// The file as it was named to the loader.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

impl Position {
    /// A diagnostic here.
    #[must_use]
    pub fn wrong(&self, message: impl Into<String>, remedy: impl Into<String>) -> Diagnostic {
        Diagnostic {
            file: self.file.as_ref().to_owned(),
            line: self.line,
            column: self.column,
            message: message.into(),
            remedy: remedy.into(),
        }
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
