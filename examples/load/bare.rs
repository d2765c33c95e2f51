//! What is compared with: the rows that the service stored, inserted into an empty table of the same form by the
//! plainest fast means of each database, and nothing derived.

use std::time::Instant;

use sea_orm::{ActiveValue, ConnectOptions, EntityTrait, TransactionTrait};
use sqlx::{Connection, Executor, Row as _};

use fairdue::store::{Store, StoreOptions};

use crate::Options;
use crate::stats::{Run, timed};
use crate::support::database::{Backend, Database};

/// One row of the table of activities.
#[derive(Debug, Clone)]
pub struct Row {
    tenant_id: String,
    market_id: String,
    activity_id: String,
    revision: i64,
    recorded_at: i64,
    occurred_at: i64,
    case_id: Option<String>,
    kind: String,
    record: Vec<u8>,
}

/// Rows of one statement and transaction.
const BATCH: usize = 1_000;
const READ: &str = "SELECT tenant_id, market_id, activity_id, revision, recorded_at, occurred_at, case_id, kind, record
    FROM activity ORDER BY market_id, revision, activity_id";

/// Reads the columns of [`READ`] by their places, on either database.
macro_rules! rows {
    ($connection:expr) => {{
        let mut connection = $connection.expect("connect");
        let rows = sqlx::query(READ).fetch_all(&mut connection).await.expect("read the table of activities");
        rows.iter()
            .map(|row| Row {
                tenant_id: row.get(0),
                market_id: row.get(1),
                activity_id: row.get(2),
                revision: row.get(3),
                recorded_at: row.get(4),
                occurred_at: row.get(5),
                case_id: row.get(6),
                kind: row.get(7),
                record: row.get(8),
            })
            .collect()
    }};
}

/// The rows as they are stored, in the order of their commits.
pub async fn read(database: &Database) -> Vec<Row> {
    match database.backend {
        Backend::Postgres => rows!(sqlx::PgConnection::connect(&database.url).await),
        Backend::Sqlite => rows!(sqlx::SqliteConnection::connect(&database.url).await),
    }
}

/// Inserts the rows into an empty database with the same tables and indexes.
pub async fn insert(options: &Options, rows: Vec<Row>) -> Run {
    let database = options.database().await;
    Store::open(&database.url, &StoreOptions::default()).await.expect("make the tables").close().await;
    match options.backend() {
        Backend::Postgres => unnest(&database.url, rows).await,
        Backend::Sqlite => insert_many(&database.url, rows).await,
    }
}

/// 1,000 rows a statement, over four connections at once, each commit durable.
async fn unnest(url: &str, rows: Vec<Row>) -> Run {
    let count = rows.len() as u64;
    let share = rows.len().div_ceil(4).max(1);
    let shares: Vec<Vec<Row>> = rows.chunks(share).map(<[Row]>::to_vec).collect();
    drop(rows);
    let mut connections = Vec::new();
    for _ in &shares {
        connections.push(sqlx::PgConnection::connect(url).await.expect("connect"));
    }
    let start = Instant::now();
    let tasks: Vec<_> = shares
        .into_iter()
        .zip(connections)
        .map(|(share, mut connection)| {
            tokio::spawn(async move {
                for batch in share.chunks(BATCH) {
                    let query = sqlx::query(
                        "INSERT INTO activity (tenant_id, market_id, activity_id, revision, recorded_at, occurred_at,
                           case_id, kind, record)
                         SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[],
                           $6::bigint[], $7::text[], $8::text[], $9::bytea[]) ON CONFLICT DO NOTHING",
                    )
                    .bind(batch.iter().map(|row| row.tenant_id.as_str()).collect::<Vec<_>>())
                    .bind(batch.iter().map(|row| row.market_id.as_str()).collect::<Vec<_>>())
                    .bind(batch.iter().map(|row| row.activity_id.as_str()).collect::<Vec<_>>())
                    .bind(batch.iter().map(|row| row.revision).collect::<Vec<_>>())
                    .bind(batch.iter().map(|row| row.recorded_at).collect::<Vec<_>>())
                    .bind(batch.iter().map(|row| row.occurred_at).collect::<Vec<_>>())
                    .bind(batch.iter().map(|row| row.case_id.as_deref()).collect::<Vec<_>>())
                    .bind(batch.iter().map(|row| row.kind.as_str()).collect::<Vec<_>>())
                    .bind(batch.iter().map(|row| row.record.as_slice()).collect::<Vec<_>>());
                    connection.execute(query).await.expect("insert a batch");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a connection failed");
    }
    timed(count, start)
}

/// The table of activities as sea-orm sees it.
mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "activity")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub market_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub activity_id: String,
        pub revision: i64,
        pub recorded_at: i64,
        pub occurred_at: i64,
        pub case_id: Option<String>,
        pub kind: String,
        pub record: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// 1,000 rows a transaction through sea-orm's own insert, on one connection with WAL and synchronous FULL.
async fn insert_many(url: &str, rows: Vec<Row>) -> Run {
    use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
    let count = rows.len() as u64;
    let mut connect = ConnectOptions::new(url);
    connect.max_connections(1).sqlx_logging(false).map_sqlx_sqlite_opts(|sqlite| {
        sqlite.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full)
    });
    let connection = sea_orm::Database::connect(connect).await.expect("open");
    let set = |row: Row| entity::ActiveModel {
        tenant_id: ActiveValue::Set(row.tenant_id),
        market_id: ActiveValue::Set(row.market_id),
        activity_id: ActiveValue::Set(row.activity_id),
        revision: ActiveValue::Set(row.revision),
        recorded_at: ActiveValue::Set(row.recorded_at),
        occurred_at: ActiveValue::Set(row.occurred_at),
        case_id: ActiveValue::Set(row.case_id),
        kind: ActiveValue::Set(row.kind),
        record: ActiveValue::Set(row.record),
    };
    let start = Instant::now();
    let mut rows = rows.into_iter();
    loop {
        let batch: Vec<_> = rows.by_ref().take(BATCH).map(set).collect();
        if batch.is_empty() {
            break;
        }
        let transaction = connection.begin().await.expect("begin");
        entity::Entity::insert_many(batch).exec_without_returning(&transaction).await.expect("insert a batch");
        transaction.commit().await.expect("commit");
    }
    timed(count, start)
}
