//! Permits: planned contacts that hold a place, and which activities have used them.

use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};

use super::bulk::{Column, text_set};
use super::{MarketTx, StoreError, TenantScope};
use crate::domain::ids::{ActivityId, CaseId, MarketId, PermitId};
use crate::domain::permit::{Permit, PermitState};
use crate::domain::time::Timestamp;

/// A permit as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermitRow {
    /// The permit.
    pub permit: Permit,
    /// When it was given up.
    pub released: Option<Timestamp>,
    /// A contact that counts names it.
    pub used: bool,
    /// Revision of the commit that changed it last.
    pub revision: u64,
}

impl PermitRow {
    /// What has become of it at an instant.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> PermitState {
        if self.used {
            PermitState::Used
        } else if self.released.is_some() {
            PermitState::Released
        } else if self.permit.ends <= now {
            PermitState::Expired
        } else {
            PermitState::Held
        }
    }
}

/// Which permits to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PermitFilter {
    /// On this case.
    pub case: Option<CaseId>,
    /// Of which this has become.
    pub state: Option<PermitState>,
}

const COLUMNS: &str = "released_at, used, revision, body";

fn read(row: &QueryResult) -> Result<PermitRow, StoreError> {
    let body: String = row.try_get("", "body")?;
    Ok(PermitRow {
        permit: serde_json::from_str(&body).map_err(|cause| StoreError::corrupt("permit", cause))?,
        released: row.try_get::<Option<i64>>("", "released_at")?.map(Timestamp),
        used: row.try_get("", "used")?,
        revision: row.try_get::<i64>("", "revision")?.cast_unsigned(),
    })
}

async fn rows(connection: &impl ConnectionTrait, statement: Statement) -> Result<Vec<PermitRow>, StoreError> {
    connection.query_all_raw(statement).await?.iter().map(read).collect()
}

fn one(permit: &PermitId) -> (String, [Value; 1]) {
    let sql = format!("SELECT {COLUMNS} FROM permit WHERE tenant_id = $1 AND market_id = $2 AND permit_id = $3");
    (sql, [permit.as_str().into()])
}

fn changed_since(revision: u64) -> (String, [Value; 1]) {
    let sql = format!("SELECT {COLUMNS} FROM permit WHERE tenant_id = $1 AND market_id = $2 AND revision > $3");
    (sql, [revision.cast_signed().into()])
}

impl MarketTx {
    /// The permit of that id, as this transaction sees it.
    ///
    /// # Errors
    /// The database is away or the row is corrupt.
    pub async fn permit(&self, permit: &PermitId) -> Result<Option<PermitRow>, StoreError> {
        let (sql, values) = one(permit);
        Ok(rows(&self.transaction, self.statement(&sql, values)).await?.pop())
    }

