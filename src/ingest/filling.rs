//! Fills the cells of KPI definitions that are new or changed, while the market is written and read.
//!
//! A filling begins at a revision, under the market's lock and with every timer fired that is due ([`super::fill::begin`]).
//! From the next commit on, all writers add what they change to the new series, too: signed sums, as to any other. What lay
//! before is told again as known at that revision and put aside step by step, then added to the cells in small parts. Sums do
//! not care in which order they come, so that each fact counts once, whether it is late, voided or corrected meanwhile. When
//! nothing is left, the cells follow the new definitions, and those of the former ones are dropped in small parts.
//!
//! Each step writes what it has summed and where it stands in one transaction: a server that is killed goes on, and two
//! servers never count a step twice. Which one works is written beside it; another takes over whose sign of life stands still.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::IngestError;
use super::beside::Beside;
use super::definitions::{Defined, row_of};
use super::deriving::derive_some;
use super::fill::{self, Beginning, Held, Summed, TOLD};
use super::fill_look::{Look, Need};
use super::retell::{Portion, Retelling, untold};
use super::told_of::View;
use super::work::Work;
use super::writer::Markets;
use crate::config::Snapshot;
use crate::domain::market::MarketKey;
use crate::domain::time::Timestamp;
use crate::kpi::{Catalogue, Delta};
use crate::store::{DefinitionRow, FillingRow};

/// Time between two looks.
const EVERY: Duration = Duration::from_millis(250);
/// How long a sign of life may stand still.
const LEASE: Duration = Duration::from_secs(5);
/// Wait after a failure.
pub(super) const AFTER_FAILURE: Duration = Duration::from_secs(2);
/// The longest that a step tells before it is written. Nearly every step of a long history gives something to nearly every
/// cell, so that longer ones write less; what a killed server has told of one is told again.
const STEP: Duration = Duration::from_secs(15);
/// Cells of former definitions that are dropped under one lock.
const DROPPED: u32 = 500;

/// What became of a look at a market.
enum Turn {
    Done,
    Again,
    Wait,
}

