//! The case: a debt file worked as one, its claims, and its dated versions of master data.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::ids::{CaseId, ClaimId, PersonId, VersionId};
use super::money::{Currency, Money};
use super::party::{Party, is_false};
use super::time::Timestamp;
use super::vocabulary::{CollectorRole, CreditorType, DebtClass, DebtType, Ownership, PartyRole, vocabulary};

vocabulary!(
    /// What moves or restarts a limitation period.
    LimitationEventKind {
        DemandReceived = "demand_received", Acknowledgement = "acknowledgement", Payment = "payment",
        CourtAction = "court_action", Negotiation = "negotiation", Suspension = "suspension", Resumption = "resumption",
        Enforcement = "enforcement",
    }
);
vocabulary!(
    /// Kind of interest agreed for a claim.
    InterestKind { None = "none", Statutory = "statutory", Contractual = "contractual" }
);

/// An event that interrupts or suspends limitation, known from before the case came here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitationEvent {
    /// What happened.
    pub kind: LimitationEventKind,
    /// On which day.
    pub on: NaiveDate,
    /// Whether it reached the debtor, where that matters (Preskriptionslag (1981:130) § 5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached_debtor: Option<bool>,
    /// Of a demand or an acknowledgement, whether it was in writing, where that matters (Limitation Act 1980 s. 30).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<bool>,
}

/// A notice that was sent before the case came here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriorNotice {
    /// Notice kind as packs name it.
    pub kind: String,
    /// Day it was sent.
    pub sent: NaiveDate,
    /// Day it was received, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<NaiveDate>,
    /// Last day to pay that it gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<NaiveDate>,
}

/// A fee charged before the case came here: fee caps judge the sum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriorCharge {
    /// Step it was charged for.
    pub step: super::vocabulary::ChargeStep,
    /// Net amount.
    pub amount: Money,
    /// Day it was charged.
    pub on: NaiveDate,
}

/// One invoice or instalment line: the unit of due date, interest and limitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Its id, unique in the case.
    pub id: ClaimId,
    /// Principal, in minor units of the case's currency.
    pub principal: i64,
    /// VAT contained in the principal, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vat: Option<i64>,
    /// Invoice number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_number: Option<String>,
    /// Day the invoice was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_date: Option<NaiveDate>,
    /// Day the invoice was received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_received: Option<NaiveDate>,
    /// Day the claim arose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arose: Option<NaiveDate>,
    /// Original due date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_original: Option<NaiveDate>,
    /// Due date in force; the original one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_current: Option<NaiveDate>,
    /// The due date was fixed by contract, so default needs no reminder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_fixed_by_contract: Option<bool>,
    /// Day interest runs from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interest_from: Option<NaiveDate>,
    /// Kind of interest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interest_kind: Option<InterestKind>,
    /// Yearly rate in millionths (11.75 % is 117500).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interest_rate_ppm: Option<i64>,
}

impl Claim {
    /// The due date in force.
    #[must_use]
    pub fn due(&self) -> Option<NaiveDate> {
        self.due_current.or(self.due_original)
    }
}

/// Who the debt belongs to and who collects it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// The creditor whose claim it is now (the client of an agency): the KPI dimension `client`.
    pub creditor: String,
    /// The creditor it arose with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_creditor: Option<String>,
    /// Kind of creditor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creditor_type: Option<CreditorType>,
    /// Owner of the claim, where not the creditor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim_owner: Option<String>,
    /// On whose account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ownership: Option<Ownership>,
    /// In what capacity the collector acts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collector_role: Option<CollectorRole>,
    /// The collecting company.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collector_entity: Option<String>,
}

/// What kind of debt it is in law.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LegalClass {
    /// Consumer or commercial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debt_class: Option<DebtClass>,
    /// Where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debt_type: Option<DebtType>,
    /// Regulated consumer credit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regulated_credit: Option<bool>,
    /// Non-performing loan of an EU bank (Directive (EU) 2021/2167).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eu_bank_npl: Option<bool>,
    /// Secured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secured: Option<bool>,
    /// Promissory note or other instrument.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instrument: Option<String>,
    /// Day of the enforceable title, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub titled_on: Option<NaiveDate>,
    /// Law that governs the claim: a jurisdiction id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub governing_law: Option<String>,
    /// Agreed forum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forum: Option<String>,
}

/// The dates of the debt's life that rules read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Dates {
    /// Contract concluded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract: Option<NaiveDate>,
    /// Cause of action arose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause_of_action: Option<NaiveDate>,
    /// Default began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_on: Option<NaiveDate>,
    /// Default notice sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_notice: Option<NaiveDate>,
    /// Charged off by the creditor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge_off: Option<NaiveDate>,
    /// Itemisation date (12 CFR 1006.34(b)(3)).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub itemisation: Option<NaiveDate>,
    /// Last payment before the case came here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_payment: Option<NaiveDate>,
    /// Last acknowledgement before the case came here, in the form that the law asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_acknowledgement: Option<NaiveDate>,
    /// Last contact by the creditor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_creditor_contact: Option<NaiveDate>,
    /// Events that moved limitation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limitation_events: Vec<LimitationEvent>,
}

