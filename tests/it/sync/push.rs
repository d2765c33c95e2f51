//! A partner's writes as a numbered sequence: each message once, whatever breaks, and a clear answer where somebody else
//! was first.

use fairdue::domain::principal::Role;
use fairdue::proto::v1;
use tonic::{Code, Status};
use v1::WriteStatus::{Created, Duplicate, Refused};
use v1::push_item::Item;

use crate::histories::deliver::Dice;
use crate::support::api::{Api, Clients};
use crate::support::database::{Backend, Database, on_both_databases};
use crate::support::wire::{case, note, payment, reason};

fn message(sequence: i64, items: Vec<Item>) -> v1::PushRequest {
    v1::PushRequest {
        region_code: "IT".to_owned(),
        source_id: "billing".to_owned(),
        sequence,
        items: items.into_iter().map(|item| v1::PushItem { item: Some(item) }).collect(),
    }
}

async fn push(clients: &mut Clients, messages: Vec<v1::PushRequest>) -> (Vec<v1::PushResponse>, Option<Status>) {
    let mut answers = clients.sync.push(futures::stream::iter(messages)).await.expect("a stream").into_inner();
    let mut all = Vec::new();
    loop {
        match answers.message().await {
            Ok(Some(answer)) => all.push(answer),
            Ok(None) => return (all, None),
            Err(status) => return (all, Some(status)),
        }
    }
}

fn statuses(answer: &v1::PushResponse) -> Vec<v1::WriteStatus> {
    answer.results.iter().map(v1::PushResult::status).collect()
}

on_both_databases!(
    async fn every_item_has_its_result_and_every_message_its_number(database: Database) {
        let api = Api::start(&database).await;
        let key = api.key("mine", &[Role::Writer], &[]).await;
        let mut mine = api.clients(&key);
        let (hello, end) = push(&mut mine, vec![message(0, Vec::new())]).await;
        assert!(end.is_none() && hello[0].acknowledged_sequence == 0, "{hello:?}");
        // The activity stands before its case; what cannot be read and what is refused stop nothing.
        let first = message(
            1,
            vec![
                Item::Activity(payment("p1", "c1", 1, 20)),
                Item::Case(v1::Case::default()),
                Item::Case(case("c1", "creditor")),
                Item::Activity(note("n1", "nowhere", 1)),
                Item::Activity(note("n2", "c1", 1)),
            ],
        );
        let second = message(2, vec![Item::Activity(note("n3", "c1", 2))]);
        let (answers, end) = push(&mut mine, vec![first.clone(), second]).await;
        assert!(end.is_none(), "{end:?}");
        assert_eq!(statuses(&answers[0]), [Created, Refused, Created, Refused, Created]);
        let words = |answer: &v1::PushResponse, at: usize| answer.results[at].refusal.clone().expect("why").reason;
        assert_eq!([words(&answers[0], 1), words(&answers[0], 3)], ["INVALID_FIELD", "CASE_UNKNOWN"]);
        assert_eq!(answers.iter().map(|answer| answer.acknowledged_sequence).collect::<Vec<_>>(), [1, 2]);
        assert!(answers[0].revision > 0 && answers[1].revision > answers[0].revision);
        // Sent again, it is answered again, and the mark stays.
        let (again, _) = push(&mut mine, vec![first, message(0, Vec::new())]).await;
        assert_eq!(statuses(&again[0]), [Duplicate, Refused, Duplicate, Refused, Duplicate]);
        assert_eq!(again[1].acknowledged_sequence, 2);
        // A number that is left out ends the stream before anything of it is stored.
        let (none, end) = push(&mut mine, vec![message(4, vec![Item::Activity(note("n4", "c1", 2))])]).await;
        let end = end.expect("a gap");
        assert_eq!((none.len(), end.code(), reason(&end).as_str()), (0, Code::FailedPrecondition, "SEQUENCE_GAP"));
        let other =
            v1::PushRequest { source_id: "crm".to_owned(), ..message(1, vec![Item::Activity(note("n4", "c1", 2))]) };
        let (answers, _) = push(&mut mine, vec![other]).await;
        assert_eq!(statuses(&answers[0]), [Created], "what was refused was not stored; sources are numbered apart");
        for wrong in
            [message(0, vec![Item::Activity(note("x", "c1", 2))]), message(-1, Vec::new()), message(3, Vec::new())]
        {
            let (_, end) = push(&mut mine, vec![wrong]).await;
            assert_eq!(end.expect("wrong").code(), Code::InvalidArgument);
        }
        let reader = api.key("mine", &[Role::Reader, Role::Partner], &[]).await;
        let status = api.clients(&reader).sync.push(futures::stream::iter([message(0, Vec::new())])).await;
        assert_eq!(status.expect_err("no writer").code(), Code::PermissionDenied);
        api.end().await;
    }
);

