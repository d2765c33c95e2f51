//! Buckets of days past due: worked examples, and the same histories aged and followed day by day by the oracle.

use proptest::prelude::*;

use super::oracle::{Oracle, Shown};
use super::*;
use crate::domain::buckets::Buckets;
use crate::domain::detail::{AdjustmentKind, TransferKind};
use crate::domain::time::date_of_day;

/// Agent and client.
type Key = (String, String);
/// Group, bucket, where to.
type Move = (Key, String, String);

fn key(dims: &Dims) -> Key {
    let text = |part: &Option<std::sync::Arc<str>>| part.as_deref().unwrap_or_default().to_owned();
    (text(&dims.agent), text(&dims.client))
}

fn name(part: &Option<std::sync::Arc<str>>) -> String {
    part.as_deref().unwrap_or("none").to_owned()
}

/// Count and amount by group, zeros left out.
fn summed<K: Ord>(facts: impl Iterator<Item = (K, i64, i64)>) -> BTreeMap<K, (i64, i64)> {
    let mut sums: BTreeMap<K, (i64, i64)> = BTreeMap::new();
    for (key, count, amount) in facts {
        let sum = sums.entry(key).or_default();
        *sum = (sum.0 + count, sum.1 + amount);
    }
    sums.retain(|_, sum| *sum != (0, 0));
    sums
}

/// Every day's bucket, and every month's move, as the oracle has them.
pub(super) fn ages_agree(facts: &[Fact], oracle: &Oracle, days: &[(i32, Shown)]) -> Result<(), TestCaseError> {
    let signed = |fact: &Fact| (i64::from(fact.sign) * fact.count, i64::from(fact.sign) * fact.amount);
    let stood = |day: i32| {
        let at = days.iter().position(|(known, _)| *known == day)?;
        let (bucket, net) = oracle.stood.get(at)?.clone();
        Some((days[at].1.dims.clone(), bucket?, net))
    };
    for (day, _) in days {
        let aged = facts.iter().filter(|fact| fact.kind == FactKind::Aged && fact.day <= *day);
        let held = summed(aged.map(|fact| {
            let (count, amount) = signed(fact);
            ((key(&fact.dims), name(&fact.dims.bucket)), count, amount)
        }));
        let wanted = stood(*day).map(|(dims, bucket, net)| ((dims, bucket), (1, net)));
        prop_assert_eq!(held, wanted.into_iter().collect::<BTreeMap<_, _>>(), "buckets of day {}", day);
    }
    let buckets = Buckets::default();
    for (first, last) in [("2024-03-01", "2024-03-31"), ("2024-04-01", "2024-04-30"), ("2024-05-01", "2024-05-31")] {
        let month = day(first)..=day(last);
        let moved = facts.iter().filter(|fact| fact.kind == FactKind::AccountMoved && month.contains(&fact.day));
        let told = summed(moved.map(|fact| {
            let (count, amount) = signed(fact);
            let to = name(&fact.dims.to_bucket);
            let to = if buckets.names().any(|bucket| bucket == to) { to } else { "gone".to_owned() };
            ((key(&fact.dims), name(&fact.dims.bucket), to), count, amount)
        }));
        let end = stood(day(last)).map_or("gone".to_owned(), |(_, bucket, _)| bucket);
        let start = stood(day(first) - 1).filter(|(_, bucket, _)| *bucket != end);
        let wanted: BTreeMap<Move, _> =
            start.map(|(dims, bucket, net)| ((dims, bucket, end), (1, net))).into_iter().collect();
        prop_assert_eq!(told, wanted, "moves of the month from {}", first);
    }
    Ok(())
}

/// Day, bucket, where to, outcome, amount.
type Told = (String, String, String, String, i64);

fn told(folded: &Folded, kind: FactKind) -> Vec<Told> {
    let facts = folded.facts.iter().filter(|fact| fact.kind == kind);
    let shown = |fact: &Fact| {
        let dims = &fact.dims;
        let amount = fact.amount * i64::from(fact.sign);
        (date_of_day(fact.day).to_string(), name(&dims.bucket), name(&dims.to_bucket), name(&dims.state), amount)
    };
    facts.map(shown).collect()
}

fn row(day: &str, bucket: &str, to: &str, state: &str, amount: i64) -> Told {
    (day.to_owned(), bucket.to_owned(), to.to_owned(), state.to_owned(), amount)
}

fn case() -> CaseVersion {
    version("1", at("2024-01-10 09:00"), vec![claim("a", 10_000, Some("2024-01-31"))])
}

