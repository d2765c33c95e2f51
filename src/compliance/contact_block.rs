//! No contact, or no other step, while a flag is set. A flag that nobody recorded is not set.

use chrono::{Datelike, NaiveTime, Timelike};
use chrono_tz::Tz;

use super::conditions::{Stretch, Whose, lasting_of};
use super::judgement::{Note, Speaking};
use super::notice_period::last_day_after;
use super::permissions::{
    Point, concerns, is_of_other_technology, maybe_elsewhere, point, recorded, taken_back, took_back,
};
use super::situation::Situation;
use super::{authority, limitation_period, which};
use crate::domain::ids::{ActivityId, PersonId};
use crate::domain::party::{Permission, PersonalWindow};
use crate::domain::time::{Timestamp, add_days};
use crate::domain::verdict::{Answer, Unit};
use crate::domain::vocabulary::Place;
use crate::rules::calendar::Calendar;
use crate::rules::conduct::OptOut;
use crate::rules::model::ContactBlock;
use crate::rules::ruleset::Jurisdiction;
use crate::rules::words::{Attribute, BindFrom, BlockAnswer, OtherFlag, Set, Word};

/// A flag found set.
struct Hit {
    name: &'static str,
    /// Of what is recorded of the case or the contact point: since when.
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    known: bool,
    /// What is missing to tell whether it concerns the contact.
    lacks: Option<Attribute>,
    id: Option<ActivityId>,
}

pub(crate) fn judge(
    limits: &ContactBlock,
    from: BindFrom,
    situation: &Situation<'_>,
    jurisdiction: &Jurisdiction,
) -> Option<Speaking> {
    let calendar = Situation::calendar(jurisdiction);
    let elsewhere = which::at_place(limits.place, situation)?;
    let unmet = !limits.conditions.meets(situation.known.of_whom(limits.shares()));
    if unmet && limits.flags.is_empty() {
        return Some(Speaking::kept_on(true));
    }
    let mut hit: Option<Hit> = None;
    if !unmet {
        conditions(limits, from, situation, calendar, &mut hit);
    }
    for flag in limits.flags.iter() {
        if flag == OtherFlag::InconvenientWindow && situation.activity.date_only && has_windows(situation) {
            return Some(Speaking::missing(Attribute::ClockTime));
        }
        other(flag, situation, &mut hit);
    }
    let Some(mut hit) = hit else {
        let known = situation.known;
        let timed = known.refusals && limits.flags.has(OtherFlag::OptedOut)
            || known.windows && limits.flags.has(OtherFlag::InconvenientWindow);
        return Some(Speaking::kept_on(unmet && !timed));
    };
    hit.lacks = hit.lacks.or(elsewhere);
    let mut doubt = None;
    if !limits.if_expired.is_empty() {
        match limitation_period::expired(&limits.if_expired, situation, jurisdiction) {
            None => return Some(Speaking::kept_on(false)),
            Some(missing) => doubt = missing,
        }
    }
    let mut judgement = Speaking::new(if hit.lacks.is_none() { Answer::Broken } else { Answer::Unknown });
    judgement.observed = Some(1);
    judgement.limit = Some(0);
    judgement.unit = Some(Unit::Flag);
    judgement.note = match (hit.lacks, hit.since) {
        (Some(attribute), _) => Note::Missing(attribute),
        (None, None) => Note::Word(hit.name),
        (None, Some(since)) => {
            let day = situation.date_in(since, situation.home_zone());
            Note::Text(format!("{} since {day}", hit.name).into())
        }
    };
    judgement.allowed_from = hit.until;
    judgement.known_at_time = hit.known;
    judgement.representative_only = limits.answer == BlockAnswer::RepresentativeOnly;
    if !situation.searching {
        judgement.evidence.extend(hit.id);
        judgement.evidence.push(situation.activity.id.clone());
    }
    Some(judgement.in_doubt(doubt))
}

/// Keeps the hit that lasts longest, certain ones first: that one names when the rule would allow it.
fn keep(hit: &mut Option<Hit>, new: Hit) {
    let rank = |one: &Hit| (one.lacks.is_none(), one.until.is_none(), one.until);
    if hit.as_ref().is_none_or(|old| rank(old) < rank(&new)) {
        *hit = Some(new);
    }
}

