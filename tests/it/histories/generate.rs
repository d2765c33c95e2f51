//! Random histories of a few cases: raw steps that shrink well, and the records they stand for.

use chrono::{Days, Months, NaiveDate};
use proptest::prelude::*;

use super::more;
use crate::support::builders;
use fairdue::domain::activity::{Activity, Actor};
use fairdue::domain::case::{CaseVersion, Claim, Dates, Identity, LegalClass, Placement, Steering};
use fairdue::domain::detail::{
    AdjustmentKind, Charge, Contact, CreditReportKind, Detail, Interest, MatterStep, Payment, Promise, Remittance,
    ReversalKind, TransferKind,
};
use fairdue::domain::ids::{ActivityId, CaseId, ClaimId, PersonId};
use fairdue::domain::money::{Currency, Money};
use fairdue::domain::outcome::Outcome;
use fairdue::domain::party::{Condition, Party, Residence, ZoneCandidate};
use fairdue::domain::time::{DAY, SECOND, Timestamp};
use fairdue::domain::vocabulary::{
    ActorKind, Beneficiary, Channel, ChargeStep, DebtClass, Initiator, MessageEventKind, PartyKind, PartyRole, Purpose,
};

/// Cases of a history. All but the third belong to one person, so that rules that count per person have work; the second and
/// the fourth are of one creditor, the others of another.
pub const CASES: u8 = 4;
/// Days over which a history stretches: longer than every window of the packs in use.
const DAYS: u16 = 150;
/// Or so few that most windows hold several contacts.
const FEW_DAYS: u16 = 12;

/// What a step does. Its other numbers say to what and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Call,
    InboundCall,
    Email,
    Letter,
    MessageEvent,
    Promise,
    Withdraw,
    Payment,
    Reversal,
    Charge,
    Interest,
    Adjustment,
    Condition,
    Dispute,
    /// What the law wants done in time: requests and their answers, reports, money handed over, records erased.
    Duty,
    SentToCollection,
    /// Plans, settlements and how they ended.
    Agreed,
    /// Pages and payments tried there, complaints, opt-outs, surveys, closings, customers lost.
    Service,
    Cost,
    Void,
    NewVersion,
}

/// One raw step: numbers that proptest can make smaller.
#[derive(Debug, Clone)]
pub struct Step {
    pub what: What,
    pub case: u8,
    pub day: u16,
    pub minute: u16,
    pub pick: u16,
    pub amount: u32,
}

/// A history: everything that is recorded, in no order.
#[derive(Debug, Clone)]
pub struct History {
    /// First versions of all cases, which must be known before their activities.
    pub opening: Vec<CaseVersion>,
    /// Later versions.
    pub versions: Vec<CaseVersion>,
    /// Activities, voids among them.
    pub activities: Vec<Activity>,
}

/// Raw steps of one history.
pub fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let what = prop_oneof![
        6 => Just(What::Call), 2 => Just(What::InboundCall), 2 => Just(What::Email), 2 => Just(What::Letter),
        2 => Just(What::MessageEvent), 4 => Just(What::Promise), 1 => Just(What::Withdraw), 5 => Just(What::Payment),
        2 => Just(What::Reversal), 2 => Just(What::Charge), 1 => Just(What::Interest), 2 => Just(What::Adjustment),
        1 => Just(What::Condition), 1 => Just(What::Dispute), 3 => Just(What::Duty), 1 => Just(What::SentToCollection),
        3 => Just(What::Agreed), 4 => Just(What::Service), 1 => Just(What::Cost), 3 => Just(What::Void), 6 => Just(What::NewVersion),
    ];
    prop_oneof![2 => Just(DAYS), 1 => Just(FEW_DAYS)].prop_flat_map(move |days| {
        let step = (what.clone(), 0..CASES, 0..days, 0..1440_u16, any::<u16>(), 0..40_000_u32);
        let step =
            step.prop_map(|(what, case, day, minute, pick, amount)| Step { what, case, day, minute, pick, amount });
        prop::collection::vec(step, 1..most)
    })
}

fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2025, 1, 7).expect("a date of the calendar")
}

/// A minute of a day of the histories.
pub fn at_minute(day: u16, minute: u16) -> Timestamp {
    let midnight = first_day().and_time(chrono::NaiveTime::MIN).and_utc();
    Timestamp::from(midnight).plus(i64::from(day) * DAY + i64::from(minute) * 60 * SECOND)
}

