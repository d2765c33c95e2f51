//! What answers KPI questions of a market: the definitions in force, or while their cells are being filled those before them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::cells::Stretch;
use super::kpis::refused;
use super::{Query, Reading};
use crate::domain::error_kind::ErrorKind;
use crate::domain::ids::MarketId;
use crate::domain::market::MarketKey;
use crate::domain::principal::Principal;
use crate::domain::time::Timestamp;
use crate::ingest::{Defined, IngestError, Work};
use crate::kpi::{BlockRange, Catalogue, KpiInfo, Plan, QueryError, Stand, Standing};

/// Looks at the definitions that may be overtaken by changes of them.
const TRIES: u32 = 8;

/// What answers in one market.
#[derive(Debug)]
pub(super) struct Following {
    /// The mark that the market's row bears while this holds.
    pub(super) marker: String,
    /// The definitions in force in this process.
    own: Arc<Catalogue>,
    /// Digest of those that the cells follow.
    former: String,
    pub(super) standing: Standing,
}

/// What cells are read for.
pub(super) trait Planned {
    /// The ranges of its cells, in its order.
    fn ranges(&self) -> Vec<BlockRange>;
}

impl Planned for Plan {
    fn ranges(&self) -> Vec<BlockRange> {
        Self::ranges(self)
    }
}

impl Planned for Vec<Plan> {
    fn ranges(&self) -> Vec<BlockRange> {
        self.iter().flat_map(Plan::ranges).collect()
    }
}

/// What this process knows of the markets.
pub(super) type Followed = Arc<Mutex<HashMap<MarketKey, Arc<Following>>>>;

/// A KPI whose cells are not filled yet, and how far they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KpiFilling {
    /// The KPI.
    pub kpi: String,
    /// Which definition answers until then.
    pub stand: Stand,
    /// Digest of the former definitions, where one of them answers.
    pub former_digest: Option<String>,
    /// Records told again.
    pub done: u64,
    /// Records to be told.
    pub total: u64,
    /// When it began; `None` if it has not.
    pub since: Option<Timestamp>,
    /// What the last failure was, if any since the last step.
    pub error: String,
    /// When.
    pub error_at: Option<Timestamp>,
}

impl Following {
    /// Of a figure, what decides by which definition it is told.
    pub(super) fn digest_of(&self, kpi: &str) -> String {
        match self.standing.unready.get(kpi) {
            Some(Stand::Former) => format!("{} {}", self.former, self.own.digest()),
            Some(Stand::Current) | None => self.own.digest().to_owned(),
        }
    }
}

impl Query {
    /// What answers in a market: as this process knows, or (`newest`) as the database says now.
    ///
    /// # Errors
    /// The database is away, or definitions change all the time.
    pub(super) async fn following(&self, reading: &Reading, newest: bool) -> Result<Arc<Following>, IngestError> {
        let known = self.followed.lock().unwrap_or_else(PoisonError::into_inner).get(&reading.key).cloned();
        let known = known.filter(|known| Arc::ptr_eq(&known.own, &reading.catalogue));
        if let Some(known) = known.as_ref().filter(|_| !newest) {
            return Ok(Arc::clone(known));
        }
        let (scope, key, own) = (&reading.scope, &reading.key, &reading.catalogue);
        for _ in 0..TRIES {
            let head = scope.head(&key.market).await?;
            let marker = head.as_ref().map_or("", |head| head.catalogue_digest.as_str());
            if let Some(known) = known.as_ref().filter(|known| known.marker == marker) {
                return Ok(Arc::clone(known));
            }
            let keeping = self.markets.keeping();
            let kept = match keeping.get(key).filter(|kept| kept.marker == marker) {
                // Nothing was ever written: whoever writes first will say what holds.
                _ if head.as_ref().is_none_or(|head| head.revision == 0) => Arc::new(Defined::all(own)),
                Some(kept) => kept,
                None => match Defined::of(&scope.definitions(&key.market).await?, marker, own)? {
                    Some(kept) if kept.marker == marker => keeping.note(key, kept),
                    // Read while it was changed.
                    Some(_) => continue,
                    None => {
                        // Kept by an earlier version, by other definitions: any write derives the market anew first.
                        self.markets.submit(key, Work::Load(Vec::new(), Vec::new())).await?;
                        continue;
                    }
                },
            };
            let following = Arc::new(Following {
                marker: marker.to_owned(),
                own: Arc::clone(own),
                former: kept.whole.digest().to_owned(),
                standing: own.standing(Some(&kept.whole), &kept.series),
            });
            let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
            followed.insert(key.clone(), Arc::clone(&following));
            return Ok(following);
        }
        Err(changing())
    }

