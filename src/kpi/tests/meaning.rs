//! What KPIs mean: nothing but what changes their figures changes it.

use super::{shipped, shipped_files};
use crate::domain::diagnostic::SourceFile;
use crate::kpi::Catalogue;

/// The shipped definitions with something else written in them.
fn written(change: impl Fn(&str) -> String) -> Catalogue {
    let files: Vec<SourceFile> =
        shipped_files(".toml").into_iter().map(|file| SourceFile { text: change(&file.text), ..file }).collect();
    Catalogue::compile(&files).unwrap()
}

#[test]
fn a_name_of_the_same_formula_means_the_same() {
    let meaning = |kpi: &str| shipped().meaning(kpi).unwrap();
    assert_eq!(meaning("rpc_rate"), meaning("rpc_rate_attempts"), "an alias");
    assert_ne!(meaning("rpc_rate"), meaning("rpc_rate_connects"));
    assert_ne!(meaning("rpc_rate"), meaning("contact_rate_right_party"), "other attempts");
    assert_eq!(shipped().meaning("nothing"), None);
    let texts = shipped_files(".toml").into_iter().map(|file| file.text).collect::<String>();
    let kpi = texts.split("[[").find(|table| table.contains("id = \"rpc_rate_attempts\"\ntitle")).unwrap();
    let again = kpi.replace("id = \"rpc_rate_attempts\"", "id = \"again\"").replace("Share of attempts", "Of attempts");
    let more = written(|text| if text.contains(kpi) { format!("{text}\n[[{again}\n") } else { text.to_owned() });
    assert_eq!(more.meaning("again").unwrap(), meaning("rpc_rate"), "another id and other words");
    let wanted = meaning("rpc_rate");
    let same: Vec<&str> = more.meaning_this(&wanted).collect();
    assert!(["again", "rpc_rate", "rpc_rate_attempts"].iter().all(|one| same.contains(one)), "{same:?}");
}

#[test]
fn only_what_changes_figures_changes_what_is_meant() {
    let meaning = |catalogue: &Catalogue| catalogue.meaning("rpc_rate").unwrap();
    let before = meaning(shipped());
    assert_eq!(meaning(&written(|text| format!("{text}# a word\n"))), before);
    let below = |text: &str| {
        let of_attempts = "numerator = \"right_party_contacts\"\ndenominator = \"attempts\"";
        text.replacen(of_attempts, "numerator = \"right_party_contacts\"\ndenominator = \"connects\"", 1)
    };
    assert_ne!(meaning(&written(below)), before, "a formula");
}
