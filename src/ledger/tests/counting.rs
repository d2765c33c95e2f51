//! Worked examples of what is counted once: contacts, messages, agents, and what concerns no case.

use super::*;
use crate::domain::detail::{MatterStep, SurveyKind};
use crate::domain::fact::flag;
use crate::domain::outcome::Outcome;
use crate::domain::vocabulary::{ActorKind, Initiator, MessageEventKind};
use crate::ledger::market_facts;

const END: &str = "2024-12-31";
const ALL: fn(&Dims) -> bool = |_| true;

fn end() -> Timestamp {
    at("2024-12-31 12:00")
}

fn case() -> CaseVersion {
    version("1", at("2024-01-10 09:00"), vec![claim("a", 10_000, Some("2024-01-31"))])
}

#[test]
fn a_message_ends_in_one_state_and_is_opened_once() {
    let sent = at("2024-03-01 10:00");
    let event = |id: &str, when: &str, event, machine| Activity {
        parent: Some(ActivityId::trusted("m")),
        ..activity(id, at(when), Detail::MessageEvent { event, channel: Channel::Email, machine })
    };
    let folded = fold(
        &[case()],
        &[
            activity("m", sent, Detail::Contact(Box::new(Contact::on(Channel::Email)))),
            event("1", "2024-03-01 10:01", MessageEventKind::BouncedSoft, false),
            event("2", "2024-03-01 10:02", MessageEventKind::Delivered, false),
            event("3", "2024-03-01 10:03", MessageEventKind::Delivered, false),
            event("4", "2024-03-01 10:04", MessageEventKind::Opened, true),
            event("5", "2024-03-03 10:05", MessageEventKind::Opened, false),
            event("6", "2024-03-04 10:06", MessageEventKind::Opened, false),
        ],
        end(),
    );
    let count = |kind| folded.count(kind, "2024-03-01", ALL);
    assert_eq!(count(FactKind::MessageSent), 1);
    assert_eq!(count(FactKind::MessageBounced), 0);
    assert_eq!(count(FactKind::MessageDelivered), 1);
    assert_eq!(count(FactKind::MessageOpened), 1);
    assert_eq!(count(FactKind::MessageClicked), 0);
    // Who answered it had it.
    let mut answered = Contact::on(Channel::Sms);
    answered.outcome = Some(Outcome::Replied);
    let folded = fold(&[case()], &[activity("m", sent, Detail::Contact(Box::new(answered)))], end());
    assert_eq!(folded.count(FactKind::MessageDelivered, "2024-03-01", ALL), 1);
}

#[test]
fn a_call_counts_once_with_its_promises_whichever_came_first() {
    let inbound =
        |id: &str, when: &str| Activity { initiated_by: Some(Initiator::Debtor), ..activity(id, at(when), call()) };
    let made = |id: &str, when: &str| Activity {
        parent: Some(ActivityId::trusted("call")),
        ..activity(id, at(when), promises(100, "2024-03-10"))
    };
    for when in ["2024-03-01 09:59", "2024-03-01 10:05"] {
        let history = [inbound("call", "2024-03-01 10:00"), made("p", when), made("q", "2024-03-01 10:06")];
        let folded = fold(&[case()], &history, end());
        let inbound = |dims: &Dims| dims.direction == Some(crate::domain::vocabulary::Direction::Inbound);
        assert_eq!(folded.count(FactKind::ContactWithPromise, END, ALL), 1);
        assert_eq!(folded.count(FactKind::PromiseMade, END, inbound), 2);
        assert_eq!(folded.count(FactKind::PromiseMade, END, ALL), 2);
        assert_eq!(folded.count(FactKind::PromiseJudged, END, inbound), 2);
    }
}

/// Facts that one activity adds to a case.
fn added(activity: &Activity, lead: bool) -> Facts {
    let (market, version, mut facts) = (market(), case(), Facts::default());
    let mut ledger = CaseLedger::open(&market, &version, &mut facts);
    ledger.advance(&market, &version, activity.occurred, &mut facts);
    facts.clear();
    ledger.apply(&Context { market: &market, version: &version, lead }, activity, &mut facts);
    facts
}

/// Kinds of facts; what an account was seen for has tests of its own.
fn kinds(facts: &[Fact]) -> Vec<FactKind> {
    facts.iter().map(|fact| fact.kind).filter(|kind| *kind != FactKind::AccountSeen).collect()
}

