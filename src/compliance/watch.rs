//! The fold of one case: facts in their order go in, findings and tests come out, and what rules look back at stays.

use std::sync::Arc;

use chrono::NaiveDate;

use super::judgement::{Judgement, finding, judge};
use super::memory::{Charged, EMPTY, Flag, Given, Mark, Memory, Past, Timer};
use super::persons::{ContactStamp, Marks};
use super::situation::Situation;
use super::verdict::consequence;
use super::{Answered, Context, Emission, TestOutcome, applies, check, contact_block, required_notice};
use crate::domain::activity::Activity;
use crate::domain::case::{CaseVersion, LimitationEventKind};
use crate::domain::detail::{AdjustmentKind, Detail, LegalStepKind, MatterStep, TransferKind};
use crate::domain::finding::Finding;
use crate::domain::ids::{ActivityId, FindingId, PersonId};
use crate::domain::party::Condition;
use crate::domain::time::{Timestamp, add_days};
use crate::domain::verdict::{Answer, Observation, Unit};
use crate::domain::vocabulary::{ConsentScope, Direction, Form};
use crate::rules::model::{Limits, Rule};
use crate::rules::ruleset::ActiveRule;
use crate::rules::step::Step;
use crate::rules::words::{Counted, Subject};

/// A contact of the case: whom it concerned, as an index into the case's persons.
#[derive(Debug, Clone)]
pub(crate) struct CaseStamp {
    pub stamp: ContactStamp,
    pub person: Option<u16>,
}

/// What one case remembers for its rules.
#[derive(Debug, Clone, Default)]
pub struct CaseWatch {
    persons: Vec<PersonId>,
    contacts: Vec<CaseStamp>,
    memory: Option<Box<Memory>>,
    /// What is owed, minor units.
    balance: i64,
    /// Channels on which the collector has made contact.
    channels: u16,
    communicated: bool,
    visited: bool,
    paid: bool,
}

impl CaseWatch {
    /// Begins a case with its first version. The placement itself may start terms.
    #[must_use]
    pub fn open(ctx: &Context<'_>, out: &mut Vec<Emission>) -> Self {
        let version = ctx.version;
        let prior: i64 = version.prior_charges.iter().fold(0, |sum, one| sum.saturating_add(one.amount.minor));
        let mut watch = Self { balance: version.principal().saturating_add(prior), ..Self::default() };
        if ctx.rules.judges_placements() {
            let placed = version.placement.placed.unwrap_or(version.effective);
            let activity = placement(version, placed);
            let lead = Context { lead: true, ..*ctx };
            watch.judge(&lead, &activity, None, out);
        }
        watch
    }

    /// A later version takes force. Rules read the version itself; only the case's closing is a state.
    pub fn version(&mut self, ctx: &Context<'_>, _out: &mut Vec<Emission>) {
        if ctx.version.closed {
            self.remember_in().closed = Some(true);
        }
    }

    /// Judges a fact and remembers it. Facts come in their order; timers due until then have been fired by
    /// [`CaseWatch::advance`].
    pub fn apply(&mut self, ctx: &Context<'_>, activity: &Activity, out: &mut Vec<Emission>) {
        self.satisfy(activity, out);
        let marks = self.judge(ctx, activity, Some(activity), out);
        self.remember(ctx, activity, marks);
    }

