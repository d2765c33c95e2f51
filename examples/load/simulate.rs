//! A simulation of one changed rule over a loaded market, against the database that hands over the same rows.

use std::time::Instant;

use fairdue::proto::v1;
use futures::TryStreamExt as _;
use sqlx::{Connection, Row as _};
use v1::compliance_service_client::ComplianceServiceClient;
use v1::simulate_rules_response::Event;

use crate::stats::{Rounds, Run, ratio, timed};
use crate::support::database::{Backend, Database};
use crate::support::service::{Setup, caller};
use crate::{Options, stream};

/// The market of the United States, whose rules of three levels are the most.
const MARKET: &str = "US";

pub async fn measure(options: &Options) {
    let database = options.database().await;
    let setup = Setup::new(&database.url, &[]).await;
    let service = setup.start().await;
    stream::cases(&service, &setup.key, options.cases(), 4).await;
    stream::activities(&service, &setup.key, options.cases(), 4).await;
    let mut client = ComplianceServiceClient::new(caller(&service.address, &setup.key).await);
    let mut ours = Rounds::of("simulation");
    let mut theirs = Rounds::of("rows handed over");
    for round in 1..=options.rounds {
        println!("round {round}");
        let mut since = Instant::now();
        let request =
            v1::SimulateRulesRequest { region_code: MARKET.into(), files: vec![candidate()], ..Default::default() };
        let mut events = client.simulate_rules(request).await.expect("a simulation").into_inner();
        let mut activities = 0;
        while let Some(message) = events.message().await.expect("the simulation goes on") {
            match message.event {
                // Until then the candidate was checked, which takes as long whatever the history.
                Some(Event::Started(_)) => {
                    println!("  checked after {:.0?}", since.elapsed());
                    since = Instant::now();
                }
                Some(Event::Finished(totals)) => activities = totals.activity_count.unsigned_abs(),
                Some(Event::Refused(refused)) => panic!("the candidate is not sound: {refused:?}"),
                _ => {}
            }
        }
        assert!(activities > 0, "nothing was replayed");
        ours.take(timed(activities, since), "activities");
        theirs.take(hand_over(&database, MARKET).await, "activities");
    }
    println!("{}\n{}", ours.summary("activities"), theirs.summary("activities"));
    ratio("simulation over rows handed over", ours.median_rate(), theirs.median_rate(), 0.5);
    service.kill();
}

/// The federal limit of seven calls in seven days, lowered by one.
fn candidate() -> v1::CandidateFile {
    let path = "jurisdictions/us/rules.toml";
    let text = std::fs::read_to_string(format!("{}/config/{path}", env!("CARGO_MANIFEST_DIR"))).expect("the pack");
    assert!(text.contains("\nmax = 7\n"), "the rule that is changed has moved");
    v1::CandidateFile { path: path.into(), text: text.replacen("\nmax = 7\n", "\nmax = 6\n", 1), removed: false }
}

/// Reads what a replay reads of each activity, in the order of the cases: one row after the other over one connection.
pub async fn hand_over(database: &Database, region: &str) -> Run {
    let sql = format!(
        "SELECT case_id, revision, recorded_at, record FROM activity
         WHERE tenant_id = 't' AND market_id = '{}' ORDER BY case_id",
        region.to_lowercase()
    );
    macro_rules! read {
        ($connection:ty) => {{
            let mut connection = <$connection>::connect(&database.url).await.expect("connect");
            let since = Instant::now();
            let mut rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch(&mut connection);
            let (mut count, mut bytes) = (0, 0);
            while let Some(row) = rows.try_next().await.expect("a row") {
                count += 1;
                bytes += row.get::<Vec<u8>, _>(3).len();
            }
            assert!(bytes > 0, "no rows");
            timed(count, since)
        }};
    }
    match database.backend {
        Backend::Postgres => read!(sqlx::PgConnection),
        Backend::Sqlite => read!(sqlx::SqliteConnection),
    }
}
