//! A worked example as it was read: facts of a case, activities, and what the rule must say of them.

use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

use super::facts::{self, Known};
use super::model::Kind;
use super::parse_fee;
use super::position::Position;
use super::reader::{Reader, Reading};
use super::spelling::nearest;
use super::words::Word;
use crate::domain::finding::Severity;
use crate::domain::ids::{JurisdictionId, RuleId};
use crate::domain::money::{Currency, Money};
use crate::domain::tenant::TenantFacts;
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Answer, Verdict};

impl Word for Verdict {
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

/// A worked example of one rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The pack whose file holds it.
    pub jurisdiction: JurisdictionId,
    /// What it shows.
    pub name: String,
    /// The rule it proves.
    pub rule: RuleId,
    /// The pack of the debtor's country, for examples of a pack that others include.
    pub country: String,
    /// Subdivision and locality of the debtor.
    pub subdivision: Option<String>,
    /// County or city of the debtor.
    pub locality: Option<String>,
    /// Zone of the times in the example, and the debtor's zone unless the case says otherwise.
    pub zone: Option<Tz>,
    /// Memberships that the tenant declares.
    pub memberships: Vec<String>,
    /// The tenant lets guidelines block.
    pub block_guidelines: bool,
    /// What the tenant declares of itself; absent: it has every licence, account and scheme.
    pub facts: Option<TenantFacts>,
    /// Parts of the case version, laid over a consumer's plain case.
    pub case: Value,
    /// Later versions of the case: parts laid over the one before, with `effective`.
    pub versions: Vec<Value>,
    /// What its other cases state otherwise than the first, each under its `case`.
    pub others: Vec<Value>,
    /// Activities in the order of the file.
    pub activities: Vec<Value>,
    /// Until when time passes after the last activity.
    pub until: Option<Timestamp>,
    /// Activities (or `due:DATE` for omissions) on which the rule must be found broken; all others must not.
    pub findings: Vec<String>,
    /// Severity that each finding must have.
    pub severity: Option<String>,
    /// Activities on which the rule must answer "unknown"; all others must not.
    pub unknown: Vec<String>,
    /// A contact that is asked about.
    pub check: Option<Check>,
    /// Where it stands.
    pub position: Position,
}

/// A contact asked about, and the answer that must come.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The activity asked about.
    pub activity: Value,
    /// Verdict over all rules that speak.
    pub verdict: Option<Verdict>,
    /// What the rule itself must answer: kept, duty, broken, unknown, or silent.
    pub answer: Option<String>,
    /// Earliest instant at which all rules allow it.
    pub next_allowed: Option<Timestamp>,
    /// How many more contacts the rule allows after this one.
    pub remaining: Option<i64>,
    /// What the rule says must be held or done, in its order.
    pub duties: Option<Vec<String>>,
    /// What the rule must have seen, in the unit of its observation.
    pub observed: Option<i64>,
    /// The limit that it must show.
    pub limit: Option<i64>,
}

/// What the pack says of its examples.
pub struct ExampleDefaults<'d> {
    /// The pack.
    pub jurisdiction: &'d JurisdictionId,
    /// The pack's first zone.
    pub zone: Option<Tz>,
    /// The pack's currency.
    pub currency: Option<Currency>,
}

/// Reads a file of examples.
pub fn examples(cx: &Reading<'_>, table: &DeTable<'_>, defaults: &ExampleDefaults<'_>) -> Vec<Example> {
    let mut root = Reader::new(cx, table, 0..0, "file");
    if root.integer("format", 1, 1).is_none() && !root.has("format") {
        root.missing("format", "1");
    }
    let mut out = Vec::new();
    for mut reader in root.tables("example") {
        out.extend(example(&mut reader, defaults));
        reader.finish();
    }
    root.finish();
    out
}

