//! Which rules are asked: those of the jurisdictions that the person may live in, or of the law chosen for the claim.

use super::cover;
use super::situation::Situation;
use crate::domain::party::Residence;
use crate::rules::candidates::{Candidate, Candidates};
use crate::rules::place_id::PlaceId;
use crate::rules::ruleset::Jurisdiction;
use crate::rules::topic::Topic;
use crate::rules::words::Attribute;

/// Jurisdictions that are remembered; of a person who may live in more of them each walk finds them anew.
const ROOM: usize = 12;

/// The jurisdictions that a person may live in, and of each, by a bit, whether that is only possible.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    known: [Option<&'a Jurisdiction>; ROOM],
    possible: u16,
    /// There are no more.
    whole: bool,
    /// Every country has a pack.
    complete: bool,
}

impl<'a> Places<'a> {
    pub const fn none() -> Self {
        Self { known: [None; ROOM], possible: 0, whole: false, complete: true }
    }

    /// Of a person with one residence, or with none that is stated, the innermost place that is certain: those stand before what
    /// may lie below it. `None`: its country has no pack.
    pub fn innermost(&self) -> Option<&'a Jurisdiction> {
        let known = self.known.iter().map_while(|one| *one).enumerate();
        known.take_while(|(place, _)| self.possible >> place & 1 == 0).last().map(|(_, jurisdiction)| jurisdiction)
    }
}

/// The answer to the scope of the pack asked about last: a pack's rules stand one after another.
struct Covered {
    of: (*const Candidates, u16),
    #[allow(clippy::option_option)] // three answers
    answer: Option<Option<Attribute>>,
}

impl Covered {
    const fn new() -> Self {
        Self { of: (std::ptr::null(), 0), answer: Some(None) }
    }

    #[allow(clippy::option_option)]
    fn answer(
        &mut self,
        candidates: &Candidates,
        candidate: &Candidate,
        situation: &Situation<'_>,
    ) -> Option<Option<Attribute>> {
        let of = (std::ptr::from_ref(candidates), candidate.cover);
        if of != self.of {
            *self = Self { of, answer: cover::covers(candidates.cover(candidate), situation) };
        }
        self.answer
    }
}

/// Jurisdictions that were asked and include shared packs: England and Wales hold the same rules of both, and whoever may live
/// in either gets one answer of each.
#[derive(Default)]
pub(super) struct Including<'a> {
    asked: [Option<&'a Jurisdiction>; ROOM],
    of: Option<bool>,
}

impl<'a> Including<'a> {
    /// Those that were asked before this one for the same rules: all, or by whether they are limitation periods. None for
    /// nearly all, which include nothing.
    pub fn then(
        &mut self,
        jurisdiction: &'a Jurisdiction,
        limitation: Option<bool>,
    ) -> [Option<&'a Jurisdiction>; ROOM] {
        if !jurisdiction.includes {
            return [None; ROOM];
        }
        if self.of != limitation {
            *self = Self { asked: [None; ROOM], of: limitation };
        }
        let before = self.asked;
        if let Some(slot) = self.asked.iter_mut().find(|slot| slot.is_none()) {
            *slot = Some(jurisdiction);
        }
        before
    }
}

