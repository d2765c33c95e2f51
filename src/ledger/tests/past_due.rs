//! Accounts from their first day past due on: at one day and at seven, and what ended that.

use proptest::prelude::*;

use super::*;
use crate::domain::detail::{AdjustmentKind, TransferKind};

/// Due on the last of January: one day past due on the first of February, seven on the seventh.
fn case() -> CaseVersion {
    version("1", at("2024-01-10 09:00"), vec![claim("a", 10_000, Some("2024-01-31"))])
}

type Told = (String, String, Option<i64>);

/// Day, state and value of what stands of each kind, in the order of days.
fn told(folded: &Folded, kind: FactKind) -> Vec<Told> {
    let mut standing: BTreeMap<Told, i64> = BTreeMap::new();
    for fact in folded.facts.iter().filter(|fact| fact.kind == kind) {
        let date = crate::domain::time::date_of_day(fact.day).to_string();
        let key = (date, fact.dims.state.as_deref().unwrap_or_default().to_owned(), fact.value);
        *standing.entry(key).or_default() += i64::from(fact.sign) * fact.count;
    }
    standing.into_iter().flat_map(|(told, count)| vec![told; usize::try_from(count).unwrap()]).collect()
}

/// What stands of both kinds is what the oracle saw.
pub(super) fn times_agree(facts: &[Fact], oracle: &super::oracle::Oracle) -> Result<(), TestCaseError> {
    let mut standing: BTreeMap<_, i64> = BTreeMap::new();
    for fact in facts.iter().filter(|fact| matches!(fact.kind, FactKind::PastDue | FactKind::PastDueEnded)) {
        let key = (fact.day, fact.dims.state.as_deref().unwrap_or_default().to_owned(), fact.value);
        *standing.entry(key).or_default() += i64::from(fact.sign) * fact.count;
    }
    let ours = standing.into_iter().flat_map(|(told, count)| vec![told; usize::try_from(count).unwrap()]);
    prop_assert_eq!(ours.collect::<Vec<_>>(), oracle.overdue());
    Ok(())
}

fn run(activities: &[Activity]) -> (Vec<Told>, Vec<Told>) {
    let folded = fold(&[case()], activities, at("2024-12-31 12:00"));
    (told(&folded, FactKind::PastDue), told(&folded, FactKind::PastDueEnded))
}

fn row(day: &str, state: &str, value: Option<i64>) -> Told {
    (day.to_owned(), state.to_owned(), value)
}

fn first() -> Told {
    row("2024-02-01", "at_1", None)
}

fn seventh() -> Told {
    row("2024-02-07", "at_7", None)
}

#[test]
fn an_account_is_told_at_one_day_and_at_seven() {
    assert_eq!(run(&[]), (vec![first(), seventh()], vec![]));
    // Paid on the due day it never is past due.
    assert_eq!(run(&[activity("1", at("2024-01-31 23:50"), pays(10_000))]), (vec![], vec![]));
}

#[test]
fn paid_in_full_is_told_by_the_days_from_each() {
    let paid = |when: &str| run(&[activity("1", at(when), pays(4_000)), activity("2", at(when), pays(6_000))]);
    assert_eq!(paid("2024-02-01 10:00"), (vec![first()], vec![row("2024-02-01", "paid_from_1", Some(0))]));
    assert_eq!(paid("2024-02-06 10:00"), (vec![first()], vec![row("2024-02-01", "paid_from_1", Some(5))]));
    let both = vec![row("2024-02-01", "paid_from_1", Some(6)), row("2024-02-07", "paid_from_7", Some(0))];
    assert_eq!(paid("2024-02-07 10:00"), (vec![first(), seventh()], both));
    let both = vec![row("2024-02-01", "paid_from_1", Some(35)), row("2024-02-07", "paid_from_7", Some(29))];
    assert_eq!(paid("2024-03-07 10:00"), (vec![first(), seventh()], both));
    // A part is not all.
    assert_eq!(run(&[activity("1", at("2024-02-02 10:00"), pays(9_999))]), (vec![first(), seventh()], vec![]));
}

#[test]
fn a_payment_taken_back_takes_back_the_end() {
    let paid = activity("1", at("2024-02-03 10:00"), pays(10_000));
    let back = activity("2", at("2024-02-05 10:00"), reverses("1", 10_000));
    assert_eq!(run(&[paid.clone(), back.clone()]), (vec![first(), seventh()], vec![]));
    let again = activity("3", at("2024-02-09 10:00"), pays(10_000));
    let both = vec![row("2024-02-01", "paid_from_1", Some(8)), row("2024-02-07", "paid_from_7", Some(2))];
    assert_eq!(run(&[paid, back, again]), (vec![first(), seventh()], both));
}

#[test]
fn what_leaves_otherwise_is_told_apart_and_not_again_when_it_comes_back() {
    let transfer = |id: &str, when: &str, transfer| activity(id, at(when), Detail::Transfer { transfer, to: None });
    let gone = vec![row("2024-02-01", "gone_from_1", Some(3))];
    let recalled = transfer("1", "2024-02-04 10:00", TransferKind::Recall);
    assert_eq!(run(std::slice::from_ref(&recalled)), (vec![first()], gone.clone()));
    let back = transfer("2", "2024-02-06 10:00", TransferKind::Place);
    assert_eq!(run(&[recalled, back]), (vec![first()], gone));
}

#[test]
fn settled_for_less_is_not_paid_in_full() {
    let discount =
        Detail::Adjustment { adjustment: AdjustmentKind::SettlementDiscount, amount: money(3_000), component: None };
    let history = [activity("1", at("2024-02-03 10:00"), pays(7_000)), activity("2", at("2024-02-03 11:00"), discount)];
    assert_eq!(run(&history), (vec![first()], vec![]));
}

#[test]
fn an_account_that_comes_in_later_was_not_seen_to_become_so() {
    for (placed, told_then) in [
        ("2024-02-01 09:00", vec![first(), seventh()]),
        ("2024-02-04 09:00", vec![seventh()]),
        ("2024-02-07 09:00", vec![seventh()]),
        ("2024-02-08 09:00", vec![]),
    ] {
        let case = version("1", at(placed), vec![claim("a", 10_000, Some("2024-01-31"))]);
        let folded = fold(&[case], &[], at("2024-12-31 12:00"));
        assert_eq!(told(&folded, FactKind::PastDue), told_then, "{placed}");
    }
    // A fact before the opening moves it, and what was told with it.
    let case = version("1", at("2024-02-01 09:00"), vec![claim("a", 10_000, Some("2024-01-31"))]);
    let folded = fold(&[case], &[activity("1", at("2024-01-20 10:00"), pays(10_000))], at("2024-12-31 12:00"));
    assert_eq!(told(&folded, FactKind::PastDue), []);
}

#[test]
fn a_new_due_date_ends_it_and_a_later_one_begins_it_anew() {
    let mut extended = claim("a", 10_000, Some("2024-01-31"));
    extended.due_current = Some(date("2024-02-20"));
    let folded = fold(&[case(), version("2", at("2024-02-03 09:00"), vec![extended])], &[], at("2024-12-31 12:00"));
    let days = [first(), row("2024-02-21", "at_1", None), row("2024-02-27", "at_7", None)];
    assert_eq!(told(&folded, FactKind::PastDue), days);
    assert_eq!(told(&folded, FactKind::PastDueEnded), [row("2024-02-01", "gone_from_1", Some(2))]);
}