fn example(reader: &mut Reader<'_, '_>, defaults: &ExampleDefaults<'_>) -> Option<Example> {
    let name = reader.need_text("name");
    if let Some(name) = &name {
        reader.rename(format!("example \"{name}\""));
    }
    let rule = reader.need_text("rule").and_then(|text| {
        let id = RuleId::new(&text).map_err(|error| error.to_string());
        id.map_err(|error| reader.wrong("rule", &format!("rule {error}"), "name a rule of the same pack")).ok()
    });
    let own_country = defaults.jurisdiction.as_str().get(..2).unwrap_or("").to_uppercase();
    let mut parts = defaults.jurisdiction.as_str().splitn(3, '-').skip(1);
    let (subdivision, locality) = (parts.next().map(str::to_uppercase), parts.next().map(str::to_owned));
    let zone = match reader.text("zone") {
        Some(text) => {
            let found = text.parse::<Tz>().ok();
            if found.is_none() {
                reader.wrong(
                    "zone",
                    &format!("\"{text}\" is no IANA time zone"),
                    "write a name such as \"Europe/Rome\"",
                );
            }
            found
        }
        None => defaults.zone,
    };
    let currency = parse_fee::currency(reader).or(defaults.currency);
    let convert = Convert { zone: zone.unwrap_or(Tz::UTC), currency, dates: false, minor: false };
    let country = reader.text("country").unwrap_or(own_country);
    let case = object(reader, "case", &convert);
    let versions = objects(reader, "version", &convert);
    let others = objects(reader, "other", &convert);
    let activities = objects(reader, "activity", &convert);
    let facts = reader.table("facts").map(|mut table| {
        // Worked examples may name what no pack has: a licence that does not serve.
        let known = Known { jurisdiction: &|_| true, rule: &|_| Some(Kind::Licence), code: &|_| true, licences: None };
        let facts = facts::facts(&mut table, &known);
        table.finish();
        facts
    });
    let until = reader.text("until").and_then(|text| instant(reader, "until", &text, convert.zone));
    let check = reader.table("check").map(|mut table| {
        let next = table.text("next_allowed");
        let check = Check {
            activity: object(&mut table, "contact", &convert),
            verdict: table.word("verdict"),
            answer: one_of(&mut table, "answer", &answers()),
            next_allowed: next.and_then(|text| instant(&mut table, "next_allowed", &text, convert.zone)),
            remaining: table.integer("remaining", 0, 100_000),
            duties: table.has("duties").then(|| table.texts("duties")),
            observed: table.integer("observed", 0, i64::MAX),
            limit: table.integer("limit", 0, i64::MAX),
        };
        table.finish();
        check
    });
    if activities.is_empty() && check.is_none() {
        reader.missing("activity", "at least one [[example.activity]], or [example.check]");
    }
    if !reader.has("findings") && check.is_none() {
        reader.missing("findings", "[\"ID\", ...], the activities on which the rule must be found broken; [] for none");
    }
    Some(Example {
        jurisdiction: defaults.jurisdiction.clone(),
        country,
        subdivision: reader.text("subdivision").or(subdivision),
        locality: reader.text("locality").or(locality),
        zone,
        memberships: reader.texts("memberships"),
        block_guidelines: reader.boolean("block_guidelines").unwrap_or(false),
        facts,
        case,
        versions,
        others,
        activities,
        until,
        findings: reader.texts("findings"),
        severity: one_of(reader, "severity", &Severity::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>()),
        unknown: reader.texts("unknown"),
        check,
        position: reader.cx.position(reader.offset()),
        // Last: every key is read before.
        name: name?,
        rule: rule?,
    })
}

/// What a rule may answer in a check; `silent`: it says nothing.
fn answers() -> Vec<&'static str> {
    Answer::ALL.iter().map(|answer| answer.as_str()).chain(["silent"]).collect()
}

fn one_of(reader: &mut Reader<'_, '_>, key: &'static str, words: &[&'static str]) -> Option<String> {
    let text = reader.text(key)?;
    if words.contains(&text.as_str()) {
        return Some(text);
    }
    let message = format!("{key} does not know \"{text}\"{}", nearest(&text, words));
    reader.wrong(key, &message, &format!("write one of: {}", words.join(", ")));
    None
}

fn object(reader: &mut Reader<'_, '_>, key: &'static str, convert: &Convert) -> Value {
    match reader.raw(key) {
        Some((value, span)) if value.is_table() => convert.value(reader.cx, "", value, span.start),
        Some((_, span)) => {
            reader.cx.wrong(span.start, format!("{key} is no table"), format!("write [example.{key}]"));
            Value::Null
        }
        None => Value::Object(Map::new()),
    }
}

fn objects(reader: &mut Reader<'_, '_>, key: &'static str, convert: &Convert) -> Vec<Value> {
    let Some((value, span)) = reader.raw(key) else { return Vec::new() };
    let Some(list) = value.as_array() else {
        reader.cx.wrong(span.start, format!("{key} is no list of tables"), format!("write [[example.{key}]]"));
        return Vec::new();
    };
    list.iter().map(|item| convert.value(reader.cx, "", item.get_ref(), item.span().start)).collect()
}

