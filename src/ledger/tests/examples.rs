//! Worked examples, one rule of the model each.

use super::*;
use crate::domain::detail::{AdjustmentKind, Charge, Interest, TransferKind};
use crate::domain::outcome::Outcome;
use crate::domain::vocabulary::{ActorKind, ChargeStep, Component};
use crate::ledger::PromiseState;

const END: &str = "2024-12-31";
const ALL: fn(&Dims) -> bool = |_| true;

fn end() -> Timestamp {
    at("2024-12-31 12:00")
}

fn case() -> CaseVersion {
    version("1", at("2024-01-10 09:00"), vec![claim("a", 10_000, Some("2024-01-31"))])
}

pub(super) fn charge(minor: i64) -> Detail {
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
}

#[test]
fn a_case_is_current_until_its_due_date_has_passed() {
    let folded = fold(&[case()], &[], end());
    let stock = |kind, on| folded.sum(kind, on, ALL);
    assert_eq!(stock(FactKind::Placed, "2024-01-10"), 10_000);
    assert_eq!(stock(FactKind::Receivable, "2024-01-10"), 10_000);
    assert_eq!(stock(FactKind::ReceivableCurrent, "2024-01-31"), 10_000);
    assert_eq!(stock(FactKind::ReceivableCurrent, "2024-02-01"), 0);
    assert_eq!(folded.count(FactKind::OverdueAccounts, "2024-01-31", ALL), 0);
    assert_eq!(folded.count(FactKind::OverdueAccounts, "2024-02-01", ALL), 1);
    assert_eq!(folded.count(FactKind::OpenAccounts, END, ALL), 1);
}

#[test]
fn a_payment_settles_costs_then_interest_then_the_oldest_claim() {
    let claims = vec![
        claim("late", 3_000, Some("2024-02-10")),
        claim("undated", 500, None),
        claim("early", 2_000, Some("2024-01-20")),
    ];
    let folded = fold(
        &[version("1", at("2024-01-10 09:00"), claims)],
        &[
            activity("1", at("2024-02-20 10:00"), charge(400)),
            activity("2", at("2024-02-20 11:00"), Detail::Interest(Interest::of(money(60)))),
            activity("3", at("2024-02-20 12:00"), pays(3_000)),
        ],
        end(),
    );
    let balance = folded.ledger.balance();
    assert_eq!((balance.cost, balance.interest, balance.principal, balance.credit), (0, 0, 2_960, 0));
    let parts: Vec<_> = folded
        .facts
        .iter()
        .filter(|fact| fact.kind == FactKind::Allocation)
        .map(|fact| (fact.amount, fact.days_due, fact.days_invoice))
        .collect();
    let early = (Some(31), Some(61));
    assert_eq!(
        parts,
        [(400, early.0, early.1), (60, early.0, early.1), (2_000, early.0, early.1), (540, Some(10), Some(40)),]
    );
}

#[test]
fn an_overpayment_is_a_credit_that_pays_the_next_charge() {
    let folded = fold(
        &[case()],
        &[
            activity("1", at("2024-02-05 10:00"), pays(10_500)),
            activity("2", at("2024-02-06 10:00"), charge(300)),
            activity("3", at("2024-02-07 10:00"), reverses("1", 10_500)),
        ],
        end(),
    );
    assert_eq!(folded.sum(FactKind::CreditBalance, "2024-02-05", ALL), 500);
    assert_eq!(folded.sum(FactKind::Receivable, "2024-02-05", ALL), 0);
    assert_eq!(folded.count(FactKind::OverdueAccounts, "2024-02-05", ALL), 0);
    assert_eq!(folded.sum(FactKind::CreditBalance, "2024-02-06", ALL), 200);
    let balance = folded.ledger.balance();
    assert_eq!((balance.cost, balance.principal, balance.credit), (300, 10_000, 0));
    assert_eq!(folded.sum(FactKind::Allocation, END, ALL), 0);
    assert_eq!(folded.count(FactKind::Allocation, END, ALL), 0);
}

