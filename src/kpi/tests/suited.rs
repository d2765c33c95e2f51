//! Dimensions by which a figure would say nothing, or something that is not so: they are refused, with the kinds of facts.

use super::figures::query;
use super::{day, shipped};
use crate::domain::case_dimensions::CaseDimensions;
use crate::kpi::drill::Figure;
use crate::kpi::{Defaults, Dimension, Grain, Period, Query};

/// The fields that are refused, and why.
fn refused(asked: &Query) -> Vec<String> {
    match shipped().for_question(asked, false, &Defaults::default()) {
        Ok(_) => Vec::new(),
        Err(error) => error.violations.iter().map(|one| format!("{}: {}", one.field, one.description)).collect(),
    }
}

fn by(kpi: &str, group_by: &[Dimension]) -> Query {
    query(kpi, Grain::Month, "2026-01-01", "2026-02-01", group_by)
}

#[test]
fn months_since_placement_are_of_no_stock() {
    for kpi in ["receivables", "balance_closing", "balance_mean", "ageing", "cei", "recovery_rate", "open_accounts"] {
        let found = refused(&by(kpi, &[Dimension::MonthsSince]));
        assert!(found.len() == 1 && found[0].starts_with("group_by: "), "{kpi}: {found:?}");
        assert!(found[0].contains("holds a stock") && found[0].contains("vintage"), "{kpi}: {found:?}");
        let mut filtered = by(kpi, &[]);
        filtered.filters = vec![(Dimension::MonthsSince, vec!["02".to_owned()])];
        assert!(refused(&filtered)[0].starts_with("filters: "), "{kpi}");
        assert_eq!(refused(&by(kpi, &[Dimension::Vintage])), [] as [String; 0], "{kpi}");
    }
    // Flows have a day, and running totals are of flows.
    for kpi in ["payments", "placed", "collected_to_date", "recalled"] {
        assert_eq!(refused(&by(kpi, &[Dimension::MonthsSince])), [] as [String; 0], "{kpi}");
    }
}

#[test]
fn a_channel_is_refused_where_one_side_has_none() {
    use Dimension::{Campaign, Channel, Direction, Template};
    for (kpi, dimension, kinds) in [
        ("contact_intensity", Channel, "open_accounts"),
        ("contact_intensity", Direction, "open_accounts"),
        ("contact_intensity", Campaign, "open_accounts"),
        ("rpc_rate_accounts", Channel, "account_seen"),
        ("open_rate_audience", Channel, "account_seen"),
        ("open_rate_audience", Template, "account_seen"),
        ("penetration_rate", Channel, "account_seen"),
        ("ptp_kept_inbound_received", Channel, "account_seen"),
        ("cei", Channel, "charge, interest, placed, receivable"),
        ("receivables", Channel, "receivable"),
        ("cost_to_collect", Channel, "operating_cost"),
    ] {
        let found = refused(&by(kpi, &[dimension]));
        assert!(found.len() == 1 && found[0].starts_with("group_by: "), "{kpi}: {found:?}");
        for kind in kinds.split(", ") {
            assert!(found[0].contains(kind), "{kpi}: {kind} is not in {found:?}");
        }
        let mut filtered = by(kpi, &[]);
        filtered.filters = vec![(Channel, vec!["call".to_owned()])];
        assert!(refused(&filtered)[0].starts_with("filters: "), "{kpi}");
    }
    for (kpi, dimension) in [
        ("payments", Channel),
        ("rpc_rate_attempts", Channel),
        ("delivery_rate", Template),
        ("delivery_rate_addresses", Channel),
        ("promises_made_inbound", Direction),
        // Plans have none, and are the part of it that nobody was in touch for.
        ("self_service_rate", Channel),
        ("compliance_rate", Channel),
        ("ptp_kept", Direction),
    ] {
        assert_eq!(refused(&by(kpi, &[dimension])), [] as [String; 0], "{kpi} by {dimension}");
    }
}

