//! Closed word lists of answers on the wire, as [`crate::wire::words`] has those of records.

use crate::wire::words::words;

words! {
    crate::advice::Silence => Silence,
    crate::query::PromiseState => PromiseState,
    crate::query::kpi::unit::Unit => KpiUnit,
    crate::query::kpi::Grain => Grain,
    crate::query::kpi::RowKind => RowKind,
    crate::query::kpi::target::Side => Side,
    crate::query::kpi::target::TargetState => TargetState,
    crate::query::kpi::target::Trend => Trend,
    crate::query::kpi::RowOrder => RowOrder,
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_word_has_the_same_name_and_number_on_both_sides() {
        crate::wire::words::tests::assert_alike(super::both_sides());
    }
}
