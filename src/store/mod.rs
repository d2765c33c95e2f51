//! Storage: the only user of sea-orm. Takes and returns domain types.
