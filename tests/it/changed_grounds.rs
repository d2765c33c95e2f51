//! What is derived of a market's history follows its settings and the tenant's rules, and with them when deadlines fall; and
//! nothing else that the tenant's file says.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use fairdue::clock::Clock;
use fairdue::config::Holder;
use fairdue::domain::detail::{Detail, Promise};
use fairdue::domain::error_kind::{ErrorKind, Failure as _};
use fairdue::domain::ids::{KeyId, MarketId, TenantId};
use fairdue::domain::market::MarketKey;
use fairdue::domain::money::Money;
use fairdue::domain::principal::{Principal, Role};
use fairdue::domain::time::{DAY, Timestamp};
use fairdue::ingest::{CaseUpsert, Markets, Work};
use fairdue::kpi::{self, Grain, Shape};
use fairdue::query::{KpiQuestion, Query};
use fairdue::store::{Store, StoreOptions};

use crate::support::builders;
use crate::support::config;
use crate::support::database::on_both_databases;

/// 2026-03-02T12:00:00Z.
const PROMISED: Timestamp = Timestamp(1_772_452_800_000_000);

fn tenant(grace: u32) -> String {
    format!("tenant = \"t\"\n[markets.it]\nzone = \"Europe/Rome\"\ncurrency = \"EUR\"\npromise_grace_days = {grace}\n")
}

on_both_databases!(
    /// A promise is due on 10 March. With sixty days of grace its judgement waits until May; with two it is overdue on the 13th,
    /// also if nothing is written to the case after the setting was changed.
    async fn a_deadline_that_comes_nearer_is_met(database: Database) {
        let directory = crate::support::service::configuration();
        let file = directory.path().join("tenants/t.toml");
        std::fs::write(&file, tenant(60)).expect("write the tenant");
        let snapshot = config::load(directory.path(), []);
        let holder = Arc::new(Holder::of(directory.path(), snapshot));
        let store = Store::open(&database.url, &StoreOptions::default()).await.expect("open the store");
        let (clock, hand) = Clock::manual(PROMISED);
        let markets = Markets::new(store, Arc::clone(&holder), clock);
        let query = Query::new(Arc::clone(&markets));
        let key = MarketKey { tenant: TenantId::trusted("t"), market: MarketId::trusted("it") };
        let mut case = builders::version("c", "v", PROMISED);
        case.claims
            .push(serde_json::from_value(serde_json::json!({ "id": "a", "principal": 10_000 })).expect("a claim"));
        let promise = Detail::Promise(Promise {
            amount: Money::new(5_000, builders::euro()),
            due: "2026-03-10".parse().expect("a date"),
            supersedes: None,
            channel: None,
        });
        let promise = builders::activity("p", "c", PROMISED, promise);
        for work in [Work::Cases(vec![CaseUpsert { version: case, etag: None }]), Work::Activities(vec![promise])] {
            markets.submit(&key, work).await.expect("a commit");
        }
        let who = Principal {
            tenant: key.tenant.clone(),
            key: KeyId::trusted("k"),
            roles: vec![Role::Reader],
            markets: vec![],
        };
        let ask = async || {
            let asked = kpi::Query {
                kpis: vec!["ptp_broken_rate".to_owned()],
                grain: Grain::Total,
                from: "2026-03-01".parse().expect("a date"),
                to: "2026-04-01".parse().expect("a date"),
                group_by: Vec::new(),
                filters: Vec::new(),
            };
            let question =
                KpiQuestion { query: asked, shape: Shape::default(), as_of: None, as_known_at: None, frozen: false };
            let answer = query.query_kpis(&who, &key.market, question).await.expect("an answer").answer;
            answer.rows.first().and_then(kpi::Row::value_text)
        };
        hand.store(PROMISED.plus(18 * DAY).0, Ordering::SeqCst);
        assert_eq!(ask().await, None, "nothing is judged before the grace is over");
        std::fs::write(&file, tenant(2)).expect("write the tenant");
        holder.reload().expect("a good configuration");
        assert_eq!(ask().await.as_deref(), Some("100.00"));
    }
);

