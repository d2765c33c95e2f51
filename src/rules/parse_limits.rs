//! The table of limits of each kind.

use super::model::{
    ContactBlock, ContactCooldown, ContactFrequency, Kind, Limits, NoticePeriod, RequiredNotice, Term, Window,
};
use super::parse_rule::Defaults;
use super::reader::Reader;
use super::step::{STEP_FORMS, Step};
use super::words::{BlockAnswer, Count, CountFrom, Counted, Exclude, Per, Roll, Set, Since, TermUnit, Timing, Word};
use super::{client_funds, complaint_handling, credit_reporting, interest_cap, lasting, licence, limitation};
use super::{parse_conduct, parse_fee, parse_hours, parse_matter};
use super::{payment_application, payment_term, record_retention};
use crate::domain::party::Condition;
use crate::domain::vocabulary::PartyRole;

/// Reads the limits of a kind.
pub fn limits(kind: Kind, table: &mut Reader<'_, '_>, defaults: &Defaults<'_>) -> Option<Limits> {
    Some(match kind {
        Kind::ContactHours => Limits::ContactHours(parse_hours::hours(table)),
        Kind::ContactFrequency => Limits::ContactFrequency(frequency(table)?),
        Kind::ContactCooldown => Limits::ContactCooldown(cooldown(table)?),
        Kind::ContactBlock => Limits::ContactBlock(block(table)),
        Kind::NoticePeriod => Limits::NoticePeriod(notice_period(table)),
        Kind::RequiredNotice => Limits::RequiredNotice(required_notice(table)?),
        Kind::FeeCap => Limits::FeeCap(parse_fee::fee_cap(table, defaults)?),
        Kind::LimitationPeriod => Limits::LimitationPeriod(limitation::limitation(table)?),
        Kind::CallRecording => Limits::CallRecording(parse_conduct::call_recording(table)),
        Kind::ChannelConsent => Limits::ChannelConsent(Box::new(parse_conduct::channel_consent(table))),
        Kind::Content => Limits::Content(Box::new(parse_conduct::content(table))),
        Kind::DisputeHandling => Limits::DisputeHandling(Box::new(parse_matter::dispute_handling(table))),
        Kind::DocumentsHeld => Limits::DocumentsHeld(parse_matter::documents_held(table)),
        Kind::ProhibitedConduct => Limits::ProhibitedConduct(parse_conduct::prohibited_conduct(table)),
        Kind::ThirdParty => Limits::ThirdParty(Box::new(parse_conduct::third_party(table))),
        Kind::InterestCap => Limits::InterestCap(interest_cap::interest_cap(table, defaults)?),
        Kind::PaymentApplication => Limits::PaymentApplication(payment_application::payment_application(table)),
        Kind::PaymentTerm => Limits::PaymentTerm(payment_term::payment_term(table)?),
        Kind::ClientFunds => Limits::ClientFunds(client_funds::client_funds(table)),
        Kind::CreditReporting => Limits::CreditReporting(credit_reporting::credit_reporting(table, defaults).into()),
        Kind::RecordRetention => Limits::RecordRetention(record_retention::record_retention(table)?),
        Kind::Licence => Limits::Licence(licence::licence(table)),
        Kind::ComplaintHandling => Limits::ComplaintHandling(complaint_handling::complaint_handling(table)),
    })
}

/// A window: exactly one of calendar_days, hours, minutes, calendar_week, calendar_month.
pub fn window(table: &mut Reader<'_, '_>, key: &'static str) -> Option<Window> {
    let mut inner = table.table(key)?;
    let days = inner.integer("calendar_days", 1, 3660).and_then(|n| u16::try_from(n).ok()).map(Window::CalendarDays);
    let hours = inner.integer("hours", 1, 87_840).and_then(|n| u32::try_from(n).ok()).map(Window::Hours);
    // Longer than a week is no quick succession: hours and dates say it better.
    let minutes = inner.integer("minutes", 1, 10_080).and_then(|n| u32::try_from(n).ok()).map(Window::Minutes);
    let week = inner.boolean("calendar_week").and_then(|yes| yes.then_some(Window::CalendarWeek));
    let month = inner.boolean("calendar_month").and_then(|yes| yes.then_some(Window::CalendarMonth));
    let mut found = [days, hours, minutes, week, month].into_iter().flatten();
    let first = found.next();
    if first.is_none() || found.next().is_some() {
        let at = inner.offset();
        inner.cx.wrong(
            at,
            format!("{key} needs exactly one length"),
            "write one of { calendar_days = N }, { hours = N }, { minutes = N }, { calendar_week = true }, { calendar_month = true }",
        );
    }
    inner.finish();
    first
}

