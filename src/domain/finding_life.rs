//! The life of a finding: what people have decided about it, and what that makes of its status.
//!
//! A status is a function of three things: what the history says now (whether the finding stands, and with what
//! substance), the decisions on record, and the instant asked about. When it was computed never changes it.

use serde::{Deserialize, Serialize};

use super::finding::{Finding, FindingStatus};
use super::ids::{FindingId, KeyId, UpdateId};
use super::time::Timestamp;
use super::vocabulary::vocabulary;

vocabulary!(
    /// What somebody decides about a finding.
    FindingAction {
        /// It was seen, and somebody deals with it.
        Acknowledge = "acknowledge",
        /// What it found was put right.
        Remediate = "remediate",
        /// It is let pass until an instant. It stays a breach: no figure counts it as kept.
        Waive = "waive",
        /// It is to be dealt with again; also refuses a waiver that was proposed.
        Reopen = "reopen",
        /// A second key agrees to the waiver that another key proposed.
        ApproveWaiver = "approve_waiver",
    }
);

/// A decision about a finding, as recorded: never edited, never removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Made by the client, unique in the market: a repetition is known by it.
    pub id: UpdateId,
    /// The finding.
    pub finding: FindingId,
    /// What was decided.
    pub action: FindingAction,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// End of a waiver; of an approval, that of the waiver approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The key that was used.
    pub key: KeyId,
    /// Who decided, as the client names that person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The status that it gives the finding.
    pub status: FindingStatus,
    /// The substance that it was made on.
    pub substance: String,
    /// When it was recorded.
    pub at: Timestamp,
    /// The market's revision that it took.
    pub revision: u64,
}

/// What a finding says, as a short hash. The pack's version and digest are left out: a pack that changes elsewhere does
/// not reopen what was decided.
#[must_use]
pub fn substance(finding: &Finding) -> String {
    let Finding {
        rule, severity, effect, case, person, activity, at, omission, known_at_time, observed, evidence, ..
    } = finding;
    let parts = (rule, severity, effect, case, person, activity, at, omission, known_at_time, observed, evidence);
    // Plain texts and numbers: their JSON cannot fail.
    let body = serde_json::to_vec(&parts).unwrap_or_default();
    blake3::hash(&body).to_hex()[..16].to_owned()
}

/// The status of a finding that stands with this substance, but for the end of waivers: that of the last decision. One
/// that settled the finding does so only for the substance that it was made on.
#[must_use]
pub fn standing(last: Option<&Decision>, substance: &str) -> FindingStatus {
    match last {
        None => FindingStatus::Open,
        Some(last) if last.substance == substance || !settles(last.status) => last.status,
        Some(_) => FindingStatus::Reopened,
    }
}

/// Whether a status holds only while the finding says what it said.
#[must_use]
pub const fn settles(status: FindingStatus) -> bool {
    matches!(status, FindingStatus::Remediated | FindingStatus::Waived | FindingStatus::WaiveProposed)
}

/// The status at an instant: a waiver, proposed or not, ends by itself.
#[must_use]
pub fn as_of(status: FindingStatus, until: Option<Timestamp>, now: Timestamp) -> FindingStatus {
    let waiver = matches!(status, FindingStatus::Waived | FindingStatus::WaiveProposed);
    if waiver && until.is_some_and(|until| until <= now) { FindingStatus::Reopened } else { status }
}

/// Statuses in which a decision may be taken.
#[must_use]
pub const fn admitted_from(action: FindingAction) -> &'static [FindingStatus] {
    use FindingStatus::{Acknowledged, Open, Remediated, Reopened, WaiveProposed, Waived};
    match action {
        FindingAction::Acknowledge => &[Open, Reopened],
        FindingAction::Remediate => &[Open, Reopened, Acknowledged, Waived, WaiveProposed],
        FindingAction::Waive => &[Open, Reopened, Acknowledged, Waived, WaiveProposed],
        FindingAction::Reopen => &[Acknowledged, Remediated, Waived, WaiveProposed],
        FindingAction::ApproveWaiver => &[WaiveProposed],
    }
}

