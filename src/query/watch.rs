//! Figures and scorecards pushed as they change. Watchers of one question share one computation, which runs again when the
//! market has changed; a slow watcher finds the newest answer and not every one in between, so that memory stays flat.

use std::collections::HashMap;
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::Query;
use super::kpis::{KpiAnswer, KpiQuestion, refused};
use super::scorecard::Scorecard;
use crate::domain::error_kind::{ErrorKind, Failure as _};
use crate::domain::ids::MarketId;
use crate::domain::market::MarketKey;
use crate::domain::principal::Principal;
use crate::domain::validation::Violation;
use crate::ingest::IngestError;
use crate::kpi::QueryError;

/// Time between two looks at a market, and the least between two computations of one question.
const EVERY: Duration = Duration::from_millis(100);
/// The longest wait before what could not be computed is tried again, where the error asks for no longer one.
const SLOWEST: Duration = Duration::from_secs(4);
/// The most different questions that are watched in one process.
const MOST: usize = 10_000;

/// What a watcher sees: nothing yet, the newest answer, or why there will be none.
pub type Seen<T> = Option<Result<Arc<T>, IngestError>>;

/// What of a market decides whether an answer may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Pulse {
    revision: u64,
    /// Which definitions the cells follow.
    definitions: u64,
    /// A deadline has passed whose timer has not fired.
    due: bool,
    /// The day in the market's zone.
    day: i32,
    /// The configuration in force: a hash, for where one lay another may lie now.
    configuration: u64,
}

/// Shared computations by what they are of. The map keeps a receiver of its own: one alone means that nobody watches.
type Topics<K, T> = Arc<Mutex<HashMap<K, watch::Receiver<T>>>>;
/// A question of a market, as asked by keys for the same markets.
type Topic = (MarketKey, String);

/// What is watched in this process.
#[derive(Clone, Default)]
pub(super) struct Watches {
    pulses: Topics<MarketKey, Pulse>,
    kpis: Topics<Topic, Seen<KpiAnswer>>,
    cards: Topics<Topic, Seen<Scorecard>>,
}

fn lock<K, T>(topics: &Topics<K, T>) -> std::sync::MutexGuard<'_, HashMap<K, watch::Receiver<T>>> {
    topics.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Forgets the topic if nobody watches it any more; whether it did.
fn forget<K: std::hash::Hash + Eq, T>(topics: &Topics<K, T>, key: &K, sender: &watch::Sender<T>) -> bool {
    let mut topics = lock(topics);
    if sender.receiver_count() > 1 {
        return false;
    }
    topics.remove(key);
    true
}

/// How long to wait before a try after so many failures: at first as long as the error asks, then twice as long each time.
fn pause(asked_ms: u64, failures: u32) -> Duration {
    let asked = Duration::from_millis(asked_ms).max(EVERY);
    asked.saturating_mul(1 << failures.min(16)).min(SLOWEST.max(asked))
}

impl Query {
    /// Watches a question: the receiver holds the newest answer, which changes within half a second of a commit. The market is
    /// known to have the revision `least`: no answer is older.
    ///
    /// # Errors
    /// The question is wrong or of the past, or too many are watched.
    pub fn watch_kpis(
        &self,
        who: &Principal,
        market: &MarketId,
        question: KpiQuestion,
        least: u64,
    ) -> Result<watch::Receiver<Seen<KpiAnswer>>, IngestError> {
        let reading = self.open(who, market)?;
        if question.as_of.is_some() || question.as_known_at.is_some() || question.frozen {
            let text = "is of the past, as is frozen, which does not change: use QueryKpis".to_owned();
            let violations = vec![Violation::new("question.as_of_time", text)];
            return Err(refused(QueryError { violations, undeclared: false }));
        }
        if question.shape.exact {
            let text = "would tell the whole history again with every commit: use QueryKpis".to_owned();
            let violations = vec![Violation::new("question.exact_percentiles", text)];
            return Err(refused(QueryError { violations, undeclared: false }));
        }
        reading.may_ask(&question, "question.")?;
        let mut shape = question.shape.clone();
        shape.calendar = reading.calendar.clone();
        // What is not kept would be told again from the whole history with every commit.
        reading.catalogue.plan_shaped(&question.query, &shape).map_err(refused)?;
        // What others watch may have been computed before that revision, and stands as long as nothing changes it.
        let topic = (reading.key.clone(), format!("{least} {question:?} {:?}", who.markets));
        let (query, who, market) = (self.clone(), who.clone(), market.clone());
        let compute = move || {
            let (query, who, market, question) = (query.clone(), who.clone(), market.clone(), question.clone());
            // Never from the history, which would be told again with every commit: cells that are being filled are waited for.
            async move { query.answer(&who, &market, &mut { question }, false).await }
        };
        self.watch(&self.watches.kpis, topic, compute, |a, b| a.answer == b.answer && a.stands() == b.stands())
    }

