//! What `fairdue check` says of files that no parser takes: the place, and the key that is meant.

use std::process::Command;

use crate::support::service::{binary, configuration};

/// The mistakes that a check tells, or nothing.
fn told(directory: &std::path::Path) -> String {
    let output = Command::new(binary()).arg("check").arg(directory).output().expect("run fairdue");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_key_that_stands_twice_is_named() {
    let directory = configuration();
    let tenant = directory.path().join("tenants/t.toml");
    let good = std::fs::read_to_string(&tenant).expect("the tenant");
    let lines = good.lines().count();
    for (more, place, key) in [
        ("[markets.it]\nzone = \"Europe/Rome\"\n", 1, "it"),
        ("[rules]\n[rules]\n", 2, "rules"),
        ("[findings]\nfour_eyes = []\n\"four_eyes\" = [\"waived\"]\n", 3, "four_eyes"),
    ] {
        std::fs::write(&tenant, format!("{good}{more}")).expect("write the tenant");
        let told = told(directory.path());
        let at = format!("tenants/t.toml:{}:", lines + place);
        let named = |line: &str| line.contains(&at) && line.contains(&format!("the key \"{key}\" stands here twice"));
        assert!(told.lines().any(named), "{at} {key} in\n{told}");
    }
    std::fs::write(&tenant, &good).expect("write the tenant");
    let pack = directory.path().join("jurisdictions/se/rules.toml");
    let text = std::fs::read_to_string(&pack).expect("a pack");
    let line = text.lines().position(|line| line.starts_with("version = ")).expect("a version") + 2;
    let twice = text.replacen("\nversion = ", "\nversion = \"1\"\nversion = ", 1);
    std::fs::write(&pack, twice).expect("write the pack");
    let told = told(directory.path());
    let at = format!("jurisdictions/se/rules.toml:{line}:1: ");
    assert!(told.contains(&format!("{at}not valid TOML: the key \"version\" stands here twice")), "{told}");
}

/// A pack with the first `old` replaced, and the line on which that stands.
fn altered(directory: &std::path::Path, old: &str, new: &str) -> usize {
    altered_file(directory, "jurisdictions/se/rules.toml", old, new)
}

fn altered_file(directory: &std::path::Path, file: &str, old: &str, new: &str) -> usize {
    let file = directory.join(file);
    let text = std::fs::read_to_string(&file).expect("a file");
    let at = text.find(old).expect("what is to be replaced");
    std::fs::write(&file, text.replacen(old, new, 1)).expect("write the file");
    text[..at].lines().count().max(1) + usize::from(text[..at].ends_with('\n'))
}

/// More hours than two digits can say are a wrong time like any other, and a sign makes none.
#[test]
fn what_is_no_time_of_day_is_told_as_such() {
    for time in ["2000:05", "1093:00", "65535:59", "+8:00", "08:+0", "8:000", "24:01", "08:60", "0٨:00"] {
        let directory = configuration();
        let line = altered(directory.path(), "from = \"08:00\"", &format!("from = \"{time}\""));
        let told = told(directory.path());
        let wanted = "from is of type string, not a quoted local time from \"00:00\" to \"24:00\"";
        let named = |one: &str| one.contains(&format!("jurisdictions/se/rules.toml:{line}:")) && one.contains(wanted);
        assert!(told.lines().any(named), "{time} in line {line}\n{told}");
    }
}

/// What nobody sees makes a lawyer read another text than a program does, and a terminal do as the text says.
#[test]
fn characters_that_nobody_sees_are_refused() {
    for (old, new, code) in [
        ("version = \"", "version = \"1\\u0000", "U+0000"),
        ("title = \"", "title = \"\\u202e", "U+202E"),
        ("text = \"", "text = \"\\u001b[2J", "U+001B"),
        ("name = \"", "name = \"\\u2066", "U+2066"),
    ] {
        let directory = configuration();
        let line = altered(directory.path(), old, new);
        let told = told(directory.path());
        let wanted = format!("the character {code} stands here, which nobody sees");
        let named = |one: &str| one.contains(&format!("jurisdictions/se/rules.toml:{line}:")) && one.contains(&wanted);
        assert!(told.lines().any(named), "{code} in line {line}\n{told}");
    }
}

/// An example that is left out in silence proves nothing.
#[test]
fn an_example_of_what_can_be_no_rule_is_refused() {
    let directory = configuration();
    let file = "jurisdictions/se/cases.toml";
    let line = altered_file(directory.path(), file, "rule = \"", &format!("rule = \"{}", "a".repeat(200)));
    let told = told(directory.path());
    let named = |one: &str| one.contains(&format!("{file}:{line}:")) && one.contains("bytes long, the limit is 128");
    assert!(told.lines().any(named), "line {line}\n{told}");
}

/// A row of the fact sheets is encoded or it is not: nobody can rely on a page that says both.
#[test]
fn a_row_that_is_encoded_and_is_not_is_refused() {
    let directory = configuration();
    let pack = directory.path().join("jurisdictions/se/rules.toml");
    let text = std::fs::read_to_string(&pack).expect("a pack");
    let rule = text.lines().position(|line| line == "[[rule]]").expect("a rule") + 1;
    let id = text.lines().nth(rule).and_then(|line| line.strip_prefix("id = ")).expect("its id").trim_matches('"');
    let row = format!("\n[[not_encoded]]\nid = \"{id}\"\nreason = \"nobody knows\"\n");
    std::fs::write(&pack, format!("{text}{row}")).expect("write the pack");
    let told = told(directory.path());
    let wanted = format!("row {id} stands a second time, also in ");
    let named = |one: &str| one.contains(&wanted) && one.contains(&format!("jurisdictions/se/rules.toml:{rule}"));
    assert!(told.lines().any(named), "{told}");
}

/// A place that no residence is written as has no holidays and no zones, so that its people are called on a holiday.
#[test]
fn a_subdivision_that_no_residence_names_is_refused() {
    for (codes, shown) in
        [("[\"Stockholm\"]", "Stockholm"), ("[\"ab\"]", "ab"), ("[\"AB\", \"SE-C\"]", "SE-C"), ("[\"\"]", "")]
    {
        for (old, new, key) in [
            (
                "[[calendar.holiday]]\n",
                format!("[[calendar.holiday]]\nsubdivisions = {codes}\n"),
                "calendar.holiday[0]",
            ),
            (
                "[calendar]\n",
                format!("[[subdivision]]\ncodes = {codes}\nzones = [\"Europe/Stockholm\"]\n\n[calendar]\n"),
                "subdivision[0]",
            ),
        ] {
            let directory = configuration();
            altered(directory.path(), old, &new);
            let told = told(directory.path());
            let wanted = format!("file.{key}: \"{shown}\" is no subdivision");
            assert!(told.contains(&wanted), "{wanted}\n{told}");
        }
    }
    let directory = configuration();
    altered(directory.path(), "[[calendar.holiday]]\n", "[[calendar.holiday]]\nfrom_year = 2020\nuntil_year = 2019\n");
    assert!(told(directory.path()).contains("until_year lies before from_year"));
}

/// A target for a channel that there is not would never have a figure.
#[test]
fn a_target_for_what_no_figure_can_be_of_is_told() {
    let directory = configuration();
    let tenant = directory.path().join("tenants/t.toml");
    let good = std::fs::read_to_string(&tenant).expect("the tenant");
    let line = good.lines().count() + 9;
    for (dimension, value, remedy) in
        [("channel", "phone", "one of call, email"), ("weekday", "Monday", "1 (Monday) to 7")]
    {
        let target = format!(
            "\n[[target]]\nid = \"calls\"\nkpi = \"calls_outbound\"\ngrain = \"month\"\nfrom = \"2026-01-01\"\ngoal = \"80\"\n\
             side = \"at_least\"\ngroup = {{ {dimension} = \"{value}\" }}\n"
        );
        std::fs::write(&tenant, format!("{good}{target}")).expect("write the tenant");
        let told = told(directory.path());
        let said = format!("group.{dimension} is \"{value}\", which no figure can be of");
        assert!(
            told.lines().any(|one| one.contains(&format!("t.toml:{line}:")) && one.contains(&said)),
            "{line} in {told}"
        );
        assert!(told.contains(&format!("write {remedy}")), "{told}");
    }
}
