//! Cases and activities as messages of the API: what clients send, what the store keeps, what partners get. One form for
//! all three, so that a record is written once and read by whoever needs it.

pub mod counted;
pub mod decode;
pub mod encode;
mod fields;
mod quick;
pub mod stored;
pub mod words;

#[cfg(test)]
mod tests;
