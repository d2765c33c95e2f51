//! One rule by itself: a pack of it, histories folded under it, contacts asked about.

use serde_json::{Value, json};

use crate::compliance::{CaseWatch, Context, Emission, PersonLogs, TestOutcome};
use crate::compliance::{Note, Speaking};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::diagnostic::{Diagnostics, SourceFile};
use crate::domain::ids::{MarketId, TenantId};
use crate::domain::market::{DEFAULT_PAYMENT_ORDER, Market, MarketKey};
use crate::domain::money::Currency;
use crate::domain::time::{DAY, Timestamp};
use crate::domain::verdict::Answer;
use crate::rules::words::Attribute;
use crate::rules::{Packs, RuleSet};

/// The zone of everybody here: its days are those of the calendar.
pub const ZONE: chrono_tz::Tz = chrono_tz::Tz::UTC;

/// The rules of a country that has only this one, `fr-rule`; `more` stands before it in the file.
pub fn rules_with(more: &str, head: &str, limits: &str, tenant: Option<&str>) -> RuleSet {
    try_rules_with(more, head, limits, tenant).unwrap()
}

/// The same, or what is wrong with the tenant's file.
pub fn try_rules_with(more: &str, head: &str, limits: &str, tenant: Option<&str>) -> Result<RuleSet, Diagnostics> {
    let rules = format!(
        "format = 1\njurisdiction = \"fr\"\nname = \"F\"\nversion = \"1\"\ncurrency = \"EUR\"\nzones = [\"UTC\"]\n\
         [calendar]\nweekend = [\"sat\", \"sun\"]\n{more}\n[[rule]]\nid = \"fr-rule\"\ntitle = \"t\"\ntext = \"t\"\n\
         citation = \"c\"\nsource = \"statute\"\neffect = \"prohibits\"\nconfidence = \"read\"\n{head}\n{limits}"
    );
    let cases =
        "format = 1\n[[example]]\nname = \"x\"\nrule = \"fr-rule\"\n[example.check]\ncontact = { kind = \"note\" }";
    let file = |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.to_owned() };
    let packs = Packs::compile(&[file("fr/rules.toml", &rules), file("fr/cases.toml", cases)]).unwrap();
    let tenant = tenant.map(|text| file("tenant.toml", text));
    RuleSet::for_tenant(&packs, tenant.as_ref())
}

/// The same with nothing else.
pub fn rules(limits: &str) -> RuleSet {
    rules_with("", "", limits, None)
}

pub fn market() -> Market {
    Market {
        key: MarketKey { tenant: TenantId::trusted("t"), market: MarketId::trusted("fr") },
        region: "FR".to_owned(),
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

/// A case with a debtor `p`; `party` is laid over the party, `case` over the case.
pub fn version(case: Value, party: Value) -> CaseVersion {
    let mut whole = json!({
        "case": "c", "version": "v1", "effective": 0, "currency": "EUR", "identity": { "creditor": "creditor" },
        "claims": [{ "id": "c1", "principal": 10_000 }],
    });
    let mut debtor = json!({ "person": "p", "role": "primary", "residences": [{ "country": "FR" }] });
    for (base, over) in [(&mut whole, case), (&mut debtor, party)] {
        for (key, value) in over.as_object().unwrap() {
            base[key] = value.clone();
        }
    }
    whole["parties"] = json!([debtor]);
    serde_json::from_value(whole).unwrap()
}

/// An activity: fields of the activity in `head`, of its kind in `detail`.
pub fn activity(id: usize, at: Timestamp, head: Value, detail: Value) -> Activity {
    let mut whole =
        json!({ "id": format!("a{id:03}"), "cases": ["c"], "person": "p", "occurred": at.0, "detail": detail });
    for (key, value) in head.as_object().unwrap() {
        whole[key] = value.clone();
    }
    serde_json::from_value(whole).unwrap()
}

/// Noon of a day after Monday 2026-01-05.
pub fn noon(day: i64) -> Timestamp {
    Timestamp::start_of("2026-01-05".parse().unwrap(), ZONE).plus(day * DAY + DAY / 2)
}

/// What came of a fold.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Activities found in breach.
    pub broken: Vec<String>,
    /// Activities of which the rule says "unknown".
    pub unknown: Vec<String>,
    /// Omissions, by the activity that began their term and their last day.
    pub omitted: Vec<(String, String)>,
    /// Activities that passed.
    pub passed: usize,
}

/// Folds a history in its order, with the time up to `until`.
pub fn fold(rules: &RuleSet, version: &CaseVersion, history: &[Activity], until: Timestamp) -> (CaseWatch, Found) {
    let market = market();
    let mut logs = PersonLogs::default();
    let mut found = Found::default();
    let mut out = Vec::new();
    fn context<'a>(law: (&'a RuleSet, &'a Market, &'a CaseVersion), persons: &'a PersonLogs) -> Context<'a> {
        Context { rules: law.0, market: law.1, version: law.2, lead: true, persons }
    }
    let law = (rules, &market, version);
    let mut watch = CaseWatch::open(&context(law, &logs), &mut out);
    for activity in history {
        watch.advance(&context(law, &logs), activity.occurred, &mut out);
        collect(&mut found, "timer", &mut out);
        watch.apply(&context(law, &logs), activity, &mut out);
        collect(&mut found, activity.id.as_str(), &mut out);
        logs.note(activity, version);
    }
    watch.advance(&context(law, &logs), until, &mut out);
    collect(&mut found, "timer", &mut out);
    (watch, found)
}

fn collect(found: &mut Found, cause: &str, out: &mut Vec<Emission>) {
    for emission in out.drain(..) {
        match emission {
            Emission::Opened(finding) if finding.omission => {
                let day = finding.observed.note.unwrap().rsplit(' ').next().unwrap().to_owned();
                let trigger = finding.activity.map_or_else(|| "placement".to_owned(), |id| id.to_string());
                found.omitted.push((trigger, day));
            }
            Emission::Opened(_) => found.broken.push(cause.to_owned()),
            Emission::Test { outcome: TestOutcome::Unknown, .. } => found.unknown.push(cause.to_owned()),
            Emission::Test { outcome: TestOutcome::Passed, .. } => found.passed += 1,
            _ => {}
        }
    }
}

/// What the rule says of a contact that is asked about after a history; `None` if it is silent.
pub fn ask(rules: &RuleSet, version: &CaseVersion, watch: &CaseWatch, candidate: &Activity) -> Option<Speaking> {
    let (market, persons) = (market(), PersonLogs::default());
    let context = Context { rules, market: &market, version, lead: true, persons: &persons };
    watch.check(&context, candidate).speaking.into_iter().next()
}

/// An activity at noon of a day: a detail, and what more it says.
pub fn with(number: usize, day: i64, mut detail: Value, more: Value) -> Activity {
    for (key, value) in more.as_object().unwrap() {
        detail[key] = value.clone();
    }
    activity(number, noon(day), json!({}), detail)
}

/// What is said, and why.
pub fn told(said: Speaking) -> (Answer, Note) {
    (said.answer, said.note)
}

/// That it cannot be told because something is missing.
pub fn unknown(attribute: Attribute) -> (Answer, Note) {
    (Answer::Unknown, Note::Missing(attribute))
}
