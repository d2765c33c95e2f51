//! The history told again, for questions that no cells answer.

use std::collections::HashSet;
use std::sync::Arc;

use super::kept::Lasting as _;
use super::told::{Making, Told, sum_of};
use super::{Query, Reading};
use crate::domain::fact::Fact;
use crate::domain::facts::Kinds;
use crate::domain::ids::{CaseId, TenantId};
use crate::ingest::{Beside, IngestError, Place, Replay, Retelling, Seat, Unknown, View, follow_from_rules, untold};
use crate::kpi::{Catalogue, Days, Delta};

/// Cases that are told again at a time.
pub(super) const TOLD_AT_A_TIME: usize = 250;
/// Records of a case that came since it was told, on the average; where there are more, the history is told anew.
const RECORDS_A_CASE: usize = 16;

impl Query {
    /// A place among the few that tell histories at once in this process: each keeps processors busy.
    pub(super) async fn place(&self, tenant: &TenantId) -> Result<Seat, IngestError> {
        self.recounts.take(tenant, 1).await.map_err(|_| IngestError::Stopping)
    }

    /// The sums of the whole history in this view.
    pub(super) async fn retold(
        &self,
        reading: &Reading,
        catalogue: Arc<Catalogue>,
        view: View,
    ) -> Result<Delta, IngestError> {
        let _place = self.place(&reading.key.tenant).await?;
        self.summed(retelling(reading, catalogue.kinds(), view, None), catalogue).await
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
        if self.told.limit == 0 {
            return self.retold(reading, Arc::clone(catalogue), view).await;
        }
        let behind = Place::behind_cases(kinds);
        let (mut sum, _place) = match self.sums_kept(reading, catalogue, view, days).await? {
            Some(sum) if behind.is_none() => return Ok(sum),
            Some(sum) => (sum, self.place(&reading.key.tenant).await?),
            None => {
                let place = self.place(&reading.key.tenant).await?;
                match self.summed_from_facts(reading, catalogue, view, days).await? {
                    Some(sum) => (sum, place),
                    None => {
                        return self.summed(retelling(reading, kinds, view, None), Arc::clone(catalogue)).await;
                    }
                }
            }
        };
        if let Some(behind) = behind {
            let rest = retelling(reading, kinds, view, Some(behind));
            sum.merge(&self.summed(rest, Arc::clone(catalogue)).await?);
        }
        Ok(sum)
    }

    /// The sums of the cases' facts of these days, from the facts themselves; `None` if those are more than is kept.
    async fn summed_from_facts(
        &self,
        reading: &Reading,
        catalogue: &Arc<Catalogue>,
        view: View,
        days: &Days,
    ) -> Result<Option<Delta>, IngestError> {
        let kinds = catalogue.kinds();
        // Another question may have been told of what was committed since this one began.
        let found = self.told.find(&reading.key, kinds, &reading.ground).filter(|told| told.view.known <= view.known);
        let mut told = found.unwrap_or_else(|| Told::nothing(kinds, &reading.ground, view));
        let mut touched = HashSet::new();
        if told.view != view {
            // So few are told again at once, whatever their share.
            let most = (told.cases() / 2).max(TOLD_AT_A_TIME);
            let most = if told.place.is_none() { most } else { usize::MAX };
            match self.touched(reading, told.view, view, told.kinds, most).await? {
                Some(cases) => touched = cases,
                None => told = Told::nothing(told.kinds, &reading.ground, view),
            }
        }
        if !self.tell_on(reading, &mut told).await? {
            return Ok(None);
        }
        if told.view != view {
            told.view = view;
            self.tell_again(reading, &mut told, touched).await?;
        }
        sum_of(told.pieces(), catalogue, days).await.ok_or_else(untold).map(Some)
    }

    /// The cases whose facts may be others in a view than they were when they were told; `None` if they are more than `most`.
    ///
    /// Both views are such that no timer behind their instants has fired by their revisions. So a case tells the same in both if
    /// nothing has touched it since and none of its timers is due by either instant.
    pub(super) async fn touched(
        &self,
        reading: &Reading,
        told: View,
        view: View,
        kinds: Kinds,
        most: usize,
    ) -> Result<Option<HashSet<CaseId>>, IngestError> {
        let (scope, market, known) = (&reading.scope, &reading.key.market, told.known);
        // Read before what was touched: a timer that fires meanwhile touches its case.
        let some = u32::try_from(most.saturating_add(1)).unwrap_or(u32::MAX);
        let due = scope.due_cases(market, told.now.max(view.now), some).await?;
        let mut touched: HashSet<CaseId> = due.into_iter().collect();
        let moved = scope.head(market).await?.is_some_and(|head| head.revision > known);
        if moved {
            let too_many = most.saturating_mul(RECORDS_A_CASE);
            if scope.count_changes(market, known, too_many).await? >= too_many {
                return Ok(None);
            }
            touched.extend(scope.cases_touched_since(market, known).await?);
        }
        if touched.len() > most || touched.is_empty() && !moved || !follow_from_rules(kinds) {
            return Ok((touched.len() <= most).then_some(touched));
        }
        let mut all = scope.cases_decided_since(market, known).await?;
        if reading.rules.reach().looks_at_persons() {
            let touched: Vec<CaseId> = touched.iter().cloned().collect();
            let replay = Replay::new(scope.clone(), reading.market.clone(), known, told.now);
            for some in touched.chunks(TOLD_AT_A_TIME) {
                all.extend(replay.of_their_persons(some).await?);
                if all.len() > most {
                    return Ok(None);
                }
            }
        }
        all.extend(touched);
        Ok((all.len() <= most).then_some(all))
    }

