//! Notices, limitation, and the kinds whose limits are terms, in words.

use super::super::model::{
    ClientFunds, ComplaintHandling, LimitationPeriod, NoticePeriod, PaymentTerm, RecordRetention, RequiredNotice,
};
use super::super::words::Since;
use super::line::Line;
use super::words::{many, set, steps, term, texts, word};

const NOTHING: &str = "nothing";
const ANY_FORM: &str = "any form";

pub(super) fn notice_period(limits: &NoticePeriod) -> Vec<Line> {
    let NoticePeriod {
        after,
        since,
        before,
        term: wait,
        required,
        respect_deadline,
        max_age,
        forms,
        unless_evasion,
        unless_due_fixed,
        after_due,
        waived_by,
    } = limits;
    vec![
        term("notice_period.term", "wait", wait.as_ref()),
        steps("notice_period.after", "after", after, NOTHING),
        Line::optional("notice_period.since", "counted from the day", since.map(day_of)),
        steps("notice_period.before", "before", before, NOTHING),
        Line::flag("notice_period.required", *required, "without the notice the step is a breach"),
        Line::flag(
            "notice_period.respect_deadline",
            *respect_deadline,
            "the deadline that the notice gave is waited for",
        ),
        term("notice_period.max_age", "the notice is no older than", max_age.as_ref()),
        set("notice_period.forms", "form of the notice", *forms, ANY_FORM),
        Line::flag("notice_period.unless_evasion", *unless_evasion, "not where the debtor evidently evades"),
        Line::flag("notice_period.unless_due_fixed", *unless_due_fixed, "not where the contract fixed the due date"),
        Line::flag("notice_period.after_due", *after_due, "the notice counts from the due date on"),
        steps("notice_period.waived_by", "made unnecessary by", waived_by, NOTHING),
    ]
}

pub(super) fn required_notice(limits: &RequiredNotice) -> Vec<Line> {
    let RequiredNotice {
        notices,
        event,
        since,
        paid_off,
        timing,
        term: within,
        first_event,
        once,
        forms,
        unless_paid,
        if_expired,
    } = limits;
    vec![
        steps("required_notice.notices", "notice, any of", notices, NOTHING),
        word("required_notice.timing", "when, seen from the event", *timing),
        term("required_notice.term", "within", within.as_ref()),
        steps("required_notice.event", "event, any of", event, NOTHING),
        Line::optional("required_notice.since", "counted from the day", since.map(day_of)),
        Line::flag("required_notice.paid_off", *paid_off, "only a payment that settles the debt is the event"),
        Line::flag("required_notice.first_event", *first_event, "only the first event of a case counts"),
        Line::flag("required_notice.once", *once, "one notice serves every later event"),
        set("required_notice.forms", "form of the notice", *forms, ANY_FORM),
        Line::flag("required_notice.unless_paid", *unless_paid, "not due if the debt is paid first"),
        texts(
            "required_notice.if_expired",
            "only where a claim has expired under",
            &ids(if_expired),
            "any state of the claim",
        ),
    ]
}

/// A day of a claim's life.
fn day_of(since: Since) -> String {
    match since {
        Since::Due => "on which the claim falls due".to_owned(),
        Since::Default => "on which default began".to_owned(),
    }
}

/// Ids of rules as texts.
pub(super) fn ids(rules: &[crate::domain::ids::RuleId]) -> Vec<&str> {
    rules.iter().map(|id| id.as_str()).collect()
}

pub(super) fn limitation(limits: &LimitationPeriod) -> Vec<Line> {
    let LimitationPeriod {
        term: length,
        start,
        interrupted_by,
        revived_by,
        acknowledged_in_writing,
        demanded_in_writing,
        negotiation_suspends,
        months_after_negotiation,
        court_action_suspends,
        suspended_in_default_years,
        max_years,
        titled_years,
        forbids,
    } = limits;
    let years = |years: &Option<u16>| years.map(|years| many(i64::from(years), "years"));
    vec![
        term("limitation_period.term", "a claim is lost after", length.as_ref()),
        word("limitation_period.start", "running from", *start),
        set("limitation_period.interrupted_by", "begun anew by", *interrupted_by, NOTHING),
        set("limitation_period.revived_by", "begun anew after its end by", *revived_by, NOTHING),
        Line::flag(
            "limitation_period.acknowledged_in_writing",
            *acknowledged_in_writing,
            "an acknowledgement counts only in writing",
        ),
        Line::flag(
            "limitation_period.demanded_in_writing",
            *demanded_in_writing,
            "a demand or reminder counts only in writing",
        ),
        Line::phrase(
            "limitation_period.negotiation_suspends",
            "negotiations hold it",
            negotiation_suspends.map_or("not known", |holds| if holds { "yes" } else { "no" }),
        ),
        Line::optional(
            "limitation_period.months_after_negotiation",
            "after negotiations not before",
            months_after_negotiation.map(|months| many(i64::from(months), "months")),
        ),
        Line::flag(
            "limitation_period.court_action_suspends",
            *court_action_suspends,
            "an action holds it and does not begin it anew",
        ),
        Line::optional(
            "limitation_period.suspended_in_default_years",
            "held by the debtor's default for at most",
            years(suspended_in_default_years),
        ),
        Line::optional("limitation_period.max_years", "at the latest after", years(max_years)),
        Line::optional("limitation_period.titled_years", "a title is lost after", years(titled_years)),
        steps("limitation_period.forbids", "forbidden afterwards", forbids, NOTHING),
    ]
}

pub(super) fn payment_term(limits: &PaymentTerm) -> Vec<Line> {
    let PaymentTerm { longest, unless_agreed, longest_agreed } = limits;
    vec![
        term("payment_term.longest", "longest time to pay", Some(longest)),
        Line::flag("payment_term.unless_agreed", *unless_agreed, "a longer time may be agreed"),
        term("payment_term.longest_agreed", "longest time that may be agreed", longest_agreed.as_ref()),
    ]
}

pub(super) fn client_funds(limits: &ClientFunds) -> Vec<Line> {
    let ClientFunds { within, segregated } = limits;
    vec![
        term("client_funds.within", "money is handed over within", within.as_ref()),
        Line::flag("client_funds.segregated", *segregated, "money is kept apart in a client account"),
    ]
}

pub(super) fn record_retention(limits: &RecordRetention) -> Vec<Line> {
    let RecordRetention { records, keep_at_least, erase_by, start } = limits;
    vec![
        texts("record_retention.records", "records", records, "all records"),
        term("record_retention.keep_at_least", "kept for at least", keep_at_least.as_ref()),
        term("record_retention.erase_by", "erased after", erase_by.as_ref()),
        word("record_retention.start", "running from", *start),
    ]
}

pub(super) fn complaint_handling(limits: &ComplaintHandling) -> Vec<Line> {
    let ComplaintHandling { of, acknowledge, update_every, answer, extended, scheme } = limits;
    vec![
        set("complaint_handling.of", "what is answered", *of, NOTHING),
        term("complaint_handling.acknowledge", "acknowledged within", acknowledge.as_ref()),
        term("complaint_handling.update_every", "told how it stands every", update_every.as_ref()),
        term("complaint_handling.answer", "answered within", answer.as_ref()),
        term("complaint_handling.extended", "answered, once a delay was told, within", extended.as_ref()),
        Line::flag("complaint_handling.scheme", *scheme, "the collector belongs to a dispute scheme"),
    ]
}
