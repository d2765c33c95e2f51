//! What a monitor sees of each sink: how long its oldest event has been waiting, and whether somebody has to resume it. A sink
//! that is stuck or paused fails no more, so that no count of failures would tell. And of the feeds that clients of this server
//! follow, for how long one has not taken what was committed.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Common;
use crate::domain::ids::SinkId;
use crate::domain::market::MarketKey;

/// How often they are looked at.
const EVERY: Duration = Duration::from_secs(2);

/// Tells of every sink of the configuration in force until `stop` is cancelled. Every server tells the same.
pub(super) async fn run(common: Arc<Common>, stop: CancellationToken) {
    let mut told: HashSet<(MarketKey, SinkId)> = HashSet::new();
    let mut followed: HashSet<MarketKey> = HashSet::new();
    while !stop.is_cancelled() {
        let snapshot = common.sync.markets().config().get();
        let mut left = std::mem::take(&mut followed);
        for (key, lag) in common.sync.feed_lags() {
            tell_of_feeds(&key, lag);
            left.remove(&key);
            followed.insert(key);
        }
        left.iter().for_each(|key| tell_of_feeds(key, Duration::ZERO));
        let mut gone = std::mem::take(&mut told);
        for (tenant, configured) in &snapshot.tenants {
            for sink in configured.sinks.iter() {
                for market in &sink.markets {
                    let key = MarketKey { tenant: tenant.clone(), market: market.clone() };
                    match common.sync.sink_lag(&key, &sink.id).await {
                        Ok(state) => tell(&key, &sink.id, state.unwrap_or_default()),
                        Err(error) => tracing::debug!(%error, sink = %sink.id, "a sink's lag was not read"),
                    }
                    gone.remove(&(key.clone(), sink.id.clone()));
                    told.insert((key, sink.id.clone()));
                }
            }
        }
        for (key, sink) in gone {
            tell(&key, &sink, (0, false));
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

fn tell_of_feeds(key: &MarketKey, lag: Duration) {
    let labels = [("tenant", key.tenant.to_string()), ("market", key.market.to_string())];
    metrics::gauge!("fairdue_feed_lag_seconds", &labels).set(lag.as_secs_f64());
}

fn tell(key: &MarketKey, sink: &SinkId, (lag, paused): (i64, bool)) {
    let labels = [("tenant", key.tenant.to_string()), ("market", key.market.to_string()), ("sink", sink.to_string())];
    // Microseconds as seconds: a gauge is a float.
    metrics::gauge!("fairdue_sink_lag_seconds", &labels).set(Duration::from_micros(lag.unsigned_abs()).as_secs_f64());
    metrics::gauge!("fairdue_sink_paused", &labels).set(if paused { 1.0 } else { 0.0 });
}
