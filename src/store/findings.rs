//! Findings as stored: derived from the history, kept with the facts used.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{ConnectionTrait, QueryResult, Value};
use serde::{Deserialize, Serialize};

use super::bulk::{Column, key_set};
use super::{MarketTx, StoreError, TenantScope};
use crate::domain::finding::{Finding, FindingStatus, Severity};
use crate::domain::finding_life::{Decision, substance};
use crate::domain::ids::{CaseId, FindingId, JurisdictionId, MarketId, RuleId};
use crate::domain::time::Timestamp;

/// A finding with its life, as stored: the end of a waiver is for [`FindingRow::as_of`] to tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingRow {
    /// What was found.
    pub finding: Finding,
    /// Whether it stands, and what was decided about it.
    pub status: FindingStatus,
    /// Why the history changed it last: `new`, `late_fact`, `void`, `case_version`, `rule_change`, `omission`.
    pub reason: String,
    /// Revision of that change.
    pub revision: u64,
    /// When it was first recorded.
    pub opened: Timestamp,
    /// When the history changed it last.
    pub changed: Timestamp,
    /// The last decision about it.
    pub decision: Option<Decision>,
}

/// Which findings to list. Absent fields do not filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FindingFilter {
    /// Of this rule.
    pub rule: Option<RuleId>,
    /// Of this severity.
    pub severity: Option<Severity>,
    /// In this status at the instant asked about.
    pub status: Option<FindingStatus>,
    /// Of a rule of this jurisdiction.
    pub jurisdiction: Option<JurisdictionId>,
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

pub(super) const COLUMNS: &str = "status, reason, revision, opened_at, changed_at, body, decision_body";

pub(super) fn read(row: &QueryResult) -> Result<FindingRow, StoreError> {
    let body: String = row.try_get("", "body")?;
    let status: String = row.try_get("", "status")?;
    let decision: Option<String> = row.try_get("", "decision_body")?;
    let decision = decision.as_deref().map(serde_json::from_str).transpose();
    Ok(FindingRow {
        decision: decision.map_err(|cause| StoreError::corrupt("finding update", cause))?,
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
    /// Writes findings that stand: new ones, and new states of known ones, whose first recording time and last decision
    /// stay. What was settled by that decision is reopened if it now says something else; the `CASE` says in SQL what
    /// `finding_life::standing` says.
    ///
    /// # Errors
    /// The database is away.
    pub async fn upsert_findings(&self, mut rows: Vec<FindingRow>) -> Result<(), StoreError> {
        rows.sort_by_key(|row| row.finding.id);
        self.keep_past(rows.iter().map(|row| row.finding.id.to_string()).collect()).await?;
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
            ("jurisdiction_id", text(|row| row.finding.jurisdiction.as_str().to_owned())),
            ("substance", text(|row| substance(&row.finding))),
            ("case_id", optional(|row| row.finding.case.as_ref().map(|case| case.as_str().to_owned()))),
            ("agent", optional(|row| row.finding.agent.clone())),
            ("client", optional(|row| row.finding.client.clone())),
            ("at", Column::Int(rows.iter().map(|row| row.finding.at.0).collect())),
            ("body", Column::Text(bodies)),
        ];
        let tail = "ON CONFLICT (tenant_id, market_id, finding_id) DO UPDATE SET revision = excluded.revision,
            changed_at = excluded.changed_at, reason = excluded.reason, status = CASE
                WHEN finding.decision IS NULL THEN excluded.status
                WHEN finding.decision_substance = excluded.substance THEN finding.decision
                WHEN finding.decision IN ('remediated', 'waived', 'waive_proposed') THEN 'reopened'
                ELSE finding.decision END,
            substance = excluded.substance, jurisdiction_id = excluded.jurisdiction_id,
            severity = excluded.severity, case_id = excluded.case_id, agent = excluded.agent,
            client = excluded.client, at = excluded.at, body = excluded.body";
        self.bulk_later("finding", columns, tail, false).await
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
        self.keep_past(findings.keys().map(ToString::to_string).collect()).await?;
        let mut by_reason: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
        for (id, reason) in findings {
            by_reason.entry(reason).or_default().push(id.to_string());
        }
        for (reason, mut ids) in by_reason {
            ids.sort_unstable();
            let (keys, bind) = key_set(self.backend(), "finding_id", 7, ids);
            let sql = format!(
                "UPDATE finding SET status = $3, reason = $4, revision = $5, changed_at = $6
                 WHERE {keys} AND status <> $3"
            );
            let values: [Value; 5] = [
                FindingStatus::Withdrawn.as_str().into(),
                reason.into(),
                revision.cast_signed().into(),
                changed.0.into(),
                bind,
            ];
            self.write_later(&sql, values).await?;
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
    /// Findings of a market by (time, id), after the given position, in the statuses that they have at `now`.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn list_findings(
        &self,
        market: &MarketId,
        filter: &FindingFilter,
        now: Timestamp,
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
        if let Some(jurisdiction) = &filter.jurisdiction {
            and("jurisdiction_id =", jurisdiction.as_str().into());
        }
        // A waiver that has ended is reopened, whatever its row says.
        match filter.status {
            Some(status @ (FindingStatus::Waived | FindingStatus::WaiveProposed)) => {
                and("status =", status.as_str().into());
                and("decision_until >", now.0.into());
            }
            Some(FindingStatus::Reopened) => and(
                "status IN ('reopened', 'waived', 'waive_proposed')
                 AND CASE status WHEN 'reopened' THEN 0 ELSE decision_until END <=",
                now.0.into(),
            ),
            Some(status) => and("status =", status.as_str().into()),
            None => {}
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
        let rows = self.reader().query_all_raw(self.statement(market, &sql, values)).await?;
        rows.iter().map(|row| Ok(read(row)?.as_of(now))).collect()
    }
}
