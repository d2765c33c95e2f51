//! A consent must stand, or an opt-out is honoured. A consent that nobody recorded was not given.

use chrono::NaiveDate;

use super::held::Held;
use super::judgement::{Note, Speaking};
use super::notice_period::{earlier_steps, term_start};
use super::permissions::{
    Point, concerns, covers, ended, is_of_other_technology, maybe_elsewhere, point, recorded, taken_back, took_back,
    withdrawn,
};
use super::situation::Situation;
use super::which;
use super::windows::{Since, earlier};
use crate::domain::detail::Contact;
use crate::domain::ids::{ContactPointId, PersonId};
use crate::domain::party::Permission;
use crate::domain::time::Timestamp;
use crate::domain::verdict::Answer;
use crate::domain::vocabulary::ConsentScope;
use crate::rules::calendar::Calendar;
use crate::rules::conduct::{CONSENT_REQUEST, ChannelConsent, OptOut};
use crate::rules::model::Term;
use crate::rules::words::{Attribute, Counted, Per};

/// Whether something holds; `Maybe` names what is missing to tell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Yes,
    Maybe(Attribute),
    No,
}

impl Found {
    fn or(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Yes => Self::Yes,
            Self::No => other(),
            Self::Maybe(attribute) => match other() {
                Self::Yes => Self::Yes,
                _ => Self::Maybe(attribute),
            },
        }
    }
}

pub(crate) fn judge(limits: &ChannelConsent, situation: &Situation<'_>, calendar: &Calendar) -> Option<Speaking> {
    let contact = situation.contact()?;
    let doubt = which::meant(&limits.which, situation)?;
    let held = Held::of(situation)?;
    let carries = limits.carrying.is_empty() || held.first(&limits.carrying).is_some();
    if !carries && held.content_stated() {
        return None;
    }
    let sure = |judgement: Speaking| match doubt {
        Some(attribute) if judgement.answer == Answer::Broken => which::unsure(&limits.which, situation, attribute),
        _ => judgement,
    };
    let broken = |note: Note, until: Option<Timestamp>| {
        let mut judgement = Speaking::new(Answer::Broken);
        judgement.note = note;
        judgement.allowed_from = until;
        if !situation.searching {
            judgement.evidence.push(situation.activity.id.clone());
        }
        sure(judgement)
    };
    let opted = limits.opt_out.map_or(OptedOut::No, |scope| opted_out(limits, scope, situation, contact, calendar));
    if let OptedOut::Binds(until) = opted {
        return Some(broken(Note::Word("opted out"), until));
    }
    let consent = if limits.require.is_empty() { Found::Yes } else { required(limits, situation, contact, calendar) };
    if consent == Found::No && carries {
        return Some(broken(Note::Word("no consent"), None));
    }
    // What is wrong whatever the consent is comes before what is not known of it.
    let untried = !limits.tried_first.is_empty() && !tried(limits, situation);
    let unsure = situation.version.history_complete_from.is_some();
    if untried && !unsure {
        return Some(broken(Note::Word("nothing else was tried first"), None));
    }
    let stated = held.content_stated();
    if let Some(lacking) = held.lacking(&limits.must_carry).filter(|_| stated) {
        return Some(broken(Note::Text(format!("lacks {lacking}").into()), None));
    }
    if !carries && consent != Found::Yes && situation.asked {
        // Without consent it may be sent, as long as it holds none of what needs one.
        return Some(Speaking::duty(limits.leave_out.clone()));
    }
    if consent == Found::No {
        return Some(Speaking::missing(Attribute::ContentItems));
    }
    if let OptedOut::Maybe = opted {
        return Some(Speaking::missing(Attribute::ContactPoint));
    }
    if let Found::Maybe(attribute) = consent {
        return Some(Speaking::missing(attribute));
    }
    if untried {
        return Some(Speaking::missing(Attribute::History));
    }
    if let OptedOut::Soon = opted {
        return Some(Speaking::duty(Some(limits.honour.clone())));
    }
    // Where nothing was granted or refused, and nothing need have been, only what is stated of the contact counts.
    let steady = !situation.known.permissions && limits.require.is_empty() && limits.tried_first.is_empty();
    Some(match (limits.must_carry.is_empty() || stated, situation.asked) {
        (true, _) => Speaking::kept_on(steady),
        (false, true) => Speaking::duty(limits.must_carry.0.clone()).held_on(steady),
        (false, false) => Speaking::missing(Attribute::ContentItems),
    })
}

