//! An activity takes back, replaces or ends another one, and never itself.

use fairdue::proto::v1;
use tonic::Code;
use v1::activity::Detail;

use crate::support::api::Api;
use crate::support::database::{Backend, Database};
use crate::support::wire::{activity, call, case, date, euros, fields};

#[tokio::test]
async fn an_activity_that_names_itself_is_refused() {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start(&database).await;
    let mut mine = api.platform("mine").await;
    let upsert = v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(case("c1", "bank")) };
    mine.cases.upsert_case(upsert).await.expect("stored");
    let record = |activity| v1::RecordActivityRequest { region_code: "IT".to_owned(), activity: Some(activity) };
    let promise = v1::Promise {
        amount: euros(10),
        due_date: date(2024, 4, 1),
        superseded_promise_id: "a".to_owned(),
        ..Default::default()
    };
    let reason = v1::ReversalKind::Chargeback.into();
    let reversal = v1::Reversal { reversed_activity_id: "a".to_owned(), amount: euros(10), reason };
    for (field, detail) in [
        ("activity.promise.superseded_promise_id", Detail::Promise(promise)),
        ("activity.reversal.reversed_activity_id", Detail::Reversal(reversal)),
    ] {
        let status = mine.activities.record_activity(record(activity("a", "c1", 1, detail))).await.expect_err(field);
        assert_eq!((status.code(), fields(&status)), (Code::InvalidArgument, vec![field.to_owned()]));
    }
    let own = v1::Activity { parent_activity_id: "a".to_owned(), ..call("a", "c1", 1) };
    let status = mine.activities.record_activity(record(own)).await.expect_err("its own parent");
    assert_eq!(fields(&status), ["activity.parent_activity_id"]);
    api.end().await;
}
