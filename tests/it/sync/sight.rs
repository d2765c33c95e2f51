//! What a partner is told of activities over several cases, of which one after the other enters its portfolios: whoever does what
//! docs/sinks.md says ends with what a copy made from nothing holds, and counts what the service counts.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use fairdue::domain::principal::Role;
use fairdue::proto::v1;
use prost::Message as _;
use v1::activity_service_client::ActivityServiceClient;
use v1::case_service_client::CaseServiceClient;
use v1::change::After;
use v1::sync_service_client::SyncServiceClient;

use super::receive::{MARKET, configured, described, told, until};
use super::sinks::{delivered, run, webhook};
use crate::histories::deliver::Dice;
use crate::support::database::{Database, on_both_databases};
use crate::support::receiver::{Receiver, Reply};
use crate::support::service::{Service, Setup, caller};
use crate::support::wire::{activity, batch, call, case, payment};

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
/// What three partners are shared: parts; whole activities; and voids that do not tell what they take out.
const SHARED: [&str; 3] = [
    "case = [\"steering\"]\nactivity = [\"case_ids\", \"detail\"]\nvoid = [\"case_ids\", \"detail\"]\nfinding = [\"rule_id\"]",
    "case = []\nactivity = WHOLE\nvoid = WHOLE",
    "activity = [\"case_ids\"]\nvoid = [\"case_ids\"]",
];
const WHOLE: &str = "[\"case_ids\", \"person_id\", \"person_role\", \"occur_time\", \"date_only\", \"receive_time\", \
    \"effect_time\", \"end_time\", \"source_sequence\", \"initiator\", \"at_debtors_request\", \"actor\", \
    \"parent_activity_id\", \"control\", \"detail\"]";

type Id = (&'static str, String, String);

/// A copy: the last of each record that was applied.
#[derive(Default)]
struct Copy(BTreeMap<Id, v1::Change>);

fn id_of(change: &v1::Change) -> Id {
    match change.after.as_ref().expect("what changed") {
        After::Case(case) => ("case", case.case_id.clone(), case.version_id.clone()),
        After::Activity(one) => ("activity", one.activity_id.clone(), String::new()),
        After::Void(one) => ("void", one.activity_id.clone(), String::new()),
        After::Finding(one) => ("finding", one.finding_id.clone(), String::new()),
    }
}

impl Copy {
    /// The later one stays.
    fn apply(&mut self, change: &v1::Change) {
        self.0.insert(id_of(change), change.clone());
    }

    /// The newer one stays, as docs/sinks.md says.
    fn compare(&mut self, change: &v1::Change) {
        let newness = |change: &v1::Change| (change.revision, change.backfill_revision);
        if self.0.get(&id_of(change)).is_none_or(|known| newness(known) <= newness(change)) {
            self.apply(change);
        }
    }

    /// The records with their digests.
    fn records(&self) -> BTreeMap<Id, (After, Vec<u8>)> {
        let record = |(id, change): (&Id, &v1::Change)| {
            (id.clone(), (change.after.clone().expect("what changed"), change.digest.clone()))
        };
        self.0.iter().map(record).collect()
    }

    /// Counts and digests by entity.
    fn sums(&self) -> BTreeMap<&'static str, (i64, [u64; 4])> {
        let targets: HashSet<&str> = self.0.values().filter_map(target).collect();
        let mut sums = BTreeMap::new();
        for ((entity, id, _), change) in &self.0 {
            if change.digest.is_empty() || (*entity == "activity" && targets.contains(id.as_str())) {
                continue;
            }
            let sum: &mut (i64, [u64; 4]) = sums.entry(*entity).or_default();
            sum.0 += 1;
            add(&mut sum.1, &change.digest);
        }
        sums
    }
}

fn target(change: &v1::Change) -> Option<&str> {
    match change.after.as_ref()? {
        After::Void(v1::Activity { detail: Some(v1::activity::Detail::Void(void)), .. }) => {
            Some(&void.target_activity_id)
        }
        _ => None,
    }
}

fn add(lanes: &mut [u64; 4], digest: &[u8]) {
    for (lane, bytes) in lanes.iter_mut().zip(digest.chunks(8)) {
        *lane = lane.wrapping_add(u64::from_le_bytes(bytes.try_into().expect("eight bytes")));
    }
}