/// Starts looking, until the markets are gone or stop.
pub(super) fn start(markets: &Arc<Markets>) {
    let Some(name) = markets.name.clone() else {
        tracing::error!("the system gives no random numbers: cells of new KPI definitions are not filled here");
        return;
    };
    let markets: Weak<Markets> = Arc::downgrade(markets);
    tokio::spawn(async move {
        let mut look = tokio::time::interval(EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut filler = Filler { name, seen: None, open: Vec::new(), beats: HashMap::new(), failed: HashMap::new() };
        loop {
            look.tick().await;
            let Some(markets) = markets.upgrade() else { return };
            let busy = markets.filling.lock().await;
            if markets.is_stopping() {
                return;
            }
            filler.look(&markets).await;
            drop(busy);
        }
    });
}

struct Filler {
    name: String,
    /// The configuration that `open` is of.
    seen: Option<Arc<Snapshot>>,
    /// Markets that are not known to need nothing.
    open: Vec<MarketKey>,
    /// Signs of life of other servers, and since when they stand so.
    beats: HashMap<MarketKey, (u64, Instant)>,
    failed: HashMap<MarketKey, Instant>,
}

impl Filler {
    /// Looks at each open market once, and fills what is missing, one market after the other: memory for one is enough.
    async fn look(&mut self, markets: &Arc<Markets>) {
        let snapshot = markets.config.get();
        if !self.seen.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, &snapshot)) {
            let of = |(tenant, all): (&_, &crate::config::Tenant)| {
                let key = |market: &_| MarketKey { tenant: Clone::clone(tenant), market: Clone::clone(market) };
                all.markets.keys().map(key).collect::<Vec<_>>()
            };
            self.open = snapshot.tenants.iter().flat_map(of).collect();
            self.seen = Some(Arc::clone(&snapshot));
        }
        for key in markets.take_begun() {
            if !self.open.contains(&key) {
                self.open.push(key);
            }
        }
        let loaded = markets.keeping.loaded(&snapshot.catalogue, markets.clock.now());
        let looks = self.open.iter().map(|key| Look { markets, snapshot: &snapshot, key, loaded });
        if derive_some(looks, &mut self.failed).await {
            return;
        }
        for key in std::mem::take(&mut self.open) {
            let look = Look { markets, snapshot: &snapshot, key: &key, loaded };
            if look.is_over() || self.failed.get(&key).is_some_and(|since| since.elapsed() < AFTER_FAILURE) {
                self.open.push(key);
                continue;
            }
            self.failed.remove(&key);
            loop {
                match self.turn(&look).await {
                    Ok(Turn::Done) => break,
                    Ok(Turn::Again) if !look.is_over() => {}
                    Ok(Turn::Again | Turn::Wait) => {
                        self.open.push(key.clone());
                        break;
                    }
                    Err(_) if look.is_over() => {
                        self.open.push(key.clone());
                        break;
                    }
                    Err(error) => {
                        tracing::warn!(market = %key.market, %error, "cells were not filled; it is tried again");
                        metrics::counter!("fairdue_kpi_fillings_total", "outcome" => "failed").increment(1);
                        self.failed.insert(key.clone(), Instant::now());
                        self.open.push(key.clone());
                        break;
                    }
                }
            }
        }
    }

    /// Does the next thing that a market needs.
    async fn turn(&mut self, look: &Look<'_>) -> Result<Turn, IngestError> {
        let scope = look.markets.store.scope(&look.key.tenant);
        let Some(head) = scope.head(&look.key.market).await?.filter(|head| head.revision > 0) else {
            return Ok(Turn::Done);
        };
        let found = scope.definitions(&look.key.market).await?;
        // What an earlier version kept by other definitions is derived anew with the next write or question.
        let Some(kept) = Defined::of(&found, &head.catalogue_digest, look.own())? else { return Ok(Turn::Done) };
        match look.need(&found, &kept) {
            Need::Nothing if self.clear(look, &kept).await? => Ok(Turn::Again),
            Need::Nothing => Ok(Turn::Done),
            Need::Begin if self.clear(look, &kept).await? => Ok(Turn::Again),
            Need::Begin => self.begin(look, &kept).await,
            need @ (Need::Texts | Need::TextsOfFilling | Need::GiveUp) => {
                fill::note(look, need).await?;
                Ok(Turn::Again)
            }
            Need::GoOn => match found.filling {
                Some((definition, row)) => self.go_on(look, &kept, &definition, row).await,
                None => Ok(Turn::Wait),
            },
        }
    }

    /// Drops some cells that no definitions keep right any more; whether there were any.
    async fn clear(&self, look: &Look<'_>, kept: &Defined) -> Result<bool, IngestError> {
        let scope = look.markets.store.scope(&look.key.tenant);
        let stored = scope.stored_series(&look.key.market).await?;
        let Some(series) = stored.into_iter().find(|series| !kept.adds_to(*series)) else { return Ok(false) };
        let tx = scope.begin(&look.key.market).await?;
        let now = look.markets.clock.now();
        let kept = look.markets.keeping.under_lock(look.key, &tx, look.own(), now).await?;
        if kept.is_none_or(|kept| kept.adds_to(series)) {
            tx.rollback().await;
            return Ok(true);
        }
        tx.drop_cells(series, DROPPED).await?;
        fill::commit(look.markets, tx).await?;
        Ok(true)
    }

    /// Begins a filling at what the market is now.
    async fn begin(&self, look: &Look<'_>, kept: &Defined) -> Result<Turn, IngestError> {
        let scope = look.markets.store.scope(&look.key.tenant);
        let market = &look.key.market;
        let Some((head, ground)) = scope.head(market).await?.zip(look.ground()) else { return Ok(Turn::Done) };
        if head.rules_digest != ground {
            // Whoever has loaded the rules in force there fills its cells.
            return Ok(if look.has_held(&ground) { Turn::Done } else { Turn::Wait });
        }
        if scope.deriving(market).await?.is_some() {
            return Ok(Turn::Wait);
        }
        let missing: BTreeSet<u32> = look.own().series().difference(&kept.series).copied().collect();
        let beginning = Beginning {
            marker: kept.marker.clone(),
            definition: row_of(look.own(), look.loaded, &missing)?,
            settled: look.markets.clock.now().max(head.fired),
            total: scope.count_records(market).await?,
        };
        look.markets.submit(look.key, Work::Fill(Box::new(beginning))).await?;
        let found = scope.definitions(market).await?;
        // Where another server came between, the next look is soon enough.
        Ok(if found.filling.is_some() { Turn::Again } else { Turn::Wait })
    }

    /// Goes on with a filling, to its end unless something comes between.
    async fn go_on(
        &mut self,
        look: &Look<'_>,
        kept: &Defined,
        definition: &DefinitionRow,
        row: FillingRow,
    ) -> Result<Turn, IngestError> {
        if !row.holder.is_empty() && row.holder != self.name {
            let (beat, since) = *self.beats.entry(look.key.clone()).or_insert((row.beat, Instant::now()));
            if beat != row.beat {
                self.beats.insert(look.key.clone(), (row.beat, Instant::now()));
                return Ok(Turn::Wait);
            }
            if since.elapsed() < LEASE {
                return Ok(Turn::Wait);
            }
        }
        self.beats.remove(look.key);
        let Some(next) = &kept.next else { return Ok(Turn::Wait) };
        let Some(mut held) = fill::take(look.markets, look.key, row, &self.name).await? else { return Ok(Turn::Again) };
        let work = async {
            let mine = held.row.place == TOLD || tell(look, &next.grown, &mut held).await?;
            add_up(look, &mut held, mine).await
        };
        match work.await {
            Ok(Some(true)) => {
                metrics::counter!("fairdue_kpi_fillings_total", "outcome" => "ended").increment(1);
                let (market, series) = (&look.key.market, definition.series.len());
                tracing::info!(%market, series, records = held.row.done, "the cells of KPI definitions are filled");
                Ok(Turn::Again)
            }
            Ok(over) => {
                if over.is_some() && look.is_over() {
                    held.release(look.markets).await?;
                }
                Ok(Turn::Again)
            }
            Err(error) => {
                held.fail(look.markets, &error).await?;
                Err(error)
            }
        }
    }
}

