//! The words that several kinds share: dates, terms, windows, steps, amounts, sets.

use chrono::NaiveDate;

use super::super::conduct::Words;
use super::super::head::Scope;
use super::super::lasting::Lasting;
use super::super::model::{Term, Window};
use super::super::step::Step;
use super::super::words::{Count, CountFrom, Roll, Set, TermUnit, VersionBy, Word};
use super::line::Line;
use crate::domain::money::{Currency, Money};

/// A word of a file as people write it.
#[must_use]
pub fn plain(word: &str) -> String {
    word.replace('_', " ")
}

/// `1 July 2026`.
#[must_use]
pub fn day(date: NaiveDate) -> String {
    date.format("%-d %B %Y").to_string()
}

/// From when until when a rule holds, by the date that picks its version; none if it has no dates.
#[must_use]
pub fn dates(from: Option<NaiveDate>, until: Option<NaiveDate>, by: VersionBy) -> Option<String> {
    let stretch = match (from.map(day), until.map(day)) {
        (None, None) => return None,
        (Some(from), None) => format!("from {from}"),
        (None, Some(until)) => format!("until {until}"),
        (Some(from), Some(until)) => format!("from {from} until {until}"),
    };
    let of = match by {
        VersionBy::ActivityOn => return Some(stretch),
        VersionBy::ContractOn => "for contracts made",
        VersionBy::ClaimAroseOn => "for claims that arose",
        VersionBy::DueOn => "for debts that fell due",
        VersionBy::MandateOn => "for mandates given",
        VersionBy::ActionFiledOn => "for actions filed",
        VersionBy::AccruedOn => "for interest that accrues",
    };
    Some(format!("{of} {stretch}"))
}

/// `14 days`.
pub(super) fn many(count: impl Into<i64>, unit: &str) -> String {
    let count: i64 = count.into();
    let unit = if count == 1 { unit.strip_suffix('s').unwrap_or(unit) } else { unit };
    format!("{count} {unit}")
}

/// A term in parts: how long, how it is counted, from when, and where it ends.
pub(super) fn term_parts(term: &Term) -> Vec<String> {
    let Term { length, unit, count, from, deemed_days, roll } = term;
    let unit = match unit {
        TermUnit::Days => "days",
        TermUnit::WorkingDays => "working days",
        TermUnit::Weeks => "weeks",
        TermUnit::Months => "months",
        TermUnit::Years => "years",
    };
    let count = match count {
        Count::ClearDays => "the first day not counted",
        Count::FromNthDay => "the first day counted",
    };
    let deemed = many(i64::from(*deemed_days), "days");
    let from = match from {
        CountFrom::Sent => "from sending".to_owned(),
        CountFrom::Received => "from receipt".to_owned(),
        CountFrom::DeemedReceived => format!("from deemed receipt {deemed} after sending"),
    };
    // Days that a term from sending or receipt does not read are told all the same: a file may state them.
    let idle = *deemed_days > 0 && term.from != CountFrom::DeemedReceived;
    let from = if idle { format!("{from} (deemed receipt would be {deemed} after sending)") } else { from };
    let roll = match roll {
        Roll::None => "ending on whatever day that is",
        Roll::NextWorkingDay => "ending on a working day, if need be the next",
    };
    vec![many(i64::from(*length), unit), from, count.to_owned(), roll.to_owned()]
}

/// A term that may be absent.
pub(super) fn term(key: &str, name: &str, term: Option<&Term>) -> Line {
    Line::parts(key, name, term.map(term_parts))
}

/// How long conditions bind at most. Those that it ends are told beside it.
pub(super) fn lasting(key: &str, lasting: &Lasting) -> Line {
    let Lasting { term: longest, of: _ } = lasting;
    term(key, "it binds no longer than", longest.as_ref())
}

