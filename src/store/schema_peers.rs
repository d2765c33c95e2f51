//! The schema's steps for quartiles of those who share their figures: as they were told first, and of whom.

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

pub(super) struct Peers;

impl MigrationName for Peers {
    fn name(&self) -> &str {
        "m0008_peers"
    }
}

#[async_trait]
impl MigrationTrait for Peers {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(PEERS).await.map(drop)
    }
}

/// No tenant's own: `tenant_id` is what stands for all of them.
const PEERS: &str = "CREATE TABLE peer_quartile (
    tenant_id TEXT NOT NULL, region TEXT NOT NULL, kpi_id TEXT NOT NULL, quarter BIGINT NOT NULL, digest TEXT NOT NULL,
    tenants BIGINT NOT NULL, lower TEXT NOT NULL, middle TEXT NOT NULL, upper TEXT NOT NULL,
    PRIMARY KEY (tenant_id, region, kpi_id, quarter, digest))";

pub(super) struct PeerGroups;

impl MigrationName for PeerGroups {
    fn name(&self) -> &str {
        "m0021_peer_groups"
    }
}

#[async_trait]
impl MigrationTrait for PeerGroups {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(GROUPS).await.map(drop)
    }
}

/// No tenant's own, likewise. `tenants` is a list of their ids in JSON.
const GROUPS: &str = "CREATE TABLE peer_group (
    tenant_id TEXT NOT NULL, region TEXT NOT NULL, quarter BIGINT NOT NULL, tenants TEXT NOT NULL,
    PRIMARY KEY (tenant_id, region, quarter))";
