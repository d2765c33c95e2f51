//! By whom payments, promises and plans were made: one rule for all of them. And of the promises of a call, which was the first
//! that was kept.

use super::*;
use crate::domain::detail::Instalment;
use crate::domain::fact::flag;
use crate::domain::outcome::Outcome;
use crate::domain::vocabulary::ActorKind;

fn case() -> CaseVersion {
    let mut case = version("1", at("2024-01-10 09:00"), vec![claim("a", 10_000, Some("2024-01-31"))]);
    case.steering.agent = None;
    case
}

fn by(kind: Option<ActorKind>, agent: Option<&str>) -> Actor {
    Actor { kind, agent: agent.map(str::to_owned), team: None }
}

fn plan() -> Detail {
    let instalments = vec![Instalment { due: date("2024-04-10"), amount: 100 }];
    Detail::Plan { instalments, currency: eur(), written: true }
}

/// Whether each of payment, promise and plan is told as made without an agent.
fn alone(actor: &Actor, contact: Option<&Actor>) -> Vec<bool> {
    let made = [
        (FactKind::Payment, pays(100)),
        (FactKind::PromiseMade, promises(100, "2024-03-10")),
        (FactKind::PlanMade, plan()),
    ];
    let one = |(kind, detail): (FactKind, Detail)| {
        let mut record = Activity { actor: actor.clone(), ..activity("r", at("2024-03-01 10:10"), detail) };
        let mut history = Vec::new();
        if let Some(contact) = contact {
            record.parent = Some(ActivityId::trusted("call"));
            history.push(Activity { actor: contact.clone(), ..activity("call", at("2024-03-01 10:00"), call()) });
        }
        history.push(record);
        let folded = fold(&[case()], &history, at("2024-12-31 12:00"));
        let fact = folded.facts.iter().find(|fact| fact.kind == kind).unwrap().clone();
        fact.flags & flag::SELF_SERVICE != 0
    };
    made.into_iter().map(one).collect()
}

#[test]
fn payments_promises_and_plans_have_one_rule() {
    let human = Some(ActorKind::Human);
    for (actor, contact, expected) in [
        (by(None, None), None, true),
        (by(human, None), None, false),
        (by(human, Some("ann")), None, false),
        (by(None, Some("ann")), None, false),
        (by(Some(ActorKind::Bot), Some("chat")), None, true),
        (by(Some(ActorKind::System), None), None, true),
        // On a call of a person it is that person's, on a bot's it is not.
        (by(None, None), Some(by(human, Some("ann"))), false),
        (by(None, None), Some(by(human, None)), false),
        (by(None, None), Some(by(Some(ActorKind::Bot), Some("voice"))), true),
    ] {
        assert_eq!(alone(&actor, contact.as_ref()), [expected; 3], "{actor:?} on {contact:?}");
    }
}

#[test]
fn a_payment_is_of_whoever_has_the_promise_that_it_counts_towards() {
    for (actor, expected) in [(by(None, Some("ann")), false), (by(Some(ActorKind::Bot), Some("chat")), true)] {
        let promise = Activity { actor, ..activity("p", at("2024-03-01 10:00"), promises(100, "2024-03-10")) };
        let folded =
            fold(&[case()], &[promise, activity("1", at("2024-03-05 10:00"), pays(100))], at("2024-12-31 12:00"));
        let paid = folded.facts.iter().find(|fact| fact.kind == FactKind::Payment).unwrap();
        assert_eq!(paid.flags & flag::SELF_SERVICE != 0, expected);
    }
}

