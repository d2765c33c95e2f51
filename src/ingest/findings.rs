//! Decisions about findings: recorded once, each in a commit of its own, judged under the market's lock.

use std::collections::HashMap;

use super::group::{GroupContext, Writing};
use super::intake::Ingest;
use super::work::Work;
use super::writer::{Commit, ItemResult};
use super::{IngestError, tick};
use crate::domain::error_kind::ErrorKind;
use crate::domain::finding::FindingStatus;
use crate::domain::finding_life::{Decision, FindingAction, admitted_from, gives, substance};
use crate::domain::ids::{FindingId, KeyId, MarketId, UpdateId};
use crate::domain::principal::{Principal, Role};
use crate::domain::time::Timestamp;
use crate::domain::validation::{Refusal, Violation};
use crate::store::{DecisionRow, FindingRow};

/// What somebody wants to decide about a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingUpdate {
    /// Made by the client: a repetition is known by it.
    pub id: UpdateId,
    /// The finding.
    pub finding: FindingId,
    /// What is decided.
    pub action: FindingAction,
    /// Why.
    pub reason: Option<String>,
    /// End of a waiver.
    pub until: Option<Timestamp>,
    /// The caller's key.
    pub key: KeyId,
    /// Who decides, as the client names that person.
    pub actor: Option<String>,
    /// Etag of the finding that the caller has seen; a mismatch is refused. Absent: no guard.
    pub etag: Option<String>,
}

/// A decision on record, as the first answer said it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The commit; its only result tells whether the decision is new, a repetition, or refused.
    pub commit: Commit,
    /// The decision and the finding right after it; absent if it was refused.
    pub row: Option<DecisionRow>,
}

impl Ingest {
    /// Records a decision about a finding. A repetition is answered as it was the first time.
    ///
    /// # Errors
    /// See [`IngestError`]; what is wrong with the decision is in its result.
    pub async fn update_finding(
        &self,
        who: &Principal,
        market: &MarketId,
        update: FindingUpdate,
    ) -> Result<Decided, IngestError> {
        let key = self.admit(Role::Compliance, who, market)?;
        let id = update.id.clone();
        let commit = self.markets().submit(&key, Work::Decide(Box::new(update))).await?;
        let refused = matches!(commit.results.first(), None | Some(ItemResult::Refused(_)));
        let scope = self.markets().store().scope(&key.tenant);
        let row = if refused { None } else { scope.decision(market, &id).await? };
        Ok(Decided { commit, row })
    }
}

/// Records the decisions of a group; the commit of each by its job.
pub(super) async fn decide(context: &GroupContext<'_>, work: &[Work]) -> Result<HashMap<usize, Commit>, IngestError> {
    let mut done = HashMap::new();
    for (job, work) in work.iter().enumerate() {
        if let Work::Decide(update) = work {
            // What fell due before the decision is found before it, whenever the due-queue runs.
            tick::run(context, context.markets.clock.now(), tick::Cause::Asked).await?;
            done.insert(job, record(context, update).await?);
        }
    }
    Ok(done)
}

async fn record(context: &GroupContext<'_>, update: &FindingUpdate) -> Result<Commit, IngestError> {
    let mut writing = Writing::begin(context).await?;
    if writing.stored {
        // Opening this commit has derived the market anew: the decision is judged by what came of that.
        writing.commit().await?;
        writing = Writing::begin(context).await?;
    }
    let result = match writing.tx.decision(&update.id).await? {
        Some(known) => repeated(&known.decision, update),
        None => match writing.tx.finding(update.finding).await? {
            None => refuse(ErrorKind::NotFound, "NOT_FOUND", "finding_id", "is not known".to_owned()),
            Some(row) => match judge(&writing, update, row.as_of(writing.recorded)) {
                Ok(row) => {
                    let id = vec![update.finding.to_string()];
                    if let Some(life) = writing.tx.finding_lives(id.clone()).await?.get(&update.finding) {
                        writing.tell_decided(life, &row.decision);
                    }
                    let before = writing.tx.finding_states(id.clone()).await?;
                    writing.tx.insert_decision(&row).await?;
                    let after = writing.tx.finding_states(id).await?;
                    writing.tally_findings(&before, &after);
                    writing.stored = true;
                    ItemResult::Created
                }
                Err(refusal) => ItemResult::Refused(*refusal),
            },
        },
    };
    let (revision, record_time) = writing.commit().await?;
    Ok(Commit { revision, record_time, results: vec![result] })
}

