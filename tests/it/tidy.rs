//! The project's own rules, checked on its text: layers, lengths, first lines, marks left behind, foreign words.
//!
//! The modules of the library form layers; a module may name only modules of strictly lower levels, so circles cannot
//! arise. In one package the compiler does not guard these walls. This test is the wall.

mod source;

use std::path::{Path, PathBuf};

use source::{blanked, crate_paths, line_of, positions, without_test_items};

/// Longest file of `src`, `tests`, `benches`, `examples` and `peers`, in lines.
const MAX_LINES: usize = 400;

/// A module of the library and what it may name.
struct Layer {
    name: &'static str,
    level: u8,
    /// Modules that it may name; each must lie on a lower level.
    may_name: &'static [&'static str],
    /// Words that must not occur in its code.
    never: &'static [&'static str],
}

/// No database, no transport, no runtime, no clock, no input or output: time and texts are arguments.
const PURE: &[&str] = &[
    "tokio",
    "tonic",
    "prost",
    "sea_orm",
    "sea_orm_migration",
    "sqlx",
    "SystemTime::now",
    "Instant::now",
    "Utc::now",
    "Local::now",
    "std::fs",
    "std::env",
    "std::net",
    "println!",
    "eprintln!",
];
/// Use cases: they know the store and the runtime, and neither a wire nor a database crate.
const USE_CASE: &[&str] = &["tonic", "prost", "sea_orm", "sea_orm_migration", "sqlx"];
/// The wire knows no database.
const WIRE: &[&str] = &["sea_orm", "sea_orm_migration", "sqlx"];

/// Everything a use case may build on.
const BELOW_USE_CASES: &[&str] =
    &["domain", "clock", "ledger", "rules", "compliance", "explain", "kpi", "store", "config"];
/// The same with the writer, whose warm state answers checks and reads.
const BELOW_READERS: &[&str] =
    &["domain", "clock", "ledger", "rules", "compliance", "explain", "kpi", "store", "config", "ingest"];

/// All modules, in the order of their levels.
const LAYERS: &[Layer] = &[
    Layer { name: "domain", level: 0, may_name: &[], never: PURE },
    Layer { name: "proto", level: 0, may_name: &[], never: WIRE },
    Layer { name: "wire", level: 1, may_name: &["domain", "proto"], never: WIRE },
    Layer { name: "clock", level: 1, may_name: &["domain"], never: USE_CASE },
    Layer { name: "outbound", level: 1, may_name: &["domain"], never: USE_CASE },
    Layer { name: "ledger", level: 1, may_name: &["domain"], never: PURE },
    Layer { name: "rules", level: 1, may_name: &["domain"], never: PURE },
    Layer { name: "compliance", level: 2, may_name: &["domain", "rules"], never: PURE },
    Layer { name: "kpi", level: 2, may_name: &["domain", "rules"], never: PURE },
    Layer { name: "store", level: 2, may_name: &["domain", "wire"], never: &["tonic", "prost"] },
    Layer { name: "explain", level: 3, may_name: &["domain", "rules", "compliance"], never: PURE },
    Layer {
        name: "config",
        level: 4,
        may_name: &["domain", "rules", "compliance", "explain", "kpi", "outbound"],
        never: USE_CASE,
    },
    Layer { name: "ingest", level: 5, may_name: BELOW_USE_CASES, never: USE_CASE },
    Layer { name: "advice", level: 6, may_name: BELOW_READERS, never: USE_CASE },
    Layer { name: "query", level: 6, may_name: BELOW_READERS, never: USE_CASE },
    Layer { name: "sync", level: 6, may_name: BELOW_READERS, never: USE_CASE },
    Layer {
        name: "app",
        level: 7,
        may_name: &["domain", "clock", "store", "config", "ingest", "advice", "query", "sync"],
        never: USE_CASE,
    },
    Layer {
        name: "deliver",
        level: 7,
        may_name: &["domain", "outbound", "store", "config", "ingest", "sync"],
        never: USE_CASE,
    },
    Layer {
        name: "transport",
        level: 7,
        may_name: &["proto", "domain", "wire", "explain", "config", "ingest", "advice", "query", "sync"],
        never: WIRE,
    },
    Layer {
        name: "cli",
        level: 8,
        may_name: &[
            "proto",
            "domain",
            "wire",
            "clock",
            "ledger",
            "rules",
            "compliance",
            "explain",
            "kpi",
            "store",
            "config",
            "ingest",
            "advice",
            "query",
            "sync",
            "app",
            "deliver",
            "transport",
        ],
        never: WIRE,
    },
    Layer { name: "main", level: 9, may_name: &["cli"], never: WIRE },
];

