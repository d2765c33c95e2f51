//! The changes of a rule that its examples must notice: the rule taken out, and each limit moved by one unit.

pub(super) mod head;
mod money;

use crate::rules::model::{FeeCap, Limits, Rule, Term, TierValue, Window};
use crate::rules::words::{Bound, Since};

pub(super) use money::values;

/// A change in words, and the rule after it (`None`: taken out).
pub(super) type Change = (String, Option<Rule>);

/// Every change of a rule.
pub(super) fn changes(rule: &Rule) -> Vec<Change> {
    let mut out: Vec<Change> = vec![("it is taken out".to_owned(), None)];
    out.extend(head::changes(rule));
    let mut with = |name: String, edit: &dyn Fn(&mut Limits) -> bool| {
        let mut changed = rule.clone();
        if edit(&mut changed.limits) && changed.limits != rule.limits {
            out.push((name, Some(changed)));
        }
    };
    with("its term runs from another day".to_owned(), &|limits| match limits {
        Limits::NoticePeriod(limits) => other_day(&mut limits.since),
        Limits::RequiredNotice(limits) => limits.begins_with_a_day() && other_day(&mut limits.since),
        _ => false,
    });
    for step in [-1_i64, 1] {
        let more = if step > 0 { "one more" } else { "one less" };
        with(format!("its number is {more}"), &|limits| match limits {
            Limits::ContactFrequency(limits) => limits.max.as_mut().is_some_and(|max| moved_u32(max, step)),
            Limits::FeeCap(limits) => limits.max_count.as_mut().is_some_and(|max| moved_u32(max, step)),
            _ => false,
        });
        with(format!("its window or term is {more} unit"), &|limits| match limits {
            Limits::ContactFrequency(limits) => limits.max.is_some() && moved_window(&mut limits.window, step),
            Limits::ContactCooldown(limits) => limits.wait.as_mut().is_some_and(|wait| moved_window(wait, step)),
            Limits::NoticePeriod(limits) => moved_term(&mut limits.term, step),
            Limits::RequiredNotice(limits) => moved_term(&mut limits.term, step),
            Limits::LimitationPeriod(limits) => moved_term(&mut limits.term, step),
            Limits::FeeCap(limits) => limits.min_days_between.as_mut().is_some_and(|days| moved_u16(days, step)),
            Limits::ContactBlock(limits) => moved_term(&mut limits.only_within, step),
            _ => false,
        });
        for change in money::changes(rule, step) {
            with(change.0, &*change.1);
        }
        with(format!("its longest age or term is {more} unit"), &|limits| match limits {
            Limits::NoticePeriod(limits) => moved_term(&mut limits.max_age, step),
            Limits::LimitationPeriod(limits) => limits.max_years.as_mut().is_some_and(|years| moved_u16(years, step)),
            _ => false,
        });
        // Without a figure to move, once will do.
        with("an acknowledgement counts in any form".to_owned(), &|limits| match limits {
            Limits::LimitationPeriod(limits) if step > 0 => std::mem::take(&mut limits.acknowledged_in_writing),
            _ => false,
        });
        with("a demand counts in any form".to_owned(), &|limits| match limits {
            Limits::LimitationPeriod(limits) if step > 0 => std::mem::take(&mut limits.demanded_in_writing),
            _ => false,
        });
        with("negotiations hold it where they did not, or the reverse".to_owned(), &|limits| match limits {
            Limits::LimitationPeriod(limits) if step > 0 => {
                limits.negotiation_suspends = limits.negotiation_suspends.map(|holds| !holds);
                limits.negotiation_suspends.is_some()
            }
            _ => false,
        });
        with("an action holds it no more".to_owned(), &|limits| match limits {
            Limits::LimitationPeriod(limits) if step > 0 => std::mem::take(&mut limits.court_action_suspends),
            _ => false,
        });
        with(format!("its time after negotiations is {more} month"), &|limits| match limits {
            Limits::LimitationPeriod(limits) => {
                limits.months_after_negotiation.as_mut().is_some_and(|months| moved_u16(months, step))
            }
            _ => false,
        });
        with(format!("its suspension in default is {more} year"), &|limits| match limits {
            Limits::LimitationPeriod(limits) => {
                limits.suspended_in_default_years.as_mut().is_some_and(|years| moved_u16(years, step))
            }
            _ => false,
        });
        with(format!("its term for titles is {more} year"), &|limits| match limits {
            Limits::LimitationPeriod(limits) => {
                limits.titled_years.as_mut().is_some_and(|years| moved_u16(years, step))
            }
            _ => false,
        });
        with(format!("its amounts are {more} minor unit (or percent)"), &|limits| match limits {
            Limits::FeeCap(limits) => moved_amounts(limits, step),
            _ => false,
        });
        with(format!("its greatest amount is {more} minor unit"), &|limits| match limits {
            Limits::FeeCap(limits) => limits.maximum.as_mut().is_some_and(|most| moved_i64(most, step)),
            _ => false,
        });
        with(format!("its later factor is a hundredth {more}"), &|limits| match limits {
            Limits::FeeCap(limits) => {
                limits.later.as_mut().is_some_and(|later| moved_i64(&mut later.factor, step * 10_000))
            }
            _ => false,
        });
        with(format!("its least amount is {more} minor unit"), &|limits| match limits {
            Limits::FeeCap(limits) => moved_minimum(limits, step),
            _ => false,
        });
        let Limits::ContactHours(hours) = &rule.limits else { continue };
        let distinct = |pick: fn(&crate::rules::model::OpenSpan) -> u16| {
            let mut bounds: Vec<u16> = hours.open.iter().map(pick).collect();
            bounds.sort_unstable();
            bounds.dedup();
            bounds
        };
        for bound in distinct(|span| span.from) {
            with(format!("its hours from {} begin a minute {}", clock(bound), way(step)), &|limits| match limits {
                Limits::ContactHours(hours) => {
                    let spans = hours.open.iter_mut().filter(|span| span.from == bound);
                    all_moved(spans.map(|span| &mut span.from), step)
                }
                _ => false,
            });
        }
        for bound in distinct(|span| span.to) {
            with(format!("its hours to {} end a minute {}", clock(bound), way(step)), &|limits| match limits {
                Limits::ContactHours(hours) => {
                    let spans = hours.open.iter_mut().filter(|span| span.to == bound && bound < 1440);
                    all_moved(spans.map(|span| &mut span.to), step)
                }
                _ => false,
            });
        }
    }
    out
}

