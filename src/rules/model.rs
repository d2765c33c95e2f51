//! A rule as it was read: head, scope and the parameters of its kind, as flat typed values.

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

pub use super::client_funds::ClientFunds;
pub use super::complaint_handling::{ComplaintHandling, Matter};
pub use super::conduct::{
    CallRecording, ChannelConsent, Content, DisputeHandling, DocumentsHeld, ProhibitedConduct, ThirdParty,
};
pub use super::credit_reporting::{CreditReporting, EraseFrom, WaitFrom};
pub use super::head::{Attributes, Exempt, Review, Scope};
pub use super::interest_cap::InterestCap;
pub use super::lasting::Lasting;
pub use super::licence::Licence;
pub use super::limitation::LimitationPeriod;
pub use super::notice::{NoticePeriod, RequiredNotice};
pub use super::payment_application::{ClaimOrder, Payee, PaymentApplication};
pub use super::payment_term::PaymentTerm;
use super::position::Position;
use super::rates::RateTable;
pub use super::record_retention::{RecordRetention, RetentionStart};
use super::step::Step;
use super::words::{
    BindFrom, BlockAnswer, Bound, Count, CountFrom, Counted, Exclude, FeeBasis, FeeCondition, FeePer, Holidays,
    OtherFlag, Per, Roll, Set, Status, Subject, TermUnit, VersionBy,
};
use super::written::Written;
use crate::domain::ids::{JurisdictionId, RuleId};
use crate::domain::party::Condition;
use crate::domain::verdict::{Confidence, Effect, Source};
use crate::domain::vocabulary::{Channel, ChargeStep, PartyRole, Place, Technology, vocabulary};

vocabulary!(
    /// The kinds of rules that are judged.
    Kind {
        ContactHours = "contact_hours", ContactFrequency = "contact_frequency", ContactCooldown = "contact_cooldown",
        ContactBlock = "contact_block", NoticePeriod = "notice_period", RequiredNotice = "required_notice",
        FeeCap = "fee_cap", LimitationPeriod = "limitation_period",
        CallRecording = "call_recording", ChannelConsent = "channel_consent", Content = "content",
        DisputeHandling = "dispute_handling", DocumentsHeld = "documents_held",
        ProhibitedConduct = "prohibited_conduct", ThirdParty = "third_party",
        InterestCap = "interest_cap", PaymentApplication = "payment_application", PaymentTerm = "payment_term",
        ClientFunds = "client_funds", CreditReporting = "credit_reporting", RecordRetention = "record_retention",
        Licence = "licence", ComplaintHandling = "complaint_handling",
    }
);

/// A rule of a pack or of a tenant's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its id.
    pub id: RuleId,
    /// The jurisdiction whose file holds it.
    pub jurisdiction: JurisdictionId,
    /// One line.
    pub title: String,
    /// What it says, in a sentence or two.
    pub text: String,
    /// The text of law or code.
    pub citation: String,
    /// Where it comes from.
    pub source: Source,
    /// What the text does.
    pub effect: Effect,
    /// Whether it is law.
    pub status: Status,
    /// Whether its numbers were read in the text.
    pub confidence: Confidence,
    /// The code membership under which it speaks (source `code`).
    pub membership: Option<String>,
    /// First day in force; from ever if absent.
    pub valid_from: Option<NaiveDate>,
    /// Last day in force; open if absent.
    pub valid_until: Option<NaiveDate>,
    /// Which date picks the version.
    pub version_by: VersionBy,
    /// What is judged.
    pub subject: Subject,
    /// From when a flag binds.
    pub from: BindFrom,
    /// Who signed it, when, and when to look again.
    pub review: Review,
    /// Which cases it concerns.
    pub scope: Scope,
    /// Which activities it leaves alone.
    pub exempt: Exempt,
    /// What is taken for a missing attribute; everything else stays unknown.
    pub assume: Attributes,
    /// Limits of its kind.
    pub limits: Limits,
    /// The same as its file writes them, with what a tenant tightens.
    pub written: Written,
    /// Where the rule stands.
    pub position: Position,
    /// Where its limits stand.
    pub limits_position: Position,
}

