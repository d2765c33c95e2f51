//! Which contacts a rule of conduct means: by step, channel, technology, number, place and message left.

use super::judgement::Speaking;
use super::situation::Situation;
use crate::domain::detail::Contact;
use crate::domain::party::{ContactPoint, Party};
use crate::domain::vocabulary::{Channel, ContactPointKind, Direction, MessageLeft, NumberType, Place};
use crate::rules::conduct::Which;
use crate::rules::step::Step;
use crate::rules::words::{Attribute, Set, Word};

/// The activity is one of the steps. A contact asked about is taken as if something is conveyed by it.
pub(crate) fn is_step(steps: &[Step], situation: &Situation<'_>) -> bool {
    steps.iter().any(|step| step.matches(situation.activity) || *step == Step::Communication && conveys(situation))
}

/// A contact of the collector that does not say what it is: it may be a demand or a reminder.
pub(crate) fn is_unstated(situation: &Situation<'_>) -> bool {
    let says = |contact: &Contact| {
        let named = |notice: &String| Step::SAID_BY_NOTICE.contains(&notice.as_str());
        contact.purpose.is_some() || contact.notices.iter().any(named)
    };
    situation.contact().is_some_and(|contact| !says(contact)) && outbound(situation)
}

/// A demand or a reminder is among the steps, and the contact may be one.
pub(crate) fn may_be_demand(steps: &[Step], situation: &Situation<'_>) -> bool {
    steps.iter().any(Step::is_demand) && is_unstated(situation)
}

/// What is missing to tell that a contact is one of the steps, if it only may be.
pub(crate) fn unstated(steps: &[Step], situation: &Situation<'_>) -> Option<Attribute> {
    (may_be_demand(steps, situation) && !is_step(steps, situation)).then_some(Attribute::Purpose)
}

fn conveys(situation: &Situation<'_>) -> bool {
    let open = |contact: &Contact| contact.outcome.is_none() && contact.flags.is_none();
    situation.asked && situation.contact().is_some_and(open) && outbound(situation)
}

/// The collector began it.
pub(crate) fn outbound(situation: &Situation<'_>) -> bool {
    situation.activity.direction() == Direction::Outbound
}

/// Step and channel are meant. Cheap: it is asked of every rule.
pub(crate) fn may_mean(which: &Which, situation: &Situation<'_>) -> bool {
    let channel =
        situation.contact().map_or(which.channels.is_empty(), |contact| which.channels.admits(contact.channel));
    channel && is_step(&which.on, situation)
}

/// `None`: another contact is meant. `Some(None)`: this one. `Some(Some(attribute))`: that is missing to tell. Step and
/// channel have been compared.
#[allow(clippy::option_option)] // three answers
pub(crate) fn meant(which: &Which, situation: &Situation<'_>) -> Option<Option<Attribute>> {
    let plain = which.technologies.is_empty()
        && which.number_types.is_empty()
        && which.places.is_empty()
        && which.message_left.is_empty();
    if plain {
        return Some(None);
    }
    let contact = situation.contact()?;
    let technology = one(which.technologies, contact.technology, Attribute::Technology)?;
    let number = if which.number_types.is_empty() {
        None
    } else if matches!(contact.channel, Channel::Call | Channel::Sms | Channel::Fax) {
        one(which.number_types, number_type(which.number_types, situation, contact), Attribute::NumberType)?
    } else {
        return None;
    };
    let left = match contact.message_left {
        // Whoever was spoken to got no message.
        None if contact.outcome.is_some_and(|outcome| outcome.flags().right_party) => Some(MessageLeft::None),
        left => left,
    };
    if situation.asked && left.is_none() && !which.message_left.is_empty() {
        // Whoever means to leave a message says so.
        return None;
    }
    let left = one(which.message_left, left, Attribute::MessageLeft)?;
    let place = at_place(which.places, situation)?;
    Some(technology.or(number).or(left).or(place))
}

#[allow(clippy::option_option)]
fn one<T: Word>(wanted: Set<T>, stated: Option<T>, attribute: Attribute) -> Option<Option<Attribute>> {
    match stated {
        _ if wanted.is_empty() => Some(None),
        Some(stated) => wanted.has(stated).then_some(None),
        None => Some(Some(attribute)),
    }
}

/// A message to a number reaches a mobile, unless the number is known to be another.
fn number_type(wanted: Set<NumberType>, situation: &Situation<'_>, contact: &Contact) -> Option<NumberType> {
    match situation.point().and_then(|point| point.number_type) {
        Some(NumberType::Unknown) if !wanted.has(NumberType::Unknown) => None,
        Some(known) => Some(known),
        None if contact.channel == Channel::Sms => Some(NumberType::Mobile),
        None if contact.contact_point.is_some() => None,
        // No number is named: it is told only if the person's are all of types that are not meant.
        None => {
            let points = situation.party.into_iter().flat_map(|party| &party.contact_points);
            let mut types = points.filter(|point| point.kind == ContactPointKind::Phone).map(|point| point.number_type);
            let first = types.next()??;
            let unmeant =
                |one: Option<NumberType>| one.is_some_and(|one| one != NumberType::Unknown && !wanted.has(one));
            (unmeant(Some(first)) && types.all(unmeant)).then_some(first)
        }
    }
}

/// Whether the contact is at one of the places.
#[inline]
#[allow(clippy::option_option)]
pub(crate) fn at_place(places: Set<Place>, situation: &Situation<'_>) -> Option<Option<Attribute>> {
    if places.is_empty() {
        return Some(None);
    }
    let may_be = possible_places(situation.contact()?, situation.point(), situation.party);
    among(places, may_be).map(|certain| (!certain).then_some(Attribute::Place))
}

/// Whether a contact that may be at `may_be` is at one of the places. `None`: it is not. `Some(false)`: it may be.
pub(crate) fn among(places: Set<Place>, may_be: Set<Place>) -> Option<bool> {
    may_be.iter().any(|place| places.has(place)).then(|| places.covers(may_be))
}

/// Where a contact may be. What it states counts, else what its contact point says. That a contact point is the
/// workplace's is a flag: one without it is elsewhere, and where none of the person's has it, no contact is there unless
/// that is stated. Only a visit can be at a place that nobody named.
pub(crate) fn possible_places(contact: &Contact, point: Option<&ContactPoint>, party: Option<&Party>) -> Set<Place> {
    if let Some(place) = contact.place {
        return Set::of(&[place]);
    }
    let mut may_be = match (contact.channel, point) {
        (_, Some(point)) if point.workplace => return Set::of(&[Place::Workplace]),
        (Channel::Visit, _) => Set::of(&[Place::Home, Place::Other]),
        (_, Some(point)) if point.number_type == Some(NumberType::Mobile) => Set::of(&[Place::Mobile]),
        (_, Some(point)) if point.number_type == Some(NumberType::Landline) => Set::of(&[Place::Home]),
        _ => Set::of(&[Place::Home, Place::Mobile]),
    };
    if point.is_none() && party.into_iter().flat_map(|party| &party.contact_points).any(|one| one.workplace) {
        may_be.insert(Place::Workplace);
    }
    may_be
}

/// What is said of a contact that would be a breach if it were certain that it is meant. How a contact is made is the
/// collector's choice: of one that is planned, the technologies meant are a duty to use another.
pub(crate) fn unsure(which: &Which, situation: &Situation<'_>, attribute: Attribute) -> Speaking {
    if situation.asked && attribute == Attribute::Technology {
        Speaking::duty(which.not_by.clone())
    } else {
        Speaking::missing(attribute)
    }
}
