//! More wishes at the same instant than places are left, over two servers and one database: exactly as many permits as
//! there are places. `FAIRDUE_PERMIT_ROUNDS` sets the number of rounds (default 25).

use fairdue::clock::Clock;
use fairdue::proto::v1;
use tonic::Status;
use v1::Verdict;

use crate::permits::{ask, open, question, release, wish};
use crate::support::api::{Api, Clients};
use crate::support::database::{Backend, Database};
use crate::support::wire::{at, batch, call, stamp};

/// Calls that the house rule allows on a case in seven days.
const PLACES: usize = 2;

fn rounds() -> usize {
    std::env::var("FAIRDUE_PERMIT_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(25)
}

/// Two servers over one database, with clocks that agree, and clients of one tenant on each.
async fn replicas(database: &Database) -> [(Api, Clients); 2] {
    let mut both = Vec::new();
    for _ in 0..2 {
        let (clock, _) = Clock::manual(at(0));
        let api = Api::start_at(database, &[], clock).await;
        let clients = api.platform("mine").await;
        both.push((api, clients));
    }
    both.try_into().unwrap_or_else(|_| panic!("two of them"))
}

fn granted(answer: &Result<v1::CheckContactResponse, Status>) -> bool {
    let answer = answer.as_ref().expect("an answer, not an error");
    let allowed = answer.verdict() == Verdict::Allowed;
    assert_eq!(allowed, answer.permit.is_some(), "a permit where it is allowed, and nowhere else: {answer:?}");
    assert!(allowed || answer.verdict() == Verdict::NotPermitted, "{answer:?}");
    allowed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_permits_are_granted_than_places_are_left() {
    let database = Database::fresh(Backend::Postgres).await;
    let [(one, mut here), (other, there)] = replicas(&database).await;
    let mut there = there;
    for round in 0..rounds() {
        let case = format!("c{round}");
        open(&mut here, &[&case]).await;
        // Sometimes a call was made already, told to one server alone; sometimes contacts are for different instants,
        // across midnight in the debtor's zone.
        let made = usize::from(round % 3 == 1);
        if made == 1 {
            let told = batch(vec![call(&format!("made {round}"), &case, -1)]);
            here.activities.batch_record_activities(told).await.expect("recorded");
        }
        let left = PLACES - made;
        let wishes = (0..=left + round % 2).map(|number| {
            let time = if round % 4 == 3 { stamp(0).map(|now| later(now, number as i64 * 75_600)) } else { None };
            let mut wish = wish(&case, &format!("p{round} {number}"));
            if let Some(reserve) = &mut wish.reserve {
                reserve.ttl = Some(prost_types::Duration { seconds: 86_400, nanos: 0 });
            }
            (number, v1::CheckContactRequest { contact_time: time.filter(|_| number < 2), ..wish })
        });
        let asked = wishes.map(|(number, wish)| {
            let clients = if (number + round) % 2 == 0 { &here } else { &there };
            let mut compliance = clients.compliance.clone();
            tokio::spawn(async move { compliance.check_contact(wish).await.map(tonic::Response::into_inner) })
        });
        let asked: Vec<_> = asked.collect();
        let mut answers = Vec::new();
        for answer in asked {
            answers.push(answer.await.expect("a caller"));
        }
        let held = answers.iter().filter(|answer| granted(answer)).count();
        assert_eq!(held, left, "round {round}: {answers:?}");

        // Both servers say so: at once where it was granted, and within their trust in memory where not.
        for clients in [&mut here, &mut there] {
            let mut last = None;
            for _ in 0..40 {
                let answer = ask(clients, question(&case)).await.expect("an answer");
                last = Some(answer.verdict());
                if last == Some(Verdict::NotPermitted) {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            assert_eq!(last, Some(Verdict::NotPermitted), "round {round}");
        }
        // What is released on one server may be had on the other.
        let permit = answers.iter().flatten().find_map(|answer| answer.permit.clone()).expect("a permit");
        release(&mut there, &permit.permit_id).await.expect("released");
        assert!(granted(&ask(&mut there, wish(&case, &format!("again {round}"))).await), "round {round}");
        assert!(!granted(&ask(&mut here, wish(&case, &format!("too many {round}"))).await), "round {round}");
    }
    one.end().await;
    other.end().await;
}

fn later(mut time: prost_types::Timestamp, seconds: i64) -> prost_types::Timestamp {
    time.seconds += seconds;
    time
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_wish_sent_to_both_servers_is_one_permit() {
    let database = Database::fresh(Backend::Postgres).await;
    let [(one, mut here), (other, mut there)] = replicas(&database).await;
    open(&mut here, &["c"]).await;
    for round in 0..8 {
        let same = wish("c", &format!("p{round}"));
        let (a, b) = tokio::join!(ask(&mut here, same.clone()), ask(&mut there, same));
        assert!(granted(&a) && granted(&b), "{a:?} {b:?}");
        let (a, b) = (a.expect("an answer"), b.expect("an answer"));
        assert_eq!((&a.permit, &a.check_id), (&b.permit, &b.check_id));
        release(&mut here, &format!("p{round}")).await.expect("released");
    }
    one.end().await;
    other.end().await;
}
