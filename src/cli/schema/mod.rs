//! `fairdue schema [DIR]`: a JSON Schema of every configuration file, so that editors complete and check them.
//!
//! Closed word lists come from the vocabularies themselves and the server's settings from its documented defaults; what
//! else a file may hold is written here beside what its reader asks for, and a test holds the two against each other.

mod cases;
mod conduct;
mod contact;
mod import;
mod kpi;
mod messages;
mod money;
mod pack;
mod server;
mod shape;
mod tenant;
#[cfg(test)]
mod tests;
mod tighten;

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::error::CliError;
use crate::cli::say::say;

/// Runs `fairdue schema`: writes the schemas into the directory, which is made if it is missing.
///
/// # Errors
/// A directory or file that cannot be written.
pub fn run(dir: &Path) -> Result<(), CliError> {
    let failed = |error: std::io::Error| CliError::new(format!("{} cannot be written: {error}", dir.display()));
    fs::create_dir_all(dir).map_err(failed)?;
    for (name, schema) in all() {
        let path = dir.join(format!("{name}.json"));
        fs::write(&path, text(&schema)?).map_err(failed)?;
        say!("{}", path.display());
    }
    Ok(())
}

fn text(schema: &Value) -> Result<String, CliError> {
    let text = serde_json::to_string_pretty(schema)
        .map_err(|error| CliError::new(format!("a schema cannot be written as JSON: {error}")))?;
    Ok(text + "\n")
}

/// Every schema by the name of its file.
fn all() -> [(&'static str, Value); 11] {
    [
        ("server", server::schema()),
        ("tenant", tenant::schema()),
        ("benchmarks", tenant::benchmarks()),
        ("exchange", tenant::exchange()),
        ("rules", pack::schema()),
        ("cases", cases::schema()),
        ("rates", money::rates()),
        ("kpis", kpi::definitions()),
        ("kpi-cases", kpi::cases()),
        ("import", import::schema()),
        ("messages", messages::schema()),
    ]
}
