//! What an activity is: one variant a kind, with that kind's facts. All amounts are in the case's currency.

mod amounts;
mod contact;
mod kinds;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

pub use amounts::{Charge, Instalment, Interest, InterestNature, Payment, PaymentDirection, Promise, Remittance};
pub use contact::Contact;
pub use kinds::KINDS;

use super::ids::{ActivityId, ContactPointId};
use super::money::{Currency, Money};
use super::party::{Condition, Permission, PersonalWindow, is_false};
use super::vocabulary::{Channel, Component, ContactPointState, MessageEventKind, vocabulary};

vocabulary!(
    /// What was adjusted.
    AdjustmentKind {
        WriteOff = "write_off", SettlementDiscount = "settlement_discount", Cancellation = "cancellation",
        Correction = "correction", WriteUp = "write_up",
    }
);
vocabulary!(
    /// Where a case went.
    TransferKind {
        Place = "place", Recall = "recall", Sell = "sell", MoveIn = "move_in", MoveOut = "move_out",
        CreditCollection = "credit_collection",
    }
);
vocabulary!(
    /// Why a payment was taken back.
    ReversalKind { Reversal = "reversal", Chargeback = "chargeback", Refund = "refund", Misposting = "misposting" }
);
vocabulary!(
    /// A step of a dispute, complaint or data-subject request.
    MatterStep {
        Opened = "opened", Forwarded = "forwarded", Acknowledged = "acknowledged", Verified = "verified",
        ResolvedUpheld = "resolved_upheld", ResolvedRejected = "resolved_rejected", Withdrawn = "withdrawn",
        Notified = "notified", Updated = "updated", Extended = "extended",
    }
);
vocabulary!(
    /// What was told to a credit bureau.
    CreditReportKind { Furnish = "furnish", Withdraw = "withdraw", MarkDisputed = "mark_disputed", Notice = "notice" }
);
vocabulary!(
    /// A step of a settlement.
    SettlementStep { Offer = "offer", Accepted = "accepted", Broken = "broken" }
);
vocabulary!(
    /// A legal step.
    LegalStepKind {
        PaymentOrder = "payment_order", Lawsuit = "lawsuit", Threat = "threat", Enforcement = "enforcement",
        InsolvencyClaim = "insolvency_claim", Service = "service",
    }
);
vocabulary!(
    /// A survey that was answered.
    SurveyKind { Csat = "csat", Nps = "nps" }
);
vocabulary!(
    /// A step at a landing page or portal.
    PageStep { Visit = "visit", PaymentStarted = "payment_started", PaymentFailed = "payment_failed", PaymentDone = "payment_done" }
);