#[test]
fn an_account_grows_older_and_is_paid() {
    let folded = fold(&[case()], &[activity("1", at("2024-03-15 10:00"), pays(10_000))], at("2024-12-31 12:00"));
    assert_eq!(
        told(&folded, FactKind::BucketLeft),
        [
            row("2024-02-01", "0", "1-7", "rolled", 10_000),
            row("2024-02-08", "1-7", "8-30", "rolled", 10_000),
            row("2024-03-02", "8-30", "31-60", "rolled", 10_000),
            row("2024-03-15", "31-60", "paid", "paid", 10_000),
        ]
    );
    assert_eq!(
        told(&folded, FactKind::AccountMoved),
        [
            row("2024-02-01", "0", "1-7", "rolled", 10_000),
            row("2024-02-08", "0", "1-7", "rolled", -10_000),
            row("2024-02-08", "0", "8-30", "rolled", 10_000),
            row("2024-03-02", "8-30", "31-60", "rolled", 10_000),
            row("2024-03-15", "8-30", "31-60", "rolled", -10_000),
            row("2024-03-15", "8-30", "paid", "paid", 10_000),
        ]
    );
    let left: Vec<_> = folded.facts.iter().filter(|fact| fact.kind == FactKind::BucketLeft).collect();
    assert_eq!(left.iter().map(|fact| (fact.value, fact.amount2)).next_back(), Some((Some(65), 10_000)));
}

#[test]
fn an_account_leaves_by_what_was_done_to_it() {
    let adjusted = |adjustment| Detail::Adjustment { adjustment, amount: money(10_000), component: None };
    let transferred = |transfer| Detail::Transfer { transfer, to: None };
    for (detail, state) in [
        (pays(10_000), "paid"),
        (adjusted(AdjustmentKind::WriteOff), "written_off"),
        (adjusted(AdjustmentKind::SettlementDiscount), "settled"),
        (adjusted(AdjustmentKind::Cancellation), "cancelled"),
        (transferred(TransferKind::Recall), "recalled"),
        (transferred(TransferKind::Sell), "transferred"),
        (Detail::CaseStatus { closed: true, code: None }, "closed"),
    ] {
        let folded = fold(&[case()], &[activity("1", at("2024-02-15 10:00"), detail)], at("2024-12-31 12:00"));
        let last = told(&folded, FactKind::BucketLeft).pop();
        assert_eq!(last, Some(row("2024-02-15", "8-30", state, state, 10_000)));
        assert_eq!(folded.count(FactKind::Aged, "2024-12-31", |_| true), 0);
    }
    let discount =
        Detail::Adjustment { adjustment: AdjustmentKind::SettlementDiscount, amount: money(4_000), component: None };
    let both = [activity("1", at("2024-02-15 10:00"), discount), activity("2", at("2024-02-16 10:00"), pays(6_000))];
    let folded = fold(&[case()], &both, at("2024-12-31 12:00"));
    assert_eq!(told(&folded, FactKind::BucketLeft).pop(), Some(row("2024-02-16", "8-30", "settled", "settled", 6_000)));
}

#[test]
fn a_later_due_date_cures_and_the_group_of_the_month_s_beginning_is_told() {
    let mut moved = version("2", at("2024-02-20 09:00"), vec![claim("a", 10_000, Some("2024-01-31"))]);
    moved.claims[0].due_current = Some(date("2024-06-30"));
    moved.steering.agent = Some("bo".to_owned());
    let paid = [activity("1", at("2024-02-05 10:00"), pays(1_000))];
    let folded = fold(&[case(), moved], &paid, at("2024-06-01 12:00"));
    let facts: Vec<_> = folded.facts.iter().filter(|fact| fact.kind == FactKind::AccountMoved).collect();
    assert!(facts.iter().all(|fact| fact.dims.agent.as_deref() == Some("ann")), "{facts:?}");
    assert_eq!(told(&folded, FactKind::AccountMoved).iter().map(|one| one.4).sum::<i64>(), 0);
    assert_eq!(told(&folded, FactKind::BucketLeft).pop(), Some(row("2024-02-20", "8-30", "0", "cured", 9_000)));
}

#[test]
fn an_account_whose_payment_bounces_has_not_left_its_bucket() {
    let history = [
        activity("1", at("2024-03-15 10:00"), pays(10_000)),
        activity("2", at("2024-04-05 10:00"), reverses("1", 10_000)),
        activity("3", at("2024-04-20 10:00"), pays(10_000)),
    ];
    let left = |activities: usize| {
        let folded = fold(&[case()], &history[..activities], at("2024-04-25 12:00"));
        let all = told(&folded, FactKind::BucketLeft);
        all.into_iter().filter(|row| row.0.as_str() >= "2024-03-15").collect::<Vec<_>>()
    };
    let paid = |day: &str, bucket: &str, amount| row(day, bucket, "paid", "paid", amount);
    assert_eq!(left(1), [paid("2024-03-15", "31-60", 10_000)]);
    // It was never paid, and has grown older since.
    let bounced = [
        paid("2024-03-15", "31-60", 10_000),
        paid("2024-03-15", "31-60", -10_000),
        row("2024-04-05", "31-60", "61-90", "rolled", 10_000),
    ];
    assert_eq!(left(2), bounced);
    assert_eq!(left(3).last(), Some(&paid("2024-04-20", "61-90", 10_000)));
}
