//! Places for what a process can have only so much of at once, and of them only some for one tenant, so that none takes those of all:
//! work that keeps processors busy for long, calls, bytes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::domain::ids::TenantId;

/// The places of one kind.
#[derive(Debug)]
pub struct Places {
    all: Arc<Semaphore>,
    /// Places that one tenant may have or wait for among the others.
    of_one: usize,
    /// Of each tenant that ever asked: as many as are configured.
    tenants: Mutex<HashMap<TenantId, Arc<Semaphore>>>,
}

/// Places of a tenant, until they are dropped.
#[derive(Debug)]
pub struct Seat(#[expect(dead_code, reason = "held until it is dropped")] [OwnedSemaphorePermit; 2]);

impl Places {
    /// So many places, at least one, of which one tenant may have so many.
    #[must_use]
    pub fn new(all: usize, of_one: usize) -> Self {
        let count = |count: usize| count.clamp(1, Semaphore::MAX_PERMITS);
        Self { all: Arc::new(Semaphore::new(count(all))), of_one: count(of_one), tenants: Mutex::default() }
    }

    /// Places of which one tenant may have so many, and never all. Whoever waits for one waits behind no more than those of any
    /// other tenant.
    #[must_use]
    pub fn of_few(of_one: usize) -> Self {
        Self::new(of_one + 1, of_one)
    }

    fn of(&self, tenant: &TenantId) -> Arc<Semaphore> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(tenants.entry(tenant.clone()).or_insert_with(|| Arc::new(Semaphore::new(self.of_one))))
    }

    /// So many places now, if there are as many for this tenant.
    #[must_use]
    pub fn try_take(&self, tenant: &TenantId, many: u32) -> Option<Seat> {
        let own = self.of(tenant).try_acquire_many_owned(many).ok()?;
        let shared = Arc::clone(&self.all).try_acquire_many_owned(many).ok()?;
        Some(Seat([own, shared]))
    }

    /// So many places as soon as there are as many.
    ///
    /// # Errors
    /// None: places are never closed.
    pub async fn take(&self, tenant: &TenantId, many: u32) -> Result<Seat, AcquireError> {
        let own = self.of(tenant).acquire_many_owned(many).await?;
        let shared = Arc::clone(&self.all).acquire_many_owned(many).await?;
        Ok(Seat([own, shared]))
    }

    /// How many places there are for a tenant, and in all.
    #[cfg(test)]
    pub(crate) fn left(&self, tenant: &TenantId) -> [usize; 2] {
        [self.of(tenant).available_permits(), self.all.available_permits()]
    }
}
