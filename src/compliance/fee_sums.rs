//! What was charged before, and for which of the claims of a case: sums and numbers of charges, and whether they fit what may
//! be charged, whichever claims those are of that name none.

use chrono::NaiveDate;

use super::charged::Charged;
use super::situation::Situation;
use crate::domain::case::PriorCharge;
use crate::domain::ids::ClaimId;
use crate::domain::vocabulary::ChargeStep;
use crate::rules::words::Set;

const ONE: i128 = 1_000_000;

/// Charges: net, and the VAT on them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum {
    net: i128,
    vat: i128,
}

impl Sum {
    /// One charge, where they are counted.
    pub const SINGLE: Self = Self { net: 1, vat: 0 };

    pub fn new(net: i64, vat: i64) -> Self {
        Self { net: net.into(), vat: i128::from(vat).max(0) }
    }

    /// Without VAT.
    pub const fn net(self) -> i128 {
        self.net
    }

    fn add(&mut self, other: Self) {
        self.net += other.net;
        self.vat += other.vat;
    }

    /// What counts against a cap of net amounts: what is called VAT counts too where it is more than the highest rate, in
    /// millionths, makes of the net amount, for it cannot be VAT.
    pub fn counted(self, highest_vat: i64) -> i128 {
        let vat = (self.net * i128::from(highest_vat) + ONE - 1).div_euclid(ONE);
        self.net + (self.vat - vat.max(0)).max(0)
    }
}

/// A charge before the one that is judged.
#[derive(Clone, Copy)]
pub(super) enum Before<'a> {
    Here(&'a Charged),
    /// From before the case came here.
    Prior(&'a PriorCharge),
}

impl<'a> Before<'a> {
    pub fn claim(self) -> Option<&'a ClaimId> {
        match self {
            Self::Here(charge) => charge.claim.as_ref(),
            Self::Prior(_) => None,
        }
    }

    pub fn sum(self) -> Sum {
        match self {
            Self::Here(charge) => Sum::new(charge.net, charge.vat()),
            Self::Prior(charge) => Sum::new(charge.amount.minor, 0),
        }
    }

    /// The day on which it was charged.
    pub fn on(self, situation: &Situation<'_>) -> NaiveDate {
        match self {
            Self::Here(charge) => situation.date_in(charge.at, situation.home_zone()),
            Self::Prior(charge) => charge.on,
        }
    }
}

/// The charges of some steps of which something stands, those from before the case came here included; none of a later day.
pub(super) fn before<'a>(
    steps: Set<ChargeStep>,
    situation: &Situation<'a>,
) -> impl Iterator<Item = Before<'a>> + use<'a> {
    let date = situation.date();
    let here = situation.watch.memory().standing().filter(move |one| steps.has(one.step));
    let prior = situation.version.prior_charges.iter();
    let prior = prior.filter(move |one| steps.has(one.step) && one.on <= date);
    here.map(Before::Here).chain(prior.map(Before::Prior))
}

/// How charges go with what may be charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    Within,
    /// It depends on the claim of those that name none, or on a bound that is not known.
    Open,
    /// Too much, whichever claims they are for.
    Over,
}

/// Charges by claim.
#[derive(Debug, Clone)]
pub(super) struct Charges<'a> {
    /// A slot for each claim. One slot, where claims are not told apart.
    slots: Vec<(Option<&'a ClaimId>, Sum)>,
    /// What names no claim, where there are several.
    open: Sum,
    /// The slot of the charge that is judged; `None`: it names no claim, and there are several.
    own: Option<usize>,
}

impl<'a> Charges<'a> {
    /// All in one, whatever claims they name.
    pub fn together() -> Self {
        Self { slots: vec![(None, Sum::default())], open: Sum::default(), own: Some(0) }
    }

    /// By claim, for a charge that names this one or none. Where the case has no more than one, those that name none are
    /// of it.
    pub fn by_claim(named: Option<&'a ClaimId>, situation: &Situation<'a>) -> Self {
        let claims = &situation.version.claims;
        if claims.len() < 2 {
            return Self { slots: vec![(named, Sum::default())], ..Self::together() };
        }
        let mut slots: Vec<_> = claims.iter().map(|claim| (Some(&claim.id), Sum::default())).collect();
        let place = |named| slots.iter().position(|(claim, _)| *claim == Some(named));
        let own = named.map(|named| place(named).unwrap_or(slots.len()));
        if own == Some(slots.len()) {
            // One that the case does not state.
            slots.push((named, Sum::default()));
        }
        Self { slots, open: Sum::default(), own }
    }

