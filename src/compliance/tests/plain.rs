//! The quick way to an answer (candidates by topic, scopes as bits, jurisdictions found once) against the plain one, which
//! looks at every rule of every jurisdiction by itself: random cases, places, dates and activities under the packs that ship. Two
//! of three are aimed at a rule: its place, what it asks of the case, and the edge of its days in force or of a window.

use std::sync::{Arc, LazyLock};

use chrono::NaiveDate;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{LAW, market};
use crate::compliance::situation::Situation;
use crate::compliance::trace::Said;
use crate::compliance::{CaseWatch, Context, Emission, PersonLogs, TestOutcome};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::detail::Detail;
use crate::domain::market::Market;
use crate::domain::time::{DAY, SECOND, Timestamp, add_days};
use crate::domain::verdict::{Answer, Verdict};
use crate::domain::vocabulary::{
    Channel, CollectorRole, CreditorType, DebtClass, DebtType, Initiator, Ownership, PartyKind, PartyRole, Purpose,
};
use crate::rules::model::{Limits, Rule};
use crate::rules::ruleset::ActiveRule;
use crate::rules::words::{Set, VersionBy, Word};

/// Days on which the person was called before, and when.
const CALLS: [i64; 5] = [100, 101, 150, 151, 152];
const CALL_CLOCK: i64 = 15 * 3_600 * SECOND;

/// Half of the time nothing, else some word of a list.
fn some<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = Option<T>> {
    prop::option::weighted(0.6, prop::sample::select(all))
}

/// Mostly this word, so that many rules concern the case; else any or none.
fn mostly<T: Copy + std::fmt::Debug + 'static>(word: T, all: &'static [T]) -> impl Strategy<Value = Option<T>> {
    prop_oneof![3 => Just(Some(word)), 2 => some(all)]
}

fn put(object: &mut Map<String, Value>, key: &str, value: Option<impl ToString>) {
    if let Some(value) = value {
        object.insert(key.to_owned(), json!(value.to_string()));
    }
}

/// Where a person lives: country, subdivision and locality of some pack, more or less of it told.
fn place() -> impl Strategy<Value = Value> {
    let ids: Vec<String> = LAW.jurisdictions().map(|one| one.id.as_str().to_ascii_uppercase()).collect();
    let anywhere =
        prop_oneof![1 => prop::sample::select(ids), 1 => Just("US-NY-NYC".to_owned()), 1 => Just("US".to_owned())];
    (anywhere, 1_usize..4, prop::option::weighted(0.2, 0_i64..400)).prop_map(|(id, levels, from)| {
        let mut residence = Map::new();
        for (key, part) in ["country", "subdivision", "locality"].iter().zip(id.split('-')).take(levels) {
            residence.insert((*key).to_owned(), json!(part));
        }
        put(&mut residence, "from", from.map(|days| Timestamp(0).plus((20_200 + days) * DAY).date(chrono_tz::UTC)));
        Value::Object(residence)
    })
}