    /// Watches how a market stands to its targets, likewise.
    ///
    /// # Errors
    /// See [`IngestError`]; or too many questions are watched.
    pub fn watch_scorecard(
        &self,
        who: &Principal,
        market: &MarketId,
        least: u64,
    ) -> Result<watch::Receiver<Seen<Scorecard>>, IngestError> {
        let reading = self.open(who, market)?;
        let topic = (reading.key.clone(), format!("{least} {:?}", who.markets));
        let (query, who, market) = (self.clone(), who.clone(), market.clone());
        let compute = move || {
            let (query, who, market) = (query.clone(), who.clone(), market.clone());
            async move { query.scorecard(&who, &market).await }
        };
        self.watch(&self.watches.cards, topic, compute, |a, b| a.targets == b.targets && a.stands() == b.stands())
    }

    fn watch<T, F>(
        &self,
        topics: &Topics<Topic, Seen<T>>,
        topic: Topic,
        compute: impl Fn() -> F + Send + 'static,
        same: fn(&T, &T) -> bool,
    ) -> Result<watch::Receiver<Seen<T>>, IngestError>
    where
        T: Send + Sync + 'static,
        F: Future<Output = Result<T, IngestError>> + Send + 'static,
    {
        let mut known = lock(topics);
        if let Some(receiver) = known.get(&topic).filter(|receiver| receiver.has_changed().is_ok()) {
            return Ok(receiver.clone());
        }
        if known.len() >= MOST {
            return Err(IngestError::Store {
                kind: ErrorKind::ResourceExhausted,
                reason: "TOO_MANY_WATCHES",
                message: format!("{MOST} different questions are watched: watch fewer, or another replica"),
                retryable: true,
            });
        }
        let (sender, receiver) = watch::channel(None);
        known.insert(topic.clone(), receiver.clone());
        drop(known);
        let (mut pulse, topics) = (self.pulse(&topic.0), Arc::clone(topics));
        tokio::spawn(async move {
            let mut failures: u32 = 0;
            loop {
                pulse.mark_unchanged();
                let mut wait = EVERY;
                let ended = match compute().await {
                    Ok(value) => {
                        sender.send_if_modified(|seen| {
                            let known = matches!(seen, Some(Ok(before)) if same(before, &value));
                            if !known {
                                *seen = Some(Ok(Arc::new(value)));
                            }
                            !known
                        });
                        failures = 0;
                        false
                    }
                    Err(error) => match error.retry_after_ms() {
                        // What may succeed later leaves the last answer standing.
                        Some(asked) => {
                            wait = pause(asked, failures);
                            failures = failures.saturating_add(1);
                            pulse.mark_changed();
                            false
                        }
                        None => sender.send(Some(Err(error))).is_ok(),
                    },
                };
                tokio::time::sleep(wait).await;
                // Looks now and then whether anybody still watches, even if nothing changes.
                while !ended && tokio::time::timeout(EVERY * 10, pulse.changed()).await.is_err() {
                    if forget(&topics, &topic, &sender) {
                        return;
                    }
                }
                if ended {
                    lock(&topics).remove(&topic);
                    return;
                }
                if forget(&topics, &topic, &sender) {
                    return;
                }
            }
        });
        Ok(receiver)
    }

    /// What changes with a market, read ten times a second for all who watch it.
    fn pulse(&self, key: &MarketKey) -> watch::Receiver<Pulse> {
        let mut known = lock(&self.watches.pulses);
        if let Some(receiver) = known.get(key).filter(|receiver| receiver.has_changed().is_ok()) {
            return receiver.clone();
        }
        let (sender, receiver) = watch::channel(Pulse::default());
        known.insert(key.clone(), receiver.clone());
        drop(known);
        let (query, key) = (self.clone(), key.clone());
        tokio::spawn(async move {
            let mut look = tokio::time::interval(EVERY);
            look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                look.tick().await;
                if forget(&query.watches.pulses, &key, &sender) {
                    return;
                }
                match query.look(&key).await {
                    Ok(now) => {
                        sender.send_if_modified(|pulse| std::mem::replace(pulse, now) != now);
                    }
                    Err(error) => tracing::warn!(error = %error, "a watched market could not be looked at"),
                }
            }
        });
        receiver
    }

    async fn look(&self, key: &MarketKey) -> Result<Pulse, IngestError> {
        let snapshot = self.markets.config().get();
        let now = self.markets.clock().now();
        let zone = snapshot.market(&key.tenant, &key.market).map(|market| market.zone);
        let found = self.markets.store().scope(&key.tenant).pulse(&key.market).await?;
        let [mut definitions, mut configuration] = [(); 2].map(|()| std::hash::DefaultHasher::new());
        snapshot.digest.hash(&mut configuration);
        if let Some((head, _)) = &found {
            head.catalogue_digest.hash(&mut definitions);
        }
        let (revision, due) = found.map_or((0, None), |(head, due)| (head.revision, due));
        Ok(Pulse {
            revision,
            definitions: definitions.finish(),
            due: due.is_some_and(|due| due <= now),
            day: zone.map_or(0, |zone| crate::domain::time::day_number(now.date(zone))),
            configuration: configuration.finish(),
        })
    }
}
