//! Rules applied to facts: findings, rule tests and answers to checks. Pure functions of their arguments.
//!
//! [`CaseWatch`] folds the facts of one case in their order and remembers what rules look back at; [`persons`] keeps the
//! contacts of a person over all cases. One file a rule kind holds that kind's judgement, the same for what happened and
//! for what is only asked about.

mod accrual;
mod applies;
mod authority;
mod barred;
mod brought;
mod call_recording;
mod channel_consent;
mod charged;
mod check;
mod client_funds;
mod complaint_handling;
mod conditions;
mod contact_block;
mod contact_cooldown;
mod contact_frequency;
mod contact_hours;
mod content;
mod cover;
mod credit_reporting;
mod dates;
mod dispute_handling;
mod documents_held;
mod duties;
mod elsewhere;
pub mod examples;
mod fee_cap;
mod fee_conditions;
mod fee_later;
mod fee_often;
mod fee_sums;
mod held;
mod interest_base;
mod interest_cap;
mod interest_start;
mod judgement;
mod known;
mod late;
mod licence;
mod limitation_period;
mod limitation_run;
mod mark;
mod meant;
mod memory;
mod notice_period;
mod omission;
pub(crate) mod owed;
mod packed;
mod payment_application;
mod payment_term;
mod permissions;
pub mod persons;
mod planned;
mod prohibited_conduct;
mod record_retention;
mod remember;
mod reported;
mod required_notice;
mod sides;
mod since;
mod situation;
mod span;
mod speaking;
mod third_party;
pub mod trace;
pub mod verdict;
mod walk;
mod watch;
mod which;
mod windows;
mod zones;

#[cfg(test)]
pub(crate) mod tests;

use crate::domain::case::CaseVersion;
use crate::domain::finding::Finding;
use crate::domain::ids::{JurisdictionId, RuleId};
use crate::domain::market::Market;
use crate::domain::time::Timestamp;
use crate::domain::verdict::Verdict;
use crate::rules::RuleSet;
use crate::rules::words::Attribute;

pub use late::judged_with;
pub use packed::PackedWatch;
pub use persons::{ContactStamp, PersonLog, PersonLogs};
pub use planned::{Planned, check_among, check_among_into, seen_as, trace_among};
pub use speaking::{ConditionalLimit, Evidence, IN_ALL, Note, ON, Speaking};
pub use watch::CaseWatch;

/// What a judgement is made with.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The tenant's rules.
    pub rules: &'a RuleSet,
    /// The market.
    pub market: &'a Market,
    /// The case version in force at the fact's time.
    pub version: &'a CaseVersion,
    /// This case is the first of the activity: rules judged once for an activity or person are judged here.
    pub lead: bool,
    /// Contacts of persons over all cases. Those after the judged fact are not looked at.
    pub persons: &'a PersonLogs,
}

/// How a rule's test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TestOutcome {
    /// The rule was kept.
    Passed,
    /// The rule was broken.
    Failed,
    /// An input is missing.
    Unknown,
}

impl TestOutcome {
    /// The stable name: `passed`, `failed`, `unknown`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// What the fold of a case says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Emission {
    /// A rule was broken.
    Opened(Box<Finding>),
    /// A rule was tested.
    Test {
        /// The rule.
        rule: RuleId,
        /// Its jurisdiction.
        jurisdiction: JurisdictionId,
        /// How it ended.
        outcome: TestOutcome,
        /// When: the fact's time, or the instant at which an omitted act was due.
        at: Timestamp,
        /// What is missing, where it is not known how it ended.
        missing: Option<Attribute>,
        /// The rule asks for a notice.
        notice: bool,
    },
}

/// The answer to "may we?".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The worst verdict of all rules that speak; "unknown" if a country has no pack.
    pub verdict: Verdict,
    /// Every rule that speaks, kept ones included.
    pub speaking: Vec<Speaking>,
    /// First instant, from the asked one on, at which all rules together allow it, where it can be told.
    pub next_allowed: Option<Timestamp>,
    /// What would have to be known: attribute names, and `pack:XX` for a country without a pack.
    pub missing: Vec<String>,
}

impl Default for Answered {
    fn default() -> Self {
        Self { verdict: Verdict::Allowed, speaking: Vec::new(), next_allowed: None, missing: Vec::new() }
    }
}
