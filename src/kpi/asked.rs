//! What is wrong with a question before it is planned.

use std::collections::BTreeMap;

use super::definition::Definition;
use super::dimension::DimSet;
use super::period::{Period, periods};
use super::query::{MAX_KPIS, MAX_PERIODS, Query};
use super::shape::Shape;
use crate::domain::case_dimensions::CaseDimensions;
use crate::domain::validation::Violation;

/// Of dimensions of cases that stand for something else now.
pub(super) const CHANGED: &str = "names values of cases, which the definitions have changed meanwhile: ask again";

/// Holds the question's own fields against what is possible.
pub(super) fn check(query: &Query, shape: &Shape, case: &CaseDimensions, wrong: &mut Vec<Violation>) -> Vec<Period> {
    let mut note = |field: &str, text: String| wrong.push(Violation::new(field, text));
    if query.kpis.is_empty() {
        note("kpi_ids", "names no KPI: ListKpis names them".to_owned());
    }
    if query.kpis.len() > MAX_KPIS {
        note("kpi_ids", format!("names {} KPIs, and {MAX_KPIS} are the limit: ask in parts", query.kpis.len()));
    }
    let asked = || query.group_by.iter().chain(query.filters.iter().map(|(dimension, _)| dimension));
    let set: DimSet = asked().copied().collect();
    if set.has_case_values() && shape.case_dimensions != *case {
        note("group_by", CHANGED.to_owned());
    }
    for dimension in asked().filter(|dimension| !dimension.is_open()) {
        note("group_by", format!("{dimension} is no dimension of questions: leave it out"));
    }
    for (place, dimension) in query.group_by.iter().enumerate() {
        if query.group_by.iter().skip(place + 1).any(|other| other == dimension) {
            note("group_by", format!("names {} twice: name it once", dimension.name(case)));
        }
    }
    for (place, (dimension, values)) in query.filters.iter().enumerate() {
        if values.is_empty() {
            note(
                "filters",
                format!("the filter on {} has no value: name at least one, or leave it out", dimension.name(case)),
            );
        }
        if query.filters.iter().skip(place + 1).any(|(other, _)| other == dimension) {
            note("filters", format!("has two filters on {}: name all values in one", dimension.name(case)));
        }
    }
    if query.from >= query.to {
        note("end_date", format!("{} is not after {}: the span is empty", query.to, query.from));
        return Vec::new();
    }
    match periods(&shape.calendar, query.grain, (query.from, query.to), MAX_PERIODS) {
        Some(periods) => periods,
        None => {
            let text =
                format!("{} to {} has more than {MAX_PERIODS} periods of a {}", query.from, query.to, query.grain);
            note("grain", format!("{text}: ask for a coarser grain or a shorter span"));
            Vec::new()
        }
    }
}

/// What a KPI is kept by, where a question asks for more.
pub(super) fn undeclared_sets(
    definition: &Definition,
    missing: &BTreeMap<&str, DimSet>,
    case: &CaseDimensions,
) -> Violation {
    let info = &definition.info;
    let asked = missing.values().fold(DimSet::default(), |all, set| all.union(*set)).shown(case);
    let declared: Vec<String> = info.group_by.iter().map(|set| format!("[{}]", set.join(", "))).collect();
    let measures: Vec<&str> = missing.keys().copied().collect();
    let text = format!(
        "{} by {asked} (grouped and filtered) is not kept; it is kept by {}, and by any part of one of these. Ask so, or \
         add {asked} to the dimension_sets of {} in the KPI files",
        info.id,
        declared.join(", "),
        measures.join(", "),
    );
    Violation::new("group_by", text)
}
