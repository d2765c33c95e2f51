//! Counts, sums and digests of a market's records, by which two copies are compared without sending the records.
//!
//! A digest is the sum of its records' leaves, lane by lane: adding a record and taking it out again gives what was there
//! before, in whatever order. It tells copies that differ by accident; it does not stop somebody who makes up records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::activity::Activity;
use super::case::CaseVersion;
use super::feed::SyncEntity;
use super::finding::FindingStatus;
use super::ids::FindingId;
use super::market::Market;
use super::money::{Currency, Money};
use super::time::Timestamp;

/// What tells one record from every other: a hash (BLAKE3) of its kind and its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Leaf(pub [u64; 4]);

/// Bytes of what most records are hashed as, at most.
const SHORT: usize = 512;

impl Leaf {
    fn of(entity: SyncEntity, parts: &[&[u8]]) -> Self {
        // What is short enough is hashed in one piece: taking in pieces costs a fifth of a short hash.
        let mut all = [0; SHORT];
        if let Some(all) = Self::joined(&mut all, entity, parts) {
            return Self::read(blake3::hash(all).as_bytes());
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(entity.as_str().as_bytes());
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self::read(hasher.finalize().as_bytes())
    }

    /// What is hashed, in one piece; `None` if it does not fit.
    fn joined<'a>(all: &'a mut [u8; SHORT], entity: SyncEntity, parts: &[&[u8]]) -> Option<&'a [u8]> {
        let mut end = 0;
        let mut append = |bytes: &[u8]| {
            let place = all.get_mut(end..end + bytes.len())?;
            place.copy_from_slice(bytes);
            end += bytes.len();
            Some(())
        };
        append(entity.as_str().as_bytes())?;
        for part in parts {
            append(&(part.len() as u64).to_le_bytes())?;
            append(part)?;
        }
        all.get(..end)
    }

    /// The leaf of a case version, from its bytes.
    #[must_use]
    pub fn version(record: &[u8]) -> Self {
        Self::of(SyncEntity::Case, &[record])
    }

    /// The leaf of an activity or void, from its bytes.
    #[must_use]
    pub fn record(entity: SyncEntity, record: &[u8]) -> Self {
        Self::of(entity, &[record])
    }

    /// The leaf of a finding that stands: its status but for the end of waivers, and what it says.
    #[must_use]
    pub fn finding(id: FindingId, status: FindingStatus, substance: &str) -> Self {
        Self::of(SyncEntity::Finding, &[&id.0, status.as_str().as_bytes(), substance.as_bytes()])
    }

    /// The 32 bytes of the leaf.
    #[must_use]
    pub fn bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (chunk, lane) in bytes.chunks_exact_mut(8).zip(self.0) {
            chunk.copy_from_slice(&lane.to_le_bytes());
        }
        bytes
    }

    fn read(bytes: &[u8; 32]) -> Self {
        let mut lanes = [0; 4];
        for (lane, chunk) in lanes.iter_mut().zip(bytes.chunks_exact(8)) {
            let mut eight = [0; 8];
            eight.copy_from_slice(chunk);
            *lane = u64::from_le_bytes(eight);
        }
        Self(lanes)
    }

    /// The leaf of 32 bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        <&[u8; 32]>::try_from(bytes).ok().map(Self::read)
    }
}

/// How many records, with which sums, and their digest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Records.
    pub count: i64,
    /// Sums of the amounts that records state, in minor units by currency; none of them is zero.
    pub sums: BTreeMap<Currency, i128>,
    /// Sum of the leaves.
    pub digest: Leaf,
}

impl Tally {
    /// Nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The two together.
    pub fn add(&mut self, other: &Self) {
        self.count += other.count;
        for (currency, sum) in &other.sums {
            let total = self.sums.entry(*currency).or_default();
            *total += sum;
            if *total == 0 {
                self.sums.remove(currency);
            }
        }
        for (lane, more) in self.digest.0.iter_mut().zip(other.digest.0) {
            *lane = lane.wrapping_add(more);
        }
    }
}

