//! Decisions about findings, and the states that findings had before: records of their own, never edited.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};

use super::bulk::text_set;
use super::findings::{self, FindingRow};
use super::{MarketTx, StoreError, TenantScope};
use crate::domain::finding::{Finding, FindingStatus};
use crate::domain::finding_life::{Decision, Derived, as_of};
use crate::domain::ids::{CaseId, FindingId, MarketId, UpdateId};
use crate::domain::time::Timestamp;

/// Most decisions, and most former states, that a history is read with: the newest.
const LONGEST: u32 = 1_000;

/// A decision with what it made of its finding: the answer to a repetition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionRow {
    /// The decision.
    pub decision: Decision,
    /// The finding right after it.
    pub result: FindingRow,
}

/// A finding as the history has it now, with every decision about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingLife {
    /// What was found; of a withdrawn finding, what was found last.
    pub finding: Finding,
    /// It does not stand any more.
    pub withdrawn: bool,
    /// What was decided, oldest first.
    pub decisions: Vec<Decision>,
}

/// A finding with its past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingPast {
    /// The finding as stored.
    pub row: FindingRow,
    /// What the history has said of it, oldest first; the last is what it says now.
    pub derived: Vec<Derived>,
    /// What was decided, oldest first.
    pub decisions: Vec<Decision>,
}

const LIVES: &str = "SELECT status, decision, body FROM finding WHERE tenant_id = $1 AND market_id = $2";

pub(super) fn read_decision(row: &QueryResult) -> Result<Decision, StoreError> {
    let body: String = row.try_get("", "body")?;
    serde_json::from_str(&body).map_err(|cause| StoreError::corrupt("finding update", cause))
}

pub(super) fn read_past(row: &QueryResult) -> Result<Derived, StoreError> {
    let body: String = row.try_get("", "body")?;
    Ok(Derived {
        finding: serde_json::from_str(&body).map_err(|cause| StoreError::corrupt("finding", cause))?,
        withdrawn: row.try_get::<String>("", "status")? == FindingStatus::Withdrawn.as_str(),
        reason: row.try_get("", "reason")?,
        revision: row.try_get::<i64>("", "revision")?.cast_unsigned(),
        at: Timestamp(row.try_get("", "changed_at")?),
    })
}

async fn one(
    connection: &impl ConnectionTrait,
    make: impl FnOnce(&str, [Value; 1]) -> Statement,
    finding: FindingId,
) -> Result<Option<FindingRow>, StoreError> {
    let columns = findings::COLUMNS;
    let sql = format!("SELECT {columns} FROM finding WHERE tenant_id = $1 AND market_id = $2 AND finding_id = $3");
    let row = connection.query_one_raw(make(&sql, [finding.to_string().into()])).await?;
    row.as_ref().map(findings::read).transpose()
}

async fn decided(
    connection: &impl ConnectionTrait,
    make: impl FnOnce(&str, [Value; 1]) -> Statement,
    update: &UpdateId,
) -> Result<Option<DecisionRow>, StoreError> {
    let sql = "SELECT body, result FROM finding_update WHERE tenant_id = $1 AND market_id = $2 AND update_id = $3";
    let Some(row) = connection.query_one_raw(make(sql, [update.as_str().into()])).await? else { return Ok(None) };
    let result: String = row.try_get("", "result")?;
    Ok(Some(DecisionRow {
        decision: read_decision(&row)?,
        result: serde_json::from_str(&result).map_err(|cause| StoreError::corrupt("finding update", cause))?,
    }))
}

impl MarketTx {
    /// Keeps the present states of these findings before they change. Unknown ones are new: they have no past.
    ///
    /// # Errors
    /// The database is away.
    pub(super) async fn keep_past(&self, findings: Vec<String>) -> Result<(), StoreError> {
        if findings.is_empty() {
            return Ok(());
        }
        let (set, bind) = text_set(self.backend(), 3, findings);
        let sql = format!(
            "INSERT INTO finding_past (tenant_id, market_id, finding_id, revision, changed_at, status, reason, body)
             SELECT tenant_id, market_id, finding_id, revision, changed_at, status, reason, body FROM finding
             WHERE tenant_id = $1 AND market_id = $2 AND finding_id {set} ON CONFLICT DO NOTHING"
        );
        self.write_later(&sql, [bind]).await
    }

