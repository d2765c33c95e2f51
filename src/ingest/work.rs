//! What the writer of a market is asked to do.

use std::sync::Arc;

use super::checks::CheckPack;
use super::fill::Beginning;
use super::findings::FindingUpdate;
use super::permits::Reserve;
use super::writer::CaseUpsert;
use crate::domain::activity::Activity;
use crate::domain::ids::{CaseId, PermitId, PersonId, SourceId};
use crate::domain::time::Timestamp;

/// A numbered message of a partner's writes.
#[derive(Debug, Clone)]
pub struct Push {
    /// Who numbers.
    pub source: SourceId,
    /// The number.
    pub sequence: u64,
    /// Case versions.
    pub cases: Vec<CaseUpsert>,
    /// Activities. In results they come after the cases.
    pub activities: Vec<Activity>,
}

/// What a caller wants of the writer.
pub enum Work {
    /// Store case versions.
    Cases(Vec<CaseUpsert>),
    /// Store activities.
    Activities(Vec<Activity>),
    /// Store a void and the replacement of its target, both or neither.
    Correction(Box<[Activity; 2]>),
    /// Remember these cases, and the contacts of their parties and of these persons.
    Load(Vec<CaseId>, Vec<PersonId>),
    /// Log answered checks.
    Checks(Arc<CheckPack>),
    /// Fire timers due up to this instant.
    Settle(Timestamp),
    /// Fire timers due up to the instant that it names, and begin to fill cells right behind that.
    Fill(Box<Beginning>),
    /// Derive the next cases of a market that is being derived anew, in a commit of its own.
    Derive,
    /// Record a decision about a finding, in a commit of its own.
    Decide(Box<FindingUpdate>),
    /// Hold a place for a planned contact if the law permits it, in a commit of its own.
    Reserve(Arc<Reserve>),
    /// Store a message of a partner's writes, and its number.
    Push(Box<Push>),
    /// Give a permit up, in a commit of its own.
    Release(PermitId),
}

impl Work {
    /// How many records it brings.
    pub(super) fn items(&self) -> usize {
        match self {
            Self::Cases(cases) => cases.len(),
            Self::Activities(activities) => activities.len(),
            Self::Checks(batch) => batch.checks(),
            Self::Correction(both) => both.len(),
            Self::Push(push) => push.cases.len() + push.activities.len(),
            _ => 1,
        }
    }
}
