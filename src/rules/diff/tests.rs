//! The sentences of some changes, and in [`every_key`] that none is passed over.

mod every_key;
mod taken_away;

use super::*;
use crate::rules::SourceFile;

fn packs_of(files: Vec<(&str, &str)>) -> Packs {
    let files: Vec<SourceFile> =
        files.into_iter().map(|(path, text)| SourceFile { path: path.into(), text: text.into() }).collect();
    Packs::compile(&files).unwrap_or_else(|found| panic!("{found}"))
}

const HEAD: &str = "\
format = 1
jurisdiction = \"xx\"
name = \"Nowhere\"
version = \"1\"
currency = \"EUR\"
zones = [\"Europe/Rome\"]
";

fn rule(id: &str, head: &str, max: u32) -> String {
    format!(
        "[[rule]]\nid = \"{id}\"\ntitle = \"T\"\ntext = \"T.\"\ncitation = \"C\"\nsource = \"statute\"\n\
         effect = \"prohibits\"\nconfidence = \"read\"\n{head}\n[rule.contact_frequency]\nmax = {max}\n\
         window = {{ calendar_week = true }}\ncount = \"attempts\"\nper = \"case\"\n"
    )
}

fn example(rule: &str) -> String {
    format!(
        "[[example]]\nname = \"e\"\nrule = \"{rule}\"\nfindings = []\n[example.check]\ncontact = {{ id = \"a\" }}\n"
    )
}

fn pack(rules: &[(&str, &str, u32)]) -> Packs {
    let mut text = HEAD.to_owned();
    let mut cases = "format = 1\n".to_owned();
    for (id, head, max) in rules {
        text.push_str(&rule(id, head, *max));
        cases.push_str(&example(id));
    }
    packs_of(vec![("xx/rules.toml", &text), ("xx/cases.toml", &cases)])
}

fn told(old: &Packs, new: &Packs) -> Vec<String> {
    compare(old, new).into_iter().map(|change| change.sentence).collect()
}

#[test]
fn a_changed_number_is_a_sentence_with_its_date() {
    let old = pack(&[("xx-frequency", "", 4)]);
    assert_eq!(
        told(&old, &pack(&[("xx-frequency", "valid_from = 2026-07-01", 3)])),
        [
            "xx-frequency: in force: from 1 July 2026 instead of whenever",
            "xx-frequency: at most 3 instead of 4 attempts a calendar week from 1 July 2026",
        ]
    );
    assert_eq!(
        told(&old, &pack(&[("xx-frequency", "", 3)])),
        ["xx-frequency: at most 3 instead of 4 attempts a calendar week at all times"]
    );
    assert!(told(&old, &pack(&[("xx-frequency", "", 4)])).is_empty());
}

#[test]
fn versions_of_a_rule_are_told_as_such() {
    let old = pack(&[("xx-frequency", "", 4)]);
    let ended = "valid_until = 2026-06-30\nstatus = \"superseded\"";
    let kept = pack(&[("xx-frequency", "valid_from = 2026-07-01", 3), ("xx-frequency-old", ended, 4)]);
    assert!(
        told(&old, &kept).contains(&"xx-frequency-old: keeps what xx-frequency said before, until 30 June 2026".into())
    );
    // Whom it concerns and how is law too, also of what is kept for the past.
    let otherwise = format!("{ended}\nsubject = \"activity\"\nwhen_missing = {{ debt_class = \"consumer\" }}");
    let moved = pack(&[("xx-frequency", "valid_from = 2026-07-01", 3), ("xx-frequency-old", &otherwise, 4)]);
    let sentences = told(&old, &moved);
    for sentence in [
        "xx-frequency-old: keeps what xx-frequency said before, until 30 June 2026",
        "xx-frequency-old: unlike xx-frequency before, judged for each: activity instead of case until 30 June 2026",
        "xx-frequency-old: unlike xx-frequency before, the class of debt, if not stated, is taken as: now consumer until 30 June 2026",
    ] {
        assert!(sentences.iter().any(|one| one == sentence), "{sentence}: {sentences:#?}");
    }
    let renewed = pack(&[("xx-frequency", ended, 4), ("xx-frequency-2026", "valid_from = 2026-07-01", 3)]);
    let sentences = told(&old, &renewed);
    for sentence in [
        "xx-frequency: in force: until 30 June 2026 instead of further notice",
        "xx-frequency-2026: replaces xx-frequency from 1 July 2026",
        "xx-frequency-2026: unlike xx-frequency, at most 3 instead of 4 attempts a calendar week from 1 July 2026",
    ] {
        assert!(sentences.iter().any(|one| one == sentence), "{sentence}: {sentences:#?}");
    }
    let other = pack(&[("xx-frequency", "", 4), ("xx-letters", "valid_from = 2026-07-01", 2)]);
    assert!(told(&old, &other)[0].starts_with("xx-letters: new, from 1 July 2026: T (at most 2 attempts"));
    assert_eq!(told(&other, &old), ["xx-letters: removed: T"]);
}
