//! Plain types of the field: cases, activities, money, verdicts. No IO, no async, no wire, no database.

pub mod activity;
pub mod buckets;
pub mod case;
pub mod consistency;
pub mod detail;
pub mod diagnostic;
pub mod digest;
pub mod disposition;
pub mod error_kind;
pub mod fact;
pub mod feed;
pub mod finding;
pub mod finding_life;
pub mod ids;
pub mod market;
pub mod money;
mod offsets;
pub mod outcome;
pub mod party;
pub mod permit;
pub mod principal;
pub mod sharing;
pub mod tenant;
pub mod time;
pub mod validation;
pub mod verdict;
pub mod vocabulary;