    /// Parts of a history that are told beside each other.
    pub(super) fn tasks(&self) -> usize {
        self.markets.told_at_once()
    }

    /// Tells the cases that were not told yet, and keeps what it has as it goes; false if that would be more than is kept.
    async fn tell_on(&self, reading: &Reading, told: &mut Told) -> Result<bool, IngestError> {
        let Some(place) = told.place.clone() else { return Ok(true) };
        let cases = usize::try_from(reading.scope.count_cases(&reading.key.market).await?).unwrap_or(usize::MAX);
        let mut retelling = retelling(reading, told.kinds, told.view, Some(place)).to_the_end();
        let mut beside: Beside<Making> = Beside::new(self.tasks());
        let mut portion = retelling.next().await?;
        while let Some((now, ids)) = portion.take().and_then(|now| now.cases().map(|ids| (now, ids))) {
            let (teller, behind) = (retelling.teller(), now.next.clone());
            beside.start(move |making| making.tell(&teller, now, ids));
            portion = retelling.next().await?;
            beside.keep_up().await?;
            if beside.idle().iter().any(Making::is_full) {
                // A place is reached when all before it is told.
                beside.settle().await?;
                beside.idle().iter_mut().for_each(|making| told.push(making, behind.clone()));
                if (told.bytes() / told.cases().max(1)).saturating_mul(cases) > self.told.limit {
                    return Ok(false);
                }
                self.told.keep(&reading.key, told);
            }
        }
        beside.settle().await?;
        beside.idle().iter_mut().for_each(|making| told.push(making, None));
        told.place = None;
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
        let touched: Vec<CaseId> = touched.into_iter().collect();
        told.without(&touched);
        let retelling = retelling(reading, told.kinds, told.view, None);
        let mut beside: Beside<Making> = Beside::new(self.tasks());
        for some in touched.chunks(TOLD_AT_A_TIME) {
            let portion = retelling.of_cases(some.to_vec()).await?;
            let (teller, ids) = (retelling.teller(), portion.cases().unwrap_or_default());
            beside.start(move |making| making.tell(&teller, portion, ids));
            beside.keep_up().await?;
            let full = beside.idle().iter_mut().filter(|making| making.is_full());
            full.for_each(|making| told.push(making, None));
        }
        beside.settle().await?;
        beside.idle().iter_mut().for_each(|making| told.push(making, None));
        told.tidy();
        self.told.keep(&reading.key, told);
        Ok(())
    }

    /// The sums of a history.
    async fn summed(&self, retelling: Retelling, catalogue: Arc<Catalogue>) -> Result<Delta, IngestError> {
        let mut retelling = retelling.to_the_end();
        let mut beside: Beside<Delta> = Beside::new(self.tasks());
        while let Some(now) = retelling.next().await? {
            beside.keep_up().await?;
            let (teller, catalogue) = (retelling.teller(), Arc::clone(&catalogue));
            beside.start(move |sums| teller.tell(now, &mut |_, fact| sums.add(&catalogue, fact)).map(|_| ()));
        }
        beside.settle().await?;
        Ok(beside.idle().drain(..).collect())
    }

    /// Whatever is gathered of the facts of a history in this view, and of what its tests of rules lacked.
    pub(super) async fn gathered<T: Send + 'static>(
        &self,
        reading: &Reading,
        kinds: Kinds,
        view: View,
        mut gathered: T,
        add: impl Fn(&mut T, &Fact) + Clone + Send + 'static,
        lacked: impl Fn(&mut T, Vec<Unknown>) + Clone + Send + 'static,
    ) -> Result<T, IngestError> {
        let _place = self.place(&reading.key.tenant).await?;
        let mut retelling = retelling(reading, kinds, view, None).to_the_end();
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
}

pub(super) fn retelling(reading: &Reading, kinds: Kinds, view: View, place: Option<Place>) -> Retelling {
    Retelling::new(reading.scope.clone(), reading.market.clone(), &reading.rules, kinds, view, place)
}