fn frequency(table: &mut Reader<'_, '_>) -> Option<ContactFrequency> {
    let max = table.integer("max", 0, 100_000).and_then(|n| u32::try_from(n).ok());
    let no_figure = table.boolean("no_figure").unwrap_or(false);
    if max.is_none() && !no_figure && !table.has("max") {
        table.missing("max", "N, or no_figure = true where the text states no number");
    }
    if max.is_some() && no_figure {
        table.wrong("no_figure", "both max and no_figure are given", "remove one");
    }
    if !table.has("window") && !no_figure {
        table.missing("window", "{ calendar_days = 7 }");
    }
    let window = window(table, "window");
    let (count, per) = (table.need_word::<Counted>("count"), table.need_word::<Per>("per"));
    let (channels, technologies, exclude) = (table.set("channels"), table.set("technologies"), table.set("exclude"));
    let (places, roles) = (table.set("places"), table.set("roles"));
    let (during, during_written) = (table.set("while"), table.boolean("while_written").unwrap_or(false));
    if during_written && during.is_empty() {
        table.wrong("while_written", "while_written needs while", "name the condition in while");
    }
    let window = if no_figure { window.or(Some(Window::CalendarDays(1))) } else { window };
    Some(ContactFrequency {
        max,
        window: window?,
        count: count?,
        per: per?,
        roles,
        channels,
        technologies,
        places,
        during,
        during_written,
        exclude,
    })
}

fn cooldown(table: &mut Reader<'_, '_>) -> Option<ContactCooldown> {
    let after = table.need_word::<Counted>("after");
    let after_channels = table.set("after_channels");
    let after_inbound = table.boolean("after_inbound").unwrap_or(true);
    let no_figure = table.boolean("no_figure").unwrap_or(false);
    if !table.has("wait") && !no_figure {
        table.missing("wait", "{ calendar_days = 7 }, or no_figure = true");
    }
    let wait = window(table, "wait");
    let days = table.word::<Count>("days");
    if days.is_none() && matches!(wait, Some(Window::CalendarDays(_))) {
        table.missing("days", "\"from_nth_day\" (the event's date is day 1) or \"clear_days\" (it is not counted)");
    }
    if matches!(wait, Some(Window::CalendarWeek | Window::CalendarMonth)) {
        table.wrong(
            "wait",
            "a cooldown waits days, hours or minutes",
            "write { calendar_days = N }, { hours = N } or { minutes = N }",
        );
    }
    let per = table.need_word::<Per>("per");
    let (channels, exclude) = (table.set("channels"), table.set("exclude"));
    if exclude.has(Exclude::BeforeConversation) {
        table.wrong("exclude", "before_conversation is for counts", "remove it: a cooldown begins with its event");
    }
    let days = days.unwrap_or(Count::FromNthDay);
    Some(ContactCooldown { after: after?, after_channels, after_inbound, wait, days, per: per?, channels, exclude })
}

/// Steps of a list; at least one where `needed`.
pub fn steps(table: &mut Reader<'_, '_>, key: &'static str, needed: bool) -> Vec<Step> {
    if needed && !table.has(key) {
        table.missing(key, "[\"...\"], a list of steps");
    }
    let mut out = Vec::new();
    for text in table.texts(key) {
        match Step::parse(&text) {
            Some(step) => out.push(step),
            None => {
                table.wrong(
                    key,
                    &format!("{key} does not know the step \"{text}\""),
                    &format!("write one of: {STEP_FORMS}"),
                );
            }
        }
    }
    out
}

