//! A case with a long history keeps its own market waiting, and nobody else.

use std::time::{Duration, Instant};

use fairdue::domain::principal::Role;
use fairdue::proto::v1;
use tokio::task::JoinHandle;

use crate::support::api::{Api, Clients};
use crate::support::database::{Backend, Database};
use crate::support::wire::{batch, case, payment, stamp};

/// Payments of the case.
const PAYMENTS: i64 = 1_500;
/// A change to its beginning takes longer than this, or the test shows nothing.
const LONG: Duration = Duration::from_millis(400);

/// Stores a case in Italy.
pub(crate) async fn store(clients: &mut Clients, case: v1::Case) {
    let request = v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(case) };
    clients.cases.upsert_case(request).await.expect("stored");
}

/// Asks about a case in Italy, one check after the other, until some work is done: how long the longest took, and how many there were.
pub(crate) async fn asked_until<T>(work: &JoinHandle<T>, clients: &mut Clients, case: &str) -> (Duration, u32) {
    let (mut longest, mut answers) = (Duration::ZERO, 0);
    while !work.is_finished() {
        let request = v1::CheckContactRequest {
            region_code: "IT".to_owned(),
            case_id: case.to_owned(),
            contact: Some(v1::Contact { channel: v1::Channel::Call.into(), ..Default::default() }),
            ..Default::default()
        };
        let since = Instant::now();
        clients.compliance.check_contact(request).await.expect("an answer");
        longest = longest.max(since.elapsed());
        answers += 1;
    }
    (longest, answers)
}

/// With one thread for everybody, another tenant's checks are answered while the history is derived anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_long_history_that_changes_at_its_beginning_holds_up_no_other_tenant() {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start(&database).await;
    let mut theirs = api.platform("theirs").await;
    let key = api.key("mine", &[Role::Writer, Role::Checker], &[]).await;
    let mut mine = api.clients(&key);
    store(&mut mine, case("m", "creditor")).await;
    let mut long = case("c", "creditor");
    let claim = long.claims[0].clone();
    long.claims = (0..30).map(|number| v1::Claim { claim_id: format!("k{number}"), ..claim.clone() }).collect();
    store(&mut theirs, long).await;
    let payments: Vec<_> = (0..PAYMENTS).map(|number| payment(&format!("p{number}"), "c", number / 15, 1)).collect();
    for part in payments.chunks(500) {
        theirs.activities.batch_record_activities(batch(part.to_vec())).await.expect("stored");
    }
    let void = tokio::spawn(async move {
        let request = v1::VoidActivityRequest {
            region_code: "IT".to_owned(),
            void_activity_id: "v".to_owned(),
            target_activity_id: "p0".to_owned(),
            void_time: stamp(400),
            reason: "not theirs".to_owned(),
        };
        let since = Instant::now();
        theirs.activities.void_activity(request).await.expect("voided");
        since.elapsed()
    });
    let (longest, answers) = asked_until(&void, &mut mine, "m").await;
    let took = void.await.expect("no panic");
    println!("the void took {took:?}; {answers} checks meanwhile, the longest {longest:?}");
    assert!(took > LONG, "the void took {took:?}: the test shows nothing");
    assert!(longest * 4 < took, "a check of another tenant waited {longest:?} of the {took:?}");
    api.end().await;
}
