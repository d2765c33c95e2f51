//! Activities.

use super::scalar::{date, id, money, text, time};
use super::{contact, finance, party};
use crate::domain::activity::{Activity, Actor, Control};
use crate::domain::detail::Detail;
use crate::proto::v1;
use crate::proto::v1::activity::Detail as Wire;
use crate::wire::words::{Word, number};

/// An activity, without what only the store knows (record time, revision, voided).
#[must_use]
pub fn activity(activity: &Activity) -> v1::Activity {
    v1::Activity {
        activity_id: activity.id.to_string(),
        case_ids: activity.cases.iter().map(ToString::to_string).collect(),
        person_id: id(activity.person.as_ref()),
        person_role: number(activity.person_role),
        occur_time: Some(time(activity.occurred)),
        date_only: activity.date_only,
        receive_time: activity.received.map(time),
        effect_time: activity.effective.map(time),
        end_time: activity.ended.map(time),
        source_sequence: activity.source_seq,
        initiator: number(activity.initiated_by),
        at_debtors_request: activity.at_debtors_request,
        actor: actor(&activity.actor),
        parent_activity_id: id(activity.parent.as_ref()),
        control: control(&activity.control),
        detail: Some(detail(&activity.detail)),
        record_time: None,
        revision: 0,
        voided: false,
    }
}

fn actor(actor: &Actor) -> Option<v1::Actor> {
    (*actor != Actor::default()).then(|| v1::Actor {
        kind: number(actor.kind),
        agent_id: text(actor.agent.as_ref()),
        team_id: text(actor.team.as_ref()),
    })
}

fn control(control: &Control) -> Option<v1::Control> {
    (*control != Control::default()).then(|| v1::Control {
        check_id: text(control.check_id.as_ref()),
        permit_id: text(control.permit_id.as_ref()),
        override_reason: text(control.override_reason.as_ref()),
        cost: control.cost.map(money),
    })
}