#[test]
fn of_the_promises_of_a_call_the_first_that_is_kept_is_told_as_that() {
    let reached = |id: &str, when: &str| {
        let contact = Contact { outcome: Some(Outcome::RightPartyPromise), ..Contact::on(Channel::Call) };
        activity(id, at(when), Detail::Contact(Box::new(contact)))
    };
    let made = |id: &str, call: &str, when: &str, due: &str| Activity {
        parent: Some(ActivityId::trusted(call)),
        ..activity(id, at(when), promises(100, due))
    };
    for late in [false, true] {
        // A promise may come before its call.
        let first = if late { "2024-03-01 09:59" } else { "2024-03-01 10:01" };
        let history = [
            reached("call", "2024-03-01 10:00"),
            made("a", "call", first, "2024-03-05"),
            made("b", "call", "2024-03-01 10:02", "2024-03-10"),
            made("c", "call", "2024-03-01 10:03", "2024-03-10"),
            reached("other", "2024-03-02 10:00"),
            made("d", "other", "2024-03-02 10:01", "2024-03-20"),
            activity("e", at("2024-03-02 11:00"), promises(100, "2024-03-21")),
            // Nothing comes on the first promise; each of the others is kept.
            Activity {
                ..activity("1", at("2024-03-07 10:00"), Detail::PromiseWithdrawn { promise: ActivityId::trusted("x") })
            },
            activity("2", at("2024-03-09 10:00"), pays(100)),
            activity("3", at("2024-03-09 11:00"), pays(400)),
        ];
        let folded = fold(&[case()], &history, at("2024-12-31 12:00"));
        let judged: Vec<_> = folded.facts.iter().filter(|fact| fact.kind == FactKind::PromiseJudged).collect();
        let state = |fact: &&&Fact| fact.dims.state.as_deref() == Some("kept");
        assert_eq!(judged.iter().filter(state).count(), 4, "late: {late}");
        let of_call = judged.iter().filter(|fact| fact.flags & flag::FIRST_KEPT_OF_CALL != 0);
        let days: Vec<_> = of_call.map(|fact| crate::domain::time::date_of_day(fact.day).to_string()).collect();
        assert_eq!(days, ["2024-03-13", "2024-03-23"], "two calls, on the day after the grace of three days");
    }
}

#[test]
fn open_promises_go_where_their_case_goes() {
    let mut second = version("2", at("2024-03-05 09:00"), vec![claim("a", 10_000, Some("2024-01-31"))]);
    second.steering.stage = Some("legal".to_owned());
    let first = version("1", at("2024-01-10 09:00"), vec![claim("a", 10_000, Some("2024-01-31"))]);
    let promise = activity("p", at("2024-03-01 10:00"), promises(100, "2024-03-10"));
    let folded = fold(&[first, second], &[promise], at("2024-12-31 12:00"));
    let told: Vec<_> = folded
        .facts
        .iter()
        .filter(|fact| fact.kind == FactKind::PromiseOpen)
        .map(|fact| (fact.day, fact.dims.stage.as_deref().unwrap_or("-"), i64::from(fact.sign) * fact.amount))
        .collect();
    // Judged when three days of grace are over.
    let expected = [
        ("2024-03-01", "-", 100),
        ("2024-03-05", "-", -100),
        ("2024-03-05", "legal", 100),
        ("2024-03-13", "legal", -100),
    ];
    assert_eq!(told, expected.map(|(on, stage, amount)| (day(on), stage, amount)));
}

#[test]
fn a_promise_on_another_case_makes_a_call_one_with_a_promise_and_nothing_else() {
    let elsewhere = |id: &str, call: &str, when: &str| Activity {
        cases: vec![crate::domain::ids::CaseId::trusted("other")],
        parent: Some(ActivityId::trusted(call)),
        ..activity(id, at(when), promises(100, "2024-03-10"))
    };
    let with = |promised: &[Activity]| {
        let market = market();
        let case = case();
        let mut facts = Facts::default();
        let mut ledger = CaseLedger::open(&market, &case, &mut facts);
        let mut all = vec![activity("call", at("2024-03-01 10:00"), call())];
        all.extend(promised.iter().cloned());
        all.sort_by(|a, b| a.order().cmp(&b.order()));
        for one in &all {
            ledger.advance(&market, &case, one.occurred, &mut facts);
            if one.cases[0].as_str() == "other" {
                ledger.promised_elsewhere((&market, &case), one, &mut facts);
            } else {
                ledger.apply(&Context { market: &market, version: &case, lead: true }, one, &mut facts);
            }
        }
        ledger.advance(&market, &case, at("2024-12-31 12:00"), &mut facts);
        facts.iter().map(|fact| (fact.kind, fact.day)).collect::<Vec<_>>()
    };
    let without = with(&[]);
    // After the call, before it, twice, and too late.
    let after = elsewhere("1", "call", "2024-03-02 10:00");
    let before = elsewhere("2", "call", "2024-02-20 10:00");
    let late = elsewhere("3", "call", "2024-04-01 10:00");
    for (made, count) in [
        (vec![after.clone()], 1),
        (vec![before.clone()], 1),
        (vec![before, after], 1),
        (vec![late], 0),
        (vec![elsewhere("4", "unknown", "2024-03-02 10:00")], 0),
    ] {
        let told = with(&made);
        let more = |fact: &&(FactKind, i32)| fact.0 == FactKind::ContactWithPromise;
        assert_eq!(told.iter().filter(more).count(), count, "{made:?}");
        assert!(told.iter().filter(more).all(|(_, on)| *on == day("2024-03-01")));
        let rest: Vec<_> = told.iter().filter(|fact| !more(fact)).copied().collect();
        assert_eq!(rest, without);
    }
}
