//! Questions whose cases and persons are not in memory, while another replica changes them all the time: each is answered.
//! Every other caller asks for everything that was committed before, so that memory catches up, and forgets, with each question.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fairdue::domain::principal::Role;
use fairdue::proto::v1;

use crate::support::api::{Api, Clients};
use crate::support::database::{Backend, Database};
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
