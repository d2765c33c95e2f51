//! Tests of the engine over the packs that ship: properties of random histories. Their worked examples run with the check of
//! the package (`cli::check`).

mod barred;
pub(crate) mod bench;
mod circles;
mod claims;
mod clocks;
mod conditions;
mod consent;
mod content;
mod dates;
mod disputes;
mod duties;
mod edges;
mod exclude;
mod fees;
mod forms;
mod handed_over;
mod interest;
mod lasting;
mod later;
mod matters;
mod money;
mod others;
mod places;
mod plain;
mod principal;
mod regions;
mod scope;
mod since;
mod small;
mod soonest;
mod taken_back;
mod tightened;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use chrono::NaiveDate;
use chrono_tz::Tz;
use proptest::prelude::*;
use serde_json::json;

use super::{CaseWatch, Context, Emission, PersonLogs};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::diagnostic::SourceFile;
use crate::domain::ids::{MarketId, PersonId, TenantId};
use crate::domain::market::{DEFAULT_PAYMENT_ORDER, Market, MarketKey};
use crate::domain::money::Currency;
use crate::domain::time::{DAY, SECOND, Timestamp, add_days};
use crate::rules::tests::shipped;
use crate::rules::{Packs, RuleSet};

/// The packs that ship, compiled once.
static PACKS: LazyLock<Packs> = LazyLock::new(shipped);
/// Their rules without any tenant's overlay.
static LAW: LazyLock<RuleSet> = LazyLock::new(|| RuleSet::for_tenant(&PACKS, None).unwrap());

const ZONE: Tz = Tz::America__New_York;
const OUTCOMES: [&str; 6] =
    ["no_answer", "busy", "voicemail_full_message", "right_party_no_commitment", "right_party_promise", "wrong_number"];

fn market() -> Market {
    Market {
        key: MarketKey { tenant: TenantId::trusted("t"), market: MarketId::trusted("us") },
        region: "US".to_owned(),
        zone: ZONE,
        currency: Currency::parse("USD").unwrap(),
        promise_grace_days: 0,
        attribution_days: 30,
        payment_order: DEFAULT_PAYMENT_ORDER,
        payment_orders: Vec::new(),
        buckets: crate::domain::buckets::Buckets::default(),
        case_dimensions: crate::domain::case_dimensions::CaseDimensions::default(),
    }
}

fn version() -> CaseVersion {
    serde_json::from_value(json!({
        "case": "c", "version": "v1", "effective": 0, "currency": "USD",
        "identity": { "creditor": "creditor", "collector_role": "agency" },
        "class": { "debt_class": "consumer", "debt_type": "sale" },
        "claims": [{ "id": "c1", "principal": 10_000, "arose": "2025-01-01" }],
        "parties": [
            { "person": "p", "role": "primary", "kind": "consumer", "zones": [{ "zone": ZONE.name() }],
              "residences": [{ "country": "US", "subdivision": "GA" }] },
            { "person": "q", "role": "co_debtor", "kind": "consumer", "zones": [{ "zone": ZONE.name() }],
              "residences": [{ "country": "US", "subdivision": "GA" }] }
        ]
    }))
    .unwrap()
}

/// One step of a random history: minutes after the one before, person, and what happened.
#[derive(Debug, Clone)]
struct Act {
    wait: i64,
    person: bool,
    what: u8,
    outcome: usize,
    inbound: bool,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = (0_i64..2500, any::<bool>(), 0_u8..12, 0..OUTCOMES.len(), prop::bool::weighted(0.1))
        .prop_map(|(wait, person, what, outcome, inbound)| Act { wait, person, what, outcome, inbound });
    prop::collection::vec(act, 1..60)
}

fn history(acts: &[Act]) -> Vec<Activity> {
    let mut at = Timestamp::start_of("2026-02-20".parse().unwrap(), ZONE);
    let mut out = Vec::new();
    for (number, act) in acts.iter().enumerate() {
        at = at.plus(act.wait * 60 * SECOND);
        let detail = match act.what {
            0 => json!({ "kind": "contact", "channel": "email", "outcome": "sent" }),
            1 => json!({ "kind": "contact", "channel": "letter", "outcome": "sent", "notices": ["validation_notice"] }),
            2 => json!({ "kind": "condition", "condition": "insolvency" }),
            3 => json!({ "kind": "condition", "condition": "insolvency", "ended": true }),
            4 => json!({ "kind": "payment", "amount": { "m": 4000, "c": "USD" } }),
            _ => json!({ "kind": "contact", "channel": "call", "outcome": OUTCOMES[act.outcome] }),
        };
        let activity = json!({
            "id": format!("a{number:03}"), "cases": ["c"], "person": if act.person { "p" } else { "q" }, "occurred": at.0,
            "initiated_by": if act.inbound { "debtor" } else { "collector" }, "detail": detail,
        });
        out.push(serde_json::from_value(activity).unwrap());
    }
    out
}

