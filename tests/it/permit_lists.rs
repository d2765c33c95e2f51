//! Permits asked for in batches of checks, and permits that are read and listed.

use std::sync::atomic::Ordering;

use fairdue::domain::time::SECOND;
use fairdue::proto::v1;
use tonic::Code;
use v1::{PermitState as Is, Verdict};

use crate::permits::{open, record, release, start, using, wish};
use crate::support::api::Clients;
use crate::support::database::on_both_databases;
use crate::support::wire::{fields, reason};

/// The contact of a batch that asks for a permit.
fn wished(case: &str, permit: &str) -> v1::ContactCheck {
    let v1::CheckContactRequest { case_id, contact, reserve, .. } = wish(case, permit);
    v1::ContactCheck { case_id, contact, reserve, ..Default::default() }
}

/// Ids of permits as lists tell them, a page of one permit after the other.
async fn listed(clients: &mut Clients, case: &str, state: Is) -> Vec<String> {
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = v1::ListPermitsRequest {
            region_code: "it".to_owned(),
            case_id: case.to_owned(),
            state: state.into(),
            page_size: 1,
            page_token,
        };
        let page = clients.compliance.list_permits(request).await.expect("a page").into_inner();
        found.extend(page.permits.into_iter().map(|permit| permit.permit_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return found;
        }
    }
}

on_both_databases!(
    async fn checks_by_the_hundred_hold_places_in_their_order(database: Database) {
        let (api, hand) = start(&database, &[]).await;
        let mut mine = api.platform("mine").await;
        open(&mut mine, &["c1", "c2"]).await;
        let plain = |case: &str| v1::ContactCheck { reserve: None, ..wished(case, "") };
        let mut wrong = wished("c1", "p9");
        wrong.reserve =
            Some(v1::Reservation { permit_id: "p9".to_owned(), ttl: Some(prost_types::Duration::default()) });
        let checks = vec![
            plain("c1"),
            wished("c1", "p1"),
            wrong,
            wished("c1", "p2"),
            plain("c2"),
            wished("c1", "p3"),
            wished("unknown", "p4"),
            wished("c2", "p5"),
        ];
        let batch = v1::BatchCheckContactsRequest { region_code: "it".to_owned(), checks, ..Default::default() };
        for _ in 0..2 {
            // The second time the permits are there already, and the places with them.
            let answer = mine.compliance.batch_check_contacts(batch.clone()).await.expect("answers").into_inner();
            let told: Vec<_> = answer
                .results
                .iter()
                .map(|one| {
                    let refused = one.refusal.as_ref().map(|refusal| refusal.reason.as_str());
                    (one.verdict(), one.permit.as_ref().map(|permit| permit.permit_id.as_str()), refused)
                })
                .collect();
            let first = if told[0].0 == Verdict::Allowed { Verdict::Allowed } else { Verdict::NotPermitted };
            assert_eq!(
                told,
                [
                    (first, None, None),
                    (Verdict::Allowed, Some("p1"), None),
                    (Verdict::Unspecified, None, Some("INVALID_FIELD")),
                    (Verdict::Allowed, Some("p2"), None),
                    (Verdict::Allowed, None, None),
                    (Verdict::NotPermitted, None, None),
                    (Verdict::Unspecified, None, Some("NOT_FOUND")),
                    (Verdict::Allowed, Some("p5"), None),
                ]
            );
            assert!(answer.results.iter().all(|one| one.refusal.is_some() || !one.check_id.is_empty()));
        }
        let again = mine.compliance.batch_check_contacts(batch.clone()).await.expect("answers").into_inner();
        assert_eq!(again.results[0].verdict(), Verdict::NotPermitted, "two places are held");
        let full = v1::BatchCheckContactsRequest {
            checks: (0..201).map(|number| wished("c2", &format!("q{number}"))).collect(),
            ..batch
        };
        let status = mine.compliance.batch_check_contacts(full).await.expect_err("too many reserve");
        assert_eq!((status.code(), fields(&status)), (Code::InvalidArgument, vec!["checks".to_owned()]));

        release(&mut mine, "p2").await.expect("released");
        record(&mut mine, vec![using("p5", "used", "c2")]).await;
        assert_eq!(listed(&mut mine, "", Is::Unspecified).await, ["p1", "p2", "p5"]);
        assert_eq!(listed(&mut mine, "c1", Is::Unspecified).await, ["p1", "p2"]);
        assert_eq!(listed(&mut mine, "", Is::Held).await, ["p1"]);
        assert_eq!(listed(&mut mine, "", Is::Released).await, ["p2"]);
        assert_eq!(listed(&mut mine, "c2", Is::Used).await, ["p5"]);
        hand.fetch_add(300 * SECOND, Ordering::SeqCst);
        assert_eq!(listed(&mut mine, "", Is::Held).await, Vec::<String>::new());
        assert_eq!(listed(&mut mine, "", Is::Expired).await, ["p1"]);
        let get = |permit: &str| v1::GetPermitRequest { region_code: "it".to_owned(), permit_id: permit.to_owned() };
        let found =
            mine.compliance.get_permit(get("p5")).await.expect("a permit").into_inner().permit.expect("a permit");
        assert_eq!((found.state(), found.case_id.as_str()), (Is::Used, "c2"));
        let missing = mine.compliance.get_permit(get("p3")).await.expect_err("it was never granted");
        assert_eq!((missing.code(), reason(&missing).as_str()), (Code::NotFound, "NOT_FOUND"));
        api.end().await;
    }
);
