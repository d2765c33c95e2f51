//! Keeps PostgreSQL's statistics about our tables near the truth while they grow fast.
//!
//! Without statistics PostgreSQL believes that tenant and market already single out a row, and may then compare every
//! row of a market with every wanted key instead of looking each key up: a commit costs the product of both. Its own
//! autovacuum looks once a minute, within which a new market may have grown by a million rows.

use sea_orm::{ConnectionTrait, FromQueryResult, Statement};

use super::{Backend, Store, StoreError};

/// Changed rows below which no plan can go far wrong. A table of which nothing is known is taken to hold a row or two, and may
/// then be read whole for each row of another: at 480 voids that took 230 ms for the histories of 250 cases, 10 ms with its
/// statistics.
const FEW: i64 = 50;

/// Tables of this schema that have about doubled since they were looked at.
const STALE: &str = "SELECT relname FROM pg_stat_user_tables
    WHERE schemaname = current_schema() AND n_mod_since_analyze > $1 AND n_mod_since_analyze * 2 >= n_live_tup
    ORDER BY relname";
/// Plans here ask only whether a column has many values: a small sample tells, and autovacuum looks closer later.
const SAMPLE: &str = "SET LOCAL default_statistics_target = 10";

#[derive(Debug, FromQueryResult)]
struct Stale {
    relname: String,
}

impl Store {
    /// Has PostgreSQL look at tables that have about doubled since it last did, which replans the statements on them.
    /// Replicas may do so at the same time. Does nothing on SQLite, whose plans do not rest on statistics here.
    ///
    /// # Errors
    /// The database is away, or refuses: its user does not own the tables.
    pub async fn refresh_statistics(&self) -> Result<(), StoreError> {
        if self.backend == Backend::Sqlite {
            return Ok(());
        }
        let ask = Statement::from_sql_and_values(self.backend.orm(), STALE, [FEW.into()]);
        for table in Stale::find_by_statement(ask).all(&self.everyone()).await? {
            let name = table.relname.replace('"', "\"\"");
            let transaction = self.pools.begin_bare().await?;
            transaction.execute_unprepared(SAMPLE).await?;
            transaction.execute_unprepared(&format!("ANALYZE \"{name}\"")).await?;
            transaction.commit().await?;
        }
        Ok(())
    }
}
