//! Dimensions by which a KPI is not told, though its facts have them: what stands above the line and what stands below it would
//! be of different groups, and the figure of a group would say nothing of it.

use super::definition::KpiInfo;
use super::dimension::{DimSet, Dimension};
use super::read::{Reader, Table};
use crate::domain::case_dimensions::CaseDimensions;
use crate::domain::validation::Violation;

/// The word for all values of cases that are dimensions, whatever the definitions state.
const CASE_DIMENSIONS: &str = "case_dimensions";
const FORM: &str = "write not_by = [{ dimensions = [\"stage\", \"portfolio\"], because = \"why\", ask = \"what to ask instead\" }]; \
                    case_dimensions stands for all values of cases";

/// Dimensions by which a KPI may not be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotBy {
    /// The dimensions.
    pub(super) set: DimSet,
    /// Their names.
    pub dimensions: Vec<String>,
    /// Why a group of theirs has no figure.
    pub because: String,
    /// What to ask instead.
    pub ask: String,
}

/// Reads `not_by`.
pub(super) fn read(reader: &mut Reader<'_>, table: &mut Table<'_>) -> Vec<NotBy> {
    let tables =
        table.tables(reader, ("not_by", FORM), ("not_by", "this names no dimensions that a KPI is not told by"));
    tables.into_iter().filter_map(|table| one(reader, table)).collect()
}

fn one(reader: &mut Reader<'_>, mut table: Table<'_>) -> Option<NotBy> {
    let at = table.at;
    table.need(reader, "dimensions");
    let case = reader.case.clone();
    let mut set = DimSet::default();
    let named = table.texts(reader, "dimensions");
    if named.is_empty() {
        reader.wrong(at, "not_by names no dimensions", FORM);
    }
    for (text, at) in named {
        match Dimension::named(text, &case).filter(|one| *one != Dimension::Currency) {
            Some(one) => set = set.with(one),
            None if text == CASE_DIMENSIONS => {
                set = case.names().filter_map(|name| Dimension::named(name, &case)).fold(set, DimSet::with);
            }
            None => reader.wrong(at, format!("\"{text}\" is no dimension of questions"), FORM),
        }
    }
    let because = table.text(reader, "because").map(|(text, _)| text.to_owned());
    let ask = table.text(reader, "ask").map(|(text, _)| text.to_owned());
    table.finish(reader);
    let dimensions = set.iter().map(|one| one.name(&case).to_owned()).collect();
    Some(NotBy { set, dimensions, because: because?, ask: ask? })
}

impl KpiInfo {
    /// The dimensions by which the KPI is not told.
    pub(super) fn apart(&self) -> DimSet {
        self.not_by.iter().fold(DimSet::default(), |all, one| all.union(one.set))
    }

    /// What is wrong with asking for it by these, each with its field.
    pub(super) fn refused_by<'f>(
        &self,
        asked: impl Iterator<Item = (&'f str, Dimension)>,
        case: &CaseDimensions,
    ) -> Vec<Violation> {
        let refused = |(field, dimension): (&'f str, Dimension)| {
            let why = self.not_by.iter().find(|one| one.set.has(dimension))?;
            let (id, name) = (&self.id, dimension.name(case));
            Some(Violation::new(field, format!("{id} is not told by {name}: {}. {}", why.because, why.ask)))
        };
        asked.filter_map(refused).collect()
    }
}