fn other_day(since: &mut Option<Since>) -> bool {
    since.as_mut().is_some_and(|since| {
        *since = if *since == Since::Due { Since::Default } else { Since::Due };
        true
    })
}

/// Moves every bound; true if one could be moved.
fn all_moved<'b>(bounds: impl Iterator<Item = &'b mut u16>, step: i64) -> bool {
    let mut any = false;
    for bound in bounds {
        any |= moved_u16(bound, step);
    }
    any
}

fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

const fn way(step: i64) -> &'static str {
    if step > 0 { "later" } else { "earlier" }
}

fn moved_i64(value: &mut i64, step: i64) -> bool {
    // Less than nothing is no limit.
    if *value + step < 0 {
        return false;
    }
    *value += step;
    true
}

pub(super) fn moved_u32(value: &mut u32, step: i64) -> bool {
    let moved = u32::try_from(i64::from(*value) + step);
    moved.map(|moved| *value = moved).is_ok()
}

fn moved_u16(value: &mut u16, step: i64) -> bool {
    match u16::try_from(i64::from(*value) + step) {
        Ok(moved) if *value > 0 || step > 0 => {
            *value = moved;
            true
        }
        _ => false,
    }
}

pub(super) fn moved_window(window: &mut Window, step: i64) -> bool {
    match window {
        Window::CalendarDays(days) => (*days > 1 || step > 0) && moved_u16(days, step),
        Window::Minutes(minutes) => (*minutes > 1 || step > 0) && moved_u32(minutes, step),
        Window::Hours(hours) => (*hours > 1 || step > 0) && moved_u32(hours, step),
        Window::CalendarWeek | Window::CalendarMonth => false,
    }
}

pub(super) fn moved_term(term: &mut Option<Term>, step: i64) -> bool {
    term.as_mut().is_some_and(|term| moved_u16(&mut term.length, step))
}

fn moved_amounts(limits: &mut FeeCap, step: i64) -> bool {
    // An entitlement or a default rate accuses nobody: its amount is told and not judged.
    if limits.bound != Bound::Ceiling {
        return false;
    }
    let mut any = false;
    for tier in &mut limits.tiers {
        any |= match &mut tier.value {
            TierValue::Amount(amount) => moved_i64(amount, step),
            // One percent, in millionths.
            TierValue::Rate(rate) => moved_i64(rate, step * 10_000),
            // One hundredth of the yearly amount.
            TierValue::Times(times) => moved_i64(times, step * 10_000),
        };
    }
    any
}

/// Moves the least amount, unless the table never comes down to it and no example could tell.
fn moved_minimum(limits: &mut FeeCap, step: i64) -> bool {
    let factor = limits.factor.min(limits.factor_if_paid_on_first_letter.unwrap_or(limits.factor));
    let lowest = limits.tiers.iter().map(|tier| match tier.value {
        TierValue::Amount(amount) => i128::from(amount) * i128::from(factor) / 1_000_000,
        TierValue::Rate(_) | TierValue::Times(_) => 0,
    });
    let lowest = lowest.min().unwrap_or(0);
    limits.minimum.as_mut().is_some_and(|least| {
        let before = *least;
        moved_i64(least, step) && lowest < i128::from(before.max(*least))
    })
}
