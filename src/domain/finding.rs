//! A finding: a rule broken by a fact, or by an omission that fell due. Derived, never entered.

use serde::{Deserialize, Serialize};

use super::case::CaseVersion;
use super::case_dimensions::{CaseWords, OF_SEGMENT, case_words};
use super::ids::{ActivityId, CaseId, FindingId, JurisdictionId, PersonId, RuleId};
use super::market::Market;
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

/// Where a case stood in the collector's work at an instant, as the version of its master data says that was in force then.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Steered {
    /// Team of whoever acted, else of the case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Portfolio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub portfolio: Option<String>,
    /// Product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The segment that the market steers by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// Values of the case that are dimensions, see [`super::case_dimensions`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: CaseWords,
}

impl Steered {
    /// As the version says. An agent who is the case's, or none, has the case's team where the record names no other.
    #[must_use]
    pub fn of(market: &Market, version: &CaseVersion, agent: Option<&str>, team: Option<&str>) -> Box<Self> {
        let steering = &version.steering;
        let own = agent.is_none() || agent == steering.agent.as_deref();
        let of_case = steering.team.as_deref().filter(|_| own);
        Box::new(Self {
            team: team.or(of_case).map(str::to_owned),
            portfolio: steering.portfolio.clone(),
            product: steering.product.clone(),
            stage: steering.stage.clone(),
            segment: steering.segments.get(OF_SEGMENT).cloned(),
            case: case_words(market.case_dimensions.values(version)),
        })
    }

    fn is_nowhere(&self) -> bool {
        *self == Self::default()
    }
}

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
    /// Where the case stood in the collector's work when it was broken: what figures of findings are grouped by, and no part of
    /// what the finding says.
    #[serde(default, skip_serializing_if = "Steered::is_nowhere")]
    pub steered: Box<Steered>,
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
