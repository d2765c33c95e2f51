//! What was told for questions, kept for the next ones within a bound of memory.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::facts::Kinds;
use crate::domain::market::MarketKey;

/// What may be kept.
pub(super) trait Lasting: Clone {
    /// The kinds of facts that it tells of.
    fn kinds(&self) -> Kinds;
    /// What the facts rest on besides the records.
    fn ground(&self) -> &str;
    /// The revision that it tells up to, whether it tells all of it, and how much.
    fn newness(&self) -> (u64, bool, usize);
    /// Bytes, about.
    fn bytes(&self) -> usize;
}

/// What this process keeps.
#[derive(Debug)]
pub(super) struct Kept<T> {
    /// Most bytes; 0 keeps nothing.
    pub(super) limit: usize,
    /// The one used last at the end.
    kept: Mutex<Vec<(MarketKey, T)>>,
}

impl<T: Lasting> Kept<T> {
    /// Nothing kept, and never more than about `limit` bytes.
    pub(super) const fn new(limit: usize) -> Self {
        Self { limit, kept: Mutex::new(Vec::new()) }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<(MarketKey, T)>> {
        // What a panic left behind is whole: each is put in at once.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was told of a market on this ground, if these kinds are among it.
    pub(super) fn find(&self, market: &MarketKey, kinds: Kinds, ground: &str) -> Option<T> {
        let mut kept = self.kept();
        // What rests on another ground will never be asked for again.
        kept.retain(|(of, told)| of != market || told.ground() == ground);
        let serves = |told: &T| told.kinds() == kinds || (told.newness().1 && told.kinds().with(kinds) == told.kinds());
        let place = kept.iter().position(|(of, told)| of == market && serves(told))?;
        let found = kept.remove(place);
        let told = found.1.clone();
        kept.push(found);
        Some(told)
    }

    /// Keeps what was told, if there is room for it and nothing newer of its kind; what was not asked for lately goes.
    pub(super) fn keep(&self, market: &MarketKey, told: &T) {
        let mut kept = self.kept();
        let same = |(of, other): &(MarketKey, T)| {
            of == market && other.kinds() == told.kinds() && other.ground() == told.ground()
        };
        if kept.iter().any(|one| same(one) && one.1.newness() > told.newness()) {
            return;
        }
        kept.retain(|one| !same(one));
        let mut bytes = told.bytes();
        if bytes > self.limit {
            return;
        }
        let held = kept.iter().rev().take_while(|(_, told)| {
            bytes += told.bytes();
            bytes <= self.limit
        });
        let gone = kept.len() - held.count();
        kept.drain(..gone);
        kept.push((market.clone(), told.clone()));
    }
}
