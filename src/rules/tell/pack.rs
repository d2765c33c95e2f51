//! The head of a pack, its calendar, its scope and the dated tables in words.

use super::super::calendar::{Calendar, Holiday, HolidayOn, Observed};
use super::super::cover::Clause;
use super::super::pack::Pack;
use super::super::rates::{RateEntry, RateTable, RateUnit};
use super::head::assumed;
use super::line::Line;
use super::words::{day, many, money, percent, plain, scope, word};
use crate::domain::market::PaymentOrderOf;

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// What a pack says beside its calendar, its scope, its rules and the rows left out. Its id is what it is known by; its
/// digest, its examples and where it stands are no law.
#[must_use]
pub fn pack(pack: &Pack) -> Vec<Line> {
    let Pack {
        id: _,
        name,
        version,
        includes,
        shared,
        currency,
        highest_vat,
        payment_order,
        payment_orders,
        zones,
        subdivision_zones,
        calendar: _,
        rules: _,
        scope: _,
        not_encoded: _,
        examples: _,
        digest: _,
        position: _,
    } = pack;
    let order = payment_order.iter().flatten().map(|component| plain(component.as_str())).collect();
    let named = |zones: &[chrono_tz::Tz]| zones.iter().map(|zone| zone.name().to_owned()).collect();
    let mut lines = vec![
        Line::phrase("name", "name", name.as_str()),
        Line::phrase("version", "version", version.as_str()),
        Line::list("includes", "includes", includes.iter().map(|id| id.as_str().to_owned()).collect(), "no other pack"),
        Line::flag("shared", *shared, "only for other packs to include"),
        Line::optional("currency", "currency", currency.map(|currency| currency.code().to_owned())),
        Line::optional("highest_vat", "highest rate of VAT", highest_vat.map(percent)),
        Line::list("payment_order", "payments are put to", order, "what they state"),
        Line::list("zones", "time zones", named(zones), "those of the pack above"),
    ];
    for PaymentOrderOf { debt_classes, debt_types, order } in payment_orders {
        let classes = debt_classes.iter().map(|class| plain(class.as_str()));
        let of: Vec<String> = classes.chain(debt_types.iter().map(|debt| plain(debt.as_str()))).collect();
        let order = order.iter().map(|component| plain(component.as_str())).collect();
        let key = format!("payment_order_of.{}", of.join("."));
        lines.push(Line::list(
            &key,
            &format!("payments on {} debts are put to", of.join(" ")),
            order,
            "what others are",
        ));
    }
    for (code, zones) in subdivision_zones {
        lines.push(Line::list(
            &format!("subdivision.{code}"),
            &format!("time zones of {code}"),
            named(zones),
            "those of the pack",
        ));
    }
    lines
}

/// What a calendar says; nothing where there is none.
#[must_use]
pub fn calendar(calendar: Option<&Calendar>) -> Vec<Line> {
    let Some(Calendar { weekend, holidays, partial }) = calendar else { return Vec::new() };
    let days = DAYS.iter().zip(weekend).filter(|(_, off)| **off).map(|(name, _)| (*name).to_owned()).collect();
    let mut lines = vec![Line::list("calendar.weekend", "weekend", days, "no day")];
    lines.push(Line::flag(
        "calendar.complete",
        *partial,
        "the calendar leaves holidays out: no working days are counted by it",
    ));
    for (at, one) in holidays.iter().enumerate() {
        // Two entries may share a name where a holiday has moved.
        let before = holidays.iter().take(at).filter(|other| other.name == one.name).count();
        let key = format!("calendar.holiday.{}.{before}", one.name);
        lines.push(Line::parts(&key, &format!("public holiday \"{}\"", one.name), Some(holiday(one))));
    }
    lines
}

