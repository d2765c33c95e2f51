//! Changes on their way: as many at once as the sink allows, each until its receiver has it, or refuses it for good.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;

use super::courier::{Courier, Event};
use super::holding::{End, Holding};
use super::retry::{Outcome, Tries};
use super::window::{Step, Window, concerns};
use super::worker::{Eyes, MAX_ERROR, Worker, chance};
use crate::domain::sink::DeadLetter;
use crate::ingest::IngestError;
use crate::store::{PutAside, SinkFailure};
use crate::sync::{Batch, Change, SinkPlace};

/// Longest wait for what is on its way, where nothing else is to be waited for: each has a bound of its own.
const LONG: Duration = Duration::from_secs(3_600);

/// A change that is to arrive.
pub(super) struct Parcel {
    pub(super) change: Change,
    /// Where the sink stands once it and all before it have arrived; `None` for what was put aside before.
    pub(super) place: Option<SinkPlace>,
}

impl Parcel {
    /// The changes of a batch.
    ///
    /// # Errors
    /// See [`Batch::placed`].
    pub(super) fn all(batch: Batch) -> Result<Vec<Self>, IngestError> {
        let parcel = |(change, cursor)| Self { change, place: Some(SinkPlace::At(cursor)) };
        Ok(batch.placed()?.into_iter().map(parcel).collect())
    }
}

/// What a sender has at hand.
pub(super) struct Hands {
    /// Ways to the receiver on which nothing is on its way.
    pub(super) couriers: Vec<Courier>,
    /// Ids of the events that are put aside, by where the feed brings them.
    pub(super) aside: HashMap<Spot, String>,
}

/// Where a feed brings a change: the change's id, and the revision, for it may bring one again with more of it. What a receiver may
/// see of it, and so the event's id, may be something else by now.
pub(super) type Spot = (String, u64);

/// Where the feed brings what was put aside.
pub(super) fn spot_of(letter: &DeadLetter) -> Spot {
    let change = letter.change.split_once('-').map_or(letter.change.as_str(), |(change, _)| change);
    (change.to_owned(), letter.found_at)
}

/// Some parcels on their way.
struct Sending<'a> {
    worker: &'a Worker,
    parcels: &'a [Parcel],
    window: Window,
    /// How often each was refused.
    refusals: Vec<u32>,
    hands: &'a mut Hands,
    holding: &'a mut Holding,
    tries: &'a mut Tries,
}

impl Worker {
    /// Sends changes until each has arrived or is put aside.
    pub(super) async fn send(
        &self,
        parcels: Vec<Parcel>,
        eyes: &Eyes,
        hands: &mut Hands,
        holding: &mut Holding,
        tries: &mut Tries,
    ) -> Result<(), End> {
        let concerns = parcels.iter().map(|parcel| concerns(&parcel.change.what));
        let window = Window::new(concerns, self.sink.in_flight <= 1);
        let refusals = vec![0; parcels.len()];
        let sending = Sending { worker: self, parcels: &parcels, window, refusals, hands, holding, tries };
        sending.run(eyes).await
    }
}

