//! The closed word lists of rule files, and sets of words as bit masks.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::domain::case::LimitationEventKind;
use crate::domain::detail::LegalStepKind;
use crate::domain::party::Condition;
use crate::domain::verdict::{Confidence, Effect, Source};
use crate::domain::vocabulary::{
    Channel, ChargeStep, CollectorRole, ConsentScope, CreditorType, DebtClass, DebtType, Form, MessageLeft, NumberType,
    Ownership, PartyKind, PartyRole, Place, Purpose, Technology, vocabulary,
};

pub use super::flags::OtherFlag;

vocabulary!(
    /// Whether a rule is law. Proposed rules are listed and never judged; superseded ones keep their dates.
    Status { InForce = "in_force", Proposed = "proposed", Superseded = "superseded" }
);
vocabulary!(
    /// Which date picks the version of a rule.
    VersionBy {
        ActivityOn = "activity_on", ContractOn = "contract_on", ClaimAroseOn = "claim_arose_on", DueOn = "due_on",
        MandateOn = "mandate_on", ActionFiledOn = "action_filed_on",
        /// The days of an interest accrual.
        AccruedOn = "accrued_on",
    }
);
vocabulary!(
    /// What is judged: once per activity, per case of the activity, or per person over all cases.
    Subject { Activity = "activity", Case = "case", Person = "person", CampaignDay = "campaign_day", Tenant = "tenant" }
);
vocabulary!(
    /// From when a flag binds the collector.
    BindFrom { Occurred = "occurred", Received = "received", Effective = "effective" }
);
vocabulary!(
    /// What a fee rule's amount is. Only a ceiling accuses anybody.
    Bound { Ceiling = "ceiling", Floor = "floor", DefaultIfNotAgreed = "default_if_not_agreed", SetOffAgainst = "set_off_against" }
);
vocabulary!(
    /// How the days of a term are counted.
    Count {
        /// The first day is not counted: a term of N days ends with the Nth day after it.
        ClearDays = "clear_days",
        /// The first day is day 1: a term of N days ends with the day N - 1 days after it.
        FromNthDay = "from_nth_day",
    }
);
vocabulary!(
    /// From which moment of a notice a term runs.
    CountFrom { Sent = "sent", Received = "received", DeemedReceived = "deemed_received" }
);
vocabulary!(
    /// What happens to a term whose last day is no working day.
    Roll { None = "none", NextWorkingDay = "next_working_day" }
);
vocabulary!(
    /// What a frequency rule counts.
    Counted { Attempts = "attempts", Contacts = "contacts", Conversations = "conversations" }
);
vocabulary!(
    /// Whose contacts are counted together.
    Per {
        /// The contacts of one person about one case.
        PersonAndCase = "person_and_case",
        /// All contacts about one case, to whomever.
        Case = "case",
        /// All contacts of one person over all cases of the tenant.
        Person = "person",
        /// All contacts of one person over those cases of the tenant that the same collector works.
        Collector = "collector",
        /// All contacts of one person over those cases of the tenant that are collected for the same creditor.
        Creditor = "creditor",
        /// The contacts about one case with everybody in the person's household.
        HouseholdAndCase = "household_and_case",
        /// All contacts with everybody in the person's household, over all cases of the tenant.
        Household = "household",
    }
);
vocabulary!(
    /// Contacts that a counting rule leaves out.
    Exclude {
        /// Busy tone or number not in service.
        NotConnected = "not_connected",
        /// Begun by the debtor or a third party.
        Inbound = "inbound",
        /// Inside the person's consent to more calls.
        ConsentWindow = "consent_window",
        /// To an attorney, a creditor or a credit reporting agency.
        ExcludedRecipients = "excluded_recipients",
        /// Made because the debtor asked for it.
        AtDebtorsRequest = "at_debtors_request",
        /// Answers to the debtor.
        Replies = "replies",
        /// Notices that a statute demands.
        StatutoryNotices = "statutory_notices",
        /// To a number that turned out to be another's.
        WrongNumber = "wrong_number",
        /// That reached nobody and could leave no message.
        NoMessagePossible = "no_message_possible",
        /// Until the first conversation about the case, or, over cases, with the person about any that counts; that one included.
        BeforeConversation = "before_conversation",
    }
);
vocabulary!(
    /// What a flag rule answers while the flag is set.
    BlockAnswer { NotPermitted = "not_permitted", RepresentativeOnly = "representative_only" }
);
vocabulary!(
    /// How a rule treats public holidays.
    Holidays {
        /// Only windows that name `holiday` are open on a public holiday.
        Closed = "closed",
        /// A public holiday is like any other day of the week.
        Ignored = "ignored",
    }
);
vocabulary!(
    /// A case attribute that a rule's scope reads, as `when_missing` and `missing` name it.
    Attribute {
        CollectorRole = "collector_role", Ownership = "ownership", DebtClass = "debt_class", DebtType = "debt_type",
        CreditorType = "creditor_type", DebtorKind = "debtor_kind", RegulatedCredit = "regulated_credit",
        EuBankNpl = "eu_bank_npl", Secured = "secured", PersonRole = "person_role", Zone = "zone",
        Residence = "residence", ContractDate = "contract_date", ClaimArose = "claim_arose", DueDate = "due_date",
        MandateDate = "mandate_date", ClockTime = "clock_time", Person = "person", Received = "received",
        AgreedReminderFee = "agreed_reminder_fee", CostClause = "cost_clause", Principal = "principal",
        NoticeForm = "notice_form", Subdivision = "subdivision", CauseOfAction = "cause_of_action", Pack = "pack",
        ReachedDebtor = "reached_debtor", Currency = "currency", DefaultDate = "default_date",
        DueFixedByContract = "due_fixed_by_contract", History = "history", VatDeduction = "vat_deduction", TitleDate = "title_date",
        ConsentForm = "consent_form", ContactPoint = "contact_point", ContentItems = "content_items",
        Documents = "documents", Grounds = "grounds", IdentityVerified = "identity_verified", Language = "language",
        MessageLeft = "message_left", NumberType = "number_type", Place = "place", Purpose = "purpose",
        Recorded = "recorded", RecordingNotice = "recording_notice", Technology = "technology",
        Verified = "contact_point_verified", Written = "written",
        AccrualPeriod = "accrual_period", InterestBase = "interest_base", ContractRate = "contract_rate",
        InvoiceDate = "invoice_date", PaymentTermAgreed = "payment_term_agreed", PaymentDirection = "payment_direction",
        ReceivedBy = "received_by", PaidClaim = "paid_claim", RecordDate = "record_date", WrittenRequest = "written_request", Claim = "claim",
        Deadline = "deadline", Household = "household", Collector = "collector_entity",
        Creditor = "creditor", Locality = "locality", Outcome = "outcome", Basis = "basis", TableRate = "table_rate",
        Resumption = "resumption",
        /// Of a charge: no rule bounds it.
        ChargeRule = "charge_rule",
    }
);
vocabulary!(
    /// What must be true for a fee to be owed at all.
    FeeCondition {
        /// A reminder fee was agreed.
        AgreedReminderFee = "agreed_reminder_fee",
        /// A clause of the contract lets costs be charged.
        CostClause = "cost_clause",
        /// There is an enforceable title.
        Title = "title",
        /// The fee goes with a notice on paper or in text form.
        WrittenNotice = "written_notice",
        /// A written instalment plan was agreed.
        WrittenPlan = "written_plan",
        /// The charge names what allows it.
        Authorised = "authorised",
    }
);
vocabulary!(
    /// What a fee cap is taken over.
    FeePer { Case = "case", Claim = "claim", Charge = "charge" }
);
vocabulary!(
    /// From when a limitation period runs.
    LimitationStart {
        Arose = "arose", Due = "due", CauseOfAction = "cause_of_action", Default = "default",
        /// End of the calendar year in which the claim arose.
        EndOfYearArose = "end_of_year_arose",
        /// End of the calendar year in which the claim fell due.
        EndOfYearDue = "end_of_year_due",
        /// Day of the enforceable title.
        Title = "title",
        /// Last payment, else default.
        LastPaymentOrDefault = "last_payment_or_default",
    }
);

