//! From the domain to the wire. Cases and activities come back from the decoder as they were: clients encode with this
//! too.

pub mod activity;
pub mod case;
pub mod contact;
pub mod finance;
pub mod party;
pub mod scalar;
