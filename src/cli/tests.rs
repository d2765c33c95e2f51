//! The commands' parts together, against a server in this process.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::args::{Cli, Command};
use super::client::Client;
use super::demo::{self, country::COUNTRIES};
use super::import::engine::Engine;
use super::import::figures;
use super::import::mapping::Mapping;
use super::import::source::Source;
use super::kpi;
use super::send::{self, Batch, Sent};
use super::serve::Server;
use crate::clock::Clock;
use crate::config::{Config, Holder, source};
use crate::domain::ids::{MarketId, TenantId};
use crate::domain::market::MarketKey;
use crate::domain::principal::Role;
use crate::ingest::{Work, keys};
use crate::proto::v1;
use crate::wire::encode;

const EVENTS: &str = "\
case_id,activity,timestamp,resource,amount,total_payment_amount,payment_amount,expense,article,vehicle_class,points,dismissal,notification_type,last_sent,matricola
A1,Create Fine,2007-01-10T00:00:00+01:00,561,35.0,0.0,,,157,A,0,NIL,,,
A1,Send Fine,2007-02-01T00:00:00+01:00,,,,,11.0,,,,,,,
A1,Insert Fine Notification,2007-02-10T00:00:00+01:00,,,,,,,,,,P,P,
A1,Add penalty,2007-04-11T00:00:00+02:00,,71.5,,,,,,,,,,
A1,Payment,2007-05-02T00:00:00+02:00,,,50.0,50.0,,,,,,,,
A1,Send for Credit Collection,2007-06-01T00:00:00+02:00,,,,,,,,,,,,
A2,Create Fine,2007-03-10T00:00:00+01:00,561,20.0,0.0,,,157,A,0,NIL,,,
A2,Payment,2007-03-11T00:00:00+01:00,,,20.0,20.0,,,,,,,,
";

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A server on a free port over a database in `directory`, with a key of the tenant `demo`.
pub(super) async fn server(directory: &Path) -> (Server, Client) {
    let config = package().join("config");
    let mut snapshot = Config::load(&config).unwrap();
    snapshot.server.database.url = format!("sqlite://{}", directory.join("f.db").display());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::start_on(listener, Arc::new(Holder::of(&config, snapshot))).await.unwrap();
    let (store, tenant, now) = (server.app.ingest.markets().store(), TenantId::trusted("demo"), Clock::system().now());
    store.insert_tenant(&tenant, now).await.unwrap();
    let key = keys::create(store, &tenant, vec![Role::Writer, Role::Reader], Vec::new(), now).await.unwrap();
    let client = Client::connect(&format!("http://{}", server.address), &key).await.unwrap();
    (server, client)
}

fn converted() -> Batch {
    let file = source::required(&package().join("config/imports/road-traffic-fines.toml"), &mut Vec::new()).unwrap();
    let mapping = Mapping::parse(&file).unwrap();
    let (mut engine, mut batch) = (Engine::new(&mapping), Batch::default());
    Source::new(EVENTS.as_bytes(), &mapping)
        .unwrap()
        .each(|_, row| {
            let records = engine.next(&row.unwrap()).unwrap();
            batch.cases.extend(records.version.iter().map(encode::case::case));
            batch.activities.extend(records.activities.iter().map(encode::activity::activity));
            true
        })
        .unwrap();
    batch
}