/// `in any 7 calendar days`.
pub(super) fn window(window: Window) -> String {
    match window {
        Window::CalendarDays(days) => format!("in any {}", many(i64::from(days), "calendar days")),
        Window::Minutes(minutes) => format!("in any {}", many(i64::from(minutes), "minutes")),
        Window::Hours(hours) => format!("in any {}", many(i64::from(hours), "hours")),
        Window::CalendarWeek => "a calendar week".to_owned(),
        Window::CalendarMonth => "a calendar month".to_owned(),
    }
}

/// How long, for a wait.
pub(super) fn stretch(window: Window) -> String {
    match window {
        Window::CalendarDays(days) => many(i64::from(days), "calendar days"),
        Window::Minutes(minutes) => many(i64::from(minutes), "minutes"),
        Window::Hours(hours) => many(i64::from(hours), "hours"),
        Window::CalendarWeek => "the calendar week".to_owned(),
        Window::CalendarMonth => "the calendar month".to_owned(),
    }
}

/// A set of words.
pub(super) fn set<T: Word>(key: &str, name: &str, set: Set<T>, none: &'static str) -> Line {
    Line::list(key, name, set.iter().map(|word| plain(word.name())).collect(), none)
}

/// A word.
pub(super) fn word<T: Word>(key: &str, name: &str, word: T) -> Line {
    Line::phrase(key, name, plain(word.name()))
}

/// A list of words, of which some offer a choice.
pub(super) fn words(key: &str, name: &str, words: &Words, none: &'static str) -> Line {
    Line::list(key, name, words.iter().map(|word| plain(&word.replace('|', " or "))).collect(), none)
}

/// Texts as they stand.
pub(super) fn texts<T: AsRef<str>>(key: &str, name: &str, texts: &[T], none: &'static str) -> Line {
    Line::list(key, name, texts.iter().map(|text| text.as_ref().to_owned()).collect(), none)
}

/// Steps.
pub(super) fn steps(key: &str, name: &str, steps: &[Step], none: &'static str) -> Line {
    Line::list(key, name, steps.iter().map(step).collect(), none)
}

/// A step as people say it.
pub(super) fn step(step: &Step) -> String {
    let of = |head: &str, tail: Option<&str>| tail.map_or(head.to_owned(), |tail| format!("{head} {}", plain(tail)));
    match step {
        Step::Contact => "contact".to_owned(),
        Step::ContactOn(channel) => of("contact by", Some(channel.as_str())),
        Step::Communication => "communication".to_owned(),
        Step::Demand => "demand".to_owned(),
        Step::Reminder => "reminder".to_owned(),
        Step::Notice(kind) => of("notice", Some(kind)),
        Step::LegalStep(kind) => of("legal step", kind.map(|kind| kind.as_str())),
        Step::CreditReport => "credit report".to_owned(),
        Step::Sale => "sale".to_owned(),
        Step::Placement => "placement".to_owned(),
        Step::Charge(charge) => of("charge", charge.map(|charge| charge.as_str())),
        Step::Promise => "promise".to_owned(),
        Step::Plan => "plan".to_owned(),
        Step::Payment => "payment".to_owned(),
        Step::PaymentBy(method) => of("payment by", Some(method)),
        Step::SettlementOffer => "settlement offer".to_owned(),
        Step::Dispute => "dispute".to_owned(),
        Step::Complaint => "complaint".to_owned(),
        Step::DataRequest => "data request".to_owned(),
        Step::Condition(condition) => of("condition", Some(condition.as_str())),
        Step::VerificationSent => "verification sent".to_owned(),
        Step::PageVisit => "page visit".to_owned(),
        Step::Title => "title".to_owned(),
        Step::Acknowledgement => "acknowledgement".to_owned(),
        Step::CreditReportNotice => "credit report notice".to_owned(),
        Step::DisputeStage(stage) => of("dispute", Some(stage.as_str())),
        Step::Document(name) => of("document", Some(name)),
        Step::DocumentProduced(name) => of("document produced", Some(name)),
        Step::DocumentRequest(name) => of("document request", name.as_deref()),
    }
}

