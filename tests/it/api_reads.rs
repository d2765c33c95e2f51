//! Reads through the API: pages that add up to the whole, tokens that fit nowhere else, masks, case files, figures.

use std::collections::BTreeSet;

use fairdue::domain::principal::Role;
use fairdue::proto::v1;
use prost_types::FieldMask;
use tonic::Code;

use crate::support::api::{Api, Clients};
use crate::support::database::{Backend, Database, on_both_databases};
use crate::support::wire::{activity, api_pool, batch, call, case, date, euros, fields, payment, reason, stamp};

const CASES: usize = 5;

async fn filled(api: &Api) -> Clients {
    let mut mine = api.platform("mine").await;
    let cases = (0..CASES).map(|n| case(&format!("c{n}"), "creditor")).collect();
    let cases = v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases };
    mine.cases.batch_upsert_cases(cases).await.expect("stored");
    let activities = (0..7).map(|n| payment(&format!("p{n}"), "c1", 1 + n % 3, 1)).collect();
    mine.activities.batch_record_activities(batch(activities)).await.expect("stored");
    mine
}

on_both_databases!(
    async fn pages_of_cases_add_up_to_the_whole(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = filled(&api).await;
        for page_size in [1, 2, 5, 50] {
            let mut seen = Vec::new();
            let mut token = String::new();
            loop {
                let request = v1::ListCasesRequest {
                    region_code: "IT".to_owned(),
                    page_size,
                    page_token: token,
                    ..Default::default()
                };
                let page = mine.cases.list_cases(request).await.expect("a page").into_inner();
                assert!(!page.cases.is_empty() && page.cases.len() <= usize::try_from(page_size).expect("small"));
                seen.extend(page.cases.into_iter().map(|case| case.case_id));
                token = page.next_page_token;
                if token.is_empty() {
                    break;
                }
            }
            assert_eq!(seen, (0..CASES).map(|n| format!("c{n}")).collect::<Vec<_>>(), "page size {page_size}");
        }
        let of_person = v1::ListCasesRequest {
            region_code: "IT".to_owned(),
            person_id: "person of c3".to_owned(),
            ..Default::default()
        };
        let found = mine.cases.list_cases(of_person).await.expect("a page").into_inner().cases;
        assert_eq!(found.into_iter().map(|case| case.case_id).collect::<Vec<_>>(), ["c3"]);
        api.end().await;
    }
);

on_both_databases!(
    async fn pages_of_activities_add_up_to_the_whole(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = filled(&api).await;
        for case_id in ["", "c1"] {
            let mut seen = Vec::new();
            let mut token = String::new();
            loop {
                let request = v1::ListActivitiesRequest {
                    region_code: "IT".to_owned(),
                    case_id: case_id.to_owned(),
                    page_size: 2,
                    page_token: token,
                    ..Default::default()
                };
                let page = mine.activities.list_activities(request).await.expect("a page").into_inner();
                seen.extend(page.activities.into_iter().map(|activity| activity.activity_id));
                token = page.next_page_token;
                if token.is_empty() {
                    break;
                }
            }
            let distinct: BTreeSet<&String> = seen.iter().collect();
            assert_eq!((seen.len(), distinct.len()), (7, 7), "case {case_id:?}: {seen:?}");
        }
        let span = v1::ListActivitiesRequest {
            region_code: "IT".to_owned(),
            case_id: "c1".to_owned(),
            kind: "payment".to_owned(),
            start_time: stamp(2),
            end_time: stamp(3),
            ..Default::default()
        };
        let found = mine.activities.list_activities(span).await.expect("a page").into_inner().activities;
        let found: Vec<String> = found.into_iter().map(|activity| activity.activity_id).collect();
        assert_eq!(found, ["p1", "p4"], "those of the second day, by time");
        api.end().await;
    }
);

#[tokio::test]
async fn a_page_token_fits_only_its_list_its_arguments_and_its_caller() {
    let database = crate::support::database::Database::fresh(crate::support::database::Backend::Sqlite).await;
    let api = Api::start(&database).await;
    let mut mine = filled(&api).await;
    let list = |page_token: &str, person_id: &str, page_size| v1::ListCasesRequest {
        region_code: "IT".to_owned(),
        page_size,
        page_token: page_token.to_owned(),
        person_id: person_id.to_owned(),
        ..Default::default()
    };
    let token = mine.cases.list_cases(list("", "", 2)).await.expect("a page").into_inner().next_page_token;
    assert!(!token.is_empty());
    mine.cases.list_cases(list(&token, "", 1)).await.expect("the size may change");
    let refused = |status: tonic::Status| {
        assert_eq!((status.code(), fields(&status)), (Code::InvalidArgument, vec!["page_token".to_owned()]));
    };
    refused(mine.cases.list_cases(list(&token, "person of c3", 2)).await.expect_err("another filter"));
    let other =
        v1::ListActivitiesRequest { region_code: "IT".to_owned(), page_token: token.clone(), ..Default::default() };
    refused(mine.activities.list_activities(other).await.expect_err("another list"));
    refused(mine.cases.list_cases(list("00ff", "", 2)).await.expect_err("made up"));
    refused(mine.cases.list_cases(list(&format!("{token}00"), "", 2)).await.expect_err("altered"));
    let mut stranger = api.platform("theirs").await;
    refused(stranger.cases.list_cases(list(&token, "", 2)).await.expect_err("another tenant"));
    let size = mine.cases.list_cases(list("", "", -1)).await.expect_err("negative");
    assert_eq!(fields(&size), ["page_size"]);
    api.end().await;
}

