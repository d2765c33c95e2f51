//! From the domain to the wire. Cases and activities come back from the decoder as they were: clients encode with this
//! too.

pub mod activity;
pub mod case;
pub mod case_file;
pub mod compliance;
pub mod contact;
pub mod direct;
pub mod event;
pub mod explain;
pub mod finance;
pub mod finding;
pub mod kpi;
pub mod party;
pub mod permit;
pub mod scalar;
pub mod shadow;
pub mod simulation;
pub mod sink;
pub mod stored;
pub mod sync;
pub mod target;
