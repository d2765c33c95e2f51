//! Quartiles of tenants that share their figures: none can be read off by asking twice.

use fairdue::proto::v1;

use crate::support::api::{Api, Clients};
use crate::support::database::on_both_databases;
use crate::support::wire::{batch, call, case, date, fields};

const SHARE: &str = "[benchmarks]\nshare_from = \"2024-01-01\"\n";

async fn ask(clients: &mut Clients, kpis: &[&str]) -> Vec<v1::Benchmark> {
    let request = v1::GetBenchmarksRequest {
        region_code: "IT".to_owned(),
        kpi_ids: kpis.iter().map(|kpi| (*kpi).to_owned()).collect(),
        quarter_start_date: date(2024, 1, 1),
    };
    clients.kpis.get_benchmarks(request).await.expect("an answer").into_inner().benchmarks
}

/// Of how many tenants, and the quartiles.
fn told(found: &v1::Benchmark) -> (i32, [String; 3]) {
    let text = |decimal: &Option<fairdue::proto::google::r#type::Decimal>| {
        decimal.as_ref().map(|decimal| decimal.value.clone()).unwrap_or_default()
    };
    (found.tenant_count, [&found.lower_quartile, &found.median, &found.upper_quartile].map(text))
}

/// An outbound call that reached the debtor, or nobody.
fn reached_debtor(id: &str, reached: bool) -> v1::Activity {
    let mut call = call(id, "c1", 0);
    call.initiator = v1::Initiator::Collector.into();
    if let Some(v1::activity::Detail::Contact(contact)) = &mut call.detail {
        let outcome = if reached { v1::Outcome::RightPartyNoCommitment } else { v1::Outcome::NoAnswer };
        contact.outcome = outcome.into();
    }
    call
}

/// A tenant's records: so many debtors reached of so many calls.
async fn calls(api: &Api, tenant: &str, reached: usize, all: usize) -> Clients {
    let mut clients = api.platform(tenant).await;
    let cases = v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases: vec![case("c1", "a")] };
    clients.cases.batch_upsert_cases(cases).await.expect("stored");
    let calls = batch((0..all).map(|n| reached_debtor(&format!("k{n}"), n < reached)).collect());
    let stored = clients.activities.batch_record_activities(calls).await.expect("stored").into_inner();
    assert!(stored.results.iter().all(|result| result.status() == v1::WriteStatus::Created), "{stored:?}");
    clients
}

on_both_databases!(
    async fn figures_are_told_among_those_of_five_tenants_and_of_no_fewer(database: Database) {
        use v1::NoPeersReason as Reason;
        let api = Api::start(&database).await;
        for (tenant, reached) in [("t1", 1), ("t2", 2), ("t3", 3), ("t4", 4)] {
            api.tenant(tenant, SHARE).await;
            calls(&api, tenant, reached, 10).await;
        }
        let mut mine = calls(&api, "mine", 5, 10).await;
        let found = ask(&mut mine, &["rpc_rate", "calls_outbound", "open_rate"]).await;
        let reasons: Vec<Reason> = found.iter().map(v1::Benchmark::no_peers_reason).collect();
        assert_eq!(reasons, [Reason::NotShared, Reason::NotComparable, Reason::NotShared]);
        assert_eq!(
            found[0].own.as_ref().and_then(|own| own.value.clone()).map(|value| value.value),
            Some("50.00".into())
        );
        assert!(found[2].published.iter().any(|one| one.source.contains("Campaign Monitor")), "{found:?}");
        let mut t1 = api.platform("t1").await;
        assert_eq!(ask(&mut t1, &["rpc_rate"]).await[0].no_peers_reason(), Reason::TooFew, "four share");
        api.tenant("large", SHARE).await;
        calls(&api, "large", 9, 90).await;
        let found = ask(&mut t1, &["rpc_rate"]).await;
        assert_eq!(found[0].no_peers_reason(), Reason::Dominated, "one has 90 of 130");
        assert!(found[0].median.is_none() && found[0].tenant_count == 0);
        api.tenant("large", "").await;
        api.tenant("t5", SHARE).await;
        calls(&api, "t5", 5, 10).await;
        let found = ask(&mut t1, &["rpc_rate"]).await.remove(0);
        assert_eq!(told(&found), (5, ["20", "30", "40"].map(str::to_owned)));
        // A sixth tenant, or a late record, changes nothing that was told: two answers cannot be compared.
        api.tenant("t6", SHARE).await;
        calls(&api, "t6", 10, 10).await;
        assert_eq!(ask(&mut t1, &["rpc_rate"]).await.remove(0).tenant_count, 5);
        let again = Api::start(&database).await;
        for tenant in ["t1", "t2", "t3", "t4", "t5", "t6"] {
            again.tenant(tenant, SHARE).await;
        }
        let same = ask(&mut again.platform("t1").await, &["rpc_rate"]).await.remove(0);
        assert_eq!((same.tenant_count, same.median), (5, found.median), "another process tells what was told first");
        again.end().await;
        let open = v1::GetBenchmarksRequest {
            region_code: "IT".to_owned(),
            kpi_ids: vec!["rpc_rate".to_owned()],
            quarter_start_date: date(2024, 2, 1),
        };
        assert_eq!(fields(&t1.kpis.get_benchmarks(open).await.expect_err("no quarter")), ["quarter_start_date"]);
        api.end().await;
    }
);

