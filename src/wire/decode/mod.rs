//! From the wire to the domain. Every field that is wrong is collected, with its path, before anything is refused.

pub mod activity;
pub mod amount;
pub mod case;
pub mod contact;
pub mod finance;
mod keyed_hash;
pub mod matter;
pub mod party;
pub mod scalar;
#[cfg(test)]
mod tests;
pub mod time;

use std::cell::RefCell;

use crate::domain::error_kind::{ErrorKind, Failure};
use crate::domain::validation::Violation;

/// Most violations that are reported for one record: the rest is counted.
pub const MAX_VIOLATIONS: usize = 20;

/// A request or a record that was refused, with every field at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", summary(.violations))]
pub struct DecodeError {
    /// The fields, in the order of the message; at most [`MAX_VIOLATIONS`] and a note of how many were left out.
    pub violations: Vec<Violation>,
}

impl DecodeError {
    /// An error of one field.
    pub fn one(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self { violations: vec![Violation::new(field, description)] }
    }
}

impl Failure for DecodeError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidArgument
    }

    fn reason(&self) -> &'static str {
        "INVALID_FIELD"
    }

    fn violations(&self) -> &[Violation] {
        &self.violations
    }
}

fn summary(violations: &[Violation]) -> String {
    match violations {
        [] => "a field is invalid".to_owned(),
        [only] => format!("{}: {}", only.field, only.description),
        [first, rest @ ..] => {
            format!("{}: {} (and {} more, see the details)", first.field, first.description, rest.len())
        }
    }
}

#[derive(Debug, Default)]
struct Found {
    violations: Vec<Violation>,
    left_out: usize,
}

#[derive(Clone, Copy)]
enum Segment<'a> {
    Root(&'a str),
    Field(&'static str),
    Index(usize),
    Key(&'a str),
}

/// Where in the request the decoder is. Paths are written out only when something is wrong.
pub struct At<'a> {
    parent: Option<&'a At<'a>>,
    segment: Segment<'a>,
    found: &'a RefCell<Found>,
    /// What is read was taken before: its form counts, its size does not.
    trusts: bool,
}

impl At<'_> {
    /// A field of the message here.
    #[must_use]
    pub fn field<'b>(&'b self, name: &'static str) -> At<'b> {
        At { parent: Some(self), segment: Segment::Field(name), found: self.found, trusts: self.trusts }
    }

    /// An element of the list here.
    #[must_use]
    pub fn index<'b>(&'b self, index: usize) -> At<'b> {
        At { parent: Some(self), segment: Segment::Index(index), found: self.found, trusts: self.trusts }
    }

    /// A value of the map here.
    #[must_use]
    pub fn key<'b>(&'b self, key: &'b str) -> At<'b> {
        At { parent: Some(self), segment: Segment::Key(key), found: self.found, trusts: self.trusts }
    }

    /// Notes that the value here is wrong. The text says what to send instead.
    pub fn refuse(&self, description: impl Into<String>) {
        let mut found = self.found.borrow_mut();
        if found.violations.len() < MAX_VIOLATIONS {
            found.violations.push(Violation::new(self.path(), description));
        } else {
            found.left_out += 1;
        }
    }

    /// The value, after noting its absence if there is none.
    pub fn required<T>(&self, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.refuse("is required and was not sent");
        }
        value
    }

    /// Decodes each element of a list of at most `max`.
    pub fn list<W, T>(&self, items: Vec<W>, max: usize, mut decode: impl FnMut(&At<'_>, W) -> Option<T>) -> Vec<T> {
        if items.len() > max && !self.trusts {
            self.refuse(format!("has {} entries, the limit is {max}: send fewer", items.len()));
            return Vec::new();
        }
        items.into_iter().enumerate().filter_map(|(index, item)| decode(&self.index(index), item)).collect()
    }

    /// The path as clients write it: `activities[3].occur_time`.
    #[must_use]
    pub fn path(&self) -> String {
        let mut path = self.parent.map(At::path).unwrap_or_default();
        match self.segment {
            Segment::Root(root) => path.push_str(root),
            Segment::Field(name) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
            }
            Segment::Index(index) => path.push_str(&format!("[{index}]")),
            Segment::Key(key) => {
                let shown: String = key.chars().take(40).collect();
                path.push_str(&format!("[{shown:?}]"));
            }
        }
        path
    }
}

/// Runs a decoder over a message whose fields have paths that begin with `root` (empty for the request itself).
///
/// # Errors
/// Every violation that the decoder noted.
pub fn collect<T>(root: &str, decode: impl FnOnce(&At<'_>) -> Option<T>) -> Result<T, DecodeError> {
    run(root, false, decode)
}

/// The same over a record that was taken before: limits of size, doubles and signs are not looked at.
///
/// # Errors
/// Every violation that the decoder noted.
pub fn trusting<T>(root: &str, decode: impl FnOnce(&At<'_>) -> Option<T>) -> Result<T, DecodeError> {
    run(root, true, decode)
}

fn run<T>(root: &str, trusts: bool, decode: impl FnOnce(&At<'_>) -> Option<T>) -> Result<T, DecodeError> {
    let found = RefCell::new(Found::default());
    let value = decode(&At { parent: None, segment: Segment::Root(root), found: &found, trusts });
    let Found { mut violations, left_out } = found.into_inner();
    match value {
        Some(value) if violations.is_empty() => Ok(value),
        _ => {
            if left_out > 0 {
                violations.push(Violation::new(root, format!("{left_out} further violations were left out")));
            }
            Err(DecodeError { violations })
        }
    }
}
