//! A consumer of change feeds, as a partner would write one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fairdue::proto::v1;
use tonic::Streaming;
use v1::change::After;
use v1::sync_service_client::SyncServiceClient;

use crate::support::service::{Caller, caller};
use crate::support::workload::MARKETS;

/// A client over a connection of its own.
pub async fn client(address: &str, key: &str) -> SyncServiceClient<Caller> {
    SyncServiceClient::new(caller(address, key).await).max_decoding_message_size(64 << 20)
}

/// A market's tallies.
pub async fn status(client: &mut SyncServiceClient<Caller>, market: usize) -> v1::GetMarketStatusResponse {
    let request = v1::GetMarketStatusRequest { region_code: MARKETS[market].0.into() };
    client.get_market_status(request).await.expect("the tallies").into_inner()
}

/// Longer than the due-queue waits for a pause, and fires then.
const SETTLED: Duration = Duration::from_secs(5);

/// The market's newest revision, once it has not moved for two seconds: timers have fired by then.
pub async fn settled(client: &mut SyncServiceClient<Caller>, market: usize) -> i64 {
    let mut head = status(client, market).await.revision;
    loop {
        tokio::time::sleep(SETTLED).await;
        let now = status(client, market).await.revision;
        if now == head {
            return head;
        }
        head = now;
    }
}

/// A feed of a market behind a revision, which ends with what was committed by now if `once`.
pub async fn pull(
    client: &mut SyncServiceClient<Caller>,
    market: usize,
    after_revision: i64,
    once: bool,
) -> Streaming<v1::PullResponse> {
    let request = v1::PullRequest { region_code: MARKETS[market].0.into(), after_revision, once, ..Default::default() };
    client.pull(request).await.expect("open a feed").into_inner()
}

/// The id of an activity or void.
pub fn record_id(change: &v1::Change) -> Option<&str> {
    match &change.after {
        Some(After::Activity(activity) | After::Void(activity)) => Some(&activity.activity_id),
        _ => None,
    }
}

/// How long ago an instant was, by this machine's clock, which server and load share.
pub fn since(at: Option<&prost_types::Timestamp>) -> Duration {
    let at = at.expect("a record time");
    let at = Duration::new(at.seconds.unsigned_abs(), at.nanos.unsigned_abs());
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").saturating_sub(at)
}
