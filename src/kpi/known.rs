//! Since when there has been anything to count in a market, or in one of its groups: its accounts tell.

use super::catalogue::Catalogue;
use super::definition::{Definition, Kind, Root};
use super::dimension::{DimSet, Dimension};
use super::formula::Window;
use super::layout::{Aggregate, Filter, On};
use super::row::Row;
use crate::domain::fact::FactKind;

impl Catalogue {
    /// The figure of how many accounts are open at the end of a period, with those of these dimensions that it is kept by. A
    /// group by fewer dimensions holds the one by all of them, and was there no later.
    #[must_use]
    pub fn accounts_by(&self, dimensions: &[Dimension]) -> Option<(&str, Vec<Dimension>)> {
        let definition = self.kpis.iter().find(|one| self.counts_open_accounts(one))?;
        let measure = self.measures.get(definition.leaves.first()?.measure)?;
        let asked: DimSet = dimensions.iter().copied().collect();
        let kept = measure.declared.iter().map(|set| set.intersection(asked)).max_by_key(|set| set.len())?;
        Some((definition.info.id.as_str(), kept.iter().collect()))
    }

    /// Whether it is the stock of all open accounts at the end, and nothing else.
    fn counts_open_accounts(&self, definition: &Definition) -> bool {
        let closing = |definition: &Definition| match definition.leaves.as_slice() {
            [leaf] if leaf.window == Window::Closing => self.measures.get(leaf.measure),
            _ => None,
        };
        let balance = definition.info.kind == Kind::Balance && matches!(definition.root, Root::Single(..));
        balance
            && closing(definition).is_some_and(|measure| {
                let source = &measure.source;
                let all = source.filter == Filter::default() && source.on == On::Fact;
                measure.fact == FactKind::OpenAccounts && source.aggregate == Aggregate::Count && all
            })
    }
}

impl Row {
    /// Whether it stands on anything: before the first record of a market its sums are zero as well.
    #[must_use]
    pub fn stands_on_facts(&self) -> bool {
        let there = |sample: i128| sample != 0;
        self.value.is_some_and(|value| !value.is_zero()) || self.sample_size.is_some_and(there)
    }
}
