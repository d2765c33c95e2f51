//! Dimensions by which a figure would say nothing, or something that is not so: they are refused, with the kinds of facts.

use super::figures::query;
use super::shipped;
use crate::kpi::{Defaults, Dimension, Grain, Query};

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
    for kpi in ["payments", "placed", "collected_to_date", "recovery_rate_cohort"] {
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
