//! When and how often, and what rests while a flag is set.

use super::change::Change;
use crate::rules::model::{ContactBlock, ContactCooldown, ContactFrequency, ContactHours, HOLIDAY, OpenSpan, Window};
use crate::rules::parse_hours::{dates, weekdays};
use crate::rules::words::{Holidays, Per};

/// Longest window in days, in hours and in minutes.
const DAYS: i64 = 3_660;
const HOURS: i64 = 87_840;
const MINUTES: i64 = 10_080;

pub(super) fn hours(change: &mut Change<'_, '_, '_>, limits: &mut ContactHours) {
    let closed = dates(change.reader, "closed_dates");
    change.touched |= change.reader.has("closed_dates");
    limits.closed_dates.extend(closed);
    let ignored = limits.holidays == Holidays::Ignored;
    if let Some(word) = change.reader.word::<Holidays>("holidays") {
        change.touched = true;
        if word == Holidays::Ignored && limits.holidays == Holidays::Closed && !limits.no_figure {
            change.loosens("holidays", "it closes on them");
        } else {
            limits.holidays = word;
        }
    }
    change.forgoes("end_inclusive", &mut limits.end_inclusive);
    open(change, limits, ignored);
}

/// `ignored`: to the law a holiday is a day like any other.
fn open(change: &mut Change<'_, '_, '_>, limits: &mut ContactHours, ignored: bool) {
    let spans = change.reader.tables("open");
    if spans.is_empty() {
        return;
    }
    change.touched = true;
    let mut open = Vec::new();
    for mut span in spans {
        let days = weekdays(&mut span, "days");
        if let (Some(from), Some(to)) = (span.minute("from"), span.minute("to")) {
            open.extend(days.iter().map(|day| OpenSpan { day: *day, from, to }));
        }
        span.finish();
    }
    open.sort_unstable();
    let within = |day: u8, span: &OpenSpan| {
        limits.open.iter().any(|one| one.day == day && one.from <= span.from && span.to <= one.to)
    };
    // Under a law that knows no holidays one has the hours of its weekday, which may be any.
    let inside = |span: &OpenSpan| {
        let any_day = span.day == HOLIDAY && ignored;
        if any_day { (0..HOLIDAY).all(|day| within(day, span)) } else { within(span.day, span) }
    };
    if !limits.no_figure && !open.iter().all(inside) {
        change.loosens("open", "a span reaches outside the hours that it permits");
        return;
    }
    if limits.holidays == Holidays::Ignored && open.iter().any(|span| span.day == HOLIDAY) {
        change.reader.wrong(
            "open",
            "holidays are ignored, yet a span names them",
            "write holidays = \"closed\" in this entry, or leave out holiday",
        );
        return;
    }
    limits.open = open;
    limits.no_figure = false;
}

pub(super) fn frequency(change: &mut Change<'_, '_, '_>, limits: &mut ContactFrequency) {
    change.at_most("max", &mut limits.max, (0, 100_000));
    match &mut limits.window {
        Window::CalendarDays(days) => change.more("window_days", days, DAYS),
        Window::Hours(hours) => change.more("window_hours", hours, HOURS),
        Window::Minutes(minutes) => change.more("window_minutes", minutes, MINUTES),
        Window::CalendarWeek | Window::CalendarMonth => {}
    }
    change.fewer("exclude", &mut limits.exclude);
    per(change, &mut limits.per);
    if limits.roles.is_empty() && change.reader.has("roles") {
        change.touched = true;
        change.loosens("roles", "it concerns contacts with anybody");
    } else {
        change.further("roles", &mut limits.roles);
    }
}

/// What counts together: at least all that the law counts.
fn per(change: &mut Change<'_, '_, '_>, limit: &mut Per) {
    let Some(word) = change.reader.word::<Per>("per") else { return };
    change.touched = true;
    if word.covers(*limit) {
        *limit = word;
    } else {
        change.loosens("per", &format!("{word} leaves out some of what its {limit} counts"));
    }
}

pub(super) fn cooldown(change: &mut Change<'_, '_, '_>, limits: &mut ContactCooldown) {
    match &mut limits.wait {
        Some(Window::CalendarDays(days)) => change.more("wait_days", days, DAYS),
        Some(Window::Hours(hours)) => change.more("wait_hours", hours, HOURS),
        Some(Window::Minutes(minutes)) => change.more("wait_minutes", minutes, MINUTES),
        _ => {}
    }
    change.fewer("exclude", &mut limits.exclude);
    per(change, &mut limits.per);
}

pub(super) fn block(change: &mut Change<'_, '_, '_>, limits: &mut ContactBlock) {
    change.further("conditions", &mut limits.conditions);
    // Of a condition it says that it is kept.
    limits.quiet &= limits.conditions.is_empty();
    change.further("flags", &mut limits.flags);
    change.further("also_toward", &mut limits.also_toward);
    change.further("also_of", &mut limits.also_of);
    change.further_steps("forbids", &mut limits.forbids);
    change.longer("lasts", &mut limits.lasts.term);
    change.longer("only_within", &mut limits.only_within);
    change.forgoes("written_only", &mut limits.written_only);
    change.forgoes("until_verified", &mut limits.until_verified);
    change.forgoes("lifted_by_direct_consent", &mut limits.lifted_by_direct_consent);
}
