//! How many feeds a tenant has open: each holds what it has read until its client takes it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::error_kind::ErrorKind;
use crate::domain::ids::TenantId;
use crate::ingest::IngestError;

/// The open feeds of this process by tenant.
#[derive(Debug, Clone, Default)]
pub(super) struct Feeds(Arc<Mutex<HashMap<TenantId, u32>>>);

/// An open feed, until it is dropped.
#[derive(Debug)]
pub(super) struct Feed {
    feeds: Feeds,
    tenant: TenantId,
}

impl Feeds {
    fn open_now(&self) -> MutexGuard<'_, HashMap<TenantId, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens one more feed, of which a tenant may have so many.
    ///
    /// # Errors
    /// It has as many.
    pub(super) fn open(&self, tenant: &TenantId, most: u32) -> Result<Feed, IngestError> {
        let mut open = self.open_now();
        let count = open.entry(tenant.clone()).or_default();
        if *count >= most {
            let message = format!(
                "the tenant has {count} feeds open here, the limit is {most}: end some, or use another replica"
            );
            let (kind, reason) = (ErrorKind::ResourceExhausted, "TOO_MANY_FEEDS");
            return Err(IngestError::Store { kind, reason, message, retryable: true });
        }
        *count += 1;
        Ok(Feed { feeds: self.clone(), tenant: tenant.clone() })
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let mut open = self.feeds.open_now();
        if let Some(count) = open.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.tenant);
            }
        }
    }
}
