//! Sends one market's changes to one receiver, whenever this server holds the sink.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::Common;
use super::courier::{Courier, Event};
use super::holding::{End, Holding};
use super::retry::{Next, Outcome, Tries};
use super::sending::{Hands, Parcel};
use crate::domain::error_kind::{ErrorKind, Failure as _};
use crate::domain::market::MarketKey;
use crate::domain::sharing::Sharing;
use crate::domain::sink::Sink;
use crate::domain::time::Timestamp;
use crate::ingest::IngestError;
use crate::store::{SinkFailure, SinkRow, TenantScope};
use crate::sync::{Batch, Change, SinkPlace, Telling};

/// How often a server that does not send looks whether it should.
const LOOK: Duration = Duration::from_millis(500);
/// Longest text of a failure that is kept.
pub(super) const MAX_ERROR: usize = 500;

/// Sends for one sink in one market.
pub(super) struct Worker {
    pub(super) common: Arc<Common>,
    pub(super) key: MarketKey,
    pub(super) sink: Arc<Sink>,
    /// The configuration that it works under.
    digest: String,
}

/// What the receiver may see; `None` for everything.
pub(super) struct Eyes {
    pub(super) sharing: Option<Arc<Sharing>>,
}

impl Worker {
    pub(super) const fn new(common: Arc<Common>, key: MarketKey, sink: Arc<Sink>, digest: String) -> Self {
        Self { common, key, sink, digest }
    }

