//! Facts as KPIs count them: what the derivation of a case emits, signed so that a late record can take back what it
//! changes. KPI cells are sums of these and nothing else.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::vocabulary::{Channel, Direction, vocabulary};

vocabulary!(
    /// What is counted. Amounts are minor units of the fact's currency.
    FactKind {
        /// A contact or attempt, once per activity however many cases it concerns. Flags tell the outcome.
        Contact = "contact",
        /// A call on which at least one promise was made; dated by the call.
        ContactWithPromise = "contact_with_promise",
        /// A message sent (e-mail, SMS, letter, messaging).
        MessageSent = "message_sent",
        /// First delivery of a message, dated by its sending.
        MessageDelivered = "message_delivered",
        /// Final bounce of a message; `state` is bounced_hard or bounced_soft.
        MessageBounced = "message_bounced",
        /// First human open of a message, dated by its sending.
        MessageOpened = "message_opened",
        /// First click of a message, dated by its sending.
        MessageClicked = "message_clicked",
        /// A promise was made; `amount` promised.
        PromiseMade = "promise_made",
        /// A promise was judged at due date plus grace; `state` is kept, partly_kept, late or broken; `amount` promised,
        /// `amount2` the part paid in time (at most the promised amount).
        PromiseJudged = "promise_judged",
        /// The case's principal came in for collection; `amount`.
        Placed = "placed",
        /// Interest accrued; `amount`.
        Interest = "interest",
        /// A fee charged to the debtor; `amount`; `state` is the beneficiary.
        Charge = "charge",
        /// A payment; `amount`.
        Payment = "payment",
        /// A payment taken back; `amount` positive; `state` is the reversal's reason.
        PaymentReversed = "payment_reversed",
        /// A part of a payment put to a claim; `amount`, `days_due` and `days_invoice` from claim to payment if dated.
        Allocation = "allocation",
        /// Written off; `amount`.
        WrittenOff = "written_off",
        /// Settlement discount granted; `amount`.
        Discount = "discount",
        /// Cancelled; `amount`.
        Cancelled = "cancelled",
        /// Written up, or a correction of either sign; `amount`.
        WrittenUp = "written_up",
        /// Recalled by the creditor or sold; `amount` is the balance that left.
        Recalled = "recalled",
        /// Balance that moved into this group (another agent's, team's, client's); `amount`, `count` accounts.
        MovedIn = "moved_in",
        /// Balance that moved out of this group.
        MovedOut = "moved_out",
        /// Balance right after it was sent to credit collection; `amount`.
        SentToCollection = "sent_to_collection",
        /// Change of the number of open accounts (+1, -1).
        OpenAccounts = "open_accounts",
        /// Change of the number of open accounts past due.
        OverdueAccounts = "overdue_accounts",
        /// Change of receivables (balances above zero); `amount`.
        Receivable = "receivable",
        /// Change of the part of receivables whose due date has not passed; `amount`.
        ReceivableCurrent = "receivable_current",
        /// Change of the part of receivables without a due date; `amount`.
        ReceivableUndated = "receivable_undated",
        /// Change of credit balances (balances below zero), as a positive amount; `amount`.
        CreditBalance = "credit_balance",
        /// A rule was tested on a subject; `rule`, `state` is passed, failed or unknown.
        RuleTest = "rule_test",
        /// A contact check was answered; `state` is the verdict.
        ContactCheck = "contact_check",
        /// An activity of a human agent that makes the agent active in the period.
        AgentActive = "agent_active",
        /// Operating cost; `amount`.
        OperatingCost = "operating_cost",
        /// Revenue from clients; `amount`.
        ClientRevenue = "client_revenue",
        /// Credit sales; `amount`.
        CreditSales = "credit_sales",
        /// A complaint or dispute was opened or resolved; `state` is the matter and step.
        Matter = "matter",
        /// A survey score in `amount2`; `state` is csat or nps.
        Survey = "survey",
    }
);

/// Flags of a [`Fact`] that measures filter by.
pub mod flag {
    /// The contact was tried.
    pub const ATTEMPT: u16 = 1;
    /// Somebody was reached.
    pub const CONNECT: u16 = 2;
    /// The right party was reached.
    pub const RIGHT_PARTY: u16 = 4;
    /// Something about the debt was conveyed.
    pub const COMMUNICATION: u16 = 8;
    /// The payment or promise came without an agent.
    pub const SELF_SERVICE: u16 = 16;
    /// The activity was checked before.
    pub const CHECKED: u16 = 32;
    /// The activity overrode a presumption.
    pub const OVERRIDDEN: u16 = 64;

    /// Names as measures write them.
    pub const NAMES: [(&str, u16); 7] = [
        ("attempt", ATTEMPT),
        ("connect", CONNECT),
        ("right_party", RIGHT_PARTY),
        ("communication", COMMUNICATION),
        ("self_service", SELF_SERVICE),
        ("checked", CHECKED),
        ("overridden", OVERRIDDEN),
    ];
}

/// The dimensions of a fact. Absent means that the fact has none: it is counted under "unattributed".
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Dims {
    /// Agent who acted, or to whom the fact is attributed.
    pub agent: Option<Arc<str>>,
    /// Team.
    pub team: Option<Arc<str>>,
    /// Creditor of the case.
    pub client: Option<Arc<str>>,
    /// Portfolio.
    pub portfolio: Option<Arc<str>>,
    /// Product.
    pub product: Option<Arc<str>>,
    /// Stage.
    pub stage: Option<Arc<str>>,
    /// Campaign.
    pub campaign: Option<Arc<str>>,
    /// Template, with its variant behind a slash.
    pub template: Option<Arc<str>>,
    /// Rule, for rule tests.
    pub rule: Option<Arc<str>>,
    /// Jurisdiction, for rule tests.
    pub jurisdiction: Option<Arc<str>>,
    /// Channel.
    pub channel: Option<Channel>,
    /// Direction.
    pub direction: Option<Direction>,
    /// State word of the fact (promise state, verdict, step, ...).
    pub state: Option<Arc<str>>,
    /// Currency of the amounts, ISO 4217.
    pub currency: Option<super::money::Currency>,
}

/// One signed contribution to KPI cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What is counted.
    pub kind: FactKind,
    /// Day number in the market's zone (days since 1970-01-01).
    pub day: i32,
    /// +1 to add, -1 to take back.
    pub sign: i8,
    /// How many.
    pub count: i64,
    /// First amount, minor units.
    pub amount: i64,
    /// Second amount, minor units.
    pub amount2: i64,
    /// Days from the claim's original due date to the fact (negative: early).
    pub days_due: Option<i32>,
    /// Days from the claim's invoice date to the fact.
    pub days_invoice: Option<i32>,
    /// Flags, see [`flag`].
    pub flags: u16,
    /// Dimensions, shared between the facts of one activity.
    pub dims: Arc<Dims>,
}
