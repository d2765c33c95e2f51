//! Tallies of what is told under one policy of sharing, and the revision that they stand at.
//!
//! Rows and mark change together, and only from the mark that a count began at: of two servers that count the same changes one
//! is late and changes nothing.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{ConnectionTrait, Value};

use super::bulk::{Bulk, Column, text_set};
use super::digests::{ALL_DAYS, packed, place, unpacked};
use super::{StoreError, TenantScope, backend};
use crate::domain::digest::{Place, Tallies, Tally};
use crate::domain::ids::MarketId;
use crate::domain::time::Timestamp;

/// How far the changes of a market were counted under a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerMark {
    /// The way of counting.
    pub version: String,
    /// Everything up to this revision is counted.
    pub through: u64,
    /// When that was recorded; `None` if it was only passed on the way to a newer one.
    pub recorded: Option<Timestamp>,
}

impl TenantScope {
    /// The mark of a policy, and its tallies of these days (both ends inclusive), or the sums of all days where none are named,
    /// of one instant. No mark: nothing was counted yet.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn partner_tallies(
        &self,
        market: &MarketId,
        policy: &str,
        days: Option<(i32, i32)>,
    ) -> Result<Option<(PartnerMark, BTreeMap<Place, Tally>)>, StoreError> {
        let (from, to) = days.unwrap_or((ALL_DAYS, ALL_DAYS));
        // One statement sees one instant on both databases.
        let sql =
            "SELECT 'mark' AS what, '' AS entity, recorded_at AS day, through, version, NULL AS body FROM partner_mark
             WHERE tenant_id = $1 AND market_id = $2 AND policy = $3
             UNION ALL SELECT 'day' AS what, entity, day, 0 AS through, '' AS version, body FROM partner_digest
             WHERE tenant_id = $1 AND market_id = $2 AND policy = $3 AND day >= $4 AND day <= $5";
        let values: [Value; 3] = [policy.into(), i64::from(from).into(), i64::from(to).into()];
        let (mut mark, mut tallies) = (None, BTreeMap::new());
        for row in self.reader().query_all_raw(self.statement(market, sql, values)).await? {
            if row.try_get::<String>("", "what")? == "mark" {
                let recorded = Timestamp(row.try_get("", "day")?);
                mark = Some(PartnerMark {
                    version: row.try_get("", "version")?,
                    through: row.try_get::<i64>("", "through")?.cast_unsigned(),
                    recorded: (recorded.0 != 0).then_some(recorded),
                });
                continue;
            }
            let tally: Tally = unpacked(&row)?;
            if !tally.is_empty() {
                tallies.insert(place(&row)?, tally);
            }
        }
        Ok(mark.map(|mark| (mark, tallies)))
    }

    /// Begins to count under a policy: whatever was counted under it is forgotten, and what was counted under policies that are
    /// none of `known` any more.
    ///
    /// # Errors
    /// The database is away.
    pub async fn begin_partner(
        &self,
        market: &MarketId,
        policy: &str,
        version: &str,
        known: &[String],
    ) -> Result<(), StoreError> {
        let transaction = backend::begin(&self.store, &self.tenant).await?;
        let sql = "SELECT policy FROM partner_mark WHERE tenant_id = $1 AND market_id = $2";
        let rows = transaction.query_all_raw(self.statement(market, sql, [])).await?;
        let mut gone = vec![policy.to_owned()];
        for row in rows {
            let other: String = row.try_get("", "policy")?;
            if !known.contains(&other) {
                gone.push(other);
            }
        }
        // The mark first: a count under it that is under way elsewhere then ends, or is waited for.
        for table in ["partner_mark", "partner_digest"] {
            let (set, bind) = text_set(self.store.backend, 3, gone.clone());
            let sql = format!("DELETE FROM {table} WHERE tenant_id = $1 AND market_id = $2 AND policy {set}");
            transaction.execute_raw(self.statement(market, &sql, [bind])).await?;
        }
        let sql = "INSERT INTO partner_mark (tenant_id, market_id, policy, version, through, recorded_at)
                   VALUES ($1, $2, $3, $4, 0, 0) ON CONFLICT DO NOTHING";
        transaction.execute_raw(self.statement(market, sql, [policy.into(), version.into()])).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Adds what changed between two marks of a policy. False if it does not stand at the first one any more: nothing changes.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn advance_partner(
        &self,
        market: &MarketId,
        policy: &str,
        from: &PartnerMark,
        (through, recorded): (u64, Option<Timestamp>),
        mut sum: Tallies,
    ) -> Result<bool, StoreError> {
        for ((entity, _), tally) in sum.0.clone() {
            sum.0.entry((entity, ALL_DAYS)).or_default().add(&tally);
        }
        let transaction = backend::begin(&self.store, &self.tenant).await?;
        let sql = "UPDATE partner_mark SET through = $3, recorded_at = $4
                   WHERE tenant_id = $1 AND market_id = $2 AND policy = $5 AND version = $6 AND through = $7";
        let values: [Value; 5] = [
            through.cast_signed().into(),
            recorded.map_or(0, |recorded| recorded.0).into(),
            policy.into(),
            from.version.as_str().into(),
            from.through.cast_signed().into(),
        ];
        if transaction.execute_raw(self.statement(market, sql, values)).await?.rows_affected() != 1 {
            transaction.rollback().await?;
            return Ok(false);
        }
        let days = sum.0.keys().map(|(_, day)| *day).filter(|day| *day != ALL_DAYS);
        let (first, last) = (days.clone().min().unwrap_or(0), days.max().unwrap_or(-1));
        let sql = "SELECT entity, day, body FROM partner_digest WHERE tenant_id = $1 AND market_id = $2 AND policy = $3
                   AND (day = $4 OR (day >= $5 AND day <= $6))";
        let values: [Value; 4] =
            [policy.into(), i64::from(ALL_DAYS).into(), i64::from(first).into(), i64::from(last).into()];
        for row in transaction.query_all_raw(self.statement(market, sql, values)).await? {
            if let Some(tally) = sum.0.get_mut(&place(&row)?) {
                tally.add(&unpacked(&row)?);
            }
        }
        let columns = vec![
            ("policy", Column::Text(vec![policy.to_owned(); sum.0.len()])),
            ("entity", Column::Text(sum.0.keys().map(|(entity, _)| entity.as_str().to_owned()).collect())),
            ("day", Column::Int(sum.0.keys().map(|(_, day)| i64::from(*day)).collect())),
            ("body", Column::Bytes(sum.0.values().map(packed).collect::<Result<_, _>>()?)),
        ];
        let tail = "ON CONFLICT (tenant_id, market_id, policy, day, entity) DO UPDATE SET body = excluded.body";
        let (table, tenant) = ("partner_digest", self.tenant.as_str());
        let bulk = Bulk { table, tenant, market: market.as_str(), columns, tail };
        bulk.run(&transaction, self.store.backend).await?;
        self.store.space.as_ref().map_or(Ok(()), |space| space.check())?;
        transaction.commit().await?;
        Ok(true)
    }

    /// A revision up to which there are about so many changes behind another one, and no more than `through`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn feed_bound(
        &self,
        market: &MarketId,
        behind: u64,
        through: u64,
        changes: u32,
    ) -> Result<u64, StoreError> {
        let lists = ["case_version", "activity", "finding", "finding_past", "finding_update"].map(|table| {
            format!(
                "SELECT revision FROM (SELECT revision FROM {table} WHERE tenant_id = $1 AND market_id = $2
                 AND revision > $3 AND revision <= $4 ORDER BY revision LIMIT 1 OFFSET {changes}) AS of_{table}"
            )
        });
        let sql = format!("SELECT MIN(revision) AS revision FROM ({}) AS bounds", lists.join(" UNION ALL "));
        let values: [Value; 2] = [behind.cast_signed().into(), through.cast_signed().into()];
        let row = self.reader().query_one_raw(self.statement(market, &sql, values)).await?;
        let over: Option<i64> = row.map(|row| row.try_get("", "revision")).transpose()?.flatten();
        // A commit is never cut.
        let before = |over: i64| over.cast_unsigned().saturating_sub(1).max(behind.saturating_add(1));
        Ok(over.map_or(through, before).min(through))
    }

    /// Of these activities, those that are void: by which void, since which revision.
    ///
    /// # Errors
    /// The database is away.
    pub async fn voidings(
        &self,
        market: &MarketId,
        targets: Vec<String>,
    ) -> Result<HashMap<String, (String, u64)>, StoreError> {
        if targets.is_empty() {
            return Ok(HashMap::new());
        }
        let (set, bind) = text_set(self.store.backend, 3, targets);
        let sql = format!(
            "SELECT target_id, void_id, revision FROM void WHERE tenant_id = $1 AND market_id = $2 AND target_id {set}"
        );
        let rows = self.reader().query_all_raw(self.statement(market, &sql, [bind])).await?;
        rows.iter()
            .map(|row| {
                let revision = row.try_get::<i64>("", "revision")?.cast_unsigned();
                Ok((row.try_get("", "target_id")?, (row.try_get("", "void_id")?, revision)))
            })
            .collect()
    }
}
