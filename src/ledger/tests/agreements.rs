//! Worked examples of what was agreed, tried at a landing page, or brought up: plans, settlements, sessions, complaints,
//! and the first attempt that led to a payment.

use super::*;
use crate::domain::detail::{Instalment, MatterStep, PageStep, SettlementStep};
use crate::domain::fact::flag;
use crate::domain::outcome::Outcome;
use crate::domain::party::{Party, Permission, ZoneCandidate};
use crate::domain::vocabulary::{ConsentScope, Ownership};

const END: &str = "2024-12-31";
const ALL: fn(&Dims) -> bool = |_| true;

fn run(activities: &[Activity]) -> Folded {
    let case = version("1", at("2024-01-10 09:00"), vec![claim("a", 10_000, Some("2024-01-31"))]);
    fold(&[case], activities, at("2024-12-31 12:00"))
}

/// Day, state, amounts and value of each fact of a kind.
fn told(folded: &Folded, kind: FactKind) -> Vec<(String, String, i64, i64, Option<i64>)> {
    let shown = |fact: &Fact| {
        let day = crate::domain::time::date_of_day(fact.day).to_string();
        let state = fact.dims.state.as_deref().unwrap_or_default().to_owned();
        (day, state, fact.amount, fact.amount2, fact.value)
    };
    folded.facts.iter().filter(|fact| fact.kind == kind).map(shown).collect()
}

fn row(day: &str, state: &str, amount: i64, amount2: i64) -> (String, String, i64, i64, Option<i64>) {
    (day.to_owned(), state.to_owned(), amount, amount2, None)
}

#[test]
fn payments_go_to_the_instalments_of_a_plan_in_their_order() {
    let instalment = |due: &str, amount| Instalment { due: date(due), amount };
    let plan = Detail::Plan {
        instalments: vec![
            instalment("2024-04-10", 100),
            instalment("2024-03-10", 100),
            instalment("2024-05-10", 100),
            instalment("2024-06-10", 100),
        ],
        currency: eur(),
        written: true,
    };
    let folded = run(&[
        activity("0", at("2024-02-20 10:00"), pays(90)), // before the plan
        activity("plan", at("2024-03-01 10:00"), plan),
        activity("1", at("2024-03-09 10:00"), pays(130)),
        activity("2", at("2024-04-12 10:00"), pays(70)), // within three days of grace
        activity("3", at("2024-05-10 10:00"), pays(40)),
        activity("end", at("2024-06-01 10:00"), Detail::PlanEnded { plan: ActivityId::trusted("plan"), broken: true }),
    ]);
    assert_eq!(told(&folded, FactKind::PlanMade), [row("2024-03-01", "", 400, 0)]);
    assert_eq!(
        told(&folded, FactKind::InstalmentJudged),
        [
            row("2024-03-13", "kept", 100, 100),
            row("2024-04-13", "kept", 100, 100),
            row("2024-05-13", "missed", 100, 40)
        ]
    );
    assert_eq!(told(&folded, FactKind::PlanEnded), [row("2024-06-01", "broken", 0, 0)]);
}

#[test]
fn a_settlement_is_paid_once_its_amount_came_in() {
    let step = |step, minor| Detail::Settlement { step, amount: money(minor), due: None };
    let folded = run(&[
        activity("1", at("2024-03-01 10:00"), step(SettlementStep::Offer, 6_000)),
        activity("2", at("2024-03-02 10:00"), pays(1_000)),
        activity("3", at("2024-03-03 10:00"), step(SettlementStep::Accepted, 6_000)),
        activity("4", at("2024-03-04 10:00"), pays(4_000)),
        activity("5", at("2024-03-05 10:00"), reverses("4", 1_000)),
        activity("6", at("2024-03-06 10:00"), pays(2_999)),
        activity("7", at("2024-03-07 10:00"), pays(1)),
        activity("8", at("2024-03-08 10:00"), step(SettlementStep::Broken, 6_000)),
    ]);
    assert_eq!(
        told(&folded, FactKind::Settlement),
        [
            row("2024-03-01", "offer", 6_000, 10_000),
            row("2024-03-03", "accepted", 6_000, 9_000),
            row("2024-03-07", "paid", 6_000, 9_000),
            row("2024-03-08", "broken", 6_000, 3_000),
        ]
    );
}

