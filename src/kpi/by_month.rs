//! Facts of all cases added up by month. What a question tells by months or longer of what adds up is the same as of the facts
//! themselves, and there are far fewer of them: a contact is tested by a dozen rules, and an agent has hundreds of contacts a month.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::columns::{Columns, ColumnsBuilder, Days, absorb};
use super::hash::QuickState;
use super::since::month_of;
use crate::domain::fact::{Dims, Fact, FactKind};
use crate::domain::facts::Kinds;

/// Facts that one sum should be made of, on average: with fewer, sums are hardly quicker than facts and take as much room.
const FACTS_A_SUM: u64 = 4;
/// Bytes, about, that a sum takes while more is added to it.
const A_SUM: usize = 256;

/// What facts have in common that come as one: kind, address of the dimensions, flags, month, and whether they have a value. The
/// dimensions are held, so that no others get that address.
type Key = (u32, usize, u16, i32, bool);

/// Sums of facts.
#[derive(Debug, Default)]
pub struct ByMonth {
    sums: HashMap<Key, Fact, QuickState>,
    /// Dimensions, each held once.
    known: HashSet<Arc<Dims>, QuickState>,
    /// Those of the last fact, as they came and as they are held: facts of one record share them.
    last: Option<(Arc<Dims>, Arc<Dims>)>,
    /// The last day's month: its first day and the last that is in every month.
    month: Option<(i32, i32)>,
    facts: BTreeMap<FactKind, u64>,
    /// Kinds that it tells nothing of.
    left_out: Vec<FactKind>,
}

impl ByMonth {
    /// Adds a fact, or takes it back.
    pub fn add(&mut self, fact: &Fact, back: bool) {
        if self.left_out.contains(&fact.kind) {
            return;
        }
        let dims = self.held(&fact.dims);
        let month = match self.month {
            Some((first, last)) if (first..=last).contains(&fact.day) => first,
            _ => {
                let first = month_of(fact.day);
                self.month = Some((first, first.saturating_add(27)));
                first
            }
        };
        *self.facts.entry(fact.kind).or_default() += 1;
        let key = (fact.kind as u32, Arc::as_ptr(&dims) as usize, fact.flags, month, fact.value.is_some());
        let sign = if back { -fact.sign } else { fact.sign };
        let Fact { kind, count, amount, amount2, value, flags, .. } = *fact;
        let fact = Fact { sign, count, amount, amount2, value, flags, ..Fact::new(kind, month, dims) };
        let is_number = match self.sums.get_mut(&key) {
            Some(sum) => absorb(sum, &fact),
            None => {
                self.sums.insert(key, fact);
                true
            }
        };
        if !is_number {
            self.drop_kind(kind);
        }
    }

    /// Adds what columns hold, of these kinds and of the cases that are wanted.
    pub fn add_columns(&mut self, columns: &Columns, kinds: Kinds, wanted: impl Fn(usize) -> bool) {
        columns.each_of(kinds, &Days::ALL, wanted, |_, fact| self.add(fact, false));
    }

    /// Adds other sums.
    pub fn merge(&mut self, other: Self) {
        other.left_out.iter().for_each(|kind| self.drop_kind(*kind));
        other.sums.values().for_each(|sum| self.add(sum, false));
        // A sum was added as one fact.
        for (kind, facts) in other.facts {
            let sums = other.sums.values().filter(|sum| sum.kind == kind).count() as u64;
            *self.facts.entry(kind).or_default() += facts.saturating_sub(sums);
        }
    }

    /// Drops kinds until the others take at most so many bytes, those first that have the most sums.
    pub fn keep_below(&mut self, bytes: usize) {
        while self.bytes() > bytes {
            let mut sums: BTreeMap<FactKind, usize> = BTreeMap::new();
            self.sums.values().for_each(|sum| *sums.entry(sum.kind).or_default() += 1);
            let Some((most, _)) = sums.into_iter().max_by_key(|(_, sums)| *sums) else { return };
            self.drop_kind(most);
        }
    }

