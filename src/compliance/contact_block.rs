//! No contact, or no other step, while a flag is set. A flag that nobody recorded is not set.

use chrono::{Datelike, NaiveTime, Timelike};
use chrono_tz::Tz;

use super::conditions::lasting;
use super::judgement::{Note, Speaking};
use super::limitation_period;
use super::notice_period::last_day_after;
use super::situation::Situation;
use crate::domain::ids::ActivityId;
use crate::domain::party::{Permission, PersonalWindow};
use crate::domain::time::{Timestamp, add_days};
use crate::domain::verdict::{Answer, Unit};
use crate::domain::vocabulary::{ConsentScope, Place};
use crate::rules::calendar::Calendar;
use crate::rules::model::ContactBlock;
use crate::rules::ruleset::Jurisdiction;
use crate::rules::words::{Attribute, BindFrom, BlockAnswer, OtherFlag, Set, Word};

/// A flag found set.
struct Hit {
    name: &'static str,
    until: Option<Timestamp>,
    known: bool,
    certain: bool,
    id: Option<ActivityId>,
}

pub(crate) fn judge(
    limits: &ContactBlock,
    from: BindFrom,
    situation: &Situation<'_>,
    jurisdiction: &Jurisdiction,
) -> Option<Speaking> {
    let calendar = Situation::calendar(jurisdiction);
    if !limits.place.is_empty() && !place(situation).is_some_and(|place| limits.place.has(place)) {
        return None;
    }
    let unmet = !limits.conditions.meets(situation.known.conditions);
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
    let Some(hit) = hit else {
        let known = situation.known;
        let timed = known.refusals && limits.flags.has(OtherFlag::OptedOut)
            || known.windows && limits.flags.has(OtherFlag::InconvenientWindow);
        return Some(Speaking::kept_on(unmet && !timed));
    };
    let mut doubt = None;
    if !limits.if_expired.is_empty() {
        match limitation_period::expired(&limits.if_expired, situation, jurisdiction) {
            None => return Some(Speaking::kept_on(false)),
            Some(missing) => doubt = missing,
        }
    }
    let mut judgement = Speaking::new(if hit.certain { Answer::Broken } else { Answer::Unknown });
    judgement.observed = Some(1);
    judgement.limit = Some(0);
    judgement.unit = Some(Unit::Flag);
    judgement.note = if hit.certain { Note::Word(hit.name) } else { Note::Missing(Attribute::Written) };
    judgement.allowed_from = hit.until;
    judgement.known_at_time = hit.known;
    judgement.representative_only = limits.answer == BlockAnswer::RepresentativeOnly;
    if !situation.searching {
        judgement.evidence.extend(hit.id);
        judgement.evidence.push(situation.activity.id.clone());
    }
    Some(judgement.in_doubt(doubt))
}

fn place(situation: &Situation<'_>) -> Option<Place> {
    let contact = situation.contact()?;
    if contact.place.is_some() {
        return contact.place;
    }
    situation.point()?.workplace.then_some(Place::Workplace)
}

/// Keeps the hit that lasts longest, certain ones first: that one names when the rule would allow it.
fn keep(hit: &mut Option<Hit>, new: Hit) {
    let rank = |one: &Hit| (one.certain, one.until.is_none(), one.until);
    if hit.as_ref().is_none_or(|old| rank(old) < rank(&new)) {
        *hit = Some(new);
    }
}

fn conditions(
    limits: &ContactBlock,
    from: BindFrom,
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
    for one in lasting(&limits.lasts, limits.conditions, from, situation, calendar) {
        let lifted = limits.lifted_by_direct_consent && one.direct || too_late(one.began);
        let unwritten = limits.written_only && one.written == Some(false);
        if lifted || unwritten || !one.holds(at) || verified_since(one.from) {
            continue;
        }
        let certain = !limits.written_only || one.written.is_some();
        let (name, known) = (one.condition.name(), at >= one.received);
        keep(hit, Hit { name, until: one.until, known, certain, id: one.id.cloned() });
    }
}

fn other(flag: OtherFlag, situation: &Situation<'_>, hit: &mut Option<Hit>) {
    let memory = situation.watch.memory();
    let set = |until, id| Hit { name: flag.name(), until, known: true, certain: true, id };
    match flag {
        OtherFlag::Hold => {
            if let Some(id) = &memory.hold {
                keep(hit, set(None, Some(id.clone())));
            }
        }
        OtherFlag::CaseClosed => {
            if situation.watch.closed(situation.version) {
                keep(hit, set(None, None));
            }
        }
        OtherFlag::PaidOff => {
            if situation.watch.paid_off(situation.version) {
                keep(hit, set(None, None));
            }
        }
        OtherFlag::OptedOut => {
            if let Some(until) = situation.known.refusals.then(|| opted_out(situation)).flatten() {
                keep(hit, set(until, None));
            }
        }
        OtherFlag::InconvenientWindow => {
            let zones = if situation.known.windows { situation.zones.as_slice() } else { &[] };
            if zones.iter().any(|zone| inconvenient(situation, situation.at, *zone)) {
                keep(hit, set(next_convenient(situation), None));
            }
        }
    }
}