#[test]
fn a_payment_session_ends_by_a_payment_or_by_its_time_out() {
    let page = |id: &str, when: &str, step, session: &str| {
        let detail = Detail::Page { step, source: Some("sms".to_owned()), session: Some(session.to_owned()) };
        activity(id, at(when), detail)
    };
    let folded = run(&[
        page("1", "2024-03-01 10:00", PageStep::Visit, "paid"),
        page("2", "2024-03-01 10:01", PageStep::PaymentStarted, "paid"),
        page("3", "2024-03-01 10:02", PageStep::PaymentFailed, "paid"),
        page("4", "2024-03-01 10:31", PageStep::PaymentDone, "paid"),
        page("5", "2024-03-01 23:50", PageStep::PaymentStarted, "left"),
        page("6", "2024-03-02 00:30", PageStep::PaymentFailed, "failed"),
    ]);
    let sessions = told(&folded, FactKind::PaymentSession);
    assert_eq!(
        sessions,
        [row("2024-03-01", "done", 0, 0), row("2024-03-01", "abandoned", 0, 0), row("2024-03-02", "failed", 0, 0)]
    );
    let sms = |dims: &Dims| dims.source.as_deref() == Some("sms");
    assert_eq!(folded.count(FactKind::PaymentSession, END, sms), 3);
    assert_eq!(folded.count(FactKind::Page, END, |dims| dims.state.as_deref() == Some("visit")), 1);
}

#[test]
fn a_matter_is_open_from_its_opening_to_its_end() {
    let step = |id: &str, when: &str, step, reference: Option<&str>| {
        activity(id, at(when), Detail::Complaint { step, reference: reference.map(str::to_owned) })
    };
    let folded = run(&[
        step("1", "2024-03-01 10:00", MatterStep::Opened, Some("a")),
        step("2", "2024-03-01 11:00", MatterStep::Opened, Some("b")),
        step("3", "2024-03-01 12:00", MatterStep::ResolvedUpheld, Some("b")),
        step("4", "2024-03-01 13:00", MatterStep::ResolvedRejected, None),
        step("5", "2024-03-01 14:00", MatterStep::Withdrawn, None),
    ]);
    let values: Vec<_> = told(&folded, FactKind::Matter).into_iter().map(|one| (one.1, one.4)).collect();
    let named = |state: &str, value| (state.to_owned(), value);
    assert_eq!(
        values,
        [
            named("complaint_opened", None),
            named("complaint_opened", None),
            named("complaint_resolved_upheld", Some(3_600)),
            named("complaint_resolved_rejected", Some(10_800)),
            named("complaint_withdrawn", None),
        ]
    );
}

#[test]
fn another_end_of_a_matter_takes_the_place_of_the_former_one() {
    let step = |id: &str, when: &str, step| {
        activity(id, at(when), Detail::Complaint { step, reference: Some("a".to_owned()) })
    };
    let folded = run(&[
        step("1", "2024-03-01 10:00", MatterStep::Opened),
        step("2", "2024-03-01 11:00", MatterStep::ResolvedRejected),
        step("3", "2024-03-01 12:00", MatterStep::ResolvedUpheld),
        step("4", "2024-03-01 13:00", MatterStep::ResolvedUpheld),
    ]);
    let facts = folded.facts.iter().filter(|fact| fact.kind == FactKind::Matter);
    let states = facts.map(|fact| (fact.sign, fact.dims.state.as_deref().unwrap_or_default(), fact.value));
    let (rejected, upheld) = ("complaint_resolved_rejected", "complaint_resolved_upheld");
    assert_eq!(
        states.collect::<Vec<_>>(),
        [
            (1, "complaint_opened", None),
            (1, rejected, Some(3_600)),
            (-1, rejected, Some(3_600)),
            (1, upheld, Some(7_200)),
        ]
    );
}

