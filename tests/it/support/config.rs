//! Configurations of tests, most of whose law is the package's.

use std::path::Path;
use std::sync::OnceLock;

use fairdue::config::{Config, Snapshot};

/// Loads a directory as a reload of the package's own would: what the package says is compiled once in the process, and
/// where a directory says anything else, that is.
pub fn load(directory: &Path, environment: impl IntoIterator<Item = (String, String)>) -> Snapshot {
    static PACKAGE: OnceLock<Snapshot> = OnceLock::new();
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let package = PACKAGE.get_or_init(|| Config::load_with(&package, std::iter::empty()).expect("a good package"));
    Config::load_after(directory, environment.into_iter(), Some(package)).expect("a good configuration")
}