/// The status that a decision gives, where the tenant asks for four eyes on waivers or does not.
#[must_use]
pub const fn gives(action: FindingAction, four_eyes: bool) -> FindingStatus {
    match action {
        FindingAction::Acknowledge => FindingStatus::Acknowledged,
        FindingAction::Remediate => FindingStatus::Remediated,
        FindingAction::Waive if four_eyes => FindingStatus::WaiveProposed,
        FindingAction::Waive | FindingAction::ApproveWaiver => FindingStatus::Waived,
        FindingAction::Reopen => FindingStatus::Reopened,
    }
}

/// What the history said of a finding from a revision on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derived {
    /// What was found; of a withdrawn finding, what was found last.
    pub finding: Finding,
    /// It did not stand any more.
    pub withdrawn: bool,
    /// Why it changed: `new`, `late_fact`, `void`, `case_version`, `rule_change`, `omission`.
    pub reason: String,
    /// The market's revision.
    pub revision: u64,
    /// When it was recorded.
    pub at: Timestamp,
}

/// Why a finding changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The history says something else of it.
    Derived(Box<Derived>),
    /// Somebody decided.
    Decided(Decision),
    /// A waiver ended.
    Expired,
}

/// One change in a finding's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// The market's revision; 0 where time alone changed it.
    pub revision: u64,
    /// The status after it.
    pub status: FindingStatus,
    /// Why.
    pub cause: Cause,
}

