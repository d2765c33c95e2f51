//! Facts of some cases, kept in columns: what many have in common is held once, numbers take the bytes that they need. A question
//! that no cells answer looks through them instead of having the history told again.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::numbers::{Numbers, Optional};
use super::since::month_of;
use crate::domain::fact::{Dims, Fact, FactKind};
use crate::domain::facts::Kinds;

/// Bytes, about, that dimensions of their own take.
pub(super) const DIMS: usize = 512;

/// The days that a question needs facts of.
#[derive(Debug, Clone)]
pub struct Days {
    /// From the first to the last.
    pub range: RangeInclusive<i32>,
    /// A fact may stand on the first day of its month instead of its own: the question looks at nothing finer.
    pub by_month: bool,
    /// Facts with the same dimensions, flags and day may come as one, signed by its sums: what is asked adds up.
    pub together: bool,
}

impl Days {
    /// All days, each by itself.
    pub const ALL: Self = Self { range: i32::MIN..=i32::MAX, by_month: false, together: false };

    fn has(&self, fact: &Fact) -> bool {
        self.range.contains(&fact.day) || fact.placed.is_some_and(|day| self.range.contains(&day))
    }
}

/// Facts of one kind with the same dimensions, which follow each other up to a place.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) kind: FactKind,
    pub(super) dims: Arc<Dims>,
    pub(super) end: u32,
}

/// Facts in columns, those with the same dimensions and flags together and in the order of their days: sums find the row of the
/// one before.
#[derive(Debug, Clone)]
pub struct Columns {
    pub(super) runs: Vec<Run>,
    /// Number of the case that each is of.
    case: Numbers,
    day: Numbers,
    sign: Numbers,
    count: Numbers,
    amount: Numbers,
    amount2: Numbers,
    flags: Numbers,
    days_due: Optional,
    days_invoice: Optional,
    value: Optional,
    hour: Optional,
    placed: Optional,
}

impl Columns {
    /// Runs whose last ends where the columns do, and the columns in the order of [`Columns::plain`] and [`Columns::optional`].
    pub(super) fn of(runs: Vec<Run>, plain: [Numbers; 7], optional: [Optional; 5]) -> Self {
        let [case, day, sign, count, amount, amount2, flags] = plain;
        let [days_due, days_invoice, value, hour, placed] = optional;
        Self { runs, case, day, sign, count, amount, amount2, flags, days_due, days_invoice, value, hour, placed }
    }

    /// The columns that have a number for every fact.
    pub(super) const fn plain(&self) -> [&Numbers; 7] {
        let Self { case, day, sign, count, amount, amount2, flags, .. } = self;
        [case, day, sign, count, amount, amount2, flags]
    }

    /// The columns that may have none for a fact.
    pub(super) const fn optional(&self) -> [&Optional; 5] {
        let Self { days_due, days_invoice, value, hour, placed, .. } = self;
        [days_due, days_invoice, value, hour, placed]
    }

    /// Bytes in memory, about, without what dimensions hold.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let numbers = self.plain().map(Numbers::bytes).iter().sum::<usize>();
        let optional = self.optional().map(Optional::bytes).iter().sum::<usize>();
        size_of::<Self>() + size_of_val(self.runs.as_slice()) + numbers + optional
    }

    /// The same with what dimensions hold, where nobody else has them.
    #[must_use]
    pub fn bytes_alone(&self) -> usize {
        self.bytes() + self.runs.len() * DIMS
    }

    /// How many facts.
    #[must_use]
    pub fn facts(&self) -> usize {
        self.runs.last().map_or(0, |run| run.end as usize)
    }

    /// The facts of these kinds that are of one of these days, or whose case came in on one; of the cases whose number `wanted`
    /// says so of; each with that number, or the last of those that came as one.
    pub fn each_of(
        &self,
        kinds: Kinds,
        days: &Days,
        wanted: impl Fn(usize) -> bool,
        mut take: impl FnMut(usize, &Fact),
    ) {
        let mut start = 0;
        for run in &self.runs {
            let places = start..run.end as usize;
            start = places.end;
            if !kinds.has(run.kind) {
                continue;
            }
            let mut fact = Fact::new(run.kind, 0, Arc::clone(&run.dims));
            // Days of a run follow each other: the month of the last one, and the day on which it ends.
            let mut month = (i32::MAX, i32::MIN);
            let mut waiting: Option<(usize, Fact)> = None;
            for place in places {
                fact.day = int(self.day.get(place));
                fact.placed = self.placed.get(place).map(int);
                let case = usize::try_from(self.case.get(place)).unwrap_or(usize::MAX);
                if !days.has(&fact) || !wanted(case) {
                    continue;
                }
                if days.by_month {
                    if !(month.0..=month.1).contains(&fact.day) {
                        let first = month_of(fact.day);
                        // No month is shorter.
                        month = (first, first.saturating_add(27));
                    }
                    fact.day = month.0;
                }
                fact.sign = self.sign.get(place) as i8;
                fact.count = self.count.get(place);
                fact.amount = self.amount.get(place);
                fact.amount2 = self.amount2.get(place);
                fact.flags = self.flags.get(place) as u16;
                fact.days_due = self.days_due.get(place).map(int);
                fact.days_invoice = self.days_invoice.get(place).map(int);
                fact.value = self.value.get(place);
                fact.hour = self.hour.get(place).map(|hour| hour as u8);
                if !days.together {
                    take(case, &fact);
                } else if !waiting.as_mut().is_some_and(|(_, sum)| absorb(sum, &fact))
                    && let Some((case, sum)) = waiting.replace((case, fact.clone()))
                {
                    take(case, &sum);
                }
            }
            if let Some((case, sum)) = waiting {
                take(case, &sum);
            }
        }
    }
}

