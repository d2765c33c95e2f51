//! Facts of a market's cases added up by day or month: what a question tells of what adds up is answered from these, whatever it
//! groups by, and the facts themselves need not be kept.
//!
//! They stand on one revision. A later question tells those cases again whose facts may be others since, once as they were and once
//! as they are, and adds the difference. They are also stored ([`super::keep_sums`]), so that a server that has just started does not
//! tell the history for its first question.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::kept::{Kept, Lasting};
use super::retold::{TOLD_AT_A_TIME, retelling};
use super::told::{Part, Piece, Told, shares, sum_of};
use super::{Query, Reading};
use crate::domain::fact::FactKind;
use crate::domain::facts::Kinds;
use crate::domain::ids::CaseId;
use crate::domain::market::MarketKey;
use crate::ingest::{Beside, IngestError, Portion, Retelling, View, untold};
use crate::kpi::{Catalogue, CellGrain, Columns, Days, Delta, FactSums};

/// Changes after which everything is put together anew.
const CHANGES: usize = 16;

/// Sums of facts.
#[derive(Debug, Clone)]
pub(super) struct Summed {
    pub(super) grain: CellGrain,
    kinds: Kinds,
    pub(super) ground: String,
    pub(super) view: View,
    pieces: Vec<Piece>,
    /// Kinds that there are no sums of.
    pub(super) left_out: Kinds,
    /// How many of the pieces were there before changes came.
    whole: usize,
    /// Whether they came from the database, and nothing has changed since.
    pub(super) is_as_stored: bool,
}

impl Lasting for Summed {
    fn kinds(&self) -> Kinds {
        self.kinds
    }

    fn ground(&self) -> &str {
        &self.ground
    }

    fn newness(&self) -> (u64, bool, usize) {
        (self.view.known, true, 0)
    }

    fn bytes(&self) -> usize {
        self.pieces.iter().map(|piece| piece.part.bytes()).sum()
    }
}

impl Summed {
    fn of(kinds: Kinds, ground: &str, view: View, sums: FactSums) -> Self {
        let (grain, left_out) = (sums.grain(), sums.left_out().iter().copied().collect());
        let columns = sums.columns().into_iter().map(|(_, columns)| columns).collect();
        Self { left_out, is_as_stored: false, ..Self::stored(grain, kinds, ground, view, columns) }
    }

    /// What was stored like this.
    pub(super) fn stored(grain: CellGrain, kinds: Kinds, ground: &str, view: View, sums: Vec<Columns>) -> Self {
        let pieces: Vec<Piece> = sums.into_iter().map(piece).collect();
        let (ground, whole) = (ground.to_owned(), pieces.len());
        Self { grain, kinds, ground, view, pieces, left_out: Kinds::NONE, whole, is_as_stored: true }
    }

    pub(super) fn together(&self) -> FactSums {
        let mut sums = FactSums::by(self.grain);
        self.pieces.iter().for_each(|piece| sums.add_columns(&piece.part.columns, Kinds::ALL, |_| true));
        sums
    }

    /// Takes what has changed since, up to a later view.
    fn change(&mut self, mut change: FactSums, view: View) {
        self.view = view;
        change.leave_out(self.left_out);
        let lost: Kinds = change.left_out().iter().copied().collect();
        self.left_out = self.left_out.with(lost);
        self.is_as_stored &= change.is_empty();
        self.pieces.extend(change.columns().into_iter().map(|(_, columns)| piece(columns)));
        let facts = |pieces: &[Piece]| pieces.iter().map(|piece| piece.part.columns.facts()).sum::<usize>();
        let (whole, changes) = self.pieces.split_at(self.whole.min(self.pieces.len()));
        if changes.len() > CHANGES || facts(changes) > facts(whole) {
            let sums = self.together();
            let lost: Kinds = sums.left_out().iter().copied().collect();
            let left_out = self.left_out.with(lost);
            *self = Self { left_out, ..Self::of(self.kinds, &self.ground, view, sums) };
        }
    }

    /// Whether it tells of all of these kinds.
    fn tells(&self, kinds: Kinds) -> bool {
        FactKind::ALL.iter().all(|kind| !(kinds.has(*kind) && self.left_out.has(*kind)))
    }
}

fn piece(columns: Columns) -> Piece {
    Piece::of(Part::of_no_case(columns))
}

/// Whose turn it is to tell a history: a second question waits for what the first one tells.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<MarketKey, Arc<tokio::sync::Mutex<()>>>>);

impl Turns {
    fn of(&self, market: &MarketKey) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(market.clone()).or_default())
    }
}

impl Query {
    /// What is kept of sums by a grain.
    fn sums(&self, grain: CellGrain) -> &Kept<Summed> {
        match grain {
            CellGrain::Day => &self.by_day,
            CellGrain::Month => &self.by_month,
        }
    }

