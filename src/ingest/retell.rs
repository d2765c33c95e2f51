//! A market's whole history told again as KPI facts, each with the record that made it: cases, then what concerns no case,
//! then logged checks. It can go on from any place, so that a long answer comes in pages.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::IngestError;
use super::checks::{check_fact, read_checks};
use super::derive::{Cause, Event};
use super::finding_facts::finding_facts;
use super::replay::{Chunk, Replay, Told, Unknown};
use super::rosters::is_roster;
use super::writing::is_void;
use crate::domain::activity::Activity;
use crate::domain::detail::Detail;
use crate::domain::fact::Fact;
use crate::domain::finding_life::Decision;
use crate::domain::ids::{CaseId, FindingId, MarketId};
use crate::domain::market::Market;
use crate::domain::time::{Timestamp, day_number};
use crate::ledger::{market_facts, roster_facts};
use crate::rules::RuleSet;
use crate::store::{CheckRow, StoredActivity, TenantScope};

/// Activities without a case, and commits of the log of checks, that are read at a time.
const PAGE: u32 = 500;

/// What of a history counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// What later commits stored is not seen.
    pub known: u64,
    /// Deadlines up to here have passed.
    pub now: Timestamp,
    /// What happened later is left out.
    pub until: Timestamp,
}

/// How far a history is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// Cases up to this one.
    Cases(String),
    /// All cases, and what concerns none up to this revision and id.
    Market(u64, String),
    /// All that; the records of rosters, which count together, come next.
    Rosters,
    /// All that, and the checks up to this revision.
    Checks(u64),
}

/// The record that made a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The case, if it concerns one.
    pub case: Option<CaseId>,
    /// What of it.
    pub record: Record,
}

/// What made a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// An activity.
    Activity(String),
    /// A version of the case.
    Version(String),
    /// A deadline of the case that passed.
    Timer(Timestamp),
    /// A check that was answered.
    Check(String),
    /// A finding, by its breach and the decisions about it.
    Finding(FindingId),
}

/// A history being told.
#[derive(Clone)]
pub struct Retelling {
    scope: TenantScope,
    market: Market,
    rules: Arc<RuleSet>,
    view: View,
    place: Option<Place>,
}

/// A part of it, as read.
pub struct Portion {
    part: Part,
    /// Where the telling goes on behind it; `None` at the end.
    pub next: Option<Place>,
}

impl Portion {
    /// How many records of commits up to a revision it holds: versions of cases, activities each with the first of their
    /// cases, and commits of the log of checks. Records of rosters are counted where they lie among the others.
    #[must_use]
    pub fn records(&self, known: u64) -> u64 {
        let count = match &self.part {
            Part::Cases(part) => part.1.records(known),
            Part::Market(rows) => rows.iter().filter(|row| row.revision <= known).count(),
            Part::Rosters(_) => 0,
            Part::Checks(rows) => rows.iter().filter(|row| row.revision <= known).count(),
        };
        u64::try_from(count).unwrap_or(u64::MAX)
    }
}

/// Decisions about findings of some cases.
type Decisions = HashMap<FindingId, Vec<Decision>>;

enum Part {
    Cases(Box<(Replay, Chunk, Decisions)>),
    Market(Vec<StoredActivity>),
    Rosters(Vec<StoredActivity>),
    Checks(Vec<CheckRow>),
}

impl Retelling {
    /// Tells the history of a market from `place` on; from the beginning without one.
    #[must_use]
    pub fn new(scope: TenantScope, market: Market, rules: Arc<RuleSet>, view: View, place: Option<Place>) -> Self {
        let place = Some(place.unwrap_or(Place::Cases(String::new())));
        Self { scope, market, rules, view, place }
    }

