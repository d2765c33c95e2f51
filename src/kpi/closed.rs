//! Values of dimensions that are a closed list by what the definitions say: buckets of days past due, and state words. A
//! question by any other value would be answered with nothing, as if it were a figure.

use super::catalogue::Catalogue;
use super::definition::Definition;
use super::dimension::Dimension;
use super::schema::Measure;
use crate::domain::fact::ENDS;
use crate::domain::validation::Violation;

/// The state words that facts of a measure may have; `None` if they are no closed list.
fn states(measure: &Measure) -> Option<Vec<String>> {
    let taken = &measure.source.filter.states;
    if taken.is_empty() {
        return measure.fact.states();
    }
    Some(taken.iter().map(|state| state.to_string()).collect())
}

impl Catalogue {
    /// The values that facts behind any of these KPIs may have in a dimension, in order; `None` where that is no closed list,
    /// or one that the dimension alone knows ([`Dimension::not_its_value`]).
    pub(super) fn values_of(&self, kpis: &[&Definition], dimension: Dimension) -> Option<Vec<String>> {
        let buckets = self.buckets().names().map(str::to_owned);
        match dimension {
            Dimension::DpdBucket => Some(buckets.collect()),
            Dimension::ToBucket => Some(buckets.chain(ENDS.map(str::to_owned)).collect()),
            Dimension::State => {
                let mut known: Vec<String> = Vec::new();
                for leaf in kpis.iter().flat_map(|kpi| &kpi.leaves) {
                    for state in states(self.measures.get(leaf.measure)?)? {
                        if !known.contains(&state) {
                            known.push(state);
                        }
                    }
                }
                (!known.is_empty()).then_some(known)
            }
            _ => None,
        }
    }

    /// What is wrong with the values of a dimension by which figures of these KPIs are asked for: those that no fact of them can
    /// have, each with its place. The empty text stands for facts without the dimension.
    pub(super) fn not_values_of<'v>(
        &self,
        kpis: &[&Definition],
        dimension: Dimension,
        values: impl Iterator<Item = (String, &'v str)>,
    ) -> Vec<Violation> {
        let Some(known) = self.values_of(kpis, dimension) else { return Vec::new() };
        let stray = values.filter(|(_, value)| !value.is_empty() && !known.iter().any(|one| one == value));
        stray
            .map(|(field, value)| {
                let shown: String = value.chars().take(40).collect();
                let known = known.join(", ");
                Violation::new(field, format!("{shown:?} is no {dimension} that facts can have: send one of {known}"))
            })
            .collect()
    }

    /// The same of every filter.
    pub(super) fn stray_filters(&self, filters: &[(Dimension, Vec<String>)], kpis: &[&Definition]) -> Vec<Violation> {
        let mut stray = Vec::new();
        for (filter, (dimension, values)) in filters.iter().enumerate() {
            let placed = values.iter().enumerate();
            let placed = placed.map(|(at, value)| (format!("filters[{filter}].values[{at}]"), value.as_str()));
            stray.append(&mut self.not_values_of(kpis, *dimension, placed));
        }
        stray
    }

    /// The values of which a target's must be one, for facts of its KPI in a dimension; `None` where that is no closed list.
    #[must_use]
    pub fn values_behind(&self, kpi: &str, dimension: Dimension) -> Option<Vec<String>> {
        self.values_of(&[self.kpi(kpi)?], dimension)
    }
}
