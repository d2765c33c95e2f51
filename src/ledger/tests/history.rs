//! Random histories of one case: versions, money, promises and references in both directions of time.

use proptest::prelude::*;

use super::*;
use crate::domain::detail::{AdjustmentKind, Charge, Instalment, Interest, PageStep, SettlementStep, TransferKind};
use crate::domain::outcome::Outcome;
use crate::domain::vocabulary::{ActorKind, ChargeStep, Component, MessageEventKind};

/// Days that a history spans, around the change to summer time.
pub(super) const DAYS: i64 = 40;
pub(super) const FIRST: &str = "2024-03-10";

#[derive(Clone)]
pub(super) struct History {
    pub market: Market,
    pub versions: Vec<CaseVersion>,
    pub activities: Vec<Activity>,
    pub ticks: Vec<Timestamp>,
}

/// What a failure shows: a line for each step.
impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} {:?} ticks {:?}", self.market.zone, self.market.payment_order, self.ticks.len())?;
        for version in &self.versions {
            let claims: Vec<_> = version.claims.iter().map(|c| (c.id.as_str(), c.principal, c.due_current)).collect();
            let (agent, client) = (&version.steering.agent, &version.identity.creditor);
            let placed = version.placement.placed.map(|at| at.to_string());
            writeln!(f, "{} {agent:?} {client} {placed:?} {} {claims:?}", version.effective, version.closed)?;
        }
        for activity in &self.activities {
            let detail = serde_json::to_string(&activity.detail).unwrap_or_default();
            let (agent, parent) = (&activity.actor.agent, &activity.parent);
            writeln!(f, "{} {} {agent:?} {parent:?} {detail}", activity.occurred, activity.id)?;
        }
        Ok(())
    }
}

fn instant() -> impl Strategy<Value = Timestamp> {
    // Midnights of Rome in winter and summer, their neighbours, and anything between.
    let minute = prop_oneof![Just(22 * 60), Just(22 * 60 - 1), Just(23 * 60), Just(23 * 60 - 1), 0..1440_i64];
    let base = day_number(date(FIRST));
    (0..DAYS, minute).prop_map(move |(day, minute)| Timestamp(((i64::from(base) + day) * 1440 + minute) * 60_000_000))
}

fn name(index: usize) -> ActivityId {
    ActivityId::trusted(&format!("a{index:02}"))
}

fn when(days: i64) -> NaiveDate {
    date(FIRST) + chrono::TimeDelta::days(days)
}

fn component() -> impl Strategy<Value = Component> {
    prop_oneof![Just(Component::Principal), Just(Component::Interest), Just(Component::Cost)]
}

fn a_payment() -> impl Strategy<Value = Detail> {
    let allocation = prop::collection::btree_map(component(), 0..30_i64, 0..2);
    let promise = prop::option::weighted(0.3, 0..24_usize);
    let claim = prop::option::weighted(0.2, 0..4_usize);
    (0..60_i64, allocation, promise, claim, prop::option::weighted(0.2, 0..DAYS)).prop_map(
        |(minor, allocation, promise, claim, value)| {
            Detail::Payment(Payment {
                allocation,
                promise: promise.map(name),
                claim: claim.map(|claim| ClaimId::trusted(&format!("c{claim}"))),
                value_date: value.map(when),
                ..payment(minor)
            })
        },
    )
}

fn a_charge() -> impl Strategy<Value = Detail> {
    (0..20_i64).prop_map(|minor| {
        Detail::Charge(Charge {
            step: ChargeStep::Reminder,
            amount: money(minor),
            vat: None,
            basis: None,
            authorised_by: None,
            beneficiary: None,
            asserted_on: None,
            claim: None,
            notice: None,
            form: None,
        })
    })
}

fn an_adjustment() -> impl Strategy<Value = Detail> {
    (prop::sample::select(AdjustmentKind::ALL), -20..40_i64, prop::option::of(component())).prop_map(
        |(adjustment, minor, component)| {
            let minor = if adjustment == AdjustmentKind::Correction { minor } else { minor.abs() };
            Detail::Adjustment { adjustment, amount: money(minor), component }
        },
    )
}

fn a_promise() -> impl Strategy<Value = Detail> {
    (1..40_i64, 0..DAYS, prop::option::weighted(0.3, 0..24_usize)).prop_map(|(minor, due, supersedes)| {
        Detail::Promise(Promise {
            amount: money(minor),
            due: when(due),
            supersedes: supersedes.map(name),
            channel: None,
        })
    })
}

fn a_plan() -> impl Strategy<Value = Detail> {
    let instalment = (0..DAYS, 0..20_i64).prop_map(|(due, amount)| Instalment { due: when(due), amount });
    prop::collection::vec(instalment, 0..4).prop_map(|instalments| Detail::Plan {
        instalments,
        currency: eur(),
        written: false,
    })
}

