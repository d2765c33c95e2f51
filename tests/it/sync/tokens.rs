//! Tokens open where they were given out and nowhere else; heartbeats come; a correction is told as one.

use fairdue::domain::principal::Role;
use fairdue::proto::v1;
use tonic::{Code, Status};
use v1::change::{After, Before};

use crate::support::api::{Api, Clients};
use crate::support::database::{Database, on_both_databases};
use crate::support::wire::{activity, batch, case, fields, note, payment, reason, stamp};

fn pull(token: &str) -> v1::PullRequest {
    v1::PullRequest { region_code: "IT".to_owned(), token: token.to_owned(), once: true, ..Default::default() }
}

async fn messages(clients: &mut Clients, request: v1::PullRequest) -> Result<Vec<v1::PullResponse>, Status> {
    let mut feed = clients.sync.pull(request).await?.into_inner();
    let mut all = Vec::new();
    while let Some(message) = feed.message().await? {
        all.push(message);
    }
    Ok(all)
}

async fn fill(clients: &mut Clients, case_id: &str) {
    let request = v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(case(case_id, "creditor")) };
    clients.cases.upsert_case(request).await.expect("stored");
    let notes = (0..3).map(|n| note(&format!("{case_id} note {n}"), case_id, n)).collect();
    clients.activities.batch_record_activities(batch(notes)).await.expect("stored");
}

on_both_databases!(
    async fn a_token_opens_only_where_it_was_given_out(database: Database) {
        let api = Api::start(&database).await;
        let (mut mine, mut theirs) = (api.platform("mine").await, api.platform("theirs").await);
        fill(&mut mine, "c1").await;
        fill(&mut theirs, "c1").await;
        let all = messages(&mut mine, pull("")).await.expect("a feed");
        let token = all.last().expect("a message").token.clone();
        assert_eq!(all.iter().map(|message| message.changes.len()).sum::<usize>(), 4);
        // With another key of the tenant it opens: keys are changed, copies stay.
        let again = messages(&mut api.platform("mine").await, pull(&token)).await.expect("a feed");
        assert!(again.iter().all(|message| message.changes.is_empty()));
        let foreign = |status: Status| {
            assert_eq!((status.code(), fields(&status)), (Code::InvalidArgument, vec!["token".to_owned()]));
        };
        foreign(messages(&mut theirs, pull(&token)).await.expect_err("another tenant"));
        let elsewhere = v1::PullRequest { region_code: "SE".to_owned(), ..pull(&token) };
        foreign(messages(&mut mine, elsewhere).await.expect_err("another market"));
        let filtered = v1::PullRequest { entities: vec![v1::SyncEntity::Case.into()], ..pull(&token) };
        foreign(messages(&mut mine, filtered).await.expect_err("another filter"));
        let filtered = v1::PullRequest { client_ids: vec!["creditor".to_owned()], ..pull(&token) };
        foreign(messages(&mut mine, filtered).await.expect_err("another filter"));
        for at in (0..token.len()).step_by(7) {
            let mut altered = token.clone().into_bytes();
            altered[at] = if altered[at] == b'0' { b'1' } else { b'0' };
            let altered = String::from_utf8(altered).expect("text");
            foreign(messages(&mut mine, pull(&altered)).await.expect_err("altered"));
        }
        let beside = v1::PullRequest { after_revision: 1, ..pull(&token) };
        let status = messages(&mut mine, beside).await.expect_err("two beginnings");
        assert_eq!(fields(&status), ["after_revision"]);
        let beyond = v1::PullRequest { after_revision: 900, ..pull("") };
        let status = messages(&mut mine, beyond).await.expect_err("a revision to come");
        assert_eq!((status.code(), fields(&status)), (Code::InvalidArgument, vec!["after_revision".to_owned()]));
        api.end().await;
    }
);

