//! Rules changed, or the market's own settings: what is derived of its history is derived anew. A small market at once, in the
//! commit that comes upon it ([`super::rebuild`]); a larger one in portions, while it is written and asked.
//!
//! From the first commit on everything is judged by what holds now: it forgets what memory held, says in the market's row what
//! facts rest on, and gives up the cells whose facts are others now. Each portion then takes some cases in the order of their
//! ids, derives them, and brings their findings and timers from what they were to what they are. A commit that comes between
//! does the same for what it changes of a case, on both sides of the change by the new rules; what it leaves, the portion
//! finds. So it does not matter how often a case is taken, nor by which server. When all cases are done, the cells that were
//! given up are missing as those of new definitions are, and are filled ([`super::filling`]).

use std::sync::Arc;

use super::IngestError;
use super::definitions::{Defined, row_of};
use super::ground::differ_by_rules_alone;
use super::group::GroupContext;
use super::rebuild::{self, Counted};
use super::writer::guarded;
use super::writing::{Writing, start};
use crate::kpi::Catalogue;
use crate::store::{Definitions, DerivingRow};

/// Derives the market anew under the lock that `writing` holds, or begins to. `known` says whether this program reads the
/// definitions that the cells follow.
pub(super) async fn run(writing: &mut Writing<'_>, own: &Arc<Catalogue>, known: bool) -> Result<(), IngestError> {
    let at_once = writing.context.markets.limits().derive_at_once;
    if writing.tx.count_activities(at_once.saturating_add(1)).await? <= u64::from(at_once) {
        writing.tx.end_deriving().await?;
        rebuild::run(writing, own).await
    } else {
        begin(writing, own, known).await
    }
}

async fn begin(writing: &mut Writing<'_>, own: &Arc<Catalogue>, known: bool) -> Result<(), IngestError> {
    let markets = writing.context.markets;
    let total = writing.tx.count_cases().await?;
    tracing::info!(market = %writing.market.key.market, cases = total, "rules or settings changed: the market is derived anew");
    let found = writing.tx.definitions().await?.kept;
    let rules_alone = known && differ_by_rules_alone(&writing.tx.head.rules_digest, &writing.ground.mark);
    let lesser = match found.filter(|_| rules_alone) {
        Some(row) => Defined::but_for_rules(&row, own)?,
        None => None,
    };
    let row = match lesser {
        Some(row) => row,
        None => row_of(own, markets.keeping.loaded(own, writing.recorded), &Default::default())?,
    };
    writing.tx.end_filling().await?;
    writing.tx.put_kept(&row).await?;
    let kept = Definitions { kept: Some(row), filling: None };
    if let Some(kept) = Defined::of(&kept, "", own)? {
        writing.follow(markets.keeping.note(writing.context.key, kept));
    }
    let row = DerivingRow {
        ground: writing.ground.mark.clone(),
        place: String::new(),
        done: 0,
        total,
        started: writing.recorded,
        error: String::new(),
        error_at: None,
    };
    writing.tx.put_deriving(&row).await?;
    start(writing.context.state, &writing.tx, &writing.ground).await?;
    writing.stored = true;
    markets.note_begun(writing.context.key);
    metrics::counter!("fairdue_derivations_total", "outcome" => "begun").increment(1);
    Ok(())
}

/// Derives the next cases, if the market is being derived anew by this server's rules. A failure is noted where everybody sees
/// it, and concerns nobody who shares the commit before.
pub(super) async fn portion(context: &GroupContext<'_>) {
    let Err(error) = guarded(try_portion(context)).await else { return };
    // It may have been committed although its answer was lost: remember nothing.
    context.state.forget();
    if matches!(error, IngestError::Superseded(_)) {
        return;
    }
    tracing::warn!(market = %context.key.market, %error, "cases were not derived anew; it is tried again");
    metrics::counter!("fairdue_derivations_total", "outcome" => "failed").increment(1);
    if let Err(error) = note(context, &error).await {
        tracing::warn!(market = %context.key.market, %error, "a failure could not be noted");
    }
}

async fn try_portion(context: &GroupContext<'_>) -> Result<(), IngestError> {
    let mut writing = Writing::begin(context).await?;
    let row = writing.tx.deriving().await?.filter(|row| row.ground == writing.ground.mark);
    let Some(mut row) = row else { return writing.commit_in_place().await };
    let cases = writing.tx.case_ids(&row.place, context.markets.limits().derive_cases).await?;
    if let Some(last) = cases.last() {
        rebuild::chunk(&mut writing, &cases, Counted::Findings).await?;
        last.as_str().clone_into(&mut row.place);
        row.done += u64::try_from(cases.len()).unwrap_or(u64::MAX);
        row.total = row.total.max(row.done);
        (row.error, row.error_at) = (String::new(), None);
        writing.tx.put_deriving(&row).await?;
    } else {
        tracing::info!(market = %context.key.market, cases = row.done, "the market is derived anew");
        metrics::counter!("fairdue_derivations_total", "outcome" => "ended").increment(1);
        writing.tx.end_deriving().await?;
    }
    metrics::counter!("fairdue_derived_cases_total").increment(cases.len() as u64);
    if writing.changes() { writing.commit().await.map(|_| ()) } else { writing.commit_in_place().await }
}

async fn note(context: &GroupContext<'_>, error: &IngestError) -> Result<(), IngestError> {
    let tx = context.markets.store.scope(&context.key.tenant).begin(&context.key.market).await?;
    let Some(row) = tx.deriving().await? else {
        tx.rollback().await;
        return Ok(());
    };
    let error_at = Some(context.markets.clock.now());
    tx.put_deriving(&DerivingRow { error: error.to_string(), error_at, ..row }).await?;
    let head = tx.head.clone();
    Ok(tx.commit(&head).await?)
}
