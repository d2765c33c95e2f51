//! Figures taken apart and asked again: the records behind a figure add up to it, the history told again gives what the
//! cells give, and what was answered once is answered again as known then. `FAIRDUE_HISTORIES` sets how many histories
//! are tried on SQLite (default 30); PostgreSQL gets a quarter of them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use fairdue::clock::Clock;
use fairdue::config::Holder;
use fairdue::domain::time::{SECOND, day_number};
use fairdue::kpi::drill::{Contribution, Figure};
use fairdue::kpi::{self, Dimension, Exact, Grain, NoValue, Period, Row, Shape};
use fairdue::query::{FigureSource, KpiQuestion};

use super::cache::{Replica, configuration, reader, try_histories};
use super::deliver::{Act, Dice, key};
use super::generate::long_after;
use crate::support::database::Backend;

/// KPIs of every form, with what they are grouped by here.
const KPIS: [(&str, &[Dimension]); 21] = [
    ("rpc_rate", &[Dimension::Agent]),
    ("recovery_rate", &[]),
    ("payments", &[Dimension::Agent]),
    ("balance_closing", &[Dimension::Client]),
    ("cei_classic", &[]),
    ("active_agents", &[]),
    ("ptp_broken_rate", &[]),
    ("dso_due", &[]),
    ("compliance_rate", &[]),
    ("calls_outbound", &[Dimension::Team]),
    ("handle_time_p90", &[]),
    ("headcount", &[]),
    ("resolution_rate_adjusted", &[]),
    ("accounts_attempted", &[Dimension::Team]),
    ("penetration_rate", &[]),
    ("liquidation_curve", &[Dimension::MonthsSince]),
    ("liquidation_6m", &[]),
    ("days_to_collect_p50", &[]),
    ("cash_expected", &[Dimension::Agent]),
    ("open_items_age", &[]),
    ("notice_timeliness", &[Dimension::Rule]),
];

fn question(kpis: &[&str], group_by: &[Dimension], grain: Grain) -> KpiQuestion {
    let date = |text: &str| text.parse().expect("a date");
    let query = kpi::Query {
        kpis: kpis.iter().map(|id| (*id).to_owned()).collect(),
        grain,
        from: date("2025-01-01"),
        to: date("2025-05-01"),
        group_by: group_by.to_vec(),
        filters: Vec::new(),
    };
    KpiQuestion { query, shape: Shape::default(), as_of: None, as_known_at: None, frozen: false }
}

/// Every record behind a row, in pages of seven.
async fn records(replica: &Replica, group_by: &[Dimension], row: &Row) -> Result<(), String> {
    let group = group_by.iter().zip(row.group.iter());
    let figure = Figure {
        kpi: row.kpi.to_string(),
        period: Period { start: day_number(row.start), end: day_number(row.end), whole: row.whole_period },
        running_from: day_number(row.start),
        group: group.map(|(dimension, value)| (*dimension, value.as_deref().map(str::to_owned))).collect(),
        filters: Vec::new(),
        currency: row.currency,
        case_dimensions: Default::default(),
    };
    let (mut from, mut seen) = (None, Vec::new());
    let (mut above, mut below) = (Some(Exact::ZERO), Some(Exact::ZERO));
    let mut counted = Contribution::default();
    let add = |sum: Option<Exact>, text: Option<String>| sum?.add(Exact::parse(&text?)?);
    let drill = loop {
        let page = replica.query.drill_down(&reader(), &key().market, figure.clone(), from, 7).await;
        let page = page.map_err(|error| error.to_string())?;
        if page.records.len() > 7 {
            return Err(format!("{} records on a page of 7", page.records.len()));
        }
        for record in page.records {
            above = add(above, page.drill.numerator(&record.given));
            below = add(below, page.drill.denominator(&record.given));
            counted.merge(&record.given);
            seen.push(record.origin);
        }
        from = page.next;
        if from.is_none() {
            break page.drill;
        }
    };
    let mut distinct = seen.clone();
    distinct.dedup();
    if distinct.len() != seen.len() {
        return Err(format!("a record came twice: {seen:?}"));
    }
    let same = |sum: Option<Exact>, text: Option<String>| match (sum, text.as_deref().and_then(Exact::parse)) {
        (Some(sum), Some(of_row)) => sum == of_row,
        // Distinct counts and the like: the parts all together make the figure.
        (None, _) => true,
        (Some(sum), None) => sum.is_zero(),
    };
    // All contributions as one must make the same numerator as one by one, and the row's, if it tells one: a row whose input is
    // missing does not, though there are records.
    let whole = drill.numerator(&counted);
    let parts = [(above, row.numerator_text()), (below, row.denominator_text())];
    let of_row = row.no_value == Some(NoValue::MissingInput) || parts.into_iter().all(|(sum, text)| same(sum, text));
    if !of_row || !same(above, whole) {
        return Err(format!("{above:?} / {below:?} of {} records against {row:?}", seen.len()));
    }
    if row.numerator.is_some_and(|sum| !sum.is_zero()) && seen.is_empty() {
        return Err(format!("no record behind {row:?}"));
    }
    Ok(())
}

