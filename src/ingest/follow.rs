//! Keeps what a process remembers in step with what other replicas commit.
//!
//! Every 100 ms the revisions of the remembered markets are read in one query; what newer commits have touched is
//! forgotten. A contact check trusts a state that was confirmed within the last 250 ms, else it asks first.

use std::sync::{Arc, LazyLock, Weak};
use std::time::{Duration, Instant};

use super::IngestError;
use super::heads::Head;
use super::writer::Markets;
use crate::domain::consistency::Consistency;
use crate::domain::market::MarketKey;
use crate::ingest::market_state::{MarketState, News};
use crate::store::Backend;

/// Time between two looks.
const EVERY: Duration = Duration::from_millis(100);
/// Age up to which a confirmed state is trusted, in milliseconds.
const TRUSTED_MS: u64 = 250;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Milliseconds since the process's first look at this clock, counted from one.
pub(super) fn now_ms() -> u64 {
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
}

/// Starts following, where other processes may write: an embedded database has none.
pub(super) fn start(markets: &Arc<Markets>) {
    if markets.store().backend() == Backend::Sqlite {
        return;
    }
    let markets: Weak<Markets> = Arc::downgrade(markets);
    tokio::spawn(async move {
        let mut look = tokio::time::interval(EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            let Some(markets) = markets.upgrade() else { return };
            // A store that is closed behind the last work has nothing to tell.
            if let Err(error) = follow(&markets).await
                && !markets.is_stopping()
            {
                tracing::warn!(error = %error, "the revisions of other replicas could not be read");
            }
        }
    });
}

async fn follow(markets: &Arc<Markets>) -> Result<(), IngestError> {
    let active = markets.active();
    if !markets.heads().followed() && active.is_empty() {
        return Ok(());
    }
    let (asked, at) = (now_ms(), markets.clock().now());
    let newest = markets.store().revisions().await?;
    for (key, (revision, recorded)) in &newest {
        markets.heads().note(key, Head { revision: *revision, recorded: *recorded });
    }
    markets.heads().confirm(at);
    for (key, handle) in active {
        if let Some((revision, _)) = newest.get(&key) {
            catch_up(markets, &key, &handle.state, *revision, asked).await?;
        }
    }
    Ok(())
}

async fn catch_up(
    markets: &Arc<Markets>,
    key: &MarketKey,
    state: &MarketState,
    newest: u64,
    asked: u64,
) -> Result<(), IngestError> {
    // Somebody else may catch up at the same time, and less far: then what is left is caught up with.
    while let Some(known) = state.revision() {
        if known >= newest {
            state.confirm(asked);
            break;
        }
        let scope = markets.store().scope(&key.tenant);
        let touched = scope.cases_touched_since(&key.market, known).await?;
        let pending_voids = scope.pending_voids(&key.market).await?;
        let permits = scope.permits_changed_since(&key.market, known).await?;
        state.catch_up(known, newest, News { touched, pending_voids, permits }, markets.clock().now());
    }
    Ok(())
}

/// Makes sure that what a market is answered from holds what a read asks for: the revision that it then holds at least, 0
/// where nothing was asked for.
///
/// # Errors
/// The market has no such revision, or the database is away.
pub async fn assure(markets: &Arc<Markets>, key: &MarketKey, wanted: Consistency) -> Result<u64, IngestError> {
    let handle = markets.handle(key);
    let (least, known) = match wanted {
        Consistency::Fastest => return Ok(0),
        Consistency::AtLeast(revision) => (revision, handle.state.revision()),
        Consistency::Full => (0, None),
    };
    if known.is_some_and(|known| known >= least) {
        return Ok(least);
    }
    let asked = now_ms();
    let head = markets.store().scope(&key.tenant).head(&key.market).await?.map_or(0, |head| head.revision);
    if head < least {
        return Err(IngestError::NotReached { wanted: least, newest: head });
    }
    catch_up(markets, key, &handle.state, head, asked).await?;
    Ok(head)
}

/// Makes sure that a market's remembered state is at most 250 ms old.
///
/// # Errors
/// The database is away: an old state is not answered from.
pub async fn assure_fresh(markets: &Arc<Markets>, key: &MarketKey, state: &MarketState) -> Result<(), IngestError> {
    if markets.store().backend() == Backend::Sqlite || state.confirmed().saturating_add(TRUSTED_MS) >= now_ms() {
        return Ok(());
    }
    let asked = now_ms();
    let head = markets.store().scope(&key.tenant).head(&key.market).await?;
    catch_up(markets, key, state, head.map_or(0, |head| head.revision), asked).await
}
