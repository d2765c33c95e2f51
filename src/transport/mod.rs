//! The gRPC API: decode, call a use case, encode. Nothing here decides anything.

pub mod decode;
pub mod encode;
pub mod page;
pub mod status;
pub mod words;

#[cfg(test)]
mod round_trip;
