//! What DuckDB takes at least for figures by period and group: it counts the rows of the market.

use std::collections::BTreeMap;

use crate::catalogue::GRAINS;
use crate::duckdb::DuckDb;
use crate::stats::median;

/// Columns that the plain question is grouped by, beside none.
const COLUMNS: [&str; 3] = ["-", "agent", "client"];
/// Questions of the catalogue that are asked of both: DuckDB's name, the KPI, the grain and the column.
pub const REAL: [(&str, &str, &str, &str); 9] = [
    ("rpc_rate", "rpc_rate", "month", "agent"),
    ("rpc_rate", "rpc_rate", "day", "agent"),
    ("collected", "collected_per_agent_attributed", "month", "agent"),
    ("promises_kept", "ptp_kept", "month", "-"),
    ("promises_kept", "ptp_kept", "month", "agent"),
    ("accounts_attempted", "accounts_attempted", "month", "-"),
    ("accounts_attempted", "accounts_attempted", "week", "client"),
    // Of a balance DuckDB tells a part: what was paid to date.
    ("paid_to_date", "balance_closing", "day", "agent"),
    ("paid_to_date", "balance_closing", "month", "client"),
];
/// What DuckDB tells of a figure, too.
pub const SHOWN: [&str; 6] = ["period_start_date", "group", "currency_code", "value", "numerator", "denominator"];

/// Microseconds of the plain question by grain and column.
#[derive(Debug, Default)]
pub struct Floor(BTreeMap<(&'static str, &'static str), Vec<f64>>);

impl Floor {
    /// Asks it once by every grain and column.
    pub fn take(&mut self, peer: &mut DuckDb) {
        for (_, grain) in GRAINS {
            for column in COLUMNS {
                let (took, _) = peer.ask_of("plain", grain, column, 0);
                self.0.entry((grain, column)).or_default().push(took.as_secs_f64() * 1e6);
            }
        }
    }

    /// The least of a grain with or without a group.
    pub fn of(&self, grain: &str, grouped: bool) -> f64 {
        let fits = self.0.iter().filter(|((of, column), _)| *of == grain && (*column != "-") == grouped);
        fits.map(|(_, took)| median(took)).fold(f64::MAX, f64::min)
    }

    pub fn tell(&self) {
        println!("DuckDB counts the market's rows of the year, median of rounds between the questions:");
        for ((grain, column), took) in &self.0 {
            println!("  by {grain:<8} and {column:<8} {:>7.1} ms", median(took) / 1e3);
        }
    }
}
