//! What a case keeps of an activity after it was judged.

use std::collections::HashSet;

use super::brought::Brought;
use super::charged::Charged;
use super::conditions::Ended;
use super::mark::Mark;
use super::meant::Meant;
use super::memory::{Approach, Flag, Given, Past, Used};
use super::owed::Owed;
use super::persons::{ContactStamp, Marks};
use super::sides::Sides;
use super::watch::{CaseStamp, CaseWatch};
use super::{Context, complaint_handling, duties, reported, which};
use crate::domain::activity::Activity;
use crate::domain::case::LimitationEventKind;
use crate::domain::detail::{AdjustmentKind, Contact, CreditReportKind, Detail, MatterStep};
use crate::domain::ids::PersonId;
use crate::domain::outcome::Outcome;
use crate::domain::party::{Condition, ContactPoint};
use crate::domain::vocabulary::{Direction, Form, MessageEventKind, PartyRole, Place};
use crate::rules::step::Step;
use crate::rules::words::Counted;

impl CaseWatch {
    pub(super) fn remember_date(&mut self, activity: &Activity) {
        // Facts come in their order, so that a date is found again by halves.
        if activity.date_only && self.memory().by_date.last() != Some(&activity.occurred) {
            self.remember_in().by_date.push(activity.occurred);
        }
    }

    pub(super) fn remember(&mut self, ctx: &Context<'_>, activity: &Activity, marks: Option<Marks>) {
        self.remember_date(activity);
        self.remember_contact(ctx, activity, marks);
        self.remember_money(ctx, activity);
        self.remember_duties(activity);
        if let Some(past) = Past::of(activity) {
            self.remember_past(activity, past);
        }
        self.forget_returned(activity);
        self.remember_flags(activity);
        let reported = reported::of(activity, ctx.version, self.memory());
        if !reported.is_empty() {
            self.remember_in().flags.extend(reported);
        }
    }

    fn remember_contact(&mut self, ctx: &Context<'_>, activity: &Activity, marks: Option<Marks>) {
        let (Detail::Contact(contact), Some(marks)) = (&activity.detail, marks) else { return };
        if activity.direction() == Direction::Outbound {
            self.channels |= 1 << (contact.channel as u16);
        }
        if contact.outcome_flags().communication {
            self.communicated |= 1 << (contact.channel as u16);
        }
        if marks.counts(Counted::Conversations) {
            self.conversed.get_or_insert(activity.occurred);
        }
        self.remember_reach(ctx, activity, contact, marks);
        if contact.outcome == Some(Outcome::WrongNumber) || !self.memory().points.is_empty() {
            self.remember_in().remember_answered(activity, contact);
        }
        let window = self.window;
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
        let party = person.and_then(|person| ctx.version.party(person)).or(ctx.version.primary());
        let named = |point: &&ContactPoint| Some(&point.id) == contact.contact_point.as_ref();
        let point = party.and_then(|party| party.contact_points.iter().find(named));
        let marks = marks.at(which::possible_places(contact, point, party));
        let stamp = ContactStamp::new(activity, marks, Sides::of(ctx.version));
        self.contacts.push(CaseStamp { stamp, person: index });
    }

    /// Which channels the person uses, who else was reached, where the person was tried.
    fn remember_reach(&mut self, ctx: &Context<'_>, activity: &Activity, contact: &Contact, marks: Marks) {
        let party = activity.person.as_ref().and_then(|person| ctx.version.party(person));
        let role = activity.role_of(party);
        let primary = ctx.version.primary();
        let person = activity.person.clone().or(primary.map(|party| party.person.clone()));
        let inbound = activity.direction() == Direction::Inbound;
        if inbound || contact.outcome == Some(Outcome::Replied) {
            let (channel, point) = (contact.channel, contact.contact_point.clone());
            let used = &mut self.remember_in().used;
            used.retain(|one| one.channel != channel || one.person != person || one.point != point);
            used.push(Used { person: person.clone(), channel, point, at: activity.occurred });
        }
        if inbound {
            return;
        }
        if owes(activity, role) {
            let points = party.or(primary).into_iter().flat_map(|party| &party.contact_points);
            let work =
                points.filter(|point| Some(&point.id) == contact.contact_point.as_ref()).any(|one| one.workplace);
            if let Some(place) = contact.place.or(work.then_some(Place::Workplace)) {
                self.tried(place);
            }
        } else {
            self.remember_third_person(activity, person, role, marks);
        }
    }

    /// That somebody who is no debtor was reached: rules count that.
    pub(super) fn remember_third_person(
        &mut self,
        activity: &Activity,
        person: Option<PersonId>,
        role: Option<PartyRole>,
        marks: Marks,
    ) {
        if marks.counts(Counted::Contacts) && !role.is_some_and(Marks::is_excluded_role) {
            let approach = Approach { person, role, at: activity.occurred, id: activity.id.clone() };
            self.remember_in().approached.push(approach);
        }
    }

