//! What was not due yet when the case was closed or left: nobody collects it, and nobody breaks it.

use super::given_up::{plan, rows, run, stands};
use super::*;
use crate::domain::detail::{SettlementStep, TransferKind};

fn transfer(id: &str, when: &str, transfer: TransferKind) -> Activity {
    activity(id, at(when), Detail::Transfer { transfer, to: None })
}

fn status(id: &str, when: &str, closed: bool) -> Activity {
    activity(id, at(when), Detail::CaseStatus { closed, code: None })
}

/// What is expected and what came of it, by due day.
fn expected(folded: &Folded) -> Vec<(String, i64, i64)> {
    let mut sums: BTreeMap<_, (i64, i64)> = BTreeMap::new();
    for fact in folded.facts.iter().filter(|fact| fact.kind == FactKind::CashExpected) {
        let day = crate::domain::time::date_of_day(fact.day).to_string();
        let sum = sums.entry(day).or_default();
        (sum.0, sum.1) = (sum.0 + fact.amount * i64::from(fact.sign), sum.1 + fact.amount2 * i64::from(fact.sign));
    }
    sums.into_iter().filter(|(_, sum)| *sum != (0, 0)).map(|(day, (due, came))| (day, due, came)).collect()
}

fn day(date: &str, due: i64, came: i64) -> (String, i64, i64) {
    (date.to_owned(), due, came)
}

#[test]
fn a_promise_of_a_case_that_left_before_it_was_due_is_released() {
    let told = |history: &[Activity]| {
        let folded = run(history);
        let open = folded.facts.iter().filter(|fact| fact.kind == FactKind::PromiseOpen);
        assert_eq!(open.map(|fact| fact.amount * i64::from(fact.sign)).sum::<i64>(), 0, "it is open no more");
        let [judged, ended] = [FactKind::PromiseJudged, FactKind::PromiseEnded].map(|kind| stands(&folded, kind));
        (judged, ended, expected(&folded))
    };
    let promise = activity("p", at("2024-03-01 10:00"), promises(500, "2024-03-20"));
    let (broken, released) = (rows(&[("2024-03-23", "broken")]), rows(&[("2024-03-23", "released")]));
    for kind in [TransferKind::Recall, TransferKind::Sell, TransferKind::MoveOut] {
        let left = |when: &str| transfer("t", when, kind);
        assert_eq!(told(&[promise.clone(), left("2024-03-20 12:00")]), (vec![], released.clone(), vec![]), "{kind:?}");
        let past = told(&[promise.clone(), left("2024-03-21 12:00")]);
        assert_eq!(past, (broken.clone(), vec![], vec![day("2024-03-20", 500, 0)]), "it was due before: {kind:?}");
    }
    let closed = status("c", "2024-03-10 12:00", true);
    assert_eq!(told(&[promise.clone(), closed.clone()]), (vec![], released, vec![]));
    // Whoever pays all the same has kept it, in whatever order of the day that is told.
    let paid = |when: &str| activity("q", at(when), pays(500));
    for when in ["2024-03-10 11:00", "2024-03-10 13:00"] {
        let kept = told(&[promise.clone(), closed.clone(), paid(when)]);
        assert_eq!(kept, (rows(&[("2024-03-23", "kept")]), vec![], vec![day("2024-03-20", 500, 500)]), "{when}");
    }
    // A case that is worked again has its promises again.
    let again = [promise, closed, status("d", "2024-03-12 12:00", false)];
    assert_eq!(told(&again), (broken, vec![], vec![day("2024-03-20", 500, 0)]));
}