/// Terms that were agreed, and facts that fees depend on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Terms {
    /// Reminder fee agreed at the latest when the debt arose, in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreed_reminder_fee: Option<i64>,
    /// Agreed default rate in millionths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreed_default_rate_ppm: Option<i64>,
    /// A clause lets costs be charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_clause: Option<bool>,
    /// The creditor deducts input VAT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creditor_deducts_vat: Option<bool>,
    /// The debtor evidently evades payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evasion: Option<bool>,
    /// Especially extensive or difficult.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complex: Option<bool>,
    /// Charge-off amount, minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge_off_amount: Option<i64>,
    /// Amount on the itemisation date, minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub itemisation_amount: Option<i64>,
    /// Yearly rate of the credit before default, in millionths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract_rate_ppm: Option<i64>,
    /// The time to pay was agreed expressly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_term_agreed: Option<bool>,
}

/// How the case came to be collected.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Placement {
    /// Mandate reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mandate: Option<String>,
    /// Day of the mandate: picks the version of fee tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mandate_on: Option<NaiveDate>,
    /// Placement reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement_id: Option<String>,
    /// 1 for the first placement, 2 for the second, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u16>,
    /// When it was placed: the `placed` flow of the balance identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placed: Option<Timestamp>,
    /// Bought on this day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchased_on: Option<NaiveDate>,
    /// Price paid, minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase_price: Option<i64>,
    /// Face value bought, minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub face_value: Option<i64>,
    /// Transferred on this day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transferred_on: Option<NaiveDate>,
    /// Seller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller: Option<String>,
}

/// What the collector steers by: KPI dimensions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Steering {
    /// Portfolio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub portfolio: Option<String>,
    /// Product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Stage: reminder, collection demand, legal, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Agent assigned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Team assigned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Accounts worked together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_group: Option<String>,
    /// Segment attributes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub segments: BTreeMap<String, String>,
}

/// One version of a case's master data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseVersion {
    /// The case.
    pub case: CaseId,
    /// The version's own id, made by the client.
    pub version: VersionId,
    /// From when on this version holds. The earliest version holds from ever.
    pub effective: Timestamp,
    /// Currency of every amount of the case.
    pub currency: Currency,
    /// Identity.
    #[serde(default)]
    pub identity: Identity,
    /// Legal class.
    #[serde(default)]
    pub class: LegalClass,
    /// Dates.
    #[serde(default)]
    pub dates: Dates,
    /// Terms.
    #[serde(default)]
    pub terms: Terms,
    /// Placement.
    #[serde(default)]
    pub placement: Placement,
    /// Steering.
    #[serde(default)]
    pub steering: Steering,
    /// Claims. Their principals never change in a later version.
    #[serde(default)]
    pub claims: Vec<Claim>,
    /// Parties.
    #[serde(default)]
    pub parties: Vec<Party>,
    /// Before this instant omissions are not judged: the case was worked elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history_complete_from: Option<Timestamp>,
    /// Notices sent before the case came here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prior_notices: Vec<PriorNotice>,
    /// Fees charged before the case came here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prior_charges: Vec<PriorCharge>,
    /// The case is closed and receives no more collection activity.
    #[serde(default, skip_serializing_if = "is_false")]
    pub closed: bool,
    /// Attributes that no rule reads, kept as sent; some are dimensions, see [`super::case_dimensions`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

impl CaseVersion {
    /// The order of versions: greatest (effective, version id) not after an instant is in force at it.
    #[must_use]
    pub fn order(&self) -> (Timestamp, &VersionId) {
        (self.effective, &self.version)
    }

    /// The oldest due date of the claims, of those that are known.
    #[must_use]
    pub fn oldest_due(&self) -> Option<NaiveDate> {
        self.claims.iter().filter_map(Claim::due).min()
    }

    /// Principal over all claims, in minor units. Validation keeps the sum inside 64 bits.
    #[must_use]
    pub fn principal(&self) -> i64 {
        self.claims.iter().fold(0, |sum, claim| sum.saturating_add(claim.principal))
    }

    /// The party of that person, if there is one.
    #[must_use]
    pub fn party(&self, person: &PersonId) -> Option<&Party> {
        self.parties.iter().find(|party| &party.person == person)
    }

    /// The primary party, else the first one.
    #[must_use]
    pub fn primary(&self) -> Option<&Party> {
        self.parties.iter().find(|party| party.role == PartyRole::Primary).or_else(|| self.parties.first())
    }
}
