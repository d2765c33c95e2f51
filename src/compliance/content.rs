//! What a letter, message or call must hold, and what it must not.

use chrono::NaiveDate;

use super::held::Held;
use super::judgement::{Note, Speaking};
use super::notice_period::{earlier_steps, form_fits, sent_elsewhere, term_start, told_before};
use super::situation::Situation;
use super::{limitation_period, which};
use crate::domain::detail::Contact;
use crate::domain::time::add_days;
use crate::domain::verdict::Answer;
use crate::domain::vocabulary::{Channel, Form};
use crate::rules::calendar::Calendar;
use crate::rules::conduct::{Content, LANGUAGE_OF_PERSON, Occasion, Words};
use crate::rules::model::Term;
use crate::rules::ruleset::Jurisdiction;
use crate::rules::step::Step;
use crate::rules::words::{Attribute, CountFrom};

/// What was found wrong, and what is missing to tell.
#[derive(Default)]
struct Faults {
    wrong: String,
    open: Option<Attribute>,
}

impl Faults {
    fn wrong(&mut self, what: &str, words: &str) {
        if !self.wrong.is_empty() {
            self.wrong.push_str("; ");
        }
        self.wrong.push_str(what);
        self.wrong.push_str(words);
    }

    fn open(&mut self, attribute: Attribute) {
        self.open = self.open.or(Some(attribute));
    }

    /// The words must be held.
    fn must_hold(&mut self, held: &Held<'_>, words: &Words) {
        if words.is_empty() {
            return;
        }
        if !held.content_stated() {
            self.open(Attribute::ContentItems);
        } else if let Some(lacking) = held.lacking(words) {
            self.wrong("lacks ", &lacking);
        }
    }
}

pub(crate) fn judge(limits: &Content, situation: &Situation<'_>, jurisdiction: &Jurisdiction) -> Option<Speaking> {
    let contact = situation.contact()?;
    let calendar = Situation::calendar(jurisdiction);
    let mut doubt = which::meant(&limits.which, situation)?;
    doubt = doubt.or(occasion(limits, situation)?);
    if !limits.if_expired.is_empty() {
        doubt = doubt.or(limitation_period::expired(&limits.if_expired, situation, jurisdiction)?);
    }
    let mut inside = None;
    if let Some(term) = &limits.during {
        let (last, unsure) = during(term, &limits.during_after, situation, calendar)?;
        inside = last;
        doubt = doubt.or(unsure);
    }
    let held = Held::of(situation)?;
    let mut faults = Faults::default();
    form_and_language(limits, situation, contact, &mut faults);
    faults.must_hold(&held, &limits.items);
    if let (Some(last), Some(deadline)) = (inside, contact.deadline)
        && deadline <= last
    {
        faults.must_hold(&held, &limits.items_if_deadline_inside);
    }
    if let Some(word) = held.first(&limits.forbidden) {
        faults.wrong("holds ", word);
    }
    if let Some(word) = limits.no_others.then(|| held.stranger([&limits.items, &limits.where_due])).flatten() {
        faults.wrong("holds ", word);
    }
    least_deadline(limits, situation, contact, calendar, &mut faults);
    Some(conclude(limits, situation, &held, faults, doubt))
}

fn conclude(
    limits: &Content,
    situation: &Situation<'_>,
    held: &Held<'_>,
    faults: Faults,
    doubt: Option<Attribute>,
) -> Speaking {
    if !faults.wrong.is_empty() {
        if let Some(attribute) = doubt {
            return which::unsure(&limits.which, situation, attribute);
        }
        let mut judgement = Speaking::new(Answer::Broken);
        judgement.note = Note::Text(faults.wrong.into());
        judgement.evidence.push(situation.activity.id.clone());
        return judgement;
    }
    match faults.open {
        Some(_) if situation.asked => {
            Speaking::duty(limits.duties.clone().or(limits.items_if_deadline_inside.0.clone()))
        }
        Some(attribute) => Speaking::missing(attribute),
        None if situation.asked && !held.content_stated() && !limits.where_due.is_empty() => {
            Speaking::duty(limits.duties.clone())
        }
        // Nothing was stated, so nothing was tested.
        None if limits.items.is_empty() && limits.forms.is_empty() && limits.languages.is_empty() => {
            if held.anything_stated() || limits.least_deadline.is_some() {
                Speaking::new(Answer::Kept)
            } else {
                Speaking::untested()
            }
        }
        None => Speaking::new(Answer::Kept),
    }
}

