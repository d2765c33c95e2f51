//! Steps: what an activity is, in the words by which rules name triggers and forbidden acts.

use serde::{Deserialize, Serialize};

use crate::domain::activity::Activity;
use crate::domain::detail::{CreditReportKind, Detail, LegalStepKind, MatterStep, SettlementStep, TransferKind};
use crate::domain::party::Condition;
use crate::domain::vocabulary::{Channel, ChargeStep, Direction, Purpose, vocabulary};

/// One step as a rule file names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// `contact`: any contact begun by the collector.
    Contact,
    /// `contact:letter`: such a contact on one channel.
    ContactOn(Channel),
    /// `communication`: a contact, either way, that conveyed something about the debt.
    Communication,
    /// `demand`: a contact with purpose demand, or one that carries the notice `demand`.
    Demand,
    /// `reminder`: a contact with purpose reminder, or one that carries the notice `reminder`.
    Reminder,
    /// `notice:KIND`: a contact that carries that notice.
    Notice(Box<str>),
    /// `legal_step` or `legal_step:KIND`; a threat counts only where it is named.
    LegalStep(Option<LegalStepKind>),
    /// `credit_report`: something negative furnished to a bureau.
    CreditReport,
    /// `sale`: the claim is sold.
    Sale,
    /// `placement`: the case came to the collector.
    Placement,
    /// `charge` or `charge:STEP`.
    Charge(Option<ChargeStep>),
    /// `promise`.
    Promise,
    /// `plan`: an instalment plan was agreed.
    Plan,
    /// `payment`.
    Payment,
    /// `payment:METHOD`: a payment made in that way, as the platform names it.
    PaymentBy(Box<str>),
    /// `settlement_offer`.
    SettlementOffer,
    /// `dispute`: a dispute was opened.
    Dispute,
    /// `complaint`: a complaint was opened.
    Complaint,
    /// `data_request`: a data-subject request was opened.
    DataRequest,
    /// `condition:NAME`: a condition of the person began.
    Condition(Condition),
    /// `verification_sent`.
    VerificationSent,
    /// `page_visit`: a visit to the portal.
    PageVisit,
    /// `title`: an enforceable title was obtained.
    Title,
    /// `acknowledgement`: the debt was acknowledged.
    Acknowledgement,
    /// `credit_report_notice`: the person was told of a report to a bureau.
    CreditReportNotice,
    /// `dispute:STAGE`: a dispute went on to that stage.
    DisputeStage(Stage),
    /// `document:NAME`: the document is held or was produced.
    Document(Box<str>),
    /// `document_produced:NAME`: it was produced to the debtor.
    DocumentProduced(Box<str>),
    /// `document_request` or `document_request:NAME`: the debtor asked for it.
    DocumentRequest(Option<Box<str>>),
}

vocabulary!(
    /// A stage of a dispute after its opening.
    Stage {
        Forwarded = "forwarded", Acknowledged = "acknowledged", Verified = "verified",
        /// Upheld, rejected or withdrawn.
        Resolved = "resolved",
        Notified = "notified",
    }
);

impl Stage {
    /// The stage that a step of a matter reaches; `None` for its opening alone, so that nothing else is taken for one.
    /// Telling how it stands acknowledges it.
    #[must_use]
    pub const fn of(step: MatterStep) -> Option<Self> {
        Some(match step {
            MatterStep::Opened => return None,
            MatterStep::Forwarded => Self::Forwarded,
            MatterStep::Acknowledged | MatterStep::Updated | MatterStep::Extended => Self::Acknowledged,
            MatterStep::Verified => Self::Verified,
            MatterStep::ResolvedUpheld | MatterStep::ResolvedRejected | MatterStep::Withdrawn => Self::Resolved,
            MatterStep::Notified => Self::Notified,
        })
    }
}

/// The forms a step may take in a file, for remedies.
pub const STEP_FORMS: &str = "contact, contact:CHANNEL, communication, demand, reminder, notice:KIND, legal_step, \
     legal_step:KIND, credit_report, sale, placement, charge, charge:STEP, promise, plan, payment, payment:METHOD, \
     settlement_offer, \
     dispute, dispute:STAGE, complaint, data_request, condition:NAME, verification_sent, page_visit, title, \
     acknowledgement, credit_report_notice, document:NAME, document_produced:NAME, document_request, \
     document_request:NAME";

