//! The table of permitted local times, and the days of a week and of a year as files write them.

use chrono::Datelike;
use chrono_tz::Tz;

use super::model::{ContactHours, HOLIDAY, OpenSpan};
use super::reader::Reader;
use super::words::Holidays;

const WEEKDAYS: [&str; 8] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"];

/// Most open spans of a day. Rules are looked through together for times that are open under all of them, which takes the product
/// of their spans.
const SPANS: usize = 4;

/// Reads permitted local times.
pub fn hours(table: &mut Reader<'_, '_>) -> ContactHours {
    let (channels, places) = (table.set("channels"), table.set("places"));
    let unless_preferred = table.boolean("unless_preferred").unwrap_or(false);
    if unless_preferred && places.is_empty() {
        table.missing("places", "[\"workplace\"], the places for which the person may have stated hours");
    }
    let holidays = table.word("holidays");
    let end_inclusive = table.boolean("end_inclusive").unwrap_or(false);
    let no_figure = table.boolean("no_figure").unwrap_or(false);
    let closed_dates = dates(table, "closed_dates");
    let zone = table.text("zone").and_then(|name| zone(table, "zone", &name));
    if zone.is_some() && no_figure {
        table.wrong("zone", "a clock is named and no hours are stated", "remove zone or no_figure");
    }
    let mut open = Vec::new();
    let spans = table.tables("open");
    if spans.is_empty() && !no_figure {
        table.missing(
            "open",
            "a list of { days = [\"mon\", ...], from = \"08:00\", to = \"21:00\" }, or no_figure = true",
        );
    }
    for mut span in spans {
        let days = weekdays(&mut span, "days");
        if let (Some(from), Some(to)) = (span.minute("from"), span.minute("to")) {
            if to <= from {
                span.wrong("to", "the span ends before it begins", "write a later time, or split it at midnight");
            }
            open.extend(days.iter().map(|day| OpenSpan { day: *day, from, to }));
        }
        span.finish();
    }
    open.sort_unstable();
    if let Some(pair) = open.windows(2).find(|pair| matches!(pair, [a, b] if a.day == b.day && b.from < a.to)) {
        let day = pair.first().and_then(|span| WEEKDAYS.get(usize::from(span.day))).copied().unwrap_or("a day");
        table.wrong("open", &format!("two open spans overlap on {day}"), "join them");
    }
    if let Some(day) = open
        .windows(SPANS + 1)
        .find_map(|some| some.first().filter(|one| some.iter().all(|other| other.day == one.day)))
    {
        let day = WEEKDAYS.get(usize::from(day.day)).copied().unwrap_or("a day");
        table.wrong(
            "open",
            &format!("more than {SPANS} open spans on {day}"),
            "join those between which little time is closed",
        );
    }
    if !table.has("holidays") && !no_figure {
        table.missing("holidays", "\"closed\" or \"ignored\"");
    }
    let holidays = holidays.unwrap_or(Holidays::Closed);
    if holidays == Holidays::Ignored && open.iter().any(|span| span.day == HOLIDAY) {
        table.wrong("holidays", "holidays are ignored, yet a span names them", "write holidays = \"closed\"");
    }
    ContactHours { channels, places, unless_preferred, holidays, closed_dates, end_inclusive, open, zone, no_figure }
}

/// The time zone of that name, which stands in `key`.
pub fn zone(table: &mut Reader<'_, '_>, key: &'static str, name: &str) -> Option<Tz> {
    let zone = name.parse::<Tz>().ok();
    if zone.is_none() {
        table.wrong(key, &format!("\"{name}\" is no IANA time zone"), "write names such as \"Europe/Rome\"");
    }
    zone
}

/// Days of any year, as "12-24".
pub fn dates(table: &mut Reader<'_, '_>, key: &'static str) -> Vec<(u8, u8)> {
    let mut dates = Vec::new();
    for text in table.texts(key) {
        // A leap year, so that 02-29 can be named.
        match format!("2024-{text}").parse::<chrono::NaiveDate>() {
            Ok(date) => dates.push((date.month() as u8, date.day() as u8)),
            Err(_) => table.wrong(key, &format!("\"{text}\" is no month and day"), "write it as \"12-24\""),
        }
    }
    dates
}

/// Weekday numbers, 0 Monday to 6 Sunday, 7 holiday; `mon-fri` names a stretch.
pub fn weekdays(table: &mut Reader<'_, '_>, key: &'static str) -> Vec<u8> {
    if !table.has(key) {
        table.missing(key, "[\"mon\", \"tue\"] or [\"mon-fri\"]");
    }
    let index = |name: &str| WEEKDAYS.iter().position(|day| *day == name).and_then(|at| u8::try_from(at).ok());
    let mut days = Vec::new();
    for text in table.texts(key) {
        let (first, last) = text.split_once('-').unwrap_or((&text, &text));
        match (index(first), index(last)) {
            (Some(first), Some(last)) if first <= last && (last < HOLIDAY || first == last) => {
                days.extend(first..=last)
            }
            _ => table.wrong(
                key,
                &format!("\"{text}\" is no weekday"),
                "write mon, tue, wed, thu, fri, sat, sun, holiday, or a stretch such as mon-fri",
            ),
        }
    }
    days.sort_unstable();
    days.dedup();
    days
}