prop_compose! {
    fn version()(
        collector_role in mostly(CollectorRole::Agency, CollectorRole::ALL), ownership in some(Ownership::ALL),
        debt_class in mostly(DebtClass::Consumer, DebtClass::ALL), debt_type in some(DebtType::ALL),
        creditor_type in some(CreditorType::ALL), kind in mostly(PartyKind::Consumer, PartyKind::ALL),
        flags in prop::array::uniform3(prop::option::of(any::<bool>())),
        role in prop::sample::select(PartyRole::ALL), places in prop::collection::vec(place(), 0..3),
        titled in prop::option::weighted(0.2, 0_i64..400), law in prop::option::weighted(0.1, Just("US-NY")),
        due in prop::option::of(0_i64..4_000), principal in 0_i64..1_000_000, zone in any::<bool>(),
        conditions in prop::collection::vec((prop::sample::select(&["represented", "disputed", "insolvency"][..]), 0_i64..400), 0..2),
    ) -> CaseVersion {
        let day = |days: i64| Timestamp(0).plus((20_200 + days) * DAY).date(chrono_tz::UTC).to_string();
        let (mut identity, mut class, mut claim) = (Map::new(), Map::new(), Map::new());
        identity.insert("creditor".to_owned(), json!("bank"));
        put(&mut identity, "collector_role", collector_role);
        put(&mut identity, "ownership", ownership);
        put(&mut identity, "creditor_type", creditor_type);
        put(&mut class, "debt_class", debt_class);
        put(&mut class, "debt_type", debt_type);
        put(&mut class, "titled_on", titled.map(day));
        put(&mut class, "governing_law", law);
        for (key, flag) in ["regulated_credit", "eu_bank_npl", "secured"].into_iter().zip(flags) {
            flag.into_iter().for_each(|flag| { class.insert(key.to_owned(), json!(flag)); });
        }
        claim.insert("id".to_owned(), json!("c1"));
        claim.insert("principal".to_owned(), json!(principal));
        put(&mut claim, "due_original", due.map(|days| day(-days)));
        let zones = if zone { json!([{ "zone": "America/New_York" }]) } else { json!([]) };
        let conditions: Vec<Value> = conditions
            .into_iter()
            .map(|(word, days)| json!({ "condition": word, "from": Timestamp(0).plus((20_200 + days) * DAY) }))
            .collect();
        let mut party = Map::new();
        put(&mut party, "person", Some("p"));
        put(&mut party, "role", Some(role));
        put(&mut party, "kind", kind);
        party.insert("residences".to_owned(), json!(places));
        party.insert("zones".to_owned(), zones);
        party.insert("conditions".to_owned(), json!(conditions));
        serde_json::from_value(json!({
            "case": "c", "version": "v1", "effective": 0, "currency": "USD", "identity": identity, "class": class,
            "claims": [claim], "parties": [party],
        }))
        .unwrap()
    }
}

prop_compose! {
    fn activity()(
        channel in prop::sample::select(Channel::ALL), other in prop::option::weighted(0.2, 0_usize..5),
        outcome in some(&["no_answer", "right_party_no_commitment", "voicemail_full_message"]), purpose in some(Purpose::ALL),
        minute in 0_i64..1_440, day in 0_i64..400, begun in some(&["collector", "debtor", "creditor"]),
        role in prop::option::weighted(0.2, prop::sample::select(PartyRole::ALL)), wished in prop::bool::weighted(0.1),
        lead in prop::bool::weighted(0.8), notices in prop::bool::weighted(0.2),
    ) -> (Activity, bool) {
        let euros = json!({ "m": 4_000, "c": "USD" });
        let detail = match other {
            Some(0) => json!({ "kind": "payment", "amount": euros }),
            Some(1) => json!({ "kind": "charge", "step": "reminder", "amount": euros }),
            Some(2) => json!({ "kind": "legal_step", "step": "lawsuit" }),
            Some(3) => json!({ "kind": "transfer", "transfer": "place" }),
            Some(_) => json!({ "kind": "credit_report", "report": "furnish" }),
            None => {
                let mut contact = Map::new();
                put(&mut contact, "kind", Some("contact"));
                put(&mut contact, "channel", Some(channel));
                put(&mut contact, "outcome", outcome);
                put(&mut contact, "purpose", purpose);
                if notices {
                    contact.insert("notices".to_owned(), json!(["demand", "validation_notice"]));
                }
                Value::Object(contact)
            }
        };
        let mut whole = Map::new();
        whole.insert("id".to_owned(), json!("asked"));
        whole.insert("cases".to_owned(), json!(["c"]));
        whole.insert("person".to_owned(), json!("p"));
        whole.insert("occurred".to_owned(), json!(Timestamp(0).plus((20_200 + day) * DAY + minute * 60 * SECOND)));
        whole.insert("at_debtors_request".to_owned(), json!(wished));
        put(&mut whole, "initiated_by", begun);
        put(&mut whole, "person_role", role);
        whole.insert("detail".to_owned(), detail);
        (serde_json::from_value(Value::Object(whole)).unwrap(), lead)
    }
}

