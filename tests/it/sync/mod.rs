//! The change feed: a copy that applies it equals the store, whatever is written, killed and resumed; tokens open only
//! where they were given out.

pub mod copy;
mod feed;
mod mirror;
mod push;
mod sharing;
mod tokens;
mod writers;