on_both_databases!(
    /// The one that came to the market last writes, the other says so, until some time has passed or it has loaded the same.
    async fn servers_with_other_rules_do_not_derive_a_market_in_turn(database: Database) {
        let (clock, hand) = Clock::manual(PROMISED);
        let mut servers = Vec::new();
        for grace in [60, 2] {
            let directory = crate::support::service::configuration();
            std::fs::write(directory.path().join("tenants/t.toml"), tenant(grace)).expect("write the tenant");
            let snapshot = config::load(directory.path(), []);
            let holder = Arc::new(Holder::of(directory.path(), snapshot));
            let store = Store::open(&database.url, &StoreOptions::default()).await.expect("open the store");
            servers.push((directory, Arc::clone(&holder), Markets::new(store, holder, clock.clone())));
        }
        let key = MarketKey { tenant: TenantId::trusted("t"), market: MarketId::trusted("it") };
        let [(_, _, old), (directory, holder, new)] = &servers[..] else { panic!("two servers") };
        let mut number = 0;
        let mut write = async |markets: &Arc<Markets>| {
            number += 1;
            let case = builders::version(&format!("c-{number}"), "v", PROMISED);
            let done = markets.submit(&key, Work::Cases(vec![CaseUpsert { version: case, etag: None }])).await;
            done.map(|_| ()).map_err(|error| (error.kind(), error.reason(), error.retry_after_ms().is_some()))
        };
        let superseded = Err((ErrorKind::Unavailable, "RULES_SUPERSEDED", true));
        assert_eq!(write(old).await, Ok(()));
        assert_eq!(write(new).await, Ok(()), "rules that were never in force here are newer");
        for _ in 0..3 {
            assert_eq!(write(old).await, superseded);
            assert_eq!(write(new).await, Ok(()));
        }
        hand.store(PROMISED.plus(DAY).0, Ordering::SeqCst);
        assert_eq!(write(old).await, Ok(()), "the other may be gone for good");
        assert_eq!(write(new).await, superseded);
        std::fs::write(directory.path().join("tenants/t.toml"), tenant(60)).expect("write the tenant");
        holder.reload().expect("a good configuration");
        assert_eq!(write(new).await, Ok(()));
        assert_eq!(write(old).await, Ok(()));
    }
);

/// Everything derived in every market of a tenant hangs on this digest: a market of millions of records stands still while it
/// is derived anew, which nobody expects of a new partner.
#[test]
fn what_is_no_rule_of_a_tenants_file_leaves_its_rules_as_they_were() {
    let directory = crate::support::service::configuration();
    let file = directory.path().join("tenants/t.toml");
    let rules = "[rules]\nmemberships = [\"unirec\"]\n[[rules.template]]\nid = \"a\"\nholds = [\"opt_out\"]\n\
                 [facts]\n[[facts.licence]]\njurisdiction = \"it\"\nnumber = \"1\"\nauthority = \"A\"\nfrom = 2015-01-01\n";
    let digest = |text: &str| {
        std::fs::write(&file, text).expect("write the tenant");
        let snapshot = config::load(directory.path(), []);
        snapshot.tenants.get(&TenantId::trusted("t")).expect("the tenant").rules.digest().to_owned()
    };
    let plain = digest(&format!("{}{rules}", tenant(3)));
    let partner = "[[partner]]\nid = \"p\"\nkeys = []\nmarkets = [\"it\"]\n[partner.share]\ncase = [\"steering\"]\n\
                   [[sink]]\nid = \"s\"\npartner = \"p\"\nmarkets = [\"it\"]\n[sink.webhook]\n\
                   url = \"https://hooks.example.org/\"\nsecrets = [\"env:S\"]\n";
    assert_eq!(digest(&format!("# A comment.\n{}\n{rules}\n{partner}", tenant(3))), plain);
    for (line, other) in [
        ("memberships = [\"unirec\"]", "memberships = []"),
        ("holds = [\"opt_out\"]", "holds = [\"opt_out\", \"principal\"]"),
        ("number = \"1\"", "number = \"2\""),
        ("from = 2015-01-01", "from = 2015-01-02"),
    ] {
        assert_ne!(digest(&format!("{}{}", tenant(3), rules.replace(line, other))), plain, "{other}");
    }
}