/// Every stretch of the rule's conditions that concerns the person dealt with.
fn all<'a>(
    limits: &'a ContactBlock,
    bind: BindFrom,
    situation: &'a Situation<'_>,
    calendar: &'a Calendar,
) -> impl Iterator<Item = Stretch<'a>> + 'a {
    let whose = Whose::sharing(limits.also_toward, limits.also_of, situation);
    lasting_of(whose, &limits.lasts, limits.conditions, bind, situation, calendar)
}

/// The consent of `other` speaks of the condition of `one`; nobody: what concerns everybody of the case.
fn speaks_for(other: Option<&PersonId>, one: Option<&PersonId>, situation: &Situation<'_>) -> bool {
    other.is_none() || other == one || one.is_none() && other == situation.person
}

fn conditions(
    limits: &ContactBlock,
    bind: BindFrom,
    situation: &Situation<'_>,
    calendar: &Calendar,
    hit: &mut Option<Hit>,
) {
    // The last local day on which a condition bounded in time may be stated; none: any day.
    let last_day = limits
        .only_within
        .as_ref()
        .and_then(|term| last_day_after(term, &limits.only_within_after, situation, calendar));
    let zone = situation.home_zone();
    let memory = situation.watch.memory();
    let at = situation.at;
    let verified_since =
        |start: Timestamp| limits.until_verified && memory.verified.is_some_and(|on| on >= start && on <= at);
    let too_late = |stated: Timestamp| last_day.is_some_and(|last| situation.date_in(stated, zone) > last);
    // Whoever is told again of the representative, now with the consent, may deal with the person from then on.
    let allowed_since = |one: &Stretch<'_>| {
        all(limits, bind, situation, calendar).any(|other| {
            let same = other.condition == one.condition && speaks_for(other.whose, one.whose, situation);
            same && other.direct && other.from >= one.from && other.holds(at)
        })
    };
    for mut one in all(limits, bind, situation, calendar) {
        if limits.until_verified {
            // The debtor is owed verification, whatever the collector thinks of the dispute.
            one.until = one.until_answered;
        }
        let lifted = limits.lifted_by_direct_consent && (one.direct || allowed_since(&one)) || too_late(one.began);
        let unwritten = limits.written_only && one.written == Some(false);
        if lifted || unwritten || !one.holds(at) || verified_since(one.from) {
            continue;
        }
        let lacks = (limits.written_only && one.written.is_none()).then_some(Attribute::Written);
        let (name, known) = (one.condition.name(), at >= one.received);
        keep(hit, Hit { name, since: None, until: one.until, known, lacks, id: one.id.cloned() });
    }
}

fn other(flag: OtherFlag, situation: &Situation<'_>, hit: &mut Option<Hit>) {
    let set = |until, id| Hit { name: flag.name(), since: None, until, known: true, lacks: None, id };
    match flag {
        OtherFlag::Hold
        | OtherFlag::CaseClosed
        | OtherFlag::Recalled
        | OtherFlag::Sold
        | OtherFlag::WrongPoint
        | OtherFlag::ReassignedPoint => {
            if let Some((since, id)) = authority::set_by(flag, situation) {
                keep(hit, Hit { since: Some(since), ..set(None, id.cloned()) });
            }
        }
        OtherFlag::PaidOff => {
            if situation.watch.paid_off(situation.version) {
                keep(hit, set(None, None));
            }
        }
        OtherFlag::OptedOut => {
            if situation.known.refusals {
                opted_out(situation, hit);
            }
        }
        OtherFlag::InconvenientWindow => {
            let zones = if situation.known.windows { situation.zones.as_slice() } else { &[] };
            for (sure, lacks) in [(true, None), (false, Some(Attribute::Place))] {
                if zones.iter().any(|zone| inconvenient(situation, situation.at, *zone, sure)) {
                    keep(hit, Hit { lacks, ..set(next_convenient(situation, sure), None) });
                    break;
                }
            }
        }
    }
}

/// An opt-out that stops the contact, or may.
fn opted_out(situation: &Situation<'_>, hit: &mut Option<Hit>) {
    let Some(contact) = situation.contact() else { return };
    let stands = |one: &Permission| !one.granted && took_back(one, situation.at).is_some();
    for (one, recorded_at) in recorded(situation).filter(|(one, _)| stands(one)) {
        let way = (one.technology.is_some() && contact.technology.is_none()).then_some(Attribute::Technology);
        if is_of_other_technology(one, contact)
            || !concerns(one.scope, one.channel, OptOut::Channel, situation, contact)
        {
            continue;
        }
        let place = maybe_elsewhere(one.scope, situation).then_some(Attribute::Place);
        let at_point = match point(recorded_at, situation, contact) {
            Point::Own => None,
            Point::Other => continue,
            Point::Maybe => Some(Attribute::ContactPoint),
        };
        if !taken_back(one.given, situation, contact) {
            let name = OtherFlag::OptedOut.name();
            let lacks = at_point.or(place).or(way);
            keep(hit, Hit { name, since: None, until: one.expires, known: true, lacks, id: None });
        }
    }
}