/// The limits of each kind.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // named as the kinds are
pub enum Limits {
    ContactHours(ContactHours),
    ContactFrequency(ContactFrequency),
    ContactCooldown(ContactCooldown),
    ContactBlock(ContactBlock),
    NoticePeriod(NoticePeriod),
    RequiredNotice(RequiredNotice),
    FeeCap(FeeCap),
    LimitationPeriod(LimitationPeriod),
    CallRecording(CallRecording),
    ChannelConsent(Box<ChannelConsent>),
    Content(Box<Content>),
    DisputeHandling(Box<DisputeHandling>),
    DocumentsHeld(DocumentsHeld),
    ProhibitedConduct(ProhibitedConduct),
    ThirdParty(Box<ThirdParty>),
    InterestCap(InterestCap),
    PaymentApplication(PaymentApplication),
    PaymentTerm(PaymentTerm),
    ClientFunds(ClientFunds),
    CreditReporting(Box<CreditReporting>),
    RecordRetention(RecordRetention),
    Licence(Licence),
    ComplaintHandling(ComplaintHandling),
}

/// Index of public holidays in [`ContactHours::open`]; 0 to 6 are Monday to Sunday.
pub const HOLIDAY: u8 = 7;

/// A stretch of one day in which contact is permitted, half open: `[from, to)` in minutes since local midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpenSpan {
    /// 0 to 6 for Monday to Sunday, 7 for public holidays.
    pub day: u8,
    /// First minute.
    pub from: u16,
    /// Minute at which it ends.
    pub to: u16,
}

/// Permitted local times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactHours {
    /// Channels it concerns.
    pub channels: Set<Channel>,
    /// Places it concerns; empty: anywhere.
    pub places: Set<Place>,
    /// Not where the person stated preferred hours for one of these places: those bind then.
    pub unless_preferred: bool,
    /// How public holidays are treated.
    pub holidays: Holidays,
    /// Further days (month, day) on which nothing is open.
    pub closed_dates: Vec<(u8, u8)>,
    /// The exact end minute of a span still counts as inside.
    pub end_inclusive: bool,
    /// Permitted spans, sorted by (day, from).
    pub open: Vec<OpenSpan>,
    /// The clock that the law names; absent: that of each place where the person may be.
    pub zone: Option<Tz>,
    /// No hours are stated: the rule only informs.
    pub no_figure: bool,
}

/// A stretch of time that is counted over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Any N consecutive local dates, the first of which is day 1.
    CalendarDays(u16),
    /// Any N minutes.
    Minutes(u32),
    /// Any N hours.
    Hours(u32),
    /// The calendar week, Monday to Sunday.
    CalendarWeek,
    /// The calendar month.
    CalendarMonth,
}

/// At most so many contacts in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactFrequency {
    /// At most this many, the judged one included; absent: no figure is stated and the rule only informs.
    pub max: Option<u32>,
    /// Counted over this window.
    pub window: Window,
    /// What counts.
    pub count: Counted,
    /// Counted together.
    pub per: Per,
    /// Only contacts with persons in these roles; empty: with anybody.
    pub roles: Set<PartyRole>,
    /// Channels it concerns.
    pub channels: Set<Channel>,
    /// Technologies it concerns.
    pub technologies: Set<Technology>,
    /// Places it concerns; empty: anywhere.
    pub places: Set<Place>,
    /// Only while the person has one of these conditions, and counted from when it binds; empty: always.
    pub during: Set<Condition>,
    /// Only a condition stated in writing.
    pub during_written: bool,
    /// What is left out.
    pub exclude: Set<Exclude>,
}

/// After an event, no contact for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactCooldown {
    /// What starts it.
    pub after: Counted,
    /// Channels on which the event must have been.
    pub after_channels: Set<Channel>,
    /// The event may also have been begun by the debtor.
    pub after_inbound: bool,
    /// How long; absent: no figure is stated and the rule only informs.
    pub wait: Option<Window>,
    /// Whether the event's own date is day 1 (`from_nth_day`) or not counted (`clear_days`).
    pub days: Count,
    /// Whose events and contacts.
    pub per: Per,
    /// Channels that must rest.
    pub channels: Set<Channel>,
    /// What is left out.
    pub exclude: Set<Exclude>,
}

