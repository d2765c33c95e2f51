//! Generated code: the messages, clients and servers of `proto/fairdue/v1`. Only the transport and the clients use it.
#![allow(missing_docs, clippy::all, clippy::pedantic, clippy::unwrap_used, clippy::expect_used)]

include!(concat!(env!("OUT_DIR"), "/fairdue_proto.rs"));

pub mod bounded;

pub use self::fairdue::v1;

/// Every file of the package with its imports and comments, encoded: what reflection serves.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/fairdue_descriptor.bin"));