/// The windows that are on record of the person, whenever they hold.
fn of_person<'a>(situation: &'a Situation<'_>) -> impl Iterator<Item = &'a PersonalWindow> {
    let told = situation
        .watch
        .memory()
        .windows
        .iter()
        .filter(|(person, _)| person.is_none() || person.as_ref() == situation.person)
        .map(|(_, window)| window);
    situation.party.into_iter().flat_map(|party| &party.windows).chain(told)
}

/// The windows that the person stated until then.
fn stated<'a>(situation: &'a Situation<'_>, at: Timestamp) -> impl Iterator<Item = &'a PersonalWindow> {
    of_person(situation).filter(move |one| one.received <= at && one.until.is_none_or(|until| at < until))
}

/// The window speaks of where the contact is (`sure`), or of where it may be.
fn is_there(window: &PersonalWindow, situation: &Situation<'_>, sure: bool) -> bool {
    let there = |place| which::at_place(Set::of(&[place]), situation).is_some_and(|doubt| doubt.is_none() || !sure);
    window.place.is_none_or(there)
}

/// Those that speak of where the contact is, or may be.
fn windows<'a>(situation: &'a Situation<'_>, at: Timestamp, sure: bool) -> impl Iterator<Item = &'a PersonalWindow> {
    stated(situation, at).filter(move |one| is_there(one, situation, sure))
}

/// The person prefers some hours at one of these places.
pub(crate) fn prefers(situation: &Situation<'_>, places: Set<Place>) -> bool {
    situation.known.windows
        && stated(situation, situation.at).any(|one| one.preferred && one.place.is_some_and(|place| places.has(place)))
}

fn has_windows(situation: &Situation<'_>) -> bool {
    windows(situation, situation.at, false).next().is_some()
}

fn inside(window: &PersonalWindow, at: Timestamp, zone: Tz) -> bool {
    let local = at.local(zone);
    let minute = local.hour() * 60 + local.minute();
    let weekday = u8::try_from(local.weekday().number_from_monday()).unwrap_or(0);
    (window.weekdays.is_empty() || window.weekdays.contains(&weekday))
        && minute >= u32::from(window.from_minute)
        && minute < u32::from(window.to_minute)
}

fn inconvenient(situation: &Situation<'_>, at: Timestamp, zone: Tz, sure: bool) -> bool {
    let mut preferred = windows(situation, at, sure).filter(|one| one.preferred).peekable();
    let outside = preferred.peek().is_some() && !preferred.any(|one| inside(one, at, zone));
    outside || windows(situation, at, sure).any(|one| !one.preferred && inside(one, at, zone))
}

/// The first instant at which the person is not known to be inconvenienced: the bound of a window within two weeks, or when one
/// begins or ceases to hold, however late.
fn next_convenient(situation: &Situation<'_>, sure: bool) -> Option<Timestamp> {
    let zones = situation.zones.as_slice();
    let relevant = || of_person(situation).filter(move |one| is_there(one, situation, sure));
    let mut bounds: Vec<Timestamp> = relevant().flat_map(|one| [Some(one.received), one.until]).flatten().collect();
    for zone in zones {
        let today = situation.at.date(*zone);
        for day in 0..15 {
            let date = add_days(today, day);
            bounds.push(Timestamp::start_of(date, *zone));
            for window in relevant() {
                for minute in [window.from_minute, window.to_minute] {
                    let time = NaiveTime::from_num_seconds_from_midnight_opt(u32::from(minute) * 60, 0);
                    bounds.extend(time.map(|time| Timestamp::at_local(date, time, *zone)));
                }
            }
        }
    }
    bounds.sort_unstable();
    bounds
        .into_iter()
        .filter(|bound| *bound > situation.at)
        .find(|bound| !zones.iter().any(|zone| inconvenient(situation, *bound, *zone, sure)))
}
