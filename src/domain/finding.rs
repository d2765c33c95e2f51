//! A finding: a rule broken by a fact, or by an omission that fell due. Derived, never entered.

use serde::{Deserialize, Serialize};

use super::ids::{ActivityId, CaseId, FindingId, JurisdictionId, PersonId, RuleId};
use super::time::Timestamp;
use super::verdict::{Effect, Observation};
use super::vocabulary::vocabulary;

vocabulary!(
    /// How bad it is, from the rule's source, effect and confidence.
    Severity { Violation = "violation", Presumed = "presumed", Advisory = "advisory", Warning = "warning" }
);
vocabulary!(
    /// Whether the finding stands, and what people have decided about it.
    FindingStatus {
        /// It stands, and nobody has decided anything.
        Open = "open",
        /// A later record took its ground away.
        Withdrawn = "withdrawn",
        /// Somebody has seen it and deals with it.
        Acknowledged = "acknowledged",
        /// What it found was put right.
        Remediated = "remediated",
        /// It is let pass until an instant.
        Waived = "waived",
        /// A waiver waits for the agreement of a second key.
        WaiveProposed = "waive_proposed",
        /// To be dealt with again: somebody said so, new facts changed what was settled, or a waiver ended.
        Reopened = "reopened",
    }
);

/// A rule broken. Everything in it follows from the history and the rules in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Hash of market, rule and subject.
    pub id: FindingId,
    /// The rule.
    pub rule: RuleId,
    /// The jurisdiction whose pack holds the rule.
    pub jurisdiction: JurisdictionId,
    /// Digest of the pack (blake3, hexadecimal) that was in force here.
    pub pack_digest: String,
    /// The pack's own version.
    pub pack_version: String,
    /// How bad.
    pub severity: Severity,
    /// What the rule's text does.
    pub effect: Effect,
    /// The case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseId>,
    /// The person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// The activity that broke the rule; for an omission, the one that started the term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity: Option<ActivityId>,
    /// The agent who acted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The creditor of the case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// When it was broken: the activity's time, or the instant an omitted act was due.
    pub at: Timestamp,
    /// Nothing was done that should have been.
    #[serde(default, skip_serializing_if = "super::party::is_false")]
    pub omission: bool,
    /// False: the collector could not yet know the fact that makes it a breach.
    pub known_at_time: bool,
    /// What was seen against what is allowed.
    pub observed: Observation,
    /// Ids of the facts that were used, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<ActivityId>,
}
