//! Decisions about findings.

use super::request::{MAX_ETAG_BYTES, market};
use super::{At, DecodeError, collect};
use crate::domain::finding_life::FindingAction;
use crate::domain::ids::{FindingId, KeyId, MarketId, UpdateId};
use crate::ingest::FindingUpdate;
use crate::proto::v1;

/// The id of a finding: 32 hexadecimal digits in lower case, as they were sent. What is none is no finding's id.
pub fn finding_id(at: &At<'_>, text: &str) -> Option<FindingId> {
    if text.is_empty() {
        at.refuse("is required and was not sent");
        return None;
    }
    let id = FindingId::parse(text).filter(|id| id.to_string() == text);
    if id.is_none() {
        at.refuse("is no id of a finding: send one as ListFindings gave it");
    }
    id
}

/// A decision of the caller behind `key`.
///
/// # Errors
/// Every field that is wrong.
pub fn update(wire: v1::UpdateFindingRequest, key: &KeyId) -> Result<(MarketId, FindingUpdate), DecodeError> {
    collect("", |at| {
        let market = market(at, &wire.region_code);
        let finding = finding_id(&at.field("finding_id"), &wire.finding_id);
        let id = at.field("update_id").id(&wire.update_id, UpdateId::new);
        let action: Option<FindingAction> = at.field("action").word(wire.action);
        let reason = at.field("reason").optional_text(wire.reason.clone());
        let quiet = matches!(action, None | Some(FindingAction::Acknowledge | FindingAction::ApproveWaiver));
        // Blanks and marks say nothing to whoever reads the record.
        if !quiet && !wire.reason.chars().any(char::is_alphanumeric) {
            at.field("reason").refuse("is required for this action: say why, or what was done");
        }
        let until_at = at.field("waive_until_time");
        let until = until_at.optional_time(wire.waive_until_time);
        match (action, wire.waive_until_time) {
            (Some(FindingAction::Waive), None) => until_at.refuse("is required to waive: send when the waiver ends"),
            (Some(other), Some(_)) if other != FindingAction::Waive => {
                until_at.refuse("belongs to waiving only: leave it out");
            }
            _ => {}
        }
        let actor = at.field("actor").optional_text(wire.actor.clone());
        if wire.etag.len() > MAX_ETAG_BYTES {
            at.field("etag").refuse("is no etag of this service: send the one of the last read, or none");
        }
        let etag = (!wire.etag.is_empty()).then(|| wire.etag.clone());
        let key = key.clone();
        Some((market?, FindingUpdate { id: id?, finding: finding?, action: action?, reason, until, key, actor, etag }))
    })
}
