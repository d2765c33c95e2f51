//! The property of the feed: a consumer that is killed and resumed at random places, on any server, while writers write
//! through all of them, ends with exactly what the store holds. `FAIRDUE_FEEDS` sets how many histories are tried on each
//! database (default 4).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use fairdue::domain::principal::Role;
use fairdue::proto::v1;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::copy::{Copy, Market, Sum};
use super::writers::{self, REGION};
use crate::histories::deliver::Dice;
use crate::histories::generate::{self, History};
use crate::support::api::{Api, Clients};
use crate::support::database::{Backend, Database};

const ROLES: [Role; 3] = [Role::Writer, Role::Reader, Role::Compliance];

pub(super) fn feeds() -> u64 {
    std::env::var("FAIRDUE_FEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(4)
}

/// Random histories, the same ones at every run, whose cases move between portfolios.
pub(super) fn histories(count: u64) -> Vec<History> {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = generate::steps(90);
    (0..count)
        .map(|_| {
            let steps = strategy.new_tree(&mut runner).expect("steps").current();
            let mut history = generate::materialise(&steps);
            for (n, version) in history.opening.iter_mut().chain(&mut history.versions).enumerate() {
                version.steering.portfolio = (n % 4 != 0).then(|| format!("portfolio-{}", n % 3));
            }
            history
        })
        .collect()
}

/// What a consumer asks for.
fn wish(copy: &Copy, filter: &v1::PullRequest) -> v1::PullRequest {
    v1::PullRequest { region_code: REGION.to_owned(), token: copy.token.clone(), ..filter.clone() }
}

/// Keeps a copy by the feed until it holds the revision `until` (0: not known yet). Now and then the consumer is killed:
/// before it has kept what it received, or after.
async fn consume(servers: Vec<Clients>, filter: v1::PullRequest, until: Arc<AtomicI64>, seed: u64) -> Copy {
    let mut copy = Copy::default();
    let (mut dice, mut servers) = (Dice::new(seed), servers);
    loop {
        let at = dice.below(servers.len());
        let mut feed = servers[at].sync.pull(wish(&copy, &filter)).await.expect("a feed").into_inner();
        for _ in 0..dice.below(60) {
            let end = until.load(Ordering::SeqCst);
            if end > 0 && copy.through >= end {
                return copy;
            }
            let message = feed.message().await.expect("no failure").expect("feeds do not end");
            if dice.below(20) == 0 {
                break;
            }
            copy.apply(message);
        }
    }
}

/// The revision that everything until now is in, after the timers that are due have fired.
pub(super) async fn settled(clients: &mut Clients) -> i64 {
    let list = v1::QueryKpisRequest {
        region_code: REGION.to_owned(),
        kpi_ids: vec!["recovery_rate".to_owned()],
        grain: v1::Grain::Month.into(),
        start_date: crate::support::wire::date(2025, 1, 1),
        end_date: crate::support::wire::date(2025, 2, 1),
        ..Default::default()
    };
    clients.kpis.query_kpis(list).await.expect("figures").into_inner().revision
}

/// What the server keeps of counts and digests, by entity and day; the sums over all days are compared on the way.
async fn kept_sums(clients: &mut Clients) -> BTreeMap<(v1::SyncEntity, chrono::NaiveDate), Sum> {
    let region_code = || REGION.to_owned();
    let lanes = |tally: &v1::EntityTally| -> Sum {
        let lane = |n: usize| u64::from_le_bytes(tally.digest[n * 8..n * 8 + 8].try_into().expect("eight bytes"));
        (tally.count, std::array::from_fn(lane))
    };
    let status = v1::GetMarketStatusRequest { region_code: region_code() };
    let status = clients.sync.get_market_status(status).await.expect("a status").into_inner();
    assert_eq!(status.time_zone, "America/New_York");
    let mut kept = BTreeMap::new();
    for entity in (1..=4).map(|number| v1::SyncEntity::try_from(number).expect("an entity")) {
        let request =
            v1::ListDayTalliesRequest { region_code: region_code(), entity: entity.into(), ..Default::default() };
        let days = clients.sync.list_day_tallies(request).await.expect("days").into_inner().days;
        let mut all: Sum = (0, [0; 4]);
        for day in days {
            let date = day.date.as_ref().expect("a date");
            let date = chrono::NaiveDate::from_ymd_opt(date.year, date.month as u32, date.day as u32).expect("a date");
            let (count, digest) = lanes(day.tally.as_ref().expect("a tally"));
            all = (all.0 + count, std::array::from_fn(|n| all.1[n].wrapping_add(digest[n])));
            // The records of the day, listed two at a time, make its digest.
            let mut listed: Sum = (0, [0; 4]);
            let mut request = v1::ListLeavesRequest {
                region_code: region_code(),
                entity: entity.into(),
                date: day.date,
                page_size: 2,
                page_token: String::new(),
            };
            loop {
                let page = clients.sync.list_leaves(request.clone()).await.expect("leaves").into_inner();
                for leaf in page.leaves {
                    let (_, one) = lanes(&v1::EntityTally { digest: leaf.digest, ..Default::default() });
                    listed = (listed.0 + 1, std::array::from_fn(|n| listed.1[n].wrapping_add(one[n])));
                }
                request.page_token = page.next_page_token;
                if request.page_token.is_empty() {
                    break;
                }
            }
            assert_eq!(listed, (count, digest), "{entity:?} of {date}");
            kept.insert((entity, date), (count, digest));
        }
        let told = status.tallies.iter().find(|tally| tally.entity() == entity).map_or((0, [0; 4]), lanes);
        assert_eq!(told, all, "{entity:?} over all days");
    }
    kept
}

async fn a_copy_equals_the_store(backend: Backend) {
    let mut reasons = BTreeSet::new();
    let mut sizes = [0; 3];
    for (history, seed) in histories(feeds()).into_iter().zip(7_u64..) {
        let database = Database::fresh(backend).await;
        // So small that every commit of any size is cut in its middle; or whole commits, some or all at a time.
        let settings = [("sync.page_rows", ["2", "7", "2000"][seed as usize % 3])];
        let mut apis = vec![Api::start_with(&database, &settings).await];
        if backend == Backend::Postgres {
            apis.push(Api::start_with(&database, &settings).await);
        }
        let key = apis[0].key("mine", &ROLES, &[]).await;
        let clients = || apis.iter().map(|api| api.clients(&key)).collect::<Vec<_>>();
        let until = Arc::new(AtomicI64::new(0));
        let everything = v1::PullRequest::default();
        let one_client = v1::PullRequest { client_ids: vec!["creditor-0".to_owned()], ..Default::default() };
        let portfolios = v1::PullRequest { portfolio_ids: vec!["portfolio-1".to_owned()], ..Default::default() };
        let consumers: Vec<_> = [&everything, &one_client, &portfolios]
            .into_iter()
            .map(|filter| tokio::spawn(consume(clients(), filter.clone(), Arc::clone(&until), seed)))
            .collect();
        writers::write(clients(), &history, seed).await;
        // Nothing else writes from here on but the due-queue, which has nothing left to do.
        let end = settled(&mut clients()[0]).await;
        until.store(end, Ordering::SeqCst);
        let mut copies = Vec::new();
        for consumer in consumers {
            copies.push(consumer.await.expect("a consumer"));
        }
        let store = Market::read(&mut clients()[0], REGION).await;
        let told = copies[0].told();
        assert_eq!(told.differs_from(&store), None, "history {seed}: the copy and the store");
        let of_client = history.opening.iter().filter(|version| version.identity.creditor == "creditor-0");
        let of_client: BTreeSet<String> = of_client.map(|version| version.case.to_string()).collect();
        let all = history.opening.iter().chain(&history.versions);
        let of_portfolio = all.filter(|version| version.steering.portfolio.as_deref() == Some("portfolio-1"));
        let of_portfolio: BTreeSet<String> = of_portfolio.map(|version| version.case.to_string()).collect();
        for (copy, cases) in copies[1..].iter().zip([of_client, of_portfolio]) {
            let expected = copies[0].only(&cases).told();
            assert_eq!(copy.told().differs_from(&expected), None, "history {seed}: the copy of {cases:?}");
        }
        assert_eq!(kept_sums(&mut clients()[0]).await, copies[0].sums(chrono_tz::America::New_York), "history {seed}");
        // From nothing, in one go, it is the same copy.
        let once = v1::PullRequest { once: true, ..wish(&Copy::default(), &everything) };
        let mut feed = clients()[0].sync.pull(once).await.expect("a feed").into_inner();
        let mut snapshot = Copy::default();
        while let Some(message) = feed.message().await.expect("no failure") {
            snapshot.apply(message);
        }
        assert_eq!(snapshot.told().differs_from(&store), None, "history {seed}: a snapshot and the store");
        assert!(snapshot.through >= end);
        reasons.extend(copies[0].reasons.iter().copied());
        sizes = std::array::from_fn(|n| sizes[n] + store.sizes()[n]);
        for api in apis {
            api.end().await;
        }
    }
    assert!(sizes.iter().all(|size| *size > 5), "the histories hold something to compare: {sizes:?}");
    use v1::ChangeReason as Reason;
    for reason in [Reason::New, Reason::LateFact, Reason::Void, Reason::CaseVersion, Reason::Decision] {
        assert!(reasons.contains(&reason.into()), "{reason:?} was never told: {reasons:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_equals_the_store_on_sqlite() {
    a_copy_equals_the_store(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_equals_the_store_on_postgres() {
    a_copy_equals_the_store(Backend::Postgres).await;
}
