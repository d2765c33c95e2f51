//! What the integration tests share: databases made fresh for each test, and the means to run one body on both.

pub mod builders;
pub mod database;
pub mod postgres;
