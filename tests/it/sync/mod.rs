//! The change feed: a copy that applies it equals the store, whatever is written, killed and resumed; tokens open only
//! where they were given out; receivers get what is shared, in order and at least once.

pub mod copy;
mod feed;
mod jetstream;
mod lag;
mod letters;
mod mirror;
mod part;
mod partners;
mod push;
mod receive;
mod sharing;
mod sight;
mod sinks;
mod tls;
mod tokens;
mod unread_feeds;
mod unread_letters;
mod writers;
