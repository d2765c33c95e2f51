//! The command line: serve, demo, check, import, keys and tenants.

pub mod import;
