//! How much a version of a case holds: lists in lists may be thousands of times what cases usually have.

use super::case::{CaseVersion, Claim, LimitationEvent, PriorCharge, PriorNotice};
use super::party::{ConditionPeriod, ContactPoint, Party, Permission, PersonalWindow, Residence, ZoneCandidate};

/// Parts that a version may have in all: every list has its own limit, and lists of lists would multiply these.
pub const MAX_PARTS: usize = 5_000;
/// Bytes of the ids and short texts of a part, about.
const TEXTS: usize = 48;

impl CaseVersion {
    /// Its claims, parties, and everything that is listed of them.
    #[must_use]
    pub fn parts(&self) -> usize {
        let own = self.claims.len() + self.prior_notices.len() + self.prior_charges.len() + self.attributes.len();
        let events = self.dates.limitation_events.len();
        self.parties.iter().map(Party::parts).sum::<usize>() + own + events
    }

    /// Bytes of memory that it takes, about.
    #[must_use]
    pub fn footprint(&self) -> usize {
        let lists = of::<Claim>(&self.claims)
            + of::<PriorNotice>(&self.prior_notices)
            + of::<PriorCharge>(&self.prior_charges)
            + of::<LimitationEvent>(&self.dates.limitation_events);
        let attributes: usize = self.attributes.iter().map(|(key, value)| key.len() + value.len() + TEXTS).sum();
        let parties: usize = self.parties.iter().map(Party::footprint).sum();
        size_of::<Self>() + 8 * TEXTS + lists + attributes + parties
    }
}

impl Party {
    fn parts(&self) -> usize {
        let own = self.residences.len() + self.zones.len() + self.conditions.len() + self.windows.len();
        let points: usize = self.contact_points.iter().map(|point| 1 + point.permissions.len()).sum();
        1 + own + self.permissions.len() + points
    }

    fn footprint(&self) -> usize {
        let lists = of::<Residence>(&self.residences)
            + of::<ZoneCandidate>(&self.zones)
            + of::<ConditionPeriod>(&self.conditions)
            + of::<PersonalWindow>(&self.windows)
            + of::<ContactPoint>(&self.contact_points);
        let references: usize = self.conditions.iter().filter_map(|one| one.reference.as_ref()).map(String::len).sum();
        let points = self.contact_points.iter().map(|point| permissions(&point.permissions));
        size_of::<Self>() + TEXTS + lists + references + permissions(&self.permissions) + points.sum::<usize>()
    }
}

/// A list of parts.
const fn of<T>(list: &[T]) -> usize {
    list.len() * (size_of::<T>() + TEXTS)
}

fn permissions(list: &[Permission]) -> usize {
    of(list) + list.iter().filter_map(|one| one.evidence.as_ref()).map(String::len).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_of_lists_are_counted_and_weighed() {
        let permission = json!({ "granted": true, "scope": "calls", "given": 0, "evidence": "x".repeat(1_000) });
        let point =
            |number: usize| json!({ "id": number.to_string(), "kind": "phone", "permissions": vec![&permission; 7] });
        let party = |number: usize| json!({ "person": number.to_string(), "role": "primary", "contact_points": (0..5).map(point).collect::<Vec<_>>() });
        let version = |parties: usize| -> CaseVersion {
            let parties: Vec<_> = (0..parties).map(party).collect();
            let claims = json!([{ "id": "c", "principal": 1 }]);
            serde_json::from_value(json!({
                "case": "c", "version": "v", "effective": 0, "currency": "EUR", "claims": claims, "parties": parties,
            }))
            .unwrap()
        };
        assert_eq!(version(0).parts(), 1);
        assert_eq!(version(3).parts(), 1 + 3 * (1 + 5 * (1 + 7)));
        let one = version(2).footprint() - version(1).footprint();
        assert!((35_000..60_000).contains(&one), "a party with 35,000 bytes of texts is taken to have {one}");
    }
}
