//! The tenant's handle: every query starts from it, and it cannot be made without a tenant.

use sea_orm::{Statement, Value};

use super::wall::Gate;
use super::{MarketTx, Store, StoreError};
use crate::domain::ids::{MarketId, TenantId};

/// All data of one tenant.
#[derive(Clone, Debug)]
pub struct TenantScope {
    pub(super) store: Store,
    pub(super) tenant: TenantId,
}

impl TenantScope {
    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Begins a write to a market: takes the market row's lock first. Until the transaction ends, no other writer of
    /// this market, in this process or another, gets past this point.
    ///
    /// # Errors
    /// The database is away.
    pub async fn begin(&self, market: &MarketId) -> Result<MarketTx, StoreError> {
        MarketTx::begin(self, market).await
    }

    /// Begins a write that may take the lock as late as when something needs it. It may end with [`StoreError::Moved`],
    /// and nothing of it has happened then.
    ///
    /// # Errors
    /// The database is away.
    pub async fn begin_ahead(&self, market: &MarketId) -> Result<MarketTx, StoreError> {
        MarketTx::begin_ahead(self, market).await
    }

    /// Where this tenant's rows are read.
    pub(super) fn reader(&self) -> Gate<'_> {
        self.store.reading(&self.tenant)
    }

    /// Where this tenant's rows are written, a statement at a time.
    pub(super) fn writer(&self) -> Gate<'_> {
        self.store.writing(&self.tenant)
    }

    /// A statement whose first two binds are the tenant and the market.
    pub(super) fn statement(&self, market: &MarketId, sql: &str, rest: impl IntoIterator<Item = Value>) -> Statement {
        let mut values: Vec<Value> = vec![self.tenant.as_str().into(), market.as_str().into()];
        values.extend(rest);
        Statement::from_sql_and_values(self.store.backend.orm(), sql, values)
    }
}
