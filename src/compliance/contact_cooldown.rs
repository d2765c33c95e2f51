//! After an event, no contact for a while.

use super::judgement::Speaking;
use super::persons::Marks;
use super::situation::Situation;
use super::windows::{MINUTE, any_since, circle_attribute, earlier, leaves, not_before, open_circle};
use crate::domain::verdict::{Answer, Unit};
use crate::rules::model::{ContactCooldown, Window};
use crate::rules::words::{Attribute, Count, Exclude, Set};

pub(crate) fn judge(limits: &ContactCooldown, situation: &Situation<'_>) -> Option<Speaking> {
    let marks = situation.marks()?;
    if !marks.on(limits.channels) || marks.excluded(limits.exclude) {
        return None;
    }
    let Some(wait) = limits.wait else { return Some(Speaking::no_figure()) };
    if situation.zones.as_slice().is_empty() || situation.zones.overflow {
        return Some(Speaking::missing(Attribute::Zone));
    }
    // A conversation starts the wait even inside a consent window or on the debtor's own call: only contacts that
    // reached nobody concerned are no event.
    let mut no_event: Set<Exclude> = Set::default();
    for one in [Exclude::NotConnected, Exclude::ExcludedRecipients] {
        if limits.exclude.has(one) {
            no_event.insert(one);
        }
    }
    let like_one = |marks: Marks| {
        marks.on(limits.after_channels) && (limits.after_inbound || !marks.inbound()) && !marks.excluded(no_event)
    };
    let event = |marks: Marks| marks.counts(limits.after) && like_one(marks);
    let perhaps = |marks: Marks| marks.may_count(limits.after) && like_one(marks);
    let wait = match (wait, limits.days) {
        // The event's own date is not counted: the wait is one date longer.
        (Window::CalendarDays(days), Count::ClearDays) => Window::CalendarDays(days.saturating_add(1)),
        (wait, _) => wait,
    };
    let missing = circle_attribute(limits.per);
    let possible = waited(limits, wait, situation, missing.is_none(), perhaps);
    if possible.answer != Answer::Broken {
        let open = missing.and_then(|_| open_circle(limits.per, situation));
        return Some(open.map_or(possible, Speaking::missing));
    }
    let certain = waited(limits, wait, situation, true, event);
    if certain.answer == Answer::Broken {
        return Some(certain);
    }
    // The input that alone would tell: who belongs together, or how an earlier contact went.
    let told = waited(limits, wait, situation, true, perhaps).answer == Answer::Broken;
    Some(possible.in_doubt(missing.filter(|_| !told).or(Some(Attribute::Outcome))))
}

/// What is said where the wait follows events that are `certain` to be of the same circle, or may be.
fn waited(
    limits: &ContactCooldown,
    wait: Window,
    situation: &Situation<'_>,
    certain: bool,
    event: impl Fn(Marks) -> bool + Copy,
) -> Speaking {
    // What is no whole number of days is told in minutes.
    let told = match wait {
        Window::Minutes(_) => Unit::Minutes,
        Window::Hours(hours) if hours % 24 != 0 => Unit::Minutes,
        _ => Unit::Days,
    };
    let mut judgement = Speaking::new(Answer::Kept);
    let any = any_since(situation, limits.per, not_before(wait, situation.at));
    let zones = if any { situation.zones.as_slice() } else { &[] };
    for zone in zones {
        let since = situation.window(wait, *zone);
        let Some(last) = earlier(situation, limits.per, since, certain, event).next() else { continue };
        let free = leaves(wait, last.at, *zone);
        if situation.at < free {
            judgement.answer = Answer::Broken;
            judgement.allowed_from = judgement.allowed_from.max(Some(free));
            if judgement.evidence.is_empty() && !situation.searching {
                judgement.evidence.extend([last.id.clone(), situation.activity.id.clone()]);
            }
            judgement.observed = Some(match told {
                Unit::Minutes => situation.at.0.saturating_sub(last.at.0) / MINUTE,
                _ => situation.at.date(*zone).signed_duration_since(last.at.date(*zone)).num_days(),
            });
        }
    }
    judgement.steady = judgement.answer == Answer::Kept && situation.rests();
    if judgement.answer == Answer::Broken {
        judgement.unit = Some(told);
        judgement.limit = Some(match wait {
            Window::Minutes(minutes) => minutes.into(),
            Window::Hours(hours) if told == Unit::Minutes => i64::from(hours) * 60,
            Window::CalendarDays(days) => days.into(),
            Window::Hours(hours) => i64::from(hours) / 24,
            Window::CalendarWeek => 7,
            Window::CalendarMonth => 31,
        });
    }
    judgement
}