impl Step {
    /// Reads a step's name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (head, tail) = match text.split_once(':') {
            Some((head, tail)) => (head, Some(tail)),
            None => (text, None),
        };
        Some(match (head, tail) {
            ("contact", None) => Self::Contact,
            ("contact", Some(channel)) => Self::ContactOn(Channel::parse(channel)?),
            ("communication", None) => Self::Communication,
            ("demand", None) => Self::Demand,
            ("reminder", None) => Self::Reminder,
            ("notice", Some(kind)) if !kind.is_empty() => Self::Notice(kind.into()),
            ("legal_step", None) => Self::LegalStep(None),
            ("legal_step", Some(kind)) => Self::LegalStep(Some(LegalStepKind::parse(kind)?)),
            ("credit_report", None) => Self::CreditReport,
            ("sale", None) => Self::Sale,
            ("placement", None) => Self::Placement,
            ("charge", None) => Self::Charge(None),
            ("charge", Some(step)) => Self::Charge(Some(ChargeStep::parse(step)?)),
            ("promise", None) => Self::Promise,
            ("plan", None) => Self::Plan,
            ("payment", None) => Self::Payment,
            ("payment", Some(method)) if !method.is_empty() => Self::PaymentBy(method.into()),
            ("settlement_offer", None) => Self::SettlementOffer,
            ("dispute", None) => Self::Dispute,
            ("dispute", Some(stage)) => Self::DisputeStage(Stage::parse(stage)?),
            ("document", Some(name)) if !name.is_empty() => Self::Document(name.into()),
            ("document_produced", Some(name)) if !name.is_empty() => Self::DocumentProduced(name.into()),
            ("document_request", None) => Self::DocumentRequest(None),
            ("document_request", Some(name)) if !name.is_empty() => Self::DocumentRequest(Some(name.into())),
            ("complaint", None) => Self::Complaint,
            ("data_request", None) => Self::DataRequest,
            ("condition", Some(name)) => Self::Condition(Condition::parse(name)?),
            ("verification_sent", None) => Self::VerificationSent,
            ("page_visit", None) => Self::PageVisit,
            ("title", None) => Self::Title,
            ("acknowledgement", None) => Self::Acknowledgement,
            ("credit_report_notice", None) => Self::CreditReportNotice,
            _ => return None,
        })
    }

    /// The notices by which a contact says that it is a demand or a reminder, as a purpose does.
    pub const SAID_BY_NOTICE: [&str; 2] = ["demand", "reminder"];

    /// It is a demand or a reminder.
    #[must_use]
    pub const fn is_demand(&self) -> bool {
        matches!(self, Self::Demand | Self::Reminder)
    }

    /// A case remembers this step, so that a later rule can look back at it.
    #[must_use]
    pub const fn is_remembered(&self) -> bool {
        !matches!(
            self,
            Self::Contact
                | Self::ContactOn(_)
                | Self::Communication
                | Self::Payment
                | Self::PaymentBy(_)
                | Self::PageVisit
        )
    }

    /// The activity is this step.
    #[must_use]
    pub fn matches(&self, activity: &Activity) -> bool {
        match (self, &activity.detail) {
            (Self::Contact, Detail::Contact(_)) => activity.direction() == Direction::Outbound,
            (Self::ContactOn(channel), Detail::Contact(contact)) => {
                contact.channel == *channel && activity.direction() == Direction::Outbound
            }
            (Self::Communication, Detail::Contact(contact)) => contact.outcome_flags().communication,
            (Self::Demand, Detail::Contact(contact)) => {
                contact.purpose == Some(Purpose::Demand) || contact.notices.iter().any(|notice| notice == "demand")
            }
            (Self::Reminder, Detail::Contact(contact)) => {
                contact.purpose == Some(Purpose::Reminder) || contact.notices.iter().any(|notice| notice == "reminder")
            }
            (Self::Notice(kind), Detail::Contact(contact)) => contact.notices.iter().any(|notice| **notice == **kind),
            (Self::LegalStep(None), Detail::LegalStep { step }) => *step != LegalStepKind::Threat,
            (Self::LegalStep(Some(wanted)), Detail::LegalStep { step }) => step == wanted,
            (Self::CreditReport, Detail::CreditReport { report, .. }) => *report == CreditReportKind::Furnish,
            (Self::Sale, Detail::Transfer { transfer, .. }) => *transfer == TransferKind::Sell,
            (Self::Placement, Detail::Transfer { transfer, .. }) => *transfer == TransferKind::Place,
            (Self::Charge(None), Detail::Charge(_))
            | (Self::Promise, Detail::Promise(_))
            | (Self::Plan, Detail::Plan { .. })
            | (Self::Payment, Detail::Payment(_))
            | (Self::VerificationSent, Detail::VerificationSent {})
            | (Self::PageVisit, Detail::Page { .. })
            | (Self::Title, Detail::TitleObtained { .. })
            | (Self::Acknowledgement, Detail::Acknowledgement { .. }) => true,
            (Self::PaymentBy(wanted), Detail::Payment(payment)) => payment.method.as_deref() == Some(&**wanted),
            (Self::CreditReportNotice, Detail::CreditReport { report, .. }) => *report == CreditReportKind::Notice,
            (Self::Charge(Some(wanted)), Detail::Charge(charge)) => charge.step == *wanted,
            (Self::SettlementOffer, Detail::Settlement { step, .. }) => *step == SettlementStep::Offer,
            (Self::Dispute, Detail::Dispute { step, .. })
            | (Self::Complaint, Detail::Complaint { step, .. })
            | (Self::DataRequest, Detail::DataRequest { step, .. }) => *step == MatterStep::Opened,
            (Self::DisputeStage(wanted), Detail::Dispute { step, .. }) => Stage::of(*step) == Some(*wanted),
            (Self::Document(wanted), Detail::Document { document, requested: false, .. })
            | (Self::DocumentProduced(wanted), Detail::Document { document, produced: true, .. })
            | (Self::DocumentRequest(Some(wanted)), Detail::Document { document, requested: true, .. }) => {
                document.as_str() == &**wanted
            }
            (Self::DocumentRequest(None), Detail::Document { requested, .. }) => *requested,
            (Self::Condition(wanted), Detail::Condition { condition, ended, .. }) => condition == wanted && !ended,
            _ => false,
        }
    }
}
