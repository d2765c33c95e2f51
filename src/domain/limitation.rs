//! Until when the claims of an account can be enforced.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::ids::{JurisdictionId, RuleId};
use super::vocabulary::vocabulary;

vocabulary!(
    /// What the running limitation period of a claim rests on.
    RunsFrom {
        /// The claim itself: nothing has begun it anew.
        Start = "start",
        DemandReceived = "demand_received", Acknowledgement = "acknowledgement", Payment = "payment",
        CourtAction = "court_action",
        /// It stood still for a time.
        Resumption = "resumption",
        /// A title.
        Title = "title",
        /// The longest period that the law gives, whatever happened.
        LongestTerm = "longest_term",
        /// What would begin it anew or hold it has happened, but something is missing to tell that it counts: that it reached
        /// the debtor, say.
        Unproved = "unproved",
    }
);
vocabulary!(
    /// How long an account can still be enforced.
    TermStanding {
        Barred = "barred",
        /// It becomes barred within thirty days.
        Within30 = "within_30",
        /// It becomes barred within thirty-one to ninety days.
        Within90 = "within_90",
        Later = "later",
        /// The period stands still.
        Held = "held",
        /// No rule that is known sets a period for such a claim.
        NoTerm = "no_term",
        /// Something is missing to tell.
        Unknown = "unknown",
    }
);

/// When the first claim of an account becomes barred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// The last day on which it can be enforced.
    Day(NaiveDate, RunsFrom),
    /// The period stands still.
    Held,
    /// No rule sets a period.
    NoTerm,
    /// Something is missing to tell.
    Unknown,
}

/// What the rules say of when an account becomes barred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enforceable {
    /// When.
    pub until: Until,
    /// The rule that says so, and its jurisdiction; absent where none does.
    pub rule: Option<(RuleId, JurisdictionId)>,
    /// The next day on which they may say something else though nothing happens: another version of the law takes
    /// force, the debtor moves.
    pub look_again: Option<NaiveDate>,
}

impl Enforceable {
    /// The first day on which the account is barred.
    #[must_use]
    pub fn barred_on(&self) -> Option<(NaiveDate, RunsFrom)> {
        match self.until {
            Until::Day(last, by) => last.succ_opt().map(|day| (day, by)),
            _ => None,
        }
    }
}

/// What decides when an account becomes barred, besides the day: where none of it has changed, the rules say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Interruptions {
    /// How many things have happened that may begin the period anew.
    pub marks: usize,
    /// When a title was obtained.
    pub titled_on: Option<NaiveDate>,
}
