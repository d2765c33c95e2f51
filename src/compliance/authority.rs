//! What is recorded of the authority over a case and of its contact points: holds, the closing, a recall or sale, a point that is not
//! the person's.

use serde::{Deserialize, Serialize};

use super::memory::Memory;
use super::situation::Situation;
use super::watch::CaseWatch;
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::detail::{Contact, Detail, TransferKind};
use crate::domain::ids::{ActivityId, ContactPointId, PersonId};
use crate::domain::outcome::Outcome;
use crate::domain::party::{Party, Permission};
use crate::domain::time::Timestamp;
use crate::domain::vocabulary::ContactPointState;
use crate::rules::words::OtherFlag;

/// An activity that told something, and when.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Told {
    pub id: ActivityId,
    pub at: Timestamp,
}

impl Told {
    fn by(activity: &Activity) -> Self {
        Self { id: activity.id.clone(), at: activity.occurred }
    }
}

/// The state of a contact point, as an activity told it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PointState {
    /// Whose point it is; nobody: of whoever of the case has one of that id.
    pub person: Option<PersonId>,
    pub point: ContactPointId,
    pub state: ContactPointState,
    pub told: Told,
}

/// The state of a contact point, as versions state it: since when they state this one. A later version that only repeats it tells
/// nothing new. Points that were in use all along have none.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StatedPoint {
    pub person: PersonId,
    pub point: ContactPointId,
    pub state: ContactPointState,
    pub since: Timestamp,
}

/// What is known of a contact point's state: since when, and by which activity, if not by the master data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    pub state: ContactPointState,
    pub since: Timestamp,
    pub id: Option<&'a ActivityId>,
}

impl Memory {
    /// Remembers what an activity tells of the authority over the case, and of its contact points.
    pub fn remember_authority(&mut self, activity: &Activity) {
        let told = || Told::by(activity);
        match &activity.detail {
            Detail::Hold { ended, .. } => self.hold = if *ended { None } else { Some(told()) },
            Detail::CaseStatus { closed, .. } => {
                self.closed = Some(*closed);
                self.closed_by = closed.then(told);
                self.stated_closed = self.stated_closed.filter(|_| *closed);
            }
            Detail::Transfer { transfer, .. } => match transfer {
                TransferKind::Recall | TransferKind::Sell => self.given_up = Some((*transfer, told())),
                TransferKind::Place => self.given_up = None,
                TransferKind::MoveIn | TransferKind::MoveOut | TransferKind::CreditCollection => {}
            },
            Detail::ContactPointChanged { contact_point, state } => self.tell_point(activity, contact_point, *state),
            _ => {}
        }
    }

    /// Remembers what came out of a contact about the point by which it was made: that it is not the person's, or that it is after all.
    pub fn remember_answered(&mut self, activity: &Activity, contact: &Contact) {
        let Some(point) = &contact.contact_point else { return };
        if contact.outcome == Some(Outcome::WrongNumber) {
            self.tell_point(activity, point, ContactPointState::Wrong);
        } else if contact.outcome_flags().right_party {
            let theirs = |one: &&mut PointState| one.point == *point && one.person == activity.person;
            let wrong = self.points.iter_mut().find(theirs).filter(|one| one.state == ContactPointState::Wrong);
            wrong.into_iter().for_each(|one| one.state = ContactPointState::Working);
        }
    }

    /// An activity tells the state of a point. What is told belatedly may have been told after it was.
    fn tell_point(&mut self, activity: &Activity, point: &ContactPointId, state: ContactPointState) {
        let told = Told::by(activity);
        let mut known = self.points.iter().filter(|one| one.point == *point && one.person == activity.person);
        if known.any(|one| one.told.at > told.at) {
            return;
        }
        self.points.retain(|one| one.point != *point || one.person != activity.person);
        self.points.push(PointState { person: activity.person.clone(), point: point.clone(), state, told });
    }

    /// Takes what a version states of the closing. One that states none opens no case that an activity alone has closed; after
    /// versions that stated it, it opens the case.
    pub fn closed_by_version(&mut self, version: &CaseVersion) {
        if version.closed {
            self.closed = Some(true);
            self.stated_closed.get_or_insert(version.effective);
        } else if self.stated_closed.take().is_some() || self.closed_by.is_none() {
            (self.closed, self.closed_by) = (None, None);
        }
    }

    /// Takes what a version states of contact points.
    pub fn points_by_version(&mut self, version: &CaseVersion) {
        for (person, point, state) in stated_points(version) {
            match self.stated_points.iter_mut().find(|one| one.person == *person && one.point == *point) {
                Some(known) if known.state == state => {}
                Some(known) => (known.state, known.since) = (state, version.effective),
                None if is_elsewhere(state) => {
                    let (person, point) = (person.clone(), point.clone());
                    self.stated_points.push(StatedPoint { person, point, state, since: version.effective });
                }
                None => {}
            }
        }
    }
}

