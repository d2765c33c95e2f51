//! Promises, plans, payments and fees.

use super::scalar::{components, date, id, minor, money, rate, text};
use crate::domain::detail::{Charge, Instalment, Interest, Payment, Promise, Remittance};
use crate::domain::money::Currency;
use crate::proto::v1;
use crate::wire::words::{Word, number};

/// A promise to pay.
#[must_use]
pub fn promise(promise: &Promise) -> v1::Promise {
    v1::Promise {
        amount: Some(money(promise.amount)),
        due_date: Some(date(promise.due)),
        superseded_promise_id: id(promise.supersedes.as_ref()),
        channel: number(promise.channel),
    }
}

/// An instalment plan.
#[must_use]
pub fn plan(instalments: &[Instalment], currency: Currency, written: bool) -> v1::Plan {
    let instalments = instalments
        .iter()
        .map(|part| v1::Instalment { due_date: Some(date(part.due)), amount: Some(minor(part.amount, currency)) })
        .collect();
    v1::Plan { instalments, written }
}

/// A payment.
#[must_use]
pub fn payment(payment: &Payment) -> v1::Payment {
    v1::Payment {
        amount: Some(money(payment.amount)),
        value_date: payment.value_date.map(date),
        received_by: text(payment.received_by.as_ref()),
        method: text(payment.method.as_ref()),
        channel: number(payment.channel),
        allocations: components(&payment.allocation, Some(payment.amount.currency)),
        promise_id: id(payment.promise.as_ref()),
        claim_id: id(payment.claim.as_ref()),
        original_amount: payment.original.map(money),
        exchange_rate: payment.rate_ppm.map(rate),
        direction: number(payment.direction),
    }
}

/// Interest accrued.
#[must_use]
pub fn interest(interest: &Interest) -> v1::Interest {
    v1::Interest {
        amount: Some(money(interest.amount)),
        start_date: interest.from.map(date),
        end_date: interest.to.map(date),
        rate: interest.rate_ppm.map(rate),
        base: interest.base.map(|base| minor(base, interest.amount.currency)),
        claim_id: id(interest.claim.as_ref()),
        nature: number(interest.nature),
        compound: interest.compound,
    }
}

/// Money handed over.
#[must_use]
pub fn remittance(remittance: &Remittance) -> v1::Remittance {
    v1::Remittance {
        amount: Some(money(remittance.amount)),
        withheld: remittance.withheld.map(|kept| minor(kept, remittance.amount.currency)),
        payment_ids: remittance.payments.iter().map(ToString::to_string).collect(),
    }
}

/// A fee charged to the debtor.
#[must_use]
pub fn charge(charge: &Charge) -> v1::Charge {
    let currency = charge.amount.currency;
    v1::Charge {
        step: charge.step.number(),
        amount: Some(money(charge.amount)),
        vat: charge.vat.map(|amount| minor(amount, currency)),
        basis: charge.basis.map(|amount| minor(amount, currency)),
        authorised_by: text(charge.authorised_by.as_ref()),
        beneficiary: number(charge.beneficiary),
        assert_date: charge.asserted_on.map(date),
        claim_id: id(charge.claim.as_ref()),
        notice_id: id(charge.notice.as_ref()),
        form: number(charge.form),
    }
}
