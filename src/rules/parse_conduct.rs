//! The limits of the kinds that choose contacts by what they are: content, consent, third persons, recording, conduct.

use std::sync::Arc;

use super::conduct::{
    Asking, CallRecording, ChannelConsent, Content, Dealing, Lift, MAX_WORDS, Occasion, OptOut, ProhibitedConduct,
    RecordingDuty, ThirdParty, Which, Words,
};
use super::parse_limits::{past_steps, steps, term, window};
use super::reader::Reader;
use super::step::Step;
use super::words::{Set, Word};
use crate::domain::ids::RuleId;
use crate::domain::verdict::Duties;
use crate::domain::vocabulary::{Channel, PartyRole};

/// A list of words of contacts or names of documents; each may name several of which either will do.
pub fn words(table: &mut Reader<'_, '_>, key: &'static str) -> Words {
    let texts = table.texts(key);
    if texts.is_empty() && table.has(key) {
        table.wrong(key, &format!("{key} is an empty list"), "name a word or remove the key");
    }
    if texts.len() > MAX_WORDS {
        table.wrong(key, &format!("{key} has more than {MAX_WORDS} words"), "split the rule");
    }
    let plain = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let mut out: Vec<Box<str>> = Vec::new();
    for text in texts {
        if !text.split('|').all(plain) {
            let message = format!("{key} has \"{text}\", which is no word");
            table.wrong(
                key,
                &message,
                "write words of lower-case letters, digits and _, as \"creditor_name\" or \"a|b\"",
            );
        } else if out.iter().any(|one| **one == *text) {
            table.wrong(key, &format!("{key} names \"{text}\" twice"), "name each word once");
        } else {
            out.push(text.into());
        }
    }
    Words::of(out)
}

/// Ids of rules.
pub fn rule_ids(table: &mut Reader<'_, '_>, key: &'static str) -> Vec<RuleId> {
    let mut out = Vec::new();
    for text in table.texts(key) {
        match RuleId::new(&text) {
            Ok(id) => out.push(id),
            Err(error) => table.wrong(key, &format!("{key} \"{text}\" {error}"), "name rules of the same pack"),
        }
    }
    out
}

fn which(table: &mut Reader<'_, '_>, default: Option<Step>) -> Which {
    let mut on = steps(table, "on", default.is_none());
    if on.is_empty() {
        on.extend(default);
    }
    let technologies = table.set("technologies");
    Which {
        on,
        channels: table.set("channels"),
        technologies,
        not_by: duties(joined("not_by", technologies)),
        number_types: table.set("number_types"),
        places: table.set("places"),
        message_left: table.set("message_left"),
    }
}

fn duties(parts: impl IntoIterator<Item = impl AsRef<str>>) -> Option<Duties> {
    let all: Vec<Box<str>> = parts.into_iter().map(|part| part.as_ref().into()).collect();
    (!all.is_empty()).then(|| all.into())
}

fn joined<T: Word>(prefix: &str, set: Set<T>) -> Option<String> {
    let names: Vec<&str> = set.iter().map(Word::name).collect();
    (!names.is_empty()).then(|| format!("{prefix}:{}", names.join("|")))
}

/// Reads the limits of content.
pub fn content(table: &mut Reader<'_, '_>) -> Content {
    let which = which(table, None);
    let items = words(table, "items");
    let (where_due, forbidden) = (words(table, "where_due"), words(table, "forbidden"));
    let no_others = table.boolean("no_others").unwrap_or(false);
    let forms = table.set("forms");
    let languages: Vec<Box<str>> = table.texts("languages").into_iter().map(Into::into).collect();
    let least_deadline = term(table, "least_deadline");
    let if_expired = rule_ids(table, "if_expired");
    let during = term(table, "during");
    let during_after = past_steps(table, "during_after", during.is_some());
    let items_if_deadline_inside = words(table, "items_if_deadline_inside");
    if during.is_none() && (!during_after.is_empty() || !items_if_deadline_inside.is_empty()) {
        table.missing(
            "during",
            "{ days = 30, count = ..., from = ..., roll = ... }, the term that the other keys speak of",
        );
    }
    let nothing = items.is_empty() && where_due.is_empty() && forbidden.is_empty() && forms.is_empty();
    if nothing && languages.is_empty() && least_deadline.is_none() && items_if_deadline_inside.is_empty() {
        table.missing("items", "[\"creditor_name\", ...], or where_due, forbidden, forms, languages or least_deadline");
    }
    let mut limits = Content {
        which,
        occasion: table.word("occasion").unwrap_or(Occasion::Every),
        items,
        where_due,
        forbidden,
        no_others,
        forms,
        languages,
        least_deadline,
        if_expired,
        during,
        during_after,
        items_if_deadline_inside,
        duties: None,
    };
    limits.duties = content_duties(&limits);
    limits
}

