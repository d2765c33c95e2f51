//! Figures and scorecards pushed as they change. Watchers of one question share one computation, which runs again when the
//! market has changed; a slow watcher finds the newest answer and not every one in between, so that memory stays flat.

use std::collections::HashMap;
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::Query;
use super::kpis::{KpiAnswer, KpiQuestion, limit_rows, refused};
use super::scorecard::Scorecard;
use super::shares::Shares;
use crate::config::server::QuerySettings;
use crate::domain::error_kind::Failure as _;
use crate::domain::ids::MarketId;
use crate::domain::market::MarketKey;
use crate::domain::principal::Principal;
use crate::domain::validation::Violation;
use crate::ingest::{IngestError, Places};
use crate::kpi::QueryError;

/// Time between two looks at a market, and the least between two computations of one question.
const EVERY: Duration = Duration::from_millis(100);
/// The longest wait before what could not be computed is tried again, where the error asks for no longer one.
const SLOWEST: Duration = Duration::from_secs(4);

/// What a watcher sees: nothing yet, the newest answer, or why there will be none.
pub type Seen<T> = Option<Result<Arc<T>, IngestError>>;

/// What can be watched.
trait Watchable: Send + Sync + 'static {
    /// Nothing differs that a watcher sees.
    fn same(&self, other: &Self) -> bool;
    /// The revision of the market that it stands on.
    fn revision(&self) -> u64;
    /// How much it keeps in memory.
    fn rows(&self) -> usize;
}

impl Watchable for KpiAnswer {
    fn same(&self, other: &Self) -> bool {
        self.answer == other.answer && self.stands() == other.stands()
    }

    fn revision(&self) -> u64 {
        self.revision
    }

    fn rows(&self) -> usize {
        self.answer.rows.len()
    }
}

impl Watchable for Scorecard {
    fn same(&self, other: &Self) -> bool {
        self.targets == other.targets && self.stands() == other.stands()
    }

    fn revision(&self) -> u64 {
        self.revision
    }

    fn rows(&self) -> usize {
        self.targets.len()
    }
}

/// A shared computation, as somebody watches it.
#[derive(Debug)]
pub struct Watched<T> {
    seen: watch::Receiver<Seen<T>>,
    /// Up to which revision it was computed.
    through: watch::Receiver<u64>,
    /// Nothing older than this revision is to be seen.
    least: Option<u64>,
}

impl<T> Clone for Watched<T> {
    fn clone(&self) -> Self {
        Self { seen: self.seen.clone(), through: self.through.clone(), least: self.least }
    }
}

impl<T> Watched<T> {
    /// The newest that is seen, once it differs from what was seen before: at first as soon as there is something.
    ///
    /// # Errors
    /// It is not computed any more.
    pub async fn changed(&mut self) -> Result<Seen<T>, watch::error::RecvError> {
        if let Some(least) = self.least {
            // Others may have watched it since before that revision, by which nothing of it need have changed.
            self.through.wait_for(|through| *through >= least).await?;
            self.least = None;
            self.seen.mark_changed();
        }
        self.seen.changed().await?;
        Ok(self.seen.borrow_and_update().clone())
    }
}

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
type Topics<K, V> = Arc<Mutex<HashMap<K, V>>>;
/// A question of a market, as asked by keys for the same markets.
type Topic = (MarketKey, String);

/// What is watched in this process.
#[derive(Clone)]
pub(super) struct Watches {
    pulses: Topics<MarketKey, watch::Receiver<Pulse>>,
    kpis: Topics<Topic, Watched<KpiAnswer>>,
    cards: Topics<Topic, Watched<Scorecard>>,
    shares: Arc<Shares>,
    /// Computations at a time.
    places: Arc<Places>,
    /// Rows of one answer.
    most_rows: usize,
}

