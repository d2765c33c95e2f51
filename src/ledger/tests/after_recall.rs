//! What is written off and collectable leaves with its case; cash that comes after a recall is told apart; what is added to a
//! case that is away comes in with it for the first time.

use super::*;
use crate::domain::detail::{AdjustmentKind, TransferKind};
use crate::domain::fact::flag;

const END: &str = "2024-12-31";

fn case() -> CaseVersion {
    version("1", at("2024-01-10 09:00"), vec![claim("a", 10_000, Some("2024-01-31"))])
}

fn end() -> Timestamp {
    at("2024-12-31 12:00")
}

fn transfer(transfer: TransferKind) -> Detail {
    Detail::Transfer { transfer, to: None }
}

fn write_off(minor: i64) -> Detail {
    Detail::Adjustment { adjustment: AdjustmentKind::WriteOff, amount: money(minor), component: None }
}

/// Day, state and amount of each change of what is written off and collectable.
fn changes(folded: &Folded) -> Vec<(String, &str, i64)> {
    let of = folded.facts.iter().filter(|fact| fact.kind == FactKind::WrittenOffOpen);
    let date = |fact: &Fact| crate::domain::time::date_of_day(fact.day).to_string();
    let state = |fact: &Fact| match fact.dims.state.as_deref() {
        Some("changed") => "changed",
        Some("left") => "left",
        Some("came") => "came",
        _ => "none",
    };
    of.map(|fact| (date(fact), state(fact), i64::from(fact.sign) * fact.amount)).collect()
}

