//! A platform's own codes for what came of a contact, in place of the canonical outcomes.

use fairdue::proto::v1;
use tonic::Code;

use crate::support::api::{Api, Clients, HOUSE_RULE};
use crate::support::database::on_both_databases;
use crate::support::wire::{activity, batch, case, fields, reason};

fn called(id: &str, day: i64, code: &str, outcome: v1::Outcome) -> v1::Activity {
    let contact = v1::Contact {
        channel: v1::Channel::Call.into(),
        disposition: code.to_owned(),
        outcome: outcome.into(),
        ..Default::default()
    };
    activity(id, "c1", day, v1::activity::Detail::Contact(Box::new(contact)))
}

async fn send(clients: &mut Clients, activity: v1::Activity) -> Result<v1::WriteStatus, tonic::Status> {
    let request = v1::RecordActivityRequest { region_code: "IT".to_owned(), activity: Some(activity) };
    clients.activities.record_activity(request).await.map(|answer| answer.into_inner().status())
}

/// Code and outcome of what is stored.
async fn stored(clients: &mut Clients, id: &str) -> (String, v1::Outcome) {
    let request =
        v1::GetActivityRequest { region_code: "IT".to_owned(), activity_id: id.to_owned(), ..Default::default() };
    let found = clients.activities.get_activity(request).await.expect("an activity").into_inner();
    match found.activity.and_then(|activity| activity.detail) {
        Some(v1::activity::Detail::Contact(contact)) => (contact.disposition.clone(), contact.outcome()),
        other => panic!("{other:?}"),
    }
}

on_both_databases!(
    async fn a_code_stands_for_its_outcome(database: Database) {
        let api = Api::start(&database).await;
        let codes = |lines: &str| format!("[dispositions]\n{lines}{HOUSE_RULE}");
        api.change_rule("mine", &codes("no_answer = [\"NA\"]\nright_party_promise = [\"PTP\", \"PTP2\"]\n"));
        let mut mine = api.platform("mine").await;
        let request = v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(case("c1", "creditor")) };
        mine.cases.upsert_case(request).await.expect("a case");
        let open = v1::Outcome::Unspecified;

        assert_eq!(send(&mut mine, called("a1", 1, "PTP", open)).await.expect("known"), v1::WriteStatus::Created);
        assert_eq!(stored(&mut mine, "a1").await, ("PTP".to_owned(), v1::Outcome::RightPartyPromise));
        assert_eq!(send(&mut mine, called("a1", 1, "PTP", open)).await.expect("again"), v1::WriteStatus::Duplicate);
        let both = called("a2", 2, "NA", v1::Outcome::NoAnswer);
        assert_eq!(send(&mut mine, both).await.expect("the same twice"), v1::WriteStatus::Created);

        // A code that means nothing, or something else, is refused; what stands beside it in a batch is not.
        let unknown = send(&mut mine, called("a3", 3, "ptp", open)).await.expect_err("another code");
        assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::InvalidArgument, "DISPOSITION_UNKNOWN"));
        assert_eq!(fields(&unknown), ["activity.contact.disposition"]);
        assert!(unknown.message().contains("\"ptp\"") && unknown.message().contains("[dispositions]"), "{unknown}");
        let against = send(&mut mine, called("a3", 3, "PTP", v1::Outcome::Busy)).await.expect_err("two meanings");
        assert_eq!(reason(&against), "DISPOSITION_UNKNOWN");
        assert!(against.message().contains("right_party_promise") && against.message().contains("busy"), "{against}");
        let some = vec![called("a3", 3, "??", open), called("a4", 4, "PTP2", open)];
        let results =
            mine.activities.batch_record_activities(batch(some)).await.expect("answered").into_inner().results;
        let became: Vec<v1::WriteStatus> = results.iter().map(v1::WriteResult::status).collect();
        assert_eq!(became, [v1::WriteStatus::Refused, v1::WriteStatus::Created]);

        // A code that is given another meaning leaves what was recorded as it was: sending it again repeats it.
        api.change_rule("mine", &codes("no_answer = [\"NA\"]\nright_party_callback = [\"PTP\"]\n"));
        assert_eq!(send(&mut mine, called("a1", 1, "PTP", open)).await.expect("again"), v1::WriteStatus::Duplicate);
        assert_eq!(stored(&mut mine, "a1").await.1, v1::Outcome::RightPartyPromise);
        // So it is as it is read back, and where the code is not known any more.
        for lines in ["right_party_callback = [\"PTP\"]\n", "no_answer = [\"OTHER\"]\n"] {
            api.change_rule("mine", &codes(lines));
            for (id, day, code, outcome) in
                [("a1", 1, "PTP", v1::Outcome::RightPartyPromise), ("a2", 2, "NA", v1::Outcome::NoAnswer)]
            {
                let again = send(&mut mine, called(id, day, code, outcome)).await.expect("on record");
                assert_eq!(again, v1::WriteStatus::Duplicate, "{id} under {lines}");
            }
            let differs = send(&mut mine, called("a2", 2, "NA", v1::Outcome::Busy)).await.expect_err("other content");
            assert_eq!(reason(&differs), "ID_CONFLICT");
            let new = send(&mut mine, called("a9", 2, "NA", open)).await.expect_err("a code without a meaning");
            assert_eq!(reason(&new), "DISPOSITION_UNKNOWN");
        }
        api.change_rule("mine", &codes("no_answer = [\"NA\"]\nright_party_callback = [\"PTP\"]\n"));
        let moved = send(&mut mine, called("a1", 2, "PTP", open)).await.expect_err("another day");
        assert_eq!(
            (reason(&moved).as_str(), fields(&moved).contains(&"activity.occur_time".to_owned())),
            ("ID_CONFLICT", true)
        );
        assert_eq!(send(&mut mine, called("a5", 5, "PTP", open)).await.expect("new"), v1::WriteStatus::Created);
        assert_eq!(stored(&mut mine, "a5").await.1, v1::Outcome::RightPartyCallback);
        api.end().await;
    }
);
