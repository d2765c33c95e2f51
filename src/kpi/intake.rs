//! Which inputs the measures of a catalogue find, and which KPIs say nothing for want of them.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue::Catalogue;
use super::definition::{Definition, Root};
use super::layout::Lack;
use crate::domain::fact::{Fact, FactKind};

/// What the measures found among facts.
#[derive(Debug, Clone, Default)]
pub struct Intake {
    /// Facts taken, by measure.
    taken: BTreeMap<usize, u64>,
    /// Facts that a measure would have taken, by measure and by what they lacked.
    lacking: BTreeMap<(usize, Lack), u64>,
}

/// An input that a KPI misses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The KPI.
    pub kpi: String,
    /// The measure that misses it.
    pub measure: String,
    /// The kind of fact that the measure counts.
    pub fact: FactKind,
    /// What is missing.
    pub lack: Lack,
    /// How many facts lack it; 0 where there is none at all.
    pub lacking: u64,
    /// How many facts have it.
    pub taken: u64,
    /// The KPI has no value for want of it.
    pub disables: bool,
}

impl Intake {
    /// Notes one fact.
    pub fn add(&mut self, catalogue: &Catalogue, fact: &Fact) {
        for (place, measure) in catalogue.measures.iter().enumerate().filter(|(_, one)| one.fact == fact.kind) {
            if let Some(lack) = measure.source.lacks(fact) {
                *self.lacking.entry((place, lack)).or_default() += 1;
            } else if measure.source.take(fact).is_some() {
                *self.taken.entry(place).or_default() += 1;
            }
        }
    }

    /// What is missing, by KPI in the order of the definitions. Aliases are left out.
    #[must_use]
    pub fn gaps(&self, catalogue: &Catalogue) -> Vec<Gap> {
        let taken = |measure: usize| self.taken.get(&measure).copied().unwrap_or(0);
        let mut found = Vec::new();
        for kpi in catalogue.kpis.iter().filter(|kpi| kpi.info.alias_of.is_none()) {
            let base = base(kpi);
            let empty = !base.is_empty() && base.iter().all(|measure| taken(*measure) == 0);
            let all: BTreeSet<usize> = kpi.leaves.iter().map(|leaf| leaf.measure).collect();
            for place in all {
                let Some(measure) = catalogue.measures.get(place) else { continue };
                let mut gap = |lack: Lack, lacking: u64| {
                    found.push(Gap {
                        kpi: kpi.info.id.clone(),
                        measure: measure.id.clone(),
                        fact: measure.fact,
                        lack,
                        lacking,
                        taken: taken(place),
                        disables: empty && base.contains(&place),
                    });
                };
                let lacks = |lack: &Lack| self.lacking.get(&(place, *lack)).copied().map(|count| (*lack, count));
                let missed: Vec<(Lack, u64)> = Lack::ALL.iter().filter_map(lacks).collect();
                for (lack, lacking) in &missed {
                    gap(*lack, *lacking);
                }
                if missed.is_empty() && empty && base.contains(&place) {
                    gap(Lack::Facts, 0);
                }
            }
        }
        found
    }
}

/// The measures without which a KPI says nothing: those below the line, or all of a KPI without one.
fn base(kpi: &Definition) -> BTreeSet<usize> {
    let mut leaves = Vec::new();
    match &kpi.root {
        Root::Single(node, _) => node.each_leaf(&mut |leaf| leaves.push(leaf)),
        Root::Quotient { below, .. } => below.0.each_leaf(&mut |leaf| leaves.push(leaf)),
    }
    leaves.into_iter().filter_map(|leaf| kpi.leaves.get(leaf)).map(|leaf| leaf.measure).collect()
}
