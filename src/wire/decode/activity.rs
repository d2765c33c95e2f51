//! Activities.

use super::amount::Sign;
use super::{At, contact, finance, matter};
use crate::domain::activity::{Activity, Actor, Control};
use crate::domain::detail::Detail;
use crate::domain::ids::{ActivityId, CaseId, PersonId};
use crate::proto::v1;
use crate::proto::v1::activity::Detail as Wire;

const MAX_CASES: usize = 100;

/// An activity. Output-only fields are ignored.
pub fn activity(at: &At<'_>, wire: v1::Activity) -> Option<Activity> {
    let id = at.field("activity_id").id(&wire.activity_id, ActivityId::new);
    let cases_at = at.field("case_ids");
    let cases = cases_at.list(wire.case_ids, MAX_CASES, |at, id| at.id(&id, CaseId::new));
    if cases.len() > 1 {
        cases_at.no_doubles(cases.iter().map(CaseId::as_str));
    }
    let person = at.field("person_id").optional_id(&wire.person_id, PersonId::new);
    let person_role = at.field("person_role").optional_word(wire.person_role);
    let occurred = at.field("occur_time").time(wire.occur_time);
    let received = at.field("receive_time").optional_time(wire.receive_time);
    let effective = at.field("effect_time").optional_time(wire.effect_time);
    let ended = at.field("end_time").optional_time(wire.end_time);
    at.field("end_time").not_before(ended, occurred, "occur_time");
    let initiated_by = at.field("initiator").optional_word(wire.initiator);
    let actor = actor(&at.field("actor"), wire.actor.unwrap_or_default());
    let parent = at.field("parent_activity_id").optional_id(&wire.parent_activity_id, ActivityId::new);
    let control = control(&at.field("control"), wire.control.unwrap_or_default());
    let detail = detail(at, wire.detail);
    // What is stored may do so: earlier programs took it.
    if !at.trusts {
        let itself = "names the activity itself: name another one, or leave it out";
        if parent.is_some() && parent == id {
            at.field("parent_activity_id").refuse(itself);
        }
        let named = detail.as_ref().and_then(names).filter(|named| id.as_ref() == Some(named.2));
        if let Some((kind, field, _)) = named {
            at.field(kind).field(field).refuse(itself);
        }
    }
    if let Some(detail) = &detail
        && cases.is_empty()
        && !detail.is_market_wide()
        && !matches!(detail, Detail::Void { .. })
    {
        cases_at.refuse(format!("is required for the kind {}: name at least one case", detail.kind()));
    }
    Some(Activity {
        id: id?,
        cases,
        person,
        person_role,
        occurred: occurred?,
        date_only: wire.date_only,
        received,
        effective,
        ended,
        source_seq: wire.source_sequence,
        initiated_by,
        at_debtors_request: wire.at_debtors_request,
        actor,
        parent,
        control,
        detail: detail?,
    })
}

/// The activity that a kind takes back or replaces, with the kind and its field that name it. What ends another one by its name
/// ends nothing if that is its own.
fn names(detail: &Detail) -> Option<(&'static str, &'static str, &ActivityId)> {
    Some(match detail {
        Detail::Promise(promise) => ("promise", "superseded_promise_id", promise.supersedes.as_ref()?),
        Detail::Reversal { reverses, .. } => ("reversal", "reversed_activity_id", reverses),
        _ => return None,
    })
}

fn actor(at: &At<'_>, wire: v1::Actor) -> Actor {
    Actor {
        kind: at.field("kind").optional_word(wire.kind),
        agent: at.field("agent_id").optional_name(wire.agent_id),
        team: at.field("team_id").optional_name(wire.team_id),
    }
}

fn control(at: &At<'_>, wire: v1::Control) -> Control {
    Control {
        check_id: at.field("check_id").optional_name(wire.check_id),
        permit_id: at.field("permit_id").optional_name(wire.permit_id),
        override_reason: at.field("override_reason").optional_text(wire.override_reason),
        cost: at.field("cost").optional_money(wire.cost, Sign::NotNegative),
    }
}