/// Steps that a rule looks back at.
pub fn past_steps(table: &mut Reader<'_, '_>, key: &'static str, needed: bool) -> Vec<Step> {
    let steps = steps(table, key, needed);
    if steps.iter().any(|step| !step.is_remembered()) {
        table.wrong(
            key,
            &format!("{key} names a step that no case remembers one by one"),
            "contact, contact:CHANNEL, communication, payment, payment:METHOD and page_visit can only be events or what is judged; name a notice",
        );
    }
    steps
}

fn block(table: &mut Reader<'_, '_>) -> ContactBlock {
    let (conditions, flags) = (table.set("conditions"), table.set("flags"));
    if conditions.is_empty() && flags.is_empty() {
        table.missing("conditions", "[\"insolvency\", ...], or flags = [\"hold\", ...]");
    }
    let mut forbids = steps(table, "forbids", false);
    if forbids.is_empty() {
        forbids.push(Step::Contact);
    }
    let only_within = term(table, "only_within");
    let only_within_after = steps(table, "only_within_after", only_within.is_some());
    if only_within.is_none() && !only_within_after.is_empty() {
        table.missing("only_within", "{ days = 30, count = ..., from = \"received\", roll = ... }");
    }
    let quiet = table.boolean("quiet").unwrap_or(false);
    if quiet && !conditions.is_empty() {
        table.wrong("quiet", "only a rule of flags alone can be quiet", "leave out quiet, or the conditions");
    }
    ContactBlock {
        quiet,
        lasts: lasting::lasting(table, conditions),
        conditions,
        flags,
        answer: table.word("answer").unwrap_or(BlockAnswer::NotPermitted),
        written_only: table.boolean("written_only").unwrap_or(false),
        only_within,
        only_within_after,
        if_expired: parse_conduct::rule_ids(table, "if_expired"),
        also_toward: roles(table, "also_toward", conditions),
        also_of: roles(table, "also_of", conditions),
        until_verified: table.boolean("until_verified").unwrap_or(false),
        lifted_by_direct_consent: table.boolean("lifted_by_direct_consent").unwrap_or(false),
        place: table.set("place"),
        channels: table.set("channels"),
        forbids,
    }
}

/// Roles that a rule takes for one person with the primary party, as far as conditions go.
fn roles(table: &mut Reader<'_, '_>, key: &'static str, conditions: Set<Condition>) -> Set<PartyRole> {
    let roles = table.set(key);
    if !roles.is_empty() && conditions.is_empty() {
        table.wrong(
            key,
            &format!("{key} shares the conditions that the rule names, and it names none"),
            "name conditions",
        );
    }
    if roles.has(PartyRole::Primary) {
        table.wrong(
            key,
            &format!("{key} names whom else a condition of the primary party concerns"),
            "leave out primary",
        );
    }
    roles
}

/// A term such as { days = 14, count = "clear_days", from = "sent", roll = "none" }.
pub fn term(table: &mut Reader<'_, '_>, key: &'static str) -> Option<Term> {
    let mut inner = table.table(key)?;
    let units = [
        ("days", TermUnit::Days),
        ("working_days", TermUnit::WorkingDays),
        ("weeks", TermUnit::Weeks),
        ("months", TermUnit::Months),
        ("years", TermUnit::Years),
    ];
    let mut lengths = Vec::new();
    for (name, unit) in units {
        if let Some(length) = inner.integer(name, 0, 5_000).and_then(|n| u16::try_from(n).ok()) {
            lengths.push((length, unit));
        }
    }
    if lengths.len() != 1 {
        let at = inner.offset();
        inner.cx.wrong(
            at,
            format!("{key} needs exactly one length, it has {}", lengths.len()),
            "write one of days, working_days, weeks, months, years",
        );
    }
    let count = inner.need_word::<Count>("count");
    let from = inner.need_word::<CountFrom>("from");
    let roll = inner.need_word::<Roll>("roll");
    let deemed = inner.integer("deemed_days", 0, 60).and_then(|n| u16::try_from(n).ok());
    if from == Some(CountFrom::DeemedReceived) && deemed.is_none() {
        inner.missing("deemed_days", "the days after sending at which it is deemed received");
    }
    inner.finish();
    let (length, unit) = lengths.first().copied()?;
    Some(Term { length, unit, count: count?, from: from?, deemed_days: deemed.unwrap_or(0), roll: roll? })
}

