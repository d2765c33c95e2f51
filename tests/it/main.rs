//! The integration tests: one binary, one module a subject, the parts they share in `support`.
#![forbid(unsafe_code)]

mod api_charges;
mod api_checks;
mod api_explain;
mod api_kpis;
mod api_quality;
mod api_reads;
mod api_shadow;
mod api_simulate;
mod api_stream;
mod api_targets;
mod api_transport;
mod api_writes;
mod at_hand;
mod changed_grounds;
mod closed_pipe;
mod consistency;
mod crash;
#[cfg(feature = "tls")]
mod database_tls;
mod databases;
mod deploy;
mod dispositions;
mod faults;
mod figures;
mod filling;
mod finding_life;
mod finding_order;
mod finding_replicas;
mod histories;
mod migrations;
mod own_hours;
mod permit_circles;
mod permit_lists;
mod permit_races;
mod permits;
mod replicas;
mod schema_walls;
mod store_ahead;
mod store_suite;
mod support;
mod sync;
mod tenancy;
mod tidy;
mod wall;
mod wrong_files;