/// An opt-out, as far as it binds.
enum OptedOut {
    No,
    /// It need not be honoured yet.
    Soon,
    /// It may be one of the contact's point.
    Maybe,
    /// Until it ends by itself, where it does.
    Binds(Option<Timestamp>),
}

fn opted_out(
    limits: &ChannelConsent,
    scope: OptOut,
    situation: &Situation<'_>,
    contact: &Contact,
    calendar: &Calendar,
) -> OptedOut {
    let at = situation.at;
    let mut found = OptedOut::No;
    for (one, recorded_at) in recorded(situation) {
        let Some(moment) = took_back(one, at) else { continue };
        if is_of_other_technology(one, contact) || !concerns(one.scope, one.channel, scope, situation, contact) {
            continue;
        }
        let maybe = match point(recorded_at, situation, contact) {
            Point::Own => maybe_elsewhere(one.scope, situation),
            _ if scope == OptOut::Everything => false,
            Point::Other => continue,
            Point::Maybe => true,
        };
        if taken_back(moment, situation, contact) {
            continue;
        }
        let soon = limits.honour_within.is_some_and(|term| day_within(&term, moment, situation, calendar));
        match (soon, maybe) {
            (false, false) => return OptedOut::Binds(if one.granted { None } else { one.expires }),
            (false, true) => found = OptedOut::Maybe,
            (true, _) if matches!(found, OptedOut::No) => found = OptedOut::Soon,
            (true, _) => {}
        }
    }
    found
}

/// The local day of the judgement is not after the term that began at that instant.
fn day_within(term: &Term, began: Timestamp, situation: &Situation<'_>, calendar: &Calendar) -> bool {
    let start = situation.date_in(began, situation.home_zone());
    situation.date() <= calendar.last_day(term, start, situation.subdivision())
}

fn required(limits: &ChannelConsent, situation: &Situation<'_>, contact: &Contact, calendar: &Calendar) -> Found {
    let mut found = Found::No;
    for (one, recorded_at) in recorded(situation) {
        found = found.or(|| consent(limits, one, recorded_at, situation, contact, calendar));
        if found == Found::Yes {
            return found;
        }
    }
    found
        .or(|| used(limits, situation, contact, calendar))
        .or(|| noticed(limits, situation, calendar))
        .or(|| asking(limits, situation))
}

/// This consent stands for the contact.
fn consent(
    limits: &ChannelConsent,
    one: &Permission,
    recorded_at: Option<&ContactPointId>,
    situation: &Situation<'_>,
    contact: &Contact,
    calendar: &Calendar,
) -> Found {
    let at = situation.at;
    let binds =
        |end| end <= at && !limits.honour_within.is_some_and(|term| day_within(&term, end, situation, calendar));
    let revoked = limits.judge_revocation && one.revoked.is_some_and(binds);
    let stands = one.granted && one.given <= at && !ended(one.expires, at) && !revoked;
    let fresh = limits.max_age.is_none_or(|term| day_within(&term, one.given, situation, calendar));
    // Who wants more calls, of whatever kind, has not agreed to those that a machine makes: that consent names it.
    let unnamed = one.scope == ConsentScope::Calls && one.technology.is_none() && !limits.which.technologies.is_empty();
    if !stands || !fresh || !limits.require.has(one.scope) || unnamed || !covers(one, situation, contact) {
        return Found::No;
    }
    let mut found = match point(recorded_at, situation, contact) {
        Point::Own => Found::Yes,
        Point::Other => return Found::No,
        Point::Maybe => Found::Maybe(Attribute::ContactPoint),
    };
    if one.technology.is_some() && contact.technology.is_none() {
        found = Found::Maybe(Attribute::Technology);
    }
    match one.written {
        Some(false) if limits.written => return Found::No,
        None if limits.written => found = Found::Maybe(Attribute::ConsentForm),
        _ => {}
    }
    match withdrawn(one, limits.require, situation, contact, binds).filter(|_| limits.judge_revocation) {
        Some(None) => return Found::No,
        Some(Some(lacks)) => found = Found::Maybe(lacks),
        None => {}
    }
    if let Some(term) = &limits.verified_within {
        match (situation.point(), situation.point().and_then(|point| point.verified)) {
            (None, _) => found = Found::Maybe(Attribute::ContactPoint),
            (Some(_), None) => found = Found::Maybe(Attribute::Verified),
            (Some(_), Some(on)) if !day_within(term, on, situation, calendar) => return Found::No,
            _ => {}
        }
    }
    found
}

