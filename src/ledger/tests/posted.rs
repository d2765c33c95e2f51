//! Messages by address and from opening to paying, attempts by channel, payments that fail, and what is recovered of a price.

use super::*;
use crate::domain::detail::PageStep;
use crate::domain::ids::ContactPointId;
use crate::domain::vocabulary::{MessageEventKind, Ownership};

fn case() -> CaseVersion {
    version("1", at("2024-01-10 09:00"), vec![claim("a", 100_000, Some("2024-01-31"))])
}

fn sent(id: &str, when: &str, channel: Channel, point: &str) -> Activity {
    let contact = Contact { contact_point: Some(ContactPointId::trusted(point)), ..Contact::on(channel) };
    activity(id, at(when), Detail::Contact(Box::new(contact)))
}

fn event(id: &str, of: &str, when: &str, event: MessageEventKind) -> Activity {
    let detail = Detail::MessageEvent { event, channel: Channel::Email, machine: false };
    Activity { parent: Some(ActivityId::trusted(of)), ..activity(id, at(when), detail) }
}

fn page(id: &str, when: &str, step: PageStep) -> Activity {
    activity(id, at(when), Detail::Page { step, source: None, session: None })
}

/// Accounts or addresses that a state counts in days `[from, to)`, as cells count them: those not seen before in it.
fn seen(folded: &Folded, state: &str, (from, to): (&str, &str)) -> i64 {
    let (from, to) = (day(from), day(to));
    let first = |fact: &&Fact| fact.value.is_none_or(|gap| i64::from(fact.day) - gap < i64::from(from));
    let of = |fact: &&Fact| fact.kind == FactKind::AccountSeen && fact.dims.state.as_deref() == Some(state);
    let inside = |fact: &&Fact| (from..to).contains(&fact.day);
    folded.facts.iter().filter(of).filter(inside).filter(first).map(|fact| i64::from(fact.sign) * fact.count).sum()
}

const MARCH: (&str, &str) = ("2024-03-01", "2024-04-01");

#[test]
fn an_address_is_reached_once_by_the_day_of_sending_in_whatever_order_deliveries_come() {
    let messages = [
        sent("1", "2024-03-01 10:00", Channel::Email, "home"),
        sent("2", "2024-03-05 10:00", Channel::Email, "home"),
        sent("3", "2024-03-05 11:00", Channel::Email, "work"),
        sent("4", "2024-03-20 10:00", Channel::Email, "home"),
    ];
    let told = |events: &[Activity]| {
        let folded = fold(&[case()], &[&messages[..], events].concat(), at("2024-12-31 12:00"));
        let of = |span| (seen(&folded, "addressed", span), seen(&folded, "address_reached", span));
        [MARCH, ("2024-03-02", "2024-03-20"), ("2024-03-20", "2024-04-01")].map(of)
    };
    assert_eq!(told(&[]), [(2, 0), (2, 0), (1, 0)]);
    let late = event("e1", "4", "2024-03-20 10:05", MessageEventKind::Delivered);
    let later = event("e2", "1", "2024-03-22 10:00", MessageEventKind::Delivered);
    let last = event("e3", "2", "2024-03-23 10:00", MessageEventKind::Delivered);
    assert_eq!(told(&[late.clone(), later.clone(), last.clone()]), [(2, 1), (2, 1), (1, 1)]);
    // The message in the middle comes back after all, then the first, then the last.
    let back = event("e4", "2", "2024-03-24 10:00", MessageEventKind::BouncedHard);
    assert_eq!(told(&[late.clone(), later.clone(), last.clone(), back.clone()]), [(2, 1), (2, 0), (1, 1)]);
    let gone = event("e5", "1", "2024-03-25 10:00", MessageEventKind::Returned);
    let none = event("e6", "4", "2024-03-26 10:00", MessageEventKind::BouncedSoft);
    assert_eq!(told(&[late, later, last, back, gone, none]), [(2, 0), (2, 0), (1, 0)]);
}

#[test]
fn two_messages_of_a_day_reach_an_address_until_both_come_back() {
    let mut history = vec![
        sent("1", "2024-03-01 10:00", Channel::Email, "home"),
        sent("2", "2024-03-01 12:00", Channel::Sms, "home"),
        event("e1", "1", "2024-03-02 10:00", MessageEventKind::Delivered),
        event("e2", "2", "2024-03-02 11:00", MessageEventKind::Delivered),
        event("e3", "1", "2024-03-03 11:00", MessageEventKind::BouncedHard),
    ];
    let reached =
        |history: &[Activity]| seen(&fold(&[case()], history, at("2024-12-31 12:00")), "address_reached", MARCH);
    assert_eq!(reached(&history), 1);
    history.push(event("e4", "2", "2024-03-04 11:00", MessageEventKind::BouncedHard));
    assert_eq!(reached(&history), 0);
}

