//! A market's whole history told again as KPI facts, each with the record that made it: cases, then what concerns no case,
//! then logged checks. It can go on from any place, so that a long answer comes in pages.

use std::collections::HashMap;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::FuturesOrdered;
use tokio_util::task::AbortOnDropHandle;

use super::IngestError;
use super::batches::{Batch, Batches};
use super::checks::{check_fact, read_checks};
use super::derive::{Cause, Event};
use super::finding_facts::finding_facts;
use super::replay::{READ_AHEAD, Replay, Told, Unknown, Unopened};
use super::rosters::is_roster;
use super::told_of::{Origin, Place, Record, View, follow_from_rules};
use super::writing::is_void;
use crate::domain::activity::Activity;
use crate::domain::detail::Detail;
use crate::domain::fact::Fact;
use crate::domain::facts::Kinds;
use crate::domain::finding::Finding;
use crate::domain::finding_life::Decision;
use crate::domain::ids::{CaseId, FindingId, MarketId};
use crate::domain::market::Market;
use crate::domain::time::day_number;
use crate::ledger::{market_facts, roster_facts};
use crate::rules::RuleSet;
use crate::store::{CheckRow, StoredActivity, TenantScope};

/// Activities without a case, and commits of the log of checks, that are read at a time.
const PAGE: u32 = 500;

/// A history being read, to be told.
pub struct Retelling {
    scope: TenantScope,
    teller: Arc<Teller>,
    place: Option<Place>,
    /// The cases that are read next, once there is any of them.
    cases: Option<Cases>,
    /// Parts of cases that are read at a time.
    ahead: usize,
}

/// Cases being read, part by part.
struct Cases {
    batches: Batches,
    reading: FuturesOrdered<AbortOnDropHandle<Result<Portion, IngestError>>>,
}

/// Tells what was read.
pub struct Teller {
    market: Market,
    rules: Arc<RuleSet>,
    kinds: Kinds,
    view: View,
}

/// A part of it, as read.
pub struct Portion {
    part: Part,
    /// Where the telling goes on behind it; `None` at the end.
    pub next: Option<Place>,
}

impl Portion {
    /// Whether it is of cases.
    #[must_use]
    pub const fn is_of_cases(&self) -> bool {
        matches!(self.part, Part::Cases(_))
    }

    /// The ids of its cases; `None` of what concerns none.
    #[must_use]
    pub fn cases(&self) -> Option<Vec<CaseId>> {
        match &self.part {
            Part::Cases(part) => Some(part.1.ids()),
            _ => None,
        }
    }
}

/// What telling a part leaves behind.
#[derive(Debug, Default)]
pub struct Left {
    /// What tests of rules lacked.
    pub unknown: Vec<Unknown>,
    /// Records of commits up to the revision that is told: versions of cases, activities each with the first of their cases,
    /// and commits of the log of checks. Records of rosters are counted where they lie among the others.
    pub records: u64,
}

/// Decisions about findings of some cases.
type Decisions = HashMap<FindingId, Vec<Decision>>;

enum Part {
    Cases(Box<(Replay, Unopened, Decisions)>),
    Market(Vec<StoredActivity>),
    Rosters(Vec<StoredActivity>),
    Checks(Vec<CheckRow>),
}

impl Retelling {
    /// Tells these kinds of facts of the history of a market from `place` on; from the beginning without one.
    #[must_use]
    pub fn new(
        scope: TenantScope,
        market: Market,
        rules: &Arc<RuleSet>,
        kinds: Kinds,
        view: View,
        place: Option<Place>,
    ) -> Self {
        let place = Some(place.unwrap_or(Place::Cases(String::new())));
        // Judging by the law is most of the work, and says nothing of other facts.
        let rules = if follow_from_rules(kinds) { Arc::clone(rules) } else { Arc::default() };
        Self { scope, teller: Arc::new(Teller { market, rules, kinds, view }), place, cases: None, ahead: 1 }
    }

    /// The same, told to its end: some parts are read at a time, while others are told.
    #[must_use]
    pub const fn to_the_end(mut self) -> Self {
        self.ahead = READ_AHEAD;
        self
    }

    /// The kinds of facts that are told, and of what of the history.
    #[must_use]
    pub fn tells(&self) -> (Kinds, View) {
        (self.teller.kinds, self.teller.view)
    }

    /// What tells the parts.
    #[must_use]
    pub fn teller(&self) -> Arc<Teller> {
        Arc::clone(&self.teller)
    }

