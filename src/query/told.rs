//! Facts told from a history, kept for the next question that no cells answer.
//!
//! They stand on one revision. A later question tells those cases anew that commits have touched since, and no others: what time
//! alone changes is committed as well, when it is due. Of facts that follow from rules, cases are told anew as well whose persons
//! or households were touched in another case, or about whose findings something was decided.

use std::collections::HashSet;
use std::sync::Arc;

use super::kept::Lasting;
use crate::domain::facts::Kinds;
use crate::domain::ids::CaseId;
use crate::ingest::{IngestError, Place, Portion, Teller, View};
use crate::kpi::{Catalogue, Columns, ColumnsBuilder, Days, Delta};

/// Cases of one piece, at most.
const CASES: usize = 8_192;
/// Pieces that are small, or of which much was told again, with which they are put together anew.
const LOOSE: usize = 64;

/// Facts of some cases.
#[derive(Debug)]
pub(super) struct Part {
    cases: Vec<CaseId>,
    /// Their places, in the order of their ids.
    order: Vec<u32>,
    pub(super) columns: Columns,
    bytes: usize,
    /// Whether it has about as many cases or facts as a part should.
    large: bool,
}

impl Part {
    /// Columns of facts whose cases nobody asks for.
    pub(super) fn of_no_case(columns: Columns) -> Self {
        let bytes = columns.bytes_alone();
        Self { cases: Vec::new(), order: Vec::new(), columns, bytes, large: true }
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    fn place_of(&self, case: &CaseId) -> Option<usize> {
        let at = |place: &u32| self.cases.get(*place as usize);
        let found = self.order.binary_search_by(|place| at(place).cmp(&Some(case))).ok()?;
        self.order.get(found).map(|place| *place as usize)
    }
}

/// A part, and which of its cases were told again in a later one.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) part: Arc<Part>,
    again: Option<Arc<[bool]>>,
}

impl Piece {
    /// All of a part.
    pub(super) fn of(part: Part) -> Self {
        Self { part: Arc::new(part), again: None }
    }

    pub(super) fn holds(&self, case: usize) -> bool {
        self.again.as_ref().is_none_or(|again| !again.get(case).copied().unwrap_or_default())
    }

    /// How many of its cases were told again.
    fn told_again(&self) -> usize {
        self.again.iter().flat_map(|again| again.iter()).filter(|again| **again).count()
    }

    /// Whether it should be put together with others.
    fn is_loose(&self) -> bool {
        !self.part.large || self.told_again() * 4 >= self.part.cases.len()
    }
}

/// Facts of a market's cases.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) kinds: Kinds,
    /// What facts rest on besides the records.
    ground: String,
    /// What of the history they tell.
    pub(super) view: View,
    /// Where the telling goes on; `None` where every case was told.
    pub(super) place: Option<Place>,
    pieces: Vec<Piece>,
}

impl Lasting for Told {
    fn kinds(&self) -> Kinds {
        self.kinds
    }

    fn ground(&self) -> &str {
        &self.ground
    }

    fn newness(&self) -> (u64, bool, usize) {
        (self.view.known, self.place.is_none(), self.cases())
    }

    fn bytes(&self) -> usize {
        self.pieces.iter().map(|piece| piece.part.bytes).sum()
    }
}

impl Told {
    /// Nothing told yet.
    pub(super) fn nothing(kinds: Kinds, ground: &str, view: View) -> Self {
        let place = Some(Place::Cases(String::new()));
        Self { kinds, ground: ground.to_owned(), view, place, pieces: Vec::new() }
    }

    /// Cases that facts are of, those that were told again once more.
    pub(super) fn cases(&self) -> usize {
        self.pieces.iter().map(|piece| piece.part.cases.len()).sum()
    }

    /// Adds what was made, told up to a place.
    pub(super) fn push(&mut self, made: &mut Making, place: Option<Place>) {
        let large = made.is_large();
        let cases = std::mem::take(&mut made.cases);
        if !cases.is_empty() {
            let (columns, fresh) = made.builder.finish();
            let names: usize = cases.iter().map(|case| size_of::<CaseId>() + 4 + case.as_str().len()).sum();
            let bytes = columns.bytes() + names + fresh;
            let mut order: Vec<u32> = (0..).take(cases.len()).collect();
            order.sort_by_key(|place| cases.get(*place as usize));
            self.pieces.push(Piece::of(Part { cases, order, columns, bytes, large }));
        }
        self.place = place;
    }

