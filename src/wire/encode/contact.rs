//! Contacts.

use super::scalar::{components, date, id, text, time};
use crate::domain::detail::Contact;
use crate::domain::outcome::OutcomeFlags;
use crate::proto::v1;
use crate::wire::words::{Word, number};

/// A contact.
#[must_use]
pub fn contact(contact: &Contact) -> v1::Contact {
    v1::Contact {
        channel: contact.channel.number(),
        outcome: number(contact.outcome),
        disposition: text(contact.disposition.as_ref()),
        flags: contact.flags.map(flags),
        technology: number(contact.technology),
        campaign_id: text(contact.campaign.as_ref()),
        place: number(contact.place),
        contact_point_id: id(contact.contact_point.as_ref()),
        abandoned: contact.abandoned,
        message_left: number(contact.message_left),
        identity_verified: contact.identity_verified,
        third_party_disclosure: contact.third_party_disclosure,
        recorded: contact.recorded,
        recording_notice: contact.recording_notice,
        purpose: number(contact.purpose),
        notices: contact.notices.clone(),
        form: number(contact.form),
        template_id: text(contact.template.as_ref()),
        variant_id: text(contact.variant.as_ref()),
        language_code: text(contact.language.as_ref()),
        content_items: contact.content_items.clone(),
        amounts: components(&contact.amounts, contact.currency),
        deadline_date: contact.deadline.map(date),
        interrupts_limitation: contact.interrupts_limitation,
        deliver_time: contact.delivered.map(time),
        receipt: text(contact.receipt.as_ref()),
        return_time: contact.returned.map(time),
        attestations: contact.attestations.clone(),
    }
}

fn flags(flags: OutcomeFlags) -> v1::OutcomeFlags {
    v1::OutcomeFlags {
        attempt: flags.attempt,
        connect: flags.connect,
        right_party: flags.right_party,
        communication: flags.communication,
    }
}
