//! Facts as KPIs count them: what the derivation of a case emits, signed so that a late record can take back what it
//! changes. KPI cells are sums of these and nothing else.

pub mod flag;
mod had;
mod words;

pub use words::{BEGAN, ENDS, SEEN_BY_CHANNEL, SEEN_STATES, SEQUENCES, ValueOf};

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::case_dimensions::CaseWords;
use super::vocabulary::{Channel, Direction, vocabulary};

vocabulary!(
    /// What is counted. Amounts are minor units of the fact's currency.
    FactKind {
        /// A contact or attempt, once per activity however many cases it concerns. Flags tell the outcome; `value` is
        /// how long it took, in seconds, if its end is known.
        Contact = "contact",
        /// A call on which at least one promise was made; dated by the call.
        ContactWithPromise = "contact_with_promise",
        /// A message sent (e-mail, SMS, letter, messaging).
        MessageSent = "message_sent",
        /// First delivery of a message, dated by its sending.
        MessageDelivered = "message_delivered",
        /// Final bounce of a message; `state` is bounced_hard or bounced_soft.
        MessageBounced = "message_bounced",
        /// A message that was dropped before it was sent on; its final state.
        MessageDropped = "message_dropped",
        /// First human open of a message, dated by its sending; `value` is seconds from sending to opening.
        MessageOpened = "message_opened",
        /// First click of a message, dated by its sending.
        MessageClicked = "message_clicked",
        /// First complaint about a message as spam, dated by its sending.
        MessageComplained = "message_complained",
        /// First unsubscription by a message, dated by its sending.
        MessageUnsubscribed = "message_unsubscribed",
        /// The first payment after a contact, within thirty days of it, of which something is left; dated by the contact;
        /// `value` is seconds from the contact to the payment.
        ContactPaid = "contact_paid",
        /// A visit by an account that had made none for thirty days: a visitor.
        Visitor = "visitor",
        /// The first payment after a visitor's visit, within thirty days of it, of which something is left; dated by the
        /// visit; `value` is seconds from the visit to the payment.
        VisitorPaid = "visitor_paid",
        /// A step at a landing page or portal; `state` is the step.
        Page = "page",
        /// A message that a person opened and that a payment followed (that of [`Self::ContactPaid`]), if that came after the
        /// opening; dated by the sending; `value` is seconds from the opening to the payment.
        OpenedPaid = "opened_paid",
        /// A payment at a landing page failed: the account's first since its last payment, or in thirty days (`state` is
        /// once), or the one after that (again).
        PayerFailed = "payer_failed",
        /// The first payment after a payment failed again, within thirty days of that, of which something is left; dated by the
        /// second failure; `value` is seconds between the two.
        PayerRecovered = "payer_recovered",
        /// A payment session at a landing page, once it is over, dated by its beginning; `state` is done, failed or
        /// abandoned.
        PaymentSession = "payment_session",
        /// A promise was made; `amount` promised.
        PromiseMade = "promise_made",
        /// A promise was judged at due date plus grace; `state` is kept, partly_kept, late (full after grace) or broken;
        /// `amount` promised, `amount2` the part paid by then (at most the promised amount); `value` is days from the due
        /// date to the payment by which it was full, none if it is not.
        PromiseJudged = "promise_judged",
        /// A promise ended before it was judged; `state` is withdrawn, superseded or released; `amount` promised.
        PromiseEnded = "promise_ended",
        /// The first attempt (or first right-party contact) of a case led to a payment on it or to a promise on it that
        /// was kept; dated by the contact; `state` is attempt or right_party.
        FirstContactResolved = "first_contact_resolved",
        /// An instalment plan was agreed; `amount` of all instalments.
        PlanMade = "plan_made",
        /// A plan ended before its last instalment; `state` is ended, broken or replaced.
        PlanEnded = "plan_ended",
        /// An instalment was judged at due date plus grace; `state` is kept, late (full after grace) or missed; `amount`
        /// due, `amount2` the part paid by then (at most the amount due).
        InstalmentJudged = "instalment_judged",
        /// A step of a settlement; `state` is offer, accepted, broken or paid; `amount` agreed (or paid on it), `amount2`
        /// the balance at the acceptance (at the offer, for an offer).
        Settlement = "settlement",
        /// The case's principal came in for collection, or its balance came back; `amount`, `amount2` the principal in it with what
        /// was written off; told again, uncounted, where a payment that came while it was away is taken back.
        Placed = "placed",
        /// A claim was bought; `amount` its price, `amount2` its face value.
        Purchased = "purchased",
        /// Change of how much of a bought claim's price was recovered by payments on it; `amount`.
        Amortised = "amortised",
        /// Interest accrued; `amount`.
        Interest = "interest",
        /// A fee charged to the debtor, or taken back (below zero); `amount`, `amount2` the value-added tax in it; `state` is
        /// the beneficiary.
        Charge = "charge",
        /// A payment; `amount`.
        Payment = "payment",
        /// A payment taken back; `amount` positive; `state` is the reversal's reason.
        PaymentReversed = "payment_reversed",
        /// A part of a payment put to a claim; `amount`, `days_due` and `days_invoice` from claim to payment if dated;
        /// `state` is the component, or credit for what nothing is open for.
        Allocation = "allocation",
        /// Written off; `amount`.
        WrittenOff = "written_off",
        /// Change of what was written off, is not settled since, and can still be collected because the case is here; `amount`;
        /// `state` is changed, or left and came where the case went to another group or collector or came from one.
        WrittenOffOpen = "written_off_open",
        /// Settlement discount granted; `amount`.
        Discount = "discount",
        /// Cancelled; `amount`, `amount2` the principal in it.
        Cancelled = "cancelled",
        /// Written up, or a correction of either sign; `amount`; `state` is regained where what had been written off was settled
        /// after all, and so owed again.
        WrittenUp = "written_up",
        /// Recalled by the creditor or sold; `amount` is the balance that left, `amount2` the principal that was open or written
        /// off; told again, uncounted, where a payment that came before is taken back while the case is away.
        Recalled = "recalled",
        /// Balance that moved into this group (another agent's, team's, client's); `amount`, `amount2` the principal in it with what was
        /// written off, `count` accounts.
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
        /// Change of open accounts with a balance above zero, and of that balance, by bucket of days past due; `count`,
        /// `amount`.
        Aged = "aged",
        /// An account left its bucket of days past due; `state` is rolled, rolled_back, cured, redated, or how it left all of
        /// them; `amount` the balance before; of one that left all, `amount2` its principal and `value` days since it came in.
        BucketLeft = "bucket_left",
        /// Where an account of a bucket at the beginning of the month went since; `state` as for bucket_left; `amount` its
        /// balance at the beginning of the month, `bucket` and all else as then.
        AccountMoved = "account_moved",
        /// An account that owes something was past due for that many days; `state` is at_1 or at_7; dated by the day, under the
        /// dimensions with which its time past due began. Of one that came in later than that there is none.
        PastDue = "past_due",
        /// What ended the time past due of such an account; `state` is paid_from_1 or paid_from_7 if it was paid in full,
        /// gone_from_1 or gone_from_7 if it left otherwise or what it still owes is not due; `value` is days since the day of
        /// past_due, by which it is dated. Of one that was settled for less there is none: it stays unpaid.
        PastDueEnded = "past_due_ended",
        /// Something happened to an account, told once a day; `state` is on_hand (it came to be open and here), attempted,
        /// reached, emailed, visited, promise_due or promise_kept (of either direction, or with _inbound or _outbound); `value` is days since the account's last such day (of
        /// on_hand: since it left), none for its first. So accounts of any period can be counted once: see `distinct`.
        /// Of attempted_by the same is told by channel; of addressed and address_reached by address that a message was sent
        /// to, and was delivered to, on the day of sending.
        AccountSeen = "account_seen",
        /// A part of an account's life: `state` is began when it first owed something, or how it ended (paid, settled,
        /// written_off, recalled, transferred, cancelled, corrected, closed), which is taken back where it goes on after all;
        /// `value` is days since the account came in.
        AccountLife = "account_life",
        /// Change of open accounts that owe something, and of what they owe, by how long they can still be enforced; `count`,
        /// `amount`, `state` is the standing, `rule` the one that decides.
        Limitation = "limitation",
        /// An open account becomes barred by limitation on the day, which may be still to come; `amount` owed, `state` is what
        /// the period rests on, `rule` the one that decides. Taken back where the period begins anew before, stands still or
        /// nothing is owed any more. Of an account that came in barred, or is found to be so later, there is none.
        BecomesBarred = "becomes_barred",
        /// Change of principal that is open on claims with an original due date; `amount`, and `amount2`: the same times that
        /// day's number (days since 1970-01-01), by which the age of what is open is told of any day.
        OpenItems = "open_items",
        /// A promise or an instalment is due on the day, which may be still to come; `amount`, taken back where it ends
        /// before; told again once it is judged with `amount2`, the part that came in time; `state` is promise or instalment.
        CashExpected = "cash_expected",
        /// A rule was tested on a subject; `rule`, `state` is passed, failed or unknown.
        RuleTest = "rule_test",
        /// Change of the number of findings that are open: those that stand and are neither remediated nor waived, from the
        /// instant of the breach on; `state` is the severity, `rule`. What ends a waiver may be still to come.
        FindingOpen = "finding_open",
        /// A finding was put right, by the decision that holds; dated by it; `value` is seconds from the breach to it;
        /// `state` is the severity, `rule`.
        FindingRemediated = "finding_remediated",
        /// A contact check was answered; `state` is the verdict.
        ContactCheck = "contact_check",
        /// An activity of a human agent that makes the agent active in the period.
        AgentActive = "agent_active",
        /// Change of an agent's full-time equivalent, by roster records; `value` in thousandths.
        Headcount = "headcount",
        /// Operating cost; `amount`.
        OperatingCost = "operating_cost",
        /// Revenue from clients; `amount`.
        ClientRevenue = "client_revenue",
        /// Credit sales; `amount`.
        CreditSales = "credit_sales",
        /// A complaint or dispute was opened or resolved; `state` is the matter and step; `value` of a step that ends it
        /// is seconds since it was opened, if it was.
        Matter = "matter",
        /// A person opted out; the channel, if the opt-out is of one.
        OptOut = "opt_out",
        /// Money handed over to the creditor; `amount`, `amount2` what the collector withheld.
        Remittance = "remittance",
        /// The debtor ceased to be the creditor's customer; dated by the closing of the case and `value` is days since then, if it
        /// was closed; else dated by itself.
        CustomerLost = "customer_lost",
        /// The account was closed (its closure after a reopening counts again).
        AccountClosed = "account_closed",
        /// A survey was answered; `value` is the score, `state` is csat or nps.
        Survey = "survey",
        /// Change of what is open of promises that are neither judged nor withdrawn or replaced; `amount` promised. It stands where the
        /// case stands: what changes the case's dimensions moves it.
        PromiseOpen = "promise_open",
        /// A promise was judged, told of its debtor; as promise_judged, but that `value` is the short form of the person id of the
        /// case's principal debtor, by which the cases of one person are told of one debtor. A promise whose case names nobody
        /// has no such fact until it does.
        DebtorPromiseJudged = "debtor_promise_judged",
        /// A reversal stated more than could be taken back; `amount` what it stated beyond that; `state` is more_than_payment
        /// where less was left of the payment, more_than_other where less was left of another entry, not_there where there was
        /// nothing by the id that it names. The last is taken back once that comes.
        ReversedBeyond = "reversed_beyond",
        /// A message that a person opened and followed; dated by the message, once.
        OpenedClicked = "opened_clicked",
        /// A part of a payment put to a claim, as allocation, but told on the payment's own day and under its dimensions, also where
        /// it was put there later; what a reversal takes back of it is taken out of that day, as a voided payment is.
        PaymentPart = "payment_part",
    }
);

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
    /// Where a visit to a landing page came from.
    pub source: Option<Arc<str>>,
    /// How many times the case has been placed with a collector: `1` for the first.
    pub sequence: Option<Arc<str>>,
    /// The segment that the market steers by.
    pub segment: Option<Arc<str>>,
    /// Bucket of days past due.
    pub bucket: Option<Arc<str>>,
    /// Bucket that an account went to, or how it left all of them.
    pub to_bucket: Option<Arc<str>>,
    /// Currency of the amounts, ISO 4217.
    pub currency: Option<super::money::Currency>,
    /// Values of the case that are dimensions, see [`super::case_dimensions`]; most cases have none.
    pub case: CaseWords,
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
    /// A length or number of the kind's own, see [`FactKind::value_of`].
    pub value: Option<i64>,
    /// Hour of the week at the debtor's, from Monday's first: 0 to 167.
    pub hour: Option<u8>,
    /// Day on which the case came in.
    pub placed: Option<i32>,
    /// Flags, see [`flag`].
    pub flags: u16,
    /// Dimensions, shared between the facts of one activity.
    pub dims: Arc<Dims>,
}

impl Fact {
    /// One fact of a kind with nothing but its day and dimensions.
    #[must_use]
    pub const fn new(kind: FactKind, day: i32, dims: Arc<Dims>) -> Self {
        Self {
            kind,
            day,
            sign: 1,
            count: 1,
            amount: 0,
            amount2: 0,
            days_due: None,
            days_invoice: None,
            value: None,
            hour: None,
            placed: None,
            flags: 0,
            dims,
        }
    }
}