/// Adds a fact to another one with the same dimensions, if their day and flags are the same and the sums are numbers.
fn absorb(sum: &mut Fact, fact: &Fact) -> bool {
    if (sum.day, sum.flags, sum.value.is_some()) != (fact.day, fact.flags, fact.value.is_some()) {
        return false;
    }
    let add =
        |one: i64, other: i64| one.checked_mul(sum.sign.into())?.checked_add(other.checked_mul(fact.sign.into())?);
    let value = match (sum.value, fact.value) {
        (Some(one), Some(other)) => add(one, other).map(Some),
        _ => Some(None),
    };
    let sums = (add(sum.count, fact.count), add(sum.amount, fact.amount), add(sum.amount2, fact.amount2), value);
    let (Some(count), Some(amount), Some(amount2), Some(value)) = sums else { return false };
    (sum.sign, sum.count, sum.amount, sum.amount2, sum.value) = (1, count, amount, amount2, value);
    true
}

/// A number that was one of these before.
const fn int(number: i64) -> i32 {
    number as i32
}

/// Facts on their way into columns. Dimensions that are the same are held once, in all columns that it makes.
#[derive(Debug, Default)]
pub struct ColumnsBuilder {
    facts: Vec<(u32, Fact)>,
    known: HashSet<Arc<Dims>>,
    /// Bytes, about, of the dimensions that came new since the last columns.
    fresh: usize,
}

impl ColumnsBuilder {
    /// Facts after which columns are closed.
    pub const MOST: usize = 1 << 16;

    /// Adds a fact of the case with a number.
    pub fn add(&mut self, case: u32, fact: &Fact) {
        let dims = match self.known.get(&fact.dims) {
            Some(dims) => Arc::clone(dims),
            None => {
                self.known.insert(Arc::clone(&fact.dims));
                self.fresh += DIMS;
                Arc::clone(&fact.dims)
            }
        };
        self.facts.push((case, Fact { dims, ..fact.clone() }));
    }

    /// Adds a fact of no case whose dimensions are held once already.
    pub(super) fn add_held(&mut self, fact: Fact) {
        self.facts.push((0, fact));
    }

