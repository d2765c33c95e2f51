//! What a question is judged on: the state of its case and the contacts of its person, in memory, at one revision.

use std::sync::Arc;

use super::{Desk, Question};
use crate::compliance::PersonLogs;
use crate::config::Snapshot;
use crate::domain::circle::Circle;
use crate::domain::detail::Detail;
use crate::domain::ids::{CaseId, PersonId};
use crate::domain::permit::PAST;
use crate::domain::time::Timestamp;
use crate::ingest::derive::CaseEntry;
use crate::ingest::market_state::{HeldPermit, MarketState, View};
use crate::ingest::{IngestError, ToldElsewhere, Work, assure_ground};

/// Times that what is not in memory is read: cases first, then persons who are no parties; and again for what other
/// processes have changed meanwhile.
const ROUNDS: usize = 16;

/// Cases read at once for a person who is no party of theirs.
const STRANGERS: usize = 32;

/// The ground of one answer.
pub(super) struct Warm {
    /// The case.
    pub(super) entry: Arc<CaseEntry>,
    /// The person asked about: the primary party if none was named.
    pub(super) person: Option<PersonId>,
    /// The contacts of the person and its household over all cases, where rules count them.
    pub(super) logs: PersonLogs,
    /// Permits on the case, or for the person or its household.
    pub(super) permits: Vec<HeldPermit>,
    /// Memory does not reach back far enough: the histories are to be read.
    pub(super) too_long_ago: bool,
    /// What is told elsewhere of the person, where the case does not know of it.
    pub(super) told: Option<ToldElsewhere>,
}

impl Warm {
    /// The case, with what is told of the person up to an instant.
    pub(super) fn knowing(&self, at: Timestamp) -> Arc<CaseEntry> {
        let knowing = |told: &ToldElsewhere| Arc::new(self.entry.knowing(told.iter(), at));
        self.told.as_ref().map_or_else(|| Arc::clone(&self.entry), knowing)
    }
}

/// What is missing in memory for one question.
enum Cold {
    Case,
    Log(PersonId),
}

