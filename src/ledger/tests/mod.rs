//! Tests of the fold of one case: worked examples, and random histories against a count made differently.

mod after_recall;
mod ageing;
mod agreed;
mod agreements;
mod conversions;
mod counting;
mod debtor;
mod examples;
mod given_up;
mod history;
mod judging;
mod made_by;
mod oracle;
mod parts;
mod past_due;
mod posted;
mod principal;
mod property;
mod released;
mod roster;
mod seen;

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{CaseLedger, Context};
use crate::domain::activity::{Activity, Actor, Control};
use crate::domain::case::{CaseVersion, Claim, Dates, Identity, LegalClass, Placement, Steering, Terms};
use crate::domain::detail::{Contact, Detail, Payment, Promise, ReversalKind};
use crate::domain::fact::{Dims, Fact, FactKind};
use crate::domain::facts::Facts;
use crate::domain::ids::{ActivityId, CaseId, ClaimId, MarketId, PersonId, TenantId, VersionId};
use crate::domain::market::{DEFAULT_PAYMENT_ORDER, Market, MarketKey};
use crate::domain::money::{Currency, Money};
use crate::domain::party::Party;
use crate::domain::time::{Timestamp, day_number};
use crate::domain::vocabulary::{Channel, PartyRole};

pub(super) fn market() -> Market {
    Market {
        key: MarketKey { tenant: TenantId::trusted("t"), market: MarketId::trusted("it") },
        region: "IT".to_owned(),
        zone: chrono_tz::Europe::Rome,
        currency: eur(),
        promise_grace_days: 3,
        attribution_days: 30,
        payment_order: DEFAULT_PAYMENT_ORDER,
        payment_orders: Vec::new(),
        buckets: crate::domain::buckets::Buckets::default(),
        case_dimensions: crate::domain::case_dimensions::CaseDimensions::default(),
    }
}

pub(super) fn eur() -> Currency {
    Currency::parse("EUR").unwrap()
}

pub(super) fn money(minor: i64) -> Money {
    Money::new(minor, eur())
}

pub(super) fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(super) fn day(text: &str) -> i32 {
    day_number(date(text))
}

/// `2024-03-01 10:00` in Rome.
pub(super) fn at(text: &str) -> Timestamp {
    let (day, time) = text.split_once(' ').unwrap();
    Timestamp::at_local(date(day), time.parse().unwrap(), chrono_tz::Europe::Rome)
}

pub(super) fn claim(id: &str, principal: i64, due: Option<&str>) -> Claim {
    let due = due.map(date);
    Claim {
        id: ClaimId::trusted(id),
        principal,
        vat: None,
        invoice_number: None,
        invoice_date: due.map(|due| due - chrono::TimeDelta::days(30)),
        invoice_received: None,
        arose: None,
        due_original: due,
        due_current: None,
        due_fixed_by_contract: None,
        interest_from: None,
        interest_kind: None,
        interest_rate_ppm: None,
    }
}

pub(super) fn version(id: &str, effective: Timestamp, claims: Vec<Claim>) -> CaseVersion {
    CaseVersion {
        case: CaseId::trusted("c"),
        version: VersionId::trusted(id),
        effective,
        currency: eur(),
        identity: Identity { creditor: "shop".to_owned(), ..Identity::default() },
        class: LegalClass::default(),
        dates: Dates::default(),
        terms: Terms::default(),
        placement: Placement::default(),
        steering: Steering { agent: Some("ann".to_owned()), team: Some("red".to_owned()), ..Steering::default() },
        claims,
        parties: Vec::new(),
        history_complete_from: None,
        prior_notices: Vec::new(),
        prior_charges: Vec::new(),
        closed: false,
        attributes: BTreeMap::new(),
    }
}

/// Who owes, and nothing more of him.
pub(super) fn party(person: &str) -> Party {
    Party {
        person: PersonId::trusted(person),
        role: PartyRole::Primary,
        kind: None,
        household: None,
        residences: Vec::new(),
        zones: Vec::new(),
        language: None,
        conditions: Vec::new(),
        windows: Vec::new(),
        permissions: Vec::new(),
        contact_points: Vec::new(),
        creditor_customer: None,
    }
}

