//! Scopes as bits: whether a rule concerns a case is found by one comparison, not attribute by attribute.
//!
//! Each attribute has a bit for each of its words and one for "not stated", so that a case sets exactly one bit of each
//! attribute. A scope is the bits that it refuses: it concerns the case if none of these is set. What an activity is by a
//! word or two stands beside them, so that most rules that judge others are dismissed by the same comparison.

use super::head::{Attributes, Scope};
use super::words::{Attribute, Set, Word};
use crate::domain::vocabulary::{CollectorRole, CreditorType, DebtClass, DebtType, Ownership, PartyKind, PartyRole};

/// Attributes that scopes ask for by words, in the order in which a missing one is named, with how many words they have.
const ATTRIBUTES: [(Attribute, u32); 10] = [
    (Attribute::CollectorRole, CollectorRole::ALL.len() as u32),
    (Attribute::Ownership, Ownership::ALL.len() as u32),
    (Attribute::DebtClass, DebtClass::ALL.len() as u32),
    (Attribute::DebtType, DebtType::ALL.len() as u32),
    (Attribute::CreditorType, CreditorType::ALL.len() as u32),
    (Attribute::DebtorKind, PartyKind::ALL.len() as u32),
    (Attribute::PersonRole, PartyRole::ALL.len() as u32),
    (Attribute::RegulatedCredit, 2),
    (Attribute::EuBankNpl, 2),
    (Attribute::Secured, 2),
];

/// Where the bits of the attribute of that place begin: first that of "not stated", then those of its words.
const fn begin(place: usize) -> u32 {
    let (mut at, mut bits) = (0, 0);
    while at < place {
        bits += 1 + ATTRIBUTES[at].1;
        at += 1;
    }
    bits
}

/// What an activity may lack that some rules ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lacks {
    /// The collector did not begin it.
    Outbound,
    /// It states no notice, and not that it is a demand or a reminder.
    Marks,
    /// The same, and it may be neither: the collector did not begin it, or it states another purpose.
    Demand,
    /// Its case is not the first of those that it is about.
    Lead,
    /// Nothing is recorded that may set a flag.
    Flags,
}

impl Lacks {
    /// Where the bits begin: behind those of the attributes.
    const BEGIN: u32 = begin(ATTRIBUTES.len());

    const fn bit(self) -> u128 {
        1 << (Self::BEGIN + self as u32)
    }
}

const _: () = assert!(Lacks::BEGIN + (Lacks::Flags as u32) < u128::BITS);

/// What a case and the person dealt with state, as bits: one for each attribute.
#[derive(Debug, Clone, Copy)]
pub struct Profile(u128);

impl Profile {
    /// The bits of what is stated.
    #[must_use]
    #[inline]
    pub const fn of(stated: &Attributes) -> Self {
        /// The place of a word among an attribute's bits.
        macro_rules! bit {
            ($place:literal, $stated:expr) => {
                1_u128 << (begin($place) + if let Some(word) = $stated { word as u32 + 1 } else { 0 })
            };
        }
        Self(
            bit!(0, stated.collector_role)
                | bit!(1, stated.ownership)
                | bit!(2, stated.debt_class)
                | bit!(3, stated.debt_type)
                | bit!(4, stated.creditor_type)
                | bit!(5, stated.debtor_kind)
                | bit!(6, stated.person_role)
                | bit!(7, stated.regulated_credit)
                | bit!(8, stated.eu_bank_npl)
                | bit!(9, stated.secured),
        )
    }

    /// The same for an activity that lacks this, if `so`.
    #[must_use]
    #[inline]
    pub const fn lacking(self, lacks: Lacks, so: bool) -> Self {
        Self(self.0 | if so { lacks.bit() } else { 0 })
    }
}

/// What a scope refuses, with what its rule assumes where nothing is stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScopeMask {
    refused: u128,
    /// "Not stated" of the attributes whose absence leaves it open whether the rule concerns the case.
    open: u128,
}

impl ScopeMask {
    /// The bits of a scope.
    #[must_use]
    pub fn of(scope: &Scope, assume: &Attributes) -> Self {
        let mut mask = Self::default();
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

    /// The same, refusing activities that lack this, if `so`.
    #[must_use]
    pub fn refusing(self, lacks: Lacks, so: bool) -> Self {
        Self { refused: self.refused | if so { lacks.bit() } else { 0 }, ..self }
    }

    fn words<T: Word>(&mut self, place: usize, wanted: Set<T>, assumed: Option<T>) {
        if !wanted.is_empty() {
            self.wants(place, wanted.bits(), assumed.map(|word| wanted.has(word)));
        }
    }

    fn flag(&mut self, place: usize, wanted: Option<bool>, assumed: Option<bool>) {
        if let Some(wanted) = wanted {
            self.wants(place, 1 << u32::from(wanted), assumed.map(|set| set == wanted));
        }
    }

    /// `assumed`: what is taken where nothing is stated is wanted.
    fn wants(&mut self, place: usize, wanted: u32, assumed: Option<bool>) {
        let Some((_, words)) = ATTRIBUTES.get(place) else { return };
        let missing = 1_u128 << begin(place);
        for word in 0..*words {
            if wanted >> word & 1 == 0 {
                self.refused |= missing << (word + 1);
            }
        }
        match assumed {
            None => self.open |= missing,
            Some(true) => {}
            Some(false) => self.refused |= missing,
        }
    }

    /// `None`: the rule does not concern the case. `Some(None)`: it does, as far as words tell. `Some(Some(attribute))`:
    /// it may, and that attribute is missing to tell.
    #[must_use]
    #[inline]
    #[allow(clippy::option_option)] // three answers
    pub fn admits(&self, profile: Profile) -> Option<Option<Attribute>> {
        if self.refused & profile.0 != 0 {
            return None;
        }
        let open = self.open & profile.0;
        Some(if open == 0 { None } else { missing(open) })
    }
}

/// The first attribute that is not stated.
#[cold]
fn missing(open: u128) -> Option<Attribute> {
    let mut attributes = ATTRIBUTES.iter().zip(0..);
    attributes.find(|(_, place)| open >> begin(*place) & 1 == 1).map(|((attribute, _), _)| *attribute)
}

/// The scope also asks for what is no word: a title, an amount, days past due.
#[must_use]
pub const fn asks_further(scope: &Scope) -> bool {
    scope.titled.is_some()
        || scope.min_principal.is_some()
        || scope.max_principal.is_some()
        || scope.past_due_min.is_some()
        || scope.past_due_max.is_some()
}
