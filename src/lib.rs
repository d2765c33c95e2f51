//! Fairdue: debt-collection compliance, KPIs and market sync over gRPC, with rules and KPIs as data.
//!
//! Read the modules in this order: `domain` (the words), `ledger` (balances and promises of one case), `rules` (what
//! the packs say), `compliance` (rules applied to facts), `explain` (what they say, as sentences), `kpi` (definitions and
//! cells), `config`, `store`, `ingest` (the writer), `advice` (checks), `query`,
//! `sync` (the change feed), `deliver` (the feed sent to receivers, over `outbound`), then `transport` (over the generated `proto`) and `cli`.
#![forbid(unsafe_code)]
#![warn(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::dbg_macro, clippy::todo)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod advice;
pub mod app;
pub mod cli;
pub mod clock;
pub mod compliance;
pub mod config;
pub mod deliver;
pub mod domain;
pub mod explain;
pub mod ingest;
pub mod kpi;
pub mod ledger;
pub mod outbound;
pub mod proto;
pub mod query;
pub mod rules;
pub mod store;
pub mod sync;
pub mod transport;
pub mod wire;