/// Marks of unfinished work, in halves so that this file does not hold them.
const MARKS: &[(&str, &str)] = &[("TO", "DO"), ("FIX", "ME")];
/// Macros and calls that end the process.
const ENDS_THE_PROCESS: &[&str] = &[
    ".unwrap()",
    ".expect(",
    ".unwrap_err()",
    ".expect_err(",
    "panic!(",
    "todo!(",
    "unimplemented!(",
    "unreachable!(",
    "dbg!(",
];
/// Words that say nothing about Fairdue, in halves for the same reason.
const FOREIGN: &[(&str, &str)] = &[
    ("clau", "de"),
    ("anthro", "pic"),
    ("open", "ai"),
    ("chat", "gpt"),
    ("copi", "lot"),
    ("language mod", "el"),
    ("co-authored", "-by"),
    ("sub-ag", "ent"),
    ("../sha", "red"),
    ("/wor", "k/"),
    ("work", "tree"),
    ("lorem ip", "sum"),
    ("crates", ".io"),
    ("pypi", ".org"),
    ("npm", "js"),
    ("john d", "oe"),
    ("jane d", "oe"),
    ("acme co", "rp"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files under a directory of the package, by their path from its root, in order.
fn files_under(directory: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![root().join(directory)];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let hidden = ["target", "data"].iter().any(|name| path == root().join(name));
            let nested_target = path.file_name().is_some_and(|name| name == "target");
            if !hidden && !nested_target {
                let entries = std::fs::read_dir(&path).expect("read a directory of the package");
                waiting.extend(entries.map(|entry| entry.expect("read an entry").path()));
            }
        } else {
            found.push(path.strip_prefix(root()).expect("a path below the root").to_owned());
        }
    }
    found.sort();
    found
}

fn rust_files(directory: &str) -> Vec<(PathBuf, String)> {
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    files_under(directory).into_iter().filter(is_rust).map(|path| (path.clone(), read(&path))).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(root().join(path)).expect("read a file of the package")
}

/// The modules of `src` that stand behind `#[cfg(test)]`, as paths without extension: `src/kpi/tests`.
fn test_modules() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for (path, source) in rust_files("src") {
        let directory = match path.file_name() {
            Some(name) if name == "mod.rs" || name == "lib.rs" => {
                path.parent().map_or_else(PathBuf::new, PathBuf::from)
            }
            _ => path.with_extension(""),
        };
        let text = blanked(&source);
        for (at, mark) in text.match_indices("#[cfg(test)]") {
            let item = text[at + mark.len()..].split([';', '{']).next().unwrap_or_default();
            if let Some(name) = item.trim().strip_suffix(char::is_alphanumeric).and(item.split_whitespace().last()) {
                found.push(directory.join(name));
            }
        }
    }
    found
}

/// Whether the whole file is test code, being a test module or below one.
fn is_test_file(path: &Path, test_modules: &[PathBuf]) -> bool {
    path.with_extension("").ancestors().any(|ancestor| test_modules.iter().any(|module| module == ancestor))
}

fn assert_none(what: &str, problems: &[String]) {
    assert!(problems.is_empty(), "{what}:\n  {}", problems.join("\n  "));
}

/// The modules a file of `src` lies under, top module first: `src/kpi/plan.rs` is `kpi`, `plan`.
fn module_path(path: &Path) -> Vec<String> {
    let inner = path.strip_prefix("src").expect("a file of src").with_extension("");
    let mut parts: Vec<String> = inner.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    parts
}

/// What a file of `src` breaks of the table of layers.
fn layer_problems(path: &Path, source: &str, tests: &[PathBuf]) -> Vec<String> {
    let modules = module_path(path);
    let top = modules.first().map_or("", String::as_str);
    if top == "lib" {
        return Vec::new();
    }
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == top) else {
        return vec![format!("{}: the module `{top}` has no level: add it to LAYERS", path.display())];
    };
    let text = blanked(source);
    let mut problems = Vec::new();
    for (name, at) in crate_paths(&text, modules.len()) {
        if name == top || !LAYERS.iter().any(|layer| layer.name == name) {
            continue;
        }
        if !layer.may_name.contains(&name.as_str()) {
            problems.push(format!("{}:{}: `{top}` must not name `{name}`", path.display(), line_of(&text, at)));
        }
    }
    let code = if is_test_file(path, tests) { String::new() } else { without_test_items(&text) };
    for word in layer.never {
        for at in positions(&code, word) {
            problems.push(format!("{}:{}: `{top}` must not use `{word}`", path.display(), line_of(&code, at)));
        }
    }
    problems
}