/// Rules of which a day in force is the first or the last, each with that day.
static EDGES: LazyLock<Vec<(Arc<ActiveRule>, NaiveDate)>> = LazyLock::new(|| {
    let judged = LAW.jurisdictions().flat_map(|one| &one.rules).filter(|active| active.judged);
    let edges = |active: &Arc<ActiveRule>| {
        let days = [active.rule.valid_from, active.rule.valid_until];
        days.into_iter().flatten().map(|day| (Arc::clone(active), day)).collect::<Vec<_>>()
    };
    judged.flat_map(edges).collect()
});

/// A rule that looks back at calls.
static COUNTS: LazyLock<Arc<ActiveRule>> = LazyLock::new(|| {
    let mut all = LAW.jurisdictions().flat_map(|one| &one.rules);
    Arc::clone(all.find(|active| active.rule.id.as_str() == "us-reg-f-conversation-cooldown").unwrap())
});

/// What a rule asks of a case, by words, and where the person must live.
fn fit(version: &mut CaseVersion, rule: &Rule) {
    fn word<T: Word>(wanted: Set<T>, stated: &mut Option<T>) {
        if let Some(first) = T::all().iter().find(|word| wanted.has(**word)) {
            *stated = Some(*first);
        }
    }
    let (scope, identity, class) = (&rule.scope, &mut version.identity, &mut version.class);
    word(scope.collector_role, &mut identity.collector_role);
    word(scope.ownership, &mut identity.ownership);
    word(scope.creditor_type, &mut identity.creditor_type);
    word(scope.debt_class, &mut class.debt_class);
    word(scope.debt_type, &mut class.debt_type);
    class.regulated_credit = scope.regulated_credit.or(class.regulated_credit);
    class.secured = scope.secured.or(class.secured);
    let mut parts = rule.jurisdiction.as_str().split('-').map(str::to_ascii_uppercase);
    let mut home = Map::new();
    put(&mut home, "country", parts.next());
    put(&mut home, "subdivision", parts.next());
    put(&mut home, "locality", parts.next());
    for party in &mut version.parties {
        word(scope.debtor_kind, &mut party.kind);
        party.residences = vec![serde_json::from_value(Value::Object(home.clone())).unwrap()];
        party.zones.clear();
        let mut role = Some(party.role);
        word(scope.person_role, &mut role);
        party.role = role.unwrap_or(party.role);
    }
}

/// The day that picks the version of a rule.
fn dated(version: &mut CaseVersion, fact: &mut Activity, by: VersionBy, day: NaiveDate, second: i64) {
    match by {
        VersionBy::ContractOn => version.dates.contract = Some(day),
        VersionBy::MandateOn => version.placement.mandate_on = Some(day),
        VersionBy::ClaimAroseOn => version.claims.iter_mut().for_each(|claim| claim.arose = Some(day)),
        VersionBy::DueOn => version.claims.iter_mut().for_each(|claim| claim.due_original = Some(day)),
        VersionBy::ActivityOn | VersionBy::ActionFiledOn | VersionBy::AccruedOn => {
            let context =
                Context { rules: &LAW, market: &market(), version, lead: true, persons: &PersonLogs::default() };
            let zone = Situation::new(&context, &CaseWatch::default(), fact, true).home_zone();
            fact.occurred = Timestamp::start_of(day, zone).plus(second * SECOND);
        }
    }
}