#[allow(clippy::too_many_lines)] // one arm a kind: splitting it would hide a missing one
fn detail(detail: &Detail) -> Wire {
    match detail {
        Detail::Contact(contact) => Wire::Contact(Box::new(contact::contact(contact))),
        Detail::MessageEvent { event, channel, machine } => {
            Wire::MessageEvent(v1::MessageEvent { event: event.number(), channel: channel.number(), machine: *machine })
        }
        Detail::Page { step, source, session } => Wire::Page(v1::PageEvent {
            step: step.number(),
            source: text(source.as_ref()),
            session_id: text(session.as_ref()),
        }),
        Detail::Promise(promise) => Wire::Promise(finance::promise(promise)),
        Detail::PromiseWithdrawn { promise } => {
            Wire::PromiseWithdrawn(v1::PromiseWithdrawn { promise_id: promise.to_string() })
        }
        Detail::Plan { instalments, currency, written } => Wire::Plan(finance::plan(instalments, *currency, *written)),
        Detail::PlanEnded { plan, broken } => {
            Wire::PlanEnded(v1::PlanEnded { plan_id: plan.to_string(), broken: *broken })
        }
        Detail::Payment(payment) => Wire::Payment(finance::payment(payment)),
        Detail::Reversal { reverses, amount, reason } => Wire::Reversal(v1::Reversal {
            reversed_activity_id: reverses.to_string(),
            amount: Some(money(*amount)),
            reason: reason.number(),
        }),
        Detail::Charge(charge) => Wire::Charge(finance::charge(charge)),
        Detail::Interest(interest) => Wire::Interest(finance::interest(interest)),
        Detail::Adjustment { adjustment, amount, component } => Wire::Adjustment(v1::Adjustment {
            adjustment: adjustment.number(),
            amount: Some(money(*amount)),
            component: number(*component),
        }),
        Detail::Transfer { transfer, to } => {
            Wire::Transfer(v1::Transfer { transfer: transfer.number(), recipient_id: text(to.as_ref()) })
        }
        Detail::Settlement { step, amount, due } => Wire::Settlement(v1::Settlement {
            step: step.number(),
            amount: Some(money(*amount)),
            due_date: due.map(date),
        }),
        Detail::Dispute { step, written, reference, grounded } => Wire::Dispute(v1::Dispute {
            step: step.number(),
            written: *written,
            reference: text(reference.as_ref()),
            grounded: *grounded,
        }),
        Detail::Complaint { step, reference } => {
            Wire::Complaint(v1::Complaint { step: step.number(), reference: text(reference.as_ref()) })
        }
        Detail::DataRequest { step, reference } => {
            Wire::DataRequest(v1::DataRequest { step: step.number(), reference: text(reference.as_ref()) })
        }
        Detail::Condition { condition, ended, written, direct_contact_consented, reference } => {
            Wire::Condition(v1::ConditionChange {
                condition: condition.number(),
                ended: *ended,
                written: *written,
                direct_contact_consented: *direct_contact_consented,
                reference: text(reference.as_ref()),
            })
        }
        Detail::Permission { permission, contact_point } => Wire::Permission(v1::PermissionChange {
            permission: Some(party::permission(permission)),
            contact_point_id: id(contact_point.as_ref()),
        }),
        Detail::Window { window } => Wire::Window(v1::WindowStated { window: Some(party::window(window)) }),
        Detail::ContactPointChanged { contact_point, state } => Wire::ContactPointChanged(v1::ContactPointChanged {
            contact_point_id: contact_point.to_string(),
            state: state.number(),
        }),
        Detail::LegalStep { step } => Wire::LegalStep(v1::LegalStep { step: step.number() }),
        Detail::TitleObtained { on } => Wire::TitleObtained(v1::TitleObtained { title_date: Some(date(*on)) }),
        Detail::Acknowledgement { written } => Wire::Acknowledgement(v1::Acknowledgement { written: *written }),
        Detail::VerificationSent {} => Wire::VerificationSent(v1::VerificationSent {}),
        Detail::Document { document, produced, requested } => {
            Wire::Document(v1::Document { document: document.clone(), produced: *produced, requested: *requested })
        }
        Detail::CreditReport { report, bureau, amount, disputed } => Wire::CreditReport(v1::CreditReport {
            report: report.number(),
            bureau: text(bureau.as_ref()),
            amount: amount.map(money),
            disputed: *disputed,
        }),
        Detail::RecordsErased { records, newest } => {
            Wire::RecordsErased(v1::RecordsErased { records: records.clone(), newest_date: newest.map(date) })
        }
        Detail::Hold { ended, reason } => Wire::Hold(v1::Hold { ended: *ended, reason: text(reason.as_ref()) }),
        Detail::CaseStatus { closed, code } => {
            Wire::CaseStatus(v1::CaseStatus { closed: *closed, code: text(code.as_ref()) })
        }
        Detail::Remittance(remittance) => Wire::Remittance(finance::remittance(remittance)),
        Detail::Survey { survey, score } => {
            Wire::Survey(v1::Survey { survey: survey.number(), score: u32::from(*score) })
        }
        Detail::CustomerStatus { customer } => Wire::CustomerStatus(v1::CustomerStatus { customer: *customer }),
        Detail::OperatingCost { amount, category } => {
            Wire::OperatingCost(v1::OperatingCost { amount: Some(money(*amount)), category: text(category.as_ref()) })
        }
        Detail::ClientRevenue { amount, client } => {
            Wire::ClientRevenue(v1::ClientRevenue { amount: Some(money(*amount)), client_id: text(client.as_ref()) })
        }
        Detail::CreditSales { amount, client } => {
            Wire::CreditSales(v1::CreditSales { amount: Some(money(*amount)), client_id: text(client.as_ref()) })
        }
        Detail::AgentRoster { agent, team, fte_thousandths, until } => Wire::AgentRoster(v1::AgentRoster {
            agent_id: agent.clone(),
            team_id: text(team.as_ref()),
            fte_thousandths: *fte_thousandths,
            end_date: until.map(date),
        }),
        Detail::Void { target, reason } => {
            Wire::Void(v1::VoidRecord { target_activity_id: target.to_string(), reason: text(reason.as_ref()) })
        }
        Detail::Note { code } => Wire::Note(v1::Note { code: text(code.as_ref()) }),
    }
}
