//! Numbers of rules in a set, and of the scopes that they share.

use std::sync::Arc;

use super::model::{Assume, Scope};
use super::ruleset::ActiveRule;
use super::scope_mask::ScopeMask;

/// Number of a rule in a set: what answers of that set name it by. In another set it names another rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleNumber(pub(super) u32);

impl RuleNumber {
    /// The rule of that place in the order of [`super::RuleSet::rules`].
    #[must_use]
    pub const fn new(place: u32) -> Self {
        Self(place)
    }
}

/// Gives rules their numbers.
#[derive(Default)]
pub(super) struct Numbers {
    pub(super) given: Vec<Arc<ActiveRule>>,
    scopes: Vec<(Scope, Assume)>,
}

impl Numbers {
    pub(super) fn give(&mut self, mut active: ActiveRule) -> Arc<ActiveRule> {
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let scope = (active.rule.scope, active.rule.assume);
        let known = self.scopes.iter().position(|one| *one == scope);
        active.same_scope = place(known.unwrap_or(self.scopes.len()));
        if known.is_none() {
            self.scopes.push(scope);
        }
        active.number = RuleNumber(place(self.given.len()));
        let active = Arc::new(active);
        self.given.push(Arc::clone(&active));
        active
    }

    /// The scopes by their numbers, as bits.
    pub(super) fn scope_masks(&self) -> Box<[ScopeMask]> {
        self.scopes.iter().map(|(scope, assume)| ScopeMask::of(scope, assume)).collect()
    }
}