#[test]
fn instalments_that_were_not_due_when_the_case_left_are_not_missed() {
    let plan = plan("a", "2024-03-01 10:00", &["2024-03-10", "2024-04-10", "2024-05-10"]);
    let told = |history: &[Activity]| {
        let folded = run(history);
        (stands(&folded, FactKind::InstalmentJudged), expected(&folded))
    };
    let recall = transfer("t", "2024-04-01 12:00", TransferKind::Recall);
    let missed = (rows(&[("2024-03-13", "missed")]), vec![day("2024-03-10", 100, 0)]);
    assert_eq!(told(&[plan.clone(), recall.clone()]), missed);
    // What had been paid ahead was kept, and what is paid is taken back with its payment.
    let paid = activity("p", at("2024-03-09 10:00"), pays(200));
    let kept = rows(&[("2024-03-13", "kept"), ("2024-04-13", "kept")]);
    let ahead = [plan.clone(), recall.clone(), paid.clone()];
    assert_eq!(told(&ahead), (kept, vec![day("2024-03-10", 100, 100), day("2024-04-10", 100, 100)]));
    let back = Detail::Reversal {
        reverses: ActivityId::trusted("p"),
        amount: money(200),
        reason: crate::domain::detail::ReversalKind::Chargeback,
    };
    let bounced = [plan.clone(), recall.clone(), paid, activity("r", at("2024-06-01 10:00"), back)];
    assert_eq!(told(&bounced), missed);
    // The case comes back before the last of them: that one is expected again.
    let back = transfer("u", "2024-04-20 12:00", TransferKind::Place);
    let both = (
        rows(&[("2024-03-13", "missed"), ("2024-05-13", "missed")]),
        vec![day("2024-03-10", 100, 0), day("2024-05-10", 100, 0)],
    );
    assert_eq!(told(&[plan, recall, back]), both);
}

#[test]
fn a_settlement_that_was_not_due_when_the_case_left_is_not_overdue() {
    let (step, due) = (SettlementStep::Accepted, Some(date("2024-03-10")));
    let accepted = activity("a", at("2024-03-01 10:00"), Detail::Settlement { step, amount: money(6_000), due });
    let told = |when: &str| {
        let told = stands(&run(&[accepted.clone(), status("c", when, true)]), FactKind::Settlement);
        told.into_iter().filter(|one| one.1 != "accepted").collect::<Vec<_>>()
    };
    assert_eq!(told("2024-03-10 12:00"), []);
    assert_eq!(told("2024-03-11 12:00"), rows(&[("2024-03-13", "overdue")]));
}

/// The case comes back by its master data in the instant in which the last day of what was agreed is over: not before that.
#[test]
fn what_was_over_when_the_case_came_back_stays_released() {
    let (step, due) = (SettlementStep::Accepted, Some(date("2024-03-20")));
    let accepted = Detail::Settlement { step, amount: money(6_000), due };
    let left = transfer("t", "2024-03-10 12:00", TransferKind::Recall);
    for (what, kind) in [
        (activity("p", at("2024-03-01 10:00"), promises(500, "2024-03-20")), FactKind::PromiseJudged),
        (plan("p", "2024-03-01 10:00", &["2024-03-20"]), FactKind::InstalmentJudged),
        (activity("p", at("2024-03-01 10:00"), accepted), FactKind::Settlement),
    ] {
        let claims = || vec![claim("a", 10_000, Some("2024-01-31"))];
        let mut next = version("2", at("2024-01-12 09:00"), claims());
        next.placement.placed = Some(at("2024-03-24 00:00"));
        let versions = [version("1", at("2024-01-10 09:00"), claims()), next];
        let folded = fold(&versions, &[what, left.clone()], at("2024-12-31 12:00"));
        let told = stands(&folded, kind).into_iter().filter(|one| one.1 != "accepted").collect::<Vec<_>>();
        assert_eq!(told, [], "{kind:?}");
    }
}

#[test]
fn of_promises_that_name_each_other_the_first_was_replaced() {
    let promise = |id: &str, when: &str, supersedes: &str| {
        let supersedes = Some(ActivityId::trusted(supersedes));
        let promise = Promise { amount: money(500), due: date("2024-03-20"), supersedes, channel: None };
        activity(id, at(when), Detail::Promise(promise))
    };
    let folded = run(&[promise("p", "2024-03-01 10:00", "q"), promise("q", "2024-03-02 10:00", "p")]);
    assert_eq!(stands(&folded, FactKind::PromiseEnded), rows(&[("2024-03-02", "superseded")]));
    assert_eq!(stands(&folded, FactKind::PromiseJudged), rows(&[("2024-03-23", "broken")]));
}
