//! The records behind a figure, and the history told again for questions that no cells answer.

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::kpis::refused;
use super::told::{Making, Told};
use super::{Query, Reading};
use crate::domain::fact::Fact;
use crate::domain::facts::Kinds;
use crate::domain::ids::{CaseId, MarketId};
use crate::domain::principal::Principal;
use crate::domain::validation::Violation;
use crate::ingest::{IngestError, Origin, Place, Portion, Retelling, Teller, Unknown, View, follow_from_rules, untold};
use crate::kpi::drill::{Contribution, Drill, Figure};
use crate::kpi::{Catalogue, Days, Delta, QueryError};

/// Parts of the history that one page looks through: a page may hold fewer records than asked for, and none.
const PORTIONS: usize = 20;
/// Cases that are told again at a time.
const TOLD_AT_A_TIME: usize = 250;

/// One record behind a figure.
#[derive(Debug, Clone)]
pub struct DrillRecord {
    /// The record.
    pub origin: Origin,
    /// What it gives.
    pub given: Contribution,
}

/// Where a list of records goes on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DrillCursor {
    view: View,
    place: Option<Place>,
    /// Records of the part at that place that were told already.
    skip: usize,
    /// Digest of definitions and rules: under others the same history makes other records.
    digest: String,
}

/// A page of records.
#[derive(Debug)]
pub struct DrillPage {
    /// The figure, which tells what each record gives to it.
    pub drill: Drill,
    /// The records: cases by id, then what concerns no case, then checks.
    pub records: Vec<DrillRecord>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<DrillCursor>,
    /// What of the history the list shows. All its pages show the same.
    pub view: View,
}

impl Query {
    /// The records that make a figure, page by page.
    ///
    /// # Errors
    /// The figure is none, definitions changed between two pages, or see [`IngestError`].
    pub async fn drill_down(
        &self,
        who: &Principal,
        market: &MarketId,
        figure: Figure,
        from: Option<DrillCursor>,
        size: usize,
    ) -> Result<DrillPage, IngestError> {
        let reading = self.open(who, market)?;
        let following = self.following(&reading, true).await?;
        let digest = format!("{}{}", following.digest_of(&figure.kpi), reading.rules.digest());
        let mut drill = following.standing.catalogue.drill(figure).map_err(refused)?;
        let cursor = match from {
            Some(cursor) if cursor.digest == digest => cursor,
            Some(_) => {
                let text =
                    "was made under other definitions or rules, which have changed since: start again without it";
                let violations = vec![Violation::new("page_token", text)];
                return Err(refused(QueryError { violations, undeclared: false }));
            }
            None => DrillCursor { view: self.view(&reading, None, None).await?, place: None, skip: 0, digest },
        };
        let _place = self.place().await?;
        let DrillCursor { view, mut place, mut skip, digest } = cursor;
        let mut retelling = retelling(&reading, drill.kinds(), view, place.clone());
        let mut records = Vec::new();
        for _ in 0..PORTIONS {
            let Some(portion) = retelling.next().await? else {
                return Ok(DrillPage { drill, records, next: None, view });
            };
            let behind = portion.next.clone();
            let told;
            (drill, told) = records_of(retelling.teller(), portion, drill).await?;
            let before = records.len();
            let left = told.len().saturating_sub(skip);
            records.extend(told.into_iter().skip(skip).take(size.saturating_sub(before)));
            let taken = records.len() - before;
            if taken < left {
                skip += taken;
                break;
            }
            (place, skip) = (behind, 0);
        }
        Ok(DrillPage { drill, records, next: Some(DrillCursor { view, place, skip, digest }), view })
    }

    /// A place among the few that tell histories at once in this process: each keeps a processor busy.
    async fn place(&self) -> Result<tokio::sync::OwnedSemaphorePermit, IngestError> {
        Arc::clone(&self.recounts).acquire_owned().await.map_err(|_| IngestError::Stopping)
    }

    /// The sums of the whole history in this view.
    pub(super) async fn retold(
        &self,
        reading: &Reading,
        catalogue: Arc<Catalogue>,
        view: View,
    ) -> Result<Delta, IngestError> {
        let _place = self.place().await?;
        summed(retelling(reading, catalogue.kinds(), view, None), catalogue).await
    }

    /// The sums of the history as it is now, as far as these days need them. What was told for an earlier question is not told
    /// again.
    pub(super) async fn retold_now(
        &self,
        reading: &Reading,
        catalogue: &Arc<Catalogue>,
        view: View,
        days: &Days,
    ) -> Result<Delta, IngestError> {
        let kinds = catalogue.kinds();
        if self.told.limit == 0 || follow_from_rules(kinds) {
            return self.retold(reading, Arc::clone(catalogue), view).await;
        }
        let _place = self.place().await?;
        // Another question may have been told of what was committed since this one began.
        let found = self.told.find(&reading.key, kinds, &reading.ground).filter(|told| told.view.known <= view.known);
        let mut told = found.unwrap_or_else(|| Told::nothing(kinds, &reading.ground, view));
        let mut touched = HashSet::new();
        if told.view.known < view.known {
            touched = reading.scope.cases_touched_since(&reading.key.market, told.view.known).await?;
            if told.place.is_none() && touched.len() * 2 > told.cases() {
                told = Told::nothing(told.kinds, &reading.ground, view);
                touched.clear();
            }
        }
        if !self.tell_on(reading, &mut told).await? {
            return summed(retelling(reading, kinds, view, None), Arc::clone(catalogue)).await;
        }
        if told.view != view {
            told.view = view;
            self.tell_again(reading, &mut told, touched).await?;
        }
        let mut sum = told.sum(catalogue, days).await.ok_or_else(untold)?;
        if let Some(behind) = Place::behind_cases(kinds) {
            let rest = retelling(reading, kinds, view, Some(behind));
            sum.merge(&summed(rest, Arc::clone(catalogue)).await?);
        }
        Ok(sum)
    }

