//! A worked example as values of the domain: the case's versions and its activities in their order.

use chrono_tz::Tz;
use serde_json::{Map, Value, json};

use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::ids::{MarketId, TenantId};
use crate::domain::market::{DEFAULT_PAYMENT_ORDER, Market, MarketKey};
use crate::domain::money::Currency;
use crate::domain::time::Timestamp;
use crate::rules::Packs;
use crate::rules::example::Example;

/// Keys of an activity itself; all others belong to its kind.
const ACTIVITY_KEYS: &[&str] = &[
    "id",
    "cases",
    "person",
    "person_role",
    "occurred",
    "date_only",
    "received",
    "effective",
    "ended",
    "source_seq",
    "initiated_by",
    "at_debtors_request",
    "actor",
    "parent",
    "control",
];
/// Kinds whose money has a currency of its own beside plain minor units.
const CURRENCY_KINDS: &[&str] = &["plan"];

/// An example ready to be folded.
pub(super) struct Story<'e> {
    pub example: &'e Example,
    pub market: Market,
    pub activities: Vec<Activity>,
    pub candidate: Option<Activity>,
    /// The cases: all but the first are copies of it, but for what the example states of them.
    pub cases: Vec<Told>,
}

/// One case of a story.
pub(super) struct Told {
    pub id: String,
    /// The version that holds from ever.
    pub first: CaseVersion,
    later: Vec<CaseVersion>,
}

impl Told {
    /// Every version.
    pub fn versions(&self) -> impl Iterator<Item = &CaseVersion> {
        std::iter::once(&self.first).chain(&self.later)
    }

    /// The version in force at an instant; the first holds from ever.
    pub fn version_at(&self, at: Timestamp) -> &CaseVersion {
        self.later.iter().rev().find(|version| version.effective <= at).unwrap_or(&self.first)
    }
}

/// One instant of the story.
pub(super) struct Moment<'s> {
    pub at: Timestamp,
    /// A later version takes force.
    pub version: bool,
    pub activity: Option<&'s Activity>,
}

impl<'e> Story<'e> {
    /// Reads the example's facts; the error says which one cannot be.
    pub fn tell(packs: &Packs, example: &'e Example) -> Result<Self, String> {
        let pack = packs.get(&example.country.to_lowercase());
        let currency =
            pack.and_then(|pack| pack.currency).or(packs.get(example.jurisdiction.as_str()).and_then(|p| p.currency));
        let currency =
            currency.ok_or_else(|| format!("no pack \"{}\" with a currency", example.country.to_lowercase()))?;
        let zone = example.zone.or(pack.and_then(|pack| pack.zones.first().copied())).unwrap_or(Tz::UTC);
        let mut activities = Vec::new();
        for raw in &example.activities {
            activities.push(activity(raw, currency)?);
        }
        activities.sort_by(|a, b| a.order().cmp(&b.order()));
        let candidate = example.check.as_ref().map(|check| activity(&check.activity, currency)).transpose()?;
        let mut ids = vec!["c"];
        for case in activities.iter().flat_map(|activity: &Activity| &activity.cases) {
            if !ids.contains(&case.as_str()) {
                ids.push(case.as_str());
            }
        }
        let mut cases = Vec::new();
        for id in ids {
            cases.push(told(example, id, currency, zone)?);
        }
        let named =
            |other: &Value| cases.iter().any(|case| other.get("case").and_then(Value::as_str) == Some(&case.id));
        if let Some(other) = example.others.iter().find(|other| !named(other)) {
            return Err(format!("other {other}: no activity names its case"));
        }
        let market = Market {
            key: MarketKey {
                tenant: TenantId::trusted("example"),
                market: MarketId::trusted(&example.country.to_lowercase()),
            },
            region: example.country.clone(),
            zone,
            currency,
            promise_grace_days: 0,
            attribution_days: 30,
            payment_order: DEFAULT_PAYMENT_ORDER,
            payment_orders: Vec::new(),
            buckets: crate::domain::buckets::Buckets::default(),
            case_dimensions: crate::domain::case_dimensions::CaseDimensions::default(),
        };
        Ok(Self { example, market, activities, candidate, cases })
    }

    /// Versions after the first, activities and the end of the story, in their order.
    pub fn moments(&self) -> Vec<Moment<'_>> {
        let mut moments: Vec<Moment<'_>> = Vec::new();
        let later = self.cases.first().into_iter().flat_map(|case| &case.later);
        moments.extend(later.map(|one| Moment { at: one.effective, version: true, activity: None }));
        let acts = self.activities.iter().map(|one| Moment { at: one.occurred, version: false, activity: Some(one) });
        moments.extend(acts);
        moments.extend(self.example.until.map(|at| Moment { at, version: false, activity: None }));
        // Stable: versions stand before activities of the same instant.
        moments.sort_by_key(|moment| moment.at);
        moments
    }
}

