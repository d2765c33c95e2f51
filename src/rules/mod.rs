//! What the jurisdiction packs say: TOML parsed, checked and compiled. Pure.
//!
//! A file goes through [`reader`] (typed access, every mistake a diagnostic), [`parse`] and [`parse_rule`] (to the flat
//! values of [`model`]), [`compile`] (checks over all files) and [`ruleset`] (one tenant's immutable rules).

pub mod calendar;
pub mod compile;
pub mod conduct;
pub mod cover;
pub mod example;
mod head;
pub mod model;
pub mod overlay;
pub mod pack;
pub mod parse;
mod parse_conduct;
mod parse_fee;
mod parse_limits;
mod parse_matter;
pub mod parse_rule;
pub mod reach;
pub mod reader;
pub mod ruleset;
mod spelling;
pub mod step;
pub mod words;

pub use crate::domain::diagnostic::SourceFile;
pub use compile::Packs;
pub use reach::PersonScope;
pub use ruleset::{RuleInfo, RuleSet};

#[cfg(test)]
pub(crate) mod tests;