/// Whether the contact is the first of its steps, or a later one, as the rule asks.
#[allow(clippy::option_option)] // three answers
fn occasion(limits: &Content, situation: &Situation<'_>) -> Option<Option<Attribute>> {
    if limits.occasion == Occasion::Every {
        return Some(None);
    }
    let (on, channels) = (&limits.which.on, limits.which.channels);
    let contacted = on.iter().any(|step| match step {
        Step::Communication => situation.watch.communicated_on(channels),
        Step::Contact => situation.watch.contacted_on(channels),
        Step::ContactOn(channel) => channels.admits(*channel) && situation.watch.happened(step),
        _ => false,
    });
    let elsewhere = sent_elsewhere(situation, on).next().is_some();
    let before =
        contacted || told_before(situation, on).any(|past| past.on(channels)) || elsewhere && channels.is_empty();
    // What happened while the case was worked elsewhere may have been the first; nobody says on which channel.
    let unsure = (elsewhere || situation.version.history_complete_from.is_some()).then_some(Attribute::History);
    match (limits.occasion, before) {
        (Occasion::First, false) => Some(unsure),
        (Occasion::Later, true) => Some(None),
        (Occasion::Later, false) if unsure.is_some() => Some(unsure),
        _ => None,
    }
}

/// The last day of the term after the latest step, if the contact falls into it; and what is missing to tell.
fn during(
    term: &Term,
    after: &[Step],
    situation: &Situation<'_>,
    calendar: &Calendar,
) -> Option<(Option<NaiveDate>, Option<Attribute>)> {
    let (mut last, mut unsure) = (None, None);
    for step in earlier_steps(situation, after) {
        match term_start(term, &step) {
            Some(start) => last = last.max(Some(calendar.last_day(term, start, situation.subdivision()))),
            None => unsure = Some(Attribute::Received),
        }
    }
    match last {
        Some(last) if situation.date() <= last => Some((Some(last), None)),
        _ => unsure.map(|attribute| (None, Some(attribute))),
    }
}

/// The form that a contact has by its channel where none is stated.
fn form(contact: &Contact) -> Option<Form> {
    contact.form.or(match contact.channel {
        Channel::Call => Some(Form::Oral),
        Channel::Letter => Some(Form::Paper),
        Channel::Email | Channel::Sms | Channel::Messaging | Channel::Portal | Channel::Fax | Channel::SocialMedia => {
            Some(Form::TextForm)
        }
        Channel::Visit => None,
    })
}

fn form_and_language(limits: &Content, situation: &Situation<'_>, contact: &Contact, faults: &mut Faults) {
    match form_fits(limits.forms, form(contact)) {
        Some(true) => {}
        Some(false) => faults.wrong("form ", form(contact).map_or("", Form::as_str)),
        None => faults.open(Attribute::NoticeForm),
    }
    if limits.languages.is_empty() {
        return;
    }
    let Some(language) = contact.language.as_deref() else { return faults.open(Attribute::Language) };
    let own = situation.party.and_then(|party| party.language.as_deref());
    let mut unsure = false;
    let fits = limits.languages.iter().any(|wanted| {
        let wanted = if **wanted == *LANGUAGE_OF_PERSON { own } else { Some(&**wanted) };
        unsure |= wanted.is_none();
        wanted.is_some_and(|wanted| same_language(wanted, language))
    });
    match (fits, unsure) {
        (true, _) => {}
        (false, true) => faults.open(Attribute::Language),
        (false, false) => faults.wrong("language ", language),
    }
}

/// The same language, whatever its script or region.
fn same_language(a: &str, b: &str) -> bool {
    let primary = |tag: &str| tag.split('-').next().map(str::to_ascii_lowercase);
    primary(a) == primary(b)
}

fn least_deadline(
    limits: &Content,
    situation: &Situation<'_>,
    contact: &Contact,
    calendar: &Calendar,
    faults: &mut Faults,
) {
    let (Some(term), Some(deadline)) = (&limits.least_deadline, contact.deadline) else { return };
    let zone = situation.home_zone();
    let start = match term.from {
        CountFrom::Sent => Some(situation.date()),
        CountFrom::Received => contact.delivered.map(|at| at.date(zone)),
        CountFrom::DeemedReceived => {
            Some(contact.delivered.map_or(add_days(situation.date(), term.deemed_days.into()), |at| at.date(zone)))
        }
    };
    match start.map(|start| calendar.last_day(term, start, situation.subdivision())) {
        Some(last) if deadline < last => faults.wrong("deadline before ", &last.to_string()),
        Some(_) => {}
        None => faults.open(Attribute::Received),
    }
}
