//! The fold of a whole history: from scratch, and for a history that changes somewhere before its end.

use super::derive::{CaseEntry, Cause, Effects, Env, Event, Position};
use crate::compliance::PersonLogs;
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::fact::Fact;
use crate::domain::time::Timestamp;

/// Derives a case from scratch: its facts in order, and what the timers emit that the due-queue has fired behind them.
/// `None` if there is no version.
#[must_use]
pub fn fold<'a>(
    env: &Env<'_>,
    versions: impl Iterator<Item = &'a CaseVersion>,
    activities: impl Iterator<Item = &'a Activity>,
    advanced_to: Timestamp,
) -> Option<(CaseEntry, Effects)> {
    fold_noting(env, versions, activities, advanced_to, &mut |_, _| {})
}

/// As [`fold`]; every fact is told with its cause as it is emitted.
pub fn fold_noting<'a>(
    env: &Env<'_>,
    versions: impl Iterator<Item = &'a CaseVersion>,
    activities: impl Iterator<Item = &'a Activity>,
    advanced_to: Timestamp,
    note: &mut dyn FnMut(Cause<'a>, &Fact),
) -> Option<(CaseEntry, Effects)> {
    let (first, later, events) = in_order(versions, activities)?;
    let mut effects = Effects::default();
    let mut told = 0;
    let mut tell = |cause: Cause<'a>, effects: &Effects| {
        for fact in effects.facts.iter().skip(told) {
            note(cause, fact);
        }
        told = effects.facts.len();
    };
    let mut entry = begin(env, first, &later, &mut effects);
    tell(Cause::Event(Event::Version(first)), &effects);
    for event in events {
        entry.fire_noting(env, event.at(), &mut effects, &mut tell);
        entry.step(env, event, &mut effects);
        tell(Cause::Event(event), &effects);
    }
    finish(&mut entry, env, advanced_to, &mut effects, &mut tell);
    Some((entry, effects))
}

/// A case before its facts: its first version holds from ever.
fn begin(env: &Env<'_>, first: &CaseVersion, later: &[&CaseVersion], effects: &mut Effects) -> CaseEntry {
    let mut entry = CaseEntry::open(env, first, effects);
    // Activities may lie before the first version: order starts with the first fact.
    entry.last = Position::FIRST;
    for version in later {
        entry.remember_for(env, version);
    }
    entry
}

/// A case behind its facts: emits what the timers emit that the due-queue has fired behind them.
fn finish<'a>(
    entry: &mut CaseEntry,
    env: &Env<'_>,
    advanced_to: Timestamp,
    effects: &mut Effects,
    note: &mut dyn FnMut(Cause<'a>, &Effects),
) {
    if let Some(first) = entry.versions.first() {
        entry.last = entry.last.clone().max(Event::Version(first).position());
    }
    entry.advanced_to = advanced_to;
    if entry.next_due().is_some_and(|due| due <= advanced_to) {
        entry.clone().fire_noting(env, advanced_to, effects, note);
    }
}

/// Derives a case as it was at each of some instants, which rise, in one pass: each as [`fold`] derives it from what had been
/// by then. The first version holds from ever. Nothing is told if there is no version.
pub fn fold_at<'a>(
    env: &Env<'_>,
    versions: impl Iterator<Item = &'a CaseVersion>,
    activities: impl Iterator<Item = &'a Activity>,
    instants: impl Iterator<Item = Timestamp>,
    mut tell: impl FnMut(Timestamp, CaseEntry),
) {
    let Some((first, later, events)) = in_order(versions, activities) else { return };
    let mut effects = Effects::default();
    let mut entry = begin(env, first, &later, &mut effects);
    let mut events = events.into_iter().peekable();
    for instant in instants {
        while let Some(event) = events.next_if(|event| event.at() <= instant) {
            entry.step(env, event, &mut effects);
            effects.clear();
        }
        let mut then = entry.clone();
        then.last = then.last.max(Event::Version(first).position());
        then.advanced_to = instant;
        tell(instant, then);
    }
}

/// A history as it stood and as it stands now, which differ from one instant on only.
pub struct Change<'a, V, W, N> {
    /// The versions, of both.
    pub versions: V,
    /// The activities that counted.
    pub were: W,
    /// The activities that count.
    pub are: N,
    /// The earliest instant of what differs, in the facts or in what is known of persons.
    pub from: Timestamp,
    /// The due-queue has fired timers up to here.
    pub advanced_to: Timestamp,
    /// The contacts of persons as they were known.
    pub persons: &'a PersonLogs,
}

/// As two calls of [`fold`], for a history as it stood and as it stands now: what lies before the change is folded once, and
/// what it emits is left out of both effects. `None` if there is no version.
pub fn fold_change<'a>(
    env: &Env<'_>,
    change: Change<
        '_,
        impl Iterator<Item = &'a CaseVersion>,
        impl Iterator<Item = &'a Activity>,
        impl Iterator<Item = &'a Activity>,
    >,
) -> Option<(Effects, CaseEntry, Effects)> {
    let (first, later, mut are) = in_order(change.versions, change.are)?;
    let mut were = ordered(&later, change.were);
    were.retain(|event| event.at() >= change.from);
    let both = are.partition_point(|event| event.at() < change.from);
    let mut before = Effects::default();
    let mut entry = begin(env, first, &later, &mut before);
    for event in are.drain(..both) {
        entry.step(env, event, &mut before);
        before.clear();
    }
    let then = Env { persons: change.persons, ..*env };
    let (mut stood, mut old) = (entry.clone(), Effects::default());
    for event in were {
        stood.step(&then, event, &mut old);
    }
    finish(&mut stood, &then, change.advanced_to, &mut old, &mut |_, _| {});
    let mut new = Effects::default();
    for event in are {
        entry.step(env, event, &mut new);
    }
    finish(&mut entry, env, change.advanced_to, &mut new, &mut |_, _| {});
    Some((old, entry, new))
}

/// A history in its order: the first version, which holds from ever, the later ones, and everything behind the first.
/// `None` if there is no version.
pub(super) fn in_order<'a>(
    versions: impl Iterator<Item = &'a CaseVersion>,
    activities: impl Iterator<Item = &'a Activity>,
) -> Option<(&'a CaseVersion, Vec<&'a CaseVersion>, Vec<Event<'a>>)> {
    let mut later: Vec<&CaseVersion> = versions.collect();
    if later.is_empty() {
        return None;
    }
    later.sort_by(|a, b| a.order().cmp(&b.order()));
    let first = later.remove(0);
    let events = ordered(&later, activities);
    Some((first, later, events))
}

/// Everything behind the first version, in order.
fn ordered<'a>(later: &[&'a CaseVersion], activities: impl Iterator<Item = &'a Activity>) -> Vec<Event<'a>> {
    let mut events: Vec<Event<'a>> = later.iter().copied().map(Event::Version).collect();
    events.extend(activities.map(Event::Activity));
    // What is stored mostly comes in order, which takes one comparison each.
    events.sort_by(|a, b| a.order().cmp(&b.order()));
    events
}