    /// When the next omission falls due.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.memory().timers.iter().map(|timer| timer.due).min()
    }

    /// Fires the omissions that fell due until an instant, in the order of their due times.
    pub fn advance(&mut self, ctx: &Context<'_>, until: Timestamp, out: &mut Vec<Emission>) {
        if self.memory().timers.iter().all(|timer| timer.due > until) {
            return;
        }
        let memory = self.remember_in();
        let (mut due, later): (Vec<Timer>, Vec<Timer>) =
            std::mem::take(&mut memory.timers).into_iter().partition(|timer| timer.due <= until);
        memory.timers = later;
        due.sort_by(|a, b| {
            let key = |timer: &Timer| (timer.due, timer.rule.rule.id.clone(), timer.trigger.clone());
            key(a).cmp(&key(b))
        });
        for timer in due {
            self.fire(ctx, &timer, out);
        }
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

    pub(crate) fn contacts(&self) -> &[CaseStamp] {
        &self.contacts
    }

    pub(crate) fn memory(&self) -> &Memory {
        self.memory.as_deref().unwrap_or(&EMPTY)
    }

    fn remember_in(&mut self) -> &mut Memory {
        self.memory.get_or_insert_default()
    }

    pub(crate) fn index_of(&self, person: Option<&PersonId>) -> Option<u16> {
        let at = self.persons.iter().position(|one| Some(one) == person)?;
        u16::try_from(at).ok()
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

    /// Nothing is owed any more, of claims that are known.
    pub(crate) fn paid_off(&self, version: &CaseVersion) -> bool {
        self.balance <= 0 && version.principal() > 0
    }

    /// A step that is not kept one by one has happened before.
    pub(crate) fn happened(&self, step: &Step) -> bool {
        match step {
            Step::Contact => self.channels != 0,
            Step::ContactOn(channel) => self.channels & (1 << (*channel as u16)) != 0,
            Step::Communication => self.communicated,
            Step::Payment => self.paid,
            Step::PageVisit => self.visited,
            _ => false,
        }
    }

    /// The contact falls into the person's consent to more calls: seven local dates from the day it was given, ended
    /// early by a conversation (12 CFR 1006.14(b)(3)(i)).
    pub(crate) fn consented(&self, situation: &Situation<'_>) -> bool {
        contact_block::permissions(situation).any(|one| {
            let stands = one.given <= situation.at
                && one.expires.is_none_or(|end| situation.at < end)
                && one.revoked.is_none_or(|end| situation.at < end);
            let calls = one.granted && one.scope == ConsentScope::Calls && stands;
            let dated = situation
                .zones
                .as_slice()
                .iter()
                .all(|zone| situation.at.date(*zone) <= add_days(one.given.date(*zone), 6));
            let index = self.index_of(situation.person);
            let talked = || {
                self.contacts.iter().rev().take_while(|past| past.stamp.at > one.given).any(|past| {
                    past.person == index
                        && past.stamp.at < situation.at
                        && past.stamp.marks.counts(Counted::Conversations)
                })
            };
            calls && dated && !talked()
        })
    }

    /// Judges every rule that speaks and starts the terms that the activity begins. `fact` is absent for the placement,
    /// which is a state of the version and no activity.
    fn judge(
        &mut self,
        ctx: &Context<'_>,
        activity: &Activity,
        fact: Option<&Activity>,
        out: &mut Vec<Emission>,
    ) -> Option<Marks> {
        let mut timers = Vec::new();
        let situation = Situation::new(ctx, self, activity, false);
        situation.each_rule(|jurisdiction, active, possible| {
            if let Some(judgement) = judge(&situation, jurisdiction, active, possible) {
                emit(ctx, &situation, active, &judgement, out);
            }
            let Limits::RequiredNotice(limits) = &active.rule.limits else { return };
            let led = situation.lead || active.rule.subject == Subject::Case;
            if !led || limits.term.is_none() || !applies::concerns(&active.rule, &situation) {
                return;
            }
            let Some(doubt) = applies::scope(&active.rule, &situation) else { return };
            let uncertain = doubt.map(|attribute| attribute.as_str()).or(possible.then_some("subdivision"));
            let calendar = Situation::calendar(jurisdiction);
            timers.extend(required_notice::timer(limits, active, &situation, calendar, fact, uncertain));
        });
        let marks = situation.marks();
        if !timers.is_empty() {
            self.remember_in().timers.extend(timers);
        }
        marks
    }

    /// Ends the terms that this activity satisfies.
    fn satisfy(&mut self, activity: &Activity, out: &mut Vec<Emission>) {
        if self.memory().timers.is_empty() {
            return;
        }
        let memory = self.remember_in();
        memory.timers.retain(|timer| {
            let kept = required_notice::limits_of(timer).map(|limits| required_notice::satisfies(limits, activity));
            let outcome = match kept {
                Some(Some(false)) => return true,
                Some(Some(true)) => TestOutcome::Passed,
                Some(None) | None => TestOutcome::Unknown,
            };
            out.push(test(&timer.rule.rule, outcome, activity.occurred));
            false
        });
    }

    fn fire(&self, ctx: &Context<'_>, timer: &Timer, out: &mut Vec<Emission>) {
        let Some(limits) = required_notice::limits_of(timer) else { return };
        if limits.unless_paid && self.balance <= 0 {
            return;
        }
        let rule = &timer.rule.rule;
        let Some(severity) = consequence(ctx.rules, &timer.rule).severity else { return };
        if timer.uncertain.is_some() {
            out.push(test(rule, TestOutcome::Unknown, timer.due));
            return;
        }
        out.push(test(rule, TestOutcome::Failed, timer.due));
        let case = &ctx.version.case;
        let day = timer.last_day.to_string();
        let trigger = timer.trigger.as_ref().map_or("placement", ActivityId::as_str);
        let key = &ctx.market.key;
        out.push(Emission::Opened(Box::new(Finding {
            id: FindingId::of(&key.tenant, &key.market, &rule.id, &[case.as_str(), trigger, &day]),
            rule: rule.id.clone(),
            jurisdiction: rule.jurisdiction.clone(),
            pack_digest: timer.rule.pack_digest.to_string(),
            pack_version: timer.rule.pack_version.to_string(),
            severity,
            effect: rule.effect,
            case: Some(case.clone()),
            person: timer.person.clone(),
            activity: timer.trigger.clone(),
            agent: timer.agent.clone(),
            client: Some(ctx.version.identity.creditor.clone()),
            at: timer.due,
            omission: true,
            known_at_time: true,
            observed: Observation {
                limit: limits.term.map(|term| term.length.into()),
                unit: Some(Unit::Days),
                note: Some(format!("not sent by {day}")),
                observed: None,
            },
            evidence: timer.trigger.iter().cloned().collect(),
        })));
    }

    fn remember(&mut self, ctx: &Context<'_>, activity: &Activity, marks: Option<Marks>) {
        self.remember_contact(ctx, activity, marks);
        self.remember_money(activity);
        if let Some(past) = Past::of(activity) {
            self.remember_past(activity, past);
        }
        self.remember_flags(activity);
    }

    fn remember_contact(&mut self, ctx: &Context<'_>, activity: &Activity, marks: Option<Marks>) {
        let (Detail::Contact(contact), Some(marks)) = (&activity.detail, marks) else { return };
        if activity.direction() == Direction::Outbound {
            self.channels |= 1 << (contact.channel as u16);
        }
        self.communicated |= contact.outcome_flags().communication;
        let window = ctx.rules.longest_case_window();
        if window == 0 {
            return;
        }
        let before = activity.occurred.plus(-window);
        let old = self.contacts.partition_point(|one| one.stamp.at < before);
        self.contacts.drain(..old);
        let person = activity.person.as_ref().or(ctx.version.primary().map(|party| &party.person));
        let index = self.index_of(person).or_else(|| {
            self.persons.push(person?.clone());
            u16::try_from(self.persons.len() - 1).ok()
        });
        self.contacts.push(CaseStamp { stamp: ContactStamp::new(activity, marks), person: index });
    }

    fn remember_money(&mut self, activity: &Activity) {
        let change = match &activity.detail {
            Detail::Payment(payment) => {
                self.paid = true;
                payment.amount.minor.saturating_neg()
            }
            Detail::Charge(charge) => {
                self.remember_in().charges.push(Charged::of(activity, charge));
                charge.amount.minor.saturating_add(charge.vat.unwrap_or(0))
            }
            Detail::Interest { amount, .. } => amount.minor,
            Detail::Adjustment { adjustment: AdjustmentKind::Correction | AdjustmentKind::WriteUp, amount, .. } => {
                amount.minor
            }
            Detail::Adjustment { amount, .. } => amount.minor.saturating_neg(),
            Detail::Reversal { reverses, amount, .. } => {
                match self.memory().charges.iter().position(|one| one.id == *reverses) {
                    Some(at) => {
                        self.take_back(at, amount.minor);
                        amount.minor.saturating_neg()
                    }
                    None => amount.minor,
                }
            }
            _ => 0,
        };
        self.balance = self.balance.saturating_add(change);
    }

    /// A charge taken back in part or whole frees its share of the cap.
    fn take_back(&mut self, at: usize, amount: i64) {
        let charges = &mut self.remember_in().charges;
        if let Some(charge) = charges.get_mut(at) {
            charge.net = charge.net.saturating_sub(amount);
            if charge.net <= 0 {
                charges.remove(at);
            }
        }
    }

    fn remember_past(&mut self, activity: &Activity, mut past: Past) {
        let memory = self.remember_in();
        if let Detail::Plan { written: true, .. } = activity.detail {
            past.form = Some(Form::Paper);
        }
        if past.is(&Step::Demand) || past.is(&Step::Reminder) {
            memory.demands = memory.demands.saturating_add(1);
            if past.form != Some(Form::Oral) {
                let at = past.received.unwrap_or(past.at);
                let certain = past.received.is_some();
                memory.marks.push(Mark { kind: LimitationEventKind::DemandReceived, at, certain });
            }
        }
        memory.past.push(past);
    }

    fn remember_flags(&mut self, activity: &Activity) {
        let at = activity.occurred;
        let mark = |kind| Mark { kind, at, certain: true };
        match &activity.detail {
            Detail::Payment(_) => self.remember_in().marks.push(mark(LimitationEventKind::Payment)),
            Detail::Acknowledgement { .. } => self.remember_in().marks.push(mark(LimitationEventKind::Acknowledgement)),
            Detail::LegalStep { step } if !matches!(step, LegalStepKind::Threat | LegalStepKind::Service) => {
                self.remember_in().marks.push(mark(LimitationEventKind::CourtAction));
            }
            Detail::Condition { condition, ended: false, written, direct_contact_consented, .. } => {
                let flag = flag(activity, *condition, *written, *direct_contact_consented);
                self.remember_in().flags.push(flag);
            }
            Detail::Condition { condition, ended: true, .. } => self.end_flag(activity, *condition),
            Detail::Dispute { step: MatterStep::Opened, written, .. } => {
                let flag = flag(activity, Condition::Disputed, Some(*written), false);
                self.remember_in().flags.push(flag);
            }
            Detail::Dispute {
                step: MatterStep::ResolvedUpheld | MatterStep::ResolvedRejected | MatterStep::Withdrawn,
                ..
            } => {
                self.end_flag(activity, Condition::Disputed);
            }
            Detail::VerificationSent {} => self.remember_in().verified = Some(at),
            Detail::Permission { permission, contact_point } => {
                let given = Given {
                    person: activity.person.clone(),
                    point: contact_point.clone(),
                    permission: permission.clone(),
                };
                self.remember_in().given.push(given);
            }
            Detail::Window { window } => {
                self.remember_in().windows.push((activity.person.clone(), window.clone()));
            }
            Detail::TitleObtained { on } => self.remember_in().titled_on = Some(*on),
            Detail::Hold { ended, .. } => {
                self.remember_in().hold = if *ended { None } else { Some(activity.id.clone()) };
            }
            Detail::CaseStatus { closed, .. } => self.remember_in().closed = Some(*closed),
            Detail::Page { .. } => self.visited = true,
            _ => {}
        }
    }

    fn end_flag(&mut self, activity: &Activity, condition: Condition) {
        for flag in &mut self.remember_in().flags {
            let same = activity.person.is_none() || flag.person.is_none() || flag.person == activity.person;
            if flag.condition == condition && flag.until.is_none() && same {
                flag.until = Some(activity.effective.unwrap_or(activity.occurred));
            }
        }
    }
}

fn flag(activity: &Activity, condition: Condition, written: Option<bool>, direct: bool) -> Flag {
    Flag {
        condition,
        person: activity.person.clone(),
        from: activity.occurred,
        received: activity.known(),
        effective: activity.effective.unwrap_or(activity.occurred),
        until: None,
        written,
        direct,
        id: activity.id.clone(),
    }
}

fn test(rule: &Rule, outcome: TestOutcome, at: Timestamp) -> Emission {
    Emission::Test { rule: rule.id.clone(), jurisdiction: rule.jurisdiction.clone(), outcome, at }
}

fn emit(
    ctx: &Context<'_>,
    situation: &Situation<'_>,
    active: &Arc<ActiveRule>,
    judgement: &Judgement,
    out: &mut Vec<Emission>,
) {
    if judgement.no_figure || consequence(ctx.rules, active).severity.is_none() {
        return;
    }
    let outcome = match judgement.answer {
        Answer::Kept | Answer::Duty => TestOutcome::Passed,
        Answer::Broken => TestOutcome::Failed,
        Answer::Unknown => TestOutcome::Unknown,
    };
    out.push(test(&active.rule, outcome, situation.at));
    if outcome == TestOutcome::Failed {
        out.extend(finding(ctx.market, situation, active, judgement).map(|one| Emission::Opened(Box::new(one))));
    }
}

/// The placement of a case as the rules see it.
fn placement(version: &CaseVersion, placed: Timestamp) -> Activity {
    Activity {
        id: ActivityId::trusted("placement"),
        cases: vec![version.case.clone()],
        person: None,
        person_role: None,
        occurred: placed,
        date_only: false,
        received: None,
        effective: None,
        ended: None,
        source_seq: 0,
        initiated_by: None,
        at_debtors_request: false,
        actor: crate::domain::activity::Actor::default(),
        parent: None,
        control: crate::domain::activity::Control::default(),
        detail: Detail::Transfer { transfer: TransferKind::Place, to: None },
    }
}