    /// Looks, takes the sink when it is free, and sends.
    pub(super) async fn run(self, stop: CancellationToken) {
        // The fence and the signs of life that were seen last, and since when.
        let mut silent: Option<(u64, u64, Instant)> = None;
        while !stop.is_cancelled() {
            match self.common.sync.sink_row(&self.key, &self.sink).await {
                // Under another configuration another worker sends, as soon as this one is told to stop.
                Ok((row, place)) if !row.paused && self.still().is_ok() => {
                    let quiet = match silent {
                        Some((fence, beat, since)) if (fence, beat) == (row.fence, row.beat) => since.elapsed(),
                        _ => Duration::ZERO,
                    };
                    if quiet.is_zero() {
                        silent = Some((row.fence, row.beat, Instant::now()));
                    }
                    if row.holder.is_empty() || quiet >= self.common.settings.lease {
                        self.take(row, place, &stop).await;
                        silent = None;
                        continue;
                    }
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, sink = %self.sink.id, "a sink's state was not read"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn take(&self, row: SinkRow, place: SinkPlace, stop: &CancellationToken) {
        let (common, key) = (&self.common, &self.key);
        let scope = self.scope();
        let begun = Instant::now();
        let fence = match scope.take_sink(&key.market, &row, &common.holder).await {
            Ok(Some(fence)) => fence,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, sink = %self.sink.id, "a sink was not taken");
                tokio::time::sleep(LOOK).await;
                return;
            }
        };
        let lease = (fence, common.settings.lease, begun);
        let at = (place, row.seen, row.delivered);
        let mut holding = Holding::new(scope, (key.clone(), self.sink.id.clone()), lease, at, stop.clone());
        let mut tries = Tries::of(row.failures, row.failing_since);
        let Err(end) = self.send_all(&mut holding, &mut tries).await;
        holding.end(&end).await;
    }

    async fn send_all(&self, holding: &mut Holding, tries: &mut Tries) -> Result<Infallible, End> {
        let courier = || Courier::new(Arc::clone(&self.common), self.sink.receiver.clone(), &self.key);
        let couriers = (0..self.sink.in_flight.max(1)).map(|_| courier()).collect();
        let mut hands = Hands { couriers, aside: HashMap::new() };
        self.replay_letters(&mut hands, holding, tries).await?;
        loop {
            let place = holding.place().clone();
            let opened = holding.during(self.common.sync.follow_sink(&self.key, &self.sink, place)).await?;
            let (mut follower, sharing) = match opened {
                Ok(opened) => opened,
                Err(error) => {
                    self.broken(error, holding, tries).await?;
                    continue;
                }
            };
            let eyes = Eyes { sharing };
            while let Some(batch) = holding.during(follower.next()).await? {
                let reached = |batch: &Batch| SinkPlace::At(batch.reached.clone());
                match batch.and_then(|batch| Ok((reached(&batch), Parcel::all(batch)?))) {
                    Ok((reached, parcels)) => {
                        self.send(parcels, &eyes, &mut hands, holding, tries).await?;
                        holding.passed(reached);
                    }
                    Err(error) => {
                        self.broken(error, holding, tries).await?;
                        break;
                    }
                }
            }
        }
    }

    /// What a feed that broke means: somebody has to look at it, or it is begun again.
    pub(super) async fn broken(&self, error: IngestError, holding: &mut Holding, tries: &mut Tries) -> Result<(), End> {
        self.still()?;
        let kind = error.kind();
        let text = match error {
            IngestError::Resync(text) => {
                format!("{text}: replay the sink from revision 0 for that, or resume it to go on where it stands")
            }
            error => error.to_string(),
        };
        let lasting =
            [ErrorKind::InvalidArgument, ErrorKind::PermissionDenied, ErrorKind::NotFound, ErrorKind::OutOfRange];
        if lasting.contains(&kind) {
            return Err(End::Paused(text));
        }
        let outcome = Outcome::Later(text, None);
        self.pause(&outcome, holding, tries).await
    }

    /// What is shared may be less by now, or the sink gone: then another worker looks, under the configuration in force.
    pub(super) fn still(&self) -> Result<(), End> {
        let same = self.common.sync.markets().config().get().digest == self.digest;
        if same { Ok(()) } else { Err(End::Stopped) }
    }

    /// The event that tells of a change. The error says its id, and why there is none.
    pub(super) fn event(&self, change: &Change, eyes: &Eyes) -> Result<Event, (String, String)> {
        let telling = Telling {
            key: &self.key,
            change,
            sharing: eyes.sharing.as_deref(),
            most: usize::try_from(self.common.settings.max_event_bytes).unwrap_or(usize::MAX),
        };
        let told = (self.common.write)(&telling);
        match told.body {
            Ok(body) => Ok(Event { id: told.id, entity: change.what.entity(), body }),
            Err(why) => Err((told.id, why)),
        }
    }

    /// Notes a failure and waits for the next try, or ends.
    pub(super) async fn pause(&self, outcome: &Outcome, holding: &mut Holding, tries: &mut Tries) -> Result<(), End> {
        let now = self.now();
        let (Outcome::Later(text, _) | Outcome::Unfit(text) | Outcome::Refused(text) | Outcome::Gone(text)) = outcome
        else {
            return Ok(());
        };
        let next = tries.failed(outcome, &self.common.settings, now, chance());
        let wait = match &next {
            Next::Wait(wait) => *wait,
            Next::Pause(_) => Duration::ZERO,
        };
        self.count("fairdue_sink_failures_total");
        tracing::warn!(tenant = %self.key.tenant, market = %self.key.market, sink = %self.sink.id,
            failures = tries.failures, wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX), error = text,
            "a change was not delivered");
        let micros = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
        let failure = SinkFailure {
            failures: tries.failures,
            since: tries.since.unwrap_or(now),
            next_try: now.plus(micros),
            error: text.chars().take(MAX_ERROR).collect(),
            at: now,
        };
        holding.failed(&failure).await?;
        match next {
            Next::Pause(reason) => Err(End::Paused(reason)),
            Next::Wait(wait) => holding.during(tokio::time::sleep(wait)).await,
        }
    }

    pub(super) fn scope(&self) -> TenantScope {
        self.common.sync.markets().store().scope(&self.key.tenant)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.common.sync.markets().clock().now()
    }

    pub(super) fn count(&self, name: &'static str) {
        let labels = [
            ("tenant", self.key.tenant.to_string()),
            ("market", self.key.market.to_string()),
            ("sink", self.sink.id.to_string()),
        ];
        metrics::counter!(name, &labels).increment(1);
    }
}

/// Even between zero and one.
pub(super) fn chance() -> f64 {
    let mut bytes = [0; 4];
    // Without chance waits are the longest that they may be.
    getrandom::fill(&mut bytes).map_or(1.0, |()| f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX))
}
