//! Scopes as bits: whether a rule concerns a case is found by a few comparisons side by side, not attribute by attribute.

use super::head::{Assume, Scope};
use super::words::{Attribute, Set, Word};
use crate::domain::vocabulary::{CollectorRole, CreditorType, DebtClass, DebtType, Ownership, PartyKind, PartyRole};

/// Attributes that scopes ask for by words, in the order in which a missing one is named.
const ATTRIBUTES: [Attribute; 10] = [
    Attribute::CollectorRole,
    Attribute::Ownership,
    Attribute::DebtClass,
    Attribute::DebtType,
    Attribute::CreditorType,
    Attribute::DebtorKind,
    Attribute::PersonRole,
    Attribute::RegulatedCredit,
    Attribute::EuBankNpl,
    Attribute::Secured,
];
/// Room for them; the rest admits everything.
const LANES: usize = 12;
/// The bit of an attribute that is not stated. No list of words is as long, as a test makes sure.
const MISSING: u32 = 1 << 31;

/// What a case and the person dealt with state of the attributes that scopes ask for.
#[derive(Debug, Clone, Copy, Default)]
#[allow(missing_docs)] // named as the attributes are
pub struct Stated {
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

/// The same as bits: one for each attribute.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    bits: [u32; LANES],
    missing: u16,
}

fn word<T: Word>(stated: Option<T>) -> u32 {
    stated.map_or(MISSING, Word::bit)
}

fn flag(stated: Option<bool>) -> u32 {
    stated.map_or(MISSING, |set| 1 << u32::from(set))
}

impl Profile {
    /// The bits of what is stated.
    #[must_use]
    pub fn of(stated: &Stated) -> Self {
        let bits = [
            word(stated.collector_role),
            word(stated.ownership),
            word(stated.debt_class),
            word(stated.debt_type),
            word(stated.creditor_type),
            word(stated.debtor_kind),
            word(stated.person_role),
            flag(stated.regulated_credit),
            flag(stated.eu_bank_npl),
            flag(stated.secured),
            0,
            0,
        ];
        let missing = bits.iter().zip(0_u32..).fold(0, |all, (bits, lane)| all | u16::from(*bits == MISSING) << lane);
        Self { bits, missing }
    }
}

/// What a scope admits, with what its rule assumes where nothing is stated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeMask {
    admits: [u32; LANES],
    /// Attributes whose absence leaves it open whether the rule concerns the case.
    open: u16,
    /// The scope also asks for what is no word: a title, an amount, days past due.
    further: bool,
}

impl ScopeMask {
    /// The bits of a scope.
    #[must_use]
    pub fn of(scope: &Scope, assume: &Assume) -> Self {
        let mut mask = Self { admits: [u32::MAX; LANES], open: 0, further: further(scope) };
        mask.words(0, scope.collector_role, assume.collector_role);
        mask.words(1, scope.ownership, assume.ownership);
        mask.words(2, scope.debt_class, assume.debt_class);
        mask.words(3, scope.debt_type, assume.debt_type);
        mask.words(4, scope.creditor_type, assume.creditor_type);
        mask.words(5, scope.debtor_kind, assume.debtor_kind);
        mask.words(6, scope.person_role, assume.person_role);
        mask.flag(7, scope.regulated_credit, assume.regulated_credit);
        mask.flag(8, scope.eu_bank_npl, assume.eu_bank_npl);
        mask.flag(9, scope.secured, assume.secured);
        mask
    }

    fn words<T: Word>(&mut self, lane: usize, wanted: Set<T>, assumed: Option<T>) {
        if !wanted.is_empty() {
            self.wants(lane, wanted.bits(), assumed.map(|word| wanted.has(word)));
        }
    }

    fn flag(&mut self, lane: usize, wanted: Option<bool>, assumed: Option<bool>) {
        if let Some(wanted) = wanted {
            self.wants(lane, 1 << u32::from(wanted), assumed.map(|set| set == wanted));
        }
    }

    /// `assumed`: what is taken where nothing is stated is wanted.
    fn wants(&mut self, lane: usize, wanted: u32, assumed: Option<bool>) {
        if let Some(admits) = self.admits.get_mut(lane) {
            *admits = wanted | if assumed == Some(false) { 0 } else { MISSING };
        }
        if assumed.is_none() {
            self.open |= 1 << lane;
        }
    }

    /// `None`: the rule does not concern the case. `Some(None)`: it does, as far as words tell. `Some(Some(attribute))`:
    /// it may, and that attribute is missing to tell.
    #[must_use]
    #[inline]
    #[allow(clippy::option_option)] // three answers
    pub fn admits(&self, profile: &Profile) -> Option<Option<Attribute>> {
        let lanes = self.admits.iter().zip(&profile.bits).take(ATTRIBUTES.len());
        if lanes.fold(false, |out, (admits, bits)| out | (admits & bits == 0)) {
            return None;
        }
        let open = self.open & profile.missing;
        Some(if open == 0 { None } else { ATTRIBUTES.get(open.trailing_zeros() as usize).copied() })
    }

    /// The scope also asks for what is no word.
    #[must_use]
    pub const fn asks_further(&self) -> bool {
        self.further
    }
}

const fn further(scope: &Scope) -> bool {
    scope.titled.is_some()
        || scope.min_principal.is_some()
        || scope.max_principal.is_some()
        || scope.past_due_min.is_some()
        || scope.past_due_max.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_list_of_words_reaches_the_bit_of_what_is_missing() {
        fn longest<T: Word>() -> usize {
            T::all().len()
        }
        let lists = [
            longest::<CollectorRole>(),
            longest::<Ownership>(),
            longest::<DebtClass>(),
            longest::<DebtType>(),
            longest::<CreditorType>(),
            longest::<PartyKind>(),
            longest::<PartyRole>(),
        ];
        assert!(lists.iter().all(|words| *words < 32), "{lists:?}");
    }
}