    /// Money moves on the first case that an activity names, as the ledger has it.
    fn remember_money(&mut self, ctx: &Context<'_>, activity: &Activity) {
        if !ctx.lead || !moves_money(&activity.detail) {
            return;
        }
        self.remember_interruption(activity);
        if ctx.rules.judges_allocations() {
            let owed = self.remember_in().owed.get_or_insert_with(|| Box::new(Owed::new(ctx.version)));
            owed.learn(ctx.version);
            owed.remember(activity, ctx.market.payment_order_of(&ctx.version.class));
        }
        let change = match &activity.detail {
            Detail::Payment(payment) => {
                self.paid = true;
                payment.amount.minor.saturating_neg()
            }
            Detail::Charge(charge) => {
                self.remember_in().charges.push(Charged::of(activity, charge));
                charge.amount.minor.saturating_add(charge.vat.unwrap_or(0))
            }
            Detail::Interest(interest) => {
                let minor = interest.amount.minor;
                self.remember_in().accruals.push((activity.id.clone(), minor));
                minor
            }
            Detail::Adjustment { adjustment: AdjustmentKind::Correction | AdjustmentKind::WriteUp, amount, .. } => {
                if amount.minor > 0 {
                    self.remember_in().raised.push((activity.id.clone(), amount.minor));
                }
                amount.minor
            }
            Detail::Adjustment { amount, .. } => amount.minor.saturating_neg(),
            Detail::Reversal { reverses, amount, .. } => {
                // What is taken back of a payment is owed again.
                let added = self.remember_in().take_back(reverses, amount.minor);
                added.map_or(amount.minor, i64::saturating_neg)
            }
            _ => 0,
        };
        self.balance = self.balance.saturating_add(change);
    }

    /// Reports that stand, matters that are open, and when the collector last did something.
    fn remember_duties(&mut self, activity: &Activity) {
        let collects = match &activity.detail {
            Detail::Contact(_) => activity.direction() == Direction::Outbound,
            Detail::Charge(_) | Detail::LegalStep { .. } => true,
            Detail::CreditReport { report, bureau, .. } => {
                let reports = &mut self.remember_in().reports;
                match report {
                    CreditReportKind::Furnish => reports.push((activity.id.clone(), bureau.clone())),
                    CreditReportKind::Withdraw => {
                        reports.retain(|(_, at)| at.is_some() && bureau.is_some() && at != bureau);
                    }
                    CreditReportKind::MarkDisputed | CreditReportKind::Notice => {}
                }
                true
            }
            _ => false,
        };
        if collects {
            self.collected = Some(activity.occurred);
        }
        let Some((matter, step, reference)) = complaint_handling::step(&activity.detail) else { return };
        let matters = &mut self.remember_in().matters;
        if step == MatterStep::Opened {
            matters.push(Brought::new(matter, reference, activity));
        } else if duties::is_final(step)
            && let Some(brought) = Brought::of_step(matters, matter, reference).and_then(|at| matters.get_mut(at))
        {
            brought.open = false;
        }
    }

    fn remember_past(&mut self, activity: &Activity, mut past: Past) {
        let memory = self.remember_in();
        if let Detail::Plan { written: true, .. } = activity.detail {
            past.form = Some(Form::Paper);
        }
        if past.is(&Step::Demand) || past.is(&Step::Reminder) {
            memory.demands = memory.demands.saturating_add(1);
            memory.marks.extend(Mark::demand(activity, &past));
        }
        memory.past.push(past);
    }

    /// A notice or demand that came back told nobody anything: what may only follow it has to wait for another.
    fn forget_returned(&mut self, activity: &Activity) {
        let Detail::MessageEvent { event: MessageEventKind::BouncedHard | MessageEventKind::Returned, .. } =
            activity.detail
        else {
            return;
        };
        let past = &self.memory().past;
        let Some(place) = past.iter().position(|one| Some(&one.id) == activity.parent.as_ref()) else { return };
        let memory = self.remember_in();
        let returned = memory.past.remove(place);
        if returned.is(&Step::Demand) || returned.is(&Step::Reminder) {
            memory.demands = memory.demands.saturating_sub(1);
        }
        let at = returned.received.unwrap_or(returned.at);
        let same = |one: &Mark| one.kind == LimitationEventKind::DemandReceived && one.at == at;
        if let Some(mark) = memory.marks.iter().position(same) {
            memory.marks.remove(mark);
        }
    }

