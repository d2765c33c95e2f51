//! The closed word lists of the field. Each value has one lower-case name, used alike in TOML, in stored rows, in
//! KPI dimensions and (upper-cased behind the enum's name) on the wire.

use serde::{Deserialize, Serialize};

/// Declares a closed vocabulary: an enum whose values have stable lower-case names.
macro_rules! vocabulary {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[allow(missing_docs)] // the stable name says it
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every value, in declaration order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The stable name of the value.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }

            /// The value of that name, if there is one.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some($name::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use vocabulary;

vocabulary!(
    /// Medium of a contact or of a message event.
    Channel {
        Call = "call", Email = "email", Sms = "sms", Letter = "letter", Messaging = "messaging",
        Visit = "visit", Portal = "portal", Fax = "fax", SocialMedia = "social_media",
    }
);
vocabulary!(
    /// How a call or message was made (47 USC 227 and the codes distinguish them).
    Technology {
        Manual = "manual", Dialler = "dialler", Prerecorded = "prerecorded", Ringless = "ringless",
        AiVoice = "ai_voice", Automated = "automated",
    }
);
vocabulary!(
    /// Who began the contact.
    Initiator { Collector = "collector", Debtor = "debtor", Creditor = "creditor", ThirdParty = "third_party" }
);
vocabulary!(
    /// Who acted on the collector's side.
    ActorKind { Human = "human", Bot = "bot", System = "system" }
);
vocabulary!(
    /// Direction as KPIs see it: inbound is begun by the debtor or for the debtor.
    Direction { Inbound = "inbound", Outbound = "outbound" }
);
vocabulary!(
    /// Place reached by a contact.
    Place { Home = "home", Mobile = "mobile", Workplace = "workplace", Other = "other" }
);
vocabulary!(
    /// Why a contact was made: rules exempt some purposes.
    Purpose {
        Reminder = "reminder", Demand = "demand", StatutoryNotice = "statutory_notice", Reply = "reply",
        Service = "service", LocationInquiry = "location_inquiry", Confirmation = "confirmation",
        CeaseAcknowledgement = "cease_acknowledgement", Legal = "legal", Privacy = "privacy",
        EmploymentInquiry = "employment_inquiry",
    }
);
vocabulary!(
    /// Form of a notice.
    Form { Paper = "paper", TextForm = "text_form", Oral = "oral" }
);
vocabulary!(
    /// What was left when nobody was reached.
    MessageLeft { None = "none", Limited = "limited", Full = "full" }
);
vocabulary!(
    /// Role of a person towards a case.
    PartyRole {
        Primary = "primary", CoDebtor = "co_debtor", Guarantor = "guarantor", Spouse = "spouse", Parent = "parent",
        Guardian = "guardian", Executor = "executor", Attorney = "attorney", Adviser = "adviser",
        Employer = "employer", CreditReportingAgency = "credit_reporting_agency", Creditor = "creditor",
        CreditorAttorney = "creditor_attorney", CollectorAttorney = "collector_attorney", Other = "other",
    }
);
vocabulary!(
    /// Legal kind of a party.
    PartyKind { Consumer = "consumer", SoleTrader = "sole_trader", Company = "company", PublicBody = "public_body" }
);
vocabulary!(
    /// In what capacity the collector acts.
    CollectorRole {
        Creditor = "creditor", OutsourcedFirstParty = "outsourced_first_party", Agency = "agency",
        DebtBuyer = "debt_buyer", LawFirm = "law_firm", Bailiff = "bailiff",
    }
);
vocabulary!(
    /// On whose account the debt is collected.
    Ownership { Client = "client", Purchased = "purchased", Assigned = "assigned", Own = "own" }
);
vocabulary!(
    /// Consumer or commercial debt.
    DebtClass { Consumer = "consumer", Business = "business", Mixed = "mixed", Public = "public" }
);
vocabulary!(
    /// What the debt comes from.
    DebtType {
        Loan = "loan", Revolving = "revolving", Mortgage = "mortgage", Sale = "sale", Service = "service",
        Rent = "rent", Utility = "utility", Telecom = "telecom", Medical = "medical", Student = "student",
        Tort = "tort", Fine = "fine", Other = "other",
        /// A small loan without security to a household of low income, where the law has rules of its own for these.
        Microfinance = "microfinance",
    }
);
vocabulary!(
    /// Kind of creditor.
    CreditorType {
        Bank = "bank", CreditInstitution = "credit_institution", Merchant = "merchant", Utility = "utility",
        Telecom = "telecom", Landlord = "landlord", Medical = "medical", PublicBody = "public_body",
        Insurer = "insurer", Private = "private", Other = "other",
    }
);
vocabulary!(
    /// Kind of contact point.
    ContactPointKind {
        Phone = "phone", Email = "email", PostalAddress = "postal_address", Messaging = "messaging",
        PortalAccount = "portal_account",
    }
);
vocabulary!(
    /// Type of a phone number.
    NumberType { Mobile = "mobile", Landline = "landline", Voip = "voip", Unknown = "unknown" }
);
vocabulary!(
    /// Working state of a contact point.
    ContactPointState {
        Unverified = "unverified", Working = "working", Wrong = "wrong", Disconnected = "disconnected",
        Bounced = "bounced", Reassigned = "reassigned",
    }
);
vocabulary!(
    /// What a consent or an opt-out covers.
    ConsentScope {
        All = "all", Channel = "channel", Point = "point", DebtDetails = "debt_details", Calls = "calls",
        Workplace = "workplace", Recording = "recording",
    }
);
vocabulary!(
    /// Final or intermediate state of a message sent.
    MessageEventKind {
        Accepted = "accepted", Delivered = "delivered", Deferred = "deferred", BouncedHard = "bounced_hard",
        BouncedSoft = "bounced_soft", Dropped = "dropped", Opened = "opened", Clicked = "clicked",
        Complained = "complained", Unsubscribed = "unsubscribed", Returned = "returned",
    }
);
vocabulary!(
    /// Component of a debt that an amount belongs to.
    Component { Principal = "principal", Interest = "interest", Cost = "cost" }
);
vocabulary!(
    /// Step that a debtor fee is charged for. Fee caps are stated per step.
    ChargeStep {
        Reminder = "reminder", Demand = "demand", SecondDemand = "second_demand", Plan = "plan",
        Collection = "collection", Settlement = "settlement", Expenses = "expenses", Visit = "visit",
        Legal = "legal", LatePaymentSum = "late_payment_sum", Penalty = "penalty", Dishonoured = "dishonoured",
        Convenience = "convenience", Other = "other",
        /// Being represented before a court or another office, beside what that office itself asks.
        Representation = "representation",
    }
);
vocabulary!(
    /// Whom a fee paid by the debtor benefits: only the collector's own counts as its revenue.
    Beneficiary { Collector = "collector", Creditor = "creditor", Court = "court", Other = "other" }
);
