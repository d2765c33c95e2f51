//! Which inputs the measures of a catalogue find, and which KPIs say nothing for want of them.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue::Catalogue;
use super::definition::{Definition, Root};
use super::formula::{Leaf, Window};
use super::intake_each::ByValue;
pub use super::intake_each::Each;
use super::layout::{Filter, Lack};
use super::schema::Measure;
use crate::domain::fact::{Fact, FactKind};
use crate::domain::limitation::TermStanding;

/// What the measures found among facts.
#[derive(Debug, Clone, Default)]
pub struct Intake {
    /// Facts taken, by measure.
    taken: BTreeMap<usize, u64>,
    /// The same for facts of days before, which stocks are made of, too.
    earlier: BTreeMap<usize, u64>,
    /// Kinds of which there are facts, and of which there were before.
    kinds: BTreeSet<(FactKind, bool)>,
    /// Accounts of which it is known when they become barred, and those of which it is not, at the end.
    barred: (i64, i64),
    /// Reversals that stated more than was left of their payment, or named nothing that is there.
    beyond: i64,
    /// Accounts that are open at the end, and those of them that owe something.
    open: (i64, i64),
    /// Facts that a measure would have taken, by measure and by what they lacked.
    lacking: BTreeMap<(usize, Lack), u64>,
    /// What was found by values of which each must have records.
    each: ByValue,
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
    /// The KPI says nothing for want of it: it has no value, or is zero because nothing of the kind was recorded. Where it does
    /// not, and no fact is there, a part of the figure is zero because none of the kind was ever recorded.
    pub disables: bool,
    /// Of what it is missing, where others have it: then rows that hold it say nothing, and rows of the others do.
    pub of: Option<Each>,
}

impl Intake {
    /// Nothing found yet.
    #[must_use]
    pub fn of(catalogue: &Catalogue) -> Self {
        Self { each: ByValue::of(catalogue), ..Self::default() }
    }

    /// Notes one fact of the days that are asked about, or of days before.
    pub fn add(&mut self, catalogue: &Catalogue, fact: &Fact, before: bool) {
        self.kinds.insert((fact.kind, before));
        if fact.kind == FactKind::Limitation {
            let unknown = fact.dims.state.as_deref() == Some(TermStanding::Unknown.as_str());
            let accounts = if unknown { &mut self.barred.1 } else { &mut self.barred.0 };
            *accounts += fact.count * i64::from(fact.sign);
        }
        if fact.kind == FactKind::ReversedBeyond && !before && fact.dims.state.as_deref() != Some("more_than_other") {
            self.beyond += fact.count * i64::from(fact.sign);
        }
        match fact.kind {
            FactKind::OpenAccounts => self.open.0 += fact.count * i64::from(fact.sign),
            FactKind::Aged => self.open.1 += fact.count * i64::from(fact.sign),
            _ => {}
        }
        for (place, measure) in catalogue.measures.iter().enumerate().filter(|(_, one)| one.fact == fact.kind) {
            if let Some(lack) = measure.source.lacks(fact).filter(|_| !before) {
                *self.lacking.entry((place, lack)).or_default() += 1;
            } else if let Some(taken) = measure.source.take(fact) {
                let facts = if before { &mut self.earlier } else { &mut self.taken };
                *facts.entry(place).or_default() += 1;
                self.each.add(place, fact, taken, before);
            }
        }
    }