on_both_databases!(
    async fn who_comes_second_to_a_case_is_told_what_stands_there(database: Database) {
        let api = Api::start(&database).await;
        let key = api.key("mine", &[Role::Writer], &[]).await;
        let mut mine = api.clients(&key);
        let version = |id: &str, agent: &str, etag: &str| {
            let mut case = case("c1", "creditor");
            id.clone_into(&mut case.version_id);
            case.steering = Some(v1::Steering { agent_id: agent.to_owned(), ..Default::default() });
            etag.clone_into(&mut case.etag);
            Item::Case(case)
        };
        push(&mut mine, vec![message(1, vec![version("v1", "nobody", "")])]).await;
        let stale = "00000000deadbeef";
        let (answers, _) = push(&mut mine, vec![message(2, vec![version("v2", "anna", stale)])]).await;
        let told = answers[0].results[0].clone();
        assert_eq!((told.status(), told.refusal.expect("why").reason.as_str()), (Refused, "ETAG_MISMATCH"));
        let current = told.current_case.expect("the case as it is");
        assert_eq!((current.version_id.as_str(), current.etag.len()), ("v1", 16));
        // Two decide on the same state: one is first, the other is told by whom.
        let both = [version("v2", "anna", &current.etag), version("v3", "bert", &current.etag)];
        let (answers, _) =
            push(&mut mine, vec![message(3, vec![both[0].clone()]), message(4, vec![both[1].clone()])]).await;
        assert_eq!((statuses(&answers[0]), statuses(&answers[1])), (vec![Created], vec![Refused]));
        let current = answers[1].results[0].current_case.clone().expect("the case as it is");
        assert_eq!(current.steering.expect("an agent").agent_id, "anna");
        let (answers, _) = push(&mut mine, vec![message(5, vec![version("v3", "bert", &current.etag)])]).await;
        assert_eq!(statuses(&answers[0]), [Created]);
        api.end().await;
    }
);

/// A partner that loses its connection and its own count at random places, over two servers of one database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_out_or_doubled_whatever_breaks() {
    let database = Database::fresh(Backend::Postgres).await;
    let apis = [Api::start(&database).await, Api::start(&database).await];
    let key = apis[0].key("mine", &[Role::Writer, Role::Reader], &[]).await;
    let mut servers = [apis[0].clients(&key), apis[1].clients(&key)];
    let last = 60;
    let body = |sequence: i64| {
        let mut items: Vec<Item> = (0..3).map(|n| Item::Activity(note(&format!("n{sequence}-{n}"), "c1", 1))).collect();
        if sequence == 1 {
            items.insert(0, Item::Case(case("c1", "creditor")));
        }
        message(sequence, items)
    };
    let mut dice = Dice::new(11);
    let mut created = 0;
    loop {
        // All that it knows is what the service remembers.
        let at = dice.below(2);
        let (hello, _) = push(&mut servers[at], vec![message(0, Vec::new())]).await;
        let done = hello[0].acknowledged_sequence;
        if done == last {
            break;
        }
        // It also sends again what it is not sure of.
        let from = (done + 1 - dice.below(3) as i64).max(1);
        let messages: Vec<_> = (from..=last.min(done + 8)).map(body).collect();
        let mut answers =
            servers[1 - at].sync.push(futures::stream::iter(messages)).await.expect("a stream").into_inner();
        for _ in 0..dice.below(6) {
            let Some(answer) = answers.message().await.expect("no failure") else { break };
            created += answer.results.iter().filter(|result| result.status() == Created).count();
        }
    }
    assert!(created > 0);
    let list = v1::ListActivitiesRequest { region_code: "IT".to_owned(), page_size: 1000, ..Default::default() };
    let found = servers[0].activities.list_activities(list).await.expect("a list").into_inner().activities;
    assert_eq!(found.len() as i64, last * 3);
    for api in apis {
        api.end().await;
    }
}