/// The beginning of a day of the histories.
pub fn day(day: u16) -> Timestamp {
    at_minute(day, 0)
}

/// An instant after everything that a history can make due.
pub fn long_after() -> Timestamp {
    at_minute(DAYS + 200, 0)
}

pub fn case_id(case: u8) -> CaseId {
    CaseId::trusted(&format!("case-{case}"))
}

fn person_of(case: u8) -> PersonId {
    PersonId::trusted(if case == 2 { "person-b" } else { "person-a" })
}

pub fn currency() -> Currency {
    Currency::parse("USD").expect("an ISO currency")
}

pub fn money(minor: u32) -> Money {
    Money::new(i64::from(minor), currency())
}

/// A version of one of a few contents, so that many repeat what is in force, or what was before it.
pub fn version(case: u8, number: usize, effective: Timestamp, pick: u16) -> CaseVersion {
    let (turn, pick) = (pick / 3 % 3, pick % 3);
    let due = first_day().checked_sub_days(Days::new(20)).expect("a date");
    let moved = due.checked_add_days(Days::new(20 * u64::from(pick))).expect("a date");
    CaseVersion {
        currency: currency(),
        identity: Identity {
            creditor: format!("creditor-{}", case % 2),
            collector_entity: [None, Some("one"), Some("two")][usize::from((turn + u16::from(case)) % 3)]
                .map(Into::into),
            ..Identity::default()
        },
        class: LegalClass {
            // Rules for consumers stop and begin to speak with a version.
            debt_class: Some(if pick == 2 { DebtClass::Business } else { DebtClass::Consumer }),
            ..LegalClass::default()
        },
        // Claims become barred while the history goes on, or soon after; one version does not say from when the period runs.
        dates: Dates {
            cause_of_action: (turn != 2)
                .then(|| due.checked_sub_months(Months::new(36)).and_then(|on| on.checked_add_days(Days::new(90))))
                .flatten(),
            ..Dates::default()
        },
        placement: Placement { placed: Some(at_minute(0, 0)), ..Placement::default() },
        steering: Steering {
            agent: Some(format!("agent-{}", pick % 3)),
            team: Some(format!("team-{}", pick % 2)),
            ..Steering::default()
        },
        claims: vec![claim("a", 50_000, Some(due), Some(moved)), claim("b", 20_000 + i64::from(case), None, None)],
        parties: vec![Party {
            person: person_of(case),
            role: PartyRole::Primary,
            kind: Some(PartyKind::Consumer),
            // The two persons live together, or not, or nobody says so.
            household: [Some("h"), Some(if case == 2 { "h" } else { "a" }), None][usize::from(turn)].map(Into::into),
            residences: vec![Residence {
                country: "US".into(),
                // Where rules look back differently far, and count differently over a person's cases.
                subdivision: Some(if pick == 1 { "WA" } else { "NY" }.into()),
                locality: None,
                postal_prefix: None,
                from: None,
                confirmed: true,
            }],
            zones: vec![ZoneCandidate { zone: "America/New_York".into(), source: "address".into() }],
            language: None,
            conditions: Vec::new(),
            windows: Vec::new(),
            permissions: Vec::new(),
            contact_points: Vec::new(),
            creditor_customer: None,
        }],
        ..builders::version(case_id(case).as_str(), &format!("v{number}"), effective)
    }
}

fn claim(id: &str, principal: i64, original: Option<NaiveDate>, current: Option<NaiveDate>) -> Claim {
    Claim {
        id: ClaimId::trusted(id),
        principal,
        vat: None,
        invoice_number: None,
        invoice_date: original.and_then(|due| due.checked_sub_days(Days::new(30))),
        invoice_received: None,
        arose: None,
        due_original: original,
        due_current: current,
        due_fixed_by_contract: None,
        interest_from: None,
        interest_kind: None,
        interest_rate_ppm: None,
    }
}