    /// The sums of the cases' facts of these days, from what is added up; `None` if these kinds are not.
    pub(super) async fn sums_kept(
        &self,
        reading: &Reading,
        catalogue: &Arc<Catalogue>,
        view: View,
        days: &Days,
    ) -> Result<Option<Delta>, IngestError> {
        let kinds = catalogue.kinds();
        let grain = match (days.together, days.by_month) {
            (false, _) => return Ok(None),
            (true, false) => CellGrain::Day,
            (true, true) => CellGrain::Month,
        };
        let mut summed = self.summed_at(reading, grain, kinds, view).await?;
        while summed.tells(kinds) && summed.view != view {
            let Some(changes) = self.changed(reading, &[&summed], view).await? else {
                let turn = self.turns.of(&reading.key).lock_owned().await;
                let newer = self.kept_at(reading, grain, kinds, view);
                summed = match newer.filter(|newer| newer.view.known > summed.view.known) {
                    Some(newer) => newer,
                    None => self.told_anew(reading, grain, kinds, view, turn).await?,
                };
                continue;
            };
            summed = with_changes(vec![summed], changes, view).await?.pop().ok_or_else(untold)?;
            self.sums(grain).keep(&reading.key, &summed);
        }
        if !summed.tells(kinds) {
            return Ok(None);
        }
        sum_of(&summed.pieces, catalogue, days).await.ok_or_else(untold).map(Some)
    }

    /// What is added up of these kinds, at this view or an earlier one.
    async fn summed_at(
        &self,
        reading: &Reading,
        grain: CellGrain,
        kinds: Kinds,
        view: View,
    ) -> Result<Summed, IngestError> {
        if let Some(summed) = self.kept_at(reading, grain, kinds, view) {
            return Ok(summed);
        }
        let turn = self.turns.of(&reading.key).lock_owned().await;
        if let Some(summed) = self.kept_at(reading, grain, kinds, view) {
            return Ok(summed);
        }
        let stored = self.stored_sums(reading, grain, kinds).await?;
        if let Some(summed) = stored.filter(|summed| summed.view.known <= view.known) {
            self.sums(grain).keep(&reading.key, &summed);
            return Ok(summed);
        }
        if let Some(told) = self.told.find(&reading.key, kinds, &reading.ground)
            && told.place.is_none()
            && told.view.known <= view.known
        {
            let _place = self.place(&reading.key.tenant).await?;
            let summed = added_up(&told, reading, grain, kinds, self.sums(grain).limit).await.ok_or_else(untold)?;
            self.sums(grain).keep(&reading.key, &summed);
            return Ok(summed);
        }
        self.told_anew(reading, grain, kinds, view, turn).await
    }

    /// What is in memory of these kinds, at this view or an earlier one.
    fn kept_at(&self, reading: &Reading, grain: CellGrain, kinds: Kinds, view: View) -> Option<Summed> {
        let found = self.sums(grain).find(&reading.key, kinds, &reading.ground);
        // Another question may have been told of what was committed since this one began.
        found.filter(|summed| summed.view.known <= view.known)
    }

    /// The sums of these kinds in this view, of the whole history. Whoever asks may not wait for it: it is told to its end all the
    /// same, for whoever asks again.
    async fn told_anew(
        &self,
        reading: &Reading,
        grain: CellGrain,
        kinds: Kinds,
        view: View,
        turn: tokio::sync::OwnedMutexGuard<()>,
    ) -> Result<Summed, IngestError> {
        let (query, key, ground) = (self.clone(), reading.key.clone(), reading.ground.clone());
        let retelling = retelling(reading, kinds, view, None);
        let work = tokio::spawn(async move {
            // Whoever waits for this turn holds no place meanwhile.
            let _turn_and_place = (turn, query.place(&key.tenant).await?);
            let mut told = query.tell_sums(retelling, ground, &[grain], query.tasks(), true).await?;
            let summed = told.pop().ok_or_else(untold)?;
            query.sums(grain).keep(&key, &summed);
            Ok(summed)
        });
        work.await.map_err(|_| untold())?
    }

    /// The sums of every kind by each grain, of the whole history of cases.
    pub(super) async fn all_added_up(&self, reading: &Reading, view: View) -> Result<Vec<Summed>, IngestError> {
        // Nobody waits for it: the other processors are for those who ask.
        let retelling = retelling(reading, Kinds::ALL, view, None);
        self.tell_sums(retelling, reading.ground.clone(), CellGrain::ALL, 1, false).await
    }

