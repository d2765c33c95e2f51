//! Promises, plans, payments, fees and everything else that moves a balance.

use super::At;
use super::amount::Sign;
use crate::domain::detail::{AdjustmentKind, Charge, Detail, Instalment, Interest, Payment, Promise, Remittance};
use crate::domain::ids::{ActivityId, ClaimId};
use crate::domain::money::{Currency, Money};
use crate::domain::vocabulary::Component;
use crate::proto::google::r#type as google;
use crate::proto::v1;

const MAX_INSTALMENTS: usize = 600;
const MAX_REMITTED_PAYMENTS: usize = 1_000;

fn amount(at: &At<'_>, money: Option<google::Money>, sign: Sign) -> Option<Money> {
    at.field("amount").money(money, sign)
}

/// A promise to pay.
pub fn promise(at: &At<'_>, wire: v1::Promise) -> Option<Detail> {
    let amount = amount(at, wire.amount, Sign::Positive);
    let due = at.field("due_date").date(wire.due_date);
    let supersedes = at.field("superseded_promise_id").optional_id(&wire.superseded_promise_id, ActivityId::new);
    let channel = at.field("channel").optional_word(wire.channel);
    Some(Detail::Promise(Promise { amount: amount?, due: due?, supersedes, channel }))
}

/// An instalment plan: all instalments in one currency.
pub fn plan(at: &At<'_>, wire: v1::Plan) -> Option<Detail> {
    let list_at = at.field("instalments");
    let mut currency: Option<Currency> = None;
    let instalments = list_at.list(wire.instalments, MAX_INSTALMENTS, |at, wire| {
        let due = at.field("due_date").date(wire.due_date);
        let amount_at = at.field("amount");
        let amount = amount_at.money(wire.amount, Sign::NotNegative)?;
        amount_at.same_currency(amount.currency, currency)?;
        currency = Some(amount.currency);
        Some(Instalment { due: due?, amount: amount.minor })
    });
    list_at.bounded_in_sum(instalments.iter().map(|part| part.amount));
    let currency = list_at.required(currency)?;
    Some(Detail::Plan { instalments, currency, written: wire.written })
}

/// A payment.
pub fn payment(at: &At<'_>, wire: v1::Payment) -> Option<Detail> {
    let amount = amount(at, wire.amount, Sign::NotNegative);
    let value_date = at.field("value_date").optional_date(wire.value_date);
    let received_by = at.field("received_by").optional_name(wire.received_by);
    let method = at.field("method").optional_name(wire.method);
    let channel = at.field("channel").optional_word(wire.channel);
    let allocations_at = at.field("allocations");
    let (allocation, currency) = allocations_at.components(wire.allocations);
    if let (Some(amount), Some(currency)) = (amount, currency) {
        if currency != amount.currency {
            allocations_at.refuse(format!("are in {currency} beside {}: send {}", amount.currency, amount.currency));
        }
        let sum = allocation.values().try_fold(0_i64, |sum, part| sum.checked_add(*part));
        if sum.is_none_or(|sum| sum > amount.minor) {
            allocations_at.refuse("add up to more than the amount: send allocations of at most the amount");
        }
    }
    let promise = at.field("promise_id").optional_id(&wire.promise_id, ActivityId::new);
    let claim = at.field("claim_id").optional_id(&wire.claim_id, ClaimId::new);
    let original = at.field("original_amount").optional_money(wire.original_amount, Sign::NotNegative);
    let rate_at = at.field("exchange_rate");
    let rate_ppm = rate_at.optional_rate(wire.exchange_rate);
    if original.is_some() != rate_ppm.is_some() {
        rate_at.refuse("and original_amount belong together: send both or neither");
    }
    let direction = at.field("direction").optional_word(wire.direction);
    Some(Detail::Payment(Payment {
        amount: amount?,
        value_date,
        received_by,
        method,
        channel,
        allocation,
        promise,
        claim,
        original,
        rate_ppm,
        direction,
    }))
}

/// Something taken back.
pub fn reversal(at: &At<'_>, wire: v1::Reversal) -> Option<Detail> {
    let reverses = at.field("reversed_activity_id").id(&wire.reversed_activity_id, ActivityId::new);
    let amount = amount(at, wire.amount, Sign::NotNegative);
    let reason = at.field("reason").word(wire.reason);
    Some(Detail::Reversal { reverses: reverses?, amount: amount?, reason: reason? })
}