    /// Drops kinds of which there are not far fewer sums than facts. Few take little room, whatever they are made of.
    pub fn keep_few(&mut self) {
        let mut sums: BTreeMap<FactKind, u64> = BTreeMap::new();
        self.sums.values().for_each(|sum| *sums.entry(sum.kind).or_default() += 1);
        for (kind, sums) in sums {
            let facts = self.facts.get(&kind).copied().unwrap_or_default();
            if sums > (facts / FACTS_A_SUM).max(ColumnsBuilder::MOST as u64) {
                self.drop_kind(kind);
            }
        }
    }

    fn drop_kind(&mut self, kind: FactKind) {
        if !self.left_out.contains(&kind) {
            self.left_out.push(kind);
            self.sums.retain(|_, sum| sum.kind != kind);
        }
    }

    fn held(&mut self, dims: &Arc<Dims>) -> Arc<Dims> {
        if let Some((came, held)) = &self.last
            && Arc::ptr_eq(came, dims)
        {
            return Arc::clone(held);
        }
        let held = match self.known.get(dims) {
            Some(held) => Arc::clone(held),
            None => {
                self.known.insert(Arc::clone(dims));
                Arc::clone(dims)
            }
        };
        self.last = Some((Arc::clone(dims), Arc::clone(&held)));
        held
    }

    /// How many sums there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sums.len()
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    /// Bytes in memory, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.sums.len() * A_SUM
    }

    /// Kinds that it tells nothing of: there would be too many sums, or some would be no number.
    #[must_use]
    pub fn left_out(&self) -> &[FactKind] {
        &self.left_out
    }

    /// The sums by kind, without those that cancelled.
    #[must_use]
    pub fn columns(self) -> Vec<(FactKind, Columns)> {
        let mut kinds: BTreeMap<FactKind, Vec<Fact>> = BTreeMap::new();
        for fact in self.sums.into_values() {
            let cancelled = (fact.count, fact.amount, fact.amount2, fact.value.unwrap_or_default()) == (0, 0, 0, 0);
            if !cancelled {
                kinds.entry(fact.kind).or_default().push(fact);
            }
        }
        let (mut all, mut builder) = (Vec::new(), ColumnsBuilder::default());
        for (kind, facts) in kinds {
            for some in facts.chunks(ColumnsBuilder::MOST) {
                some.iter().for_each(|fact| builder.add(0, fact));
                all.push((kind, builder.finish().0));
            }
        }
        all
    }
}

impl Days {
    /// Whether sums by month tell what is needed.
    #[must_use]
    pub const fn are_months(&self) -> bool {
        self.by_month && self.together
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::fact::flag;
    use crate::domain::money::Currency;
    use crate::domain::vocabulary::{Channel, Direction};

    fn fact() -> impl Strategy<Value = Fact> {
        let small = (0..2_usize, 0..3_usize, 18_990..19_060_i32, 0..3_u16, any::<bool>());
        let numbers =
            (-3..4_i64, prop_oneof![-500..500_i64, Just(i64::MAX), Just(i64::MIN)], proptest::option::of(0..9_i64));
        (small, numbers).prop_map(|((kind, agent, day, flags, adds), (count, amount, value))| {
            let kind = if kind == 0 { FactKind::Contact } else { FactKind::Payment };
            let agent = ["ana", "ben", ""].get(agent).filter(|agent| !agent.is_empty()).map(|agent| Arc::from(*agent));
            let dims = Arc::new(Dims {
                channel: agent.is_some().then_some(Channel::Call),
                direction: (count > 0).then_some(Direction::Inbound),
                currency: (day % 2 == 0).then(|| Currency::parse("EUR")).flatten(),
                agent,
                ..Dims::default()
            });
            let sign = if adds { 1 } else { -1 };
            Fact { sign, count, amount, value, flags: flags * flag::ATTEMPT, ..Fact::new(kind, day, dims) }
        })
    }

    /// What facts of a kind come to, by all that tells sums apart.
    fn came_to<'f>(facts: impl Iterator<Item = &'f Fact>) -> BTreeMap<String, [i128; 3]> {
        let mut sums: BTreeMap<String, [i128; 3]> = BTreeMap::new();
        for fact in facts {
            let key =
                format!("{} {:?} {} {} {}", fact.kind, fact.dims, fact.flags, month_of(fact.day), fact.value.is_some());
            let numbers = [fact.count, fact.amount, fact.value.unwrap_or_default()];
            for (sum, number) in sums.entry(key).or_default().iter_mut().zip(numbers) {
                *sum += i128::from(number) * i128::from(fact.sign);
            }
        }
        sums.retain(|_, sum| *sum != [0; 3]);
        sums
    }

