//! Questions whose answer would mislead whoever reads it: what is refused, and what is told beside a figure.

use fairdue::proto::v1;
use tonic::Code;

use crate::kpi_semantics::{cases, record, service};
use crate::support::api::Clients;
use crate::support::database::on_both_databases;
use crate::support::wire::{activity, date, euros, fields, march, payment, reason, stamp};

fn filter(dimension: &str, values: &[&str]) -> v1::DimensionFilter {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    v1::DimensionFilter { dimension: dimension.to_owned(), values }
}

on_both_databases!(
    async fn a_filter_that_no_fact_can_pass_is_refused(database: Database) {
        let (api, mut mine) = service(&database).await;
        cases(&mut mine, &["c1"]).await;
        record(&mut mine, vec![payment("p1", "c1", 3, 20)]).await;
        let with = |kpi: &str, filters: &[v1::DimensionFilter]| v1::QueryKpisRequest {
            filters: filters.to_vec(),
            ..march(kpi)
        };
        // Each with the field that is wrong, and what is there instead.
        for (kpi, dimension, values, wrong, known) in [
            ("ageing", "dpd_bucket", &["8-30", "30-60"][..], 1, "0, 1-7, 8-30, 31-60, 61-90, 91-180, 181+, undated"),
            ("roll_rate", "to_bucket", &["payed"][..], 0, "181+, undated, paid, settled, written_off, recalled"),
            ("ptp_kept", "state", &["kept", "half_kept"][..], 1, "kept, partly_kept, late, broken"),
            ("recovery_rate_cohort", "sequence", &["0"][..], 0, "1, 2, 3, 4, 5, 6+"),
        ] {
            let asked = with(kpi, &[filter(dimension, values)]);
            let refused = mine.kpis.query_kpis(asked).await.expect_err("no fact can have it");
            assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
            assert_eq!(fields(&refused)[0], format!("filters[0].values[{wrong}]"), "{kpi}: {refused:?}");
            assert!(refused.message().contains(values[wrong]), "{refused:?}");
            assert!(refused.message().contains(known), "{refused:?}");
        }
        // What there is is answered, and so are facts without the dimension.
        for one in [filter("dpd_bucket", &["181+", ""]), filter("dpd_bucket", &["undated"])] {
            mine.kpis.query_kpis(with("ageing", &[one])).await.expect("figures");
        }
        // Of several figures it is enough that one can have it.
        let mut both = with("ptp_kept", &[filter("state", &["kept"])]);
        both.kpi_ids = vec!["limitation_status".to_owned(), "ptp_kept".to_owned()];
        mine.kpis.query_kpis(both).await.expect("figures");
        // The records behind a figure are asked for by the same words.
        let drill = v1::DrillDownRequest {
            region_code: "IT".to_owned(),
            kpi_id: "ageing".to_owned(),
            start_date: date(2024, 3, 1),
            end_date: date(2024, 4, 1),
            currency_code: "EUR".to_owned(),
            group: vec![v1::GroupValue {
                dimension: "dpd_bucket".to_owned(),
                value: "8".to_owned(),
                unattributed: false,
            }],
            filters: vec![filter("dpd_bucket", &["all"])],
            ..Default::default()
        };
        let refused = mine.kpis.drill_down(drill).await.expect_err("no account can stand there");
        assert_eq!(reason(&refused), "INVALID_KPI_QUERY");
        assert_eq!(fields(&refused), ["group[0].value", "filters[0].values[0]"]);
        api.end().await;
    }
);

/// Value, days and value of what it is compared with, and whether that is a whole period.
async fn compared(mine: &mut Clients, question: v1::QueryKpisRequest) -> Vec<String> {
    let answer = mine.kpis.query_kpis(question).await.expect("figures").into_inner();
    let text = |part: &Option<fairdue::proto::google::r#type::Decimal>| {
        part.as_ref().map_or("-", |part| part.value.as_str()).to_owned()
    };
    let day = |date: &Option<fairdue::proto::google::r#type::Date>| {
        date.as_ref().map_or_else(String::new, |date| format!("{:02}-{:02}", date.month, date.day))
    };
    let shown = |row: &v1::KpiRow| {
        let base = row.compared.clone().unwrap_or_default();
        let days = format!("{} to {}", day(&base.period_start_date), day(&base.period_end_date));
        let whole = if base.whole_period { "whole" } else { "part" };
        format!("{} {days} {whole}: {} {}", text(&row.value), text(&base.value), text(&base.change))
    };
    answer.rows.iter().map(shown).collect()
}