vocabulary!(
    /// A day of a claim's life from which a term runs, where no step begins it.
    Since {
        /// The due date in force.
        Due = "due",
        /// The day on which default began.
        Default = "default",
    }
);
vocabulary!(
    /// When a required notice is due, seen from its event.
    Timing {
        /// Inside a term that begins with the event: an omission when the term ends.
        Within = "within",
        /// Before the event happens.
        Before = "before",
        /// Before the event or in the very contact that is the event.
        With = "with",
    }
);
vocabulary!(
    /// Unit of a term.
    TermUnit { Days = "days", WorkingDays = "working_days", Weeks = "weeks", Months = "months", Years = "years" }
);
vocabulary!(
    /// What a percentage or a tier is taken of.
    FeeBasis {
        /// The principal of the case (of the claim, where the cap is per claim).
        Principal = "principal",
        /// The basis that the charge itself states.
        Charge = "charge",
        /// The sum of the charges of other steps.
        Steps = "steps",
    }
);

impl VersionBy {
    /// The day on which something is done picks the version.
    #[must_use]
    pub const fn is_of_activity(self) -> bool {
        matches!(self, Self::ActivityOn | Self::ActionFiledOn)
    }
}

impl Per {
    /// The contacts of other cases count too.
    #[must_use]
    pub const fn over_cases(self) -> bool {
        matches!(self, Self::Person | Self::Collector | Self::Creditor | Self::Household)
    }