/// Tells the history from where the filling stands. `false` if it is not in this server's hands any more, or something else
/// is to be done.
async fn tell(look: &Look<'_>, grown: &Arc<Catalogue>, held: &mut Held) -> Result<bool, IngestError> {
    let (Some(tenant), Some(ground)) = (look.snapshot.tenants.get(&look.key.tenant), look.ground()) else {
        return Ok(false);
    };
    let Some(market) = tenant.markets.get(&look.key.market).cloned() else { return Ok(false) };
    let known = held.row.known;
    let view = View { known, now: held.row.settled, until: Timestamp(i64::MAX) };
    let place = match held.row.place.as_str() {
        "" => None,
        place => Some(serde_json::from_str(place).map_err(|_| untold())?),
    };
    let scope = look.markets.store.scope(&look.key.tenant);
    let retelling = Retelling::new(scope, market, &tenant.rules, grown.kinds(), view, place);
    let mut retelling = retelling.to_the_end();
    let mut portion = retelling.next().await?;
    let (mut ended, mut last) = (false, None);
    loop {
        let told = CancellationToken::new();
        let write = async {
            let mine = match last.take() {
                Some(step) => put_aside(look, held, step, &ground).await?,
                None => true,
            };
            Ok::<_, IngestError>(mine && held.live_until(look.markets, &told).await?)
        };
        // The next step is told while this one is written.
        let next = async {
            let _told = told.clone().drop_guard();
            if ended || look.is_over() {
                return Ok(None);
            }
            pause(look).await;
            gather(look, grown, &mut retelling, portion).await.map(Some)
        };
        let (mine, next) = tokio::join!(write, next);
        if !mine? {
            return Ok(false);
        }
        let Some((step, behind)) = next? else { return Ok(true) };
        (ended, portion, last) = (behind.is_none(), behind, Some(step));
    }
}

