//! Questions whose answer would mislead whoever reads it: what is refused, and what is told beside a figure.

use fairdue::proto::v1;
use tonic::Code;

use crate::kpi_semantics::{cases, record, service};
use crate::support::database::on_both_databases;
use crate::support::wire::{date, fields, march, payment, reason};

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
