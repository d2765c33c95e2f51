//! The words of the change feed: what changes, why, and where in a market's order a change stands.

use serde::{Deserialize, Serialize};

use super::vocabulary::vocabulary;

vocabulary!(
    /// What a change is about.
    SyncEntity {
        /// A version of a case.
        Case = "case",
        /// An activity that is no void.
        Activity = "activity",
        /// An activity that takes another one out of every count.
        Void = "void",
        /// A finding.
        Finding = "finding",
    }
);
vocabulary!(
    /// Why something changed.
    ChangeReason {
        /// Recorded for the first time, in the order in which it happened.
        New = "new",
        /// It happened before something that was on record already.
        LateFact = "late_fact",
        /// A half of a correction.
        Correction = "correction",
        /// A record was voided.
        Void = "void",
        /// A case's master data have another version.
        CaseVersion = "case_version",
        /// The rules in force say something else.
        RuleChange = "rule_change",
        /// Something was not done that had fallen due.
        Omission = "omission",
        /// Somebody decided about a finding.
        Decision = "decision",
        /// Personal data were erased.
        Erasure = "erasure",
    }
);
vocabulary!(
    /// The order of changes inside a commit: what others rest on comes first. Voids are records beside activities.
    FeedKind { Case = "case", Record = "record", Finding = "finding" }
);

/// One change's place in the order of its market: revision, kind, then two ids (case and version, or one and nothing).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mark(pub u64, pub FeedKind, pub String, pub String);

/// How far a feed has come.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Place {
    /// Everything up to and including this revision has been sent.
    pub through: u64,
    /// The last change that was sent. If it is of a later revision, the feed stands in the middle of that commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Mark>,
}

/// Where a list of one kind goes on: behind this revision, or behind these ids in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// The revision.
    pub revision: u64,
    /// The ids; `None` for all of the revision.
    pub ids: Option<(String, String)>,
}

impl Place {
    /// Where the changes of a kind go on.
    #[must_use]
    pub fn behind(&self, kind: FeedKind) -> Behind {
        let whole = |revision| Behind { revision, ids: None };
        match &self.last {
            Some(Mark(revision, at, one, two)) if *revision > self.through => match kind.cmp(at) {
                std::cmp::Ordering::Less => whole(*revision),
                std::cmp::Ordering::Equal => Behind { revision: *revision, ids: Some((one.clone(), two.clone())) },
                // The revision before was sent whole, and of this one nothing of the kind yet.
                std::cmp::Ordering::Greater => whole(revision.saturating_sub(1)),
            },
            _ => whole(self.through),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_the_middle_of_a_commit_each_kind_goes_on_where_it_stands() {
        let mark = Mark(7, FeedKind::Record, "a".to_owned(), String::new());
        let place = Place { through: 6, last: Some(mark.clone()) };
        assert_eq!(place.behind(FeedKind::Case), Behind { revision: 7, ids: None });
        let ids = Some(("a".to_owned(), String::new()));
        assert_eq!(place.behind(FeedKind::Record), Behind { revision: 7, ids });
        assert_eq!(place.behind(FeedKind::Finding), Behind { revision: 6, ids: None });
        let whole = Place { through: 9, last: Some(mark) };
        for kind in FeedKind::ALL {
            assert_eq!(whole.behind(*kind), Behind { revision: 9, ids: None });
        }
    }

    #[test]
    fn the_order_is_that_of_revision_kind_and_ids() {
        let mark = |revision, kind, one: &str| Mark(revision, kind, one.to_owned(), String::new());
        let ordered = [
            mark(1, FeedKind::Finding, "a"),
            mark(2, FeedKind::Case, "z"),
            mark(2, FeedKind::Record, "a"),
            mark(2, FeedKind::Record, "b"),
            mark(2, FeedKind::Finding, "a"),
        ];
        assert!(ordered.is_sorted());
    }
}