/// The day that stands for a step, of which the keys `not_with` would speak.
fn since(table: &mut Reader<'_, '_>, not_with: &[&'static str]) -> Option<Since> {
    let since = table.word::<Since>("since");
    if let Some(since) = since {
        for key in not_with.iter().filter(|key| table.has(key)).copied().collect::<Vec<_>>() {
            let message = format!("since = \"{}\" begins the term, and {key} speaks of a step", since.name());
            table.wrong(key, &message, &format!("remove since or {key}"));
        }
    }
    since
}

fn notice_period(table: &mut Reader<'_, '_>) -> NoticePeriod {
    let since =
        since(table, &["after", "required", "respect_deadline", "max_age", "forms", "after_due", "unless_due_fixed"]);
    let (after, before) = (past_steps(table, "after", since.is_none()), steps(table, "before", true));
    let term = day_term(table, since);
    let max_age = self::term(table, "max_age");
    let required = table.boolean("required").unwrap_or(false);
    let respect_deadline = table.boolean("respect_deadline").unwrap_or(false);
    if term.is_none() && !respect_deadline && !required && !table.has("term") {
        table.missing("term", "{ days = N, count = ..., from = ..., roll = ... }, or respect_deadline, or required");
    }
    NoticePeriod {
        after,
        since,
        before,
        term,
        required,
        respect_deadline,
        max_age,
        forms: table.set("forms"),
        unless_evasion: table.boolean("unless_evasion").unwrap_or(false),
        unless_due_fixed: table.boolean("unless_due_fixed").unwrap_or(false),
        after_due: table.boolean("after_due").unwrap_or(false),
        waived_by: past_steps(table, "waived_by", false),
    }
}

/// The term, which no receipt begins where a day does.
fn day_term(table: &mut Reader<'_, '_>, since: Option<Since>) -> Option<Term> {
    let term = term(table, "term");
    if since.is_some() && term.is_some_and(|term| term.from != CountFrom::Sent) {
        table.wrong("term", "a term that runs from a day is not received", "write from = \"sent\"");
    }
    term
}

fn required_notice(table: &mut Reader<'_, '_>) -> Option<RequiredNotice> {
    let since = since(table, &["event", "first_event", "once", "if_expired"]);
    let (notices, event) = (past_steps(table, "notices", true), steps(table, "event", since.is_none()));
    let timing = table.need_word::<Timing>("timing");
    if since.is_some() && timing.is_some_and(|timing| timing != Timing::Within) {
        table.wrong("timing", "nothing can be sent before or with a day", "write timing = \"within\"");
    }
    let paid_off = table.boolean("paid_off").unwrap_or(false);
    if paid_off && (event != [Step::Payment] || timing != Some(Timing::Within) || table.has("unless_paid")) {
        let remedy = "write event = [\"payment\"] and timing = \"within\", without unless_paid";
        table.wrong("paid_off", "paid_off asks for a notice after the payment that settles the debt", remedy);
    }
    let term = day_term(table, since);
    let no_figure = table.boolean("no_figure").unwrap_or(false);
    let if_expired = parse_conduct::rule_ids(table, "if_expired");
    if timing == Some(Timing::Within) && !if_expired.is_empty() {
        table.wrong("if_expired", "if_expired is for notices before or with an event", "remove it");
    }
    if timing == Some(Timing::Within) && term.is_none() && !no_figure && !table.has("term") {
        table.missing("term", "{ days = 5, count = ..., from = ..., roll = ... }, or no_figure = true");
    }
    Some(RequiredNotice {
        notices,
        event,
        since,
        paid_off,
        term,
        first_event: table.boolean("first_event").unwrap_or(false),
        once: table.boolean("once").unwrap_or(false),
        forms: table.set("forms"),
        unless_paid: table.boolean("unless_paid").unwrap_or(false),
        if_expired,
        // Last: whatever is wrong, every key is read, so that none is told to be unknown.
        timing: timing?,
    })
}
