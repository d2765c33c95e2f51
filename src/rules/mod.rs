//! What the jurisdiction packs say: TOML parsed, checked and compiled. Pure.
//!
//! A file goes through [`reader`] (typed access, every mistake a diagnostic), [`parse`] and [`parse_rule`] (to the flat
//! values of [`model`], or of the kind's own file), [`compile`] (checks over all files) and [`ruleset`] (one tenant's immutable rules).
//! [`tell`] says in words what a rule says, and [`diff`] what differs between two sets of packs.

pub mod calendar;
pub mod candidates;
mod client_funds;
pub mod compile;
mod complaint_handling;
pub mod conduct;
pub mod consequence;
pub mod cover;
mod credit_reporting;
pub mod diff;
mod differ;
pub mod example;
pub mod facts;
mod flags;
mod forms;
pub mod head;
mod held_words;
pub mod interest_cap;
mod lasting;
mod legible;
mod licence;
mod limitation;
pub mod lineage;
pub mod model;
mod notice;
mod numbers;
pub mod overlay;
pub mod pack;
pub mod parse;
mod parse_conduct;
mod parse_fee;
mod parse_hours;
mod parse_limits;
mod parse_matter;
pub mod parse_rule;
mod payment_application;
mod payment_term;
pub(crate) mod place_id;
pub mod position;
pub mod rates;
pub mod reach;
pub mod reader;
mod record_retention;
pub mod ruleset;
pub mod scope_mask;
mod sound;
pub(crate) mod spelling;
mod stated;
pub mod step;
pub mod tell;
mod terms;
pub mod tighten;
pub mod topic;
pub mod words;
pub mod written;

pub use crate::domain::diagnostic::SourceFile;
pub use compile::Packs;
pub use reach::{Admittance, PersonScope, Reach};
pub use ruleset::{RuleInfo, RuleNumber, RuleSet};

#[cfg(test)]
pub(crate) mod tests;
