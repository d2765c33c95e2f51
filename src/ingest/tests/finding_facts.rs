//! What the facts of a finding add up to is whether it is open, at any instant and however decisions follow each other.

use proptest::prelude::*;

use crate::domain::fact::{Fact, FactKind};
use crate::domain::finding::{Finding, FindingStatus, Severity};
use crate::domain::finding_life::{Decision, Derived, FindingAction, gives, history, standing, substance};
use crate::domain::ids::{FindingId, JurisdictionId, KeyId, MarketId, RuleId, TenantId, UpdateId};
use crate::domain::market::{DEFAULT_PAYMENT_ORDER, Market, MarketKey};
use crate::domain::money::Currency;
use crate::domain::time::{DAY, Timestamp, day_number};
use crate::domain::verdict::{Effect, Observation};
use crate::ingest::finding_facts::finding_facts;

fn market() -> Market {
    Market {
        key: MarketKey { tenant: TenantId::trusted("t"), market: MarketId::trusted("it") },
        region: "IT".to_owned(),
        zone: chrono_tz::Europe::Rome,
        currency: Currency::parse("EUR").unwrap(),
        promise_grace_days: 3,
        attribution_days: 30,
        payment_order: DEFAULT_PAYMENT_ORDER,
        payment_orders: Vec::new(),
        buckets: crate::domain::buckets::Buckets::default(),
        case_dimensions: crate::domain::case_dimensions::CaseDimensions::default(),
    }
}

/// Noon in Rome, so many days after the first of January 2024.
fn noon(day: i64) -> Timestamp {
    Timestamp(1_704_106_800_000_000 + day * DAY)
}

fn finding(observed: i64) -> Finding {
    Finding {
        id: FindingId([7; 16]),
        rule: RuleId::trusted("r"),
        jurisdiction: JurisdictionId::trusted("it"),
        pack_digest: "d".to_owned(),
        pack_version: "1".to_owned(),
        severity: Severity::Violation,
        effect: Effect::Prohibits,
        case: None,
        person: None,
        activity: None,
        agent: Some("ann".to_owned()),
        client: Some("bank".to_owned()),
        at: noon(0),
        steered: Default::default(),
        omission: false,
        known_at_time: true,
        observed: Observation { observed: Some(observed), limit: Some(7), unit: None, note: None },
        evidence: Vec::new(),
    }
}

/// A decision on a day, on what the finding said then, with the end of a waiver if it is one.
fn decision(place: usize, day: i64, action: FindingAction, observed: i64, lasts: i64) -> Decision {
    let waiver = matches!(action, FindingAction::Waive | FindingAction::ApproveWaiver);
    Decision {
        id: UpdateId::trusted("u"),
        finding: FindingId([7; 16]),
        action,
        reason: None,
        until: waiver.then(|| noon(day + lasts)),
        key: KeyId::trusted("k"),
        actor: None,
        status: gives(action, place.is_multiple_of(2)),
        substance: substance(&finding(observed)),
        at: noon(day),
        revision: 2 + place as u64,
    }
}

fn told(decisions: &[Decision]) -> Vec<Fact> {
    let mut facts = Vec::new();
    finding_facts(&market(), &finding(8), decisions, &mut facts);
    facts
}

fn day(at: Timestamp) -> i32 {
    day_number(at.date(market().zone))
}

/// Open findings at the end of a day, by the facts.
fn open_on(facts: &[Fact], at: Timestamp) -> i64 {
    let of = |fact: &&Fact| fact.kind == FactKind::FindingOpen && fact.day <= day(at);
    facts.iter().filter(of).map(|fact| i64::from(fact.sign) * fact.count).sum()
}

proptest! {
    #[test]
    fn the_facts_add_up_to_the_status(
        steps in prop::collection::vec((1..9_i64, prop::sample::select(FindingAction::ALL), 7..9_i64, 1..20_i64), 0..7),
    ) {
        let mut now = 0;
        let decisions: Vec<Decision> = steps
            .iter()
            .enumerate()
            .map(|(place, (gap, action, observed, lasts))| {
                now += gap;
                decision(place, now, *action, *observed, *lasts)
            })
            .collect();
        let facts = told(&decisions);
        for on in 0..60 {
            // What will have been decided by then; the facts know no more, since a later decision is dated later.
            let known: Vec<Decision> = decisions.iter().filter(|one| one.at <= noon(on)).cloned().collect();
            let stands = Derived { finding: finding(8), withdrawn: false, reason: "new".to_owned(), revision: 1, at: noon(0) };
            let last = history(vec![stands], known, noon(on)).last().map(|change| change.status).unwrap();
            let open = !matches!(last, FindingStatus::Remediated | FindingStatus::Waived);
            prop_assert_eq!(open_on(&facts, noon(on)), i64::from(open), "day {} of {:?}", on, &decisions);
        }
        let last = decisions.last().map(|one| standing(Some(one), &substance(&finding(8))));
        let remediated = facts.iter().filter(|fact| fact.kind == FactKind::FindingRemediated).count();
        prop_assert_eq!(remediated, usize::from(last == Some(FindingStatus::Remediated)));
    }
}

#[test]
fn a_remediation_is_timed_from_the_breach_and_gone_when_it_is_reopened() {
    let fixed = decision(0, 3, FindingAction::Remediate, 8, 0);
    let facts = told(std::slice::from_ref(&fixed));
    let of = |facts: &[Fact]| {
        let remediated = facts.iter().filter(|fact| fact.kind == FactKind::FindingRemediated);
        remediated.map(|fact| (fact.day, fact.value)).collect::<Vec<_>>()
    };
    assert_eq!(of(&facts), [(day(noon(3)), Some(3 * 86_400))]);
    let dims = &facts[0].dims;
    assert_eq!(
        (dims.rule.as_deref(), dims.agent.as_deref(), dims.state.as_deref()),
        (Some("r"), Some("ann"), Some("violation"))
    );
    let again = told(&[fixed.clone(), decision(1, 5, FindingAction::Reopen, 8, 0)]);
    assert_eq!(of(&again), []);
    assert_eq!([open_on(&again, noon(2)), open_on(&again, noon(4)), open_on(&again, noon(5))], [1, 0, 1]);
    // It was made on something else.
    let other = told(&[Decision { substance: "another".to_owned(), ..fixed }]);
    assert_eq!((of(&other).len(), open_on(&other, noon(9))), (0, 1));
}
