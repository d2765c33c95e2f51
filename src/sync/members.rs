//! Which cases a filtered feed tells of. Membership never ends: a case that was in a portfolio once stays in the copy,
//! and its newer versions say where it is.

use std::collections::HashMap;

use super::Filter;
use super::change::{Change, What};
use super::hydrate::Loaded;
use super::lists::Raw;
use super::states;
use crate::domain::case::CaseVersion;
use crate::domain::digest::Leaf;
use crate::domain::feed::{ChangeReason, SyncEntity};
use crate::domain::ids::{CaseId, MarketId};
use crate::domain::time::Timestamp;
use crate::ingest::IngestError;
use crate::store::{FeedRecord, FeedVersion, TenantScope};

impl Filter {
    /// Whether cases are chosen at all.
    pub(super) fn chooses_cases(&self) -> bool {
        !self.clients.is_empty() || !self.portfolios.is_empty()
    }

    pub(super) fn admits(&self, version: &CaseVersion) -> bool {
        let named =
            |names: &[String], name: Option<&String>| names.is_empty() || name.is_some_and(|name| names.contains(name));
        named(&self.clients, Some(&version.identity.creditor))
            && named(&self.portfolios, version.steering.portfolio.as_ref())
    }
}

/// The cases that a row concerns. Of a void they are its own and its target's, if that is on record.
pub(super) fn cases_of<'a>(raw: &'a Raw, loaded: &'a Loaded) -> Vec<&'a CaseId> {
    match raw {
        Raw::Version(row, _) => vec![&row.case],
        // Where cases are chosen, nothing is told as it is.
        Raw::Run(_) => Vec::new(),
        Raw::Record(row, _) => {
            let target = row.target().and_then(|target| loaded.targets.get(target));
            row.cases().iter().chain(target.map(FeedRecord::cases).unwrap_or_default()).collect()
        }
        Raw::Finding(_, id) => {
            loaded.pasts.get(id).and_then(|past| past.row.finding.case.as_ref()).into_iter().collect()
        }
    }
}

/// The revision at which each case enters the filter, of those that do.
pub(super) fn entries(
    filter: &Filter,
    versions: &HashMap<CaseId, Vec<FeedVersion>>,
) -> Result<HashMap<CaseId, u64>, IngestError> {
    let mut entries = HashMap::new();
    for (case, versions) in versions {
        let mut admitted: Option<u64> = None;
        for row in versions {
            if filter.admits(&row.read()?) {
                admitted = Some(admitted.map_or(row.revision, |first| first.min(row.revision)));
            }
        }
        if let Some(revision) = admitted {
            entries.insert(case.clone(), revision);
        }
    }
    Ok(entries)
}

/// Leaves out of a change what is not in the filter by a revision: the activity that it takes out, if none of its cases is, and
/// the ids of other cases. Who follows learns nothing of them. Of an unknown case it is not known that it is in the filter.
pub(super) fn narrow(change: &mut Change, entries: &HashMap<CaseId, u64>, revision: u64) {
    let entered = |case: &CaseId| entries.get(case).is_some_and(|since| *since <= revision);
    if let What::Void { target, .. } = &mut change.what
        && target.as_ref().is_some_and(|target| !target.cases().iter().any(entered))
    {
        *target = None;
    }
    change.outside = change.what.cases().filter(|case| !entered(case)).cloned().collect();
}

/// Whether this version brings its case in although older things of it are on record: those then come first.
pub(super) fn brings_in(raw: &Raw, loaded: &Loaded, entries: &HashMap<CaseId, u64>) -> Option<(CaseId, u64)> {
    let Raw::Version(row, _) = raw else { return None };
    let versions = loaded.versions.get(&row.case)?;
    let enters = entries.get(&row.case) == Some(&row.revision);
    let first_of_commit =
        !versions.iter().any(|other| other.revision == row.revision && other.version.as_str() < row.version.as_str());
    let older = versions.iter().any(|other| other.revision < row.revision);
    (enters && first_of_commit && older).then(|| (row.case.clone(), row.revision))
}

