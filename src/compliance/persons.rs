//! Compact stamps of contacts, kept in fact order per person and per case and pruned by fact time.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::sides::Sides;
use crate::domain::activity::{Activity, FactOrder};
use crate::domain::case::CaseVersion;
use crate::domain::circle::Circle;
use crate::domain::detail::{Contact, Detail};
use crate::domain::ids::{ActivityId, PersonId};
use crate::domain::outcome::Outcome;
use crate::domain::time::Timestamp;
use crate::domain::vocabulary::{Channel, Direction, MessageLeft, PartyRole, Place, Purpose, Technology};
use crate::rules::PersonScope;
use crate::rules::conduct::NO_MESSAGE_POSSIBLE;
use crate::rules::words::{Counted, Exclude, Set, Word};

/// What rules read of a contact, in 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Marks(u32);

const ATTEMPT: u32 = 1 << 16;
const CONTACT: u32 = 1 << 17;
const CONVERSATION: u32 = 1 << 18;
const REACHED_NUMBER: u32 = 1 << 19;
const INBOUND: u32 = 1 << 20;
const AT_REQUEST: u32 = 1 << 21;
const CONSENTED: u32 = 1 << 22;
const WRONG_NUMBER: u32 = 1 << 27;
const NO_MESSAGE: u32 = 1 << 28;
const SEVERAL: u32 = 1 << 29;
const UNSTATED: u32 = 1 << 30;
const BY_DATE: u32 = 1 << 31;
/// From this bit on: the places at which the contact may be.
const PLACES: u32 = 23;

/// Roles whose contacts 12 CFR 1006.14(b)(3)(iii) leaves out.
const EXCLUDED_ROLES: [PartyRole; 5] = [
    PartyRole::Attorney,
    PartyRole::CreditReportingAgency,
    PartyRole::Creditor,
    PartyRole::CreditorAttorney,
    PartyRole::CollectorAttorney,
];

impl Marks {
    /// The marks of a contact. A contact that is only asked about is taken as if it succeeds.
    #[must_use]
    pub fn of(activity: &Activity, contact: &Contact, role: Option<PartyRole>, asked: bool) -> Self {
        let mut bits = contact.channel as u32;
        // Technology, purpose and role: zero says that none is stated.
        bits |= contact.technology.map_or(0, |one| one as u32 + 1) << 4;
        bits |= contact.purpose.map_or(0, |one| one as u32 + 1) << 7;
        bits |= role.map_or(0, |one| one as u32 + 1) << 11;
        let flags = contact.outcome_flags();
        let open = asked && contact.outcome.is_none() && contact.flags.is_none();
        let spoken = matches!(contact.channel, Channel::Call | Channel::Visit);
        let left = matches!(contact.message_left, Some(MessageLeft::Limited | MessageLeft::Full));
        let mut mark = |set: bool, bit: u32| bits |= if set { bit } else { 0 };
        mark(flags.attempt || open, ATTEMPT);
        mark(flags.connect || flags.communication || left || open, CONTACT);
        mark(spoken && (open || (flags.connect && flags.right_party)), CONVERSATION);
        mark(contact.outcome.is_none_or(|outcome| outcome.reached_number()), REACHED_NUMBER);
        mark(contact.outcome == Some(Outcome::WrongNumber), WRONG_NUMBER);
        mark(contact.attestations.iter().any(|word| word == NO_MESSAGE_POSSIBLE), NO_MESSAGE);
        mark(activity.direction() == Direction::Inbound, INBOUND);
        mark(activity.at_debtors_request, AT_REQUEST);
        mark(activity.cases.len() > 1, SEVERAL);
        mark(activity.date_only, BY_DATE);
        mark(spoken && !asked && contact.outcome.is_none() && contact.flags.is_none(), UNSTATED);
        let anywhere = || Set::of(Place::ALL);
        Self(bits).at(contact.place.map_or_else(anywhere, |place| Set::of(&[place])))
    }

