//! The fold of one case: facts in their order go in, findings and tests come out, and what rules look back at stays.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::judgement::{Note, Speaking, finding, judge};
use super::memory::{EMPTY, Memory};
use super::owed::Owed;
use super::persons::{ContactStamp, Marks};
use super::situation::Situation;
use super::trace::{self, Trace};
use super::verdict::Consequence;
use super::{Answered, Context, Emission, TestOutcome, check, omission, permissions};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::detail::{Detail, TransferKind};
use crate::domain::finding::Severity;
use crate::domain::ids::{ActivityId, PersonId};
use crate::domain::market::Market;
use crate::domain::time::{Timestamp, add_days};
use crate::domain::verdict::Answer;
use crate::domain::vocabulary::{Channel, ConsentScope, Form, Place};
use crate::rules::RuleSet;
use crate::rules::model::{Limits, Rule};
use crate::rules::ruleset::ActiveRule;
use crate::rules::step::Step;
use crate::rules::words::{Attribute, Counted, Set};

/// How many places there are: the bits of those tried once.
const PLACES: u8 = Place::ALL.len() as u8;

/// A contact of the case: whom it concerned, as an index into the case's persons.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CaseStamp {
    pub stamp: ContactStamp,
    pub person: Option<u16>,
}

/// What one case remembers for its rules.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct CaseWatch {
    pub(super) persons: Vec<PersonId>,
    pub(super) contacts: Vec<CaseStamp>,
    memory: Option<Arc<Memory>>,
    /// How far back, in microseconds, rules look over the contacts of the case.
    pub(super) window: i64,
    /// What is owed, minor units.
    pub(super) balance: i64,
    /// Channels on which the collector has made contact.
    pub(super) channels: u16,
    /// Channels on which something was conveyed, either way.
    pub(super) communicated: u16,
    /// Places at which a debtor was tried, and from the fifth bit on those at which more than once.
    pub(super) places: u8,
    pub(super) visited: bool,
    pub(super) paid: bool,
    /// When the right party was first spoken to.
    pub(super) conversed: Option<Timestamp>,
    /// The collector's last contact, charge, legal step or report.
    pub(super) collected: Option<Timestamp>,
    /// What the case stated of its claims and rates when they were judged.
    terms: u64,
}

impl CaseWatch {
    /// Begins a case with its first version. The placement itself may start terms.
    #[must_use]
    pub fn open(ctx: &Context<'_>, out: &mut Vec<Emission>) -> Self {
        let version = ctx.version;
        let prior: i64 = version.prior_charges.iter().fold(0, |sum, one| sum.saturating_add(one.amount.minor));
        let window = ctx.rules.reach().case_window(version, &ctx.market.region);
        let mut watch = Self { balance: version.principal().saturating_add(prior), window, ..Self::default() };
        watch.remember_stated(version);
        if ctx.rules.judges_placements() {
            watch.terms = fingerprint(version);
            let placed = version.placement.placed.unwrap_or(version.effective);
            let activity = placement(version, placed);
            let lead = Context { lead: true, ..*ctx };
            watch.judge(&lead, &activity, None, &|_| true, out);
        }
        watch
    }

    /// Whether contacts are remembered for as long as rules look back while such a version is in force.
    #[must_use]
    pub fn remembers_for(&self, rules: &RuleSet, market: &Market, version: &CaseVersion) -> bool {
        rules.reach().case_window(version, &market.region) <= self.window
    }

    /// Remembers contacts for as long as rules look back while such a version is in force. Must be told before the first
    /// of them.
    pub fn remember_for(&mut self, rules: &RuleSet, market: &Market, version: &CaseVersion) {
        self.window = self.window.max(rules.reach().case_window(version, &market.region));
    }

