//! One version of a case.

use super::At;
use super::amount::Sign;
use super::party::party;
use crate::domain::case::{
    CaseVersion, Claim, Dates, Identity, LegalClass, LimitationEvent, Placement, PriorCharge, PriorNotice, Steering,
    Terms,
};
use crate::domain::ids::{CaseId, ClaimId, VersionId};
use crate::domain::money::Currency;
use crate::proto::v1;

const MAX_CLAIMS: usize = 1000;
const MAX_PARTIES: usize = 64;
const MAX_PRIOR: usize = 128;
const MAX_LIMITATION_EVENTS: usize = 128;

/// A version of a case; its etag stays with the caller.
pub fn case(at: &At<'_>, wire: v1::Case) -> Option<CaseVersion> {
    let id = at.field("case_id").id(&wire.case_id, CaseId::new);
    let version = at.field("version_id").id(&wire.version_id, VersionId::new);
    let effective = at.field("effect_time").time(wire.effect_time);
    let currency = at.field("currency_code").currency(&wire.currency_code);
    let identity_at = at.field("identity");
    let identity = identity_at.required(wire.identity).and_then(|wire| identity(&identity_at, wire));
    let class = legal_class(&at.field("legal_class"), wire.legal_class.unwrap_or_default());
    let dates = dates(&at.field("dates"), wire.dates.unwrap_or_default());
    let terms = terms(&at.field("terms"), wire.terms.unwrap_or_default(), currency);
    let placement = placement(&at.field("placement"), wire.placement.unwrap_or_default(), currency);
    let steering = steering(&at.field("steering"), wire.steering.unwrap_or_default());

    let claims_at = at.field("claims");
    let claims = claims_at.list(wire.claims, MAX_CLAIMS, |at, wire| claim(at, wire, currency));
    claims_at.no_doubles(claims.iter().map(|claim| claim.id.as_str()));
    claims_at.bounded_in_sum(claims.iter().map(|claim| claim.principal));
    let parties_at = at.field("parties");
    let parties = parties_at.list(wire.parties, MAX_PARTIES, party);
    parties_at.no_doubles(parties.iter().map(|party| party.person.as_str()));

    let history_complete_from = at.field("history_complete_time").optional_time(wire.history_complete_time);
    let prior_notices = at.field("prior_notices").list(wire.prior_notices, MAX_PRIOR, prior_notice);
    let prior_charges =
        at.field("prior_charges").list(wire.prior_charges, MAX_PRIOR, |at, wire| prior_charge(at, wire, currency));
    let attributes = at.field("attributes").texts(wire.attributes);
    let version = CaseVersion {
        case: id?,
        version: version?,
        effective: effective?,
        currency: currency?,
        identity: identity?,
        class,
        dates,
        terms,
        placement,
        steering,
        claims,
        parties,
        history_complete_from,
        prior_notices,
        prior_charges,
        closed: wire.closed,
        attributes,
    };
    at.bounded_in_parts(&version);
    Some(version)
}

fn identity(at: &At<'_>, wire: v1::Identity) -> Option<Identity> {
    let creditor = at.field("creditor_id").name(wire.creditor_id);
    let rest = Identity {
        creditor: String::new(),
        original_creditor: at.field("original_creditor_id").optional_name(wire.original_creditor_id),
        creditor_type: at.field("creditor_type").optional_word(wire.creditor_type),
        claim_owner: at.field("claim_owner_id").optional_name(wire.claim_owner_id),
        ownership: at.field("ownership").optional_word(wire.ownership),
        collector_role: at.field("collector_role").optional_word(wire.collector_role),
        collector_entity: at.field("collector_entity_id").optional_name(wire.collector_entity_id),
    };
    Some(Identity { creditor: creditor?, ..rest })
}

fn legal_class(at: &At<'_>, wire: v1::LegalClass) -> LegalClass {
    LegalClass {
        debt_class: at.field("debt_class").optional_word(wire.debt_class),
        debt_type: at.field("debt_type").optional_word(wire.debt_type),
        regulated_credit: wire.regulated_credit,
        eu_bank_npl: wire.eu_bank_npl,
        secured: wire.secured,
        instrument: at.field("instrument").optional_text(wire.instrument),
        titled_on: at.field("title_date").optional_date(wire.title_date),
        governing_law: at.field("governing_law").optional_jurisdiction(wire.governing_law),
        forum: at.field("forum").optional_text(wire.forum),
    }
}

fn dates(at: &At<'_>, wire: v1::CaseDates) -> Dates {
    let limitation_events =
        at.field("limitation_events").list(wire.limitation_events, MAX_LIMITATION_EVENTS, limitation_event);
    Dates {
        contract: at.field("contract_date").optional_date(wire.contract_date),
        cause_of_action: at.field("cause_of_action_date").optional_date(wire.cause_of_action_date),
        default_on: at.field("default_date").optional_date(wire.default_date),
        default_notice: at.field("default_notice_date").optional_date(wire.default_notice_date),
        charge_off: at.field("charge_off_date").optional_date(wire.charge_off_date),
        itemisation: at.field("itemisation_date").optional_date(wire.itemisation_date),
        last_payment: at.field("last_payment_date").optional_date(wire.last_payment_date),
        last_acknowledgement: at.field("last_acknowledgement_date").optional_date(wire.last_acknowledgement_date),
        last_creditor_contact: at.field("last_creditor_contact_date").optional_date(wire.last_creditor_contact_date),
        limitation_events,
    }
}