#[test]
fn promises_are_judged_by_what_was_paid_when() {
    // (amount paid, when), expected state; promised 100 until 10 March, grace of three days ends on 13 March.
    type Paid = &'static [(i64, &'static str)];
    let table: [(Paid, PromiseState, i64); 7] = [
        (&[(100, "2024-03-10 23:59")], PromiseState::Kept, 100),
        (&[(150, "2024-03-05 10:00")], PromiseState::Kept, 100),
        (&[(100, "2024-03-11 00:00")], PromiseState::Kept, 100),
        (&[(40, "2024-03-10 10:00"), (60, "2024-03-13 23:59")], PromiseState::Kept, 100),
        (&[(40, "2024-03-10 10:00"), (60, "2024-03-14 00:00")], PromiseState::PartlyKept, 40),
        (&[(100, "2024-03-14 00:00")], PromiseState::Broken, 0),
        (&[], PromiseState::Broken, 0),
    ];
    for (paid, state, in_time) in table {
        let mut history = vec![activity("p", at("2024-03-01 10:00"), promises(100, "2024-03-10"))];
        for (index, (amount, when)) in paid.iter().enumerate() {
            history.push(activity(&format!("q{index}"), at(when), pays(*amount)));
        }
        let folded = fold(&[case()], &history, end());
        assert_eq!(folded.ledger.promises()[0].state, state, "{paid:?}");
        let judged: Vec<_> = folded.facts.iter().filter(|fact| fact.kind == FactKind::PromiseJudged).collect();
        assert_eq!(judged.len(), 1);
        assert_eq!((judged[0].day, judged[0].amount, judged[0].amount2), (day("2024-03-13"), 100, in_time), "{paid:?}");
        assert_eq!(judged[0].dims.state.as_deref(), Some(state.as_str()));
    }
}

#[test]
fn a_promise_is_open_until_the_midnight_after_grace() {
    let history = [activity("p", at("2024-03-01 10:00"), promises(100, "2024-03-10"))];
    let before = fold(&[case()], &history, Timestamp(at("2024-03-14 00:00").0 - 1));
    assert_eq!(before.ledger.promises()[0].state, PromiseState::Open);
    assert_eq!(before.ledger.next_due(), Some(at("2024-03-14 00:00")));
    let after = fold(&[case()], &history, at("2024-03-14 00:00"));
    assert_eq!(after.ledger.promises()[0].state, PromiseState::Broken);
    // The account that is not paid will be 61 days past due.
    assert_eq!(after.ledger.next_due(), Some(at("2024-04-01 00:00")));
}

#[test]
fn a_payment_flows_to_its_promise_then_to_the_earliest_due() {
    let mut paid = payment(170);
    paid.promise = Some(ActivityId::trusted("late"));
    let folded = fold(
        &[case()],
        &[
            activity("late", at("2024-03-01 10:00"), promises(100, "2024-04-10")),
            activity("soon", at("2024-03-02 10:00"), promises(50, "2024-03-10")),
            activity("mid", at("2024-03-03 10:00"), promises(50, "2024-03-20")),
            activity("pay", at("2024-03-05 10:00"), Detail::Payment(paid)),
            activity("back", at("2024-03-06 10:00"), reverses("pay", 30)),
        ],
        end(),
    );
    let states: Vec<_> = folded.ledger.promises().iter().map(|p| (p.state, p.paid_in_time)).collect();
    // 170 = 100 + 50 + 20; the chargeback of 30 takes the last 20 and 10 of the 50.
    assert_eq!(states, [(PromiseState::Kept, 100), (PromiseState::PartlyKept, 40), (PromiseState::Broken, 0)]);
}

#[test]
fn replacing_a_promise_after_its_due_date_breaks_it() {
    for (when, state, judged) in
        [("2024-03-10 23:00", PromiseState::Superseded, 1), ("2024-03-11 00:00", PromiseState::Broken, 2)]
    {
        let again = Detail::Promise(Promise {
            amount: money(100),
            due: date("2024-03-20"),
            supersedes: Some(ActivityId::trusted("p")),
            channel: None,
        });
        let history =
            [activity("p", at("2024-03-01 10:00"), promises(100, "2024-03-10")), activity("q", at(when), again)];
        let folded = fold(&[case()], &history, end());
        assert_eq!(folded.ledger.promises()[0].state, state);
        assert_eq!(folded.count(FactKind::PromiseJudged, END, ALL), judged);
        assert_eq!(folded.count(FactKind::PromiseMade, END, ALL), 2);
    }
}

