//! Ids, texts, words and maps.

use std::collections::BTreeMap;

use super::At;
use crate::domain::case::CaseVersion;
use crate::domain::footprint::MAX_PARTS;
use crate::domain::ids::{self, IdError};
use crate::domain::party::is_subdivision;
use crate::wire::words::Word;

/// Longest text in bytes.
pub const MAX_TEXT_BYTES: usize = 1024;
/// Most entries of a map.
pub const MAX_MAP_ENTRIES: usize = 64;
/// Most characters of a refused code that are shown.
const SHOWN: usize = 40;

impl At<'_> {
    /// A required id.
    pub fn id<T>(&self, text: &str, make: impl FnOnce(&str) -> Result<T, IdError>) -> Option<T> {
        if text.is_empty() {
            self.refuse("is required and was not sent");
            return None;
        }
        make(text).map_err(|error| self.refuse(error.to_string())).ok()
    }

    /// An id that may be absent.
    pub fn optional_id<T>(&self, text: &str, make: impl FnOnce(&str) -> Result<T, IdError>) -> Option<T> {
        if text.is_empty() { None } else { self.id(text, make) }
    }

    /// A name that serves as a key (an agent, a creditor, a portfolio): it has the form of an id.
    pub fn optional_name(&self, text: String) -> Option<String> {
        if text.is_empty() {
            return None;
        }
        if self.trusts {
            return Some(text);
        }
        match ids::check_id(&text) {
            Ok(()) => Some(text),
            Err(error) => {
                self.refuse(error.to_string());
                None
            }
        }
    }

    /// What stands behind the hyphen of an ISO 3166-2 code. Anything else would name a place of which no pack knows, and so
    /// silence the rules of the place that was meant.
    pub fn optional_subdivision(&self, text: String) -> Option<String> {
        let code = self.optional_name(text)?;
        if self.trusts || is_subdivision(&code) {
            return Some(code);
        }
        let shown: String = code.chars().take(SHOWN).collect();
        self.refuse(format!(
            "{shown:?} is no subdivision: send what stands behind the hyphen of its ISO 3166-2 code, such as NY or BY"
        ));
        None
    }

    /// The id of a jurisdiction: a country, its subdivision, a place in it. Another word would name no law at all.
    pub fn optional_jurisdiction(&self, text: String) -> Option<String> {
        let id = self.optional_name(text)?;
        let mut parts = id.splitn(3, '-');
        let country = parts.next().is_some_and(|code| code.len() == 2 && code.bytes().all(|b| b.is_ascii_alphabetic()));
        if self.trusts
            || country && parts.next().is_none_or(is_subdivision) && parts.next().is_none_or(|place| !place.is_empty())
        {
            return Some(id);
        }
        let shown: String = id.chars().take(SHOWN).collect();
        self.refuse(format!("{shown:?} is no jurisdiction: send its id, such as it or us-ny"));
        None
    }

    /// A key that must be there.
    pub fn name(&self, text: String) -> Option<String> {
        if text.is_empty() {
            self.refuse("is required and was not sent");
        }
        self.optional_name(text)
    }

    /// A text that may be absent: at most [`MAX_TEXT_BYTES`] bytes, no control characters.
    pub fn optional_text(&self, text: String) -> Option<String> {
        if text.is_empty() {
            return None;
        }
        if self.trusts {
            return Some(text);
        }
        if text.len() > MAX_TEXT_BYTES {
            self.refuse(format!("is {} bytes long, the limit is {MAX_TEXT_BYTES}: send a shorter text", text.len()));
            return None;
        }
        if let Some((at, _)) = text.char_indices().find(|(_, c)| c.is_control()) {
            self.refuse(format!("has a control character at byte {at}: remove it"));
            return None;
        }
        Some(text)
    }

    /// A word of a closed list, which may be absent. A number outside the list is refused.
    pub fn optional_word<W: Word>(&self, number: i32) -> Option<W> {
        if number == 0 {
            return None;
        }
        let word = W::of_number(number);
        if word.is_none() {
            let known = W::VALUES.len();
            self.refuse(format!("{number} is no value of {}: send one of its values 1 to {known}", W::WIRE_NAME));
        }
        word
    }

    /// A word of a closed list that must be there.
    pub fn word<W: Word>(&self, number: i32) -> Option<W> {
        if number == 0 {
            self.refuse(format!("is required: send a value of {}", W::WIRE_NAME));
        }
        self.optional_word(number)
    }

    /// A whole number inside a range.
    pub fn within<N, T>(&self, number: N, least: T, most: T) -> Option<T>
    where
        N: Copy + std::fmt::Display,
        T: TryFrom<N> + PartialOrd + Copy + std::fmt::Display,
    {
        match T::try_from(number) {
            Ok(value) if value >= least && value <= most => Some(value),
            _ => {
                self.refuse(format!("is {number}: send a number from {least} to {most}"));
                None
            }
        }
    }

    /// A case whose lists, and the lists of what is in them, have too much in all.
    pub fn bounded_in_parts(&self, version: &CaseVersion) {
        let parts = version.parts();
        if !self.trusts && parts > MAX_PARTS {
            let text = "claims, parties, contact points, permissions and other parts, the limit is";
            self.refuse(format!("has {parts} {text} {MAX_PARTS} in all: leave out what holds no more"));
        }
    }

    /// A map of short keys to texts, with at most [`MAX_MAP_ENTRIES`] entries. An empty value is an absent one.
    pub fn texts(&self, map: BTreeMap<String, String>) -> BTreeMap<String, String> {
        if self.trusts {
            return map;
        }
        if map.len() > MAX_MAP_ENTRIES {
            self.refuse(format!("has {} entries, the limit is {MAX_MAP_ENTRIES}: send fewer", map.len()));
            return BTreeMap::new();
        }
        let mut texts = BTreeMap::new();
        for (key, value) in map {
            let at = self.key(&key);
            if let Err(error) = ids::check_id(&key) {
                at.refuse(format!("the key {error}"));
                continue;
            }
            if let Some(value) = at.optional_text(value) {
                texts.insert(key, value);
            }
        }
        texts
    }

    /// A list of names without doubles.
    pub fn names(&self, names: Vec<String>, max: usize) -> Vec<String> {
        let names = self.list(names, max, |at, name| at.name(name));
        self.no_doubles(names.iter().map(String::as_str));
        names
    }

    /// Notes the first key that comes twice.
    pub fn no_doubles<'k>(&self, keys: impl Iterator<Item = &'k str>) {
        if self.trusts {
            return;
        }
        let mut seen = std::collections::HashSet::new();
        for key in keys {
            if !seen.insert(key) {
                self.refuse(format!("names {key:?} twice: send it once"));
                return;
            }
        }
    }
}
