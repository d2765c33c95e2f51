//! Questions: what requests ask for beside cases and activities.

use super::{At, DecodeError, collect};
use crate::domain::activity::{Activity, Actor, Control};
use crate::domain::detail::{Detail, KINDS};
use crate::domain::ids::{ActivityId, CaseId, JurisdictionId, MarketId, PersonId, RuleId};
use crate::ingest::CaseUpsert;
use crate::proto::v1;
use crate::query::{ActivityFilter, CaseFilter, FindingFilter, PermitFilter};

pub(super) const MAX_ETAG_BYTES: usize = 128;

/// The market of a request: its country code in any case, as the market's id.
pub fn market(at: &At<'_>, region_code: &str) -> Option<MarketId> {
    let at = at.field("region_code");
    let region = crate::wire::decode::party::region(&at, region_code)?;
    at.id(&region.to_ascii_lowercase(), MarketId::new)
}

/// The market alone, for requests whose records are decoded one by one.
///
/// # Errors
/// No country code.
pub fn only_market(region_code: &str) -> Result<MarketId, DecodeError> {
    collect("", |at| market(at, region_code))
}

/// A case version with the etag that guards it.
pub fn upsert(at: &At<'_>, mut wire: v1::Case) -> Option<CaseUpsert> {
    let etag = std::mem::take(&mut wire.etag);
    if etag.len() > MAX_ETAG_BYTES {
        at.field("etag").refuse("is no etag of this service: send the one of the last read, or none");
    }
    let version = crate::wire::decode::case::case(at, wire)?;
    Some(CaseUpsert { version, etag: (!etag.is_empty()).then_some(etag) })
}

/// A void, made of the fields that VoidActivity and CorrectActivity share.
pub fn void(
    at: &At<'_>,
    id: &str,
    target: &str,
    time: Option<prost_types::Timestamp>,
    reason: String,
) -> Option<Activity> {
    let id = at.field("void_activity_id").id(id, ActivityId::new);
    let target = at.field("target_activity_id").id(target, ActivityId::new);
    let occurred = at.field("void_time").time(time);
    let reason = at.field("reason").optional_text(reason);
    Some(Activity {
        id: id?,
        cases: Vec::new(),
        person: None,
        person_role: None,
        occurred: occurred?,
        date_only: false,
        received: None,
        effective: None,
        ended: None,
        source_seq: 0,
        initiated_by: None,
        at_debtors_request: false,
        actor: Actor::default(),
        parent: None,
        control: Control::default(),
        detail: Detail::Void { target: target?, reason },
    })
}

/// Which cases to list.
///
/// # Errors
/// Every field that is wrong.
pub fn cases(wire: &v1::ListCasesRequest) -> Result<(MarketId, CaseFilter), DecodeError> {
    collect("", |at| {
        let market = market(at, &wire.region_code);
        let person = at.field("person_id").optional_id(&wire.person_id, PersonId::new);
        Some((market?, CaseFilter { person }))
    })
}

/// Which activities to list.
///
/// # Errors
/// Every field that is wrong.
pub fn activities(wire: &v1::ListActivitiesRequest) -> Result<(MarketId, ActivityFilter), DecodeError> {
    collect("", |at| {
        let market = market(at, &wire.region_code);
        let case = at.field("case_id").optional_id(&wire.case_id, CaseId::new);
        let kind = at.field("kind").optional_name(wire.kind.clone());
        if kind.as_ref().is_some_and(|kind| !KINDS.contains(&kind.as_str())) {
            at.field("kind").refuse("is no kind of activity: send the name of its field, as in contact or payment");
        }
        let from = at.field("start_time").optional_time(wire.start_time);
        let to = at.field("end_time").optional_time(wire.end_time);
        at.field("end_time").not_before(to, from, "start_time");
        Some((market?, ActivityFilter { case, kind, from, to }))
    })
}

/// Which findings to list.
///
/// # Errors
/// Every field that is wrong.
pub fn findings(wire: &v1::ListFindingsRequest) -> Result<(MarketId, FindingFilter), DecodeError> {
    collect("", |at| {
        let market = market(at, &wire.region_code);
        let jurisdiction = at.field("jurisdiction_id").optional_jurisdiction(wire.jurisdiction_id.clone());
        let filter = FindingFilter {
            rule: at.field("rule_id").optional_id(&wire.rule_id, RuleId::new),
            severity: at.field("severity").optional_word(wire.severity),
            status: at.field("status").optional_word(wire.status),
            jurisdiction: jurisdiction.and_then(|id| JurisdictionId::new(&id.to_lowercase()).ok()),
            case: at.field("case_id").optional_id(&wire.case_id, CaseId::new),
            agent: at.field("agent_id").optional_name(wire.agent_id.clone()),
            client: at.field("client_id").optional_name(wire.client_id.clone()),
            from: at.field("start_time").optional_time(wire.start_time),
            to: at.field("end_time").optional_time(wire.end_time),
        };
        at.field("end_time").not_before(filter.to, filter.from, "start_time");
        Some((market?, filter))
    })
}

/// Which permits to list.
///
/// # Errors
/// Every field that is wrong.
pub fn permits(wire: &v1::ListPermitsRequest) -> Result<(MarketId, PermitFilter), DecodeError> {
    collect("", |at| {
        let market = market(at, &wire.region_code);
        let case = at.field("case_id").optional_id(&wire.case_id, CaseId::new);
        let state = at.field("state").optional_word(wire.state);
        Some((market?, PermitFilter { case, state }))
    })
}