/// What an activity is. A variant's fields say what their names say; the .proto documents each.
#[allow(missing_docs)]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Detail {
    /// A contact or an attempt at one.
    Contact(Box<Contact>),
    /// What became of a message; `parent` names the contact.
    MessageEvent {
        event: MessageEventKind,
        channel: Channel,
        #[serde(default, skip_serializing_if = "is_false")]
        machine: bool,
    },
    /// A visit to a landing page or portal, or a payment try there.
    Page {
        step: PageStep,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<String>,
    },
    /// A promise to pay.
    Promise(Promise),
    /// A promise withdrawn.
    PromiseWithdrawn { promise: ActivityId },
    /// An instalment plan agreed.
    Plan {
        instalments: Vec<Instalment>,
        currency: Currency,
        #[serde(default, skip_serializing_if = "is_false")]
        written: bool,
    },
    /// An instalment plan ended.
    PlanEnded {
        plan: ActivityId,
        #[serde(default, skip_serializing_if = "is_false")]
        broken: bool,
    },
    /// A payment.
    Payment(Payment),
    /// A payment, charge or adjustment taken back, wholly or in part.
    Reversal { reverses: ActivityId, amount: Money, reason: ReversalKind },
    /// A fee charged to the debtor.
    Charge(Charge),
    /// Interest accrued for a stretch of days.
    Interest(Interest),
    /// A change of the balance that is no payment. A correction's amount may be negative.
    Adjustment {
        adjustment: AdjustmentKind,
        amount: Money,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        component: Option<Component>,
    },
    /// The case was placed, recalled, sold or moved.
    Transfer {
        transfer: TransferKind,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
    /// A settlement.
    Settlement {
        step: SettlementStep,
        amount: Money,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<NaiveDate>,
    },
    /// A dispute's step.
    Dispute {
        step: MatterStep,
        /// Absent: it is not known whether it was stated in writing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        written: Option<bool>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
        /// It states valid or possibly valid grounds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grounded: Option<bool>,
    },
    /// A complaint's step.
    Complaint {
        step: MatterStep,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
    },
    /// A data-subject request's step.
    DataRequest {
        step: MatterStep,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
    },
    /// A person's condition began or ended: represented, insolvent, deceased, cease requested, ...
    Condition {
        condition: Condition,
        #[serde(default, skip_serializing_if = "is_false")]
        ended: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        written: Option<bool>,
        #[serde(default, skip_serializing_if = "is_false")]
        direct_contact_consented: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
    },
    /// A consent or an opt-out was given.
    Permission {
        permission: Permission,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        contact_point: Option<ContactPointId>,
    },
    /// The person stated a preferred or inconvenient window.
    Window { window: PersonalWindow },
    /// A contact point changed its state.
    ContactPointChanged { contact_point: ContactPointId, state: ContactPointState },
    /// A legal step.
    LegalStep { step: LegalStepKind },
    /// An enforceable title was obtained.
    TitleObtained { on: NaiveDate },
    /// The debt was acknowledged.
    Acknowledgement {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        written: Option<bool>,
    },
    /// Verification of the debt was sent.
    VerificationSent {},
    /// A document is held, was asked for or was produced.
    Document {
        document: String,
        #[serde(default, skip_serializing_if = "is_false")]
        produced: bool,
        #[serde(default, skip_serializing_if = "is_false")]
        requested: bool,
    },
    /// A credit bureau was told something.
    CreditReport {
        report: CreditReportKind,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bureau: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount: Option<Money>,
        #[serde(default, skip_serializing_if = "is_false")]
        disputed: bool,
    },
    /// Records of the case were erased: all of it if none are named.
    RecordsErased {
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        records: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        newest: Option<NaiveDate>,
    },
    /// A hold on collection began or ended.
    Hold {
        #[serde(default, skip_serializing_if = "is_false")]
        ended: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The case was closed or reopened.
    CaseStatus {
        closed: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
    },
    /// Money handed over to the creditor.
    Remittance(Remittance),
    /// A survey answer: 1 to 5 for csat, 0 to 10 for nps.
    Survey { survey: SurveyKind, score: u8 },
    /// The debtor began or ceased to be the creditor's customer.
    CustomerStatus { customer: bool },
    /// Operating cost of the market or of cases.
    OperatingCost {
        amount: Money,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        category: Option<String>,
    },
    /// Revenue from clients: commissions.
    ClientRevenue {
        amount: Money,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client: Option<String>,
    },
    /// Credit sales of a client in the period that ends at `occurred`.
    CreditSales {
        amount: Money,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client: Option<String>,
    },
    /// An agent's team and full-time equivalent, in thousandths, from `occurred` on.
    AgentRoster {
        agent: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        team: Option<String>,
        fte_thousandths: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<NaiveDate>,
    },
    /// Removes its target from every count, finally.
    Void {
        target: ActivityId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A note without consequences.
    Note {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
    },
}

impl Detail {
    /// The kind's stable name.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Contact(_) => "contact",
            Self::MessageEvent { .. } => "message_event",
            Self::Page { .. } => "page",
            Self::Promise(_) => "promise",
            Self::PromiseWithdrawn { .. } => "promise_withdrawn",
            Self::Plan { .. } => "plan",
            Self::PlanEnded { .. } => "plan_ended",
            Self::Payment(_) => "payment",
            Self::Reversal { .. } => "reversal",
            Self::Charge(_) => "charge",
            Self::Interest(_) => "interest",
            Self::Adjustment { .. } => "adjustment",
            Self::Transfer { .. } => "transfer",
            Self::Settlement { .. } => "settlement",
            Self::Dispute { .. } => "dispute",
            Self::Complaint { .. } => "complaint",
            Self::DataRequest { .. } => "data_request",
            Self::Condition { .. } => "condition",
            Self::Permission { .. } => "permission",
            Self::Window { .. } => "window",
            Self::ContactPointChanged { .. } => "contact_point_changed",
            Self::LegalStep { .. } => "legal_step",
            Self::TitleObtained { .. } => "title_obtained",
            Self::Acknowledgement { .. } => "acknowledgement",
            Self::VerificationSent {} => "verification_sent",
            Self::Document { .. } => "document",
            Self::CreditReport { .. } => "credit_report",
            Self::RecordsErased { .. } => "records_erased",
            Self::Hold { .. } => "hold",
            Self::CaseStatus { .. } => "case_status",
            Self::Remittance(_) => "remittance",
            Self::Survey { .. } => "survey",
            Self::CustomerStatus { .. } => "customer_status",
            Self::OperatingCost { .. } => "operating_cost",
            Self::ClientRevenue { .. } => "client_revenue",
            Self::CreditSales { .. } => "credit_sales",
            Self::AgentRoster { .. } => "agent_roster",
            Self::Void { .. } => "void",
            Self::Note { .. } => "note",
        }
    }

    /// Kinds that concern the whole market and need no case.
    #[must_use]
    pub const fn is_market_wide(&self) -> bool {
        matches!(
            self,
            Self::OperatingCost { .. }
                | Self::ClientRevenue { .. }
                | Self::CreditSales { .. }
                | Self::AgentRoster { .. }
                | Self::Remittance(_)
        )
    }

    /// The channel, if the kind has one.
    #[must_use]
    pub fn channel(&self) -> Option<Channel> {
        match self {
            Self::Contact(contact) => Some(contact.channel),
            Self::MessageEvent { channel, .. } => Some(*channel),
            Self::Promise(promise) => promise.channel,
            Self::Payment(payment) => payment.channel,
            Self::Page { .. } => Some(Channel::Portal),
            _ => None,
        }
    }

    /// The money of the activity, if it has some.
    #[must_use]
    pub fn money(&self) -> Option<Money> {
        match self {
            Self::Promise(promise) => Some(promise.amount),
            Self::Payment(payment) => Some(payment.amount),
            Self::Charge(charge) => Some(charge.amount),
            Self::Interest(interest) => Some(interest.amount),
            Self::Remittance(remittance) => Some(remittance.amount),
            Self::CreditReport { amount, .. } => *amount,
            Self::Reversal { amount, .. }
            | Self::Adjustment { amount, .. }
            | Self::Settlement { amount, .. }
            | Self::OperatingCost { amount, .. }
            | Self::ClientRevenue { amount, .. }
            | Self::CreditSales { amount, .. } => Some(*amount),
            _ => None,
        }
    }

    /// The currency of every amount in it.
    #[must_use]
    pub fn currency(&self) -> Option<Currency> {
        match self {
            Self::Contact(contact) => contact.currency,
            Self::Plan { currency, .. } => Some(*currency),
            _ => self.money().map(|money| money.currency),
        }
    }
}
