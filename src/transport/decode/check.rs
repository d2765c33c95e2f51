//! Checks: contacts and charges that somebody means to make.

use super::request::market;
use super::{At, DecodeError, collect};
use crate::advice::Question;
use crate::domain::detail::Detail;
use crate::domain::ids::{CaseId, MarketId, PermitId, PersonId};
use crate::proto::v1;
use crate::wire::decode::contact::contact;
use crate::wire::decode::finance;

/// How much an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Every rule that speaks.
    Basic,
    /// The same with title, text and citation.
    Full,
    /// The verdict, and which rules do not simply allow it.
    Verdict,
}

/// Id of a permit that is asked for, and the seconds that it is to hold.
pub type Wish = (PermitId, Option<u32>);

/// The view that a request asks for.
pub fn view(at: &At<'_>, number: i32) -> Option<View> {
    match v1::CheckView::try_from(number) {
        Ok(v1::CheckView::Unspecified | v1::CheckView::Basic) => Some(View::Basic),
        Ok(v1::CheckView::Full) => Some(View::Full),
        Ok(v1::CheckView::Verdict) => Some(View::Verdict),
        Err(_) => {
            at.field("view").refuse(format!("{number} is no value of CheckView: send one of its values 1 to 3"));
            None
        }
    }
}

/// A contact check.
///
/// # Errors
/// Every field that is wrong.
pub fn check(wire: v1::CheckContactRequest) -> Result<(MarketId, Question, View, Option<Wish>), DecodeError> {
    collect("", |at| {
        let market = market(at, &wire.region_code);
        let view = view(at, wire.view);
        let check = v1::ContactCheck {
            case_id: wire.case_id,
            person_id: wire.person_id,
            contact_time: wire.contact_time,
            contact: wire.contact,
            initiator: wire.initiator,
            person_role: wire.person_role,
            at_debtors_request: wire.at_debtors_request,
            reserve: wire.reserve,
        };
        let asked = contact_check(at, check);
        let ((question, wish), market, view) = (asked?, market?, view?);
        Some((market, question, view, wish))
    })
}

/// A wish for a permit.
fn wish(at: &At<'_>, wire: &v1::Reservation) -> Option<Wish> {
    let id = at.field("permit_id").id(&wire.permit_id, PermitId::new);
    let ttl_at = at.field("ttl");
    let seconds = match wire.ttl {
        None => Some(None),
        Some(ttl) if ttl.nanos == 0 && ttl.seconds > 0 => u32::try_from(ttl.seconds).map(Some).ok(),
        Some(_) => None,
    };
    if seconds.is_none() {
        ttl_at.refuse("is no time to hold a place for: send whole seconds, 1 or more, or leave it out");
    }
    Some((id?, seconds?))
}

/// A contact of a batch of checks, and the permit that is wished for it.
pub fn contact_check(at: &At<'_>, wire: v1::ContactCheck) -> Option<(Question, Option<Wish>)> {
    let wish = match &wire.reserve {
        None => Some(None),
        Some(reserve) => wish(&at.field("reserve"), reserve).map(Some),
    };
    let question = contact_question(at, wire);
    Some((question?, wish?))
}

/// A contact that is asked about and not reserved.
pub fn contact_question(at: &At<'_>, wire: v1::ContactCheck) -> Option<Question> {
    let case = at.field("case_id").id(&wire.case_id, CaseId::new);
    let person = at.field("person_id").optional_id(&wire.person_id, PersonId::new);
    let person_role = at.field("person_role").optional_word(wire.person_role);
    let time = at.field("contact_time").optional_time(wire.contact_time);
    let contact_at = at.field("contact");
    let contact = contact_at.required(wire.contact).and_then(|wire| contact(&contact_at, wire));
    let initiated_by = at.field("initiator").optional_word(wire.initiator);
    Some(Question {
        case: case?,
        person,
        person_role,
        at: time,
        detail: Detail::Contact(Box::new(contact?)),
        initiated_by,
        at_debtors_request: wire.at_debtors_request,
    })
}

/// The market and the view of a batch of checks, whose records are decoded one by one.
///
/// # Errors
/// Both fields, as far as they are wrong.
pub fn batch(region_code: &str, number: i32) -> Result<(MarketId, View), DecodeError> {
    collect("", |at| {
        let market = market(at, region_code);
        let view = view(at, number);
        Some((market?, view?))
    })
}

/// A charge check.
///
/// # Errors
/// Every field that is wrong.
pub fn charge(wire: v1::CheckChargeRequest) -> Result<(MarketId, Question, View), DecodeError> {
    collect("", |at| {
        let market = market(at, &wire.region_code);
        let check = v1::ChargeCheck {
            case_id: wire.case_id,
            charge_time: wire.charge_time,
            charge: wire.charge,
            person_id: wire.person_id,
        };
        let question = charge_check(at, check);
        let view = view(at, wire.view);
        Some((market?, question?, view?))
    })
}

/// A charge that somebody means to make.
pub fn charge_check(at: &At<'_>, wire: v1::ChargeCheck) -> Option<Question> {
    let case = at.field("case_id").id(&wire.case_id, CaseId::new);
    let time = at.field("charge_time").optional_time(wire.charge_time);
    let charge_at = at.field("charge");
    let charge = charge_at.required(wire.charge).and_then(|wire| finance::charge(&charge_at, wire));
    let person = at.field("person_id").optional_id(&wire.person_id, PersonId::new);
    Some(Question {
        case: case?,
        person,
        person_role: None,
        at: time,
        detail: charge?,
        initiated_by: None,
        at_debtors_request: false,
    })
}
