//! Commands that read the law and nothing else: the list of jurisdictions, and what differs between two directories.

pub mod diff;
pub mod jurisdictions;

use std::path::{Path, PathBuf};

use crate::config::source;
use crate::domain::diagnostic::{Diagnostic, Diagnostics};
use crate::rules::Packs;

/// The packs of a directory.
#[derive(Debug)]
pub struct Law {
    /// All packs that were read.
    pub packs: Packs,
    /// The one pack that the directory is, if it is one.
    pub only: Option<String>,
}

/// Reads the packs of a configuration directory, of a directory of packs, or of one pack.
///
/// The dated tables are those of `rates` beside the packs. One pack is read with those beside it, of which it may include
/// some.
///
/// # Errors
/// Every diagnostic of the packs and tables.
pub fn read(dir: &Path) -> Result<Law, Diagnostics> {
    let mut found = Vec::new();
    let single = dir.join("rules.toml").is_file();
    let (jurisdictions, only) = if single {
        let whole = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
        let name = whole.file_name().map(|name| name.to_string_lossy().into_owned());
        (above(dir), name)
    } else if dir.join("jurisdictions").is_dir() {
        (dir.join("jurisdictions"), None)
    } else {
        (dir.to_owned(), None)
    };
    let mut files = source::folders(&jurisdictions, &mut found);
    files.retain(|file| file.path.ends_with("rules.toml") || file.path.ends_with("cases.toml"));
    if files.is_empty() {
        found.push(Diagnostic {
            file: dir.display().to_string(),
            line: 1,
            column: 1,
            message: "holds no packs".to_owned(),
            remedy: "name a configuration directory, a directory of packs (DIR/<id>/rules.toml) or one pack".to_owned(),
        });
        return Err(Diagnostics(found));
    }
    files.extend(source::folder(&above(&jurisdictions).join("rates"), &mut found));
    match Packs::compile(&files) {
        Ok(packs) => Diagnostics(found).into_result(Law { packs, only }),
        Err(mut wrong) => {
            wrong.0.extend(found);
            Err(wrong.into_result(()).err().unwrap_or_default())
        }
    }
}

/// The directory above, also of `.` and of a link.
fn above(dir: &Path) -> PathBuf {
    match dir.parent() {
        Some(above) if !above.as_os_str().is_empty() && dir.file_name().is_some() => above.to_owned(),
        _ => dir.join(".."),
    }
}
