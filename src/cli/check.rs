//! `fairdue check`: is the configuration sound, and does every rule and KPI do what its worked examples say?

use std::path::Path;

use super::error::CliError;
use crate::config::Config;

/// Runs `fairdue check`.
///
/// # Errors
/// Every diagnostic of the configuration, or the worked examples that fail.
pub fn run(dir: &Path) -> Result<(), CliError> {
    let snapshot = Config::load(dir)?;
    let markets: usize = snapshot.tenants.values().map(|tenant| tenant.markets.len()).sum();
    println!("{} is sound", dir.display());
    println!("tenants {}, markets {markets}", snapshot.tenants.len());
    println!("digest {}", snapshot.digest);
    Ok(())
}
