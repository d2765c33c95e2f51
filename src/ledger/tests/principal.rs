//! How much principal came in, was recalled and was cancelled: what is placed again counts once in a share of it. And how much
//! of a fee is tax.

use super::*;
use crate::domain::detail::{AdjustmentKind, TransferKind};
use crate::domain::fact::flag;

fn case() -> CaseVersion {
    version("1", at("2024-01-10 09:00"), vec![claim("a", 10_000, Some("2024-01-31"))])
}

fn transfer(transfer: TransferKind) -> Detail {
    Detail::Transfer { transfer, to: None }
}

/// Amount and principal of the facts of a kind, with these flags.
fn told(folded: &Folded, kind: FactKind, flags: u16) -> (i64, i64) {
    let chosen = folded.facts.iter().filter(|fact| fact.kind == kind && fact.flags == flags);
    let signed = chosen.map(|fact| (i64::from(fact.sign) * fact.amount, i64::from(fact.sign) * fact.amount2));
    signed.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

fn end() -> Timestamp {
    at("2024-12-31 12:00")
}

#[test]
fn principal_that_is_recalled_and_comes_back_is_told_apart_from_costs() {
    let history = [
        activity("1", at("2024-02-05 10:00"), examples::charge(500)),
        activity("2", at("2024-02-06 10:00"), pays(1_500)),
        activity("3", at("2024-02-07 10:00"), transfer(TransferKind::Recall)),
        activity("4", at("2024-02-09 10:00"), transfer(TransferKind::Place)),
    ];
    let folded = fold(&[case()], &history, end());
    // The payment settles the costs first.
    assert_eq!(told(&folded, FactKind::Placed, 0), (10_000, 10_000));
    assert_eq!(told(&folded, FactKind::Recalled, 0), (9_000, 9_000));
    assert_eq!(told(&folded, FactKind::Placed, flag::AGAIN), (9_000, 9_000));
    let folded = fold(&[case()], &[history[0].clone(), history[2].clone(), history[3].clone()], end());
    assert_eq!(told(&folded, FactKind::Recalled, 0), (10_500, 10_000));
    assert_eq!(told(&folded, FactKind::Placed, flag::AGAIN), (10_500, 10_000));
}

#[test]
fn a_cancellation_tells_its_principal_and_takes_it_back() {
    let cancels =
        Detail::Adjustment { adjustment: AdjustmentKind::Cancellation, amount: money(12_000), component: None };
    let history =
        [activity("1", at("2024-02-05 10:00"), cancels), activity("2", at("2024-02-06 10:00"), reverses("1", 5_000))];
    let folded = fold(&[case()], &history[..1], end());
    // What is more than is owed is a credit.
    assert_eq!(told(&folded, FactKind::Cancelled, 0), (12_000, 10_000));
    // The credit is taken back first.
    let folded = fold(&[case()], &history, end());
    assert_eq!(told(&folded, FactKind::Cancelled, 0), (7_000, 7_000));
    // Costs are cancelled before principal, and are none.
    let costs = activity("0", at("2024-02-04 10:00"), examples::charge(500));
    let folded = fold(&[case()], &[costs.clone(), history[0].clone()], end());
    assert_eq!(told(&folded, FactKind::Cancelled, 0), (12_000, 10_000));
    let back = activity("2", at("2024-02-06 10:00"), reverses("1", 11_800));
    let folded = fold(&[case()], &[costs, history[0].clone(), back], end());
    assert_eq!(told(&folded, FactKind::Cancelled, 0), (200, 0));
}

#[test]
fn principal_goes_where_its_case_goes_with_what_was_written_off_of_it() {
    let mut second = version("2", at("2024-03-01 09:00"), vec![claim("a", 10_000, Some("2024-01-31"))]);
    second.steering.agent = Some("bea".to_owned());
    let write_off = Detail::Adjustment { adjustment: AdjustmentKind::WriteOff, amount: money(2_000), component: None };
    let history = [
        activity("1", at("2024-02-05 10:00"), examples::charge(500)),
        activity("2", at("2024-02-06 10:00"), pays(1_500)),
        activity("3", at("2024-02-07 10:00"), write_off),
        activity("4", at("2024-03-02 10:00"), transfer(TransferKind::MoveOut)),
        activity("5", at("2024-03-03 10:00"), transfer(TransferKind::MoveIn)),
    ];
    let folded = fold(&[case(), second.clone()], &history, end());
    let told = |folded: &Folded, kind, agent: &str| {
        let of = folded.facts.iter().filter(|fact| fact.kind == kind && fact.dims.agent.as_deref() == Some(agent));
        of.map(|fact| (fact.amount, fact.amount2)).collect::<Vec<_>>()
    };
    // The payment settles the costs first, and 9,000 of the principal are there to collect, 7,000 of them in the balance.
    assert_eq!(told(&folded, FactKind::MovedOut, "ann"), [(7_000, 9_000)]);
    assert_eq!(told(&folded, FactKind::MovedIn, "bea"), [(7_000, 9_000), (7_000, 9_000)]);
    assert_eq!(told(&folded, FactKind::MovedOut, "bea"), [(7_000, 9_000)]);
    // Of a payment that another agent brought in, what is put to principal moves to that agent first, and back with a reversal.
    let actor = Actor { kind: None, agent: Some("cal".to_owned()), team: None };
    let paid = Activity { actor, ..activity("2", at("2024-02-06 10:00"), pays(1_500)) };
    let history = [history[0].clone(), paid, activity("3", at("2024-02-07 10:00"), reverses("2", 600))];
    let folded = fold(&[case()], &history, end());
    assert_eq!(told(&folded, FactKind::MovedIn, "cal"), [(1_500, 1_000)]);
    assert_eq!(told(&folded, FactKind::MovedOut, "cal"), [(600, 600)]);
}

#[test]
fn a_fee_is_owed_with_its_vat_and_keeps_its_beneficiary() {
    let Detail::Charge(mut fee) = examples::charge(1_000) else { unreachable!() };
    fee.vat = Some(220);
    fee.beneficiary = Some(crate::domain::vocabulary::Beneficiary::Collector);
    let mut history = vec![
        activity("1", at("2024-02-05 10:00"), Detail::Charge(fee)),
        activity("2", at("2024-02-06 10:00"), reverses("1", 700)),
    ];
    let own = |dims: &Dims| dims.state.as_deref() == Some("collector");
    let vat = |folded: &Folded| -> Vec<i64> {
        folded.facts.iter().filter(|fact| fact.kind == FactKind::Charge).map(|fact| fact.amount2).collect()
    };
    let folded = fold(&[case()], &history, end());
    assert_eq!(folded.sum(FactKind::Charge, "2024-02-05", own), 1_220);
    assert_eq!(folded.sum(FactKind::Receivable, "2024-02-05", |_| true), 11_220);
    assert_eq!(folded.ledger.balance().total(), 10_520);
    // 700 of 1,220 have 126.2 of 220 in them; the rest goes with the rest.
    assert_eq!(vat(&folded), [220, -126]);
    history.push(activity("3", at("2024-02-07 10:00"), reverses("1", 9_999)));
    let folded = fold(&[case()], &history, end());
    assert_eq!(folded.sum(FactKind::Charge, "2024-02-07", own), 0);
    assert_eq!(folded.ledger.balance().total(), 10_000);
    assert_eq!(vat(&folded), [220, -126, -94]);
}
