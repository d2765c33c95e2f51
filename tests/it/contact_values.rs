//! The value of a contact point is never stored: what is sent for its hash must be able to be one.

use fairdue::proto::v1;

use crate::support::api::Api;
use crate::support::database::on_both_databases;
use crate::support::wire::{case, fields, reason};

/// A case whose debtor has a telephone with this text for its hash.
fn with_hash(id: &str, text: &str) -> v1::UpsertCaseRequest {
    let mut sent = case(id, "creditor");
    let mut phone =
        v1::ContactPoint { contact_point_id: "x".to_owned(), value_hash: text.to_owned(), ..Default::default() };
    phone.set_kind(v1::ContactPointKind::Phone);
    sent.parties[0].contact_points = vec![phone];
    v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(sent) }
}

on_both_databases!(
    async fn a_value_is_not_taken_for_its_hash(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = api.platform("mine").await;
        for value in ["+393331234567", "mario.rossi@example.com", "Via Roma 1, 00100 Roma"] {
            let refused = mine.cases.upsert_case(with_hash("c1", value)).await.expect_err(value);
            assert_eq!(reason(&refused), "INVALID_FIELD", "{value}");
            assert_eq!(fields(&refused), ["case.parties[0].contact_points[0].value_hash"], "{value}");
            assert!(!refused.message().contains(value), "the value is repeated: {refused:?}");
        }
        for (id, hash) in [("c1", "9f".repeat(32)), ("c2", "3q2+7wAB/3q2+7wAB3q2+7wAB3q2+7wAB3q2+7wABcE=".to_owned())] {
            mine.cases.upsert_case(with_hash(id, &hash)).await.expect("stored");
            let asked =
                v1::GetCaseRequest { region_code: "IT".to_owned(), case_id: id.to_owned(), ..Default::default() };
            let known = mine.cases.get_case(asked).await.expect("the case").into_inner().case.expect("the case");
            assert_eq!(known.parties[0].contact_points[0].value_hash, hash);
        }
        api.end().await;
    }
);
