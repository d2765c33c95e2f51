//! Rules that are put in force while the service runs judge the whole history from then on, also of cases that are in memory
//! as the rules before left them.

use std::time::{Duration, Instant};

use fairdue::clock::Clock;
use fairdue::domain::principal::Role;
use fairdue::domain::time::DAY;
use fairdue::proto::v1;

use crate::case_dimensions::asked;
use crate::permits::{ask, open, question};
use crate::support::api::{Api, Clients, HOUSE_RULE};
use crate::support::database::{Backend, Database, on_both_databases};
use crate::support::wire::{at, batch, call, note, payment};

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
    let key = one.key("mine", &[Role::Writer], &[]).await;
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

/// Cases of the market that is derived anew a case at a time.
const CASES: usize = 12;
/// A pause behind each case, so that there is a while in which some follow and others do not.
const SLOWLY: [(&str, &str); 3] =
    [("ingest.derive_at_once", "0"), ("ingest.derive_cases", "1"), ("ingest.fill_pause_ms", "150")];

/// How far the market has come, and how many breaches of the house rule are on record.
async fn derivation(mine: &mut Clients) -> (Option<v1::Derivation>, usize) {
    let request = v1::ListFindingsRequest { region_code: "IT".to_owned(), page_size: 1_000, ..Default::default() };
    let found = mine.compliance.list_findings(request).await.expect("findings").into_inner();
    let house = found.findings.iter().filter(|finding| finding.rule_id == "tenant-house-calls");
    (found.derivation, house.count())
}

