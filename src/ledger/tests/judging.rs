//! What was said of promises and instalments at the end of their grace, and is said anew when money comes or goes after it.

use std::collections::BTreeMap;

use super::*;
use crate::domain::detail::{Instalment, SettlementStep};
use crate::domain::fact::flag;
use crate::domain::outcome::Outcome;

/// What facts of a kind add up to: day, state, second amount, days or gap, flags that tell the first kept of a call.
fn net(folded: &Folded, kind: FactKind, states: &[&str]) -> Vec<(String, String, i64, Option<i64>, bool)> {
    let mut sums: BTreeMap<_, i64> = BTreeMap::new();
    for fact in folded.facts.iter().filter(|fact| fact.kind == kind) {
        let state = fact.dims.state.as_deref().unwrap_or_default().to_owned();
        let day = crate::domain::time::date_of_day(fact.day).to_string();
        let first = fact.flags & flag::FIRST_KEPT_OF_CALL != 0;
        *sums.entry((day, state, fact.amount2, fact.value, first)).or_default() += i64::from(fact.sign);
    }
    assert!(sums.values().all(|count| (0..=1).contains(count)), "{sums:?}");
    sums.retain(|key, count| *count == 1 && (states.is_empty() || states.contains(&key.1.as_str())));
    sums.into_keys().collect()
}

fn row(day: &str, state: &str, amount2: i64, value: Option<i64>) -> (String, String, i64, Option<i64>, bool) {
    (day.to_owned(), state.to_owned(), amount2, value, false)
}

fn run(history: &[Activity]) -> Folded {
    let first = version("1", at("2024-01-10 09:00"), vec![claim("a", 10_000, Some("2024-01-31"))]);
    fold(&[first], history, at("2024-12-31 12:00"))
}

fn names(promise: &str, minor: i64) -> Payment {
    Payment { promise: Some(ActivityId::trusted(promise)), ..payment(minor) }
}

/// Promised 100 until 10 March; three days of grace.
fn promised() -> Activity {
    activity("p", at("2024-03-01 10:00"), promises(100, "2024-03-10"))
}

fn said(history: &[Activity]) -> Vec<(String, String, i64, Option<i64>, bool)> {
    net(&run(history), FactKind::PromiseJudged, &[])
}

#[test]
fn what_names_a_promise_after_grace_makes_it_late() {
    let late = |payment| activity("q", at("2024-03-20 10:00"), Detail::Payment(payment));
    assert_eq!(said(&[promised(), late(names("p", 100))]), [row("2024-03-13", "late", 0, Some(10))]);
    assert_eq!(said(&[promised(), late(names("p", 99))]), [row("2024-03-13", "broken", 0, None)]);
    // What names none counts towards promises that are open.
    assert_eq!(said(&[promised(), late(payment(100))]), [row("2024-03-13", "broken", 0, None)]);
    let part = activity("o", at("2024-03-12 10:00"), pays(30));
    assert_eq!(said(&[promised(), part.clone(), late(names("p", 70))]), [row("2024-03-13", "late", 30, Some(10))]);
    let back = activity("r", at("2024-04-20 10:00"), reverses("q", 1));
    let history = [promised(), part, late(names("p", 70)), back];
    assert_eq!(said(&history), [row("2024-03-13", "partly_kept", 30, None)]);
}

#[test]
fn money_that_was_there_in_time_keeps_a_promise_whenever_it_is_booked() {
    let booked = |value: &str| {
        let payment = Payment { value_date: Some(date(value)), ..payment(100) };
        [promised(), activity("q", at("2024-03-20 10:00"), Detail::Payment(payment))]
    };
    assert_eq!(said(&booked("2024-03-10")), [row("2024-03-13", "kept", 100, Some(0))]);
    assert_eq!(said(&booked("2024-03-13")), [row("2024-03-13", "kept", 100, Some(3))]);
    assert_eq!(said(&booked("2024-03-14")), [row("2024-03-13", "broken", 0, None)]);
}

