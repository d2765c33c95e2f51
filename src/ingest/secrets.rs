//! A secret of each tenant, made at its first use and kept in the store, so that every replica has the same: what tokens of
//! feeds are signed with, and what pseudonyms of agents are made with. It leaves the server in no answer.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::Markets;
use super::error::IngestError;
use crate::domain::ids::TenantId;

/// Those that this process has read.
#[derive(Default)]
pub(super) struct Secrets(Mutex<HashMap<TenantId, [u8; 32]>>);

impl Markets {
    /// The tenant's secret. Each use derives a key of its own from it.
    ///
    /// # Errors
    /// The database is away, or the system gives no random numbers.
    pub async fn secret_of(&self, tenant: &TenantId) -> Result<[u8; 32], IngestError> {
        let known = || self.secrets.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = known().get(tenant).copied();
        if let Some(secret) = kept {
            return Ok(secret);
        }
        let mut fresh = [0; 32];
        getrandom::fill(&mut fresh).map_err(|_| IngestError::internal("the system gives no random numbers"))?;
        let stored = self.store().scope(tenant).feed_secret(fresh.to_vec()).await?;
        let secret: [u8; 32] =
            stored.try_into().map_err(|_| IngestError::internal("the stored secret of a tenant has another length"))?;
        known().insert(tenant.clone(), secret);
        Ok(secret)
    }
}
