//! Contacts, message events and portal visits.

use super::At;
use crate::domain::detail::{Contact, Detail};
use crate::domain::ids::ContactPointId;
use crate::domain::outcome::OutcomeFlags;
use crate::proto::v1;

const MAX_NOTICES: usize = 32;
const MAX_CONTENT_ITEMS: usize = 128;
const MAX_ATTESTATIONS: usize = 64;

/// A contact, whole or planned.
pub fn contact(at: &At<'_>, wire: v1::Contact) -> Option<Contact> {
    let channel = at.field("channel").word(wire.channel)?;
    let (amounts, currency) = at.field("amounts").components(wire.amounts);
    Some(Contact {
        channel,
        outcome: at.field("outcome").optional_word(wire.outcome),
        disposition: at.field("disposition").optional_name(wire.disposition),
        flags: wire.flags.map(|flags| OutcomeFlags {
            attempt: flags.attempt,
            connect: flags.connect,
            right_party: flags.right_party,
            communication: flags.communication,
        }),
        technology: at.field("technology").optional_word(wire.technology),
        campaign: at.field("campaign_id").optional_name(wire.campaign_id),
        place: at.field("place").optional_word(wire.place),
        contact_point: at.field("contact_point_id").optional_id(&wire.contact_point_id, ContactPointId::new),
        abandoned: wire.abandoned,
        message_left: at.field("message_left").optional_word(wire.message_left),
        identity_verified: wire.identity_verified,
        third_party_disclosure: wire.third_party_disclosure,
        recorded: wire.recorded,
        recording_notice: wire.recording_notice,
        purpose: at.field("purpose").optional_word(wire.purpose),
        notices: at.field("notices").names(wire.notices, MAX_NOTICES),
        form: at.field("form").optional_word(wire.form),
        template: at.field("template_id").optional_name(wire.template_id),
        variant: at.field("variant_id").optional_name(wire.variant_id),
        language: at.field("language_code").optional_name(wire.language_code),
        content_items: at.field("content_items").names(wire.content_items, MAX_CONTENT_ITEMS),
        amounts,
        currency,
        deadline: at.field("deadline_date").optional_date(wire.deadline_date),
        interrupts_limitation: wire.interrupts_limitation,
        delivered: at.field("deliver_time").optional_time(wire.deliver_time),
        receipt: at.field("receipt").optional_text(wire.receipt),
        returned: at.field("return_time").optional_time(wire.return_time),
        attestations: at.field("attestations").names(wire.attestations, MAX_ATTESTATIONS),
    })
}

/// What became of a message.
pub fn message_event(at: &At<'_>, wire: &v1::MessageEvent) -> Option<Detail> {
    let event = at.field("event").word(wire.event);
    let channel = at.field("channel").word(wire.channel);
    Some(Detail::MessageEvent { event: event?, channel: channel?, machine: wire.machine })
}

/// A visit to a landing page or portal.
pub fn page(at: &At<'_>, wire: v1::PageEvent) -> Option<Detail> {
    let step = at.field("step").word(wire.step);
    let source = at.field("source").optional_text(wire.source);
    let session = at.field("session_id").optional_name(wire.session_id);
    Some(Detail::Page { step: step?, source, session })
}