async fn import(client: &Client) -> Sent {
    let (batches, inbox) = mpsc::channel(1);
    batches.send(converted()).await.unwrap();
    drop(batches);
    send::send(client, "it", inbox, |_| {}).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_refuses_of_an_import_is_told_once_with_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let (server, client) = server(directory.path()).await;
    let mut batch = converted();
    batch.lines.activities = (2..).take(batch.activities.len()).collect();
    let at =
        batch.activities.iter().position(|one| matches!(one.detail, Some(v1::activity::Detail::Payment(_)))).unwrap();
    let Some(v1::activity::Detail::Payment(payment)) = &mut batch.activities[at].detail else { unreachable!() };
    payment.amount.as_mut().unwrap().units = -50;
    let (batches, inbox) = mpsc::channel(1);
    batches.send(batch).await.unwrap();
    drop(batches);
    let sent = send::send(&client, "it", inbox, |_| {}).await.unwrap();
    let (reason, refused) = sent.activities.refused.first_key_value().unwrap();
    assert_eq!((reason.as_str(), refused.count, sent.activities.created), ("INVALID_FIELD", 1, 6));
    let told = &refused.first[0];
    assert!(told.starts_with(&format!("line {}, A1/", at + 2)), "{told}");
    assert_eq!((told.matches("payment.amount").count(), told.contains("activities[")), (1, false), "{told}");
    server.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_through_the_api_is_stored_once_however_often_it_runs_and_its_sums_come_out() {
    let directory = tempfile::tempdir().unwrap();
    let (server, client) = server(directory.path()).await;
    let first = import(&client).await;
    assert_eq!((first.cases.created, first.activities.created), (3, 7), "{first:?}");
    assert_eq!(first.cases.refusals() + first.activities.refusals(), 0, "{first:?}");
    let again = import(&client).await;
    assert_eq!((again.cases.created, again.activities.created), (0, 0), "{again:?}");
    assert_eq!((again.cases.duplicates, again.activities.duplicates), (3, 7), "{again:?}");

    let table = figures::of_year(&client, "it", 2007).await.unwrap();
    let line = |month: &str| table.lines().find(|line| line.contains(month)).unwrap_or_else(|| panic!("{table}"));
    // Opening 35.00 + 11.00 + 36.50 of May, 50.00 collected: 60.61 %. The rest of 32.50 goes to collection in June.
    assert!(line("2007-05").contains("60.61 %"), "{table}");
    assert!(line("2007-06").contains("32.50 EUR"), "{table}");
    assert!(line("2007-01").contains("no value"), "nothing was open before: {table}");
    server.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_asked_compared_and_taken_apart_on_the_command_line() {
    let directory = tempfile::tempdir().unwrap();
    let (server, client) = server(directory.path()).await;
    import(&client).await;
    let store = server.app.ingest.markets().store();
    let (tenant, now) = (TenantId::trusted("demo"), Clock::system().now());
    let key = keys::create(store, &tenant, vec![Role::Reader], Vec::new(), now).await.unwrap();
    let ask = async |words: &str| {
        let target = format!("--market it --url http://{} --key {key}", server.address);
        let line = format!("fairdue kpi {words} {target}");
        let Command::Kpi(command) = Cli::try_parse_from(line.split(' ')).unwrap().command else { panic!("{line}") };
        kpi::answer(&command).await.map_err(|error| error.to_string())
    };
    let list = ask("list").await.unwrap();
    assert!(list.contains("recovery_rate") && list.contains("ptp_kept_inbound"), "{list}");
    let table = ask("query --kpi payments --from 2007-01-01 --to 2007-07-01").await.unwrap();
    assert!(table.contains("50.00") && table.contains("▁▁▄▁█▁"), "{table}");
    let csv = ask("query --kpi payments --from 2007-05-01 --to 2007-06-01 --format csv").await.unwrap();
    assert!(
        csv.ends_with("payments,payments,2007-05-01,2007-06-01,true,group,,EUR,money,50.00,,50.00,,1,,,false"),
        "{csv}"
    );
    let json =
        ask("query --kpi payments --from 2007-01-01 --to 2007-07-01 --rolling 3month --format json").await.unwrap();
    let rows: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    let values: Vec<&str> = rows.iter().filter_map(|row| row["value"].as_str()).collect();
    assert_eq!(values, ["0.00", "0.00", "20.00", "20.00", "70.00", "50.00"], "{json}");
    let compared =
        ask("compare --kpi payments --from 2007-05-01 --to 2007-06-01 --with baseline:2007-03-01..2007-04-01");
    let compared = compared.await.unwrap();
    assert!(compared.contains("20.00 (2007-03-01)") && compared.contains("150.00"), "{compared}");
    let drill =
        ask("drill --kpi payments --from 2007-01-01 --to 2007-07-01 --currency EUR --format json").await.unwrap();
    let rows: Vec<serde_json::Value> = serde_json::from_str(&drill).unwrap();
    let records: Vec<_> =
        rows.iter().map(|row| (row["case"].as_str().unwrap(), row["numerator"].as_str().unwrap())).collect();
    assert_eq!(records, [("A1", "50.00"), ("A2", "20.00")], "{drill}");
    let across = ask("across --kpi accounts_on_hand --from 2007-05-01 --to 2007-06-01 --format csv").await.unwrap();
    let lines: Vec<&str> = across.lines().skip(1).collect();
    let counts = |line: &str, market: &str| line.contains(&format!(",{market},,count,2,,2,"));
    assert!(lines.len() == 2 && counts(lines[0], "market=IT") && counts(lines[1], "market=all"), "{across}");
    let error = ask("across --kpi payments --from 2007-05-01 --to 2007-06-01").await.unwrap_err();
    assert!(error.contains("[reporting]"), "{error}");
    let watched = ask("watch --kpi payments --from 2007-05-01 --to 2007-06-01 --updates 1 --format csv").await.unwrap();
    assert!(watched.ends_with(",EUR,money,50.00,,50.00,,1,,,false"), "{watched}");
    let alerts = ask("alerts --updates 1").await.unwrap();
    assert!(alerts.starts_with("nothing to tell"), "{alerts}");
    let quality = ask("quality --from 2007-01-01 --to 2008-01-01 --format csv").await.unwrap();
    assert!(quality.contains("\nkpi,headcount,facts,headcount_change,0,0,yes,Activity.agent_roster"), "{quality}");
    let peers = ask("benchmarks --kpi open_rate --kpi payments --quarter 2007-04-01").await.unwrap();
    assert!(peers.contains("Campaign Monitor") && peers.contains("only who shares sees others"), "{peers}");
    let exact = ask("query --kpi days_to_collect_p50 --from 2007-01-01 --to 2007-07-01 --exact").await.unwrap();
    assert!(exact.contains("answered from the history"), "{exact}");
    let card = ask("scorecard").await.unwrap();
    assert!(card.starts_with("no target holds today"), "{card}");
    let error = ask("query --kpi payments --from 2007-01-01 --to 2007-07-01 --grain fortnight").await.unwrap_err();
    assert!(error.contains("write one of day, week"), "{error}");
    let error = ask("query --kpi payment --from 2007-01-01 --to 2007-07-01").await.unwrap_err();
    assert!(error.contains("kpi_ids[0]") && error.contains("ListKpis"), "{error}");
    server.stop(Duration::from_secs(10)).await;
}

/// Capital words with an underscore that stand between quotes.
fn reasons(text: &str) -> Vec<&str> {
    let plain = |word: &&str| {
        word.contains('_') && word.len() > 3 && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    text.split('"').filter(plain).collect()
}

#[test]
fn every_reason_that_a_failure_can_carry_is_documented() {
    let documented = std::fs::read_to_string(package().join("docs/errors.md")).unwrap();
    let mut seen = 0;
    for module in ["ingest", "store", "advice", "query", "transport", "transport/service"] {
        for entry in std::fs::read_dir(package().join("src").join(module)).unwrap() {
            let path = entry.unwrap().path();
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            // A label of page tokens, not a reason.
            for reason in reasons(code).into_iter().filter(|reason| *reason != "FINDING_ID") {
                seen += 1;
                assert!(documented.contains(reason), "{reason} of {} is not in docs/errors.md", path.display());
            }
        }
    }
    assert!(seen > 20, "the search finds no reasons any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_finds_every_kind_of_breach_that_it_tells_on_purpose() {
    let directory = tempfile::tempdir().unwrap();
    let (server, client) = server(directory.path()).await;
    let expected: [(&str, &[&str]); 4] = [
        ("it", &["it-contact-hours"]),
        ("se", &["se-fee-demand", "se-fee-reminder"]),
        ("de", &["de-fee-table-2025", "de-represented"]),
        (
            "us",
            &[
                "us-reg-f-call-frequency",
                "us-reg-f-contact-hours",
                "us-cease-communication",
                "us-attorney",
                "us-validation-notice",
            ],
        ),
    ];
    for (country, (market, rules)) in COUNTRIES.into_iter().zip(expected) {
        assert_eq!(country.market, market);
        let sent = demo::send_history(&client, country).await.unwrap();
        assert_eq!(sent.cases.refusals() + sent.activities.refusals(), 0, "{sent:?}");
        let key = MarketKey { tenant: TenantId::trusted("demo"), market: MarketId::trusted(market) };
        server.app.ingest.markets().submit(&key, Work::Settle(Clock::system().now())).await.unwrap();
        let request =
            v1::ListFindingsRequest { region_code: market.to_owned(), page_size: 1_000, ..Default::default() };
        let findings = client.compliance.clone().list_findings(request).await.unwrap().into_inner().findings;
        for rule in rules {
            assert!(findings.iter().any(|finding| finding.rule_id == *rule), "{market}: no finding of {rule}");
        }
    }
    server.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_simulation_is_told_as_a_table_and_mistakes_as_check_tells_them() {
    use super::simulate;
    let directory = tempfile::tempdir().unwrap();
    let (server, client) = server(directory.path()).await;
    let candidate = directory.path().join("candidate");
    assert!(simulate::files(&candidate, None).unwrap_err().to_string().contains("holds no candidate"));
    let pack = candidate.join("jurisdictions/it/rules.toml");
    std::fs::create_dir_all(pack.parent().unwrap()).unwrap();
    let text = std::fs::read_to_string(package().join("config/jurisdictions/it/rules.toml")).unwrap();
    let ask = async |text: &str| {
        std::fs::write(&pack, text).unwrap();
        let files = simulate::files(&candidate, None).unwrap();
        assert_eq!(files[0].path, "jurisdictions/it/rules.toml");
        let request = v1::SimulateRulesRequest { region_code: "it".to_owned(), files, ..Default::default() };
        simulate::ask(&client, request, |_, _| ()).await
    };
    let same = ask(&text).await.unwrap().text();
    assert!(same.contains("the candidate is what is in force") && same.contains("no rule changes anything"), "{same}");
    let (head, rest) = text.split_once("title = \"").unwrap();
    let edited = ask(&format!("{head}title = \"New: {rest}")).await.unwrap().text();
    assert!(edited.contains("would find") && edited.contains("of the candidate, all as promised"), "{edited}");
    let (head, rest) = text.split_once("[rule.contact_hours]").unwrap();
    let hours = rest.replacen("from = \"08", "from = \"09", 1);
    let told = ask(&format!("{head}[rule.contact_hours]{hours}")).await.unwrap().text();
    assert!(told.contains("`fairdue check` refuses it") && told.contains("cases.toml:"), "{told}");
    let error = ask(&text.replacen("effect = \"", "effect = \"x", 1)).await.unwrap_err().to_string();
    assert!(error.contains("jurisdictions/it/rules.toml:") && error.contains("remedy: "), "{error}");
    drop(server);
}
