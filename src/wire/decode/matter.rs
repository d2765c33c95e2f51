//! Disputes, conditions, legal steps and the other kinds that are neither contact nor money.

use super::At;
use super::amount::Sign;
use super::party::{permission, window};
use crate::domain::detail::{Detail, SurveyKind};
use crate::domain::ids::{ActivityId, ContactPointId};
use crate::proto::v1;

/// Most thousandths of a full-time equivalent of one agent.
const MAX_FTE_THOUSANDTHS: u32 = 10_000;
/// Most kinds of records of one erasure.
const MAX_RECORDS: usize = 64;

/// A dispute's step.
pub fn dispute(at: &At<'_>, wire: v1::Dispute) -> Option<Detail> {
    let step = at.field("step").word(wire.step);
    let reference = at.field("reference").optional_text(wire.reference);
    Some(Detail::Dispute { step: step?, written: wire.written, reference, grounded: wire.grounded })
}

/// A complaint's step.
pub fn complaint(at: &At<'_>, wire: v1::Complaint) -> Option<Detail> {
    let step = at.field("step").word(wire.step);
    let reference = at.field("reference").optional_text(wire.reference);
    Some(Detail::Complaint { step: step?, reference })
}

/// A data-subject request's step.
pub fn data_request(at: &At<'_>, wire: v1::DataRequest) -> Option<Detail> {
    let step = at.field("step").word(wire.step);
    let reference = at.field("reference").optional_text(wire.reference);
    Some(Detail::DataRequest { step: step?, reference })
}

/// A condition began or ended.
pub fn condition(at: &At<'_>, wire: v1::ConditionChange) -> Option<Detail> {
    let condition = at.field("condition").word(wire.condition);
    let reference = at.field("reference").optional_text(wire.reference);
    Some(Detail::Condition {
        condition: condition?,
        ended: wire.ended,
        written: wire.written,
        direct_contact_consented: wire.direct_contact_consented,
        reference,
    })
}

/// A consent or an opt-out was given.
pub fn permission_change(at: &At<'_>, wire: v1::PermissionChange) -> Option<Detail> {
    let permission_at = at.field("permission");
    let permission = permission_at.required(wire.permission).and_then(|wire| permission(&permission_at, wire));
    let contact_point = at.field("contact_point_id").optional_id(&wire.contact_point_id, ContactPointId::new);
    Some(Detail::Permission { permission: permission?, contact_point })
}

/// A window was stated.
pub fn window_stated(at: &At<'_>, wire: v1::WindowStated) -> Option<Detail> {
    let window_at = at.field("window");
    let window = window_at.required(wire.window).and_then(|wire| window(&window_at, wire));
    Some(Detail::Window { window: window? })
}

/// A contact point changed its state.
pub fn contact_point_changed(at: &At<'_>, wire: &v1::ContactPointChanged) -> Option<Detail> {
    let contact_point = at.field("contact_point_id").id(&wire.contact_point_id, ContactPointId::new);
    let state = at.field("state").word(wire.state);
    Some(Detail::ContactPointChanged { contact_point: contact_point?, state: state? })
}

/// A document is held, was asked for or was produced.
pub fn document(at: &At<'_>, wire: v1::Document) -> Option<Detail> {
    if wire.requested && wire.produced {
        at.field("requested").refuse("excludes produced: send the request and the production as two activities");
    }
    let document = at.field("document").name(wire.document);
    Some(Detail::Document { document: document?, produced: wire.produced, requested: wire.requested })
}

/// A credit bureau was told something.
pub fn credit_report(at: &At<'_>, wire: v1::CreditReport) -> Option<Detail> {
    let report = at.field("report").word(wire.report);
    let bureau = at.field("bureau").optional_name(wire.bureau);
    let amount = at.field("amount").optional_money(wire.amount, Sign::NotNegative);
    Some(Detail::CreditReport { report: report?, bureau, amount, disputed: wire.disputed })
}

/// Records were erased.
pub fn records_erased(at: &At<'_>, wire: v1::RecordsErased) -> Detail {
    let records = at.field("records").names(wire.records, MAX_RECORDS);
    Detail::RecordsErased { records, newest: at.field("newest_date").optional_date(wire.newest_date) }
}

/// A hold began or ended.
pub fn hold(at: &At<'_>, wire: v1::Hold) -> Detail {
    Detail::Hold { ended: wire.ended, reason: at.field("reason").optional_text(wire.reason) }
}

/// The case was closed or reopened.
pub fn case_status(at: &At<'_>, wire: v1::CaseStatus) -> Detail {
    Detail::CaseStatus { closed: wire.closed, code: at.field("code").optional_name(wire.code) }
}

/// A survey answer.
pub fn survey(at: &At<'_>, wire: v1::Survey) -> Option<Detail> {
    let survey = at.field("survey").word(wire.survey)?;
    let (least, most) = match survey {
        SurveyKind::Csat => (1, 5),
        SurveyKind::Nps => (0, 10),
    };
    let score = at.field("score").within(wire.score, least, most)?;
    Some(Detail::Survey { survey, score })
}

/// An agent's team and full-time equivalent.
pub fn agent_roster(at: &At<'_>, wire: v1::AgentRoster) -> Option<Detail> {
    let agent = at.field("agent_id").name(wire.agent_id);
    let team = at.field("team_id").optional_name(wire.team_id);
    let fte_thousandths = at.field("fte_thousandths").within(wire.fte_thousandths, 0_u32, MAX_FTE_THOUSANDTHS);
    let until = at.field("end_date").optional_date(wire.end_date);
    Some(Detail::AgentRoster { agent: agent?, team, fte_thousandths: fte_thousandths?, until })
}

/// A void.
pub fn void(at: &At<'_>, wire: v1::VoidRecord) -> Option<Detail> {
    let target = at.field("target_activity_id").id(&wire.target_activity_id, ActivityId::new);
    let reason = at.field("reason").optional_text(wire.reason);
    Some(Detail::Void { target: target?, reason })
}

/// A note.
pub fn note(at: &At<'_>, wire: v1::Note) -> Detail {
    Detail::Note { code: at.field("code").optional_name(wire.code) }
}
