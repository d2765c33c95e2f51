//! What partners compare their part of a market by: counts, sums and digests over what their feeds show, kept along with the
//! market's commits, and telling nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fairdue::domain::ids::{ActivityId, CaseId};
use fairdue::domain::principal::Role;
use fairdue::proto::v1;
use v1::SyncEntity::{Activity, Case, Finding, Void};

use super::feed::{feeds, histories, settled};
use super::part::{Part, kept};
use super::writers::{self, REGION};
use crate::histories::generate::History;
use crate::support::api::{Api, Clients, HOUSE_RULE, Key};
use crate::support::database::{Backend, Database, on_both_databases};
use crate::support::wire::{activity, batch, call, case, note, payment, reason, stamp};

const NEW_YORK: chrono_tz::Tz = chrono_tz::America::New_York;

/// All fields of an activity, and all of a case.
const WHOLE_ACTIVITY: &str = "[\"case_ids\", \"person_id\", \"person_role\", \"occur_time\", \"date_only\", \
    \"receive_time\", \"effect_time\", \"end_time\", \"source_sequence\", \"initiator\", \"at_debtors_request\", \"actor\", \
    \"parent_activity_id\", \"control\", \"detail\"]";
const WHOLE_CASE: &str = "[\"effect_time\", \"currency_code\", \"identity\", \"legal_class\", \"dates\", \"terms\", \
    \"placement\", \"steering\", \"claims\", \"parties\", \"history_complete_time\", \"prior_notices\", \"prior_charges\", \
    \"closed\", \"attributes\"]";

/// Partners of a market: what their files say, and what they are told of.
fn policies() -> Vec<(String, Vec<v1::SyncEntity>)> {
    let whole = format!("[partner.share]\ncase = {WHOLE_CASE}\nactivity = {WHOLE_ACTIVITY}\nvoid = {WHOLE_ACTIVITY}");
    let fields = "[partner.share]\ncase = [\"effect_time\", \"claims\"]\nactivity = [\"occur_time\", \"detail\"]\n\
        void = [\"detail\"]\nfinding = [\"rule_id\", \"breach_time\", \"open_time\", \"decision\"]";
    let no_voids = "portfolios = [\"portfolio-1\"]\n[partner.share]\ncase = []\nactivity = [\"case_ids\", \"detail\"]\n\
        finding = [\"breach_time\"]";
    let voids =
        "portfolios = [\"portfolio-1\", \"portfolio-2\"]\n[partner.share]\nvoid = [\"occur_time\"]\nfinding = []";
    vec![
        (whole.clone(), vec![Case, Activity, Void]),
        (format!("clients = [\"creditor-0\"]\n{whole}\nfinding = []"), vec![Case, Activity, Void, Finding]),
        (fields.to_owned(), vec![Case, Activity, Void, Finding]),
        (format!("portfolios = [\"portfolio-1\"]\n{fields}"), vec![Case, Activity, Void, Finding]),
        (no_voids.to_owned(), vec![Case, Activity, Finding]),
        (voids.to_owned(), vec![Void, Finding]),
    ]
}

fn named(keys: &[Key], market: &str) -> String {
    let partner = |(n, (key, (policy, _))): (usize, (&Key, &(String, _)))| {
        let key = Api::key_id(key);
        format!("\n[[partner]]\nid = \"p{n}\"\nkeys = [\"{key}\"]\nmarkets = [\"{market}\"]\n{policy}\n")
    };
    keys.iter().zip(&policies()).enumerate().map(partner).collect()
}