#[test]
fn an_account_counts_once_in_each_channel_that_it_was_attempted_by() {
    let called =
        |id: &str, when: &str, channel| activity(id, at(when), Detail::Contact(Box::new(Contact::on(channel))));
    let history = [
        called("1", "2024-02-28 10:00", Channel::Call),
        called("2", "2024-03-01 10:00", Channel::Call),
        called("3", "2024-03-01 11:00", Channel::Sms),
        called("4", "2024-03-04 10:00", Channel::Call),
    ];
    let folded = fold(&[case()], &history, at("2024-12-31 12:00"));
    let by = |channel: Channel| {
        let of =
            |fact: &&Fact| fact.dims.state.as_deref() == Some("attempted_by") && fact.dims.channel == Some(channel);
        folded.facts.iter().filter(of).map(|fact| (fact.day, fact.value)).collect::<Vec<_>>()
    };
    let calls = [(day("2024-02-28"), None), (day("2024-03-01"), Some(2)), (day("2024-03-04"), Some(3))];
    assert_eq!(by(Channel::Call), calls);
    assert_eq!(by(Channel::Sms), [(day("2024-03-01"), None)]);
}

/// Day, state and value of all facts of a kind.
fn told(history: &[Activity], kind: FactKind) -> Vec<(i32, Option<String>, Option<i64>)> {
    let folded = fold(&[case()], history, at("2024-12-31 12:00"));
    let of = |fact: &&Fact| fact.kind == kind;
    let told = |fact: &Fact| (fact.day, fact.dims.state.as_deref().map(str::to_owned), fact.value);
    folded.facts.iter().filter(of).map(told).collect()
}

#[test]
fn a_payment_is_told_from_the_opening_on_if_that_came_before() {
    let opened = |when: &str| event("e", "1", when, MessageEventKind::Opened);
    let paid = |when: &str| activity("p", at(when), pays(500));
    let message = sent("1", "2024-03-01 10:00", Channel::Email, "home");
    let all = [message.clone(), opened("2024-03-02 10:00"), paid("2024-03-02 12:00")];
    assert_eq!(told(&all, FactKind::OpenedPaid), [(day("2024-03-01"), None, Some(7_200))]);
    let after = [message.clone(), opened("2024-03-02 10:00"), paid("2024-03-01 12:00")];
    assert_eq!(told(&after, FactKind::OpenedPaid), []);
    let late = [message, opened("2024-03-02 10:00"), paid("2024-04-02 12:00")];
    assert_eq!(told(&late, FactKind::OpenedPaid), []);
}

#[test]
fn who_fails_to_pay_twice_is_told_once_until_a_payment_comes_through() {
    let failed = |id: &str, when: &str| page(id, when, PageStep::PaymentFailed);
    let mut history =
        vec![failed("1", "2024-03-01 10:00"), failed("2", "2024-03-02 10:00"), failed("3", "2024-03-02 11:00")];
    let state = |word: &str| Some(word.to_owned());
    let once = [(day("2024-03-01"), state("once"), None), (day("2024-03-02"), state("again"), None)];
    assert_eq!(told(&history, FactKind::PayerFailed), once);
    history.push(activity("4", at("2024-03-04 10:00"), pays(500)));
    assert_eq!(told(&history, FactKind::PayerRecovered), [(day("2024-03-02"), None, Some(2 * 86_400))]);
    // A new beginning; and one that is too long ago for a second failure.
    history.push(failed("5", "2024-03-05 10:00"));
    history.push(failed("6", "2024-05-05 10:00"));
    history.push(activity("7", at("2024-05-06 10:00"), pays(500)));
    let states: Vec<_> = told(&history, FactKind::PayerFailed).into_iter().filter_map(|(_, state, _)| state).collect();
    assert_eq!(states, ["once", "again", "once", "once"]);
    assert_eq!(told(&history, FactKind::PayerRecovered).len(), 1);
}

#[test]
fn payments_recover_the_price_of_a_claim_first_and_reversals_take_that_back() {
    let bought = |id: &str, when: &str, price: i64| {
        let mut version = version(id, at(when), vec![claim("a", 100_000, Some("2024-01-31"))]);
        version.identity.ownership = Some(Ownership::Purchased);
        version.placement.purchase_price = Some(price);
        version
    };
    let history = [
        activity("1", at("2024-02-01 10:00"), pays(700)),
        activity("2", at("2024-02-02 10:00"), pays(700)),
        activity("3", at("2024-02-03 10:00"), reverses("1", 500)),
    ];
    let versions = [bought("1", "2024-01-10 09:00", 1_000), bought("2", "2024-02-05 09:00", 600)];
    let folded = fold(&versions, &history, at("2024-12-31 12:00"));
    let facts = folded.facts.iter().filter(|fact| fact.kind == FactKind::Amortised);
    let told: Vec<_> = facts.map(|fact| (fact.day, fact.amount * i64::from(fact.sign))).collect();
    let days = [("2024-02-01", 700), ("2024-02-02", 300), ("2024-02-03", -100), ("2024-02-05", -300)];
    assert_eq!(told, days.map(|(on, amount)| (day(on), amount)));
    let others = fold(&[case()], &history, at("2024-12-31 12:00"));
    assert!(others.facts.iter().all(|fact| fact.kind != FactKind::Amortised));
}
