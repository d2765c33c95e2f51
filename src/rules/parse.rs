//! A pack's `rules.toml`: head, calendar, rules and the rows left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use toml::de::DeTable;

use super::calendar::{Calendar, Holiday, HolidayOn, Observed};
use super::pack::{NotEncoded, Pack};
use super::parse_hours::{weekdays, zone};
use super::parse_rule::{self, Defaults, FeeTables};
use super::payment_application::components;
use super::rates::RateTables;
use super::reader::{Reader, Reading};
use super::stated::folder;
use super::words::Word;
use super::{cover, parse_fee};
use crate::domain::ids::JurisdictionId;
use crate::domain::market::PaymentOrderOf;
use crate::domain::money::Currency;
use crate::domain::party::is_subdivision;
use crate::domain::vocabulary::{Component, DebtClass, DebtType, vocabulary};

vocabulary!(
    /// How a holiday on a weekend is kept.
    ObservedWord {
        SameDay = "same_day", MondayIfSunday = "monday_if_sunday", MondayIfWeekend = "monday_if_weekend",
        NearestWeekday = "nearest_weekday",
    }
);

impl Word for ObservedWord {
    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }
    fn all() -> &'static [Self] {
        Self::ALL
    }
    fn name(self) -> &'static str {
        self.as_str()
    }
    fn bit(self) -> u32 {
        1 << (self as u32)
    }
}

/// Reads a pack's rules; examples and digest are added by the compiler.
pub fn pack(cx: &Reading<'_>, table: &DeTable<'_>, rates: &RateTables) -> Option<Pack> {
    let mut root = Reader::new(cx, table, 0..0, "file");
    if root.integer("format", 1, 1).is_none() && !root.has("format") {
        root.missing("format", "1");
    }
    let id = root.need_text("jurisdiction").and_then(|text| {
        if let Some(id) = jurisdiction(&text) {
            return Some(id);
        }
        let (message, lower) = (format!("\"{text}\" is no jurisdiction id"), text.to_ascii_lowercase());
        let lower = (lower != text).then(|| jurisdiction(&lower)).flatten();
        let remedy = lower.as_ref().map(|id| format!("write it in lower case: jurisdiction = \"{id}\""));
        root.wrong("jurisdiction", &message, remedy.as_deref().unwrap_or("write it as us, us-ny or us-ny-nyc"));
        // What was meant is plain: its rules and examples are read as those of that jurisdiction.
        lower
    });
    let name = root.need_text("name");
    let version = root.need_text("version");
    let stated = parse_fee::currency(&mut root);
    let misread = stated.is_none() && root.has("currency");
    // Amounts are read in one that stands in for it, so that none is told to lack what is there.
    let currency = if misread { parse_fee::stand_in() } else { stated };
    let highest_vat = parse_fee::decimal(&mut root, "highest_vat", true);
    let payment_order = payment_order(&mut root, "payment_order");
    let mut payment_orders = Vec::new();
    for mut reader in root.tables("payment_order_of") {
        payment_orders.extend(payment_order_of(&mut reader));
        reader.finish();
    }
    let zones = zones(&mut root);
    let mut subdivision_zones: BTreeMap<String, Vec<Tz>> = BTreeMap::new();
    for mut reader in root.tables("subdivision") {
        subdivisions(&mut reader, &mut subdivision_zones);
        reader.finish();
    }
    let mut includes = Vec::new();
    for text in root.texts("includes") {
        match JurisdictionId::new(&text) {
            Ok(id) => includes.push(id),
            Err(error) => root.wrong("includes", &format!("\"{text}\" {error}"), "name a shared pack, such as \"eu\""),
        }
    }
    let shared = root.boolean("shared").unwrap_or(false);
    let calendar = root.table("calendar").map(|mut table| {
        let calendar = calendar(&mut table);
        table.finish();
        Arc::new(calendar)
    });
    let mut rules = Vec::new();
    let mut not_encoded = Vec::new();
    // Rules are read even if the head is wrong, so that every mistake is reported at once.
    let standin = jurisdiction(folder(&cx.file.path)).unwrap_or_else(|| JurisdictionId::trusted("zz"));
    let jurisdiction = id.as_ref().unwrap_or(&standin);
    let tables = fee_tables(&mut root, currency);
    let defaults = Defaults { jurisdiction, currency, highest_vat, misread, tables: &tables, rates, tenant: false };
    for mut reader in root.tables("rule") {
        let rule = parse_rule::rule(&mut reader, &defaults);
        rules.extend(rule.map(Arc::new));
        reader.finish();
    }
    let scope = cover::clauses(&mut root, jurisdiction.as_str(), currency);
    for mut reader in root.tables("not_encoded") {
        let (id, encoded_in) = (reader.need_text("id"), reader.texts("encoded_in"));
        let reason = reader.text("reason");
        if reason.is_none() && encoded_in.is_empty() {
            reader.missing(
                "reason",
                "\"...\", why it cannot be judged, or encoded_in = [\"...\"], the rules that encode it",
            );
        }
        let position = reader.cx.position(reader.offset());
        not_encoded.extend(id.map(|id| NotEncoded { id, encoded_in, reason, position }));
        reader.finish();
    }
    root.finish();
    Some(Pack {
        id: id?,
        name: name?,
        version: version?,
        includes,
        shared,
        currency,
        highest_vat,
        payment_order,
        payment_orders,
        zones,
        subdivision_zones,
        calendar,
        rules,
        scope: (!scope.is_empty()).then(|| scope.into()),
        not_encoded,
        examples: Vec::new(),
        digest: String::new(),
        position: cx.position(0),
    })
}