/// The records that the steps stand for. Steps that need a target and find none become nothing.
pub fn materialise(steps: &[Step]) -> History {
    let opening = (0..CASES).map(|case| version(case, 0, at_minute(0, 0), u16::from(case))).collect();
    let mut history = History { opening, versions: Vec::new(), activities: Vec::new() };
    for (number, step) in steps.iter().enumerate() {
        if step.what == What::NewVersion {
            history.versions.push(version(step.case, number + 1, at_minute(step.day, step.minute), step.pick));
        } else if let Some(detail) = detail(steps, number) {
            history.activities.push(activity(steps, number, detail));
        }
    }
    history
}

fn activity(steps: &[Step], number: usize, detail: Detail) -> Activity {
    let step = &steps[number];
    let market_wide = detail.is_market_wide();
    let of = if step.what == What::Void {
        void_target(steps, step).map_or(step.case, |at| steps[at].case)
    } else {
        step.case
    };
    let mut cases = if market_wide { Vec::new() } else { vec![case_id(of)] };
    if step.what == What::Call && step.case < 2 && step.pick.is_multiple_of(5) {
        cases.push(case_id(1 - step.case)); // one call about both debts of the person
    }
    let bare = step.what == What::Void && step.pick.is_multiple_of(3);
    if bare {
        cases.clear(); // a void finds the cases of its target itself
    }
    let inbound = matches!(step.what, What::InboundCall | What::Payment) || step.pick.is_multiple_of(7);
    Activity {
        cases,
        person: (!market_wide && !bare).then(|| person_of(of)),
        source_seq: i64::from(step.pick % 3),
        initiated_by: Some(if inbound { Initiator::Debtor } else { Initiator::Collector }),
        at_debtors_request: step.pick.is_multiple_of(11),
        actor: Actor {
            kind: Some(if step.pick.is_multiple_of(4) { ActorKind::System } else { ActorKind::Human }),
            agent: (!step.pick.is_multiple_of(4)).then(|| format!("agent-{}", step.pick % 3)),
            team: None,
        },
        parent: parent(step, number),
        ..builders::activity(activity_id(number).as_str(), "", at_minute(step.day, step.minute), detail)
    }
}

fn activity_id(number: usize) -> ActivityId {
    ActivityId::trusted(&format!("act-{number:03}"))
}

/// A message event, a promise and a payment hang on an earlier step, as often as not on none.
fn parent(step: &Step, number: usize) -> Option<ActivityId> {
    let hangs = matches!(step.what, What::MessageEvent | What::Promise | What::Payment)
        && step.pick.is_multiple_of(2)
        && number > 0;
    hangs.then(|| activity_id(usize::from(step.pick) % number))
}

/// The number of a step of one of these kinds on the same case, before or after in time and in order of arrival.
fn target(steps: &[Step], from: &Step, kinds: &[What]) -> Option<usize> {
    let fits = |(_, step): &(usize, &Step)| kinds.contains(&step.what) && step.case == from.case;
    let found: Vec<usize> = steps.iter().enumerate().filter(fits).map(|(number, _)| number).collect();
    found.get(usize::from(from.pick) % found.len().max(1)).copied()
}

/// The number of the step that a void removes: any record but a void or a version, on any case.
fn void_target(steps: &[Step], from: &Step) -> Option<usize> {
    let fits = |at: &usize| !matches!(steps[*at].what, What::Void | What::NewVersion);
    let found: Vec<usize> = (0..steps.len()).filter(fits).collect();
    found.get(usize::from(from.pick) % found.len().max(1)).copied()
}

