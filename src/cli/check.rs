//! `fairdue check`: is the configuration sound, and does every rule and KPI do what its worked examples say?

use std::path::Path;

use super::error::CliError;
use crate::compliance::examples;
use crate::config::Config;

/// Runs `fairdue check`.
///
/// # Errors
/// Every diagnostic of the configuration, or the worked examples that fail.
pub fn run(dir: &Path) -> Result<(), CliError> {
    let snapshot = Config::load(dir)?;
    let markets: usize = snapshot.tenants.values().map(|tenant| tenant.markets.len()).sum();
    let report = examples::run(&snapshot.packs)?;
    println!("{} is sound", dir.display());
    println!(
        "rules {}, worked examples {}, changes that an example noticed {}",
        report.rules, report.examples, report.changes
    );
    println!("tenants {}, markets {markets}", snapshot.tenants.len());
    println!("digest {}", snapshot.digest);
    let proof = examples::run(&snapshot.packs)?;
    let packs = snapshot.packs.iter().count();
    println!("jurisdictions {packs}, rules {}", proof.rules);
    println!("worked examples of rules {}, all as promised", proof.examples);
    println!("changes of rules that an example notices {}, all of them", proof.changes);
    let figures = crate::kpi::cases::run(&snapshot.catalogue, &snapshot.kpi_files)?;
    println!("KPIs {}, worked cases {figures}, all as stated", snapshot.catalogue.list().count());
    Ok(())
}
