//! A key that is revoked writes and checks no more, on streams that were open before as well.

use std::time::Duration;

use fairdue::domain::principal::Role;
use fairdue::proto::v1;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use crate::permits::{open, start};
use crate::support::database::on_both_databases;
use crate::support::wire::note;

/// A stream of the client's messages, and of the answers.
struct Open<Q, A> {
    send: mpsc::Sender<Q>,
    answers: Streaming<A>,
}

impl<Q, A> Open<Q, A> {
    /// Sends a message, and tells what it is answered with.
    async fn ask(&mut self, message: Q) -> Result<A, Status> {
        // A stream that has ended takes nothing more; its end is read all the same.
        let _ = self.send.send(message).await;
        let answer = tokio::time::timeout(Duration::from_secs(20), self.answers.message()).await;
        answer.expect("an answer in time").map(|answer| answer.expect("an answer, not the end"))
    }
}

/// Opens a stream with a method of a client.
macro_rules! opened {
    ($client:expr, $method:ident) => {{
        let (send, receive) = mpsc::channel(4);
        let answers = $client.$method(ReceiverStream::new(receive)).await.expect("a stream").into_inner();
        Open { send, answers }
    }};
}

fn batch(sequence: i64) -> v1::StreamActivitiesRequest {
    let activities = vec![note(&format!("streamed {sequence}"), "c1", 1)];
    v1::StreamActivitiesRequest { sequence, region_code: "IT".to_owned(), activities }
}

fn pushed(sequence: i64) -> v1::PushRequest {
    let item = v1::push_item::Item::Activity(note(&format!("pushed {sequence}"), "c1", 1));
    let items = vec![v1::PushItem { item: Some(item) }];
    v1::PushRequest { region_code: "IT".to_owned(), source_id: "crm".to_owned(), sequence, items }
}

/// A check that holds a place.
fn wish(sequence: i64) -> v1::StreamContactChecksRequest {
    let check = v1::ContactCheck {
        case_id: "c1".to_owned(),
        contact: Some(v1::Contact { channel: v1::Channel::Email.into(), ..Default::default() }),
        reserve: Some(v1::Reservation { permit_id: format!("p{sequence}"), ttl: None }),
        ..Default::default()
    };
    v1::StreamContactChecksRequest { sequence, region_code: "IT".to_owned(), checks: vec![check], view: 0 }
}

on_both_databases!(
    async fn a_revoked_key_writes_and_checks_no_more_on_open_streams(database: Database) {
        let (api, _) = start(&database, &[]).await;
        open(&mut api.platform("mine").await, &["c1"]).await;
        let key = api.key("mine", &[Role::Writer, Role::Checker], &[]).await;
        let mut held = api.clients(&key);
        let mut writes = opened!(held.activities, stream_activities);
        let mut pushes = opened!(held.sync, push);
        let mut checks = opened!(held.compliance, stream_contact_checks);
        for sequence in 1..=2 {
            assert_eq!(writes.ask(batch(sequence)).await.expect("acknowledged").sequence, sequence);
            assert_eq!(pushes.ask(pushed(sequence)).await.expect("acknowledged").acknowledged_sequence, sequence);
            assert_eq!(checks.ask(wish(sequence)).await.expect("answered").sequence, sequence);
        }
        let records = "SELECT COUNT(*) FROM activity WHERE tenant_id = 'mine'";
        let permits = "SELECT COUNT(*) FROM permit WHERE tenant_id = 'mine'";
        let before = [database.number(records).await, database.number(permits).await];
        assert!(before[1] > 0, "what is checked here holds places");

        api.revoke("mine", &key).await;
        // A key that was read is trusted for a second.
        tokio::time::sleep(Duration::from_millis(1_050)).await;
        let ends = [
            writes.ask(batch(3)).await.map(drop),
            pushes.ask(pushed(3)).await.map(drop),
            checks.ask(wish(3)).await.map(drop),
        ];
        let request =
            v1::BatchRecordActivitiesRequest { region_code: "IT".to_owned(), activities: vec![note("late", "c1", 1)] };
        let unknown = held.activities.batch_record_activities(request).await.expect_err("the key opens nothing");
        let streams = ["StreamActivities", "Push", "StreamContactChecks"];
        let ends: Vec<_> = streams.into_iter().zip(ends).collect();
        let answered: Vec<_> = ends.iter().filter(|(_, end)| end.is_ok()).map(|(stream, _)| stream).collect();
        assert!(answered.is_empty(), "answered with a revoked key: {answered:?}");
        for (stream, end) in ends {
            let end = end.expect_err(stream);
            assert_eq!(end.code(), Code::Unauthenticated, "{stream}: {end:?}");
            assert_eq!((end.message(), end.details()), (unknown.message(), unknown.details()), "{stream}");
        }
        let after = [database.number(records).await, database.number(permits).await];
        assert_eq!(after, before, "nothing was written with it");
        api.end().await;
    }
);