    /// Claims are told apart.
    pub fn apart(&self) -> bool {
        self.slots.len() > 1
    }

    /// The claims of the slots.
    pub fn claims(&self) -> impl Iterator<Item = Option<&'a ClaimId>> + '_ {
        self.slots.iter().map(|(claim, _)| *claim)
    }

    /// A charge that names this claim, or none, is certainly of the claim that the judged one is of.
    pub fn is_own(&self, claim: Option<&ClaimId>) -> bool {
        let own = self.own.and_then(|own| self.slots.get(own)).map(|(own, _)| *own);
        match (own, claim) {
            (None, _) => false,
            (Some(_), None) => !self.apart(),
            (Some(own), Some(claim)) => own.map_or(!self.apart(), |own| own == claim),
        }
    }

    pub fn add(&mut self, claim: Option<&ClaimId>, sum: Sum) {
        let apart = self.apart();
        if apart && claim.is_none() {
            self.open.add(sum);
        } else if !apart {
            let own = self.is_own(claim);
            self.slots.iter_mut().filter(|_| own).for_each(|(_, slot)| slot.add(sum));
        } else {
            let named = self.slots.iter_mut().filter(|(slot, _)| *slot == claim);
            named.for_each(|(_, slot)| slot.add(sum));
        }
    }

    pub fn add_all(&mut self, charges: impl Iterator<Item = Before<'a>>) {
        charges.for_each(|one| self.add(one.claim(), one.sum()));
    }

    /// What is left of each slot's bound; `None`: it is not known.
    fn rooms<'r>(&'r self, most: &'r [Option<i128>], highest_vat: i64) -> impl Iterator<Item = Option<i128>> + 'r {
        let used = self.slots.iter().map(move |(_, sum)| sum.counted(highest_vat));
        used.zip(most).map(|(used, most)| most.map(|most| most - used))
    }

    /// Whether the charges fit the bounds of the slots. A charge that names no claim may be for several.
    pub fn fit(&self, most: &[Option<i128>], highest_vat: i64) -> Fit {
        let rooms: Vec<Option<i128>> = self.rooms(most, highest_vat).collect();
        let open = self.open.counted(highest_vat);
        let own = self.own.map(|own| rooms.get(own).copied().flatten());
        if matches!(own, Some(Some(room)) if room < 0) {
            return Fit::Over;
        }
        let all: Option<i128> = rooms.iter().map(|room| room.map(|room| room.max(0))).sum();
        if all.is_some_and(|all| open > all) {
            return Fit::Over;
        }
        let fits = |room: Option<i128>| room.is_some_and(|room| open <= room);
        let within = own.map_or_else(|| rooms.iter().all(|room| fits(*room)), fits);
        if within { Fit::Within } else { Fit::Open }
    }

    /// What may be charged yet whichever claims those are of that name none.
    pub fn left(&self, most: &[Option<i128>], highest_vat: i64) -> Option<i128> {
        let open = self.open.counted(highest_vat);
        let rooms = self.rooms(most, highest_vat).enumerate();
        let meant = rooms.filter(|(at, _)| self.own.is_none_or(|own| own == *at));
        meant.map(|(_, room)| room.map(|room| room - open)).min().flatten()
    }

    /// What was charged and what may be, to be shown: of the judged charge's claim, else of the one with the least left; of
    /// all claims together, where it is all of them that is too much.
    pub fn shown(&self, most: &[Option<i128>], highest_vat: i64) -> Option<(i128, i128)> {
        let each = self.slots.iter().map(|(_, sum)| sum.counted(highest_vat)).zip(most);
        let each: Vec<(i128, Option<i128>)> = each.map(|(used, most)| (used, *most)).collect();
        let open = self.open.counted(highest_vat);
        let own_is_over =
            self.own.and_then(|own| each.get(own)).is_some_and(|(used, most)| most.is_some_and(|most| *used > most));
        if self.fit(most, highest_vat) == Fit::Over && !own_is_over {
            // What is too much for one claim by itself leaves the others what they have.
            let used = each.iter().map(|(used, most)| most.map(|most| most.min(*used))).sum::<Option<i128>>()?;
            return Some((used + open, each.iter().map(|(_, most)| *most).sum::<Option<i128>>()?));
        }
        match self.own {
            Some(own) => each.get(own).and_then(|(used, most)| Some((*used, (*most)?))),
            None => {
                let all = each.into_iter().filter_map(|(used, most)| Some((used + open, most?)));
                all.min_by_key(|(used, most)| most - used)
            }
        }
    }
}
