//! The worked figures that are shipped beside the definitions, and that they can fail.

use std::collections::BTreeSet;

use super::{shipped, shipped_files};
use crate::domain::diagnostic::SourceFile;
use crate::kpi::{Exact, cases};

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

#[test]
fn words_of_facts_that_nobody_knows_are_refused() {
    for (wrong, told) in [
        ("channel = \"phone\"", "\"phone\" is no channel"),
        ("direction = \"up\"", "\"up\" is no direction"),
        ("currency = \"EURO\"", "\"EURO\" is no ISO 4217 currency"),
        ("count = 99999999999", "count = 99999999999 is too large"),
    ] {
        let text = format!(
            "version = 1\n[[case]]\nname = \"n\"\nkpi = \"payments\"\ngrain = \"day\"\nfrom = \"2026-01-01\"\n\
             to = \"2026-01-02\"\ncurrency = \"EUR\"\n\
             facts = [{{ fact = \"payment\", day = \"2026-01-01\", amount = \"3\", {wrong} }}]\nrows = [{{ value = \"3.00\" }}]\n"
        );
        let found = cases::run(shipped(), &[SourceFile { path: "x.cases.toml".to_owned(), text }]).unwrap_err();
        assert!(found.0.iter().any(|one| one.message.contains(told) && one.line == 9), "{found}");
    }
}

#[test]
fn decimal_text_rounds_ties_to_even_on_both_paths() {
    let text = |over, under, decimals| Exact::new(over, under).unwrap().text(decimals);
    for (over, under, decimals, expected) in [
        (1, 8, 2, "0.12"),
        (3, 8, 2, "0.38"),
        (-1, 8, 2, "-0.12"),
        (-3, 8, 2, "-0.38"),
        (1, 2, 0, "0"),
        (3, 2, 0, "2"),
        (-1, 2, 0, "0"),
        (-5, 2, 0, "-2"),
        (-1, 3, 2, "-0.33"),
        (-1, 1000, 2, "0.00"),
        (2, 3, 4, "0.6667"),
        (0, 7, 3, "0.000"),
        (1, -4, 1, "-0.2"),
        (1_234_567, 100, 2, "12345.67"),
        (995, 1000, 2, "1.00"),
        (7, 1, 0, "7"),
        (12, 1, 1, "12.0"),
    ] {
        assert_eq!(text(over, under, decimals).as_deref(), Some(expected), "{over}/{under}");
        // The same fraction beyond 64 bits.
        let far = 1_i128 << 70;
        assert_eq!(text(over * far, under * far, decimals).as_deref(), Some(expected), "{over}/{under} far");
    }
    assert_eq!(text(i128::MAX, 1, 0), Some(i128::MAX.to_string()));
    assert_eq!(text(i128::MAX, 1, 2), None);
    assert_eq!(Exact::new(1, 0).map(Exact::numerator), None);
    assert_eq!(Exact::parse("-0.25"), Exact::new(-1, 4));
    assert_eq!(Exact::parse("1/12"), Exact::new(1, 12));
    for wrong in ["", ".", "1.", "1e3", "--1", "1/0", "1/", "1-2", "-"] {
        assert_eq!(Exact::parse(wrong).map(Exact::numerator), None, "{wrong}");
    }
    let wide = Exact::new(i128::MAX - 1, 2).unwrap();
    assert_eq!(wide.multiply(Exact::new(2, i128::MAX - 1).unwrap()), Some(Exact::whole(1)));
}
