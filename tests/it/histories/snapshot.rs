//! Everything that was derived from a history, read by plain SQL, without what may differ: revisions and recorded times.

use std::collections::BTreeMap;

use sqlx::{Connection, Row};

use fairdue::kpi::{Block, Delta};

use crate::support::database::{Backend, Database};

/// What the tables hold.
#[derive(Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Open findings by id, as JSON.
    findings: BTreeMap<String, String>,
    /// Cells by series, grain and period: tuple to count and sums, zeros left out.
    cells: BTreeMap<(i64, i64, i64), BTreeMap<String, String>>,
}

/// Findings, cells, and deltas that wait to be merged into cells.
type Rows = (Vec<(String, String)>, Vec<(i64, i64, i64, Vec<u8>)>, Vec<Vec<u8>>);

const FINDINGS: &str = "SELECT finding_id, body FROM finding WHERE status = 'open'";
const CELLS: &str = "SELECT series, CAST(grain AS BIGINT) AS grain, CAST(period AS BIGINT) AS period, body FROM cell";
const DELTAS: &str = "SELECT body FROM cell_delta";

macro_rules! read {
    ($connection:expr) => {{
        let mut connection = $connection.expect("connect");
        let findings = sqlx::query(FINDINGS).fetch_all(&mut connection).await.expect("read findings");
        let cells = sqlx::query(CELLS).fetch_all(&mut connection).await.expect("read cells");
        let deltas = sqlx::query(DELTAS).fetch_all(&mut connection).await.expect("read deltas");
        (
            findings.iter().map(|row| (row.get(0), row.get(1))).collect(),
            cells.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect(),
            deltas.iter().map(|row| row.get(0)).collect(),
        )
    }};
}

impl Snapshot {
    /// Reads the tables.
    pub async fn read(database: &Database) -> Self {
        let (findings, cells, deltas): Rows = match database.backend {
            Backend::Sqlite => read!(sqlx::SqliteConnection::connect(&database.url).await),
            Backend::Postgres => read!(sqlx::PgConnection::connect(&database.url).await),
        };
        // What a reader adds up: cells and the deltas not merged yet. Where the line between them runs is no result.
        let mut blocks: BTreeMap<(i64, i64, i64), Block> = BTreeMap::new();
        let mut waiting = Delta::new();
        for body in deltas {
            waiting.merge(&Delta::decode(&body).expect("a delta"));
        }
        let waiting = waiting
            .blocks()
            .into_iter()
            .map(|(key, block)| ((i64::from(key.series), i64::from(key.grain.code()), i64::from(key.period)), block));
        let stored = cells.into_iter().map(|(series, grain, period, body)| {
            ((series, grain, period), Block::decode(&body).expect("a block of cells"))
        });
        for (key, block) in stored.chain(waiting) {
            match blocks.get_mut(&key) {
                Some(sum) => sum.merge(&block).expect("blocks of one form"),
                None => drop(blocks.insert(key, block)),
            }
        }
        let mut by_key = BTreeMap::new();
        for (key, block) in blocks {
            let tuples: BTreeMap<String, String> = block
                .tuples()
                .filter(|(_, cell)| !cell.is_zero())
                .map(|(tuple, cell)| (format!("{tuple:?}"), format!("{cell:?}")))
                .collect();
            if !tuples.is_empty() {
                by_key.insert(key, tuples);
            }
        }
        Self { findings: findings.into_iter().collect(), cells: by_key }
    }

    /// How many breaches a rule has found.
    pub fn breaches_of(&self, rule: &str) -> usize {
        let named = format!("\"rule\":\"{rule}\"");
        self.findings.values().filter(|finding| finding.contains(&named)).count()
    }

    /// The first differences, in words.
    pub fn differs_from(&self, other: &Self) -> Option<String> {
        let mut lines = Vec::new();
        differences("finding", &self.findings, &other.findings, &mut lines);
        differences("cell", &self.cells, &other.cells, &mut lines);
        lines.truncate(12);
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

fn differences<K: std::fmt::Debug + Ord, V: std::fmt::Debug + PartialEq>(
    what: &str,
    a: &BTreeMap<K, V>,
    b: &BTreeMap<K, V>,
    lines: &mut Vec<String>,
) {
    for (key, value) in a {
        match b.get(key) {
            Some(other) if other == value => {}
            other => lines.push(format!("{what} {key:?}\n  at once:   {value:?}\n  scattered: {other:?}")),
        }
    }
    for (key, value) in b.iter().filter(|(key, _)| !a.contains_key(key)) {
        lines.push(format!("{what} {key:?}\n  at once:   none\n  scattered: {value:?}"));
    }
}
