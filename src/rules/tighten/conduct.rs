//! How a contact is made and what it holds.

use super::change::Change;
use crate::rules::conduct::{CallRecording, ChannelConsent, Content, Dealing, ProhibitedConduct, ThirdParty};
use crate::rules::model::Window;
use crate::rules::parse_conduct;

pub(super) fn recording(change: &mut Change<'_, '_, '_>, limits: &mut CallRecording) {
    change.further("require", &mut limits.require);
    limits.duties = parse_conduct::recording_duties(limits.require);
}

pub(super) fn consent(change: &mut Change<'_, '_, '_>, limits: &mut ChannelConsent) {
    if limits.require.is_empty() {
        for key in ["require", "written"] {
            if change.reader.has(key) {
                change.unstated(key, "requires no consent");
            }
        }
    } else {
        change.some_of("require", &mut limits.require);
        change.demands("written", &mut limits.written);
    }
    change.shorter("max_age", &mut limits.max_age);
    change.shorter("verified_within", &mut limits.verified_within);
    change.shorter("used_within", &mut limits.used_within);
    change.forgoes("used_ever", &mut limits.used_ever);
    change.longer("notice_term", &mut limits.notice_term);
    change.stricter_word("opt_out", &mut limits.opt_out);
    change.shorter("honour_within", &mut limits.honour_within);
    change.further_words("must_carry", &mut limits.must_carry);
}

pub(super) fn content(change: &mut Change<'_, '_, '_>, limits: &mut Content) {
    if limits.no_others && change.reader.has("items") {
        // What must be held may be held: under the law the same word is one too many.
        change.touched = true;
        change.loosens("items", "it lets nothing else be held than what it names");
    } else {
        change.further_words("items", &mut limits.items);
    }
    change.further_words("forbidden", &mut limits.forbidden);
    change.some_of("forms", &mut limits.forms);
    if limits.languages.is_empty() {
        limits.languages = change.reader.texts("languages").into_iter().map(Into::into).collect();
        change.touched |= !limits.languages.is_empty();
    } else {
        let before = limits.languages.clone();
        change.fewer_texts("languages", &mut limits.languages);
        if limits.languages.is_empty() {
            change.loosens("languages", "without one of its languages every language would do");
            limits.languages = before;
        }
    }
    change.longer("least_deadline", &mut limits.least_deadline);
    change.longer("during", &mut limits.during);
    change.demands("no_others", &mut limits.no_others);
    limits.duties = parse_conduct::content_duties(limits);
}

pub(super) fn prohibited(change: &mut Change<'_, '_, '_>, limits: &mut ProhibitedConduct) {
    change.further_words("conduct", &mut limits.conduct);
    let mut unless: Vec<Box<str>> = limits.unless.iter().map(Into::into).collect();
    change.fewer_texts("unless", &mut unless);
    limits.unless = crate::rules::conduct::Words::of(unless);
    change.demands("always", &mut limits.always);
    let templates = change.reader.texts("templates");
    change.touched |= !templates.is_empty();
    limits.templates.extend(templates.into_iter().map(Into::into));
    let needed = limits.needs.clone();
    change.further_words("needs", &mut limits.needs);
    let new = limits.needs.iter().filter(|word| !needed.iter().any(|one| one == *word));
    limits.duties = parse_conduct::with_duties(limits.duties.as_ref(), new);
}

pub(super) fn third_party(change: &mut Change<'_, '_, '_>, limits: &mut ThirdParty) {
    if limits.contact == Dealing::Inquiry {
        change.at_most("max", &mut limits.max, (0, 1_000));
    }
    if let Some(Window::CalendarDays(days)) = &mut limits.window {
        change.more("window_days", days, 3_660);
    }
    change.fewer("unless", &mut limits.unless);
    let mut lifted: Vec<Box<str>> = limits.lifted_by.iter().map(Into::into).collect();
    change.fewer_texts("lifted_by", &mut lifted);
    limits.lifted_by = crate::rules::conduct::Words::of(lifted);
    change.further_words("shown", &mut limits.shown);
    let mut disclosure = Some(limits.disclosure);
    change.stricter_word("disclosure", &mut disclosure);
    if disclosure == Some(Dealing::Inquiry) {
        change.reader.wrong("disclosure", "inquiry is for contact with third persons", "write forbidden");
    } else {
        limits.disclosure = disclosure.unwrap_or(limits.disclosure);
    }
    change.demands("verify_identity", &mut limits.verify_identity);
}
