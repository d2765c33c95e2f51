//! Rules applied to facts: findings after the fact, verdicts before it. Pure.

use std::collections::HashMap;

use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::detail::Detail;
use crate::domain::finding::Finding;
use crate::domain::ids::{FindingId, JurisdictionId, PersonId, RuleId};
use crate::domain::market::Market;
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Speaking, Verdict};
use crate::rules::RuleSet;

/// What a judgement stands on besides the case's own history.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The rules of the tenant.
    pub rules: &'a RuleSet,
    /// The market.
    pub market: &'a Market,
    /// The case's version in force at the fact's time.
    pub version: &'a CaseVersion,
    /// This case is the activity's first.
    pub lead: bool,
    /// Contacts of the persons concerned, over all their cases.
    pub persons: &'a PersonLogs,
}

/// A contact as rules that count over persons remember it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContactStamp {
    /// When it happened.
    pub occurred: Timestamp,
}

impl ContactStamp {
    /// The stamp of an activity, if it is a contact.
    #[must_use]
    pub fn of(activity: &Activity) -> Option<Self> {
        matches!(activity.detail, Detail::Contact(_)).then_some(Self { occurred: activity.occurred })
    }
}

/// A person's contacts in their order.
#[derive(Debug, Clone, Default)]
pub struct PersonLog(Vec<ContactStamp>);

impl PersonLog {
    /// When the last contact was.
    #[must_use]
    pub fn last(&self) -> Option<Timestamp> {
        self.0.last().map(|stamp| stamp.occurred)
    }
}

/// Contacts by person.
#[derive(Debug, Clone, Default)]
pub struct PersonLogs(HashMap<PersonId, PersonLog>);

impl PersonLogs {
    /// A person's log.
    #[must_use]
    pub fn get(&self, person: &PersonId) -> Option<&PersonLog> {
        self.0.get(person)
    }

    /// Puts a log in.
    pub fn insert(&mut self, person: PersonId, log: PersonLog) {
        self.0.insert(person, log);
    }

    /// Notes a contact.
    pub fn note(&mut self, person: &PersonId, stamp: ContactStamp) {
        let log = &mut self.0.entry(person.clone()).or_default().0;
        let at = log.partition_point(|known| *known <= stamp);
        log.insert(at, stamp);
    }
}

impl IntoIterator for PersonLogs {
    type Item = (PersonId, PersonLog);
    type IntoIter = std::collections::hash_map::IntoIter<PersonId, PersonLog>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// What came of testing one rule on one subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestOutcome {
    /// Kept.
    Passed,
    /// Broken.
    Failed,
    /// An input is missing.
    Unknown,
}

/// What the fold of a case emits.
#[derive(Debug, Clone)]
pub enum Emission {
    /// A finding was opened.
    Opened(Box<Finding>),
    /// A finding no longer stands.
    Closed(FindingId),
    /// A rule was tested.
    Test {
        /// The rule.
        rule: RuleId,
        /// Its jurisdiction.
        jurisdiction: JurisdictionId,
        /// What came of it.
        outcome: TestOutcome,
        /// The subject's time.
        at: Timestamp,
    },
}

/// The answer to a contact check.
#[derive(Debug, Clone)]
pub struct Answered {
    /// All rules together.
    pub verdict: Verdict,
    /// Each rule that speaks.
    pub speaking: Vec<Speaking>,
    /// The next instant at which all allow it.
    pub next_allowed: Option<Timestamp>,
    /// Inputs that are missing.
    pub missing: Vec<String>,
}

/// What rules remember of one case.
#[derive(Debug, Clone, Default)]
pub struct CaseWatch {}

impl CaseWatch {
    /// Opens a case.
    #[must_use]
    pub fn open(_ctx: &Context<'_>, _out: &mut Vec<Emission>) -> Self {
        Self {}
    }

    /// A version takes effect.
    pub fn version(&mut self, _ctx: &Context<'_>, _out: &mut Vec<Emission>) {}

    /// Judges and remembers an activity.
    pub fn apply(&mut self, _ctx: &Context<'_>, _activity: &Activity, _out: &mut Vec<Emission>) {}

    /// When the next omission falls due.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        None
    }

    /// Fires omissions due at or before `until`.
    pub fn advance(&mut self, _ctx: &Context<'_>, _until: Timestamp, _out: &mut Vec<Emission>) {}

    /// Judges a contact that is asked about. No rule is judged yet: the answer is "unknown".
    #[must_use]
    pub fn check(&self, _ctx: &Context<'_>, _candidate: &Activity) -> Answered {
        Answered {
            verdict: Verdict::Unknown,
            speaking: Vec::new(),
            next_allowed: None,
            missing: vec!["rules".to_owned()],
        }
    }
}
