//! Has the database keep its statistics near the truth while markets grow ([`Store::refresh_statistics`]).

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::writer::Markets;
use crate::store::{Backend, Store};

/// Time between two looks: PostgreSQL's sessions tell what they changed once a second.
const EVERY: Duration = Duration::from_secs(1);

/// Starts looking, until the markets are gone.
pub(super) fn start(markets: &Arc<Markets>) {
    if markets.store().backend() == Backend::Sqlite {
        return;
    }
    let store: Store = markets.store().clone();
    let markets: Weak<Markets> = Arc::downgrade(markets);
    tokio::spawn(async move {
        let mut look = tokio::time::interval(EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut told = false;
        loop {
            look.tick().await;
            let Some(active) = markets.upgrade().map(|markets| !markets.active().is_empty()) else { return };
            if !active {
                continue;
            }
            match store.refresh_statistics().await {
                Ok(()) => told = false,
                // Autovacuum does the same later: slower for a while, never wrong. Told once, not every second.
                Err(error) if !told => {
                    tracing::warn!(error = %error, "the database's statistics were not refreshed");
                    told = true;
                }
                Err(_) => {}
            }
        }
    });
}