/// The same history with activities about two cases, and voids that name cases themselves.
fn entangled(mut history: History) -> History {
    let cases: Vec<CaseId> = history.opening.iter().map(|version| version.case.clone()).collect();
    for (n, one) in history.activities.iter_mut().enumerate() {
        let other = &cases[n % cases.len()];
        if (!one.cases.is_empty() && n % 5 == 0 && !one.cases.contains(other)) || (one.cases.is_empty() && n % 3 == 0) {
            let void = one.detail.kind() == "void";
            if void || matches!(one.detail.kind(), "contact" | "note") {
                one.cases.push(other.clone());
            }
        }
    }
    // Void twice: the second one is a duplicate.
    let again = history.activities.iter().find(|one| one.detail.kind() == "void").cloned();
    history
        .activities
        .extend(again.map(|one| fairdue::domain::activity::Activity { id: ActivityId::trusted("again"), ..one }));
    history
}

/// Asks for all partners' tallies again and again until told to stop: what is kept moves on in steps.
async fn ask(mut partners: Vec<Clients>, stop: Arc<AtomicBool>) -> usize {
    let mut asked = 0;
    while !stop.load(Ordering::SeqCst) {
        for partner in &mut partners {
            let request = v1::GetMarketStatusRequest { region_code: REGION.to_owned() };
            partner.sync.get_market_status(request).await.expect("a status");
            asked += 1;
        }
    }
    asked
}