#[test]
fn the_first_attempt_is_resolved_by_a_promise_kept_or_a_payment_on_it() {
    let spoken = |id: &str, when: &str, outcome| {
        let mut contact = Contact::on(Channel::Call);
        contact.outcome = Some(outcome);
        activity(id, at(when), Detail::Contact(Box::new(contact)))
    };
    let on = |call: &str, one: Activity| Activity { parent: Some(ActivityId::trusted(call)), ..one };
    let first = spoken("1", "2024-03-01 10:00", Outcome::NoAnswer);
    let second = spoken("2", "2024-03-02 10:00", Outcome::RightPartyPromise);
    let promise = on("2", activity("p", at("2024-03-02 10:05"), promises(500, "2024-03-20")));
    let kept = run(&[first.clone(), second.clone(), promise.clone(), activity("3", at("2024-03-19 10:00"), pays(500))]);
    let resolved = |folded: &Folded| told(folded, FactKind::FirstContactResolved);
    assert_eq!(resolved(&kept), [row("2024-03-02", "right_party", 0, 0)]);
    let broken = run(&[first.clone(), second.clone(), promise.clone()]);
    assert_eq!(resolved(&broken), []);
    let paid = run(&[on("1", activity("0", at("2024-03-01 10:01"), pays(1))), first, second, promise]);
    assert_eq!(resolved(&paid), [row("2024-03-01", "attempt", 0, 0)]);
    let flagged = |folded: &Folded, bit: u16| {
        folded.facts.iter().filter(|fact| fact.kind == FactKind::Contact && fact.flags & bit != 0).count()
    };
    assert_eq!((flagged(&kept, flag::FIRST_ATTEMPT), flagged(&kept, flag::FIRST_RIGHT_PARTY)), (1, 1));
    // What was written before is no first attempt.
    let mut letter = Contact::on(Channel::Letter);
    letter.outcome = Some(Outcome::Sent);
    let letter = activity("l", at("2024-02-28 10:00"), Detail::Contact(Box::new(letter)));
    let written = run(&[letter, spoken("1", "2024-03-01 10:00", Outcome::NoAnswer)]);
    let first = |folded: &Folded| -> Vec<i32> {
        let flagged =
            folded.facts.iter().filter(|fact| fact.kind == FactKind::Contact && fact.flags & flag::FIRST_ATTEMPT != 0);
        flagged.map(|fact| fact.day).collect()
    };
    assert_eq!(first(&written), [day("2024-03-01")]);
    let judged: Vec<u16> =
        kept.facts.iter().filter(|fact| fact.kind == FactKind::PromiseJudged).map(|fact| fact.flags).collect();
    let first = flag::FIRST_RIGHT_PARTY | flag::FIRST_KEPT_OF_CALL;
    assert_eq!(judged, [flag::RIGHT_PARTY | first | flag::SELF_SERVICE]);
}

#[test]
fn a_customer_lost_is_told_with_the_days_since_the_closing() {
    let lost = |id: &str, when: &str| activity(id, at(when), Detail::CustomerStatus { customer: false });
    let closed = |id: &str, when: &str, closed| activity(id, at(when), Detail::CaseStatus { closed, code: None });
    let folded = run(&[
        lost("1", "2024-03-01 10:00"),
        closed("2", "2024-03-02 10:00", true),
        closed("3", "2024-03-03 10:00", true),
        lost("4", "2024-03-12 10:00"),
        closed("5", "2024-03-13 10:00", false),
        lost("6", "2024-03-14 10:00"),
    ]);
    let values: Vec<_> = told(&folded, FactKind::CustomerLost).into_iter().map(|one| one.4).collect();
    assert_eq!(values, [None, Some(10), None]);
    assert_eq!(folded.count(FactKind::AccountClosed, END, ALL), 1);
}

#[test]
fn an_opt_out_counts_and_a_consent_does_not() {
    let stated = |id: &str, granted| {
        let permission = Permission {
            granted,
            scope: ConsentScope::Channel,
            channel: Some(Channel::Sms),
            technology: None,
            given: at("2024-03-01 10:00"),
            expires: None,
            revoked: None,
            evidence: None,
            written: None,
        };
        activity(id, at("2024-03-01 10:00"), Detail::Permission { permission, contact_point: None })
    };
    let folded = run(&[stated("1", false), stated("2", true)]);
    assert_eq!(folded.count(FactKind::OptOut, END, |dims| dims.channel == Some(Channel::Sms)), 1);
    assert_eq!(folded.count(FactKind::OptOut, END, ALL), 1);
}

