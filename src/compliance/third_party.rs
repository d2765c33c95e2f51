//! Contact with others than those who may be told of the debt, what becomes known to others, and where.

use super::held::Held;
use super::judgement::{Note, Speaking};
use super::persons::Marks;
use super::situation::Situation;
use super::{channel_consent, which};
use crate::domain::detail::Contact;
use crate::domain::verdict::{Answer, Unit};
use crate::domain::vocabulary::{ConsentScope, ContactPointState, Place};
use crate::rules::conduct::{Dealing, Lift, ThirdParty};
use crate::rules::words::{Attribute, Counted};

pub(crate) fn judge(limits: &ThirdParty, situation: &Situation<'_>) -> Option<Speaking> {
    let contact = situation.contact()?;
    let doubt = which::meant(&limits.which, situation)?;
    let held = Held::of(situation)?;
    // Yes, no, or the role is not known.
    let third = situation.role.map(|role| !limits.told.has(role));
    if let (Some(true), Some(role)) = (third, situation.role)
        && !limits.persons.admits(role)
    {
        return None;
    }
    // A rule on certain third persons says nothing of those who may be told, but what others learn from them.
    let conveyed = conveyed(situation, contact);
    let inquiry = contact.purpose.map(|purpose| limits.purposes.has(purpose));
    let sure = |judgement: Speaking| match doubt {
        Some(attribute) if judgement.answer == Answer::Broken => which::unsure(&limits.which, situation, attribute),
        _ => judgement,
    };
    let broken = |note: Note| {
        let mut judgement = Speaking::new(Answer::Broken);
        judgement.note = note;
        if !situation.searching {
            judgement.evidence.push(situation.activity.id.clone());
        }
        sure(judgement)
    };
    if let Some(word) = held.first(&limits.shown) {
        return Some(broken(Note::Text(word.into())));
    }
    if limits.disclosure == Dealing::Forbidden && contact.third_party_disclosure {
        return Some(broken(Note::Word("disclosed to a third person")));
    }
    let mut open = None;
    if third != Some(false) {
        if limits.disclosure == Dealing::Forbidden && told(situation, contact) && inquiry != Some(true) {
            match (third, lifted(limits, situation, &held, true)) {
                (_, Lifted::Yes) => {}
                (None, _) => open = open.or(Some(Attribute::PersonRole)),
                (_, Lifted::Maybe(attribute)) => open = open.or(Some(attribute)),
                (Some(_), Lifted::No) => return Some(broken(Note::Word("conveyed to a third person"))),
            }
        }
        match with_third(limits, situation, &held, inquiry) {
            Dealt::Allowed => {}
            Dealt::Open(attribute) => open = open.or(Some(attribute)),
            _ if third.is_none() => open = open.or(Some(Attribute::PersonRole)),
            Dealt::TooMany(seen, most) => {
                return Some(broken(Note::Word("inquired before")).seen(seen, most, Unit::Contacts));
            }
            Dealt::Forbidden(word) => return Some(broken(Note::Word(word))),
        }
    }
    if third != Some(true) && limits.debtor == Dealing::Forbidden && which::outbound(situation) {
        match (third, lifted(limits, situation, &held, false)) {
            (_, Lifted::Yes) => {}
            (None, _) => open = open.or(Some(Attribute::PersonRole)),
            (_, Lifted::Maybe(attribute)) => open = open.or(Some(attribute)),
            (_, Lifted::No) => return Some(broken(Note::Word("not here"))),
        }
    }
    let verify = limits.verify_identity && conveyed && third == Some(false);
    if verify && contact.identity_verified == Some(false) {
        return Some(broken(Note::Word("identity not verified")));
    }
    if let Some(attribute) = open {
        return Some(Speaking::missing(attribute));
    }
    // Of who may be told, it is only asked what is stated of the contact.
    let steady = third == Some(false) && limits.debtor != Dealing::Forbidden;
    if verify {
        match contact.identity_verified {
            Some(_) => {}
            None if situation.asked => return Some(Speaking::duty(Some(limits.identity_duty.clone())).held_on(steady)),
            None => return Some(Speaking::missing(Attribute::IdentityVerified)),
        }
    }
    if situation.asked && third != Some(false) {
        let silent = limits.contact == Dealing::Inquiry || limits.disclosure == Dealing::Forbidden;
        if silent && !matches!(lifted(limits, situation, &held, true), Lifted::Yes) {
            return Some(Speaking::duty(Some(limits.inquiry_duty.clone())));
        }
    }
    Some(Speaking::kept_on(steady))
}

/// Something about the debt was conveyed; of a contact asked about it is taken that it is.
fn conveyed(situation: &Situation<'_>, contact: &Contact) -> bool {
    contact.outcome_flags().communication || situation.asked && contact.outcome.is_none() && contact.flags.is_none()
}