#[test]
fn a_payment_belongs_to_its_agent_else_promise_else_contact_else_case() {
    let by = |agent: &str, activity: Activity| Activity {
        actor: Actor { kind: Some(ActorKind::Human), agent: Some(agent.to_owned()), team: None },
        ..activity
    };
    let mut spoken = Contact::on(Channel::Call);
    spoken.outcome = Some(Outcome::RightPartyNoCommitment);
    let spoken = by("cal", activity("call", at("2024-03-01 10:00"), Detail::Contact(Box::new(spoken))));
    let promise = by("bea", activity("promise", at("2024-03-02 10:00"), promises(100, "2024-03-10")));
    let own = by("own", activity("pay", at("2024-03-05 10:00"), pays(100)));
    let bare = activity("pay", at("2024-03-05 10:00"), pays(100));
    let late = activity("pay", at("2024-04-05 10:00"), pays(100));
    let owner = |history: &[Activity]| {
        let folded = fold(&[case()], history, end());
        let paid = folded.facts.iter().find(|fact| fact.kind == FactKind::Payment).unwrap();
        for agent in ["ann", "bea", "cal", "own"] {
            let of = |dims: &Dims| dims.agent.as_deref() == Some(agent);
            let sum = |kind| folded.sum(kind, END, of);
            let closing = sum(FactKind::Receivable) - sum(FactKind::CreditBalance);
            let flows =
                sum(FactKind::Placed) + sum(FactKind::MovedIn) - sum(FactKind::MovedOut) - sum(FactKind::Payment);
            assert_eq!(closing, flows, "{agent}");
        }
        paid.dims.agent.as_deref().map(str::to_owned)
    };
    assert_eq!(owner(&[spoken.clone(), promise.clone(), own]).as_deref(), Some("own"));
    assert_eq!(owner(&[spoken.clone(), promise, bare.clone()]).as_deref(), Some("bea"));
    assert_eq!(owner(&[spoken.clone(), bare]).as_deref(), Some("cal"));
    assert_eq!(owner(&[spoken, late]).as_deref(), Some("ann"));
}

#[test]
fn a_new_agent_takes_the_balance_over() {
    let mut second = case();
    second.version = VersionId::trusted("2");
    second.effective = at("2024-02-15 09:00");
    second.steering.agent = Some("bob".to_owned());
    let folded = fold(
        &[case(), second],
        &[
            activity("1", at("2024-02-05 10:00"), pays(4_000)),
            activity("2", at("2024-03-05 10:00"), reverses("1", 4_000)),
        ],
        end(),
    );
    let of = |agent: &'static str| move |dims: &Dims| dims.agent.as_deref() == Some(agent);
    assert_eq!(folded.sum(FactKind::Receivable, "2024-02-14", of("ann")), 6_000);
    assert_eq!(folded.sum(FactKind::Receivable, "2024-02-15", of("ann")), 0);
    assert_eq!(folded.sum(FactKind::Receivable, "2024-02-15", of("bob")), 6_000);
    assert_eq!(folded.sum(FactKind::MovedOut, "2024-02-15", of("ann")), 6_000);
    assert_eq!(folded.count(FactKind::MovedIn, "2024-02-15", of("bob")), 1);
    assert_eq!(folded.count(FactKind::OverdueAccounts, "2024-02-15", of("bob")), 1);
    assert_eq!(folded.sum(FactKind::PaymentReversed, END, of("ann")), 4_000);
    assert_eq!(folded.sum(FactKind::Receivable, END, of("bob")), 10_000);
    assert_eq!(folded.sum(FactKind::MovedOut, END, of("ann")), 10_000);
}

#[test]
fn a_moved_due_date_moves_the_class() {
    let mut second = case();
    second.version = VersionId::trusted("2");
    second.effective = at("2024-02-15 09:00");
    second.claims[0].due_current = Some(date("2024-03-15"));
    let folded = fold(&[case(), second], &[], end());
    let overdue = |on| folded.count(FactKind::OverdueAccounts, on, ALL);
    assert_eq!(
        [overdue("2024-02-14"), overdue("2024-02-15"), overdue("2024-03-15"), overdue("2024-03-16")],
        [1, 0, 0, 1]
    );
}