    /// Drops what was told of these cases.
    pub(super) fn without(&mut self, cases: &[CaseId]) {
        for piece in &mut self.pieces {
            let places: HashSet<usize> = cases.iter().filter_map(|case| piece.part.place_of(case)).collect();
            if places.is_empty() {
                continue;
            }
            let mut again =
                piece.again.as_ref().map_or_else(|| vec![false; piece.part.cases.len()], |again| again.to_vec());
            for place in places {
                if let Some(again) = again.get_mut(place) {
                    *again = true;
                }
            }
            piece.again = Some(again.into());
        }
        self.pieces.retain(|piece| piece.again.as_ref().is_none_or(|again| again.contains(&false)));
    }

    /// Its facts.
    pub(super) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Puts pieces together that are small or of which much was told again, where there are many.
    pub(super) fn tidy(&mut self) {
        if self.pieces.iter().filter(|piece| piece.is_loose()).count() < LOOSE {
            return;
        }
        let (loose, firm) = std::mem::take(&mut self.pieces).into_iter().partition(Piece::is_loose);
        self.pieces = firm;
        let loose: Vec<Piece> = loose;
        let mut made = Making::default();
        for piece in loose {
            let renumbered = |(place, case): (usize, &CaseId)| {
                piece.holds(place).then(|| {
                    made.cases.push(case.clone());
                    made.cases.len() - 1
                })
            };
            let numbers: Vec<Option<usize>> = piece.part.cases.iter().enumerate().map(renumbered).collect();
            let wanted = |case| piece.holds(case);
            piece.part.columns.each_of(self.kinds, &Days::ALL, wanted, |case, fact| {
                if let Some(Some(number)) = numbers.get(case) {
                    made.builder.add(*number as u32, fact);
                }
            });
            if made.is_full() {
                self.push(&mut made, None);
            }
        }
        self.push(&mut made, None);
    }
}

/// The sums of the facts of these days. Keeps as many processors busy as there are.
pub(super) async fn sum_of(pieces: &[Piece], catalogue: &Arc<Catalogue>, days: &Days) -> Option<Delta> {
    let works: Vec<_> = shares(pieces)
        .map(|pieces| {
            let (catalogue, days) = (Arc::clone(catalogue), days.clone());
            let kinds = catalogue.kinds();
            tokio::task::spawn_blocking(move || {
                let mut sum = Delta::new();
                for piece in &pieces {
                    let add = |_: usize, fact: &_| sum.add(&catalogue, fact);
                    piece.part.columns.each_of(kinds, &days, |case| piece.holds(case), add);
                }
                sum
            })
        })
        .collect();
    let mut parts: Vec<Delta> = Vec::with_capacity(works.len());
    for work in works {
        parts.push(work.await.ok()?);
    }
    Some(parts.into_iter().collect())
}

/// Shares of some pieces, one for each processor.
pub(super) fn shares(pieces: &[Piece]) -> impl Iterator<Item = Vec<Piece>> {
    let at_once = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    pieces.chunks(pieces.len().div_ceil(at_once).max(1)).map(<[Piece]>::to_vec)
}

/// A part being made.
#[derive(Debug, Default)]
pub(super) struct Making {
    cases: Vec<CaseId>,
    builder: ColumnsBuilder,
}

impl Making {
    /// Tells the cases of a portion into it. Keeps a processor busy.
    ///
    /// # Errors
    /// A row is corrupt.
    pub(super) fn tell(&mut self, teller: &Teller, portion: Portion, cases: Vec<CaseId>) -> Result<(), IngestError> {
        let mut place = self.cases.len();
        self.cases.extend(cases);
        teller.tell_cases(portion, &mut |case, fact| {
            while self.cases.get(place).is_some_and(|told| told != case) {
                place += 1;
            }
            self.builder.add(place as u32, fact);
        })
    }

    /// Whether it holds half as much as a part should, or more.
    fn is_large(&self) -> bool {
        self.builder.len() * 2 >= ColumnsBuilder::MOST || self.cases.len() * 2 >= CASES
    }

    /// Whether it holds as much as a part should.
    pub(super) fn is_full(&self) -> bool {
        self.builder.is_full() || self.cases.len() >= CASES
    }
}
