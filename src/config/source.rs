//! Reading configuration files from a directory, within limits: a file is at most 1 MiB of UTF-8, a folder at most
//! 2,000 files. What cannot be read becomes a diagnostic, and the others are read all the same.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::domain::diagnostic::{Diagnostic, SourceFile};

/// Largest configuration file. The TOML parser needs memory in proportion, so the limit bounds it too.
pub const MAX_FILE_BYTES: u64 = 1 << 20;
/// Most files of one folder.
pub const MAX_FILES: usize = 2_000;

fn complaint(path: &str, message: impl Into<String>, remedy: impl Into<String>) -> Diagnostic {
    Diagnostic { file: path.to_owned(), line: 1, column: 1, message: message.into(), remedy: remedy.into() }
}

/// Reads a file that must be there.
pub fn required(path: &Path, found: &mut Vec<Diagnostic>) -> Option<SourceFile> {
    let name = path.display().to_string();
    match fs::metadata(path) {
        Ok(meta) if meta.is_file() => {}
        Ok(_) => {
            found.push(complaint(&name, "is not a regular file", "put a TOML file there"));
            return None;
        }
        Err(error) => {
            found.push(complaint(&name, format!("cannot be read: {error}"), "check path and permissions"));
            return None;
        }
    }
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        found.push(complaint(&name, format!("cannot be read: {error}"), "check path and permissions"));
        return None;
    }
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let message = format!("is larger than {MAX_FILE_BYTES} bytes");
        found.push(complaint(&name, message, "split it into several files"));
        return None;
    }
    match String::from_utf8(bytes) {
        Ok(text) => Some(SourceFile { path: name, text }),
        Err(error) => {
            let offset = error.utf8_error().valid_up_to();
            let message = format!("is not UTF-8 from byte {offset} on");
            found.push(complaint(&name, message, "save the file as UTF-8"));
            None
        }
    }
}

/// Reads a file if it is there.
pub fn optional(path: &Path, found: &mut Vec<Diagnostic>) -> Option<SourceFile> {
    if path.exists() { required(path, found) } else { None }
}

/// The `.toml` files of a folder in the order of their names; an absent folder has none.
pub fn folder(path: &Path, found: &mut Vec<Diagnostic>) -> Vec<SourceFile> {
    entries(path, found)
        .into_iter()
        .filter(|entry| entry.extension().is_some_and(|extension| extension == "toml"))
        .filter_map(|entry| required(&entry, found))
        .collect()
}

/// The sub-folders of a folder, in the order of their names; an absent folder has none.
pub fn directories(path: &Path, found: &mut Vec<Diagnostic>) -> Vec<PathBuf> {
    entries(path, found).into_iter().filter(|entry| entry.is_dir()).collect()
}

/// The `.toml` files of each sub-folder, in the order of their names.
pub fn folders(path: &Path, found: &mut Vec<Diagnostic>) -> Vec<SourceFile> {
    let mut files = Vec::new();
    for entry in entries(path, found) {
        if entry.is_dir() {
            files.extend(folder(&entry, found));
        }
    }
    files
}

/// What a folder holds, in the order of its names, but for names that begin with a dot; an absent folder holds nothing.
pub(super) fn entries(path: &Path, found: &mut Vec<Diagnostic>) -> Vec<PathBuf> {
    let name = path.display().to_string();
    let listing = match fs::read_dir(path) {
        Ok(listing) => listing,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            found.push(complaint(&name, format!("cannot be listed: {error}"), "check path and permissions"));
            return Vec::new();
        }
    };
    // A name that begins with a dot is an editor's or a volume mount's own file, never configuration.
    let mut paths: Vec<PathBuf> = listing
        .take(MAX_FILES + 1)
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")))
        .collect();
    if paths.len() > MAX_FILES {
        found.push(complaint(&name, format!("holds more than {MAX_FILES} files"), "keep only configuration there"));
        paths.truncate(MAX_FILES);
    }
    paths.sort();
    paths
}
