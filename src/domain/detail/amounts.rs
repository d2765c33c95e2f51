//! The kinds that carry money: promises, instalments, payments, charges.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::domain::ids::{ActivityId, ClaimId};
use crate::domain::money::Money;
use crate::domain::vocabulary::{Beneficiary, Channel, ChargeStep, Component, Form, vocabulary};

vocabulary!(
    /// Which debt the debtor told a payment to go to, where there are several.
    PaymentDirection {
        /// To the one it was put to.
        Here = "here",
        /// To another one.
        Elsewhere = "elsewhere",
        /// There are several debts, and the debtor named none.
        None = "none",
    }
);
vocabulary!(
    /// What interest is for.
    InterestNature { Default = "default", Credit = "credit", Judgment = "judgment" }
);

/// A promise to pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// Amount promised, more than zero.
    pub amount: Money,
    /// Last day to pay, local to the market.
    pub due: NaiveDate,
    /// Promise that this one replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<ActivityId>,
    /// Channel it was made on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
}

/// One instalment of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instalment {
    /// Due day.
    pub due: NaiveDate,
    /// Amount in minor units of the plan's currency.
    pub amount: i64,
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Amount; zero is accepted.
    pub amount: Money,
    /// Value date; the local day of `occurred` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_date: Option<NaiveDate>,
    /// Who received it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_by: Option<String>,
    /// Method: card, transfer, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Channel it came by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// Allocation by component in minor units, where the payer or the platform decided it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub allocation: BTreeMap<Component, i64>,
    /// Promise it pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise: Option<ActivityId>,
    /// Claim it pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<ClaimId>,
    /// Original amount in another currency than the case's, with `rate_ppm` as the rate used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<Money>,
    /// Units of the case's currency for one unit of the original, in millionths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_ppm: Option<i64>,
    /// Which debt the debtor told it to go to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<PaymentDirection>,
}

impl Payment {
    /// An amount of which nothing more is known.
    #[must_use]
    pub const fn of(amount: Money) -> Self {
        Self {
            amount,
            value_date: None,
            received_by: None,
            method: None,
            channel: None,
            allocation: BTreeMap::new(),
            promise: None,
            claim: None,
            original: None,
            rate_ppm: None,
            direction: None,
        }
    }
}

/// Interest accrued for a stretch of days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interest {
    /// Amount, zero or more.
    pub amount: Money,
    /// First day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// Last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<NaiveDate>,
    /// Yearly rate in millionths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_ppm: Option<i64>,
    /// What it runs on, minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<i64>,
    /// Claim it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<ClaimId>,
    /// What it is for; default interest if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nature: Option<InterestNature>,
    /// The base holds interest that accrued before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compound: Option<bool>,
}

impl Interest {
    /// An amount of which nothing more is known.
    #[must_use]
    pub const fn of(amount: Money) -> Self {
        Self { amount, from: None, to: None, rate_ppm: None, base: None, claim: None, nature: None, compound: None }
    }
}

/// Money handed over to the creditor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remittance {
    /// Amount, zero or more.
    pub amount: Money,
    /// What the collector keeps of the money collected by contract, minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<i64>,
    /// Payments that are handed over whole; else the oldest money of the cases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payments: Vec<ActivityId>,
}

/// A fee charged to the debtor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Step it is charged for.
    pub step: ChargeStep,
    /// Net amount.
    pub amount: Money,
    /// VAT on it, minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vat: Option<i64>,
    /// Basis it was computed on, minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<i64>,
    /// What allows it: contract, statute, court.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorised_by: Option<String>,
    /// Whom it benefits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beneficiary: Option<Beneficiary>,
    /// Day it was asserted towards the debtor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asserted_on: Option<NaiveDate>,
    /// Claim it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<ClaimId>,
    /// Notice it was charged with, if the fee requires one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<ActivityId>,
    /// The notice's form, where the notice is not recorded by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
}
