//! Questions whose cases and persons are not in memory, while another replica changes them all the time: each is answered.
//! Every other caller asks for everything that was committed before, so that memory catches up, and forgets, with each question.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use fairdue::advice::Question;
use fairdue::domain::detail::Detail;
use fairdue::domain::ids::{CaseId, KeyId, MarketId, TenantId};
use fairdue::domain::market::MarketKey;
use fairdue::domain::principal::{Principal, Role};
use fairdue::ingest::{IngestError, Markets, Work, case_at_hand};
use fairdue::proto::v1;

use crate::support::api::{Api, Clients};
use crate::support::database::{Backend, Database, on_both_databases};
use crate::support::wire::{batch, case, note};

/// A rule that looks over all of a person's cases: each question needs the contacts of its person.
const RULE: &str = r#"
[[rules.add]]
jurisdiction = "it"
id = "tenant-person-calls"
title = "At most nine calls a week to a person"
text = "At most nine calls to a person in seven days, whatever the case."
citation = "house rule"
effect = "prohibits"
applies_to = { debt_class = ["consumer"] }
when_missing = { debt_class = "consumer" }
[rules.add.contact_frequency]
max = 9
window = { calendar_days = 7 }
count = "attempts"
per = "person"
channels = ["call"]
"#;

const CASES: usize = 12;
const ASKERS: usize = 12;

/// A request, which every other caller wants answered from all that was committed before it.
fn asked<T>(message: T, first: usize) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    if first.is_multiple_of(2) {
        request.metadata_mut().insert("fairdue-consistency", "fully-consistent".parse().expect("plain characters"));
    }
    request
}

/// Asks for case files and checks until it is time; how many answers there were.
async fn ask(mut clients: Clients, first: usize, ending: Arc<AtomicBool>) -> usize {
    let mut answers = 0;
    while !ending.load(Ordering::SeqCst) {
        let case_id = format!("c{}", (first + answers) % CASES);
        let request =
            v1::GetCaseFileRequest { region_code: "IT".to_owned(), case_id: case_id.clone(), read_mask: None };
        let file = clients.cases.get_case_file(asked(request, first)).await.expect("a case file");
        assert!(file.get_ref().case_file.is_some());
        let request = v1::CheckContactRequest {
            region_code: "IT".to_owned(),
            case_id,
            contact: Some(v1::Contact { channel: v1::Channel::Call.into(), ..Default::default() }),
            ..Default::default()
        };
        clients.compliance.check_contact(asked(request, first)).await.expect("an answer to a check");
        answers += 1;
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_replica_changes_is_brought_to_hand_again() {
    let database = Database::fresh(Backend::Postgres).await;
    let one = Api::start_under(&database, &[], RULE).await;
    let other = Api::start_under(&database, &[], RULE).await;
    let key = one.key("mine", &[Role::Writer, Role::Reader, Role::Checker], &[]).await;
    let mut here = one.clients(&key);
    for number in 0..CASES {
        let case = case(&format!("c{number}"), "creditor");
        let request = v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(case) };
        here.cases.upsert_case(request).await.expect("stored");
    }
    let ending = Arc::new(AtomicBool::new(false));
    let askers: Vec<_> =
        (0..ASKERS).map(|first| tokio::spawn(ask(other.clients(&key), first, Arc::clone(&ending)))).collect();
    let (since, mut commits) = (Instant::now(), 0);
    while since.elapsed() < Duration::from_secs(6) && askers.iter().all(|asker| !asker.is_finished()) {
        let notes = (0..CASES).map(|number| note(&format!("n{commits} {number}"), &format!("c{number}"), 1)).collect();
        here.activities.batch_record_activities(batch(notes)).await.expect("stored");
        commits += 1;
    }
    ending.store(true, Ordering::SeqCst);
    let mut answers = 0;
    for asker in askers {
        answers += asker.await.expect("every question is answered");
    }
    println!("{commits} commits here, {answers} times two answers there");
    assert!(commits > 20 && answers > 50, "{commits} commits, {answers} answers: the test shows nothing");
    one.end().await;
    other.end().await;
}

/// Cases of one set: together more than the least memory holds.
const SET: usize = 400;
/// Sets that are asked for in turn: with each two of them what was there before is gone.
const SETS: usize = 4;

/// A text that does not get shorter by packing.
fn noise(seed: &mut u64, length: usize) -> String {
    let mut letter = || {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'!' + u8::try_from((*seed >> 33) % 90).expect("a small number"))
    };
    (0..length).map(|_| letter()).collect()
}

