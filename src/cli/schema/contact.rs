//! Limits of the kinds about contacts and terms, and the parts that all kinds share.

use serde_json::{Value, json};

use super::shape::{MONTH_DAY, Table};
use super::shape::{clock, flag, number, of, patterns, set, table, tables, text, texts, word};
use crate::domain::case::LimitationEventKind;
use crate::domain::detail::LegalStepKind;
use crate::domain::party::Condition;
use crate::domain::vocabulary::{Channel, ChargeStep, Form, PartyRole, Place, Technology};
use crate::rules::model::{Matter, RetentionStart};
use crate::rules::step::Stage;
use crate::rules::words::{
    BlockAnswer, Count, CountFrom, Counted, Exclude, Holidays, LimitationStart, OtherFlag, Per, Roll, Since, Timing,
    Word,
};

const WEEKDAYS: &str = "^(mon|tue|wed|thu|fri|sat|sun|holiday|(mon|tue|wed|thu|fri|sat)-(tue|wed|thu|fri|sat|sun))$";
const PLURAL: &str =
    "A stretch of time, such as { days = 14, count = \"clear_days\", from = \"sent\", roll = \"none\" }";

/// Parts that several kinds use.
pub(super) fn definitions() -> Vec<(&'static str, Value)> {
    vec![("term", term_part()), ("window", window_part()), ("step", step_part()), ("span", span())]
}

fn term_part() -> Value {
    let length = |unit: &str| number(&format!("Length in {unit}"), 0, 5_000);
    table(PLURAL)
        .may("days", length("days"))
        .may("working_days", length("working days"))
        .may("weeks", length("weeks"))
        .may("months", length("months"))
        .may("years", length("years"))
        .need("count", word::<Count>("Whether the first day counts"))
        .need("from", word::<CountFrom>("From which moment of a notice it runs"))
        .need("roll", word::<Roll>("What happens to a last day that is no working day"))
        .may("deemed_days", number("Days after sending at which a notice is deemed received", 0, 60))
        .one_of(&["days", "working_days", "weeks", "months", "years"])
        .end()
}

fn window_part() -> Value {
    table("The stretch that is counted over: exactly one of its keys")
        .may("calendar_days", number("Any so many consecutive local dates, the first of which is day 1", 1, 3660))
        .may("hours", number("Any so many hours", 1, 87_840))
        .may("minutes", number("Any so many minutes", 1, 10_080))
        .may("calendar_week", flag("The calendar week, Monday to Sunday"))
        .may("calendar_month", flag("The calendar month"))
        .one_of(&["calendar_days", "hours", "minutes", "calendar_week", "calendar_month"])
        .end()
}

fn step_part() -> Value {
    let mut words: Vec<String> = [
        "contact",
        "communication",
        "demand",
        "reminder",
        "legal_step",
        "credit_report",
        "sale",
        "placement",
        "charge",
        "promise",
        "plan",
        "payment",
        "settlement_offer",
        "dispute",
        "complaint",
        "data_request",
        "verification_sent",
        "page_visit",
        "title",
        "acknowledgement",
        "credit_report_notice",
        "document_request",
    ]
    .map(str::to_owned)
    .into();
    fn headed<T: Word>(head: &str) -> impl Iterator<Item = String> {
        T::all().iter().map(move |word| format!("{head}:{}", word.name()))
    }
    words.extend(headed::<Channel>("contact"));
    words.extend(headed::<LegalStepKind>("legal_step"));
    words.extend(headed::<ChargeStep>("charge"));
    words.extend(headed::<Condition>("condition"));
    words.extend(Stage::ALL.iter().map(|stage| format!("dispute:{stage}")));
    json!({
        "type": "string",
        "description": "What an activity is; notice:KIND, payment:METHOD and document:NAME, document_produced:NAME, \
                        document_request:NAME take any name",
        "anyOf": [{ "enum": words }, { "pattern": "^(notice|document|document_produced|document_request|payment):.+$" }],
    })
}

fn span() -> Value {
    table("A stretch of each of these days in which contact is permitted")
        .need("days", weekdays("Weekdays: mon, a stretch such as mon-fri, or holiday"))
        .need("from", clock("First minute, as \"08:00\""))
        .need("to", clock("Minute at which it ends, up to \"24:00\""))
        .end()
}

pub(super) fn weekdays(about: &str) -> Value {
    patterns(about, WEEKDAYS)
}

pub(super) fn term(about: &str) -> Value {
    of("term", about)
}