    /// Permits that hold a place at an instant.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn held_permits(&self, now: Timestamp) -> Result<Vec<PermitRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM permit
             WHERE tenant_id = $1 AND market_id = $2 AND ends_at > $3 AND released_at IS NULL AND NOT used"
        );
        rows(&self.transaction, self.statement(&sql, [now.0.into()])).await
    }

    /// Permits that commits after `revision` have changed.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn permits_changed_since(&self, revision: u64) -> Result<Vec<PermitRow>, StoreError> {
        let (sql, values) = changed_since(revision);
        rows(&self.transaction, self.statement(&sql, values)).await
    }

    /// Stores a permit that is new.
    ///
    /// # Errors
    /// The database is away, or there is a permit of that id.
    pub async fn insert_permit(&self, revision: u64, permit: &Permit) -> Result<(), StoreError> {
        let body = serde_json::to_string(permit).map_err(|cause| StoreError::corrupt("permit", cause))?;
        let sql = "INSERT INTO permit (tenant_id, market_id, permit_id, case_id, ends_at, used, revision, body)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let values: [Value; 6] = [
            permit.id.as_str().into(),
            permit.case().as_str().into(),
            permit.ends.0.into(),
            false.into(),
            revision.cast_signed().into(),
            body.into(),
        ];
        self.transaction.execute_raw(self.statement(sql, values)).await?;
        Ok(())
    }

    /// Notes that a permit was given up.
    ///
    /// # Errors
    /// The database is away.
    pub async fn release_permit(&self, revision: u64, permit: &PermitId, at: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE permit SET released_at = $4, revision = $5
                   WHERE tenant_id = $1 AND market_id = $2 AND permit_id = $3";
        let values: [Value; 3] = [permit.as_str().into(), at.0.into(), revision.cast_signed().into()];
        self.transaction.execute_raw(self.statement(sql, values)).await?;
        Ok(())
    }

    /// Notes which permits contacts name, on which of their cases. A permit need not be there yet, or ever.
    ///
    /// # Errors
    /// The database is away.
    pub async fn insert_permit_uses(&self, mut uses: Vec<(PermitId, CaseId, ActivityId)>) -> Result<(), StoreError> {
        uses.sort();
        let columns = vec![
            ("permit_id", Column::Text(uses.iter().map(|(permit, _, _)| permit.as_str().to_owned()).collect())),
            ("case_id", Column::Text(uses.iter().map(|(_, case, _)| case.as_str().to_owned()).collect())),
            ("activity_id", Column::Text(uses.iter().map(|(_, _, activity)| activity.as_str().to_owned()).collect())),
        ];
        self.bulk_later("permit_use", columns, "ON CONFLICT DO NOTHING", false).await
    }

    /// Finds out anew whether these permits are used: by a contact on the permit's case that is not void. Returns those
    /// that there are.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn settle_permits(&self, revision: u64, permits: Vec<String>) -> Result<Vec<PermitRow>, StoreError> {
        if permits.is_empty() {
            return Ok(Vec::new());
        }
        let (set, bind) = text_set(self.backend(), 4, permits);
        let sql = format!(
            "UPDATE permit SET revision = $3, used = EXISTS (
                 SELECT 1 FROM permit_use u LEFT JOIN void v
                   ON v.tenant_id = u.tenant_id AND v.market_id = u.market_id AND v.target_id = u.activity_id
                 WHERE u.tenant_id = permit.tenant_id AND u.market_id = permit.market_id
                   AND u.permit_id = permit.permit_id AND u.case_id = permit.case_id AND v.target_id IS NULL)
             WHERE tenant_id = $1 AND market_id = $2 AND permit_id {set} RETURNING {COLUMNS}"
        );
        rows(&self.transaction, self.statement(&sql, [revision.cast_signed().into(), bind])).await
    }
}

impl TenantScope {
    /// The permit of that id.
    ///
    /// # Errors
    /// The database is away or the row is corrupt.
    pub async fn permit(&self, market: &MarketId, permit: &PermitId) -> Result<Option<PermitRow>, StoreError> {
        let (sql, values) = one(permit);
        Ok(rows(&self.reader(), self.statement(market, &sql, values)).await?.pop())
    }

    /// Permits by id, behind `after`. A state is that of the instant `now`.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn list_permits(
        &self,
        market: &MarketId,
        filter: &PermitFilter,
        now: Timestamp,
        after: &str,
        limit: u32,
    ) -> Result<Vec<PermitRow>, StoreError> {
        let mut values: Vec<Value> = vec![after.into()];
        let mut sql =
            format!("SELECT {COLUMNS} FROM permit WHERE tenant_id = $1 AND market_id = $2 AND permit_id > $3");
        let mut and = |condition: &str, value: Value| {
            values.push(value);
            sql.push_str(&format!(" AND {condition} ${}", values.len() + 2));
        };
        if let Some(case) = &filter.case {
            and("case_id =", case.as_str().into());
        }
        // As `PermitRow::state` has it.
        match filter.state {
            None => {}
            Some(PermitState::Used) => and("used =", true.into()),
            Some(PermitState::Released) => and("released_at IS NOT NULL AND used =", false.into()),
            Some(PermitState::Held) => and("NOT used AND released_at IS NULL AND ends_at >", now.0.into()),
            Some(PermitState::Expired) => and("NOT used AND released_at IS NULL AND ends_at <=", now.0.into()),
        }
        sql.push_str(&format!(" ORDER BY permit_id LIMIT {limit}"));
        rows(&self.reader(), self.statement(market, &sql, values)).await
    }

    /// Permits that commits after `revision` have changed.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn permits_changed_since(&self, market: &MarketId, revision: u64) -> Result<Vec<PermitRow>, StoreError> {
        let (sql, values) = changed_since(revision);
        rows(&self.reader(), self.statement(market, &sql, values)).await
    }
}
