//! The service without its transport: what a server hands its requests to.

use std::sync::Arc;

use crate::advice::Advice;
use crate::clock::Clock;
use crate::config::Holder;
use crate::ingest::{Ingest, IngestError, Markets};
use crate::query::Query;
use crate::store::Store;
use crate::sync::Sync;

/// The write side, the advising side and the read side over one store. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// Cases and activities in.
    pub ingest: Ingest,
    /// Contact checks.
    pub advice: Advice,
    /// Everything that is read.
    pub query: Query,
    /// Change feeds.
    pub sync: Sync,
}

impl App {
    /// The service over an open store. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn open(store: Store, config: Arc<Holder>, clock: Clock) -> Result<Self, IngestError> {
        let markets = Markets::new(store, config, clock);
        Ok(Self {
            ingest: Ingest::new(Arc::clone(&markets))?,
            advice: Advice::new(Arc::clone(&markets))?,
            query: Query::new(Arc::clone(&markets)),
            sync: Sync::new(markets),
        })
    }

    /// Logs what waits, refuses new writes and closes the store. Writes that were accepted are done first.
    pub async fn close(self) {
        self.advice.flush().await;
        let markets = self.ingest.markets();
        markets.stop();
        markets.drained().await;
        markets.store().clone().close().await;
    }
}
