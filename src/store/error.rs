//! What can go wrong in storage, sorted by what the caller can do about it.

use sea_orm::{DbErr, RuntimeErr};

use crate::domain::error_kind::{ErrorKind, Failure};

/// A failure of the store. The driver's own text goes to the log, never to a client.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, overloaded or shutting down: trying again helps.
    #[error("the database is not available")]
    Unavailable(#[source] DbErr),
    /// A concurrent transaction came first: the whole transaction may be tried again.
    #[error("a concurrent transaction came first")]
    Conflict(#[source] DbErr),
    /// The disk is full or read-only.
    #[error("the database has no space left to write")]
    Full(#[source] DbErr),
    /// A stored row does not read as what it should be.
    #[error("a stored {what} is corrupt")]
    Corrupt {
        /// What was being read.
        what: &'static str,
        /// Why it does not read.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The address of the database is of no known kind.
    #[error("\"{0}\" is no database address: use sqlite://PATH or postgres://USER@HOST/NAME")]
    Address(String),
    /// Anything else the database refused.
    #[error("the database refused a statement")]
    Other(#[source] DbErr),
}

impl StoreError {
    /// A row that does not read.
    pub(super) fn corrupt(what: &'static str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Corrupt { what, cause: cause.into() }
    }

    /// Whether the same transaction, tried again as a whole, may succeed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Conflict(_))
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        let code = match &error {
            DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner)) => match &**inner {
                sqlx::Error::Database(database) => database.code().map(std::borrow::Cow::into_owned),
                sqlx::Error::Io(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed => {
                    return Self::Unavailable(error);
                }
                _ => None,
            },
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => return Self::Unavailable(error),
            _ => None,
        };
        match code.as_deref() {
            // PostgreSQL: serialization failure, deadlock. SQLite: busy and its extended codes.
            Some("40001" | "40P01" | "5" | "517" | "261" | "6") => Self::Conflict(error),
            // PostgreSQL: out of disk, too many connections is 53300. SQLite: full, read-only.
            Some("53100" | "13" | "8") => Self::Full(error),
            // PostgreSQL: shutting down, crash, cannot connect now, connection failures, too many connections.
            Some("57P01" | "57P02" | "57P03" | "08000" | "08003" | "08006" | "53300" | "25P02") => {
                Self::Unavailable(error)
            }
            _ => Self::Other(error),
        }
    }
}

impl Failure for StoreError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unavailable(_) => ErrorKind::Unavailable,
            Self::Conflict(_) => ErrorKind::Aborted,
            Self::Full(_) => ErrorKind::ResourceExhausted,
            Self::Corrupt { .. } | Self::Other(_) => ErrorKind::Internal,
            Self::Address(_) => ErrorKind::InvalidArgument,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "DATABASE_UNAVAILABLE",
            Self::Conflict(_) => "DATABASE_CONFLICT",
            Self::Full(_) => "STORAGE_FULL",
            Self::Corrupt { .. } => "STORAGE_CORRUPT",
            Self::Address(_) => "DATABASE_ADDRESS",
            Self::Other(_) => "INTERNAL",
        }
    }

    fn retry_after_ms(&self) -> Option<u64> {
        self.is_retryable().then_some(200)
    }
}