    /// Somebody who deals with the debt by profession.
    #[must_use]
    pub fn is_excluded_role(role: PartyRole) -> bool {
        EXCLUDED_ROLES.contains(&role)
    }

    /// The same, inside the person's consent to more calls.
    #[must_use]
    pub const fn consented(self) -> Self {
        Self(self.0 | CONSENTED)
    }

    /// The same, at one of these places.
    #[must_use]
    pub fn at(self, may_be: Set<Place>) -> Self {
        let cleared = self.0 & !(Set::of(Place::ALL).bits() << PLACES);
        Self(cleared | may_be.bits() << PLACES)
    }

    /// Where the contact may be.
    #[must_use]
    pub fn places(self) -> Set<Place> {
        Set::from_bits(self.0 >> PLACES & Set::of(Place::ALL).bits())
    }

    const fn has(self, bit: u32) -> bool {
        self.0 & bit != 0
    }

    /// The contact counts as an attempt, a contact or a conversation.
    #[must_use]
    pub const fn counts(self, what: Counted) -> bool {
        self.has(match what {
            Counted::Attempts => ATTEMPT,
            Counted::Contacts => CONTACT,
            Counted::Conversations => CONVERSATION,
        })
    }

    /// The contact may count so: it does, or it was made where people speak to each other and nothing is stated of how it went.
    #[must_use]
    pub const fn may_count(self, what: Counted) -> bool {
        self.counts(what) || self.has(UNSTATED)
    }

    /// Begun by the debtor or a third party.
    #[must_use]
    pub const fn inbound(self) -> bool {
        self.has(INBOUND)
    }

    /// Only the date of the contact is known: it may have been at any time of it.
    #[must_use]
    pub const fn by_date(self) -> bool {
        self.has(BY_DATE)
    }

    /// The contact is about several cases.
    #[must_use]
    pub const fn about_several(self) -> bool {
        self.has(SEVERAL)
    }

    /// The person's role is in the set, or the set names none; `None`: it is not known.
    #[must_use]
    pub fn with(self, roles: Set<PartyRole>) -> Option<bool> {
        if roles.is_empty() {
            return Some(true);
        }
        pick::<PartyRole>(self.0 >> 11 & 31).map(|role| roles.has(role))
    }

    /// The channel is in the set, or the set names none.
    #[must_use]
    pub fn on(self, channels: Set<Channel>) -> bool {
        channels.is_empty() || channels.has_place(self.0 & 15)
    }

    /// The technology is in the set, or the set names none. A contact that states none matches only an empty set.
    #[must_use]
    pub fn by(self, technologies: Set<Technology>) -> bool {
        technologies.is_empty() || pick::<Technology>(self.0 >> 4 & 7).is_some_and(|one| technologies.has(one))
    }

    /// A rule with these exclusions leaves the contact out.
    #[must_use]
    #[inline]
    pub fn excluded(self, exclude: Set<Exclude>) -> bool {
        !exclude.is_empty() && exclude.meets(self.exclusions())
    }

    /// The exclusions under any of which the contact is left out.
    fn exclusions(self) -> Set<Exclude> {
        let purpose = pick::<Purpose>(self.0 >> 7 & 15);
        let role = pick::<PartyRole>(self.0 >> 11 & 31);
        let bit = |set: bool, exclude: Exclude| if set { exclude.bit() } else { 0 };
        Set::from_bits(
            bit(!self.has(REACHED_NUMBER), Exclude::NotConnected)
                | bit(self.has(WRONG_NUMBER), Exclude::WrongNumber)
                | bit(self.has(NO_MESSAGE) && !self.has(CONTACT), Exclude::NoMessagePossible)
                | bit(self.has(INBOUND), Exclude::Inbound)
                | bit(self.has(CONSENTED), Exclude::ConsentWindow)
                | bit(self.has(AT_REQUEST), Exclude::AtDebtorsRequest)
                | bit(purpose == Some(Purpose::Reply), Exclude::Replies)
                | bit(purpose == Some(Purpose::StatutoryNotice), Exclude::StatutoryNotices)
                | bit(role.is_some_and(Self::is_excluded_role), Exclude::ExcludedRecipients),
        )
    }
}