/// A KPI like the shipped one of another id, whose attempts count so many times.
fn half(by: &str) -> String {
    format!(
        "version = 1\n[[kpi]]\nid = \"reached\"\ntitle = \"R\"\ndescription = \"d\"\nformula = \"f\"\nsource = \"s\"\n\
         kind = \"ratio\"\nnumerator = \"right_party_contacts\"\ndenominator = {{ scale = \"attempts\", by = \"{by}\" }}\n\
         unit = \"percent\"\ndecimals = 2\nrounding = \"half_even\"\nunit_counted = \"attempt\"\nbase = \"b\"\n\
         clock = \"occurred\"\ncurrency_policy = \"none\"\nadditivity = \"none\"\nattribution = \"actor\"\n\
         dimension_as_of = \"fact\"\nvariants = []\n"
    )
}

on_both_databases!(
    /// A sixth tenant joins behind the first telling. Whatever is asked then, and whatever is written in the KPI files, is of the five.
    async fn a_quarter_is_told_of_the_tenants_of_its_first_telling(database: Database) {
        let api = Api::start(&database).await;
        for (tenant, reached) in [("t1", 1), ("t2", 2), ("t3", 3), ("t4", 4), ("t5", 5)] {
            api.tenant(tenant, SHARE).await;
            calls(&api, tenant, reached, 10).await;
        }
        let mut t1 = api.platform("t1").await;
        let first = (5, ["20", "30", "40"].map(str::to_owned));
        assert_eq!(told(&ask(&mut t1, &["rpc_rate_attempts"]).await[0]), first);
        api.tenant("t6", SHARE).await;
        calls(&api, "t6", 10, 10).await;
        for found in ask(&mut t1, &["rpc_rate", "contact_rate_right_party", "rpc_rate_attempts"]).await {
            assert_eq!(told(&found), first, "{found:?}");
        }
        // Late records of a tenant of then change nothing of what is told already under whatever name.
        let late = batch((0..3).map(|n| reached_debtor(&format!("late{n}"), true)).collect());
        api.platform("t2").await.activities.batch_record_activities(late).await.expect("stored");
        api.configure("kpis/more.toml", "version = 1\n# A word.\n");
        api.reload();
        for found in ask(&mut t1, &["rpc_rate", "contact_rate_right_party", "rpc_rate_attempts"]).await {
            assert_eq!(told(&found), first, "{found:?}");
        }
        // Another meaning is told of the same tenants, by what is on record now: 10, 38, 30, 40 and 50 of a hundred, halved.
        api.configure("kpis/more.toml", &half("2"));
        api.reload();
        let halved = (5, ["13", "18", "21"].map(str::to_owned));
        assert_eq!(told(&ask(&mut t1, &["reached"]).await[0]), halved);
        api.configure("kpis/more.toml", &half("1/2"));
        api.reload();
        assert_eq!(told(&ask(&mut t1, &["reached"]).await[0]).0, 5, "what is meant has changed, and of whom has not");
        api.end().await;
    }
);

on_both_databases!(
    /// Earlier versions kept what they told by the id of the KPI and the text of all definitions, and not of whom.
    async fn what_an_earlier_version_told_stays(database: Database) {
        let api = Api::start(&database).await;
        api.tenant("t1", SHARE).await;
        let mut t1 = calls(&api, "t1", 1, 10).await;
        assert_eq!(ask(&mut t1, &["rpc_rate"]).await[0].no_peers_reason(), v1::NoPeersReason::TooFew);
        let row = "INSERT INTO peer_quartile (tenant_id, region, kpi_id, quarter, digest, tenants, lower, middle, upper) \
                   VALUES ('*', 'it', 'rpc_rate', 19723, 'of then', 6, '1', '2', '3')";
        api.sql(&database, row).await;
        for found in ask(&mut t1, &["rpc_rate_attempts", "rpc_rate"]).await {
            assert_eq!(told(&found), (6, ["1", "2", "3"].map(str::to_owned)), "{found:?}");
        }
        api.end().await;
    }
);