/// Everything that has happened to a finding, oldest first, as it is known at an instant.
#[must_use]
pub fn history(derived: Vec<Derived>, decisions: Vec<Decision>, now: Timestamp) -> Vec<Change> {
    let mut events: Vec<(u64, Timestamp, Cause)> = Vec::with_capacity(derived.len() + decisions.len());
    events.extend(derived.into_iter().map(|state| (state.revision, state.at, Cause::Derived(Box::new(state)))));
    events.extend(decisions.into_iter().map(|decision| (decision.revision, decision.at, Cause::Decided(decision))));
    events.sort_by_key(|(revision, ..)| *revision);
    let mut changes = Vec::with_capacity(events.len() + 1);
    // What stands: its substance while it does, and the last decision.
    let mut stands: Option<String> = None;
    let mut last: Option<Decision> = None;
    let status = |stands: &Option<String>, last: &Option<Decision>| match stands {
        None => FindingStatus::Withdrawn,
        Some(substance) => standing(last.as_ref(), substance),
    };
    let expire = |stands: &Option<String>, last: &Option<Decision>, after: Timestamp, upto: Timestamp| {
        let until = last.as_ref()?.until.filter(|until| *until > after && *until <= upto)?;
        let ended = as_of(status(stands, last), Some(until), until) != status(stands, last);
        ended.then_some(Change { at: until, revision: 0, status: FindingStatus::Reopened, cause: Cause::Expired })
    };
    let mut before = Timestamp(i64::MIN);
    for (revision, at, cause) in events {
        changes.extend(expire(&stands, &last, before, at));
        match &cause {
            Cause::Derived(state) => stands = (!state.withdrawn).then(|| substance(&state.finding)),
            Cause::Decided(decision) => last = Some(decision.clone()),
            Cause::Expired => {}
        }
        let until = last.as_ref().and_then(|last| last.until);
        changes.push(Change { at, revision, status: as_of(status(&stands, &last), until, at), cause });
        before = at;
    }
    changes.extend(expire(&stands, &last, before, now));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::finding::Severity;
    use crate::domain::ids::{JurisdictionId, RuleId};
    use crate::domain::verdict::{Effect, Observation};

    fn finding(observed: i64) -> Finding {
        Finding {
            id: FindingId([7; 16]),
            rule: RuleId::trusted("r"),
            jurisdiction: JurisdictionId::trusted("us"),
            pack_digest: "d".to_owned(),
            pack_version: "1".to_owned(),
            severity: Severity::Violation,
            effect: Effect::Prohibits,
            case: None,
            person: None,
            activity: None,
            agent: None,
            client: None,
            steered: Default::default(),
            at: Timestamp(5),
            omission: false,
            known_at_time: true,
            observed: Observation { observed: Some(observed), limit: Some(7), unit: None, note: None },
            evidence: Vec::new(),
        }
    }

    fn derived(revision: u64, observed: Option<i64>) -> Derived {
        let at = Timestamp(i64::try_from(revision).unwrap() * 10);
        let reason = "late_fact".to_owned();
        Derived { finding: finding(observed.unwrap_or(8)), withdrawn: observed.is_none(), reason, revision, at }
    }

    fn waived(revision: u64, observed: i64, until: i64) -> Decision {
        Decision {
            id: UpdateId::trusted("u"),
            finding: FindingId([7; 16]),
            action: FindingAction::Waive,
            reason: Some("agreed".to_owned()),
            until: Some(Timestamp(until)),
            key: KeyId::trusted("k"),
            actor: None,
            status: FindingStatus::Waived,
            substance: substance(&finding(observed)),
            at: Timestamp(i64::try_from(revision).unwrap() * 10),
            revision,
        }
    }

    fn statuses(derived: Vec<Derived>, decisions: Vec<Decision>, now: i64) -> Vec<(i64, FindingStatus)> {
        let changes = history(derived, decisions, Timestamp(now));
        changes.into_iter().map(|change| (change.at.0, change.status)).collect()
    }

    #[test]
    fn a_waiver_holds_for_what_it_was_given_for_and_until_its_end() {
        use FindingStatus::{Open, Reopened, Waived, Withdrawn};
        let facts = vec![derived(1, Some(8)), derived(3, Some(9)), derived(4, None), derived(5, Some(8))];
        let seen = statuses(facts.clone(), vec![waived(2, 8, 90)], 89);
        assert_eq!(seen, [(10, Open), (20, Waived), (30, Reopened), (40, Withdrawn), (50, Waived)]);
        let ended = statuses(facts.clone(), vec![waived(2, 8, 90)], 90);
        assert_eq!(ended.last(), Some(&(90, Reopened)));
        let ended_before = statuses(facts, vec![waived(2, 8, 45)], 60);
        assert_eq!(ended_before, [(10, Open), (20, Waived), (30, Reopened), (40, Withdrawn), (50, Reopened)]);
        let ended_between = statuses(vec![derived(1, Some(8)), derived(3, Some(9))], vec![waived(2, 8, 25)], 60);
        assert_eq!(ended_between, [(10, Open), (20, Waived), (25, Reopened), (30, Reopened)]);
    }

    #[test]
    fn a_pack_that_changes_elsewhere_leaves_the_substance_alone() {
        let mut other = finding(8);
        other.pack_version = "2".to_owned();
        other.pack_digest = "e".to_owned();
        assert_eq!(substance(&other), substance(&finding(8)));
        assert_ne!(substance(&finding(8)), substance(&finding(9)));
    }

    #[test]
    fn what_was_only_acknowledged_stays_so_whatever_changes() {
        let seen = Decision { status: FindingStatus::Acknowledged, ..waived(2, 8, 0) };
        assert_eq!(standing(Some(&seen), "another"), FindingStatus::Acknowledged);
        let fixed = Decision { status: FindingStatus::Remediated, ..waived(2, 8, 0) };
        assert_eq!(standing(Some(&fixed), "another"), FindingStatus::Reopened);
        assert_eq!(standing(Some(&fixed), &substance(&finding(8))), FindingStatus::Remediated);
    }

    #[test]
    fn a_withdrawn_finding_admits_no_decision() {
        for action in FindingAction::ALL {
            assert!(!admitted_from(*action).contains(&FindingStatus::Withdrawn), "{action}");
        }
    }
}
