//! The id of a jurisdiction, put together from the levels of a place, and which places there are.

use std::sync::Arc;

use super::model::Rule;
use super::ruleset::Jurisdiction;

/// A jurisdiction's id put together on the stack, in lower case: `us-ny-nyc`.
#[derive(Default)]
pub(crate) struct PlaceId {
    bytes: [u8; 32],
    length: usize,
    /// A level did not fit: no pack has an id as long.
    too_long: bool,
}

impl PlaceId {
    /// Adds a level, behind a hyphen if it is not the first; false if it does not fit.
    pub(crate) fn push(&mut self, level: &str) -> bool {
        let hyphen = usize::from(self.length > 0);
        let begin = self.length + hyphen;
        let Some(room) = self.bytes.get_mut(self.length..begin + level.len()).filter(|_| !self.too_long) else {
            self.too_long = true;
            return false;
        };
        let (before, room) = room.split_at_mut(hyphen);
        before.fill(b'-');
        room.copy_from_slice(level.as_bytes());
        room.make_ascii_lowercase();
        self.length = begin + level.len();
        true
    }

    /// Its bytes, of the levels that fit.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Its text; empty if a level did not fit.
    pub(crate) fn as_str(&self) -> &str {
        if self.too_long { "" } else { std::str::from_utf8(self.as_bytes()).unwrap_or_default() }
    }
}

impl Jurisdiction {
    /// The codes of its subdivisions, where it lists them and packs stand below it; lists of others are not whole.
    pub(super) fn subdivisions(&self) -> Option<impl Iterator<Item = &str>> {
        let lists = !self.subdivision_zones.is_empty() && !self.below.is_empty();
        let own = |id: &str| id.rsplit_once('-').map_or(0, |(above, _)| above.len() + 1);
        let below = self.below.iter().filter_map(move |id| id.get(own(id)..));
        lists.then(|| self.subdivision_zones.keys().map(String::as_str).chain(below))
    }

    /// Whether a subdivision of that code may be in it: any, where it does not list its own.
    #[must_use]
    pub fn may_have(&self, code: &str) -> bool {
        self.subdivisions().is_none_or(|mut listed| listed.any(|listed| listed.eq_ignore_ascii_case(code)))
    }

    /// Another jurisdiction that includes the same shared pack holds the rule too and counts days by the same calendar: of a
    /// person who may live in either it would say the same twice.
    #[must_use]
    pub fn repeats(&self, rule: &Rule, other: &Self) -> bool {
        let same_days = match (&self.calendar, &other.calendar) {
            (Some(own), Some(theirs)) => Arc::ptr_eq(own, theirs),
            (None, None) => true,
            _ => false,
        };
        same_days && other.includes && other.rules.iter().any(|one| one.rule.id == rule.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_joined_by_hyphens_as_far_as_they_fit() {
        let mut id = PlaceId::default();
        assert!(id.push("US"));
        assert_eq!((id.as_str(), id.as_bytes()), ("us", b"us".as_slice()));
        assert!(id.push("NY") && id.push("Nyc"));
        assert_eq!(id.as_str(), "us-ny-nyc");
        assert!(id.push(""));
        assert_eq!(id.as_bytes(), b"us-ny-nyc-");
        assert!(!id.push(&"x".repeat(30)));
        assert_eq!((id.as_str(), id.as_bytes()), ("", b"us-ny-nyc-".as_slice()));
        assert!(!id.push("y"));
    }
}
