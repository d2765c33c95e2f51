//! One change of a feed: what is so now, what was so before, and why.

use super::run::Run;
use crate::domain::digest::Leaf;
use crate::domain::feed::{ChangeReason, FeedKind, Mark, SyncEntity};
use crate::domain::ids::CaseId;
use crate::domain::time::Timestamp;
use crate::store::{FeedRecord, FeedVersion, FindingRow};

/// What changed.
#[derive(Debug, Clone)]
pub enum What {
    /// A case has another version.
    Case {
        /// The version.
        version: Box<FeedVersion>,
        /// The one before it in the order of effect, of those known before.
        previous: Option<Box<FeedVersion>>,
    },
    /// An activity was recorded.
    Activity(Box<FeedRecord>),
    /// An activity was voided.
    Void {
        /// The void.
        void: Box<FeedRecord>,
        /// What it takes out, if that was on record.
        target: Option<Box<FeedRecord>>,
    },
    /// A finding is in another state.
    Finding {
        /// The state.
        row: Box<FindingRow>,
        /// The one before.
        previous: Option<Box<FindingRow>>,
    },
}

/// A part of a feed.
#[derive(Debug)]
pub enum Piece {
    /// One change.
    Change(Change),
    /// Activities that are told as they are.
    Run(Run),
}

/// One change.
#[derive(Debug, Clone)]
pub struct Change {
    /// The commit.
    pub revision: u64,
    /// When it was recorded.
    pub recorded: Timestamp,
    /// Why.
    pub reason: ChangeReason,
    /// Of what is told belatedly, the revision of the change that it is told with: its case enters the filter with that one.
    pub belated: Option<u64>,
    /// The leaf of the record that counts from now on; `None` of a finding that does not stand.
    pub leaf: Option<Leaf>,
    /// What changed.
    pub what: What,
    /// Cases that it names, or that the activity named which it takes out, and that are not the feed's: of other creditors or
    /// portfolios. Empty where the feed does not choose its cases.
    pub outside: Vec<CaseId>,
}

impl Change {
    /// Where it stands; `None` if it is told belatedly.
    #[must_use]
    pub fn mark(&self) -> Option<Mark> {
        let one = |kind, id: &str| Mark(self.revision, kind, id.to_owned(), String::new());
        self.belated.is_none().then(|| match &self.what {
            What::Case { version, .. } => {
                Mark(self.revision, FeedKind::Case, version.case.to_string(), version.version.to_string())
            }
            What::Activity(row) | What::Void { void: row, .. } => one(FeedKind::Record, row.id()),
            What::Finding { row, .. } => one(FeedKind::Finding, &row.finding.id.to_string()),
        })
    }

    /// The revision at which the feed brings it.
    #[must_use]
    pub fn told_at(&self) -> u64 {
        self.belated.unwrap_or(self.revision)
    }
}

impl What {
    /// What it is about.
    #[must_use]
    pub const fn entity(&self) -> SyncEntity {
        match self {
            Self::Case { .. } => SyncEntity::Case,
            Self::Activity(_) => SyncEntity::Activity,
            Self::Void { .. } => SyncEntity::Void,
            Self::Finding { .. } => SyncEntity::Finding,
        }
    }

    /// The cases that it names, those of the activity that it takes out included.
    pub(super) fn cases(&self) -> impl Iterator<Item = &CaseId> {
        let (row, target) = match self {
            Self::Activity(row) => (Some(row), None),
            Self::Void { void, target } => (Some(void), target.as_ref()),
            Self::Case { .. } | Self::Finding { .. } => (None, None),
        };
        row.into_iter().chain(target).flat_map(|row| row.cases())
    }

    /// The id of what it is about.
    #[must_use]
    pub fn subject(&self) -> String {
        match self {
            Self::Case { version, .. } => version.case.to_string(),
            Self::Activity(row) | Self::Void { void: row, .. } => row.id().to_owned(),
            Self::Finding { row, .. } => row.finding.id.to_string(),
        }
    }
}