/// The versions of one case.
fn told(example: &Example, id: &str, currency: Currency, zone: Tz) -> Result<Told, String> {
    let other = example.others.iter().find(|other| other.get("case").and_then(Value::as_str) == Some(id));
    let own = |value: &Value| {
        let mut value = value.clone();
        merge(&mut value, &json!({ "case": id }));
        other.into_iter().for_each(|other| merge(&mut value, other));
        version(example, &value, zone)
    };
    let mut value = plain_case(currency);
    merge(&mut value, &example.case);
    let first = own(&value)?;
    let mut later = Vec::new();
    for (number, change) in example.versions.iter().enumerate() {
        merge(&mut value, change);
        merge(&mut value, &json!({ "version": format!("v{}", number + 2) }));
        later.push(own(&value)?);
    }
    later.sort_by(|a, b| a.order().cmp(&b.order()));
    Ok(Told { id: id.to_owned(), first, later })
}

fn plain_case(currency: Currency) -> Value {
    json!({
        "case": "c", "version": "v1", "effective": 0, "currency": currency.code(),
        "identity": { "creditor": "creditor", "creditor_type": "merchant", "ownership": "client", "collector_role": "agency" },
        "class": { "debt_class": "consumer", "debt_type": "sale" },
        "claims": [{ "id": "c1", "principal": 100 * currency.minor_per_unit() }],
        "parties": [{ "person": "p" }],
    })
}

/// Lays `over` over `base`, table by table. The text "unset" takes a key away.
fn merge(base: &mut Value, over: &Value) {
    if base.is_null() && over.is_object() {
        *base = Value::Object(Map::new());
    }
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                if value.as_str() == Some("unset") {
                    base.remove(key);
                } else {
                    merge(base.entry(key.clone()).or_insert(Value::Null), value);
                }
            }
        }
        (base, over) => *base = over.clone(),
    }
}

fn version(example: &Example, value: &Value, zone: Tz) -> Result<CaseVersion, String> {
    let mut value = value.clone();
    if let Some(Value::Array(parties)) = value.get_mut("parties") {
        for party in parties {
            let mut whole = json!({
                "person": "p", "role": "primary", "kind": "consumer",
                "residences": [residence(example)], "zones": [{ "zone": zone.name() }],
            });
            merge(&mut whole, party);
            *party = whole;
        }
    }
    let read: CaseVersion = serde_json::from_value(value.clone()).map_err(|error| format!("case: {error}"))?;
    let written = serde_json::to_value(&read).map_err(|error| format!("case: {error}"))?;
    no_strangers("case", &value, &written)?;
    Ok(read)
}

fn residence(example: &Example) -> Value {
    let mut home = Map::new();
    home.insert("country".to_owned(), json!(example.country));
    if let Some(subdivision) = &example.subdivision {
        home.insert("subdivision".to_owned(), json!(subdivision));
    }
    if let Some(locality) = &example.locality {
        home.insert("locality".to_owned(), json!(locality));
    }
    Value::Object(home)
}

fn activity(raw: &Value, currency: Currency) -> Result<Activity, String> {
    let Value::Object(fields) = raw else { return Err("an activity is no table".to_owned()) };
    let name = fields.get("id").and_then(Value::as_str).unwrap_or("asked").to_owned();
    let mut head = Map::new();
    let mut detail = Map::new();
    for (key, value) in fields {
        // `ended` is an instant of the activity, or says of a condition or hold that it ended.
        let own = ACTIVITY_KEYS.contains(&key.as_str()) && !value.is_boolean()
            || key == "date_only"
            || key == "at_debtors_request";
        let target = if own { &mut head } else { &mut detail };
        target.insert(key.clone(), value.clone());
    }
    head.entry("id").or_insert(json!("asked"));
    head.entry("cases").or_insert(json!(["c"]));
    head.entry("person").or_insert(json!("p"));
    if head.get("person").and_then(Value::as_str) == Some("unset") {
        head.remove("person");
    }
    let kind = detail.get("kind").and_then(Value::as_str).unwrap_or("").to_owned();
    if CURRENCY_KINDS.contains(&kind.as_str()) {
        detail.entry("currency").or_insert(json!(currency.code()));
    }
    head.insert("detail".to_owned(), Value::Object(detail));
    let whole = Value::Object(head);
    let wrong = |error: serde_json::Error| format!("activity \"{name}\": {error}");
    let read: Activity = serde_json::from_value(whole.clone()).map_err(wrong)?;
    let written = serde_json::to_value(&read).map_err(wrong)?;
    no_strangers(&format!("activity \"{name}\""), &whole, &written)?;
    Ok(read)
}

/// Refuses keys that the domain does not know: what was read is written back and compared.
fn no_strangers(path: &str, given: &Value, written: &Value) -> Result<(), String> {
    match (given, written) {
        (Value::Object(given), Value::Object(written)) => {
            for (key, value) in given {
                let idle =
                    matches!(value, Value::Null | Value::Bool(false)) || value == &json!([]) || value == &json!("");
                match written.get(key) {
                    Some(other) => no_strangers(&format!("{path}.{key}"), value, other)?,
                    None if idle => {}
                    None => return Err(format!("{path} has no field \"{key}\"")),
                }
            }
            Ok(())
        }
        (Value::Array(given), Value::Array(written)) => {
            given.iter().zip(written).try_for_each(|(one, other)| no_strangers(path, one, other))
        }
        _ => Ok(()),
    }
}