    /// Reads the next part; `None` at the end.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn next(&mut self) -> Result<Option<Portion>, IngestError> {
        let id: MarketId = self.market.key.market.clone();
        loop {
            let Some(place) = self.place.take() else { return Ok(None) };
            match place {
                Place::Cases(after) => {
                    let View { known, now, until } = self.view;
                    let replay = Replay::new(self.scope.clone(), self.market.clone(), known, now);
                    let mut replay = replay.as_of(until).after(after);
                    let Some(chunk) = replay.next(&[&self.rules]).await? else {
                        self.place = Some(Place::Market(0, String::new()));
                        continue;
                    };
                    self.place = Some(Place::Cases(replay.place().to_owned()));
                    let mut decisions = self.scope.decisions_of_cases(&id, &chunk.ids(), known).await?;
                    decisions.values_mut().for_each(|made| made.retain(|decision| decision.at <= until));
                    return Ok(Some(self.portion(Part::Cases(Box::new((replay, chunk, decisions))))));
                }
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
                    let Some(last) = rows.last().filter(|_| rows.iter().any(|row| row.revision <= self.view.known))
                    else {
                        return Ok(None);
                    };
                    self.place = Some(Place::Checks(last.revision));
                    return Ok(Some(self.portion(Part::Checks(rows))));
                }
            }
        }
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

    /// Whether an activity without a case counts in this view.
    fn counts(&self, row: &StoredActivity) -> bool {
        let View { known, until, .. } = self.view;
        row.revision <= known
            && row.voided.is_none_or(|since| since > known)
            && !is_void(&row.activity)
            && row.activity.occurred <= until
    }

    fn portion(&self, part: Part) -> Portion {
        Portion { part, next: self.place.clone() }
    }

    /// Tells the facts of a part, each with its record, always in the same order, and returns what tests of rules
    /// lacked. Keeps a processor busy.
    ///
    /// # Errors
    /// A logged check is corrupt.
    pub fn tell(&self, portion: &Portion, note: &mut dyn FnMut(&Origin, &Fact)) -> Result<Vec<Unknown>, IngestError> {
        match &portion.part {
            Part::Cases(part) => {
                let (replay, chunk, decisions) = &**part;
                let mut facts = Vec::new();
                let unknown = replay.tell(chunk, &self.rules, &mut |case, told| {
                    let record = match told {
                        Told::Fact(Cause::Event(Event::Version(version)), _) => {
                            Record::Version(version.version.as_str().to_owned())
                        }
                        Told::Fact(Cause::Event(Event::Activity(activity)), _) => {
                            Record::Activity(activity.id.as_str().to_owned())
                        }
                        Told::Fact(Cause::Timer(due), _) => Record::Timer(due),
                        Told::Finding(finding) => Record::Finding(finding.id),
                    };
                    let origin = Origin { case: Some(case.clone()), record };
                    match told {
                        Told::Fact(_, fact) => note(&origin, fact),
                        Told::Finding(finding) => {
                            let made = decisions.get(&finding.id).map_or(&[][..], Vec::as_slice);
                            finding_facts(&self.market, finding, made, &mut facts);
                            facts.drain(..).for_each(|fact| note(&origin, &fact));
                        }
                    }
                });
                return Ok(unknown);
            }
            Part::Market(rows) => {
                let mut facts = Vec::new();
                for row in rows.iter().filter(|row| self.counts(row)) {
                    market_facts(&self.market, &row.activity, &mut facts);
                    let record = Record::Activity(row.activity.id.as_str().to_owned());
                    let origin = Origin { case: None, record };
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
                    let id = last.map(|record| record.id.as_str().to_owned()).unwrap_or_default();
                    let origin = Origin { case: None, record: Record::Activity(id) };
                    ends.drain(..).for_each(|end| note(&origin, &end));
                    note(&origin, &fact);
                }
            }
            Part::Checks(rows) => {
                for row in rows.iter().filter(|row| row.revision <= self.view.known) {
                    for line in read_checks(&row.body)? {
                        for check in &line.checks {
                            let asked = line.head.asked.plus(check.asked_after);
                            let Some(fact) = check_fact(&self.market, asked, check) else { continue };
                            if asked > self.view.until {
                                continue;
                            }
                            let id = format!("{}-{:x}", line.head.run, check.number);
                            let case = Some(CaseId::trusted(&check.case));
                            note(&Origin { case, record: Record::Check(id) }, &fact);
                        }
                    }
                }
            }
        }
        Ok(Vec::new())
    }
}

/// A task of a telling ended by itself, or the place where it goes on is no place.
pub(crate) fn untold() -> IngestError {
    IngestError::internal("the history could not be told to its end")
}
