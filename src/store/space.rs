//! Room on the file system of an SQLite file. Writes are refused while little is left, before the database itself fails: reads
//! go on, checkpoints still find room, and once there is room again so do writes.

use std::path::PathBuf;

use sea_orm::DbErr;

use super::StoreError;

/// Where the file is, and how much is to be left there.
#[derive(Debug)]
pub(super) struct Space {
    directory: PathBuf,
    least_bytes: u64,
}

impl Space {
    /// Watches the file system of the database at that address; none for a database in memory, or where nothing need be left.
    pub(super) fn of(url: &str, least_bytes: u64) -> Option<Self> {
        let options: sqlx::sqlite::SqliteConnectOptions = url.parse().ok().filter(|_| least_bytes > 0)?;
        // The driver's name for a database in memory is no file's.
        let file = Some(options.get_filename()).filter(|file| !file.to_string_lossy().starts_with("file:"))?;
        let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.map_or_else(|| PathBuf::from("."), PathBuf::from);
        directory.is_dir().then_some(Self { directory, least_bytes })
    }

    /// Whether there is room for a write.
    ///
    /// # Errors
    /// There is not. Where the system does not tell, the write is tried.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match free_bytes(&self.directory) {
            Some(free) if free < self.least_bytes => {
                let text = format!("{free} bytes are free, {} are to be left", self.least_bytes);
                Err(StoreError::Full(DbErr::Custom(text)))
            }
            _ => Ok(()),
        }
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
}
