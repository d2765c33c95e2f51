//! What a figure says of a group that has no fact.

use std::sync::Arc;

use super::definition::NoValue;
use super::exact::Exact;
use super::formula::{Node, Window};
use super::plan::Plan;
use super::row::Row;

impl Plan {
    /// The row of another answer as it is in this one where nothing of it has happened: zero of sums, no value of quotients.
    #[must_use]
    pub fn nothing_of(&self, row: &Row) -> Option<Row> {
        let kpi = self.kpis.iter().find(|kpi| *kpi.definition.info.id == *row.kpi)?;
        let place = self.periods().iter().position(|period| period.first() == row.start)?;
        let (definition, period) = (&kpi.definition, *self.framed.all.get(place)?);
        let ids = (&row.kpi, &row.variant);
        let mut nothing = definition.blank(ids, row.kind, Arc::clone(&row.group), row.currency);
        let value = |leaf: usize| match definition.leaves.get(leaf).map(|leaf| leaf.window) {
            Some(Window::Percentile(_) | Window::Survival(..)) => Err(NoValue::EmptyDenominator),
            _ => Ok(Exact::ZERO),
        };
        let working_days = self.working_days.get(place).copied().flatten();
        let at = self.moment(definition, &nothing, period, working_days);
        let compute = |_, node: &Node| node.compute(&value, at);
        definition.fill(&mut nothing, at, (&compute, &|_| 0), &|| true);
        Some(nothing)
    }
}
