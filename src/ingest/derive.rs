//! The fold of one case: ledger and compliance over its facts in order. Incremental and from-scratch derivation are the
//! same steps, so they agree by construction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::kept::Kept;
use crate::compliance::{self, CaseWatch, Emission, PersonLogs, TestOutcome};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::fact::{Fact, FactKind, flag};
use crate::domain::facts::{Facts, Kinds};
use crate::domain::finding::Finding;

use crate::domain::ids::{FindingId, Inline, PersonId, RuleId};
use crate::domain::market::Market;
use crate::domain::of_person::told_of;
use crate::domain::time::Timestamp;
use crate::ledger::{self, Barred, CaseLedger, DimRef, of_test};
use crate::rules::RuleSet;
use crate::rules::words::Attribute;

/// What a derivation stands on besides the case's own facts.
pub struct Env<'a> {
    /// The market.
    pub market: &'a Market,
    /// The rules of the tenant.
    pub rules: &'a RuleSet,
    /// Contacts of the persons concerned, over all their cases.
    pub persons: &'a PersonLogs,
    /// Kinds of facts that are counted.
    pub kinds: Kinds,
}

/// What a derivation has emitted.
#[derive(Default)]
pub struct Effects {
    /// Signed contributions to KPI cells.
    pub facts: Facts,
    /// Findings.
    pub findings: BTreeMap<FindingId, Finding>,
    /// Tests whose outcome is not known, with what is missing and when.
    pub unknown: Vec<(RuleId, Attribute, Timestamp)>,
    /// Looks at when the case becomes barred, in order: each holds until the next, with what is missing to tell it.
    pub looks: Vec<(Timestamp, Vec<(RuleId, Attribute)>)>,
}

impl Effects {
    /// Forgets what was emitted, and keeps its room.
    pub(super) fn clear(&mut self) {
        self.facts.clear();
        self.findings.clear();
        self.unknown.clear();
        self.looks.clear();
    }

    /// Adds what was emitted later.
    pub(super) fn join(&mut self, later: Self) {
        self.facts.extend(later.facts);
        self.findings.extend(later.findings);
        self.unknown.extend(later.unknown);
        self.looks.extend(later.looks);
    }
}

/// Where a fact stands in the order of its case: time, versions before activities, source sequence, id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position(Timestamp, u8, i64, #[serde(with = "crate::domain::id_bytes")] Inline);

impl Position {
    /// Before every fact.
    pub(super) const FIRST: Self = Self(NEVER, 0, 0, Inline::new_static(""));
}

/// A fact of a case.
#[derive(Clone, Copy)]
pub enum Event<'a> {
    /// A version takes effect.
    Version(&'a CaseVersion),
    /// Something happened.
    Activity(&'a Activity),
}

impl Event<'_> {
    /// When it happened or takes effect.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Version(version) => version.effective,
            Self::Activity(activity) => activity.occurred,
        }
    }

    /// Its place among the facts of its case.
    pub(super) fn order(&self) -> (Timestamp, u8, i64, &str) {
        match self {
            Self::Version(version) => (version.effective, 0, 0, version.version.as_str()),
            Self::Activity(activity) => (activity.occurred, 1, activity.source_seq, activity.id.as_str()),
        }
    }

    /// Where it stands.
    #[must_use]
    pub fn position(&self) -> Position {
        match self {
            Self::Version(version) => Position(version.effective, 0, 0, version.version.text()),
            Self::Activity(activity) => Position(activity.occurred, 1, activity.source_seq, activity.id.text()),
        }
    }
}

/// The derived state of one case up to its last fact. Timers that the due-queue fired behind that fact have emitted what
/// they emit ([`CaseEntry::ahead`]), but are still to come here: a fact that comes in late, but behind the last one,
/// goes onto this state, and what the timers said is compared with what they say then.
#[derive(Clone)]
pub struct CaseEntry {
    /// Versions in order; the first holds from ever.
    pub versions: Arc<Vec<CaseVersion>>,
    /// Money, promises.
    pub ledger: CaseLedger,
    /// Windows, flags, omissions to come.
    pub watch: CaseWatch,
    /// When it becomes barred by limitation.
    pub(super) barred: Barred,
    /// The last fact folded in.
    pub(super) last: Position,
    /// The due-queue has fired timers up to here, if it lies behind the last fact.
    pub advanced_to: Timestamp,
    /// Due instant in the stored due-queue; none stored if absent.
    pub stored_due: Option<Timestamp>,
    /// The activities behind this state; absent where only the database knows them.
    pub(super) kept: Option<Kept>,
    /// Persons with whom something happened on the case although no version makes them its parties.
    pub(super) met: BTreeSet<PersonId>,
}

