//! What is wrong with rules that are each well written: they can never speak, leave gaps, or cannot all be kept.

mod keepable;
mod meet;
mod reachable;
mod validity;
mod windows;

use std::sync::Arc;

use super::compile::Packs;
use super::model::Rule;
use super::pack::Pack;
use super::words::Status;
use crate::domain::diagnostic::Diagnostic;

/// Checks all packs.
pub(super) fn check(packs: &Packs, found: &mut Vec<Diagnostic>) {
    for pack in packs.iter() {
        for rule in judged(pack) {
            reachable::check(pack, rule, found);
            keepable::check(rule, found);
        }
        validity::check(pack, found);
    }
    windows::check(packs, &|rule| Arc::clone(rule), &[], found);
}

/// Checks the rules of a tenant, and the hours that it leaves: `tightened` gives a rule as the tenant has it, `added` are its
/// own, and `changed` those of the packs that it tightens.
pub(super) fn check_tenant<'r>(
    packs: &Packs,
    tightened: &dyn Fn(&Arc<Rule>) -> Arc<Rule>,
    added: &[Arc<Rule>],
    changed: impl Iterator<Item = &'r Rule>,
    found: &mut Vec<Diagnostic>,
) {
    for rule in added.iter().filter(|rule| rule.status != Status::Proposed) {
        reachable::by_itself(rule, found);
        keepable::check(rule, found);
    }
    changed.for_each(|rule| keepable::tightened(rule, found));
    windows::check(packs, tightened, added, found);
}

/// The rules of a pack that speak: proposed ones do not.
fn judged(pack: &Pack) -> impl Iterator<Item = &Arc<Rule>> {
    pack.rules.iter().filter(|rule| rule.status != Status::Proposed)
}