/// The id of a jurisdiction, if the text is one.
fn jurisdiction(text: &str) -> Option<JurisdictionId> {
    let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let country = text.split('-').next().is_some_and(|country| country.len() == 2);
    // No residence states a longer subdivision: such a pack would never speak.
    let subdivision = text.split('-').nth(1).is_none_or(is_subdivision);
    let sound = plain && country && subdivision && text.len() <= 24 && text.split('-').count() <= 3;
    if sound { JurisdictionId::new(text).ok() } else { None }
}

/// Each component once, in the order in which payments that state nothing are put.
fn payment_order(root: &mut Reader<'_, '_>, key: &'static str) -> Option<[Component; 3]> {
    if !root.has(key) {
        return None;
    }
    let order = <[Component; 3]>::try_from(components(root, key)).ok();
    if order.is_none() {
        let remedy = format!("write {key} = [\"cost\", \"interest\", \"principal\"] in the order of the law");
        root.wrong(key, &format!("{key} does not name each component once"), &remedy);
    }
    order
}

/// The order of debts of some kind.
fn payment_order_of(reader: &mut Reader<'_, '_>) -> Option<PaymentOrderOf> {
    let (classes, types) = (reader.set::<DebtClass>("debt_class"), reader.set::<DebtType>("debt_type"));
    if !reader.has("debt_class") && !reader.has("debt_type") {
        reader.missing("debt_class", "[\"consumer\"], the debts that it concerns; payment_order is that of all");
    }
    if !reader.has("order") {
        reader.missing("order", "[\"principal\", \"interest\", \"cost\"], in the order of the law");
    }
    let order = payment_order(reader, "order")?;
    Some(PaymentOrderOf { debt_classes: classes.iter().collect(), debt_types: types.iter().collect(), order })
}

fn zones(table: &mut Reader<'_, '_>) -> Vec<Tz> {
    let names = table.texts("zones");
    names.iter().filter_map(|name| zone(table, "zones", name)).collect()
}

/// `[[subdivision]]`: the zones of residents of whom the subdivision is known.
fn subdivisions(reader: &mut Reader<'_, '_>, found: &mut BTreeMap<String, Vec<Tz>>) {
    for key in ["codes", "zones"] {
        if !reader.has(key) {
            reader.missing(key, "codes = [\"IL\", \"WI\"] and zones = [\"America/Chicago\"]");
        }
    }
    let zones = zones(reader);
    for code in subdivision_codes(reader, "codes") {
        if found.insert(code.clone(), zones.clone()).is_some() {
            reader.wrong(
                "codes",
                &format!("\"{code}\" is named twice"),
                "name each subdivision once, with all its zones",
            );
        }
    }
}

/// Subdivisions as residences state them: another word would never be met, and what stands beside it never hold.
fn subdivision_codes(reader: &mut Reader<'_, '_>, key: &'static str) -> Vec<String> {
    let codes = reader.texts(key);
    let known = |code: &str| is_subdivision(code) && !code.bytes().any(|byte| byte.is_ascii_lowercase());
    for code in codes.iter().filter(|code| !known(code)) {
        reader.wrong(
            key,
            &format!("\"{code}\" is no subdivision"),
            "write what stands behind the hyphen of its ISO 3166-2 code, in capitals: \"NY\", \"BY\"",
        );
    }
    codes
}

/// `[[fee_table]]`: tiers under a name, for rules that differ in all else.
fn fee_tables(root: &mut Reader<'_, '_>, currency: Option<Currency>) -> FeeTables {
    let mut tables = FeeTables::new();
    for mut reader in root.tables("fee_table") {
        let id = reader.need_text("id");
        match currency {
            Some(currency) => {
                let tiers = parse_fee::listed(&mut reader, currency);
                if tiers.is_empty() {
                    reader.missing("tiers", "[{ up_to = \"500.00\", amount = \"51.50\" }, ...]");
                }
                if let Some(id) = id
                    && tables.insert(id, tiers).is_some()
                {
                    reader.wrong("id", "two fee tables have this id", "give each table an id of its own");
                }
            }
            None => {
                let at = reader.offset();
                reader.cx.wrong(at, "a fee table needs the pack's currency", "add currency to the pack's head");
            }
        }
        reader.finish();
    }
    tables
}

