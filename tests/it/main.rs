//! The integration tests: one binary, one module a subject, the parts they share in `support`.
#![forbid(unsafe_code)]

mod databases;
mod store_suite;
mod support;
mod tidy;
