//! Facts as they are emitted: in order, and only those that somebody counts.

use std::ops::{Deref, DerefMut};

use super::fact::{Fact, FactKind};

/// Kinds of facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds(u128);

const _: () = assert!(FactKind::ALL.len() <= 128, "a kind is a bit");

impl Kinds {
    /// Every kind.
    pub const ALL: Self = Self(u128::MAX);
    /// No kind.
    pub const NONE: Self = Self(0);

    /// Whether a kind is among them.
    #[must_use]
    pub const fn has(self, kind: FactKind) -> bool {
        self.0 & (1 << kind as u32) != 0
    }

    /// Those of either.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Default for Kinds {
    fn default() -> Self {
        Self::ALL
    }
}

impl FromIterator<FactKind> for Kinds {
    fn from_iter<I: IntoIterator<Item = FactKind>>(kinds: I) -> Self {
        Self(kinds.into_iter().fold(0, |all, kind| all | 1 << kind as u32))
    }
}

/// Emitted facts. What nobody counts is dropped as it comes: a catalogue of eighteen KPIs looks at a few of the kinds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    list: Vec<Fact>,
    kinds: Kinds,
}

impl Facts {
    /// From here on, takes these kinds alone.
    pub const fn take_only(&mut self, kinds: Kinds) {
        self.kinds = kinds;
    }

    /// Whether facts of a kind are taken. Whoever emits may spare what only such a fact would show.
    #[must_use]
    pub const fn takes(&self, kind: FactKind) -> bool {
        self.kinds.has(kind)
    }

    /// Takes a fact, if its kind is taken.
    pub fn push(&mut self, fact: Fact) {
        if self.kinds.has(fact.kind) {
            self.list.push(fact);
        }
    }

    /// Forgets all of them, and keeps the room.
    pub fn clear(&mut self) {
        self.list.clear();
    }

    /// Makes room for more.
    pub fn reserve(&mut self, more: usize) {
        self.list.reserve(more);
    }
}

impl Extend<Fact> for Facts {
    fn extend<I: IntoIterator<Item = Fact>>(&mut self, facts: I) {
        facts.into_iter().for_each(|fact| self.push(fact));
    }
}

impl Deref for Facts {
    type Target = [Fact];

    fn deref(&self) -> &[Fact] {
        &self.list
    }
}

impl DerefMut for Facts {
    fn deref_mut(&mut self) -> &mut [Fact] {
        &mut self.list
    }
}

impl IntoIterator for Facts {
    type Item = Fact;
    type IntoIter = std::vec::IntoIter<Fact>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'a> IntoIterator for &'a Facts {
    type Item = &'a Fact;
    type IntoIter = std::slice::Iter<'a, Fact>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}