pub(super) fn window(about: &str) -> Value {
    of("window", about)
}

pub(super) fn steps(about: &str) -> Value {
    tables(about, json!({ "$ref": "#/definitions/step" }))
}

pub(super) fn spans(about: &str) -> Value {
    tables(about, json!({ "$ref": "#/definitions/span" }))
}

/// A number that the text speaks of and does not state.
pub(super) fn no_figure() -> Value {
    flag("The text states no figure: the rule only informs")
}

fn channels() -> Value {
    set::<Channel>("Channels concerned; all without this key")
}

/// The limits of these kinds.
pub(super) fn kinds() -> Vec<(&'static str, Table)> {
    vec![
        ("contact_hours", hours()),
        ("contact_frequency", frequency()),
        ("contact_cooldown", cooldown()),
        ("contact_block", block()),
        ("notice_period", notice_period()),
        ("required_notice", required_notice()),
        ("limitation_period", limitation()),
        ("payment_term", payment_term()),
        ("client_funds", client_funds()),
        ("record_retention", record_retention()),
        ("complaint_handling", complaint_handling()),
    ]
}

fn hours() -> Table {
    table("Permitted local times")
        .may("channels", channels())
        .may("holidays", word::<Holidays>("How public holidays are treated; needed unless no_figure"))
        .may("closed_dates", patterns("Further days of the year without contact, as \"12-24\"", MONTH_DAY))
        .may("end_inclusive", flag("The exact end minute of a span still counts as inside"))
        .may("open", spans("Permitted stretches; needed unless no_figure"))
        .may("places", set::<Place>("Places concerned; all without this key"))
        .may("zone", text("IANA zone of the clock that the law names; without this key, of where the person may be"))
        .may("unless_preferred", flag("Not where the person stated preferred hours for one of these places"))
        .may("no_figure", no_figure())
}

fn frequency() -> Table {
    table("At most so many contacts in a window")
        .may("max", number("At most this many, the judged one included; needed unless no_figure", 0, 100_000))
        .may("window", window("Counted over this; needed unless no_figure"))
        .need("count", word::<Counted>("What counts"))
        .need("per", word::<Per>("Counted together"))
        .may("channels", channels())
        .may("technologies", set::<Technology>("Technologies concerned; all without this key"))
        .may("exclude", set::<Exclude>("What is left out"))
        .may("places", set::<Place>("Places concerned; all without this key"))
        .may("roles", set::<PartyRole>("Roles of the persons concerned; all without this key"))
        .may(
            "while",
            set::<Condition>("Only while the person has one of these, counted from then on; always without it"),
        )
        .may("while_written", flag("Only a condition stated in writing"))
        .may("no_figure", no_figure())
}

fn cooldown() -> Table {
    table("After an event, no contact for a while")
        .need("after", word::<Counted>("What starts it"))
        .may("after_channels", set::<Channel>("Channels on which the event must have been; all without this key"))
        .may("after_inbound", flag("The event may also have been begun by the debtor (the default)"))
        .may("wait", window("How long, in calendar_days, hours or minutes; needed unless no_figure"))
        .may("days", word::<Count>("Whether the event's own date is day 1; needed for calendar_days"))
        .need("per", word::<Per>("Whose events and contacts"))
        .may("channels", set::<Channel>("Channels that rest; all without this key"))
        .may("exclude", set::<Exclude>("What is left out"))
        .may("no_figure", no_figure())
}

fn block() -> Table {
    table("No contact, or other step, while a flag is set")
        .may("conditions", set::<Condition>("Conditions of the person that block"))
        .may("flags", set::<OtherFlag>("Other flags that block"))
        .may("quiet", flag("It says nothing while nothing is recorded that may set a flag; of flags alone"))
        .may("answer", word::<BlockAnswer>("What it answers; not_permitted without this key"))
        .may("written_only", flag("Only a condition stated in writing blocks"))
        .may("only_within", term("Only a condition stated in this term blocks"))
        .may("only_within_after", steps("The steps after which that term runs"))
        .may("if_expired", texts("Only where a claim has expired under one of these rules"))
        .may("until_verified", flag("It ends when verification of the debt was sent"))
        .may("lifted_by_direct_consent", flag("A consent to direct contact lifts it"))
        .may("lasts", term("The longest time that a condition binds"))
        .may("lasts_for", set::<Condition>("Conditions that it ends; all without this key"))
        .may("also_toward", set::<PartyRole>("Roles toward which a condition of the primary party blocks as well"))
        .may("also_of", set::<PartyRole>("Roles whose condition blocks toward the primary party as well"))
        .may("place", set::<Place>("Only contacts at these places"))
        .may("channels", channels())
        .may("forbids", steps("What is blocked; contact without this key"))
        .rule("anyOf", json!([{ "required": ["conditions"] }, { "required": ["flags"] }]))
}