/// Something about the debt was said to the person. What is only asked about may still say nothing of it.
fn told(situation: &Situation<'_>, contact: &Contact) -> bool {
    contact.outcome_flags().communication && !(situation.asked && contact.outcome.is_none() && contact.flags.is_none())
}

/// What the rule says of a contact with a third person.
enum Dealt {
    Allowed,
    Open(Attribute),
    TooMany(i64, i64),
    Forbidden(&'static str),
}

fn with_third(limits: &ThirdParty, situation: &Situation<'_>, held: &Held<'_>, inquiry: Option<bool>) -> Dealt {
    if !which::outbound(situation) || limits.contact == Dealing::Free {
        return Dealt::Allowed;
    }
    let forbidden = match (limits.contact, inquiry) {
        (Dealing::Inquiry, Some(true)) => false,
        (Dealing::Inquiry, None) => return unless_lifted(limits, situation, held, Dealt::Open(Attribute::Purpose)),
        _ => true,
    };
    if forbidden {
        return unless_lifted(limits, situation, held, Dealt::Forbidden("a third person"));
    }
    let Some(max) = limits.max else { return Dealt::Allowed };
    // What reaches nobody is no contact.
    if !situation.marks().is_some_and(|marks: Marks| marks.counts(Counted::Contacts)) {
        return Dealt::Allowed;
    }
    let zone = situation.home_zone();
    let since = limits.window.map(|window| situation.window(window, zone));
    let earlier = situation.watch.memory().approached.iter().filter(|one| {
        one.person.as_ref() == situation.person
            && one.role == situation.role
            && one.id != situation.activity.id
            && one.at <= situation.at
            && since.is_none_or(|since| situation.in_zone(one.at, zone) >= since)
    });
    let seen = i64::try_from(earlier.count()).unwrap_or(i64::MAX).saturating_add(1);
    if seen <= i64::from(max) || limits.lifted_by.iter().any(|word| held.has(word)) {
        return Dealt::Allowed;
    }
    Dealt::TooMany(seen, i64::from(max))
}

fn unless_lifted(limits: &ThirdParty, situation: &Situation<'_>, held: &Held<'_>, otherwise: Dealt) -> Dealt {
    match lifted(limits, situation, held, true) {
        Lifted::Yes => Dealt::Allowed,
        Lifted::Maybe(attribute) => Dealt::Open(attribute),
        Lifted::No => otherwise,
    }
}

/// Whether a ban is lifted.
enum Lifted {
    Yes,
    Maybe(Attribute),
    No,
}

fn lifted(limits: &ThirdParty, situation: &Situation<'_>, held: &Held<'_>, of_third: bool) -> Lifted {
    if held.first(&limits.lifted_by).is_some() {
        return Lifted::Yes;
    }
    let workplace = !of_third && limits.which.places.has(Place::Workplace);
    let scope = if workplace { ConsentScope::Workplace } else { ConsentScope::DebtDetails };
    let mut maybe = None;
    for lift in limits.unless.iter() {
        match lift {
            Lift::Consent if channel_consent::agreed(situation, scope, false).is_some() => return Lifted::Yes,
            Lift::WrittenConsent => match channel_consent::agreed(situation, scope, true) {
                Some(true) => return Lifted::Yes,
                Some(false) => maybe = Some(Attribute::ConsentForm),
                None => {}
            },
            Lift::NoOtherPoint => match other_point(limits, situation) {
                Some(false) => return Lifted::Yes,
                Some(true) => {}
                None => maybe = maybe.or(Some(Attribute::ContactPoint)),
            },
            Lift::TriedElsewhere if situation.watch.tried_elsewhere(limits.which.places) => return Lifted::Yes,
            Lift::TriedElsewhereTwice if situation.watch.tried_elsewhere_twice(limits.which.places) => {
                return Lifted::Yes;
            }
            _ => {}
        }
    }
    maybe.map_or(Lifted::No, Lifted::Maybe)
}

/// The person has a usable contact point that is not at the places; `None` if no contact point is recorded.
fn other_point(limits: &ThirdParty, situation: &Situation<'_>) -> Option<bool> {
    let points = &situation.party?.contact_points;
    let usable = |state: Option<ContactPointState>| {
        !matches!(
            state,
            Some(
                ContactPointState::Wrong
                    | ContactPointState::Disconnected
                    | ContactPointState::Bounced
                    | ContactPointState::Reassigned
            )
        )
    };
    let elsewhere = |workplace: bool| !(workplace && limits.which.places.has(Place::Workplace));
    (!points.is_empty()).then(|| points.iter().any(|point| usable(point.state) && elsewhere(point.workplace)))
}
