//! KPI questions, answered from cells and the deltas that wait to be merged into them.

use std::sync::Arc;

use super::cells::Stretch;
use super::{Query, Reading};
use crate::domain::ids::MarketId;
use crate::domain::principal::Principal;
use crate::domain::time::Timestamp;
use crate::ingest::{IngestError, Work, corrupt_cell};
use crate::kpi::{self, Answer, BlockRange, KpiInfo};

/// The answer to a KPI question.
#[derive(Debug, Clone)]
pub struct KpiAnswer {
    /// The figures.
    pub answer: Answer,
    /// Revision that they stand on.
    pub revision: u64,
    /// Timers due up to here have been fired.
    pub settled_to: Timestamp,
    /// Digest of the definitions.
    pub catalogue_digest: String,
}

impl Query {
    /// What KPIs there are.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub fn list_kpis(&self, who: &Principal, market: &MarketId) -> Result<Vec<KpiInfo>, IngestError> {
        Ok(self.open(who, market)?.catalogue.list().cloned().collect())
    }

    /// Answers a question about KPIs, with every timer up to now fired.
    ///
    /// # Errors
    /// The question is wrong or outside what is declared, or see [`IngestError`].
    pub async fn query_kpis(
        &self,
        who: &Principal,
        market: &MarketId,
        query: &kpi::Query,
    ) -> Result<KpiAnswer, IngestError> {
        let reading = self.open(who, market)?;
        let plan = reading.catalogue.plan(query).map_err(|error| {
            let reason = if error.undeclared { "KPI_DIMENSIONS_NOT_DECLARED" } else { "INVALID_KPI_QUERY" };
            IngestError::Question { message: error.to_string(), reason, violations: error.violations }
        })?;
        let settled_to = self.markets.clock().now();
        let (revision, stretches) = self.stretches(&reading, &plan.ranges(), settled_to).await?;
        let blocks = stretches.iter().flat_map(|stretch| stretch.blocks());
        Ok(KpiAnswer {
            answer: plan.answer(blocks).map_err(|error| corrupt_cell(&error))?,
            revision,
            settled_to,
            catalogue_digest: reading.catalogue.digest().to_owned(),
        })
    }

    /// The cells of these ranges with every timer up to `until` fired, and the revision that they stand on.
    async fn stretches(
        &self,
        reading: &Reading,
        ranges: &[BlockRange],
        until: Timestamp,
    ) -> Result<(u64, Vec<Arc<Stretch>>), IngestError> {
        let (scope, key) = (&reading.scope, &reading.key);
        if let Some((head, due)) = scope.pulse(&key.market).await? {
            let changed =
                head.catalogue_digest != reading.catalogue.digest() || head.rules_digest != reading.rules.digest();
            let work = if due.is_some_and(|due| due <= until) {
                Some(Work::Settle(until))
            } else if changed && head.revision > 0 {
                // The definitions changed since the cells were written: any write derives the market anew first.
                Some(Work::Load(Vec::new(), Vec::new()))
            } else {
                None
            };
            match work {
                Some(work) => {
                    self.markets.submit(key, work).await?;
                }
                None => {
                    if let Some(kept) = self.cells.kept(key, ranges, &head) {
                        return Ok((head.revision, kept));
                    }
                }
            }
        }
        let (head, stretches) = self.cells.read(scope, key, ranges).await?;
        Ok((head.map_or(0, |head| head.revision), stretches))
    }
}