on_both_databases!(
    /// While the market is derived anew, a case whose turn has not come is judged by the rules in force, and takes what comes in.
    async fn a_market_is_derived_anew_between_other_commits(database: Database) {
        let (clock, _hand) = Clock::manual(at(30).plus(DAY / 24));
        let api = Api::start_at(&database, &SLOWLY, clock.clone()).await;
        let key = api.key("mine", &[Role::Writer, Role::Reader], &[]).await;
        let mut mine = api.clients(&key);
        let cases: Vec<String> = (0..CASES).map(|number| format!("c{number:02}")).collect();
        open(&mut mine, &cases.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let calls = cases.iter().flat_map(|case| (0..3).map(move |n| call(&format!("{case} {n}"), case, 9 + n)));
        mine.activities.batch_record_activities(batch(calls.collect())).await.expect("stored");
        assert_eq!(derivation(&mut mine).await, (None, CASES), "the third call of each");
        let stricter = HOUSE_RULE.replace("max = 2", "max = 1");
        assert_ne!(stricter, HOUSE_RULE);
        // A second server, where there may be one, loads them too, and both work on it.
        let other = match database.backend {
            Backend::Postgres => Some(Api::start_at(&database, &SLOWLY, clock).await),
            Backend::Sqlite => None,
        };
        for one in other.iter().chain([&api]) {
            one.change_rule("mine", &stricter);
        }
        let last = cases.last().expect("a case");
        assert_eq!(house(&mut mine, last).await, v1::Answer::Kept, "no call within seven days");
        mine.activities.batch_record_activities(batch(vec![call("late", last, 28)])).await.expect("stored");
        assert_eq!(house(&mut mine, last).await, v1::Answer::Broken);
        let (mut partly, since) = (0, Instant::now());
        loop {
            let (derivation, breaches) = derivation(&mut mine).await;
            let Some(derivation) = derivation else { break };
            assert!((CASES..=2 * CASES).contains(&breaches), "{breaches}");
            assert_eq!(derivation.last_error, "");
            partly += usize::from(derivation.cases_done > 0 && derivation.cases_done < derivation.cases_total);
            assert!(since.elapsed() < Duration::from_secs(60), "it does not end: {derivation:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(partly > 0, "nobody saw it on its way: the test shows nothing");
        assert_eq!(derivation(&mut mine).await.1, 2 * CASES, "the second and the third call of each");
        let rules = v1::ListRulesRequest { region_code: "IT".to_owned(), ..Default::default() };
        assert_eq!(mine.compliance.list_rules(rules).await.expect("rules").into_inner().derivation, None);
        for one in other.into_iter().chain([api]) {
            one.end().await;
        }
    }
);

/// A notice within four days of the first call: whether it was left out, only time tells.
pub const NOTICE: &str = r#"
[[rules.add]]
jurisdiction = "{country}"
id = "tenant-notice-after-a-call"
title = "A notice within four days of the first call"
text = "Within four days of the first call the debtor is sent a notice of the company's own."
citation = "house rule"
effect = "prohibits"
[rules.add.required_notice]
notices = ["notice:validation_notice"]
event = ["communication"]
timing = "within"
term = { days = 4, count = "clear_days", from = "sent", roll = "none" }
first_event = true
once = true
"#;

on_both_databases!(
    /// What is due by the new rules alone, of a case to which nothing comes any more, is found all the same.
    async fn what_new_rules_ask_for_in_time_is_missed(database: Database) {
        let (clock, hand) = Clock::manual(at(33).plus(DAY / 24));
        let api = Api::start_at(&database, &SLOWLY, clock).await;
        let mut mine = api.platform("mine").await;
        open(&mut mine, &["c"]).await;
        let mut spoken = call("spoken", "c", 32);
        let Some(v1::activity::Detail::Contact(contact)) = &mut spoken.detail else { panic!("a contact") };
        contact.outcome = v1::Outcome::RightPartyNoCommitment.into();
        mine.activities.batch_record_activities(batch(vec![spoken])).await.expect("stored");
        let missed = async |mine: &mut Clients| {
            let request = v1::ListFindingsRequest { region_code: "IT".to_owned(), ..Default::default() };
            let found = mine.compliance.list_findings(request).await.expect("findings").into_inner().findings;
            found.iter().filter(|finding| finding.rule_id == "tenant-notice-after-a-call").count()
        };
        // What was due by the rules before has fired, and nothing is for a while.
        assert_eq!(missed(&mut mine).await, 0);
        let next = database.number("SELECT COALESCE(MIN(due_at), 9000000000000000000) FROM due").await;
        assert!(next > at(38).plus(DAY / 12).0, "{next}: the test shows nothing");
        api.change_rule("mine", &format!("{HOUSE_RULE}{}", NOTICE.replace("{country}", "it")));
        let since = Instant::now();
        while derivation(&mut mine).await.0.is_some() {
            assert!(since.elapsed() < Duration::from_secs(60), "it does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(missed(&mut mine).await, 0, "there is time left");
        hand.fetch_add(5 * DAY, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(missed(&mut mine).await, 1);
        api.end().await;
    }
);

/// A definition of a KPI that sums records of one kind.
fn summed(id: &str, fact: &str, field: &str, unit: &str, currencies: &str) -> String {
    format!(
        "version = 1\n[[measure]]\nid = \"{id}\"\ntitle = \"T\"\ndescription = \"d\"\nfact = \"{fact}\"\n{field}\n\
         dimension_sets = [[]]\n[[kpi]]\nid = \"{id}\"\ntitle = \"T\"\ndescription = \"d\"\nformula = \"f\"\nsource = \"here\"\n\
         kind = \"simple\"\nmeasure = \"{id}\"\n{unit}\nrounding = \"half_even\"\nunit_counted = \"{fact}\"\n\
         base = \"none\"\nclock = \"occurred\"\ncurrency_policy = \"{currencies}\"\nadditivity = \"time_and_groups\"\n\
         attribution = \"mixed\"\ndimension_as_of = \"fact\"\nvariants = []\n"
    )
}

on_both_databases!(
    /// A KPI of facts that none was of before, put in force together with a rule: all of them are in its cells.
    async fn rules_and_kinds_of_facts_change_together(database: Database) {
        let (clock, _hand) = Clock::manual(at(30).plus(DAY / 24));
        let api = Api::start_at(&database, &[], clock).await;
        api.without_definitions();
        api.configure(
            "kpis/calls.toml",
            &summed("calls", "contact", "agg = \"count\"", "unit = \"count\"\ndecimals = 0", "none"),
        );
        api.reload();
        let key = api.key("mine", &[Role::Writer, Role::Reader], &[]).await;
        let mut mine = api.clients(&key);
        called(&mut mine).await;
        let paid = vec![payment("p", "c", 11, 7), payment("q", "d", 12, 5)];
        mine.activities.batch_record_activities(batch(paid)).await.expect("stored");
        let figure = async |mine: &mut Clients, kpi: &str| {
            let answer = mine.kpis.query_kpis(asked(kpi, &[])).await.expect("figures").into_inner();
            let value = answer.rows[0].value.as_ref().expect("a value").value.clone();
            (answer.source(), value)
        };
        use v1::FigureSource::Cells;
        assert_eq!(figure(&mut mine, "calls").await, (Cells, "3".to_owned()));
        let money = summed("money", "payment", "agg = \"sum\"\nfield = \"amount\"", "unit = \"money\"", "per_currency");
        api.configure("kpis/money.toml", &money);
        api.change_rule("mine", &HOUSE_RULE.replace(WEEK, LONGER));
        // The next write has the market derived anew.
        mine.activities.batch_record_activities(batch(vec![payment("r", "d", 13, 1)])).await.expect("stored");
        assert_eq!(figure(&mut mine, "money").await, (Cells, "13.00".to_owned()));
        assert_eq!(figure(&mut mine, "calls").await, (Cells, "3".to_owned()));
        api.end().await;
    }
);
