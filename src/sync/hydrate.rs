//! From the rows of a page to changes: with what was so before, why, and only of the cases that the filter chooses.

use std::collections::HashMap;

use super::Filter;
use super::change::{Change, Piece, What};
use super::lists::Raw;
use super::members;
use super::states;
use crate::domain::feed::ChangeReason;
use crate::domain::ids::{CaseId, FindingId, MarketId};
use crate::ingest::IngestError;
use crate::store::{FeedRecord, FeedVersion, FindingPast, TenantScope};

/// What a page needs besides its rows.
#[derive(Default)]
pub(super) struct Loaded {
    /// Versions of the cases concerned.
    pub(super) versions: HashMap<CaseId, Vec<FeedVersion>>,
    /// Activities that voids of the page take out.
    pub(super) targets: HashMap<String, FeedRecord>,
    /// Findings that changed.
    pub(super) pasts: HashMap<FindingId, FindingPast>,
}

/// The changes of a page, in order.
pub(super) async fn changes(
    scope: &TenantScope,
    market: &MarketId,
    filter: &Filter,
    rows: Vec<Raw>,
) -> Result<Vec<Piece>, IngestError> {
    let mut waiting = members::waiting(scope, market, filter, &rows).await?;
    let loaded = load(scope, market, filter, &rows, &waiting).await?;
    let mut changes = Vec::with_capacity(rows.len());
    if !filter.chooses_cases() {
        for raw in rows {
            changes.push(match raw {
                Raw::Run(run) => Piece::Run(run),
                raw => Piece::Change(change(raw, &loaded)?),
            });
        }
        return Ok(changes);
    }
    let entries = members::entries(filter, &loaded.versions)?;
    for raw in rows {
        let revision = raw.order().0;
        let entered = |case: &&CaseId| entries.get(*case).is_some_and(|since| *since <= revision);
        if !members::cases_of(&raw, &loaded).iter().any(entered) {
            continue;
        }
        if let Some((case, revision)) = members::brings_in(&raw, &loaded, &entries) {
            changes
                .extend(members::past_of(scope, market, filter, &case, revision).await?.into_iter().map(Piece::Change));
        }
        let mut change = change(raw, &loaded)?;
        members::narrow(&mut change, &entries, revision);
        if let What::Activity(row) = &change.what
            && let Some(mut void) = waiting.remove(row.id())
        {
            members::narrow(&mut void, &entries, revision);
            changes.push(Piece::Change(void));
        }
        if filter.wants(change.what.entity()) {
            changes.push(Piece::Change(change));
        }
    }
    Ok(changes)
}

async fn load(
    scope: &TenantScope,
    market: &MarketId,
    filter: &Filter,
    rows: &[Raw],
    waiting: &HashMap<String, Change>,
) -> Result<Loaded, IngestError> {
    let mut loaded = Loaded::default();
    let (mut targets, mut findings) = (Vec::new(), Vec::new());
    for raw in rows {
        match raw {
            Raw::Version(..) | Raw::Run(_) => {}
            Raw::Record(row, _) => targets.extend(row.target().map(str::to_owned)),
            Raw::Finding(_, id) => findings.push(*id),
        }
    }
    let found = scope.records_of(market, targets).await?;
    loaded.targets = found.into_iter().map(|row| (row.id().to_owned(), row)).collect();
    findings.sort_unstable();
    findings.dedup();
    loaded.pasts = scope.finding_pasts(market, &findings).await?;
    let mut cases: Vec<CaseId> = if filter.chooses_cases() {
        let of_waiting = waiting.values().flat_map(|void| void.what.cases());
        rows.iter().flat_map(|raw| members::cases_of(raw, &loaded)).chain(of_waiting).cloned().collect()
    } else {
        let version = |raw: &Raw| match raw {
            Raw::Version(row, true) => Some(row.case.clone()),
            _ => None,
        };
        rows.iter().filter_map(version).collect()
    };
    cases.sort_unstable();
    cases.dedup();
    loaded.versions = scope.versions_of(market, &cases).await?;
    Ok(loaded)
}

fn change(raw: Raw, loaded: &Loaded) -> Result<Change, IngestError> {
    let belated = None;
    Ok(match raw {
        Raw::Version(version, _) => {
            let (revision, recorded, leaf) = (version.revision, version.recorded, Some(version.leaf()));
            let (reason, previous) = before(&version, loaded);
            let what = What::Case { version, previous };
            Change { revision, recorded, reason, belated, leaf, what, outside: Vec::new() }
        }
        Raw::Run(_) => return Err(IngestError::internal("a run of activities is no change by itself")),
        Raw::Record(row, noted) => {
            let (revision, recorded, leaf) = (row.revision, row.recorded, Some(row.leaf()));
            let (usual, what) = match row.target() {
                Some(of) => {
                    // A target that is younger than the void was not there to be taken out.
                    let target = loaded.targets.get(of).filter(|old| old.revision <= revision);
                    let target = target.map(|old| Box::new(old.clone()));
                    (ChangeReason::Void, What::Void { void: row, target })
                }
                None => (ChangeReason::New, What::Activity(row)),
            };
            let reason = noted.unwrap_or(usual);
            Change { revision, recorded, reason, belated, leaf, what, outside: Vec::new() }
        }
        Raw::Finding(revision, id) => {
            let state = loaded.pasts.get(&id).and_then(|past| states::at(past, revision));
            let (row, reason, previous) =
                state.ok_or_else(|| IngestError::internal("a finding's change is in the feed and not in its past"))?;
            let (recorded, leaf) = (row.changed, states::leaf(&row));
            let what = What::Finding { row: Box::new(row), previous: previous.map(Box::new) };
            Change { revision, recorded, reason, belated, leaf, what, outside: Vec::new() }
        }
    })
}

/// Why a version came, and the one before it, of those that were known before it.
fn before(version: &FeedVersion, loaded: &Loaded) -> (ChangeReason, Option<Box<FeedVersion>>) {
    let known =
        |row: &&FeedVersion| (row.revision, row.version.as_str()) < (version.revision, version.version.as_str());
    let all = loaded.versions.get(&version.case).map_or(&[][..], Vec::as_slice);
    let known: Vec<&FeedVersion> = all.iter().filter(known).collect();
    let previous = known.iter().filter(|row| row.order() < version.order()).max_by(|a, b| a.order().cmp(&b.order()));
    let reason = if known.is_empty() {
        ChangeReason::New
    } else if known.iter().any(|row| row.order() > version.order()) {
        ChangeReason::LateFact
    } else {
        ChangeReason::CaseVersion
    };
    (reason, previous.map(|row| Box::new((*row).clone())))
}
