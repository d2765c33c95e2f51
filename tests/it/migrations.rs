//! A database that an earlier version made, with rows in it, is brought up to date and goes on.

use fairdue::domain::circle::Circle;
use fairdue::domain::finding::{Finding, FindingStatus, Severity};
use fairdue::domain::finding_life::{Decision, FindingAction, substance};
use fairdue::domain::ids::{CaseId, FindingId, JurisdictionId, KeyId, MarketId, RuleId, TenantId, UpdateId};
use fairdue::domain::time::Timestamp;
use fairdue::domain::verdict::{Effect, Observation};
use fairdue::store::{DecisionRow, FindingFilter, FindingRow, Store, StoreOptions};
use sqlx::{Connection, Executor};

use crate::support::database::{Backend, on_both_databases};

/// The schema of the first step, as it is in use.
const FIRST: &str = include_str!("../data/schema/m0001_first.sql");

fn finding(id: u8, jurisdiction: &str, observed: i64) -> Finding {
    Finding {
        id: FindingId([id; 16]),
        rule: RuleId::trusted("r"),
        jurisdiction: JurisdictionId::trusted(jurisdiction),
        pack_digest: "d".to_owned(),
        pack_version: "1".to_owned(),
        severity: Severity::Violation,
        effect: Effect::Prohibits,
        case: Some(CaseId::trusted("c")),
        person: None,
        activity: None,
        agent: Some("O'Neil".to_owned()),
        client: None,
        steered: Default::default(),
        at: Timestamp(1_000 + i64::from(id)),
        omission: false,
        known_at_time: true,
        observed: Observation { observed: Some(observed), limit: Some(7), unit: None, note: None },
        evidence: Vec::new(),
    }
}

/// A row of the first schema.
fn insert(finding: &Finding, status: &str) -> String {
    let body = serde_json::to_string(finding).expect("plain texts").replace('\'', "''");
    format!(
        "INSERT INTO finding (tenant_id, market_id, finding_id, revision, opened_at, changed_at, status, reason,
             rule_id, severity, case_id, agent, client, at, body)
         VALUES ('t', 'us', '{}', 1, 5, 5, '{status}', 'new', 'r', 'violation', 'c', 'O''Neil', NULL, {}, '{body}');",
        finding.id, finding.at.0
    )
}

/// The statements that make the first schema.
pub fn first_statements(backend: Backend) -> String {
    let (bytes, compact) = match backend {
        Backend::Postgres => ("BYTEA", ""),
        Backend::Sqlite => ("BLOB", " WITHOUT ROWID"),
    };
    FIRST.replace("{BYTES}", bytes).replace("{COMPACT}", compact)
}

/// Versions as the first schema kept them: of two cases with a household, one of them moved, and of one without.
fn old_cases() -> String {
    let one = |case: &str, version: &str, household: Option<&str>| {
        let mut whole = crate::support::builders::version(case, version, Timestamp(7));
        let party = serde_json::json!({ "person": "p", "role": "primary", "household": household });
        whole.parties = vec![serde_json::from_value(party).expect("a party")];
        let body = serde_json::to_string(&whole).expect("plain texts").replace('\'', "''");
        format!("INSERT INTO case_version VALUES ('t', 'us', '{case}', '{version}', 7, 1, 7, '{body}');")
    };
    let all = [one("x", "1", Some("h")), one("x", "2", Some("k")), one("y", "1", Some("h")), one("z", "1", None)];
    all.concat()
}

async fn first_schema(database: &crate::support::database::Database) {
    let mut sql = first_statements(database.backend);
    sql.push_str(&old_cases());
    sql.push_str("INSERT INTO tenant VALUES ('t', 1); INSERT INTO market VALUES ('t', 'us', 1, 5, '', '');");
    sql.push_str("INSERT INTO api_key VALUES ('t', 'k', '', 'writer reader', '', 1, NULL);");
    for (row, status) in [(finding(1, "us", 8), "open"), (finding(2, "us-ny", 8), "withdrawn")] {
        sql.push_str(&insert(&row, status));
    }
    match database.backend {
        Backend::Sqlite => {
            let url = format!("{}?mode=rwc", database.url.split('?').next().unwrap_or_default());
            let mut connection = sqlx::SqliteConnection::connect(&url).await.expect("connect");
            connection.execute(sqlx::AssertSqlSafe(sql)).await.expect("make the first schema");
            connection.close().await.expect("close");
        }
        Backend::Postgres => {
            let mut connection = sqlx::PgConnection::connect(&database.url).await.expect("connect");
            connection.execute(sqlx::AssertSqlSafe(sql)).await.expect("make the first schema");
            connection.close().await.expect("close");
        }
    }
}

