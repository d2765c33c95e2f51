//! Facts of all cases added up by month. What a question tells by months or longer of what adds up is the same as of the facts
//! themselves, and there are far fewer of them: a contact is tested by a dozen rules, and an agent has hundreds of contacts a month.

use std::collections::HashMap;
use std::sync::Arc;

use super::columns::{Columns, ColumnsBuilder, Days, absorb};
use super::hash::QuickState;
use crate::domain::fact::Fact;

/// What facts have in common that come as one: kind, address of the dimensions, flags, month, and whether they have a value. The
/// fact holds the dimensions, so that no others get that address.
type Key = (u32, usize, u16, i32, bool);

/// Sums of facts.
#[derive(Debug, Default)]
pub struct ByMonth {
    sums: HashMap<Key, Fact, QuickState>,
}

impl ByMonth {
    /// Adds a fact as [`Days::MONTHS`] tells it; false if a sum would be no number, after which there is none.
    pub fn add(&mut self, fact: &Fact) -> bool {
        let dims = Arc::as_ptr(&fact.dims) as usize;
        let key = (fact.kind as u32, dims, fact.flags, fact.day, fact.value.is_some());
        match self.sums.get_mut(&key) {
            Some(sum) => absorb(sum, fact),
            None => {
                self.sums.insert(key, fact.clone());
                true
            }
        }
    }

    /// Adds other sums.
    pub fn merge(&mut self, other: Self) -> bool {
        other.sums.into_values().all(|fact| self.add(&fact))
    }

    /// How many sums there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sums.len()
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    /// The sums, without those that cancelled.
    #[must_use]
    pub fn columns(self) -> Vec<Columns> {
        let (mut all, mut builder) = (Vec::new(), ColumnsBuilder::default());
        for fact in self.sums.into_values() {
            let cancelled = (fact.count, fact.amount, fact.amount2, fact.value.unwrap_or_default()) == (0, 0, 0, 0);
            if cancelled {
                continue;
            }
            builder.add(0, &fact);
            if builder.is_full() {
                all.push(builder.finish().0);
            }
        }
        all.push(builder.finish().0);
        all
    }
}

impl Days {
    /// All months, with what has the same dimensions and flags in one of them as one fact.
    pub const MONTHS: Self = Self { by_month: true, together: true, ..Self::ALL };

    /// Whether sums by month tell what is needed.
    #[must_use]
    pub const fn are_months(&self) -> bool {
        self.by_month && self.together
    }
}
