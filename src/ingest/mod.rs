//! The write path: one writer a market, group commit, derivation, due-queue.

mod admit;
mod at_hand;
mod check_record;
mod checks;
mod compare;
mod correction;
pub mod derive;
mod error;
mod follow;
mod group;
mod group_derive;
pub mod keys;
pub mod market_state;
mod merge;
mod packed;
mod person_logs;
mod rebuild;
mod replay;
#[cfg(test)]
mod tests;
mod tick;
mod tiers;
mod writer;
mod writing;

pub use admit::etag;
pub use at_hand::persons_at_hand;
pub use check_record::{CheckHead, CheckLine, CheckRecord, LoggedCheck};
pub use checks::{CheckBatch, CheckPack, read_checks};
pub use error::IngestError;
pub use follow::assure_fresh;
pub use merge::corrupt as corrupt_cell;
pub use replay::{Chunk, Replay};
pub use writer::{CaseUpsert, Commit, Ingest, ItemResult, MarketHandle, Markets, Work};
