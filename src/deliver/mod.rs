//! The change feed sent to receivers: in order and at least once for each market, by one server at a time. Where a sink has
//! several events under way, the order is that of each case.
//!
//! Each sink has, for each of its markets, a row with its place. The server that holds the row sends, and moves the place when
//! the receiver has answered. A holder that dies is noticed by its silence, and another goes on from the place kept last: what
//! was sent behind that comes again, with the same ids. No request outlives the lease that it was sent under, so that an old
//! holder cannot send behind a new one.

mod courier;
mod gauges;
mod holding;
mod letters;
mod retry;
mod sending;
mod window;
mod worker;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::server::SinkSettings;
use crate::domain::ids::SinkId;
use crate::domain::market::MarketKey;
use crate::outbound::{Dialer, Guard};
use crate::sync::{Sync, Telling, Told};
use worker::Worker;

/// Writes the event that tells of a change.
pub type WriteEvent = Arc<dyn Fn(&Telling<'_>) -> Told + Send + std::marker::Sync>;

/// How often the configuration is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Sends what the tenants' files ask for, until `stop` is cancelled.
///
/// # Errors
/// The certificates of further authorities cannot be read, or the system gives no random numbers.
pub fn start(sync: Sync, write: WriteEvent, stop: CancellationToken) -> Result<JoinHandle<()>, String> {
    let settings = sync.markets().config().get().server.sinks.clone();
    let dialer = Dialer::new(Guard::new(settings.allowed.clone()), settings.authorities.as_deref())?;
    let mut name = [0; 8];
    getrandom::fill(&mut name).map_err(|_| "the system gives no random numbers".to_owned())?;
    let common = Common {
        sync,
        write,
        dialer: Arc::new(dialer),
        settings,
        holder: format!("{:016x}", u64::from_le_bytes(name)),
    };
    let common = Arc::new(common);
    tokio::spawn(gauges::run(Arc::clone(&common), stop.clone()));
    Ok(tokio::spawn(oversee(common, stop)))
}

/// What all workers share.
struct Common {
    sync: Sync,
    write: WriteEvent,
    dialer: Arc<Dialer>,
    settings: SinkSettings,
    /// Names this process among those that share the database.
    holder: String,
}

/// Keeps one worker for each sink and market of the configuration in force, and begins anew with each configuration.
async fn oversee(common: Arc<Common>, stop: CancellationToken) {
    let mut workers: HashMap<(MarketKey, SinkId), JoinHandle<()>> = HashMap::new();
    let mut generation = stop.child_token();
    let mut digest = String::new();
    while !stop.is_cancelled() {
        let snapshot = common.sync.markets().config().get();
        // A worker that ended by itself has failed in a way that is logged: it is started again.
        workers.retain(|_, worker| !worker.is_finished());
        if snapshot.digest != digest {
            generation.cancel();
            all(&mut workers).await;
            generation = stop.child_token();
            digest.clone_from(&snapshot.digest);
        }
        for (tenant, configured) in &snapshot.tenants {
            for sink in configured.sinks.iter() {
                for market in &sink.markets {
                    let key = MarketKey { tenant: tenant.clone(), market: market.clone() };
                    workers.entry((key.clone(), sink.id.clone())).or_insert_with(|| {
                        let worker = Worker::new(Arc::clone(&common), key, Arc::clone(sink), digest.clone());
                        tokio::spawn(worker.run(generation.clone()))
                    });
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    all(&mut workers).await;
}

async fn all(workers: &mut HashMap<(MarketKey, SinkId), JoinHandle<()>>) {
    for (_, worker) in workers.drain() {
        if let Err(error) = worker.await {
            tracing::error!(%error, "a sender of changes ended unexpectedly");
        }
    }
}
