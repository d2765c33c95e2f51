//! The schemas and the files: what ships is accepted, what the readers refuse as unknown is refused, and schemas and readers
//! know the same keys, words and limits.

mod drift;
mod readers;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use toml::{Table, Value};

use super::all;
use crate::domain::diagnostic::SourceFile;
use walk::json;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The schema of a file by its path below the configuration directory.
fn schema_of(path: &str) -> &'static str {
    let path = Path::new(path);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = path.components().next().map(|part| part.as_os_str().to_string_lossy().into_owned());
    match (folder.as_deref(), name.as_str()) {
        (_, "server.toml") => "server",
        (Some("rates"), _) => "rates",
        (Some("exchange"), _) => "exchange",
        (Some("benchmarks"), _) => "benchmarks",
        (Some("tenants"), _) | (_, "tenant.toml") => "tenant",
        (Some("imports"), _) => "import",
        (Some("messages"), _) => "messages",
        (Some("kpis"), name) if name.ends_with(".cases.toml") => "kpi-cases",
        (Some("kpis"), _) => "kpis",
        (_, "cases.toml") => "cases",
        _ => "rules",
    }
}

/// Every TOML file that ships, by its path below `config`.
fn shipped() -> Vec<SourceFile> {
    let config = root().join("config");
    let mut waiting: Vec<PathBuf> = vec![config.clone()];
    let mut found = Vec::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            let name = path.strip_prefix(&config).unwrap().display().to_string();
            found.push(SourceFile { path: name, text: std::fs::read_to_string(&path).unwrap() });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The files of the goldens of wrong configurations, each with what is told of it.
fn wrong() -> Vec<(SourceFile, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root().join("tests/data/config_errors")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let told = std::fs::read_to_string(path.with_extension("expected")).unwrap();
        for part in std::fs::read_to_string(&path).unwrap().split("#### ").skip(1) {
            let (name, text) = part.split_once('\n').unwrap();
            let name = name.trim();
            let lines = told.lines().filter(|line| line.starts_with(&format!("{name}:")));
            let told = lines.collect::<Vec<_>>().join("\n");
            found.push((SourceFile { path: name.to_owned(), text: text.to_owned() }, told));
        }
    }
    found
}

fn validators() -> BTreeMap<&'static str, Validator> {
    all().into_iter().map(|(name, schema)| (name, jsonschema::validator_for(&schema).unwrap())).collect()
}

/// The schemas that are committed are those that are generated. With `FAIRDUE_BLESS` set they are written anew.
#[test]
fn the_committed_schemas_are_those_that_are_generated() {
    for (name, schema) in all() {
        let path = root().join(format!("config/schema/{name}.json"));
        let text = super::text(&schema).unwrap();
        if std::env::var_os("FAIRDUE_BLESS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == text, "{} is old; write it anew: cargo run -- schema config/schema", path.display());
    }
}

#[test]
fn every_file_that_ships_is_accepted() {
    let validators = validators();
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for file in shipped() {
        let name = schema_of(&file.path);
        seen.insert(name);
        let instance = json(&Value::Table(file.text.parse().unwrap()));
        for error in validators[name].iter_errors(&instance) {
            wrong.push(format!("{}: {}: {error}", file.path, error.instance_path()));
        }
    }
    assert_eq!(seen, validators.keys().copied().collect(), "a kind of file has no example");
    assert!(wrong.is_empty(), "{:#?}", wrong.iter().take(20).collect::<Vec<_>>());
}

#[test]
fn files_with_unknown_keys_are_refused() {
    let validators = validators();
    let mut seen = 0;
    for (file, told) in wrong() {
        let Ok(table) = file.text.parse::<Table>() else { continue };
        let instance = json(&Value::Table(table));
        let unknown = told.matches("unknown key").count();
        let refused = validators[schema_of(&file.path)]
            .iter_errors(&instance)
            .filter(|error| error.to_string().contains("Additional properties"))
            .count();
        assert!(unknown == 0 || refused > 0, "{} has unknown keys and is accepted:\n{told}", file.path);
        seen += usize::from(unknown > 0);
    }
    assert!(seen >= 4, "only {seen} files have unknown keys");
}

#[test]
fn limits_of_settings_are_read_from_their_comments() {
    assert_eq!(super::server::limits("Most items (1 to 50000)."), Some((1, 50_000)));
    assert_eq!(super::server::limits("MiB (0 to 65536; 0 decodes them)."), Some((0, 65_536)));
    assert_eq!(super::server::limits("Empty for none."), None);
}
