//! Statements that take long are told to whoever reads the log: how long, and how the statement begins. A commit's statements
//! on SQLite have thousands of places for values, which would be some ten thousand characters a line.

use std::time::Duration;

use sea_orm::{DatabaseConnection, metric};

/// From how long on a statement is told of.
pub(super) const SLOW: Duration = Duration::from_secs(1);
/// Characters of a statement that are told.
const SHOWN: usize = 240;

/// The connection, telling of its slow statements. Values are never told.
pub(super) fn watched(mut connection: DatabaseConnection) -> DatabaseConnection {
    connection.set_metric_callback(|done: &metric::Info<'_>| {
        if let Some(statement) = told(done.elapsed, &done.statement.sql) {
            tracing::warn!(elapsed_ms = done.elapsed.as_millis(), failed = done.failed, statement, "slow statement");
        }
    });
    connection
}

/// What is told of a statement, if it was slow: its words, with one blank between two.
fn told(elapsed: Duration, sql: &str) -> Option<String> {
    if elapsed < SLOW {
        return None;
    }
    let mut shown = String::new();
    for word in sql.split_ascii_whitespace() {
        if shown.chars().count() + 1 + word.chars().count() > SHOWN {
            shown.push_str(" …");
            break;
        }
        if !shown.is_empty() {
            shown.push(' ');
        }
        shown.push_str(word);
    }
    Some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_statement_is_told_by_its_beginning() {
        assert_eq!(told(Duration::from_millis(999), "SELECT 1"), None);
        assert_eq!(told(SLOW, "\n SELECT\n   1").as_deref(), Some("SELECT 1"));
        let long = format!("INSERT INTO activity VALUES {}", "(?, ?), ".repeat(4_000));
        let told = told(SLOW, &long).unwrap();
        assert!(told.starts_with("INSERT INTO activity VALUES (?, ?), (?"), "{told}");
        assert!(told.ends_with(" …") && told.chars().count() <= SHOWN + 2, "{told}");
        assert_eq!(super::told(SLOW, &"x".repeat(10_000)).as_deref(), Some(" …"));
    }
}