#[test]
fn a_chargeback_undoes_what_was_kept_and_all_that_came_of_it() {
    let contact = Contact { outcome: Some(Outcome::RightPartyPromise), ..Contact::on(Channel::Call) };
    let call = activity("call", at("2024-03-01 09:00"), Detail::Contact(Box::new(contact)));
    let made = |id: &str, due: &str| Activity {
        parent: Some(ActivityId::trusted("call")),
        ..activity(id, at("2024-03-01 09:01"), promises(100, due))
    };
    let mut history = vec![
        call,
        made("a", "2024-03-05"),
        made("b", "2024-03-10"),
        activity("x", at("2024-03-05 10:00"), pays(100)),
        activity("y", at("2024-03-10 10:00"), pays(100)),
    ];
    let seen = |folded: &Folded| net(folded, FactKind::AccountSeen, &["promise_kept"]);
    let resolved = |folded: &Folded| folded.count(FactKind::FirstContactResolved, "2024-12-31", |_| true);
    let firsts = |folded: &Folded| -> Vec<_> {
        net(folded, FactKind::PromiseJudged, &["kept"]).into_iter().map(|(day, .., first)| (day, first)).collect()
    };
    let kept = run(&history);
    assert_eq!(firsts(&kept), [("2024-03-08".to_owned(), true), ("2024-03-13".to_owned(), false)]);
    assert_eq!(
        seen(&kept),
        [row("2024-03-08", "promise_kept", 0, None), row("2024-03-13", "promise_kept", 0, Some(5))]
    );
    // Of both: first attempt and first right-party call.
    assert_eq!(resolved(&kept), 2);
    history.push(activity("back", at("2024-05-02 10:00"), reverses("x", 100)));
    let one = run(&history);
    assert_eq!(firsts(&one), [("2024-03-13".to_owned(), true)]);
    assert_eq!(seen(&one), [row("2024-03-13", "promise_kept", 0, None)]);
    assert_eq!(resolved(&one), 2);
    assert_eq!(net(&one, FactKind::PromiseJudged, &["broken"]), [row("2024-03-08", "broken", 0, None)]);
    history.push(activity("too", at("2024-05-03 10:00"), reverses("y", 1)));
    let none = run(&history);
    assert_eq!((firsts(&none), seen(&none), resolved(&none)), (vec![], vec![], 0));
    assert_eq!(net(&none, FactKind::PromiseJudged, &["partly_kept"]), [row("2024-03-13", "partly_kept", 99, None)]);
    // As long as something is left of a payment made on the call, that led to one.
    let own = Activity { parent: Some(ActivityId::trusted("call")), ..activity("z", at("2024-03-01 09:05"), pays(7)) };
    history.insert(3, own);
    assert_eq!(resolved(&run(&history)), 2);
    history.push(activity("last", at("2024-05-04 10:00"), reverses("z", 7)));
    assert_eq!(resolved(&run(&history)), 0);
}

#[test]
fn a_missed_instalment_is_late_once_it_is_paid_and_a_chargeback_undoes_it() {
    let instalments = [("2024-03-10", 100), ("2024-04-10", 100)];
    let instalments = instalments.map(|(due, amount)| Instalment { due: date(due), amount }).to_vec();
    let mut history = vec![
        activity("plan", at("2024-03-01 10:00"), Detail::Plan { instalments, currency: eur(), written: true }),
        activity("1", at("2024-03-13 10:00"), pays(60)),
        activity("2", at("2024-03-20 10:00"), pays(40)),
        activity("3", at("2024-04-13 10:00"), pays(100)),
    ];
    let said = |history: &[Activity]| net(&run(history), FactKind::InstalmentJudged, &[]);
    assert_eq!(said(&history), [row("2024-03-13", "late", 60, None), row("2024-04-13", "kept", 100, None)]);
    history.push(activity("back", at("2024-06-01 10:00"), reverses("3", 100)));
    assert_eq!(said(&history), [row("2024-03-13", "late", 60, None), row("2024-04-13", "missed", 0, None)]);
    history.push(activity("back too", at("2024-06-02 10:00"), reverses("2", 40)));
    assert_eq!(said(&history), [row("2024-03-13", "missed", 60, None), row("2024-04-13", "missed", 0, None)]);
    // Once another plan took its place, payments go to that one, and what was paid before can still be taken back.
    let second = vec![Instalment { due: date("2024-07-10"), amount: 10 }];
    let second = Detail::Plan { instalments: second, currency: eur(), written: true };
    history.push(activity("new", at("2024-06-03 10:00"), second));
    history.push(activity("4", at("2024-06-10 10:00"), pays(110)));
    history.push(activity("5", at("2024-06-11 10:00"), reverses("1", 1)));
    assert_eq!(
        said(&history),
        [
            row("2024-03-13", "missed", 59, None),
            row("2024-04-13", "missed", 0, None),
            row("2024-07-13", "kept", 10, None)
        ]
    );
}

