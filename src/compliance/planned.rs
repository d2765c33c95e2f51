//! Contacts that are planned count in checks as if they had been made, and none is allowed that would make one of them
//! unlawful. Findings know nothing of this.

use super::judgement::Speaking;
use super::persons::{ContactStamp, Marks};
use super::remember::owes;
use super::sides::Sides;
use super::situation::Situation;
use super::trace::Trace;
use super::watch::{CaseStamp, CaseWatch};
use super::{Answered, Context, PersonLogs};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::circle::Circle;
use crate::domain::detail::Detail;
use crate::domain::permit::Permit;
use crate::domain::time::{MAX_TIMESTAMP, Timestamp};
use crate::domain::verdict::Verdict;
use crate::domain::vocabulary::PartyRole;

/// Most instants that are tried for one that takes no planned contact its place.
const MAX_TURNS: usize = 32;

/// A permit that holds its place, with the case that it is planned on.
#[derive(Clone, Copy)]
pub struct Planned<'a> {
    /// The permit.
    pub permit: &'a Permit,
    /// The state of its case.
    pub watch: &'a CaseWatch,
    /// The version of the case that is in force at its instant.
    pub version: &'a CaseVersion,
}

/// A contact as rules count it.
struct Counting<'a> {
    activity: &'a Activity,
    stamp: ContactStamp,
    household: Option<&'a str>,
}

impl<'a> Counting<'a> {
    fn of(activity: &'a Activity, consented: bool, household: Option<&'a str>, sides: Sides) -> Option<Self> {
        let Detail::Contact(contact) = &activity.detail else { return None };
        let marks = Marks::of(activity, contact, activity.person_role, true);
        let marks = if consented { marks.consented() } else { marks };
        Some(Self { activity, stamp: ContactStamp::new(activity, marks, sides), household })
    }

    /// A permit as it was granted.
    fn held(permit: &'a Permit) -> Option<Self> {
        let sides = Sides::named(permit.collector.as_deref(), permit.creditor.as_deref());
        Self::of(&permit.planned, permit.consented, permit.household.as_deref(), sides)
    }

    fn on(&self, version: &CaseVersion) -> bool {
        self.activity.cases.contains(&version.case)
    }

    /// It is counted in that circle over all cases.
    fn within(&self, circle: &Circle) -> bool {
        match circle {
            Circle::Person(person) => self.activity.person.as_ref() == Some(person),
            Circle::Household(key) => self.household == Some(key.as_str()),
        }
    }
}

/// The role in which rules see the person of a contact that is asked about, and whether the contact falls into the
/// person's consent to more calls.
#[must_use]
pub fn seen_as(ctx: &Context<'_>, watch: &CaseWatch, candidate: &Activity) -> (Option<PartyRole>, bool) {
    let situation = Situation::new(ctx, watch, candidate, true);
    (situation.role, watch.consented(&situation))
}

/// What all rules say of a contact that is asked about, among those that are planned on its case or with its person.
#[must_use]
pub fn check_among(ctx: &Context<'_>, watch: &CaseWatch, candidate: &Activity, planned: &[Planned<'_>]) -> Answered {
    let mut answer = Answered::default();
    check_among_into(ctx, watch, candidate, planned, &mut answer);
    answer
}

/// The same, into an answer whose memory is used again.
pub fn check_among_into(
    ctx: &Context<'_>,
    watch: &CaseWatch,
    candidate: &Activity,
    planned: &[Planned<'_>],
    answer: &mut Answered,
) {
    let held: Vec<Counting<'_>> = planned.iter().filter_map(|one| Counting::held(one.permit)).collect();
    if held.is_empty() {
        return watch.check_into(ctx, candidate, answer);
    }
    let among = Among::of(ctx, watch, candidate, planned, &held);
    *answer = among.asked(candidate);
    let lost = among.lost_to(candidate);
    let from = if lost.is_empty() { answer.next_allowed } else { among.behind_next(candidate.occurred) };
    for spoken in lost {
        answer.verdict = answer.verdict.max(spoken.verdict);
        answer.speaking.retain(|one| one.rule != spoken.rule || one.verdict >= spoken.verdict);
        if answer.speaking.iter().all(|one| one.rule != spoken.rule) {
            answer.speaking.push(spoken);
        }
    }
    // What is told is lawful in the sense in which the search for it is: see there.
    let blocking = answer.verdict.min(Verdict::RepresentativeOnly);
    answer.next_allowed = from.and_then(|from| among.next_allowed(candidate, from, blocking));
}

/// What a candidate is asked about among: the contacts that hold a place.
struct Among<'a> {
    ctx: &'a Context<'a>,
    watch: &'a CaseWatch,
    held: &'a [Counting<'a>],
    /// The case, and the contacts of the candidate's person and household, as if those that are held had been made.
    made: (CaseWatch, PersonLogs),
    /// Those that come after the candidate, with what rules say of them without it.
    later: Vec<(Planned<'a>, Answered)>,
}

impl<'a> Among<'a> {
    fn of(
        ctx: &'a Context<'a>,
        watch: &'a CaseWatch,
        candidate: &Activity,
        planned: &[Planned<'a>],
        held: &'a [Counting<'a>],
    ) -> Self {
        let made = as_if_made(ctx, watch, candidate, held.iter());
        let mut among = Self { ctx, watch, held, made, later: Vec::new() };
        let later = planned.iter().filter(|one| one.permit.at() > candidate.occurred);
        among.later = later.map(|later| (*later, among.said_of(later, None))).collect();
        among
    }

    /// What rules say of a candidate.
    fn asked(&self, candidate: &Activity) -> Answered {
        let (watch, persons) = &self.made;
        watch.check(&Context { persons, ..*self.ctx }, candidate)
    }

