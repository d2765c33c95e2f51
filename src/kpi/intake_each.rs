//! Which values of a dimension lack records of their own, where a KPI needs them of each: one client's do not stand for another's.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue::Catalogue;
use super::definition::Definition;
use super::dimension::Dimension;
use super::formula::{Leaf, Window};
use crate::domain::fact::Fact;
use crate::domain::money::Currency;

/// A value of a dimension, with the currency of what it stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Each {
    /// The dimension.
    pub dimension: Dimension,
    /// The value; `None` of what has none.
    pub value: Option<String>,
    /// The currency, of what has one.
    pub currency: Option<Currency>,
}

/// What a measure found of one value.
#[derive(Debug, Clone, Copy, Default)]
struct Given {
    /// Facts of the days that are asked about, and of days before.
    facts: (u64, u64),
    /// What they add up to.
    sum: (i128, i128),
}

/// What measures found by the values of which each must have records.
#[derive(Debug, Clone, Default)]
pub(super) struct ByValue {
    /// Which measures are looked at by which dimensions.
    by: BTreeMap<usize, BTreeSet<Dimension>>,
    given: BTreeMap<usize, BTreeMap<Each, Given>>,
}

impl ByValue {
    pub(super) fn of(catalogue: &Catalogue) -> Self {
        let mut by: BTreeMap<usize, BTreeSet<Dimension>> = BTreeMap::new();
        for kpi in &catalogue.kpis {
            for need in &kpi.needs {
                let Some(each) = need.each else { continue };
                for leaf in need.leaves.iter().chain(&kpi.leaves) {
                    by.entry(leaf.measure).or_default().insert(each);
                }
            }
        }
        Self { by, given: BTreeMap::new() }
    }

    /// Notes what a measure took of a fact.
    pub(super) fn add(&mut self, measure: usize, fact: &Fact, taken: i128, before: bool) {
        let Some(dimensions) = self.by.get(&measure) else { return };
        for dimension in dimensions {
            let value = dimension.of(&fact.dims).map(str::to_owned);
            let each = Each { dimension: *dimension, value, currency: fact.dims.currency };
            let given = self.given.entry(measure).or_default().entry(each).or_default();
            let (facts, sum) =
                if before { (&mut given.facts.1, &mut given.sum.1) } else { (&mut given.facts.0, &mut given.sum.0) };
            *facts += 1;
            *sum += taken;
        }
    }

    /// The values that give something to a KPI and have none of the records that each of them needs, where others have some.
    pub(super) fn lacking(&self, kpi: &Definition) -> Vec<(usize, Each)> {
        let mut found = Vec::new();
        for need in &kpi.needs {
            let Some(dimension) = need.each else { continue };
            let of = |leaf: &Leaf| self.given.get(&leaf.measure).into_iter().flatten();
            let recorded =
                |leaf: &&Leaf, given: &Given| given.facts.0 > 0 || leaf.window == Window::Closing && given.facts.1 > 0;
            let there: BTreeSet<&Each> = (need.leaves.iter())
                .flat_map(|leaf| of(leaf).filter(move |(_, given)| recorded(&leaf, given)))
                .map(|(each, _)| each)
                .collect();
            if there.is_empty() {
                continue;
            }
            let gives = |leaf: &&Leaf, Given { facts, sum }: &Given| match leaf.window {
                Window::Opening => sum.1 != 0,
                Window::Closing => sum.0 + sum.1 != 0,
                Window::Mean => sum.1 != 0 || sum.0 + sum.1 != 0,
                _ => facts.0 > 0 && sum.0 != 0,
            };
            let giving: BTreeSet<&Each> = (kpi.leaves.iter())
                .flat_map(|leaf| of(leaf).filter(move |(_, given)| gives(&leaf, given)))
                .map(|(each, _)| each)
                .filter(|each| each.dimension == dimension)
                .collect();
            let lack = giving.difference(&there).map(|each| (*each).clone());
            found.extend(lack.flat_map(|each| need.leaves.iter().map(move |leaf| (leaf.measure, each.clone()))));
        }
        found
    }
}
