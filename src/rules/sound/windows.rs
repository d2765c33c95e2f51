//! Hours that cannot all be kept: rules that concern the same case and together leave no instant of a week open.
//!
//! Weeks without holidays are looked at, on the clock of those who live there. Rules that only inform, state no hours or are proposed are left out.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::compile::Packs;
use super::super::head::Scope;
use super::super::model::{ContactHours, HOLIDAY, Limits, Rule};
use super::super::pack::Pack;
use super::super::words::Status;
use super::judged;
use super::meet::{self, Days};
use crate::domain::diagnostic::Diagnostic;
use crate::domain::verdict::{Effect, Source};
use crate::domain::vocabulary::Channel;

/// Most sets of rules that are tried for one jurisdiction and channel: a hostile file must not cost minutes.
const MAX_SETS: usize = 20_000;

/// Stretches of a week in seconds since Monday's midnight, half open and in order.
type Open = Vec<(u32, u32)>;

/// Rules that concern the same cases on the same days, and what they leave open.
#[derive(Clone)]
struct Kept<'r> {
    rules: Vec<&'r Rule>,
    scope: Scope,
    days: Days,
    open: Open,
    /// Place of its last rule: only later ones are added, so that each set is tried once.
    last: usize,
}

pub(super) fn check(
    packs: &Packs,
    tightened: &dyn Fn(&Arc<Rule>) -> Arc<Rule>,
    added: &[Arc<Rule>],
    found: &mut Vec<Diagnostic>,
) {
    let mut told: BTreeSet<Vec<String>> = BTreeSet::new();
    for pack in packs.iter().filter(|pack| !pack.shared) {
        let mut rules = speaking(packs, pack, tightened);
        let inside = |rule: &&Arc<Rule>| within(pack.id.as_str(), rule.jurisdiction.as_str());
        rules.extend(added.iter().filter(inside).filter(|rule| rule.status != Status::Proposed).map(Arc::clone));
        // Hours of a clock that the law names meet those of the residents' own only where that is their one clock.
        let own = packs.zones_of(pack);
        let same_clock = |limits: &ContactHours| limits.zone.is_none_or(|zone| own == [zone]);
        let hours = rules.iter().filter_map(|rule| Some((&**rule, hours(rule)?)));
        let hours: Vec<(&Rule, &ContactHours)> = hours.filter(|(_, limits)| same_clock(limits)).collect();
        for channel in Channel::ALL {
            let Some(kept) = contradiction(&hours, *channel) else { continue };
            let mut ids: Vec<String> = kept.rules.iter().map(|rule| rule.id.to_string()).collect();
            ids.sort();
            if told.insert(ids) {
                found.extend(diagnostic(&kept, *channel));
            }
        }
    }
}

/// The place lies in the jurisdiction: `us-ny-nyc` in `us-ny`.
fn within(place: &str, jurisdiction: &str) -> bool {
    place.strip_prefix(jurisdiction).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Every rule that speaks for residents of a pack: its own, those above, those that any of them includes.
fn speaking(packs: &Packs, pack: &Arc<Pack>, tightened: &dyn Fn(&Arc<Rule>) -> Arc<Rule>) -> Vec<Arc<Rule>> {
    let mut rules = Vec::new();
    let mut level = Some(pack);
    while let Some(one) = level {
        let included = one.includes.iter().filter_map(|id| packs.get(id.as_str()));
        for source in included.chain(std::iter::once(one)) {
            rules.extend(judged(source).map(tightened));
        }
        level = packs.parent(one.id.as_str());
    }
    rules
}

fn hours(rule: &Rule) -> Option<&ContactHours> {
    match &rule.limits {
        Limits::ContactHours(limits) if !limits.no_figure && rule.effect != Effect::Informs => Some(limits),
        _ => None,
    }
}

fn open(limits: &ContactHours) -> Open {
    let end = u32::from(limits.end_inclusive);
    let days = limits.open.iter().filter(|span| span.day < HOLIDAY);
    days.map(|span| {
        let midnight = u32::from(span.day) * 86_400;
        (midnight + u32::from(span.from) * 60, midnight + u32::from(span.to) * 60 + end)
    })
    .collect()
}

fn both(a: &Open, b: &Open) -> Open {
    let pairs = a.iter().flat_map(|(from, to)| b.iter().map(move |(other, end)| (*from.max(other), *to.min(end))));
    pairs.filter(|(from, to)| from < to).collect()
}

/// The smallest set of rules that leaves nothing open.
fn contradiction<'r>(hours: &[(&'r Rule, &ContactHours)], channel: Channel) -> Option<Kept<'r>> {
    let concerned: Vec<Kept<'r>> = hours
        .iter()
        .filter(|(_, limits)| limits.channels.admits(channel))
        .enumerate()
        .map(|(last, (rule, limits))| Kept {
            rules: vec![*rule],
            scope: rule.scope,
            days: Days::of(rule),
            open: open(limits),
            last,
        })
        .collect();
    let mut sets = concerned.clone();
    let mut tried = 0;
    while !sets.is_empty() {
        if let Some(at) = sets.iter().position(|set| set.open.is_empty()) {
            return Some(sets.swap_remove(at));
        }
        let mut larger = Vec::new();
        for set in &sets {
            for one in concerned.iter().skip(set.last + 1) {
                tried += 1;
                if tried > MAX_SETS {
                    return None;
                }
                let (Some(scope), Some(days)) = (meet::scopes(&set.scope, &one.scope), set.days.meet(one.days)) else {
                    continue;
                };
                let rules = set.rules.iter().chain(&one.rules).copied().collect();
                larger.push(Kept { rules, scope, days, open: both(&set.open, &one.open), last: one.last });
            }
        }
        sets = larger;
    }
    None
}

fn diagnostic(kept: &Kept<'_>, channel: Channel) -> Option<Diagnostic> {
    let named: Vec<String> = kept.rules.iter().map(|rule| format!("{} ({})", rule.id, rule.limits_position)).collect();
    // The rule of the tenant, else of the lowest level, is the one to look at first.
    let tenants = |rule: &Rule| rule.source == Source::Tenant || rule.limits_position.file != rule.position.file;
    let first = kept.rules.iter().max_by_key(|rule| (tenants(rule), rule.jurisdiction.as_str().len()))?;
    Some(first.limits_position.wrong(
        format!("contradictory hours: no instant of a week is open on {channel} under {}", named.join(" and ")),
        "correct the hours of one of them, or the cases (applies_to) or dates for which it holds",
    ))
}
