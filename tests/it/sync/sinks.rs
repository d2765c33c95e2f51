//! Changes sent to receivers: in order, nothing lost, and again only what was not answered, whatever is killed and whatever
//! fails; by one server of several; signed; never more than is shared; and an operator sees and decides.

use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fairdue::domain::principal::Role;
use fairdue::proto::v1;
use v1::change::After;

use super::receive::{MARKET, changes, configured, described, gauge, in_order, sinks, told, until, write};
use crate::histories::deliver::Dice;
use crate::support::database::{Backend, Database, on_both_databases};
use crate::support::receiver::{Delivery, Receiver, Reply};
use crate::support::service::{Service, binary};
use crate::support::workload;

pub const SECRETS: [&str; 2] = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2Vjb25kIHNlY3JldCBvZiB0aGlzIHRlc3Q="];
/// A sink to a webhook of the test's, with as many secrets.
pub fn webhook(setup_dir: &std::path::Path, receiver: &Receiver, whose: &str, secrets: usize) -> String {
    let named: Vec<String> = SECRETS[..secrets]
        .iter()
        .enumerate()
        .map(|(number, secret)| {
            let file = setup_dir.join(format!("secret-{number}"));
            std::fs::write(&file, format!("{secret}\n")).expect("write a secret");
            format!("\"file:{}\"", file.display())
        })
        .collect();
    format!(
        "[[sink]]\nid = \"hub\"\n{whose}\nmarkets = [\"it\"]\n[sink.webhook]\nurl = \"http://{}/hook\"\nsecrets = [{}]\n",
        receiver.address,
        named.join(", ")
    )
}

pub fn events(deliveries: &[Delivery]) -> Vec<serde_json::Value> {
    deliveries.iter().map(Delivery::event).collect()
}

/// Waits until the one sink has delivered everything.
pub async fn delivered(service: &Service, key: &str) {
    until("everything is delivered", async || {
        let sinks = sinks(service, key).await;
        let one = sinks.first().expect("a sink");
        one.through_revision == one.head_revision && one.failure_count == 0 && one.lag == Some(Default::default())
    })
    .await;
}

