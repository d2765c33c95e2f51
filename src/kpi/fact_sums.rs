//! Facts of all cases added up by day or month. What a question tells of what adds up is the same as of the facts themselves, and
//! there are far fewer of them: a contact is tested by a dozen rules, and an agent has hundreds of contacts a month.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::block::CellGrain;
use super::columns::{Columns, ColumnsBuilder, DIMS, Days};
use super::hash::QuickState;
use super::since::month_of;
use crate::domain::fact::{Dims, Fact, FactKind};
use crate::domain::facts::Kinds;
use crate::domain::time::CALENDAR;

/// Facts that one sum should be made of, on average: with fewer, sums are hardly quicker than facts and take as much room.
const FACTS_A_SUM: u64 = 2;
/// Bytes, about, that a sum takes while more is added to it.
const A_SUM: usize = 96;

/// What facts have in common that come as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    /// Number of the dimensions.
    dims: u32,
    /// Kind, flags, and whether they have a value.
    is: u32,
    /// The day, or the first day of the month.
    day: i32,
}

impl Key {
    const fn of(fact: &Fact, dims: u32, day: i32) -> Self {
        let flags = (fact.flags as u32) << 1 | fact.value.is_some() as u32;
        Self { dims, is: (fact.kind as u32) << 17 | flags, day }
    }

    fn kind(self) -> FactKind {
        // A key is made of a kind.
        FactKind::ALL.get((self.is >> 17) as usize).copied().unwrap_or(FactKind::Contact)
    }
}

/// Count, amounts and value.
type Sum = [i64; 4];

/// Sums of facts by day or by month.
#[derive(Debug)]
pub struct FactSums {
    grain: CellGrain,
    sums: HashMap<Key, Sum, QuickState>,
    /// Dimensions, each held once, and their numbers.
    dims: Vec<Arc<Dims>>,
    numbers: HashMap<Arc<Dims>, u32, QuickState>,
    /// Those of the last fact: facts of one record share them.
    last: Option<(Arc<Dims>, u32)>,
    /// The last day's month: its first day and the last that is in every month.
    month: Option<(i32, i32)>,
    /// Facts of each kind that were added or taken back.
    facts: BTreeMap<FactKind, u64>,
    /// Kinds that it tells nothing of.
    left_out: Vec<FactKind>,
}

impl FactSums {
    /// No sums.
    #[must_use]
    pub fn by(grain: CellGrain) -> Self {
        Self {
            grain,
            sums: HashMap::default(),
            dims: Vec::new(),
            numbers: HashMap::default(),
            last: None,
            month: None,
            facts: BTreeMap::new(),
            left_out: Vec::new(),
        }
    }

    /// What they are by.
    #[must_use]
    pub const fn grain(&self) -> CellGrain {
        self.grain
    }

    /// Adds a fact, or takes it back.
    pub fn add(&mut self, fact: &Fact, back: bool) {
        // No question reaches a day that no date names.
        if self.left_out.contains(&fact.kind) || !CALENDAR.contains(&fact.day) {
            return;
        }
        let key = Key::of(fact, self.number(&fact.dims), self.day(fact.day));
        *self.facts.entry(fact.kind).or_default() += 1;
        let sign = if back { -i64::from(fact.sign) } else { fact.sign.into() };
        let numbers = [fact.count, fact.amount, fact.amount2, fact.value.unwrap_or_default()];
        if !self.add_to(key, numbers.map(|number| number.checked_mul(sign))) {
            self.drop_kind(fact.kind);
        }
    }

    /// Adds to a sum; false if it would be no number.
    fn add_to(&mut self, key: Key, numbers: [Option<i64>; 4]) -> bool {
        let sum = self.sums.entry(key).or_default();
        for (sum, number) in sum.iter_mut().zip(numbers) {
            match number.and_then(|number| sum.checked_add(number)) {
                Some(number) => *sum = number,
                None => return false,
            }
        }
        true
    }

    fn day(&mut self, day: i32) -> i32 {
        match self.month {
            _ if self.grain == CellGrain::Day => day,
            Some((first, last)) if (first..=last).contains(&day) => first,
            _ => {
                let first = month_of(day);
                self.month = Some((first, first.saturating_add(27)));
                first
            }
        }
    }

