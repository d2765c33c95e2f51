//! The due-queue: what time changes. When a tick runs never changes a result, so it waits while history comes in:
//! firing timers before older facts arrive would only make them be judged twice.

use std::sync::Arc;

use super::IngestError;
use super::derive::{CaseEntry, Effects};
use super::group::{GroupContext, Writing};
use super::work::Work;
use super::writer::Job;
use crate::domain::ids::CaseId;
use crate::domain::time::{SECOND, Timestamp};

/// Quiet time after which history counts as complete up to now.
const QUIET: i64 = 2 * SECOND;
/// Cases of one tick commit.
const CASES: u32 = 2_000;

/// How the market's facts come in: live, or as history being loaded.
#[derive(Default)]
pub(super) struct Pace {
    last_write: Option<Timestamp>,
    front: Option<Timestamp>,
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

    /// Whether nothing was written for a while.
    pub(super) fn is_idle(&self, now: Timestamp) -> bool {
        self.last_write.is_none_or(|last| now.0 - last.0 >= QUIET)
    }

    /// Up to where timers may fire now.
    pub(super) fn horizon(&self, now: Timestamp) -> Option<Timestamp> {
        if self.is_idle(now) { Some(now) } else { self.front.map(|front| front.min(now)) }
    }
}

/// Fires every timer due at or before `until`.
pub(super) async fn run(context: &GroupContext<'_>, until: Timestamp) -> Result<(), IngestError> {
    loop {
        let scope = context.markets.store.scope(&context.key.tenant);
        // A look without the lock: mostly nothing is due.
        if scope.next_due(&context.key.market).await?.is_none_or(|due| due > until) {
            return Ok(());
        }
        let mut writing = Writing::begin(context).await?;
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
    let entries = writing.entries(&due).await?;
    for case in &due {
        let Some(entry) = entries.get(case) else { continue };
        let mut entry = CaseEntry::clone(entry);
        let mut effects = Effects::default();
        entry.fire(&writing.env(), until, &mut effects);
        entry.advanced_to = entry.advanced_to.max(until);
        writing.queue_due(case, &mut entry, true);
        writing.take(effects, "omission");
        writing.updated.push((case.clone(), Arc::new(entry)));
    }
    Ok(due.len())
}
