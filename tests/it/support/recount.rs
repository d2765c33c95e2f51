//! What the figures must be, counted from the workload itself by plain loops: no window, cell or allocation code, and
//! nothing that the server said.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike};

use super::workload::{self, Kind, MARKETS, PER_CASE};
use fairdue::proto::v1;

/// Year and month in the market's zone.
pub type Month = (i32, u32);

/// Counts of one agent in one month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Contacts {
    pub attempts: i64,
    pub right_party: i64,
}

/// The figures of one market.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Distinct records that must be stored, voids among them.
    pub records: u64,
    /// Records that voids have removed.
    pub voided: u64,
    /// Minor units paid, by month.
    pub collected: BTreeMap<Month, i64>,
    /// Contacts by month and agent.
    pub contacts: BTreeMap<(Month, String), Contacts>,
    /// Promises made, by month.
    pub promises: BTreeMap<Month, i64>,
    /// Calls in the night that no void has removed, by their ids.
    pub night_calls: Vec<String>,
}

/// The month of an instant given in seconds from the workload's start.
fn month(seconds: i64, zone: chrono_tz::Tz) -> Month {
    let local = DateTime::from_timestamp(workload::START + seconds, 0).expect("an instant").with_timezone(&zone);
    (local.year(), local.month())
}

/// Counts the records of a market's cases.
pub fn count(market: usize, cases: impl Iterator<Item = u32>) -> Figures {
    let zone: chrono_tz::Tz = MARKETS[market].2.parse().expect("a zone");
    let mut figures = Figures::default();
    for case in cases.filter(|case| *case as usize % MARKETS.len() == market) {
        for number in 0..PER_CASE {
            figures.records += 1;
            if workload::is_voided(case, number) {
                figures.records += 1;
                figures.voided += 1;
                continue;
            }
            let month = month(workload::occurred(case, number), zone);
            match workload::kind(case, number) {
                Kind::Payment => *figures.collected.entry(month).or_default() += workload::amount(case, number),
                Kind::Promise => *figures.promises.entry(month).or_default() += 1,
                kind => {
                    let contacts = figures.contacts.entry((month, workload::agent_of(case, number))).or_default();
                    contacts.attempts += 1;
                    let call = matches!(kind, Kind::Call | Kind::NightCall);
                    let right = v1::Outcome::NoAnswer != workload::outcome(case, number);
                    contacts.right_party += i64::from(call && right);
                    if kind == Kind::NightCall {
                        figures.night_calls.push(workload::activity_id(case, number));
                    }
                }
            }
        }
    }
    figures.night_calls.sort_unstable();
    figures
}

/// A decimal text as minor units of a currency with two decimals, exactly.
pub fn minor(decimal: &str) -> Option<i64> {
    let (whole, part) = decimal.split_once('.').unwrap_or((decimal, ""));
    let part = part.trim_end_matches('0');
    let sign = if whole.starts_with('-') { -1 } else { 1 };
    let whole: i64 = whole.parse().ok()?;
    let cents: i64 =
        if part.is_empty() { 0 } else { format!("{part:0<2}").parse().ok().filter(|_| part.len() <= 2)? };
    Some(whole * 100 + sign * cents)
}

#[test]
fn decimals_become_minor_units() {
    let read = ["12", "12.5", "12.50", "-0.07", "3.071", "x"].map(minor);
    assert_eq!(read, [Some(1200), Some(1250), Some(1250), Some(-7), None, None]);
}

#[test]
fn the_workload_has_the_shares_it_says() {
    let cases = 4_000;
    let sent: usize = (0..MARKETS.len()).map(|market| workload::plan(market, cases).len()).sum();
    let all: Vec<Figures> = (0..MARKETS.len()).map(|market| count(market, 0..cases)).collect();
    let base = u64::from(cases * PER_CASE);
    let share = |part: u64| part * 1_000 / base;
    let voided: u64 = all.iter().map(|figures| figures.voided).sum();
    let night: u64 = all.iter().map(|figures| figures.night_calls.len() as u64).sum();
    let repeated = sent as u64 - base - voided;
    assert!((4..=6).contains(&share(voided)), "voids: {} per mille", share(voided));
    assert!((18..=22).contains(&share(repeated)), "repetitions: {} per mille", share(repeated));
    assert!((27..=33).contains(&share(night)), "night calls: {} per mille", share(night));
    let late = (0..cases).flat_map(|case| (0..PER_CASE).map(move |number| (case, number)));
    let first_sent: std::collections::HashMap<(u32, u32), i64> = (0..MARKETS.len())
        .flat_map(|market| workload::plan(market, cases))
        .rev()
        .map(|record| ((record.case, record.number), record.send))
        .collect();
    let late = late.filter(|key| first_sent[key] - workload::occurred(key.0, key.1) >= 86_400).count() as u64;
    assert!((8..=12).contains(&share(late)), "late: {} per mille", share(late));
}
