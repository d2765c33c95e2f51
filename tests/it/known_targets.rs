//! What targets tell of times and markets of which nothing is on record, through the API.

use fairdue::proto::google::r#type::Decimal;
use fairdue::proto::v1;

use crate::kpi_semantics::{cases, record, service};
use crate::support::api::Clients;
use crate::support::database::on_both_databases;
use crate::support::wire::{call, case, payment};

/// Sums by month and by quarter, of the market and of a client that came later.
const TARGETS: &str = r#"
[[target]]
id = "calls"
kpi = "calls_outbound"
grain = "month"
from = "2023-06-01"
markets = ["it"]
goal = "5"
side = "at_most"

[[target]]
id = "open"
kpi = "open_accounts"
grain = "month"
from = "2024-01-01"
markets = ["it"]
goal = "0"
side = "at_least"

[[target]]
id = "later client"
kpi = "payments"
grain = "month"
from = "2024-01-01"
markets = ["it"]
currency = "EUR"
goal = "1"
side = "at_least"
[target.group]
client = "b"

[[target]]
id = "counted"
kpi = "calls_inbound"
grain = "month"
from = "2024-01-01"
markets = ["it"]
goal = "1"
side = "at_least"
"#;

async fn card(mine: &mut Clients) -> Vec<v1::TargetStatus> {
    let request = v1::GetScorecardRequest { region_code: "IT".to_owned() };
    mine.kpis.get_scorecard(request).await.expect("a card").into_inner().targets
}

fn text(value: &Option<Decimal>) -> Option<&str> {
    value.as_ref().map(|value| value.value.as_str())
}

/// The values of the periods judged.
fn values(target: &v1::TargetStatus) -> Vec<Option<&str>> {
    target.periods.iter().map(|period| text(&period.value)).collect()
}

on_both_databases!(
    async fn months_before_the_first_record_are_not_zero(database: Database) {
        // 10 June 2024; the first case came in on 18 March.
        let (api, mut mine) = service(&database).await;
        cases(&mut mine, &["c1"]).await;
        let mut later = case("c2", "b");
        later.placement.get_or_insert_default().place_time = crate::support::wire::stamp(20);
        let later = v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases: vec![later] };
        mine.cases.batch_upsert_cases(later).await.expect("stored");
        // Three calls in each of March, April and May; two come in in April and May, and one in March.
        let days = [1, 2, 3, 20, 21, 22, 50, 51, 52];
        let outbound = days.map(|day| call(&format!("out-{day}"), "c1", day));
        let inbound = [4, 23, 24, 53, 54].map(|day| v1::Activity {
            initiator: v1::Initiator::Debtor.into(),
            ..call(&format!("in-{day}"), "c1", day)
        });
        let paid = [payment("p1", "c2", 30, 10), payment("p2", "c2", 60, 10)];
        record(&mut mine, outbound.into_iter().chain(inbound).chain(paid).collect()).await;
        api.change_rule("mine", TARGETS);
        let card = card(&mut mine).await;
        let [calls, open, client, counted] = card.as_slice() else { panic!("four targets: {card:?}") };
        let known = [None, None, Some("3"), Some("3"), Some("3"), Some("0")];
        assert_eq!(values(calls)[7..], known, "nothing is known of January and February: {calls:?}");
        assert!(
            calls.periods[..9].iter().all(|one| one.value.is_none() && one.state() == v1::TargetState::Unspecified)
        );
        let flat = (v1::Trend::Flat, Some("0.00"), Some("0.00"), None);
        let told = |one: &v1::TargetStatus| {
            let changes =
                (text(&one.trend_change).map(str::to_owned), text(&one.trend_change_percent).map(str::to_owned));
            (one.trend(), changes, one.anomaly)
        };
        let of = |(trend, change, percent, anomaly): (v1::Trend, Option<&str>, Option<&str>, Option<bool>)| {
            (trend, (change.map(str::to_owned), percent.map(str::to_owned)), anomaly)
        };
        assert_eq!(told(calls), of(flat));
        // A stock of nothing is not known either; of the client that came in April, April and May alone.
        assert_eq!(values(open), [None, None, Some("1"), Some("2"), Some("2"), Some("2")]);
        assert_eq!(values(client), [None, None, None, Some("10.00"), Some("10.00"), Some("0.00")]);
        assert_eq!(told(client), of(flat));
        // One and a half a month before, two in May.
        let up = (v1::Trend::Up, Some("0.50"), Some("33.33"), None);
        assert_eq!(told(counted), of(up));
        // The three other markets have no record at all, and are not the best for that.
        assert_eq!((calls.rank, calls.ranked_count), (Some(1), 1));
        api.end().await;
    }
);
