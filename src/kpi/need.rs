//! Records without which a figure would be zero only because nobody sent them: then it has no value, and says why.

use std::collections::BTreeMap;

use super::definition::Definition;
use super::dimension::{DimSet, Dimension};
use super::formula::{Fault, Leaf, Scope, Window};
use super::gather::{Gathered, Group};
use super::linear;
use super::plan::{Plan, Planned};
use super::read::{Reader, Table, names};
use crate::domain::case_dimensions::CaseDimensions;

/// What a figure needs: records of one of some measures.
#[derive(Debug, Clone)]
pub(crate) struct Need {
    /// The measures, each over the period or up to its end.
    pub(crate) leaves: Vec<Leaf>,
    /// The dimensions in which the records must be the row's; `None`: all that the question groups and filters by.
    pub(crate) by: Option<DimSet>,
    /// The dimension of which each value that gives anything to a row must have records of its own: what one client sent does
    /// not stand for the others of a total.
    pub(crate) each: Option<Dimension>,
}

/// A need as written.
#[derive(Debug, Clone)]
pub(super) struct WrittenNeed {
    records: Vec<(String, usize)>,
    ever: bool,
    by: Option<DimSet>,
    each: Option<Dimension>,
}

const FORM: &str = "write needs = [{ records = [\"operating_cost\"] }], with ever = true where one record up to the period's end is \
                    enough, and by = [\"channel\"] where only these dimensions matter, or each = \"client\" where each client must have its own";

/// Reads `needs`.
pub(super) fn read(reader: &mut Reader<'_>, table: &mut Table<'_>) -> Vec<WrittenNeed> {
    let tables = table.tables(reader, ("needs", FORM), ("a need", "this is no need"));
    tables.into_iter().filter_map(|table| one(reader, table)).collect()
}

fn one(reader: &mut Reader<'_>, mut table: Table<'_>) -> Option<WrittenNeed> {
    let at = table.at;
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
    let each = table.maybe_text(reader, "each").and_then(|(text, at)| {
        let each = Dimension::named(text, &reader.case).filter(|one| *one != Dimension::Currency);
        if each.is_none() || by.is_some() {
            let wrong = if by.is_some() { "stands beside by" } else { "is no dimension that records are sent by" };
            reader.wrong(at, format!("each = \"{text}\" {wrong}"), FORM);
        }
        each
    });
    table.finish(reader);
    if records.is_empty() {
        reader.wrong(at, "a need names no records", FORM);
        return None;
    }
    Some(WrittenNeed { records, ever, by, each })
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
        Ok(Need { leaves, by: self.by, each: self.each })
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
        let each = self.each.map_or_else(String::new, |each| format!(", of each {} in the row", each.name(case)));
        format!("{} {when}{of}{each}", records.join(" or "))
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

/// For each need of a KPI, its parts: one, or one for each value that must have records of its own.
pub(super) type NeedRows = Vec<Vec<Part>>;

/// What of a row must have a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// Feeds of the records with their rows, in one of which a record must be.
    records: Vec<(usize, usize)>,
    /// Of one part among several: leaves with their feeds and rows. A part that gives nothing by them lacks nothing.
    gives: Vec<(usize, usize, usize)>,
}

/// The rows of a group, of one market.
pub(super) fn rows(plan: &Plan, kpi: &Planned, gathered: &Gathered, group: &Group) -> NeedRows {
    let of_need = |(need, (feeds, leaves)): (&Need, &(Vec<usize>, Vec<usize>))| {
        if let Some(each) = need.each {
            return each_part(plan, (kpi, each), gathered, group, (feeds, leaves));
        }
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
        vec![Part { records: found, gives: Vec::new() }]
    };
    kpi.definition.needs.iter().zip(&kpi.needs).map(of_need).collect()
}

/// The parts of a group by a dimension of which each value must have records.
fn each_part(
    plan: &Plan,
    (kpi, each): (&Planned, Dimension),
    gathered: &Gathered,
    group: &Group,
    (records, leaves): (&[usize], &[usize]),
) -> Vec<Part> {
    let behind = kpi.group_by.len();
    let mut parts: BTreeMap<u32, Part> = BTreeMap::new();
    let own = kpi.group_by.iter().position(|one| *one == each).and_then(|place| group.values.get(place));
    let own = own.copied().filter(|value| *value != 0 && !group.is_rest());
    let mut visit = |place: usize, take: &mut dyn FnMut(&mut Part, usize)| {
        let (Some(feed), Some(sums)) = (plan.feeds.get(place), gathered.feeds.get(place)) else { return };
        let asked = if feed.currency.is_some() { *group } else { group.of_currency(0) };
        let mut of = |found: &Group| {
            let value = found.values.get(behind).copied().unwrap_or_default();
            if let Some(row) = sums.row(found) {
                take(parts.entry(value).or_default(), row);
            }
        };
        // A group of one value is one part, which need not be looked for.
        if let Some(own) = own {
            let mut found = asked;
            found.values.get_mut(behind).into_iter().for_each(|slot| *slot = own);
            return of(&found);
        }
        let same = |found: &&Group| {
            found.currency == asked.currency && found.values.get(..behind) == asked.values.get(..behind)
        };
        sums.groups().filter(same).for_each(&mut of);
    };
    for place in records {
        visit(*place, &mut |part, row| part.records.push((*place, row)));
    }
    for (leaf, place) in leaves.iter().enumerate() {
        visit(*place, &mut |part, row| part.gives.push((leaf, *place, row)));
    }
    parts.into_values().collect()
}

/// Whether one of the needs finds no record in a period.
pub(super) fn lacks(plan: &Plan, kpi: &Planned, gathered: &Gathered, rows: &NeedRows, period: usize) -> bool {
    let slot = plan.stretches.slots.get(period).copied().unwrap_or_default();
    let gives = |(leaf, place, row): &(usize, usize, usize)| {
        let (Some(leaf), Some(sums)) = (kpi.definition.leaves.get(*leaf), gathered.feeds.get(*place)) else {
            return false;
        };
        match leaf.window {
            Window::Mean => sums.opening(*row, slot.0) != 0 || sums.opening(*row, slot.1) != 0,
            Window::Percentile(_) | Window::Survival(..) => sums.flow(*row, period, &plan.stretches).facts != 0,
            window => linear::whole(plan, sums, (*row, window), period) != 0,
        }
    };
    kpi.definition.needs.iter().zip(rows).any(|(need, parts)| {
        let ever = need.leaves.first().is_some_and(|leaf| leaf.window == Window::Closing);
        let there = |(place, row): &(usize, usize)| {
            let Some(sums) = gathered.feeds.get(*place) else { return false };
            // What ended in the period (the roster of the last agent) was there: its end takes the beginning back.
            let stood = || [slot.0, slot.1].map(|place| sums.before(*row, place)).iter().any(|cell| cell.facts != 0);
            ever && stood() || sums.flow(*row, period, &plan.stretches).facts != 0
        };
        let recorded = |part: &Part| part.records.iter().any(there);
        !parts.iter().any(recorded) || parts.iter().any(|part| part.gives.iter().any(gives) && !recorded(part))
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