fn name_of(names: &[&'static str], place: u8) -> &'static str {
    names.get(usize::from(place)).copied().unwrap_or("")
}

fn holiday(holiday: &Holiday) -> Vec<String> {
    let Holiday { name: _, on, observed, from_year, until_year, subdivisions } = holiday;
    let from_easter = |days: i16| match days {
        0 => "on".to_owned(),
        days if days < 0 => format!("{} before", many(-i64::from(days), "days")),
        days => format!("{} after", many(i64::from(days), "days")),
    };
    let month = |month: u8| name_of(&MONTHS, month.saturating_sub(1));
    let on = match *on {
        HolidayOn::Date(in_month, day) => format!("on {day} {}", month(in_month)),
        HolidayOn::Easter(days) => format!("{} Easter Sunday", from_easter(days)),
        HolidayOn::OrthodoxEaster(days) => format!("{} Orthodox Easter Sunday", from_easter(days)),
        HolidayOn::Nth(in_month, weekday, -1) => {
            format!("on the last {} of {}", name_of(&DAYS, weekday), month(in_month))
        }
        HolidayOn::Nth(in_month, weekday, nth) => {
            format!("on {} no. {nth} of {}", name_of(&DAYS, weekday), month(in_month))
        }
        HolidayOn::OnOrAfter(in_month, day, weekday) => {
            format!("on the first {} from {day} {} on", name_of(&DAYS, weekday), month(in_month))
        }
    };
    let kept = match observed {
        Observed::SameDay => "kept on that day only",
        Observed::MondayIfSunday => "a Sunday's also kept on Monday",
        Observed::MondayIfWeekend => "a weekend's also kept on Monday",
        Observed::NearestWeekday => "a weekend's also kept on the nearest weekday",
    };
    let years = match (from_year, until_year) {
        (None, None) => "every year".to_owned(),
        (Some(from), None) => format!("from {from}"),
        (None, Some(until)) => format!("until {until}"),
        (Some(from), Some(until)) => format!("from {from} until {until}"),
    };
    let places =
        if subdivisions.is_empty() { "everywhere".to_owned() } else { format!("in {}", subdivisions.join(" ")) };
    vec![on, kept.to_owned(), years, places]
}

/// What a row of a pack's scope says.
#[must_use]
pub fn clause(clause: &Clause) -> Vec<Line> {
    let Clause {
        id: _,
        text,
        citation,
        confidence,
        valid_from,
        valid_until,
        version_by,
        scope: cases,
        assume,
        position: _,
    } = clause;
    let mut lines = vec![
        Line::optional("valid_from", "in force from", valid_from.map(day)),
        Line::optional("valid_until", "in force until", valid_until.map(day)),
        word("version_by", "date that picks the version", *version_by),
    ];
    lines.extend(scope(cases));
    lines.extend(assumed(assume));
    lines.extend([
        Line::text("citation", "citation", citation),
        word("confidence", "confidence", *confidence),
        Line::text("text", "text", text),
    ]);
    lines
}

/// What a dated table says: its head, then each period with its first day as key.
#[must_use]
pub fn rate_table(table: &RateTable) -> Vec<Line> {
    let RateTable { id: _, title, unit, currency, source, entries, digest: _, position: _ } = table;
    let mut lines = vec![
        Line::text("title", "title", title),
        word("unit", "unit", *unit),
        Line::optional("currency", "currency", currency.map(|currency| currency.code().to_owned())),
        Line::text("source", "source", source),
    ];
    for RateEntry { from, until, value, confidence, position: _ } in entries {
        let value = value.map_or("no figure".to_owned(), |value| match (unit, currency) {
            (RateUnit::Amount, Some(currency)) => money(value, *currency),
            _ => percent(value),
        });
        let until = until.map_or("until further notice".to_owned(), |until| format!("until {}", day(until)));
        let parts = vec![value, until, plain(confidence.as_str())];
        lines.push(Line::parts(&format!("entries.{from}"), &format!("from {}", day(*from)), Some(parts)));
    }
    lines
}
