//! The worked figures that are shipped beside the definitions, and that they can fail.

use std::collections::BTreeSet;

use super::{shipped, shipped_files};
use crate::domain::diagnostic::SourceFile;
use crate::kpi::cases;

#[test]
fn every_worked_figure_comes_out() {
    let files = shipped_files(".cases.toml");
    match cases::run(shipped(), &files) {
        Ok(count) => assert!(count >= 20, "{count} cases"),
        Err(found) => panic!("{found}"),
    }
}

#[test]
fn every_kpi_has_a_worked_figure() {
    let files = shipped_files(".cases.toml");
    let words: BTreeSet<&str> =
        files.iter().flat_map(|file| file.text.split(|c: char| !c.is_alphanumeric() && c != '_')).collect();
    let without: Vec<&str> = shipped().list().map(|kpi| kpi.id.as_str()).filter(|id| !words.contains(id)).collect();
    assert!(without.is_empty(), "no worked figure for {without:?}");
}

#[test]
fn a_wrong_figure_is_reported_where_it_stands() {
    let file = |value: &str, extra: &str| SourceFile {
        path: "x.cases.toml".to_owned(),
        text: format!(
            "version = 1\n[[case]]\nname = \"n\"\nkpi = \"payments\"\ngrain = \"day\"\nfrom = \"2026-01-01\"\n\
             to = \"2026-01-02\"\ncurrency = \"EUR\"\n\
             facts = [{{ fact = \"payment\", day = \"2026-01-01\", amount = \"3\" }}]\nrows = [{{ value = \"{value}\" }}{extra}]\n"
        ),
    };
    assert_eq!(cases::run(shipped(), &[file("3.00", "")]), Ok(1));
    let wrong = cases::run(shipped(), &[file("3.01", "")]).unwrap_err();
    assert_eq!((wrong.0.len(), wrong.0[0].line), (1, 10));
    assert!(wrong.0[0].message.contains("value 3.00 instead of 3.01"), "{wrong}");
    let more = cases::run(shipped(), &[file("3.00", ", { value = \"1.00\" }")]).unwrap_err();
    assert!(more.0[0].message.contains("states 2 rows, and 1 came out"), "{more}");
}
