//! The words that facts of a kind may have, and what their values are.

use super::FactKind;
use crate::domain::detail::{MatterStep, PageStep, ReversalKind};
use crate::domain::finding::Severity;
use crate::domain::limitation::{RunsFrom, TermStanding};
use crate::domain::verdict::Verdict;
use crate::domain::vocabulary::Beneficiary;

/// How an account's life begins, and how it may end.
pub const BEGAN: &str = "began";
/// See [`BEGAN`].
pub const ENDS: [&str; 8] =
    ["paid", "settled", "written_off", "recalled", "transferred", "cancelled", "corrected", "closed"];

/// How many times a case has been placed, as a dimension tells it: a sixth time and later ones are one.
pub const SEQUENCES: [&str; 6] = ["1", "2", "3", "4", "5", "6+"];

/// What accounts are seen for, once a day each.
pub const SEEN_STATES: [&str; 14] = [
    "on_hand",
    "attempted",
    "reached",
    "emailed",
    "visited",
    "promise_due",
    "promise_due_inbound",
    "promise_due_outbound",
    "promise_kept",
    "promise_kept_inbound",
    "promise_kept_outbound",
    "attempted_by",
    "addressed",
    "address_reached",
];

/// What accounts are seen for by channel. What else they are seen for is told of an account once a day, by whatever channel it
/// came.
pub const SEEN_BY_CHANNEL: [&str; 3] = ["attempted_by", "addressed", "address_reached"];

/// What the `value` of a kind's facts is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueOf {
    /// Seconds from one instant to another.
    Seconds,
    /// Calendar days from one day to another.
    Days,
    /// A plain number.
    Number,
    /// The short form of an id: no length, and nothing to be added up.
    Id,
}

impl FactKind {
    /// What the `value` of such facts is; `None` if they have none.
    #[must_use]
    pub const fn value_of(self) -> Option<ValueOf> {
        match self {
            Self::Contact
            | Self::MessageOpened
            | Self::OpenedPaid
            | Self::ContactPaid
            | Self::VisitorPaid
            | Self::PayerRecovered
            | Self::FindingRemediated
            | Self::Matter => Some(ValueOf::Seconds),
            Self::CustomerLost
            | Self::BucketLeft
            | Self::PastDueEnded
            | Self::AccountSeen
            | Self::AccountLife
            | Self::PromiseJudged => Some(ValueOf::Days),
            Self::Survey | Self::Headcount => Some(ValueOf::Number),
            Self::DebtorPromiseJudged => Some(ValueOf::Id),
            _ => None,
        }
    }

    /// Whether such facts are told of days that are still to come.
    #[must_use]
    pub const fn is_told_ahead(self) -> bool {
        matches!(self, Self::CashExpected | Self::BecomesBarred | Self::FindingOpen | Self::Headcount)
    }

    /// The state words that such facts may have; `None` if there are none, or they are no closed list.
    #[must_use]
    pub fn states(self) -> Option<Vec<String>> {
        let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
        match self {
            Self::MessageBounced => words(&["bounced_hard", "bounced_soft"]),
            Self::Page => Some(PageStep::ALL.iter().map(ToString::to_string).collect()),
            Self::PaymentSession => words(&["done", "failed", "abandoned"]),
            Self::PayerFailed => words(&["once", "again"]),
            Self::PromiseJudged | Self::DebtorPromiseJudged => words(&["kept", "partly_kept", "late", "broken"]),
            Self::PromiseEnded => words(&["withdrawn", "superseded", "released"]),
            Self::FirstContactResolved => words(&["attempt", "right_party"]),
            Self::PlanEnded => words(&["ended", "broken", "replaced"]),
            Self::InstalmentJudged => words(&["kept", "late", "missed"]),
            Self::Settlement => words(&["offer", "accepted", "broken", "paid", "overdue", "paid_late"]),
            Self::ReversedBeyond => words(&["more_than_payment", "more_than_other", "not_there"]),
            Self::Allocation | Self::PaymentPart => words(&["principal", "interest", "cost", "credit"]),
            Self::WrittenOffOpen => words(&["changed", "left", "came"]),
            Self::PastDue => words(&["at_1", "at_7"]),
            Self::PastDueEnded => words(&["paid_from_1", "paid_from_7", "gone_from_1", "gone_from_7"]),
            Self::AccountSeen => words(&SEEN_STATES),
            Self::CashExpected => words(&["promise", "instalment"]),
            Self::Limitation => Some(TermStanding::ALL.iter().map(ToString::to_string).collect()),
            Self::BecomesBarred => Some(RunsFrom::ALL.iter().map(ToString::to_string).collect()),
            Self::FindingOpen | Self::FindingRemediated => {
                Some(Severity::ALL.iter().map(ToString::to_string).collect())
            }
            Self::RuleTest => words(&["passed", "failed", "unknown"]),
            Self::Survey => words(&["csat", "nps"]),
            Self::PaymentReversed => Some(ReversalKind::ALL.iter().map(ToString::to_string).collect()),
            Self::Charge => Some(Beneficiary::ALL.iter().map(ToString::to_string).collect()),
            Self::ContactCheck => Some(Verdict::ALL.iter().map(ToString::to_string).collect()),
            Self::BucketLeft | Self::AccountMoved => {
                words(&[&["rolled", "rolled_back", "cured", "redated"][..], &ENDS].concat())
            }
            Self::AccountLife => words(&[&[BEGAN][..], &ENDS].concat()),
            Self::Matter => {
                let steps = |matter: &'static str| MatterStep::ALL.iter().map(move |step| format!("{matter}_{step}"));
                Some(steps("complaint").chain(steps("dispute")).collect())
            }
            _ => None,
        }
    }
}