impl Desk<'_> {
    /// The ground of every question, at one revision; `None` for a case that is not known. Nothing at all if the configuration
    /// that the questions are asked under has been replaced meanwhile.
    pub(super) async fn warm(
        &self,
        state: &MarketState,
        snapshot: &Arc<Snapshot>,
        questions: &[Question],
    ) -> Result<Option<(Vec<Option<Warm>>, u64)>, IngestError> {
        let mut loaded = None;
        for round in 0..=ROUNDS {
            let last = round == ROUNDS;
            let looked = state.look(|view| {
                let find = |question| self.find(view, question, last);
                let found = || (questions.iter().map(find).collect::<Vec<_>>(), view.revision());
                view.is_of(snapshot).then(found)
            });
            let Some((found, revision)) = looked.flatten() else {
                // Derived by other rules, or by the same under a configuration that is new: one look tells.
                assure_ground(self.markets, &self.market.key, state, snapshot).await?;
                if Arc::ptr_eq(&self.markets.config().get(), snapshot) {
                    continue;
                }
                return Ok(None);
            };
            let cold: Vec<(&CaseId, Option<&PersonId>)> = found
                .iter()
                .zip(questions)
                .filter_map(|(found, question)| match found {
                    Ok(_) => None,
                    Err(Cold::Case) => Some((&question.case, None)),
                    Err(Cold::Log(person)) => Some((&question.case, Some(person))),
                })
                .collect();
            let unknown_only = cold.iter().all(|(_, person)| person.is_none());
            // A case that is not there may have been forgotten for another process's write since it was read, or displaced by
            // what others ask for. One that is not there in two rounds although nothing came between may be unknown: the
            // database says.
            if cold.is_empty() || unknown_only && round > 1 && loaded == Some(revision) && self.unknown(&cold).await? {
                return Ok(Some((found.into_iter().map(Result::ok).collect(), revision)));
            }
            if !last {
                loaded = self.load(round, cold).await?;
            }
        }
        // Displaced as fast as it is read: what is known is not enough.
        Err(IngestError::Overloaded)
    }

    /// Whether none of these cases is on record.
    async fn unknown(&self, cold: &[(&CaseId, Option<&PersonId>)]) -> Result<bool, IngestError> {
        let cases: Vec<&CaseId> = cold.iter().map(|(case, _)| *case).collect();
        let scope = self.markets.store().scope(&self.market.key.tenant);
        Ok(scope.known_cases(&self.market.key.market, &cases).await?.is_empty())
    }

    /// Brings cases, with the contacts of their parties, into memory in one group; in the second round, when these are
    /// there, the contacts of whoever is named and is no party. The revision at which the last of them was read.
    async fn load(&self, round: usize, cold: Vec<(&CaseId, Option<&PersonId>)>) -> Result<Option<u64>, IngestError> {
        let mut read = None;
        let sorted = |mut cases: Vec<CaseId>| {
            cases.sort_unstable();
            cases.dedup();
            cases
        };
        let strangers = cold.iter().filter(|(_, person)| round > 0 && person.is_some());
        let strangers: Vec<(CaseId, PersonId)> =
            strangers.filter_map(|(case, person)| Some(((*case).clone(), (*person)?.clone()))).collect();
        for some in strangers.chunks(STRANGERS) {
            let (cases, persons) = some.iter().cloned().unzip();
            read = Some(self.markets.submit(&self.market.key, Work::Load(sorted(cases), persons)).await?.revision);
        }
        let cases = cold.into_iter().filter(|(_, person)| round == 0 || person.is_none());
        let cases = sorted(cases.map(|(case, _)| case.clone()).collect());
        if !cases.is_empty() {
            read = Some(self.markets.submit(&self.market.key, Work::Load(cases, Vec::new())).await?.revision);
        }
        Ok(read)
    }

    /// The ground of a question in memory. In the `last` round, a past that memory does not hold is left to the histories.
    fn find(&self, view: &View<'_>, question: &Question, last: bool) -> Result<Warm, Cold> {
        let entry = view.case(&question.case).ok_or(Cold::Case)?;
        let at = self.at(question);
        let version = entry.version_at(at);
        let primary = || version.primary().map(|party| party.person.clone());
        let person = question.person.clone().or_else(primary);
        let circles: Vec<Circle> = person.iter().flat_map(|person| Circle::of_person(person, version)).collect();
        let permits = match question.detail {
            Detail::Contact(_) if at.plus(PAST) >= self.now => view.permits(&question.case, &circles, self.now),
            _ => Vec::new(),
        };
        let reach = self.rules.reach();
        let scope = reach.person_scope(version, &self.market.region);
        let since = at.plus(-reach.person_window(scope));
        let told = match person.as_ref().filter(|person| !entry.knows(person)) {
            Some(person) => Some(view.told(person).ok_or_else(|| Cold::Log(person.clone()))?),
            None => None,
        };
        let told = told.filter(|told| !told.is_empty());
        let (logs, too_long_ago) = (PersonLogs::default(), false);
        let mut warm = Warm { entry: Arc::clone(&entry), person, logs, permits, too_long_ago, told };
        for circle in reach.circles(scope, circles.into_iter()) {
            let held = view.circle(&circle);
            // A log for the same rules holds as much of the past as the writer keeps.
            let all_there_is = last || held.as_ref().is_some_and(|log| log.scope().covers(scope));
            match held.filter(|log| log.covers(scope, since)) {
                Some(log) => warm.logs.insert(circle, log),
                None if all_there_is && at < self.now => warm.too_long_ago = true,
                None => return Err(warm.person.map_or(Cold::Case, Cold::Log)),
            }
        }
        Ok(warm)
    }
}
