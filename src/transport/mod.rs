//! The gRPC API: decode, call a use case, encode. Nothing here decides anything.

pub mod auth;
pub mod batch;
#[cfg(feature = "bench")]
pub mod bench;
pub mod connections;
pub mod deadline;
pub mod decode;
pub mod encode;
pub mod layers;
pub mod mask;
pub mod page;
pub mod room;
pub mod server;
pub mod service;
pub mod status;
mod words;

#[cfg(test)]
mod tests;