/// The fields that are refused by the plan itself, whatever would answer, and why.
fn not_told(asked: &Query) -> Vec<String> {
    match shipped().plan(asked) {
        Err(error) if !error.undeclared => {
            error.violations.iter().map(|one| format!("{}: {}", one.field, one.description)).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn a_quotient_is_not_told_by_what_its_sides_have_of_different_days_or_people() {
    use Dimension::{Agent, Portfolio, Segment, Stage, Team};
    for (kpi, dimension, ask) in [
        ("liquidation_6m", Stage, "recovery_rate_cohort"),
        ("resolution_rate", Team, "recovery_rate_cohort"),
        ("resolution_rate_original", Stage, "client"),
        ("recovery_rate_cohort_original", Agent, "vintage"),
        ("cash_multiple", Stage, "liquidation_curve_face"),
        ("collected_on_face", Segment, "product"),
        ("cei_opening", Stage, "Ask cei"),
        ("solution_rate_estimate", Stage, "recovery_rate"),
        ("penetration_rate", Team, "accounts_attempted"),
        ("penetration_rate_call", Stage, "accounts_on_hand"),
        ("rpc_rate_accounts", Team, "rpc_rate_attempts"),
        ("ptp_kept_accounts", Stage, "ptp_kept"),
        ("ptp_kept_outbound_rpc", Stage, "ptp_kept_outbound"),
        ("plan_broken_rate", Stage, "plan_kept_rate"),
        ("churn_rate", Stage, "client"),
        ("complaint_rate", Agent, "complaint_rate_contacts"),
        ("dispute_rate_owing", Team, "dispute_rate_contacts"),
        ("opt_out_rate", Agent, "opt_out_rate_contacts"),
        ("contact_intensity", Agent, "calls_outbound"),
        ("calls_per_resolution", Team, "calls_outbound"),
    ] {
        let found = not_told(&by(kpi, &[dimension]));
        let begins = format!("group_by: {kpi} is not told by {dimension}: ");
        assert!(found.len() == 1 && found[0].starts_with(&begins) && found[0].contains(ask), "{kpi}: {found:?}");
        let mut filtered = by(kpi, &[]);
        filtered.filters = vec![(dimension, vec!["x".to_owned()])];
        assert!(not_told(&filtered)[0].starts_with("filters: "), "{kpi}");
        let kept = shipped().list().find(|info| info.id == kpi).map(|info| info.group_by.concat()).unwrap();
        assert!(!kept.contains(&dimension.to_string()), "{kpi} says that it is kept by {dimension}");
    }
    // What a case keeps for life or mostly keeps, and what moves with it on both sides.
    for (kpi, dimension) in [
        ("liquidation_6m", Dimension::Client),
        ("resolution_rate", Dimension::Product),
        ("cash_multiple", Dimension::Vintage),
        ("penetration_rate", Dimension::Product),
        ("recovery_rate_cohort", Portfolio),
        ("cei", Stage),
        ("write_off_rate", Team),
        ("plan_broken_rate", Agent),
        ("ptp_kept_outbound_rpc", Team),
        ("complaint_rate", Stage),
        ("contact_intensity", Portfolio),
        ("liquidation_6m", Portfolio),
        ("cash_multiple", Portfolio),
        ("penetration_rate", Portfolio),
        ("plan_broken_rate", Portfolio),
        ("cei_opening", Agent),
    ] {
        assert_eq!(not_told(&by(kpi, &[dimension])), [] as [String; 0], "{kpi} by {dimension}");
    }
}

#[test]
fn what_a_kpi_is_not_told_by_has_no_records_behind_it_either() {
    let figure = Figure {
        kpi: "penetration_rate".to_owned(),
        period: Period { start: day("2026-01-01"), end: day("2026-02-01"), whole: true },
        running_from: day("2026-01-01"),
        group: vec![(Dimension::Stage, Some("legal".to_owned()))],
        filters: Vec::new(),
        currency: None,
        case_dimensions: CaseDimensions::default(),
    };
    let error = shipped().drill(figure, "2026-03-01".parse().unwrap()).expect_err("refused");
    assert_eq!(error.violations[0].field, "group");
    assert!(error.violations[0].description.contains("is not told by stage"), "{error}");
}