on_both_databases!(
    async fn order_and_nothing_lost_while_receivers_fail_and_the_server_is_killed(database: Database) {
        let receiver = Receiver::start().await;
        let directory = tempfile::tempdir().expect("a directory");
        let setup = configured(&database, &webhook(directory.path(), &receiver, "own = true", 2)).await;
        let dice = std::sync::Mutex::new(Dice::new(20));
        let deaf = Arc::new(AtomicBool::new(false));
        let hangs = Arc::clone(&deaf);
        receiver.answer(move |_| match dice.lock().expect("the lock").below(40) {
            _ if hangs.load(Ordering::SeqCst) => Reply::Hang,
            0 => Reply::Status(500),
            1 => Reply::Status(429),
            2 => Reply::Hang,
            3..6 => Reply::Cut,
            _ => Reply::Status(200),
        });
        let mut service = setup.start().await;
        for round in 0..4_u32 {
            let came = receiver.deliveries().len();
            write(&service, &setup.key, round * 16..round * 16 + 12).await;
            until("something is sent", async || receiver.deliveries().len() > came + 10).await;
            // Killed while an event is on its way that the receiver never answers. All others may have been delivered by now.
            deaf.store(true, Ordering::SeqCst);
            write(&service, &setup.key, round * 16 + 12..round * 16 + 16).await;
            until("one is on its way", async || {
                receiver.deliveries().last().is_some_and(|one| one.reply == Reply::Hang)
            })
            .await;
            service.kill();
            deaf.store(false, Ordering::SeqCst);
            service = setup.start().await;
        }
        delivered(&service, &setup.key).await;
        let changes = changes(&service, &setup.key).await;
        delivered(&service, &setup.key).await;
        let deliveries = receiver.deliveries();
        assert!(changes.len() > 150, "{}", changes.len());
        let (taken, refused): (Vec<_>, Vec<_>) =
            deliveries.iter().cloned().partition(|one| one.reply == Reply::Status(200));
        assert!(refused.len() > 8, "receivers fail: {}", refused.len());
        // Whether one counts what was tried or what was answered, nothing is passed over.
        in_order(&events(&deliveries), &changes);
        let again = in_order(&events(&taken), &changes);
        // A kill costs at most what was sent since the place was kept last.
        assert!(again <= 4 * 100, "{again} came again");
        let now = chrono::Utc::now().timestamp();
        for delivery in &deliveries {
            assert_eq!(delivery.signed_with(&SECRETS), 2, "both secrets, during a change from one to the other");
            assert_eq!(delivery.headers["content-type"], "application/cloudevents+json; charset=utf-8");
            assert_eq!(delivery.event()["id"], delivery.headers["webhook-id"].as_str());
            let sent: i64 = delivery.headers["webhook-timestamp"].parse().expect("seconds");
            assert!((now - 300..=now).contains(&sent));
        }
        service.kill();
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_servers_one_sends_and_the_other_takes_over() {
    let database = Database::fresh(Backend::Postgres).await;
    let receiver = Receiver::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let setup = configured(&database, &webhook(directory.path(), &receiver, "own = true", 1)).await;
    let (one, other) = (setup.start().await, setup.start().await);
    tokio::join!(write(&one, &setup.key, 0..24), write(&other, &setup.key, 24..48));
    delivered(&one, &setup.key).await;
    let all = changes(&other, &setup.key).await;
    delivered(&other, &setup.key).await;
    assert_eq!(in_order(&events(&receiver.deliveries()), &all), 0, "each once: nothing failed");
    // Whichever sends is killed at some point, once in the middle of its work and once at rest.
    one.kill();
    let third = setup.start().await;
    write(&third, &setup.key, 48..72).await;
    delivered(&third, &setup.key).await;
    other.kill();
    write(&third, &setup.key, 72..96).await;
    delivered(&third, &setup.key).await;
    let all = changes(&third, &setup.key).await;
    delivered(&third, &setup.key).await;
    in_order(&events(&receiver.deliveries()), &all);
    assert_eq!(third.stop(), 0);
}

fn sinks_command(service: &Service, key: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(["sync", "sinks"]).args(arguments).args(["--url", &format!("http://{}", service.address)]);
    command.args(["--key", key]).stdin(Stdio::null());
    command
}

pub async fn run(service: &Service, key: &str, arguments: &[&str]) -> (bool, String) {
    let mut command = sinks_command(service, key, arguments);
    let output: Output =
        tokio::task::spawn_blocking(move || command.output().expect("run fairdue")).await.expect("it ran");
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), told)
}

