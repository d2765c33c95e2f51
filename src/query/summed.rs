//! Facts of a market's cases added up by month: what a question tells by months or longer of what adds up is answered from these,
//! whatever it groups by, and the facts themselves need not be kept.
//!
//! They stand on one revision. A later question tells those cases again whose facts may be others since, once as they were and once
//! as they are, and adds the difference. They are also stored ([`super::keep_sums`]), so that a server that has just started does not
//! tell the history for its first question.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedSemaphorePermit;

use super::kept::Lasting;
use super::retold::retelling;
use super::told::{Part, Piece, shares, sum_of};
use super::{Query, Reading};
use crate::domain::fact::FactKind;
use crate::domain::facts::Kinds;
use crate::domain::ids::CaseId;
use crate::domain::market::MarketKey;
use crate::domain::time::Timestamp;
use crate::ingest::{Beside, IngestError, Portion, Retelling, View, untold};
use crate::kpi::{ByMonth, COLUMNS_FORM, Catalogue, Columns, Days, Delta};
use crate::store::{SumRow, SumsRow};

/// Cases that are told again at a time.
const TOLD_AT_A_TIME: usize = 250;
/// Changes after which everything is put together anew.
const CHANGES: usize = 16;

/// Sums of facts.
#[derive(Debug, Clone)]
pub(super) struct Summed {
    kinds: Kinds,
    ground: String,
    pub(super) view: View,
    pieces: Vec<Piece>,
    /// Kinds that there are no sums of.
    pub(super) left_out: Kinds,
    /// How many of the pieces were there before changes came.
    whole: usize,
    /// Whether they came from the database, and nothing has changed since.
    is_as_stored: bool,
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
    fn of(kinds: Kinds, ground: &str, view: View, sums: ByMonth) -> Self {
        let left_out = sums.left_out().iter().copied().collect();
        let pieces: Vec<Piece> = sums.columns().into_iter().map(|(_, columns)| piece(columns)).collect();
        Self { kinds, ground: ground.to_owned(), view, whole: pieces.len(), pieces, left_out, is_as_stored: false }
    }

    /// What was stored of these kinds; `None` if it rests on another ground.
    fn stored(kinds: Kinds, ground: &str, head: &SumsRow, rows: &[SumRow]) -> Option<Result<Self, IngestError>> {
        if head.ground != form(ground) {
            return None;
        }
        let view = View { known: head.known, now: head.settled, until: Timestamp(i64::MAX) };
        let left_out = head.left_out.iter().filter_map(|kind| FactKind::parse(kind)).collect();
        let read = |row: &SumRow| {
            let kind = FactKind::parse(&row.kind)?;
            Some(Columns::decode(kind, &row.body).ok().map(piece))
        };
        let pieces = rows.iter().filter_map(read).collect::<Option<Vec<Piece>>>();
        let of = |pieces: Vec<Piece>| Self {
            kinds,
            ground: ground.to_owned(),
            view,
            whole: pieces.len(),
            pieces,
            left_out,
            is_as_stored: true,
        };
        Some(pieces.map(of).ok_or_else(|| IngestError::internal("stored sums of facts are damaged")))
    }

    /// What is to be stored instead of what is; no rows where those may stay.
    ///
    /// # Errors
    /// There is no memory to pack them.
    pub(super) fn rows(&self, seen: &SumsRow) -> Result<(SumsRow, Option<Vec<SumRow>>), IngestError> {
        let sums = self.together();
        let lost: Kinds = sums.left_out().iter().copied().collect();
        let lost = self.left_out.with(lost);
        let left_out = FactKind::ALL.iter().filter(|kind| lost.has(**kind));
        let head = SumsRow {
            ground: form(&self.ground),
            known: self.view.known,
            settled: self.view.now,
            left_out: left_out.map(|kind| kind.as_str().to_owned()).collect(),
            ..seen.clone()
        };
        let pack = |(kind, columns): (FactKind, Columns)| {
            let body = columns.encode().map_err(|error| IngestError::internal(&error.to_string()))?;
            Ok(SumRow { kind: kind.as_str().to_owned(), body })
        };
        if self.is_as_stored && head.left_out == seen.left_out {
            return Ok((head, None));
        }
        Ok((head, Some(sums.columns().into_iter().map(pack).collect::<Result<_, IngestError>>()?)))
    }

