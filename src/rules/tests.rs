//! Tests of the compiler over the packs that ship.

use super::*;

pub(crate) fn shipped_files() -> Vec<SourceFile> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/jurisdictions");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let folder = entry.unwrap().path();
        for name in ["rules.toml", "cases.toml"] {
            if let Ok(text) = std::fs::read_to_string(folder.join(name)) {
                let id = folder.file_name().unwrap().to_string_lossy().into_owned();
                files.push(SourceFile { path: format!("{id}/{name}"), text });
            }
        }
    }
    let rates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/rates");
    for entry in std::fs::read_dir(rates).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        files.push(SourceFile { path: format!("rates/{name}"), text: std::fs::read_to_string(path).unwrap() });
    }
    files
}

pub(crate) fn shipped() -> Packs {
    Packs::compile(&shipped_files()).unwrap_or_else(|found| panic!("{found}"))
}

#[test]
fn shipped_packs_compile() {
    assert!(shipped().get("it").is_some());
}

/// The files of a golden: `#### PATH` begins each.
fn files_of(text: &str) -> Vec<SourceFile> {
    let parts = text.split("#### ").skip(1);
    parts
        .map(|part| {
            let (path, text) = part.split_once('\n').unwrap();
            SourceFile { path: path.trim().to_owned(), text: text.to_owned() }
        })
        .collect()
}

/// Every wrong file gives exactly the diagnostics written beside it. With `FAIRDUE_BLESS` set they are written anew.
#[test]
fn wrong_files_are_told_all_at_once() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/config_errors");
    let mut seen = 0;
    let mut wrong = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        seen += 1;
        let (tenant, packs): (Vec<_>, Vec<_>) =
            files_of(&std::fs::read_to_string(&path).unwrap()).into_iter().partition(|file| file.path == "tenant.toml");
        let told = match Packs::compile(&packs) {
            Err(found) => found.to_string(),
            Ok(packs) => match RuleSet::for_tenant(&packs, tenant.first()) {
                Err(found) => found.to_string(),
                Ok(_) => "nothing is wrong".to_owned(),
            },
        };
        let golden = path.with_extension("expected");
        if std::env::var_os("FAIRDUE_BLESS").is_some() {
            std::fs::write(&golden, format!("{told}\n")).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        if expected.trim_end() != told {
            wrong.push_str(&format!("{}:\n{told}\n", path.display()));
        }
    }
    assert!(seen >= 5 && wrong.is_empty(), "{wrong}");
}

#[test]
fn the_law_in_force_is_listed_with_its_dates() {
    let rules = RuleSet::for_tenant(&shipped(), None).unwrap();
    let on = |country: &str, day: &str| rules.list(country, day.parse().unwrap());
    let named = |list: &[RuleInfo], id: &str| list.iter().find(|rule| rule.id.as_str() == id).cloned();
    let before = on("SE", "2025-06-30");
    let after = on("SE", "2025-07-01");
    assert!(named(&before, "se-contact-frequency").is_none());
    assert_eq!(named(&after, "se-contact-frequency").unwrap().citation, "FFFS 2025:2");
    // The shared pack speaks in each member's country under its own name.
    assert_eq!(named(&after, "eu-npl-transfer-notice").unwrap().jurisdiction.as_str(), "eu");
    // A code's rule is law for nobody who has not signed it.
    assert!(!named(&on("IT", "2026-01-01"), "it-contact-hours").unwrap().judged);
}

#[test]
fn hostile_files_are_refused_without_harm() {
    let deep = format!("format = 1\na = {}1{}", "[".repeat(5000), "]".repeat(5000));
    let wide = format!("format = 1\n{}", "[[rule]]\n".repeat(20_000));
    for text in [deep, wide, "\u{0}".to_owned(), "format = 99999999999999999999".to_owned()] {
        let file = SourceFile { path: "zz/rules.toml".to_owned(), text };
        assert!(Packs::compile(&[file]).is_err());
    }
}

#[test]
fn a_place_is_told_as_its_diagnostic_tells_it() {
    let file =
        SourceFile { path: "it/rules.toml".to_owned(), text: "a = 1\n\nä = \"\u{1f4b6}\" # ö\r\nb".to_owned() };
    let reading = reader::Reading::new(&file);
    for (offset, _) in file.text.char_indices().chain([(file.text.len(), ' ')]) {
        let place = reading.position(offset).wrong("", "");
        assert_eq!(place, crate::domain::diagnostic::Diagnostic::at(&file.path, &file.text, offset, "", ""));
    }
}
