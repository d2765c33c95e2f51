//! Findings as stored: derived from the history, kept with the facts used.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::bulk::{Column, text_set};
use super::{MarketTx, StoreError, TenantScope};
use crate::domain::finding::{Finding, FindingStatus, Severity};
use crate::domain::ids::{CaseId, FindingId, MarketId, RuleId};
use crate::domain::time::Timestamp;

/// A finding with its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingRow {
    /// What was found.
    pub finding: Finding,
    /// Whether it stands.
    pub status: FindingStatus,
    /// Why it last changed: `new`, `late_fact`, `void`, `case_version`, `rule_change`, `omission`.
    pub reason: String,
    /// Revision of its last change.
    pub revision: u64,
    /// When it was first recorded.
    pub opened: Timestamp,
    /// When it last changed.
    pub changed: Timestamp,
}

/// Which findings to list. Absent fields do not filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FindingFilter {
    /// Of this rule.
    pub rule: Option<RuleId>,
    /// Of this severity.
    pub severity: Option<Severity>,
    /// In this status.
    pub status: Option<FindingStatus>,
    /// On this case.
    pub case: Option<CaseId>,
    /// By this agent.
    pub agent: Option<String>,
    /// Of this creditor.
    pub client: Option<String>,
    /// Broken at or after.
    pub from: Option<Timestamp>,
    /// Broken before.
    pub to: Option<Timestamp>,
}

const COLUMNS: &str = "status, reason, revision, opened_at, changed_at, body";

fn read(row: &QueryResult) -> Result<FindingRow, StoreError> {
    let body: String = row.try_get("", "body")?;
    let status: String = row.try_get("", "status")?;
    Ok(FindingRow {
        finding: serde_json::from_str(&body).map_err(|cause| StoreError::corrupt("finding", cause))?,
        status: FindingStatus::parse(&status)
            .ok_or_else(|| StoreError::corrupt("finding", format!("status \"{status}\"")))?,
        reason: row.try_get("", "reason")?,
        revision: row.try_get::<i64>("", "revision")?.cast_unsigned(),
        opened: Timestamp(row.try_get("", "opened_at")?),
        changed: Timestamp(row.try_get("", "changed_at")?),
    })
}

impl MarketTx {
    /// Writes findings: new ones, and new states of known ones (whose first recording time stays).
    ///
    /// # Errors
    /// The database is away.
    pub async fn upsert_findings(&self, mut rows: Vec<FindingRow>) -> Result<(), StoreError> {
        rows.sort_by_key(|row| row.finding.id);
        let bodies = rows
            .iter()
            .map(|row| serde_json::to_string(&row.finding).map_err(|cause| StoreError::corrupt("finding", cause)))
            .collect::<Result<Vec<_>, _>>()?;
        let text = |pick: fn(&FindingRow) -> String| Column::Text(rows.iter().map(pick).collect());
        let optional = |pick: fn(&FindingRow) -> Option<String>| Column::OptText(rows.iter().map(pick).collect());
        let columns = vec![
            ("finding_id", text(|row| row.finding.id.to_string())),
            ("revision", Column::Int(rows.iter().map(|row| row.revision.cast_signed()).collect())),
            ("opened_at", Column::Int(rows.iter().map(|row| row.opened.0).collect())),
            ("changed_at", Column::Int(rows.iter().map(|row| row.changed.0).collect())),
            ("status", text(|row| row.status.as_str().to_owned())),
            ("reason", text(|row| row.reason.clone())),
            ("rule_id", text(|row| row.finding.rule.as_str().to_owned())),
            ("severity", text(|row| row.finding.severity.as_str().to_owned())),
            ("case_id", optional(|row| row.finding.case.as_ref().map(|case| case.as_str().to_owned()))),
            ("agent", optional(|row| row.finding.agent.clone())),
            ("client", optional(|row| row.finding.client.clone())),
            ("at", Column::Int(rows.iter().map(|row| row.finding.at.0).collect())),
            ("body", Column::Text(bodies)),
        ];
        let tail = "ON CONFLICT (tenant_id, market_id, finding_id) DO UPDATE SET revision = excluded.revision,
            changed_at = excluded.changed_at, status = excluded.status, reason = excluded.reason,
            severity = excluded.severity, case_id = excluded.case_id, agent = excluded.agent,
            client = excluded.client, at = excluded.at, body = excluded.body";
        self.bulk("finding", columns, tail).await?;
        Ok(())
    }
}

