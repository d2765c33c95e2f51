//! At most so many attempts, contacts or conversations in a window.

use super::judgement::Speaking;
use super::persons::{ContactStamp, Marks};
use super::situation::Situation;
use super::which;
use super::windows::{any_since, earlier, leaves, not_before};
use crate::domain::ids::ActivityId;
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Answer, Unit};
use crate::rules::model::ContactFrequency;
use crate::rules::words::{Attribute, Counted, Exclude};

/// The unit in which a rule counts.
pub(crate) const fn unit(count: Counted) -> Unit {
    match count {
        Counted::Attempts => Unit::Attempts,
        Counted::Contacts => Unit::Contacts,
        Counted::Conversations => Unit::Conversations,
    }
}

/// The rule counts such a contact, wherever it was.
#[inline]
fn counts(limits: &ContactFrequency, marks: Marks) -> bool {
    marks.counts(limits.count)
        && marks.on(limits.channels)
        && marks.by(limits.technologies)
        && !marks.excluded(limits.exclude)
}

/// The rule counts from the first conversation on, and somebody may have been spoken to where the case was worked before.
fn talked_elsewhere(limits: &ContactFrequency, situation: &Situation<'_>) -> bool {
    limits.exclude.has(Exclude::BeforeConversation) && situation.version.history_complete_from.is_some()
}

/// Earlier contacts that are counted, newest first: those that certainly are, or also those that may have been at one of
/// the rule's places, or after a conversation.
fn before<'a>(
    limits: &'a ContactFrequency,
    situation: &'a Situation<'a>,
    since: Timestamp,
    certain: bool,
) -> impl Iterator<Item = &'a ContactStamp> {
    let talked = situation.watch.conversed().filter(|_| limits.exclude.has(Exclude::BeforeConversation));
    let talked = talked.filter(|_| certain || !talked_elsewhere(limits, situation));
    let since = talked.map_or(since, |talked| since.max(talked.plus(1)));
    let here = move |stamp: &&ContactStamp| limits.places.is_empty() || at_places(limits, situation, stamp, certain);
    earlier(situation, limits.per, since, |marks| counts(limits, marks)).filter(here)
}

/// The contact was, or may have been, at one of the rule's places.
fn at_places(limits: &ContactFrequency, situation: &Situation<'_>, stamp: &ContactStamp, certain: bool) -> bool {
    // The log of a person knows only places that were stated; of this case's contacts the case knows more.
    let own = situation.before_here.iter().find(|one| one.stamp.id == stamp.id);
    let may_be = own.map_or(stamp.marks, |one| one.stamp.marks).places();
    which::among(limits.places, may_be).is_some_and(|sure| sure || !certain)
}

pub(crate) fn judge(limits: &ContactFrequency, situation: &Situation<'_>) -> Option<Speaking> {
    if !counts(limits, situation.marks()?) {
        return None;
    }
    let mut doubt = which::at_place(limits.places, situation)?;
    let elsewhere = talked_elsewhere(limits, situation);
    if limits.exclude.has(Exclude::BeforeConversation) && situation.watch.conversed().is_none() {
        if !elsewhere {
            return None;
        }
        doubt = doubt.or(Some(Attribute::History));
    }
    let Some(max) = limits.max else { return Some(Speaking::no_figure()) };
    if situation.zones.as_slice().is_empty() || situation.zones.overflow {
        return Some(Speaking::missing(Attribute::Zone));
    }
    let possible = counted(limits, max, situation, false);
    if limits.places.is_empty() && !elsewhere || possible.answer != Answer::Broken {
        return Some(possible);
    }
    let certain = counted(limits, max, situation, true).in_doubt(doubt);
    let open = doubt.unwrap_or(if elsewhere { Attribute::History } else { Attribute::Place });
    Some(if certain.answer == Answer::Broken { certain } else { possible.in_doubt(Some(open)) })
}

fn counted(limits: &ContactFrequency, max: u32, situation: &Situation<'_>, certain: bool) -> Speaking {
    // Without any earlier contact nothing depends on where a day begins; and what has happened is only told where it breaks
    // the rule, so that fewer than so many need no look at the clock.
    let near = not_before(limits.window, situation.at);
    let any = any_since(situation, limits.per, near);
    if !situation.asked && max > 0 {
        let most = max as usize;
        if !any || before(limits, situation, near, certain).take(most).count() < most {
            return Speaking::new(Answer::Kept);
        }
    }
    let max = i64::from(max);
    let mut worst = 0;
    let mut free: Option<Timestamp> = None;
    let zones = if any { situation.zones.as_slice() } else { &[] };
    for zone in zones {
        let since = situation.window(limits.window, *zone);
        let mut seen = 0_i64;
        for stamp in before(limits, situation, since, certain) {
            seen += 1;
            if seen == max {
                // So many of the oldest must have left that one more fits: this one and all before it.
                free = free.max(Some(leaves(limits.window, stamp.at, *zone)));
            }
        }
        worst = worst.max(seen);
    }
    let seen = worst.saturating_add(1);
    let broken = seen > max;
    let steady = !broken && situation.rests();
    let mut judgement =
        Speaking::new(if broken { Answer::Broken } else { Answer::Kept }).seen(seen, max, unit(limits.count));
    judgement.remaining = Some((max - seen).max(0));
    judgement.steady = steady;
    judgement.allowed_from = if broken { free } else { None };
    if broken && !situation.searching {
        let since = situation.zones.as_slice().iter().map(|zone| situation.window(limits.window, *zone)).min();
        let mut evidence: Vec<ActivityId> =
            before(limits, situation, since.unwrap_or(situation.at), certain).map(|stamp| stamp.id.clone()).collect();
        evidence.reverse();
        evidence.push(situation.activity.id.clone());
        judgement.evidence = evidence.into();
    }
    judgement
}
