//! DuckDB beside us: the same rows as CSV, the same question, its answers beside ours. It runs in Python, in a process
//! of its own that keeps its table warm and is asked by turns (`peers/duckdb_kpi.py`).

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use chrono::{DateTime, NaiveDate};
use fairdue::proto::v1;

use crate::history;
use crate::stats::{Latencies, Run};
use crate::support::recount;
use crate::support::workload::{self, Kind, MARKETS, PER_CASE};

/// Columns of the table.
const COLUMNS: &str = "activity_id,market,case_id,client,day,agent,kind,outcome,amount,due";
/// Days until a promise of the workload is due.
const PROMISED: chrono::Days = chrono::Days::new(14);
/// Questions of one round; one takes as long as hundreds of ours.
const QUESTIONS: usize = 3;

/// Right-party contacts and attempts by first day of the month and agent.
pub type Figures = BTreeMap<(String, String), (i64, i64)>;

/// Writes every activity that no void has removed, with its date in the market's zone, as DuckDB is to count it.
pub fn export(path: &Path, cases: u32, markets: usize) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).expect("make the file"));
    writeln!(file, "{COLUMNS}").expect("write");
    let mut contacts = 0_u64;
    for (market, (region, _, zone)) in MARKETS.iter().enumerate().take(markets) {
        let zone: chrono_tz::Tz = zone.parse().expect("a zone");
        let of_market = |case: &u32| *case as usize % MARKETS.len() == market;
        for case in (0..cases).filter(of_market) {
            for number in (0..PER_CASE).filter(|number| !workload::is_voided(case, *number)) {
                let kind = workload::kind(case, number);
                let id = history::activity_id(case, number);
                let at = DateTime::from_timestamp(workload::START + workload::occurred(case, number), 0);
                let day = at.expect("an instant").with_timezone(&zone).date_naive();
                let agent = workload::agent_of(case, number);
                let outcome = match kind {
                    Kind::Call | Kind::NightCall => workload::outcome(case, number).as_str_name(),
                    _ => "",
                };
                contacts += u64::from(!matches!(kind, Kind::Promise | Kind::Payment));
                let amount = match kind {
                    Kind::Promise | Kind::Payment => workload::amount(case, number).to_string(),
                    _ => String::new(),
                };
                let due = match kind {
                    Kind::Promise => (at.expect("an instant").date_naive() + PROMISED).to_string(),
                    _ => String::new(),
                };
                let (client, case) = (workload::creditor(case), workload::case_id(case));
                let told = format!("{id},{region},{case},{client},{day},{agent},{kind:?},{outcome},{amount},{due}");
                writeln!(file, "{told}").expect("write");
            }
        }
    }
    file.flush().expect("write");
    let counts = |market| -> i64 { recount::count(market, 0..cases).contacts.values().map(|one| one.attempts).sum() };
    assert_eq!(contacts.cast_signed(), (0..markets).map(counts).sum::<i64>(), "the table and the recount");
    println!("{contacts} contacts among the rows written to {}", path.display());
}

/// What our answer says, in the form of the other's.
pub fn figures(answer: &v1::QueryKpisResponse) -> Figures {
    let number = |decimal: Option<&fairdue::proto::google::r#type::Decimal>| -> i64 {
        decimal.map_or(0, |decimal| decimal.value.parse().expect("a whole number"))
    };
    let row = |row: &v1::KpiRow| {
        let start = row.period_start_date.expect("a period");
        let day = NaiveDate::from_ymd_opt(start.year, start.month.unsigned_abs(), start.day.unsigned_abs());
        let agent = row.group.first().map(|group| group.value.clone()).unwrap_or_default();
        let counts = (number(row.numerator.as_ref()), number(row.denominator.as_ref()));
        ((day.expect("a date").to_string(), agent), counts)
    };
    answer.rows.iter().map(row).filter(|(_, counts)| *counts != (0, 0)).collect()
}

/// A running DuckDB.
#[derive(Debug)]
pub struct DuckDb {
    process: Child,
    asked: ChildStdin,
    told: BufReader<ChildStdout>,
}

impl DuckDb {
    /// Loads the table into a native one beside it, if it is not there, and asks once.
    pub fn open(python: &Path, table: &Path) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/duckdb_kpi.py");
        let mut process = Command::new(python)
            .arg(script)
            .arg(table)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("run python");
        let asked = process.stdin.take().expect("a pipe");
        let told = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut peer = Self { process, asked, told };
        println!("{}", peer.line());
        peer
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.told.read_line(&mut line).expect("a line of DuckDB");
        assert!(!line.is_empty(), "DuckDB ended; is the package duckdb there?");
        line.trim_end().to_owned()
    }

    fn tell(&mut self, text: &str) -> String {
        writeln!(self.asked, "{text}").expect("ask DuckDB");
        self.line()
    }

    /// Asks of the first `markets` markets at once, and takes the time that DuckDB itself measures: from the question
    /// to the last row fetched, without this pipe.
    pub fn ask(&mut self, markets: usize) -> Run {
        let names: Vec<&str> = MARKETS.iter().take(markets).map(|market| market.0).collect();
        let (mut latencies, mut took) = (Latencies::default(), Duration::ZERO);
        for _ in 0..QUESTIONS {
            let micros = self.tell(&format!("time {}", names.join(","))).parse().expect("microseconds");
            latencies.add(Duration::from_micros(micros));
            took += Duration::from_micros(micros);
        }
        Run { items: QUESTIONS as u64, took, latencies }
    }

    /// Asks another of its questions: what, by which grain, by which column (`-`: none), of which market. The time that it
    /// took, and how many rows it has.
    pub fn ask_of(&mut self, what: &str, grain: &str, column: &str, market: usize) -> (Duration, u64) {
        let told = self.tell(&format!("ask {what} {grain} {column} {}", MARKETS[market].0));
        let (micros, rows) = told.split_once(' ').expect("two numbers");
        (Duration::from_micros(micros.parse().expect("microseconds")), rows.parse().expect("rows"))
    }

    /// Its figures of one market.
    pub fn figures(&mut self, market: usize) -> Figures {
        let rows: usize = self.tell(&format!("rows {}", MARKETS[market].0)).parse().expect("a number of rows");
        let row = |line: String| {
            let [month, agent, right, all] = line.split(',').collect::<Vec<_>>()[..] else { panic!("a row: {line}") };
            let number = |text: &str| text.parse::<i64>().expect("a number");
            ((month.to_owned(), agent.to_owned()), (number(right), number(all)))
        };
        (0..rows).map(|_| row(self.line())).collect()
    }
}

impl Drop for DuckDb {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
