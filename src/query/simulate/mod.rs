//! What a candidate of rules would change: stored history derived under the rules in force and under the candidate, case by
//! case, and compared. Nothing is written; what others write meanwhile is not seen.

mod report;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesOrdered;
use tokio::sync::mpsc;

pub use report::{BySeverity, Change, Lacking, RuleChange, Sample, Span, Totals};

use super::{Query, Reading};
use crate::compliance::examples;
use crate::config::{CandidateFile, Snapshot};
use crate::domain::diagnostic::{Diagnostic, Diagnostics};
use crate::domain::ids::MarketId;
use crate::domain::principal::Principal;
use crate::ingest::derive::Effects;
use crate::ingest::{Batches, IngestError, Replay, Seat, Unopened};
use crate::rules::pack::Pack;
use crate::rules::{Packs, RuleSet};
use report::Report;

/// Batches of cases that one simulation judges at once.
const JUDGED_AT_ONCE: usize = 2;
/// Events that wait for a slow reader before the replay waits too.
const WAITING: usize = 4;

/// What is to be simulated.
#[derive(Debug, Clone)]
pub struct Simulation {
    /// Files laid over those in force.
    pub files: Vec<CandidateFile>,
    /// Breaches of which time are compared.
    pub span: Span,
    /// Most samples of each kind of change, of each rule.
    pub samples: usize,
    /// Nothing is replayed where a worked example of the candidate fails.
    pub strict: bool,
    /// How long it waits for a reader who takes nothing: its place is wanted by others.
    pub patience: Duration,
}

/// What a simulation tells, in this order; progress as often as there is some.
#[derive(Debug)]
pub enum SimulationEvent {
    /// The candidate is sound, and the replay begins.
    Started {
        /// Cases of the market.
        cases: u64,
        /// Revision of the market up to which it is replayed.
        revision: u64,
        /// Digest of the rules in force.
        in_force: String,
        /// Digest of the candidate.
        candidate: String,
        /// Worked examples that were run: those of the packs that the candidate changes.
        examples: u64,
        /// What they do not hold or do not prove, as `fairdue check` tells it.
        failed: Vec<Diagnostic>,
    },
    /// The candidate is not sound: nothing is replayed.
    Refused(Diagnostics),
    /// So much was replayed.
    Progress {
        /// Cases.
        cases: u64,
        /// Activities.
        activities: u64,
    },
    /// What changes of one rule.
    Rule(Box<RuleChange>),
    /// That was all.
    Finished(Totals),
    /// It broke off.
    Failed(IngestError),
}

impl Query {
    /// Simulates a candidate. The events come as they are made; whoever drops the receiver stops it within a case.
    ///
    /// # Errors
    /// The caller may not read the market, or too many simulations run.
    pub fn simulate(
        &self,
        who: &Principal,
        market: &MarketId,
        simulation: Simulation,
    ) -> Result<mpsc::Receiver<SimulationEvent>, IngestError> {
        let reading = self.open(who, market)?;
        let place = self.simulations.try_take(&reading.key.tenant, 1).ok_or(IngestError::Overloaded)?;
        let (events, told) = mpsc::channel(WAITING);
        let run = Run {
            snapshot: self.markets.config().get(),
            now: self.markets.clock().now(),
            patience: simulation.patience,
            reading,
            events,
        };
        tokio::spawn(run.whole(simulation, place));
        Ok(told)
    }
}

/// A simulation at work.
struct Run {
    snapshot: Arc<Snapshot>,
    now: crate::domain::time::Timestamp,
    reading: Reading,
    patience: Duration,
    events: mpsc::Sender<SimulationEvent>,
}

/// Nobody listens any more, or takes what is told.
struct Gone;

impl Run {
    async fn whole(self, simulation: Simulation, place: Seat) {
        let last = self.all_but_last(simulation).await;
        // Whoever has heard the end may ask again at once.
        drop(place);
        if let Some(last) = last {
            let _ = self.tell(last).await;
        }
    }

    /// Tells everything but what comes last; that is nothing if nobody listens any more.
    async fn all_but_last(&self, simulation: Simulation) -> Option<SimulationEvent> {
        let Simulation { files, span, samples, strict, .. } = simulation;
        let (snapshot, tenant) = (Arc::clone(&self.snapshot), self.reading.key.tenant.clone());
        // The rules in force are compiled from the same texts, so that what is not edited is the same in both.
        let events = self.events.clone();
        let compile = move || {
            let [in_force, candidate] = [snapshot.candidate(&tenant, &[])?, snapshot.candidate(&tenant, &files)?];
            let proof = proof(&in_force.packs, &candidate.packs, &|| events.is_closed());
            if strict && !proof.1.is_empty() {
                return Err(Diagnostics(proof.1));
            }
            Ok(([in_force.rules, candidate.rules].map(Arc::new), proof))
        };
        let (sets, proof) = match tokio::task::spawn_blocking(compile).await {
            Ok(Ok(compiled)) => compiled,
            Ok(Err(diagnostics)) => return Some(SimulationEvent::Refused(diagnostics)),
            Err(_) => return Some(SimulationEvent::Failed(broken())),
        };
        // Rules that are the same on the same ground say the same: only the others are judged.
        let differing = sets[0].differing(&sets[1]);
        let judged = match &differing {
            Some(ids) => sets.each_ref().map(|rules| Arc::new(rules.only(ids))),
            None => sets.clone(),
        };
        let report = Report::new(span, differing, samples);
        match self.replay(sets, judged, (proof, report)).await {
            Ok(totals) => Some(SimulationEvent::Finished(totals)),
            Err(error) => error.map(SimulationEvent::Failed),
        }
    }