fn refusal(kind: ErrorKind, reason: &'static str, field: &str, text: String) -> Box<Refusal> {
    Box::new(Refusal { reason, kind, violations: vec![Violation::new(field, text)], retryable: false })
}

fn refuse(kind: ErrorKind, reason: &'static str, field: &str, text: String) -> ItemResult {
    ItemResult::Refused(*refusal(kind, reason, field, text))
}

/// The same decision again, or another one under the same id.
fn repeated(known: &Decision, update: &FindingUpdate) -> ItemResult {
    let until = if known.action == FindingAction::ApproveWaiver { None } else { known.until };
    let pairs = [
        ("finding_id", known.finding != update.finding),
        ("action", known.action != update.action),
        ("reason", known.reason != update.reason),
        ("waive_until_time", until != update.until),
        ("actor", known.actor != update.actor),
        // Who decided is part of a decision, and the key tells it.
        ("update_id", known.key != update.key),
    ];
    let violations: Vec<Violation> = pairs
        .into_iter()
        .filter(|(_, differs)| *differs)
        .map(|(field, _)| {
            let text = if field == "update_id" {
                format!("\"{}\" was recorded with another key: use a new id", known.id)
            } else {
                format!(
                    "differs from the stored update \"{}\": send the stored content again, or use a new id",
                    known.id
                )
            };
            Violation::new(field, text)
        })
        .collect();
    if violations.is_empty() {
        return ItemResult::Duplicate;
    }
    ItemResult::Refused(Refusal { reason: "ID_CONFLICT", kind: ErrorKind::AlreadyExists, violations, retryable: false })
}

/// What the decision makes of a finding, which reads as of now.
fn judge(writing: &Writing<'_>, update: &FindingUpdate, seen: FindingRow) -> Result<DecisionRow, Box<Refusal>> {
    let now = writing.recorded;
    if let Some(etag) = &update.etag
        && *etag != seen.etag()
    {
        let text = format!("is \"{etag}\", but the finding has changed since: read it again and send its new etag");
        return Err(refusal(ErrorKind::Aborted, "ETAG_MISMATCH", "etag", text));
    }
    let admitted = admitted_from(update.action);
    if !admitted.contains(&seen.status) {
        let names: Vec<&str> = admitted.iter().map(|status| status.as_str()).collect();
        let text = format!(
            "\"{}\" is for a finding that is {}; this one is {}: read it again and decide anew",
            update.action,
            names.join(", "),
            seen.status
        );
        return Err(refusal(ErrorKind::FailedPrecondition, "FINDING_STATUS_REFUSED", "action", text));
    }
    let mut until = update.until;
    if update.action == FindingAction::ApproveWaiver {
        let proposed = seen.decision.as_ref().filter(|last| last.status == FindingStatus::WaiveProposed);
        if proposed.is_some_and(|proposed| proposed.key == update.key) {
            let text = "the waiver was proposed with this same key: a second key must approve it".to_owned();
            return Err(refusal(ErrorKind::PermissionDenied, "SECOND_KEY_NEEDED", "action", text));
        }
        // Two keys in one hand are no second pair of eyes. Who sends no actor says nothing of who it is.
        let same = |one: &str, other: &str| one.trim().to_lowercase() == other.trim().to_lowercase();
        let proposer = proposed.and_then(|proposed| proposed.actor.as_deref());
        if let (Some(proposer), Some(approver)) = (proposer, update.actor.as_deref())
            && same(proposer, approver)
        {
            let text = format!("is \"{approver}\", who proposed the waiver: somebody else must approve it");
            return Err(refusal(ErrorKind::PermissionDenied, "SECOND_PERSON_NEEDED", "actor", text));
        }
        until = proposed.and_then(|proposed| proposed.until);
    } else if let Some(end) = until.filter(|end| *end <= now) {
        let text = format!("is {end}, not after now ({now}): send an instant that is to come");
        return Err(refusal(ErrorKind::InvalidArgument, "INVALID_FIELD", "waive_until_time", text));
    }
    let decision = Decision {
        id: update.id.clone(),
        finding: update.finding,
        action: update.action,
        reason: update.reason.clone(),
        until,
        key: update.key.clone(),
        actor: update.actor.clone(),
        status: gives(update.action, writing.four_eyes_on_waivers),
        substance: substance(&seen.finding),
        at: now,
        revision: writing.revision,
    };
    let result = FindingRow { status: decision.status, decision: Some(decision.clone()), ..seen };
    Ok(DecisionRow { decision, result: result.as_of(now) })
}