    fn together(&self) -> ByMonth {
        let mut sums = ByMonth::default();
        self.pieces.iter().for_each(|piece| sums.add_columns(&piece.part.columns, Kinds::ALL, |_| true));
        sums
    }

    /// Takes what has changed since, up to a later view.
    pub(super) fn change(&mut self, change: ByMonth, view: View) {
        self.view = view;
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

/// What stored sums rest on.
fn form(ground: &str) -> String {
    format!("{ground} {COLUMNS_FORM}")
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
    /// The sums of the cases' facts of these days, from what is added up by month; `None` if these kinds are not.
    pub(super) async fn summed_by_month(
        &self,
        reading: &Reading,
        catalogue: &Arc<Catalogue>,
        view: View,
        days: &Days,
        place: &mut Option<OwnedSemaphorePermit>,
    ) -> Result<Option<Delta>, IngestError> {
        let kinds = catalogue.kinds();
        let mut summed = self.summed_at(reading, kinds, view, place).await?;
        if !summed.tells(kinds) {
            return Ok(None);
        }
        if summed.view != view {
            match self.changed(reading, &summed, view).await? {
                Some(change) => summed.change(change, view),
                None => summed = self.added_up(reading, kinds, view, self.tasks()).await?,
            }
            self.sums.keep(&reading.key, &summed);
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
        kinds: Kinds,
        view: View,
        place: &mut Option<OwnedSemaphorePermit>,
    ) -> Result<Summed, IngestError> {
        let kept = || {
            let found = self.sums.find(&reading.key, kinds, &reading.ground);
            // Another question may have been told of what was committed since this one began.
            found.filter(|summed| summed.view.known <= view.known)
        };
        if let Some(summed) = kept() {
            return Ok(summed);
        }
        let turn = self.turns.of(&reading.key).lock_owned().await;
        if let Some(summed) = kept() {
            return Ok(summed);
        }
        if let Some(summed) = self.stored_sums(reading, kinds).await?.filter(|summed| summed.view.known <= view.known) {
            self.sums.keep(&reading.key, &summed);
            return Ok(summed);
        }
        if let Some(told) = self.told.find(&reading.key, kinds, &reading.ground)
            && told.place.is_none()
            && told.view.known <= view.known
        {
            let sums = added_up(told.pieces(), kinds, self.sums.limit).await.ok_or_else(untold)?;
            let summed = Summed::of(kinds, &reading.ground, told.view, sums);
            self.sums.keep(&reading.key, &summed);
            return Ok(summed);
        }
        // Whoever asks may not wait for it: it is told to its end all the same, for whoever asks again.
        let (query, key, ground) = (self.clone(), reading.key.clone(), reading.ground.clone());
        let retelling = retelling(reading, kinds, view, None);
        let taken = place.take();
        let work = tokio::spawn(async move {
            let _turn_and_place = (turn, taken);
            let sums = query.tell_sums(retelling, query.tasks()).await?;
            let summed = Summed::of(kinds, &ground, view, sums);
            query.sums.keep(&key, &summed);
            Ok(summed)
        });
        let summed = work.await.map_err(|_| untold())?;
        *place = Some(self.place().await?);
        summed
    }

    /// What is stored of these kinds.
    pub(super) async fn stored_sums(&self, reading: &Reading, kinds: Kinds) -> Result<Option<Summed>, IngestError> {
        let words = FactKind::ALL.iter().filter(|kind| kinds.has(**kind)).map(ToString::to_string).collect();
        let Some((head, rows)) = reading.scope.fact_sums(&reading.key.market, words).await? else { return Ok(None) };
        let ground = reading.ground.clone();
        let read = tokio::task::spawn_blocking(move || Summed::stored(kinds, &ground, &head, &rows));
        match read.await.map_err(|_| untold())? {
            Some(Err(error)) => {
                tracing::warn!(market = %reading.key.market, %error, "the history is told instead");
                Ok(None)
            }
            stored => stored.transpose(),
        }
    }

    /// The sums of the whole history of cases.
    pub(super) async fn added_up(
        &self,
        reading: &Reading,
        kinds: Kinds,
        view: View,
        tasks: usize,
    ) -> Result<Summed, IngestError> {
        let sums = self.tell_sums(retelling(reading, kinds, view, None), tasks).await?;
        Ok(Summed::of(kinds, &reading.ground, view, sums))
    }

    async fn tell_sums(&self, retelling: Retelling, tasks: usize) -> Result<ByMonth, IngestError> {
        let (mut retelling, most) = (retelling.to_the_end(), self.sums.limit);
        let mut beside: Beside<ByMonth> = Beside::new(tasks);
        while let Some(now) = retelling.next().await?.filter(Portion::is_of_cases) {
            if self.markets.is_stopping() {
                return Err(IngestError::Stopping);
            }
            beside.keep_up().await?;
            let teller = retelling.teller();
            beside.start(move |sums| {
                teller.tell_cases(now, &mut |_, fact| sums.add(fact, false))?;
                sums.keep_below(most / tasks.max(1));
                Ok(())
            });
        }
        beside.settle().await?;
        let parts: Vec<ByMonth> = beside.idle().drain(..).collect();
        let merge = move || {
            let mut all = ByMonth::default();
            parts.into_iter().for_each(|part| all.merge(part));
            all.keep_below(most);
            all.keep_few();
            all
        };
        tokio::task::spawn_blocking(merge).await.map_err(|_| untold())
    }

    /// What has changed up to a later view; `None` if telling everything is quicker.
    pub(super) async fn changed(
        &self,
        reading: &Reading,
        summed: &Summed,
        view: View,
    ) -> Result<Option<ByMonth>, IngestError> {
        if summed.view.known == view.known {
            // Time alone changes nothing that is not committed.
            return Ok(Some(ByMonth::default()));
        }
        let cases = usize::try_from(reading.scope.count_cases(&reading.key.market).await?).unwrap_or(usize::MAX);
        // Each is told twice.
        let most = (cases / 4).max(TOLD_AT_A_TIME);
        let Some(touched) = self.touched(reading, summed.view, summed.kinds, most).await? else {
            return Ok(None);
        };
        let touched: Vec<CaseId> = touched.into_iter().collect();
        let mut beside: Beside<ByMonth> = Beside::new(self.tasks());
        for (view, back) in [(summed.view, true), (view, false)] {
            let retelling = retelling(reading, summed.kinds, view, None);
            for some in touched.chunks(TOLD_AT_A_TIME) {
                let (portion, teller) = (retelling.of_cases(some.to_vec()).await?, retelling.teller());
                beside.start(move |sums| teller.tell_cases(portion, &mut |_, fact| sums.add(fact, back)));
                beside.keep_up().await?;
            }
        }
        beside.settle().await?;
        let mut all = ByMonth::default();
        beside.idle().drain(..).for_each(|part| all.merge(part));
        Ok(Some(all))
    }
}

/// Adds up the facts of these pieces; `None` if a task ended by itself.
async fn added_up(pieces: &[Piece], kinds: Kinds, most: usize) -> Option<ByMonth> {
    let works: Vec<_> = shares(pieces)
        .map(|pieces| {
            tokio::task::spawn_blocking(move || {
                let mut sums = ByMonth::default();
                for piece in &pieces {
                    sums.add_columns(&piece.part.columns, kinds, |case| piece.holds(case));
                    sums.keep_below(most);
                }
                sums
            })
        })
        .collect();
    let mut all = ByMonth::default();
    for work in works {
        all.merge(work.await.ok()?);
    }
    all.keep_few();
    Some(all)
}
