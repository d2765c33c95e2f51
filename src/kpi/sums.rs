//! The sums of a feed by group and stretch of days, and the flows and stocks of periods that they add up to.

use std::collections::HashMap;

use super::block::Cell;
use super::gather::Group;
use super::hash::QuickState;
use super::ids::{COUNTED, Ids};
use super::made::MadeInto;
use super::plan::Feed;
use super::shape::Stretches;

/// The sums of one feed.
#[derive(Debug, Default)]
pub(super) struct Sums {
    rows: HashMap<Group, usize, QuickState>,
    /// One cell for all that lies before the question, then one for each stretch. Of a distinct count one for each
    /// period.
    cells: Vec<Cell>,
    /// Sums up to and with each cell, of feeds that need them.
    sums: Vec<Cell>,
    /// Sum of changes times the days they last within their stretch, one for each stretch.
    weighted: Vec<i128>,
    stride: usize,
    /// Cells are of periods and not of stretches.
    counted: bool,
    /// Cells by group and place instead, of a feed that is made into something by a further value in periods of one stretch
    /// each: most of its groups have facts on a few days alone.
    loose: Option<HashMap<(Group, usize), Cell, QuickState>>,
    /// Debtors by group and place.
    pub(super) ids: Ids,
}

impl Sums {
    /// No sums of periods instead of stretches.
    pub(super) fn counted(periods: usize) -> Self {
        Self { stride: periods, counted: true, ..Self::default() }
    }

    /// No sums of a feed.
    pub(super) fn of(feed: &Feed, stride: usize) -> Self {
        let by_value = match feed.made_into {
            MadeInto::Sums | MadeInto::Accounts => false,
            MadeInto::Distinct | MadeInto::Percentile(_) | MadeInto::Survival(..) | MadeInto::Curve(_) => true,
        };
        let loose = (by_value && feed.distinct.is_some() && !feed.sums).then(HashMap::default);
        Self { stride, loose, ..Self::default() }
    }

    /// Adds to the cell of a group at a place: a period of sums that are counted, else a stretch and what lies before all.
    pub(super) fn put(&mut self, group: Group, place: usize, add: Cell) {
        if let Some(loose) = &mut self.loose {
            loose.entry((group, place)).or_default().add(add);
            return;
        }
        let row = self.slot(group, false);
        self.add(row, place, add);
    }

    /// Whether cells are kept by group and place, and not by row.
    pub(super) const fn is_loose(&self) -> bool {
        self.loose.is_some()
    }

    /// Puts the numbers of debtors where other values are.
    pub(super) fn count_ids(&mut self) {
        let mut ids = std::mem::take(&mut self.ids);
        for ((group, place), there) in ids.numbers() {
            self.put(Group { distinct: COUNTED, ..group }, place, Cell { sum: there, facts: 0 });
        }
    }

    /// Every cell with its group and place.
    pub(super) fn each_cell(&self, mut visit: impl FnMut(&Group, usize, Cell)) {
        for ((group, place), cell) in self.loose.iter().flatten() {
            visit(group, *place, *cell);
        }
        for (group, row) in &self.rows {
            (0..self.stride).for_each(|place| visit(group, place, self.cell(*row, place)));
        }
    }

    /// Every flow of a group in a period, and every group at least once.
    pub(super) fn each_flow(&self, stretches: &Stretches, mut visit: impl FnMut(&Group, usize, Cell)) {
        if let Some(loose) = &self.loose {
            let mut periods: Vec<Vec<usize>> = vec![Vec::new(); self.stride];
            for (period, (_, last)) in stretches.slots.iter().enumerate() {
                periods.get_mut(*last).into_iter().for_each(|periods| periods.push(period));
            }
            for ((group, place), cell) in loose {
                match periods.get(*place).map_or(&[][..], Vec::as_slice) {
                    [] => visit(group, 0, Cell::default()),
                    periods => periods.iter().for_each(|period| visit(group, *period, *cell)),
                }
            }
        }
        for (group, row) in &self.rows {
            for (period, slot) in stretches.slots.iter().enumerate() {
                visit(group, period, self.between(*row, *slot));
            }
        }
    }

