//! The command line: serve, demo, import, check, tenant, key.