fn detail(at: &At<'_>, wire: Option<Wire>) -> Option<Detail> {
    let Some(wire) = wire else {
        at.field("detail").refuse("is required: send one of its kinds, as in contact or payment");
        return None;
    };
    match wire {
        Wire::Contact(wire) => {
            contact::contact(&at.field("contact"), *wire).map(|contact| Detail::Contact(Box::new(contact)))
        }
        Wire::MessageEvent(wire) => contact::message_event(&at.field("message_event"), &wire),
        Wire::Page(wire) => contact::page(&at.field("page"), wire),
        Wire::Promise(wire) => finance::promise(&at.field("promise"), wire),
        Wire::PromiseWithdrawn(wire) => {
            let promise = at.field("promise_withdrawn").field("promise_id").id(&wire.promise_id, ActivityId::new)?;
            Some(Detail::PromiseWithdrawn { promise })
        }
        Wire::Plan(wire) => finance::plan(&at.field("plan"), wire),
        Wire::PlanEnded(wire) => {
            let plan = at.field("plan_ended").field("plan_id").id(&wire.plan_id, ActivityId::new)?;
            Some(Detail::PlanEnded { plan, broken: wire.broken })
        }
        Wire::Payment(wire) => finance::payment(&at.field("payment"), wire),
        Wire::Reversal(wire) => finance::reversal(&at.field("reversal"), wire),
        Wire::Charge(wire) => finance::charge(&at.field("charge"), wire),
        Wire::Interest(wire) => finance::interest(&at.field("interest"), wire),
        Wire::Adjustment(wire) => finance::adjustment(&at.field("adjustment"), wire),
        Wire::Transfer(wire) => finance::transfer(&at.field("transfer"), wire),
        Wire::Settlement(wire) => finance::settlement(&at.field("settlement"), wire),
        Wire::Dispute(wire) => matter::dispute(&at.field("dispute"), wire),
        Wire::Complaint(wire) => matter::complaint(&at.field("complaint"), wire),
        Wire::DataRequest(wire) => matter::data_request(&at.field("data_request"), wire),
        Wire::Condition(wire) => matter::condition(&at.field("condition"), wire),
        Wire::Permission(wire) => matter::permission_change(&at.field("permission"), wire),
        Wire::Window(wire) => matter::window_stated(&at.field("window"), wire),
        Wire::ContactPointChanged(wire) => matter::contact_point_changed(&at.field("contact_point_changed"), &wire),
        Wire::LegalStep(wire) => {
            Some(Detail::LegalStep { step: at.field("legal_step").field("step").word(wire.step)? })
        }
        Wire::TitleObtained(wire) => {
            Some(Detail::TitleObtained { on: at.field("title_obtained").field("title_date").date(wire.title_date)? })
        }
        Wire::Acknowledgement(wire) => Some(Detail::Acknowledgement { written: wire.written }),
        Wire::VerificationSent(_) => Some(Detail::VerificationSent {}),
        Wire::Document(wire) => matter::document(&at.field("document"), wire),
        Wire::CreditReport(wire) => matter::credit_report(&at.field("credit_report"), wire),
        Wire::RecordsErased(wire) => Some(matter::records_erased(&at.field("records_erased"), wire)),
        Wire::Hold(wire) => Some(matter::hold(&at.field("hold"), wire)),
        Wire::CaseStatus(wire) => Some(matter::case_status(&at.field("case_status"), wire)),
        Wire::Remittance(wire) => finance::remittance(&at.field("remittance"), wire),
        Wire::Survey(wire) => matter::survey(&at.field("survey"), wire),
        Wire::CustomerStatus(wire) => Some(Detail::CustomerStatus { customer: wire.customer }),
        Wire::OperatingCost(wire) => finance::operating_cost(&at.field("operating_cost"), wire),
        Wire::ClientRevenue(wire) => finance::client_revenue(&at.field("client_revenue"), wire),
        Wire::CreditSales(wire) => finance::credit_sales(&at.field("credit_sales"), wire),
        Wire::AgentRoster(wire) => matter::agent_roster(&at.field("agent_roster"), wire),
        Wire::Void(wire) => matter::void(&at.field("void"), wire),
        Wire::Note(wire) => Some(matter::note(&at.field("note"), wire)),
    }
}