async fn what_is_kept_is_what_was_told(backend: Backend) {
    let (mut sizes, mut asked) = ([[0; 4]; 6], 0);
    for (history, seed) in histories(feeds().div_ceil(2)).into_iter().zip(11_u64..) {
        let database = Database::fresh(backend).await;
        let settings = [("sync.page_rows", "2")];
        let mut apis = vec![Api::start_with(&database, &settings).await];
        if backend == Backend::Postgres {
            apis.push(Api::start_with(&database, &settings).await);
        }
        let roles = [Role::Writer, Role::Reader, Role::Compliance];
        let key = apis[0].key("mine", &roles, &[]).await;
        let mut keys = Vec::new();
        for _ in policies() {
            keys.push(apis[0].key("mine", &[Role::Partner], &[]).await);
        }
        apis.iter().for_each(|api| api.change_rule("mine", &format!("{HOUSE_RULE}{}", named(&keys, "us"))));
        let partners = |api: &Api| keys.iter().map(|key| api.clients(key)).collect::<Vec<_>>();
        let stop = Arc::new(AtomicBool::new(false));
        // Two at a time: one of them is late with what both have counted.
        let asking = [0, apis.len() - 1].map(|at| tokio::spawn(ask(partners(&apis[at]), Arc::clone(&stop))));
        let clients = || apis.iter().map(|api| api.clients(&key)).collect::<Vec<_>>();
        writers::write(clients(), &entangled(history), seed).await;
        settled(&mut clients()[0]).await;
        stop.store(true, Ordering::SeqCst);
        for asking in asking {
            asked += asking.await.expect("asking");
        }
        let mut before = Vec::new();
        for (n, (policy, entities)) in policies().iter().enumerate() {
            let mut partner = apis[n % apis.len()].clients(&keys[n]);
            let part = Part::pull(&mut partner, REGION).await;
            let told = part.sums(NEW_YORK);
            let kept = kept(&mut partner, REGION, entities, true).await;
            assert_eq!(kept, told, "history {seed}, under\n{policy}");
            (0..4).for_each(|entity| sizes[n][entity] += part.sizes()[entity]);
            before.push(kept);
        }
        // Counted anew from nothing it is the same.
        apis[0].sql(&database, "DELETE FROM partner_mark").await;
        for (n, (policy, entities)) in policies().iter().enumerate() {
            let anew = kept(&mut apis[0].clients(&keys[n]), REGION, entities, false).await;
            assert_eq!(anew, before[n], "history {seed}, counted anew under\n{policy}");
        }
        for api in apis {
            api.end().await;
        }
    }
    assert!(asked > 30, "asked {asked} times while there were writes");
    for (size, (policy, entities)) in sizes.iter().zip(policies()) {
        let some = entities.iter().all(|entity| size[*entity as usize - 1] > 0);
        assert!(some, "the histories hold something to compare: {size:?} under\n{policy}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_is_what_was_told_on_sqlite() {
    what_is_kept_is_what_was_told(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_is_what_was_told_on_postgres() {
    what_is_kept_is_what_was_told(Backend::Postgres).await;
}

/// Two markets that a partner is told the same of, whatever else is in them.
async fn fill(api: &Api, hidden: &str, more: bool) {
    let mut mine = api.platform("mine").await;
    let creditors = if more { vec!["mine", "hidden", "hidden"] } else { vec!["mine", "hidden"] };
    for (n, creditor) in creditors.into_iter().enumerate() {
        let (id, at) = (format!("c{n}"), n as i64);
        let mut one = case(&id, creditor);
        one.attributes.insert("memo".to_owned(), hidden.to_owned());
        let request = v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(one) };
        mine.cases.upsert_case(request).await.expect("stored");
        let paid = if more { 40 } else { 70 };
        let mut records = vec![payment(&format!("payment {id}"), &id, if more { 2 } else { 1 }, paid)];
        for day in 1..=4 {
            let mut spoken = call(&format!("call {day} {id}"), &id, if more { day + at } else { day });
            spoken.actor = Some(v1::Actor { agent_id: hidden.to_owned(), ..Default::default() });
            records.push(spoken);
        }
        mine.activities.batch_record_activities(batch(records)).await.expect("stored");
    }
    if more {
        // Voids are not shared: that a call is void, or what was never told before, shows nowhere.
        let target_activity_id = "call 2 c0".to_owned();
        let void = v1::activity::Detail::Void(v1::VoidRecord { target_activity_id, ..Default::default() });
        let void = v1::Activity { case_ids: Vec::new(), ..activity("void", "c0", 4, void) };
        mine.activities.batch_record_activities(batch(vec![void])).await.expect("stored");
        mine.activities.batch_record_activities(batch(vec![note("n", "c1", 4)])).await.expect("stored");
    }
}

const NARROW: &str = "clients = [\"mine\"]\n[partner.share]\ncase = [\"effect_time\"]\nactivity = [\"case_ids\"]";

on_both_databases!(
    async fn nothing_that_is_hidden_shows_in_what_is_counted(database: Database) {
        let other = Database::fresh(database.backend).await;
        let mut told = Vec::new();
        for (database, hidden, more) in [(&database, "canary", false), (&other, "another one", true)] {
            let api = Api::start(database).await;
            fill(&api, hidden, more).await;
            let key = api.key("mine", &[Role::Partner], &[]).await;
            let id = Api::key_id(&key);
            let text = format!("\n[[partner]]\nid = \"hub\"\nkeys = [\"{id}\"]\nmarkets = [\"it\"]\n{NARROW}\n");
            api.change_rule("mine", &format!("{HOUSE_RULE}{text}"));
            let mut hub = api.clients(&key);
            let kept = kept(&mut hub, "IT", &[Case, Activity], true).await;
            assert_eq!(kept, Part::pull(&mut hub, "IT").await.sums(chrono_tz::Europe::Rome));
            let region_code = "IT".to_owned();
            for entity in [Void, Finding] {
                let days = v1::ListDayTalliesRequest {
                    region_code: region_code.clone(),
                    entity: entity.into(),
                    ..Default::default()
                };
                let status = hub.sync.list_day_tallies(days).await.expect_err("not shared");
                assert_eq!(reason(&status), "NOT_SHARED", "{status:?}");
                let date = crate::support::wire::date(2024, 3, 19);
                let leaves = v1::ListLeavesRequest {
                    region_code: region_code.clone(),
                    entity: entity.into(),
                    date,
                    ..Default::default()
                };
                let status = hub.sync.list_leaves(leaves).await.expect_err("not shared");
                assert_eq!(reason(&status), "NOT_SHARED", "{status:?}");
            }
            told.push(kept);
            api.end().await;
        }
        // One case, its five activities on no day and without amounts.
        assert_eq!(told[0].values().map(|sum| sum.0).collect::<Vec<_>>(), [1, 5]);
        assert!(told[0].values().all(|sum| sum.2.is_empty()), "{:?}", told[0]);
        assert_eq!(told[0], told[1], "the same is told of both markets");
    }
);

on_both_databases!(
    async fn another_policy_is_counted_by_itself_and_the_old_rows_go(database: Database) {
        let api = Api::start(&database).await;
        fill(&api, "x", true).await;
        let key = api.key("mine", &[Role::Partner], &[]).await;
        let id = Api::key_id(&key);
        let share = |policy: &str| {
            let text = format!("\n[[partner]]\nid = \"hub\"\nkeys = [\"{id}\"]\nmarkets = [\"it\"]\n{policy}\n");
            api.change_rule("mine", &format!("{HOUSE_RULE}{text}"));
        };
        let mut hub = api.clients(&key);
        share(NARROW);
        let narrow = kept(&mut hub, "IT", &[Case, Activity], true).await;
        let wide = "[partner.share]\ncase = [\"effect_time\", \"claims\"]\nactivity = [\"occur_time\", \"detail\"]";
        share(wide);
        let all = kept(&mut hub, "IT", &[Case, Activity], true).await;
        assert_eq!(all, Part::pull(&mut hub, "IT").await.sums(chrono_tz::Europe::Rome));
        assert_ne!(all, narrow);
        assert_eq!(all.values().map(|sum| sum.0).sum::<i64>(), 3 + 16);
        let paid: i128 = all.values().filter_map(|sum| sum.2.get("EUR")).sum();
        assert_eq!(paid, (3 * 100 + 3 * 40) * 1_000_000_000, "principals and payments");
        assert_eq!(policies_kept(&database).await, 1, "what was counted under the old policy is gone");
        // A sum that nobody may see any more is gone at once, though nothing was written.
        share("[partner.share]\ncase = [\"effect_time\"]\nactivity = [\"occur_time\"]");
        let less = kept(&mut hub, "IT", &[Case, Activity], true).await;
        assert!(less.values().all(|sum| sum.2.is_empty()), "{less:?}");
        // The feeds begin anew: so does the count.
        api.reset_feeds("mine", "it").await;
        assert_eq!(kept(&mut hub, "IT", &[Case, Activity], true).await, less);
        // A void that comes before what it takes out.
        share(&format!("[partner.share]\nvoid = {WHOLE_ACTIVITY}\nactivity = []"));
        kept(&mut hub, "IT", &[Activity, Void], true).await;
        let mut mine = api.platform("mine").await;
        let void = v1::VoidRecord { target_activity_id: "later".to_owned(), ..Default::default() };
        let void = v1::Activity {
            activity_id: "early void".to_owned(),
            occur_time: stamp(3),
            detail: Some(v1::activity::Detail::Void(void)),
            ..Default::default()
        };
        for record in [void, call("later", "c0", 3)] {
            mine.activities.batch_record_activities(batch(vec![record])).await.expect("stored");
            let now = kept(&mut hub, "IT", &[Activity, Void], true).await;
            assert_eq!(now, Part::pull(&mut hub, "IT").await.sums(chrono_tz::Europe::Rome));
        }
        api.end().await;
    }
);

on_both_databases!(
    async fn what_two_cases_share_is_counted_once_however_they_enter(database: Database) {
        let api = Api::start(&database).await;
        let key = api.key("mine", &[Role::Partner], &[]).await;
        let id = Api::key_id(&key);
        let policy = format!(
            "portfolios = [\"p\"]\n[partner.share]\ncase = []\nactivity = {WHOLE_ACTIVITY}\nvoid = {WHOLE_ACTIVITY}"
        );
        let text = format!("\n[[partner]]\nid = \"hub\"\nkeys = [\"{id}\"]\nmarkets = [\"it\"]\n{policy}\n");
        api.change_rule("mine", &format!("{HOUSE_RULE}{text}"));
        let (mut mine, mut hub) = (api.platform("mine").await, api.clients(&key));
        let version = |id: &str, version: &str, portfolio: &str| {
            let mut one = case(id, "creditor");
            version.clone_into(&mut one.version_id);
            one.steering = Some(v1::Steering { portfolio_id: portfolio.to_owned(), ..Default::default() });
            one
        };
        let upsert = |cases| v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases };
        let cases = ["a", "b", "c"].map(|id| version(id, "v1", "elsewhere")).to_vec();
        mine.cases.batch_upsert_cases(upsert(cases)).await.expect("stored");
        let both = |id: &str, cases: [&str; 2]| {
            let case_ids = cases.map(str::to_owned).to_vec();
            v1::Activity { case_ids, ..call(id, cases[0], 1) }
        };
        let void = |id: &str, target: &str, case_ids: Vec<String>| {
            let record = v1::VoidRecord { target_activity_id: target.to_owned(), ..Default::default() };
            v1::Activity { case_ids, ..activity(id, "", 2, v1::activity::Detail::Void(record)) }
        };
        let records = vec![
            both("of a and b", ["a", "b"]),
            both("void, of a and b", ["a", "b"]),
            both("of b and c", ["b", "c"]),
            void("void one", "void, of a and b", Vec::new()),
            void("of c itself", "of b and c", vec!["c".to_owned()]),
            void("early", "later", vec!["c".to_owned()]),
        ];
        mine.activities.batch_record_activities(batch(records)).await.expect("stored");
        let entities = [Case, Activity, Void];
        assert!(kept(&mut hub, "IT", &entities, true).await.is_empty(), "no case is in the portfolio");
        // Two cases enter with one commit; then the third, and with it what a void waited for; then what comes later.
        let steps = [
            (vec![version("a", "v2", "p"), version("b", "v2", "p")], Vec::new(), [4, 1, 2]),
            (vec![version("c", "v2", "p")], Vec::new(), [6, 1, 3]),
            (Vec::new(), vec![both("later", ["a", "c"]), both("new", ["b", "c"])], [6, 2, 3]),
        ];
        for (cases, records, counts) in steps {
            if !cases.is_empty() {
                mine.cases.batch_upsert_cases(upsert(cases)).await.expect("stored");
            }
            if !records.is_empty() {
                mine.activities.batch_record_activities(batch(records)).await.expect("stored");
            }
            let now = kept(&mut hub, "IT", &entities, true).await;
            assert_eq!(now, Part::pull(&mut hub, "IT").await.sums(chrono_tz::Europe::Rome));
            let count = |entity: v1::SyncEntity| -> i64 {
                now.iter().filter(|((of, _), _)| *of == i32::from(entity)).map(|(_, sum)| sum.0).sum()
            };
            assert_eq!(entities.map(count), counts);
        }
        api.end().await;
    }
);

/// Policies under which something is kept.
async fn policies_kept(database: &Database) -> i64 {
    use sqlx::{Connection, Row};
    let sql = "SELECT COUNT(DISTINCT policy) AS n FROM partner_digest";
    let marks = "SELECT COUNT(*) AS n FROM partner_mark";
    let mut counts = Vec::new();
    for sql in [sql, marks] {
        counts.push(match database.backend {
            Backend::Sqlite => {
                let mut connection = sqlx::SqliteConnection::connect(&database.url).await.expect("connect");
                sqlx::query(sql).fetch_one(&mut connection).await.expect("a row").get::<i64, _>("n")
            }
            Backend::Postgres => {
                let mut connection = sqlx::PgConnection::connect(&database.url).await.expect("connect");
                sqlx::query(sql).fetch_one(&mut connection).await.expect("a row").get::<i64, _>("n")
            }
        });
    }
    assert_eq!(counts[0], counts[1]);
    counts[0]
}
