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

/// Ids of cases that each activity or void names as it was told last, and those of what a void takes out.
fn named(told: &[v1::Change]) -> std::collections::BTreeMap<String, (Vec<String>, Vec<String>)> {
    let mut named = std::collections::BTreeMap::new();
    for change in told {
        if let Some(After::Activity(one) | After::Void(one)) = &change.after {
            let before = match &change.before {
                Some(Before::VoidedActivity(old)) => old.case_ids.clone(),
                _ => Vec::new(),
            };
            let mut ids = [one.case_ids.clone(), before];
            ids.iter_mut().for_each(|ids| ids.sort());
            let [ids, before] = ids;
            named.insert(one.activity_id.clone(), (ids, before));
        }
    }
    named
}

on_both_databases!(
    /// A call about cases of two creditors concerns both of them. Neither learns that the other has one.
    async fn a_record_of_several_cases_names_those_that_are_shared(database: Database) {
        let api = Api::start(&database).await;
        fill(&api).await;
        let mut mine = api.platform("mine").await;
        let mut both = call("both", "c1", 4);
        both.case_ids.push("c2".to_owned());
        let gone = v1::Activity { activity_id: "gone".to_owned(), ..both.clone() };
        mine.activities.batch_record_activities(batch(vec![both, gone])).await.expect("stored");
        let void = v1::Activity {
            activity_id: "void of gone".to_owned(),
            case_ids: vec!["c2".to_owned(), "c1".to_owned()],
            occur_time: stamp(5),
            detail: Some(v1::activity::Detail::Void(v1::VoidRecord {
                target_activity_id: "gone".to_owned(),
                ..Default::default()
            })),
            ..Default::default()
        };
        mine.activities.batch_record_activities(batch(vec![void])).await.expect("stored");
        let key = api.key("mine", &[Role::Partner], &[]).await;
        let mut hub = api.clients(&key);
        let fields = "[partner.share]\nactivity = [\"case_ids\", \"occur_time\", \"detail\"]\n\
                      void = [\"case_ids\", \"occur_time\", \"detail\"]";
        let texts = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        share(&api, &partner(&key, fields));
        let (told, _) = changes(&mut hub, pull("")).await.expect("a feed");
        assert_eq!(named(&told)["both"].0, texts(&["c1", "c2"]), "all cases are shared");
        for (narrow, own) in [
            ("clients = [\"first creditor\"]", "c1"),
            ("clients = [\"second creditor\"]", "c2"),
            ("portfolios = [\"portfolio of c1\"]", "c1"),
        ] {
            share(&api, &partner(&key, &format!("{narrow}\n{fields}")));
            let (told, _) = changes(&mut hub, pull("")).await.expect("a feed");
            let named = named(&told);
            for id in ["both", "gone"] {
                assert_eq!(named[id].0, texts(&[own]), "{id} under {narrow}");
            }
            assert_eq!(named["void of gone"], (texts(&[own]), texts(&[own])), "{narrow}");
        }
        // Its case enters the portfolio: what concerns it is told again, with both.
        let (before, token) = changes(&mut hub, pull("")).await.expect("a feed");
        let mut moved = case("c2", "second creditor");
        "v3".clone_into(&mut moved.version_id);
        moved.steering = Some(v1::Steering { portfolio_id: "portfolio of c1".to_owned(), ..Default::default() });
        let request = v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(moved) };
        mine.cases.upsert_case(request).await.expect("stored");
        let (after, _) = changes(&mut hub, pull(&token)).await.expect("a feed");
        let again = named(&after);
        assert_eq!(again["both"].0, texts(&["c1", "c2"]));
        assert_eq!(again["void of gone"].0, texts(&["c1", "c2"]));
        // A copy that has only the first of them is told from one that has both; the service counts what was told last.
        let last = |told: &[v1::Change]| {
            let of =
                |change: &&v1::Change| matches!(&change.after, Some(After::Activity(one)) if one.activity_id == "both");
            told.iter().rfind(of).expect("told").clone()
        };
        let digest = |told: &[v1::Change]| last(told).digest;
        assert_ne!(digest(&before), digest(&after));
        let (first, second) = (last(&before), last(&after));
        assert_eq!((second.revision, second.backfilled), (first.revision, true));
        assert!(second.backfill_revision > second.revision.max(first.backfill_revision), "{second:?} after {first:?}");
        let leaves = v1::ListLeavesRequest {
            region_code: "IT".to_owned(),
            entity: v1::SyncEntity::Activity.into(),
            ..Default::default()
        };
        let mut found = Vec::new();
        for day in 1..=31 {
            let date = Some(fairdue::proto::google::r#type::Date { year: 2024, month: 3, day });
            let request = v1::ListLeavesRequest { date, ..leaves.clone() };
            found.extend(hub.sync.list_leaves(request).await.expect("leaves").into_inner().leaves);
        }
        let leaf = found.iter().find(|leaf| leaf.id == "both").expect("it is counted");
        assert_eq!(leaf.digest, digest(&after));
        api.end().await;
    }
);
