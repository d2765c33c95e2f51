//! Told facts added up by month, over all cases: a question by months or longer looks at these instead. A case that is told again
//! is taken out of the sums as it was told before and added as it is told now.

use super::told::{Part, Piece, shares};
use crate::domain::fact::Fact;
use crate::domain::facts::Kinds;
use crate::kpi::{ByMonth, ColumnsBuilder, Days};

/// Facts that one sum should be made of, on average: with fewer, sums are hardly quicker than facts and take as much room.
const FACTS_A_SUM: usize = 4;
/// Changes after which everything is added up anew.
const CHANGES: usize = 16;

/// Facts by month.
#[derive(Debug, Clone)]
pub(super) enum Months {
    /// Not added up yet.
    Unknown,
    /// There would be too many sums.
    TooMany,
    /// Sums, how many they were made of when all was added up, and how many changes came since.
    Known { pieces: Vec<Piece>, sums: usize, changes: usize },
}

impl Months {
    /// Adds up the facts of these pieces; `None` if a task ended by itself.
    pub(super) async fn of(pieces: &[Piece], kinds: Kinds) -> Option<Self> {
        let facts: usize = pieces.iter().map(|piece| piece.part.columns.facts()).sum();
        // Few take little room, whatever they are made of.
        let most = (facts / FACTS_A_SUM).max(ColumnsBuilder::MOST);
        let works: Vec<_> = shares(pieces)
            .map(|pieces| {
                tokio::task::spawn_blocking(move || {
                    let mut change = Change::default();
                    let few = |change: &Change| change.are_numbers && change.sums.len() <= most;
                    pieces.iter().all(|piece| {
                        change.add(piece, kinds);
                        few(&change)
                    });
                    change
                })
            })
            .collect();
        let mut all = Change::default();
        for work in works {
            let share = work.await.ok()?;
            all.are_numbers &= share.are_numbers && all.sums.merge(share.sums);
        }
        if !all.are_numbers || all.sums.len() > most {
            return Some(Self::TooMany);
        }
        let sums = all.sums.len();
        Some(Self::Known { pieces: all.into_pieces(), sums, changes: 0 })
    }

    /// The sums; none where there are not any.
    pub(super) fn pieces(&self) -> &[Piece] {
        if let Self::Known { pieces, .. } = self { pieces } else { &[] }
    }

    /// A change of the sums, where there are any.
    pub(super) fn change(&self) -> Option<Change> {
        matches!(self, Self::Known { .. }).then(Change::default)
    }

    /// Takes a change. After many, or where a sum is no number, everything has to be added up anew.
    pub(super) fn take(&mut self, change: Option<Change>) {
        let (Self::Known { pieces, sums, changes }, Some(change)) = (&mut *self, change) else { return };
        if change.sums.is_empty() {
            return;
        }
        *changes += 1;
        if !change.are_numbers || *changes > CHANGES || change.sums.len() > *sums {
            *self = Self::Unknown;
            return;
        }
        pieces.extend(change.into_pieces());
    }
}

/// What sums change by.
#[derive(Debug)]
pub(super) struct Change {
    sums: ByMonth,
    are_numbers: bool,
}

impl Default for Change {
    fn default() -> Self {
        Self { sums: ByMonth::default(), are_numbers: true }
    }
}

impl Change {
    /// Adds the facts of a piece.
    pub(super) fn add(&mut self, piece: &Piece, kinds: Kinds) {
        let take = |_: usize, fact: &Fact| self.are_numbers &= self.sums.add(fact);
        piece.part.columns.each_of(kinds, &Days::MONTHS, |case| piece.holds(case), take);
    }

    /// Takes back the facts of some cases of a piece.
    pub(super) fn take_back(&mut self, piece: &Piece, kinds: Kinds, of: impl Fn(usize) -> bool) {
        let take = |_: usize, fact: &Fact| {
            let back = Fact { sign: -fact.sign, ..fact.clone() };
            self.are_numbers &= self.sums.add(&back);
        };
        piece.part.columns.each_of(kinds, &Days::MONTHS, |case| of(case) && piece.holds(case), take);
    }

    fn into_pieces(self) -> Vec<Piece> {
        let columns = self.sums.columns().into_iter();
        columns.map(|columns| Piece::of(Part::of_no_case(columns))).collect()
    }
}
