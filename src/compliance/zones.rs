//! Zones that a person may be in, put together without the heap.

use chrono_tz::Tz;

use super::situation::Situation;
use crate::domain::zone_names::zone_of;
use crate::rules::place_id::PlaceId;
use crate::rules::ruleset::Jurisdiction;

/// The source of a zone that was guessed from a telephone number.
const AREA_CODE: &str = "area_code";

/// More zones than any country has; a longer list is not judged but answered "unknown".
const MAX_ZONES: usize = 32;

/// Zones that a person may be in, without allocation.
#[derive(Clone, Copy)]
pub(crate) struct ZoneList {
    zones: [Tz; MAX_ZONES],
    len: usize,
    /// There were more than fit.
    pub overflow: bool,
}

impl ZoneList {
    pub const fn empty() -> Self {
        Self { zones: [Tz::UTC; MAX_ZONES], len: 0, overflow: false }
    }

    pub fn push(&mut self, zone: Tz) {
        if self.as_slice().contains(&zone) {
            return;
        }
        match self.zones.get_mut(self.len) {
            Some(slot) => {
                *slot = zone;
                self.len += 1;
            }
            None => self.overflow = true,
        }
    }

    pub fn as_slice(&self) -> &[Tz] {
        self.zones.get(..self.len).unwrap_or(&[])
    }
}

impl<'a> Situation<'a> {
    /// Zones that the person may be in: of every place that the records name, for a contact must be lawful in each. Zones that are
    /// stated for the person and are among those of a residence tell which of them it has; a residence that none of them is
    /// among has all of its own. An area code tells where a number was given out, and not where somebody lives: it leaves out zones of a
    /// country that is known alone, and none of a closer residence. What is stated beside the residences counts too, and what is
    /// first is the residence's.
    ///
    /// Official interpretation of 12 CFR 1006.6(b)(1)(i): information on a consumer's location that conflicts (an address here, an
    /// area code there) makes the time at each place count.
    pub(super) fn candidate_zones(&self) -> ZoneList {
        let all = || self.party.into_iter().flat_map(|party| &party.zones);
        let stated = || all().filter_map(|one| zone_of(&one.zone));
        let mut zones = ZoneList::empty();
        let mut add = |own: &[Tz], closer: bool| {
            let tell = all().filter(|one| !closer || one.source != AREA_CODE).filter_map(|one| zone_of(&one.zone));
            let mut told = tell.filter(|zone| own.contains(zone)).peekable();
            if told.peek().is_none() {
                own.iter().for_each(|zone| zones.push(*zone));
            }
            told.for_each(|zone| zones.push(zone));
        };
        let residences = self.party.map_or(&[][..], |party| party.residences.as_slice());
        match residences {
            // Most have one residence, which was found just now with what is above it.
            [only] if !self.moved => {
                add(zones_in(self.places.innermost(), only.subdivision.as_deref()), only.subdivision.is_some());
            }
            _ if self.residences().next().is_some() => self.residences().for_each(|one| {
                let subdivision = one.subdivision.as_deref();
                add(
                    zones_in(self.deepest(&one.country, subdivision, one.locality.as_deref()), subdivision),
                    subdivision.is_some(),
                );
            }),
            _ if stated().next().is_none() => add(zones_in(self.places.innermost(), None), false),
            _ => {}
        }
        stated().for_each(|zone| zones.push(zone));
        zones
    }

    fn deepest(&self, country: &str, subdivision: Option<&str>, locality: Option<&str>) -> Option<&'a Jurisdiction> {
        let mut id = PlaceId::default();
        id.push(country);
        let mut found = self.rules.jurisdiction(id.as_str());
        for part in [subdivision, locality] {
            let Some(part) = part else { break };
            id.push(part);
            found = self.rules.jurisdiction(id.as_str()).or(found);
        }
        found
    }
}

/// The zones of a place, by the innermost pack that has it; none where its country has no pack.
fn zones_in<'a>(innermost: Option<&'a Jurisdiction>, subdivision: Option<&str>) -> &'a [Tz] {
    let Some(innermost) = innermost else { return &[] };
    // Only a country's pack states zones for its subdivisions; a subdivision's own pack states its own.
    let known = subdivision.and_then(|code| innermost.subdivision_zones.get(code));
    known.unwrap_or(&innermost.zones)
}
