//! Every row of the catalogue of KPIs that a deployment must have, held to the definitions that are shipped.
//!
//! The catalogue is a document of its own and lies beside the repository where it is worked on; without it, what is named
//! here is still held to the definitions.

use std::collections::{BTreeMap, BTreeSet};

use super::figures::query;
use super::shipped;
use crate::domain::case_dimensions::CaseDimensions;
use crate::kpi::definition::Kind;
use crate::kpi::{Dimension, Grain};

/// A row by the text of its first cell, and the definitions that it comes to, variants and companions included.
const ROWS: &[(&str, &str)] = &[
    ("dso_due", "dso_due dso_due_undated dso_due_unpaid_share open_items_age"),
    ("dso_invoice", "dso_invoice"),
    ("dso_balance", "dso_balance dso_balance_mean best_possible_dso average_days_delinquent"),
    ("cei", "cei"),
    ("cei_opening", "cei_opening"),
    ("cei_classic", "cei_classic cei_classic_months"),
    ("recovery_rate", "recovery_rate recovery_rate_principal recovery_rate_cohort"),
    (
        "resolution_rate",
        "resolution_rate resolution_rate_adjusted resolution_rate_original closed_paid_or_settled_rate \
         closed_paid_or_settled_rate_amount",
    ),
    ("profit_per_account", "profit_per_account profit_per_account_handled profit_per_account_bought amortisation"),
    ("cost_to_collect", "cost_to_collect"),
    (
        "collected_per_agent",
        "collected_per_agent collected_per_agent_active collected_per_agent_headcount collected_per_agent_attributed",
    ),
    (
        "accounts_per_agent",
        "accounts_per_agent accounts_per_agent_end accounts_per_agent_mean accounts_per_agent_headcount",
    ),
    ("days_to_collect_p50/p90", "days_to_collect_p50 days_to_collect_p90"),
    (
        "liquidation_curve",
        "liquidation_curve liquidation_curve_principal liquidation_curve_face liquidation_6m liquidation_12m",
    ),
    ("cash_multiple, collected_on_face", "cash_multiple collected_on_face"),
    (
        "roll_rate, cure_rate, stabilised, roll_back",
        "roll_rate roll_rate_amount cure_rate cure_rate_amount stabilised_rate stabilised_rate_amount roll_back_rate \
         roll_back_rate_amount roll_paid_rate roll_settled_rate roll_written_off_rate roll_recalled_rate \
         roll_transferred_rate roll_otherwise_rate",
    ),
    (
        "repayment_rate_7dpd",
        "repayment_rate_7dpd repayment_rate_from_7dpd repayment_rate_1_7dpd repayment_rate_8_30dpd",
    ),
    ("write_off_rate, settlement_rate, settlement_discount", "write_off_rate settlement_rate settlement_discount"),
    ("ageing, cash_forecast, cash_forecast_error", "ageing ageing_accounts cash_forecast cash_forecast_error"),
    ("rpc_rate", "rpc_rate rpc_rate_attempts rpc_rate_connects rpc_rate_accounts"),
    (
        "contact_rate_* , penetration_rate",
        "contact_rate_live contact_rate_right_party contact_rate_talk contact_rate_promise penetration_rate \
         penetration_rate_reached penetration_rate_call penetration_rate_email penetration_rate_sms \
         penetration_rate_letter penetration_rate_messaging penetration_rate_visit",
    ),
    ("call_to_promise", "call_to_promise call_to_promise_promises"),
    ("ptp_rate_outbound", "ptp_rate_outbound"),
    ("ptp_rate_inbound", "ptp_rate_inbound ptp_rate_inbound_rpc"),
    (
        "ptp_kept_inbound, ptp_kept_outbound",
        "ptp_kept_inbound ptp_kept_outbound ptp_kept ptp_kept_accounts ptp_kept_inbound_accounts ptp_kept_outbound_accounts",
    ),
    ("ptp_kept_inbound_received", "ptp_kept_inbound_received"),
    ("ptp_kept_outbound_rpc", "ptp_kept_outbound_rpc"),
    ("ptp_kept_amount", "ptp_kept_amount"),
    ("ptp_broken_rate, ptp_open_amount", "ptp_broken_rate ptp_open_amount"),
    ("first_call_resolution", "first_call_resolution first_call_resolution_rpc"),
    (
        "calls_outbound, calls_inbound, avg_handle_time, calls_per_resolution",
        "calls_outbound calls_inbound avg_handle_time calls_per_resolution",
    ),
    ("self_service_rate", "self_service_rate"),
    ("plan_kept_rate", "plan_kept_rate"),
    ("delivery_rate", "delivery_rate delivery_rate_addresses dropped_rate pending_rate"),
    ("bounce_rate, hard_bounce_rate, soft_bounce_rate", "bounce_rate hard_bounce_rate soft_bounce_rate"),
    ("open_rate, open_rate_audience", "open_rate open_rate_audience"),
    ("click_rate, click_to_open_rate", "click_rate click_to_open_rate"),
    ("unsubscribe_rate, spam_complaint_rate", "unsubscribe_rate spam_complaint_rate"),
    ("traffic_by_source", "traffic_by_source"),
    (
        "landing_page_views, landing_page_visitors, landing_page_conversion",
        "landing_page_views landing_page_visitors landing_page_conversion",
    ),
    (
        "payment_abandonment_rate, payment_failure_rate, repeat_failed_payers",
        "payment_abandonment_rate payment_failure_rate repeat_failed_payers repeat_failed_payers_30d",
    ),
    (
        "time_to_open, time_to_pay",
        "time_to_open_p50 time_to_open_p90 open_to_pay_p50 open_to_pay_p90 time_to_pay_p50 time_to_pay_p90",
    ),
    ("send_time_effectiveness", "send_time_effectiveness"),
    ("variant_lift", "variant_lift"),
    ("data_quality_phone, data_quality_email", "data_quality_phone data_quality_email"),
    ("compliance_rate", "compliance_rate unknown_rate cover_rate override_rate"),
    (
        "findings_open, findings_by_rule, findings_per_1000_activities, mean_time_to_remediate",
        "findings_open findings_open_mean findings_by_rule findings_per_1000_activities mean_time_to_remediate \
         findings_remediated time_to_remediate_p50 time_to_remediate_p90",
    ),
    ("prevented_contacts", "prevented_contacts"),
    ("notice_timeliness", "notice_timeliness"),
    (
        "complaint_rate, complaint_upheld_rate, complaint_resolution_time, dispute_rate, dispute_resolution_time, opt_out_rate",
        "complaint_rate complaint_rate_contacts complaint_upheld_rate complaint_resolution_time dispute_rate \
         dispute_rate_contacts dispute_resolution_time opt_out_rate opt_out_rate_contacts",
    ),
    (
        "limitation_calendar",
        "limitation_calendar limitation_calendar_amount barred_within_30 barred_within_30_amount barred_within_90 \
         barred_within_90_amount barred_accounts barred_accounts_amount limitation_status limitation_status_amount \
         limitation_known_rate",
    ),
    ("csat, nps", "csat csat_satisfied nps"),
    ("churn_rate", "churn_rate"),
];

