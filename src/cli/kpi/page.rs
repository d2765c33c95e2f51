//! `fairdue kpi page [DIR]`: every KPI of a configuration as Markdown, from its definition alone.

use std::fmt::Write;
use std::path::Path;

use crate::cli::error::CliError;
use crate::config::source;
use crate::domain::diagnostic::{Diagnostic, Diagnostics, SourceFile};
use crate::kpi::{Catalogue, KpiInfo};

const HEAD: &str = "\
# KPIs

Written by `fairdue kpi page config > docs/kpis.md` from the definitions in `config/kpis`; a test fails where the two differ.
[asking-for-kpis.md](asking-for-kpis.md) says how to ask for them, [adding-a-kpi.md](adding-a-kpi.md) how to define one.

- by: the dimensions by which cells are kept. A question may group and filter by any part of one of these lists; other groups
  are answered from the facts, and say so. \"total\" alone means that there are none.
- not by: dimensions that are refused, for the two sides of the quotient would be of different groups; why, and what to ask instead.
- clock: which day puts a fact into a period. interval: rows carry a 95 % Wilson interval.
- Money has one row for each currency and is never summed over currencies.
";

/// What the command prints.
///
/// # Errors
/// Every diagnostic of the definitions.
pub fn page(dir: &Path) -> Result<String, CliError> {
    let mut found = Vec::new();
    let within = dir.join("kpis");
    let files = source::folder(if within.is_dir() { &within } else { dir }, &mut found);
    if found.is_empty() && files.is_empty() {
        found.push(Diagnostic {
            file: dir.display().to_string(),
            line: 1,
            column: 1,
            message: "holds no KPI definitions".to_owned(),
            remedy: "name a configuration directory, or its directory kpis".to_owned(),
        });
    }
    Diagnostics(found).into_result(())?;
    let catalogue = Catalogue::compile(&files)?;
    Ok(markdown(&catalogue, &files)?)
}

fn markdown(catalogue: &Catalogue, files: &[SourceFile]) -> Result<String, std::fmt::Error> {
    let mut out = HEAD.to_owned();
    let measures = catalogue.measures().count();
    writeln!(out, "\n{} KPIs over {measures} measures.", catalogue.list().count())?;
    for file in files {
        let kpis: Vec<&KpiInfo> = catalogue.list().filter(|kpi| defines(file, &kpi.id)).collect();
        if kpis.is_empty() {
            continue;
        }
        let name = file.path.rsplit(['/', '\\']).next().unwrap_or(&file.path);
        writeln!(out, "\n## {}\n\nDefined in `{name}`.", heading(file, name))?;
        for kpi in kpis {
            one(&mut out, kpi)?;
        }
    }
    Ok(out)
}

/// Whether a file defines the KPI of that id.
fn defines(file: &SourceFile, id: &str) -> bool {
    let mut within = false;
    file.text.lines().any(|line| {
        if line.starts_with('[') {
            within = line.trim() == "[[kpi]]";
        }
        within && line.strip_prefix("id = ").is_some_and(|rest| rest.trim().trim_matches('"') == id)
    })
}

/// What the file's own first line calls it.
fn heading<'a>(file: &'a SourceFile, name: &'a str) -> &'a str {
    let first = file.text.lines().next().and_then(|line| line.strip_prefix('#'));
    first.and_then(|line| line.split([':', '.']).next()).map_or(name, str::trim)
}

fn one(out: &mut String, kpi: &KpiInfo) -> std::fmt::Result {
    writeln!(out, "\n### {}\n\n{}: {}\n", kpi.id, kpi.title, kpi.description)?;
    if let Some(of) = &kpi.alias_of {
        writeln!(out, "- another name of: [{of}](#{of})")?;
    }
    let decimals =
        kpi.decimals.map_or_else(|| "as many decimals as the currency".to_owned(), |n| format!("{n} decimals"));
    writeln!(out, "- formula: {}", kpi.formula)?;
    writeln!(out, "- unit: {}, {decimals}; counted: {}; base: {}", kpi.unit, kpi.unit_counted, kpi.base)?;
    let interval = if kpi.proportion { "; interval" } else { "" };
    writeln!(
        out,
        "- {}; clock: {}; adds up over: {}; agents and teams: {}{interval}",
        kpi.kind, kpi.clock, kpi.additivity, kpi.attribution
    )?;
    let sets: Vec<String> = kpi.group_by.iter().filter(|set| !set.is_empty()).map(|set| set.join(" + ")).collect();
    writeln!(out, "- by: {}", if sets.is_empty() { "total".to_owned() } else { sets.join("; ") })?;
    if !kpi.needs.is_empty() {
        writeln!(out, "- needs: {}; no value without", kpi.needs.join("; "))?;
    }
    for one in &kpi.not_by {
        writeln!(out, "- not by: {}: {}. {}", one.dimensions.join(", "), one.because, one.ask)?;
    }
    if let Some(guard) = &kpi.guard {
        writeln!(out, "- read with: [{guard}](#{guard}), its guard, which must not fall")?;
    }
    if !kpi.variants.is_empty() {
        let links: Vec<String> = kpi.variants.iter().map(|id| format!("[{id}](#{id})")).collect();
        writeln!(out, "- other readings: {}", links.join(", "))?;
    }
    writeln!(out, "- source: {}", kpi.source)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The page that is committed is the one that the definitions give. With `FAIRDUE_BLESS` set it is written anew.
    #[test]
    fn the_committed_page_is_what_the_definitions_say() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let written = page(&root.join("config")).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(page(&root.join("config/kpis")).ok().as_ref(), Some(&written));
        let path = root.join("docs/kpis.md");
        if std::env::var_os("FAIRDUE_BLESS").is_some() {
            std::fs::write(&path, &written).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        let differs = committed.lines().zip(written.lines()).position(|(old, new)| old != new);
        assert!(
            committed == written,
            "docs/kpis.md is not what the definitions say (line {}); write it anew: cargo run -- kpi page config > docs/kpis.md",
            differs.unwrap_or(committed.lines().count().min(written.lines().count())) + 1
        );
        let files = source::folder(&root.join("config/kpis"), &mut Vec::new());
        for kpi in Catalogue::compile(&files).unwrap().list() {
            let heading = format!("\n### {}\n", kpi.id);
            assert_eq!(written.matches(&heading).count(), 1, "{} is on the page once", kpi.id);
        }
    }

    #[test]
    fn a_directory_without_definitions_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let error = page(dir.path()).expect_err("nothing to print").to_string();
        assert!(error.contains("holds no KPI definitions") && error.contains("remedy: "), "{error}");
    }
}
