//! A read holds what it asks for, whichever server answers it.

use fairdue::domain::principal::Role;
use fairdue::proto::google::r#type::Date;
use fairdue::proto::v1;
use tonic::{Code, Status};

use crate::support::api::{Api, Clients};
use crate::support::database::{Backend, Database, on_both_databases};
use crate::support::wire::{asking, batch, case, note, payment, reason};

fn check(case_id: &str) -> v1::CheckContactRequest {
    v1::CheckContactRequest {
        region_code: "IT".to_owned(),
        case_id: case_id.to_owned(),
        contact: Some(v1::Contact { channel: v1::Channel::Letter.into(), ..Default::default() }),
        ..Default::default()
    }
}

async fn open(clients: &mut Clients, id: &str) -> i64 {
    let request = v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(case(id, "creditor")) };
    clients.cases.upsert_case(request).await.expect("stored").into_inner().revision
}

async fn pay(clients: &mut Clients, id: &str) -> i64 {
    let request = batch(vec![payment(id, "c1", 1, 1)]);
    clients.activities.batch_record_activities(request).await.expect("stored").into_inner().revision
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_server_has_written_another_answers_from() {
    let database = Database::fresh(Backend::Postgres).await;
    let (one, other) = (Api::start(&database).await, Api::start(&database).await);
    let key = one.key("mine", &[Role::Writer, Role::Reader, Role::Checker], &[]).await;
    let (mut here, mut there) = (one.clients(&key), other.clients(&key));
    open(&mut here, "c1").await;
    there.compliance.check_contact(check("c1")).await.expect("the other server knows the market");
    let mut behind = 0;
    for round in 0..40 {
        let revision = pay(&mut here, &format!("p{round}")).await;
        let fastest = there.compliance.check_contact(check("c1")).await.expect("an answer").into_inner();
        behind += u32::from(fastest.revision < revision);
        let wanted = format!("at-least={revision}");
        let answer = there.compliance.check_contact(asking(check("c1"), &wanted)).await.expect("an answer");
        assert!(answer.get_ref().revision >= revision, "{wanted}: {}", answer.get_ref().revision);
        let revision = pay(&mut here, &format!("q{round}")).await;
        let answer = there.compliance.check_contact(asking(check("c1"), "fully-consistent")).await.expect("an answer");
        assert!(answer.get_ref().revision >= revision, "fully consistent: {}", answer.get_ref().revision);
    }
    assert!(behind > 0, "without asking, no answer was ever behind: the test shows nothing");
    one.end().await;
    other.end().await;
}

on_both_databases!(
    async fn a_revision_that_is_not_there_and_words_that_say_nothing_are_refused(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = api.platform("mine").await;
        open(&mut mine, "c1").await;
        let revision = mine.activities.batch_record_activities(batch(vec![note("n", "c1", 1)])).await;
        let revision = revision.expect("stored").into_inner().revision;
        let get = || v1::GetCaseRequest { region_code: "IT".to_owned(), case_id: "c1".to_owned(), read_mask: None };
        for asked in ["fastest".to_owned(), "fully-consistent".to_owned(), format!("at-least={revision}")] {
            mine.cases.get_case(asking(get(), &asked)).await.expect("an answer");
        }
        let refused =
            |status: Status, code, words: &str| assert_eq!((status.code(), reason(&status).as_str()), (code, words));
        let beyond = format!("at-least={}", revision + 1);
        let status = mine.cases.get_case(asking(get(), &beyond)).await.expect_err("not there");
        refused(status, Code::FailedPrecondition, "REVISION_NOT_REACHED");
        let list = v1::ListFindingsRequest { region_code: "IT".to_owned(), ..Default::default() };
        let status = mine.compliance.list_findings(asking(list, &beyond)).await.expect_err("not there");
        refused(status, Code::FailedPrecondition, "REVISION_NOT_REACHED");
        let permits = v1::ListPermitsRequest { region_code: "IT".to_owned(), ..Default::default() };
        let status = mine.compliance.list_permits(asking(permits, &beyond)).await.expect_err("not there");
        refused(status, Code::FailedPrecondition, "REVISION_NOT_REACHED");
        let permit = v1::GetPermitRequest { region_code: "IT".to_owned(), permit_id: "none".to_owned() };
        let status = mine.compliance.get_permit(asking(permit, &beyond)).await.expect_err("not there");
        refused(status, Code::FailedPrecondition, "REVISION_NOT_REACHED");
        // A copy that asks for a revision would else end before it, and nobody would know.
        let pull = || v1::PullRequest { region_code: "IT".to_owned(), once: true, ..Default::default() };
        let status = mine.sync.pull(asking(pull(), &beyond)).await.expect_err("not there");
        refused(status, Code::FailedPrecondition, "REVISION_NOT_REACHED");
        let status = mine.kpis.watch_kpis(asking(watching(), &beyond)).await.expect_err("not there");
        refused(status, Code::FailedPrecondition, "REVISION_NOT_REACHED");
        let alerts = v1::WatchAlertsRequest { region_code: "IT".to_owned() };
        let status = mine.kpis.watch_alerts(asking(alerts, &beyond)).await.expect_err("not there");
        refused(status, Code::FailedPrecondition, "REVISION_NOT_REACHED");
        let mut feed =
            mine.sync.pull(asking(pull(), &format!("at-least={revision}"))).await.expect("a feed").into_inner();
        let first = feed.message().await.expect("no failure").expect("a message");
        assert!(first.head_revision >= revision, "{first:?}");
        for bad in ["at-least", "newest", "at-least=-1", "at-least=9999999999999999999"] {
            let status = mine.cases.get_case(asking(get(), bad)).await.expect_err(bad);
            refused(status, Code::InvalidArgument, "MALFORMED_CONSISTENCY");
        }
        let elsewhere = v1::GetCaseRequest { region_code: "FR".to_owned(), ..get() };
        let status = mine.cases.get_case(asking(elsewhere, "fully-consistent")).await.expect_err("no such market");
        refused(status, Code::InvalidArgument, "MARKET_UNKNOWN");
        api.end().await;
    }
);

/// A question without its market.
fn open_accounts() -> v1::QueryKpisRequest {
    v1::QueryKpisRequest {
        kpi_ids: vec!["open_accounts".to_owned()],
        grain: v1::Grain::Total.into(),
        start_date: Some(Date { year: 2024, month: 1, day: 1 }),
        end_date: Some(Date { year: 2025, month: 1, day: 1 }),
        ..Default::default()
    }
}

fn watching() -> v1::WatchKpisRequest {
    let question = v1::QueryKpisRequest { region_code: "IT".to_owned(), ..open_accounts() };
    v1::WatchKpisRequest { question: Some(question) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_that_others_watch_on_another_server_are_not_older_than_what_is_asked_for() {
    let database = Database::fresh(Backend::Postgres).await;
    let (one, other) = (Api::start(&database).await, Api::start(&database).await);
    let key = one.key("mine", &[Role::Writer, Role::Reader], &[]).await;
    let (mut here, mut there) = (one.clients(&key), other.clients(&key));
    open(&mut here, "c1").await;
    let mut watched = there.kpis.watch_kpis(watching()).await.expect("a watch").into_inner();
    watched.message().await.expect("no failure").expect("figures");
    let mut behind = 0;
    for round in 0..20 {
        // A note changes no figure: what is watched is computed anew, and not pushed.
        let note = batch(vec![note(&format!("n{round}"), "c1", 1)]);
        let revision = here.activities.batch_record_activities(note).await.expect("stored").into_inner().revision;
        let mut fastest = there.kpis.watch_kpis(watching()).await.expect("a watch").into_inner();
        let told = fastest.message().await.expect("no failure").expect("figures").revision;
        behind += u32::from(told < revision);
        for wanted in [format!("at-least={revision}"), "fully-consistent".to_owned()] {
            let watch = there.kpis.watch_kpis(asking(watching(), &wanted)).await.expect("a watch");
            let told = watch.into_inner().message().await.expect("no failure").expect("figures").revision;
            assert!(told >= revision, "{wanted}: {told}");
        }
    }
    assert!(behind > 0, "without asking, no figures were ever behind: the test shows nothing");
    one.end().await;
    other.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_about_several_markets_asks_each_of_them() {
    let database = Database::fresh(Backend::Postgres).await;
    let (one, other) = (Api::start(&database).await, Api::start(&database).await);
    let key = one.key("mine", &[Role::Writer, Role::Reader], &[]).await;
    let (mut here, mut there) = (one.clients(&key), other.clients(&key));
    let revision = open(&mut here, "c1").await;
    let asked = |markets: &[&str]| v1::QueryKpisAcrossMarketsRequest {
        region_codes: markets.iter().map(|market| (*market).to_owned()).collect(),
        question: Some(open_accounts()),
    };
    let mut ask = async |markets: &[&str], consistency: &str| {
        there.kpis.query_kpis_across_markets(asking(asked(markets), consistency)).await
    };
    let wanted = format!("at-least={revision}");
    for (markets, consistency) in
        [(&["IT", "SE"][..], "fully-consistent"), (&["IT"], wanted.as_str()), (&[], "fastest")]
    {
        let answer = ask(markets, consistency).await.expect("figures").into_inner();
        let italy = answer.markets.iter().find(|market| market.region_code == "IT").expect("Italy");
        assert!(italy.revision >= revision, "{consistency}: {}", italy.revision);
    }
    for markets in [&["IT", "SE"][..], &[]] {
        let refused = ask(markets, &wanted).await.expect_err("a revision of one market");
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "MALFORMED_CONSISTENCY"));
    }
    let beyond = ask(&["IT"], &format!("at-least={}", revision + 1_000)).await.expect_err("no such revision");
    assert_ne!(reason(&beyond), "MALFORMED_CONSISTENCY");
    one.end().await;
    other.end().await;
}