fn pick<T: Word>(stored: u32) -> Option<T> {
    stored.checked_sub(1).and_then(|at| T::all().get(at as usize)).copied()
}

/// A contact that happened: its place in the order of facts, what rules read of it, and its id as evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactStamp {
    /// When.
    pub at: Timestamp,
    /// Its place among facts of the same instant.
    pub seq: i64,
    /// The activity.
    pub id: ActivityId,
    /// What rules read.
    pub marks: Marks,
    /// Who made it, and for whom.
    pub sides: Sides,
}

impl ContactStamp {
    /// The stamp of a contact under the version of its case that is in force then; `None` for every other kind of activity.
    #[must_use]
    pub fn of(activity: &Activity, version: &CaseVersion) -> Option<Self> {
        let Detail::Contact(contact) = &activity.detail else { return None };
        let person = activity.person.as_ref();
        let party = person.map_or_else(|| version.primary(), |person| version.party(person));
        let role = activity.role_of(party);
        Some(Self::new(activity, Marks::of(activity, contact, role, false), Sides::of(version)))
    }

    /// The stamp of an activity whose marks are known, on a case of these sides.
    #[must_use]
    pub fn new(activity: &Activity, marks: Marks, sides: Sides) -> Self {
        Self { at: activity.occurred, seq: activity.source_seq, id: activity.id.clone(), marks, sides }
    }

    /// Whether the contact was made for that creditor, too. One about several cases is told with the sides of the first of
    /// them: for whom it was made besides, nobody can tell here.
    #[must_use]
    pub fn for_creditor_of(&self, sides: Sides) -> Option<bool> {
        self.sides.same_creditor(sides).filter(|same| *same || !self.marks.about_several())
    }

    /// The key that orders it among all facts.
    #[must_use]
    pub fn order(&self) -> FactOrder<'_> {
        (self.at, self.seq, &self.id)
    }
}

/// The contacts of one person, or of one household, over all cases of a tenant's market, in fact order: those that rules of
/// `scope` judge or count over all of its cases, from an instant on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonLog {
    scope: PersonScope,
    since: Timestamp,
    stamps: Vec<ContactStamp>,
}

impl Default for PersonLog {
    fn default() -> Self {
        Self::empty(PersonScope::default(), Timestamp(i64::MIN))
    }
}

impl PersonLog {
    /// A log that is to hold what rules of `scope` look at, from `since` on.
    #[must_use]
    pub const fn empty(scope: PersonScope, since: Timestamp) -> Self {
        Self { scope, since, stamps: Vec::new() }
    }

    /// What the log holds all contacts for.
    #[must_use]
    pub const fn scope(&self) -> PersonScope {
        self.scope
    }

    /// Everything that rules of `scope` look at from `since` on is here.
    #[must_use]
    pub fn covers(&self, scope: PersonScope, since: Timestamp) -> bool {
        self.scope.covers(scope) && self.since <= since
    }

    /// The stamps, oldest first.
    #[must_use]
    pub fn stamps(&self) -> &[ContactStamp] {
        &self.stamps
    }

    /// The contacts after `stamp` in the order of facts and not after `until`.
    pub fn after<'a>(&'a self, stamp: &'a ContactStamp, until: Timestamp) -> impl Iterator<Item = &'a ContactStamp> {
        let first = self.stamps.partition_point(|one| one.order() <= stamp.order());
        self.stamps.iter().skip(first).take_while(move |one| one.at <= until)
    }

    /// The log as it was at an instant.
    #[must_use]
    pub fn until(&self, at: Timestamp) -> Self {
        let end = self.stamps.partition_point(|one| one.at <= at);
        Self { stamps: self.stamps.iter().take(end).cloned().collect(), ..*self }
    }

    /// Puts a contact in at its place. The same activity is kept once.
    pub fn push(&mut self, stamp: ContactStamp) {
        let at = self.stamps.partition_point(|one| one.order() < stamp.order());
        if self.stamps.get(at).is_none_or(|one| one.id != stamp.id) {
            self.stamps.insert(at, stamp);
        }
    }

