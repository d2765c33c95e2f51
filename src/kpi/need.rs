//! Records without which a figure would be zero only because nobody sent them: then it has no value, and says why.

use super::definition::Definition;
use super::dimension::{DimSet, Dimension};
use super::formula::{Fault, Leaf, Scope, Window};
use super::gather::{Gathered, Group};
use super::plan::{Plan, Planned};
use super::read::{Reader, Table, Value, names};
use crate::domain::case_dimensions::CaseDimensions;

/// What a figure needs: records of one of some measures.
#[derive(Debug, Clone)]
pub(crate) struct Need {
    /// The measures, each over the period or up to its end.
    pub(crate) leaves: Vec<Leaf>,
    /// The dimensions in which the records must be the row's; `None`: all that the question groups and filters by.
    pub(crate) by: Option<DimSet>,
}

/// A need as written.
#[derive(Debug, Clone)]
pub(super) struct WrittenNeed {
    records: Vec<(String, usize)>,
    ever: bool,
    by: Option<DimSet>,
}

const FORM: &str = "write needs = [{ records = [\"operating_cost\"] }], with ever = true where one record up to the period's end is \
                    enough, and by = [\"channel\"] where only these dimensions matter";

/// Reads `needs`.
pub(super) fn read(reader: &mut Reader<'_>, table: &mut Table<'_>) -> Vec<WrittenNeed> {
    let Some(value) = table.get("needs") else { return Vec::new() };
    let Some(items) = value.get_ref().as_array().filter(|items| !items.is_empty()) else {
        reader.wrong(value.span().start, format!("needs of {} is no list", table.what), FORM);
        return Vec::new();
    };
    items.iter().filter_map(|item| one(reader, item)).collect()
}

fn one(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<WrittenNeed> {
    let at = value.span().start;
    let Some(inner) = value.get_ref().as_table() else {
        reader.wrong(at, "this is no need", FORM);
        return None;
    };
    let mut table = Table::new(inner, at, "a need");
    table.need(reader, "records");
    let records: Vec<(String, usize)> =
        table.texts(reader, "records").into_iter().map(|(text, at)| (text.to_owned(), at)).collect();
    let ever = table.flag(reader, "ever") == Some(true);
    let by = table.get("by").is_some().then(|| {
        let mut set = DimSet::default();
        for (text, at) in table.texts(reader, "by") {
            match Dimension::named(text, &reader.case).filter(|one| *one != Dimension::Currency) {
                Some(dimension) => set = set.with(dimension),
                None => reader.wrong(at, format!("\"{text}\" is no dimension that records are sent by"), FORM),
            }
        }
        set
    });
    table.finish(reader);
    if records.is_empty() {
        reader.wrong(at, "a need names no records", FORM);
        return None;
    }
    Some(WrittenNeed { records, ever, by })
}

impl WrittenNeed {
    /// The need with its measures.
    ///
    /// # Errors
    /// An unknown measure, or one that counts values instead of records.
    pub(super) fn link(&self, scope: &Scope<'_>) -> Result<Need, Fault> {
        let window = if self.ever { Window::Closing } else { Window::Flow };
        let mut leaves = Vec::with_capacity(self.records.len());
        for (name, at) in &self.records {
            let Some((place, measure)) =
                scope.by_id.get(name.as_str()).and_then(|place| Some((*place, scope.measures.get(*place)?)))
            else {
                let message = format!("it needs records of \"{name}\", which is no measure");
                return Err((*at, message, format!("name one of {}", names(scope.by_id.keys().copied()))));
            };
            if measure.own_dimension().is_some() {
                let message = format!("it needs records of \"{name}\", which counts values and not records");
                return Err((*at, message, "name a measure with agg = \"count\" or \"sum\"".to_owned()));
            }
            leaves.push(Leaf { measure: place, window });
        }
        Ok(Need { leaves, by: self.by })
    }

    /// In words, for whoever reads the definition.
    pub(super) fn words(&self, case: &CaseDimensions) -> String {
        let records: Vec<&str> = self.records.iter().map(|(name, _)| name.as_str()).collect();
        let of = match self.by {
            None => String::new(),
            Some(by) if by.is_empty() => ", of the market".to_owned(),
            Some(by) => {
                let by: Vec<&str> = by.iter().map(|one| one.name(case)).collect();
                format!(", by {} alone", by.join(" and "))
            }
        };
        let when = if self.ever { "up to the period's end" } else { "in the period" };
        format!("{} {when}{of}", records.join(" or "))
    }
}

impl Definition {
    /// Every measure that is read: those of the formula, then those that are needed.
    pub(crate) fn reads(&self) -> impl Iterator<Item = &Leaf> {
        self.leaves.iter().chain(self.needs.iter().flat_map(|need| &need.leaves))
    }

    /// The same, to be changed.
    pub(crate) fn reads_mut(&mut self) -> impl Iterator<Item = &mut Leaf> {
        self.leaves.iter_mut().chain(self.needs.iter_mut().flat_map(|need| &mut need.leaves))
    }
}

/// For each need of a KPI, the feeds and their rows in which one of the records must be.
pub(super) type NeedRows = Vec<Vec<(usize, usize)>>;

/// The rows of a group, of one market.
pub(super) fn rows(plan: &Plan, kpi: &Planned, gathered: &Gathered, group: &Group) -> NeedRows {
    let of_need = |(need, feeds): (&Need, &Vec<usize>)| {
        let mut found = Vec::new();
        for place in feeds {
            let (Some(feed), Some(sums)) = (plan.feeds.get(*place), gathered.feeds.get(*place)) else { continue };
            let asked = need.by.map_or(*group, |by| group.only(&kpi.group_by, by));
            // The rest is what records of any group make up.
            if need.by.is_some() && group.is_rest() {
                found.extend(sums.groups().filter_map(|group| Some((*place, sums.row(group)?))));
                continue;
            }
            let asked = if feed.currency.is_some() { asked } else { asked.of_currency(0) };
            found.extend(sums.row(&asked).map(|row| (*place, row)));
        }
        found
    };
    kpi.definition.needs.iter().zip(&kpi.needs).map(of_need).collect()
}

/// Whether one of the needs finds no record in a period.
pub(super) fn lacks(plan: &Plan, kpi: &Planned, gathered: &Gathered, rows: &NeedRows, period: usize) -> bool {
    kpi.definition.needs.iter().zip(rows).any(|(need, rows)| {
        let ever = need.leaves.first().is_some_and(|leaf| leaf.window == Window::Closing);
        let there = |(place, row): &(usize, usize)| {
            let Some(sums) = gathered.feeds.get(*place) else { return false };
            let end = plan.stretches.slots.get(period).map_or(0, |(_, last)| *last);
            let cell = if ever { sums.before(*row, end) } else { sums.flow(*row, period, &plan.stretches) };
            cell.facts != 0
        };
        !rows.iter().any(there)
    })
}

impl Group {
    /// The group without the values of dimensions outside of `by`, and without its currency.
    pub(super) fn only(mut self, group_by: &[Dimension], by: DimSet) -> Self {
        for (value, dimension) in self.values.iter_mut().zip(group_by) {
            if !by.has(*dimension) {
                *value = 0;
            }
        }
        self.of_currency(0)
    }
}