async fn put_aside(look: &Look<'_>, held: &mut Held, step: Step, ground: &str) -> Result<bool, IngestError> {
    let Step { sums, place, records } = step;
    let blocks = tokio::task::spawn_blocking(|| sums.into_iter().collect::<Delta>().blocks());
    let blocks = blocks.await.map_err(|_| untold())?;
    let cells = blocks.len();
    let mine = held.put_aside(look.markets, Summed { blocks, place, records, ground: ground.to_owned() }).await?;
    metrics::counter!("fairdue_kpi_filled_records_total").increment(records);
    tracing::debug!(market = %look.key.market, records, cells, "a step of a filling is written");
    Ok(mine)
}

/// What one write puts aside.
struct Step {
    /// Sums of parts that were told beside each other.
    sums: Vec<Delta>,
    /// Where the telling goes on behind it.
    place: String,
    records: u64,
}

/// Sums what is told from a part on, until it is enough for a write; and what comes behind it, as read: nothing at the end.
async fn gather(
    look: &Look<'_>,
    grown: &Arc<Catalogue>,
    retelling: &mut Retelling,
    mut portion: Option<Portion>,
) -> Result<(Step, Option<Portion>), IngestError> {
    let (limits, tasks) = (look.markets.limits(), look.markets.told_at_once());
    let (teller, mut place) = (retelling.teller(), None);
    let mut beside: Beside<(Delta, u64)> = Beside::new(tasks);
    let since = Instant::now();
    while let Some(now) = portion.take() {
        place.clone_from(&now.next);
        let (teller, grown) = (Arc::clone(&teller), Arc::clone(grown));
        beside.start(move |(sums, records)| {
            *records += teller.tell(now, &mut |_, fact| sums.add(&grown, fact))?.records;
            Ok(())
        });
        portion = retelling.next().await?;
        beside.keep_up().await?;
        let bytes: usize = beside.idle().iter().map(|(sums, _)| sums.bytes()).sum();
        let records: u64 = beside.idle().iter().map(|(_, records)| records).sum();
        let room = (limits.fill_mib as usize) << 20;
        let enough = records >= u64::from(limits.fill_records) || bytes.saturating_mul(tasks) > room;
        if enough || since.elapsed() > STEP || look.is_over() {
            break;
        }
    }
    beside.settle().await?;
    let (sums, records): (Vec<Delta>, Vec<u64>) = beside.idle().drain(..).unzip();
    let place = match (&portion, place) {
        (Some(_), Some(place)) => serde_json::to_string(&place).map_err(|_| untold())?,
        _ => TOLD.to_owned(),
    };
    Ok((Step { sums, place, records: records.iter().sum() }, portion))
}

/// Adds what was put aside to the cells. `None` if the filling is not in this server's hands any more, else whether it is
/// over.
async fn add_up(look: &Look<'_>, held: &mut Held, mine: bool) -> Result<Option<bool>, IngestError> {
    if !mine {
        return Ok(None);
    }
    while held.row.place == TOLD && !look.is_over() {
        match held.add_up(look.markets).await? {
            Some(false) if rest(look, held).await? => {}
            Some(false) => return Ok(None),
            ended => return Ok(ended),
        }
    }
    Ok(Some(false))
}

/// Pauses with signs of life. `false` if the filling is not in this server's hands any more.
async fn rest(look: &Look<'_>, held: &mut Held) -> Result<bool, IngestError> {
    let over = CancellationToken::new();
    let pause = async {
        let _over = over.clone().drop_guard();
        pause(look).await;
    };
    tokio::join!(held.live_until(look.markets, &over), pause).0
}

/// Leaves the machine to others for as long as the settings say.
pub(super) async fn pause(look: &Look<'_>) {
    let pause = look.markets.limits().fill_pause;
    if pause.is_zero() {
        tokio::task::yield_now().await;
    } else {
        tokio::time::sleep(pause).await;
    }
}
