//! Facts told from a history, kept for the next question that no cells answer.
//!
//! They stand on one revision. A later question tells those cases anew that commits have touched since, and no others: what time
//! alone changes is committed as well, when it is due. Facts that follow from rules are never kept, because what is told of one
//! case may change with the contacts of its person in another.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::facts::Kinds;
use crate::domain::ids::CaseId;
use crate::domain::market::MarketKey;
use crate::ingest::{IngestError, Place, Portion, Teller, View};
use crate::kpi::{Catalogue, Columns, ColumnsBuilder, Days, Delta};

/// Cases of one piece, at most.
const CASES: usize = 8_192;
/// Pieces, beyond twice those that the cases need, with which they are put together anew.
const PIECES: usize = 64;

/// Facts of some cases.
#[derive(Debug)]
struct Part {
    cases: Vec<CaseId>,
    columns: Columns,
    bytes: usize,
}

/// A part, and which of its cases were told again in a later one.
#[derive(Debug, Clone)]
struct Piece {
    part: Arc<Part>,
    again: Option<Arc<[bool]>>,
}

impl Piece {
    fn holds(&self, case: usize) -> bool {
        self.again.as_ref().is_none_or(|again| !again.get(case).copied().unwrap_or_default())
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

    /// Bytes, about.
    pub(super) fn bytes(&self) -> usize {
        self.pieces.iter().map(|piece| piece.part.bytes).sum()
    }

    /// Adds what was made, told up to a place.
    pub(super) fn push(&mut self, made: &mut Making, place: Option<Place>) {
        let cases = std::mem::take(&mut made.cases);
        if !cases.is_empty() {
            let (columns, fresh) = made.builder.finish();
            let names: usize = cases.iter().map(|case| size_of::<CaseId>() + case.as_str().len()).sum();
            let bytes = columns.bytes() + names + fresh;
            self.pieces.push(Piece { part: Arc::new(Part { cases, columns, bytes }), again: None });
        }
        self.place = place;
    }

    /// Drops what was told of these cases.
    pub(super) fn without(&mut self, cases: &HashSet<CaseId>) {
        for piece in &mut self.pieces {
            let again =
                piece.part.cases.iter().enumerate().map(|(place, case)| cases.contains(case) || !piece.holds(place));
            let again: Arc<[bool]> = again.collect();
            piece.again = again.contains(&true).then_some(again);
        }
        self.pieces.retain(|piece| piece.again.as_ref().is_none_or(|again| again.contains(&false)));
    }

    /// Puts pieces together where there are many, or much in them was told again.
    pub(super) fn tidy(&mut self) {
        let again = |piece: &Piece| piece.again.iter().flat_map(|again| again.iter()).filter(|again| **again).count();
        let stale: usize = self.pieces.iter().map(again).sum();
        if stale * 4 < self.cases() && self.pieces.len() < PIECES + 2 * self.cases() / CASES {
            return;
        }
        let mut made = Making::default();
        for piece in std::mem::take(&mut self.pieces) {
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

    /// The sums of the facts of these days. Keeps as many processors busy as there are.
    pub(super) async fn sum(&self, catalogue: &Arc<Catalogue>, days: &Days) -> Option<Delta> {
        let at_once = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let some = self.pieces.len().div_ceil(at_once).max(1);
        let works: Vec<_> = self
            .pieces
            .chunks(some)
            .map(|pieces| {
                let (pieces, catalogue, days) = (pieces.to_vec(), Arc::clone(catalogue), days.clone());
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
        let mut sum: Option<Delta> = None;
        for work in works {
            let part = work.await.ok()?;
            match &mut sum {
                Some(sum) => sum.merge(&part),
                None => sum = Some(part),
            }
        }
        Some(sum.unwrap_or_default())
    }
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

    /// Whether it holds as much as a part should.
    pub(super) fn is_full(&self) -> bool {
        self.builder.is_full() || self.cases.len() >= CASES
    }
}

/// What this process keeps.
#[derive(Debug)]
pub(super) struct ToldFacts {
    /// Most bytes; 0 keeps nothing.
    pub(super) limit: usize,
    /// The one used last at the end.
    kept: Mutex<Vec<(MarketKey, Told)>>,
}

impl ToldFacts {
    /// Nothing kept, and never more than about `limit` bytes.
    pub(super) const fn new(limit: usize) -> Self {
        Self { limit, kept: Mutex::new(Vec::new()) }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<(MarketKey, Told)>> {
        // What a panic left behind is whole: each is put in at once.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was told of a market on this ground, if these kinds are among it.
    pub(super) fn find(&self, market: &MarketKey, kinds: Kinds, ground: &str) -> Option<Told> {
        let mut kept = self.kept();
        // What rests on another ground will never be asked for again.
        kept.retain(|(of, told)| of != market || told.ground == ground);
        let serves =
            |told: &Told| told.kinds == kinds || (told.place.is_none() && told.kinds.with(kinds) == told.kinds);
        let place = kept.iter().position(|(of, told)| of == market && serves(told))?;
        let found = kept.remove(place);
        let told = found.1.clone();
        kept.push(found);
        Some(told)
    }

    /// Keeps what was told, if there is room for it and nothing newer of its kind; what was not asked for lately goes.
    pub(super) fn keep(&self, market: &MarketKey, told: &Told) {
        let mut kept = self.kept();
        let newness = |told: &Told| (told.view.known, told.place.is_none(), told.cases());
        let same =
            |(of, other): &(MarketKey, Told)| of == market && other.kinds == told.kinds && other.ground == told.ground;
        if kept.iter().any(|one| same(one) && newness(&one.1) > newness(told)) {
            return;
        }
        kept.retain(|one| !same(one));
        let mut bytes = told.bytes();
        if bytes > self.limit {
            return;
        }
        let held = kept.iter().rev().take_while(|(_, told)| {
            bytes += told.bytes();
            bytes <= self.limit
        });
        let gone = kept.len() - held.count();
        kept.drain(..gone);
        kept.push((market.clone(), told.clone()));
    }
}
