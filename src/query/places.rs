//! Places for what keeps processors busy for long: few in this process, and of them only some for one tenant, so that none
//! takes those of all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::domain::ids::TenantId;

/// The places of one kind of work.
#[derive(Debug)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    /// Places that one tenant may have or wait for among the others.
    of_one: usize,
    /// Of each tenant that ever asked: as many as are configured.
    tenants: Mutex<HashMap<TenantId, Arc<Semaphore>>>,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat(#[expect(dead_code, reason = "held until it is dropped")] [OwnedSemaphorePermit; 2]);

impl Places {
    /// Places of which one tenant may have so many, and never all. Whoever waits for one waits behind no more than those of any
    /// other tenant.
    pub(super) fn new(of_one: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(of_one + 1)), of_one, tenants: Mutex::default() }
    }

    fn of(&self, tenant: &TenantId) -> Arc<Semaphore> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(tenants.entry(tenant.clone()).or_insert_with(|| Arc::new(Semaphore::new(self.of_one))))
    }

    /// A place now, if there is one for this tenant.
    pub(super) fn try_take(&self, tenant: &TenantId) -> Option<Seat> {
        let own = self.of(tenant).try_acquire_owned().ok()?;
        let shared = Arc::clone(&self.all).try_acquire_owned().ok()?;
        Some(Seat([own, shared]))
    }

    /// A place as soon as there is one.
    pub(super) async fn take(&self, tenant: &TenantId) -> Result<Seat, AcquireError> {
        let own = self.of(tenant).acquire_owned().await?;
        let shared = Arc::clone(&self.all).acquire_owned().await?;
        Ok(Seat([own, shared]))
    }
}
