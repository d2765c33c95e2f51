//! Sums of facts as they are stored.

use super::summed::Summed;
use super::{Query, Reading};
use crate::domain::fact::FactKind;
use crate::domain::facts::Kinds;
use crate::domain::time::Timestamp;
use crate::ingest::{IngestError, View, untold};
use crate::kpi::{COLUMNS_FORM, CellGrain, Columns};
use crate::store::{SumRow, SumsRow};

/// What stored sums rest on.
fn form(ground: &str) -> String {
    format!("{ground} {COLUMNS_FORM}")
}

/// A kind that a grain has no sums of.
fn lacking(grain: CellGrain, kind: FactKind) -> String {
    format!("{grain}:{kind}")
}

impl Query {
    /// What is stored of these kinds by this grain; nothing if it rests on another ground.
    pub(super) async fn stored_sums(
        &self,
        reading: &Reading,
        grain: CellGrain,
        kinds: Kinds,
    ) -> Result<Option<Summed>, IngestError> {
        let words = FactKind::ALL.iter().filter(|kind| kinds.has(**kind)).map(ToString::to_string).collect();
        let found = reading.scope.fact_sums(&reading.key.market, grain.code(), words).await?;
        let Some((head, rows)) = found.filter(|(head, _)| head.ground == form(&reading.ground)) else {
            return Ok(None);
        };
        let (ground, damaged) = (reading.ground.clone(), head.clone());
        let read = tokio::task::spawn_blocking(move || read(grain, kinds, &ground, &head, &rows));
        let summed = read.await.map_err(|_| untold())?;
        if summed.is_none() {
            tracing::warn!(market = %reading.key.market, "stored sums of facts are damaged: the history is told instead");
            // So that they are told anew when the market is next looked at.
            reading.scope.disown_fact_sums(&reading.key.market, &damaged).await?;
        }
        Ok(summed)
    }
}

fn read(grain: CellGrain, kinds: Kinds, ground: &str, head: &SumsRow, rows: &[SumRow]) -> Option<Summed> {
    let view = View { known: head.known, now: head.settled, until: Timestamp(i64::MAX) };
    let decode = |row: &SumRow| Columns::decode(FactKind::parse(&row.kind)?, &row.body).ok();
    let sums = rows.iter().map(decode).collect::<Option<Vec<Columns>>>()?;
    let lacks = |kind: &FactKind| head.left_out.contains(&lacking(grain, *kind));
    let left_out = FactKind::ALL.iter().copied().filter(lacks).collect();
    let mut summed = Summed::stored(grain, kinds, ground, view, sums);
    summed.left_out = left_out;
    Some(summed)
}

/// What is to be stored of sums of every kind instead of what is; no rows where those may stay.
///
/// # Errors
/// There is no memory to pack them.
pub(super) fn rows(all: &[Summed], seen: &SumsRow) -> Result<(SumsRow, Option<Vec<SumRow>>), IngestError> {
    let mut head = SumsRow { left_out: Vec::new(), ..seen.clone() };
    let mut rows = Vec::new();
    for summed in all {
        head.ground = form(&summed.ground);
        (head.known, head.settled) = (summed.view.known, summed.view.now);
        let sums = summed.together();
        let lost = summed.left_out.with(sums.left_out().iter().copied().collect());
        let lost = FactKind::ALL.iter().filter(|kind| lost.has(**kind));
        head.left_out.extend(lost.map(|kind| lacking(summed.grain, *kind)));
        for (kind, columns) in sums.columns() {
            let body = columns.encode().map_err(|error| IngestError::internal(&error.to_string()))?;
            rows.push(SumRow { grain: summed.grain.code(), kind: kind.as_str().to_owned(), body });
        }
    }
    let stay = all.iter().all(|summed| summed.is_as_stored) && head.left_out == seen.left_out;
    Ok((head, (!stay).then_some(rows)))
}