/// `51.50 EUR`.
#[must_use]
pub fn money(minor: i64, currency: Currency) -> String {
    Money::new(minor, currency).to_string()
}

/// An amount of a pack, which has a currency wherever it states one.
pub(super) fn amount_of(minor: i64, currency: Option<Currency>) -> String {
    currency.map_or_else(|| minor.to_string(), |currency| money(minor, currency))
}

/// Millionths as a percentage: `8.5 %`.
#[must_use]
pub fn percent(millionths: i64) -> String {
    format!("{} %", decimal(millionths, 10_000))
}

/// Millionths as a factor: `0.9`.
pub(super) fn factor(millionths: i64) -> String {
    decimal(millionths, 1_000_000)
}

fn decimal(value: i64, unit: u64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let (whole, part) = (value.unsigned_abs() / unit, value.unsigned_abs() % unit);
    let digits = usize::try_from(unit.ilog10()).unwrap_or(0);
    let text = format!("{sign}{whole}.{part:0digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Which cases a scope admits, field by field.
#[must_use]
pub fn scope(scope: &Scope) -> Vec<Line> {
    let Scope {
        collector_role,
        ownership,
        debt_class,
        debt_type,
        creditor_type,
        debtor_kind,
        person_role,
        regulated_credit,
        eu_bank_npl,
        secured,
        titled,
        past_due_min,
        past_due_max,
        min_principal,
        max_principal,
    } = *scope;
    let days = |days: Option<u16>| days.map(|days| many(i64::from(days), "days"));
    let principal = |bound: Option<(i64, Currency)>| bound.map(|(minor, currency)| money(minor, currency));
    vec![
        set("applies_to.collector_role", "collectors concerned", collector_role, "any collector"),
        set("applies_to.ownership", "ownership concerned", ownership, "any ownership"),
        set("applies_to.debt_class", "debts concerned", debt_class, "consumer and commercial debts"),
        set("applies_to.debt_type", "types of debt concerned", debt_type, "any type of debt"),
        set("applies_to.creditor_type", "creditors concerned", creditor_type, "any creditor"),
        set("applies_to.debtor_kind", "debtors concerned", debtor_kind, "any debtor"),
        set("applies_to.person_role", "persons concerned", person_role, "anybody"),
        only("applies_to.regulated_credit", regulated_credit, "regulated credit"),
        only("applies_to.eu_bank_npl", eu_bank_npl, "non-performing loans of EU banks"),
        only("applies_to.secured", secured, "secured debts"),
        only("applies_to.titled", titled, "debts with an enforceable title"),
        Line::optional("applies_to.past_due_min", "past due for at least", days(past_due_min)),
        Line::optional("applies_to.past_due_max", "past due for at most", days(past_due_max)),
        Line::optional("applies_to.min_principal", "principal at least", principal(min_principal)),
        Line::optional("applies_to.max_principal", "principal at most", principal(max_principal)),
    ]
}

fn only(key: &str, wanted: Option<bool>, what: &str) -> Line {
    let phrase = wanted.map(|wanted| if wanted { format!("only for {what}") } else { format!("not for {what}") });
    Line::optional(key, "", phrase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_dates_read_as_people_write_them() {
        assert_eq!(percent(85_000), "8.5 %");
        assert_eq!(percent(-8_800), "-0.88 %");
        assert_eq!(percent(1_000_000), "100 %");
        assert_eq!(factor(900_000), "0.9");
        assert_eq!(factor(1), "0.000001");
        assert_eq!(many(1, "working days"), "1 working day");
        let from = NaiveDate::from_ymd_opt(2026, 7, 1);
        assert_eq!(dates(from, None, VersionBy::ActivityOn).unwrap(), "from 1 July 2026");
        assert_eq!(
            dates(from, from, VersionBy::DueOn).unwrap(),
            "for debts that fell due from 1 July 2026 until 1 July 2026"
        );
        assert_eq!(dates(None, None, VersionBy::DueOn), None);
    }
}