on_both_databases!(
    async fn a_token_of_another_or_a_restored_store_is_told_to_start_again(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = api.platform("mine").await;
        fill(&mut mine, "c1").await;
        let token = messages(&mut mine, pull("")).await.expect("a feed").pop().expect("a message").token;
        let other = Database::fresh(database.backend).await;
        let elsewhere = Api::start(&other).await;
        let mut there = elsewhere.platform("mine").await;
        fill(&mut there, "c1").await;
        let status = messages(&mut there, pull(&token)).await.expect_err("another store");
        assert_eq!(status.code(), Code::InvalidArgument);
        elsewhere.end().await;
        api.reset_feeds("mine", "it").await;
        let status = messages(&mut mine, pull(&token)).await.expect_err("feeds were reset");
        assert_eq!((status.code(), reason(&status).as_str()), (Code::OutOfRange, "RESYNC_NEEDED"));
        assert!(status.message().contains("start again without a token"), "{status:?}");
        let token = messages(&mut mine, pull("")).await.expect("a feed").pop().expect("a message").token;
        assert!(messages(&mut mine, pull(&token)).await.is_ok());
        // As after a restore: the revision is there, and what it held is not.
        fill(&mut mine, "c2").await;
        let token = messages(&mut mine, pull(&token)).await.expect("a feed").pop().expect("a message").token;
        api.sql(&database, "DELETE FROM activity WHERE activity_id LIKE 'c2 note%'").await;
        let status = messages(&mut mine, pull(&token)).await.expect_err("a store that went back");
        assert_eq!((status.code(), reason(&status).as_str()), (Code::OutOfRange, "RESYNC_NEEDED"));
        api.sql(&database, "UPDATE market SET revision = 1 WHERE tenant_id = 'mine'").await;
        let status = messages(&mut mine, pull(&token)).await.expect_err("a store that went back");
        assert_eq!((status.code(), reason(&status).as_str()), (Code::OutOfRange, "RESYNC_NEEDED"));
        api.end().await;
    }
);

on_both_databases!(
    async fn a_long_snapshot_goes_on_behind_every_message_and_tells_what_a_chosen_one_tells(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = api.platform("mine").await;
        fill(&mut mine, "c1").await;
        // More than a message holds, in commits of which some end in a message's middle; some are voided meanwhile.
        for round in 0..4 {
            let noted = |n| note(&format!("{n:04}-{round} {}", "long".repeat(30)), "c1", n % 20);
            let mut notes: Vec<_> = (0..700).map(noted).collect();
            for n in (0..700).step_by(97) {
                let target_activity_id = noted(n).activity_id;
                let record = v1::VoidRecord { target_activity_id, ..Default::default() };
                let detail = v1::activity::Detail::Void(record);
                notes.push(activity(&format!("void {n} {round}"), "c1", n % 20, detail));
            }
            mine.activities.batch_record_activities(batch(notes)).await.expect("stored");
        }
        let all = messages(&mut mine, pull("")).await.expect("a feed");
        let changes = |all: &[v1::PullResponse]| -> Vec<v1::Change> {
            all.iter().flat_map(|message| message.changes.clone()).collect()
        };
        let told = changes(&all);
        assert_eq!(told.len(), 1 + 3 + 4 * 708);
        assert!(all.len() > 3, "{} messages", all.len());
        let order = |change: &v1::Change| {
            let id = match change.after.as_ref().expect("a state") {
                After::Case(case) => (0, case.case_id.clone()),
                After::Activity(row) | After::Void(row) => (1, row.activity_id.clone()),
                After::Finding(row) => (2, row.finding_id.clone()),
            };
            (change.revision, id)
        };
        assert!(told.is_sorted_by_key(order), "out of order");
        let mut behind = 0;
        for message in &all {
            behind += message.changes.len();
            let rest = messages(&mut mine, pull(&message.token)).await.expect("a feed");
            assert_eq!(rest.first().expect("a message").after_revision, message.through_revision);
            assert!(changes(&rest) == told[behind..], "behind {behind} of {} changes", told.len());
        }
        let chosen = v1::PullRequest { client_ids: vec!["creditor".to_owned()], ..pull("") };
        let chosen = changes(&messages(&mut mine, chosen).await.expect("a feed"));
        assert!(chosen == told, "told otherwise where cases are chosen");
        api.end().await;
    }
);

