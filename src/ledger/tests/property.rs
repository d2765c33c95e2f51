//! Random histories: folded in one go, folded with time let pass at random instants, and counted by the oracle.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::history::{DAYS, FIRST, History, history};
use super::oracle::{Oracle, Shown};
use super::*;
use crate::domain::detail::TransferKind;
use crate::domain::fact::flag;
use crate::domain::facts::Kinds;
use crate::domain::vocabulary::Component;

/// Folds the history; with ticks, time also passes at each of them, and the state is copied there.
fn folded(history: &History, ticks: &[Timestamp]) -> Folded {
    folded_taking(history, ticks, Kinds::ALL)
}

/// The same with facts of some kinds alone.
fn folded_taking(history: &History, ticks: &[Timestamp], kinds: Kinds) -> Folded {
    enum Step<'a> {
        Version(&'a CaseVersion),
        Activity(&'a Activity),
    }
    let market = &history.market;
    let mut steps: Vec<(Timestamp, u8, String, Step)> = Vec::new();
    for version in &history.versions[1..] {
        steps.push((version.effective, 0, version.version.as_str().to_owned(), Step::Version(version)));
    }
    for activity in &history.activities {
        steps.push((activity.occurred, 1, activity.id.as_str().to_owned(), Step::Activity(activity)));
    }
    steps.sort_by(|a, b| (a.0, a.1, &a.2).cmp(&(b.0, b.1, &b.2)));
    let mut facts = Facts::default();
    facts.take_only(kinds);
    let mut current = &history.versions[0];
    let mut ledger = CaseLedger::open(market, current, &mut facts);
    let mut ticks = ticks.iter().peekable();
    for (at, _, _, step) in &steps {
        while let Some(tick) = ticks.next_if(|tick| *tick <= at) {
            ledger = ledger.clone();
            ledger.advance(market, current, *tick, &mut facts);
        }
        ledger.advance(market, current, *at, &mut facts);
        match step {
            Step::Version(next) => {
                ledger.version(market, current, next, &mut facts);
                current = next;
            }
            Step::Activity(activity) => {
                ledger.apply(&Context { market, version: current, lead: true }, activity, &mut facts);
            }
        }
    }
    for tick in ticks {
        ledger.advance(market, current, *tick, &mut facts);
    }
    // To the end of the last day that is counted: an account that is never paid grows older beyond it.
    let end = Timestamp::start_of(crate::domain::time::date_of_day(last_day() + 1), market.zone);
    ledger.advance(market, current, end.plus(-1), &mut facts);
    Folded { ledger, facts }
}

/// The last day that is counted.
fn last_day() -> i32 {
    day_number(date(FIRST)) - 1 + DAYS as i32 * 2 + 10
}

/// The oracle's answer: what the case shows at the end of each day.
fn counted(history: &History) -> (Oracle, Vec<(i32, Shown)>) {
    let local = |at: Timestamp| day_number(at.utc().with_timezone(&history.market.zone).date_naive());
    let first = &history.versions[0];
    let earliest = history.activities.iter().map(|activity| activity.occurred).min();
    let begins = first.placement.placed.unwrap_or(first.effective.min(earliest.unwrap_or(first.effective)));
    let mut oracle = Oracle::new(&history.market);
    oracle.versioned(None, first);
    let mut steps: Vec<(Timestamp, u8, usize)> = vec![(begins, 0, 0)];
    steps.extend(history.versions.iter().enumerate().skip(1).map(|(at, version)| (version.effective, 1, at)));
    steps.extend(history.activities.iter().enumerate().map(|(at, activity)| (activity.occurred, 2, at)));
    steps.sort();
    let mut steps = steps.into_iter().peekable();
    let (mut current, mut came, mut days) = (first, false, Vec::new());
    let from = day_number(date(FIRST)) - 1;
    for day in from..=last_day() {
        oracle.begins(day);
        oracle.look(day, None);
        while let Some((at, kind, index)) = steps.next_if(|(at, ..)| local(*at) == day) {
            let mut by = None;
            oracle.pass(at);
            oracle.rested(day);
            oracle.look(day, None);
            match kind {
                0 if came => {}
                0 => oracle.came(),
                1 => {
                    let next = &history.versions[index];
                    oracle.versioned(Some(current), next);
                    current = next;
                }
                _ => {
                    let activity = &history.activities[index];
                    let place = [TransferKind::Place, TransferKind::MoveIn];
                    if let Detail::Transfer { transfer, .. } = &activity.detail {
                        came |= place.contains(transfer);
                    }
                    oracle.happened(current, activity, day);
                    by = Some(activity);
                }
            }
            oracle.rested(day);
            oracle.look(day, by);
        }
        oracle.pass(Timestamp::start_of(crate::domain::time::date_of_day(day + 1), history.market.zone).plus(-1));
        oracle.rested(day);
        oracle.look(day, None);
        days.push((day, oracle.shown(day, current)));
        oracle.note(day);
    }
    assert!(steps.next().is_none(), "a step lies outside the days counted");
    (oracle, days)
}

type Key = (String, String);

fn key(dims: &Dims) -> Key {
    let text = |part: &Option<std::sync::Arc<str>>| part.as_deref().unwrap_or_default().to_owned();
    (text(&dims.agent), text(&dims.client))
}

/// Closing stocks by dimensions, day by day, as the facts have them.
fn stocks_agree(facts: &[Fact], days: &[(i32, Shown)]) -> Result<(), TestCaseError> {
    let mut closing: BTreeMap<Key, Shown> = BTreeMap::new();
    let mut flows: BTreeMap<Key, i64> = BTreeMap::new();
    let mut left = 0;
    let known = days.first().unwrap().0..=days.last().unwrap().0;
    prop_assert!(facts.iter().all(|fact| known.contains(&fact.day)), "a fact lies outside the days counted");
    for (day, shown) in days {
        for fact in facts.iter().filter(|fact| fact.day == *day) {
            let (amount, count) = (i64::from(fact.sign) * fact.amount, i64::from(fact.sign) * fact.count);
            let stock = closing.entry(key(&fact.dims)).or_default();
            let flow = flows.entry(key(&fact.dims)).or_default();
            // What happens on a case that has left is in no balance here.
            let flow = if fact.flags & flag::AFTER_RECALL == 0 { flow } else { &mut left };
            match fact.kind {
                FactKind::Receivable => stock.receivable += amount,
                FactKind::ReceivableCurrent => stock.current += amount,
                FactKind::ReceivableUndated => stock.undated += amount,
                FactKind::CreditBalance => stock.credit += amount,
                FactKind::OpenAccounts => stock.open += count,
                FactKind::OverdueAccounts => stock.overdue += count,
                FactKind::Placed | FactKind::MovedIn | FactKind::Interest | FactKind::Charge | FactKind::WrittenUp => {
                    *flow += amount;
                }
                FactKind::PaymentReversed => *flow += amount,
                FactKind::Payment
                | FactKind::WrittenOff
                | FactKind::Discount
                | FactKind::Recalled
                | FactKind::Cancelled
                | FactKind::MovedOut => *flow -= amount,
                _ => {}
            }
        }
        let mut held = Shown::default();
        for (group, stock) in &closing {
            let least = [stock.receivable, stock.current, stock.undated, stock.credit, stock.open, stock.overdue];
            prop_assert!(least.iter().all(|part| *part >= 0), "day {day}: {group:?} has {stock:?}");
            let identity = flows.get(group).copied().unwrap_or_default();
            prop_assert_eq!(stock.receivable - stock.credit, identity, "identity of {:?} on day {}", group, day);
            if *stock != Shown::default() {
                prop_assert_eq!(&held, &Shown::default(), "two groups hold the case on day {}", day);
                held = Shown { dims: group.clone(), ..stock.clone() };
            }
        }
        let wanted = if (Shown { dims: Key::default(), ..shown.clone() }) == Shown::default() {
            Shown::default()
        } else {
            shown.clone()
        };
        prop_assert_eq!(held, wanted, "stocks of day {}", day);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_not_counted_is_left_out_and_nothing_else(history in history(), some in any::<u128>()) {
        let all = folded(&history, &[]);
        let some = |kind: FactKind| some >> (kind as u32) & 1 == 1;
        let kinds = FactKind::ALL.iter().copied().filter(|kind| some(*kind)).collect();
        let left = folded_taking(&history, &[], kinds);
        let wanted: Vec<&Fact> = all.facts.iter().filter(|fact| some(fact.kind)).collect();
        prop_assert_eq!(left.facts.iter().collect::<Vec<_>>(), wanted);
        prop_assert_eq!(all.ledger.balance(), left.ledger.balance());
        // Who asks for a dimension that a kind never has is told so.
        for fact in &all.facts {
            let (dims, kind) = (&fact.dims, fact.kind);
            prop_assert!(dims.bucket.is_none() || kind.has_bucket(), "{fact:?}");
            prop_assert!(dims.to_bucket.is_none() || kind.has_to_bucket(), "{fact:?}");
            prop_assert!((dims.rule.is_none() && dims.jurisdiction.is_none()) || kind.has_rule(), "{fact:?}");
            prop_assert!(dims.source.is_none() || kind.has_source(), "{fact:?}");
            prop_assert!(fact.hour.is_none() || kind.has_hour(), "{fact:?}");
        }
    }

    #[test]
    fn the_fold_equals_the_count_whenever_time_is_let_pass(history in history()) {
        let once = folded(&history, &[]);
        let ticked = folded(&history, &history.ticks);
        prop_assert_eq!(&once.facts, &ticked.facts);
        prop_assert_eq!(once.ledger.balance(), ticked.ledger.balance());
        let (oracle, days) = counted(&history);
        stocks_agree(&once.facts, &days)?;
        let balance = once.ledger.balance();
        let owed = [Component::Principal, Component::Interest, Component::Cost].map(|part| oracle.owed(part));
        prop_assert_eq!([balance.principal, balance.interest, balance.cost], owed);
        prop_assert_eq!(balance.credit, oracle.credit());
        super::ageing::ages_agree(&once.facts, &oracle, &days)?;
        super::past_due::times_agree(&once.facts, &oracle)?;
        promises_agree(&once, &oracle)?;
        super::debtor::debtors_agree(&once, &history)?;
        agreements_agree(&once, &oracle)?;
        conversions_agree(&once, &oracle)?;
        collected_agrees(&once, &oracle)?;
    }
}

fn promises_agree(folded: &Folded, oracle: &Oracle) -> Result<(), TestCaseError> {
    let ours: Vec<_> = folded
        .ledger
        .promises()
        .iter()
        .map(|promise| {
            (promise.id.as_str().to_owned(), promise.state.as_str(), promise.paid_in_time, promise.paid_late)
        })
        .collect();
    let theirs: Vec<_> =
        oracle.pledges.iter().map(|pledge| (pledge.id.clone(), pledge.shown(), pledge.in_time, pledge.late)).collect();
    prop_assert_eq!(ours, theirs);
    let mut ours: BTreeMap<_, i32> = BTreeMap::new();
    for fact in folded.facts.iter().filter(|fact| fact.kind == FactKind::PromiseJudged) {
        let state = fact.dims.state.clone().unwrap().to_string();
        *ours.entry((fact.day, state, fact.amount, fact.amount2, fact.value)).or_default() += i32::from(fact.sign);
    }
    ours.retain(|_, count| *count != 0);
    let mut theirs: BTreeMap<_, i32> = BTreeMap::new();
    for (day, state, amount, in_time, days) in oracle.judged() {
        *theirs.entry((day, state.to_owned(), amount, in_time, days)).or_default() += 1;
    }
    prop_assert_eq!(ours, theirs);
    kept_agree(folded, oracle)?;
    // What is open of promises stands with one client, the case's.
    let mut open: BTreeMap<_, i64> = BTreeMap::new();
    for fact in folded.facts.iter().filter(|fact| fact.kind == FactKind::PromiseOpen) {
        *open.entry(fact.dims.client.clone()).or_default() += i64::from(fact.sign) * fact.amount;
    }
    open.retain(|_, amount| *amount != 0);
    prop_assert!(open.len() <= 1, "{open:?}");
    let still = folded.ledger.promises().iter().filter(|promise| promise.is_open());
    prop_assert_eq!(open.values().sum::<i64>(), still.map(|promise| promise.amount).sum::<i64>());
    Ok(())
}

/// Of the days on which the account kept a promise each says how long ago the one before was; what became of what was expected.
fn kept_agree(folded: &Folded, oracle: &Oracle) -> Result<(), TestCaseError> {
    let judged = oracle.judged();
    let mut days: Vec<i32> = judged.iter().filter(|one| one.1 == "kept").map(|one| one.0).collect();
    days.sort_unstable();
    days.dedup();
    let before = std::iter::once(None).chain(days.iter().map(|day| Some(*day)));
    let theirs: Vec<_> =
        before.zip(&days).map(|(from, day)| ((*day, from.map(|from| i64::from(day - from))), 1)).collect();
    let mut ours: BTreeMap<_, i32> = BTreeMap::new();
    let seen = |fact: &&Fact| fact.kind == FactKind::AccountSeen && fact.dims.state.as_deref() == Some("promise_kept");
    for fact in folded.facts.iter().filter(seen) {
        *ours.entry((fact.day, fact.value)).or_default() += i32::from(fact.sign);
    }
    ours.retain(|_, count| *count != 0);
    prop_assert_eq!(ours.into_iter().collect::<Vec<_>>(), theirs);
    let expected = |fact: &&Fact| fact.kind == FactKind::CashExpected && fact.dims.state.as_deref() == Some("promise");
    let came = folded.facts.iter().filter(expected).map(|fact| fact.amount2 * i64::from(fact.sign));
    prop_assert_eq!(came.sum::<i64>(), judged.iter().map(|one| one.3).sum::<i64>());
    Ok(())
}

/// Facts of a kind: day, state, amounts, sorted.
fn told(folded: &Folded, kind: FactKind) -> Vec<(i32, String, i64, i64)> {
    let of = |fact: &&Fact| fact.kind == kind;
    let state = |fact: &Fact| fact.dims.state.as_deref().unwrap_or("made").to_owned();
    let mut found: Vec<_> = folded
        .facts
        .iter()
        .filter(of)
        .map(|fact| (fact.day, state(fact), fact.amount * i64::from(fact.sign), fact.amount2))
        .collect();
    found.sort();
    found
}

/// The same of what was not taken back.
fn left(folded: &Folded, kind: FactKind) -> Vec<(i32, String, i64, i64)> {
    let mut counts: BTreeMap<_, i32> = BTreeMap::new();
    for fact in folded.facts.iter().filter(|fact| fact.kind == kind) {
        let state = fact.dims.state.clone().unwrap().to_string();
        *counts.entry((fact.day, state, fact.amount, fact.amount2)).or_default() += i32::from(fact.sign);
    }
    let times = |count| usize::try_from(count).expect("nothing is taken back that was not told");
    counts.into_iter().flat_map(|(one, count)| std::iter::repeat_n(one, times(count))).collect()
}

fn agreements_agree(folded: &Folded, oracle: &Oracle) -> Result<(), TestCaseError> {
    let owned = |list: &[(i32, &'static str, i64, i64)]| {
        let mut list: Vec<_> = list.iter().map(|(day, state, a, b)| (*day, (*state).to_owned(), *a, *b)).collect();
        list.sort();
        list
    };
    let ended: Vec<_> = oracle.ended.iter().map(|(day, state, amount)| (*day, *state, *amount, 0)).collect();
    prop_assert_eq!(told(folded, FactKind::PromiseEnded), owned(&ended));
    prop_assert_eq!(left(folded, FactKind::InstalmentJudged), owned(&oracle.agreed.instalments(&oracle.payments())));
    prop_assert_eq!(left(folded, FactKind::Settlement), owned(&oracle.agreed.settlements()));
    let mut beyond: BTreeMap<String, i64> = BTreeMap::new();
    for fact in folded.facts.iter().filter(|fact| fact.kind == FactKind::ReversedBeyond) {
        let state = fact.dims.state.as_deref().unwrap_or_default().to_owned();
        *beyond.entry(state).or_default() += fact.amount * i64::from(fact.sign);
    }
    beyond.retain(|_, units| *units != 0);
    prop_assert_eq!(beyond, oracle.beyond());
    let mut plans = told(folded, FactKind::PlanMade);
    plans.iter_mut().for_each(|plan| plan.2 = 0);
    plans.extend(told(folded, FactKind::PlanEnded));
    plans.sort();
    let counted: Vec<_> = oracle.agreed.plans.iter().map(|(day, state)| (*day, *state, 0, 0)).collect();
    prop_assert_eq!(plans, owned(&counted));
    Ok(())
}

/// What led to payments, of which something is left.
fn conversions_agree(folded: &Folded, oracle: &Oracle) -> Result<(), TestCaseError> {
    let kinds = [FactKind::ContactPaid, FactKind::OpenedPaid, FactKind::VisitorPaid, FactKind::PayerRecovered];
    let mut counts: BTreeMap<_, i32> = BTreeMap::new();
    for fact in folded.facts.iter().filter(|fact| kinds.contains(&fact.kind)) {
        let alike = format!("{:?} {} {:?} {:?}", fact.hour, fact.flags, fact.placed, fact.dims);
        *counts.entry((fact.kind.as_str(), fact.day, fact.value, alike)).or_default() += i32::from(fact.sign);
    }
    prop_assert!(counts.values().all(|count| *count >= 0), "taken back otherwise than told: {:?}", counts);
    let mut ours = Vec::new();
    for ((kind, day, value, _), count) in counts {
        ours.extend((0..count).map(|_| (kind, day, value.unwrap_or(-1))));
    }
    ours.sort_unstable();
    prop_assert_eq!(ours, oracle.conversions());
    Ok(())
}

/// Collected net by agent, and allocations that add to it; and what is left of the parts of a day's payments, which is never
/// less than nothing, whatever group and days it is of.
fn collected_agrees(folded: &Folded, oracle: &Oracle) -> Result<(), TestCaseError> {
    let mut ours: BTreeMap<String, i64> = BTreeMap::new();
    let mut allocated: BTreeMap<String, i64> = BTreeMap::new();
    let mut parts: BTreeMap<String, i64> = BTreeMap::new();
    let mut weights: BTreeMap<String, i64> = BTreeMap::new();
    for fact in &folded.facts {
        let agent = key(&fact.dims).0;
        match fact.kind {
            FactKind::Payment => *ours.entry(agent).or_default() += fact.amount,
            FactKind::PaymentReversed => *ours.entry(agent).or_default() -= fact.amount,
            FactKind::Allocation => *allocated.entry(agent).or_default() += fact.amount,
            FactKind::PaymentPart => {
                let weighed = format!("{} {:?} {:?} {:?}", fact.day, fact.days_due, fact.days_invoice, fact.dims);
                *weights.entry(weighed).or_default() += fact.amount;
                *parts.entry(agent).or_default() += fact.amount;
            }
            _ => {}
        }
    }
    let some = |map: &BTreeMap<String, i64>| -> BTreeMap<String, i64> {
        map.iter().filter(|(_, sum)| **sum != 0).map(|(agent, sum)| (agent.clone(), *sum)).collect()
    };
    prop_assert_eq!(some(&ours), some(&oracle.collected));
    prop_assert_eq!(some(&ours), some(&allocated));
    prop_assert_eq!(some(&ours), some(&parts));
    prop_assert_eq!(weights.into_iter().find(|(_, left)| *left < 0), None);
    Ok(())
}