impl MarketTx {
    /// Withdraws findings: their facts no longer stand. Each with its reason.
    ///
    /// # Errors
    /// The database is away.
    pub async fn withdraw_findings(
        &self,
        findings: &HashMap<FindingId, &'static str>,
        revision: u64,
        changed: Timestamp,
    ) -> Result<(), StoreError> {
        let mut by_reason: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
        for (id, reason) in findings {
            by_reason.entry(reason).or_default().push(id.to_string());
        }
        for (reason, mut ids) in by_reason {
            ids.sort_unstable();
            let (set, bind) = text_set(self.backend(), 7, ids);
            let sql = format!(
                "UPDATE finding SET status = $3, reason = $4, revision = $5, changed_at = $6
                 WHERE tenant_id = $1 AND market_id = $2 AND finding_id {set} AND status <> $3"
            );
            let values: [Value; 5] = [
                FindingStatus::Withdrawn.as_str().into(),
                reason.into(),
                revision.cast_signed().into(),
                changed.0.into(),
                bind,
            ];
            self.transaction.execute_raw(self.statement(&sql, values)).await?;
        }
        Ok(())
    }

    /// Findings of these cases, whatever their status.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn findings_of(&self, cases: Vec<String>) -> Result<Vec<FindingRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM finding WHERE tenant_id = $1 AND market_id = $2 AND case_id {{set}}");
        self.select_in(&sql, cases).await?.iter().map(read).collect()
    }
}

impl TenantScope {
    /// One finding, whatever its status.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn finding(&self, market: &MarketId, id: FindingId) -> Result<Option<FindingRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM finding WHERE tenant_id = $1 AND market_id = $2 AND finding_id = $3");
        let row = self.store.reader.query_one_raw(self.statement(market, &sql, [id.to_string().into()])).await?;
        row.as_ref().map(read).transpose()
    }

    /// Findings of a market by (time, id), after the given position.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn list_findings(
        &self,
        market: &MarketId,
        filter: &FindingFilter,
        after: Option<(Timestamp, FindingId)>,
        limit: u32,
    ) -> Result<Vec<FindingRow>, StoreError> {
        let mut sql = format!("SELECT {COLUMNS} FROM finding WHERE tenant_id = $1 AND market_id = $2");
        let mut values: Vec<Value> = Vec::new();
        let mut and = |condition: &str, value: Value| {
            values.push(value);
            sql.push_str(&format!(" AND {condition} ${}", values.len() + 2));
        };
        if let Some(rule) = &filter.rule {
            and("rule_id =", rule.as_str().into());
        }
        if let Some(severity) = filter.severity {
            and("severity =", severity.as_str().into());
        }
        if let Some(status) = filter.status {
            and("status =", status.as_str().into());
        }
        if let Some(case) = &filter.case {
            and("case_id =", case.as_str().into());
        }
        if let Some(agent) = &filter.agent {
            and("agent =", agent.as_str().into());
        }
        if let Some(client) = &filter.client {
            and("client =", client.as_str().into());
        }
        if let Some(from) = filter.from {
            and("at >=", from.0.into());
        }
        if let Some(to) = filter.to {
            and("at <", to.0.into());
        }
        if let Some((at, id)) = after {
            let place = values.len() + 3;
            sql.push_str(&format!(" AND (at, finding_id) > (${place}, ${})", place + 1));
            values.push(at.0.into());
            values.push(id.to_string().into());
        }
        sql.push_str(&format!(" ORDER BY at, finding_id LIMIT {limit}"));
        let rows = self.store.reader.query_all_raw(self.statement(market, &sql, values)).await?;
        rows.iter().map(read).collect()
    }
}