on_both_databases!(
    async fn a_period_that_is_running_is_compared_with_as_much_of_the_one_before(database: Database) {
        // Monday 10 June.
        let (api, mut mine) = service(&database).await;
        cases(&mut mine, &["c1"]).await;
        let made = v1::Promise { amount: euros(9), due_date: date(2024, 5, 28), ..Default::default() };
        let promise = activity("a", "c1", 60, v1::activity::Detail::Promise(made));
        // 5 and 25 May, 3 June; 2 February.
        let paid = [("p1", 48, 10), ("p2", 68, 40), ("p3", 77, 12)];
        let paid = paid.map(|(id, day, units)| payment(id, "c1", day, units));
        record(&mut mine, paid.into_iter().chain([promise]).collect()).await;
        let asked = |kpi: &str, grain: v1::Grain, from: (i32, i32), to: (i32, i32), kind: v1::ComparisonKind| {
            let comparison = Some(v1::Comparison { kind: kind.into(), ..Default::default() });
            let (start_date, end_date) = (date(2024, from.0, from.1), date(2024, to.0, to.1));
            v1::QueryKpisRequest { grain: grain.into(), start_date, end_date, comparison, ..march(kpi) }
        };
        use v1::ComparisonKind::{PreviousPeriod, YearEarlier};
        use v1::Grain::{Day, Month, Quarter, Week};
        for (question, told) in [
            // May is over, and compared with the whole of April; of June ten days are begun.
            (
                asked("payments", Month, (5, 1), (7, 1), PreviousPeriod),
                &["50.00 04-01 to 05-01 whole: 0.00 50.00", "12.00 05-01 to 05-11 part: 10.00 2.00"][..],
            ),
            (asked("payments", Quarter, (4, 1), (7, 1), PreviousPeriod), &["62.00 01-01 to 03-11 part: 0.00 62.00"]),
            (asked("payments", Week, (6, 10), (6, 17), PreviousPeriod), &["0.00 06-03 to 06-04 part: 12.00 -12.00"]),
            (asked("payments", Month, (6, 1), (7, 1), YearEarlier), &["12.00 06-01 to 06-11 part: 0.00 12.00"]),
            // A balance is told as it was on the same day.
            (
                asked("balance_closing", Month, (6, 1), (7, 1), PreviousPeriod),
                &["38.00 05-01 to 05-11 part: 90.00 -52.00"],
            ),
            // What is due is known to the period's end, which is compared as a whole; so is what needs whole months.
            (asked("cash_expected", Month, (6, 1), (7, 1), PreviousPeriod), &["0.00 05-01 to 06-01 whole: 9.00 -9.00"]),
            (asked("payments", Day, (6, 10), (6, 11), PreviousPeriod), &["- 06-09 to 06-10 whole: - -"]),
        ] {
            let kpi = question.kpi_ids.clone();
            assert_eq!(compared(&mut mine, question).await, told, "{kpi:?}");
        }
        // As of a day on which May was running, May was compared like that.
        let past = asked("payments", Month, (5, 1), (6, 1), PreviousPeriod);
        let past = v1::QueryKpisRequest { as_of_time: stamp(50), ..past };
        assert_eq!(compared(&mut mine, past).await, ["10.00 04-01 to 04-08 part: 0.00 10.00"]);
        api.end().await;
    }
);

on_both_databases!(
    async fn a_running_period_has_the_days_that_have_begun(database: Database) {
        // Monday 10 June: ten days, six of them working days.
        let (api, mut mine) = service(&database).await;
        cases(&mut mine, &["c1"]).await;
        let sales = v1::CreditSales { amount: euros(100), ..Default::default() };
        let sales = activity("s", "c1", 79, v1::activity::Detail::CreditSales(sales));
        record(&mut mine, vec![payment("p", "c1", 77, 50), sales]).await;
        let told = async |mine: &mut Clients, kpi: &str, grain: v1::Grain, from: i32, to: i32| {
            let (start_date, end_date) = (date(2024, from, 1), date(2024, to, 1));
            let question = v1::QueryKpisRequest { grain: grain.into(), start_date, end_date, ..march(kpi) };
            let rows = mine.kpis.query_kpis(question).await.expect("figures").into_inner().rows;
            rows.iter().map(|row| row.value.clone().map_or("-".to_owned(), |value| value.value)).collect::<Vec<_>>()
        };
        use v1::Grain::{Month, Quarter};
        // 50 are owed and 100 were sold in ten days: five days' sales, and not fifteen.
        assert_eq!(told(&mut mine, "dso_balance", Month, 6, 7).await, ["5.0"]);
        // 100 on 1 and 2 June, 50 since: of thirty days it would be 53.33.
        assert_eq!(told(&mut mine, "balance_mean", Month, 5, 7).await, ["100.00", "60.00"]);
        // Of 71 days since 1 April 63 with 100.
        assert_eq!(told(&mut mine, "balance_mean", Quarter, 4, 7).await, ["94.37"]);
        api.end().await;
    }
);