    /// How many facts it holds.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.facts.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// Whether it holds as many as columns should.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.facts.len() >= Self::MOST
    }

    /// The columns, and bytes, about, of dimensions that no columns had before.
    pub fn finish(&mut self) -> (Columns, usize) {
        let mut facts = std::mem::take(&mut self.facts);
        let order = |fact: &Fact| (fact.kind as u32, Arc::as_ptr(&fact.dims) as usize, fact.flags, fact.day);
        facts.sort_by_key(|(_, fact)| order(fact));
        let mut runs: Vec<Run> = Vec::new();
        for (end, (_, fact)) in (1..).zip(&facts) {
            match runs.last_mut().filter(|run| run.kind == fact.kind && Arc::ptr_eq(&run.dims, &fact.dims)) {
                Some(run) => run.end = end,
                None => runs.push(Run { kind: fact.kind, dims: Arc::clone(&fact.dims), end }),
            }
        }
        let numbers = |of: fn(&Fact) -> i64| Numbers::of(facts.iter().map(|(_, fact)| of(fact)).collect());
        let optional =
            |of: fn(&Fact) -> Option<i64>| Optional::of(&facts.iter().map(|(_, fact)| of(fact)).collect::<Vec<_>>());
        let plain = [
            Numbers::of(facts.iter().map(|(case, _)| i64::from(*case)).collect()),
            numbers(|fact| fact.day.into()),
            numbers(|fact| fact.sign.into()),
            numbers(|fact| fact.count),
            numbers(|fact| fact.amount),
            numbers(|fact| fact.amount2),
            numbers(|fact| fact.flags.into()),
        ];
        let optional = [
            optional(|fact| fact.days_due.map(i64::from)),
            optional(|fact| fact.days_invoice.map(i64::from)),
            optional(|fact| fact.value),
            optional(|fact| fact.hour.map(i64::from)),
            optional(|fact| fact.placed.map(i64::from)),
        ];
        (Columns::of(runs, plain, optional), std::mem::take(&mut self.fresh))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn numbers() -> impl Strategy<Value = i64> {
        prop_oneof![Just(0), Just(1), -200..200_i64, -40_000..40_000_i64, any::<i64>(), Just(i64::MIN), Just(i64::MAX)]
    }

    fn facts() -> impl Strategy<Value = (u32, Fact)> {
        let small = (0..3_u32, 0..2_usize, 0..2_usize, 18_990..19_040_i32, any::<bool>());
        let wide = (numbers(), numbers(), numbers(), any::<u16>());
        let gaps = (
            proptest::option::of(any::<i32>()),
            proptest::option::of(-5..5_i32),
            proptest::option::of(numbers()),
            proptest::option::of(0..168_u8),
            proptest::option::of(18_990..19_010_i32),
        );
        (small, wide, gaps).prop_map(|((case, kind, agent, day, adds), (count, amount, amount2, flags), gaps)| {
            let agent = ["ana", "ben"].get(agent).map(|agent| Arc::from(*agent));
            let kind = [FactKind::Contact, FactKind::Payment].get(kind).copied().unwrap_or(FactKind::Contact);
            let (days_due, days_invoice, value, hour, placed) = gaps;
            let sign = if adds { 1 } else { -1 };
            let dims = Arc::new(Dims { agent, ..Dims::default() });
            let numbers = Fact { sign, count, amount, amount2, flags, ..Fact::new(kind, day, dims) };
            (case, Fact { days_due, days_invoice, value, hour, placed, ..numbers })
        })
    }

    /// In some order that is the same for the same facts.
    fn sorted(mut facts: Vec<(u32, Fact)>) -> Vec<String> {
        facts.sort_by_key(|fact| format!("{fact:?}"));
        facts.iter().map(|fact| format!("{fact:?}")).collect()
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(
            facts in proptest::collection::vec(facts(), 0..60),
            kind in 0..3_usize,
            first in 18_995..19_005_i32,
            long in 0..10_i32,
            month: bool,
        ) {
            let mut builder = ColumnsBuilder::default();
            facts.iter().for_each(|(case, fact)| builder.add(*case, fact));
            let (columns, _) = builder.finish();
            let days = Days { range: first..=first + long, by_month: month, together: false };
            let kinds = [Kinds::ALL, [FactKind::Contact].into_iter().collect(), [FactKind::Payment].into_iter().collect()];
            let kinds = kinds[kind];
            for case in 0..3 {
                let mut found = Vec::new();
                columns.each_of(kinds, &days, |number| number == case as usize, |_, fact| found.push((case, fact.clone())));
                let within = |(of, fact): &(u32, Fact)| *of == case && kinds.has(fact.kind) && days.has(fact);
                let told = |(of, fact): &(u32, Fact)| {
                    let day = if month { month_of(fact.day) } else { fact.day };
                    (*of, Fact { day, ..fact.clone() })
                };
                let expected = facts.iter().filter(|one| within(one)).map(told).collect();
                prop_assert_eq!(sorted(found), sorted(expected));
            }
        }
    }

    /// The sums of facts by what tells them apart where they come as one.
    fn sums(facts: &[Fact]) -> BTreeMap<String, [i128; 4]> {
        let mut sums: BTreeMap<String, [i128; 4]> = BTreeMap::new();
        for fact in facts {
            let key = format!("{:?} {:?} {} {} {}", fact.kind, fact.dims, fact.flags, fact.day, fact.value.is_some());
            let numbers = [fact.count, fact.amount, fact.amount2, fact.value.unwrap_or_default()];
            for (sum, number) in sums.entry(key).or_default().iter_mut().zip(numbers) {
                *sum += i128::from(number) * i128::from(fact.sign);
            }
        }
        sums
    }

    proptest! {
        #[test]
        fn what_comes_as_one_adds_up(
            facts in proptest::collection::vec(facts(), 0..60),
            flags in 0..3_u16,
            month: bool,
        ) {
            let mut builder = ColumnsBuilder::default();
            for (case, fact) in &facts {
                builder.add(*case, &Fact { flags: fact.flags % (flags + 1), ..fact.clone() });
            }
            let (columns, _) = builder.finish();
            let all = |together| {
                let (mut found, days) = (Vec::new(), Days { by_month: month, together, ..Days::ALL });
                columns.each_of(Kinds::ALL, &days, |_| true, |_, fact| found.push(fact.clone()));
                found
            };
            let (apart, together) = (all(false), all(true));
            prop_assert_eq!(sums(&apart), sums(&together));
            prop_assert!(together.len() <= apart.len());
        }
    }

    #[test]
    fn common_numbers_take_no_room() {
        let mut builder = ColumnsBuilder::default();
        let dims = Arc::new(Dims::default());
        for day in 0..1_000 {
            builder.add(7, &Fact::new(FactKind::Contact, 19_000 + day, Arc::clone(&dims)));
        }
        let (columns, fresh) = builder.finish();
        assert_eq!(fresh, DIMS);
        assert_eq!(columns.day, Numbers::Two((19_000..20_000).collect()));
        assert_eq!(columns.count, Numbers::Same(1));
        assert_eq!(columns.runs.len(), 1);
        assert!(columns.bytes() < 4_000, "{}", columns.bytes());
    }
}
