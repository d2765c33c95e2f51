//! The snapshot in force, replaced whole at a reload; a broken configuration never replaces a good one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{Config, Snapshot};
use crate::domain::diagnostic::Diagnostics;

/// Holds the snapshot in force. Readers take it once per request, so no request sees two.
#[derive(Debug)]
pub struct Holder {
    dir: PathBuf,
    current: ArcSwap<Snapshot>,
}

impl Holder {
    /// Loads the directory for the first time.
    ///
    /// # Errors
    /// Every diagnostic of the configuration.
    pub fn open(dir: &Path) -> Result<Self, Diagnostics> {
        Ok(Self::of(dir, Config::load(dir)?))
    }

    /// Holds a snapshot that was loaded (or changed by command-line options) before.
    #[must_use]
    pub fn of(dir: &Path, snapshot: Snapshot) -> Self {
        Self { dir: dir.to_owned(), current: ArcSwap::from_pointee(snapshot) }
    }

    /// The snapshot in force.
    #[must_use]
    pub fn get(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Loads the directory again and puts the result in force. The server's own settings stay as they were at start:
    /// listeners and pools are not rebuilt.
    ///
    /// # Errors
    /// Every diagnostic; the old snapshot then stays in force.
    pub fn reload(&self) -> Result<Arc<Snapshot>, Diagnostics> {
        self.reload_if(|_, _| Ok(()))
    }

    /// The same if whoever reads the new snapshot beside the one in force agrees.
    ///
    /// # Errors
    /// Every diagnostic, or why it was not agreed to; the old snapshot then stays in force.
    pub fn reload_if(
        &self,
        agree: impl FnOnce(&Snapshot, &Snapshot) -> Result<(), Diagnostics>,
    ) -> Result<Arc<Snapshot>, Diagnostics> {
        let former = self.get();
        let mut snapshot = Config::load_anew(&self.dir, &former)?;
        snapshot.server = former.server.clone();
        agree(&snapshot, &former)?;
        let snapshot = Arc::new(snapshot);
        self.current.store(Arc::clone(&snapshot));
        Ok(snapshot)
    }
}
