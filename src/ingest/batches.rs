//! The cases of a replay, some at a time. Who reads many has them come from the database in long stretches, the next one while
//! one is told: PostgreSQL then reads its pages one after the other. A stretch stays as its bytes until a batch is taken apart.

use std::ops::Range;
use std::sync::Arc;

use futures::stream::FuturesOrdered;
use tokio_util::task::AbortOnDropHandle;

use super::IngestError;
use super::replay::Replay;
use crate::domain::ids::CaseId;
use crate::store::{StoredHistories, Voids};

/// Cases of one batch.
const BATCH: usize = 250;
/// Memory of a stretch's rows, about; its cases are as many as those before let expect.
const STRETCH: usize = 8 << 20;
/// Cases of a stretch at most, and how many times as many as the stretch before had.
const MOST: usize = 10_000;
const GROWTH: usize = 4;
/// Voids that are held at once, at most: some twenty megabytes.
const VOIDS: usize = 200_000;

/// Cases of a replay, to be read by [`Replay::read`].
pub enum Batch {
    /// These cases, whatever their order.
    Listed(Vec<CaseId>),
    /// Those of a stretch whose histories are there already, by their places.
    Stored(Arc<StoredHistories>, Range<usize>),
}

impl Batch {
    /// The cases.
    #[must_use]
    pub fn cases(&self) -> &[CaseId] {
        match self {
            Self::Listed(cases) => cases,
            Self::Stored(stretch, places) => stretch.cases().get(places.clone()).unwrap_or_default(),
        }
    }

    /// The last of its cases.
    #[must_use]
    pub fn last(&self) -> Option<&CaseId> {
        self.cases().last()
    }
}

/// Batches of a market's cases in the order of their ids.
pub struct Batches {
    replay: Replay,
    /// The last case that is in a batch; empty before the first.
    after: String,
    stretches: Option<Stretches>,
}

impl Batches {
    /// The cases behind the given one, each batch read when it is asked for.
    #[must_use]
    pub const fn new(replay: Replay, after: String) -> Self {
        Self { replay, after, stretches: None }
    }

    /// The same for who reads to the end.
    #[must_use]
    pub fn of_many(replay: Replay, after: String) -> Self {
        Self { replay, after, stretches: Some(Stretches { size: BATCH, ..Stretches::default() }) }
    }

    /// The next batch; `None` behind the last.
    ///
    /// # Errors
    /// The database is away.
    pub async fn next(&mut self) -> Result<Option<Batch>, IngestError> {
        let batch = match &mut self.stretches {
            Some(stretches) => stretches.next(&self.replay, &self.after).await?,
            None => self.replay.cases(&self.after, BATCH).await?.map(Batch::Listed),
        };
        if let Some(last) = batch.as_ref().and_then(Batch::last) {
            last.as_str().clone_into(&mut self.after);
        }
        Ok(batch)
    }

    /// Has the next batches read by tasks of their own, in their order, until so many are on their way: they come through the
    /// database and are put together while others are told.
    ///
    /// # Errors
    /// The database is away.
    pub async fn read_ahead<T, F>(
        &mut self,
        reading: &mut FuturesOrdered<AbortOnDropHandle<T>>,
        most: usize,
        read: impl Fn(Replay, Batch) -> F,
    ) -> Result<(), IngestError>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        while reading.len() < most {
            let Some(batch) = self.next().await? else { break };
            reading.push_back(AbortOnDropHandle::new(tokio::spawn(read(self.replay.clone(), batch))));
        }
        Ok(())
    }
}

/// A stretch on its way.
type Coming = AbortOnDropHandle<Result<Option<StoredHistories>, IngestError>>;

#[derive(Default)]
struct Stretches {
    /// The market's voids, once they were read: `None` in there if they are too many to be held.
    #[allow(clippy::option_option)]
    voids: Option<Option<Arc<Voids>>>,
    /// The stretch that batches are taken of, and how many of its cases were.
    here: Option<(Arc<StoredHistories>, usize)>,
    coming: Option<Coming>,
    /// Cases of the next stretch.
    size: usize,
}

impl Stretches {
    async fn next(&mut self, replay: &Replay, after: &str) -> Result<Option<Batch>, IngestError> {
        let voids = match &self.voids {
            Some(voids) => voids.clone(),
            None => self.voids.insert(replay.voids(VOIDS).await?.map(Arc::new)).clone(),
        };
        let Some(voids) = voids else { return Ok(replay.cases(after, BATCH).await?.map(Batch::Listed)) };
        loop {
            if let Some((stretch, told)) = &mut self.here
                && *told < stretch.cases().len()
            {
                let places = *told..stretch.cases().len().min(*told + BATCH);
                *told = places.end;
                return Ok(Some(Batch::Stored(Arc::clone(stretch), places)));
            }
            self.here = None;
            let coming = self.coming.take().unwrap_or_else(|| come(replay, after.to_owned(), self.size, &voids));
            let Some(stretch) = coming.await.map_err(|_| IngestError::internal("a stretch was not read"))?? else {
                return Ok(None);
            };
            let (cases, bytes) = (stretch.cases().len(), stretch.bytes().max(1));
            self.size = (STRETCH.saturating_mul(cases) / bytes).clamp(1, MOST).min(self.size * GROWTH);
            if let Some(last) = stretch.cases().last() {
                self.coming = Some(come(replay, last.as_str().to_owned(), self.size, &voids));
            }
            self.here = Some((Arc::new(stretch), 0));
        }
    }
}

/// Has a stretch of so many cases read.
fn come(replay: &Replay, after: String, cases: usize, voids: &Arc<Voids>) -> Coming {
    let (replay, voids) = (replay.clone(), Arc::clone(voids));
    AbortOnDropHandle::new(tokio::spawn(async move {
        let Some(cases) = replay.cases(&after, cases).await? else { return Ok(None) };
        replay.stored(cases, voids).await.map(Some)
    }))
}