#[test]
fn a_recall_takes_the_balance_and_a_placement_brings_it_back() {
    let transfer = |transfer| Detail::Transfer { transfer, to: None };
    let folded = fold(
        &[case()],
        &[
            activity("1", at("2024-02-05 10:00"), charge(500)),
            activity("2", at("2024-02-06 10:00"), transfer(TransferKind::CreditCollection)),
            activity("3", at("2024-02-07 10:00"), transfer(TransferKind::Recall)),
            activity("4", at("2024-02-08 10:00"), pays(200)),
            activity("5", at("2024-02-09 10:00"), transfer(TransferKind::Place)),
        ],
        end(),
    );
    assert_eq!(folded.sum(FactKind::SentToCollection, END, ALL), 10_500);
    assert_eq!(folded.sum(FactKind::Recalled, END, ALL), 10_500);
    assert_eq!(folded.sum(FactKind::Receivable, "2024-02-07", ALL), 0);
    assert_eq!(folded.count(FactKind::OpenAccounts, "2024-02-07", ALL), 0);
    // What is paid meanwhile settles what is owed there, and so much less comes back.
    assert_eq!(folded.sum(FactKind::CreditBalance, "2024-02-08", ALL), 0);
    assert_eq!(folded.sum(FactKind::Placed, END, ALL), 20_300);
    assert_eq!(folded.ledger.balance().total(), 10_300);
    assert_eq!(folded.count(FactKind::OpenAccounts, END, ALL), 1);
}

#[test]
fn money_before_the_case_came_in_waits_as_a_credit() {
    let mut placed = case();
    placed.placement.placed = Some(at("2024-03-01 09:00"));
    let history = [activity("1", at("2024-02-05 10:00"), pays(4_000))];
    let folded = fold(&[placed], &history, end());
    assert_eq!(folded.sum(FactKind::CreditBalance, "2024-02-29", ALL), 4_000);
    assert_eq!(folded.sum(FactKind::Receivable, "2024-02-29", ALL), 0);
    assert_eq!(folded.sum(FactKind::Placed, "2024-03-01", ALL), 10_000);
    assert_eq!(folded.sum(FactKind::Receivable, "2024-03-01", ALL), 6_000);
    assert_eq!(folded.count(FactKind::OverdueAccounts, "2024-03-01", ALL), 1);
    // Nothing says when it was placed: then it was there with its first fact.
    let folded = fold(&[case()], &[activity("1", at("2024-01-02 10:00"), pays(4_000))], end());
    assert_eq!(folded.sum(FactKind::Receivable, "2024-01-02", ALL), 6_000);
    assert_eq!(folded.sum(FactKind::Placed, END, ALL), 10_000);
}

#[test]
fn a_reversal_before_its_target_takes_effect_with_it() {
    let folded = fold(
        &[case()],
        &[
            activity("1", at("2024-02-05 10:00"), reverses("2", 4_000)),
            activity("2", at("2024-02-06 10:00"), pays(10_000)),
        ],
        end(),
    );
    assert_eq!(folded.ledger.balance().total(), 4_000);
    assert_eq!(folded.sum(FactKind::PaymentReversed, "2024-02-05", ALL), 0);
    assert_eq!(folded.sum(FactKind::PaymentReversed, "2024-02-06", ALL), 4_000);
}

#[test]
fn sums_beyond_64_bits_are_told_in_parts() {
    let folded = fold(
        &[case()],
        &[
            activity("1", at("2024-02-05 10:00"), charge(i64::MAX)),
            activity("2", at("2024-02-06 10:00"), charge(i64::MAX)),
            activity("3", at("2024-02-07 10:00"), Detail::Transfer { transfer: TransferKind::Recall, to: None }),
        ],
        end(),
    );
    let parts = folded.facts.iter().filter(|fact| fact.kind == FactKind::Recalled);
    let total: i128 = parts.map(|fact| i128::from(fact.amount)).sum();
    assert_eq!(total, 2 * i128::from(i64::MAX) + 10_000);
    assert_eq!(folded.count(FactKind::Recalled, END, ALL), 1);
}

