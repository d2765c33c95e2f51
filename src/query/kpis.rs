//! KPI questions, answered from cells and the deltas that wait to be merged into them.

use super::Query;
use crate::domain::ids::MarketId;
use crate::domain::principal::Principal;
use crate::domain::time::Timestamp;
use crate::ingest::IngestError;
use crate::kpi::{self, Answer, Block, BlockKey, CellGrain, DecodeError, Delta, KpiInfo};

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
        let settled_to = self.settle(&reading).await?;
        let mut view = reading.scope.cell_view(market).await?;
        let mut head = view.head().await?;
        let stale = |head: &crate::store::MarketHead| {
            head.revision > 0
                && (head.catalogue_digest != reading.catalogue.digest() || head.rules_digest != reading.rules.digest())
        };
        if head.as_ref().is_some_and(stale) {
            // The definitions changed since the cells were written: any write derives the market anew first.
            view.close().await;
            self.markets.submit(&reading.key, crate::ingest::Work::Load(Vec::new(), Vec::new())).await?;
            view = reading.scope.cell_view(market).await?;
            head = view.head().await?;
        }
        let mut blocks: Vec<(BlockKey, Block)> = Vec::new();
        let ranges = plan.ranges();
        for range in &ranges {
            for row in view.cells(range.series, range.grain.code(), range.from, range.to).await? {
                let key = BlockKey { series: range.series, grain: range.grain, period: row.period };
                blocks.push((key, Block::decode(&row.body).map_err(|error| corrupt(&error))?));
            }
        }
        let mut waiting = Delta::new();
        for row in view.deltas().await? {
            waiting.merge(&Delta::decode(&row.body).map_err(|error| corrupt(&error))?);
        }
        view.close().await;
        let wanted = |key: &BlockKey| {
            ranges.iter().any(|range| {
                range.series == key.series
                    && same(range.grain, key.grain)
                    && (range.from..range.to).contains(&key.period)
            })
        };
        blocks.extend(waiting.blocks_where(wanted));
        let answer = plan.answer(blocks.iter().map(|(key, block)| (*key, block))).map_err(|error| corrupt(&error))?;
        Ok(KpiAnswer {
            answer,
            revision: head.map_or(0, |head| head.revision),
            settled_to,
            catalogue_digest: reading.catalogue.digest().to_owned(),
        })
    }
}

fn same(a: CellGrain, b: CellGrain) -> bool {
    a.code() == b.code()
}

fn corrupt(error: &DecodeError) -> IngestError {
    crate::ingest::corrupt_cell(error)
}