    fn number(&mut self, dims: &Arc<Dims>) -> u32 {
        if let Some((last, number)) = &self.last
            && Arc::ptr_eq(last, dims)
        {
            return *number;
        }
        let number = match self.numbers.get(dims) {
            Some(number) => *number,
            None => {
                let number = self.dims.len() as u32;
                self.dims.push(Arc::clone(dims));
                self.numbers.insert(Arc::clone(dims), number);
                number
            }
        };
        self.last = Some((Arc::clone(dims), number));
        number
    }

    /// Adds what columns hold, of these kinds and of the cases that are wanted.
    pub fn add_columns(&mut self, columns: &Columns, kinds: Kinds, wanted: impl Fn(usize) -> bool) {
        columns.each_of(kinds, &Days::ALL, wanted, |_, fact| self.add(fact, false));
    }

    /// Adds other sums of the same grain.
    pub fn merge(&mut self, other: Self) {
        other.left_out.iter().for_each(|kind| self.drop_kind(*kind));
        let numbers: Vec<u32> = other.dims.iter().map(|dims| self.number(dims)).collect();
        for (key, sum) in other.sums {
            let kind = key.kind();
            if self.left_out.contains(&kind) {
                continue;
            }
            // Every number of a key was given by that map.
            let dims = numbers.get(key.dims as usize).copied().unwrap_or_default();
            if !self.add_to(Key { dims, ..key }, sum.map(Some)) {
                self.drop_kind(kind);
            }
        }
        for (kind, facts) in other.facts {
            *self.facts.entry(kind).or_default() += facts;
        }
    }

    /// Drops kinds until the others take at most so many bytes, those first that have the most sums.
    pub fn keep_below(&mut self, bytes: usize) {
        while self.bytes() > bytes {
            let Some((most, _)) = self.by_kind().into_iter().max_by_key(|(_, sums)| *sums) else { return };
            self.drop_kind(most);
            self.forget_dims();
        }
    }

    /// Forgets dimensions that no sum has any more.
    fn forget_dims(&mut self) {
        let before = std::mem::take(&mut self.dims);
        (self.numbers, self.last) = (HashMap::default(), None);
        for (mut key, sum) in std::mem::take(&mut self.sums) {
            // Every number of a key is that of a place there.
            let Some(dims) = before.get(key.dims as usize) else { continue };
            key.dims = self.number(dims);
            self.sums.insert(key, sum);
        }
    }

    fn by_kind(&self) -> BTreeMap<FactKind, u64> {
        let mut sums = BTreeMap::new();
        self.sums.keys().for_each(|key| *sums.entry(key.kind()).or_default() += 1);
        sums
    }

    /// Drops kinds of which there are not far fewer sums than facts. Few take little room, whatever they are made of.
    pub fn keep_few(&mut self) {
        for (kind, sums) in self.by_kind() {
            let facts = self.facts.get(&kind).copied().unwrap_or_default();
            if sums > (facts / FACTS_A_SUM).max(ColumnsBuilder::MOST as u64) {
                self.drop_kind(kind);
            }
        }
    }

    /// Drops these kinds.
    pub fn leave_out(&mut self, kinds: Kinds) {
        FactKind::ALL.iter().filter(|kind| kinds.has(**kind)).for_each(|kind| self.drop_kind(*kind));
    }

    fn drop_kind(&mut self, kind: FactKind) {
        if !self.left_out.contains(&kind) {
            self.left_out.push(kind);
            self.sums.retain(|key, _| key.kind() != kind);
        }
    }