fn detail() -> impl Strategy<Value = Detail> {
    let spoken = || {
        let mut contact = Contact::on(Channel::Call);
        contact.outcome = Some(Outcome::RightPartyCallback);
        Detail::Contact(Box::new(contact))
    };
    let page = |step| Detail::Page { step, source: None, session: None };
    let event = prop::sample::select(vec![MessageEventKind::Opened, MessageEventKind::Delivered]);
    let event = (event, prop::bool::weighted(0.2));
    prop_oneof![
        6 => a_payment(),
        5 => a_promise(),
        3 => a_charge(),
        1 => (0..10_i64).prop_map(|minor| Detail::Interest(Interest::of(money(minor)))),
        2 => an_adjustment(),
        5 => (0..24_usize, 0..60_i64).prop_map(|(target, minor)| Detail::Reversal {
            reverses: name(target),
            amount: money(minor),
            reason: ReversalKind::Chargeback,
        }),
        2 => prop::sample::select(TransferKind::ALL).prop_map(|transfer| Detail::Transfer { transfer, to: None }),
        1 => any::<bool>().prop_map(|closed| Detail::CaseStatus { closed, code: None }),
        1 => (0..24_usize).prop_map(|promise| Detail::PromiseWithdrawn { promise: name(promise) }),
        3 => a_plan(),
        1 => (0..24_usize, any::<bool>()).prop_map(|(plan, broken)| Detail::PlanEnded { plan: name(plan), broken }),
        3 => (prop::sample::select(SettlementStep::ALL), 0..40_i64, prop::option::of(0..DAYS)).prop_map(
            |(step, minor, due)| Detail::Settlement { step, amount: money(minor), due: due.map(when) },
        ),
        2 => Just(()).prop_map(move |()| spoken()),
        1 => Just(Detail::Contact(Box::new(Contact::on(Channel::Email)))),
        2 => event.prop_map(|(event, machine)| Detail::MessageEvent { event, channel: Channel::Email, machine }),
        2 => prop::sample::select(vec![PageStep::Visit, PageStep::PaymentFailed]).prop_map(page),
    ]
}

fn is_email(detail: &Detail) -> bool {
    matches!(detail, Detail::Contact(contact) if contact.channel == Channel::Email)
}

/// What an activity names: the event of a message names that message, or something else.
fn parent(detail: &Detail, named: usize) -> Option<ActivityId> {
    matches!(detail, Detail::MessageEvent { .. }).then(|| name(named))
}

/// Effective instant, agent, client, due days by claim, claims turned round, closed, another placement.
type Drawn = (Timestamp, u8, u8, Vec<Option<i64>>, bool, bool, Option<Timestamp>);

fn a_version() -> impl Strategy<Value = Drawn> {
    let dues = prop::collection::vec(prop::option::weighted(0.8, -5..DAYS), 3);
    (
        instant(),
        0..3_u8,
        0..2_u8,
        dues,
        any::<bool>(),
        prop::bool::weighted(0.1),
        prop::option::weighted(0.4, instant()),
    )
}

pub(super) fn history() -> impl Strategy<Value = History> {
    let market = (Just([Component::Cost, Component::Interest, Component::Principal]).prop_shuffle(), any::<bool>())
        .prop_map(|(payment_order, summer)| Market {
            payment_order,
            zone: if summer { chrono_tz::Europe::Rome } else { chrono_tz::America::Santiago },
            ..super::market()
        });
    let versions = prop::collection::vec(a_version(), 1..4);
    let principals = prop::collection::vec(0..50_i64, 3);
    let acts = prop::collection::vec((instant(), detail(), prop::option::weighted(0.3, 0..3_u8), 0..24_usize), 0..24);
    let placed = prop::option::weighted(0.4, instant());
    (market, versions, principals, acts, placed, prop::collection::vec(instant(), 0..12), 1..4_usize).prop_map(
        |(market, mut versions, principals, acts, placed, mut ticks, first)| {
            versions.sort_by_key(|(at, ..)| *at);
            let make = |(index, (at, agent, client, dues, turned, closed, again)): (usize, &Drawn)| {
                let mut made = version(&format!("v{index}"), *at, Vec::new());
                made.placement.placed = again.filter(|_| index > 0).or(placed);
                made.steering.agent = (*agent > 0).then(|| format!("agent{agent}"));
                made.steering.team = None;
                made.parties = (*agent > 0).then(|| party(&format!("person{agent}"))).into_iter().collect();
                made.identity.creditor = format!("client{client}");
                made.closed = *closed;
                // Later versions may bring another claim, and name the claims in another order.
                let count = (first + usize::from(index > 1)).min(3);
                for (at, (principal, due)) in principals.iter().zip(dues).enumerate().take(count) {
                    let mut one = claim(&format!("c{at}"), *principal, None);
                    one.due_current = due.map(when);
                    made.claims.push(one);
                }
                if *turned {
                    made.claims.reverse();
                }
                made
            };
            let versions: Vec<_> = versions.iter().enumerate().map(make).collect();
            let emails: Vec<usize> = (0..acts.len()).filter(|at| is_email(&acts[*at].1)).collect();
            let act = |(index, (at, detail, agent, named)): (usize, (Timestamp, Detail, Option<u8>, usize))| {
                let agent = agent.map(|agent| format!("agent{agent}"));
                let actor = Actor { kind: Some(ActorKind::Human), agent, team: None };
                // Mostly a message, where there is one.
                let named = emails.get(named % (emails.len() + 1)).copied().unwrap_or(named);
                Activity { actor, id: name(index), parent: parent(&detail, named), ..activity("x", at, detail) }
            };
            let activities = acts.into_iter().enumerate().map(act).collect();
            ticks.sort();
            History { market, versions, activities, ticks }
        },
    )
}
