//! One version of a case.

use super::party::party;
use super::scalar::{date, minor, money, rate, text, time};
use crate::domain::case::{
    CaseVersion, Claim, Dates, Identity, LegalClass, LimitationEvent, Placement, PriorCharge, PriorNotice, Steering,
    Terms,
};
use crate::domain::money::Currency;
use crate::proto::v1;
use crate::wire::words::{Word, number};

/// A version of a case, without what only the store knows (etag, revision, number of versions).
#[must_use]
pub fn case(version: &CaseVersion) -> v1::Case {
    let currency = version.currency;
    v1::Case {
        case_id: version.case.to_string(),
        version_id: version.version.to_string(),
        effect_time: Some(time(version.effective)),
        currency_code: currency.code().to_owned(),
        identity: Some(identity(&version.identity)),
        legal_class: Some(legal_class(&version.class)),
        dates: Some(dates(&version.dates)),
        terms: Some(terms(&version.terms, currency)),
        placement: Some(placement(&version.placement, currency)),
        steering: Some(steering(&version.steering)),
        claims: version.claims.iter().map(|c| claim(c, currency)).collect(),
        parties: version.parties.iter().map(party).collect(),
        history_complete_time: version.history_complete_from.map(time),
        prior_notices: version.prior_notices.iter().map(prior_notice).collect(),
        prior_charges: version.prior_charges.iter().map(prior_charge).collect(),
        closed: version.closed,
        attributes: version.attributes.clone(),
        etag: String::new(),
        revision: 0,
        version_count: 0,
    }
}

fn identity(identity: &Identity) -> v1::Identity {
    v1::Identity {
        creditor_id: identity.creditor.clone(),
        original_creditor_id: text(identity.original_creditor.as_ref()),
        creditor_type: number(identity.creditor_type),
        claim_owner_id: text(identity.claim_owner.as_ref()),
        ownership: number(identity.ownership),
        collector_role: number(identity.collector_role),
        collector_entity_id: text(identity.collector_entity.as_ref()),
    }
}

fn legal_class(class: &LegalClass) -> v1::LegalClass {
    v1::LegalClass {
        debt_class: number(class.debt_class),
        debt_type: number(class.debt_type),
        regulated_credit: class.regulated_credit,
        eu_bank_npl: class.eu_bank_npl,
        secured: class.secured,
        instrument: text(class.instrument.as_ref()),
        title_date: class.titled_on.map(date),
        governing_law: text(class.governing_law.as_ref()),
        forum: text(class.forum.as_ref()),
    }
}

fn dates(dates: &Dates) -> v1::CaseDates {
    v1::CaseDates {
        contract_date: dates.contract.map(date),
        cause_of_action_date: dates.cause_of_action.map(date),
        default_date: dates.default_on.map(date),
        default_notice_date: dates.default_notice.map(date),
        charge_off_date: dates.charge_off.map(date),
        itemisation_date: dates.itemisation.map(date),
        last_payment_date: dates.last_payment.map(date),
        last_acknowledgement_date: dates.last_acknowledgement.map(date),
        last_creditor_contact_date: dates.last_creditor_contact.map(date),
        limitation_events: dates.limitation_events.iter().map(limitation_event).collect(),
    }
}

fn limitation_event(event: &LimitationEvent) -> v1::LimitationEvent {
    v1::LimitationEvent {
        kind: event.kind.number(),
        event_date: Some(date(event.on)),
        reached_debtor: event.reached_debtor,
        written: event.written,
    }
}

fn terms(terms: &Terms, currency: Currency) -> v1::Terms {
    v1::Terms {
        agreed_reminder_fee: terms.agreed_reminder_fee.map(|amount| minor(amount, currency)),
        agreed_default_rate: terms.agreed_default_rate_ppm.map(rate),
        cost_clause: terms.cost_clause,
        creditor_deducts_vat: terms.creditor_deducts_vat,
        evasion: terms.evasion,
        complex: terms.complex,
        charge_off_amount: terms.charge_off_amount.map(|amount| minor(amount, currency)),
        itemisation_amount: terms.itemisation_amount.map(|amount| minor(amount, currency)),
        contract_rate: terms.contract_rate_ppm.map(rate),
        payment_term_agreed: terms.payment_term_agreed,
    }
}

fn placement(placement: &Placement, currency: Currency) -> v1::Placement {
    v1::Placement {
        mandate_id: text(placement.mandate.as_ref()),
        mandate_date: placement.mandate_on.map(date),
        placement_id: text(placement.placement_id.as_ref()),
        sequence: placement.sequence.map(u32::from),
        place_time: placement.placed.map(time),
        purchase_date: placement.purchased_on.map(date),
        purchase_price: placement.purchase_price.map(|amount| minor(amount, currency)),
        face_value: placement.face_value.map(|amount| minor(amount, currency)),
        transfer_date: placement.transferred_on.map(date),
        seller_id: text(placement.seller.as_ref()),
    }
}

fn steering(steering: &Steering) -> v1::Steering {
    v1::Steering {
        portfolio_id: text(steering.portfolio.as_ref()),
        product_id: text(steering.product.as_ref()),
        stage: text(steering.stage.as_ref()),
        agent_id: text(steering.agent.as_ref()),
        team_id: text(steering.team.as_ref()),
        account_group_id: text(steering.account_group.as_ref()),
        segments: steering.segments.clone(),
    }
}

fn claim(claim: &Claim, currency: Currency) -> v1::Claim {
    v1::Claim {
        claim_id: claim.id.to_string(),
        principal: Some(minor(claim.principal, currency)),
        vat: claim.vat.map(|amount| minor(amount, currency)),
        invoice_number: text(claim.invoice_number.as_ref()),
        invoice_date: claim.invoice_date.map(date),
        invoice_receive_date: claim.invoice_received.map(date),
        arise_date: claim.arose.map(date),
        original_due_date: claim.due_original.map(date),
        due_date: claim.due_current.map(date),
        due_fixed_by_contract: claim.due_fixed_by_contract,
        interest_start_date: claim.interest_from.map(date),
        interest_kind: number(claim.interest_kind),
        interest_rate: claim.interest_rate_ppm.map(rate),
    }
}

fn prior_notice(notice: &PriorNotice) -> v1::PriorNotice {
    v1::PriorNotice {
        notice: notice.kind.clone(),
        send_date: Some(date(notice.sent)),
        receive_date: notice.received.map(date),
        deadline_date: notice.deadline.map(date),
    }
}

fn prior_charge(charge: &PriorCharge) -> v1::PriorCharge {
    v1::PriorCharge {
        step: charge.step.number(),
        amount: Some(money(charge.amount)),
        charge_date: Some(date(charge.on)),
    }
}