    /// Whatever `other` counts together, this does too: a rule that counts so is at least as strict.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        let narrower: &[Self] = match self {
            Self::PersonAndCase | Self::Collector => &[],
            Self::HouseholdAndCase | Self::Creditor => &[Self::PersonAndCase],
            Self::Case => &[Self::PersonAndCase, Self::HouseholdAndCase],
            Self::Person => &[Self::PersonAndCase, Self::Collector, Self::Creditor],
            Self::Household => &[Self::PersonAndCase, Self::Collector, Self::Creditor, Self::Person],
        };
        self == other || narrower.contains(&other)
    }
}

/// A closed vocabulary as rule files read it.
pub trait Word: Copy + Sized + 'static {
    /// The value of that name.
    fn read(text: &str) -> Option<Self>;
    /// Every value.
    fn all() -> &'static [Self];
    /// The stable name.
    fn name(self) -> &'static str;
    /// The bit of the value in a [`Set`].
    fn bit(self) -> u32;
}

macro_rules! words {
    ($($name:ty),+ $(,)?) => {$(
        impl $crate::rules::words::Word for $name {
            fn read(text: &str) -> Option<Self> { Self::parse(text) }
            fn all() -> &'static [Self] { Self::ALL }
            fn name(self) -> &'static str { self.as_str() }
            fn bit(self) -> u32 { 1 << (self as u32) }
        }
    )+};
}
pub(super) use words;
words!(
    Status,
    VersionBy,
    Subject,
    BindFrom,
    Bound,
    Count,
    CountFrom,
    Roll,
    Counted,
    Per,
    Exclude,
    BlockAnswer,
    OtherFlag,
    Holidays,
    FeeCondition,
    FeePer,
    LimitationStart,
    Source,
    Effect,
    Confidence,
    Channel,
    Technology,
    Purpose,
    Place,
    PartyRole,
    PartyKind,
    CollectorRole,
    Ownership,
    DebtClass,
    DebtType,
    CreditorType,
    Form,
    ChargeStep,
    Condition,
    LegalStepKind,
    LimitationEventKind,
    ConsentScope,
    MessageLeft,
    NumberType,
    Timing,
    Since,
    TermUnit,
    FeeBasis,
);

/// A set of words, empty where the rule file names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Set<T> {
    bits: u32,
    word: PhantomData<T>,
}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Self { bits: 0, word: PhantomData }
    }
}

impl<T: Word> Set<T> {
    /// The set of these words.
    #[must_use]
    pub fn of(words: &[T]) -> Self {
        Self { bits: words.iter().fold(0, |bits, word| bits | word.bit()), word: PhantomData }
    }

    /// The set of these bits, as [`Set::bits`] gave them.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self { bits, word: PhantomData }
    }

    /// The set as bits, to be kept in few.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.bits
    }

    /// The word is in the set.
    #[must_use]
    pub fn has(self, word: T) -> bool {
        self.bits & word.bit() != 0
    }

    /// The word of that place in its list is in the set.
    #[must_use]
    pub const fn has_place(self, place: u32) -> bool {
        place < u32::BITS && self.bits >> place & 1 == 1
    }

    /// No word was named.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// The word is in the set, or the set is empty: a matcher that names nothing matches everything.
    #[must_use]
    pub fn admits(self, word: T) -> bool {
        self.is_empty() || self.has(word)
    }

    /// Adds a word.
    pub fn insert(&mut self, word: T) {
        self.bits |= word.bit();
    }

    /// Some word is in both sets.
    #[must_use]
    #[inline]
    pub const fn meets(self, other: Self) -> bool {
        self.bits & other.bits != 0
    }

    /// Every word of `other` is in this set.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self.bits & other.bits == other.bits
    }

    /// The words, in the order of their list.
    pub fn iter(self) -> impl Iterator<Item = T> {
        T::all().iter().copied().filter(move |word| self.has(*word))
    }
}