#[tokio::test]
async fn a_read_mask_leaves_out_what_is_not_asked_for() {
    let database = crate::support::database::Database::fresh(crate::support::database::Backend::Sqlite).await;
    let api = Api::start(&database).await;
    let mut mine = filled(&api).await;
    let get = |paths: &[&str]| v1::GetCaseRequest {
        region_code: "IT".to_owned(),
        case_id: "c1".to_owned(),
        read_mask: Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() }),
    };
    let read = mine.cases.get_case(get(&["case_id", "currency_code"])).await.expect("a case").into_inner();
    let expected = v1::Case { case_id: "c1".to_owned(), currency_code: "EUR".to_owned(), ..v1::Case::default() };
    assert_eq!(read.case, Some(expected));
    let wrong = mine.cases.get_case(get(&["case_id", "debtor"])).await.expect_err("no such field");
    assert_eq!(fields(&wrong), ["read_mask.paths[1]"]);
    let request = v1::GetActivityRequest {
        region_code: "IT".to_owned(),
        activity_id: "p1".to_owned(),
        read_mask: Some(FieldMask { paths: vec!["detail".to_owned()] }),
    };
    let read = mine.activities.get_activity(request).await.expect("an activity").into_inner().activity;
    let read = read.expect("an activity");
    assert!(read.activity_id.is_empty() && read.detail.is_some());
    api.end().await;
}

on_both_databases!(
    async fn what_is_unknown_is_not_found(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = api.platform("mine").await;
        let (region_code, read_mask) = ("IT".to_owned(), None);
        let case = v1::GetCaseRequest {
            region_code: region_code.clone(),
            case_id: "none".to_owned(),
            read_mask: read_mask.clone(),
        };
        let status = mine.cases.get_case(case).await.expect_err("unknown");
        assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "NOT_FOUND"));
        let file = v1::GetCaseFileRequest {
            region_code: region_code.clone(),
            case_id: "none".to_owned(),
            read_mask: read_mask.clone(),
        };
        assert_eq!(mine.cases.get_case_file(file).await.expect_err("unknown").code(), Code::NotFound);
        let one = v1::GetActivityRequest { region_code, activity_id: "none".to_owned(), read_mask };
        assert_eq!(mine.activities.get_activity(one).await.expect_err("unknown").code(), Code::NotFound);
        api.end().await;
    }
);

on_both_databases!(
    async fn a_case_file_shows_everything_about_a_case(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = filled(&api).await;
        let promise = v1::Promise { amount: euros(10), due_date: date(2024, 3, 25), ..Default::default() };
        let letter = v1::Contact {
            channel: v1::Channel::Email.into(),
            template_id: "reminder".to_owned(),
            ..Default::default()
        };
        let opened = v1::MessageEvent {
            event: v1::MessageEventKind::Opened.into(),
            channel: v1::Channel::Email.into(),
            machine: false,
        };
        let mut open = activity("open", "c2", 2, v1::activity::Detail::MessageEvent(opened));
        open.parent_activity_id = "letter".to_owned();
        let records = vec![
            activity("promise", "c2", 1, v1::activity::Detail::Promise(promise)),
            activity("letter", "c2", 1, v1::activity::Detail::Contact(Box::new(letter))),
            open,
            payment("paid", "c2", 3, 10),
            call("call", "c2", 4),
        ];
        mine.activities.batch_record_activities(batch(records)).await.expect("stored");
        let request =
            v1::GetCaseFileRequest { region_code: "IT".to_owned(), case_id: "c2".to_owned(), read_mask: None };
        let answer = mine.cases.get_case_file(request).await.expect("a page").into_inner();
        let file = answer.case_file.expect("a page");
        assert!(answer.revision > 0);
        let balance = file.balance.expect("a balance");
        assert_eq!((balance.principal, balance.total), (euros(90), euros(90)));
        assert_eq!(file.promises.len(), 1);
        assert_eq!(file.promises[0].state(), v1::PromiseState::Kept);
        assert_eq!(file.promises[0].paid_in_time, euros(10));
        let timeline: Vec<&str> = file.timeline.iter().map(|activity| activity.activity_id.as_str()).collect();
        assert_eq!(timeline, ["letter", "promise", "open", "paid", "call"]);
        assert_eq!(file.documents.len(), 1);
        assert_eq!(file.documents[0].template_id, "reminder");
        assert_eq!(file.documents[0].open_time, stamp(2));
        let person = "person of c2";
        assert!(
            file.contact_permissions
                .iter()
                .any(|permission| { permission.person_id == person && permission.channel() == v1::Channel::Call })
        );
        api.end().await;
    }
);

