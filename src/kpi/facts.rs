//! Questions that no kept cells answer: the catalogue that sums facts for one of them.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue::Catalogue;
use super::curve::Curve;
use super::definition::Definition;
use super::dimension::{DimSet, Dimension, MAX_WIDTH};
use super::formula::Window;
use super::layout::MAX_COLUMNS;
use super::query::{Query, QueryError};
use super::reading::Defaults;
use crate::domain::fact::FactKind;
use crate::domain::validation::Violation;

impl Catalogue {
    /// Whether a question asks for percentiles, where these readings were chosen.
    #[must_use]
    pub fn asks_percentiles(&self, query: &Query, defaults: &Defaults) -> bool {
        let percentile = |window| matches!(window, Window::Percentile(_) | Window::Survival(..));
        let mut asked = query.kpis.iter().filter_map(|id| self.meant(id, defaults));
        asked.any(|kpi| kpi.leaves.iter().any(|leaf| percentile(leaf.window)))
    }

    /// A catalogue whose measures are summed by the very dimensions that the question groups and filters by: facts added
    /// by it answer the question, whatever sets are declared, where these readings were chosen. `exact`: lengths are counted by themselves, for percentiles
    /// without the error of steps.
    ///
    /// # Errors
    /// A dimension that none of the facts behind a KPI can have, or more dimensions than a tuple has room for.
    pub fn for_question(&self, query: &Query, exact: bool, defaults: &Defaults) -> Result<Self, QueryError> {
        let violations = self.without_dimension(query, defaults);
        if !violations.is_empty() {
            return Err(QueryError { violations, undeclared: false });
        }
        let mut needed: BTreeMap<usize, (DimSet, u32)> = BTreeMap::new();
        let asked: DimSet = query.group_by.iter().copied().chain(query.filters.iter().map(|(one, _)| *one)).collect();
        for definition in query.kpis.iter().filter_map(|id| self.meant(id, defaults)) {
            let each: DimSet = definition.needs.iter().filter_map(|need| need.each).collect();
            let own =
                definition.leaves.iter().enumerate().map(|(place, leaf)| (leaf, Curve::of(&definition, place), None));
            let needs = definition.needs.iter().flat_map(|need| need.leaves.iter().map(|leaf| (leaf, None, need.by)));
            for (leaf, curve, by) in own.chain(needs) {
                let asked = by.map_or(asked, |by| asked.intersection(by));
                let Some(measure) = self.measures.get(leaf.measure) else { continue };
                let mut set = if measure.by_currency { asked.with(Dimension::Currency) } else { asked };
                // A base that is not kept by currency serves every currency of a money KPI.
                if definition.money && !measure.by_currency {
                    set = set.without(Dimension::Currency);
                }
                if curve.is_some_and(Curve::by_month) {
                    set = set.with(Dimension::MonthsSince);
                }
                set = measure.own_dimension().map_or(set, |own| set.with(own)).union(each);
                // The same measure in a KPI of money and in another one: by all that either asks for.
                set = needed.get(&leaf.measure).map_or(set, |(known, _)| set.union(*known));
                if set.len() > MAX_WIDTH {
                    let text = format!(
                        "{} by {} takes {} dimensions, the limit is {MAX_WIDTH}: group and filter by fewer",
                        measure.id,
                        set.shown(self.case_dimensions()),
                        set.len()
                    );
                    return Err(QueryError { violations: vec![Violation::new("group_by", text)], undeclared: true });
                }
                let number = u32::try_from(leaf.measure).unwrap_or(u32::MAX);
                needed.insert(leaf.measure, (set, number));
            }
        }
        let mut kinds: BTreeMap<FactKind, usize> = BTreeMap::new();
        for measure in needed.keys().filter_map(|place| self.measures.get(*place)) {
            *kinds.entry(measure.fact).or_default() += 1;
        }
        // Definitions before and after a change may be asked for at once.
        if let Some((kind, count)) = kinds.into_iter().find(|(_, count)| *count > MAX_COLUMNS) {
            let text =
                format!("take {count} measures over facts of kind {kind}, the limit is {MAX_COLUMNS}: ask in parts");
            return Err(QueryError { violations: vec![Violation::new("kpi_ids", text)], undeclared: false });
        }
        Ok(self.with_sets(exact, |place, _| needed.get(&place).copied()))
    }

    /// The asked dimensions by which a KPI says nothing. Some kind of fact of it never has the dimension, or all of one side of a
    /// quotient: the facts would be in the one group without it, and the parts of a formula would no longer be of the same
    /// group. And months since placement, which are of a day, of what is told of all days: what came in one month and left
    /// in another would stand in two groups, too much in the one and below nothing in the other.
    fn without_dimension(&self, query: &Query, defaults: &Defaults) -> Vec<Violation> {
        let groups = query.group_by.iter().map(|one| ("group_by", *one));
        let asked: Vec<_> = groups.chain(query.filters.iter().map(|(one, _)| ("filters", *one))).collect();
        let mut violations = Vec::new();
        for definition in query.kpis.iter().filter_map(|id| self.meant(id, defaults)) {
            for (field, dimension) in &asked {
                let (id, name) = (&definition.info.id, dimension.name(self.case_dimensions()));
                let text = if *dimension == Dimension::MonthsSince && definition.has_stock() {
                    format!(
                        "{id} holds a stock, and {name} is of the day of each change: ask it by vintage, or without {name}"
                    )
                } else {
                    let mut without = self.kinds_without(&definition, *dimension);
                    if without.is_empty() {
                        without = self.side_without(&definition, *dimension);
                    }
                    let kinds: Vec<&str> = without.iter().map(|kind| kind.as_str()).collect();
                    if kinds.is_empty() {
                        continue;
                    }
                    format!("{id} counts facts that have no {name} ({}): ask it without {name}", kinds.join(", "))
                };
                violations.push(Violation::new(*field, text));
            }
        }
        violations
    }

    /// The kinds of facts of a KPI that never have the dimension.
    fn kinds_without(&self, definition: &Definition, dimension: Dimension) -> BTreeSet<FactKind> {
        let kinds = definition.leaves.iter().filter_map(|leaf| Some(self.measures.get(leaf.measure)?.fact));
        kinds.filter(|kind| !dimension.is_had_by(*kind)).collect()
    }

    /// Where no fact above the line, or none below it, can tell of a contact's dimension: the kinds of that side. Beside others
    /// that can, such facts are the part that nobody was in touch for.
    fn side_without(&self, definition: &Definition, dimension: Dimension) -> BTreeSet<FactKind> {
        if !dimension.is_of_contact() {
            return BTreeSet::new();
        }
        let kinds = |side: Vec<usize>| -> Option<BTreeSet<FactKind>> {
            let leaves = side.iter().filter_map(|leaf| definition.leaves.get(*leaf));
            let measures: Vec<_> = leaves.filter_map(|leaf| self.measures.get(leaf.measure)).collect();
            let none = !measures.iter().any(|measure| measure.can_have(dimension));
            (none && !measures.is_empty()).then(|| measures.iter().map(|measure| measure.fact).collect())
        };
        kinds(definition.above()).or_else(|| kinds(definition.below())).unwrap_or_default()
    }
}