    pub(super) fn slot(&mut self, group: Group, with_mean: bool) -> usize {
        let next = self.rows.len();
        let row = *self.rows.entry(group).or_insert(next);
        if row == next {
            self.cells.resize((next + 1) * self.stride, Cell::default());
            if with_mean {
                self.weighted.resize((next + 1) * self.stride, 0);
            }
        }
        row
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.rows.keys()
    }

    pub(super) fn row(&self, group: &Group) -> Option<usize> {
        self.rows.get(group).copied()
    }

    /// Adds to the cell of a row at a place.
    pub(super) fn add(&mut self, row: usize, place: usize, cell: Cell) {
        if let Some(slot) = self.cells.get_mut(row * self.stride + place) {
            slot.add(cell);
        }
    }

    /// Adds a change times the days it lasts within its stretch.
    pub(super) fn weigh(&mut self, row: usize, place: usize, amount: i128) {
        if let Some(slot) = self.weighted.get_mut(row * self.stride + place) {
            *slot = slot.wrapping_add(amount);
        }
    }

    pub(super) fn cell(&self, row: usize, place: usize) -> Cell {
        self.cells.get(row * self.stride + place).copied().unwrap_or_default()
    }

    /// Everything before a stretch.
    pub(super) fn before(&self, row: usize, stretch: usize) -> Cell {
        self.sums.get(row * self.stride + stretch).copied().unwrap_or_default()
    }

    /// The flow of the stretches from `first` up to but not including `last`.
    pub(super) fn between(&self, row: usize, (first, last): (usize, usize)) -> Cell {
        if last == first + 1 {
            return self.cell(row, last);
        }
        let (before, mut total) = (self.before(row, first), self.before(row, last));
        total.add(Cell { sum: before.sum.wrapping_neg(), facts: before.facts.wrapping_neg() });
        total
    }

    /// The flow of a period.
    pub(super) fn flow(&self, row: usize, period: usize, stretches: &Stretches) -> Cell {
        if self.counted {
            return self.cell(row, period);
        }
        stretches.slots.get(period).map_or(Cell::default(), |slot| self.between(row, *slot))
    }

    /// The sum of everything before a stretch: before the one after a period's last to have that period's end.
    pub(super) fn opening(&self, row: usize, stretch: usize) -> i128 {
        self.before(row, stretch).sum
    }

    /// The flows from a stretch up to but not including another.
    pub(super) fn running(&self, row: usize, first: usize, last: usize) -> Cell {
        let (before, mut total) = (self.before(row, first), self.before(row, last));
        total.add(Cell { sum: before.sum.wrapping_neg(), facts: before.facts.wrapping_neg() });
        total
    }

    pub(super) fn add_up(&mut self) {
        self.sums = self.cells.clone();
        for row in self.sums.chunks_mut(self.stride) {
            let mut total = Cell::default();
            for cell in row {
                total.add(*cell);
                *cell = total;
            }
        }
    }

    /// The closing stocks of the days of some stretches added up, above what their opening stock gives.
    pub(super) fn weighted(&self, row: usize, (first, last): (usize, usize), stretches: &Stretches) -> i128 {
        let (_, end) = stretches.days(last.saturating_sub(1));
        let of = |stretch: usize| {
            let inside = self.weighted.get(row * self.stride + stretch + 1).copied().unwrap_or_default();
            // A change of an earlier stretch lasts through all later ones.
            let later = i128::from(end) - i128::from(stretches.days(stretch).1);
            inside.wrapping_add(self.cell(row, stretch + 1).sum.wrapping_mul(later))
        };
        (first..last).map(of).fold(0, i128::wrapping_add)
    }
}