impl Watches {
    /// None yet, within these limits.
    pub(super) fn new(settings: &QuerySettings) -> Self {
        let [questions, rows, most_rows] = [settings.max_watches, settings.max_watched_rows, settings.max_answer_rows]
            .map(|most| usize::try_from(most).unwrap_or(usize::MAX));
        let (pulses, kpis, cards) = (Topics::default(), Topics::default(), Topics::default());
        Self {
            pulses,
            kpis,
            cards,
            shares: Shares::new(questions, rows),
            places: Arc::new(Places::of_few(1)),
            most_rows,
        }
    }
}

fn lock<K, V>(topics: &Topics<K, V>) -> std::sync::MutexGuard<'_, HashMap<K, V>> {
    topics.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Forgets the topic if nobody watches it any more; whether it did.
fn forget<K: std::hash::Hash + Eq, V, T>(topics: &Topics<K, V>, key: &K, sender: &watch::Sender<T>) -> bool {
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
    ) -> Result<Watched<KpiAnswer>, IngestError> {
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
        let topic = (reading.key.clone(), format!("{question:?} {:?}", who.markets));
        let (query, who, market, most) = (self.clone(), who.clone(), market.clone(), self.watches.most_rows);
        let compute = move || {
            let (query, who, market, question) = (query.clone(), who.clone(), market.clone(), question.clone());
            // Never from the history, which would be told again with every commit: cells that are being filled are waited for.
            async move {
                let answer = query.answer(&who, &market, &mut { question }, false).await?;
                limit_rows(answer.answer.rows.len(), most).map(|()| answer)
            }
        };
        self.watch(&self.watches.kpis, topic, least, compute)
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
    ) -> Result<Watched<Scorecard>, IngestError> {
        let reading = self.open(who, market)?;
        let topic = (reading.key.clone(), format!("{:?}", who.markets));
        let (query, who, market) = (self.clone(), who.clone(), market.clone());
        let compute = move || {
            let (query, who, market) = (query.clone(), who.clone(), market.clone());
            async move { query.scorecard(&who, &market).await }
        };
        self.watch(&self.watches.cards, topic, least, compute)
    }

    fn watch<T, F>(
        &self,
        topics: &Topics<Topic, Watched<T>>,
        topic: Topic,
        least: u64,
        compute: impl Fn() -> F + Send + 'static,
    ) -> Result<Watched<T>, IngestError>
    where
        T: Watchable,
        F: Future<Output = Result<T, IngestError>> + Send + 'static,
    {
        let mut known = lock(topics);
        if let Some(watched) = known.get(&topic).filter(|watched| watched.seen.has_changed().is_ok()) {
            return Ok(Watched { least: Some(least), ..watched.clone() });
        }
        let mut share = self.watches.shares.open(&topic.0.tenant)?;
        let ((sender, seen), (told_through, through)) = (watch::channel(None), watch::channel(0));
        let watched = Watched { seen, through, least: Some(least) };
        known.insert(topic.clone(), watched.clone());
        drop(known);
        let (mut pulse, topics) = (self.pulse(&topic.0), Arc::clone(topics));
        let places = Arc::clone(&self.watches.places);
        tokio::spawn(async move {
            let mut failures: u32 = 0;
            loop {
                pulse.mark_unchanged();
                let mut wait = EVERY;
                let computed = {
                    // The places are never closed: without one it is computed all the same.
                    let _seat = places.take(&topic.0.tenant, 1).await;
                    compute().await
                };
                let computed = computed.and_then(|value| share.hold(value.rows()).map(|()| value));
                let ended = match computed {
                    Ok(value) => {
                        let through = value.revision();
                        sender.send_if_modified(|seen| {
                            let known = matches!(seen, Some(Ok(before)) if before.same(&value));
                            // What is the same stands on a newer revision.
                            *seen = Some(Ok(Arc::new(value)));
                            !known
                        });
                        told_through.send_replace(through);
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
                        None => {
                            sender.send_replace(Some(Err(error)));
                            told_through.send_replace(u64::MAX);
                            true
                        }
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
        Ok(watched)
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
