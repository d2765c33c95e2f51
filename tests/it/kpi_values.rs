//! Values of filters and groups that no fact can have: figures of them would all be nothing, and look like an answer. And what
//! a figure says of its period.

use fairdue::proto::v1;
use tonic::Code;

use crate::kpi_semantics::{cases, record, service};
use crate::support::database::on_both_databases;
use crate::support::wire::{call, date, fields, march};

fn only(dimension: &str, values: &[&str]) -> v1::QueryKpisRequest {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    let filters = vec![v1::DimensionFilter { dimension: dimension.to_owned(), values }];
    v1::QueryKpisRequest { filters, ..march("calls_outbound") }
}

fn behind(dimension: &str, value: &str) -> v1::DrillDownRequest {
    let (dimension, value) = (dimension.to_owned(), value.to_owned());
    v1::DrillDownRequest {
        region_code: "IT".to_owned(),
        kpi_id: "calls_outbound".to_owned(),
        start_date: date(2024, 3, 1),
        end_date: date(2024, 4, 1),
        group: vec![v1::GroupValue { dimension, value, unattributed: false }],
        ..Default::default()
    }
}

on_both_databases!(
    async fn a_value_that_no_fact_can_have_is_refused(database: Database) {
        let (api, mut mine) = service(&database).await;
        cases(&mut mine, &["c1"]).await;
        record(&mut mine, vec![call("k1", "c1", 1)]).await;
        // A value and, of the same dimension, what is none: day 1 is a Tuesday, and the call was made at noon in Rome.
        let dimensions = [
            ("channel", "call", "phone"),
            ("direction", "outbound", "out"),
            ("hour", "13", "24"),
            ("hour", "13", "9"),
            ("weekday", "2", "Tuesday"),
            ("weekday", "2", "0"),
            ("vintage", "2024-03", "2024-3"),
            ("vintage", "2024-03", "2024-13"),
            ("months_since", "00", "0"),
            ("currency", "EUR", "eur"),
        ];
        for (dimension, good, wrong) in dimensions {
            let wrongly = mine.kpis.query_kpis(only(dimension, &[good, wrong])).await.expect_err(dimension);
            assert_eq!(
                (wrongly.code(), fields(&wrongly)),
                (Code::InvalidArgument, vec!["filters[0].values[1]".into()])
            );
            let told = wrongly.message();
            assert!(told.contains(&format!("{wrong:?} is no {dimension}")) && told.contains("send "), "{told}");
            let wrongly = mine.kpis.drill_down(behind(dimension, wrong)).await.expect_err(dimension);
            assert_eq!(fields(&wrongly), ["group[0].value"], "{wrongly:?}");
            // The empty text stands for what is without the dimension, and names may be any.
            mine.kpis.query_kpis(only(dimension, &[good, ""])).await.expect("figures");
        }
        mine.kpis.query_kpis(only("client", &["whoever"])).await.expect("nothing of a client, which may come");
        let calls = mine.kpis.query_kpis(only("channel", &["call"])).await.expect("figures").into_inner();
        assert_eq!(calls.rows[0].value.as_ref().map(|value| value.value.as_str()), Some("1"));
        api.end().await;
    }
);

on_both_databases!(
    async fn a_question_does_not_begin_after_its_period(database: Database) {
        let (api, mut mine) = service(&database).await;
        let late = v1::DrillDownRequest {
            group: Vec::new(),
            question_start_date: date(2024, 3, 10),
            ..behind("channel", "call")
        };
        let wrong = mine.kpis.drill_down(late).await.expect_err("a first day after the period's");
        assert_eq!((wrong.code(), fields(&wrong)), (Code::InvalidArgument, vec!["question_start_date".to_owned()]));
        assert!(wrong.message().contains("2024-03-10 is after start_date, 2024-03-01"), "{wrong:?}");
        api.end().await;
    }
);

on_both_databases!(
    // It is the 10th of June in the test: June is told as not over beside May, which is, and so is July, of which nothing is
    // known.
    async fn a_period_that_is_not_over_says_so(database: Database) {
        let (api, mut mine) = service(&database).await;
        cases(&mut mine, &["c1"]).await;
        let months = v1::QueryKpisRequest {
            start_date: date(2024, 5, 1),
            end_date: date(2024, 8, 1),
            ..march("calls_outbound")
        };
        let told = mine.kpis.query_kpis(months).await.expect("figures").into_inner();
        let periods: Vec<_> = told
            .rows
            .iter()
            .map(|row| (row.period_start_date.map(|date| date.month), row.whole_period, row.running_period))
            .collect();
        assert_eq!(periods, [(Some(5), true, false), (Some(6), true, true), (Some(7), true, true)]);
        assert_eq!(told.rows[2].no_value_reason(), v1::NoValueReason::NotBegun);
        // So it is of money of which there is none yet, whether a fact stands in the question's other periods or not.
        let months =
            |start| v1::QueryKpisRequest { start_date: start, end_date: date(2024, 9, 1), ..march("payments") };
        for (start, before) in [(date(2024, 7, 1), 0), (date(2024, 5, 1), 2)] {
            let told = mine.kpis.query_kpis(months(start)).await.expect("figures").into_inner();
            let reasons: Vec<_> = told.rows.iter().map(v1::KpiRow::no_value_reason).collect();
            let expected =
                [[v1::NoValueReason::NoFacts; 2].as_slice()[..before].to_vec(), vec![v1::NoValueReason::NotBegun; 2]];
            assert_eq!(reasons, expected.concat());
        }
        api.end().await;
    }
);

on_both_databases!(
    async fn a_group_without_a_value_is_asked_for_as_such(database: Database) {
        let (api, mut mine) = service(&database).await;
        let wrong = mine.kpis.drill_down(behind("agent", "")).await.expect_err("neither a value nor unattributed");
        assert_eq!((wrong.code(), fields(&wrong)), (Code::InvalidArgument, vec!["group[0].value".to_owned()]));
        let mut without = behind("agent", "");
        without.group[0].unattributed = true;
        mine.kpis.drill_down(without).await.expect("records");
        api.end().await;
    }
);