fn notice_period() -> Table {
    table("A step not before a term after another has ended")
        .may("after", steps("The step that must go before: any of these; needed unless since"))
        .may("since", word::<Since>("The day that stands for that step"))
        .need("before", steps("The step that waits: any of these"))
        .may("term", term("The term"))
        .may("required", flag("Without the first step the second is a breach"))
        .may("respect_deadline", flag("The deadline that the first step gave is waited for"))
        .may("max_age", term("The first step is no older than this"))
        .may("forms", set::<Form>("The first step counts only in these forms"))
        .may("unless_evasion", flag("Not where the debtor evidently evades"))
        .may("unless_due_fixed", flag("Not where the due date was fixed by contract"))
        .may("after_due", flag("The first step counts only from the due date on"))
        .may("waived_by", steps("Any of these before makes it unnecessary"))
}

fn required_notice() -> Table {
    table("A notice that must be sent")
        .need("notices", steps("Any of these satisfies it"))
        .may("event", steps("The event: any of these; needed unless since or paid_off"))
        .may("since", word::<Since>("The day that stands for the event"))
        .may("paid_off", flag("Only a payment that settles the debt is the event"))
        .need("timing", word::<Timing>("When, seen from the event"))
        .may("term", term("The term, for timing within"))
        .may("first_event", flag("Only the first event of the case counts"))
        .may("once", flag("One notice serves every later event"))
        .may("forms", set::<Form>("The notice counts only in these forms"))
        .may("unless_paid", flag("Not due if the debt is paid before the term ends"))
        .may("if_expired", texts("Only where a claim has expired under one of these rules"))
        .may("no_figure", no_figure())
}

fn limitation() -> Table {
    table("After how long a claim is lost")
        .may("term", term("The term; needed unless no_figure"))
        .need("start", word::<LimitationStart>("From when it runs"))
        .may("interrupted_by", set::<LimitationEventKind>("What begins it anew"))
        .may("revived_by", set::<LimitationEventKind>("What of that begins it anew after its end, too"))
        .may("acknowledged_in_writing", flag("An acknowledgement counts only in writing"))
        .may("demanded_in_writing", flag("A demand or reminder counts only in writing"))
        .may("negotiation_suspends", flag("Negotiations hold it; absent: not read, so that they leave it unknown"))
        .may("months_after_negotiation", number("After negotiations it does not end before so many months", 1, 60))
        .may("court_action_suspends", flag("An action holds it, and does not begin it anew"))
        .may(
            "suspended_in_default_years",
            number("The debtor's default holds it, for so many years from its day at most", 1, 100),
        )
        .may("max_years", number("Longest term from the start, whatever interrupted it", 1, 100))
        .may("titled_years", number("Term of a title from its day", 1, 100))
        .need("forbids", steps("What is forbidden afterwards"))
        .may("no_figure", no_figure())
}

fn payment_term() -> Table {
    table("The longest time to pay an invoice")
        .need("longest", term("From the invoice's date (sent) or its receipt"))
        .may("unless_agreed", flag("A longer time that was agreed expressly is lawful"))
        .may("longest_agreed", term("Not even an agreed time is longer"))
}

fn client_funds() -> Table {
    table("Money collected for others")
        .may("within", term("Handed over within"))
        .may("segregated", flag("It is kept apart in a client account that the tenant declares"))
        .may("no_figure", no_figure())
}

fn record_retention() -> Table {
    table("How long records are kept")
        .may("records", texts("Which records; all without this key"))
        .may("keep_at_least", term("Not erased before"))
        .may("erase_by", term("Erased when this has passed"))
        .may("start", word::<RetentionStart>("From when both run; needed unless no_figure"))
        .may("no_figure", no_figure())
}

fn complaint_handling() -> Table {
    table("By when complaints and data-subject requests are answered")
        .need("of", set::<Matter>("What must be answered"))
        .may("acknowledge", term("Acknowledged within"))
        .may("update_every", term("Told how it stands at least so often"))
        .may("answer", term("Answered within"))
        .may("extended", term("The same once the person was told that it takes longer"))
        .may("scheme", flag("The tenant belongs to a dispute scheme"))
        .may("no_figure", no_figure())
}