const NEVER: Timestamp = Timestamp(i64::MIN);

impl CaseEntry {
    /// Opens a case with its first version.
    #[must_use]
    pub fn open(env: &Env<'_>, first: &CaseVersion, effects: &mut Effects) -> Self {
        effects.facts.take_only(env.kinds);
        let ledger = CaseLedger::open(env.market, first, &mut effects.facts);
        let mut emissions = Vec::new();
        let watch = CaseWatch::open(&context(env, first, true), &mut emissions);
        let mut entry = Self {
            versions: Arc::new(vec![first.clone()]),
            ledger,
            watch,
            barred: Barred::default(),
            last: Event::Version(first).position(),
            advanced_to: NEVER,
            stored_due: None,
            kept: None,
            met: BTreeSet::new(),
        };
        collect(env, first, None, emissions, effects);
        entry.look_at_limitation(env, first.placement.placed.unwrap_or(first.effective), effects);
        entry
    }

    /// The version in force after every fact folded in.
    #[must_use]
    pub fn current(&self) -> &CaseVersion {
        // The vector is never empty: `open` puts the first version in.
        &self.versions[self.versions.len() - 1]
    }

    /// The version in force at an instant.
    #[must_use]
    pub fn version_at(&self, at: Timestamp) -> &CaseVersion {
        let after = self.versions.partition_point(|version| version.effective <= at);
        &self.versions[after.saturating_sub(1)]
    }

    /// Whether a fact at that position can be folded onto this state.
    #[must_use]
    pub fn accepts(&self, position: &Position) -> bool {
        *position > self.last
    }

    /// Whether the state remembers enough for a later version. If not, the case is to be derived anew.
    #[must_use]
    pub fn remembers_for(&self, env: &Env<'_>, version: &CaseVersion) -> bool {
        self.watch.remembers_for(env.rules, env.market, version)
    }

    /// Remembers enough for a later version. Must be told before the first contact.
    pub fn remember_for(&mut self, env: &Env<'_>, version: &CaseVersion) {
        self.watch.remember_for(env.rules, env.market, version);
    }

    /// Whether facts later than `at` are folded in already.
    #[must_use]
    pub fn is_past(&self, at: Timestamp) -> bool {
        self.last.0 > at
    }

    /// Folds one more fact in. The caller has asked [`CaseEntry::accepts`].
    pub fn step(&mut self, env: &Env<'_>, event: Event<'_>, effects: &mut Effects) {
        let position = event.position();
        self.fire(env, position.0, effects);
        // Without rules there is nothing to remember for them: a market whose rules change is derived anew.
        let judges = !env.rules.is_empty();
        match event {
            Event::Version(version) => {
                let versions = Arc::clone(&self.versions);
                self.ledger.version(env.market, &versions[versions.len() - 1], version, &mut effects.facts);
                drop(versions);
                Arc::make_mut(&mut self.versions).push(version.clone());
                if judges {
                    let mut emissions = Vec::new();
                    self.watch.version(&context(env, version, true), &mut emissions);
                    collect(env, version, None, emissions, effects);
                }
            }
            Event::Activity(activity) => {
                let versions = Arc::clone(&self.versions);
                let version = &versions[versions.len() - 1];
                let lead = activity.cases.first() == Some(&version.case);
                if !lead && !activity.cases.contains(&version.case) {
                    if told_of(activity).is_none() {
                        // Rules have nothing to do with it, nor has what is owed.
                        self.ledger.promised_elsewhere((env.market, version), activity, &mut effects.facts);
                    } else if judges {
                        self.watch.told_of_person(activity);
                    }
                    self.last = position;
                    return;
                }
                self.meet(activity);
                let context_of_ledger = ledger::Context { market: env.market, version, lead };
                self.ledger.apply(&context_of_ledger, activity, &mut effects.facts);
                if judges {
                    let mut emissions = Vec::new();
                    self.watch.apply(&context(env, version, lead), activity, &mut emissions);
                    collect(env, version, Some(activity), emissions, effects);
                }
            }
        }
        self.look_at_limitation(env, position.0, effects);
        self.last = position;
    }

    /// Tells what has changed of when the account becomes barred, if that may have.
    fn look_at_limitation(&mut self, env: &Env<'_>, at: Timestamp, effects: &mut Effects) {
        let grounds = self.ledger.grounds(self.watch.interruptions(), self.versions.len());
        if !self.barred.is_due(&grounds, at) {
            return;
        }
        let version = &self.versions[self.versions.len() - 1];
        let (owes_on, mut missing) = (|claim: usize| grounds.owes_on(claim), Vec::new());
        let ask = || self.watch.enforceable(&context(env, version, true), at, &owes_on, &mut missing);
        let found = grounds.owes().then(ask);
        effects.looks.push((at, missing));
        self.barred.tell(env.market, version, (grounds, found.as_ref()), at, &mut effects.facts);
    }

