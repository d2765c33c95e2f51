//! What a partner gets: what the tenant's file names, and nothing else; and only for as long as it stands there.

use fairdue::domain::principal::Role;
use fairdue::proto::v1;
use prost::Message as _;
use tonic::{Code, Status};
use v1::change::{After, Before};

use crate::support::api::{Api, Clients, HOUSE_RULE, Key};
use crate::support::database::on_both_databases;
use crate::support::wire::{batch, call, case, payment, reason, stamp};

/// A text that stands in every field that is not shared.
const CANARY: &str = "canary-51b7e0";

fn pull(token: &str) -> v1::PullRequest {
    v1::PullRequest { region_code: "IT".to_owned(), token: token.to_owned(), once: true, ..Default::default() }
}

async fn changes(clients: &mut Clients, request: v1::PullRequest) -> Result<(Vec<v1::Change>, String), Status> {
    let mut feed = clients.sync.pull(request).await?.into_inner();
    let (mut all, mut token) = (Vec::new(), String::new());
    while let Some(message) = feed.message().await? {
        all.extend(message.changes);
        token = message.token;
    }
    Ok((all, token))
}

/// Puts partners into the tenant's file, as a reload does.
fn share(api: &Api, partners: &str) {
    api.change_rule("mine", &format!("{HOUSE_RULE}{partners}"));
}

fn partner(key: &Key, rest: &str) -> String {
    format!("\n[[partner]]\nid = \"hub\"\nkeys = [\"{}\"]\nmarkets = [\"it\"]\n{rest}\n", Api::key_id(key))
}

async fn fill(api: &Api) {
    let mut mine = api.platform("mine").await;
    for (id, creditor) in [("c1", "first creditor"), ("c2", "second creditor")] {
        for version in ["v1", "v2"] {
            let mut case = case(id, creditor);
            version.clone_into(&mut case.version_id);
            case.attributes.insert("memo".to_owned(), CANARY.to_owned());
            case.steering = Some(v1::Steering {
                portfolio_id: format!("portfolio of {id}"),
                product_id: CANARY.to_owned(),
                ..Default::default()
            });
            let request = v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(case) };
            mine.cases.upsert_case(request).await.expect("stored");
        }
        let mut records = vec![payment(&format!("payment {id}"), id, 1, 40)];
        for n in 1..=4 {
            let mut spoken = call(&format!("call {n} {id}"), id, n);
            spoken.actor = Some(v1::Actor { agent_id: CANARY.to_owned(), ..Default::default() });
            spoken.person_id = format!("person of {id}");
            records.push(spoken);
        }
        mine.activities.batch_record_activities(batch(records)).await.expect("stored");
        let void = v1::VoidActivityRequest {
            region_code: "IT".to_owned(),
            target_activity_id: format!("call 1 {id}"),
            void_activity_id: format!("void {id}"),
            void_time: stamp(4),
            reason: CANARY.to_owned(),
        };
        mine.activities.void_activity(void).await.expect("stored");
    }
}

