//! Which facts a figure's sample counts: those that stand above the line, each once, however many measures take it.

use super::definition::Root;
use super::formula::{Leaf, Window};
use super::layout::{Aggregate, Amount, Clock, Filter};
use super::schema::Measure;

/// The leaves of the numerator (or the only formula) whose facts together are all of its facts, and none twice. `None` where
/// it also stands on a stock, for that rests on more than the facts of the period, and where the definitions do not tell
/// whether two measures take the same facts.
pub(super) fn leaves(root: &Root, leaves: &[Leaf], measures: &[Measure]) -> Option<Vec<usize>> {
    let mut above = Vec::new();
    let (Root::Single(node, _) | Root::Quotient { above: (node, _), .. }) = root;
    node.each_leaf(&mut |leaf| above.push(leaf));
    above.sort_unstable();
    above.dedup();
    let mut taken: Vec<(usize, Taken)> = Vec::new();
    for place in above {
        let leaf = leaves.get(place)?;
        let flow = matches!(leaf.window, Window::Flow | Window::Running | Window::Percentile(_) | Window::Survival(..));
        let one = Taken { filter: taken_by(measures.get(leaf.measure)?), measure: measures.get(leaf.measure)?, leaf };
        if !flow || taken.iter().any(|(_, other)| !one.is_told_from(other)) {
            return None;
        }
        if taken.iter().any(|(_, other)| one.is_within(other)) {
            continue;
        }
        taken.retain(|(_, other)| !other.is_within(&one));
        taken.push((place, one));
    }
    (!taken.is_empty()).then(|| taken.into_iter().map(|(place, _)| place).collect())
}

/// The facts that a leaf takes.
struct Taken<'m> {
    filter: Filter,
    measure: &'m Measure,
    leaf: &'m Leaf,
}

impl Taken<'_> {
    fn is_of_same(&self, other: &Self) -> bool {
        (self.measure.fact, self.measure.source.on, self.leaf.window)
            == (other.measure.fact, other.measure.source.on, other.leaf.window)
    }

    /// Whether the other leaf takes all of its facts.
    fn is_within(&self, other: &Self) -> bool {
        // What counts values or accounts does not count its facts.
        let sums = !other.measure.is_no_sum() && !other.measure.counts_accounts();
        sums && self.is_of_same(other) && self.filter.is_within(&other.filter)
    }

    /// Whether it is known of every fact of either how many of the two take it.
    fn is_told_from(&self, other: &Self) -> bool {
        self.measure.fact != other.measure.fact
            || self.filter.is_apart(&other.filter)
            || self.is_within(other)
            || other.is_within(self)
    }
}

/// The filter of a measure with what its sum asks of a fact beside: one without that number is left out.
fn taken_by(measure: &Measure) -> Filter {
    let mut filter = measure.source.filter.clone();
    match measure.source.aggregate {
        Aggregate::SumProduct(_, Clock::Due) => filter.due = Some(true),
        Aggregate::SumProduct(_, Clock::Invoice) => filter.invoice = Some(true),
        Aggregate::Sum(Amount::Value) if filter.value.is_none() => filter.value = Some((i64::MIN, i64::MAX)),
        _ => {}
    }
    filter
}

impl Filter {
    /// Whether the other one takes every fact that it takes.
    fn is_within(&self, other: &Self) -> bool {
        let bits = |own: u16, others: u16| others == 0 || (own != 0 && own & !others == 0);
        let words = |own: &[Box<str>], others: &[Box<str>]| {
            others.is_empty() || (!own.is_empty() && own.iter().all(|word| others.contains(word)))
        };
        let presence = |own: Option<bool>, others: Option<bool>| others.is_none() || own == others;
        let value = match (self.value, other.value) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(own), Some(others)) => others.0 <= own.0 && own.1 <= others.1,
        };
        bits(self.channels, other.channels)
            && bits(self.directions, other.directions)
            && other.flags_set & !self.flags_set == 0
            && other.flags_clear & !self.flags_clear == 0
            && words(&self.states, &other.states)
            && words(&self.buckets, &other.buckets)
            && presence(self.agent, other.agent)
            && presence(self.due, other.due)
            && presence(self.invoice, other.invoice)
            && value
    }

    /// Whether no fact can be taken by both.
    fn is_apart(&self, other: &Self) -> bool {
        let bits = |own: u16, others: u16| own != 0 && others != 0 && own & others == 0;
        let words = |own: &[Box<str>], others: &[Box<str>]| {
            !own.is_empty() && !others.is_empty() && !own.iter().any(|word| others.contains(word))
        };
        let presence =
            |own: Option<bool>, others: Option<bool>| own.zip(others).is_some_and(|(own, others)| own != others);
        let value = self.value.zip(other.value).is_some_and(|(own, others)| own.1 < others.0 || others.1 < own.0);
        bits(self.channels, other.channels)
            || bits(self.directions, other.directions)
            || self.flags_set & other.flags_clear != 0
            || self.flags_clear & other.flags_set != 0
            || words(&self.states, &other.states)
            || words(&self.buckets, &other.buckets)
            || presence(self.agent, other.agent)
            || presence(self.due, other.due)
            || presence(self.invoice, other.invoice)
            || value
    }
}
