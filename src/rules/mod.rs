//! What the jurisdiction packs say: TOML parsed, checked and compiled. Pure.

pub use crate::domain::diagnostic::SourceFile;