on_both_databases!(
    async fn a_partner_gets_what_is_named_and_nothing_else(database: Database) {
        let api = Api::start(&database).await;
        fill(&api).await;
        let key = api.key("mine", &[Role::Partner], &[]).await;
        let mut hub = api.clients(&key);
        let refused = |status: Status| assert_eq!(reason(&status), "NOT_SHARED", "{status:?}");
        refused(changes(&mut hub, pull("")).await.expect_err("nobody named the key"));
        let shares = "[partner.share]\ncase = [\"currency_code\", \"claims\"]\nactivity = [\"case_ids\", \"occur_time\"]\n\
                      finding = [\"rule_id\", \"case_id\"]";
        share(&api, &partner(&key, shares));
        let (told, token) = changes(&mut hub, pull("")).await.expect("a feed");
        assert!(told.len() > 10);
        for change in &told {
            let bytes = change.encode_to_vec();
            let shows = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!shows(CANARY) && !shows("creditor") && !shows("person of"), "{change:?}");
            let stands =
                !matches!(&change.after, Some(After::Finding(one)) if one.status() == v1::FindingStatus::Withdrawn);
            assert_eq!(change.digest.len(), if stands { 32 } else { 0 }, "{change:?}");
            match change.after.as_ref().expect("what changed") {
                After::Case(case) => {
                    let expected = v1::Case {
                        case_id: case.case_id.clone(),
                        version_id: case.version_id.clone(),
                        currency_code: "EUR".to_owned(),
                        claims: case.claims.clone(),
                        revision: case.revision,
                        ..Default::default()
                    };
                    assert_eq!((case, case.claims.len()), (&expected, 1));
                    if case.version_id == "v2" {
                        let Some(Before::PreviousCase(old)) = &change.before else { panic!("{change:?}") };
                        assert!(old.identity.is_none() && old.claims.len() == 1);
                    }
                }
                After::Activity(activity) => {
                    assert!(activity.detail.is_none() && !activity.case_ids.is_empty(), "{activity:?}");
                    assert!(activity.occur_time.is_some() && activity.person_id.is_empty(), "{activity:?}");
                }
                After::Finding(finding) => {
                    assert!(!finding.rule_id.is_empty() && finding.client_id.is_empty(), "{finding:?}");
                    assert!(finding.observation.is_none() && finding.agent_id.is_empty(), "{finding:?}");
                }
                After::Void(_) => panic!("voids are not shared"),
            }
        }
        let voids = v1::PullRequest { entities: vec![v1::SyncEntity::Void.into()], ..pull("") };
        refused(changes(&mut hub, voids).await.expect_err("an entity that is not shared"));
        let elsewhere = v1::PullRequest { region_code: "SE".to_owned(), ..pull("") };
        let status = changes(&mut hub, elsewhere).await.expect_err("a market that is not shared");
        assert_eq!(reason(&status), "MARKET_UNKNOWN");
        let read = v1::GetCaseRequest { region_code: "IT".to_owned(), case_id: "c1".to_owned(), read_mask: None };
        let status = hub.cases.get_case(read).await.expect_err("no reader");
        assert_eq!(reason(&status), "ROLE_MISSING");
        let status = v1::GetMarketStatusRequest { region_code: "IT".to_owned() };
        let found = hub.sync.get_market_status(status).await.expect("a status").into_inner();
        assert_eq!(found.tallies.len(), 3, "voids are not shared");
        assert!(found.tallies.iter().all(|one| one.count > 0 && one.digest.len() == 32), "{found:?}");
        let with_sums: Vec<i32> =
            found.tallies.iter().filter(|one| !one.sums.is_empty()).map(|one| one.entity).collect();
        assert_eq!(with_sums, [i32::from(v1::SyncEntity::Case)], "claims are shared, amounts of activities are not");
        let entity = v1::SyncEntity::Void.into();
        let days = v1::ListDayTalliesRequest { region_code: "IT".to_owned(), entity, ..Default::default() };
        refused(hub.sync.list_day_tallies(days).await.expect_err("an entity that is not shared"));

        // Less, or another part: a copy that was made under other words starts again.
        share(&api, &partner(&key, "clients = [\"first creditor\"]\n[partner.share]\nactivity = [\"case_ids\"]"));
        let status = changes(&mut hub, pull(&token)).await.expect_err("another policy");
        assert_eq!((status.code(), reason(&status).as_str()), (Code::OutOfRange, "RESYNC_NEEDED"));
        let (told, _) = changes(&mut hub, pull("")).await.expect("a feed");
        assert_eq!(told.len(), 5, "{told:?}");
        for change in &told {
            let Some(After::Activity(activity)) = &change.after else { panic!("{change:?}") };
            assert_eq!(activity.case_ids, ["c1"]);
        }
        let other = v1::PullRequest { client_ids: vec!["second creditor".to_owned()], ..pull("") };
        refused(changes(&mut hub, other).await.expect_err("another creditor's cases"));
        share(&api, &partner(&key, "portfolios = [\"portfolio of c2\"]\n[partner.share]\ncase = []"));
        let (told, _) = changes(&mut hub, pull("")).await.expect("a feed");
        let cases: Vec<&str> = told
            .iter()
            .filter_map(|change| match &change.after {
                Some(After::Case(case)) => Some(case.case_id.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!((cases, told.len()), (vec!["c2", "c2"], 2));
        api.end().await;
    }
);

on_both_databases!(
    async fn a_feed_ends_with_what_it_stood_on(database: Database) {
        let api = Api::start(&database).await;
        fill(&api).await;
        let key = api.key("mine", &[Role::Partner], &[]).await;
        let shares = partner(&key, "[partner.share]\ncase = []\nactivity = []");
        share(&api, &shares);
        let follow = v1::PullRequest {
            once: false,
            heartbeat_interval: Some(prost_types::Duration { seconds: 1, nanos: 0 }),
            ..pull("")
        };
        let mut mine = api.platform("mine").await;
        let mut feed = api.clients(&key).sync.pull(follow.clone()).await.expect("a feed").into_inner();
        while !feed.message().await.expect("no failure").expect("a message").changes.is_empty() {}
        share(&api, "");
        mine.activities.batch_record_activities(batch(vec![payment("later", "c1", 5, 1)])).await.expect("stored");
        let end = loop {
            match feed.message().await {
                Ok(Some(message)) => assert!(message.changes.is_empty(), "{message:?}"),
                Ok(None) => panic!("the feed ended without a word"),
                Err(status) => break status,
            }
        };
        assert_eq!(reason(&end), "NOT_SHARED", "{end:?}");
        share(&api, &shares);
        let mut feed = api.clients(&key).sync.pull(follow).await.expect("a feed").into_inner();
        while !feed.message().await.expect("no failure").expect("a message").changes.is_empty() {}
        api.revoke("mine", &key).await;
        let end = loop {
            match feed.message().await {
                Ok(Some(message)) => assert!(message.changes.is_empty(), "{message:?}"),
                Ok(None) => panic!("the feed ended without a word"),
                Err(status) => break status,
            }
        };
        assert_eq!(end.code(), Code::Unauthenticated, "{end:?}");
        api.end().await;
    }
);