on_both_databases!(
    async fn households_of_old_cases_are_found(database: Database) {
        first_schema(&database).await;
        let (tenant, market) = (TenantId::trusted("t"), MarketId::trusted("us"));
        let store = Store::open(&database.url, &StoreOptions::default()).await.expect("migrate");
        let scope = store.scope(&tenant);
        for (household, cases) in [("h", &["x", "y"][..]), ("k", &["x"]), ("p", &[])] {
            let circle = Circle::household(household);
            let found = scope.cases_of(&market, std::iter::once(&circle)).await.expect("read");
            assert_eq!(found.iter().map(CaseId::as_str).collect::<Vec<_>>(), cases, "{household}");
        }
    }
);

on_both_databases!(
    async fn findings_of_the_first_schema_get_a_life(database: Database) {
        first_schema(&database).await;
        let (tenant, market) = (TenantId::trusted("t"), MarketId::trusted("us"));
        let store = Store::open(&database.url, &StoreOptions::default()).await.expect("migrate");
        let key = store.key(&tenant, &KeyId::trusted("k")).await.expect("read").expect("the old key");
        assert_eq!(key.roles.len(), 2);
        let scope = store.scope(&tenant);
        let list = async |filter: FindingFilter, now: i64| -> Vec<FindingId> {
            let found = scope.list_findings(&market, &filter, Timestamp(now), None, 10).await.expect("a list");
            found.into_iter().map(|row| row.finding.id).collect()
        };
        let in_status = |status| FindingFilter { status: Some(status), ..FindingFilter::default() };
        let in_place = |place: &str| FindingFilter {
            jurisdiction: Some(JurisdictionId::trusted(place)),
            ..FindingFilter::default()
        };
        let (one, two) = (FindingId([1; 16]), FindingId([2; 16]));
        assert_eq!(list(in_status(FindingStatus::Open), 9).await, [one]);
        assert_eq!(list(in_status(FindingStatus::Withdrawn), 9).await, [two]);
        assert_eq!(list(in_place("us"), 9).await, [one]);
        assert_eq!(list(in_place("us-ny"), 9).await, [two]);

        // A decision about an old finding, then other facts, then the facts as they were.
        let write = scope.begin(&market).await.expect("begin");
        let row = write.finding(one).await.expect("read").expect("the finding");
        let decision = Decision {
            id: UpdateId::trusted("u"),
            finding: one,
            action: FindingAction::Waive,
            reason: None,
            until: Some(Timestamp(100)),
            key: KeyId::trusted("k"),
            actor: None,
            status: FindingStatus::Waived,
            substance: substance(&row.finding),
            at: Timestamp(10),
            revision: 2,
        };
        let result = FindingRow { status: FindingStatus::Waived, decision: Some(decision.clone()), ..row };
        write.insert_decision(&DecisionRow { decision, result }).await.expect("record");
        let mut head = write.head.clone();
        head.revision = 2;
        write.commit(&head).await.expect("commit");
        assert_eq!(list(in_status(FindingStatus::Waived), 99).await, [one]);
        assert_eq!(list(in_status(FindingStatus::Reopened), 100).await, [one]);
        for (revision, observed, status) in [(3, 9, FindingStatus::Reopened), (4, 8, FindingStatus::Waived)] {
            let write = scope.begin(&market).await.expect("begin");
            let changed = FindingRow {
                finding: finding(1, "us", observed),
                status: FindingStatus::Open,
                reason: "late_fact".to_owned(),
                revision,
                opened: Timestamp(20),
                changed: Timestamp(20),
                decision: None,
            };
            write.upsert_findings(vec![changed]).await.expect("write");
            head.revision = revision;
            write.commit(&head).await.expect("commit");
            assert_eq!(list(in_status(status), 50).await, [one]);
        }
        let past = scope.finding_past(&market, one).await.expect("read").expect("the finding");
        let told: Vec<(u64, &str)> = past.derived.iter().map(|state| (state.revision, state.reason.as_str())).collect();
        assert_eq!(told, [(1, "new"), (3, "late_fact"), (4, "late_fact")]);
        assert_eq!((past.decisions.len(), past.row.opened), (1, Timestamp(5)));
        store.close().await;
        let again = Store::open(&database.url, &StoreOptions::default()).await.expect("open again");
        assert_eq!(again.tenants().await.expect("read").len(), 1);
    }
);
