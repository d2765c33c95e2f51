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
    /// While a write was prepared without its lock the market moved on, or a key was there that nobody knew of: nothing of
    /// the write happened, and it may be prepared again.
    #[error("the market moved on while a write was prepared")]
    Moved(#[source] DbErr),
    /// Another process has been changing the schema for long.
    #[error("another process has been changing the schema for long: start again once it has ended")]
    SchemaBusy(#[source] DbErr),
    /// A newer version of the program has changed the schema; the migration that this one does not know.
    #[error(
        "the database was migrated by a newer version of fairdue (migration {0}): start that version or a later one"
    )]
    Newer(String),
    /// A file that is no database of this program; a table in it.
    #[error("it holds tables of another program (one is \"{0}\"): name another file by the setting database.url")]
    Foreign(String),
    /// The disk is full or read-only. What is full, and where, stands in the log alone: callers get no path.
    #[error(
        "the database has no space left to write: the operator has to make room on its disk (the server's log says where), or to \
         lower database.min_free_mib"
    )]
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
    #[error("\"{0}\" is no database address: use sqlite://PATH, with the path of a file, or postgres://USER@HOST/NAME")]
    Address(String),
    /// A file is no copy of a market, or that of another one.
    #[error("{0}")]
    Copy(String),
    /// Anything else the database refused.
    #[error("the database refused a statement")]
    Other(#[source] DbErr),
}

/// Reason of [`StoreError::Moved`].
pub const MOVED: &str = "MARKET_MOVED";

impl StoreError {
    /// A row that does not read.
    pub(super) fn corrupt(what: &'static str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Corrupt { what, cause: cause.into() }
    }

    /// The database itself found no room: told in the log as well, once a minute at most.
    fn full(error: DbErr) -> Self {
        super::space::tell_full(&error);
        Self::Full(error)
    }

    /// The lock on the schema was not to be had.
    pub(super) fn schema_busy(error: DbErr) -> Self {
        match Self::from(error) {
            Self::Conflict(error) => Self::SchemaBusy(error),
            other => other,
        }
    }

    /// Whether somebody else holds a lock of an SQLite file.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.code().as_deref().and_then(sqlite_primary), Some(5 | 6))
    }

    /// What the database or its driver said, for whoever runs the program; never for a client.
    #[must_use]
    pub fn cause(&self) -> Option<String> {
        let mut cause = std::error::Error::source(self)?;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        Some(cause.to_string())
    }

    /// Whether the same transaction, tried again as a whole, may succeed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Conflict(_) | Self::Moved(_))
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match &error {
            DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner)) => match &**inner {
                // A connection that broke, in whatever way it did.
                sqlx::Error::Io(_)
                | sqlx::Error::Protocol(_)
                | sqlx::Error::BeginFailed
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed => return Self::Unavailable(error),
                _ => {}
            },
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => return Self::Unavailable(error),
            // Said by [`super::landing`] alone.
            DbErr::RecordNotUpdated | DbErr::RecordNotInserted => return Self::Moved(error),
            _ => {}
        }
        let code = code_of(&error);
        match code.as_deref() {
            // PostgreSQL: serialization failure, deadlock, a lock not had in time. SQLite: busy, locked.
            Some("40001" | "40P01" | "55P03") => Self::Conflict(error),
            // PostgreSQL: out of disk.
            Some("53100") => Self::full(error),
            // PostgreSQL: a transaction that was ended for its silence or its error, a statement that ran too long.
            Some("25P02" | "25P03" | "57014") => Self::Unavailable(error),
            // PostgreSQL: connection failures, too few resources, shutting down, crash, cannot connect now, and its own
            // files that cannot be read or written.
            Some(code) if code.len() == 5 && ["08", "53", "57P", "58"].iter().any(|class| code.starts_with(class)) => {
                Self::Unavailable(error)
            }
            Some(code) => match sqlite_primary(code) {
                // Busy, locked; full, read-only; cannot read or write, cannot open.
                Some(5 | 6) => Self::Conflict(error),
                Some(8 | 13) => Self::full(error),
                Some(10 | 14) => Self::Unavailable(error),
                _ => Self::Other(error),
            },
            None => Self::Other(error),
        }
    }
}

/// The code that a database gave its error, of whatever step.
pub(super) fn code_of(error: &DbErr) -> Option<String> {
    match error {
        DbErr::Exec(RuntimeErr::SqlxError(inner))
        | DbErr::Query(RuntimeErr::SqlxError(inner))
        | DbErr::Conn(RuntimeErr::SqlxError(inner)) => match &**inner {
            sqlx::Error::Database(database) => database.code().map(std::borrow::Cow::into_owned),
            _ => None,
        },
        _ => None,
    }
}

/// SQLite's primary code: the low byte of the extended one. PostgreSQL's codes have five characters.
pub(super) fn sqlite_primary(code: &str) -> Option<u32> {
    code.parse::<u32>().ok().filter(|_| code.len() < 5).map(|code| code & 0xff)
}

impl Failure for StoreError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unavailable(_) | Self::SchemaBusy(_) => ErrorKind::Unavailable,
            Self::Conflict(_) | Self::Moved(_) => ErrorKind::Aborted,
            Self::Full(_) => ErrorKind::ResourceExhausted,
            Self::Newer(_) | Self::Foreign(_) => ErrorKind::FailedPrecondition,
            Self::Corrupt { .. } | Self::Other(_) => ErrorKind::Internal,
            Self::Address(_) | Self::Copy(_) => ErrorKind::InvalidArgument,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "DATABASE_UNAVAILABLE",
            Self::Conflict(_) => "DATABASE_CONFLICT",
            Self::Moved(_) => MOVED,
            Self::Full(_) => "STORAGE_FULL",
            Self::SchemaBusy(_) => "SCHEMA_BUSY",
            Self::Newer(_) => "SCHEMA_NEWER",
            Self::Foreign(_) => "DATABASE_FOREIGN",
            Self::Corrupt { .. } => "STORAGE_CORRUPT",
            Self::Address(_) | Self::Copy(_) => "DATABASE_ADDRESS",
            Self::Other(_) => "INTERNAL",
        }
    }

    fn retry_after_ms(&self) -> Option<u64> {
        self.is_retryable().then_some(200)
    }
}
