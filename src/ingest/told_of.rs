//! What of a history is told, how far, and of which record a fact is.

use serde::{Deserialize, Serialize};

use crate::domain::fact::FactKind;
use crate::domain::facts::Kinds;
use crate::domain::ids::{CaseId, FindingId};
use crate::domain::time::Timestamp;
use crate::ledger::MARKET_WIDE;

/// Facts that follow from rules.
const BY_RULES: [FactKind; 5] = [
    FactKind::RuleTest,
    FactKind::FindingOpen,
    FactKind::FindingRemediated,
    FactKind::Limitation,
    FactKind::BecomesBarred,
];

/// Whether some of these facts follow from what rules say of a history.
#[must_use]
pub fn follow_from_rules(kinds: Kinds) -> bool {
    BY_RULES.iter().any(|kind| kinds.has(*kind))
}

/// Whether facts of that kind follow from what rules say of a history.
#[must_use]
pub fn follows_from_rules(kind: FactKind) -> bool {
    BY_RULES.contains(&kind)
}

/// What of a history counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// What later commits stored is not seen.
    pub known: u64,
    /// Deadlines up to here have passed.
    pub now: Timestamp,
    /// What happened later is left out.
    pub until: Timestamp,
}

/// How far a history is told.
///
/// What concerns no case makes few kinds of facts: see [`Place::behind_cases`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// Cases up to this one.
    Cases(String),
    /// All cases, and what concerns none up to this revision and id.
    Market(u64, String),
    /// All that; the records of rosters, which count together, come next.
    Rosters,
    /// All that, and the checks up to this revision.
    Checks(u64),
}

impl Place {
    /// Where what is told of cases has ended, and facts of some of these kinds may follow; `None` if none can.
    #[must_use]
    pub fn behind_cases(kinds: Kinds) -> Option<Self> {
        if MARKET_WIDE.iter().any(|kind| kinds.has(*kind)) {
            return Some(Self::Market(0, String::new()));
        }
        let checks = kinds.has(FactKind::ContactCheck).then_some(Self::Checks(0));
        if kinds.has(FactKind::Headcount) { Some(Self::Rosters) } else { checks }
    }
}

/// The record that made a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The case, if it concerns one.
    pub case: Option<CaseId>,
    /// What of it.
    pub record: Record,
}

/// What made a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// An activity.
    Activity(String),
    /// A version of the case.
    Version(String),
    /// A deadline of the case that passed.
    Timer(Timestamp),
    /// A check that was answered.
    Check(String),
    /// A finding, by its breach and the decisions about it.
    Finding(FindingId),
}