/// Words of a row's first cell that no definition bears: names of families, that stand for several.
const NO_IDS: [&str; 2] = ["contact_rate_*", "days_to_collect_p50/p90"];

/// Dimensions of the catalogue by their names there, where those differ from the names in questions.
const DIMENSIONS: [(&str, &str); 22] = [
    ("agent", "agent"),
    ("team", "team"),
    ("channel", "channel"),
    ("direction", "direction"),
    ("client", "client"),
    ("portfolio", "portfolio"),
    ("segment", "segment"),
    ("product", "product"),
    ("stage", "stage"),
    ("days-past-due bucket", "dpd_bucket"),
    ("campaign", "campaign"),
    ("message template", "template"),
    ("traffic source", "source"),
    ("currency", "currency"),
    ("hour of the local day", "hour"),
    ("weekday", "weekday"),
    ("placement month", "vintage"),
    ("jurisdiction", "jurisdiction"),
    ("rule", "rule"),
    ("placement sequence", "sequence"),
    ("months since", "months_since"),
    ("bucket that an account went to", "to_bucket"),
];

#[test]
fn every_row_comes_to_definitions() {
    let defined: BTreeSet<&str> = shipped().list().map(|kpi| kpi.id.as_str()).collect();
    let mut rows = BTreeMap::new();
    for (row, ids) in ROWS {
        assert!(rows.insert(*row, ids).is_none(), "the row {row} is twice in the table");
        let unknown: Vec<&str> = ids.split_whitespace().filter(|id| !defined.contains(id)).collect();
        assert!(unknown.is_empty(), "the row {row} names {unknown:?}, which no file defines");
        let words = row.split([',', ' ']).filter(|word| !word.is_empty());
        let missing: Vec<&str> = words.filter(|word| !NO_IDS.contains(word) && !defined.contains(word)).collect();
        assert!(missing.is_empty(), "the row {row} asks for {missing:?}");
    }
}

#[test]
fn every_row_of_the_catalogue_is_in_the_table() {
    let beside = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("shared");
    let Ok(text) = std::fs::read_to_string(beside.join("kpis.md")) else {
        eprintln!("skipped: the catalogue is not at hand; the table is held to the definitions alone");
        return;
    };
    let named: BTreeSet<&str> = ROWS.iter().map(|(row, _)| *row).collect();
    let cells = text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next()).map(str::trim);
    let rows: BTreeSet<&str> = cells.filter(|cell| *cell != "id" && !cell.starts_with("---")).collect();
    assert!(rows.len() >= 50, "only {} rows were read", rows.len());
    let missing: Vec<_> = rows.difference(&named).collect();
    assert!(missing.is_empty(), "rows of the catalogue that the table lacks: {missing:?}");
    let gone: Vec<_> = named.difference(&rows).collect();
    assert!(gone.is_empty(), "rows of the table that the catalogue has not: {gone:?}");
}

#[test]
fn every_dimension_can_be_asked_and_is_kept_by_something() {
    let kept: BTreeSet<&str> =
        shipped().list().flat_map(|kpi| kpi.group_by.iter().flatten().map(String::as_str)).collect();
    let without: Vec<&str> = DIMENSIONS.iter().map(|(_, name)| *name).filter(|name| !kept.contains(name)).collect();
    assert_eq!(without, ["currency"], "dimensions by which no KPI is kept");
    let of_cases = CaseDimensions::default();
    let unnamed: Vec<&str> =
        Dimension::names(&of_cases).filter(|open| !DIMENSIONS.iter().any(|(_, name)| name == open)).collect();
    assert_eq!(unnamed, ["state"], "dimensions that the catalogue does not name");
}

#[test]
fn what_a_kpi_says_it_is_kept_by_is_answered_from_cells() {
    for kpi in shipped().list() {
        for set in &kpi.group_by {
            let by: Vec<Dimension> = set.iter().filter_map(|name| Dimension::parse(name)).collect();
            let plan = shipped().plan(&query(&kpi.id, Grain::Month, "2026-01-01", "2027-01-01", &by));
            // A lift needs its template, whatever else is asked.
            if kpi.kind == Kind::Lift && !by.contains(&Dimension::Template) {
                continue;
            }
            assert!(plan.is_ok(), "{} by {set:?}: {plan:?}", kpi.id);
        }
    }
}