    /// What is missing, by KPI in the order of the definitions. Aliases are left out.
    #[must_use]
    pub fn gaps(&self, catalogue: &Catalogue) -> Vec<Gap> {
        let mut found = Vec::new();
        for kpi in catalogue.kpis.iter().filter(|kpi| kpi.info.alias_of.is_none()) {
            let base = base(kpi);
            let taken = |measure: usize| {
                let earlier = if is_stock(kpi, measure) { self.earlier.get(&measure) } else { None };
                self.taken.get(&measure).copied().unwrap_or(0) + earlier.copied().unwrap_or(0)
            };
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
                        of: None,
                    });
                };
                let lacks = |lack: &Lack| self.lacking.get(&(place, *lack)).copied().map(|count| (*lack, count));
                let mut missed: Vec<(Lack, u64)> = Lack::ALL.iter().filter_map(lacks).collect();
                if measure.fact == FactKind::PaymentReversed && self.beyond > 0 {
                    missed.push((Lack::Reversed, self.beyond.unsigned_abs()));
                }
                for (lack, lacking) in &missed {
                    gap(*lack, *lacking);
                }
                if let Some((known, unknown)) = self.limitation(measure) {
                    let (lacking, taken) = (unknown.unsigned_abs(), known.unsigned_abs());
                    found.push(Gap {
                        kpi: kpi.info.id.clone(),
                        measure: measure.id.clone(),
                        fact: measure.fact,
                        lack: Lack::Limitation,
                        lacking,
                        taken,
                        disables: known == 0 && base.contains(&place),
                        of: None,
                    });
                } else if missed.is_empty()
                    && empty
                    && base.contains(&place)
                    && !self.is_true_zero(kpi, (place, measure.fact))
                {
                    gap(Lack::Facts, 0);
                }
                found.extend(self.unclosed(kpi, measure));
            }
            let before = found.len();
            self.needed(catalogue, kpi, &mut found);
            let told: BTreeSet<String> = found.iter().skip(before).map(|gap| gap.measure.clone()).collect();
            self.never(catalogue, kpi, &told, &mut found);
        }
        found
    }

    /// Accounts that are open and owe nothing at the end, where a measure counts all open ones: no record
    /// closed them.
    fn unclosed(&self, kpi: &Definition, measure: &Measure) -> Option<Gap> {
        let (open, owing) = self.open;
        let all = measure.fact == FactKind::OpenAccounts && measure.source.filter == Filter::default();
        (all && open > owing).then(|| Gap {
            kpi: kpi.info.id.clone(),
            measure: measure.id.clone(),
            fact: measure.fact,
            lack: Lack::Closing,
            lacking: open.abs_diff(owing),
            taken: owing.unsigned_abs(),
            disables: false,
            of: None,
        })
    }

    /// What the KPI says that it needs, and nobody sent.
    fn needed(&self, catalogue: &Catalogue, kpi: &Definition, found: &mut Vec<Gap>) {
        for need in &kpi.needs {
            let taken = |leaf: &Leaf| {
                let earlier = if leaf.window == Window::Closing { self.earlier.get(&leaf.measure) } else { None };
                self.taken.get(&leaf.measure).copied().unwrap_or(0) + earlier.copied().unwrap_or(0)
            };
            if need.leaves.iter().any(|leaf| taken(leaf) > 0) {
                continue;
            }
            for measure in need.leaves.iter().filter_map(|leaf| catalogue.measures.get(leaf.measure)) {
                let nothing = nothing_of(kpi, measure, true);
                if !found.contains(&nothing) {
                    found.push(nothing);
                }
            }
        }
        for (place, each) in self.each.lacking(kpi) {
            if let Some(measure) = catalogue.measures.get(place) {
                found.push(Gap { of: Some(each), ..nothing_of(kpi, measure, true) });
            }
        }
    }

    /// Measures of kinds of which no record ever came: what they give to the figure is zero, whether or not it happened.
    fn never(&self, catalogue: &Catalogue, kpi: &Definition, told: &BTreeSet<String>, found: &mut Vec<Gap>) {
        let known: BTreeSet<usize> = kpi.leaves.iter().map(|leaf| leaf.measure).collect();
        for measure in known.into_iter().filter_map(|place| catalogue.measures.get(place)) {
            let kinds = |before| self.kinds.contains(&(measure.fact, before));
            let said = |gap: &Gap| gap.kpi == kpi.info.id && gap.measure == measure.id;
            if !measure.fact.is_of_misfits()
                && !kinds(true)
                && !kinds(false)
                && !told.contains(&measure.id)
                && !found.iter().any(said)
            {
                found.push(nothing_of(kpi, measure, false));
            }
        }
    }

    /// Accounts of which it is known when they become barred, and those of which it is not, where a measure counts by that
    /// and there are such.
    fn limitation(&self, measure: &Measure) -> Option<(i64, i64)> {
        let states = &measure.source.filter.states;
        let any = states.is_empty() || states.iter().any(|one| **one == *TermStanding::Unknown.as_str());
        let counts = match measure.fact {
            FactKind::Limitation => !any,
            kind => kind == FactKind::BecomesBarred,
        };
        Some(self.barred).filter(|(_, unknown)| counts && *unknown > 0)
    }

    /// Whether a measure by itself found nothing among facts of its kind that there are: nothing was refused, say.
    fn is_true_zero(&self, kpi: &Definition, (place, fact): (usize, FactKind)) -> bool {
        if fact.is_of_misfits() {
            return true;
        }
        // Of limitation there is nothing to be counted where all of it is known.
        let there = match fact {
            FactKind::BecomesBarred => self.kinds.contains(&(FactKind::Limitation, true)),
            _ => is_stock(kpi, place) && self.kinds.contains(&(fact, true)),
        };
        let now = if fact == FactKind::BecomesBarred { FactKind::Limitation } else { fact };
        matches!(kpi.root, Root::Single(..)) && (there || self.kinds.contains(&(now, false)))
    }
}

/// No record at all of what a measure counts.
fn nothing_of(kpi: &Definition, measure: &Measure, disables: bool) -> Gap {
    let (id, fact) = (measure.id.clone(), measure.fact);
    Gap { kpi: kpi.info.id.clone(), measure: id, fact, lack: Lack::Facts, lacking: 0, taken: 0, disables, of: None }
}

/// Whether a KPI reads a measure as what has come together by a day.
fn is_stock(kpi: &Definition, measure: usize) -> bool {
    let stock = |window| matches!(window, Window::Opening | Window::Closing | Window::Mean);
    kpi.leaves.iter().any(|leaf| leaf.measure == measure && stock(leaf.window))
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
