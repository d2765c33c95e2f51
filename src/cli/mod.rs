//! The command line: serve, demo, check, import, keys and tenants.

pub mod demo;
pub mod import;