/// What a check of a contact tells that states no items.
pub fn content_duties(limits: &Content) -> Option<Duties> {
    let language = (!limits.languages.is_empty()).then(|| format!("language:{}", limits.languages.join("|")));
    let told = limits.items.iter().chain(limits.where_due.iter()).map(str::to_owned);
    duties(told.chain(joined("form", limits.forms)).chain(language))
}

/// Duties with further ones.
pub fn with_duties<'w>(told: Option<&'w Duties>, further: impl Iterator<Item = &'w str>) -> Option<Duties> {
    let told = told.into_iter().flat_map(|words| words.iter()).map(AsRef::as_ref);
    duties(told.chain(further))
}

/// Reads the limits of consent.
pub fn channel_consent(table: &mut Reader<'_, '_>) -> ChannelConsent {
    let which = which(table, Some(Step::Contact));
    let carrying = words(table, "carrying");
    let require = table.set("require");
    let opt_out = table.word::<OptOut>("opt_out");
    let must_carry = words(table, "must_carry");
    let tried_first = steps(table, "tried_first", false);
    if require.is_empty() && opt_out.is_none() && must_carry.is_empty() && tried_first.is_empty() {
        table.missing("require", "[\"point\", ...], or opt_out, must_carry or tried_first");
    }
    let asking = table.table("asking").and_then(|mut inner| {
        let max = inner.integer("max", 0, 1000).and_then(|n| u32::try_from(n).ok());
        if !inner.has("max") {
            inner.missing("max", "1");
        }
        if !inner.has("window") {
            inner.missing("window", "{ calendar_days = 7 }");
        }
        let window = window(&mut inner, "window");
        inner.finish();
        Some(Asking { max: max?, window: window? })
    });
    let (max_age, used_within) = (term(table, "max_age"), term(table, "used_within"));
    let verified_within = term(table, "verified_within");
    let after_notice = past_steps(table, "after_notice", false);
    let notice_term = term(table, "notice_term");
    if notice_term.is_some() && after_notice.is_empty() {
        table.missing("after_notice", "[\"notice:KIND\"], the notice after which the term runs");
    }
    let written = table.boolean("written").unwrap_or(false);
    let used_ever = table.boolean("used_ever").unwrap_or(false);
    if used_ever && used_within.is_some() {
        table.wrong("used_ever", "used_ever and used_within exclude each other", "keep one of them");
    }
    let instead = used_ever || used_within.is_some() || !after_notice.is_empty() || asking.is_some();
    if require.is_empty() && (instead || written || max_age.is_some() || verified_within.is_some()) {
        table.missing("require", "[\"point\", ...], the consent that the other keys speak of");
    }
    let leave_out = duties(carrying.iter().map(|word| format!("leave_out:{word}")));
    ChannelConsent {
        which,
        carrying,
        require,
        written,
        max_age,
        verified_within,
        judge_revocation: table.boolean("judge_revocation").unwrap_or(true),
        used_within,
        used_ever,
        after_notice,
        notice_term,
        asking,
        tried_first,
        opt_out,
        honour_within: term(table, "honour_within"),
        must_carry,
        leave_out,
        honour: Arc::new(vec![Box::from("honour_opt_out")]),
    }
}

