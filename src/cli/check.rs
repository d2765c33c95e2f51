//! `fairdue check`: is the configuration sound, and does every rule and KPI do what its worked examples say?

use std::path::Path;

use super::error::CliError;
use super::import::mapping::Mapping;
use crate::cli::say::say;
use crate::compliance::examples;
use crate::config::{Config, source, strays};
use crate::domain::diagnostic::Diagnostics;
use crate::explain;
use crate::kpi::cases;

/// Runs `fairdue check`.
///
/// # Errors
/// Every diagnostic of the configuration; or, once that is sound, every worked example and mapping that is not.
pub fn run(dir: &Path) -> Result<(), CliError> {
    let snapshot = Config::load(dir)?;
    let mut found = Vec::new();
    let placed = |found: Diagnostics| snapshot.found_in(dir, found);
    let rules = kept(examples::run(&snapshot.packs).map_err(placed), &mut found);
    let told = kept(explain::walk(&snapshot.packs, &snapshot.languages).map_err(placed), &mut found);
    let figures = kept(cases::run(&snapshot.catalogue, &snapshot.kpi_files), &mut found);
    let mut mappings = 0;
    for file in source::folder(&dir.join("imports"), &mut found) {
        mappings += usize::from(kept(Mapping::parse(&file), &mut found).is_some());
    }
    Diagnostics(found).into_result(())?;

    let markets: usize = snapshot.tenants.values().map(|tenant| tenant.markets.len()).sum();
    say!("{} is sound, its digest is {}", dir.display(), snapshot.digest);
    say!("tenants {}, markets {markets}, import mappings {mappings}", snapshot.tenants.len());
    if let Some(rules) = rules {
        let packs = snapshot.packs.iter().count();
        say!("jurisdictions {packs}, rules {}, worked examples {}, all as promised", rules.rules, rules.examples);
        say!("changes of a rule or of its limit: {}, each noticed by an example", rules.changes);
    }
    if let Some(told) = told {
        say!("languages {}, each tells all {} sentences of the examples", told.languages.join(", "), told.sentences);
        for (word, language) in &told.untranslated {
            say!("note: \"{word}\" is told as it is written in {language}: add it to [words] there");
        }
    }
    for path in strays::beside(dir) {
        say!("note: {} is not read: only .toml files are", path.display());
    }
    if let Some(figures) = figures {
        say!("KPIs {}, worked cases {figures}, all as stated", snapshot.catalogue.list().count());
    }
    Ok(())
}

/// The value, or its diagnostics kept for the common report.
fn kept<T>(result: Result<T, Diagnostics>, found: &mut Vec<crate::domain::diagnostic::Diagnostic>) -> Option<T> {
    result.map_err(|diagnostics| found.extend(diagnostics.0)).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    #[test]
    fn the_package_passes_its_own_check_and_a_broken_mapping_fails_it() {
        let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        super::run(&package).unwrap_or_else(|error| panic!("{error}"));
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("server.toml"), "").unwrap();
        super::run(dir.path()).unwrap_or_else(|error| panic!("{error}"));
        fs::create_dir(dir.path().join("imports")).unwrap();
        fs::write(dir.path().join("imports/x.toml"), "[source]\nzone = \"Mars\"\n").unwrap();
        let error = super::run(dir.path()).expect_err("the mapping is broken").to_string();
        assert!(error.contains("x.toml:2:8") && error.contains("Mars"), "{error}");
    }
}
