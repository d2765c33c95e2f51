//! What accounts are seen for, once a day, and since when.

use super::*;
use crate::domain::detail::TransferKind;
use crate::domain::outcome::Outcome;
use crate::domain::vocabulary::Initiator;

fn case() -> CaseVersion {
    version("1", at("2024-01-10 09:00"), vec![claim("a", 10_000, Some("2024-01-31"))])
}

/// Days and gaps of a state.
fn seen(folded: &Folded, state: &str) -> Vec<(String, Option<i64>)> {
    let of = |fact: &&Fact| fact.kind == FactKind::AccountSeen && fact.dims.state.as_deref() == Some(state);
    let told = |fact: &Fact| (crate::domain::time::date_of_day(fact.day).to_string(), fact.value);
    folded.facts.iter().filter(of).map(told).collect()
}

fn told(days: &[(&str, Option<i64>)]) -> Vec<(String, Option<i64>)> {
    days.iter().map(|(day, gap)| ((*day).to_owned(), *gap)).collect()
}

#[test]
fn attempts_of_a_day_are_told_once_with_the_days_since_the_last() {
    let called = |id: &str, when: &str, outcome| {
        let contact = Contact { outcome: Some(outcome), ..Contact::on(Channel::Call) };
        activity(id, at(when), Detail::Contact(Box::new(contact)))
    };
    let history = [
        called("1", "2024-03-01 10:00", Outcome::NoAnswer),
        called("2", "2024-03-01 12:00", Outcome::RightPartyPromise),
        called("3", "2024-03-03 12:00", Outcome::Busy),
        called("4", "2024-03-05 23:50", Outcome::NoAnswer),
    ];
    let folded = fold(&[case()], &history, at("2024-12-31 12:00"));
    assert_eq!(seen(&folded, "attempted"), told(&[("2024-03-01", None), ("2024-03-05", Some(4))]));
    assert_eq!(seen(&folded, "reached"), told(&[("2024-03-01", None)]));
    assert_eq!(seen(&folded, "on_hand"), told(&[("2024-01-10", None)]));
    assert_eq!(seen(&folded, "emailed"), []);
}

#[test]
fn an_account_that_comes_back_says_since_when_it_was_gone() {
    let moved = |id: &str, when: &str, transfer| activity(id, at(when), Detail::Transfer { transfer, to: None });
    let closed = |id: &str, when: &str, closed| activity(id, at(when), Detail::CaseStatus { closed, code: None });
    let history = [
        moved("1", "2024-03-01 10:00", TransferKind::Recall),
        moved("2", "2024-03-31 10:00", TransferKind::Place),
        closed("3", "2024-04-02 10:00", true),
        moved("4", "2024-04-03 10:00", TransferKind::Recall),
        moved("5", "2024-04-04 10:00", TransferKind::Place),
        closed("6", "2024-04-12 10:00", false),
    ];
    let folded = fold(&[case()], &history, at("2024-12-31 12:00"));
    let days = [("2024-01-10", None), ("2024-03-31", Some(30)), ("2024-04-12", Some(10))];
    assert_eq!(seen(&folded, "on_hand"), told(&days));
    let net = folded.count(FactKind::OpenAccounts, "2024-12-31", |_| true);
    assert_eq!(net, 1);
}

#[test]
fn an_account_that_only_changes_hands_was_on_hand_all_the_time() {
    let mut other = version("2", at("2024-02-10 09:00"), vec![claim("a", 10_000, Some("2024-01-31"))]);
    other.steering.team = Some("blue".to_owned());
    let folded = fold(&[case(), other], &[], at("2024-12-31 12:00"));
    assert_eq!(seen(&folded, "on_hand"), told(&[("2024-01-10", None)]));
}

#[test]
fn what_moves_the_opening_moves_the_day_on_hand() {
    let early = activity("1", at("2023-12-20 10:00"), pays(500));
    let folded = fold(&[case()], &[early], at("2024-12-31 12:00"));
    let count = |until: &str| {
        let of = |fact: &&Fact| {
            fact.kind == FactKind::AccountSeen
                && fact.dims.state.as_deref() == Some("on_hand")
                && fact.day <= day(until)
        };
        folded.facts.iter().filter(of).map(|fact| i64::from(fact.sign)).sum::<i64>()
    };
    assert_eq!((count("2023-12-19"), count("2023-12-20"), count("2024-12-31")), (0, 1, 1));
}

#[test]
fn promises_due_and_kept_are_told_on_the_day_that_the_promise_counts() {
    let history = [
        activity("1", at("2024-03-01 10:00"), promises(500, "2024-03-10")),
        activity("2", at("2024-03-02 10:00"), pays(500)),
        activity("3", at("2024-03-03 10:00"), promises(700, "2024-03-20")),
    ];
    let folded = fold(&[case()], &history, at("2024-12-31 12:00"));
    assert_eq!(seen(&folded, "promise_due"), told(&[("2024-03-13", None), ("2024-03-23", Some(10))]));
    assert_eq!(seen(&folded, "promise_kept"), told(&[("2024-03-13", None)]));
    assert_eq!(
        seen(&folded, "promise_due_outbound"),
        seen(&folded, "promise_due"),
        "nobody says that the debtor began"
    );
    assert_eq!(seen(&folded, "promise_due_inbound"), []);
    let rang = |one: &Activity| Activity { initiated_by: Some(Initiator::Debtor), ..one.clone() };
    let folded = fold(&[case()], &[rang(&history[0]), history[1].clone(), history[2].clone()], at("2024-12-31 12:00"));
    assert_eq!(seen(&folded, "promise_kept_inbound"), told(&[("2024-03-13", None)]));
    assert_eq!(seen(&folded, "promise_kept_outbound"), []);
    assert_eq!(seen(&folded, "promise_due_outbound"), told(&[("2024-03-23", None)]));
}