    /// When the next timer is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        [self.ledger.next_due(), self.watch.next_due(), self.barred.next_due()].into_iter().flatten().min()
    }

    /// The state with every timer fired that the due-queue has fired, if there are such, and what they emitted.
    #[must_use]
    pub fn ahead(&self, env: &Env<'_>) -> Option<(Self, Effects)> {
        self.next_due().filter(|due| *due <= self.advanced_to)?;
        let (mut ahead, mut effects) = (self.clone(), Effects::default());
        ahead.fire(env, self.advanced_to, &mut effects);
        Some((ahead, effects))
    }

    /// Fires every timer due at or before `until`, in order, each with its due instant as the time of what it emits.
    pub fn fire(&mut self, env: &Env<'_>, until: Timestamp, effects: &mut Effects) {
        self.fire_noting(env, until, effects, &mut |_, _| {});
    }

    pub(super) fn fire_noting<'a>(
        &mut self,
        env: &Env<'_>,
        until: Timestamp,
        effects: &mut Effects,
        note: &mut dyn FnMut(Cause<'a>, &Effects),
    ) {
        effects.facts.take_only(env.kinds);
        while let Some(due) = self.next_due().filter(|due| *due <= until) {
            let versions = Arc::clone(&self.versions);
            let version = &versions[versions.len() - 1];
            self.ledger.advance(env.market, version, due, &mut effects.facts);
            let mut emissions = Vec::new();
            self.watch.advance(&context(env, version, true), due, &mut emissions);
            collect(env, version, None, emissions, effects);
            self.look_at_limitation(env, due, effects);
            note(Cause::Timer(due), effects);
            if self.next_due() == Some(due) {
                // A timer that does not go away would turn for ever; the folds promise that it does.
                tracing::error!(case = %version.case, due = %due, "a timer stays due after it was fired");
                break;
            }
        }
    }
}

/// What made a case emit facts.
#[derive(Clone, Copy)]
pub enum Cause<'a> {
    /// A version, or an activity.
    Event(Event<'a>),
    /// A deadline that passed at this instant.
    Timer(Timestamp),
}

pub(super) fn context<'a>(env: &Env<'a>, version: &'a CaseVersion, lead: bool) -> compliance::Context<'a> {
    compliance::Context { rules: env.rules, market: env.market, version, lead, persons: env.persons }
}

/// Turns what compliance emitted into findings and rule-test facts.
fn collect(
    env: &Env<'_>,
    version: &CaseVersion,
    activity: Option<&Activity>,
    emissions: Vec<Emission>,
    effects: &mut Effects,
) {
    if emissions.is_empty() {
        return;
    }
    // What was tested has its dimensions; each test adds its rule and outcome.
    let tested = DimRef {
        agent: activity.and_then(|activity| activity.actor.agent.as_deref()),
        team: activity.and_then(|activity| activity.actor.team.as_deref()),
        channel: activity.and_then(Activity::channel),
        direction: activity.map(Activity::direction),
        currency: None,
        ..DimRef::of_case(env.market, version)
    };
    let tested = tested.shared();
    effects.facts.reserve(emissions.len());
    for emission in emissions {
        match emission {
            Emission::Opened(finding) => {
                effects.findings.insert(finding.id, *finding);
            }
            Emission::Test { rule, jurisdiction, outcome, at, missing, notice } => {
                let dims = of_test(&tested, &rule, &jurisdiction, outcome_word(outcome));
                effects.unknown.extend(missing.map(|attribute| (rule, attribute, at)));
                let (day, _) = at.clock(env.market.zone);
                let flags = activity.map_or(0, control_flags) | if notice { flag::NOTICE } else { 0 };
                effects.facts.push(Fact { flags, ..Fact::new(FactKind::RuleTest, day, dims) });
            }
        }
    }
}

fn outcome_word(outcome: TestOutcome) -> &'static str {
    match outcome {
        TestOutcome::Passed => "passed",
        TestOutcome::Failed => "failed",
        TestOutcome::Unknown => "unknown",
    }
}

fn control_flags(activity: &Activity) -> u16 {
    let checked = if activity.control.check_id.is_some() { flag::CHECKED } else { 0 };
    let overridden = if activity.control.override_reason.is_some() { flag::OVERRIDDEN } else { 0 };
    checked | overridden
}
