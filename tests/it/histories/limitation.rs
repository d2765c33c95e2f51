//! When accounts become barred, against a count of its own: each account is followed from day to day through its payments,
//! acknowledgements, letters, lawsuits, closings, voids and corrected dates, which come in any order.
//! `FAIRDUE_HISTORIES` sets how many histories are tried on SQLite (default 30); PostgreSQL gets a quarter of them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use proptest::prelude::*;
use proptest::test_runner::{Config as Trials, RngAlgorithm, TestRng, TestRunner};

use fairdue::clock::Clock;
use fairdue::config::Holder;
use fairdue::domain::case::CaseVersion;
use fairdue::domain::detail::{Contact, Detail, LegalStepKind};
use fairdue::domain::ids::{ActivityId, CaseId};
use fairdue::domain::money::Money;
use fairdue::domain::time::{DAY, Timestamp};
use fairdue::domain::vocabulary::{Channel, DebtType, Purpose};
use fairdue::kpi::{self, Dimension, Exact, Grain, Shape};
use fairdue::query::KpiQuestion;

use super::barred::{Account, HAPPENS, Happened, Kind, LATER, OWED, Stands, date, due, named};
use super::cache::Replica;
use super::deliver::{key, scattered};
use super::generate::{History, at_minute, currency, long_after, version};
use crate::support::builders;
use crate::support::config;
use crate::support::database::{Backend, Database};

/// The law: two years from the due date.
const LAW: &str = r#"format = 1
jurisdiction = "nz"
name = "A country with one law"
version = "1"
currency = "NZD"
zones = ["Europe/Rome"]
[calendar]
weekend = ["sat", "sun"]
[[rule]]
id = "nz-two-years"
title = "Two years"
text = "Claims for telecommunication are barred two years after they fell due."
citation = "the test"
source = "statute"
effect = "prohibits"
confidence = "read"
applies_to = { debt_type = ["telecom"] }
[rule.limitation_period]
term = { years = 2, count = "clear_days", from = "sent", roll = "none" }
start = "due"
interrupted_by = ["demand_received", "acknowledgement", "payment", "court_action"]
forbids = ["legal_step"]
"#;
const EXAMPLES: &str = r#"format = 1
[[example]]
name = "two years"
rule = "nz-two-years"
[example.check]
contact = { kind = "note" }
"#;

