//! Decisions and findings told as sentences, in the languages whose templates are configured.
//!
//! `expected` says which templates a language must have, `read` holds a file against it, `language` writes
//! numbers, dates and amounts, and `tell` makes the sentences. Nothing here decides anything: what is told was judged
//! before.

mod counting;
mod expected;
mod language;
mod phrase;
mod read;
pub mod tag;
mod tell;
mod template;
#[cfg(test)]
mod tests;
mod walk;
mod wanted;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use language::Language;
pub use phrase::Teller;
pub use tell::{About, Outcome, Scene, Worst};
pub use walk::{Walked, walk};

use crate::domain::diagnostic::{Diagnostic, SourceFile};

/// The language in which is answered where none that was asked for is there.
pub const FALLBACK: &str = "en";
/// Languages without which the messages are not whole.
pub const REQUIRED: &[&str] = &["da", "de", "en", "es", "fr", "sv"];

/// The messages that come with the program: used where the configuration has none of its own.
const OWN: &[(&str, &str)] = &[
    ("messages/da.toml", include_str!("../../config/messages/da.toml")),
    ("messages/de.toml", include_str!("../../config/messages/de.toml")),
    ("messages/en.toml", include_str!("../../config/messages/en.toml")),
    ("messages/es.toml", include_str!("../../config/messages/es.toml")),
    ("messages/fr.toml", include_str!("../../config/messages/fr.toml")),
    ("messages/sv.toml", include_str!("../../config/messages/sv.toml")),
];

/// All languages.
#[derive(Debug, Clone)]
pub struct Languages(BTreeMap<String, Arc<Language>>);

/// The language that answers a wish.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// The language.
    pub language: Arc<Language>,
    /// None that was asked for is there.
    pub fallback: bool,
}

impl Languages {
    /// Reads the files of a directory of messages; those that come with the program if there are none. What is wrong is
    /// added to `found`; `None` then.
    #[must_use]
    pub fn read(directory: &str, files: &[SourceFile], found: &mut Vec<Diagnostic>) -> Option<Self> {
        let own: Vec<SourceFile>;
        let files = if files.is_empty() {
            let copy = |(path, text): &(&str, &str)| SourceFile { path: (*path).to_owned(), text: (*text).to_owned() };
            own = OWN.iter().map(copy).collect();
            &own
        } else {
            files
        };
        let before = found.len();
        let mut languages: BTreeMap<String, (Arc<Language>, &str)> = BTreeMap::new();
        let mut broken: Vec<String> = Vec::new();
        for file in files {
            let Some(language) = read::language(file, found) else {
                broken.extend(
                    file.path.rsplit('/').next().and_then(|name| name.strip_suffix(".toml")).map(str::to_owned),
                );
                continue;
            };
            let tag = language.tag().to_owned();
            if let Some((_, other)) = languages.get(&tag) {
                let message = format!("language \"{tag}\" is also that of {other}");
                found.push(Diagnostic::at(&file.path, &file.text, 0, message, "keep one file a language"));
            }
            languages.insert(tag, (Arc::new(language), &file.path));
        }
        for tag in
            REQUIRED.iter().filter(|tag| !languages.contains_key(**tag) && !broken.iter().any(|one| one == **tag))
        {
            let message = format!("has no messages in the language \"{tag}\"");
            let remedy = format!("add {tag}.toml, or remove the directory to use the messages of the program");
            found.push(Diagnostic { file: directory.to_owned(), line: 1, column: 1, message, remedy });
        }
        let read = Self(languages.into_iter().map(|(tag, (language, _))| (tag, language)).collect());
        (found.len() == before).then_some(read)
    }

    /// Every language, by its tag.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Language>> {
        self.0.values()
    }

    /// The first language of a list of wishes that is there, by itself or without its region; else English, said to be
    /// none that was asked for. `None` only where there is no English either.
    #[must_use]
    pub fn choose(&self, wishes: &[String]) -> Option<Chosen> {
        let found = wishes.iter().flat_map(|wish| tag::wider(wish)).find_map(|tag| self.0.get(&tag));
        let fallback = found.is_none() && !wishes.is_empty();
        let language = found.or_else(|| self.0.get(FALLBACK))?;
        Some(Chosen { language: Arc::clone(language), fallback })
    }
}
