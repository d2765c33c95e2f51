//! The `fairdue` binary.

fn main() {}