on_both_databases!(
    async fn a_stock_of_nothing_is_told_as_such(database: Database) {
        let (api, mut mine) = service(&database).await;
        cases(&mut mine, &["c1"]).await;
        let charge = v1::Charge { amount: euros(10), step: v1::ChargeStep::Reminder.into(), ..Default::default() };
        let back = v1::Reversal {
            reversed_activity_id: "k".to_owned(),
            amount: euros(10),
            reason: v1::ReversalKind::Misposting.into(),
        };
        let records = vec![
            activity("k", "c1", 20, v1::activity::Detail::Charge(charge)),
            activity("r", "c1", 22, v1::activity::Detail::Reversal(back)),
            payment("p", "c1", 50, 100),
        ];
        record(&mut mine, records).await;
        let told = async |mine: &mut Clients, month: i32, group_by: &[&str], totals: bool| {
            let question = v1::QueryKpisRequest {
                start_date: date(2024, month, 1),
                end_date: date(2024, month + 1, 1),
                group_by: group_by.iter().map(|one| (*one).to_owned()).collect(),
                totals,
                ..march("receivables")
            };
            let rows = mine.kpis.query_kpis(question).await.expect("figures").into_inner().rows;
            let shown = |row: &v1::KpiRow| match &row.value {
                Some(value) => format!("{} {}", value.value, row.currency_code),
                None => row.no_value_reason().as_str_name().trim_start_matches("NO_VALUE_REASON_").to_owned(),
            };
            rows.iter().map(shown).collect::<Vec<_>>()
        };
        // Placed in March, charged in April and taken back, paid in May: nothing is owed since.
        for (month, value) in [(2, "NO_FACTS"), (3, "100.00 EUR"), (4, "100.00 EUR"), (5, "0.00 EUR"), (6, "0.00 EUR")]
        {
            assert_eq!(told(&mut mine, month, &[], false).await, [value], "month {month}");
        }
        // By creditor it is told of the month in which it came to be nothing, and then there is nothing to tell of anybody.
        assert_eq!(told(&mut mine, 4, &["client"], false).await, ["100.00 EUR"]);
        assert_eq!(told(&mut mine, 5, &["client"], false).await, ["0.00 EUR"]);
        assert_eq!(told(&mut mine, 6, &["client"], true).await, ["0.00 EUR"], "the total");
        // By dimensions that no cells are kept by it is the same, and so it is without the records.
        assert_eq!(told(&mut mine, 5, &["client", "agent"], false).await, ["0.00 EUR"]);
        let void = |target: &str| v1::VoidActivityRequest {
            region_code: "IT".to_owned(),
            target_activity_id: target.to_owned(),
            void_activity_id: format!("void of {target}"),
            void_time: stamp(60),
            reason: "never happened".to_owned(),
        };
        mine.activities.void_activity(void("p")).await.expect("voided");
        assert_eq!(told(&mut mine, 5, &["client"], false).await, ["100.00 EUR"]);
        api.end().await;
    }
);

const EACH: &str = r#"
[[target]]
id = "each day"
kpi = "payments"
grain = "day"
from = "2024-06-01"
markets = ["it"]
currency = "EUR"
goal = "10"
side = "at_least"

[[target]]
id = "each month"
kpi = "payments"
grain = "month"
from = "2024-06-01"
markets = ["it"]
currency = "EUR"
goal = "300"
side = "at_least"

[[target]]
id = "no more"
kpi = "payments"
grain = "month"
from = "2024-06-01"
markets = ["it"]
currency = "EUR"
goal = "300"
side = "at_most"
"#;

on_both_databases!(
    async fn a_day_that_has_just_begun_is_no_miss(database: Database) {
        // 10 June at noon: ten a day were paid until yesterday, and nothing yet today.
        let (api, mut mine) = service(&database).await;
        cases(&mut mine, &["c1"]).await;
        let paid = (1..=9).map(|day| payment(&format!("p{day}"), "c1", 74 + day, 10));
        record(&mut mine, paid.collect()).await;
        api.change_rule("mine", EACH);
        let request = v1::GetScorecardRequest { region_code: "IT".to_owned() };
        let card = mine.kpis.get_scorecard(request).await.expect("a scorecard").into_inner();
        let text = |part: &Option<fairdue::proto::google::r#type::Decimal>| {
            part.as_ref().map_or("-", |part| part.value.as_str()).to_owned()
        };
        let shown = |status: &v1::TargetStatus| {
            let last = status.periods.last().expect("the current one");
            let state = last.state().as_str_name().trim_start_matches("TARGET_STATE_").to_owned();
            let id = &status.target_id;
            format!("{id}: {} of {} {state}, {:?}", text(&last.value), text(&last.goal), status.trend())
        };
        let expected = [
            // What is due today is due when the day is over, and the days that are over rise.
            "each day: 0.00 of 0.00 ON_TRACK, Up",
            "each month: 90.00 of 90.00 ON_TRACK, Flat",
            // Of what must not be exceeded the share of today is allowed.
            "no more: 90.00 of 100.00 ON_TRACK, Flat",
        ];
        assert_eq!(card.targets.iter().map(shown).collect::<Vec<_>>(), expected);
        assert!(card.targets.iter().all(|status| status.anomaly != Some(true)), "{card:?}");
        api.end().await;
    }
);