/// No contact (or other step) while a flag is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactBlock {
    /// Conditions of the person that block.
    pub conditions: Set<Condition>,
    /// Other flags that block.
    pub flags: Set<OtherFlag>,
    /// It says nothing, rather than that it is kept, while nothing is recorded that may set one of its flags.
    pub quiet: bool,
    /// What it answers.
    pub answer: BlockAnswer,
    /// Only a condition stated in writing blocks.
    pub written_only: bool,
    /// Only a condition stated within this term after the latest of the steps `only_within_after` blocks; where no such
    /// step, or not its receipt, is recorded, it blocks.
    pub only_within: Option<Term>,
    /// Steps whose term it is.
    pub only_within_after: Vec<Step>,
    /// How long a condition blocks at most.
    pub lasts: Lasting,
    /// Roles toward which a condition of the primary party blocks as well.
    pub also_toward: Set<PartyRole>,
    /// Roles whose condition blocks toward the primary party, and toward those roles, as well.
    pub also_of: Set<PartyRole>,
    /// Only where a claim has expired under one of these rules.
    pub if_expired: Vec<RuleId>,
    /// The block ends when verification of the debt was sent.
    pub until_verified: bool,
    /// A consent to direct contact lifts it.
    pub lifted_by_direct_consent: bool,
    /// Only contacts at this place.
    pub place: Set<Place>,
    /// Only contacts on these channels.
    pub channels: Set<Channel>,
    /// What is blocked.
    pub forbids: Vec<Step>,
}

impl ContactBlock {
    /// Conditions of somebody else than the person dealt with may block.
    #[must_use]
    pub const fn shares(&self) -> bool {
        !self.also_toward.is_empty() || !self.also_of.is_empty()
    }
}

/// A term: so many units, counted in a stated way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// How many.
    pub length: u16,
    /// Of what.
    pub unit: TermUnit,
    /// Whether the first day counts.
    pub count: Count,
    /// From which moment it runs.
    pub from: CountFrom,
    /// Days after sending at which a notice is deemed received.
    pub deemed_days: u16,
    /// What happens at a last day that is no working day.
    pub roll: Roll,
}

/// One tier: for a basis up to `up_to` (inclusive, minor units).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// Upper end of the basis, inclusive; `i64::MAX` for the open last tier.
    pub up_to: i64,
    /// What the tier allows.
    pub value: TierValue,
}

/// What a tier allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TierValue {
    /// An amount in minor units.
    Amount(i64),
    /// Millionths of the basis; of the basis' part in this tier where the table is marginal.
    Rate(i64),
    /// Millionths of the yearly amount.
    Times(i64),
}

/// A factor that holds once time has passed since a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaterFactor {
    /// Millionths of the table's amount.
    pub factor: i64,
    /// Since any of these steps.
    pub after: Vec<Step>,
    /// This term after the step has ended.
    pub since_step: Option<Term>,
    /// This term after the deadline that the step gave has ended.
    pub since_deadline: Option<Term>,
}

/// The most that the debtor may be charged for a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeeCap {
    /// Steps whose charges are summed.
    pub steps: Set<ChargeStep>,
    /// What the amount is.
    pub bound: Bound,
    /// Currency of the amounts.
    pub currency: crate::domain::money::Currency,
    /// The table; a flat cap is one open tier. Empty: no figure is stated.
    pub tiers: Vec<Tier>,
    /// The dated table whose amount the tiers multiply.
    pub yearly: Option<std::sync::Arc<RateTable>>,
    /// Each tier's rate concerns only the basis' part inside the tier.
    pub marginal: bool,
    /// What the table is read with.
    pub basis: FeeBasis,
    /// Steps whose charges are the basis, for basis `steps`.
    pub basis_steps: Set<ChargeStep>,
    /// Millionths of the basis that count.
    pub basis_share: i64,
    /// Millionths of the table's amount that may be charged.
    pub factor: i64,
    /// The same for an especially extensive or difficult case.
    pub factor_if_complex: Option<i64>,
    /// The same from a day on.
    pub later: Option<LaterFactor>,
    /// The same where the debtor paid in full before a second letter; judged again on payment.
    pub factor_if_paid_on_first_letter: Option<i64>,
    /// Least amount that may always be charged.
    pub minimum: Option<i64>,
    /// Greatest amount in any case.
    pub maximum: Option<i64>,
    /// Summed over.
    pub per: FeePer,
    /// At most so many charges.
    pub max_count: Option<u32>,
    /// Least number of days from one charge to the next (the next is allowed on that day).
    pub min_days_between: Option<u16>,
    /// Both are of all claims together, whatever the amount is taken over.
    pub across_claims: bool,
    /// What must be true for any charge.
    pub requires: Set<FeeCondition>,
    /// What creditors' input tax does: VAT is no loss if the creditor deducts it, so it may not be charged then.
    pub vat_only_if_not_deductible: bool,
    /// The highest rate of VAT, in millionths: what is called VAT beyond it is a charge.
    pub highest_vat: i64,
    /// Silent where the claim was ever disputed: the table is for claims that nobody contests.
    pub unless_disputed: bool,
}