fn context<'a>(
    rules: &'a RuleSet,
    market: &'a Market,
    version: &'a CaseVersion,
    persons: &'a PersonLogs,
) -> Context<'a> {
    Context { rules, market, version, lead: true, persons }
}

/// Folds a history, with time passing also at `ticks` between the facts.
fn fold(rules: &RuleSet, history: &[Activity], ticks: &[Timestamp]) -> (CaseWatch, Vec<Emission>) {
    let (market, version) = (market(), version());
    let mut logs = PersonLogs::default();
    let mut out = Vec::new();
    let mut watch = CaseWatch::open(&context(rules, &market, &version, &logs), &mut out);
    let mut ticks = ticks.iter().copied().peekable();
    for activity in history {
        while let Some(tick) = ticks.next_if(|tick| *tick <= activity.occurred) {
            watch.advance(&context(rules, &market, &version, &logs), tick, &mut out);
        }
        watch.advance(&context(rules, &market, &version, &logs), activity.occurred, &mut out);
        watch.apply(&context(rules, &market, &version, &logs), activity, &mut out);
        logs.note(activity, &version);
    }
    let end = history.last().map_or(Timestamp(0), |last| last.occurred).plus(40 * DAY);
    for tick in ticks.filter(|tick| *tick <= end) {
        watch.advance(&context(rules, &market, &version, &logs), tick, &mut out);
    }
    watch.advance(&context(rules, &market, &version, &logs), end, &mut out);
    (watch, out)
}

fn found(emissions: &[Emission], rule: Option<&str>) -> BTreeSet<String> {
    emissions
        .iter()
        .filter_map(|emission| match emission {
            Emission::Opened(finding) if rule.is_none_or(|rule| finding.rule.as_str() == rule) => {
                Some(format!("{} {} {}", finding.rule, finding.id, finding.at))
            }
            _ => None,
        })
        .collect()
}

fn broken(emissions: &[Emission], rule: &str) -> BTreeSet<String> {
    let hits = emissions.iter().filter_map(|emission| match emission {
        Emission::Opened(finding) if finding.rule.as_str() == rule => finding.activity.clone(),
        _ => None,
    });
    hits.map(|id| id.to_string()).collect()
}

/// The counting of 12 CFR 1006.14(b) once more, by dates and without any window code.
fn recount(history: &[Activity]) -> (BTreeSet<String>, BTreeSet<String>) {
    struct Call<'a> {
        day: NaiveDate,
        person: &'a PersonId,
        counts: bool,
        talked: bool,
    }
    let mut calls: Vec<Call<'_>> = Vec::new();
    let (mut many, mut soon) = (BTreeSet::new(), BTreeSet::new());
    for activity in history {
        let value = serde_json::to_value(&activity.detail).unwrap();
        if value["channel"] != "call" {
            continue;
        }
        let outcome = value["outcome"].as_str().unwrap();
        let outbound = activity.initiated_by == Some(crate::domain::vocabulary::Initiator::Collector);
        let (day, person) = (activity.occurred.date(ZONE), activity.person.as_ref().unwrap());
        let connected = outcome != "busy";
        if outbound && connected {
            let week = |call: &&Call<'_>| call.person == person && call.day >= add_days(day, -6);
            if calls.iter().filter(week).filter(|call| call.counts).count() >= 7 {
                many.insert(activity.id.to_string());
            }
            if calls.iter().filter(week).any(|call| call.talked) {
                soon.insert(activity.id.to_string());
            }
        }
        calls.push(Call { day, person, counts: outbound && connected, talked: outcome.starts_with("right_party") });
    }
    (many, soon)
}

