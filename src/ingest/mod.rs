//! The write path: one writer a market, group commit, derivation, due-queue.

mod admit;
mod at_hand;
mod check_record;
mod checks;
mod compare;
mod correction;
pub mod derive;
mod error;
mod findings;
mod follow;
mod group;
mod group_derive;
mod held_permits;
mod intake;
pub mod keys;
pub mod market_state;
mod merge;
mod packed;
mod permits;
mod person_contacts;
mod person_logs;
mod rebuild;
mod replay;
mod statistics;
#[cfg(test)]
mod tests;
mod tick;
mod tiers;
mod work;
mod writer;
mod writing;

pub use admit::etag;
pub use at_hand::persons_at_hand;
pub use check_record::{CheckHead, CheckLine, CheckRecord, LoggedCheck};
pub use checks::{CheckBatch, CheckPack, read_checks};
pub use error::IngestError;
pub use findings::{Decided, FindingUpdate};
pub use follow::assure_fresh;
pub use intake::Ingest;
pub use merge::corrupt as corrupt_cell;
pub use permits::{Judged, Released, Reserve, Reserved};
pub use replay::{Chunk, Replay};
pub use work::Work;
pub use writer::{CaseUpsert, Commit, ItemResult, MarketHandle, Markets};