    /// What rules say of a contact that is planned, among all others and one that is new.
    fn said_of(&self, later: &Planned<'_>, new: Option<&Counting<'_>>) -> Answered {
        let others = self.held.iter().filter(|one| one.activity.id != later.permit.planned.id);
        let own = Context { version: later.version, ..*self.ctx };
        asked(&own, later.watch, &later.permit.planned, others.chain(new))
    }

    /// What rules say of later contacts that would lose their places to the candidate: they look back at it.
    fn lost_to(&self, candidate: &Activity) -> Vec<Speaking> {
        let version = self.ctx.version;
        let (role, consented) = seen_as(self.ctx, self.watch, candidate);
        let candidate = Activity { person_role: role, ..candidate.clone() };
        let person = candidate.person.as_ref().or(version.primary().map(|party| &party.person));
        let household = person.and_then(|person| version.party(person)?.household.as_deref());
        let Some(new) = Counting::of(&candidate, consented, household, Sides::of(version)) else { return Vec::new() };
        let mut lost = Vec::new();
        for (later, without) in self.later.iter().filter(|(one, _)| one.permit.at() > candidate.occurred) {
            let with = self.said_of(later, Some(&new));
            lost.extend(with.speaking.into_iter().filter(|spoken| {
                let before = without.speaking.iter().find(|one| one.rule == spoken.rule).map(|one| one.verdict);
                spoken.verdict > Verdict::AllowedWithDuties && before.is_none_or(|before| before < spoken.verdict)
            }));
        }
        lost
    }

    /// The first instant behind the next planned contact after `at`.
    fn behind_next(&self, at: Timestamp) -> Option<Timestamp> {
        self.later.iter().map(|(one, _)| one.permit.at()).filter(|one| *one > at).min().map(|one| one.plus(1))
    }

    /// The first instant found from `from` on at which no rule answers `blocking` or worse of the candidate, nor of a planned
    /// contact for its sake. Where one would, the search goes on behind that one: there may be an earlier instant, but what is told
    /// is lawful.
    fn next_allowed(&self, candidate: &Activity, from: Timestamp, blocking: Verdict) -> Option<Timestamp> {
        let mut at = from;
        for _ in 0..MAX_TURNS {
            let moved = Activity { occurred: at, ..candidate.clone() };
            let answer = self.asked(&moved);
            at = if answer.verdict >= blocking {
                answer.next_allowed.filter(|next| *next > at)?
            } else if self.lost_to(&moved).iter().all(|one| one.verdict < blocking) {
                return Some(at).filter(|at| *at <= MAX_TIMESTAMP);
            } else {
                self.behind_next(at)?
            };
        }
        None
    }
}

/// The answer to a question when these contacts are counted too.
fn asked<'c>(
    ctx: &Context<'_>,
    watch: &CaseWatch,
    question: &Activity,
    counted: impl Iterator<Item = &'c Counting<'c>>,
) -> Answered {
    let (watch, persons) = as_if_made(ctx, watch, question, counted);
    watch.check(&Context { persons: &persons, ..*ctx }, question)
}

/// The case and the contacts of the question's person and household, as if these contacts had been made.
fn as_if_made<'c>(
    ctx: &Context<'_>,
    watch: &CaseWatch,
    question: &Activity,
    counted: impl Iterator<Item = &'c Counting<'c>>,
) -> (CaseWatch, PersonLogs) {
    let circles: Vec<Circle> = Circle::of(question, ctx.version).collect();
    let mut watch = watch.clone();
    let mut persons = PersonLogs::default();
    for circle in &circles {
        if let Some(log) = ctx.persons.shared(circle) {
            persons.insert(circle.clone(), log);
        }
    }
    for one in counted {
        if one.on(ctx.version) {
            watch.plan(one);
        }
        for circle in circles.iter().filter(|circle| one.within(circle)) {
            persons.change(circle).push(one.stamp.clone());
        }
    }
    (watch, persons)
}

/// The answer of [`check_among`], opened into every rule that was considered. A rule that speaks for a contact which is
/// planned for later, and would lose its place, says what it says of that one.
#[must_use]
pub fn trace_among(
    ctx: &Context<'_>,
    watch: &CaseWatch,
    candidate: &Activity,
    planned: &[Planned<'_>],
) -> (Answered, Trace) {
    let answer = check_among(ctx, watch, candidate, planned);
    let held: Vec<Counting<'_>> = planned.iter().filter_map(|one| Counting::held(one.permit)).collect();
    let (watch, persons) = as_if_made(ctx, watch, candidate, held.iter());
    let mut trace = watch.trace(&Context { persons: &persons, ..*ctx }, candidate, true);
    for speaking in &answer.speaking {
        if let Some(considered) = trace.rules.iter_mut().find(|one| one.active.number == speaking.rule) {
            considered.outdone_by(ctx.rules, speaking);
        }
    }
    (answer, trace)
}

impl CaseWatch {
    /// Counts a contact of the case in every window, at its place among those that were made.
    fn plan(&mut self, planned: &Counting<'_>) {
        let person = planned.activity.person.as_ref();
        let index = self.index_of(person).or_else(|| {
            self.persons.push(person?.clone());
            u16::try_from(self.persons.len() - 1).ok()
        });
        let at = self.contacts.partition_point(|one| one.stamp.order() < planned.stamp.order());
        self.contacts.insert(at, CaseStamp { stamp: planned.stamp.clone(), person: index });
        let role = planned.activity.person_role;
        if !planned.stamp.marks.inbound() && !owes(planned.activity, role) {
            self.remember_third_person(planned.activity, person.cloned(), role, planned.stamp.marks);
        }
    }
}
