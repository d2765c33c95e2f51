//! Consents and opt-outs that are on record of a person, and which of them concern a contact.

use super::situation::Situation;
use super::{authority, which};
use crate::domain::detail::Contact;
use crate::domain::ids::ContactPointId;
use crate::domain::party::Permission;
use crate::domain::time::Timestamp;
use crate::domain::vocabulary::{Channel, ConsentScope, ContactPointKind, Place};
use crate::rules::conduct::OptOut;
use crate::rules::words::{Attribute, Set};

/// Every consent and opt-out of the person, with the contact point it was recorded at. Of somebody who is no party of the case the
/// debtor's opt-outs are heard, too; what the debtor agreed to, nobody else has.
pub(crate) fn recorded<'s, 'a: 's>(
    situation: &'s Situation<'a>,
) -> impl Iterator<Item = (&'a Permission, Option<&'a ContactPointId>)> + 's {
    let person = situation.person;
    let party = situation.party;
    let own = party.is_none_or(|party| Some(&party.person) == person);
    let general = party.into_iter().flat_map(|party| &party.permissions).map(move |one| (one, None, own));
    let points = party.into_iter().flat_map(|party| &party.contact_points);
    let of_points = points.flat_map(move |point| point.permissions.iter().map(move |one| (one, Some(&point.id), own)));
    let told = situation.watch.memory().given.iter();
    let told = told.filter(move |one| one.person.is_none() || one.person.as_ref() == person);
    let told = told.map(move |one| (&one.permission, one.point.as_ref(), own || one.person.is_some()));
    let all = general.chain(of_points).chain(told);
    let all = all.filter(move |(one, _, own)| *own || !one.granted || ended(one.revoked, situation.at));
    all.map(|(one, at, _)| (one, at)).filter(move |(one, _)| authority::reaches(one, situation))
}

/// How what was recorded at a contact point concerns the contact.
pub(crate) enum Point {
    /// Recorded at no point, or at the contact's.
    Own,
    /// At another.
    Other,
    /// The contact names none, and it may be this one.
    Maybe,
}

pub(crate) fn point(recorded_at: Option<&ContactPointId>, situation: &Situation<'_>, contact: &Contact) -> Point {
    let Some(id) = recorded_at else { return Point::Own };
    match &contact.contact_point {
        Some(own) if own == id => Point::Own,
        Some(_) => Point::Other,
        None => {
            let points = situation.party.into_iter().flat_map(|party| &party.contact_points);
            let kind = points.filter(|point| point.id == *id).map(|point| point.kind).next();
            if kind.is_none_or(|kind| kind == kind_of(contact.channel)) { Point::Maybe } else { Point::Other }
        }
    }
}

const fn kind_of(channel: Channel) -> ContactPointKind {
    match channel {
        Channel::Call | Channel::Sms | Channel::Fax => ContactPointKind::Phone,
        Channel::Email => ContactPointKind::Email,
        Channel::Letter | Channel::Visit => ContactPointKind::PostalAddress,
        Channel::Messaging | Channel::SocialMedia => ContactPointKind::Messaging,
        Channel::Portal => ContactPointKind::PortalAccount,
    }
}

pub(crate) fn ended(end: Option<Timestamp>, at: Timestamp) -> bool {
    end.is_some_and(|end| end <= at)
}

/// Whether the contact is at work: as [`which::at_place`] tells it.
#[allow(clippy::option_option)] // three answers
fn at_work(situation: &Situation<'_>) -> Option<Option<Attribute>> {
    which::at_place(Set::of(&[Place::Workplace]), situation)
}

/// The consent or opt-out speaks of another technology than the one that the contact uses.
pub(crate) fn is_of_other_technology(one: &Permission, contact: &Contact) -> bool {
    matches!((one.technology, contact.technology), (Some(meant), Some(used)) if meant != used)
}

/// The consent reaches the contact, wherever it was recorded.
pub(crate) fn covers(consent: &Permission, situation: &Situation<'_>, contact: &Contact) -> bool {
    !is_of_other_technology(consent, contact)
        && match consent.scope {
            ConsentScope::All | ConsentScope::Point | ConsentScope::DebtDetails | ConsentScope::Recording => true,
            ConsentScope::Channel => consent.channel.is_none_or(|channel| channel == contact.channel),
            ConsentScope::Calls => contact.channel == Channel::Call,
            ConsentScope::Workplace => at_work(situation) == Some(None),
        }
}