const fn is_elsewhere(state: ContactPointState) -> bool {
    matches!(state, ContactPointState::Wrong | ContactPointState::Reassigned)
}

fn stated_points(version: &CaseVersion) -> impl Iterator<Item = (&PersonId, &ContactPointId, ContactPointState)> {
    version.parties.iter().flat_map(|party| {
        let states = party.contact_points.iter().filter_map(|point| Some((&point.id, point.state?)));
        states.map(|(point, state)| (&party.person, point, state))
    })
}

impl CaseWatch {
    /// Remembers what a version states of the closing and of contact points. Most state nothing that is to be remembered.
    pub(super) fn remember_stated(&mut self, version: &CaseVersion) {
        let known = self.memory().closed.is_some() || !self.memory().stated_points.is_empty();
        if known || version.closed || stated_points(version).any(|(.., state)| is_elsewhere(state)) {
            let memory = self.remember_in();
            memory.closed_by_version(version);
            memory.points_by_version(version);
        }
    }
}

/// The transfer of that kind by which the case was given up, if it was not placed again since.
pub(crate) fn given_up<'a>(watch: &'a CaseWatch, version: &CaseVersion, kind: TransferKind) -> Option<&'a Told> {
    let (given, told) = watch.memory().given_up.as_ref()?;
    let again = version.placement.placed.is_some_and(|placed| placed > told.at);
    (*given == kind && !again).then_some(told)
}

/// The state of the contact point that a contact names, as the latest of master data and activities tells it.
pub(crate) fn state_of_point<'a>(
    watch: &'a CaseWatch,
    version: &CaseVersion,
    party: Option<&Party>,
    activity: &Activity,
) -> Option<Known<'a>> {
    let Detail::Contact(contact) = &activity.detail else { return None };
    let named = contact.contact_point.as_ref()?;
    let memory = watch.memory();
    let person = activity.person.as_ref().or(party.map(|party| &party.person));
    let theirs = |one: &&PointState| one.point == *named && (one.person.is_none() || one.person.as_ref() == person);
    let told = memory.points.iter().filter(theirs).max_by_key(|one| one.told.at);
    let told = told.map(|one| Known { state: one.state, since: one.told.at, id: Some(&one.told.id) });
    let stated = party.and_then(|party| {
        let state = party.contact_points.iter().filter(|point| point.id == *named).find_map(|point| point.state)?;
        let since = memory.stated_points.iter().find(|one| one.person == party.person && one.point == *named);
        // Of a point that was always in use it is not known since when, and whatever else is told of it came later.
        let never = if is_elsewhere(state) { version.effective } else { Timestamp(i64::MIN) };
        Some(Known { state, since: since.map_or(never, |one| one.since), id: None })
    });
    match (told, stated) {
        (Some(told), Some(stated)) => Some(if stated.since > told.since { stated } else { told }),
        (told, stated) => told.or(stated),
    }
}

/// Since when such a flag is set, and by which activity, if not by the master data; `None`: it is not.
pub(super) fn set_by<'a>(flag: OtherFlag, situation: &Situation<'a>) -> Option<(Timestamp, Option<&'a ActivityId>)> {
    let (watch, version) = (situation.watch, situation.version);
    let told = |one: &'a Told| (one.at, Some(&one.id));
    let point = |wanted: ContactPointState| {
        let known = state_of_point(watch, version, situation.party, situation.activity)?;
        (known.state == wanted).then_some((known.since, known.id))
    };
    match flag {
        OtherFlag::Hold => watch.memory().hold.as_ref().map(told),
        OtherFlag::CaseClosed => {
            let memory = watch.memory();
            let stated = memory.stated_closed.map(|since| (since, None));
            let by = memory.closed_by.as_ref().map(told).into_iter().chain(stated).min_by_key(|(since, _)| *since);
            watch.closed(version).then(|| by.unwrap_or((version.effective, None)))
        }
        OtherFlag::Recalled => given_up(watch, version, TransferKind::Recall).map(told),
        OtherFlag::Sold => given_up(watch, version, TransferKind::Sell).map(told),
        OtherFlag::WrongPoint => point(ContactPointState::Wrong),
        OtherFlag::ReassignedPoint => point(ContactPointState::Reassigned),
        OtherFlag::PaidOff | OtherFlag::OptedOut | OtherFlag::InconvenientWindow => None,
    }
}

/// Whether a consent reaches whoever answers at the point that the contact names: none does that was given before the point became
/// somebody else's. It is the person called who consents (47 USC 227(b)(1)(A): "of the called party"; 47 CFR 64.1200(m)).
pub(super) fn reaches(consent: &Permission, situation: &Situation<'_>) -> bool {
    let elsewhere = [OtherFlag::WrongPoint, OtherFlag::ReassignedPoint];
    !consent.granted
        || !elsewhere.iter().any(|flag| situation.known.flags.has(*flag))
        || !elsewhere.iter().any(|flag| set_by(*flag, situation).is_some_and(|(since, _)| consent.given <= since))
}
