//! Room on the file system of an SQLite file. Writes are refused while little is left, before the database itself fails: reads
//! go on, checkpoints still find room, and once there is room again so do writes.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use sea_orm::DbErr;

use super::StoreError;

/// How often the log tells of the same lack of room: what writes would say it thousands of times a second.
const TELL: Duration = Duration::from_secs(60);

/// When something was told for the last time; `None` while there is nothing to tell.
#[derive(Debug, Default)]
struct Told(Mutex<Option<Instant>>);

impl Told {
    const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Whether it is to be told now.
    fn again(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let tell = last.is_none_or(|last| last.elapsed() >= TELL);
        if tell {
            *last = Some(Instant::now());
        }
        tell
    }

    /// Whether it was told before, and is over now.
    fn over(&self) -> bool {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take().is_some()
    }
}

/// Logs that the database itself found no room to write, once a minute at most.
pub(super) fn tell_full(cause: &DbErr) {
    static TOLD: Told = Told::new();
    if TOLD.again() {
        tracing::warn!(%cause, "the database has no room left or is read-only: writes are refused; make room on its disk");
    }
}

/// Where the file is, and how much is to be left there.
#[derive(Debug)]
pub(super) struct Space {
    directory: PathBuf,
    least_bytes: u64,
    told: Told,
}

impl Space {
    /// Watches the file system of the database at that address; none for a database in memory, or where nothing need be left.
    pub(super) fn of(url: &str, least_bytes: u64) -> Option<Self> {
        let options: sqlx::sqlite::SqliteConnectOptions = url.parse().ok().filter(|_| least_bytes > 0)?;
        // The driver's name for a database in memory is no file's.
        let file = Some(options.get_filename()).filter(|file| !file.to_string_lossy().starts_with("file:"))?;
        let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.map_or_else(|| PathBuf::from("."), PathBuf::from);
        directory.is_dir().then(|| Self { directory, least_bytes, told: Told::default() })
    }

    /// Whether there is room for a write.
    ///
    /// # Errors
    /// There is not. Where the system does not tell, the write is tried.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let free = free_bytes(&self.directory);
        if let Some(free) = free.filter(|free| *free < self.least_bytes) {
            if self.told.again() {
                tracing::warn!(
                    path = %self.directory.display(),
                    free_mib = free >> 20,
                    needed_mib = self.least_bytes >> 20,
                    setting = "database.min_free_mib",
                    "too little room is left for the database: writes are refused until there is more"
                );
            }
            let text = format!("{free} bytes are free, {} are to be left", self.least_bytes);
            return Err(StoreError::Full(DbErr::Custom(text)));
        }
        if self.told.over() {
            tracing::info!(path = %self.directory.display(), "there is room for the database again: writes are taken");
        }
        Ok(())
    }
}

#[cfg(unix)]
fn free_bytes(directory: &std::path::Path) -> Option<u64> {
    let found = rustix::fs::statvfs(directory).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_: &std::path::Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_with_less_than_is_to_be_left_takes_no_writes() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", directory.path().join("x.db").display());
        assert!(Space::of(&url, 0).is_none() && Space::of("sqlite::memory:", 1).is_none());
        assert!(Space::of(&url, 1).unwrap().check().is_ok());
        let error = Space::of(&url, u64::MAX).unwrap().check().unwrap_err();
        assert!(matches!(error, StoreError::Full(_)), "{error}");
    }

    #[test]
    fn a_lack_is_told_once_until_it_is_over() {
        let told = Told::default();
        assert!(!told.over());
        assert_eq!(
            [told.again(), told.again(), told.over(), told.over(), told.again()],
            [true, false, true, false, true]
        );
    }
}