/// A case, what is asked or has happened, and whether it is told with this case.
fn scenes() -> impl Strategy<Value = (CaseVersion, Activity, bool)> {
    let seconds = prop::sample::select(&[0, 1, -1, 43_200, 86_399, 86_400][..]);
    let aim = (any::<prop::sample::Index>(), -1_i64..=1, seconds.clone(), 0..4_u8);
    let after = prop::sample::select(&[0_i64, 1, 2, 6, 7, 8, 29, 30, 31, 32][..]);
    let near = (prop::sample::select(&CALLS[..]), after, any::<bool>(), seconds, any::<bool>());
    (version(), activity(), prop_oneof![2 => aim.prop_map(Ok), 1 => near.prop_map(Err)], 0..3_u8).prop_map(
        |(mut version, (mut fact, lead), aim, plain)| {
            match aim {
                _ if plain == 0 => {}
                Ok((index, days, second, kind)) => {
                    let (active, edge) = index.get(&EDGES);
                    fit(&mut version, &active.rule);
                    // Half of all that is aimed is of a kind that many such rules judge.
                    let own = match active.rule.limits {
                        Limits::FeeCap(_) => json!({ "kind": "charge", "step": "reminder", "amount": { "m": 4_000, "c": "USD" } }),
                        Limits::LimitationPeriod(_) => json!({ "kind": "legal_step", "step": "lawsuit" }),
                        Limits::CreditReporting(_) => json!({ "kind": "credit_report", "report": "furnish" }),
                        _ => json!({ "kind": "contact", "channel": if kind == 0 { "letter" } else { "call" }, "purpose": "demand" }),
                    };
                    if kind < 2 {
                        fact.detail = serde_json::from_value(own).unwrap();
                        fact.initiated_by = Some(Initiator::Collector);
                    }
                    dated(&mut version, &mut fact, active.rule.version_by, add_days(*edge, days), second);
                }
                Err((call, after, exact, second, counted)) => {
                    // Most rules of the United States look back at calls; the search goes on behind them.
                    if counted {
                        fit(&mut version, &COUNTS.rule);
                        for party in &mut version.parties {
                            // One state: where several come into question, there is mostly no lawful instant to search.
                            party.role = PartyRole::Primary;
                            party.kind = Some(PartyKind::Consumer);
                            party.conditions.clear();
                            party.residences = vec![serde_json::from_value(json!({ "country": "US", "subdivision": "TX" })).unwrap()];
                        }
                        fact.person_role = None;
                        fact.at_debtors_request = false;
                        fact.detail = serde_json::from_value(json!({ "kind": "contact", "channel": "call" })).unwrap();
                        fact.initiated_by = Some(Initiator::Collector);
                    }
                    let clock = if exact { CALL_CLOCK } else { 0 };
                    fact.occurred = Timestamp(0).plus((20_200 + call + after) * DAY + clock + second * SECOND);
                }
            }
            (version, fact, lead)
        },
    )
}

/// The first instant at which no rule answers `blocking` or worse, asked of every rule at each jump.
fn plain_search(ctx: &Context<'_>, watch: &CaseWatch, asked: &Activity, blocking: Verdict) -> Option<Timestamp> {
    let mut later = asked.clone();
    for _ in 0..512 {
        let trace = watch.trace(ctx, &later, true);
        let mut from: Option<Timestamp> = None;
        for one in &trace.rules {
            let Said::Spoke(spoken) = &one.said else { continue };
            if spoken.speaking.verdict >= blocking {
                from = from.max(Some(spoken.speaking.allowed_from.filter(|from| *from > later.occurred)?));
            }
        }
        match from {
            None => return Some(later.occurred),
            Some(from) => later.occurred = from,
        }
    }
    None
}