/// What the service says that a partner should count.
async fn counted(service: &Service, key: &str) -> BTreeMap<&'static str, (i64, [u64; 4])> {
    let mut client = SyncServiceClient::new(caller(&service.address, key).await);
    let request = v1::GetMarketStatusRequest { region_code: MARKET.to_owned() };
    let status = client.get_market_status(request).await.expect("a status").into_inner();
    let sum = |tally: &v1::EntityTally| {
        let entity = ["", "case", "activity", "void", "finding"][tally.entity as usize];
        let mut lanes = [0; 4];
        add(&mut lanes, &tally.digest);
        (entity, (tally.count, lanes))
    };
    status.tallies.iter().map(sum).collect()
}

/// Pulls on behind a token.
async fn pull(service: &Service, key: &str, (copy, token): &mut (Copy, String)) {
    let mut client = SyncServiceClient::new(caller(&service.address, key).await);
    let (region_code, token_now) = (MARKET.to_owned(), token.clone());
    let request = v1::PullRequest { region_code, token: token_now, once: true, ..Default::default() };
    let mut feed = client.pull(request).await.expect("a feed").into_inner();
    while let Some(message) = feed.message().await.expect("the feed goes on") {
        message.changes.iter().for_each(|change| copy.apply(change));
        *token = message.token;
    }
}

/// Writes one commit: versions in some portfolio or none that counts, or activities over some cases and voids.
async fn commit(service: &Service, key: &str, dice: &mut Dice, step: usize) {
    let some = |dice: &mut Dice, least: usize| -> Vec<String> {
        let chosen: BTreeSet<usize> = (0..least + dice.below(3)).map(|_| dice.below(NAMES.len())).collect();
        chosen.into_iter().map(|n| NAMES[n].to_owned()).collect()
    };
    if step == 0 || dice.below(3) == 0 {
        let named = if step == 0 { NAMES.map(str::to_owned).to_vec() } else { some(dice, 1) };
        let version = |name: String| {
            let mut one = case(&name, "creditor");
            one.version_id = format!("v{step:02}");
            let portfolio_id = ["elsewhere", "nowhere", "p", "q"][dice.below(if step == 0 { 2 } else { 4 })].to_owned();
            one.steering = Some(v1::Steering { portfolio_id, ..Default::default() });
            one
        };
        let cases = named.into_iter().map(version).collect();
        let request = v1::BatchUpsertCasesRequest { region_code: MARKET.to_owned(), cases };
        CaseServiceClient::new(caller(&service.address, key).await).batch_upsert_cases(request).await.expect("cases");
        return;
    }
    let mut records = Vec::new();
    for n in 0..1 + dice.below(3) {
        let (id, case_ids) = (format!("r{step:02}-{n}"), some(dice, 1));
        let (first, day) = (case_ids[0].clone(), 1 + (step % 9) as i64);
        let mut one = match dice.below(4) {
            0 => payment(&id, &first, day, 10),
            1 | 2 => call(&id, &first, day),
            _ => {
                // Of something older, or of what is still to come; some voids name cases themselves.
                let target_activity_id = format!("r{:02}-{}", (step + 3).saturating_sub(dice.below(12)), dice.below(3));
                let void = v1::VoidRecord { target_activity_id, ..Default::default() };
                activity(&id, &first, day, v1::activity::Detail::Void(void))
            }
        };
        let is_void = matches!(one.detail, Some(v1::activity::Detail::Void(_)));
        one.case_ids = if is_void && dice.below(2) == 0 { Vec::new() } else { case_ids };
        records.push(one);
    }
    let mut client = ActivityServiceClient::new(caller(&service.address, key).await);
    client.batch_record_activities(batch(records)).await.expect("activities");
}

async fn setup(database: &Database, receiver: &Receiver, secrets: &std::path::Path, shared: &str) -> (Setup, String) {
    let mut setup = configured(database, "").await;
    setup.set("sync.page_rows", "3");
    let partner = setup.another_key(vec![Role::Partner]).await;
    let id = partner.rsplit('.').nth(1).expect("a key of three parts").to_owned();
    let tenant = setup.configuration().join("tenants/t.toml");
    let text = std::fs::read_to_string(&tenant).expect("read the tenant");
    let hub = format!(
        "[[partner]]\nid = \"hub\"\nkeys = [\"{id}\"]\nmarkets = [\"it\"]\nportfolios = [\"p\", \"q\"]\n[partner.share]\n{}\n",
        shared.replace("WHOLE", WHOLE)
    );
    let sink =
        webhook(secrets, receiver, "partner = \"hub\"", 1).replace("[sink.webhook]", "in_flight = 2\n[sink.webhook]");
    std::fs::write(&tenant, format!("{text}\n{hub}{sink}")).expect("write the tenant");
    (setup, partner)
}