    /// A later version takes force. Rules read the version itself; only the case's closing is a state, and terms that
    /// changed are judged anew.
    pub fn version(&mut self, ctx: &Context<'_>, out: &mut Vec<Emission>) {
        let version = ctx.version;
        self.remember_stated(version);
        if !ctx.rules.judges_placements() || self.terms == fingerprint(version) {
            return;
        }
        self.terms = fingerprint(version);
        let id = ActivityId::trusted(&format!("version {}", version.version));
        let activity = Activity { id, ..placement(version, version.effective) };
        let lead = Context { lead: true, ..*ctx };
        let dated = |limits: &Limits| matches!(limits, Limits::RequiredNotice(limits) if limits.begins_with_a_day());
        let of_terms =
            |limits: &Limits| matches!(limits, Limits::InterestCap(_) | Limits::PaymentTerm(_)) || dated(limits);
        // Terms that run from a day run from the one that is stated now.
        if self.memory().timers.iter().any(|timer| dated(&timer.rule.rule.limits)) {
            self.remember_in().timers.retain(|timer| !dated(&timer.rule.rule.limits));
        }
        self.judge(&lead, &activity, None, &of_terms, out);
    }

    /// Judges a fact and remembers it. Facts come in their order; timers due until then have been fired by
    /// [`CaseWatch::advance`].
    pub fn apply(&mut self, ctx: &Context<'_>, activity: &Activity, out: &mut Vec<Emission>) {
        if activity.date_only {
            // Its date may begin before the midnight at which a term ends where the debtor lives.
            let date = activity.occurred.date(ctx.market.zone);
            self.fire_all(ctx, &|timer| timer.span.last_day < date, out);
        }
        self.satisfy(activity, ctx.market.zone, out);
        let marks = self.judge(ctx, activity, Some(activity), &|_| true, out);
        self.remember(ctx, activity, marks);
    }