    /// Takes a contact out: it is void.
    pub fn remove(&mut self, stamp: &ContactStamp) {
        self.stamps.retain(|one| one.id != stamp.id);
    }

    /// Forgets what happened more than `span` before the last contact.
    pub fn prune(&mut self, span: i64) {
        let Some(before) = self.stamps.last().map(|last| last.at.plus(-span)) else { return };
        let keep = self.stamps.partition_point(|one| one.at < before);
        self.stamps.drain(..keep);
        self.since = self.since.max(before);
    }
}

/// The logs of all persons and households that the caller holds. A check asks about one person, and pays for no table.
#[derive(Debug, Clone, Default)]
pub struct PersonLogs {
    first: Option<(Circle, Arc<PersonLog>)>,
    others: HashMap<Circle, Arc<PersonLog>, foldhash::fast::RandomState>,
}

impl PersonLogs {
    fn find(&self, circle: &Circle) -> Option<&Arc<PersonLog>> {
        let first = self.first.as_ref().filter(|(one, _)| one == circle).map(|(_, log)| log);
        first.or_else(|| if self.others.is_empty() { None } else { self.others.get(circle) })
    }

    /// A circle's log.
    #[must_use]
    pub fn get(&self, circle: &Circle) -> Option<&PersonLog> {
        self.find(circle).map(AsRef::as_ref)
    }

    /// The stamps of a person; none if nothing is known.
    #[must_use]
    pub fn of_person(&self, person: &PersonId) -> &[ContactStamp] {
        match &self.first {
            Some((Circle::Person(one), log)) if one == person => log.stamps(),
            _ if self.others.is_empty() => &[],
            _ => self.get(&Circle::Person(person.clone())).map_or(&[], PersonLog::stamps),
        }
    }

    /// The stamps of a household; none if nothing is known.
    #[must_use]
    pub fn of_household(&self, key: &str) -> &[ContactStamp] {
        if self.first.is_none() {
            return &[];
        }
        self.get(&Circle::household(key)).map_or(&[], PersonLog::stamps)
    }

    /// Puts a log in; a shared one is not copied.
    pub fn insert(&mut self, circle: Circle, log: impl Into<Arc<PersonLog>>) {
        match &mut self.first {
            Some((one, held)) if *one == circle => *held = log.into(),
            Some(_) => {
                self.others.insert(circle, log.into());
            }
            None => self.first = Some((circle, log.into())),
        }
    }

    /// A circle's log by reference count.
    #[must_use]
    pub fn shared(&self, circle: &Circle) -> Option<Arc<PersonLog>> {
        self.find(circle).map(Arc::clone)
    }

    /// Notes a contact under the version of its case that is in force then; nothing of every other kind of activity.
    pub fn note(&mut self, activity: &Activity, version: &CaseVersion) {
        let Some(stamp) = ContactStamp::of(activity, version) else { return };
        Circle::of(activity, version).for_each(|circle| self.change(&circle).push(stamp.clone()));
    }

    /// Every log.
    pub fn iter(&self) -> impl Iterator<Item = (&Circle, &Arc<PersonLog>)> {
        self.first.iter().map(|(circle, log)| (circle, log)).chain(&self.others)
    }

    /// A circle's log, to change; an empty one if there was none.
    pub fn change(&mut self, circle: &Circle) -> &mut PersonLog {
        let (one, log) = self.first.get_or_insert_with(|| (circle.clone(), Arc::default()));
        let log = if one == circle { log } else { self.others.entry(circle.clone()).or_default() };
        Arc::make_mut(log)
    }
}

impl IntoIterator for PersonLogs {
    type Item = (Circle, Arc<PersonLog>);
    type IntoIter = std::iter::Chain<
        std::option::IntoIter<(Circle, Arc<PersonLog>)>,
        std::collections::hash_map::IntoIter<Circle, Arc<PersonLog>>,
    >;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.others)
    }
}
