//! What the integration tests share: databases made fresh for each test, and the means to run one body on both.

pub mod api;
pub mod builders;
pub mod config;
pub mod database;
pub mod packages;
pub mod postgres;
pub mod proxy;
pub mod raw;
pub mod receiver;
pub mod recount;
pub mod service;
pub mod wire;
pub mod workload;