fn told(rows: &[(&str, &'static str, i64)]) -> Vec<(String, &'static str, i64)> {
    rows.iter().map(|(day, state, amount)| ((*day).to_owned(), *state, *amount)).collect()
}

#[test]
fn what_is_written_off_leaves_with_its_case_and_comes_back_with_it() {
    let history = [
        activity("1", at("2024-02-01 10:00"), write_off(4_000)),
        activity("2", at("2024-03-01 10:00"), transfer(TransferKind::Recall)),
        activity("3", at("2024-04-01 10:00"), transfer(TransferKind::Place)),
        activity("4", at("2024-05-01 10:00"), reverses("1", 1_500)),
    ];
    let folded = fold(&[case()], &history, end());
    let expected = [
        ("2024-02-01", "changed", 4_000),
        ("2024-03-01", "left", -4_000),
        ("2024-04-01", "came", 4_000),
        ("2024-05-01", "changed", -1_500),
    ];
    assert_eq!(changes(&folded), told(&expected));
}

#[test]
fn what_is_paid_on_it_is_collectable_no_more_wherever_the_case_went_since() {
    let history = [
        activity("1", at("2024-02-01 10:00"), write_off(10_000)),
        activity("2", at("2024-02-10 10:00"), pays(3_000)),
        activity("3", at("2024-03-01 10:00"), transfer(TransferKind::Recall)),
        activity("4", at("2024-04-01 10:00"), transfer(TransferKind::Place)),
    ];
    let folded = fold(&[case()], &history, end());
    let expected = [
        ("2024-02-01", "changed", 10_000),
        ("2024-02-10", "changed", -3_000),
        ("2024-03-01", "left", -7_000),
        ("2024-04-01", "came", 7_000),
    ];
    assert_eq!(changes(&folded), told(&expected));
    // More than is owed is no write-off of anything, and no credit; it is told.
    let folded = fold(&[case()], &[activity("1", at("2024-02-01 10:00"), write_off(12_000))], end());
    assert_eq!(changes(&folded), told(&[("2024-02-01", "changed", 10_000)]));
    let sum = |kind| folded.sum(kind, END, |_| true);
    assert_eq!(
        (sum(FactKind::WrittenOff), sum(FactKind::CreditBalance), sum(FactKind::ReversedBeyond)),
        (10_000, 0, 2_000)
    );
}

/// Sum of a kind, and of it what has a state.
fn of_state(folded: &Folded, kind: FactKind, state: &str) -> i64 {
    folded.sum(kind, END, |dims| dims.state.as_deref() == Some(state))
}

#[test]
fn what_is_paid_on_it_is_principal_and_no_credit() {
    let history = [
        activity("1", at("2024-02-01 10:00"), write_off(10_000)),
        activity("2", at("2024-02-10 10:00"), pays(3_000)),
        activity("3", at("2024-02-20 10:00"), reverses("2", 1_000)),
        activity("4", at("2024-03-01 10:00"), reverses("1", 10_000)),
    ];
    let sums = |folded: &Folded| {
        let sum = |kind| folded.sum(kind, END, |_| true);
        let principal = of_state(folded, FactKind::Allocation, "principal");
        let regained = of_state(folded, FactKind::WrittenUp, "regained");
        (principal, regained, sum(FactKind::Receivable), sum(FactKind::CreditBalance), sum(FactKind::WrittenOffOpen))
    };
    let after = |activities: usize| sums(&fold(&[case()], &history[..activities], end()));
    assert_eq!(after(2), (3_000, 3_000, 0, 0, 7_000));
    // What is taken back of the payment is written off again.
    assert_eq!(after(3), (2_000, 2_000, 0, 0, 8_000));
    // Without the write-off the payment settles what is owed.
    assert_eq!(after(4), (2_000, 0, 8_000, 0, 0));
}

#[test]
fn what_is_paid_while_the_case_is_away_settles_what_is_owed_there() {
    let history = [
        activity("1", at("2024-02-01 10:00"), pays(1_000)),
        activity("2", at("2024-03-01 10:00"), transfer(TransferKind::Recall)),
        activity("3", at("2024-03-05 10:00"), pays(6_000)),
        activity("4", at("2024-03-06 10:00"), examples::charge(50)),
        activity("5", at("2024-03-07 10:00"), reverses("1", 400)),
        activity("6", at("2024-04-01 10:00"), transfer(TransferKind::Place)),
        activity("7", at("2024-04-02 10:00"), reverses("3", 500)),
    ];
    let folded = fold(&[case()], &history, end());
    let stock =
        |on: &str| folded.sum(FactKind::Receivable, on, |_| true) - folded.sum(FactKind::CreditBalance, on, |_| true);
    assert_eq!([stock("2024-02-28"), stock("2024-03-01"), stock("2024-03-31")], [9_000, 0, 0]);
    // 9,000 left, 6,000 were paid, 50 charged, and 400 of what had been paid before are owed again.
    assert_eq!([stock("2024-04-01"), stock("2024-04-02")], [3_450, 3_950]);
    let told = |kind: FactKind, flags: u16| {
        let of = folded.facts.iter().filter(|fact| fact.kind == kind && fact.flags == flags);
        of.map(|fact| (fact.count, fact.amount, fact.amount2)).collect::<Vec<_>>()
    };
    assert_eq!(told(FactKind::Recalled, 0), [(1, 9_000, 9_000), (0, 400, 400)]);
    // What of it is owed again once the case is back came back with it.
    assert_eq!(told(FactKind::Placed, flag::AGAIN), [(1, 3_450, 3_400), (0, 500, 500)]);
    assert_eq!(told(FactKind::Charge, flag::AFTER_RECALL), [(1, 50, 0)]);
    let principal = |flags: u16| {
        let of = folded.facts.iter().filter(|fact| fact.kind == FactKind::Allocation && fact.flags == flags);
        of.map(|fact| fact.amount).sum::<i64>()
    };
    assert_eq!((principal(0), principal(flag::AFTER_RECALL)), (600, 5_500));
}

#[test]
fn a_version_that_states_a_later_placement_places_a_case_again() {
    let recall = [activity("1", at("2024-03-01 10:00"), transfer(TransferKind::Recall))];
    let again = |effective: &str, placed: &str| {
        let mut again = version("2", at(effective), vec![claim("a", 10_000, Some("2024-01-31"))]);
        again.placement.placed = Some(at(placed));
        again
    };
    let placed = |versions: &[CaseVersion]| {
        let folded = fold(versions, &recall, end());
        let of = folded.facts.iter().filter(|fact| fact.kind == FactKind::Placed && fact.flags == flag::AGAIN);
        of.map(|fact| (crate::domain::time::date_of_day(fact.day).to_string(), fact.amount)).collect::<Vec<_>>()
    };
    let day = |day: &str| vec![(day.to_owned(), 10_000)];
    // Told afterwards, on the day from which it is so; told before, on the day itself.
    assert_eq!(placed(&[case(), again("2024-05-10 09:00", "2024-05-02 09:00")]), day("2024-05-10"));
    assert_eq!(placed(&[case(), again("2024-04-10 09:00", "2024-05-02 09:00")]), day("2024-05-02"));
    assert_eq!(placed(&[case(), again("2024-02-10 09:00", "2024-05-02 09:00")]), day("2024-05-02"));
    // One before the recall says nothing of what came after, and one that is taken back does not come.
    assert_eq!(placed(&[case(), again("2024-05-10 09:00", "2024-02-20 09:00")]), []);
    let mut back = version("3", at("2024-04-20 09:00"), vec![claim("a", 10_000, Some("2024-01-31"))]);
    back.placement.placed = Some(at("2024-01-10 09:00"));
    assert_eq!(placed(&[case(), again("2024-04-10 09:00", "2024-05-02 09:00"), back]), []);
}

#[test]
fn a_case_that_goes_to_another_group_takes_along_what_is_written_off() {
    let mut moved = version("2", at("2024-03-01 09:00"), vec![claim("a", 10_000, Some("2024-01-31"))]);
    moved.steering.agent = Some("bea".to_owned());
    // Closed, it has neither a balance nor an open account to move.
    let history = [
        activity("1", at("2024-02-01 10:00"), write_off(10_000)),
        activity("2", at("2024-02-02 10:00"), Detail::CaseStatus { closed: true, code: None }),
    ];
    moved.closed = true;
    let folded = fold(&[case(), moved], &history, end());
    let of = |agent: &'static str| move |dims: &Dims| dims.agent.as_deref() == Some(agent);
    let sum = |agent| folded.sum(FactKind::WrittenOffOpen, END, of(agent));
    assert_eq!((sum("ann"), sum("bea")), (0, 10_000));
    let states: Vec<_> = changes(&folded).into_iter().map(|one| one.1).collect();
    assert_eq!(states, ["changed", "left", "came"]);
}

#[test]
fn cash_is_after_recall_while_the_case_is_away_and_so_are_its_reversals() {
    let history = [
        activity("1", at("2024-02-01 10:00"), pays(100)),
        activity("2", at("2024-03-01 10:00"), transfer(TransferKind::Recall)),
        activity("3", at("2024-03-05 10:00"), pays(200)),
        activity("4", at("2024-03-06 10:00"), reverses("1", 100)),
        activity("5", at("2024-04-01 10:00"), transfer(TransferKind::Place)),
        activity("6", at("2024-04-02 10:00"), reverses("3", 50)),
        activity("7", at("2024-04-03 10:00"), pays(300)),
    ];
    let folded = fold(&[case()], &history, end());
    let after = |kind| {
        let of = folded.facts.iter().filter(|fact| fact.kind == kind && fact.flags & flag::AFTER_RECALL != 0);
        of.map(|fact| fact.amount).collect::<Vec<_>>()
    };
    assert_eq!((after(FactKind::Payment), after(FactKind::PaymentReversed)), (vec![200], vec![50]));
}

#[test]
fn cash_that_comes_before_its_case_is_not_after_a_recall() {
    let mut case = case();
    case.placement.placed = Some(at("2024-06-01 09:00"));
    let folded = fold(&[case], &[activity("1", at("2024-02-01 10:00"), pays(100))], end());
    let flags: Vec<u16> =
        folded.facts.iter().filter(|fact| fact.kind == FactKind::Payment).map(|fact| fact.flags).collect();
    assert_eq!(flags.iter().map(|flags| flags & flag::AFTER_RECALL).collect::<Vec<_>>(), [0]);
}

#[test]
fn a_claim_that_is_added_while_the_case_is_away_is_placed_once_and_not_again() {
    let claims = || vec![claim("a", 10_000, Some("2024-01-31")), claim("b", 2_500, Some("2024-02-29"))];
    let history = [
        activity("1", at("2024-02-05 10:00"), transfer(TransferKind::Recall)),
        activity("2", at("2024-03-05 10:00"), transfer(TransferKind::Place)),
        activity("3", at("2024-04-05 10:00"), transfer(TransferKind::Recall)),
        activity("4", at("2024-05-05 10:00"), transfer(TransferKind::Place)),
    ];
    let folded = fold(&[case(), version("2", at("2024-02-20 09:00"), claims())], &history, end());
    let placed: Vec<_> = folded.facts.iter().filter(|fact| fact.kind == FactKind::Placed).collect();
    let of = |flags: u16| placed.iter().filter(move |fact| fact.flags == flags);
    let first: Vec<_> = of(0).map(|fact| (fact.amount, fact.amount2)).collect();
    let again: Vec<_> = of(flag::AGAIN).map(|fact| (fact.amount, fact.amount2)).collect();
    assert_eq!(first, [(10_000, 10_000), (2_500, 2_500)]);
    assert_eq!(again, [(10_000, 10_000), (12_500, 12_500)]);
}

#[test]
fn a_customer_is_lost_once_to_a_closing() {
    let status = |id: &str, when: &str, customer| activity(id, at(when), Detail::CustomerStatus { customer });
    let closed = |id: &str, when: &str, closed| activity(id, at(when), Detail::CaseStatus { closed, code: None });
    let history = [
        closed("1", "2024-03-02 10:00", true),
        status("2", "2024-03-12 10:00", false),
        status("3", "2024-03-20 10:00", false),
        status("4", "2024-03-21 10:00", true),
        status("5", "2024-03-25 10:00", false),
        closed("6", "2024-04-01 10:00", false),
        closed("7", "2024-04-02 10:00", true),
        status("8", "2024-04-07 10:00", false),
    ];
    let folded = fold(&[case()], &history, end());
    let lost = folded.facts.iter().filter(|fact| fact.kind == FactKind::CustomerLost);
    assert_eq!(lost.map(|fact| fact.value).collect::<Vec<_>>(), [Some(10), Some(5)]);
    assert_eq!(folded.count(FactKind::AccountClosed, END, |_| true), 2);
}