/// Brings work to its end, and lets others displace what is in memory whenever it waits.
async fn displaced<T>(markets: &Arc<Markets>, key: &MarketKey, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    let mut set = 0;
    for _ in 0..100 {
        if let Poll::Ready(done) = futures::poll!(&mut work) {
            return done;
        }
        for _ in 0..3 {
            set = (set + 1) % SETS;
            let cases = (0..SET).map(|number| CaseId::trusted(&format!("{set}-{number}"))).collect();
            markets.submit(key, Work::Load(cases, Vec::new())).await.expect("loaded");
        }
    }
    panic!("it is never answered");
}

on_both_databases!(
    async fn a_case_that_is_there_is_never_unknown_however_little_memory_there_is(database: Database) {
        let little = [("ingest.memory_mib", "1"), ("ingest.unpacked_mib", "0"), ("ingest.recent_cases", "1")];
        let api = Api::start_under(&database, &little, RULE).await;
        let mut mine = api.platform("mine").await;
        let mut seed = 5;
        for set in 0..SETS {
            let one = |number| {
                let mut one = case(&format!("{set}-{number}"), "creditor");
                one.attributes = (0..30).map(|at| (format!("a{at}"), noise(&mut seed, 120))).collect();
                one
            };
            let cases = (0..SET).map(one).collect();
            let request = v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases };
            mine.cases.batch_upsert_cases(request).await.expect("stored");
        }
        let request = v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(case("there", "creditor")) };
        mine.cases.upsert_case(request).await.expect("stored");
        let key = MarketKey { tenant: TenantId::trusted("mine"), market: MarketId::trusted("it") };
        let markets = api.app().ingest.markets();
        let overloaded = |error: IngestError| assert!(matches!(error, IngestError::Overloaded), "{error}");
        let who = Principal {
            tenant: key.tenant.clone(),
            key: KeyId::trusted("k"),
            roles: vec![Role::Checker],
            markets: Vec::new(),
        };
        let question = |case: &str| Question {
            case: CaseId::trusted(case),
            person: None,
            person_role: None,
            at: None,
            detail: Detail::Note { code: None },
            initiated_by: None,
            at_debtors_request: false,
        };
        let advice = &api.app().advice;
        // What is not there is unknown; asking for it has displaced everything else.
        let found = displaced(markets, &key, case_at_hand(markets, &key, &CaseId::trusted("nowhere"))).await;
        assert!(found.expect("an answer").is_none());
        let answer = displaced(markets, &key, advice.check(&who, &key.market, question("nowhere"))).await;
        assert!(matches!(answer, Err(IngestError::NotFound { .. })), "{:?}", answer.err());
        match displaced(markets, &key, case_at_hand(markets, &key, &CaseId::trusted("there"))).await {
            Ok(found) => assert!(found.is_some(), "the case was said to be unknown"),
            Err(error) => overloaded(error),
        }
        match displaced(markets, &key, advice.check(&who, &key.market, question("there"))).await {
            Ok(_) => {}
            Err(error) => overloaded(error),
        }
        // Left alone, it is answered.
        assert!(case_at_hand(markets, &key, &CaseId::trusted("there")).await.expect("an answer").is_some());
        api.end().await;
    }
);
