//! At most so many attempts, contacts or conversations in a window.

use super::judgement::Judgement;
use super::persons::Marks;
use super::situation::Situation;
use super::windows::{begins, earlier, leaves, not_before};
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
    let max = i64::from(max);
    let mut worst = 0;
    let mut free: Option<Timestamp> = None;
    let any = earlier(situation, limits.per, not_before(limits.window, situation.at), counted).next().is_some();
    // Without any earlier contact nothing depends on where a day begins.
    let zones = if any { situation.zones.as_slice() } else { &[] };
    for zone in zones {
        let since = begins(limits.window, situation.at, *zone);
        let before = i64::try_from(earlier(situation, limits.per, since, counted).count()).unwrap_or(i64::MAX);
        worst = worst.max(before);
        if before >= max && max > 0 {
            // So many of the oldest must have left that one more fits: the one at index max - 1 from the newest.
            let index = usize::try_from(max - 1).unwrap_or(usize::MAX);
            let last = earlier(situation, limits.per, since, counted).nth(index);
            free = free.max(last.map(|stamp| leaves(limits.window, stamp.at, *zone)));
        }
    }
    let seen = worst.saturating_add(1);
    let broken = seen > max;
    let mut judgement =
        Judgement::new(if broken { Answer::Broken } else { Answer::Kept }).seen(seen, max, unit(limits.count));
    judgement.remaining = Some((max - seen).max(0));
    if broken {
        judgement.allowed_from = free;
        let since = situation.zones.as_slice().iter().map(|zone| begins(limits.window, situation.at, *zone)).min();
        judgement.evidence = earlier(situation, limits.per, since.unwrap_or(situation.at), counted)
            .map(|stamp| stamp.id.clone())
            .collect();
        judgement.evidence.reverse();
        judgement.evidence.push(situation.activity.id.clone());
    }
    Some(judgement)
}