    pub(super) fn remember_flags(&mut self, activity: &Activity) {
        let at = activity.occurred;
        match &activity.detail {
            Detail::Acknowledgement { written } => {
                self.remember_in().marks.push(Mark::acknowledgement(at, *written));
            }
            Detail::LegalStep { step } => {
                if let Some(mark) = Mark::legal_step(at, *step) {
                    self.remember_in().marks.push(mark);
                }
            }
            Detail::Condition { condition, ended: false, written, direct_contact_consented, .. } => {
                let flag = flag(activity, *condition, *written, None, *direct_contact_consented);
                self.remember_in().flags.push(flag);
            }
            Detail::Condition { condition, ended: true, .. } => {
                let (at, told) = (activity.effective.unwrap_or(at), at);
                let ended = Ended { condition: *condition, person: activity.person.clone(), at, told };
                self.remember_in().ended.push(ended);
                self.end_flags(activity, End { condition: *condition, whole: false, rejects: false }, &|_| true);
            }
            Detail::Dispute { step: MatterStep::Opened, written, grounded, reference } => {
                let flag = flag(activity, Condition::Disputed, *written, *grounded, false);
                self.remember_in().flags.push(Flag { reference: reference.as_deref().map(Into::into), ..flag });
            }
            Detail::Dispute {
                step: step @ (MatterStep::ResolvedUpheld | MatterStep::ResolvedRejected | MatterStep::Withdrawn),
                reference,
                ..
            } => {
                let (memory, rejects) = (self.memory(), *step == MatterStep::ResolvedRejected);
                let meant = memory.meant(reference.as_deref(), activity.person.as_ref());
                // Whoever withdraws a dispute that was rejected before means that one.
                let meant = match meant {
                    Meant::Nothing if !rejects => memory.meant_rejected(reference.as_deref(), activity.person.as_ref()),
                    meant => meant,
                };
                let ended = memory.flags.iter().filter(|flag| meant.has(flag)).map(|flag| flag.id.clone());
                let ended: HashSet<_> = ended.collect();
                let end = End { condition: Condition::Disputed, whole: true, rejects };
                self.end_flags(activity, end, &|flag| ended.contains(&flag.id));
            }
            Detail::VerificationSent {} => {
                let memory = self.remember_in();
                memory.verified = Some(at);
                // What was rejected is answered by it.
                memory.flags.iter_mut().for_each(|flag| flag.rejected = false);
            }
            Detail::Permission { permission, contact_point } => {
                let mut permission = permission.clone();
                if let Some(received) = activity.received.filter(|_| !permission.granted) {
                    // What the person does not want binds nobody who cannot know of it yet.
                    permission.given = permission.given.max(received);
                }
                let given = Given { person: activity.person.clone(), point: contact_point.clone(), permission };
                self.remember_in().given.push(given);
            }
            Detail::Window { window } => {
                self.remember_in().windows.push((activity.person.clone(), window.clone()));
            }
            Detail::TitleObtained { on } => self.remember_in().titled_on = Some(*on),
            Detail::Hold { .. } | Detail::Transfer { .. } | Detail::ContactPointChanged { .. } => {
                self.remember_in().remember_authority(activity);
            }
            Detail::CaseStatus { closed, .. } => {
                self.remember_in().remember_authority(activity);
                self.remember_in().closed_at = closed.then_some(at);
            }
            Detail::Page { .. } => self.visited = true,
            _ => {}
        }
    }

    /// Ends what is meant of a condition.
    fn end_flags(&mut self, activity: &Activity, end: End, meant: &dyn Fn(&Flag) -> bool) {
        for flag in &mut self.remember_in().flags {
            if flag.condition != end.condition || flag.from > activity.occurred || !meant(flag) {
                continue;
            }
            let everybody = match (&activity.person, &flag.person) {
                (None, _) => true,
                (Some(_), None) => end.whole,
                (Some(person), Some(own)) if person == own => true,
                (Some(_), Some(_)) => continue,
            };
            let at = activity.effective.unwrap_or(activity.occurred);
            if flag.until.is_some() && (everybody || !flag.rejected) {
                flag.rejected &= end.rejects;
            } else if everybody {
                (flag.until, flag.rejected) = (Some(at), end.rejects);
            } else if let Some(person) = &activity.person
                && !flag.ended_for.iter().any(|(one, _)| one == person)
            {
                flag.ended_for.push((person.clone(), at));
            }
        }
    }
}

/// How a condition ends.
struct End {
    condition: Condition,
    /// What concerns everybody ends for everybody, whoever is named: a dispute that names nobody is about the debt.
    whole: bool,
    /// The collector rejected a dispute.
    rejects: bool,
}

/// Whether the contact is with somebody who owes, as far as is known.
pub(super) fn owes(activity: &Activity, role: Option<PartyRole>) -> bool {
    let debtor = [PartyRole::Primary, PartyRole::CoDebtor, PartyRole::Guarantor];
    role.map_or(activity.person.is_none(), |role| debtor.contains(&role))
}

/// The flag of a condition that an activity tells of its person.
pub(super) fn flag(
    activity: &Activity,
    condition: Condition,
    written: Option<bool>,
    grounded: Option<bool>,
    direct: bool,
) -> Flag {
    Flag {
        condition,
        person: activity.person.clone(),
        role: activity.person_role,
        from: activity.occurred,
        received: activity.known(),
        effective: activity.effective.unwrap_or(activity.occurred),
        until: None,
        ended_for: Vec::new(),
        written,
        grounded,
        direct,
        rejected: false,
        reference: None,
        id: activity.id.clone(),
    }
}

/// Kinds that change what is owed.
const fn moves_money(detail: &Detail) -> bool {
    matches!(
        detail,
        Detail::Payment(_)
            | Detail::Charge(_)
            | Detail::Interest(_)
            | Detail::Adjustment { .. }
            | Detail::Reversal { .. }
    )
}