    /// A finding as this transaction sees it.
    ///
    /// # Errors
    /// The database is away or the row is corrupt.
    pub async fn finding(&self, finding: FindingId) -> Result<Option<FindingRow>, StoreError> {
        one(&self.transaction, |sql, values| self.statement(sql, values), finding).await
    }

    /// These findings with their decisions, by id, as they were before this write; unknown ones are left out.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn finding_lives(&self, ids: Vec<String>) -> Result<HashMap<FindingId, FindingLife>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = self.select_before(&format!("{LIVES} AND finding_id {{set}}"), ids).await?;
        self.lives(rows).await
    }

    /// Findings with their decisions by id, after the given one.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn finding_lives_after(
        &self,
        after: &str,
        limit: u32,
    ) -> Result<HashMap<FindingId, FindingLife>, StoreError> {
        let sql = format!("{LIVES} AND finding_id > $3 ORDER BY finding_id LIMIT {limit}");
        let rows = self.transaction.query_all_raw(self.statement(&sql, [after.into()])).await?;
        self.lives(rows).await
    }

    async fn lives(&self, rows: Vec<QueryResult>) -> Result<HashMap<FindingId, FindingLife>, StoreError> {
        let (mut lives, mut decided) = (HashMap::with_capacity(rows.len()), Vec::new());
        for row in &rows {
            let body: String = row.try_get("", "body")?;
            let finding: Finding =
                serde_json::from_str(&body).map_err(|cause| StoreError::corrupt("finding", cause))?;
            let withdrawn = row.try_get::<String>("", "status")? == FindingStatus::Withdrawn.as_str();
            if row.try_get::<Option<String>>("", "decision")?.is_some() {
                decided.push(finding.id.to_string());
            }
            lives.insert(finding.id, FindingLife { finding, withdrawn, decisions: Vec::new() });
        }
        if !decided.is_empty() {
            let sql = "SELECT body FROM finding_update WHERE tenant_id = $1 AND market_id = $2 AND finding_id {set}
                       ORDER BY finding_id, revision";
            for row in self.select_before(sql, decided).await? {
                let decision = read_decision(&row)?;
                if let Some(life) = lives.get_mut(&decision.finding) {
                    life.decisions.push(decision);
                }
            }
        }
        Ok(lives)
    }

    /// The decision of that id.
    ///
    /// # Errors
    /// The database is away or the row is corrupt.
    pub async fn decision(&self, update: &UpdateId) -> Result<Option<DecisionRow>, StoreError> {
        decided(&self.transaction, |sql, values| self.statement(sql, values), update).await
    }

    /// Records a decision and gives its finding the status that follows from it.
    ///
    /// # Errors
    /// The database is away, or there is such a decision.
    pub async fn insert_decision(&self, row: &DecisionRow) -> Result<(), StoreError> {
        let json = |result: Result<String, _>| result.map_err(|cause| StoreError::corrupt("finding update", cause));
        let body = json(serde_json::to_string(&row.decision))?;
        let result = json(serde_json::to_string(&row.result))?;
        let decision = &row.decision;
        let sql = "INSERT INTO finding_update
                       (tenant_id, market_id, update_id, finding_id, revision, recorded_at, body, result)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let values: [Value; 6] = [
            decision.id.as_str().into(),
            decision.finding.to_string().into(),
            decision.revision.cast_signed().into(),
            decision.at.0.into(),
            body.as_str().into(),
            result.into(),
        ];
        self.transaction.execute_raw(self.statement(sql, values)).await?;
        let sql = "UPDATE finding SET status = $4, decision = $4, decision_until = $5, decision_substance = $6,
                       substance = $6, decision_body = $7
                   WHERE tenant_id = $1 AND market_id = $2 AND finding_id = $3";
        let values: [Value; 5] = [
            decision.finding.to_string().into(),
            decision.status.as_str().into(),
            decision.until.map(|until| until.0).into(),
            decision.substance.as_str().into(),
            body.into(),
        ];
        self.transaction.execute_raw(self.statement(sql, values)).await?;
        Ok(())
    }
}

