//! Figures of accounts, payment sessions, visitors, conversions, purchases and cohorts against counts made from the records
//! alone, after histories with voids, corrections and late arrivals. `FAIRDUE_HISTORIES` sets how many histories are tried on
//! SQLite (default 30); PostgreSQL gets a quarter of them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;

use fairdue::clock::Clock;
use fairdue::config::Holder;
use fairdue::domain::vocabulary::Channel;
use fairdue::kpi::{self, Dimension, Exact, Grain, NoValue, Row, Shape};
use fairdue::query::KpiQuestion;

use super::cache::{Replica, configuration, try_prepared};
use super::deliver::{Act, key};
use super::generate::{History, long_after};
use super::recount::{Records, Span, prepared};
use super::recount_more::lengthened;
use crate::support::database::Backend;

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

async fn rows(replica: &Replica, kpi: &str, grain: Grain, span: (&str, &str), group_by: &[Dimension]) -> Vec<Row> {
    let query = kpi::Query {
        kpis: vec![kpi.to_owned()],
        grain,
        from: date(span.0),
        to: date(span.1),
        group_by: group_by.to_vec(),
        filters: Vec::new(),
    };
    let question = KpiQuestion { query, shape: Shape::default(), as_of: None, as_known_at: None, frozen: false };
    replica.ask(&question).await.rows
}

/// Which counts were ever above zero, so that the test is known to have compared something.
#[derive(Default)]
struct Seen(Cell<u64>);

impl Seen {
    fn note(&self, place: u32, count: i128) {
        if count != 0 {
            self.0.set(self.0.get() | 1 << place);
        }
    }
}

/// Holds numerator and denominator of a row against a count.
fn same(row: &Row, above: i128, below: Option<i128>, seen: &Seen, place: u32) -> Result<(), String> {
    let parts = (row.numerator, below.and(row.denominator));
    seen.note(place, above);
    if parts == (Some(Exact::whole(above)), below.map(Exact::whole)) {
        return Ok(());
    }
    Err(format!("counted {above} / {below:?}, answered {row:?}"))
}

const YEAR: (&str, &str) = ("2025-01-01", "2025-10-01");
const SPANS: [(&str, &str); 3] = [YEAR, ("2025-01-19", "2025-03-11"), ("2025-02-01", "2025-04-01")];

