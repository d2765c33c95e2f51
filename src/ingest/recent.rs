//! Ids that a market stored lately: what tells a repetition, which mostly follows soon, from a new record without asking the
//! database. A hint only: the database has the last word on both.

use std::collections::HashSet;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

/// Ids of one generation; two are known.
const GENERATION: usize = 32_768;

/// Commits that doubt every id after one was met that nothing here knew of: a source that sends again what it sent long
/// ago mostly goes on doing so.
const WARY: u32 = 16;

/// What is known of the ids of one market.
#[derive(Debug, Default)]
pub struct Recent {
    secret: foldhash::quality::RandomState,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Hashes of ids: of two that fall together one is doubted for nothing.
    young: HashSet<u64, foldhash::fast::RandomState>,
    old: HashSet<u64, foldhash::fast::RandomState>,
    wary: u32,
}

impl Recent {
    /// For each of these ids, whether it may be stored already.
    pub(super) fn doubts<'a>(&self, ids: impl Iterator<Item = &'a str>) -> Vec<bool> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let doubts = |id: &str| {
            let hash = self.secret.hash_one(id);
            inner.wary > 0 || inner.young.contains(&hash) || inner.old.contains(&hash)
        };
        ids.map(doubts).collect()
    }

    /// Whether every id is doubted for now.
    pub(super) fn is_wary(&self) -> bool {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).wary > 0
    }

    /// Notes ids that are stored now, and whether some that nobody doubted were there before.
    pub(super) fn note<'a>(&self, ids: impl Iterator<Item = &'a str>, surprising: bool) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.wary = if surprising { WARY } else { inner.wary.saturating_sub(1) };
        for id in ids {
            if inner.young.len() >= GENERATION {
                inner.old = std::mem::take(&mut inner.young);
            }
            inner.young.insert(self.secret.hash_one(id));
        }
    }
}
