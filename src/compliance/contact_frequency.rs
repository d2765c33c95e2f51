//! At most so many attempts, contacts or conversations in a window.

use super::judgement::Judgement;
use super::persons::Marks;
use super::situation::Situation;
use super::windows::{begins, earlier, leaves, not_before};
use crate::domain::ids::ActivityId;
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Answer, Unit};
use crate::rules::model::ContactFrequency;
use crate::rules::words::{Attribute, Counted};

/// The unit in which a rule counts.
pub(crate) const fn unit(count: Counted) -> Unit {
    match count {
        Counted::Attempts => Unit::Attempts,
        Counted::Contacts => Unit::Contacts,
        Counted::Conversations => Unit::Conversations,
    }
}

pub(crate) fn judge(limits: &ContactFrequency, situation: &Situation<'_>) -> Option<Judgement> {
    let counted = |marks: Marks| {
        marks.counts(limits.count)
            && marks.on(limits.channels)
            && marks.by(limits.technologies)
            && !marks.excluded(limits.exclude)
    };
    let marks = situation.marks()?;
    if !counted(marks) {
        return None;
    }
    let Some(max) = limits.max else { return Some(Judgement::no_figure()) };
    if situation.zones.as_slice().is_empty() || situation.zones.overflow {
        return Some(Judgement::missing(Attribute::Zone));
    }
    // Without any earlier contact nothing depends on where a day begins; and what has happened is only told where it breaks
    // the rule, so that fewer than so many need no look at the clock.
    let near = earlier(situation, limits.per, not_before(limits.window, situation.at), counted);
    let decides = if situation.asked { 1 } else { max.max(1) as usize };
    let any = near.take(decides).count() == decides;
    if !any && !situation.asked && max > 0 {
        return Some(Judgement::new(Answer::Kept));
    }
    let max = i64::from(max);
    let mut worst = 0;
    let mut free: Option<Timestamp> = None;
    let zones = if any { situation.zones.as_slice() } else { &[] };
    for zone in zones {
        let since = begins(limits.window, situation.at, *zone);
        let mut before = 0_i64;
        for stamp in earlier(situation, limits.per, since, counted) {
            before += 1;
            if before == max {
                // So many of the oldest must have left that one more fits: this one and all before it.
                free = free.max(Some(leaves(limits.window, stamp.at, *zone)));
            }
        }
        worst = worst.max(before);
    }
    let seen = worst.saturating_add(1);
    let broken = seen > max;
    let mut judgement =
        Judgement::new(if broken { Answer::Broken } else { Answer::Kept }).seen(seen, max, unit(limits.count));
    judgement.remaining = Some((max - seen).max(0));
    if broken {
        judgement.allowed_from = free;
        let since = situation.zones.as_slice().iter().map(|zone| begins(limits.window, situation.at, *zone)).min();
        let mut evidence: Vec<ActivityId> = earlier(situation, limits.per, since.unwrap_or(situation.at), counted)
            .map(|stamp| stamp.id.clone())
            .collect();
        evidence.reverse();
        evidence.push(situation.activity.id.clone());
        judgement.evidence = evidence.into();
    }
    Some(judgement)
}
