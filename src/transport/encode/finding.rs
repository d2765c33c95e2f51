//! Findings, decisions about them, and their histories.

use super::compliance::observation;
use crate::domain::finding::{Finding, FindingStatus};
use crate::domain::finding_life::{Cause, Change, Decision};
use crate::proto::v1;
use crate::query::FindingRow;
use crate::wire::encode::scalar::{id, revision, text, time};
use crate::wire::words::Word;

/// A finding, read as of an instant.
#[must_use]
pub fn finding(row: &FindingRow) -> v1::Finding {
    v1::Finding {
        change_reason: row.reason.clone(),
        open_time: Some(time(row.opened)),
        change_time: Some(time(row.changed)),
        revision: revision(row.revision),
        etag: row.etag(),
        decision: row.decision.as_ref().map(decision),
        ..found(&row.finding, row.status)
    }
}

fn found(finding: &Finding, status: FindingStatus) -> v1::Finding {
    v1::Finding { status: status.number(), ..derived(finding) }
}

/// A finding as it is derived, without what only a stored one has.
#[must_use]
pub fn derived(finding: &Finding) -> v1::Finding {
    v1::Finding {
        finding_id: finding.id.to_string(),
        rule_id: finding.rule.to_string(),
        jurisdiction_id: finding.jurisdiction.to_string(),
        pack_version: finding.pack_version.clone(),
        pack_digest: finding.pack_digest.clone(),
        severity: finding.severity.number(),
        effect: finding.effect.number(),
        case_id: id(finding.case.as_ref()),
        person_id: id(finding.person.as_ref()),
        activity_id: id(finding.activity.as_ref()),
        agent_id: text(finding.agent.as_ref()),
        client_id: text(finding.client.as_ref()),
        breach_time: Some(time(finding.at)),
        omission: finding.omission,
        known_at_time: finding.known_at_time,
        observation: Some(observation(&finding.observed)),
        evidence_activity_ids: finding.evidence.iter().map(ToString::to_string).collect(),
        ..Default::default()
    }
}

/// A decision.
fn decision(decision: &Decision) -> v1::FindingDecision {
    v1::FindingDecision {
        update_id: decision.id.to_string(),
        action: decision.action.number(),
        reason: text(decision.reason.as_ref()),
        waive_until_time: decision.until.map(time),
        key_id: decision.key.to_string(),
        actor: text(decision.actor.as_ref()),
        record_time: Some(time(decision.at)),
        revision: revision(decision.revision),
    }
}

/// One change of a finding.
#[must_use]
pub fn change(change: &Change) -> v1::FindingChange {
    let (reason, decided, derived) = match &change.cause {
        Cause::Derived(state) => (state.reason.clone(), None, Some(found(&state.finding, change.status))),
        Cause::Decided(made) => (made.action.as_str().to_owned(), Some(decision(made)), None),
        Cause::Expired => ("waiver_expired".to_owned(), None, None),
    };
    v1::FindingChange {
        change_time: Some(time(change.at)),
        revision: revision(change.revision),
        status: change.status.number(),
        reason,
        decision: decided,
        finding: derived,
    }
}
