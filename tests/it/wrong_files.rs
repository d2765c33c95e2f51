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
        let wanted = format!("from is \"{time}\", which is no local time from \"00:00\" to \"24:00\"");
        let named = |one: &str| one.contains(&format!("jurisdictions/se/rules.toml:{line}:")) && one.contains(&wanted);
        assert!(told.lines().any(named), "{time} in line {line}\n{told}");
    }
}

/// A day in hundreds of pieces would take hours to be looked through beside other rules.
#[test]
fn a_day_has_few_open_spans() {
    let span = |hour: usize| format!("{{ days = [\"mon-fri\"], from = \"{hour:02}:00\", to = \"{hour:02}:30\" }}");
    for (spans, refused) in [(4, false), (5, true)] {
        let directory = configuration();
        let all: Vec<String> = (8..8 + spans).map(span).collect();
        let open = "open = [{ days = [\"mon-fri\"], from = \"08:00\", to = \"21:00\" }]";
        let line = altered(directory.path(), open, &format!("open = [{}]", all.join(", ")));
        let told = told(directory.path());
        let wanted = "more than 4 open spans on mon";
        let named = |one: &str| one.contains(&format!("jurisdictions/se/rules.toml:{line}:")) && one.contains(wanted);
        assert_eq!(told.lines().any(named), refused, "{spans} in line {line}\n{told}");
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

/// A goal in the wrong unit would be missed for ever, or met by anything.
#[test]
fn a_goal_that_no_figure_can_come_to_is_refused() {
    let directory = configuration();
    // Packs have no part in it, and their examples take their time.
    for folder in ["jurisdictions", "rates"] {
        std::fs::remove_dir_all(directory.path().join(folder)).expect("remove what is not needed");
    }
    std::fs::create_dir(directory.path().join("jurisdictions")).expect("make a directory");
    let tenant = directory.path().join("tenants/t.toml");
    let good = "tenant = \"t\"\n[markets.it]\nzone = \"Europe/Rome\"\ncurrency = \"EUR\"\npromise_grace_days = 3\n";
    let target = |kpi: &str, goal: &str, more: &str| {
        let head = "id = \"x\"\ngrain = \"month\"\nfrom = \"2026-01-01\"\nside = \"at_least\"";
        let text = format!("{good}\n[[target]]\n{head}\nkpi = \"{kpi}\"\ngoal = \"{goal}\"\n{more}");
        std::fs::write(&tenant, text).expect("write the tenant");
    };
    let guard = "[target.guard]\nkpi = \"ptp_kept\"\nside = \"at_least\"\nbound = \"100.5\"\n";
    for (kpi, goal, more, wanted) in [
        ("ptp_kept", "180", "", "goal is 180, and ptp_kept is a proportion in percent, always from 0 to 100"),
        ("ptp_kept", "-0.5", "", "goal is -0.5, and ptp_kept is a proportion in percent, always from 0 to 100"),
        ("rpc_rate", "101", "", "goal is 101, and rpc_rate is a proportion in percent, always from 0 to 100"),
        ("calls_outbound", "9", guard, "bound is 100.5, and ptp_kept is a proportion in percent, always from 0 to 100"),
    ] {
        target(kpi, goal, more);
        let told = told(directory.path());
        assert!(told.contains(&format!("target \"x\": {wanted}")), "{kpi} {goal}\n{told}");
        assert!(told.contains("from 0 to 100\n    remedy: write a "), "{told}");
    }
    // Of what is no proportion, and at the ends, nothing is said.
    for (kpi, goal) in
        [("ptp_kept", "100"), ("ptp_kept", "0"), ("ptp_kept", "0.8"), ("ptp_kept_inbound_received", "180")]
    {
        target(kpi, goal, "");
        let output = Command::new(binary()).arg("check").arg(directory.path()).output().expect("run fairdue");
        assert!(output.status.success(), "{kpi} {goal}: {}", String::from_utf8_lossy(&output.stderr));
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

/// A directory with these files.
fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("make a temporary directory");
    for (name, text) in files {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("make a folder");
        std::fs::write(path, text).expect("write a file");
    }
    directory
}

const TENANT: &str =
    "tenant = \"a\"\n[markets.it]\nzone = \"Europe/Rome\"\ncurrency = \"EUR\"\npromise_grace_days = 3\n";

/// Somebody who is told of three mistakes where there is one takes right lines out.
#[test]
fn a_wrong_key_does_not_make_the_keys_behind_it_unknown() {
    let more = "close_after_days = 10\nfiscal_year_start = 4\n";
    for (wrong, told_of) in [
        ("week_start = \"Sun\"", "week_start is \"Sun\""),
        ("attribution_days = -1", "attribution_days is -1"),
        ("agent_figures = \"none\"", "agent_figures is \"none\""),
        ("payment_order = []", "payment_order does not name"),
    ] {
        let file = directory(&[("tenants/a.toml", &format!("{TENANT}{wrong}\n{more}"))]);
        let told = told(file.path());
        assert!(told.contains(told_of) && told.contains("1 mistake") && !told.contains("known here"), "{told}");
    }
    let both =
        format!("{TENANT}week_start = \"Sun\"\nclose_after_days = -1\nfiscal_year_start = 13\nfiscal_year = 4\n");
    let told = told(directory(&[("tenants/a.toml", &both)]).path());
    for one in ["week_start is", "close_after_days is -1", "fiscal_year_start is 13", "it.fiscal_year is not a key"] {
        assert!(told.contains(one), "{one} in {told}");
    }
}

/// So it is in a pack, and in a rule that a tenant adds.
#[test]
fn a_wrong_word_of_a_rule_does_not_make_the_keys_behind_it_unknown() {
    let directory = configuration();
    let pack = "[[rule]]\nid = \"se-mine\"\ntitle = \"t\"\ntext = \"t\"\ncitation = \"c\"\nsource = \"statute\"\neffect = \"requires\"\n\
        confidence = \"read\"\nvalid_from = 2020-01-01\n\n[rule.required_notice]\nnotices = [\"validation\"]\nevent = [\"demand\"]\n\
        timing = \"befor\"\nfirst_event = true\nonce = true\nforms = [\"paper\"]\nunless_paid = true\n";
    let file = directory.path().join("jurisdictions/se/rules.toml");
    let text = std::fs::read_to_string(&file).expect("a pack");
    std::fs::write(&file, format!("{text}\n{pack}")).expect("write the pack");
    let tenant = directory.path().join("tenants/t.toml");
    let text = std::fs::read_to_string(&tenant).expect("the tenant");
    let own = "\n[[rules.add]]\nid = \"mine\"\ntitle = \"t\"\ntext = \"t\"\nvalid_from = 2020-01-01\n";
    std::fs::write(&tenant, format!("{text}{own}")).expect("write the tenant");
    let told_of_pack = told(directory.path());
    assert!(told_of_pack.contains("befor") && !told_of_pack.contains("unknown key"), "{told_of_pack}");
    std::fs::write(&file, std::fs::read_to_string(&file).expect("a pack").replace(pack, "")).expect("write the pack");
    let told = told(directory.path());
    assert!(told.contains("jurisdiction") && !told.contains("unknown key"), "{told}");
}

/// Whoever names the wrong directory, or misspells a folder, believes in force what is not.
#[test]
fn a_directory_that_is_no_configuration_and_files_that_nobody_reads_are_told() {
    let other = directory(&[("README.md", "words"), ("notes/a.json", "{}"), (".hidden/x.toml", "x = 1")]);
    let told_of_check = told(other.path());
    assert!(told_of_check.contains("holds no file of a configuration"), "{told_of_check}");
    let serve = Command::new(binary()).arg("serve").arg("--config").arg(other.path()).output().expect("run fairdue");
    let told_of_serve = String::from_utf8_lossy(&serve.stderr).into_owned();
    assert_eq!(serve.status.code(), Some(1), "{told_of_serve}");
    assert!(told_of_serve.contains("holds no file of a configuration"), "{told_of_serve}");
    for (file, message, remedy) in [
        ("tennants/b.toml", "nobody reads the folder", "write tenants"),
        ("law/it/rules.toml", "nobody reads the folder", "use one of jurisdictions"),
        ("servr.toml", "no file of this name", "write server.toml"),
        ("foo.toml", "no file of this name", "use one of server.toml"),
        ("jurisdictions/rules.toml", "in a folder of its own", "put it into a folder"),
        ("tenants/old/b.toml", "nobody reads the folder", "put it beside this folder"),
        ("shadow/a/kpis/k.toml", "nobody reads the folder", "write rates"),
    ] {
        let stray = directory(&[("tenants/a.toml", TENANT), (file, "x = 1\n")]);
        let told = told(stray.path());
        let named = |line: &str| line.contains(&format!("{file}:1:1: is not read")) && line.contains(message);
        assert!(told.lines().any(named) && told.contains("1 mistake"), "{file}: {told}");
        assert!(remedy == "write rates" || told.contains(remedy), "{file}: {told}");
    }
    let lawful = directory(&[
        ("tenants/a.toml", TENANT),
        ("tenants/README.md", "words"),
        ("tenants/b.toml.orig", "x"),
        ("tls/server.pem", "x"),
        ("schema/tenant.json", "{}"),
        (".taplo.toml", "x"),
        ("fairdue.db", ""),
    ]);
    let output = Command::new(binary()).arg("check").arg(lawful.path()).output().expect("run fairdue");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let notes: Vec<&str> = told.lines().filter(|line| line.starts_with("note: ")).collect();
    assert!(notes.len() == 1 && notes[0].contains("tenants/b.toml.orig is not read"), "{told}");
}

/// A licence of a kind that no rule asks for serves nowhere, and amounts in a currency without a rate add up to nothing.
#[test]
fn a_licence_or_a_currency_that_nothing_knows_is_told() {
    let facts = |word: &str| {
        format!("[[facts.licence]]\njurisdiction = \"it\"\nlicence = \"{word}\"\nnumber = \"1\"\nfrom = 2020-01-01\n")
    };
    let directory = configuration();
    let tenant = directory.path().join("tenants/t.toml");
    let good = std::fs::read_to_string(&tenant).expect("the tenant");
    std::fs::write(&tenant, format!("{good}{}", facts("debt_colection"))).expect("write the tenant");
    let told_of = told(directory.path());
    assert!(told_of.contains("no rule asks for a licence of the kind \"debt_colection\", did you mean"), "{told_of}");
    let table = "format = 1\nbase = \"EUR\"\nsource = \"s\"\ncarry_days = 7\n[rates.2026-01-02]\nSEK = \"11\"\n";
    let reporting = |currency: &str| {
        let text =
            format!("{TENANT}[reporting]\ncurrency = \"{currency}\"\ntable = \"x\"\ndate_policy = \"fact_day\"\n");
        with_table(&text, table)
    };
    let told_of = told(reporting("JPY").path());
    assert!(told_of.contains("a.toml:7:12: the currency is JPY, of which the table x has no rate"), "{told_of}");
    assert!(told_of.contains("write one of EUR, SEK, or add JPY to exchange/x.toml"), "{told_of}");
    for currency in ["EUR", "SEK"] {
        let output = Command::new(binary()).arg("check").arg(reporting(currency).path()).output().expect("run fairdue");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn with_table(tenant: &str, table: &str) -> tempfile::TempDir {
    directory(&[("tenants/a.toml", tenant), ("exchange/x.toml", table)])
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

/// A copy cannot do without them: they come whatever is shared, which a partner's file neither gives nor takes.
#[test]
fn what_comes_with_every_record_is_not_to_be_named_and_the_refusal_says_so() {
    let directory = configuration();
    let tenant = directory.path().join("tenants/t.toml");
    let good = std::fs::read_to_string(&tenant).expect("the tenant");
    let hub = "[[partner]]\nid = \"hub\"\nkeys = []\nmarkets = [\"it\"]\n[partner.share]\n";
    for (entity, field, all) in [
        ("finding", "status", "finding_id, status, change_reason, change_time, revision"),
        ("case", "version_id", "case_id, version_id, revision"),
        ("void", "record_time", "activity_id, record_time, revision"),
    ] {
        std::fs::write(&tenant, format!("{good}{hub}{entity} = [\"{field}\"]\n")).expect("write the tenant");
        let told = told(directory.path());
        let said = format!("{entity}: \"{field}\" is not to be named: {all} come with every {entity} that is shared");
        assert!(told.contains(&said) && told.contains("leave it out"), "{said} in\n{told}");
    }
    std::fs::write(&tenant, format!("{good}{hub}finding = [\"statu\"]\n")).expect("write the tenant");
    assert!(told(directory.path()).contains("finding has no field \"statu\" to share"));
}
