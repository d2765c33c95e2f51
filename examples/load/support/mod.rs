//! What the integration tests share, used here as well.

#[path = "../../../tests/it/support/database.rs"]
pub mod database;
#[path = "../../../tests/it/support/postgres.rs"]
pub mod postgres;
#[path = "../../../tests/it/support/raw.rs"]
pub mod raw;
#[path = "../../../tests/it/support/recount.rs"]
pub mod recount;
#[path = "../../../tests/it/support/service.rs"]
pub mod service;
#[path = "../../../tests/it/support/workload.rs"]
pub mod workload;