async fn accounts(replica: &Replica, records: &Records<'_>, seen: &Seen) -> Result<(), String> {
    for (grain, span) in [(Grain::Day, SPANS[1]), (Grain::Week, YEAR), (Grain::Month, YEAR), (Grain::Total, SPANS[1])] {
        for row in rows(replica, "penetration_rate", grain, span, &[]).await {
            let of: Span = (row.start, row.end);
            let all = |teams: BTreeMap<Option<&str>, i128>| teams.values().sum::<i128>();
            same(&row, all(records.attempted(of)), Some(all(records.on_hand(of))), seen, 0)?;
        }
    }
    type Count<'r> = &'r dyn Fn(Span) -> BTreeMap<Option<&'r str>, i128>;
    let counts: [(&str, Count<'_>); 5] = [
        ("accounts_attempted", &|span| records.attempted(span)),
        ("accounts_on_hand", &|span| records.on_hand(span)),
        ("landing_page_accounts", &|span| records.visited(span)),
        ("penetration_rate_call", &|span| records.attempted_by(Channel::Call, span)),
        ("penetration_rate_email", &|span| records.attempted_by(Channel::Email, span)),
    ];
    for (place, (kpi, count)) in [1, 2, 3, 14, 15].into_iter().zip(counts) {
        for (from, to) in SPANS {
            let counts = count((date(from), date(to))).into_iter();
            let mut expected: BTreeMap<_, _> = counts.map(|(team, count)| (team.map(str::to_owned), count)).collect();
            // Attempts and what is on hand may be of different teams, so that the rates are not told by team.
            if kpi.starts_with("penetration_rate") {
                let all: i128 = expected.values().sum();
                for row in rows(replica, kpi, Grain::Total, (from, to), &[]).await {
                    same(&row, all, None, seen, place)?;
                }
                continue;
            }
            for row in rows(replica, kpi, Grain::Total, (from, to), &[Dimension::Team]).await {
                let team = row.group.first().and_then(|team| team.as_deref()).map(str::to_owned);
                same(&row, expected.remove(&team).unwrap_or_default(), None, seen, place)?;
            }
            if !expected.is_empty() {
                return Err(format!("{kpi} has no row for {expected:?}"));
            }
        }
    }
    // By the day, too: in a month an agent whose only call of a day is voided has others.
    for (grain, span) in [(Grain::Day, SPANS[1]), (Grain::Month, YEAR)] {
        for row in rows(replica, "active_agents", grain, span, &[]).await {
            same(&row, records.active_agents((row.start, row.end)), None, seen, 4)?;
        }
    }
    Ok(())
}

async fn journeys(replica: &Replica, records: &Records<'_>, seen: &Seen) -> Result<(), String> {
    for (place, kpi) in [(1, "payment_abandonment_rate"), (2, "payment_failure_rate")] {
        for row in rows(replica, kpi, Grain::Month, YEAR, &[]).await {
            let counts = records.sessions((row.start, row.end));
            same(&row, counts[place], Some(counts[0]), seen, 4 + place as u32)?;
        }
    }
    let conversions = [("landing_page_conversion", 7), ("landing_page_conversion_30d", 30)];
    for (place, (kpi, days)) in (7..).zip(conversions) {
        for row in rows(replica, kpi, Grain::Month, YEAR, &[]).await {
            let [all, paid] = records.visitors((row.start, row.end), days);
            same(&row, paid, Some(all), seen, place)?;
        }
    }
    let conversions = [("message_conversion_rate", 7), ("message_conversion_rate_30d", 30)];
    for (place, (kpi, days)) in (9..).zip(conversions) {
        for row in rows(replica, kpi, Grain::Month, YEAR, &[]).await {
            let [all, paid] = records.messages((row.start, row.end), days);
            same(&row, paid, Some(all), seen, place)?;
        }
    }
    Ok(())
}

/// Addresses reached of those that messages went to; nobody knows where nobody reports what became of the messages.
fn delivered(row: &Row, [sent, reached, reports]: [i128; 3], seen: &Seen) -> Result<(), String> {
    if sent == 0 || reports != 0 {
        return same(row, reached, Some(sent), seen, 16);
    }
    let parts = (row.value, row.numerator, row.denominator);
    if (parts, row.no_value) == ((None, None, None), Some(NoValue::MissingInput)) {
        return Ok(());
    }
    Err(format!("of {sent} addresses nobody reports, answered {row:?}"))
}

async fn more(replica: &Replica, records: &Records<'_>, seen: &Seen) -> Result<(), String> {
    for (from, to) in SPANS {
        for row in rows(replica, "delivery_rate_addresses", Grain::Total, (from, to), &[]).await {
            delivered(&row, records.addresses((date(from), date(to))), seen)?;
        }
    }
    for row in rows(replica, "delivery_rate_addresses", Grain::Week, YEAR, &[]).await {
        delivered(&row, records.addresses((row.start, row.end)), seen)?;
    }
    for row in rows(replica, "open_to_pay_p50", Grain::Month, YEAR, &[]).await {
        // Payments may still follow what was opened in the last month.
        if row.no_value == Some(NoValue::Immature) && row.end == date(YEAR.1) {
            continue;
        }
        let (count, told) = (records.opened_and_paid((row.start, row.end)), row.sample_size.unwrap_or_default());
        seen.note(17, count);
        if told != count {
            return Err(format!("counted {count} messages opened and paid, answered {row:?}"));
        }
    }
    for row in rows(replica, "call_to_promise", Grain::Month, YEAR, &[]).await {
        let [all, promised] = records.calls_promised((row.start, row.end));
        same(&row, promised, Some(all), seen, 25)?;
    }
    for (place, (kpi, days)) in (18..).zip([("repeat_failed_payers", 7), ("repeat_failed_payers_30d", 30)]) {
        for row in rows(replica, kpi, Grain::Month, YEAR, &[]).await {
            same(&row, records.failed_again((row.start, row.end), days), None, seen, place)?;
        }
    }
    for row in rows(replica, "amortisation", Grain::Month, YEAR, &[]).await {
        let count = records.amortised((row.start, row.end));
        if row.currency.is_some() || count != 0 {
            same(&row, count, None, seen, 20)?;
        }
    }
    Ok(())
}

/// Percentiles against sorted values, a dimension that later versions change, and stocks against the flows that make them.
async fn values(replica: &Replica, records: &Records<'_>, seen: &Seen) -> Result<(), String> {
    for (place, (kpi, percent)) in (21..).zip([("handle_time_p50", 50), ("handle_time_p90", 90)]) {
        for row in rows(replica, kpi, Grain::Month, YEAR, &[]).await {
            let lengths = records.call_lengths((row.start, row.end));
            let exact = lengths.get((lengths.len() * percent).div_ceil(100).saturating_sub(1)).copied();
            let told = row.numerator.map(Exact::numerator);
            seen.note(place, exact.unwrap_or_default().into());
            // Told to a 64th; what is below 64 seconds, exactly.
            let near = |exact: i64, told: i128| (told - i128::from(exact)).abs() * 64 <= i128::from(exact);
            let same = match (exact, told) {
                (Some(exact), Some(told)) => near(exact, told),
                (exact, told) => exact.is_none() && told.is_none(),
            };
            if !same || row.sample_size.unwrap_or_default() != lengths.len() as i128 {
                return Err(format!("{exact:?} of {} calls, answered {row:?}", lengths.len()));
            }
        }
    }
    for (from, to) in SPANS {
        let counts = records.messages_by_segment((date(from), date(to))).into_iter();
        let mut expected: BTreeMap<_, _> = counts.map(|(name, count)| (name.map(str::to_owned), count)).collect();
        for row in rows(replica, "message_conversion_rate", Grain::Total, (from, to), &[Dimension::Segment]).await {
            let segment = row.group.first().and_then(|segment| segment.as_deref()).map(str::to_owned);
            let count = expected.remove(&segment).unwrap_or_default();
            seen.note(23, if segment.is_some() { count } else { 0 });
            if row.denominator != Some(Exact::whole(count)) {
                return Err(format!("{count} messages of {segment:?}, answered {row:?}"));
            }
        }
        if !expected.is_empty() {
            return Err(format!("messages of {expected:?} are in no row"));
        }
    }
    // What is owed less what is owed to debtors is what came in less what went out.
    let mut stocks: BTreeMap<NaiveDate, [i128; 3]> = BTreeMap::new();
    for (place, kpi) in ["receivables", "credit_balances", "balance_closing"].into_iter().enumerate() {
        for row in rows(replica, kpi, Grain::Day, SPANS[1], &[]).await {
            if let (Some(value), Some(stock)) = (row.numerator, stocks.entry(row.start).or_default().get_mut(place)) {
                *stock = value.numerator();
            }
        }
    }
    for (day, [owed, credit, balance]) in stocks {
        seen.note(24, owed);
        if owed - credit != balance {
            return Err(format!(
                "at the end of {day} {owed} is owed and {credit} in credit, and the balance is {balance}"
            ));
        }
    }
    Ok(())
}

/// Days of placement.
const PLACED: (&str, &str) = ("2024-11-01", "2025-02-01");

async fn cohorts(replica: &Replica, records: &Records<'_>, seen: &Seen) -> Result<(), String> {
    for (kpi, below) in [("cash_multiple", 1), ("collected_on_face", 2)] {
        for row in rows(replica, kpi, Grain::Month, PLACED, &[]).await {
            let sums = records.bought((row.start, row.end));
            if row.currency.is_some() && sums[below] != 0 {
                same(&row, sums[0], Some(sums[below]), seen, 11)?;
            }
        }
    }
    let mut told = 0;
    for row in rows(replica, "liquidation_curve", Grain::Month, PLACED, &[Dimension::MonthsSince]).await {
        let month: u32 = row.group[0].as_deref().and_then(|month| month.parse().ok()).expect("a month");
        // The histories end 350 days after the last cohort came in.
        if row.no_value == Some(NoValue::Immature) && month >= 10 {
            continue;
        }
        told += 1;
        let [collected, placed] = records.liquidated((row.start, row.end), month + 1);
        same(&row, collected, Some(placed), seen, 12)?;
    }
    for row in rows(replica, "liquidation_6m", Grain::Month, PLACED, &[]).await {
        let [collected, placed] = records.liquidated((row.start, row.end), 6);
        same(&row, collected, Some(placed), seen, 13)?;
    }
    if told < 30 { Err(format!("only {told} months of curves are told")) } else { Ok(()) }
}

async fn counted(url: &str, holder: &Arc<Holder>, history: &History, acts: &[Act], seen: &Seen) -> Result<(), String> {
    let (clock, _hand) = Clock::manual(long_after());
    let mut replica = Replica::start(url, holder, clock.clone()).await;
    for act in acts {
        let Some(work) = act.work() else {
            replica = Replica::start(url, holder, clock.clone()).await;
            continue;
        };
        let key = key();
        let all = work.into_iter().map(|one| replica.markets.submit(&key, one));
        futures::future::join_all(all).await.into_iter().for_each(|done| drop(done.expect("a commit")));
    }
    let zone = holder.get().market(&key().tenant, &key().market).expect("the market").zone;
    let records = Records::of(history, zone);
    accounts(&replica, &records, seen).await?;
    journeys(&replica, &records, seen).await?;
    more(&replica, &records, seen).await?;
    values(&replica, &records, seen).await?;
    cohorts(&replica, &records, seen).await
}

fn figures_are_what_records_give(backend: Backend, cases: u32) {
    let (_directory, holder) = configuration("64");
    let (holder, seen) = (&holder, &Seen::default());
    try_prepared(
        backend,
        cases,
        |history| lengthened(prepared(history)),
        |url, history, acts, _| async move { counted(&url, holder, &history, &acts, seen).await },
    );
    if cases >= 15 {
        assert_eq!(seen.0.get(), (1 << 26) - 1, "some counts were zero in all histories");
    }
}

#[test]
fn figures_are_what_records_give_on_sqlite() {
    figures_are_what_records_give(Backend::Sqlite, super::histories().div_ceil(2));
}

#[test]
fn figures_are_what_records_give_on_postgres() {
    figures_are_what_records_give(Backend::Postgres, super::histories().div_ceil(6));
}
