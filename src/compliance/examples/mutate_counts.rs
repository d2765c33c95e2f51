//! The changes of rules that count contacts or wait after them, which examples must notice.

use super::mutate_conduct::Changes;
use crate::rules::model::{ContactCooldown, ContactFrequency, Limits};
use crate::rules::words::{Per, Set};

/// Whose contacts count together: fewer and more of them, and each role taken out.
pub(super) fn circles(out: &mut Changes<'_>) {
    out.set("roles", |limits| match limits {
        Limits::ContactFrequency(limits) => Some(&mut limits.roles),
        _ => None,
    });
    let per = |limits: &mut Limits| match limits {
        Limits::ContactFrequency(ContactFrequency { per, max: Some(_), .. }) => Some(*per),
        Limits::ContactCooldown(ContactCooldown { per, wait: Some(_), .. }) => Some(*per),
        _ => None,
    };
    let others: &[Per] = match per(&mut out.rule.limits.clone()) {
        Some(Per::Collector | Per::Creditor) => &[Per::PersonAndCase, Per::Person],
        Some(Per::HouseholdAndCase) => &[Per::PersonAndCase, Per::Case],
        Some(Per::Household) => &[Per::Person, Per::HouseholdAndCase],
        _ => &[],
    };
    for other in others {
        out.with(format!("it counts per {other}"), |limits| {
            match limits {
                Limits::ContactFrequency(limits) => limits.per = *other,
                Limits::ContactCooldown(limits) => limits.per = *other,
                _ => return false,
            }
            true
        });
    }
}

/// The conditions while which a rule counts: each taken out, all of them, and the writing.
pub(super) fn conditions(out: &mut Changes<'_>) {
    let Limits::ContactFrequency(counted) = &out.rule.limits else { return };
    if counted.during.is_empty() {
        return;
    }
    out.set("while", |limits| match limits {
        Limits::ContactFrequency(limits) => Some(&mut limits.during),
        _ => None,
    });
    out.with("it counts without its condition".to_owned(), |limits| match limits {
        Limits::ContactFrequency(limits) => {
            (limits.during, limits.during_written) = (Set::default(), false);
            true
        }
        _ => false,
    });
    out.flag("while_written", |limits| match limits {
        Limits::ContactFrequency(limits) => Some(&mut limits.during_written),
        _ => None,
    });
}