/// A fee charged to the debtor.
pub fn charge(at: &At<'_>, wire: v1::Charge) -> Option<Detail> {
    let step = at.field("step").word(wire.step);
    let amount = amount(at, wire.amount, Sign::NotNegative);
    let currency = amount.map(|amount| amount.currency);
    let vat = at.field("vat").optional_minor(wire.vat, currency);
    let basis = at.field("basis").optional_minor(wire.basis, currency);
    let authorised_by = at.field("authorised_by").optional_text(wire.authorised_by);
    let beneficiary = at.field("beneficiary").optional_word(wire.beneficiary);
    let asserted_on = at.field("assert_date").optional_date(wire.assert_date);
    let claim = at.field("claim_id").optional_id(&wire.claim_id, ClaimId::new);
    let notice = at.field("notice_id").optional_id(&wire.notice_id, ActivityId::new);
    let form = at.field("form").optional_word(wire.form);
    Some(Detail::Charge(Charge {
        step: step?,
        amount: amount?,
        vat,
        basis,
        authorised_by,
        beneficiary,
        asserted_on,
        claim,
        notice,
        form,
    }))
}

/// Interest accrued.
pub fn interest(at: &At<'_>, wire: v1::Interest) -> Option<Detail> {
    let amount = amount(at, wire.amount, Sign::NotNegative);
    let from = at.field("start_date").optional_date(wire.start_date);
    let to = at.field("end_date").optional_date(wire.end_date);
    at.field("end_date").not_before(to, from, "start_date");
    let rate_ppm = at.field("rate").optional_rate(wire.rate);
    let base = at.field("base").optional_minor(wire.base, amount.map(|amount| amount.currency));
    let claim = at.field("claim_id").optional_id(&wire.claim_id, ClaimId::new);
    let nature = at.field("nature").optional_word(wire.nature);
    let compound = wire.compound;
    Some(Detail::Interest(Interest { amount: amount?, from, to, rate_ppm, base, claim, nature, compound }))
}

/// A change of the balance that is no payment.
pub fn adjustment(at: &At<'_>, wire: v1::Adjustment) -> Option<Detail> {
    let adjustment = at.field("adjustment").word(wire.adjustment);
    let sign = if adjustment == Some(AdjustmentKind::Correction) { Sign::Any } else { Sign::NotNegative };
    let amount = amount(at, wire.amount, sign);
    let component = at.field("component").optional_word::<Component>(wire.component);
    Some(Detail::Adjustment { adjustment: adjustment?, amount: amount?, component })
}

/// The case went somewhere.
pub fn transfer(at: &At<'_>, wire: v1::Transfer) -> Option<Detail> {
    let transfer = at.field("transfer").word(wire.transfer);
    let to = at.field("recipient_id").optional_name(wire.recipient_id);
    Some(Detail::Transfer { transfer: transfer?, to })
}

/// A step of a settlement.
pub fn settlement(at: &At<'_>, wire: v1::Settlement) -> Option<Detail> {
    let step = at.field("step").word(wire.step);
    let amount = amount(at, wire.amount, Sign::NotNegative);
    let due = at.field("due_date").optional_date(wire.due_date);
    Some(Detail::Settlement { step: step?, amount: amount?, due })
}

/// Money handed over to the creditor.
pub fn remittance(at: &At<'_>, wire: v1::Remittance) -> Option<Detail> {
    let amount = amount(at, wire.amount, Sign::NotNegative);
    let withheld = at.field("withheld").optional_minor(wire.withheld, amount.map(|amount| amount.currency));
    let payments_at = at.field("payment_ids");
    let payments =
        payments_at.list(wire.payment_ids, MAX_REMITTED_PAYMENTS, |at, payment| at.id(&payment, ActivityId::new));
    payments_at.no_doubles(payments.iter().map(ActivityId::as_str));
    Some(Detail::Remittance(Remittance { amount: amount?, withheld, payments }))
}

/// Operating cost.
pub fn operating_cost(at: &At<'_>, wire: v1::OperatingCost) -> Option<Detail> {
    let amount = amount(at, wire.amount, Sign::NotNegative);
    let category = at.field("category").optional_name(wire.category);
    Some(Detail::OperatingCost { amount: amount?, category })
}

/// Revenue from a client.
pub fn client_revenue(at: &At<'_>, wire: v1::ClientRevenue) -> Option<Detail> {
    let amount = amount(at, wire.amount, Sign::NotNegative);
    let client = at.field("client_id").optional_name(wire.client_id);
    Some(Detail::ClientRevenue { amount: amount?, client })
}

/// Credit sales of a client.
pub fn credit_sales(at: &At<'_>, wire: v1::CreditSales) -> Option<Detail> {
    let amount = amount(at, wire.amount, Sign::NotNegative);
    let client = at.field("client_id").optional_name(wire.client_id);
    Some(Detail::CreditSales { amount: amount?, client })
}
