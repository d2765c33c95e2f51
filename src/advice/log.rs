//! The bounded queue between answered checks and the market's writer: committed in groups within a second.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::domain::market::MarketKey;
use crate::ingest::{CheckRecord, IngestError, Markets, Work};

/// Checks of one commit.
const GROUP: usize = 20_000;
/// Longest wait of a check for its commit to begin.
const DELAY: Duration = Duration::from_millis(250);

enum Entry {
    Check(Box<(MarketKey, CheckRecord)>),
    Flush(oneshot::Sender<()>),
}

/// The queue's near end.
#[derive(Clone)]
pub(super) struct CheckLog(mpsc::Sender<Entry>);

impl CheckLog {
    /// Starts the task that commits what is appended.
    pub(super) fn start(markets: Arc<Markets>) -> Self {
        let waiting = markets.config().get().server.advice.check_log_queue;
        let (sender, queue) = mpsc::channel(usize::try_from(waiting).unwrap_or(usize::MAX >> 3));
        tokio::spawn(drain(markets, queue));
        Self(sender)
    }

    /// Appends a check.
    ///
    /// # Errors
    /// Overloaded, when too many wait.
    pub(super) fn append(&self, key: &MarketKey, record: CheckRecord) -> Result<(), IngestError> {
        self.0.try_send(Entry::Check(Box::new((key.clone(), record)))).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => IngestError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => IngestError::Stopping,
        })
    }

    /// Waits until everything appended before is committed, or was given up with an error in the log.
    pub(super) async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        if self.0.send(Entry::Flush(done)).await.is_ok() {
            let _ = wait.await;
        }
    }
}

async fn drain(markets: Arc<Markets>, mut queue: mpsc::Receiver<Entry>) {
    let mut entries = Vec::new();
    while queue.recv_many(&mut entries, GROUP).await > 0 {
        let mut flushes = Vec::new();
        let mut groups: HashMap<MarketKey, Vec<CheckRecord>> = HashMap::new();
        for entry in entries.drain(..) {
            match entry {
                Entry::Check(check) => groups.entry(check.0).or_default().push(check.1),
                Entry::Flush(done) => flushes.push(done),
            }
        }
        for (key, checks) in groups {
            commit(&markets, &key, checks).await;
        }
        for done in flushes {
            let _ = done.send(());
        }
        if queue.is_empty() {
            tokio::time::sleep(DELAY).await;
        }
    }
}

/// Commits a group, trying for as long as the database is away: what was answered is to be on record.
async fn commit(markets: &Arc<Markets>, key: &MarketKey, checks: Vec<CheckRecord>) {
    let mut wait = Duration::from_millis(100);
    loop {
        match markets.submit(key, Work::Checks(checks.clone())).await {
            Ok(_) => return,
            Err(error) => {
                tracing::error!(market = %key.market, checks = checks.len(), error = %error,
                    "answered checks are not on record yet");
                if matches!(error, IngestError::Stopping | IngestError::MarketUnknown(_)) {
                    return;
                }
            }
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(5));
    }
}