/// A configuration with that law, whose servers keep little: what is known of an account is packed and unpacked.
fn under_the_law() -> (tempfile::TempDir, Arc<Holder>) {
    let directory = crate::support::service::configuration();
    let pack = directory.path().join("jurisdictions/nz");
    std::fs::create_dir_all(&pack).expect("make a directory");
    std::fs::write(pack.join("rules.toml"), LAW).expect("write the law");
    std::fs::write(pack.join("cases.toml"), EXAMPLES).expect("write its examples");
    let settings = [
        ("FAIRDUE_INGEST__DUE_INTERVAL_MS", "10"),
        ("FAIRDUE_INGEST__RECENT_CASES", "1"),
        ("FAIRDUE_INGEST__UNPACKED_MIB", "0"),
        ("FAIRDUE_INGEST__MEMORY_MIB", "1"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let snapshot = config::load(directory.path(), settings);
    let holder = Arc::new(Holder::of(directory.path(), snapshot));
    (directory, holder)
}

fn accounts() -> impl Strategy<Value = Vec<Account>> {
    let kind = prop_oneof![
        8 => (1_000_i64..60_000).prop_map(Kind::Paid),
        2 => Just(Kind::Acknowledged),
        1 => Just(Kind::Sued),
        4 => proptest::option::weighted(0.7, 0_i64..20).prop_map(Kind::Demanded),
        1 => any::<bool>().prop_map(Kind::Closed),
        1 => (-40_i64..400).prop_map(Kind::Redated),
        1 => Just(Kind::Forgotten),
    ];
    let happened = (0..HAPPENS, 720_u16..900, kind, proptest::bool::weighted(0.15))
        .prop_map(|(day, minute, kind, void)| Happened { day, minute, kind, void });
    let account = (-40_i64..260, proptest::collection::vec(happened, 0..7)).prop_map(|(ends, mut happened)| {
        happened.sort_by_key(|one| (one.day, one.minute));
        // Two versions or records of one minute would have no order here.
        happened.dedup_by_key(|one| (one.day, one.minute));
        Account { ends, happened }
    });
    proptest::collection::vec(account, 1..6)
}

fn at(day: i64, minute: u16) -> Timestamp {
    at_minute(0, minute).plus(day * DAY)
}

fn stated(number: usize, version_of: usize, effective: Timestamp, ends: i64, known: bool) -> CaseVersion {
    let mut made: CaseVersion = version(0, version_of, effective, 0);
    made.case = CaseId::trusted(&format!("account-{number}"));
    made.placement.placed = Some(at(0, 700));
    made.class.debt_type = known.then_some(DebtType::Telecom);
    for ((place, claim), owed) in made.claims.iter_mut().enumerate().zip(OWED) {
        claim.principal = owed;
        claim.invoice_date = None;
        claim.due_current = None;
        claim.due_original = Some(due(ends + if place == 0 { 0 } else { LATER }));
    }
    for residence in made.parties.iter_mut().flat_map(|party| &mut party.residences) {
        residence.country = "NZ".into();
        residence.subdivision = None;
    }
    made.parties.iter_mut().for_each(|party| party.zones.clear());
    made
}

/// The records that tell of the accounts.
fn records(accounts: &[Account]) -> History {
    let mut history = History { opening: Vec::new(), versions: Vec::new(), activities: Vec::new() };
    for (number, account) in accounts.iter().enumerate() {
        history.opening.push(stated(number, 0, at(0, 700), account.ends, true));
        let case = format!("account-{number}");
        let (mut ends, mut known) = (account.ends, true);
        for (step, one) in account.happened.iter().enumerate() {
            let detail = match one.kind {
                Kind::Paid(minor) => Detail::Payment(fairdue::domain::detail::Payment {
                    amount: Money::new(minor, currency()),
                    claim: named(minor).map(|claim| history.opening[number].claims[claim].id.clone()),
                    ..builders::payment(minor)
                }),
                Kind::Acknowledged => Detail::Acknowledgement { written: Some(true) },
                Kind::Sued => Detail::LegalStep { step: LegalStepKind::Lawsuit },
                Kind::Demanded(came) => {
                    let mut letter = Contact::on(Channel::Letter);
                    letter.purpose = Some(Purpose::Demand);
                    letter.delivered = came.map(|after| at(one.day + after, one.minute));
                    Detail::Contact(Box::new(letter))
                }
                Kind::Closed(closed) => Detail::CaseStatus { closed, code: None },
                Kind::Redated(_) | Kind::Forgotten => {
                    match one.kind {
                        Kind::Redated(to) => ends = to,
                        _ => known = false,
                    }
                    history.versions.push(stated(number, step + 1, at(one.day, one.minute), ends, known));
                    continue;
                }
            };
            let id = format!("{case}-{step}");
            history.activities.push(builders::activity(&id, &case, at(one.day, one.minute), detail));
            if one.void {
                let target = ActivityId::trusted(&id);
                let void = Detail::Void { target, reason: None };
                history.activities.push(builders::activity(&format!("{id}-void"), &case, at(one.day, 1_000), void));
            }
        }
    }
    history
}

type Sums = BTreeMap<(NaiveDate, Option<String>), i128>;

async fn told(replica: &Replica, kpi: &str, grain: Grain, span: (NaiveDate, NaiveDate), by: &[Dimension]) -> Sums {
    let query = kpi::Query {
        kpis: vec![kpi.to_owned()],
        grain,
        from: span.0,
        to: span.1,
        group_by: by.to_vec(),
        filters: Vec::new(),
    };
    let question = KpiQuestion { query, shape: Shape::default(), as_of: None, as_known_at: None, frozen: false };
    let mut sums = Sums::new();
    for row in replica.ask(&question).await.rows {
        let state = row.group.first().and_then(|state| state.as_deref()).map(str::to_owned);
        let numerator = row.numerator.unwrap_or(Exact::whole(0)).reduced();
        assert_eq!(numerator.denominator(), 1, "{row:?}");
        let whole = numerator.numerator();
        if whole != 0 {
            *sums.entry((row.start, state)).or_default() += whole;
        }
    }
    sums
}

fn add(sums: &mut Sums, key: (NaiveDate, Option<&str>), count: i64) {
    if count != 0 {
        *sums.entry((key.0, key.1.map(str::to_owned))).or_default() += i128::from(count);
    }
}

fn same(what: &str, told: &Sums, counted: &Sums) -> Result<(), String> {
    let keys: BTreeSet<_> = told.keys().chain(counted.keys()).collect();
    let both = keys.into_iter().map(|key| (key, told.get(key), counted.get(key)));
    match both.filter(|(_, told, counted)| told != counted).take(3).collect::<Vec<_>>().as_slice() {
        [] => Ok(()),
        differ => Err(format!("{what}, told and counted: {differ:?}")),
    }
}

fn month(day: NaiveDate) -> NaiveDate {
    chrono::Datelike::with_day(&day, 1).expect("the first of a month")
}

/// Which of the words were ever told, so that the test is known to have compared something.
type Words = RefCell<BTreeSet<&'static str>>;

async fn is_what_the_accounts_say(
    url: &str,
    holder: &Arc<Holder>,
    accounts: &[Account],
    seed: u64,
    words: &Words,
) -> Result<(), String> {
    let (clock, _hand) = Clock::manual(long_after());
    let mut replica = Replica::start(url, holder, clock.clone()).await;
    for act in scattered(&records(accounts), seed) {
        let Some(work) = act.work() else {
            replica = Replica::start(url, holder, clock.clone()).await;
            continue;
        };
        let key = key();
        let all = work.into_iter().map(|one| replica.markets.submit(&key, one));
        futures::future::join_all(all).await.into_iter().for_each(|done| drop(done.expect("a commit")));
    }
    let today = (long_after().0 - at(0, 0).0) / DAY;
    // The calendar: whoever is barred on a day stood so at the end of the day before, the days to come by what is known now.
    let (mut calendar, mut amounts) = (Sums::new(), Sums::new());
    for account in accounts {
        for before in 0..=today {
            let Stands::Barred(net, on, by) = account.at_end_of(before) else { continue };
            if on == date(before + 1) || (before == today && on > date(today)) {
                add(&mut calendar, (month(on), Some(by)), 1);
                add(&mut amounts, (month(on), Some(by)), net);
                words.borrow_mut().insert(by);
            }
        }
    }
    let span = (date(-60), date(1_200));
    let by_state = [Dimension::State];
    let mut found = told(&replica, "limitation_calendar", Grain::Month, span, &by_state).await;
    found = found.into_iter().map(|((start, state), count)| ((month(start), state), count)).collect();
    same("calendar", &found, &calendar)?;
    let mut found = told(&replica, "limitation_calendar_amount", Grain::Month, span, &by_state).await;
    found = found.into_iter().map(|((start, state), count)| ((month(start), state), count)).collect();
    same("calendar by amount", &found, &amounts)?;
    // The stocks at the end of each day; the last one has not begun in the market, whose clock is hours behind.
    let (mut status, mut owed) = (Sums::new(), Sums::new());
    let (mut soon, mut later, mut barred) = (Sums::new(), Sums::new(), Sums::new());
    for day in 0..today {
        for account in accounts {
            let (net, state) = match account.at_end_of(day) {
                Stands::OwesNothing => continue,
                Stands::Unknown(net) => (net, "unknown"),
                Stands::Held(net) => (net, "held"),
                Stands::Barred(net, on, _) => match on.signed_duration_since(date(day)).num_days() {
                    ..=0 => (net, "barred"),
                    1..=30 => (net, "within_30"),
                    31..=90 => (net, "within_90"),
                    _ => (net, "later"),
                },
            };
            words.borrow_mut().insert(state);
            add(&mut status, (date(day), Some(state)), 1);
            add(&mut owed, (date(day), Some(state)), net);
            add(&mut soon, (date(day), None), i64::from(state == "within_30"));
            add(&mut later, (date(day), None), if state.starts_with("within") { net } else { 0 });
            add(&mut barred, (date(day), None), i64::from(state == "barred"));
        }
    }
    let span = (date(0), date(today));
    for (kpi, by, counted) in [
        ("limitation_status", &by_state[..], &status),
        ("limitation_status_amount", &by_state[..], &owed),
        ("barred_within_30", &[], &soon),
        ("barred_within_90_amount", &[], &later),
        ("barred_accounts", &[], &barred),
    ] {
        same(kpi, &told(&replica, kpi, Grain::Day, span, by).await, counted)?;
    }
    Ok(())
}

fn accounts_become_barred_as_counted(backend: Backend, cases: u32) {
    let (_directory, holder) = under_the_law();
    let config = Trials { cases, max_shrink_iters: 60, failure_persistence: None, ..Trials::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let words = Words::default();
    let outcome = runner.run(&(accounts(), any::<u64>()), |(accounts, seed)| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let outcome = runtime.block_on(async {
            let database = Database::fresh(backend).await;
            is_what_the_accounts_say(&database.url, &holder, &accounts, seed, &words).await.map_err(TestCaseError::fail)
        });
        runtime.shutdown_background();
        outcome
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    let all = ["start", "payment", "unproved", "acknowledgement", "demand_received", "held"];
    let missing: Vec<_> = all.into_iter().filter(|word| !words.borrow().contains(word)).collect();
    assert!(cases < 30 || missing.is_empty(), "never seen: {missing:?}");
}

#[test]
fn accounts_become_barred_as_counted_on_sqlite() {
    accounts_become_barred_as_counted(Backend::Sqlite, super::histories());
}

#[test]
fn accounts_become_barred_as_counted_on_postgres() {
    accounts_become_barred_as_counted(Backend::Postgres, super::histories().div_ceil(4));
}