    /// When the next omission falls due.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.memory().timers.iter().map(|timer| timer.span.due).min()
    }

    /// Fires the omissions that fell due until an instant, in the order of their due times.
    pub fn advance(&mut self, ctx: &Context<'_>, until: Timestamp, out: &mut Vec<Emission>) {
        self.fire_all(ctx, &|timer| timer.span.due <= until, out);
    }

    /// What all rules say of a contact that is asked about. Nothing is remembered.
    #[must_use]
    pub fn check(&self, ctx: &Context<'_>, candidate: &Activity) -> Answered {
        let mut answer = Answered::default();
        check::check_into(self, ctx, candidate, &mut answer);
        answer
    }

    /// The same, into an answer whose memory is used again.
    pub fn check_into(&self, ctx: &Context<'_>, candidate: &Activity, answer: &mut Answered) {
        check::check_into(self, ctx, candidate, answer);
    }

    /// What every rule that comes into question says of something, or why it is silent. `asked`: it has not happened.
    #[must_use]
    pub fn trace(&self, ctx: &Context<'_>, activity: &Activity, asked: bool) -> Trace {
        trace::trace(self, ctx, activity, asked)
    }

    pub(crate) const fn contacts(&self) -> &[CaseStamp] {
        self.contacts.as_slice()
    }

    /// Contacts and steps that are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.contacts.len() + self.memory().past.len()
    }

    pub(crate) fn memory(&self) -> &Memory {
        self.memory.as_deref().unwrap_or(&EMPTY)
    }

    pub(super) fn remember_in(&mut self) -> &mut Memory {
        Arc::make_mut(self.memory.get_or_insert_default())
    }

    pub(crate) fn index_of(&self, person: Option<&PersonId>) -> Option<u16> {
        let at = self.persons.iter().position(|one| Some(one) == person)?;
        u16::try_from(at).ok()
    }

    /// Somebody who was contacted about the case, by number.
    pub(crate) fn person(&self, index: u16) -> Option<&PersonId> {
        self.persons.get(usize::from(index))
    }

    pub(crate) fn titled_on(&self, version: &CaseVersion) -> Option<NaiveDate> {
        self.memory().titled_on.or(version.class.titled_on)
    }

    pub(crate) fn written_plan(&self) -> bool {
        self.memory().past.iter().any(|past| past.is(&Step::Plan) && past.form == Some(Form::Paper))
    }

    /// The payment settles what is owed.
    pub(crate) fn paid_off_by(&self, payment: &Activity) -> bool {
        payment.detail.money().is_some_and(|money| self.balance.saturating_sub(money.minor) <= 0)
    }

    /// What is owed by component and claim.
    pub(crate) fn owed(&self, version: &CaseVersion) -> Owed {
        let mut owed = self.memory().owed.as_deref().cloned().unwrap_or_else(|| Owed::new(version));
        owed.learn(version);
        owed
    }

    /// What is owed, minor units.
    pub(crate) const fn balance(&self) -> i64 {
        self.balance
    }

    /// The collector's last contact, charge, legal step or report.
    pub(crate) const fn collected(&self) -> Option<Timestamp> {
        self.collected
    }

    /// When the right party was first spoken to.
    pub(crate) const fn conversed(&self) -> Option<Timestamp> {
        self.conversed
    }

    /// The case is closed.
    pub(crate) fn closed(&self, version: &CaseVersion) -> bool {
        self.memory().closed.unwrap_or(version.closed)
    }

    /// Nothing is owed any more, of claims that are known.
    pub(crate) fn paid_off(&self, version: &CaseVersion) -> bool {
        self.balance <= 0 && version.principal() > 0
    }

    /// A step that is not kept one by one has happened before.
    pub(crate) fn happened(&self, step: &Step) -> bool {
        match step {
            Step::Contact => self.channels != 0,
            Step::ContactOn(channel) => self.channels & (1 << (*channel as u16)) != 0,
            Step::Communication => self.communicated != 0,
            Step::Payment => self.paid,
            Step::PageVisit => self.visited,
            _ => false,
        }
    }

    /// Something was conveyed before on one of these channels.
    pub(crate) fn communicated_on(&self, channels: Set<Channel>) -> bool {
        among(self.communicated, channels)
    }

    /// The collector made contact before on one of these channels.
    pub(crate) fn contacted_on(&self, channels: Set<Channel>) -> bool {
        among(self.channels, channels)
    }

    /// A debtor was tried before at a place that is none of these.
    pub(crate) fn tried_elsewhere(&self, places: Set<Place>) -> bool {
        Place::ALL.iter().any(|place| !places.has(*place) && self.places & (1 << (*place as u8)) != 0)
    }

    /// The same more than once, at one of them or at several.
    pub(crate) fn tried_elsewhere_twice(&self, places: Set<Place>) -> bool {
        let at = |place: &Place, bit: u8| self.places & (1 << (*place as u8 + bit)) != 0;
        let others = || Place::ALL.iter().filter(|place| !places.has(**place));
        others().any(|place| at(place, PLACES)) || others().filter(|place| at(place, 0)).count() > 1
    }

    /// Keeps in mind that a debtor was tried at a place.
    pub(super) fn tried(&mut self, place: Place) {
        let once: u8 = 1 << (place as u8);
        self.places |= if self.places & once == 0 { once } else { once << PLACES };
    }

    /// The contact falls into the person's consent to more calls: seven local dates from the day it was given, ended
    /// early by a conversation (12 CFR 1006.14(b)(3)(i)). One that names how the calls are made is none to others.
    pub(crate) fn consented(&self, situation: &Situation<'_>) -> bool {
        let used = situation.contact().and_then(|contact| contact.technology);
        permissions::own(situation).filter(|one| one.technology.is_none() || one.technology == used).any(|one| {
            let stands = one.given <= situation.at
                && one.expires.is_none_or(|end| situation.at < end)
                && one.revoked.is_none_or(|end| situation.at < end);
            let calls = one.granted && one.scope == ConsentScope::Calls && stands;
            let dated = situation
                .zones
                .as_slice()
                .iter()
                .all(|zone| situation.at.date(*zone) <= add_days(situation.date_in(one.given, *zone), 6));
            let index = self.index_of(situation.person);
            let talked = || {
                self.contacts.iter().rev().take_while(|past| past.stamp.at > one.given).any(|past| {
                    past.person == index
                        && past.stamp.at < situation.at
                        && past.stamp.marks.counts(Counted::Conversations)
                })
            };
            let withdrawn = || {
                let calls = Set::of(&[ConsentScope::Calls]);
                let contact = situation.contact();
                contact
                    .is_some_and(|contact| permissions::withdrawn(one, calls, situation, contact, |_| true).is_some())
            };
            calls && dated && !talked() && !withdrawn()
        })
    }

    /// Judges every rule that speaks and starts the terms that the activity begins. `fact` is absent for the placement,
    /// which is a state of the version and no activity.
    fn judge(
        &mut self,
        ctx: &Context<'_>,
        activity: &Activity,
        fact: Option<&Activity>,
        of: &dyn Fn(&Limits) -> bool,
        out: &mut Vec<Emission>,
    ) -> Option<Marks> {
        let (mut timers, mut said) = (Vec::new(), Vec::new());
        let situation = Situation::new(ctx, self, activity, false);
        situation.each_rule(|jurisdiction, candidate, possible| {
            let active = &candidate.active;
            if !of(&active.rule.limits) {
                return;
            }
            said.clear();
            if let Some(judgement) = judge(&situation, jurisdiction, candidate, possible, &mut said) {
                emit(ctx, &situation, active, candidate.consequence(judgement.unconfirmed), judgement, out);
            }
            if candidate.has_terms {
                let calendar = Situation::calendar(jurisdiction);
                timers.extend(omission::begin(active, &situation, calendar, fact, possible));
            }
        });
        let marks = situation.marks();
        if !timers.is_empty() {
            self.remember_in().timers.extend(timers);
        }
        marks
    }
}

