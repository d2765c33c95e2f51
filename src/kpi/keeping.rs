//! Definitions whose cells are not all there yet: which series a catalogue keeps, and what answers until they are whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::catalogue::Catalogue;
use super::definition::Definition;
use super::schema::Measure;
use crate::domain::fact::FactKind;
use crate::domain::facts::Kinds;

/// Which definition answers for a KPI that is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// The one before the change, from its cells.
    Former,
    /// The one in force: from cells as far as they are whole, else from the history.
    Current,
}

/// What answers questions while cells are not whole.
#[derive(Debug, Clone)]
pub struct Standing {
    /// KPIs by the definitions that answer, kept by whole series alone.
    pub catalogue: Arc<Catalogue>,
    /// The KPIs that are not ready.
    pub unready: BTreeMap<String, Stand>,
}

impl Catalogue {
    /// The numbers of all series. A number says what is summed: kind of fact, filter, amount, day and dimension set. Titles,
    /// descriptions, sources, formulas of KPIs, and the order of the files do not change it.
    #[must_use]
    pub fn series(&self) -> BTreeSet<u32> {
        self.measures.iter().flat_map(|measure| measure.sets.iter().map(|(_, series)| *series)).collect()
    }

    /// The kinds of facts that series take.
    #[must_use]
    pub fn kinds(&self) -> Kinds {
        self.measures.iter().filter(|measure| !measure.sets.is_empty()).map(|measure| measure.fact).collect()
    }

    /// The numbers of the series that take these kinds of facts.
    #[must_use]
    pub fn series_of(&self, taken: impl Fn(FactKind) -> bool) -> BTreeSet<u32> {
        let measures = self.measures.iter().filter(|measure| taken(measure.fact));
        measures.flat_map(|measure| measure.sets.iter().map(|(_, series)| *series)).collect()
    }

    /// The same definitions, kept by these series alone.
    #[must_use]
    pub fn only(&self, keep: &BTreeSet<u32>) -> Self {
        let measures = self.measures.iter().map(|measure| kept(measure, keep)).collect();
        self.made_of(measures, self.kpis.clone(), false)
    }

    /// What answers while only the series of `whole` are whole: each KPI by its own definition if all its measures are kept
    /// in some way, else by the one of `former`, if that one's are. What is kept in no way is told from the history.
    #[must_use]
    pub fn standing(self: &Arc<Self>, former: Option<&Self>, whole: &BTreeSet<u32>) -> Standing {
        if self.series().is_subset(whole) {
            return Standing { catalogue: Arc::clone(self), unready: BTreeMap::new() };
        }
        let mut measures: Vec<Measure> = self.measures.iter().map(|measure| kept(measure, whole)).collect();
        let mut places: BTreeMap<usize, usize> = BTreeMap::new();
        let mut unready = BTreeMap::new();
        let mut kpis = Vec::with_capacity(self.kpis.len());
        for kpi in &self.kpis {
            if is_kept(kpi, &self.measures, whole, false) {
                kpis.push(kpi.clone());
                continue;
            }
            let changed = !is_kept(kpi, &self.measures, whole, true);
            let before = former.filter(|_| changed).and_then(|former| Some((former, former.kpi(&kpi.info.id)?)));
            let same = former.is_some_and(|former| former.case_dimensions() == self.case_dimensions());
            match before.filter(|(former, before)| is_kept(before, &former.measures, whole, true)) {
                Some((former, before)) => {
                    let mut before = before.clone();
                    for leaf in before.reads_mut() {
                        let Some(measure) = former.measures.get(leaf.measure) else { continue };
                        let place = *places.entry(leaf.measure).or_insert_with(|| {
                            let mut before = kept(measure, whole);
                            // The same place stands for another value of cases.
                            before.sets.retain(|(set, _)| same || !set.has_case_values());
                            measures.push(before);
                            measures.len() - 1
                        });
                        leaf.measure = place;
                    }
                    unready.insert(kpi.info.id.clone(), Stand::Former);
                    kpis.push(before);
                }
                None => {
                    unready.insert(kpi.info.id.clone(), Stand::Current);
                    kpis.push(kpi.clone());
                }
            }
        }
        Standing { catalogue: Arc::new(self.made_of(measures, kpis, false)), unready }
    }
}

/// A measure with only those of its sets whose series are among `keep`.
fn kept(measure: &Measure, keep: &BTreeSet<u32>) -> Measure {
    let mut measure = measure.clone();
    measure.sets.retain(|(_, series)| keep.contains(series));
    measure
}

/// Whether each measure of a KPI is kept: in all of its sets, or (`partly`) in one at least.
fn is_kept(kpi: &Definition, measures: &[Measure], whole: &BTreeSet<u32>, partly: bool) -> bool {
    kpi.reads().filter_map(|leaf| measures.get(leaf.measure)).all(|measure| {
        let mut sets = measure.sets.iter().map(|(_, series)| whole.contains(series));
        if partly { sets.any(|there| there) } else { sets.all(|there| there) }
    })
}
