//! Files of messages that are refused: every mistake with its line, and what to write instead.

use super::super::{Languages, OWN};
use crate::domain::diagnostic::SourceFile;

fn refused(change: impl Fn(&str) -> String) -> Vec<String> {
    let files: Vec<SourceFile> = OWN
        .iter()
        .map(|(path, text)| SourceFile {
            path: (*path).to_owned(),
            text: if path.ends_with("de.toml") { change(text) } else { (*text).to_owned() },
        })
        .collect();
    let mut found = Vec::new();
    assert!(Languages::read("messages", &files, &mut found).is_none() != found.is_empty());
    for one in &found {
        assert!(!one.remedy.is_empty(), "{one}");
    }
    found.iter().map(|one| format!("{}:{}: {}", one.file, one.line, one.message)).collect()
}

#[test]
fn mistakes_of_a_file_are_told_with_their_line_and_what_to_write() {
    assert_eq!(refused(str::to_owned), Vec::<String>::new());
    let line = |key: &str| {
        let (_, text) = OWN.iter().find(|(path, _)| path.ends_with("de.toml")).unwrap();
        text.lines().position(|line| line.starts_with(key)).unwrap() + 1
    };
    let first = |change: &dyn Fn(&str) -> String| refused(change).into_iter().next().unwrap_or_default();
    let hours = line("[rules.contact_hours]");
    let of_kind = |text: &str| text.replacen("[rules.contact_hours]", "[rules.contact_hourz]", 1);
    assert!(refused(of_kind).iter().any(|one| one.contains("rules.contact_hours.kept is missing")));
    let no_kept = |text: &str| text.replacen("kept = \"Der Zeitpunkt", "# kept = \"Der Zeitpunkt", 1);
    assert_eq!(first(&no_kept), format!("messages/de.toml:{hours}: rules.contact_hours.kept is missing"));
    let slot = |text: &str| text.replacen("{missing}", "{mising}", 1);
    assert!(first(&slot).contains("does not know the slot {mising}, did you mean \"missing\"?"), "{}", first(&slot));
    let bare = |text: &str| text.replacen("[; nächstgelegene zulässige Grenze: {limit}]", " {limit}", 1);
    assert!(first(&bare).contains("rules.contact_hours.broken names {limit}, which has not always a value"));
    let form = |text: &str| text.replacen("war {observed} zuvor", "war {observed.gen} zuvor", 1);
    assert!(first(&form).contains("has no form \"gen\""), "{}", first(&form));
    let open = |text: &str| text.replacen("({zone}) ist es", "({zone ) ist es", 1);
    assert!(first(&open).contains("a slot whose name is no lower-case word"), "{}", first(&open));
    let key = |text: &str| text.replacen("no_figure = ", "no_figur = ", 1);
    assert!(
        refused(key).iter().any(|one| one.contains("no sentence uses frame.no_figur, did you mean \"no_figure\"?"))
    );
    let number = |text: &str| text.replacen("first_day = \"1\"", "first_day = 1", 1);
    assert!(refused(number).iter().any(|one| one.contains("format.first_day is of type integer, not a string")));
    let other = |text: &str| text.replacen("language = \"de\"", "language = \"sv\"", 1);
    let found = refused(other);
    assert!(found.iter().any(|one| one.contains("language \"sv\" is also that of messages/de.toml")), "{found:?}");
    assert!(found.iter().any(|one| one.contains("has no messages in the language \"de\"")), "{found:?}");
    let tag = |text: &str| text.replacen("language = \"de\"", "language = \"DE_de\"", 1);
    assert!(first(&tag).contains("is no BCP 47 tag in lower case"), "{}", first(&tag));
    assert!(!refused(|_| "[[".to_owned()).is_empty());
    assert!(!refused(|_| "\u{0}".repeat(64)).is_empty());
}