fn among(mask: u16, channels: Set<Channel>) -> bool {
    Channel::ALL.iter().any(|channel| channels.admits(*channel) && mask & (1 << (*channel as u16)) != 0)
}

pub(super) fn test(rule: &Rule, outcome: TestOutcome, at: Timestamp, missing: Option<Attribute>) -> Emission {
    let notice = matches!(rule.limits, Limits::RequiredNotice(_));
    Emission::Test { rule: rule.id.clone(), jurisdiction: rule.jurisdiction.clone(), outcome, at, missing, notice }
}

fn emit(
    ctx: &Context<'_>,
    situation: &Situation<'_>,
    active: &Arc<ActiveRule>,
    breach: Consequence,
    judgement: &Speaking,
    out: &mut Vec<Emission>,
) {
    let Some(severity) = breach.severity.filter(|_| !judgement.no_figure) else { return };
    let outcome = match judgement.answer {
        Answer::Kept | Answer::Duty => TestOutcome::Passed,
        Answer::Broken => TestOutcome::Failed,
        Answer::Unknown => TestOutcome::Unknown,
    };
    let missing = match judgement.note {
        Note::Missing(attribute) if outcome == TestOutcome::Unknown => Some(attribute),
        _ => None,
    };
    out.push(test(&active.rule, outcome, situation.activity.occurred, missing));
    if outcome == TestOutcome::Failed {
        // Nobody breaks the law by what nobody could know: such a finding says what to put right.
        let severity = if judgement.known_at_time { severity } else { Severity::Warning };
        out.push(Emission::Opened(Box::new(finding(ctx.market, situation, active, severity, judgement))));
    }
}

/// The placement of a case as the rules see it.
pub(super) fn placement(version: &CaseVersion, placed: Timestamp) -> Activity {
    let detail = Detail::Transfer { transfer: TransferKind::Place, to: None };
    Activity::bare(ActivityId::trusted("placement"), vec![version.case.clone()], placed, detail)
}

/// What a case states that is judged when it comes and whenever a version changes it.
fn fingerprint(version: &CaseVersion) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    let terms = &version.terms;
    (terms.agreed_default_rate_ppm, terms.contract_rate_ppm, terms.payment_term_agreed).hash(&mut hasher);
    version.dates.default_on.hash(&mut hasher);
    for claim in &version.claims {
        (&claim.id, claim.invoice_date, claim.invoice_received, claim.due_original, claim.due_current)
            .hash(&mut hasher);
        (claim.interest_from, claim.interest_rate_ppm).hash(&mut hasher);
    }
    hasher.finish()
}
