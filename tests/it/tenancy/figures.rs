//! The requests of KpiService that name what is the first tenant's.

use fairdue::proto::v1;
use prost::Message;

use super::REGION;
use crate::support::wire::{date, stamp};

/// Every method with its requests.
pub fn requests(token: &str) -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let mut all = Vec::new();
    let mut add = |method: &'static str, requests: Vec<Vec<u8>>| all.push((method, requests));
    let kpis = v1::ListKpisRequest { region_code: REGION.to_owned(), ..Default::default() };
    add("ListKpis", vec![kpis.encode_to_vec()]);
    let across = v1::QueryKpisAcrossMarketsRequest {
        region_codes: vec![REGION.to_owned()],
        question: Some(v1::QueryKpisRequest {
            region_code: String::new(),
            kpi_ids: vec!["rpc_rate".to_owned()],
            ..figures(&["client"])
        }),
    };
    add("QueryKpisAcrossMarkets", vec![across.encode_to_vec()]);
    let benchmarks = v1::GetBenchmarksRequest {
        region_code: REGION.to_owned(),
        kpi_ids: vec!["recovery_rate".to_owned()],
        quarter_start_date: date(2024, 1, 1),
    };
    add("GetBenchmarks", vec![benchmarks.encode_to_vec()]);
    let quality = v1::GetDataQualityRequest {
        region_code: REGION.to_owned(),
        start_date: date(2024, 3, 1),
        end_date: date(2024, 4, 1),
    };
    add("GetDataQuality", vec![quality.encode_to_vec()]);
    let watch = v1::WatchKpisRequest { question: Some(figures(&["client"])) };
    add("WatchKpis", vec![watch.encode_to_vec()]);
    let card = v1::GetScorecardRequest { region_code: REGION.to_owned() };
    add("GetScorecard", vec![card.encode_to_vec()]);
    let alerts = v1::WatchAlertsRequest { region_code: REGION.to_owned() };
    add("WatchAlerts", vec![alerts.encode_to_vec()]);
    let known = v1::QueryKpisRequest { as_of_time: stamp(9), as_known_time: stamp(9), ..figures(&["client"]) };
    let drill = v1::DrillDownRequest {
        region_code: REGION.to_owned(),
        kpi_id: "recovery_rate".to_owned(),
        start_date: date(2024, 3, 1),
        end_date: date(2024, 4, 1),
        currency_code: "EUR".to_owned(),
        ..Default::default()
    };
    let stolen = v1::DrillDownRequest { page_token: token.to_owned(), ..drill.clone() };
    add("DrillDown", vec![drill.encode_to_vec(), stolen.encode_to_vec()]);
    add("QueryKpis", vec![figures(&[]).encode_to_vec(), figures(&["client"]).encode_to_vec(), known.encode_to_vec()]);
    all
}

/// A question about figures.
pub fn figures(group_by: &[&str]) -> v1::QueryKpisRequest {
    v1::QueryKpisRequest {
        region_code: REGION.to_owned(),
        kpi_ids: vec!["recovery_rate".to_owned()],
        grain: v1::Grain::Month.into(),
        start_date: date(2024, 3, 1),
        end_date: date(2024, 4, 1),
        group_by: group_by.iter().map(|name| (*name).to_owned()).collect(),
        ..Default::default()
    }
}
