//! The head of a rule: which cases it concerns, which activities it leaves alone, what is taken for missing attributes.

use chrono::NaiveDate;

use super::words::Set;
use crate::domain::money::Currency;
use crate::domain::vocabulary::{
    CollectorRole, CreditorType, DebtClass, DebtType, Ownership, PartyKind, PartyRole, Purpose,
};

/// A lawyer's signature, empty until given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Review {
    /// By whom.
    pub by: Option<String>,
    /// When.
    pub on: Option<NaiveDate>,
    /// When to look again.
    pub next: Option<NaiveDate>,
}

/// `applies_to`: which cases a rule concerns. An empty set admits all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scope {
    /// Capacity of the collector.
    pub collector_role: Set<CollectorRole>,
    /// On whose account.
    pub ownership: Set<Ownership>,
    /// Consumer or commercial.
    pub debt_class: Set<DebtClass>,
    /// Where the debt comes from.
    pub debt_type: Set<DebtType>,
    /// Kind of creditor.
    pub creditor_type: Set<CreditorType>,
    /// Legal kind of the debtor.
    pub debtor_kind: Set<PartyKind>,
    /// Role of the person dealt with.
    pub person_role: Set<PartyRole>,
    /// Regulated consumer credit.
    pub regulated_credit: Option<bool>,
    /// Non-performing loan of an EU bank.
    pub eu_bank_npl: Option<bool>,
    /// Secured.
    pub secured: Option<bool>,
    /// There is an enforceable title on the activity's day.
    pub titled: Option<bool>,
    /// So many days have passed since the oldest due date of the claims, at least.
    pub past_due_min: Option<u16>,
    /// No more days have passed since then; what is not yet due has passed none.
    pub past_due_max: Option<u16>,
    /// Least principal of the case, in minor units of this currency.
    pub min_principal: Option<(i64, Currency)>,
    /// Greatest principal of the case, in minor units of this currency.
    pub max_principal: Option<(i64, Currency)>,
}

/// `exempt`: which activities a rule leaves alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exempt {
    /// Begun by the debtor (or a third party).
    pub initiated_by_debtor: bool,
    /// Made because the debtor asked for it.
    pub at_debtors_request: bool,
    /// Made for one of these purposes.
    pub purposes: Set<Purpose>,
    /// Made to a person in one of these roles.
    pub person_roles: Set<PartyRole>,
}

/// Values of the attributes that scopes ask for by words: as a case and the person dealt with state them, or as a rule's
/// `when_missing` takes them, on the conservative side, where they are not stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)] // named as the attributes are
pub struct Attributes {
    pub collector_role: Option<CollectorRole>,
    pub ownership: Option<Ownership>,
    pub debt_class: Option<DebtClass>,
    pub debt_type: Option<DebtType>,
    pub creditor_type: Option<CreditorType>,
    pub debtor_kind: Option<PartyKind>,
    pub person_role: Option<PartyRole>,
    pub regulated_credit: Option<bool>,
    pub eu_bank_npl: Option<bool>,
    pub secured: Option<bool>,
}