    /// Whether there is no sum.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    /// Bytes in memory, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.sums.len() * A_SUM + self.dims.len() * DIMS
    }

    /// Kinds that it tells nothing of: there would be too many sums, or some would be no number.
    #[must_use]
    pub fn left_out(&self) -> &[FactKind] {
        &self.left_out
    }

    /// The sums by kind, without those that cancelled.
    #[must_use]
    pub fn columns(self) -> Vec<(FactKind, Columns)> {
        let mut sums: Vec<(Key, Sum)> = self.sums.into_iter().filter(|(_, sum)| *sum != [0; 4]).collect();
        // What has the same dimensions lies together, so that few columns have them.
        sums.sort_unstable_by_key(|(key, _)| (key.kind(), *key));
        let (mut all, mut builder) = (Vec::new(), ColumnsBuilder::default());
        for kind in sums.chunk_by(|(one, _), (other, _)| one.kind() == other.kind()) {
            for some in kind.chunks(ColumnsBuilder::MOST) {
                for (key, [count, amount, amount2, value]) in some {
                    let Some(dims) = self.dims.get(key.dims as usize) else { continue };
                    let value = (key.is & 1 == 1).then_some(*value);
                    let flags = (key.is >> 1) as u16;
                    let of = Fact::new(key.kind(), key.day, Arc::clone(dims));
                    builder.add_held(Fact { count: *count, amount: *amount, amount2: *amount2, value, flags, ..of });
                }
                all.extend(some.first().map(|(key, _)| (key.kind(), builder.finish().0)));
            }
        }
        all
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
    fn came_to<'f>(facts: impl Iterator<Item = &'f Fact>, day: fn(i32) -> i32) -> BTreeMap<String, [i128; 3]> {
        let mut sums: BTreeMap<String, [i128; 3]> = BTreeMap::new();
        for fact in facts {
            let key =
                format!("{} {:?} {} {} {}", fact.kind, fact.dims, fact.flags, day(fact.day), fact.value.is_some());
            let numbers = [fact.count, fact.amount, fact.value.unwrap_or_default()];
            for (sum, number) in sums.entry(key).or_default().iter_mut().zip(numbers) {
                *sum += i128::from(number) * i128::from(fact.sign);
            }
        }
        sums.retain(|_, sum| *sum != [0; 3]);
        sums
    }

    fn told(sums: FactSums) -> (Vec<Fact>, usize) {
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
            month: bool,
        ) {
            let (grain, day): (_, fn(i32) -> i32) =
                if month { (CellGrain::Month, month_of) } else { (CellGrain::Day, |day| day) };
            let (mut first, mut second) = (FactSums::by(grain), FactSums::by(grain));
            let cut = cut.index(facts.len() + 1);
            facts[..cut].iter().for_each(|fact| first.add(fact, false));
            facts[cut..].iter().for_each(|fact| second.add(fact, false));
            let back: Vec<Fact> = taken.iter().filter(|_| !facts.is_empty()).map(|at| at.get(&facts).clone()).collect();
            back.iter().for_each(|fact| second.add(fact, true));
            first.merge(second);
            let left_out = first.left_out().to_vec();
            let back: Vec<Fact> = back.into_iter().map(|fact| Fact { sign: -fact.sign, ..fact }).collect();
            let expected = came_to(facts.iter().chain(&back).filter(|fact| !left_out.contains(&fact.kind)), day);
            let (found, _) = told(first);
            prop_assert_eq!(came_to(found.iter(), day), expected);
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
            let mut sums = FactSums::by(CellGrain::Month);
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
    fn what_takes_too_much_goes_with_its_dimensions() {
        let mut sums = FactSums::by(CellGrain::Month);
        for number in 0..1_000 {
            let dims = Arc::new(Dims { agent: Some(Arc::from(number.to_string())), ..Dims::default() });
            sums.add(&Fact::new(FactKind::Contact, 19_000, dims), false);
        }
        for agent in ["ana", "ben"] {
            let dims = Arc::new(Dims { agent: Some(Arc::from(agent)), ..Dims::default() });
            sums.add(&Fact::new(FactKind::Payment, 19_000, dims), false);
        }
        sums.keep_below(100 * (A_SUM + DIMS));
        assert_eq!(sums.left_out(), [FactKind::Contact]);
        let (found, _) = told(sums);
        let mut agents: Vec<_> = found.iter().map(|fact| fact.dims.agent.as_deref().unwrap_or_default()).collect();
        // Columns stand in the order of hashes.
        agents.sort_unstable();
        assert_eq!(agents, ["ana", "ben"]);
    }

    #[test]
    fn kinds_of_too_many_sums_are_left_out() {
        let mut sums = FactSums::by(CellGrain::Month);
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