#[test]
fn a_write_off_by_component_leaves_the_rest() {
    let adjustment =
        |minor, component| Detail::Adjustment { adjustment: AdjustmentKind::WriteOff, amount: money(minor), component };
    let folded = fold(
        &[case()],
        &[
            activity("1", at("2024-02-05 10:00"), charge(500)),
            activity("2", at("2024-02-06 10:00"), adjustment(1_000, Some(Component::Principal))),
        ],
        end(),
    );
    assert_eq!((folded.ledger.balance().principal, folded.ledger.balance().cost), (9_000, 500));
    assert_eq!(folded.sum(FactKind::WrittenOff, END, ALL), 1_000);
}

#[test]
fn the_last_right_party_contact_earns_payments_of_thirty_days() {
    let mut spoken = Contact::on(Channel::Call);
    spoken.outcome = Some(Outcome::RightPartyNoCommitment);
    let mut spoken = activity("call", at("2024-03-01 10:00"), Detail::Contact(Box::new(spoken)));
    spoken.actor.agent = Some("cal".to_owned());
    // The 31st of March has 23 hours: thirty days are thirty times 24 hours.
    for (when, agent) in [("2024-03-31 11:00", "cal"), ("2024-03-31 11:01", "ann")] {
        let folded = fold(&[case()], &[spoken.clone(), activity("pay", at(when), pays(100))], end());
        let paid = folded.facts.iter().find(|fact| fact.kind == FactKind::Payment).unwrap();
        assert_eq!(paid.dims.agent.as_deref(), Some(agent), "{when}");
        assert_eq!(paid.dims.channel, (agent == "cal").then_some(Channel::Call));
    }
    // A market may say otherwise; with none, nobody earns what names nobody.
    for (days, when, agent) in
        [(2, "2024-03-03 10:00", "cal"), (2, "2024-03-03 10:01", "ann"), (0, "2024-03-01 10:00", "ann")]
    {
        let market = Market { attribution_days: days, ..market() };
        let history = [spoken.clone(), activity("pay", at(when), pays(100))];
        let folded = fold_in(&market, &[case()], &history, end());
        let paid = folded.facts.iter().find(|fact| fact.kind == FactKind::Payment).unwrap();
        assert_eq!(paid.dims.agent.as_deref(), Some(agent), "{days} {when}");
    }
}

#[test]
fn a_write_up_taken_back_comes_off_its_own_claim() {
    let claims = || vec![claim("a", 10, Some("2024-03-10")), claim("b", 10, Some("2024-03-20"))];
    let mut second = version("2", at("2024-02-10 09:00"), claims());
    second.claims.reverse();
    second.claims[0].due_current = Some(date("2024-03-01"));
    let up = Detail::Adjustment { adjustment: AdjustmentKind::WriteUp, amount: money(50), component: None };
    let history = [activity("1", at("2024-02-05 10:00"), up), activity("2", at("2024-02-15 10:00"), reverses("1", 50))];
    let folded = fold(&[version("1", at("2024-01-10 09:00"), claims()), second], &history, end());
    let current = |on| folded.sum(FactKind::ReceivableCurrent, on, ALL);
    assert_eq!([current("2024-02-14"), current("2024-02-15"), current("2024-03-02")], [70, 20, 10]);
    assert_eq!(folded.sum(FactKind::WrittenUp, END, ALL), 0);
    // It came to nothing, and there was some.
    assert_eq!(folded.count(FactKind::WrittenUp, END, ALL), 1);
}

#[test]
fn what_is_not_owed_in_the_case_s_currency_changes_nothing() {
    let other = Money::new(500, Currency::parse("SEK").unwrap());
    let strange = [Detail::Payment(Payment { amount: other, ..payment(0) }), pays(-5), charge(-5)];
    for detail in strange {
        let folded = fold(&[case()], &[activity("1", at("2024-02-05 10:00"), detail)], end());
        assert_eq!(folded.facts, fold(&[case()], &[], end()).facts);
    }
}