pub(super) fn activity(id: &str, occurred: Timestamp, detail: Detail) -> Activity {
    Activity {
        id: ActivityId::trusted(id),
        cases: vec![CaseId::trusted("c")],
        person: None,
        person_role: None,
        occurred,
        date_only: false,
        received: None,
        effective: None,
        ended: None,
        source_seq: 0,
        initiated_by: None,
        at_debtors_request: false,
        actor: Actor::default(),
        parent: None,
        control: Control::default(),
        detail,
    }
}

pub(super) fn payment(minor: i64) -> Payment {
    Payment {
        amount: money(minor),
        value_date: None,
        received_by: None,
        method: None,
        channel: None,
        allocation: BTreeMap::new(),
        promise: None,
        claim: None,
        original: None,
        rate_ppm: None,
        direction: None,
    }
}

pub(super) fn pays(minor: i64) -> Detail {
    Detail::Payment(payment(minor))
}

pub(super) fn promises(minor: i64, due: &str) -> Detail {
    Detail::Promise(Promise { amount: money(minor), due: date(due), supersedes: None, channel: None })
}

pub(super) fn reverses(target: &str, minor: i64) -> Detail {
    Detail::Reversal { reverses: ActivityId::trusted(target), amount: money(minor), reason: ReversalKind::Chargeback }
}

pub(super) fn call() -> Detail {
    Detail::Contact(Box::new(Contact::on(Channel::Call)))
}

/// Folds versions and activities in their order and lets time pass to `until`.
pub(super) struct Folded {
    pub ledger: CaseLedger,
    pub facts: Facts,
}

pub(super) fn fold(versions: &[CaseVersion], activities: &[Activity], until: Timestamp) -> Folded {
    fold_in(&market(), versions, activities, until)
}

pub(super) fn fold_in(market: &Market, versions: &[CaseVersion], activities: &[Activity], until: Timestamp) -> Folded {
    let mut versions: Vec<&CaseVersion> = versions.iter().collect();
    versions.sort_by_key(|version| (version.effective, version.version.clone()));
    let mut activities: Vec<&Activity> = activities.iter().collect();
    activities.sort_by(|a, b| a.order().cmp(&b.order()));
    let mut facts = Facts::default();
    let mut current = versions[0];
    let mut ledger = CaseLedger::open(market, current, &mut facts);
    let mut rest = versions[1..].iter().copied().peekable();
    for activity in activities {
        while let Some(next) = rest.next_if(|next| next.effective <= activity.occurred) {
            ledger.advance(market, current, next.effective, &mut facts);
            ledger.version(market, current, next, &mut facts);
            current = next;
        }
        ledger.advance(market, current, activity.occurred, &mut facts);
        let ctx = Context { market, version: current, lead: true };
        ledger.apply(&ctx, activity, &mut facts);
    }
    for next in rest {
        ledger.advance(market, current, next.effective, &mut facts);
        ledger.version(market, current, next, &mut facts);
        current = next;
    }
    ledger.advance(market, current, until, &mut facts);
    Folded { ledger, facts }
}

impl Folded {
    /// Sum of amounts of a kind up to and including a day, where `wanted` holds.
    pub fn sum(&self, kind: FactKind, until: &str, wanted: impl Fn(&Dims) -> bool) -> i64 {
        let chosen = |fact: &&Fact| fact.kind == kind && fact.day <= day(until) && wanted(&fact.dims);
        self.facts.iter().filter(chosen).map(|fact| i64::from(fact.sign) * fact.amount).sum()
    }

    /// Sum of counts likewise.
    pub fn count(&self, kind: FactKind, until: &str, wanted: impl Fn(&Dims) -> bool) -> i64 {
        let chosen = |fact: &&Fact| fact.kind == kind && fact.day <= day(until) && wanted(&fact.dims);
        self.facts.iter().filter(chosen).map(|fact| i64::from(fact.sign) * fact.count).sum()
    }
}
