//! A small pack, one case and its fold, for tests of single kinds.

use chrono_tz::Tz;
use serde_json::{Value, json};

use crate::compliance::{CaseWatch, Context, Emission, PersonLogs};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::diagnostic::SourceFile;
use crate::domain::ids::{MarketId, TenantId};
use crate::domain::market::{DEFAULT_PAYMENT_ORDER, Market, MarketKey};
use crate::domain::money::Currency;
use crate::domain::time::{Timestamp, add_days};
use crate::rules::{Packs, RuleSet};

pub(crate) const ZONE: Tz = Tz::Europe__Rome;

/// The files of a pack for Italy with one rule of these limits, `it-x`, and its dated tables.
pub(crate) fn files(head: &str, limits: &str, rates: &str) -> Vec<SourceFile> {
    let rules = format!(
        "format = 1\njurisdiction = \"it\"\nname = \"Italy\"\nversion = \"1\"\ncurrency = \"EUR\"\n\
         zones = [\"Europe/Rome\"]\n[[rule]]\nid = \"it-x\"\ntitle = \"t\"\ntext = \"t\"\ncitation = \"c\"\n\
         source = \"statute\"\neffect = \"prohibits\"\nconfidence = \"read\"\n{head}\n{limits}\n"
    );
    let cases = "format = 1\n[[example]]\nname = \"x\"\nrule = \"it-x\"\n[example.check]\n\
                 contact = { kind = \"note\", occurred = \"2026-01-01\" }\n";
    let mut files = vec![
        SourceFile { path: "it/rules.toml".to_owned(), text: rules },
        SourceFile { path: "it/cases.toml".to_owned(), text: cases.to_owned() },
    ];
    if !rates.is_empty() {
        files.push(SourceFile { path: "rates/x.toml".to_owned(), text: format!("format = 1\n{rates}") });
    }
    files
}

/// The rules of that pack for a tenant whose file says `tenant`.
pub(crate) fn rules(head: &str, limits: &str, rates: &str, tenant: &str) -> RuleSet {
    let packs = Packs::compile(&files(head, limits, rates)).unwrap_or_else(|found| panic!("{found}"));
    let file = SourceFile { path: "t.toml".to_owned(), text: tenant.to_owned() };
    RuleSet::for_tenant(&packs, Some(&file)).unwrap_or_else(|found| panic!("{found}"))
}

pub(crate) fn market() -> Market {
    Market {
        key: MarketKey { tenant: TenantId::trusted("t"), market: MarketId::trusted("it") },
        region: "IT".to_owned(),
        zone: ZONE,
        currency: Currency::parse("EUR").unwrap(),
        promise_grace_days: 0,
        attribution_days: 30,
        payment_order: DEFAULT_PAYMENT_ORDER,
        payment_orders: Vec::new(),
        buckets: crate::domain::buckets::Buckets::default(),
        case_dimensions: crate::domain::case_dimensions::CaseDimensions::default(),
    }
}

/// A consumer's case with what `over` says of it.
pub(crate) fn version(over: Value) -> CaseVersion {
    let mut base = json!({
        "case": "c", "version": "v1", "effective": 0, "currency": "EUR",
        "identity": { "creditor": "creditor", "collector_role": "agency", "ownership": "client" },
        "class": { "debt_class": "consumer", "debt_type": "loan" },
        "claims": [{ "id": "c1", "principal": 1_000_000 }],
        "parties": [{ "person": "p", "role": "primary", "kind": "consumer", "residences": [{ "country": "IT" }] }],
    });
    for (key, value) in over.as_object().unwrap() {
        base[key] = value.clone();
    }
    serde_json::from_value(base).unwrap()
}

/// Ten o'clock, and a few minutes, of a day of 2026.
pub(crate) fn at(day: i64, minute: i64) -> Timestamp {
    Timestamp::start_of(date(day), ZONE).plus((600 + minute) * 60 * crate::domain::time::SECOND)
}

pub(crate) fn date(day: i64) -> chrono::NaiveDate {
    add_days("2026-01-01".parse().unwrap(), day)
}

pub(crate) fn act(id: &str, at: Timestamp, detail: Value) -> Activity {
    let whole = json!({ "id": id, "cases": ["c"], "person": "p", "occurred": at.0, "detail": detail });
    serde_json::from_value(whole).unwrap()
}

pub(crate) fn euros(minor: i64) -> Value {
    json!({ "m": minor, "c": "EUR" })
}

/// Folds a history until a day, time passing also at `ticks` (days); what it emitted, and the labels of the findings:
/// the activity, or `due:DAY` after it for an omission.
pub(crate) fn fold(
    rules: &RuleSet,
    version: &CaseVersion,
    history: &[Activity],
    ticks: &[i64],
    until: i64,
) -> (Vec<Emission>, Vec<String>) {
    let (market, logs) = (market(), PersonLogs::default());
    let context = Context { rules, market: &market, version, lead: true, persons: &logs };
    let mut out = Vec::new();
    let mut watch = CaseWatch::open(&context, &mut out);
    let mut moments: Vec<(Timestamp, Option<&Activity>)> =
        history.iter().map(|activity| (activity.occurred, Some(activity))).collect();
    moments.extend(ticks.iter().map(|day| (at(*day, -1), None)));
    moments.push((at(until, 0), None));
    moments.sort_by_key(|(at, activity)| (*at, activity.map(|one| one.id.clone())));
    for (at, activity) in moments.iter().take_while(|(at, _)| *at <= self::at(until, 0)) {
        watch.advance(&context, *at, &mut out);
        if let Some(activity) = activity {
            watch.apply(&context, activity, &mut out);
        }
    }
    let mut found = Vec::new();
    for emission in &out {
        if let Emission::Opened(finding) = emission {
            let trigger = finding.activity.as_ref().map_or("", |id| id.as_str()).to_owned();
            let day = finding.observed.note.as_deref().and_then(|note| Some(note.rsplit_once(" by ")?.1));
            found.push(match day.filter(|_| finding.omission) {
                Some(day) => format!("{trigger} due:{day}"),
                None => trigger,
            });
        }
    }
    found.sort();
    (out, found)
}
