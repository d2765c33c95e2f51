//! What the questions that are watched may hold in this process: so many of one tenant, and so many rows in their answers, which
//! stay in memory for as long as somebody watches.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::error_kind::ErrorKind;
use crate::domain::ids::TenantId;
use crate::ingest::IngestError;

/// The most different questions of all tenants.
const MOST: usize = 10_000;
/// So many times the rows of one tenant may be held of all. A row takes about half a kilobyte.
const TENANTS: usize = 4;

/// What is held, by tenant.
#[derive(Debug)]
pub(super) struct Shares {
    /// Questions and rows of one tenant.
    most: Held,
    of: Mutex<HashMap<TenantId, Held>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Held {
    questions: usize,
    rows: usize,
}

impl Shares {
    /// Of one tenant so many questions with so many rows in all.
    pub(super) fn new(questions: usize, rows: usize) -> Arc<Self> {
        Arc::new(Self { most: Held { questions, rows }, of: Mutex::default() })
    }

    fn of(&self) -> MutexGuard<'_, HashMap<TenantId, Held>> {
        // Nothing that holds it can panic half way.
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The share of one more question.
    ///
    /// # Errors
    /// Too many are watched.
    pub(super) fn open(self: &Arc<Self>, tenant: &TenantId) -> Result<Share, IngestError> {
        let mut of = self.of();
        if of.values().map(|held| held.questions).sum::<usize>() >= MOST {
            return Err(too_many(
                format!("{MOST} different questions are watched: watch fewer, or another replica"),
                true,
            ));
        }
        let (held, most) = (of.entry(tenant.clone()).or_default(), self.most.questions);
        if held.questions >= most {
            let text = format!("{most} different questions of the tenant are watched: watch fewer, or another replica");
            return Err(too_many(text, true));
        }
        held.questions += 1;
        Ok(Share { shares: Arc::clone(self), tenant: tenant.clone(), rows: 0 })
    }
}

fn too_many(message: String, retryable: bool) -> IngestError {
    IngestError::Store { kind: ErrorKind::ResourceExhausted, reason: "TOO_MANY_WATCHES", message, retryable }
}

/// What one question takes of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    shares: Arc<Shares>,
    tenant: TenantId,
    rows: usize,
}

impl Share {
    /// Its answer has so many rows by now.
    ///
    /// # Errors
    /// Those that are watched have too many in all.
    pub(super) fn hold(&mut self, rows: usize) -> Result<(), IngestError> {
        let most = self.shares.most.rows;
        let mut of = self.shares.of();
        let others: usize = of.values().map(|held| held.rows).sum::<usize>() - self.rows;
        let own = of.get(&self.tenant).map_or(0, |held| held.rows) - self.rows;
        if own + rows > most {
            let text = format!(
                "the answers that the tenant watches would have {} rows, the limit is {most}: watch fewer KPIs, periods or groups, \
                 or ask now and then by QueryKpis",
                own + rows
            );
            return Err(too_many(text, false));
        }
        if others + rows > most.saturating_mul(TENANTS) {
            return Err(too_many("more is watched than this process keeps: watch another replica".to_owned(), true));
        }
        of.entry(self.tenant.clone()).or_default().rows = own + rows;
        self.rows = rows;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut of = self.shares.of();
        if let Some(held) = of.get_mut(&self.tenant) {
            held.questions -= 1;
            held.rows -= self.rows;
            if held.questions == 0 {
                of.remove(&self.tenant);
            }
        }
    }
}
