//! The commonest stored activities, read straight from their bytes: contacts and what became of messages, with what such
//! records mostly hold. Histories hold millions of them, and a message that is made only to be taken apart is half of what
//! reading them costs. Whatever is not as expected is left to the whole way ([`super::decode`]), which also says what is wrong.

use super::fields::{Fields, Value};
use super::words::Word;
use crate::domain::activity::{Activity, Actor, Control};
use crate::domain::detail::{Contact, Detail};
use crate::domain::ids::{ActivityId, CaseId, ContactPointId, PersonId};
use crate::domain::outcome::OutcomeFlags;
use crate::domain::time::{MAX_TIMESTAMP, SECOND, Timestamp};

/// The activity, if it is a common one.
pub(super) fn activity(bytes: &[u8]) -> Option<Activity> {
    let mut fields = Fields::of(bytes);
    let (1, Value::Bytes(id)) = fields.field()?? else { return None };
    let id = ActivityId::new(utf8(id)?).ok()?;
    let (mut cases, mut occurred, mut detail) = (Vec::new(), None, None);
    // Every field but these is absent where it is not sent.
    let mut rest = Activity::bare(id, Vec::new(), Timestamp(0), Detail::VerificationSent {});
    while let Some(field) = fields.field() {
        match field? {
            (2, Value::Bytes(case)) => {
                if cases.is_empty() {
                    cases.reserve_exact(1);
                }
                cases.push(CaseId::new(utf8(case)?).ok()?);
            }
            (3, Value::Bytes(person)) => rest.person = Some(PersonId::new(utf8(person)?).ok()?),
            (4, Value::Int(role)) => rest.person_role = Some(word(role)?),
            (5, Value::Bytes(time)) => once(&mut occurred, instant(time)?)?,
            (6, Value::Int(date_only)) => rest.date_only = date_only != 0,
            (7, Value::Bytes(time)) => once(&mut rest.received, instant(time)?)?,
            (8, Value::Bytes(time)) => once(&mut rest.effective, instant(time)?)?,
            (9, Value::Bytes(time)) => once(&mut rest.ended, instant(time)?)?,
            (10, Value::Int(sequence)) => rest.source_seq = sequence.cast_signed(),
            (11, Value::Int(initiator)) => rest.initiated_by = Some(word(initiator)?),
            (12, Value::Int(asked)) => rest.at_debtors_request = asked != 0,
            (13, Value::Bytes(bytes)) if rest.actor == Actor::default() => rest.actor = actor(bytes)?,
            (14, Value::Bytes(parent)) => rest.parent = Some(ActivityId::new(utf8(parent)?).ok()?),
            (15, Value::Bytes(bytes)) if rest.control == Control::default() => rest.control = control(bytes)?,
            (20, Value::Bytes(bytes)) => once(&mut detail, Detail::Contact(Box::new(contact(bytes)?)))?,
            (21, Value::Bytes(bytes)) => once(&mut detail, message_event(bytes)?)?,
            _ => return None,
        }
    }
    // No kind that is read here concerns the market as a whole.
    (!cases.is_empty()).then_some(())?;
    Some(Activity { cases, occurred: occurred?, detail: detail?, ..rest })
}

fn actor(bytes: &[u8]) -> Option<Actor> {
    let (mut actor, mut fields) = (Actor::default(), Fields::of(bytes));
    while let Some(field) = fields.field() {
        match field? {
            (1, Value::Int(kind)) => actor.kind = Some(word(kind)?),
            (2, Value::Bytes(agent)) => actor.agent = Some(text(agent)?),
            (3, Value::Bytes(team)) => actor.team = Some(text(team)?),
            _ => return None,
        }
    }
    Some(actor)
}

fn control(bytes: &[u8]) -> Option<Control> {
    let (mut control, mut fields) = (Control::default(), Fields::of(bytes));
    while let Some(field) = fields.field() {
        match field? {
            (1, Value::Bytes(check)) => control.check_id = Some(text(check)?),
            (2, Value::Bytes(permit)) => control.permit_id = Some(text(permit)?),
            (3, Value::Bytes(reason)) => control.override_reason = Some(text(reason)?),
            _ => return None,
        }
    }
    Some(control)
}