#[test]
fn modules_name_only_lower_levels() {
    let tests = test_modules();
    let files = rust_files("src");
    let problems: Vec<String> = files.iter().flat_map(|(path, source)| layer_problems(path, source, &tests)).collect();
    assert_none("paths against the layers", &problems);
}

#[test]
fn the_table_of_layers_is_itself_in_order() {
    let level = |name: &str| LAYERS.iter().find(|layer| layer.name == name).map(|layer| layer.level);
    for layer in LAYERS {
        for name in layer.may_name {
            let lower = level(name).is_some_and(|other| other < layer.level);
            assert!(lower, "`{}` may not be given `{name}`", layer.name);
        }
    }
}

#[test]
fn the_wall_holds_against_known_offences() {
    let offences = [
        ("src/ledger/mod.rs", "use crate::rules::RuleSet;"),
        ("src/domain/money.rs", "use super::super::store::Store;"),
        ("src/kpi/mod.rs", "use crate::{domain::ids, store};"),
        ("src/ingest/writer.rs", "use crate::advice::Advice;"),
        ("src/query/mod.rs", "fn f() { crate::advice::g() }"),
        ("src/compliance/mod.rs", "let now = chrono::Utc::now();"),
        ("src/transport/mod.rs", "use sea_orm::Entity;"),
        ("src/unheard_of/mod.rs", ""),
    ];
    for (path, source) in offences {
        assert!(!layer_problems(Path::new(path), source, &[]).is_empty(), "{path} passed with: {source}");
    }
    let admitted = [
        ("src/advice/mod.rs", "use crate::ingest::market_state::MarketState;"),
        ("src/kpi/mod.rs", "//! see crate::store\nuse crate::rules::SourceFile; const S: &str = \"crate::store\";"),
        ("src/kpi/plan.rs", "use super::Delta; use super::super::domain::ids;"),
        ("src/ledger/mod.rs", "#[cfg(test)]\nmod tests { use proptest::x; fn f() { tokio::spawn() } }"),
    ];
    for (path, source) in admitted {
        let problems = layer_problems(Path::new(path), source, &[]);
        assert!(problems.is_empty(), "{path} with {source}: {problems:?}");
    }
}

#[test]
fn files_are_short_and_begin_with_what_they_are() {
    let mut problems = Vec::new();
    for directory in
        ["src", "tests", "benches", "examples", "peers"].into_iter().filter(|name| root().join(name).is_dir())
    {
        for (path, source) in rust_files(directory) {
            let lines = source.lines().count();
            if lines > MAX_LINES {
                problems.push(format!("{}: {lines} lines, the limit is {MAX_LINES}: split it", path.display()));
            }
            if !source.starts_with("//! ") {
                problems.push(format!("{}: the first line must be a `//!` that says what it is", path.display()));
            }
        }
    }
    assert_none("files out of form", &problems);
}

#[test]
fn nothing_in_src_ends_the_process() {
    let mut problems = Vec::new();
    let tests = test_modules();
    for (path, source) in rust_files("src").into_iter().filter(|(path, _)| !is_test_file(path, &tests)) {
        let code = without_test_items(&blanked(&source));
        for call in ENDS_THE_PROCESS {
            for at in positions(&code, call).into_iter().filter(|at| !code[..*at].ends_with("self")) {
                problems.push(format!("{}:{}: `{call}`", path.display(), line_of(&code, at)));
            }
        }
    }
    assert_none("calls that end the process; return an error instead", &problems);
}

#[test]
fn no_marks_and_no_foreign_words() {
    let mut problems = Vec::new();
    for path in files_under(".") {
        let Ok(text) = std::fs::read_to_string(root().join(&path)) else { continue };
        // Cargo.lock is written by cargo, with the addresses of its sources; .git is none of the package's.
        if path.ends_with("Cargo.lock") || path.starts_with(".git") {
            continue;
        }
        for (first, second) in MARKS {
            for at in positions(&text, &format!("{first}{second}")) {
                problems.push(format!("{}:{}: a mark of unfinished work", path.display(), line_of(&text, at)));
            }
        }
        let lower = text.to_lowercase();
        for (first, second) in FOREIGN {
            let word = format!("{first}{second}");
            for (at, _) in lower.match_indices(&word) {
                problems.push(format!("{}:{}: `{word}` is no word of ours", path.display(), line_of(&lower, at)));
            }
        }
    }
    assert_none("marks and words that do not belong here", &problems);
}
