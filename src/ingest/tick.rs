//! The due-queue: what time changes. When a tick runs never changes a result, so it waits while history comes in:
//! firing timers before older facts arrive would only make them be judged twice.

use std::sync::Arc;

use super::IngestError;
use super::derive::{CaseEntry, Effects};
use super::group::{GroupContext, Writing};
use super::turns::Turns;
use super::work::Work;
use super::writer::Job;
use crate::domain::ids::CaseId;
use crate::domain::time::{SECOND, Timestamp};

/// Quiet time after which history counts as complete up to now.
const QUIET: i64 = 2 * SECOND;
/// How far behind the clock facts lie that are history being loaded.
const HISTORY: i64 = 86_400 * SECOND;
/// How long history that comes in without a pause holds the queue back: fired once, a case's timers cost one row and not
/// one each.
const PATIENCE: i64 = 30 * SECOND;
/// Cases of one tick commit.
const CASES: u32 = 2_000;

/// How the market's facts come in: live, or as history being loaded.
#[derive(Default)]
pub(super) struct Pace {
    last_write: Option<Timestamp>,
    front: Option<Timestamp>,
    fired: Option<Timestamp>,
    /// Up to where the market was seen, and when it was seen to have come there.
    revision: Option<u64>,
    moved: Option<Timestamp>,
}

impl Pace {
    /// Notes a group: its older facts tell up to where history seems complete.
    pub(super) fn note(&mut self, jobs: &[Job], now: Timestamp) {
        let mut times: Vec<Timestamp> = Vec::new();
        for job in jobs {
            match &job.work {
                Work::Activities(activities) => times.extend(activities.iter().map(|activity| activity.occurred)),
                Work::Push(push) => {
                    times.extend(push.activities.iter().map(|activity| activity.occurred));
                    times.extend(push.cases.iter().map(|case| case.version.effective));
                }
                Work::Correction(both) => times.extend(both.iter().map(|activity| activity.occurred)),
                Work::Cases(cases) => times.extend(cases.iter().map(|case| case.version.effective)),
                Work::Load(..)
                | Work::Checks(_)
                | Work::Settle(_)
                | Work::Fill(_)
                | Work::Derive
                | Work::Decide(_)
                | Work::Reserve(_)
                | Work::Release(_) => {}
            }
        }
        if times.is_empty() {
            return;
        }
        // A fifth may be late without holding the queue back.
        let place = times.len() / 5;
        let (_, front, _) = times.select_nth_unstable(place);
        self.front = Some(*front);
        self.last_write = Some(now);
    }

    /// Notes that the group noted last is committed, or given up. Quiet begins here: a commit may take long.
    pub(super) fn done(&mut self, now: Timestamp) {
        self.last_write = Some(now);
    }

    /// Whether nothing was written for a while.
    pub(super) fn is_idle(&self, now: Timestamp) -> bool {
        self.last_write.is_none_or(|last| now.0 - last.0 >= QUIET)
    }

    /// Notes up to where the market is known to have come, whoever wrote it.
    pub(super) fn see(&mut self, revision: Option<u64>, now: Timestamp) {
        if self.revision != revision {
            (self.revision, self.moved) = (revision, Some(now));
        }
    }

    /// Whether nobody wrote to the market for a while, other replicas included as far as they were seen.
    pub(super) fn is_still(&self, now: Timestamp) -> bool {
        self.is_idle(now) && self.moved.is_none_or(|moved| now.0 - moved.0 >= QUIET)
    }

    /// Up to where timers are to fire now; `None`: not now.
    pub(super) fn horizon(&mut self, now: Timestamp) -> Option<Timestamp> {
        let horizon = if self.is_idle(now) { now } else { self.front?.min(now) };
        let history = now.0 - horizon.0 > HISTORY;
        if history && self.fired.is_some_and(|last| now.0 - last.0 < PATIENCE) {
            return None;
        }
        self.fired = Some(now);
        Some(horizon)
    }
}

/// Who has the due-queue drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The clock: it can wait while another replica brings history in.
    Clock,
    /// A question or a decision that rests on it.
    Asked,
}

/// Fires every timer due at or before `until`.
pub(super) async fn run(context: &GroupContext<'_>, until: Timestamp, cause: Cause) -> Result<(), IngestError> {
    loop {
        let scope = context.markets.store.scope(&context.key.tenant);
        // A look without the lock: mostly nothing is due.
        if scope.next_due(&context.key.market).await?.is_none_or(|due| due > until) {
            return Ok(());
        }
        let known = context.state.revision();
        let mut writing = Writing::begin(context).await?;
        let head = &writing.tx.head;
        let foreign = known.is_some_and(|known| known < head.revision);
        if cause == Cause::Clock && foreign && writing.recorded.0 - head.recorded.0 < QUIET {
            // Another replica writes to this market just now: how far its history has come, it alone knows.
            return writing.commit_in_place().await;
        }
        let fired = fire(&mut writing, until).await?;
        writing.commit().await?;
        if fired == 0 {
            return Ok(());
        }
    }
}

/// Fires the timers of the cases that are due first; returns how many cases were looked at.
pub(super) async fn fire(writing: &mut Writing<'_>, until: Timestamp) -> Result<usize, IngestError> {
    let due: Vec<CaseId> = writing.tx.due_cases(until, CASES).await?;
    if !due.is_empty() {
        writing.tx.head.fired = writing.tx.head.fired.max(until);
    }
    let entries = writing.entries(&due).await?;
    let mut turns = Turns::begin();
    for case in &due {
        turns.give_way().await;
        let Some(entry) = entries.get(case) else { continue };
        let mut entry = CaseEntry::clone(entry);
        let mut effects = Effects::default();
        let mut ahead = entry.ahead(&writing.env()).map_or_else(|| entry.clone(), |(ahead, _)| ahead);
        ahead.fire(&writing.env(), until, &mut effects);
        entry.advanced_to = entry.advanced_to.max(until);
        writing.queue_due(case, &mut entry, ahead.next_due(), true);
        writing.take(effects, "omission");
        writing.updated.push((case.clone(), Arc::new(entry)));
    }
    Ok(due.len())
}
