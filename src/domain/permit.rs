//! Permits: contacts that are planned and hold a place within every limit until they are made, given up, or too late.
//!
//! A permit is advice with a memory. Findings come from what happened and never look at it.

use serde::{Deserialize, Serialize};

use super::activity::Activity;
use super::circle::Circle;
use super::detail::Detail;
use super::ids::{CaseId, PermitId, PersonId};
use super::time::{SECOND, Timestamp};
use super::verdict::Verdict;
use super::vocabulary::{Initiator, PartyRole, vocabulary};

/// How far a planned contact may lie before now: clocks differ, and a call is asked for when it is about to be made. A
/// check of a time before that is about what happened, and no permit counts in it.
pub const PAST: i64 = 300 * SECOND;

vocabulary!(
    /// What has become of a permit. It follows from what is on record and from the instant asked about.
    PermitState {
        /// It holds its place.
        Held = "held",
        /// An activity that counts names it: that one is counted in its place.
        Used = "used",
        /// It was given up.
        Released = "released",
        /// Its time is over.
        Expired = "expired",
    }
);

/// What a permit is asked for: the contact as the client plans it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermitAsk {
    /// The case.
    pub case: CaseId,
    /// The person; the case's primary party if absent.
    pub person: Option<PersonId>,
    /// The person's role, where the case does not tell.
    pub person_role: Option<PartyRole>,
    /// When; at the grant if absent.
    pub at: Option<Timestamp>,
    /// The contact.
    pub contact: Detail,
    /// Who begins it; the collector if absent.
    pub initiated_by: Option<Initiator>,
    /// Made because the debtor asked for it.
    pub at_debtors_request: bool,
    /// How long it is to hold, in seconds; as configured if absent.
    pub seconds: Option<u32>,
}

/// A permit as it was granted: never edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permit {
    /// Made by the client, unique in the market: a repetition is known by it.
    pub id: PermitId,
    /// What was asked.
    pub ask: PermitAsk,
    /// The contact as it is counted: its person, the role it has in the case, the instant. Its id is the permit's.
    pub planned: Activity,
    /// It falls into the person's consent to more calls.
    pub consented: bool,
    /// The household that its case stated for the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub household: Option<String>,
    /// The company that collected its case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collector: Option<String>,
    /// The creditor for whom it is collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creditor: Option<String>,
    /// The check that granted it: first part of its id, and its number.
    pub check: (String, u64),
    /// What that check answered.
    pub verdict: Verdict,
    /// When it was granted.
    pub granted: Timestamp,
    /// From this instant on it holds nothing.
    pub ends: Timestamp,
}

impl Permit {
    /// The case on which the contact is planned.
    #[must_use]
    pub const fn case(&self) -> &CaseId {
        &self.ask.case
    }

    /// The person to be contacted.
    #[must_use]
    pub const fn person(&self) -> Option<&PersonId> {
        self.planned.person.as_ref()
    }

    /// The circles in whose counts the contact holds a place over all cases.
    pub fn circles(&self) -> impl Iterator<Item = Circle> {
        let person = self.person().cloned().map(Circle::Person);
        person.into_iter().chain(self.household.as_deref().map(Circle::household))
    }

    /// When the contact is planned for.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.planned.occurred
    }
}