    async fn tell(&self, event: SimulationEvent) -> Result<(), Gone> {
        self.events.send_timeout(event, self.patience).await.map_err(|_| Gone)
    }

    /// `Err(None)`: nobody listens any more.
    async fn replay(
        &self,
        sets: [Arc<RuleSet>; 2],
        judged: [Arc<RuleSet>; 2],
        ((examples, failed), mut report): (Proof, Report),
    ) -> Result<Totals, Option<IngestError>> {
        let [in_force, candidate] = &sets;
        let scope = &self.reading.scope;
        let market = &self.reading.key.market;
        let stored = |error| Some(IngestError::from(error));
        let revision = scope.head(market).await.map_err(stored)?.map_or(0, |head| head.revision);
        let cases = scope.count_cases(market).await.map_err(stored)?;
        let started = SimulationEvent::Started {
            cases,
            revision,
            in_force: in_force.digest().to_owned(),
            candidate: candidate.digest().to_owned(),
            examples,
            failed,
        };
        self.tell(started).await.map_err(|_| None)?;
        let replay = Replay::new(scope.clone(), self.reading.market.clone(), revision, self.now);
        let mut batches = Batches::of_many(replay, String::new());
        // Some cases are judged while others are read; they are compared in their order.
        let mut judging = FuturesOrdered::new();
        loop {
            let judge = |replay: Replay, batch| {
                let (judged, events) = (judged.clone(), self.events.clone());
                async move {
                    let read = replay.read(batch, &[&judged[0], &judged[1]]).await?;
                    let work = Judging { replay, read, sets: judged, events };
                    tokio::task::spawn_blocking(move || work.run()).await.map_err(|_| broken())?
                }
            };
            batches.read_ahead(&mut judging, JUDGED_AT_ONCE, judge).await.map_err(Some)?;
            let Some(judged) = judging.next().await else { break };
            let Judged { cases, activities, effects } =
                judged.map_err(|_| Some(broken()))?.map_err(Some)?.ok_or(None)?;
            report.read(cases, activities);
            for [before, after] in effects {
                report.compare(before, after);
            }
            let progress = SimulationEvent::Progress { cases: report.cases(), activities: report.activities() };
            self.tell(progress).await.map_err(|_| None)?;
        }
        let totals = report.totals();
        for change in report.into_changes(in_force, candidate) {
            self.tell(SimulationEvent::Rule(Box::new(change))).await.map_err(|_| None)?;
        }
        Ok(totals)
    }
}

/// How many worked examples were run, and what of them does not hold.
type Proof = (u64, Vec<Diagnostic>);

/// Runs the worked examples of the packs that differ, as `fairdue check` runs all.
fn proof(in_force: &Packs, candidate: &Packs, stopped: &dyn Fn() -> bool) -> Proof {
    let differs = |pack: &Pack| in_force.get(pack.id.as_str()).is_none_or(|old| old.digest != pack.digest);
    let (_, failed) = examples::run_of(candidate, &differs, stopped);
    let run = candidate.iter().filter(|pack| differs(pack)).map(|pack| pack.examples.len() as u64).sum();
    (run, failed)
}

/// Cases and what they are judged by.
struct Judging {
    replay: Replay,
    read: Unopened,
    sets: [Arc<RuleSet>; 2],
    events: mpsc::Sender<SimulationEvent>,
}

/// What both sets say of some cases.
struct Judged {
    cases: usize,
    activities: usize,
    /// Of each case.
    effects: Vec<[Effects; 2]>,
}

impl Judging {
    /// Judges every case by both sets; `None` once nobody listens any more. What was read is taken apart, judged and dropped
    /// in one task: memory that another thread gives back is dearer.
    fn run(self) -> Result<Option<Judged>, IngestError> {
        let Self { replay, read, sets, events } = self;
        let mut judged = Judged { cases: 0, activities: 0, effects: Vec::new() };
        for chunk in read.open() {
            let chunk = chunk?;
            for of_case in replay.judge(&chunk, sets.each_ref().map(|rules| &**rules)) {
                if events.is_closed() {
                    return Ok(None);
                }
                judged.effects.push(of_case);
            }
            judged.cases += chunk.cases();
            judged.activities += chunk.activities();
        }
        Ok(Some(judged))
    }
}

/// A task of the replay ended by itself.
fn broken() -> IngestError {
    IngestError::internal("the simulation ended unexpectedly")
}