/// Everything about a case that was committed before a revision, oldest first, of findings the last state.
pub(super) async fn past_of(
    scope: &TenantScope,
    market: &MarketId,
    filter: &Filter,
    case: &CaseId,
    revision: u64,
) -> Result<Vec<Change>, IngestError> {
    let (versions, activities) = scope.case_feed(market, case).await?;
    let mut changes = Vec::new();
    for version in versions.into_iter().filter(|row| row.revision < revision) {
        let (at, recorded, leaf) = (version.revision, version.recorded, Some(version.leaf()));
        changes.push(told((at, revision), recorded, leaf, What::Case { version: Box::new(version), previous: None }));
    }
    // A void of what comes later is told with that.
    let before =
        |(row, voided): &&(FeedRecord, Option<u64>)| row.revision < revision && voided.is_some_and(|at| at < revision);
    let voided = activities.iter().filter(before);
    let voided = voided.map(|(row, _)| row.id().to_owned()).collect();
    let mut voids = scope.voids_of(market, voided).await?;
    let (own, activities): (Vec<_>, Vec<_>) =
        activities.into_iter().partition(|(row, _)| row.entity == SyncEntity::Void);
    // A void may name the case itself.
    let own = own.into_iter().map(|(row, _)| row).filter(|row| row.revision < revision);
    let own: Vec<FeedRecord> = own.filter(|row| voids.iter().all(|void| void.id() != row.id())).collect();
    voids.extend(own);
    let targets = voids.iter().filter_map(FeedRecord::target).map(str::to_owned).collect();
    let targets = scope.records_of(market, targets).await?;
    for void in voids {
        // As it is told where it stands: a target that is younger than the void was not there to be taken out.
        let found = targets.iter().find(|row| Some(row.id()) == void.target() && row.revision <= void.revision);
        let target = found.map(|row| Box::new(row.clone()));
        let (at, recorded, leaf) = (void.revision, void.recorded, Some(void.leaf()));
        let reason = ChangeReason::Void;
        let what = What::Void { void: Box::new(void), target };
        changes.push(Change { reason, ..told((at, revision), recorded, leaf, what) });
    }
    for (row, _) in activities.into_iter().filter(|(row, _)| row.revision < revision) {
        let (at, recorded, leaf) = (row.revision, row.recorded, Some(row.leaf()));
        changes.push(told((at, revision), recorded, leaf, What::Activity(Box::new(row))));
    }
    let ids = scope.finding_ids_of(market, vec![case.to_string()]).await?;
    for past in scope.finding_pasts(market, &ids).await?.values() {
        if let Some((row, reason, _)) = states::before(past, revision) {
            let (at, recorded, leaf) = (row.revision, row.changed, states::leaf(&row));
            let what = What::Finding { row: Box::new(row), previous: None };
            changes.push(Change { reason, ..told((at, revision), recorded, leaf, what) });
        }
    }
    changes.retain(|change| filter.wants(change.what.entity()));
    let mut named: Vec<CaseId> = changes.iter().flat_map(|change| change.what.cases()).cloned().collect();
    named.sort_unstable();
    named.dedup();
    let entries = entries(filter, &scope.versions_of(market, &named).await?)?;
    for change in &mut changes {
        narrow(change, &entries, revision);
    }
    changes.sort_by_key(|change| (change.revision, change.what.entity()));
    Ok(changes)
}

/// A change of one revision that is told belatedly, at another.
const fn told((revision, told_at): (u64, u64), recorded: Timestamp, leaf: Option<Leaf>, what: What) -> Change {
    Change { revision, recorded, reason: ChangeReason::New, belated: Some(told_at), leaf, what, outside: Vec::new() }
}

/// Voids that came before these activities, by target: without the activity, nobody could tell whom they concern.
pub(super) async fn waiting(
    scope: &TenantScope,
    market: &MarketId,
    filter: &Filter,
    rows: &[Raw],
) -> Result<HashMap<String, Change>, IngestError> {
    let mut found = HashMap::new();
    if !filter.wants(SyncEntity::Void) {
        return Ok(found);
    }
    let mut revisions: HashMap<&str, u64> = HashMap::new();
    for raw in rows {
        if let Raw::Record(row, _) = raw
            && row.target().is_none()
        {
            revisions.insert(row.id(), row.revision);
        }
    }
    let targets = revisions.keys().map(|id| (*id).to_owned()).collect();
    for void in scope.voids_of(market, targets).await? {
        let Some(of) = void.target().map(str::to_owned) else { continue };
        let arrived = revisions.get(of.as_str()).copied().filter(|arrived| void.revision < *arrived);
        if let Some(arrived) = arrived {
            let (revision, recorded, leaf) = (void.revision, void.recorded, Some(void.leaf()));
            let what = What::Void { void: Box::new(void), target: None };
            let reason = ChangeReason::Void;
            found.insert(of, Change { reason, ..told((revision, arrived), recorded, leaf, what) });
        }
    }
    Ok(found)
}
