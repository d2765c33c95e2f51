//! What a market's remembered state hears of: from the database, and from this process's own commits.

use std::collections::HashSet;
use std::sync::Arc;

use super::derive::CaseEntry;
use super::strangers::ToldNews;
use crate::compliance::PersonLog;
use crate::domain::circle::Circle;
use crate::domain::ids::CaseId;
use crate::domain::time::Timestamp;
use crate::store::PermitRow;

/// What the database says besides cases and contacts.
pub struct News {
    /// Cases that have changed.
    pub touched: HashSet<CaseId>,
    /// Voids whose targets have not arrived.
    pub pending_voids: HashSet<String>,
    /// Permits that have changed; at the start those that hold a place.
    pub permits: Vec<PermitRow>,
}

/// What a commit changes in the state.
#[derive(Default)]
pub struct Update {
    /// The commit's revision.
    pub revision: u64,
    /// Its recorded time.
    pub recorded: Timestamp,
    /// New states of cases.
    pub cases: Vec<(CaseId, Arc<CaseEntry>)>,
    /// New contact logs.
    pub persons: Vec<(Circle, Arc<PersonLog>)>,
    /// Voids that now wait.
    pub waiting: Vec<String>,
    /// Voids whose targets have come.
    pub resolved: Vec<String>,
    /// Permits that it has changed.
    pub permits: Vec<PermitRow>,
    /// What it has read of what is told of persons, and of whom something new is told.
    pub told: ToldNews,
}
