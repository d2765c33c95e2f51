//! Requests, from the wire to the domain. Cases and activities themselves are read by `wire`.

pub mod check;
pub mod explain;
pub mod finding;
pub mod kpi;
pub mod request;
pub mod simulation;
pub mod sync;

use crate::wire::decode::{At, DecodeError, collect};