/// An opt-out of that scope concerns the contact.
pub(crate) fn concerns(
    scope: ConsentScope,
    channel: Option<Channel>,
    binding: OptOut,
    situation: &Situation<'_>,
    contact: &Contact,
) -> bool {
    match scope {
        ConsentScope::All | ConsentScope::Point => true,
        ConsentScope::Channel => match binding {
            OptOut::Point => false,
            OptOut::Channel => channel.is_none_or(|channel| channel == contact.channel),
            OptOut::Everything => true,
        },
        ConsentScope::Calls => binding == OptOut::Everything || contact.channel == Channel::Call,
        ConsentScope::Workplace => at_work(situation).is_some(),
        ConsentScope::DebtDetails | ConsentScope::Recording => false,
    }
}

/// The opt-out is one for the workplace, and it is not known that the contact is there.
pub(crate) fn maybe_elsewhere(scope: ConsentScope, situation: &Situation<'_>) -> bool {
    scope == ConsentScope::Workplace && at_work(situation) != Some(None)
}

/// Those recorded at no contact point, or at the contact's.
pub(crate) fn own<'s, 'a: 's>(situation: &'s Situation<'a>) -> impl Iterator<Item = &'a Permission> + 's {
    let here = situation.contact().and_then(|contact| contact.contact_point.as_ref());
    recorded(situation).filter(move |(_, at)| at.is_none() || *at == here).map(|(one, _)| one)
}

/// When a record took consents back: an opt-out when it was given, as long as it stands; a consent when it ended.
pub(crate) fn took_back(one: &Permission, at: Timestamp) -> Option<Timestamp> {
    let over = || ended(one.expires, at) || ended(one.revoked, at);
    let moment = if one.granted { one.revoked } else { Some(one.given).filter(|_| !over()) };
    moment.filter(|moment| *moment <= at)
}

/// Whether the person has taken a consent back by another record: by an opt-out that concerns the contact or one of the scopes that
/// are `wanted`, or by the same consent once more, with its end. `binds` tells whether what was taken back at an instant has to be
/// honoured by now. `Some(Some(_))`: it may be, by what is missing.
#[allow(clippy::option_option)] // three answers
pub(crate) fn withdrawn(
    consent: &Permission,
    wanted: Set<ConsentScope>,
    situation: &Situation<'_>,
    contact: &Contact,
    binds: impl Fn(Timestamp) -> bool,
) -> Option<Option<Attribute>> {
    let reaches = |other: &Permission| {
        !is_of_other_technology(other, contact)
            && match other.scope {
                ConsentScope::Recording => consent.scope == ConsentScope::Recording,
                ConsentScope::DebtDetails => {
                    consent.scope == ConsentScope::DebtDetails || wanted.has(ConsentScope::DebtDetails)
                }
                scope => {
                    consent.scope != ConsentScope::Recording
                        && concerns(scope, other.channel, OptOut::Channel, situation, contact)
                }
            }
    };
    let mut found = None;
    for (other, at_point) in recorded(situation) {
        let after = took_back(other, situation.at).is_some_and(|moment| moment >= consent.given && binds(moment));
        if std::ptr::eq(other, consent) || !after || !reaches(other) {
            continue;
        }
        match point(at_point, situation, contact) {
            Point::Own if maybe_elsewhere(other.scope, situation) => found = Some(Some(Attribute::Place)),
            Point::Own => return Some(None),
            Point::Maybe => found = Some(Some(Attribute::ContactPoint)),
            Point::Other => {}
        }
    }
    found
}

/// Whoever consented anew afterwards to such contacts has taken an opt-out back. To be told details or recorded is another
/// matter.
pub(crate) fn taken_back(opted_out: Timestamp, situation: &Situation<'_>, contact: &Contact) -> bool {
    let at = situation.at;
    recorded(situation).any(|(consent, at_point)| {
        let later = consent.granted && consent.given > opted_out && consent.given <= at;
        later
            && !ended(consent.expires, at)
            && !ended(consent.revoked, at)
            && !matches!(consent.scope, ConsentScope::DebtDetails | ConsentScope::Recording)
            && covers(consent, situation, contact)
            && matches!(point(at_point, situation, contact), Point::Own)
    })
}
