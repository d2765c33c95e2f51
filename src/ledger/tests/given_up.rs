//! What was due when it was given up: replacing or withdrawing it does not save it.

use super::*;
use crate::domain::detail::{Instalment, SettlementStep};

pub(super) fn run(history: &[Activity]) -> Folded {
    let first = version("1", at("2024-01-10 09:00"), vec![claim("a", 10_000, Some("2024-01-31"))]);
    fold(&[first], history, at("2024-12-31 12:00"))
}

/// Day, state and how often that stands, of the facts of a kind.
pub(super) fn stands(folded: &Folded, kind: FactKind) -> Vec<(String, String)> {
    let mut sums: BTreeMap<_, i32> = BTreeMap::new();
    for fact in folded.facts.iter().filter(|fact| fact.kind == kind) {
        let day = crate::domain::time::date_of_day(fact.day).to_string();
        *sums.entry((day, fact.dims.state.as_deref().unwrap_or("made").to_owned())).or_default() +=
            i32::from(fact.sign);
    }
    sums.into_iter().filter(|(_, count)| *count != 0).map(|(one, _)| one).collect()
}

pub(super) fn rows(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter().map(|(day, state)| ((*day).to_owned(), (*state).to_owned())).collect()
}

pub(super) fn plan(id: &str, when: &str, due: &[&str]) -> Activity {
    let instalments = due.iter().map(|due| Instalment { due: date(due), amount: 100 }).collect();
    activity(id, at(when), Detail::Plan { instalments, currency: eur(), written: false })
}

#[test]
fn instalments_that_were_due_are_judged_though_another_plan_takes_their_place() {
    let first = plan("a", "2024-03-01 10:00", &["2024-03-10", "2024-04-10"]);
    let judged = |history: &[Activity]| stands(&run(history), FactKind::InstalmentJudged);
    // On the day that it is due it is not missed yet.
    let again = |when: &str| plan("b", when, &["2024-05-10"]);
    assert_eq!(judged(&[first.clone(), again("2024-03-10 10:00")]), rows(&[("2024-05-13", "missed")]));
    let history = [first.clone(), again("2024-03-11 10:00")];
    assert_eq!(judged(&history), rows(&[("2024-03-13", "missed"), ("2024-05-13", "missed")]));
    // What comes afterwards is paid on the plan that is running, what came before was paid on the other.
    let paid = |when: &str| activity("p", at(when), pays(100));
    let late = [first.clone(), again("2024-03-11 10:00"), paid("2024-03-12 10:00")];
    assert_eq!(judged(&late), rows(&[("2024-03-13", "missed"), ("2024-05-13", "kept")]));
    let paid = [first.clone(), paid("2024-03-09 10:00"), again("2024-03-11 10:00")];
    assert_eq!(judged(&paid), rows(&[("2024-03-13", "kept"), ("2024-05-13", "missed")]));
    // A plan that is called broken was missed so far.
    let plan = ActivityId::trusted("a");
    let broken = activity("c", at("2024-03-12 10:00"), Detail::PlanEnded { plan, broken: true });
    assert_eq!(judged(&[first, broken]), rows(&[("2024-03-13", "missed")]));
}

#[test]
fn a_settlement_that_was_due_is_overdue_though_another_one_takes_its_place() {
    let accepted = |id: &str, when: &str, due: &str| {
        let (step, due) = (SettlementStep::Accepted, Some(date(due)));
        activity(id, at(when), Detail::Settlement { step, amount: money(6_000), due })
    };
    let told = |when: &str| {
        let history = [accepted("a", "2024-03-01 10:00", "2024-03-10"), accepted("b", when, "2024-06-10")];
        let told = stands(&run(&history), FactKind::Settlement);
        told.into_iter().filter(|one| one.1 == "overdue").collect::<Vec<_>>()
    };
    assert_eq!(told("2024-03-10 10:00"), rows(&[("2024-06-13", "overdue")]));
    assert_eq!(told("2024-03-11 10:00"), rows(&[("2024-03-11", "overdue"), ("2024-06-13", "overdue")]));
}

#[test]
fn a_promise_that_was_due_is_broken_though_it_is_withdrawn() {
    let promise = ActivityId::trusted("p");
    let told = |when: &str, kind| {
        let withdrawn = Detail::PromiseWithdrawn { promise: promise.clone() };
        let history =
            [activity("p", at("2024-03-01 10:00"), promises(100, "2024-03-10")), activity("w", at(when), withdrawn)];
        stands(&run(&history), kind)
    };
    assert_eq!(told("2024-03-10 10:00", FactKind::PromiseJudged), []);
    assert_eq!(told("2024-03-10 10:00", FactKind::PromiseEnded), rows(&[("2024-03-10", "withdrawn")]));
    assert_eq!(told("2024-03-11 10:00", FactKind::PromiseJudged), rows(&[("2024-03-13", "broken")]));
}

#[test]
fn what_has_come_to_nothing_differs_from_what_there_never_was() {
    let history = [
        activity("1", at("2024-03-04 10:00"), examples::charge(500)),
        activity("2", at("2024-03-05 10:00"), reverses("1", 500)),
        activity("p", at("2024-03-06 10:00"), promises(100, "2024-03-10")),
        activity("3", at("2024-03-07 10:00"), pays(100)),
    ];
    let folded = run(&history);
    for kind in [FactKind::Charge, FactKind::PromiseOpen] {
        assert_eq!(
            (folded.sum(kind, "2024-12-31", |_| true), folded.count(kind, "2024-12-31", |_| true)),
            (0, 1),
            "{kind}"
        );
    }
}
