//! Many questions about the past in one call: each is answered as if it came alone, and nobody else waits for them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use fairdue::domain::principal::Role;
use fairdue::proto::v1;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use crate::api_checks::{batch, check, filled, single};
use crate::support::api::{Api, Clients};
use crate::support::database::{Backend, Database, on_both_databases};
use crate::support::wire::{activity, call, case, payment, stamp};
use crate::turns::{asked_until, store};

/// Far longer than any answer takes; hundreds of looks at a history of a thousand records one by one take longer than a call may.
const PATIENCE: Duration = Duration::from_secs(2);

/// What happens on one day to one of the two cases of the person.
fn act(number: usize, (day, case, what): (i64, &str, u8)) -> v1::Activity {
    let id = format!("h{number}");
    let mut act = match what {
        0 => payment(&id, case, day, 1),
        1 => {
            let condition = v1::ConditionChange {
                condition: v1::Condition::Insolvency.into(),
                ended: number.is_multiple_of(2),
                ..Default::default()
            };
            activity(&id, case, day, v1::activity::Detail::Condition(condition))
        }
        _ => call(&id, case, day),
    };
    if let Some(v1::activity::Detail::Payment(v1::Payment { amount: Some(money), .. })) = &mut act.detail {
        money.currency_code = "USD".to_owned();
    }
    act.person_id = "p".to_owned();
    act
}

async fn record(mine: &mut Clients, activities: Vec<v1::Activity>) {
    let batch = v1::BatchRecordActivitiesRequest { region_code: "US".to_owned(), activities };
    let stored = mine.activities.batch_record_activities(batch).await.expect("stored").into_inner();
    assert!(stored.results.iter().all(|result| result.refusal.is_none()), "{stored:?}");
}

on_both_databases!(
    async fn many_questions_about_the_past_are_answered_as_each_alone(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = filled(&api).await;
        let either = || prop::sample::select(vec!["c1", "c2"]);
        let acts = prop::collection::vec((0_i64..60, either(), 0_u8..6), 40..80);
        let asked = prop::collection::vec((0_i64..61, either()), 20..60);
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
        let draw = |runner: &mut TestRunner| {
            (acts.new_tree(runner).unwrap().current(), asked.new_tree(runner).unwrap().current())
        };
        let (acts, asked) = draw(&mut runner);
        record(&mut mine, acts.iter().enumerate().map(|(number, what)| act(number, *what)).collect()).await;
        let checks: Vec<_> = asked.iter().map(|(day, case)| check(case, stamp(*day))).collect();
        let together = mine
            .compliance
            .batch_check_contacts(batch(checks.clone(), v1::CheckView::Full))
            .await
            .expect("an answer")
            .into_inner();
        let mut counted = BTreeSet::new();
        for ((result, check), asked) in together.results.iter().zip(checks).zip(&asked) {
            let request = single(check, v1::CheckView::Full);
            let alone = mine.compliance.check_contact(request).await.expect("an answer").into_inner();
            counted.extend(alone.rules.iter().filter_map(|rule| rule.observation.as_ref()?.observed));
            let alone = (alone.verdict, alone.next_allow_time, alone.rules);
            let among = (result.verdict, result.next_allow_time, result.rules.clone());
            assert_eq!(among, alone, "{asked:?} after {acts:?}");
        }
        assert!(counted.len() > 5, "all are answered alike: {counted:?}");
        api.end().await;
    }
);

/// With one thread for everybody, another tenant's checks are answered while hundreds of instants are looked at.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn questions_about_the_past_hold_up_no_other_tenant() {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start(&database).await;
    let mut mine = filled(&api).await;
    let acts = (0..1_000)
        .map(|number| act(number, (number as i64 / 20, "c2", 3 * u8::from(number.is_multiple_of(2)))))
        .collect();
    record(&mut mine, acts).await;
    let key = api.key("theirs", &[Role::Writer, Role::Checker], &["it"]).await;
    let mut theirs = api.clients(&key);
    store(&mut theirs, case("m", "bank")).await;
    let past = tokio::spawn(async move {
        let since = Instant::now();
        let checks = (0..800).map(|number| check("c2", stamp(number / 16))).collect();
        let answer = mine
            .compliance
            .batch_check_contacts(batch(checks, v1::CheckView::Verdict))
            .await
            .expect("an answer")
            .into_inner();
        assert!(answer.results.iter().all(|result| result.refusal.is_none()), "{answer:?}");
        since.elapsed()
    });
    let (longest, answers) = asked_until(&past, &mut theirs, "m").await;
    let took = past.await.expect("no panic");
    println!("the questions took {took:?}; {answers} checks meanwhile, the longest {longest:?}");
    assert!(longest < PATIENCE, "a check of another tenant waited {longest:?}");
    api.end().await;
}