#[test]
fn an_activity_over_several_cases_counts_on_the_first() {
    let mut contact = Contact::on(Channel::Call);
    contact.outcome = Some(Outcome::RightPartyPromise);
    for detail in [
        Detail::Contact(Box::new(contact)),
        pays(500),
        promises(500, "2024-03-10"),
        Detail::Dispute { step: MatterStep::Opened, written: Some(true), reference: None, grounded: None },
        Detail::Survey { survey: SurveyKind::Nps, score: 9 },
    ] {
        let one = activity("1", at("2024-03-01 10:00"), detail);
        assert_eq!(kinds(&added(&one, false)), []);
        assert_ne!(kinds(&added(&one, true)), []);
    }
}

#[test]
fn an_agent_is_active_by_what_a_human_did() {
    let acted = |kind, outcome, channel| {
        let mut contact = Contact::on(channel);
        contact.outcome = outcome;
        let mut one = activity("1", at("2024-03-01 10:00"), Detail::Contact(Box::new(contact)));
        one.actor = Actor { kind, agent: Some("bea".to_owned()), team: None };
        kinds(&added(&one, true)).contains(&FactKind::AgentActive)
    };
    let human = Some(ActorKind::Human);
    assert!(acted(human, Some(Outcome::NoAnswer), Channel::Call));
    assert!(acted(human, None, Channel::Visit));
    assert!(!acted(human, Some(Outcome::Busy), Channel::Call));
    assert!(!acted(Some(ActorKind::Bot), Some(Outcome::NoAnswer), Channel::Call));
    assert!(!acted(Some(ActorKind::System), None, Channel::Email));
}

#[test]
fn a_contact_carries_its_flags_and_dimensions() {
    let mut contact = Contact::on(Channel::Sms);
    contact.template = Some("first".to_owned());
    contact.variant = Some("b".to_owned());
    contact.campaign = Some("spring".to_owned());
    contact.outcome = Some(Outcome::Delivered);
    let mut one = activity("1", at("2024-03-01 23:30"), Detail::Contact(Box::new(contact)));
    one.actor.agent = Some("ann".to_owned());
    one.control.check_id = Some("k".to_owned());
    one.control.cost = Some(money(7));
    let facts = added(&one, true);
    use FactKind as K;
    assert_eq!(kinds(&facts), [K::Contact, K::MessageSent, K::AgentActive, K::MessageDelivered, K::OperatingCost]);
    assert_eq!(facts[0].day, day("2024-03-01"));
    assert_eq!(facts[0].flags, flag::ATTEMPT | flag::COMMUNICATION | flag::CHECKED);
    let dims = &facts[0].dims;
    assert_eq!(dims.template.as_deref(), Some("first/b"));
    assert_eq!((dims.campaign.as_deref(), dims.team.as_deref()), (Some("spring"), Some("red")));
    assert_eq!((dims.client.as_deref(), dims.currency), (Some("shop"), Some(eur())));
    assert_eq!(facts.last().map(|fact| fact.amount), Some(7));
}

#[test]
fn a_message_is_remembered_for_ninety_days_and_no_longer() {
    for (when, opened) in [("2024-05-30 10:00", 1), ("2024-05-31 10:00", 0)] {
        let mail = activity("m", at("2024-03-01 10:00"), Detail::Contact(Box::new(Contact::on(Channel::Email))));
        let event = Detail::MessageEvent { event: MessageEventKind::Opened, channel: Channel::Email, machine: false };
        let open = Activity { parent: Some(ActivityId::trusted("m")), ..activity("o", at(when), event) };
        let history = [mail, open];
        let folded = fold(&[case()], &history, end());
        assert_eq!(folded.count(FactKind::MessageOpened, "2024-03-01", ALL), opened, "{when}");
    }
}

#[test]
fn what_concerns_no_case_is_counted_by_the_market_alone() {
    let revenue = Detail::ClientRevenue { amount: money(900), client: Some("shop".to_owned()) };
    let mut one = activity("1", at("2024-03-01 00:00"), revenue);
    let facts = |one: &Activity| {
        let mut out = Vec::new();
        market_facts(&market(), one, &mut out);
        out
    };
    assert_eq!(facts(&one), []);
    assert_eq!(kinds(&added(&one, true)), [FactKind::ClientRevenue]);
    one.cases.clear();
    let told = facts(&one);
    assert_eq!((told[0].kind, told[0].amount, told[0].day), (FactKind::ClientRevenue, 900, day("2024-03-01")));
    assert_eq!(told[0].dims.client.as_deref(), Some("shop"));
    assert_eq!(told[0].dims.agent, None);
}

#[test]
fn a_case_that_is_only_contacted_stays_small() {
    assert!(size_of::<CaseLedger>() <= 144, "{}", size_of::<CaseLedger>());
    assert!(size_of::<crate::ledger::remembered::Remembered>() <= 24);
    assert!(size_of::<crate::ledger::books::Entry>() <= 40);
    assert!(size_of::<crate::ledger::PromiseView>() <= 88, "{}", size_of::<crate::ledger::PromiseView>());
}
