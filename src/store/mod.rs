//! Storage: the only user of sea-orm. Takes and returns domain types.
//!
//! A [`Store`] opens the database and migrates it. All data of a tenant is reached through a [`TenantScope`], which
//! cannot be made without naming the tenant; writes go through a [`MarketTx`], which holds the market row's lock.

mod backend;
mod bulk;
mod cases;
mod cells;
mod checks;
mod digests;
mod due;
mod error;
mod feed;
mod feed_findings;
mod finding_life;
mod findings;
mod history;
mod keys;
mod leaves;
mod market_tx;
mod mirror;
mod pages;
mod permits;
mod push;
mod schema;
mod schema_findings;
mod schema_permits;
mod schema_sinks;
mod schema_sync;
mod scope;
mod sinks;
mod statistics;
mod touched;
mod wall;

pub use backend::{Backend, StoreOptions};
pub use cases::{CaseRow, CaseUpsertRow, version_body};
pub use cells::{CellRow, CellView, DeltaRow, ReadCell};
pub use checks::CheckRow;
pub use digests::{ALL_DAYS, DigestView, FindingState};
pub use due::DueRow;
pub use error::StoreError;
pub use finding_life::{DecisionRow, FindingPast};
pub use findings::{FindingFilter, FindingRow};
pub use history::{ActivityRow, CaseHistory, StoredActivity, activity_body};
pub use keys::{KeyRow, TenantRow};
pub use leaves::LeafRow;
pub use market_tx::{InsertOutcome, MarketHead, MarketTx};
pub use mirror::{Mirror, MirrorRow};
pub use pages::{ActivityFilter, CaseFilter, Page};
pub use permits::{PermitFilter, PermitRow};
pub use scope::TenantScope;
pub use sinks::{SinkFailure, SinkOrder, SinkProgress, SinkRow};

use sea_orm::ConnectionTrait;
use sea_orm_migration::MigratorTrait;

use crate::domain::ids::TenantId;

/// An open database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    /// Its connections, behind what keeps tenants apart.
    pools: wall::Pools,
    pub(super) backend: Backend,
}

impl Store {
    /// Opens the database named by `url` (`sqlite://PATH` or `postgres://...`) and brings its schema up to date.
    ///
    /// # Errors
    /// The address is of no known kind, the database cannot be reached, or a migration failed.
    pub async fn open(url: &str, options: &StoreOptions) -> Result<Self, StoreError> {
        let store = backend::connect(url, options).await?;
        if store.backend == Backend::Sqlite || !(options.pooled || options.row_security) {
            store.migrate().await?;
            return Ok(store);
        }
        // By an address of its own, past a pooler, and before any wall.
        let direct = backend::direct(options.migration_url.as_deref().unwrap_or(url), options).await?;
        direct.migrate().await?;
        if options.row_security {
            direct.raise_wall().await?;
        }
        direct.close().await;
        Ok(store)
    }

    /// Runs the migrations that are missing, under a lock so that replicas that start together do not race.
    async fn migrate(&self) -> Result<(), StoreError> {
        let _guard = backend::MigrationLock::take(self).await?;
        schema::Migrator::up(self.pools.bare(), None).await?;
        Ok(())
    }

    /// Which database this is.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// The handle through which all of a tenant's data is reached.
    #[must_use]
    pub fn scope(&self, tenant: &TenantId) -> TenantScope {
        TenantScope { store: self.clone(), tenant: tenant.clone() }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.pools.bare().execute_unprepared("SELECT 1").await?;
        Ok(())
    }

    /// Settings that durability rests on, as the database itself reports them.
    ///
    /// # Errors
    /// The database is away.
    pub async fn durability(&self) -> Result<Vec<(String, String)>, StoreError> {
        backend::durability(self).await
    }

    /// Closes every connection.
    pub async fn close(self) {
        if self.backend == Backend::Sqlite {
            let _ = self.pools.bare().execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await;
        }
        self.pools.close().await;
    }
}