    /// Tells the cases that were not told yet, and keeps what it has as it goes; false if that would be more than is kept.
    async fn tell_on(&self, reading: &Reading, told: &mut Told) -> Result<bool, IngestError> {
        let Some(place) = told.place.clone() else { return Ok(true) };
        let cases = usize::try_from(reading.scope.count_cases(&reading.key.market).await?).unwrap_or(usize::MAX);
        let mut retelling = retelling(reading, told.kinds, told.view, Some(place)).to_the_end();
        let mut making = Making::default();
        let mut portion = retelling.next().await?;
        while let Some((now, ids)) = portion.take().and_then(|now| now.cases().map(|ids| (now, ids))) {
            let (teller, behind) = (retelling.teller(), now.next.clone());
            let tell = move || making.tell(&teller, now, ids).map(|()| making);
            let (made, next) = retelling.meanwhile(tell).await?;
            making = made?;
            if making.is_full() {
                told.push(&mut making, behind);
                if (told.bytes() / told.cases().max(1)).saturating_mul(cases) > self.told.limit {
                    return Ok(false);
                }
                self.told.keep(&reading.key, told);
            }
            portion = next?;
        }
        told.push(&mut making, None);
        self.told.keep(&reading.key, told);
        Ok(true)
    }

    /// Tells these cases again, as they are in the view.
    async fn tell_again(
        &self,
        reading: &Reading,
        told: &mut Told,
        touched: HashSet<CaseId>,
    ) -> Result<(), IngestError> {
        told.without(&touched);
        let retelling = retelling(reading, told.kinds, told.view, None);
        let mut making = Making::default();
        let touched: Vec<CaseId> = touched.into_iter().collect();
        for some in touched.chunks(TOLD_AT_A_TIME) {
            let portion = retelling.of_cases(some.to_vec()).await?;
            let teller = retelling.teller();
            let ids = portion.cases().unwrap_or_default();
            let work = move || making.tell(&teller, portion, ids).map(|()| making);
            making = tokio::task::spawn_blocking(work).await.map_err(|_| untold())??;
            if making.is_full() {
                told.push(&mut making, None);
            }
        }
        told.push(&mut making, None);
        told.tidy();
        self.told.keep(&reading.key, told);
        Ok(())
    }

    /// Whatever is gathered of the facts of a history in this view, and of what its tests of rules lacked.
    pub(super) async fn gathered<T: Send + 'static>(
        &self,
        reading: &Reading,
        kinds: Kinds,
        view: View,
        gathered: T,
        add: impl Fn(&mut T, &Fact) + Clone + Send + 'static,
        lacked: impl Fn(&mut T, Vec<Unknown>) + Clone + Send + 'static,
    ) -> Result<T, IngestError> {
        let _place = self.place().await?;
        gathered_of(retelling(reading, kinds, view, None), gathered, add, lacked).await
    }
}

/// The sums of a history.
async fn summed(retelling: Retelling, catalogue: Arc<Catalogue>) -> Result<Delta, IngestError> {
    let add = move |delta: &mut Delta, fact: &Fact| delta.add(&catalogue, fact);
    gathered_of(retelling, Delta::new(), add, |_, _| ()).await
}

async fn gathered_of<T: Send + 'static>(
    retelling: Retelling,
    mut gathered: T,
    add: impl Fn(&mut T, &Fact) + Clone + Send + 'static,
    lacked: impl Fn(&mut T, Vec<Unknown>) + Clone + Send + 'static,
) -> Result<T, IngestError> {
    let mut retelling = retelling.to_the_end();
    let mut portion = retelling.next().await?;
    while let Some(now) = portion.take() {
        let (teller, add, lacked) = (retelling.teller(), add.clone(), lacked.clone());
        let tell = move || {
            let left = teller.tell(now, &mut |_, fact| add(&mut gathered, fact))?;
            lacked(&mut gathered, left.unknown);
            Ok::<T, IngestError>(gathered)
        };
        let (told, next) = retelling.meanwhile(tell).await?;
        gathered = told?;
        portion = next?;
    }
    Ok(gathered)
}

fn retelling(reading: &Reading, kinds: Kinds, view: View, place: Option<Place>) -> Retelling {
    Retelling::new(reading.scope.clone(), reading.market.clone(), &reading.rules, kinds, view, place)
}

/// The records of a part that give anything to the figure.
async fn records_of(
    teller: Arc<Teller>,
    portion: Portion,
    drill: Drill,
) -> Result<(Drill, Vec<DrillRecord>), IngestError> {
    let work = move || {
        let mut records: Vec<DrillRecord> = Vec::new();
        let told = teller.tell(portion, &mut |origin, fact| {
            let origin = origin();
            // All facts of a record follow each other.
            match records.last_mut().filter(|last| last.origin == origin) {
                Some(last) => drill.add(fact, &mut last.given),
                None => {
                    let mut given = Contribution::default();
                    drill.add(fact, &mut given);
                    if let Some(last) = records.last_mut().filter(|last| last.given.is_empty()) {
                        *last = DrillRecord { origin, given };
                    } else {
                        records.push(DrillRecord { origin, given });
                    }
                }
            }
        });
        records.retain(|record| !record.given.is_empty());
        told.map(|_| (drill, records))
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| untold())?
}
