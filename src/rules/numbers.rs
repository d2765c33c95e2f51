//! Numbers of rules in a set.

use std::sync::Arc;

use super::ruleset::ActiveRule;

/// Number of a rule in a set: what answers of that set name it by. In another set it names another rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleNumber(pub(super) u32);

impl RuleNumber {
    /// The rule of that place in the order of [`super::RuleSet::rules`].
    #[must_use]
    pub const fn new(place: u32) -> Self {
        Self(place)
    }

    /// That place.
    #[must_use]
    pub const fn place(self) -> usize {
        self.0 as usize
    }
}

/// Gives rules their numbers.
#[derive(Default)]
pub(super) struct Numbers {
    pub(super) given: Vec<Arc<ActiveRule>>,
}

impl Numbers {
    pub(super) fn give(&mut self, mut active: ActiveRule) -> Arc<ActiveRule> {
        active.number = RuleNumber(u32::try_from(self.given.len()).unwrap_or(u32::MAX));
        let active = Arc::new(active);
        self.given.push(Arc::clone(&active));
        active
    }
}
