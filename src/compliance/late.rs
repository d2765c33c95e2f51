//! Which contacts have to be judged anew because an earlier one of the same person came late, or is void.

use super::persons::{ContactStamp, Marks, PersonLog};
use super::windows::not_before;
use crate::domain::time::Timestamp;
use crate::rules::PersonScope;
use crate::rules::model::{ContactFrequency, Limits, Window};
use crate::rules::reach::Reach;
use crate::rules::words::{Counted, Exclude, Per};

/// The contacts after `changed` whose judgement may be another with it than without it. `log` holds `changed`: of both
/// views it is the one that counts more.
pub fn judged_with<'a>(
    reach: &'a Reach,
    scope: PersonScope,
    log: &'a PersonLog,
    changed: &'a ContactStamp,
) -> impl Iterator<Item = &'a ContactStamp> {
    let until = changed.at.plus(reach.person_window(scope));
    log.after(changed, until).filter(move |later| {
        reach.person_rules(scope).any(|rule| match &rule.limits {
            // A household's rule counts the contacts of the person and those of the others, which are another log.
            Limits::ContactFrequency(limits) if limits.per == Per::Household => {
                reaches(limits.window, changed.at, later.at)
            }
            Limits::ContactFrequency(limits) => over(limits, log, changed, later) || begins(limits, log, changed),
            Limits::ContactCooldown(limits) => limits.wait.is_some_and(|wait| reaches(wait, changed.at, later.at)),
            _ => true,
        })
    })
}

/// A look back over that window from `at` may see the instant. A day is added for terms that leave the first one out.
fn reaches(window: Window, instant: Timestamp, at: Timestamp) -> bool {
    let longer = match window {
        Window::CalendarDays(days) => Window::CalendarDays(days.saturating_add(1)),
        other => other,
    };
    not_before(longer, at) <= instant
}

/// The rule may count from the changed contact on: it may be a conversation, and the first for its creditor and collector.
fn begins(limits: &ContactFrequency, log: &PersonLog, changed: &ContactStamp) -> bool {
    let spoken = |one: &ContactStamp| one.marks.counts(Counted::Conversations);
    let before = || log.stamps().iter().take_while(|one| one.order() < changed.order());
    let same = |one: &ContactStamp| one.sides == changed.sides && !changed.marks.about_several();
    limits.exclude.has(Exclude::BeforeConversation)
        && changed.marks.may_count(Counted::Conversations)
        && !before().any(|one| spoken(one) && same(one))
}

/// Both contacts may count, and so many lie in the window that the limit may be passed: below it no view finds a breach, and
/// a test that is passed tells nothing of how many were counted.
fn over(limits: &ContactFrequency, log: &PersonLog, changed: &ContactStamp, later: &ContactStamp) -> bool {
    let counted = |marks: Marks| {
        marks.may_count(limits.count)
            && marks.on(limits.channels)
            && marks.by(limits.technologies)
            && !marks.excluded(limits.exclude)
    };
    let since = not_before(limits.window, later.at);
    let Some(max) = limits.max else { return false };
    if changed.at < since || !counted(changed.marks) || !counted(later.marks) {
        return false;
    }
    let earlier = log.stamps().iter().rev().skip_while(|one| one.order() >= later.order());
    let seen = earlier.take_while(|one| one.at >= since).filter(|one| counted(one.marks)).count();
    seen as u64 >= u64::from(max)
}
