//! What stands in a configuration directory and nobody reads. A TOML file at a place that no reader knows is a mistake: whoever
//! put it there believes it in force, and a law or a tenant that is not is told by nothing else. Other files in the folders of
//! the configuration may be a file whose name was misspelt: they are named, and nothing is wrong with them. Hidden files,
//! documentation, and folders without any TOML file (schemas, certificates) are nobody's mistake.

use std::path::{Path, PathBuf};

use super::document::suggestion;
use super::source::entries;
use crate::domain::diagnostic::Diagnostic;

/// What a folder holds that is read.
enum Folder {
    /// `.toml` files.
    Files,
    /// Folders, of which each holds the same.
    Each(&'static Folder),
    /// Folders by name, and the one `.toml` file beside them that is read, if any.
    Named(&'static [(&'static str, Folder)], Option<&'static str>),
}

use Folder::{Each, Files, Named};

const DIRECTORY: Folder = Named(
    &[
        ("jurisdictions", Each(&Files)),
        ("rates", Files),
        ("kpis", Files),
        ("tenants", Files),
        ("exchange", Files),
        ("benchmarks", Files),
        ("messages", Files),
        ("imports", Files),
        ("shadow", Each(&Named(&[("jurisdictions", Each(&Files)), ("rates", Files), ("tenants", Files)], None))),
    ],
    Some("server.toml"),
);

/// How deep below a folder that nobody reads TOML files are looked for.
const DEPTH: usize = 3;

/// How many files are named of a directory that holds no configuration.
const FIRST: usize = 5;

/// Files and folders of a walk.
#[derive(Default)]
struct Walk {
    /// Files that are read.
    read: usize,
    /// What nobody reads, why, and what to do.
    stray: Vec<(PathBuf, String, String)>,
    /// Files that are no TOML among those that are.
    beside: Vec<PathBuf>,
}

/// Complains of TOML files that nobody reads, and of a directory without any file of a configuration.
pub(super) fn check(dir: &Path, found: &mut Vec<Diagnostic>) {
    if !dir.is_dir() {
        return;
    }
    let mut walk = walk(dir);
    let complaint = |path: &Path, message: String, remedy: String| Diagnostic {
        file: path.display().to_string(),
        line: 1,
        column: 1,
        message,
        remedy,
    };
    if walk.read == 0 {
        // Most likely it is another directory: what all of it is called is of no use.
        walk.stray.truncate(FIRST);
        let Named(folders, _) = DIRECTORY else { return };
        let names: Vec<&str> = folders.iter().map(|(name, _)| *name).collect();
        let message = "holds no file of a configuration".to_owned();
        let remedy = format!(
            "name the directory that holds server.toml or the folders {}; an empty server.toml leaves every setting at its default",
            names.join(", ")
        );
        found.push(complaint(dir, message, remedy));
    }
    found.extend(walk.stray.into_iter().map(|(path, message, remedy)| complaint(&path, message, remedy)));
}

/// Files that are not read although they stand among those that are, because they are no `.toml` files.
#[must_use]
pub fn beside(dir: &Path) -> Vec<PathBuf> {
    walk(dir).beside
}

fn walk(dir: &Path) -> Walk {
    let mut walk = Walk::default();
    look(dir, &DIRECTORY, &mut walk);
    walk
}

fn look(dir: &Path, folder: &Folder, walk: &mut Walk) {
    // What cannot be listed is told by who reads it.
    for path in entries(dir, &mut Vec::new()) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match (folder, path.is_dir()) {
            (Files, false) if is_toml(&path) => walk.read += 1,
            (Each(inner), true) => look(&path, inner, walk),
            (Named(folders, _), true) => match folders.iter().find(|(known, _)| *known == name) {
                Some((_, inner)) => look(&path, inner, walk),
                None => strays(&path, &path, suggested(&name, folders), DEPTH, walk),
            },
            (Named(_, Some(known)), false) if *known == name => walk.read += 1,
            (Named(folders, file), false) if is_toml(&path) => {
                let names: Vec<&str> = folders.iter().map(|(name, _)| *name).collect();
                let files = file.iter().copied().chain(names.iter().copied());
                let message = "is not read: no file of this name is part of a configuration".to_owned();
                let remedy = format!("{}; files of a kind stand in the folder of their kind", suggestion(&name, files));
                walk.stray.push((path, message, remedy));
            }
            (Files, true) => {
                let remedy = "put it beside this folder".to_owned();
                strays(&path, &path, remedy, DEPTH, walk);
            }
            (Each(_), false) if is_toml(&path) => {
                let message = "is not read: each file here stands in a folder of its own".to_owned();
                let remedy = "put it into a folder, as in jurisdictions/it/rules.toml".to_owned();
                walk.stray.push((path, message, remedy));
            }
            (Files | Each(_), false) if !is_documentation(&name) => walk.beside.push(path),
            _ => {}
        }
    }
}

/// Names the TOML files below a folder that nobody reads.
fn strays(top: &Path, dir: &Path, remedy: String, depth: usize, walk: &mut Walk) {
    for path in entries(dir, &mut Vec::new()) {
        if path.is_dir() {
            if depth > 0 {
                strays(top, &path, remedy.clone(), depth - 1, walk);
            }
        } else if is_toml(&path) {
            let message = format!("is not read: nobody reads the folder {}", top.display());
            walk.stray.push((path, message, remedy.clone()));
        }
    }
}

fn suggested(name: &str, folders: &[(&'static str, Folder)]) -> String {
    format!("of the folder's name: {}", suggestion(name, folders.iter().map(|(known, _)| *known)))
}

fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml")
}

/// Words for people, whatever they are written in.
fn is_documentation(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["readme", "license", "licence", "notice", "changelog"].iter().any(|word| name.starts_with(word))
        || [".md", ".txt", ".rst"].iter().any(|end| name.ends_with(end) && !name.contains(".toml"))
}