fn scene(version: &CaseVersion) -> (Market, PersonLogs, CaseWatch) {
    let (market, logs) = (market(), PersonLogs::default());
    let context = Context { rules: &LAW, market: &market, version, lead: true, persons: &logs };
    let mut watch = CaseWatch::open(&context, &mut Vec::new());
    for day in CALLS {
        let call = json!({
            "id": format!("a{day}"), "cases": ["c"], "person": "p", "initiated_by": "collector",
            "occurred": Timestamp(0).plus((20_200 + day) * DAY + CALL_CLOCK),
            "detail": { "kind": "contact", "channel": "call", "outcome": "right_party_no_commitment" },
        });
        watch.apply(&context, &serde_json::from_value(call).unwrap(), &mut Vec::new());
    }
    (market, logs, watch)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_200, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_those_of_a_plain_walk((version, asked, lead) in scenes()) {
        let (market, logs, watch) = scene(&version);
        let context = Context { rules: &LAW, market: &market, version: &version, lead, persons: &logs };
        let (answer, trace) = (watch.check(&context, &asked), watch.trace(&context, &asked, true));
        // Of a charge a rule must speak that bounds it.
        let bounds = |one: &crate::compliance::trace::Considered| {
            matches!(one.said, Said::Spoke(_)) && matches!(one.active.rule.limits, Limits::FeeCap(_))
        };
        let told = !matches!(asked.detail, Detail::Charge(_)) || trace.rules.iter().any(bounds);
        let plain: Vec<_> = trace.rules.into_iter().filter_map(|one| match one.said {
            Said::Spoke(spoken) => Some(spoken.speaking),
            Said::Nothing(..) => None,
        }).collect();
        prop_assert_eq!(&answer.speaking, &plain);
        let worst = plain.iter().map(|one| one.verdict).max().unwrap_or(Verdict::Allowed);
        let told = trace.complete && told;
        let whole = if told { worst } else { worst.max(Verdict::Unknown) };
        prop_assert_eq!(answer.verdict, whole);
        if told && whole > Verdict::AllowedWithDuties {
            let blocking = whole.min(Verdict::RepresentativeOnly);
            prop_assert_eq!(answer.next_allowed, plain_search(&context, &watch, &asked, blocking));
            // Nor is it allowed sooner, as far as some midnights and noons tell.
            let mut sooner = asked.clone();
            for (day, clock) in [1, 2, 3, 7, 8, 30, 31].into_iter().flat_map(|day| [(day, 0), (day, DAY / 2)]) {
                sooner.occurred = Timestamp::start_of(add_days(asked.occurred.date(market.zone), day), market.zone).plus(clock);
                if answer.next_allowed.is_some_and(|next| sooner.occurred > asked.occurred && sooner.occurred < next) {
                    let verdict = watch.check(&context, &sooner).verdict;
                    prop_assert!(verdict >= blocking, "{verdict:?} at {:?}, {:?} told", sooner.occurred, answer.next_allowed);
                }
            }
        } else {
            prop_assert_eq!(answer.next_allowed, None);
        }
    }

    #[test]
    fn facts_are_tested_by_the_rules_of_a_plain_walk((version, fact, lead) in scenes()) {
        let (market, logs, mut watch) = scene(&version);
        let context = Context { rules: &LAW, market: &market, version: &version, lead, persons: &logs };
        let trace = watch.trace(&context, &fact, false);
        let mut out = Vec::new();
        watch.apply(&context, &fact, &mut out);
        let plain: Vec<_> = trace.rules.iter().filter_map(|one| {
            let Said::Spoke(spoken) = &one.said else { return None };
            let outcome = match spoken.speaking.answer {
                Answer::Kept | Answer::Duty => TestOutcome::Passed,
                Answer::Broken => TestOutcome::Failed,
                Answer::Unknown => TestOutcome::Unknown,
            };
            (spoken.severity.is_some() && !spoken.untested).then(|| (one.active.rule.id.clone(), outcome))
        }).collect();
        let tests: Vec<_> = out.into_iter().filter_map(|one| match one {
            Emission::Test { rule, outcome, .. } => Some((rule, outcome)),
            Emission::Opened(_) => None,
        }).collect();
        // What the fact has ended is told before.
        prop_assert!(tests.ends_with(&plain), "{tests:?} does not end with {plain:?}");
    }
}
