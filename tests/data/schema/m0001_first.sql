-- The schema as its first step made it. Databases of this form are in use: it is never changed.
-- {BYTES} is BYTEA on PostgreSQL and BLOB on SQLite, {COMPACT} nothing or WITHOUT ROWID.
CREATE TABLE tenant (
    tenant_id TEXT NOT NULL PRIMARY KEY, created_at BIGINT NOT NULL);
CREATE TABLE api_key (
    tenant_id TEXT NOT NULL, key_id TEXT NOT NULL, hash {BYTES} NOT NULL, roles TEXT NOT NULL,
    markets TEXT NOT NULL, created_at BIGINT NOT NULL, revoked_at BIGINT,
    PRIMARY KEY (tenant_id, key_id));
CREATE TABLE market (
    tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, revision BIGINT NOT NULL, recorded_at BIGINT NOT NULL,
    rules_digest TEXT NOT NULL, catalogue_digest TEXT NOT NULL,
    PRIMARY KEY (tenant_id, market_id));
CREATE TABLE case_version (
    tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, case_id TEXT NOT NULL, version_id TEXT NOT NULL,
    effective_at BIGINT NOT NULL, revision BIGINT NOT NULL, recorded_at BIGINT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (tenant_id, market_id, case_id, version_id));
CREATE INDEX case_version_revision ON case_version (tenant_id, market_id, revision);
CREATE TABLE case_person (
    tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, person_id TEXT NOT NULL, case_id TEXT NOT NULL,
    PRIMARY KEY (tenant_id, market_id, person_id, case_id)){COMPACT};
CREATE TABLE activity (
    tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, activity_id TEXT NOT NULL, revision BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL, occurred_at BIGINT NOT NULL, case_id TEXT, kind TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant_id, market_id, activity_id));
CREATE INDEX activity_case ON activity (tenant_id, market_id, case_id);
CREATE INDEX activity_revision ON activity (tenant_id, market_id, revision);
CREATE TABLE activity_link (
    tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, case_id TEXT NOT NULL, activity_id TEXT NOT NULL,
    PRIMARY KEY (tenant_id, market_id, case_id, activity_id)){COMPACT};
CREATE TABLE void (
    tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, target_id TEXT NOT NULL, void_id TEXT NOT NULL,
    revision BIGINT NOT NULL, pending BOOLEAN NOT NULL,
    PRIMARY KEY (tenant_id, market_id, target_id)){COMPACT};
CREATE TABLE finding (
    tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, finding_id TEXT NOT NULL, revision BIGINT NOT NULL,
    opened_at BIGINT NOT NULL, changed_at BIGINT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL,
    rule_id TEXT NOT NULL, severity TEXT NOT NULL, case_id TEXT, agent TEXT, client TEXT, at BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant_id, market_id, finding_id));
CREATE INDEX finding_case ON finding (tenant_id, market_id, case_id);
CREATE INDEX finding_at ON finding (tenant_id, market_id, at, finding_id);
CREATE TABLE cell (
    tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, series BIGINT NOT NULL, grain BIGINT NOT NULL,
    period BIGINT NOT NULL, body {BYTES} NOT NULL,
    PRIMARY KEY (tenant_id, market_id, series, grain, period));
CREATE TABLE cell_delta (
    tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, revision BIGINT NOT NULL, body {BYTES} NOT NULL,
    PRIMARY KEY (tenant_id, market_id, revision));
CREATE TABLE due (
    tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, case_id TEXT NOT NULL, due_at BIGINT NOT NULL,
    advanced_to BIGINT NOT NULL, revision BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, market_id, case_id)){COMPACT};
CREATE INDEX due_revision ON due (tenant_id, market_id, revision);
CREATE INDEX due_at ON due (tenant_id, market_id, due_at);
CREATE TABLE check_log (
    tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, revision BIGINT NOT NULL, recorded_at BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant_id, market_id, revision));
CREATE TABLE seaql_migrations (version VARCHAR NOT NULL PRIMARY KEY, applied_at BIGINT NOT NULL);
INSERT INTO seaql_migrations VALUES ('m0001_first', 1700000000);