/// The person used the channel towards the collector within the term.
fn used(limits: &ChannelConsent, situation: &Situation<'_>, contact: &Contact, calendar: &Calendar) -> Found {
    if limits.used_within.is_none() && !limits.used_ever {
        return Found::No;
    }
    let point = contact.contact_point.as_ref();
    let uses = situation.watch.memory().used.iter().filter(|one| {
        let person = one.person.is_none() || one.person.as_ref() == situation.person;
        let same = one.point.is_none() || point.is_none() || one.point.as_ref() == point;
        person && same && one.channel == contact.channel && one.at <= situation.at
    });
    let within = |at| limits.used_within.is_none_or(|term| day_within(&term, at, situation, calendar));
    let recent = uses.filter(|one| within(one.at));
    recent.fold(Found::No, |found, one| {
        // From which point it came, or to which the contact goes, must be told to be sure of it.
        let sure = one.point.as_ref() == point;
        found.or(|| if sure { Found::Yes } else { Found::Maybe(Attribute::ContactPoint) })
    })
}

/// A notice was given, and its term has ended.
fn noticed(limits: &ChannelConsent, situation: &Situation<'_>, calendar: &Calendar) -> Found {
    earlier_steps(situation, &limits.after_notice).fold(Found::No, |found, step| {
        found.or(|| {
            let Some(term) = &limits.notice_term else { return Found::Yes };
            let Some(start) = term_start(term, &step) else { return Found::Maybe(Attribute::Received) };
            let last: NaiveDate = calendar.last_day(term, start, situation.subdivision());
            if situation.date() > last { Found::Yes } else { Found::No }
        })
    })
}

/// It asks for the consent, which may be done so often.
fn asking(limits: &ChannelConsent, situation: &Situation<'_>) -> Found {
    let Some(asking) = limits.asking else { return Found::No };
    if !Held::of(situation).is_some_and(|held| held.has(CONSENT_REQUEST)) {
        return Found::No;
    }
    let channels = limits.which.channels;
    let zone = situation.home_zone();
    let since = Since::window(situation.window(asking.window, zone), zone);
    let counted =
        move |marks: super::persons::Marks| marks.on(channels) && !marks.inbound() && marks.counts(Counted::Attempts);
    let before = earlier(situation, Per::PersonAndCase, since, true, counted).take(asking.max as usize).count();
    if before < asking.max as usize { Found::Yes } else { Found::No }
}

/// One of the other means was tried before.
fn tried(limits: &ChannelConsent, situation: &Situation<'_>) -> bool {
    limits.tried_first.iter().any(|step| situation.watch.happened(step))
        || earlier_steps(situation, &limits.tried_first).next().is_some()
}

/// Somebody of the case agreed to what that scope names; `Some(true)`: certainly in the form asked for, `Some(false)`:
/// the form is not recorded.
pub(crate) fn agreed(situation: &Situation<'_>, scope: ConsentScope, written: bool) -> Option<bool> {
    let parties = situation.version.parties.iter().flat_map(|party| {
        let points = party.contact_points.iter().flat_map(|point| &point.permissions);
        party.permissions.iter().chain(points).map(|one| (Some(&party.person), one))
    });
    let told = situation.watch.memory().given.iter().map(|one| (one.person.as_ref(), &one.permission));
    let all = || parties.clone().chain(told.clone());
    let at = situation.at;
    let withdrawn = |whose: Option<&PersonId>, consent: &Permission| {
        all().any(|(other_person, other)| {
            let same = other_person.is_none() || whose.is_none() || other_person == whose;
            let all_of_it = other.scope == ConsentScope::All && !other.granted && scope != ConsentScope::Recording;
            let after = took_back(other, at).is_some_and(|moment| moment >= consent.given);
            same && after && (other.scope == scope || all_of_it) && !std::ptr::eq(other, consent)
        })
    };
    let stands = |(whose, one): &(Option<&PersonId>, &Permission)| {
        let open = one.given <= at && !ended(one.expires, at) && !ended(one.revoked, at);
        one.granted && open && one.scope == scope && !(written && one.written == Some(false)) && !withdrawn(*whose, one)
    };
    all().filter(stands).map(|(_, one)| !written || one.written == Some(true)).max()
}