fn detail(steps: &[Step], number: usize) -> Option<Detail> {
    let step = &steps[number];
    let pick = step.pick;
    Some(match step.what {
        What::Call | What::InboundCall => Detail::Contact(Box::new(Contact {
            outcome: Some(Outcome::ALL[usize::from(pick) % Outcome::ALL.len()]),
            ..Contact::on(Channel::Call)
        })),
        What::Email => Detail::Contact(Box::new(Contact {
            campaign: Some(format!("campaign-{}", pick % 2)),
            ..Contact::on(Channel::Email)
        })),
        What::Letter => Detail::Contact(Box::new(Contact {
            purpose: Some(if pick.is_multiple_of(2) { Purpose::Demand } else { Purpose::Reminder }),
            notices: if pick.is_multiple_of(3) { vec!["validation_notice".into()] } else { Vec::new() },
            ..Contact::on(Channel::Letter)
        })),
        What::MessageEvent => {
            let events = [
                MessageEventKind::Delivered,
                MessageEventKind::BouncedHard,
                MessageEventKind::Opened,
                MessageEventKind::Clicked,
            ];
            Detail::MessageEvent {
                event: events[usize::from(pick) % events.len()],
                channel: Channel::Email,
                machine: pick.is_multiple_of(5),
            }
        }
        What::Promise => Detail::Promise(Promise {
            amount: money(step.amount + 1),
            due: first_day().checked_add_days(Days::new(u64::from(step.day + pick % 40)))?,
            supersedes: if pick.is_multiple_of(6) {
                target(steps, step, &[What::Promise]).filter(|other| *other != number).map(activity_id)
            } else {
                None
            },
            channel: None,
        }),
        What::Withdraw => Detail::PromiseWithdrawn { promise: activity_id(target(steps, step, &[What::Promise])?) },
        What::Payment => Detail::Payment(Payment {
            amount: money(step.amount),
            promise: if pick.is_multiple_of(3) { target(steps, step, &[What::Promise]).map(activity_id) } else { None },
            ..builders::payment(0)
        }),
        What::Reversal => {
            let paid = target(steps, step, &[What::Payment])?;
            let amount = steps[paid].amount / if pick.is_multiple_of(2) { 1 } else { 3 };
            let reason = if pick.is_multiple_of(4) { ReversalKind::Chargeback } else { ReversalKind::Reversal };
            Detail::Reversal { reverses: activity_id(paid), amount: money(amount), reason }
        }
        What::Charge => Detail::Charge(Charge {
            step: if pick.is_multiple_of(2) { ChargeStep::Reminder } else { ChargeStep::Demand },
            amount: money(step.amount % 5_000),
            vat: None,
            basis: None,
            authorised_by: None,
            beneficiary: Some(if pick.is_multiple_of(2) { Beneficiary::Collector } else { Beneficiary::Creditor }),
            asserted_on: None,
            claim: None,
            notice: None,
            form: None,
        }),
        What::Interest => Detail::Interest(Interest::of(money(step.amount % 900))),
        What::Adjustment => Detail::Adjustment {
            adjustment: AdjustmentKind::ALL[usize::from(pick) % AdjustmentKind::ALL.len()],
            amount: money(step.amount % 3_000),
            component: None,
        },
        What::Condition => Detail::Condition {
            condition: if pick.is_multiple_of(2) { Condition::CeaseRequested } else { Condition::Represented },
            ended: pick.is_multiple_of(5),
            written: Some(true),
            direct_contact_consented: false,
            reference: None,
        },
        What::Dispute => Detail::Dispute {
            step: if pick.is_multiple_of(2) { MatterStep::Opened } else { MatterStep::ResolvedRejected },
            written: Some(true),
            reference: None,
            grounded: None,
        },
        What::Duty => match pick % 8 {
            0 | 1 => Detail::DataRequest { step: MatterStep::Opened, reference: None },
            2 => Detail::DataRequest { step: MatterStep::Extended, reference: None },
            3 => Detail::DataRequest { step: MatterStep::ResolvedUpheld, reference: None },
            4 => Detail::Remittance(Remittance { amount: money(step.amount), withheld: None, payments: Vec::new() }),
            5 => Detail::RecordsErased { records: Vec::new(), newest: None },
            _ => Detail::CreditReport {
                report: if pick.is_multiple_of(3) { CreditReportKind::Withdraw } else { CreditReportKind::Furnish },
                bureau: None,
                amount: None,
                disputed: false,
            },
        },
        What::Agreed => more::agreed(step, &|days| first_day().checked_add_days(Days::new(days)), || {
            target(steps, step, &[What::Agreed]).map(activity_id)
        })?,
        What::Service => {
            more::service(step, at_minute(step.day, step.minute), &|days| first_day().checked_add_days(Days::new(days)))
        }
        What::SentToCollection => Detail::Transfer { transfer: TransferKind::CreditCollection, to: None },
        What::Cost if step.pick.is_multiple_of(3) => {
            let client = (!step.pick.is_multiple_of(5)).then(|| format!("client-{}", step.pick / 8 % 2));
            Detail::CreditSales { amount: money(step.amount), client }
        }
        What::Cost => Detail::OperatingCost { amount: money(step.amount), category: None },
        What::Void => Detail::Void { target: activity_id(void_target(steps, step)?), reason: None },
        What::NewVersion => return None,
    })
}