fn tightened(packs: &Packs, max: u8, days: u8, late: u16) -> RuleSet {
    let text = format!(
        "[[rules.tighten]]\nrule = \"us-reg-f-call-frequency\"\nmax = {max}\nwindow_days = {days}\n\
         [[rules.tighten]]\nrule = \"us-reg-f-contact-hours\"\nopen = [{{ days = [\"mon-fri\"], from = \"08:{late:02}\", to = \"20:00\" }}]\n\
         [[rules.tighten]]\nrule = \"us-reg-f-conversation-cooldown\"\nwait_days = {days}\n"
    );
    RuleSet::for_tenant(packs, Some(&SourceFile { path: "tenant.toml".to_owned(), text })).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// When time passes between the facts changes nothing: neither findings nor tests, nor their order by time.
    #[test]
    fn ticks_change_nothing(acts in acts(), ticks in prop::collection::vec(0_i64..60 * DAY, 0..20)) {
        let rules: &RuleSet = &LAW;
        let history = history(&acts);
        let start = history[0].occurred;
        let mut ticks: Vec<Timestamp> = ticks.into_iter().map(|tick| start.plus(tick)).collect();
        ticks.sort_unstable();
        let ((_, plain), (_, ticked)) = (fold(rules, &history, &[]), fold(rules, &history, &ticks));
        prop_assert_eq!(plain, ticked);
    }

    /// A fold that goes on from a copied state ends where a fold from the first fact ends.
    #[test]
    fn going_on_equals_from_scratch(acts in acts(), cut in 0_usize..60) {
        let rules: &RuleSet = &LAW;
        let history = history(&acts);
        let (market, version) = (market(), version());
        let mut logs = PersonLogs::default();
        let mut out = Vec::new();
        let mut watch = CaseWatch::open(&context(rules, &market, &version, &logs), &mut out);
        for (number, activity) in history.iter().enumerate() {
            if number == cut {
                watch = watch.clone();
            }
            // Questions asked in between leave no trace.
            let _ = watch.check(&context(rules, &market, &version, &logs), activity);
            watch.advance(&context(rules, &market, &version, &logs), activity.occurred, &mut out);
            watch.apply(&context(rules, &market, &version, &logs), activity, &mut out);
            logs.note(activity, &version);
        }
        let end = history.last().unwrap().occurred.plus(40 * DAY);
        watch.advance(&context(rules, &market, &version, &logs), end, &mut out);
        prop_assert_eq!(out, fold(rules, &history, &[]).1);
    }

    /// Calls a week and calls after a conversation are found exactly where counting dates by hand finds them.
    #[test]
    fn weekly_calls_as_counted_by_hand(acts in acts()) {
        let rules: &RuleSet = &LAW;
        let history = history(&acts);
        let (_, out) = fold(rules, &history, &[]);
        let (many, soon) = recount(&history);
        prop_assert_eq!(broken(&out, "us-reg-f-call-frequency"), many);
        prop_assert_eq!(broken(&out, "us-reg-f-conversation-cooldown"), soon);
    }

    /// A tenant's tighter limits never admit what the law forbids, and never find less.
    #[test]
    fn tighter_never_admits_more(acts in acts(), max in 0_u8..=7, days in 7_u8..20, late in 0_u16..60, hour in 0_i64..200) {
        let (law, own): (&RuleSet, RuleSet) = (&LAW, tightened(&PACKS, max, days, late));
        let history = history(&acts);
        let ((before, by_law), (after, by_own)) = (fold(law, &history, &[]), fold(&own, &history, &[]));
        prop_assert!(found(&by_own, None).is_superset(&found(&by_law, None)));
        let (market, version, logs) = (market(), version(), PersonLogs::default());
        let mut asked = history.last().unwrap().clone();
        asked.detail = serde_json::from_value(json!({ "kind": "contact", "channel": "call" })).unwrap();
        asked.initiated_by = None;
        asked.occurred = asked.occurred.plus(hour * 3600 * SECOND);
        let answer = |rules, watch: &CaseWatch| {
            let context = Context { rules, market: &market, version: &version, lead: true, persons: &logs };
            watch.check(&context, &asked)
        };
        let (by_law, by_own) = (answer(law, &before), answer(&own, &after));
        prop_assert!(by_own.verdict >= by_law.verdict);
        // What is not permitted is next allowed when it is lawful, what is only advised against when nothing is.
        let blocking = |said: &super::Answered| said.verdict.min(crate::domain::verdict::Verdict::RepresentativeOnly);
        if let (Some(law), Some(own)) = (by_law.next_allowed, by_own.next_allowed) {
            prop_assert!(own >= law || blocking(&by_own) > blocking(&by_law));
        }
        // What is told as the next lawful time is lawful, and a minute earlier is not.
        if let Some(next) = by_own.next_allowed {
            let mut later = asked.clone();
            later.occurred = next;
            let context = Context { rules: &own, market: &market, version: &version, lead: true, persons: &logs };
            let least = blocking(&by_own);
            prop_assert!(after.check(&context, &later).verdict < least);
            later.occurred = next.plus(-60 * SECOND);
            prop_assert!(next.0 - asked.occurred.0 < 60 * SECOND || after.check(&context, &later).verdict >= least);
        }
    }
}
