//! What is wrong in a configuration file, where, and what to write instead. All are collected and reported at once.

use std::fmt;
use std::ops::Range;
use std::path::Path;

/// The text of one configuration file. Compilers take texts, so that they need no disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Name for diagnostics, as the loader was told it.
    pub path: String,
    /// The whole text.
    pub text: String,
}

/// One finding of a configuration check.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// The file as it was named to the loader.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What is wrong: names key, value and limit.
    pub message: String,
    /// What to write instead.
    pub remedy: String,
}

impl Diagnostic {
    /// A diagnostic at a byte offset of a file's text.
    pub fn at(file: &str, text: &str, offset: usize, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        let mut end = offset.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &text[..end];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        Self {
            file: file.to_owned(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
            message: message.into(),
            remedy: remedy.into(),
        }
    }
}

/// What a parser of TOML says about a part of a text, with the key where it only says that one stands there twice.
#[must_use]
pub fn told_by_parser(message: &str, text: &str, part: Option<Range<usize>>) -> String {
    let key = part.and_then(|part| text.get(part)).filter(|key| !key.is_empty() && key.len() <= 128);
    match key {
        Some(key) if message == "duplicate key" => {
            format!("the key \"{}\" stands here twice", key.trim_matches(['"', '\'']).escape_debug())
        }
        _ => message.to_owned(),
    }
}

impl Diagnostic {
    /// Where it comes among others: worked cases come behind the other files of their folder.
    fn place(&self) -> String {
        if !self.file.ends_with("cases.toml") {
            return self.file.clone();
        }
        let (folder, name) = self.file.split_at(self.file.rfind(['/', '\\']).map_or(0, |end| end + 1));
        format!("{folder}{}{name}", char::MAX)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, "\n    remedy: {}", self.remedy) }
    }
}

/// Every diagnostic of a load, in the order of files and lines; those of worked cases come after those of what they prove.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Names files by their paths that are named by their places below a directory; `placed` tells which those are.
    #[must_use]
    pub fn below(mut self, dir: &Path, placed: impl Fn(&str) -> bool) -> Self {
        for one in self.0.iter_mut().filter(|one| placed(&one.file)) {
            one.file = dir.join(&one.file).display().to_string();
        }
        self
    }

    /// `Ok(value)` if nothing was found wrong; else all of it, sorted.
    ///
    /// # Errors
    /// Itself, when not empty.
    pub fn into_result<T>(mut self, value: T) -> Result<T, Self> {
        if self.0.is_empty() {
            return Ok(value);
        }
        self.0.sort();
        self.0.sort_by_cached_key(Diagnostic::place);
        self.0.dedup();
        Err(self)
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            diagnostic.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}