/// Where a record is counted: its entity, and its day in the market's zone (days since 1970).
pub type Place = (SyncEntity, i32);

/// Tallies by entity and day: what a commit adds and takes out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tallies(pub BTreeMap<Place, Tally>);

impl Tallies {
    /// Adds a record, or takes it out.
    pub fn note(&mut self, place: Place, leaf: Leaf, amount: Option<Money>, takes_out: bool) {
        let tally = self.0.entry(place).or_default();
        let sign: i64 = if takes_out { -1 } else { 1 };
        let digest = if takes_out { Leaf(leaf.0.map(u64::wrapping_neg)) } else { leaf };
        let sums = amount
            .filter(|amount| amount.minor != 0)
            .map(|amount| (amount.currency, i128::from(amount.minor) * i128::from(sign)))
            .into_iter()
            .collect();
        tally.add(&Tally { count: sign, sums, digest });
    }

    /// The two together.
    pub fn add(&mut self, other: &Self) {
        for (place, tally) in &other.0 {
            self.0.entry(*place).or_default().add(tally);
        }
    }

    /// Whether nothing was noted, or everything was taken back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.values().all(Tally::is_empty)
    }
}

/// The day on which something is counted.
#[must_use]
pub fn day(market: &Market, at: Timestamp) -> i32 {
    super::time::day_number(at.date(market.zone))
}

/// Whether a record is a void or another activity.
#[must_use]
pub const fn entity_of(activity: &Activity) -> SyncEntity {
    if matches!(activity.detail, super::detail::Detail::Void { .. }) { SyncEntity::Void } else { SyncEntity::Activity }
}

/// Where an activity or void is counted.
#[must_use]
pub fn place_of(market: &Market, activity: &Activity) -> Place {
    (entity_of(activity), day(market, activity.occurred))
}

/// The principal of a version, if it states one.
#[must_use]
pub fn principal(version: &CaseVersion) -> Option<Money> {
    (!version.claims.is_empty()).then(|| Money::new(version.principal(), version.currency))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_out_again_leaves_nothing() {
        let place = (SyncEntity::Activity, 19_000);
        let amount = Some(Money::new(1_250, Currency::parse("EUR").unwrap()));
        let leaves: Vec<Leaf> =
            (0..20).map(|n| Leaf::record(SyncEntity::Activity, format!("record {n}").as_bytes())).collect();
        let mut tallies = Tallies::default();
        leaves.iter().for_each(|leaf| tallies.note(place, *leaf, amount, false));
        let all = tallies.clone();
        leaves.iter().skip(5).for_each(|leaf| tallies.note(place, *leaf, amount, true));
        let mut five = Tallies::default();
        leaves.iter().take(5).rev().for_each(|leaf| five.note(place, *leaf, amount, false));
        assert_eq!(tallies, five, "in whatever order");
        assert_ne!(tallies, all);
        leaves.iter().take(5).for_each(|leaf| tallies.note(place, *leaf, amount, true));
        assert!(tallies.is_empty());
    }

    #[test]
    fn a_leaf_is_the_hash_of_kind_lengths_and_content_however_long() {
        for length in [0, 1, 100, SHORT - 17, SHORT - 16, SHORT - 15, SHORT, 5_000] {
            let content = vec![7; length];
            let all = [b"activity", &(length as u64).to_le_bytes()[..], &content].concat();
            let leaf = Leaf::record(SyncEntity::Activity, &content);
            assert_eq!(leaf.bytes(), *blake3::hash(&all).as_bytes(), "{length}");
        }
    }

    #[test]
    fn a_leaf_is_its_bytes() {
        let leaf = Leaf::version(b"{}");
        assert_eq!(Leaf::from_bytes(&leaf.bytes()), Some(leaf));
        assert_eq!(Leaf::from_bytes(&[0; 31]), None);
        assert_ne!(Leaf::record(SyncEntity::Activity, b"{}"), Leaf::record(SyncEntity::Void, b"{}"));
    }
}
