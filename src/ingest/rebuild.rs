//! Everything derived in a market is derived anew, in one commit: see [`super::rederive`] for when. KPI definitions that
//! changed are filled in the background ([`super::filling`]) unless this comes first.

use std::collections::HashMap;
use std::sync::Arc;

use super::IngestError;
use super::definitions::{Defined, row_of};
use super::derive::Effects;
use super::person_logs::Needs;
use super::rosters::is_roster;
use super::turns::{Turns, aside};
use super::writing::{Writing, is_void, start};
use crate::domain::finding::FindingStatus;
use crate::domain::ids::CaseId;
use crate::domain::time::Timestamp;
use crate::kpi::{Catalogue, Delta};
use crate::ledger::{market_facts, roster_facts};
use crate::store::CellRow;

/// Cases read at a time.
const CHUNK: u32 = 500;

/// Derives the whole market anew under the lock that `writing` holds. Findings that no longer stand are withdrawn with
/// the reason `rule_change`; those that stand unchanged keep their revision.
/// Cells follow the process's own KPI definitions from then on, for they are counted anew in any case.
pub(super) async fn run(writing: &mut Writing<'_>, own: &Arc<Catalogue>) -> Result<(), IngestError> {
    tracing::info!(market = %writing.market.key.market, "rules or settings changed: deriving the market anew");
    writing.tx.clear_cells().await?;
    writing.tx.end_filling().await?;
    let markets = writing.context.markets;
    let kept = Defined::all(own);
    let loaded = markets.keeping.loaded(own, writing.recorded);
    writing.tx.put_kept(&row_of(own, loaded, &kept.series)?).await?;
    writing.follow(markets.keeping.note(writing.context.key, kept));
    let mut after = String::new();
    loop {
        let cases = writing.tx.case_ids(&after, CHUNK).await?;
        let Some(last) = cases.last() else { break };
        after = last.as_str().to_owned();
        chunk(writing, &cases, Counted::All).await?;
        // What comes after in this commit reads them again.
        let dues = std::mem::take(&mut writing.dues);
        writing.tx.upsert_dues(writing.revision, dues).await?;
    }
    let mut rosters = Vec::new();
    for stored in writing.tx.market_wide_activities(None).await? {
        if stored.voided.is_none() && !is_void(&stored.activity) {
            let mut effects = Effects::default();
            market_facts(&writing.market, &stored.activity, &mut effects.facts);
            writing.take(effects, "rule_change");
            if is_roster(&stored.activity) {
                rosters.push(stored.activity);
            }
        }
    }
    let mut effects = Effects::default();
    roster_facts(&writing.market, rosters.iter(), &mut effects.facts);
    writing.take(effects, "rule_change");
    super::checks::recount(writing).await?;
    // As they are stored: what this commit changes of them comes beside the cells, with its revision.
    writing.tell_all_findings().await?;
    let recount = std::mem::replace(&mut writing.delta, Delta::new());
    let cells = recount.blocks().into_iter().map(|(key, block)| CellRow {
        series: key.series,
        grain: key.grain.code(),
        period: key.period,
        body: block.encode(),
    });
    let before = writing.revision - 1;
    writing.tx.merge_cells(cells.collect(), before).await?;
    start(writing.context.state, &writing.tx, &writing.ground).await?;
    writing.stored = true;
    Ok(())
}

/// What of some cases is told anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    /// Facts and findings: nothing of them is in the cells.
    All,
    /// Findings: no cells count what is another fact now.
    Findings,
}

/// Derives some cases anew: findings that no longer stand are withdrawn, and timers are queued as they are now.
pub(super) async fn chunk(writing: &mut Writing<'_>, cases: &[CaseId], counted: Counted) -> Result<(), IngestError> {
    let histories = writing.tx.case_histories(cases).await?;
    let mut needs = Needs::default();
    for history in histories.values() {
        needs.join(writing.needs_of(history, Timestamp(i64::MIN)));
    }
    let logs = writing.stored_logs(needs, u64::MAX).await?;
    let ids = cases.iter().map(|case| case.as_str().to_owned()).collect();
    let mut stood: HashMap<_, _> = writing
        .tx
        .findings_of(ids)
        .await?
        .into_iter()
        .filter(|row| row.status != FindingStatus::Withdrawn)
        .map(|row| (row.finding.id, row.finding))
        .collect();
    let mut turns = Turns::begin();
    for history in histories.values() {
        turns.give_way().await;
        let derived = aside(history.activities.len(), || writing.refold(history, u64::MAX, &logs));
        let Some((mut entry, mut effects)) = derived else { continue };
        // Other rules have other timers.
        let next = entry.ahead(&writing.env()).map_or_else(|| entry.next_due(), |(ahead, _)| ahead.next_due());
        let case = entry.current().case.clone();
        writing.queue_due(&case, &mut entry, next, false);
        effects.findings.retain(|id, finding| stood.remove(id).as_ref() != Some(finding));
        if counted == Counted::Findings {
            effects.facts.clear();
        }
        writing.take(effects, "rule_change");
        if counted == Counted::Findings && writing.context.state.case(&case).is_some() {
            // It knows when its next timer is stored to be due.
            writing.updated.push((case, Arc::new(entry)));
        }
    }
    stood.into_keys().for_each(|id| writing.close(id, "rule_change"));
    Ok(())
}
