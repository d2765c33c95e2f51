//! The decision log: what was asked before a contact, and what was answered.

use super::bulk::{Bulk, Column};
use super::{StoreError, TenantScope};
use crate::domain::ids::MarketId;
use crate::domain::time::Timestamp;

/// One answered contact check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRow {
    /// Its id, made by the service.
    pub check: String,
    /// The instant that was asked about.
    pub at: Timestamp,
    /// The case.
    pub case: String,
    /// The person, if one was named.
    pub person: Option<String>,
    /// The verdict.
    pub verdict: String,
    /// Question and answer as JSON.
    pub body: String,
}

impl TenantScope {
    /// Appends a group of answered checks. A check that is stored already is left alone.
    ///
    /// # Errors
    /// The database is away.
    pub async fn insert_checks(&self, market: &MarketId, mut rows: Vec<CheckRow>) -> Result<(), StoreError> {
        rows.sort_by(|a, b| a.check.cmp(&b.check));
        let text = |pick: fn(&CheckRow) -> &String| Column::Text(rows.iter().map(|row| pick(row).clone()).collect());
        let columns = vec![
            ("check_id", text(|row| &row.check)),
            ("at", Column::Int(rows.iter().map(|row| row.at.0).collect())),
            ("case_id", text(|row| &row.case)),
            ("person_id", Column::OptText(rows.iter().map(|row| row.person.clone()).collect())),
            ("verdict", text(|row| &row.verdict)),
            ("body", text(|row| &row.body)),
        ];
        let bulk = Bulk {
            table: "contact_check",
            tenant: self.tenant.as_str(),
            market: market.as_str(),
            columns,
            tail: "ON CONFLICT DO NOTHING",
        };
        bulk.run(&self.store.writer, self.store.backend).await?;
        Ok(())
    }
}