impl<'a> Situation<'a> {
    /// Calls `judge` for every rule that may speak: with the jurisdiction, and with what is missing to tell whether the
    /// person lives there and whether the rule's pack covers the case. Returns false if a country, or the law chosen for the
    /// claim, has no pack.
    pub fn each_rule(&self, mut judge: impl FnMut(&'a Jurisdiction, &'a Candidate, Option<Attribute>)) -> bool {
        let topic = self.contact().map_or(Topic::Other, |contact| Topic::Contact(contact.channel));
        let law = self.governing_law();
        let mut covered = Covered::new();
        let mut before = Including::default();
        let mut walk = |jurisdiction: &'a Jurisdiction, possible: bool, limitation: Option<bool>| {
            let before = before.then(jurisdiction, limitation);
            let again = before.iter().any(Option::is_some);
            let possible = possible.then(|| self.lacking(jurisdiction));
            for candidate in jurisdiction.candidates.on(topic) {
                if limitation.is_some_and(|wanted| wanted != candidate.limitation) {
                    continue;
                }
                if again && before.iter().flatten().any(|other| jurisdiction.repeats(&candidate.active.rule, other)) {
                    continue;
                }
                let mut doubt = possible;
                if candidate.cover != 0 {
                    let Some(more) = covered.answer(&jurisdiction.candidates, candidate, self) else { continue };
                    doubt = doubt.or(more);
                }
                judge(jurisdiction, candidate, doubt);
            }
        };
        let own = law.map(|_| false);
        let mut complete = self.each_jurisdiction(&mut |jurisdiction, possible| walk(jurisdiction, possible, own));
        if let Some(law) = law {
            // Without its pack nobody knows after how long that law takes what from the claim.
            complete &=
                self.each_governing(law, &mut |jurisdiction, possible| walk(jurisdiction, possible, Some(true)));
        }
        complete
    }

    /// What is missing to tell whether the person lives in a jurisdiction that is only possible: of a city whose state is known,
    /// the city.
    #[cold]
    pub(super) fn lacking(&self, jurisdiction: &Jurisdiction) -> Attribute {
        let mut parts = jurisdiction.id.as_str().splitn(3, '-');
        let (Some(country), Some(state), Some(_)) = (parts.next(), parts.next(), parts.next()) else {
            return Attribute::Subdivision;
        };
        let there = |residence: &Residence| {
            residence.country.eq_ignore_ascii_case(country)
                && residence.subdivision.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(state))
        };
        let known = self.party.is_some_and(|party| party.residences.iter().any(there));
        if known { Attribute::Locality } else { Attribute::Subdivision }
    }

    /// The law chosen for the claim, whose limitation periods then hold instead of those where the person lives.
    pub fn governing_law(&self) -> Option<&'a str> {
        self.version.class.governing_law.as_deref()
    }

    /// Calls `visit` once for every jurisdiction that the person may live in, and whether that is only possible. Returns
    /// false if a country has no pack.
    #[inline]
    pub fn each_jurisdiction(&self, visit: &mut dyn FnMut(&'a Jurisdiction, bool)) -> bool {
        if !self.places.whole {
            return self.look_around(visit);
        }
        for (place, jurisdiction) in self.places.known.iter().map_while(|one| *one).enumerate() {
            visit(jurisdiction, self.places.possible >> place & 1 == 1);
        }
        self.places.complete
    }

    /// The jurisdictions of [`Situation::each_jurisdiction`], as many as are remembered.
    pub(super) fn find_places(&self) -> Places<'a> {
        let mut places = Places::none();
        let mut found = 0;
        places.complete = self.look_around(&mut |jurisdiction, possible| {
            if let Some(slot) = places.known.get_mut(found) {
                *slot = Some(jurisdiction);
                places.possible |= u16::from(possible) << found;
            }
            found += 1;
        });
        places.whole = found <= ROOM;
        places
    }

    fn look_around(&self, visit: &mut dyn FnMut(&'a Jurisdiction, bool)) -> bool {
        // Most have one residence, whose jurisdictions come once each.
        match self.party.map_or(&[][..], |party| party.residences.as_slice()) {
            [] => return self.chain(self.region, None, None, visit),
            [only] if !self.moved => {
                return self.chain(&only.country, only.subdivision.as_deref(), only.locality.as_deref(), visit);
            }
            _ => {}
        }
        let mut complete = true;
        let mut seen: [Option<&'a Jurisdiction>; ROOM] = [None; ROOM];
        let mut any = false;
        let mut once = |jurisdiction: &'a Jurisdiction, possible: bool| {
            let known = seen.iter().map_while(|one| *one).any(|one| std::ptr::eq(one, jurisdiction));
            if known {
                return;
            }
            if let Some(slot) = seen.iter_mut().find(|slot| slot.is_none()) {
                *slot = Some(jurisdiction);
            }
            visit(jurisdiction, possible);
        };
        for one in self.residences() {
            any = true;
            complete &= self.chain(&one.country, one.subdivision.as_deref(), one.locality.as_deref(), &mut once);
        }
        if !any {
            complete &= self.chain(self.region, None, None, &mut once);
        }
        complete
    }

    /// Calls `visit` for every jurisdiction of the law chosen for the claim. Returns false if its country has no pack.
    pub fn each_governing(&self, law: &str, visit: &mut dyn FnMut(&'a Jurisdiction, bool)) -> bool {
        let mut parts = law.splitn(3, '-');
        self.chain(parts.next().unwrap_or(""), parts.next(), parts.next(), visit)
    }

    fn chain(
        &self,
        country: &str,
        subdivision: Option<&str>,
        locality: Option<&str>,
        visit: &mut dyn FnMut(&'a Jurisdiction, bool),
    ) -> bool {
        let mut id = PlaceId::default();
        id.push(country);
        let Some(top) = self.rules.jurisdiction(id.as_str()) else { return false };
        let mut level = top;
        visit(level, false);
        for part in [subdivision, locality] {
            let Some(part) = part else {
                self.below(level, visit);
                return true;
            };
            id.push(part);
            match self.rules.jurisdiction(id.as_str()) {
                Some(next) => {
                    visit(next, false);
                    level = next;
                }
                None => {
                    if std::ptr::eq(level, top) && !level.may_have(part) {
                        // No such place is in it: where the person lives is as good as not stated.
                        self.below(level, visit);
                    }
                    return true;
                }
            }
        }
        true
    }

    /// The level below is not stated: every pack below may speak.
    fn below(&self, level: &'a Jurisdiction, visit: &mut dyn FnMut(&'a Jurisdiction, bool)) {
        for id in &level.below {
            if let Some(next) = self.rules.jurisdiction(id) {
                visit(next, true);
                self.below(next, visit);
            }
        }
    }
}