impl TenantScope {
    /// The decision of that id.
    ///
    /// # Errors
    /// The database is away or the row is corrupt.
    pub async fn decision(&self, market: &MarketId, update: &UpdateId) -> Result<Option<DecisionRow>, StoreError> {
        decided(&self.reader(), |sql, values| self.statement(market, sql, values), update).await
    }

    /// Every decision about findings of these cases up to a revision, by finding, oldest first.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn decisions_of_cases(
        &self,
        market: &MarketId,
        cases: &[CaseId],
        known: u64,
    ) -> Result<HashMap<FindingId, Vec<Decision>>, StoreError> {
        let ids = cases.iter().map(|case| case.as_str().to_owned()).collect();
        let (set, bind) = text_set(self.store.backend, 4, ids);
        let sql = format!(
            // Crossed, SQLite begins with the cases' findings and not with all that was ever decided.
            "SELECT u.body FROM finding f CROSS JOIN finding_update u
             WHERE f.tenant_id = $1 AND f.market_id = $2 AND f.case_id {set}
               AND u.tenant_id = $1 AND u.market_id = $2 AND u.finding_id = f.finding_id AND u.revision <= $3
             ORDER BY u.finding_id, u.revision"
        );
        let known: Value = i64::try_from(known).unwrap_or(i64::MAX).into();
        let rows = self.reader().query_all_raw(self.statement(market, &sql, [known, bind])).await?;
        let mut found: HashMap<FindingId, Vec<Decision>> = HashMap::new();
        for row in &rows {
            let decision = read_decision(row)?;
            found.entry(decision.finding).or_default().push(decision);
        }
        Ok(found)
    }

    /// A finding with its past. Of a very long one the newest part.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn finding_past(&self, market: &MarketId, finding: FindingId) -> Result<Option<FindingPast>, StoreError> {
        let reader = &self.reader();
        let newest = |columns: &str, table: &str| {
            let sql = format!(
                "SELECT {columns} FROM {table} WHERE tenant_id = $1 AND market_id = $2 AND finding_id = $3
                 ORDER BY revision DESC LIMIT {LONGEST}"
            );
            self.statement(market, &sql, [finding.to_string().into()])
        };
        // The row first: what changes after it is read is left out of its past.
        let Some(row) = one(reader, |sql, values| self.statement(market, sql, values), finding).await? else {
            return Ok(None);
        };
        let past = reader.query_all_raw(newest("revision, changed_at, status, reason, body", "finding_past")).await?;
        let updates = reader.query_all_raw(newest("body", "finding_update")).await?;
        let mut derived = past.iter().rev().map(read_past).collect::<Result<Vec<_>, _>>()?;
        derived.retain(|state| state.revision < row.revision);
        derived.push(row.derived());
        let last = row.decision.as_ref().map_or(0, |last| last.revision);
        let mut decisions = updates.iter().rev().map(read_decision).collect::<Result<Vec<_>, _>>()?;
        decisions.retain(|decision| decision.revision <= last);
        Ok(Some(FindingPast { row, derived, decisions }))
    }
}

impl FindingRow {
    /// What the history says of it now.
    pub(super) fn derived(&self) -> Derived {
        Derived {
            finding: self.finding.clone(),
            withdrawn: self.status == FindingStatus::Withdrawn,
            reason: self.reason.clone(),
            revision: self.revision,
            at: self.changed,
        }
    }

    /// The row as it reads at an instant: status, reason, revision and time are those of its last change, whether the
    /// history, a decision or the end of a waiver made it.
    #[must_use]
    pub fn as_of(mut self, now: Timestamp) -> Self {
        let until = self.decision.as_ref().and_then(|last| last.until);
        let ended = as_of(self.status, until, now);
        if let Some(last) = self.decision.as_ref().filter(|last| last.revision > self.revision) {
            self.reason = last.action.as_str().to_owned();
            self.revision = last.revision;
            self.changed = last.at;
        }
        if ended != self.status {
            self.status = ended;
            self.reason = "waiver_expired".to_owned();
            self.changed = until.unwrap_or(self.changed);
        }
        self
    }

    /// A token of the finding's state at the instant that the row reads at: it changes with every change.
    #[must_use]
    pub fn etag(&self) -> String {
        let state = format!("{} {} {}", self.finding.id, self.revision, self.status);
        blake3::hash(state.as_bytes()).to_hex()[..16].to_owned()
    }
}