async fn told_again(url: &str, holder: &Arc<Holder>, acts: &[Act], seed: u64) -> Result<(), String> {
    let (clock, hand) = Clock::manual(long_after());
    let mut replica = Replica::start(url, holder, clock.clone()).await;
    let mut dice = Dice::new(seed);
    let mut answered = Vec::new();
    for act in acts {
        let Some(work) = act.work() else {
            replica = Replica::start(url, holder, clock.clone()).await;
            continue;
        };
        let key = key();
        let all = work.into_iter().map(|one| replica.markets.submit(&key, one));
        futures::future::join_all(all).await.into_iter().for_each(|done| drop(done.expect("a commit")));
        if dice.below(3) == 0 {
            let (kpi, group_by) = KPIS[dice.below(KPIS.len())];
            let asked = question(&[kpi], group_by, Grain::Month);
            answered.push((clock.now(), asked.clone(), replica.ask(&asked).await));
        }
        hand.fetch_add(SECOND, Ordering::SeqCst);
    }
    for (at, asked, before) in answered {
        let again = replica.ask(&KpiQuestion { as_known_at: Some(at), ..asked.clone() }).await;
        if again != before {
            return Err(format!("as known at {at}: {asked:?}\nthen {before:?}\nnow {again:?}"));
        }
    }
    for (kpi, group_by) in KPIS {
        let asked = question(&[kpi], group_by, Grain::Total);
        let cells = replica.ask(&asked).await;
        let facts = KpiQuestion { as_of: Some(clock.now()), ..asked.clone() };
        let facts = replica.query.query_kpis(&reader(), &key().market, facts).await.map_err(|one| one.to_string())?;
        if facts.source != FigureSource::Facts || facts.answer != cells {
            return Err(format!("{kpi} from cells {cells:?}\nfrom facts {:?}", facts.answer));
        }
        for row in &cells.rows {
            let told = row.no_value != Some(NoValue::Immature);
            if told && (row.currency.is_some() || row.numerator.is_some()) {
                records(&replica, group_by, row).await?;
            }
        }
    }
    Ok(())
}

fn figures_are_their_records(backend: Backend, cases: u32) {
    let (_directory, holder) = configuration("64");
    let holder = &holder;
    try_histories(backend, cases, |url, acts, seed| async move { told_again(&url, holder, &acts, seed).await });
}

#[test]
fn figures_are_their_records_on_sqlite() {
    figures_are_their_records(Backend::Sqlite, super::histories().div_ceil(2));
}

#[test]
fn figures_are_their_records_on_postgres() {
    figures_are_their_records(Backend::Postgres, super::histories().div_ceil(6));
}