    /// Reads the next part; `None` at the end.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn next(&mut self) -> Result<Option<Portion>, IngestError> {
        let id: MarketId = self.teller.market.key.market.clone();
        loop {
            let Some(place) = self.place.take() else { return Ok(None) };
            match place {
                Place::Cases(after) => match self.read_cases(&after).await? {
                    Some(portion) => {
                        self.place.clone_from(&portion.next);
                        return Ok(Some(portion));
                    }
                    None => self.place = Some(Place::Market(0, String::new())),
                },
                Place::Market(revision, after) => {
                    let rows = self.scope.market_wide(&id, revision, &after, PAGE).await?;
                    let Some(last) = rows.last() else {
                        self.place = Some(Place::Rosters);
                        continue;
                    };
                    self.place = Some(Place::Market(last.revision, last.activity.id.as_str().to_owned()));
                    return Ok(Some(self.portion(Part::Market(rows))));
                }
                Place::Rosters => {
                    self.place = Some(Place::Checks(0));
                    let rows = self.rosters(&id).await?;
                    return Ok(Some(self.portion(Part::Rosters(rows))));
                }
                Place::Checks(revision) => {
                    let rows = self.scope.checks(&id, revision, PAGE).await?;
                    let known = self.teller.view.known;
                    let Some(last) = rows.last().filter(|_| rows.iter().any(|row| row.revision <= known)) else {
                        return Ok(None);
                    };
                    self.place = Some(Place::Checks(last.revision));
                    return Ok(Some(self.portion(Part::Checks(rows))));
                }
            }
        }
    }

    /// What `tell` makes of a part, which may keep a processor busy, and the next part, which is read meanwhile.
    ///
    /// # Errors
    /// The task that tells ended by itself.
    pub async fn meanwhile<T: Send + 'static>(
        &mut self,
        tell: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(T, Result<Option<Portion>, IngestError>), IngestError> {
        let work = tokio::task::spawn_blocking(tell);
        let (next, told) = tokio::join!(self.next(), work);
        Ok((told.map_err(|_| untold())?, next))
    }

    /// The next cases behind one, with those behind them on their way; `None` behind the last.
    async fn read_cases(&mut self, after: &str) -> Result<Option<Portion>, IngestError> {
        let teller = &self.teller;
        let cases = self.cases.get_or_insert_with(|| {
            let (replay, after) = (teller.replay(&self.scope), after.to_owned());
            let batches = if self.ahead > 1 { Batches::of_many(replay, after) } else { Batches::new(replay, after) };
            Cases { batches, reading: FuturesOrdered::new() }
        });
        let read = |replay: Replay, batch| {
            let (teller, scope) = (Arc::clone(teller), self.scope.clone());
            async move { teller.read(&scope, replay, batch).await }
        };
        cases.batches.read_ahead(&mut cases.reading, self.ahead, read).await?;
        match cases.reading.next().await {
            Some(read) => read.map_err(|_| untold())?.map(Some),
            None => Ok(None),
        }
    }

    /// These cases alone, as a part of its own that is told beside the others.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn of_cases(&self, ids: Vec<CaseId>) -> Result<Portion, IngestError> {
        self.teller.read(&self.scope, self.teller.replay(&self.scope), Batch::Listed(ids)).await
    }

    /// Every record of a roster.
    async fn rosters(&self, market: &MarketId) -> Result<Vec<StoredActivity>, IngestError> {
        let (mut found, mut revision, mut after) = (Vec::new(), 0, String::new());
        loop {
            let rows = self.scope.market_wide(market, revision, &after, PAGE).await?;
            let Some(last) = rows.last() else { return Ok(found) };
            (revision, after) = (last.revision, last.activity.id.as_str().to_owned());
            found.extend(rows.into_iter().filter(|row| is_roster(&row.activity)));
        }
    }

    fn portion(&self, part: Part) -> Portion {
        Portion { part, next: self.place.clone() }
    }
}

impl Teller {
    /// The revision that is told up to.
    #[must_use]
    pub const fn known(&self) -> u64 {
        self.view.known
    }

    fn replay(&self, scope: &TenantScope) -> Replay {
        let View { known, now, until } = self.view;
        Replay::new(scope.clone(), self.market.clone(), known, now).counting(self.kinds).as_of(until)
    }

    /// Reads cases.
    async fn read(&self, scope: &TenantScope, replay: Replay, batch: Batch) -> Result<Portion, IngestError> {
        let next = batch.last().map(|last| Place::Cases(last.as_str().to_owned()));
        let read = replay.read(batch, &[&self.rules]).await?;
        let mut decisions = Decisions::default();
        if !self.rules.is_empty() {
            decisions = scope.decisions_of_cases(&self.market.key.market, &read.ids(), self.view.known).await?;
            decisions.values_mut().for_each(|made| made.retain(|decision| decision.at <= self.view.until));
        }
        Ok(Portion { part: Part::Cases(Box::new((replay, read, decisions))), next })
    }

    /// Whether an activity without a case counts in this view.
    fn counts(&self, row: &StoredActivity) -> bool {
        let View { known, until, .. } = self.view;
        row.revision <= known
            && row.voided.is_none_or(|since| since > known)
            && !is_void(&row.activity)
            && row.activity.occurred <= until
    }

