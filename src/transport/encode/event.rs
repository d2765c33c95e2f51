//! A change as an event: CloudEvents 1.0, structured, in JSON; its data are the message `Change` in the JSON form of
//! protocol buffers.

use std::sync::OnceLock;

use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use serde::Serialize;

use super::sync::{named, telling};
use crate::proto::v1;
use crate::proto::v1::change::After;
use crate::sync::{Telling, Told};
use crate::wire::encode::scalar::time;

/// The envelope. Attributes that CloudEvents does not name have lower-case names without marks, as it asks.
#[derive(Serialize)]
struct Event<'a> {
    specversion: &'static str,
    id: &'a str,
    source: String,
    r#type: String,
    subject: &'a str,
    time: String,
    datacontenttype: &'static str,
    dataschema: &'static str,
    tenant: &'a str,
    market: &'a str,
    revision: String,
    reason: &'static str,
    data: DynamicMessage,
}

/// The description of `Change`.
fn described() -> Option<&'static MessageDescriptor> {
    static DESCRIPTOR: OnceLock<Option<MessageDescriptor>> = OnceLock::new();
    let read = || DescriptorPool::decode(crate::proto::DESCRIPTOR_SET).ok()?.get_message_by_name("fairdue.v1.Change");
    DESCRIPTOR.get_or_init(read).as_ref()
}

/// The event that tells of a change: nothing in it goes beyond what is shared. One that is too large comes without what was
/// so before; one that is too large even then does not come.
#[must_use]
pub fn event(told: &Telling<'_>) -> Told {
    let change = told.change.id(told.key);
    match telling(told.change, told.sharing) {
        Ok(wire) => {
            let id = if told.sharing.is_some() { format!("{change}-{}", content(&wire)) } else { change };
            let body = fitting(told, &id, wire);
            Told { id, body }
        }
        Err(error) => Told { id: change, body: Err(format!("a stored record is corrupt: {error}")) },
    }
}

/// What tells one content of a change from every other. How it comes, in its place or belatedly, is no content.
fn content(wire: &v1::Change) -> String {
    let v1::Change { digest, after, before, .. } = wire.clone();
    let content = v1::Change { digest, after, before, ..v1::Change::default() };
    blake3::hash(&content.encode_to_vec()).to_hex()[..16].to_owned()
}

fn fitting(told: &Telling<'_>, id: &str, mut wire: v1::Change) -> Result<Vec<u8>, String> {
    let mut body = written(told, id, &wire)?;
    if body.len() > told.most && wire.before.take().is_some() {
        body = written(told, id, &wire)?;
    }
    if body.len() > told.most {
        let (what, revision, bytes, most) = (named(told.change.mark()), told.change.revision, body.len(), told.most);
        return Err(format!(
            "the event of {what} at revision {revision} has {bytes} bytes, sinks.max_event_bytes is {most}: set it higher, or \
             leave its entity out"
        ));
    }
    Ok(body)
}

fn written(told: &Telling<'_>, id: &str, wire: &v1::Change) -> Result<Vec<u8>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("an event could not be written: {error}");
    let descriptor = described().ok_or_else(|| failed(&"the description of Change is missing"))?;
    let data = DynamicMessage::decode(descriptor.clone(), wire.encode_to_vec().as_slice());
    let (key, change) = (told.key, told.change);
    let event = Event {
        specversion: "1.0",
        id,
        source: format!("/fairdue/tenants/{}/markets/{}", escaped(key.tenant.as_str()), escaped(key.market.as_str())),
        r#type: format!("fairdue.v1.change.{}", change.what.entity()),
        subject: match &wire.after {
            Some(After::Case(case)) => &case.case_id,
            Some(After::Activity(activity) | After::Void(activity)) => &activity.activity_id,
            Some(After::Finding(finding)) => &finding.finding_id,
            None => "",
        },
        time: time(change.recorded).to_string(),
        datacontenttype: "application/json",
        dataschema: "fairdue/v1/sync.proto#fairdue.v1.Change",
        tenant: key.tenant.as_str(),
        market: key.market.as_str(),
        revision: change.revision.to_string(),
        reason: change.reason.as_str(),
        data: data.map_err(|error| failed(&error))?,
    };
    serde_json::to_vec(&event).map_err(|error| failed(&error))
}

/// A part of a path: everything but plain letters, digits and a few marks as their bytes' numbers.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}
