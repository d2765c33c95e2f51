//! Which dimensions facts of a kind can have, of those that only some kinds have: by any other a figure would be one group of
//! facts without the dimension, which says nothing.

use super::FactKind;

impl FactKind {
    /// Whether its facts have a bucket of days past due.
    #[must_use]
    pub const fn has_bucket(self) -> bool {
        matches!(self, Self::Aged | Self::BucketLeft | Self::AccountMoved)
    }

    /// Whether its facts have a bucket that an account went to.
    #[must_use]
    pub const fn has_to_bucket(self) -> bool {
        matches!(self, Self::BucketLeft | Self::AccountMoved)
    }

    /// Whether its facts have a rule and its jurisdiction.
    #[must_use]
    pub const fn has_rule(self) -> bool {
        matches!(
            self,
            Self::RuleTest | Self::FindingOpen | Self::FindingRemediated | Self::Limitation | Self::BecomesBarred
        )
    }

    /// Whether its facts have the source of a visit.
    #[must_use]
    pub const fn has_source(self) -> bool {
        matches!(
            self,
            Self::Page
                | Self::PaymentSession
                | Self::Visitor
                | Self::VisitorPaid
                | Self::PayerFailed
                | Self::PayerRecovered
        )
    }

    /// Whether its facts can have the channel, direction, campaign and template of a contact, message or payment: those of
    /// balances, claims and accounts are of the case alone, and those of costs, sales and matters of whoever acted. Of
    /// [`Self::AccountSeen`] the state decides, too, see [`super::SEEN_BY_CHANNEL`].
    #[must_use]
    pub const fn has_contact(self) -> bool {
        !matches!(
            self,
            Self::PlanMade
                | Self::PlanEnded
                | Self::InstalmentJudged
                | Self::Settlement
                | Self::Placed
                | Self::Purchased
                | Self::Interest
                | Self::Charge
                | Self::WrittenOff
                | Self::WrittenOffOpen
                | Self::Discount
                | Self::Cancelled
                | Self::WrittenUp
                | Self::Recalled
                | Self::MovedIn
                | Self::MovedOut
                | Self::SentToCollection
                | Self::OpenAccounts
                | Self::OverdueAccounts
                | Self::Receivable
                | Self::ReceivableCurrent
                | Self::ReceivableUndated
                | Self::CreditBalance
                | Self::Aged
                | Self::BucketLeft
                | Self::AccountMoved
                | Self::PastDue
                | Self::PastDueEnded
                | Self::AccountLife
                | Self::AccountClosed
                | Self::Limitation
                | Self::BecomesBarred
                | Self::OpenItems
                | Self::Headcount
                | Self::OperatingCost
                | Self::ClientRevenue
                | Self::CreditSales
                | Self::Remittance
                | Self::Matter
                | Self::CustomerLost
                | Self::Survey
                | Self::ReversedBeyond
        )
    }

    /// Whether its facts tell of records that do not fit: where there is none, nothing is missing.
    #[must_use]
    pub const fn is_of_misfits(self) -> bool {
        matches!(self, Self::ReversedBeyond)
    }

    /// Whether its facts have an hour of the debtor's week: those of contacts.
    #[must_use]
    pub const fn has_hour(self) -> bool {
        matches!(
            self,
            Self::Contact
                | Self::ContactWithPromise
                | Self::ContactPaid
                | Self::OpenedPaid
                | Self::AgentActive
                | Self::MessageSent
                | Self::MessageDelivered
                | Self::MessageBounced
                | Self::MessageDropped
                | Self::MessageOpened
                | Self::MessageClicked
                | Self::MessageComplained
                | Self::MessageUnsubscribed
                | Self::OpenedClicked
        )
    }
}
