//! Storage: the only user of sea-orm. Takes and returns domain types.
//!
//! A [`Store`] opens the database and migrates it. All data of a tenant is reached through a [`TenantScope`], which
//! cannot be made without naming the tenant; writes go through a [`MarketTx`], which holds the market row's lock.

mod activity_rows;
mod backend;
mod bounded;
mod bulk;
mod cases;
mod cells;
mod checks;
mod copy;
mod deriving;
mod digests;
mod due;
mod elsewhere;
mod error;
mod fact_sums;
mod feed;
mod feed_findings;
mod feed_rows;
mod feed_stretch;
mod filling;
mod finding_life;
mod findings;
mod history;
mod history_range;
mod keys;
mod landing;
mod leaves;
mod letters;
mod market_tx;
mod mirror;
mod opening;
mod pages;
mod partner_digests;
mod peers;
mod permits;
mod push;
mod schema;
mod schema_deriving;
mod schema_fact_sums;
mod schema_filling;
mod schema_findings;
mod schema_fired;
mod schema_households;
mod schema_keys;
mod schema_letters;
mod schema_partners;
mod schema_peers;
mod schema_permits;
mod schema_rows;
mod schema_sinks;
mod schema_sync;
mod schema_told;
mod schema_wire;
mod scope;
mod sinks;
mod slow;
mod space;
mod statistics;
mod told;
mod touched;
mod wall;

pub use crate::wire::stored::{activity as activity_record, read_activity, read_version, version as version_record};
pub use activity_rows::ActivityRow;
pub use backend::{Backend, StoreOptions};
pub use cases::{CaseRow, CaseUpsertRow};
pub use cells::{CellRow, CellView, DeltaRow, ReadCell};
pub use checks::CheckRow;
pub use deriving::DerivingRow;
pub use digests::{ALL_DAYS, DigestView, FindingState};
pub use due::DueRow;
pub use error::{MOVED, StoreError};
pub use fact_sums::{SumRow, SumsRow};
pub use feed::Reasons;
pub use feed_rows::{FeedRecord, FeedVersion, RecordRow};
pub use feed_stretch::{Committed, Stretch, order_by_id};
pub use filling::{DefinitionRow, Definitions, FillingRow};
pub use finding_life::{DecisionRow, FindingLife, FindingPast};
pub use findings::{FindingFilter, FindingRow};
pub use history::{CaseHistory, StoredActivity, Voids};
pub use history_range::StoredHistories;
pub use keys::{KeyRow, TenantRow};
pub use leaves::Kept;
pub use letters::PutAside;
pub use market_tx::{InsertOutcome, MarketHead, MarketTx};
pub use mirror::{Mirror, MirrorRow};
pub use opening::{address_shown, missing_file, why_not_opened};
pub use pages::{ActivityFilter, CaseFilter, Page};
pub use partner_digests::PartnerMark;
pub use peers::{QuarterKey, QuartileKey, QuartileRow};
pub use permits::{PermitFilter, PermitRow};
pub use scope::TenantScope;
pub use sinks::{SinkFailure, SinkOrder, SinkProgress, SinkRow};

use sea_orm::ConnectionTrait;

use crate::domain::ids::TenantId;

/// An open database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    /// Its connections, behind what keeps tenants apart.
    pools: wall::Pools,
    pub(super) backend: Backend,
    /// Room for writes, where the database is a file.
    space: Option<std::sync::Arc<space::Space>>,
}

impl Store {
    /// Opens the database named by `url` (`sqlite://PATH` or `postgres://...`) and brings its schema up to date.
    ///
    /// # Errors
    /// The address is of no known kind, the database cannot be reached, the file is another program's, a newer version has changed
    /// its schema, or a migration failed.
    pub async fn open(url: &str, options: &StoreOptions) -> Result<Self, StoreError> {
        if let Some(table) = opening::foreign_table(url).await {
            return Err(StoreError::Foreign(table));
        }
        let store = backend::connect(url, options).await?;
        if store.backend == Backend::Sqlite {
            store.migrate(options).await?;
            return Ok(store);
        }
        // By connections of their own: past a pooler, before any wall, and with no limit on one statement, for an index on a
        // large table takes its time.
        let direct = backend::direct(options.migration_url.as_deref().unwrap_or(url), options).await?;
        direct.migrate(options).await?;
        if options.row_security {
            direct.raise_wall().await?;
        }
        direct.close().await;
        Ok(store)
    }

    /// Runs the migrations that are missing, under a lock so that processes that start together do not race. On SQLite all
    /// of them or none, for there a step is no transaction by itself.
    async fn migrate(&self, options: &StoreOptions) -> Result<(), StoreError> {
        let lock = backend::MigrationLock::take(self, options.schema_wait).await?;
        match (self.backend, lock.transaction()) {
            (Backend::Sqlite, transaction) => schema::up(transaction).await?,
            (Backend::Postgres, _) => schema::up(self.pools.bare()).await?,
        }
        lock.release().await
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
        Ok(self.pools.ping().await?)
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