fn limitation_event(at: &At<'_>, wire: v1::LimitationEvent) -> Option<LimitationEvent> {
    let kind = at.field("kind").word(wire.kind);
    let on = at.field("event_date").date(wire.event_date);
    Some(LimitationEvent { kind: kind?, on: on?, reached_debtor: wire.reached_debtor, written: wire.written })
}

fn terms(at: &At<'_>, wire: v1::Terms, currency: Option<Currency>) -> Terms {
    Terms {
        agreed_reminder_fee: at.field("agreed_reminder_fee").optional_minor(wire.agreed_reminder_fee, currency),
        agreed_default_rate_ppm: at.field("agreed_default_rate").optional_rate(wire.agreed_default_rate),
        cost_clause: wire.cost_clause,
        creditor_deducts_vat: wire.creditor_deducts_vat,
        evasion: wire.evasion,
        complex: wire.complex,
        charge_off_amount: at.field("charge_off_amount").optional_minor(wire.charge_off_amount, currency),
        itemisation_amount: at.field("itemisation_amount").optional_minor(wire.itemisation_amount, currency),
        contract_rate_ppm: at.field("contract_rate").optional_rate(wire.contract_rate),
        payment_term_agreed: wire.payment_term_agreed,
    }
}

fn placement(at: &At<'_>, wire: v1::Placement, currency: Option<Currency>) -> Placement {
    let sequence = wire.sequence.and_then(|sequence| at.field("sequence").within(sequence, 1_u16, u16::MAX));
    Placement {
        mandate: at.field("mandate_id").optional_name(wire.mandate_id),
        mandate_on: at.field("mandate_date").optional_date(wire.mandate_date),
        placement_id: at.field("placement_id").optional_name(wire.placement_id),
        sequence,
        placed: at.field("place_time").optional_time(wire.place_time),
        purchased_on: at.field("purchase_date").optional_date(wire.purchase_date),
        purchase_price: at.field("purchase_price").optional_minor(wire.purchase_price, currency),
        face_value: at.field("face_value").optional_minor(wire.face_value, currency),
        transferred_on: at.field("transfer_date").optional_date(wire.transfer_date),
        seller: at.field("seller_id").optional_name(wire.seller_id),
    }
}

fn steering(at: &At<'_>, wire: v1::Steering) -> Steering {
    Steering {
        portfolio: at.field("portfolio_id").optional_name(wire.portfolio_id),
        product: at.field("product_id").optional_name(wire.product_id),
        stage: at.field("stage").optional_name(wire.stage),
        agent: at.field("agent_id").optional_name(wire.agent_id),
        team: at.field("team_id").optional_name(wire.team_id),
        account_group: at.field("account_group_id").optional_name(wire.account_group_id),
        segments: at.field("segments").texts(wire.segments),
    }
}

fn claim(at: &At<'_>, wire: v1::Claim, currency: Option<Currency>) -> Option<Claim> {
    let id = at.field("claim_id").id(&wire.claim_id, ClaimId::new);
    let principal_at = at.field("principal");
    let principal = principal_at.money(wire.principal, Sign::NotNegative);
    if let Some(principal) = principal {
        principal_at.same_currency(principal.currency, currency);
    }
    let vat = at.field("vat").optional_minor(wire.vat, currency);
    let invoice_number = at.field("invoice_number").optional_name(wire.invoice_number);
    let invoice_date = at.field("invoice_date").optional_date(wire.invoice_date);
    let invoice_received = at.field("invoice_receive_date").optional_date(wire.invoice_receive_date);
    let arose = at.field("arise_date").optional_date(wire.arise_date);
    let due_original = at.field("original_due_date").optional_date(wire.original_due_date);
    let due_current = at.field("due_date").optional_date(wire.due_date);
    let interest_from = at.field("interest_start_date").optional_date(wire.interest_start_date);
    let interest_kind = at.field("interest_kind").optional_word(wire.interest_kind);
    let interest_rate_ppm = at.field("interest_rate").optional_rate(wire.interest_rate);
    Some(Claim {
        id: id?,
        principal: principal?.minor,
        vat,
        invoice_number,
        invoice_date,
        invoice_received,
        arose,
        due_original,
        due_current,
        due_fixed_by_contract: wire.due_fixed_by_contract,
        interest_from,
        interest_kind,
        interest_rate_ppm,
    })
}

fn prior_notice(at: &At<'_>, wire: v1::PriorNotice) -> Option<PriorNotice> {
    let kind = at.field("notice").name(wire.notice);
    let sent = at.field("send_date").date(wire.send_date);
    let received = at.field("receive_date").optional_date(wire.receive_date);
    let deadline = at.field("deadline_date").optional_date(wire.deadline_date);
    Some(PriorNotice { kind: kind?, sent: sent?, received, deadline })
}

fn prior_charge(at: &At<'_>, wire: v1::PriorCharge, currency: Option<Currency>) -> Option<PriorCharge> {
    let step = at.field("step").word(wire.step);
    let amount_at = at.field("amount");
    let amount = amount_at.money(wire.amount, Sign::NotNegative);
    if let Some(amount) = amount {
        amount_at.same_currency(amount.currency, currency);
    }
    let on = at.field("charge_date").date(wire.charge_date);
    Some(PriorCharge { step: step?, amount: amount?, on: on? })
}