/// Consents and opt-outs of the person: those of the version, those of the contact point, those told by activities.
pub(crate) fn permissions<'a>(situation: &'a Situation<'_>) -> impl Iterator<Item = &'a Permission> {
    let point = situation.contact().and_then(|contact| contact.contact_point.as_ref());
    let party = situation.party;
    let of_points = party
        .into_iter()
        .flat_map(|party| &party.contact_points)
        .filter(move |one| Some(&one.id) == point)
        .flat_map(|one| &one.permissions);
    let told = situation
        .watch
        .memory()
        .given
        .iter()
        .filter(|one| one.person.is_none() || one.person.as_ref() == situation.person)
        .filter(move |one| one.point.is_none() || one.point.as_ref() == point)
        .map(|one| &one.permission);
    party.into_iter().flat_map(|party| &party.permissions).chain(of_points).chain(told)
}

fn stands(permission: &Permission, at: Timestamp) -> bool {
    permission.given <= at
        && permission.expires.is_none_or(|end| at < end)
        && permission.revoked.is_none_or(|end| at < end)
}

fn opted_out(situation: &Situation<'_>) -> Option<Option<Timestamp>> {
    let contact = situation.contact()?;
    permissions(situation)
        .filter(|one| !one.granted && stands(one, situation.at))
        .filter(|one| one.technology.is_none() || one.technology == contact.technology)
        .find(|one| match one.scope {
            ConsentScope::All | ConsentScope::Point => true,
            ConsentScope::Channel => one.channel.is_none_or(|channel| channel == contact.channel),
            ConsentScope::Calls => contact.channel == crate::domain::vocabulary::Channel::Call,
            ConsentScope::Workplace => place(situation) == Some(Place::Workplace),
            ConsentScope::DebtDetails | ConsentScope::Recording => false,
        })
        .map(|one| one.expires)
}

/// The windows that are on record of the person, whenever they hold.
fn recorded<'a>(situation: &'a Situation<'_>) -> impl Iterator<Item = &'a PersonalWindow> {
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
    recorded(situation).filter(move |one| one.received <= at && one.until.is_none_or(|until| at < until))
}

/// Those that speak of where the contact is.
fn windows<'a>(situation: &'a Situation<'_>, at: Timestamp) -> impl Iterator<Item = &'a PersonalWindow> {
    let here = place(situation);
    stated(situation, at).filter(move |one| one.place.is_none() || one.place == here)
}

/// The person prefers some hours at one of these places.
pub(crate) fn prefers(situation: &Situation<'_>, places: Set<Place>) -> bool {
    situation.known.windows
        && stated(situation, situation.at).any(|one| one.preferred && one.place.is_some_and(|place| places.has(place)))
}

fn has_windows(situation: &Situation<'_>) -> bool {
    windows(situation, situation.at).next().is_some()
}

fn inside(window: &PersonalWindow, at: Timestamp, zone: Tz) -> bool {
    let local = at.local(zone);
    let minute = local.hour() * 60 + local.minute();
    let weekday = u8::try_from(local.weekday().number_from_monday()).unwrap_or(0);
    (window.weekdays.is_empty() || window.weekdays.contains(&weekday))
        && minute >= u32::from(window.from_minute)
        && minute < u32::from(window.to_minute)
}

fn inconvenient(situation: &Situation<'_>, at: Timestamp, zone: Tz) -> bool {
    let mut preferred = windows(situation, at).filter(|one| one.preferred).peekable();
    let outside = preferred.peek().is_some() && !preferred.any(|one| inside(one, at, zone));
    outside || windows(situation, at).any(|one| !one.preferred && inside(one, at, zone))
}

/// The first instant at which the person is not known to be inconvenienced: the bound of a window within two weeks, or when one
/// begins or ceases to hold, however late.
fn next_convenient(situation: &Situation<'_>) -> Option<Timestamp> {
    let (zones, here) = (situation.zones.as_slice(), place(situation));
    let relevant = || recorded(situation).filter(move |one| one.place.is_none() || one.place == here);
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
        .find(|bound| !zones.iter().any(|zone| inconvenient(situation, *bound, *zone)))
}