#[test]
fn a_settlement_is_paid_as_long_as_its_money_is_there() {
    let step = |id: &str, when: &str, step| {
        activity(id, at(when), Detail::Settlement { step, amount: money(6_000), due: None })
    };
    let mut history = vec![
        step("a", "2024-03-01 10:00", SettlementStep::Accepted),
        activity("1", at("2024-03-02 10:00"), pays(4_000)),
        activity("2", at("2024-03-03 10:00"), pays(2_500)),
    ];
    let paid = |history: &[Activity]| -> Vec<_> {
        let folded = run(history);
        let of = |fact: &&Fact| fact.kind == FactKind::Settlement && fact.dims.state.as_deref() == Some("paid");
        let mut sums: BTreeMap<_, i64> = BTreeMap::new();
        for fact in folded.facts.iter().filter(of) {
            *sums.entry((fact.day, fact.amount)).or_default() += i64::from(fact.sign);
        }
        sums.into_iter().filter(|(_, count)| *count != 0).map(|((on, amount), count)| (on, amount, count)).collect()
    };
    assert_eq!(paid(&history), [(day("2024-03-03"), 6_500, 1)]);
    history.push(activity("r1", at("2024-04-01 10:00"), reverses("2", 100)));
    assert_eq!(paid(&history), [(day("2024-03-03"), 6_400, 1)]);
    history.push(activity("r2", at("2024-04-02 10:00"), reverses("1", 4_000)));
    assert_eq!(paid(&history), []);
    history.push(activity("3", at("2024-04-03 10:00"), pays(5_000)));
    assert_eq!(paid(&history), [(day("2024-04-03"), 7_400, 1)]);
}

#[test]
fn a_settlement_that_was_paid_late_is_not_broken_however_often_it_is_called_so() {
    let due = Some("2024-03-10".parse().unwrap());
    let step =
        |id: &str, when: &str, step| activity(id, at(when), Detail::Settlement { step, amount: money(6_000), due });
    let history = [
        step("a", "2024-03-01 10:00", SettlementStep::Accepted),
        activity("1", at("2024-03-20 10:00"), pays(6_000)),
        step("b1", "2024-03-31 10:00", SettlementStep::Broken),
        step("b2", "2024-04-01 10:00", SettlementStep::Broken),
    ];
    let states = |history: &[Activity]| -> Vec<String> {
        let facts = run(history).facts;
        let mut counts: BTreeMap<String, i32> = BTreeMap::new();
        for fact in facts.iter().filter(|fact| fact.kind == FactKind::Settlement) {
            *counts.entry(fact.dims.state.as_deref().unwrap().to_owned()).or_default() += i32::from(fact.sign);
        }
        counts.into_iter().filter(|(_, count)| *count != 0).map(|(state, _)| state).collect()
    };
    assert_eq!(states(&history), ["accepted", "overdue", "paid_late"]);
    let mut back = history.to_vec();
    back.push(activity("r", at("2024-04-02 10:00"), reverses("1", 1)));
    assert_eq!(states(&back), ["accepted", "overdue"]);
}