/// Keys whose value is an instant, written as local time in the example's zone or with an offset.
const INSTANTS: &[&str] = &[
    "occurred",
    "received",
    "effective",
    "ended",
    "delivered",
    "returned",
    "given",
    "expires",
    "revoked",
    "placed",
    "verified",
    "history_complete_from",
];
/// Keys whose value is an instant in some tables and a date in others: an instant if it is written with a time.
const EITHER: &[&str] = &["from", "until"];
/// Keys whose value is money with its currency.
const MONEY: &[&str] = &["amount", "cost", "original"];
/// Keys whose value is minor units of the case's currency.
const MINOR: &[&str] = &[
    "base",
    "withheld",
    "principal",
    "vat",
    "basis",
    "agreed_reminder_fee",
    "charge_off_amount",
    "itemisation_amount",
    "purchase_price",
    "face_value",
];

#[derive(Clone, Copy)]
struct Convert {
    zone: Tz,
    currency: Option<Currency>,
    /// Inside `prior_notices` and the like: what elsewhere is an instant is a date here.
    dates: bool,
    /// Inside `instalments` and `amounts`: amounts are minor units without a currency of their own.
    minor: bool,
}

impl Convert {
    fn inside(self, key: &str) -> Self {
        Self {
            dates: self.dates || matches!(key, "prior_notices" | "claims" | "dates"),
            minor: self.minor || matches!(key, "instalments" | "amounts" | "allocation"),
            ..self
        }
    }

    fn value(&self, cx: &Reading<'_>, key: &str, value: &DeValue<'_>, at: usize) -> Value {
        match value {
            DeValue::Boolean(flag) => Value::Bool(*flag),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or(Value::Null, |number| Value::Number(number.into())),
            DeValue::Float(_) => {
                cx.wrong(at, format!("{key} is a float"), "write decimals in quotes: money is exact");
                Value::Null
            }
            DeValue::Datetime(datetime) => self.text(cx, key, &datetime.to_string(), at),
            DeValue::String(text) => self.text(cx, key, text, at),
            DeValue::Array(list) => {
                Value::Array(list.iter().map(|item| self.value(cx, key, item.get_ref(), item.span().start)).collect())
            }
            DeValue::Table(table) => {
                let mut object = Map::new();
                for (name, item) in table {
                    let name = name.get_ref().to_string();
                    let inner = self.inside(&name);
                    object.insert(name.clone(), inner.value(cx, &name, item.get_ref(), item.span().start));
                }
                Value::Object(object)
            }
        }
    }

    fn text(&self, cx: &Reading<'_>, key: &str, text: &str, at: usize) -> Value {
        if text == "unset" {
            return Value::String(text.to_owned());
        }
        if !self.dates && INSTANTS.contains(&key) || (EITHER.contains(&key) && text.len() > 10) {
            return match parse_instant(text, self.zone) {
                Some(instant) => Value::Number(instant.0.into()),
                None => {
                    cx.wrong(
                        at,
                        format!("{key} \"{text}\" is no time"),
                        "write \"2026-11-22 09:30\" or with an offset",
                    );
                    Value::Null
                }
            };
        }
        let money = MONEY.contains(&key) && !self.minor;
        if !money && !self.minor && !MINOR.contains(&key) || text.parse::<NaiveDate>().is_ok() {
            return Value::String(text.to_owned());
        }
        let Some(currency) = self.currency else {
            cx.wrong(at, format!("{key} has no currency"), "add currency to the example or to the pack's head");
            return Value::Null;
        };
        match Money::parse(text, currency) {
            Ok(parsed) if money => serde_json::json!({ "m": parsed.minor, "c": currency.code() }),
            Ok(parsed) => Value::Number(parsed.minor.into()),
            Err(error) => {
                cx.wrong(at, format!("{key} {error}"), "write it as \"60.00\"");
                Value::Null
            }
        }
    }
}

fn instant(reader: &mut Reader<'_, '_>, key: &'static str, text: &str, zone: Tz) -> Option<Timestamp> {
    let found = parse_instant(text, zone);
    if found.is_none() {
        reader.wrong(key, &format!("{key} \"{text}\" is no time"), "write \"2026-11-22 09:30\" or with an offset");
    }
    found
}

/// An instant: RFC 3339 with an offset, or a local date and time (or a date: its midnight) in `zone`.
#[must_use]
pub fn parse_instant(text: &str, zone: Tz) -> Option<Timestamp> {
    if let Ok(at) = chrono::DateTime::parse_from_rfc3339(text) {
        return Some(at.into());
    }
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Some(Timestamp::start_of(date, zone));
    }
    ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .map(|local| Timestamp::at_local(local.date(), local.time(), zone))
}