fn calendar(table: &mut Reader<'_, '_>) -> Calendar {
    let mut weekend = [false; 7];
    for day in weekdays(table, "weekend") {
        if let Some(slot) = weekend.get_mut(usize::from(day)) {
            *slot = true;
        }
    }
    if weekend.iter().all(|day| *day) {
        table.wrong("weekend", "every day is a weekend's day", "leave at least one working day");
    }
    let mut holidays = Vec::new();
    for mut reader in table.tables("holiday") {
        holidays.extend(holiday(&mut reader));
        reader.finish();
    }
    let partial = table.boolean("complete").is_some_and(|complete| !complete);
    Calendar { weekend, holidays, partial }
}

fn holiday(reader: &mut Reader<'_, '_>) -> Option<Holiday> {
    let name = reader.need_text("name");
    let date = reader.text("date").and_then(|text| {
        let parsed = format!("2024-{text}").parse::<chrono::NaiveDate>().ok();
        if parsed.is_none() {
            reader.wrong("date", &format!("\"{text}\" is no month and day"), "write it as \"01-06\"");
        }
        parsed.map(|date| {
            use chrono::Datelike;
            HolidayOn::Date(date.month() as u8, date.day() as u8)
        })
    });
    let days = |number: i64| i16::try_from(number).unwrap_or(0);
    let easter = reader.integer("easter", -120, 120).map(|n| HolidayOn::Easter(days(n)));
    let orthodox = reader.integer("orthodox_easter", -120, 120).map(|n| HolidayOn::OrthodoxEaster(days(n)));
    let weekday = reader.has("weekday").then(|| weekday_rule(reader)).flatten();
    let mut found = [date, easter, orthodox, weekday].into_iter().flatten();
    let on = found.next();
    if on.is_none() || found.next().is_some() {
        let at = reader.offset();
        reader.cx.wrong(
            at,
            "a holiday needs exactly one day",
            "write date = \"01-06\", or easter = 1, or weekday = \"mon\" with month and nth, or with on_or_after",
        );
    }
    let observed = match reader.word::<ObservedWord>("observed") {
        None | Some(ObservedWord::SameDay) => Observed::SameDay,
        Some(ObservedWord::MondayIfSunday) => Observed::MondayIfSunday,
        Some(ObservedWord::MondayIfWeekend) => Observed::MondayIfWeekend,
        Some(ObservedWord::NearestWeekday) => Observed::NearestWeekday,
    };
    let year = |reader: &mut Reader<'_, '_>, key| reader.integer(key, 1800, 2200).and_then(|n| i32::try_from(n).ok());
    let (from_year, until_year) = (year(reader, "from_year"), year(reader, "until_year"));
    if from_year.zip(until_year).is_some_and(|(from, until)| until < from) {
        reader.wrong("until_year", "until_year lies before from_year", "write the last year in which it is kept");
    }
    Some(Holiday {
        observed,
        from_year,
        until_year,
        subdivisions: subdivision_codes(reader, "subdivisions"),
        // Last: every key is read before.
        name: name?,
        on: on?,
    })
}

fn weekday_rule(reader: &mut Reader<'_, '_>) -> Option<HolidayOn> {
    let name = reader.text("weekday")?;
    let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let Some(day) = names.iter().position(|one| *one == name).and_then(|at| u8::try_from(at).ok()) else {
        reader.wrong("weekday", &format!("\"{name}\" is no weekday"), "write mon, tue, wed, thu, fri, sat or sun");
        return None;
    };
    if let Some(text) = reader.text("on_or_after") {
        use chrono::Datelike;
        let parsed = format!("2023-{text}").parse::<chrono::NaiveDate>().ok();
        if parsed.is_none() {
            reader.wrong("on_or_after", &format!("\"{text}\" is no month and day"), "write it as \"06-20\"");
        }
        return parsed.map(|date| HolidayOn::OnOrAfter(date.month() as u8, date.day() as u8, day));
    }
    let month = reader.integer("month", 1, 12).and_then(|n| u8::try_from(n).ok());
    let nth = reader.integer("nth", -1, 5).filter(|nth| *nth != 0).and_then(|n| i8::try_from(n).ok());
    if month.is_none() || nth.is_none() {
        reader.wrong(
            "weekday",
            "weekday needs month and nth, or on_or_after",
            "write month = 11, nth = 4 (-1 is the last)",
        );
    }
    Some(HolidayOn::Nth(month?, day, nth?))
}