on_both_databases!(
    async fn figures_findings_rules_and_checks_are_answered(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = filled(&api).await;
        let kpis = v1::ListKpisRequest { region_code: "IT".to_owned(), page_size: 1000, ..Default::default() };
        let kpis = mine.kpis.list_kpis(kpis).await.expect("a list").into_inner().kpis;
        assert!(kpis.iter().any(|kpi| kpi.kpi_id == "recovery_rate"));
        let question = |id: &str, group_by: &[&str]| v1::QueryKpisRequest {
            region_code: "IT".to_owned(),
            kpi_ids: vec![id.to_owned()],
            grain: v1::Grain::Month.into(),
            start_date: date(2024, 3, 1),
            end_date: date(2024, 5, 1),
            group_by: group_by.iter().map(|name| (*name).to_owned()).collect(),
            ..Default::default()
        };
        let answer = mine.kpis.query_kpis(question("recovery_rate", &[])).await.expect("figures").into_inner();
        let march = &answer.rows[0];
        assert_eq!(march.period_start_date, date(2024, 3, 1));
        assert_eq!(march.currency_code, "EUR");
        assert_eq!(march.numerator.as_ref().map(|number| number.value.as_str()), Some("7.00"));
        assert!(march.value.is_some() && march.no_value_reason == 0);
        let unknown = mine.kpis.query_kpis(question("nonsense", &[])).await.expect_err("no such KPI");
        assert_eq!(unknown.code(), Code::InvalidArgument);
        let wrong = mine.kpis.query_kpis(question("recovery_rate", &["colour"])).await.expect_err("no dimension");
        assert_eq!(fields(&wrong), ["group_by[0]"]);

        let rules = v1::ListRulesRequest { region_code: "IT".to_owned(), page_size: 3, ..Default::default() };
        let rules = mine.compliance.list_rules(rules).await.expect("rules").into_inner();
        assert_eq!(rules.rules.len(), 3);
        assert!(rules.rules.iter().all(|rule| !rule.citation.is_empty()) && !rules.rules_digest.is_empty());
        let contact = v1::Contact { channel: v1::Channel::Call.into(), ..Default::default() };
        let check = v1::CheckContactRequest {
            region_code: "IT".to_owned(),
            case_id: "c1".to_owned(),
            contact_time: stamp(9),
            contact: Some(contact),
            ..Default::default()
        };
        let checker = api.key("mine", &[Role::Checker], &[]).await;
        let answer = api.clients(&checker).compliance.check_contact(check.clone()).await.expect("an answer");
        let answer = answer.into_inner();
        assert!(!answer.check_id.is_empty() && answer.verdict() != v1::Verdict::Unspecified);
        assert_eq!(answer.contact_time, stamp(9));
        let nobody = v1::CheckContactRequest { case_id: "none".to_owned(), ..check };
        let nobody = mine.compliance.check_contact(nobody).await.expect_err("unknown case");
        assert_eq!(nobody.code(), Code::NotFound);
        let findings = v1::ListFindingsRequest { region_code: "IT".to_owned(), ..Default::default() };
        mine.compliance.list_findings(findings).await.expect("findings");
        api.end().await;
    }
);

/// An empty list must mean that nothing happened, not that the question was misspelt.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn activities_are_listed_by_kinds_that_there_are() {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start(&database).await;
    let mut mine = filled(&api).await;
    let by = |kind: &str| v1::ListActivitiesRequest {
        region_code: "IT".to_owned(),
        kind: kind.to_owned(),
        ..Default::default()
    };
    let activity = api_pool().get_message_by_name("fairdue.v1.Activity").expect("the message");
    let details = activity.oneofs().find(|oneof| oneof.name() == "detail").expect("its details");
    for kind in details.fields() {
        mine.activities.list_activities(by(kind.name())).await.expect("a list");
    }
    for kind in ["contacts", "Contact", "CALL", "detail", "note "] {
        let refused = mine.activities.list_activities(by(kind)).await.expect_err(kind);
        assert_eq!((refused.code(), fields(&refused)), (Code::InvalidArgument, vec!["kind".to_owned()]));
    }
    api.end().await;
}