    /// The sums by these grains. `all`: it may end early where some of the kinds cannot be told of.
    async fn tell_sums(
        &self,
        retelling: Retelling,
        ground: String,
        grains: &[CellGrain],
        tasks: usize,
        all: bool,
    ) -> Result<Vec<Summed>, IngestError> {
        let (mut retelling, most) = (retelling.to_the_end(), self.by_day.limit);
        let grains: Arc<[CellGrain]> = grains.into();
        let (kinds, view) = retelling.tells();
        let mut beside: Beside<Vec<FactSums>> = Beside::new(tasks);
        let mut lacks = false;
        while let Some(now) = retelling.next().await?.filter(Portion::is_of_cases) {
            if self.markets.is_stopping() {
                return Err(IngestError::Stopping);
            }
            beside.keep_up().await?;
            if all && beside.idle().iter().flatten().any(|sums| !sums.left_out().is_empty()) {
                lacks = true;
                break;
            }
            let (teller, grains) = (retelling.teller(), Arc::clone(&grains));
            beside.start(move |sums| {
                if sums.is_empty() {
                    sums.extend(grains.iter().map(|grain| FactSums::by(*grain)));
                }
                teller.tell_cases(now, &mut |_, fact| sums.iter_mut().for_each(|sums| sums.add(fact, false)))?;
                sums.iter_mut().for_each(|sums| sums.keep_below(most / tasks.max(1)));
                Ok(())
            });
        }
        beside.settle().await?;
        let parts = std::mem::take(beside.idle());
        let merge = move || {
            let finish = |mut sums: FactSums| {
                // What was told to no end says nothing of any kind.
                sums.leave_out(if lacks { kinds } else { Kinds::NONE });
                sums.keep_below(most);
                sums.keep_few();
                Summed::of(kinds, &ground, view, sums)
            };
            merged(parts, &grains).into_iter().map(finish).collect()
        };
        tokio::task::spawn_blocking(merge).await.map_err(|_| untold())
    }

    /// What has changed of sums of the same view up to a later one, for each; `None` if telling everything is quicker.
    pub(super) async fn changed(
        &self,
        reading: &Reading,
        summed: &[&Summed],
        view: View,
    ) -> Result<Option<Vec<FactSums>>, IngestError> {
        let Some(first) = summed.first() else { return Ok(None) };
        let grains: Vec<CellGrain> = summed.iter().map(|summed| summed.grain).collect();
        let (told, kinds) = (first.view, first.kinds);
        // Mostly they are few, and how many cases there are takes longer to count.
        let (touched, _place) = match self.touched(reading, told, view, kinds, TOLD_AT_A_TIME).await? {
            Some(touched) => (touched, None),
            None => {
                let cases = reading.scope.count_cases(&reading.key.market).await?;
                // Each is told twice.
                let most = usize::try_from(cases).unwrap_or(usize::MAX) / 4;
                let Some(touched) = self.touched(reading, told, view, kinds, most).await? else { return Ok(None) };
                (touched, Some(self.place(&reading.key.tenant).await?))
            }
        };
        let touched: Vec<CaseId> = touched.into_iter().collect();
        let mut beside: Beside<Vec<FactSums>> = Beside::new(self.tasks());
        for (view, back) in [(first.view, true), (view, false)] {
            let retelling = retelling(reading, first.kinds, view, None);
            for some in touched.chunks(TOLD_AT_A_TIME) {
                if self.markets.is_stopping() {
                    return Err(IngestError::Stopping);
                }
                let (portion, teller) = (retelling.of_cases(some.to_vec()).await?, retelling.teller());
                let grains = grains.clone();
                beside.start(move |sums| {
                    if sums.is_empty() {
                        sums.extend(grains.into_iter().map(FactSums::by));
                    }
                    teller.tell_cases(portion, &mut |_, fact| sums.iter_mut().for_each(|sums| sums.add(fact, back)))
                });
                beside.keep_up().await?;
            }
        }
        beside.settle().await?;
        Ok(Some(merged(std::mem::take(beside.idle()), &grains)))
    }
}

fn merged(parts: Vec<Vec<FactSums>>, grains: &[CellGrain]) -> Vec<FactSums> {
    let mut all: Vec<FactSums> = grains.iter().map(|grain| FactSums::by(*grain)).collect();
    for part in parts {
        all.iter_mut().zip(part).for_each(|(all, part)| all.merge(part));
    }
    all
}

/// Sums with their changes up to a later view.
///
/// # Errors
/// The task ended by itself.
pub(super) async fn with_changes(
    mut all: Vec<Summed>,
    changes: Vec<FactSums>,
    view: View,
) -> Result<Vec<Summed>, IngestError> {
    let work = move || {
        all.iter_mut().zip(changes).for_each(|(summed, change)| summed.change(change, view));
        all
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| untold())
}

/// Adds up facts that were told; `None` if a task ended by itself.
async fn added_up(told: &Told, reading: &Reading, grain: CellGrain, kinds: Kinds, most: usize) -> Option<Summed> {
    let works: Vec<_> = shares(told.pieces())
        .map(|pieces| {
            tokio::task::spawn_blocking(move || {
                let mut sums = FactSums::by(grain);
                for piece in &pieces {
                    sums.add_columns(&piece.part.columns, kinds, |case| piece.holds(case));
                    sums.keep_below(most);
                }
                sums
            })
        })
        .collect();
    let mut all = FactSums::by(grain);
    for work in works {
        all.merge(work.await.ok()?);
    }
    all.keep_few();
    Some(Summed::of(kinds, &reading.ground, told.view, all))
}