impl Sending<'_> {
    async fn run(mut self, eyes: &Eyes) -> Result<(), End> {
        let mut running = FuturesUnordered::new();
        // A failure of the receiver as a whole: nothing more starts, and once nothing is on its way it is waited out.
        let mut failed: Option<Outcome> = None;
        loop {
            let step = if failed.is_some() { Step::Busy } else { self.window.step(Instant::now()) };
            if let Step::Start(at) = step
                && let Some(courier) = self.hands.couriers.pop()
            {
                self.worker.still()?;
                self.holding.outlasting(self.worker.common.settings.request_timeout).await?;
                match self.worker.event(&self.parcels[at].change, eyes) {
                    Ok(event) => {
                        self.window.started(at);
                        running.push(bring(at, courier, event, self.worker.now()));
                    }
                    Err((id, text)) => {
                        self.hands.couriers.push(courier);
                        // No other try makes it smaller.
                        self.refusals[at] = self.worker.common.settings.max_refusals;
                        self.unfit(at, id, text).await?;
                    }
                }
                continue;
            }
            if running.is_empty() {
                if let Some(outcome) = failed.take() {
                    self.worker.pause(&outcome, self.holding, self.tries).await?;
                    continue;
                }
                if step == Step::Over {
                    return Ok(());
                }
            }
            let until = if let Step::Wait(until) = step { until } else { Instant::now() + LONG };
            let ended = async {
                tokio::select! {
                    ended = running.next(), if !running.is_empty() => ended,
                    () = tokio::time::sleep_until(until.into()) => None,
                }
            };
            let Some((at, courier, id, outcome)) = self.holding.during(ended).await? else { continue };
            self.hands.couriers.push(courier);
            match outcome {
                Outcome::Delivered => self.arrived(at).await?,
                Outcome::Unfit(text) if self.worker.common.settings.max_dead_letters > 0 => {
                    self.refusals[at] = self.refusals[at].saturating_add(1);
                    self.unfit(at, id, text).await?;
                }
                outcome => {
                    self.window.again(at, None);
                    // Who is gone for good is not waited for, whatever else failed before.
                    failed = Some(failed.filter(|_| !matches!(outcome, Outcome::Gone(_))).unwrap_or(outcome));
                }
            }
        }
    }

    async fn arrived(&mut self, at: usize) -> Result<(), End> {
        self.worker.count("fairdue_sink_events_total");
        if let Some(letter) = self.hands.aside.remove(&self.spot(at)) {
            self.holding.letter_taken(&letter).await?;
        }
        self.done(at).await
    }

    fn spot(&self, at: usize) -> Spot {
        let change = &self.parcels[at].change;
        (change.id(&self.worker.key), change.told_at())
    }

    /// Notes that one needs no more looking after, and how far the sink has come by that.
    async fn done(&mut self, at: usize) -> Result<(), End> {
        let Some(last) = self.window.done(at) else { return Ok(()) };
        let parcel = &self.parcels[last];
        let Some(place) = &parcel.place else { return Ok(()) };
        self.holding.reached(place.clone(), parcel.change.recorded, self.worker.now()).await?;
        if self.tries.failures > 0 {
            *self.tries = Tries::default();
            self.holding.keep().await?;
        }
        Ok(())
    }

    /// One was refused by its receiver, which takes others: tried again later, or put aside.
    async fn unfit(&mut self, at: usize, id: String, text: String) -> Result<(), End> {
        let settings = &self.worker.common.settings;
        let (refusals, now) = (self.refusals[at], self.worker.now());
        let reason: String = text.chars().take(MAX_ERROR).collect();
        self.worker.count("fairdue_sink_failures_total");
        if refusals < settings.max_refusals {
            let wait = Tries::of(refusals, None).pause(settings, chance());
            let next_try = now.plus(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX));
            self.tries.failures = self.tries.failures.saturating_add(1);
            let since = *self.tries.since.get_or_insert(now);
            let failures = self.tries.failures;
            self.holding.failed(&SinkFailure { failures, since, next_try, error: reason, at: now }).await?;
            self.window.again(at, Some(Instant::now() + wait));
            return Ok(());
        }
        let Parcel { change, .. } = &self.parcels[at];
        let letter = DeadLetter {
            change: id,
            revision: change.revision,
            found_at: change.told_at(),
            entity: change.what.entity(),
            subject: change.what.subject(),
            refusals,
            reason,
            put: now,
            asked: false,
        };
        self.aside(&letter).await?;
        self.done(at).await
    }

    async fn aside(&mut self, letter: &DeadLetter) -> Result<(), End> {
        let most = self.worker.common.settings.max_dead_letters;
        match self.holding.put_aside(letter, most).await? {
            PutAside::Done => {
                self.worker.count("fairdue_sink_dead_letters_total");
                tracing::error!(sink = %self.worker.sink.id, market = %self.worker.key.market, change = letter.change,
                    revision = letter.revision, reason = letter.reason, "an event was put aside");
                let before = self.hands.aside.insert(spot_of(letter), letter.change.clone());
                // Its receiver may see something else of it by now.
                match before.filter(|before| *before != letter.change) {
                    Some(before) => self.holding.letter_taken(&before).await,
                    None => Ok(()),
                }
            }
            PutAside::Lost => Err(End::Lost),
            PutAside::Full => Err(End::Paused(format!(
                "refused {} times: {}; and {most} events are put aside already: replay or drop dead letters, then resume",
                letter.refusals, letter.reason
            ))),
        }
    }
}

/// Brings one event, once, and gives its courier back.
async fn bring(
    at: usize,
    mut courier: Courier,
    event: Event,
    now: crate::domain::time::Timestamp,
) -> (usize, Courier, String, Outcome) {
    let outcome = courier.bring(&event, now).await;
    (at, courier, event.id, outcome)
}