    fn told(sums: ByMonth) -> (Vec<Fact>, usize) {
        let mut facts = Vec::new();
        let all = sums.columns();
        for (kind, columns) in &all {
            let read = Columns::decode(*kind, &columns.encode().expect("bytes")).expect("columns");
            read.each_of(Kinds::ALL, &Days::ALL, |_| true, |_, fact| facts.push(fact.clone()));
        }
        (facts, all.len())
    }

    proptest! {
        #[test]
        fn sums_are_those_of_the_facts_in_whatever_order_and_parts(
            facts in proptest::collection::vec(fact(), 0..40),
            taken in proptest::collection::vec(any::<proptest::sample::Index>(), 0..10),
            cut in any::<proptest::sample::Index>(),
        ) {
            let (mut first, mut second) = (ByMonth::default(), ByMonth::default());
            let cut = cut.index(facts.len() + 1);
            facts[..cut].iter().for_each(|fact| first.add(fact, false));
            facts[cut..].iter().for_each(|fact| second.add(fact, false));
            let back: Vec<Fact> = taken.iter().filter(|_| !facts.is_empty()).map(|at| at.get(&facts).clone()).collect();
            back.iter().for_each(|fact| second.add(fact, true));
            first.merge(second);
            let left_out = first.left_out().to_vec();
            let back: Vec<Fact> = back.into_iter().map(|fact| Fact { sign: -fact.sign, ..fact }).collect();
            let expected = came_to(facts.iter().chain(&back).filter(|fact| !left_out.contains(&fact.kind)));
            let (found, _) = told(first);
            prop_assert_eq!(came_to(found.iter()), expected);
            // A kind is left out where a sum is no number, and where else would that come from.
            let extreme = |kind: FactKind| facts.iter().any(|fact| fact.kind == kind && fact.amount.unsigned_abs() > 1_000_000);
            prop_assert!(left_out.iter().all(|kind| extreme(*kind)));
        }

        #[test]
        fn damaged_bytes_are_refused_or_columns(
            facts in proptest::collection::vec(fact(), 1..40),
            at in any::<proptest::sample::Index>(),
            bit in 0..8_u32,
        ) {
            let mut sums = ByMonth::default();
            facts.iter().for_each(|fact| sums.add(fact, false));
            for (kind, columns) in sums.columns() {
                let mut bytes = columns.encode().expect("bytes");
                prop_assert!(Columns::decode(kind, &bytes[..at.index(bytes.len())]).is_err());
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
                if let Ok(read) = Columns::decode(kind, &bytes) {
                    read.each_of(Kinds::ALL, &Days::ALL, |_| true, |_, _| {});
                }
            }
        }
    }

    #[test]
    fn kinds_of_too_many_sums_are_left_out() {
        let mut sums = ByMonth::default();
        for number in 0..100_000 {
            let dims = Arc::new(Dims { agent: Some(Arc::from(number.to_string())), ..Dims::default() });
            sums.add(&Fact::new(FactKind::Contact, 19_000, dims), false);
            sums.add(&Fact::new(FactKind::Payment, 19_000, Arc::default()), false);
        }
        sums.keep_few();
        assert_eq!(sums.left_out(), [FactKind::Contact]);
        let (found, parts) = told(sums);
        assert_eq!((found.len(), found[0].count, parts), (1, 100_000, 1));
    }
}
