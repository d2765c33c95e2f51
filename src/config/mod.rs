//! Configuration: server, tenants, packs and KPIs, loaded and validated as one snapshot.