fn contact(bytes: &[u8]) -> Option<Contact> {
    let mut fields = Fields::of(bytes);
    let (1, Value::Int(channel)) = fields.field()?? else { return None };
    let mut contact = Contact::on(word(channel)?);
    while let Some(field) = fields.field() {
        match field? {
            (2, Value::Int(outcome)) => contact.outcome = Some(word(outcome)?),
            (3, Value::Bytes(bytes)) => once(&mut contact.flags, flags(bytes)?)?,
            (4, Value::Int(technology)) => contact.technology = Some(word(technology)?),
            (5, Value::Bytes(campaign)) => contact.campaign = Some(text(campaign)?),
            (6, Value::Int(place)) => contact.place = Some(word(place)?),
            (7, Value::Bytes(point)) => contact.contact_point = Some(ContactPointId::new(utf8(point)?).ok()?),
            (8, Value::Int(abandoned)) => contact.abandoned = abandoned != 0,
            (9, Value::Int(left)) => contact.message_left = Some(word(left)?),
            (10, Value::Int(verified)) => contact.identity_verified = Some(verified != 0),
            (11, Value::Int(disclosed)) => contact.third_party_disclosure = disclosed != 0,
            (12, Value::Int(recorded)) => contact.recorded = Some(recorded != 0),
            (13, Value::Int(notice)) => contact.recording_notice = Some(notice != 0),
            (14, Value::Int(purpose)) => contact.purpose = Some(word(purpose)?),
            (15, Value::Bytes(notice)) => contact.notices.push(text(notice)?),
            (16, Value::Int(form)) => contact.form = Some(word(form)?),
            (17, Value::Bytes(template)) => contact.template = Some(text(template)?),
            (18, Value::Bytes(variant)) => contact.variant = Some(text(variant)?),
            (19, Value::Bytes(language)) => contact.language = Some(text(language)?),
            (20, Value::Bytes(item)) => contact.content_items.push(text(item)?),
            (23, Value::Int(interrupts)) => contact.interrupts_limitation = Some(interrupts != 0),
            (24, Value::Bytes(time)) => once(&mut contact.delivered, instant(time)?)?,
            (25, Value::Bytes(receipt)) => contact.receipt = Some(text(receipt)?),
            (26, Value::Bytes(time)) => once(&mut contact.returned, instant(time)?)?,
            (27, Value::Bytes(attested)) => contact.attestations.push(text(attested)?),
            (28, Value::Bytes(disposition)) => contact.disposition = Some(text(disposition)?),
            _ => return None,
        }
    }
    Some(contact)
}

fn flags(bytes: &[u8]) -> Option<OutcomeFlags> {
    let mut flags = OutcomeFlags { attempt: false, connect: false, right_party: false, communication: false };
    let mut fields = Fields::of(bytes);
    while let Some(field) = fields.field() {
        match field? {
            (1, Value::Int(attempt)) => flags.attempt = attempt != 0,
            (2, Value::Int(connect)) => flags.connect = connect != 0,
            (3, Value::Int(right_party)) => flags.right_party = right_party != 0,
            (4, Value::Int(communication)) => flags.communication = communication != 0,
            _ => return None,
        }
    }
    Some(flags)
}

fn message_event(bytes: &[u8]) -> Option<Detail> {
    let (mut event, mut channel, mut machine) = (None, None, false);
    let mut fields = Fields::of(bytes);
    while let Some(field) = fields.field() {
        match field? {
            (1, Value::Int(number)) => event = Some(word(number)?),
            (2, Value::Int(number)) => channel = Some(word(number)?),
            (3, Value::Int(is)) => machine = is != 0,
            _ => return None,
        }
    }
    Some(Detail::MessageEvent { event: event?, channel: channel?, machine })
}

/// Puts in what may come once: messages that come twice are one of both.
fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.is_none().then(|| *place = Some(value))
}

fn instant(bytes: &[u8]) -> Option<Timestamp> {
    let (mut seconds, mut nanos) = (0, 0);
    let mut fields = Fields::of(bytes);
    while let Some(field) = fields.field() {
        match field? {
            (1, Value::Int(value)) => seconds = i64::try_from(value).ok()?,
            (2, Value::Int(value)) => nanos = i64::try_from(value).ok()?,
            _ => return None,
        }
    }
    let known = seconds <= MAX_TIMESTAMP.0 / SECOND && nanos <= 999_999_999;
    known.then(|| Timestamp(seconds * SECOND + nanos / 1000))
}

fn word<W: Word>(number: u64) -> Option<W> {
    W::of_number(i32::try_from(number).ok()?)
}

fn utf8(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// A text that is there: an empty one is an absent one, which is not written.
fn text(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| utf8(bytes).map(str::to_owned))?
}