on_both_databases!(
    async fn what_comes_is_told_with_what_was_before_and_why(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = api.platform("mine").await;
        fill(&mut mine, "c1").await;
        let request = v1::PullRequest {
            region_code: "IT".to_owned(),
            heartbeat_interval: Some(prost_types::Duration { seconds: 1, nanos: 0 }),
            ..Default::default()
        };
        let mut feed = mine.sync.pull(request).await.expect("a feed").into_inner();
        let mut changes = Vec::new();
        while changes.len() < 4 {
            changes.extend(feed.message().await.expect("no failure").expect("a message").changes);
        }
        let silence = feed.message().await.expect("no failure").expect("a heartbeat");
        assert!(silence.changes.is_empty() && silence.lag == Some(prost_types::Duration::default()), "{silence:?}");
        assert_eq!(silence.through_revision, silence.head_revision);
        let confirmed = silence.head_confirm_time.expect("an instant").seconds;
        assert!(confirmed > 1_700_000_000, "the server made sure lately");
        let late = payment("late", "c1", 1, 20);
        mine.activities.batch_record_activities(batch(vec![late.clone()])).await.expect("stored");
        let correct = v1::CorrectActivityRequest {
            region_code: "IT".to_owned(),
            target_activity_id: "late".to_owned(),
            void_activity_id: "void".to_owned(),
            void_time: stamp(4),
            reason: String::new(),
            replacement: Some(payment("right", "c1", 1, 30)),
        };
        mine.activities.correct_activity(correct).await.expect("stored");
        let mut told = Vec::new();
        while told.len() < 3 {
            told.extend(feed.message().await.expect("no failure").expect("a message").changes);
        }
        let reasons: Vec<v1::ChangeReason> = told.iter().map(v1::Change::reason).collect();
        use v1::ChangeReason::{Correction, LateFact};
        assert_eq!(reasons, [LateFact, Correction, Correction]);
        let Some(After::Void(void)) = &told[2].after else { panic!("{told:?}") };
        assert_eq!(void.activity_id, "void");
        let Some(Before::VoidedActivity(old)) = &told[2].before else { panic!("{told:?}") };
        assert_eq!((old.activity_id.as_str(), &old.detail), ("late", &late.detail));
        drop(feed);
        let key = api.key("mine", &[Role::Writer, Role::Checker], &[]).await;
        let status = api.clients(&key).sync.pull(pull("")).await.expect_err("no role");
        assert_eq!(status.code(), Code::PermissionDenied);
        let key = api.key("mine", &[Role::Reader], &["se"]).await;
        let status = api.clients(&key).sync.pull(pull("")).await.expect_err("another market's key");
        assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "MARKET_UNKNOWN"));
        api.end().await;
    }
);

on_both_databases!(
    async fn counts_that_were_made_otherwise_are_made_anew(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = api.platform("mine").await;
        fill(&mut mine, "c1").await;
        mine.activities.batch_record_activities(batch(vec![payment("p", "c1", 1, 20)])).await.expect("stored");
        let void = v1::VoidActivityRequest {
            region_code: "IT".to_owned(),
            target_activity_id: "c1 note 1".to_owned(),
            void_activity_id: "void".to_owned(),
            void_time: stamp(4),
            reason: String::new(),
        };
        mine.activities.void_activity(void).await.expect("stored");
        let status = v1::GetMarketStatusRequest { region_code: "IT".to_owned() };
        let before = mine.sync.get_market_status(status.clone()).await.expect("a status").into_inner();
        let counts: Vec<i64> = before.tallies.iter().map(|tally| tally.count).collect();
        assert_eq!(counts[..3], [1, 3, 1], "a case, two notes and a payment, a void");
        assert_eq!(before.tallies[1].sums[0].units, 20);
        // As where an older program has written the market.
        for sql in [
            "DELETE FROM digest",
            "DELETE FROM digest_delta",
            "UPDATE market SET digest_version = '' WHERE tenant_id = 'mine'",
        ] {
            api.sql(&database, sql).await;
        }
        let after = mine.sync.get_market_status(status.clone()).await.expect("a status").into_inner();
        assert_eq!(after.tallies, before.tallies);
        assert!(after.revision > before.revision, "what readers see has changed");
        let again = mine.sync.get_market_status(status).await.expect("a status").into_inner();
        assert_eq!(again, after);
        api.end().await;
    }
);
