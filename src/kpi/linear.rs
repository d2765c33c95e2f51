//! Formulas that only add and subtract, as lists of the sums that they are made of: an answer by day and agent computes the
//! same stock of a dozen measures thousands of times.

use super::definition::{NoValue, Root};
use super::exact::Exact;
use super::formula::{Node, Window};
use super::gather::Gathered;
use super::plan::{Plan, Planned};
use super::sums::Sums;

/// A sum of one group, and how often it counts.
#[derive(Debug, Clone)]
struct Term {
    feed: usize,
    row: usize,
    window: Window,
    times: i128,
}

/// The sums that a formula adds up for one group. Leaves without a row are none: they are zero.
#[derive(Debug, Clone)]
pub(super) struct Terms(Vec<Term>);

/// The terms of what stands above the line (or of the only formula) and below it; `None` of a formula that does more than add
/// and subtract whole sums. `rows` are the group's in the feeds of the leaves.
pub(super) fn terms(kpi: &Planned, rows: &[Option<usize>]) -> [Option<Terms>; 2] {
    let of = |node: &Node| {
        let mut terms = Vec::new();
        add(node, 1, (kpi, rows), &mut terms).map(|()| Terms(terms))
    };
    match &kpi.definition.root {
        Root::Single(node, _) => [of(node), None],
        Root::Quotient { above, below } => [of(&above.0), of(&below.0)],
    }
}

fn add(node: &Node, times: i128, of: (&Planned, &[Option<usize>]), terms: &mut Vec<Term>) -> Option<()> {
    match node {
        Node::Leaf(leaf) => {
            let window = of.0.definition.leaves.get(*leaf)?.window;
            if !matches!(window, Window::Flow | Window::Opening | Window::Closing | Window::Running) {
                return None;
            }
            let feed = *of.0.feeds.get(*leaf)?;
            terms.extend(of.1.get(*leaf)?.map(|row| Term { feed, row, window, times }));
            Some(())
        }
        Node::Number(number) => number.is_zero().then_some(()),
        Node::Add(parts) => parts.iter().try_for_each(|part| add(part, times, of, terms)),
        Node::Subtract(parts) => {
            let (first, rest) = parts.split_first()?;
            add(first, times, of, terms)?;
            rest.iter().try_for_each(|part| add(part, times.checked_neg()?, of, terms))
        }
        Node::Scale(part, by) if by.denominator() == 1 => add(part, times.checked_mul(by.numerator())?, of, terms),
        Node::Scale(..) | Node::Divide(_) | Node::Multiply(_) => None,
        Node::Months | Node::Days | Node::WorkingDays | Node::LastDay => None,
    }
}

impl Terms {
    /// What they add up to in a period.
    pub(super) fn sum(&self, plan: &Plan, gathered: &Gathered, period: usize) -> Result<Exact, NoValue> {
        let value = |term: &Term| {
            gathered.feeds.get(term.feed).map_or(0, |sums| whole(plan, sums, (term.row, term.window), period))
        };
        let sum = self.0.iter().try_fold(0_i128, |sum, term| sum.checked_add(value(term).checked_mul(term.times)?));
        sum.map(Exact::whole).ok_or(NoValue::Overflow)
    }
}

/// What a row of a feed gives to a period, of windows that give whole sums: the others have none.
pub(super) fn whole(plan: &Plan, sums: &Sums, (row, window): (usize, Window), period: usize) -> i128 {
    let (first, last) = plan.stretches.slots.get(period).copied().unwrap_or_default();
    match window {
        Window::Flow => sums.flow(row, period, &plan.stretches).sum,
        Window::Opening => sums.opening(row, first),
        Window::Closing => sums.opening(row, last),
        Window::Running => sums.running(row, plan.running_from(period), last).sum,
        Window::Mean | Window::Percentile(_) | Window::Survival(..) => 0,
    }
}
