//! What rules say of a case's history, and nothing else: no money, no promises, no KPI facts. The rules look at none of
//! those, so this finds what the whole fold finds, as a test holds; a simulation does it for every case, twice.

use super::derive::{Effects, Env, Event, context};
use super::fold::in_order;
use crate::compliance::{CaseWatch, Emission};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::of_person::told_of;
use crate::domain::time::Timestamp;

/// Findings and unknown tests of a case from scratch, by each of some sets of rules, with every term that ended by `until`
/// fired. `None` if there is no version. The facts are left empty.
#[must_use]
pub fn judge<'a, const N: usize>(
    envs: [&Env<'_>; N],
    versions: impl Iterator<Item = &'a CaseVersion>,
    activities: impl Iterator<Item = &'a Activity>,
    until: Timestamp,
) -> Option<[Effects; N]> {
    let (first, later, events) = in_order(versions, activities)?;
    Some(envs.map(|env| by(env, first, &later, &events, until)))
}

fn by<'a>(
    env: &Env<'_>,
    first: &'a CaseVersion,
    later: &[&'a CaseVersion],
    events: &[Event<'a>],
    until: Timestamp,
) -> Effects {
    let mut emissions = Vec::new();
    let watch = CaseWatch::open(&context(env, first, true), &mut emissions);
    let mut judging = Judging { env, version: first, watch, emissions, effects: Effects::default() };
    for version in later {
        judging.watch.remember_for(env.rules, env.market, version);
    }
    for event in events {
        judging.step(*event);
    }
    judging.fire(until);
    judging.note();
    judging.effects
}

struct Judging<'e, 'a> {
    env: &'e Env<'e>,
    /// The version in force.
    version: &'a CaseVersion,
    watch: CaseWatch,
    emissions: Vec<Emission>,
    effects: Effects,
}

impl<'a> Judging<'_, 'a> {
    fn step(&mut self, event: Event<'a>) {
        self.fire(event.at());
        match event {
            Event::Version(version) => {
                self.version = version;
                self.watch.version(&context(self.env, version, true), &mut self.emissions);
            }
            // On another case: what it tells of a person binds here too; with a promise, see `shared_calls`, rules have nothing to do.
            Event::Activity(activity) if !activity.cases.contains(&self.version.case) => {
                if told_of(activity).is_some() {
                    self.watch.told_of_person(activity);
                }
            }
            Event::Activity(activity) => {
                let lead = activity.cases.first() == Some(&self.version.case);
                self.watch.apply(&context(self.env, self.version, lead), activity, &mut self.emissions);
            }
        }
        self.note();
    }

    /// Fires every term that ended by `until`, in order.
    fn fire(&mut self, until: Timestamp) {
        while let Some(due) = self.watch.next_due().filter(|due| *due <= until) {
            self.watch.advance(&context(self.env, self.version, true), due, &mut self.emissions);
            if self.watch.next_due() == Some(due) {
                tracing::error!(case = %self.version.case, due = %due, "a timer stays due after it was fired");
                break;
            }
        }
    }

    fn note(&mut self) {
        for emission in self.emissions.drain(..) {
            match emission {
                Emission::Opened(finding) => {
                    self.effects.findings.insert(finding.id, *finding);
                }
                Emission::Test { rule, at, missing, .. } => {
                    self.effects.unknown.extend(missing.map(|attribute| (rule, attribute, at)));
                }
            }
        }
    }
}
