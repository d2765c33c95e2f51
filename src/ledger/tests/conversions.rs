//! What led to a payment follows it: told of the next one, or not at all, once nothing of it is left.

use super::*;
use crate::domain::detail::PageStep;
use crate::domain::vocabulary::MessageEventKind;

/// Kind, day and seconds of what is told until an instant and was not taken back.
fn standing(history: &[Activity]) -> Vec<(&'static str, i32, i64)> {
    let case = version("1", at("2024-01-10 09:00"), vec![claim("a", 10_000, Some("2024-01-31"))]);
    let folded = fold(&[case], history, at("2024-12-31 12:00"));
    let kinds = [FactKind::ContactPaid, FactKind::OpenedPaid, FactKind::VisitorPaid, FactKind::PayerRecovered];
    let mut counts: BTreeMap<_, i32> = BTreeMap::new();
    for fact in folded.facts.iter().filter(|fact| kinds.contains(&fact.kind)) {
        let told = (fact.kind.as_str(), fact.day, fact.value.unwrap());
        *counts.entry(told).or_default() += i32::from(fact.sign);
    }
    assert!(counts.values().all(|count| [0, 1].contains(count)), "{counts:?}");
    counts.into_iter().filter(|(_, count)| *count == 1).map(|(told, _)| told).collect()
}

fn page(id: &str, when: &str, step: PageStep) -> Activity {
    activity(id, at(when), Detail::Page { step, source: None, session: None })
}

fn email(id: &str, when: &str) -> Activity {
    activity(id, at(when), Detail::Contact(Box::new(Contact::on(Channel::Email))))
}

fn opened(id: &str, when: &str, message: &str) -> Activity {
    let event = MessageEventKind::Opened;
    let detail = Detail::MessageEvent { event, channel: Channel::Email, machine: false };
    Activity { parent: Some(ActivityId::trusted(message)), ..activity(id, at(when), detail) }
}

#[test]
fn a_conversion_is_told_of_the_next_payment_or_no_more_once_its_own_is_taken_back() {
    const DAY: i64 = 86_400;
    let mut history = vec![
        activity("1", at("2024-05-01 10:00"), call()),
        email("2", "2024-05-01 10:00"),
        opened("3", "2024-05-03 10:00", "2"),
        page("4", "2024-05-01 10:00", PageStep::Visit),
        page("5", "2024-05-01 10:00", PageStep::PaymentFailed),
        page("6", "2024-05-01 11:00", PageStep::PaymentFailed),
        activity("7", at("2024-05-02 10:00"), pays(100)),
        activity("8", at("2024-05-04 10:00"), pays(100)),
    ];
    let on = day("2024-05-01");
    let first = [
        ("contact_paid", on, DAY), // the call and the message
        ("payer_recovered", on, DAY - 3_600),
        ("visitor_paid", on, DAY),
    ];
    let standing = |history: &[Activity]| {
        let mut calls = standing(&history.iter().filter(|one| one.id.as_str() != "2").cloned().collect::<Vec<_>>());
        let messages = standing(&history.iter().filter(|one| one.id.as_str() != "1").cloned().collect::<Vec<_>>());
        assert_eq!(calls, messages.iter().filter(|told| told.0 != "opened_paid").copied().collect::<Vec<_>>());
        calls.extend(messages.iter().filter(|told| told.0 == "opened_paid"));
        calls
    };
    assert_eq!(standing(&history), first);
    // Part of it taken back: it was paid all the same.
    history.push(activity("9", at("2024-07-01 10:00"), reverses("7", 99)));
    assert_eq!(standing(&history), first);
    // Nothing left: the next payment takes its place, which came after the opening.
    history.push(activity("a", at("2024-07-02 10:00"), reverses("7", 1)));
    let second = [
        ("contact_paid", on, 3 * DAY),
        ("payer_recovered", on, 3 * DAY - 3_600),
        ("visitor_paid", on, 3 * DAY),
        ("opened_paid", on, DAY),
    ];
    assert_eq!(standing(&history), second);
    // No other within thirty days.
    history.push(activity("b", at("2024-07-03 10:00"), pays(100)));
    history.push(activity("c", at("2024-07-04 10:00"), reverses("8", 500)));
    assert_eq!(standing(&history), []);
    // The chargeback of the second was void: it stands again.
    history.pop();
    assert_eq!(standing(&history), second);
}

#[test]
fn a_payment_within_thirty_days_counts_after_one_that_was_taken_back_at_once() {
    let history = [
        activity("1", at("2024-05-01 10:00"), call()),
        // The chargeback is on record before its payment.
        activity("2", at("2024-05-02 10:00"), reverses("3", 100)),
        activity("3", at("2024-05-03 10:00"), pays(100)),
        activity("4", at("2024-05-31 10:00"), pays(100)),
    ];
    assert_eq!(standing(&history), [("contact_paid", day("2024-05-01"), 30 * 86_400)]);
    let late = activity("4", at("2024-05-31 10:01"), pays(100));
    assert_eq!(standing(&[&history[..3], &[late]].concat()), []);
}
