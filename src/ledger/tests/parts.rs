//! The parts of payments that means of days weigh by: on the payment's own day, less what was taken back since.

use super::*;
use crate::domain::detail::TransferKind;

fn end() -> Timestamp {
    at("2024-12-31 12:00")
}

/// Parts that are left of a day's payments: agent, state, days from the due date, how much, how many.
fn parts(folded: &Folded, on: &str) -> Vec<(String, String, Option<i32>, i64, i64)> {
    let mut sums: BTreeMap<(String, String, Option<i32>), (i64, i64)> = BTreeMap::new();
    let of_day = |fact: &&Fact| fact.kind == FactKind::PaymentPart && fact.day == day(on);
    for fact in folded.facts.iter().filter(of_day) {
        let word = |word: &Option<std::sync::Arc<str>>| word.as_deref().unwrap_or("nobody").to_owned();
        let sum = sums.entry((word(&fact.dims.agent), word(&fact.dims.state), fact.days_due)).or_default();
        *sum = (sum.0 + i64::from(fact.sign) * fact.amount, sum.1 + i64::from(fact.sign) * fact.count);
    }
    let left = sums.into_iter().filter(|(_, sum)| *sum != (0, 0));
    left.map(|((agent, state, days), (amount, count))| (agent, state, days, amount, count)).collect()
}

fn part(
    agent: &str,
    state: &str,
    days: Option<i32>,
    amount: i64,
    count: i64,
) -> (String, String, Option<i32>, i64, i64) {
    (agent.to_owned(), state.to_owned(), days, amount, count)
}

fn case(id: &str, effective: &str, due: &str) -> CaseVersion {
    version(id, at(effective), vec![claim("a", 10_000, Some(due))])
}

#[test]
fn what_is_taken_back_of_a_payment_leaves_its_own_day() {
    let history = [
        activity("1", at("2024-02-10 10:00"), pays(4_000)),
        activity("2", at("2024-10-05 10:00"), pays(1_000)),
        activity("3", at("2024-10-10 10:00"), reverses("1", 4_000)),
    ];
    let folded = fold(&[case("1", "2024-01-10 09:00", "2024-01-31")], &history, end());
    assert_eq!(parts(&folded, "2024-02-10"), []);
    assert_eq!(parts(&folded, "2024-10-10"), []);
    assert_eq!(parts(&folded, "2024-10-05"), [part("ann", "principal", Some(248), 1_000, 1)]);
    // Cash is taken back on the day on which it is.
    assert_eq!(folded.sum(FactKind::Allocation, "2024-02-10", |_| true), 4_000);
    assert_eq!(folded.sum(FactKind::Allocation, "2024-10-09", |_| true), 5_000);
    assert_eq!(folded.sum(FactKind::Allocation, "2024-10-10", |_| true), 1_000);
}

#[test]
fn it_leaves_the_group_and_the_days_that_were_told_though_the_case_has_others_since() {
    let mut moved = case("2", "2024-03-01 09:00", "2024-02-20");
    moved.steering.agent = Some("bob".to_owned());
    let history = [
        activity("1", at("2024-02-10 10:00"), pays(4_000)),
        activity("2", at("2024-04-10 10:00"), reverses("1", 1_500)),
    ];
    let folded = fold(&[case("1", "2024-01-10 09:00", "2024-01-31"), moved], &history, end());
    assert_eq!(parts(&folded, "2024-02-10"), [part("ann", "principal", Some(10), 2_500, 1)]);
    assert_eq!(parts(&folded, "2024-04-10"), []);
}

#[test]
fn what_is_put_to_a_claim_later_is_of_the_payments_day() {
    let history = [
        activity("1", at("2024-02-05 10:00"), pays(10_500)),
        activity("2", at("2024-03-06 10:00"), examples::charge(300)),
    ];
    let folded = fold(&[case("1", "2024-01-10 09:00", "2024-01-31")], &history, end());
    let days = Some(5);
    let expected = [
        part("ann", "cost", None, 300, 1),
        part("ann", "credit", None, 200, 1),
        part("ann", "principal", days, 10_000, 1),
    ];
    assert_eq!(parts(&folded, "2024-02-05"), expected);
    assert_eq!(parts(&folded, "2024-03-06"), []);
}

#[test]
fn a_credit_leaves_with_the_case_and_is_taken_back_once() {
    let history = [
        activity("1", at("2024-02-05 10:00"), pays(10_500)),
        activity("2", at("2024-02-06 10:00"), Detail::Transfer { transfer: TransferKind::Recall, to: None }),
        activity("3", at("2024-02-07 10:00"), reverses("1", 10_100)),
        activity("4", at("2024-02-08 10:00"), reverses("1", 400)),
    ];
    let folded = fold(&[case("1", "2024-01-10 09:00", "2024-01-31")], &history, end());
    assert_eq!(parts(&folded, "2024-02-05"), []);
    let folded = fold(&[case("1", "2024-01-10 09:00", "2024-01-31")], &history[..3], end());
    assert_eq!(parts(&folded, "2024-02-05"), [part("ann", "principal", Some(5), 400, 1)]);
}