on_both_databases!(
    async fn an_operator_sees_what_is_wrong_and_decides(database: Database) {
        let receiver = Receiver::start().await;
        let directory = tempfile::tempdir().expect("a directory");
        let setup = configured(&database, &webhook(directory.path(), &receiver, "own = true", 1)).await;
        let admin = setup.another_key(vec![Role::Admin]).await;
        // From the third event on whoever sends may not.
        receiver.answer(|before| if before < 2 { Reply::Status(200) } else { Reply::Status(401) });
        let service = setup.start().await;
        write(&service, &setup.key, 0..8).await;
        until("the sink is paused", async || sinks(&service, &setup.key).await[0].state() == v1::SinkState::Paused)
            .await;
        let seen = sinks(&service, &setup.key).await.remove(0);
        assert!(seen.pause_reason.contains("refused 3 times") && seen.pause_reason.contains("401"), "{seen:?}");
        assert_eq!((seen.failure_count, receiver.deliveries().len()), (3, 5), "{seen:?}");
        assert_eq!(seen.receiver, format!("webhook {}", receiver.address), "no path: it may hold what identifies");
        let (ok, listed) = run(&service, &setup.key, &[]).await;
        assert!(ok && listed.contains("paused") && listed.contains("401"), "{listed}");

        // Orders are an administrator's.
        let (ok, refused) = run(&service, &setup.key, &["resume", "hub", "--market", MARKET]).await;
        assert!(!ok && refused.contains("admin"), "{refused}");
        let (ok, unknown) = run(&service, &admin, &["resume", "bub", "--market", MARKET]).await;
        assert!(!ok && unknown.contains("\"bub\""), "{unknown}");
        receiver.answer(|_| Reply::Status(200));
        let (ok, resumed) = run(&service, &admin, &["resume", "hub", "--market", MARKET]).await;
        assert!(ok && resumed.contains("running"), "{resumed}");
        delivered(&service, &setup.key).await;
        let all = changes(&service, &setup.key).await;
        delivered(&service, &setup.key).await;
        in_order(&events(&receiver.deliveries()), &all);

        // Paused, nothing comes after a second; replayed, all that lies behind a revision comes again, with the ids that it had.
        assert!(run(&service, &admin, &["pause", "hub", "--market", MARKET]).await.0);
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        write(&service, &setup.key, 8..16).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        let before = receiver.deliveries();
        let newest = all.last().expect("changes").revision;
        assert!(before.iter().all(|one| told(&one.event(), &described()).revision <= newest), "paused");
        let (ok, late) = run(&service, &admin, &["replay", "hub", "--from", "4000000", "--market", MARKET]).await;
        assert!(!ok && late.contains("after_revision"), "{late}");
        assert!(run(&service, &admin, &["replay", "hub", "--from", "0", "--market", MARKET]).await.0);
        delivered(&service, &setup.key).await;
        let all = changes(&service, &setup.key).await;
        delivered(&service, &setup.key).await;
        let after = receiver.deliveries();
        assert_eq!(in_order(&events(&after[before.len()..]), &all), 0, "the whole history, each once");
        let ids = |some: &[Delivery]| some.iter().map(|one| one.headers["webhook-id"].clone()).collect::<Vec<_>>();
        let again = ids(&after[before.len()..]);
        assert!(ids(&before).iter().all(|id| again.contains(id)));

        // Who is gone is not tried again.
        receiver.answer(|_| Reply::Status(410));
        let came = receiver.deliveries().len();
        write(&service, &setup.key, 16..24).await;
        until("the sink is paused", async || sinks(&service, &setup.key).await[0].state() == v1::SinkState::Paused)
            .await;
        assert_eq!(receiver.deliveries().len(), came + 1);
        assert_eq!(service.stop(), 0);
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partners_sink_tells_what_is_shared_and_stops_when_that_changes() {
    let database = Database::fresh(Backend::Sqlite).await;
    let receiver = Receiver::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let partner = |fields: &str| {
        format!("[[partner]]\nid = \"p\"\nkeys = []\nmarkets = [\"it\"]\n[partner.share]\ncase = [{fields}]\n")
    };
    let sink = webhook(directory.path(), &receiver, "partner = \"p\"", 1);
    let setup = configured(&database, &format!("{}{sink}", partner("\"currency_code\""))).await;
    let admin = setup.another_key(vec![Role::Admin]).await;
    let service = setup.start().await;
    write(&service, &setup.key, 0..16).await;
    delivered(&service, &setup.key).await;
    let deliveries = receiver.deliveries();
    assert_eq!(deliveries.len(), 4, "cases, and nothing of what happened on them");
    for delivery in &deliveries {
        let change = told(&delivery.event(), &described());
        let Some(After::Case(case)) = &change.after else { panic!("{change:?}") };
        let expected = v1::Case {
            case_id: case.case_id.clone(),
            version_id: case.version_id.clone(),
            currency_code: "EUR".to_owned(),
            revision: case.revision,
            ..Default::default()
        };
        assert_eq!((case, change.digest.len()), (&expected, 32), "a digest of what is shared");
        let text = String::from_utf8_lossy(&delivery.body);
        for hidden in ["creditor-", "person-", "agent-", "2024-11"] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
    }
    // Another policy: the copy over there was made under other words. Nothing is sent until somebody has decided.
    let tenant = setup.configuration().join("tenants/t.toml");
    let text = std::fs::read_to_string(&tenant).expect("read the tenant");
    let narrower = text.replace("case = [\"currency_code\"]", "case = [\"closed\"]");
    assert_ne!(narrower, text);
    std::fs::write(&tenant, narrower).expect("write the tenant");
    service.reload();
    until("the sink is paused", async || sinks(&service, &setup.key).await[0].state() == v1::SinkState::Paused).await;
    let seen = sinks(&service, &setup.key).await.remove(0);
    assert!(seen.pause_reason.contains("what is shared with this partner has changed"), "{seen:?}");
    write(&service, &setup.key, 16..20).await;
    assert!(run(&service, &admin, &["resume", "hub", "--market", MARKET]).await.0);
    delivered(&service, &setup.key).await;
    let last = receiver.deliveries().pop().expect("a delivery");
    let change = told(&last.event(), &described());
    let Some(After::Case(case)) = &change.after else { panic!("{change:?}") };
    assert_eq!((case.case_id.as_str(), case.currency_code.as_str()), (workload::case_id(16).as_str(), ""));
    assert_eq!(service.stop(), 0);
}

/// What its copy over there lacks, or that it is another copy, nobody notices who is only told of what comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sink_that_asks_for_more_or_leads_elsewhere_stops_until_somebody_decides() {
    let database = Database::fresh(Backend::Sqlite).await;
    let (receiver, other) = (Receiver::start().await, Receiver::start().await);
    let directory = tempfile::tempdir().expect("a directory");
    let whose = "own = true\nentities = [\"case\"]";
    let setup = configured(&database, &webhook(directory.path(), &receiver, whose, 1)).await;
    let admin = setup.another_key(vec![Role::Admin]).await;
    let service = setup.start().await;
    write(&service, &setup.key, 0..16).await;
    delivered(&service, &setup.key).await;
    assert_eq!(receiver.deliveries().len(), 4, "cases");
    let tenant = setup.configuration().join("tenants/t.toml");
    let change = async |before: &str, now: &str| {
        let text = std::fs::read_to_string(&tenant).expect("read the tenant");
        assert!(text.contains(before), "{before} in {text}");
        std::fs::write(&tenant, text.replace(before, now)).expect("write the tenant");
        service.reload();
    };
    let paused = async |why: &str| {
        until("the sink is paused", async || sinks(&service, &setup.key).await[0].state() == v1::SinkState::Paused)
            .await;
        let seen = sinks(&service, &setup.key).await.remove(0);
        assert!(seen.pause_reason.contains(why) && seen.pause_reason.contains("replay the sink from"), "{seen:?}");
    };
    let replay = async || {
        assert!(run(&service, &admin, &["replay", "hub", "--from", "0", "--market", MARKET]).await.0);
        delivered(&service, &setup.key).await;
    };
    let (cases, more) = ("entities = [\"case\"]", "entities = [\"activity\", \"case\"]");
    change(cases, more).await;
    paused("asked for more entities").await;
    replay().await;
    let all = receiver.deliveries().len();
    assert!(all > 8 + 16, "{all}: cases again, and activities");
    // Of fewer entities a copy is as it was.
    change(more, cases).await;
    write(&service, &setup.key, 16..20).await;
    delivered(&service, &setup.key).await;
    let all = receiver.deliveries().len();
    change(&receiver.address.to_string(), &other.address.to_string()).await;
    paused("another receiver").await;
    assert!(other.deliveries().is_empty());
    replay().await;
    assert_eq!((other.deliveries().len(), receiver.deliveries().len()), (5, all));
    assert_eq!(service.stop(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_gone_is_not_tried_again_where_another_event_failed_before() {
    let database = Database::fresh(Backend::Sqlite).await;
    let receiver = Receiver::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let setup = configured(&database, &webhook(directory.path(), &receiver, "own = true\nin_flight = 4", 1)).await;
    receiver.answer(|before| if before == 0 { Reply::Status(503) } else { Reply::Late(410, 150) });
    let service = setup.start().await;
    write(&service, &setup.key, 0..16).await;
    until("the sink is paused", async || sinks(&service, &setup.key).await[0].state() == v1::SinkState::Paused).await;
    let seen = sinks(&service, &setup.key).await.remove(0);
    assert!(seen.pause_reason.contains("410"), "{seen:?}");
    assert_eq!(receiver.deliveries().len(), 4, "those that were under way at once");
    assert_eq!(service.stop(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_inside_is_not_called_and_the_operator_is_told() {
    let database = Database::fresh(Backend::Sqlite).await;
    let receiver = Receiver::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let mut setup = configured(&database, &webhook(directory.path(), &receiver, "own = true", 1)).await;
    setup.set("sinks.allow_networks", "10.0.0.0/8");
    let service = setup.start().await;
    write(&service, &setup.key, 0..4).await;
    until("the sink is paused", async || sinks(&service, &setup.key).await[0].state() == v1::SinkState::Paused).await;
    let seen = sinks(&service, &setup.key).await.remove(0);
    assert!(seen.pause_reason.contains("no public address"), "{seen:?}");
    assert!(receiver.deliveries().is_empty());
    assert_eq!(service.stop(), 0);
}

const SINK_LAG: &str = "fairdue_sink_lag_seconds{tenant=\"t\",market=\"it\",sink=\"hub\"}";
const SINK_PAUSED: &str = "fairdue_sink_paused{tenant=\"t\",market=\"it\",sink=\"hub\"}";

/// Between the newest record and the one that was delivered last there may be a second, while a receiver is deaf for hours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_long_a_receiver_was_told_nothing_is_seen_and_can_be_watched() {
    let database = Database::fresh(Backend::Sqlite).await;
    let receiver = Receiver::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let mut setup = configured(&database, &webhook(directory.path(), &receiver, "own = true", 1)).await;
    let metrics = format!("127.0.0.1:{}", crate::support::postgres::free_port());
    setup.set("metrics.listen", &metrics);
    let admin = setup.another_key(vec![Role::Admin]).await;
    let service = setup.start().await;
    write(&service, &setup.key, 0..4).await;
    delivered(&service, &setup.key).await;
    until("the gauges say so", async || gauge(&metrics, SINK_LAG).await == Some(0.0)).await;
    assert_eq!(gauge(&metrics, SINK_PAUSED).await, Some(0.0));
    receiver.answer(|_| Reply::Status(503));
    write(&service, &setup.key, 4..8).await;
    let begun = std::time::Instant::now();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let lag = sinks(&service, &setup.key).await[0].lag.expect("a lag");
    assert!((3..60).contains(&lag.seconds), "{lag:?}");
    until("the gauge follows", async || gauge(&metrics, SINK_LAG).await >= Some(3.0)).await;
    assert!(gauge(&metrics, SINK_LAG).await <= Some(begun.elapsed().as_secs_f64() + 60.0));
    // A sink that nobody resumes fails no more, and goes on falling behind.
    assert!(run(&service, &admin, &["pause", "hub", "--market", MARKET]).await.0);
    until("it is seen that it is paused", async || gauge(&metrics, SINK_PAUSED).await == Some(1.0)).await;
    let later = sinks(&service, &setup.key).await[0].lag.expect("a lag");
    assert!(later.seconds >= lag.seconds, "{later:?} after {lag:?}");
    receiver.answer(|_| Reply::Status(200));
    assert!(run(&service, &admin, &["resume", "hub", "--market", MARKET]).await.0);
    delivered(&service, &setup.key).await;
    until("the gauges say so", async || gauge(&metrics, SINK_LAG).await == Some(0.0)).await;
    assert_eq!(service.stop(), 0);
}
