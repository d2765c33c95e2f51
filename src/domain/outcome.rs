//! Canonical outcomes (dispositions) of a contact and the four flags that rules and KPIs read.

use super::party::Condition;
use super::vocabulary::vocabulary;
use serde::{Deserialize, Serialize};

vocabulary!(
    /// What came of a contact.
    Outcome {
        NoAnswer = "no_answer", Busy = "busy", NetworkFailure = "network_failure", NumberInvalid = "number_invalid",
        Disconnected = "disconnected", VoicemailNoMessage = "voicemail_no_message",
        VoicemailLimitedContent = "voicemail_limited_content", VoicemailFullMessage = "voicemail_full_message",
        WrongNumber = "wrong_number", WrongParty = "wrong_party", ThirdParty = "third_party",
        RightPartyNoCommitment = "right_party_no_commitment", RightPartyPromise = "right_party_promise",
        RightPartyPaid = "right_party_paid", RightPartyRefused = "right_party_refused",
        RightPartyDispute = "right_party_dispute", RightPartyHardship = "right_party_hardship",
        RightPartyCallback = "right_party_callback", CeaseRequest = "cease_request",
        LanguageBarrier = "language_barrier", DeceasedReported = "deceased_reported",
        InsolvencyReported = "insolvency_reported", Represented = "represented",
        HungUpUnverified = "hung_up_unverified", Delivered = "delivered",
        ReturnedUndeliverable = "returned_undeliverable", Replied = "replied", Opened = "opened", Clicked = "clicked",
        Sent = "sent",
    }
);

/// The four flags of an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OutcomeFlags {
    /// The contact was tried: it counts as an attempt (not: number not in service, busy tone, network failure).
    pub attempt: bool,
    /// A person or a recording device of the called side was reached.
    pub connect: bool,
    /// The person who owes, or who may speak for the debt, was reached and identified.
    pub right_party: bool,
    /// Something about the debt was conveyed.
    pub communication: bool,
}

impl Outcome {
    /// The flags of the outcome where the platform does not state its own.
    #[must_use]
    pub const fn flags(self) -> OutcomeFlags {
        use Outcome as O;
        let (attempt, connect, right_party, communication) = match self {
            O::Busy | O::NetworkFailure | O::NumberInvalid | O::Disconnected => (false, false, false, false),
            O::NoAnswer | O::VoicemailNoMessage | O::ReturnedUndeliverable | O::VoicemailLimitedContent => {
                (true, false, false, false)
            }
            O::VoicemailFullMessage => (true, false, false, true),
            O::WrongNumber | O::WrongParty | O::ThirdParty | O::LanguageBarrier | O::HungUpUnverified => {
                (true, true, false, false)
            }
            O::DeceasedReported => (true, true, false, false),
            O::RightPartyNoCommitment
            | O::RightPartyPromise
            | O::RightPartyPaid
            | O::RightPartyRefused
            | O::RightPartyDispute
            | O::RightPartyHardship
            | O::RightPartyCallback
            | O::CeaseRequest
            | O::InsolvencyReported
            | O::Represented => (true, true, true, true),
            O::Delivered | O::Sent | O::Opened | O::Clicked => (true, false, false, true),
            O::Replied => (true, true, true, true),
        };
        OutcomeFlags { attempt, connect, right_party, communication }
    }

    /// The condition of the debtor, or of whoever was reached, that the collector knows of from then on.
    #[must_use]
    pub const fn reports(self) -> Option<Condition> {
        match self {
            Self::DeceasedReported => Some(Condition::Deceased),
            Self::InsolvencyReported => Some(Condition::Insolvency),
            Self::Represented => Some(Condition::Represented),
            Self::CeaseRequest => Some(Condition::CeaseRequested),
            _ => None,
        }
    }

    /// Whether the number was reached at all: a busy tone or a number out of service is no call placed for
    /// 12 CFR 1006.14(b)(3)(ii).
    #[must_use]
    pub const fn reached_number(self) -> bool {
        !matches!(self, Self::Busy | Self::NetworkFailure | Self::NumberInvalid | Self::Disconnected)
    }
}