/// Reads the limits on third persons.
pub fn third_party(table: &mut Reader<'_, '_>) -> ThirdParty {
    let which = which(table, Some(Step::Contact));
    let mut told = table.set("told");
    if told.is_empty() {
        told = Set::of(&[PartyRole::Primary, PartyRole::CoDebtor, PartyRole::Guarantor]);
    }
    let contact = table.word::<Dealing>("contact").unwrap_or(Dealing::Free);
    let debtor = table.word::<Dealing>("debtor").unwrap_or(Dealing::Free);
    let disclosure = table.word::<Dealing>("disclosure").unwrap_or(Dealing::Forbidden);
    for (key, found) in [("debtor", debtor), ("disclosure", disclosure)] {
        if found == Dealing::Inquiry {
            table.wrong(key, "inquiry is for contact with third persons", "write free or forbidden");
        }
    }
    let purposes = table.set("purposes");
    if (contact == Dealing::Inquiry) == purposes.is_empty() {
        table.wrong("purposes", "contact = \"inquiry\" and purposes go together", "give both or neither");
    }
    let max = table.integer("max", 0, 1000).and_then(|n| u32::try_from(n).ok());
    let window = window(table, "window");
    if max.is_some() && contact != Dealing::Inquiry || window.is_some() && max.is_none() {
        table.wrong("max", "max counts inquiries, in the window", "write contact = \"inquiry\" and max");
    }
    let unless: Set<Lift> = table.set("unless");
    let elsewhere = [Lift::NoOtherPoint, Lift::TriedElsewhere, Lift::TriedElsewhereTwice];
    let places = elsewhere.into_iter().any(|lift| unless.has(lift));
    if places && which.places.is_empty() {
        table.missing("places", "[\"workplace\"], the place that `unless` compares with");
    }
    let shown = words(table, "shown");
    let verify_identity = table.boolean("verify_identity").unwrap_or(false);
    let free = contact == Dealing::Free && debtor == Dealing::Free && disclosure == Dealing::Free;
    if free && shown.is_empty() && !verify_identity {
        table.missing("contact", "\"forbidden\", or disclosure, shown, verify_identity or debtor");
    }
    ThirdParty {
        which,
        told,
        persons: table.set("persons"),
        contact,
        purposes,
        max,
        window,
        disclosure,
        shown,
        verify_identity,
        debtor,
        unless,
        lifted_by: words(table, "lifted_by"),
        inquiry_duty: Arc::new(vec![Box::from("no_disclosure")]),
        identity_duty: Arc::new(vec![Box::from("verify_identity")]),
    }
}

/// Reads the limits of recording.
pub fn call_recording(table: &mut Reader<'_, '_>) -> CallRecording {
    let mut which = which(table, Some(Step::Contact));
    if which.channels.is_empty() {
        which.channels = Set::of(&[Channel::Call]);
    }
    let require: Set<RecordingDuty> = table.set("require");
    if require.is_empty() {
        table.missing("require", "[\"recording\"], or notice or consent");
    }
    CallRecording { which, require, duties: recording_duties(require) }
}

/// What a check tells of recording.
pub fn recording_duties(require: Set<RecordingDuty>) -> Duties {
    let names: Vec<Box<str>> = require.iter().map(|word| word.name().into()).collect();
    names.into()
}

/// Reads what is prohibited.
pub fn prohibited_conduct(table: &mut Reader<'_, '_>) -> ProhibitedConduct {
    let which = which(table, Some(Step::Contact));
    let (conduct, unless) = (words(table, "conduct"), words(table, "unless"));
    let always = table.boolean("always").unwrap_or(false);
    let needs = words(table, "needs");
    if conduct.is_empty() && !unless.is_empty() {
        table.missing("conduct", "[\"...\"], the words that `unless` excuses");
    }
    let told = words(table, "duties");
    ProhibitedConduct {
        which,
        conduct,
        unless,
        always,
        templates: table.texts("templates").into_iter().map(Into::into).collect(),
        duties: duties(needs.iter().chain(told.iter())),
        needs,
    }
}
