//! The check of a permit is on record with the permit, whoever has given up waiting for it, and whatever is killed.

use std::time::Duration;

use fairdue::proto::v1;
use tonic::{Code, Status};
use v1::Verdict;
use v1::case_service_client::CaseServiceClient;
use v1::compliance_service_client::ComplianceServiceClient;

use crate::permits::{ask, open, question, start, wish};
use crate::support::api::{Api, Clients};
use crate::support::database::on_both_databases;
use crate::support::service::{Setup, caller};
use crate::support::wire::{batch, note};
use crate::support::workload::{self, MARKETS};

/// What the log says of an answered check.
fn explain(region: &str, answer: &v1::CheckContactResponse) -> v1::ExplainRequest {
    let check = v1::AnsweredCheck { check_id: answer.check_id.clone(), revision: answer.revision };
    v1::ExplainRequest {
        region_code: region.to_owned(),
        subject: Some(v1::explain_request::Subject::Check(check)),
        ..Default::default()
    }
}

async fn recorded(clients: &mut Clients, answer: &v1::CheckContactResponse) -> Result<v1::RecordedCheck, Status> {
    let told = clients.compliance.explain(explain("IT", answer)).await?.into_inner();
    let told = told.explanation.expect("an explanation");
    assert_eq!(told.verdict(), answer.verdict(), "judged anew among the permits that were held then: {told:?}");
    Ok(told.recorded.expect("what is on record"))
}

/// Ids of the checks on record.
async fn ids(api: &Api) -> Vec<String> {
    let lines = api.logged("mine", "it").await;
    let ids =
        lines.iter().flat_map(|line| line.checks.iter().map(|check| format!("{}-{:x}", line.head.run, check.number)));
    ids.collect()
}

on_both_databases!(
    async fn a_permit_whose_caller_gave_up_has_its_check_on_record(database: Database) {
        let (api, _) = start(&database, &[]).await;
        let mut mine = api.platform("mine").await;
        open(&mut mine, &["c1"]).await;
        let held = database.hold("mine", "it").await;
        let mut request = tonic::Request::new(wish("c1", "p1"));
        request.set_timeout(Duration::from_millis(400));
        let given_up = mine.compliance.check_contact(request).await.expect_err("the lock is held");
        assert!(matches!(given_up.code(), Code::DeadlineExceeded | Code::Cancelled), "{given_up:?}");
        held.let_go().await;
        // What was given up waits before this one.
        mine.activities.batch_record_activities(batch(vec![note("n1", "c1", -1)])).await.expect("stored");
        assert_eq!(database.number("SELECT COUNT(*) FROM permit WHERE tenant_id = 'mine'").await, 1, "it is granted");
        let again = ask(&mut mine, wish("c1", "p1")).await.expect("an answer");
        assert_eq!((again.verdict(), again.permit.is_some()), (Verdict::Allowed, true));
        let told = recorded(&mut mine, &again).await.expect("the check is on record");
        assert_eq!(told.verdict(), Verdict::Allowed);
        // Of what is answered at once as well, and each but once however often it is asked; what is not permitted too.
        let at_once = ask(&mut mine, wish("c1", "p2")).await.expect("an answer");
        let refused = ask(&mut mine, wish("c1", "p3")).await.expect("an answer");
        assert_eq!((at_once.verdict(), refused.verdict()), (Verdict::Allowed, Verdict::NotPermitted));
        ask(&mut mine, question("c1")).await.expect("an answer");
        for number in 2..12 {
            mine.activities
                .batch_record_activities(batch(vec![note(&format!("n{number}"), "c1", -1)]))
                .await
                .expect("stored");
        }
        let later = ask(&mut mine, wish("c1", "p2")).await.expect("an answer");
        assert_eq!(later.check_id, at_once.check_id);
        assert!(later.revision > at_once.revision);
        for answer in [&again, &at_once, &refused, &later] {
            let told = recorded(&mut mine, answer).await.expect("the check is on record");
            assert_eq!(told.verdict(), answer.verdict());
        }
        let mut on_record = ids(&api).await;
        assert_eq!(on_record.len(), 4, "each once: {on_record:?}");
        on_record.dedup();
        assert!([&again, &at_once, &refused].iter().all(|answer| on_record.contains(&answer.check_id)));
        api.end().await;
    }
);

on_both_databases!(
    async fn a_kill_right_behind_a_permit_leaves_its_check_on_record(database: Database) {
        let setup = Setup::new(&database.url, &[]).await;
        let service = setup.start().await;
        let region = MARKETS[0].0;
        let mut case = workload::case(0);
        case.identity.get_or_insert_default().collector_role = v1::CollectorRole::Creditor.into();
        let upsert = v1::UpsertCaseRequest { region_code: region.into(), case: Some(case) };
        CaseServiceClient::new(caller(&service.address, &setup.key).await).upsert_case(upsert).await.expect("stored");
        let request = v1::CheckContactRequest {
            region_code: region.into(),
            case_id: workload::case_id(0),
            contact: Some(v1::Contact { channel: v1::Channel::Email.into(), ..Default::default() }),
            reserve: Some(v1::Reservation { permit_id: "p1".to_owned(), ttl: None }),
            ..Default::default()
        };
        let mut checks = ComplianceServiceClient::new(caller(&service.address, &setup.key).await);
        let first = checks.check_contact(request.clone()).await.expect("an answer").into_inner();
        assert!(first.permit.is_some(), "{first:?}");
        service.kill();
        let service = setup.start().await;
        let mut checks = ComplianceServiceClient::new(caller(&service.address, &setup.key).await);
        let again = checks.check_contact(request).await.expect("an answer").into_inner();
        assert_eq!(again.check_id, first.check_id);
        for answer in [&first, &again] {
            let told = checks.explain(explain(region, answer)).await.expect("the check is on record").into_inner();
            assert_eq!(told.explanation.expect("an explanation").verdict(), first.verdict());
        }
        assert_eq!(service.stop(), 0);
    }
);
