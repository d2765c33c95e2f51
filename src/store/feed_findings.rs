//! Findings in the change feed. Every change of one is on record: what the history said in `finding` and `finding_past`,
//! what was decided in `finding_update`.

use std::collections::{BTreeSet, HashMap};

use sea_orm::ConnectionTrait;

use super::bulk::text_set;
use super::feed::Window;
use super::finding_life::{FindingPast, read_decision, read_past};
use super::findings::{self, FindingRow};
use super::{StoreError, TenantScope};
use crate::domain::feed::Behind;
use crate::domain::finding_life::Decision;
use crate::domain::ids::{FindingId, MarketId};

fn id(text: &str) -> Result<FindingId, StoreError> {
    FindingId::parse(text).ok_or_else(|| StoreError::corrupt("finding", format!("id \"{text}\"")))
}

impl TenantScope {
    /// Which findings changed at which revision, behind a place, up to a revision, by revision and id.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn feed_findings(
        &self,
        market: &MarketId,
        behind: &Behind,
        through: u64,
        limit: u32,
    ) -> Result<Vec<(u64, FindingId)>, StoreError> {
        let Window { condition, order, values } = Window::new(self.store.backend, behind, through, &["finding_id"]);
        // Each table gives no more than the page needs, whatever lies behind it.
        let part = |table: &str| {
            format!(
                "SELECT revision, finding_id FROM (SELECT revision, finding_id FROM {table}
                 WHERE tenant_id = $1 AND market_id = $2{condition} {order} LIMIT {limit}) AS {table}_page"
            )
        };
        let sql = format!(
            "SELECT revision, finding_id FROM ({} UNION {} UNION {}) AS changes {order} LIMIT {limit}",
            part("finding"),
            part("finding_past"),
            part("finding_update"),
        );
        let rows = self.reader().query_all_raw(self.statement(market, &sql, values)).await?;
        rows.iter()
            .map(|row| {
                let revision: i64 = row.try_get("", "revision")?;
                Ok((revision.cast_unsigned(), id(&row.try_get::<String>("", "finding_id")?)?))
            })
            .collect()
    }

    /// These findings with all of their pasts. Unknown ones are absent.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn finding_pasts(
        &self,
        market: &MarketId,
        ids: &[FindingId],
    ) -> Result<HashMap<FindingId, FindingPast>, StoreError> {
        let mut pasts: HashMap<FindingId, FindingPast> = HashMap::with_capacity(ids.len());
        if ids.is_empty() {
            return Ok(pasts);
        }
        let select = |sql: &str| {
            let (set, bind) = text_set(self.store.backend, 3, ids.iter().map(ToString::to_string).collect());
            let sql = format!("{sql} WHERE tenant_id = $1 AND market_id = $2 AND finding_id {set}");
            self.statement(market, &sql, [bind])
        };
        let reader = &self.reader();
        // The rows first: what was moved to the past meanwhile is then found twice, never not at all.
        let columns = findings::COLUMNS;
        for row in reader.query_all_raw(select(&format!("SELECT {columns} FROM finding"))).await? {
            let row: FindingRow = findings::read(&row)?;
            let derived = vec![row.derived()];
            pasts.insert(row.finding.id, FindingPast { row, derived, decisions: Vec::new() });
        }
        let past = "SELECT revision, changed_at, status, reason, body FROM finding_past";
        for row in reader.query_all_raw(select(past)).await? {
            let state = read_past(&row)?;
            if let Some(past) = pasts.get_mut(&state.finding.id)
                && past.derived.iter().all(|known| known.revision != state.revision)
            {
                past.derived.push(state);
            }
        }
        for row in reader.query_all_raw(select("SELECT body FROM finding_update")).await? {
            let decision: Decision = read_decision(&row)?;
            if let Some(past) = pasts.get_mut(&decision.finding) {
                past.decisions.push(decision);
            }
        }
        Ok(pasts)
    }

    /// Findings of these cases, by id.
    ///
    /// # Errors
    /// The database is away.
    pub async fn finding_ids_of(&self, market: &MarketId, cases: Vec<String>) -> Result<Vec<FindingId>, StoreError> {
        let (set, bind) = text_set(self.store.backend, 3, cases);
        let sql = format!(
            // To be told them in order, SQLite would look through the market by their ids.
            "SELECT finding_id FROM finding WHERE tenant_id = $1 AND market_id = $2 AND case_id {set}"
        );
        let rows = self.reader().query_all_raw(self.statement(market, &sql, [bind])).await?;
        let ids: Result<BTreeSet<String>, _> = rows.iter().map(|row| row.try_get("", "finding_id")).collect();
        ids?.iter().map(|text| id(text)).collect()
    }
}