#[test]
fn a_payment_counts_for_every_contact_of_thirty_days_and_once() {
    let mail = |id: &str, when: &str| activity(id, at(when), Detail::Contact(Box::new(Contact::on(Channel::Email))));
    let folded = run(&[
        mail("1", "2024-03-01 10:00"),
        mail("2", "2024-03-30 10:00"),
        activity("0", at("2024-03-30 11:00"), pays(0)),
        activity("3", at("2024-03-31 10:00"), pays(100)), // an hour less than a day after the second, by the clocks' change
        activity("4", at("2024-04-01 10:00"), pays(100)),
        mail("5", "2024-04-02 10:00"),
        activity("6", at("2024-05-02 10:01"), pays(100)),
    ]);
    let facts: Vec<_> = folded.facts.iter().filter(|fact| fact.kind == FactKind::ContactPaid).collect();
    let days: Vec<_> = facts.iter().map(|fact| (fact.day, fact.value, fact.hour)).collect();
    // Friday the 1st at ten is hour 106 of the week.
    assert_eq!(
        days,
        [
            (day("2024-03-01"), Some(30 * 86_400 - 3_600), Some(4 * 24 + 10)),
            (day("2024-03-30"), Some(86_400 - 3_600), Some(5 * 24 + 10)),
        ]
    );
    assert!(facts.iter().all(|fact| fact.placed == Some(day("2024-01-10"))));
}

#[test]
fn a_visitor_counts_again_after_thirty_days_without_a_visit() {
    let visit = |id: &str, when: &str| {
        activity(id, at(when), Detail::Page { step: PageStep::Visit, source: None, session: None })
    };
    let folded = run(&[
        visit("1", "2024-03-01 10:00"),
        visit("2", "2024-03-20 10:00"),
        activity("3", at("2024-03-21 10:00"), pays(100)),
        activity("4", at("2024-03-22 10:00"), pays(100)),
        visit("5", "2024-04-19 10:00"), // the thirtieth day
        visit("6", "2024-06-01 10:00"),
        activity("7", at("2024-07-02 10:00"), pays(100)), // too late
    ]);
    let seen = |kind| -> Vec<_> {
        folded.facts.iter().filter(|fact| fact.kind == kind).map(|fact| (fact.day, fact.value)).collect()
    };
    let visitors = seen(FactKind::Visitor);
    assert_eq!(visitors, [(day("2024-03-01"), None), (day("2024-06-01"), None)]);
    let paid = seen(FactKind::VisitorPaid);
    assert_eq!(paid, [(day("2024-03-01"), Some(20 * 86_400))]);
}

#[test]
fn the_hour_of_a_contact_is_the_debtor_s() {
    let mut case = version("1", at("2024-01-10 09:00"), vec![claim("a", 10_000, Some("2024-01-31"))]);
    let hour_of = |case: &CaseVersion, date_only: bool| {
        let call = Activity { date_only, ..activity("1", at("2024-03-04 00:30"), call()) };
        let folded = fold(std::slice::from_ref(case), &[call], at("2024-03-05 12:00"));
        folded.facts.iter().find(|fact| fact.kind == FactKind::Contact).and_then(|fact| fact.hour)
    };
    let hour = |case: &CaseVersion| hour_of(case, false);
    assert_eq!(hour(&case), Some(0), "Monday after midnight in the market");
    assert_eq!(hour_of(&case, true), None, "no more than the day is known");
    let zone = |zone: &str| ZoneCandidate { zone: zone.to_owned(), source: String::new() };
    let zones = vec![zone("nowhere"), zone("America/New_York")];
    case.parties = vec![Party { zones, ..party("p") }];
    assert_eq!(hour(&case), Some(6 * 24 + 18), "Sunday evening at the debtor's");
}

#[test]
fn what_a_claim_was_bought_for_is_what_the_newest_version_says() {
    let bought = |id: &str, when: &str, price| {
        let mut version = version(id, at(when), vec![claim("a", 10_000, Some("2024-01-31"))]);
        version.identity.ownership = Some(Ownership::Purchased);
        (version.placement.purchase_price, version.placement.face_value) = (Some(price), Some(9_000));
        version
    };
    let versions = [bought("1", "2024-01-10 09:00", 700), bought("2", "2024-02-01 09:00", 650)];
    let paid =
        [activity("1", at("2024-03-01 10:00"), pays(100)), activity("2", at("2024-03-02 10:00"), reverses("1", 40))];
    let folded = fold(&versions, &paid, at("2024-12-31 12:00"));
    assert_eq!(folded.sum(FactKind::Purchased, END, ALL), 650);
    assert_eq!(folded.count(FactKind::Purchased, END, ALL), 1);
    let face: i64 = folded.facts.iter().filter(|fact| fact.kind == FactKind::Purchased).map(|fact| fact.amount2).sum();
    assert_eq!(face, 9_000);
    let flagged = |kind| folded.facts.iter().any(|fact| fact.kind == kind && fact.flags & flag::PURCHASED != 0);
    assert!(flagged(FactKind::Payment) && flagged(FactKind::PaymentReversed));
}