on_both_databases!(
    async fn cases_that_enter_one_after_the_other_leave_every_copy_right(database: Database) {
        for (seed, shared) in SHARED.iter().enumerate() {
            let fresh = if seed == 0 { None } else { Some(Database::fresh(database.backend).await) };
            the_same_everywhere(fresh.as_ref().unwrap_or(&database), seed, shared).await;
        }
    }
);

async fn the_same_everywhere(database: &Database, seed: usize, shared: &str) {
    let receiver = Receiver::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let (setup, partner) = setup(database, &receiver, directory.path(), shared).await;
    let admin = setup.another_key(vec![Role::Admin]).await;
    let mut service = setup.start().await;
    let mut dice = Dice::new(40 + seed as u64);
    let mut live = (Copy::default(), String::new());
    for step in 0..36 {
        commit(&service, &setup.key, &mut dice, step).await;
        if step % 3 == 0 {
            pull(&service, &partner, &mut live).await;
            counted(&service, &partner).await;
        }
        match step {
            // From here on some are refused for good, and sent again when others have come in the meantime.
            10 => receiver.answer(|n| Reply::Status(if n % 4 == 0 { 422 } else { 200 })),
            20 => receiver.answer(|_| Reply::Status(200)),
            26 => {
                service.kill();
                service = setup.start().await;
            }
            30 => {
                let from = dice.below(20).to_string();
                let order = ["replay", "hub", "--from", &from, "--market", MARKET];
                assert!(run(&service, &admin, &order).await.0);
            }
            _ => {}
        }
    }
    assert!(run(&service, &admin, &["resend", "hub", "--all", "--market", MARKET]).await.0);
    until("nothing is aside", async || super::receive::sinks(&service, &setup.key).await[0].dead_letter_count == 0)
        .await;
    delivered(&service, &setup.key).await;
    let once = receiver.deliveries().len();
    assert!(run(&service, &admin, &["replay", "hub", "--from", "0", "--market", MARKET]).await.0);
    until("the replay comes", async || receiver.deliveries().len() > once).await;
    delivered(&service, &setup.key).await;

    let mut anew = (Copy::default(), String::new());
    pull(&service, &partner, &mut anew).await;
    pull(&service, &partner, &mut live).await;
    let right = anew.0.records();
    assert_eq!(live.0.records(), right, "a copy that was kept by its token, {shared}");
    assert_eq!(anew.0.sums(), counted(&service, &partner).await, "{shared}");

    // Both kept through everything, and made by the last replay alone.
    let (mut compared, mut by_id, mut replayed) = (Copy::default(), Copy::default(), Copy::default());
    let (mut ids, mut contents, mut widened) = (HashMap::new(), HashMap::new(), 0);
    for (n, delivery) in receiver.deliveries().iter().enumerate() {
        let event = delivery.event();
        let change = told(&event, &described());
        let v1::Change { revision, digest, before, after, .. } = change.clone();
        let content = v1::Change { revision, digest, before, after, ..Default::default() }.encode_to_vec();
        let id = event["id"].as_str().expect("an id").to_owned();
        assert_eq!(
            ids.entry(id.clone()).or_insert_with(|| content.clone()),
            &content,
            "an id of two contents: {event}"
        );
        assert_eq!(contents.entry(content).or_insert_with(|| id.clone()), &id, "a content of two ids: {event}");
        if delivery.reply != Reply::Status(200) {
            continue;
        }
        let known = compared.0.get(&id_of(&change));
        widened += usize::from(known.is_some_and(|old| old.revision == revision && old.digest != change.digest));
        compared.compare(&change);
        if n >= once {
            replayed.apply(&change);
        }
    }
    let mut known = HashSet::new();
    for delivery in receiver.deliveries().iter().filter(|delivery| delivery.reply == Reply::Status(200)) {
        let event = delivery.event();
        if known.insert(event["id"].to_string()) {
            by_id.compare(&told(&event, &described()));
        }
    }
    assert!(widened > 0, "some came in one after the other");
    assert_eq!(compared.records(), right, "who compares, {shared}");
    assert_eq!(by_id.records(), right, "who takes each id once and compares, {shared}");
    assert_eq!(replayed.records(), right, "who begins with a replay, {shared}");
    assert_eq!(service.stop(), 0);
}
