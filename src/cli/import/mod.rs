//! `fairdue import`: a CSV of events becomes cases and activities by a mapping, sent through the public API.

pub mod engine;
pub mod mapping;
mod reading;
pub mod report;
pub mod source;
pub mod template;
#[cfg(test)]
mod tests;
