//! What only its date is known of, in a market whose midnight is still the day before where the debtor lives.

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use fairdue::proto::v1;
use v1::explain_request::Subject;

use crate::support::api::{Api, Clients};
use crate::support::database::on_both_databases;
use crate::support::wire::{call, southerner};

const MARKET: Tz = chrono_tz::America::New_York;
const HOME: Tz = chrono_tz::America::Chicago;

/// An hour of a day in May 2024 on the clocks of a zone.
fn hour(zone: Tz, day: u32, hour: u32) -> Option<prost_types::Timestamp> {
    let date = NaiveDate::from_ymd_opt(2024, 5, day).expect("a date");
    let time = NaiveTime::from_hms_opt(hour, 0, 0).expect("a time");
    let at = date.and_time(time).and_local_timezone(zone).earliest().expect("an instant");
    Some(prost_types::Timestamp { seconds: at.timestamp(), nanos: 0 })
}

async fn record(mine: &mut Clients, sent: v1::Activity) {
    let request = v1::RecordActivityRequest { region_code: "US".to_owned(), activity: Some(sent) };
    mine.activities.record_activity(request).await.expect("stored");
}

/// A call in which the debtor was spoken to.
fn talk(id: &str) -> v1::Activity {
    let mut talk = call(id, "c", 0);
    if let Some(v1::activity::Detail::Contact(contact)) = &mut talk.detail {
        contact.outcome = v1::Outcome::RightPartyNoCommitment.into();
    }
    talk
}

async fn answer(mine: &mut Clients, day: u32, rule: &str) -> v1::Answer {
    let request = v1::CheckContactRequest {
        region_code: "US".to_owned(),
        case_id: "c".to_owned(),
        contact_time: hour(HOME, day, 12),
        contact: Some(v1::Contact { channel: v1::Channel::Call.into(), ..Default::default() }),
        ..Default::default()
    };
    let answered = mine.compliance.check_contact(request).await.expect("an answer").into_inner();
    answered.rules.iter().find(|one| one.rule_id == rule).expect("it speaks").answer()
}

on_both_databases!(
    // 12 CFR 1006.14(b)(2)(i)(B): after a conversation on 3 May the debtor may be called on 10 May, and not on the 9th. A call
    // on the 8th, known by its date as well, is found, and told with its date.
    async fn a_date_is_the_same_date_where_the_debtor_lives(database: Database) {
        const RULE: &str = "us-reg-f-conversation-cooldown";
        let api = Api::start(&database).await;
        let mut mine = api.platform("mine").await;
        let request = v1::UpsertCaseRequest { region_code: "US".to_owned(), case: Some(southerner("c")) };
        mine.cases.upsert_case(request).await.expect("stored");
        record(&mut mine, v1::Activity { occur_time: hour(MARKET, 3, 0), date_only: true, ..talk("talk") }).await;
        assert_eq!(answer(&mut mine, 9, RULE).await, v1::Answer::Broken);
        assert_eq!(answer(&mut mine, 10, RULE).await, v1::Answer::Kept);

        record(&mut mine, v1::Activity { occur_time: hour(MARKET, 8, 0), date_only: true, ..call("again", "c", 0) })
            .await;
        record(&mut mine, v1::Activity { occur_time: hour(MARKET, 10, 0), date_only: true, ..call("late", "c", 0) })
            .await;
        let request =
            v1::ListFindingsRequest { region_code: "US".to_owned(), rule_id: RULE.to_owned(), ..Default::default() };
        let found = mine.compliance.list_findings(request).await.expect("a list").into_inner().findings;
        let of: Vec<&str> = found.iter().map(|one| one.activity_id.as_str()).collect();
        assert_eq!(of, ["again"]);
        let request = v1::ExplainRequest {
            region_code: "US".to_owned(),
            subject: Some(Subject::FindingId(found[0].finding_id.clone())),
            ..Default::default()
        };
        let told = mine.compliance.explain(request).await.expect("an explanation").into_inner();
        let summary = told.explanation.and_then(|one| one.summary).expect("a summary").text;
        assert!(summary.contains("8 May 2024"), "{summary}");
        api.end().await;
    }
);