    /// Tells the facts of a part's cases, in the order of [`Portion::cases`]. Keeps a processor busy.
    ///
    /// # Errors
    /// A row is corrupt.
    pub fn tell_cases(&self, portion: Portion, note: &mut dyn FnMut(&CaseId, &Fact)) -> Result<(), IngestError> {
        let Part::Cases(part) = portion.part else { return Ok(()) };
        let (replay, read, decisions) = *part;
        for chunk in read.open() {
            replay.tell(&chunk?, &self.rules, &mut |case, told| match told {
                Told::Fact(_, fact) => note(case, fact),
                Told::Finding(finding) => {
                    self.of_finding(finding, &decisions).iter().for_each(|fact| note(case, fact));
                }
            });
        }
        Ok(())
    }

    /// The facts of a finding with what was decided about it.
    fn of_finding(&self, finding: &Finding, decisions: &Decisions) -> Vec<Fact> {
        let made = decisions.get(&finding.id).map_or(&[][..], Vec::as_slice);
        let mut facts = Vec::new();
        finding_facts(&self.market, finding, made, &mut facts);
        facts.retain(|fact| self.kinds.has(fact.kind));
        facts
    }

    /// Tells the facts of a part, always in the same order. What names a fact's record is made only where it is asked for:
    /// sums do not. Keeps a processor busy.
    ///
    /// # Errors
    /// A row or a logged check is corrupt.
    pub fn tell(
        &self,
        portion: Portion,
        note: &mut dyn FnMut(&dyn Fn() -> Origin, &Fact),
    ) -> Result<Left, IngestError> {
        let known = self.view.known;
        let (mut unknown, mut records) = (Vec::new(), 0);
        match portion.part {
            Part::Cases(part) => {
                let (replay, read, decisions) = *part;
                for chunk in read.open() {
                    let chunk = chunk?;
                    records += chunk.records(known);
                    unknown.extend(replay.tell(&chunk, &self.rules, &mut |case, told| {
                        let of = |record| Origin { case: Some(case.clone()), record };
                        match told {
                            Told::Fact(Cause::Event(Event::Version(version)), fact) => {
                                note(&|| of(Record::Version(version.version.as_str().to_owned())), fact);
                            }
                            Told::Fact(Cause::Event(Event::Activity(activity)), fact) => {
                                note(&|| of(Record::Activity(activity.id.as_str().to_owned())), fact);
                            }
                            Told::Fact(Cause::Timer(due), fact) => note(&|| of(Record::Timer(due)), fact),
                            Told::Finding(finding) => {
                                let origin = || of(Record::Finding(finding.id));
                                self.of_finding(finding, &decisions).iter().for_each(|fact| note(&origin, fact));
                            }
                        }
                    }));
                }
            }
            Part::Market(rows) => {
                records = rows.iter().filter(|row| row.revision <= known).count();
                let mut facts = Vec::new();
                for row in rows.iter().filter(|row| self.counts(row)) {
                    market_facts(&self.market, &row.activity, &mut facts);
                    let record = || Record::Activity(row.activity.id.as_str().to_owned());
                    let origin = || Origin { case: None, record: record() };
                    facts.drain(..).for_each(|fact| note(&origin, &fact));
                }
            }
            Part::Rosters(rows) => {
                let rows: Vec<_> = rows.iter().map(|row| (self.counts(row), &row.activity)).collect();
                let counted = || rows.iter().filter(|(counts, _)| *counts).map(|(_, activity)| *activity);
                let mut facts = Vec::new();
                roster_facts(&self.market, counted(), &mut facts);
                let mut ends: Vec<Fact> = Vec::new();
                for fact in facts {
                    // Where a record's time ends stands right before where it begins.
                    if fact.sign < 0 {
                        ends.push(fact);
                        continue;
                    }
                    let begins = |activity: &&Activity| {
                        let Detail::AgentRoster { agent, .. } = &activity.detail else { return false };
                        fact.dims.agent.as_deref() == Some(agent.as_str())
                            && day_number(activity.occurred.date(self.market.zone)) == fact.day
                    };
                    let last = counted().filter(begins).max_by(|a, b| a.order().cmp(&b.order()));
                    let id = || last.map(|record| record.id.as_str().to_owned()).unwrap_or_default();
                    let origin = || Origin { case: None, record: Record::Activity(id()) };
                    ends.drain(..).for_each(|end| note(&origin, &end));
                    note(&origin, &fact);
                }
            }
            Part::Checks(rows) => {
                for row in rows.iter().filter(|row| row.revision <= known) {
                    records += 1;
                    for line in read_checks(&row.body)? {
                        for check in &line.checks {
                            let asked = line.head.asked.plus(check.asked_after);
                            let Some(fact) = check_fact(&self.market, asked, check) else { continue };
                            if asked > self.view.until {
                                continue;
                            }
                            let id = || format!("{}-{:x}", line.head.run, check.number);
                            let case = || Some(CaseId::trusted(&check.case));
                            note(&|| Origin { case: case(), record: Record::Check(id()) }, &fact);
                        }
                    }
                }
            }
        }
        Ok(Left { unknown, records: u64::try_from(records).unwrap_or(u64::MAX) })
    }
}

/// A task of a telling ended by itself, or the place where it goes on is no place.
pub(crate) fn untold() -> IngestError {
    IngestError::internal("the history could not be told to its end")
}
