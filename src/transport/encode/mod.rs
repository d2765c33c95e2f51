//! Answers, from the domain to the wire. Cases and activities themselves are written by `wire`.

pub mod case_file;
pub mod checks;
pub mod compliance;
pub mod direct;
pub mod event;
pub mod explain;
pub mod feed;
pub mod figures;
pub mod finding;
pub mod kpi;
pub mod out;
pub mod permit;
pub mod shadow;
pub mod shared;
pub mod simulation;
pub mod sink;
pub mod stored;
pub mod sync;
pub mod target;