    /// Plans a question, or several, by the definitions that answer now, and reads the cells that the plan names at one
    /// revision.
    ///
    /// # Errors
    /// The outer: see [`IngestError`]. The inner: what is wrong with the question.
    #[allow(clippy::type_complexity)] // a plan with its cells, or why there is none
    pub(super) async fn planned<P: Planned>(
        &self,
        reading: &Reading,
        until: Timestamp,
        plan: impl Fn(&Catalogue) -> Result<P, QueryError>,
    ) -> Result<(Arc<Following>, Result<(P, u64, Vec<Arc<Stretch>>), QueryError>), IngestError> {
        let mut following = self.following(reading, false).await?;
        for _ in 0..TRIES {
            match plan(&following.standing.catalogue) {
                Ok(plan) => match self.stretches(reading, &following.marker, &plan.ranges(), until).await? {
                    Some((revision, stretches)) => return Ok((following, Ok((plan, revision, stretches)))),
                    None => following = self.following(reading, true).await?,
                },
                // What is not kept may be kept by now.
                Err(error) => {
                    let now = self.following(reading, true).await?;
                    if now.marker == following.marker {
                        return Ok((following, Err(error)));
                    }
                    following = now;
                }
            }
        }
        Err(changing())
    }

    /// Those of some KPIs that are not ready, with how far they are.
    ///
    /// # Errors
    /// The database is away.
    pub(super) async fn filling<'k>(
        &self,
        reading: &Reading,
        following: &Following,
        kpis: impl Iterator<Item = &'k str>,
    ) -> Result<Vec<KpiFilling>, IngestError> {
        // A bare name is as far as the reading that was chosen for it.
        let meant = |kpi| reading.calendar.defaults.meant(kpi);
        let unready: Vec<(&str, Stand)> =
            kpis.filter_map(|kpi| Some((kpi, *following.standing.unready.get(meant(kpi))?))).collect();
        if unready.is_empty() {
            return Ok(Vec::new());
        }
        let found = reading.scope.definitions(&reading.key.market).await?.filling;
        // What another server fills for itself says nothing of these.
        let row = found.filter(|(definition, _)| definition.digest == following.own.digest()).map(|(_, row)| row);
        let one = |(kpi, stand): (&str, Stand)| KpiFilling {
            kpi: kpi.to_owned(),
            stand,
            former_digest: (stand == Stand::Former).then(|| following.former.clone()),
            done: row.as_ref().map_or(0, |row| row.done),
            total: row.as_ref().map_or(0, |row| row.total),
            since: row.as_ref().map(|row| row.started),
            error: row.as_ref().map(|row| row.error.clone()).unwrap_or_default(),
            error_at: row.as_ref().and_then(|row| row.error_at),
        };
        Ok(unready.into_iter().map(one).collect())
    }

    /// What KPIs there are, and how far those are that are not ready.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub async fn list_kpis(
        &self,
        who: &Principal,
        market: &MarketId,
    ) -> Result<Vec<(KpiInfo, Option<KpiFilling>)>, IngestError> {
        let reading = self.open(who, market)?;
        let following = self.following(&reading, true).await?;
        let defaults = &reading.calendar.defaults;
        let chosen = defaults.iter().map(|(name, _)| name);
        let ids = following.standing.unready.keys().map(String::as_str).chain(chosen);
        let mut filling: HashMap<String, KpiFilling> =
            self.filling(&reading, &following, ids).await?.into_iter().map(|one| (one.kpi.clone(), one)).collect();
        let told = |info: KpiInfo| {
            let filling = filling.remove(&info.id);
            (info, filling)
        };
        Ok(reading.catalogue.list_as(defaults).map(told).collect())
    }

    /// Why a question has no plan that is only answered from cells: they are still being filled, or it is wrong.
    pub(super) async fn no_cells(
        &self,
        reading: &Reading,
        following: &Following,
        kpis: &[String],
        error: QueryError,
    ) -> IngestError {
        let asked = kpis.iter().map(String::as_str);
        match self.filling(reading, following, asked).await {
            Ok(filling) => match filling.first().filter(|_| error.undeclared) {
                Some(first) => being_filled(first),
                None => refused(error),
            },
            Err(error) => error,
        }
    }
}

/// The refusal of what only whole cells answer.
pub(super) fn being_filled(filling: &KpiFilling) -> IngestError {
    let KpiFilling { kpi, done, total, .. } = filling;
    IngestError::Store {
        kind: ErrorKind::Unavailable,
        reason: "KPI_BEING_FILLED",
        message: format!(
            "the cells of {kpi} are being filled, {done} of {total} records are told: ask again later, or QueryKpis, which \
             answers meanwhile"
        ),
        retryable: true,
    }
}

/// Definitions changed faster than they could be read.
fn changing() -> IngestError {
    IngestError::Store {
        kind: ErrorKind::Unavailable,
        reason: "KPI_BEING_FILLED",
        message: "KPI definitions are changing just now: ask again".to_owned(),
        retryable: true,
    }
}
