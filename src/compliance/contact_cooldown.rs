//! After an event, no contact for a while.

use super::judgement::Speaking;
use super::persons::Marks;
use super::situation::Situation;
use super::windows::{
    MINUTE, Since, any_since, begins_with, by_dates, circle_attribute, earlier, last_to_leave, not_before, open_circle,
};
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
    let possible = waited(limits, wait, situation, (missing.is_none(), by_dates(wait)), perhaps);
    if possible.answer != Answer::Broken {
        let open = missing.and_then(|_| open_circle(limits.per, situation));
        return Some(open.map_or(possible, Speaking::missing));
    }
    let certain = waited(limits, wait, situation, (true, true), event);
    if certain.answer == Answer::Broken {
        return Some(certain);
    }
    if waited(limits, wait, situation, (true, false), event).answer == Answer::Broken {
        return Some(possible.in_doubt(Some(Attribute::ClockTime)));
    }
    // The input that alone would tell: who belongs together, or how an earlier contact went.
    let told = waited(limits, wait, situation, (true, false), perhaps).answer == Answer::Broken;
    Some(possible.in_doubt(missing.filter(|_| !told).or(Some(Attribute::Outcome))))
}

/// What is said where the wait follows events that are certain, or may be, of the same circle (`together`), and of which is
/// certain, or possible, that they were so shortly before where the time of a day is not known (`on_time`).
fn waited(
    limits: &ContactCooldown,
    wait: Window,
    situation: &Situation<'_>,
    (together, on_time): (bool, bool),
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
        let at = if on_time { situation.latest(*zone) } else { situation.earliest(*zone) };
        let since = Since::window(begins_with(wait, at, situation.clock(*zone).0, *zone), *zone);
        let since = if on_time { since.wholly() } else { since };
        let events = earlier(situation, limits.per, since, together, event);
        let Some((free, last)) = last_to_leave(wait, *zone, on_time, situation, events) else { continue };
        if at < free {
            judgement.answer = Answer::Broken;
            judgement.allowed_from = judgement.allowed_from.max(Some(free));
            if judgement.evidence.is_empty() && !situation.searching {
                judgement.evidence.extend([last.id.clone(), situation.activity.id.clone()]);
            }
            let (first, by) = situation.span_of(last, *zone);
            judgement.observed = match told {
                // Nobody knows how many, where the time of a day is not known.
                Unit::Minutes => (first == by).then(|| at.0.saturating_sub(last.at.0) / MINUTE),
                _ => Some(at.date(*zone).signed_duration_since(first.date(*zone)).num_days()),
            };
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
