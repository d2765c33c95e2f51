//! Rules that are put in force while the service runs judge the whole history from then on, also of cases that are in memory
//! as the rules before left them.

use fairdue::clock::Clock;
use fairdue::domain::time::DAY;
use fairdue::proto::v1;

use crate::permits::{ask, open, question};
use crate::support::api::{Api, Clients, HOUSE_RULE};
use crate::support::database::{Backend, Database, on_both_databases};
use crate::support::wire::{at, batch, call, note};

/// At most two calls in seven days; and in forty, of which the rule before remembers nothing.
const WEEK: &str = "calendar_days = 7";
const LONGER: &str = "calendar_days = 40";

/// A case with two calls three weeks before the clock's day.
async fn called(mine: &mut Clients) {
    open(mine, &["c", "d"]).await;
    let calls = vec![call("one", "c", 9), call("two", "c", 10)];
    mine.activities.batch_record_activities(batch(calls)).await.expect("stored");
    // A later call of the same case has the rule before forget them.
    mine.activities.batch_record_activities(batch(vec![call("three", "c", 29)])).await.expect("stored");
}

/// What the house rule says of a call now.
async fn house(mine: &mut Clients, case: &str) -> v1::Answer {
    let answer = ask(mine, question(case)).await.expect("an answer");
    let said = answer.rules.iter().find(|rule| rule.rule_id == "tenant-house-calls").expect("the rule speaks");
    said.answer()
}

on_both_databases!(
    async fn a_check_counts_what_rules_in_force_count(database: Database) {
        let (clock, _hand) = Clock::manual(at(30).plus(DAY / 24));
        let api = Api::start_at(&database, &[], clock).await;
        let mut mine = api.platform("mine").await;
        called(&mut mine).await;
        assert_eq!(house(&mut mine, "c").await, v1::Answer::Kept);
        let longer = HOUSE_RULE.replace(WEEK, LONGER);
        assert_ne!(longer, HOUSE_RULE);
        api.change_rule("mine", &longer);
        assert_eq!(house(&mut mine, "c").await, v1::Answer::Broken, "two calls in forty days were made");
        api.change_rule("mine", HOUSE_RULE);
        assert_eq!(house(&mut mine, "c").await, v1::Answer::Kept);
        api.end().await;
    }
);

/// The server that came second to the rules has the history from the one that came first, and cases in memory of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_server_has_derived_anew_is_not_judged_from_memory() {
    let database = Database::fresh(Backend::Postgres).await;
    let (clock, _hand) = Clock::manual(at(30).plus(DAY / 24));
    let one = Api::start_at(&database, &[], clock.clone()).await;
    let other = Api::start_at(&database, &[], clock).await;
    let key = one.key("mine", &[fairdue::domain::principal::Role::Writer], &[]).await;
    let (mut here, mut there) = (one.clients(&key), other.clients(&key));
    called(&mut here).await;
    assert_eq!(house(&mut here, "c").await, v1::Answer::Kept);
    assert_eq!(house(&mut there, "c").await, v1::Answer::Kept);
    let longer = HOUSE_RULE.replace(WEEK, LONGER);
    one.change_rule("mine", &longer);
    other.change_rule("mine", &longer);
    here.activities.batch_record_activities(batch(vec![note("m", "d", 29)])).await.expect("stored");
    assert_eq!(house(&mut there, "c").await, v1::Answer::Broken);
    assert_eq!(house(&mut here, "c").await, v1::Answer::Broken);
    one.end().await;
    other.end().await;
}
