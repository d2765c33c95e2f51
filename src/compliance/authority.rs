//! What is recorded of the authority over a case and of its contact points: holds, the closing, a recall or sale, a point that is not
//! the person's.

use serde::{Deserialize, Serialize};

use super::memory::Memory;
use super::situation::Situation;
use super::watch::CaseWatch;
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::detail::{Detail, TransferKind};
use crate::domain::ids::{ActivityId, ContactPointId};
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

/// The state of a contact point.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PointState {
    pub point: ContactPointId,
    pub state: ContactPointState,
    pub told: Told,
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
            }
            Detail::Transfer { transfer, .. } => match transfer {
                TransferKind::Recall | TransferKind::Sell => self.given_up = Some((*transfer, told())),
                TransferKind::Place => self.given_up = None,
                TransferKind::MoveIn | TransferKind::MoveOut | TransferKind::CreditCollection => {}
            },
            Detail::ContactPointChanged { contact_point, state } => {
                self.points.retain(|one| one.point != *contact_point);
                self.points.push(PointState { point: contact_point.clone(), state: *state, told: told() });
            }
            _ => {}
        }
    }

    /// Takes what a version states of the closing. One that states none opens no case that an activity has closed.
    pub fn closed_by_version(&mut self, version: &CaseVersion) {
        if version.closed {
            self.closed = Some(true);
        } else if self.closed_by.is_none() {
            self.closed = None;
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
    let told = watch.memory().points.iter().find(|one| one.point == *named);
    let told = told.map(|one| Known { state: one.state, since: one.told.at, id: Some(&one.told.id) });
    let points = party.into_iter().flat_map(|party| &party.contact_points);
    let stated = points.filter(|point| point.id == *named).find_map(|point| point.state);
    let stated = stated.map(|state| Known { state, since: version.effective, id: None });
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
            let by_activity = watch.memory().closed_by.as_ref().map_or((version.effective, None), told);
            watch.closed(version).then_some(by_activity)
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
