//! docs/importing.md is true: its example runs, and it lists every key, operator and field.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::{mapping, run};
use crate::cli::import::events::Event;
use crate::cli::import::fields::Fields;
use crate::cli::import::template::{OPERATORS, Sample};
use crate::domain::case::{CaseVersion, Claim};
use crate::domain::detail::{Detail, KINDS};
use crate::domain::money::Currency;

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/importing.md")).unwrap()
}

/// The first block of a language.
fn block<'p>(page: &'p str, language: &str) -> &'p str {
    page.split_once(&format!("```{language}\n")).and_then(|(_, rest)| rest.split_once("```")).unwrap().0
}

/// The rows of the table below a header, cell by cell.
fn rows<'p>(page: &'p str, header: &str) -> Vec<Vec<&'p str>> {
    let (_, table) = page.split_once(&format!("\n{header}\n")).unwrap_or_else(|| panic!("no table {header}"));
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect()).collect()
}

fn words(cell: &str) -> BTreeSet<&str> {
    cell.split(", ").filter(|word| !word.is_empty()).collect()
}

const SOURCE: &str = "[source]\nzone = \"Europe/Rome\"\ncurrency = \"SEK\"\ncase = \"case\"\nevent = \"event\"\ntime = \"at\"\nids = [\"id\"]\n";
const OPEN: &str = "[[event]]\nname = \"OPEN\"\nopen = { principal = \"amount\" }\n";

fn sample(event: &Event) -> Value {
    event.emit[0].detail.fill(&mut Sample(Currency::parse("SEK").unwrap())).unwrap().unwrap()
}

#[test]
fn the_example_of_the_documentation_runs_and_reports_what_it_says() {
    let page = page();
    let mapping = mapping(block(&page, "toml"));
    let (_, activities, report) = run(&mapping, block(&page, "csv").as_bytes());
    assert_eq!(report.text(mapping.currency), block(&page, "text").trim_end());
    let named = activities.iter().find_map(|activity| match &activity.detail {
        Detail::Reversal { reverses, .. } => Some(reverses.as_str()),
        _ => None,
    });
    assert_eq!(named, Some("K1/PAY/17.0"));
    for link in ["README.md", "src/cli/args.rs", "docs/editing-configuration.md"] {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(link)).unwrap();
        assert!(text.contains("importing.md"), "{link}");
    }
}

#[test]
fn every_kind_of_activity_is_documented_with_the_fields_that_it_takes() {
    let page = page();
    let rows = rows(&page, "| kind | at least | also |");
    let kinds: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(kinds, KINDS.into_iter().filter(|kind| *kind != "void").collect::<Vec<_>>());
    for row in rows {
        let least = if row[1].is_empty() { String::new() } else { format!(", {}", row[1]) };
        let emit = format!("[[event]]\nname = \"E\"\n[[event.emit]]\nactivity = {{ kind = \"{}\"{least} }}\n", row[0]);
        let mapping = mapping(&format!("{SOURCE}{OPEN}{emit}"));
        let filled = sample(&mapping.events["E"]);
        let detail: Detail = serde_json::from_value(filled.clone()).unwrap();
        let fields = Fields::of(&detail);
        let mut documented = words(row[2]);
        documented.extend(filled.as_object().unwrap().keys().map(String::as_str));
        assert_eq!(documented, fields.names().into_iter().collect(), "{}", row[0]);
        for key in filled.as_object().unwrap().keys().filter(|key| *key != "kind") {
            let mut less = filled.clone();
            less.as_object_mut().unwrap().remove(key);
            assert!(serde_json::from_value::<Detail>(less).is_err(), "{}: {key} is not needed", row[0]);
        }
    }
}

/// A case in which every table stands.
const CASE: &str = r#"{
    "case": "c", "version": "v", "effective": 0, "currency": "SEK", "dates": { "limitation_events":
        [{ "kind": "payment", "on": "2026-01-01" }] },
    "parties": [{ "person": "p", "role": "primary", "residences": [{ "country": "SE" }], "zones": [{ "zone": "Z" }],
        "conditions": [{ "condition": "minor", "from": 0 }],
        "windows": [{ "preferred": true, "from_minute": 0, "to_minute": 1, "received": 0 }],
        "permissions": [{ "granted": true, "scope": "all", "given": 0 }], "contact_points": [{ "id": "x", "kind": "phone" }] }],
    "prior_notices": [{ "kind": "k", "sent": "2026-01-01" }],
    "prior_charges": [{ "step": "demand", "amount": { "m": 1, "c": "SEK" }, "on": "2026-01-01" }]
}"#;

/// Every table of a case with its fields, by its path.
fn tables(path: &str, fields: &Fields, found: &mut Vec<(String, BTreeSet<&'static str>)>) {
    let names = fields.names();
    if names.is_empty() || names == ["m", "c"] {
        return;
    }
    found.push((path.to_owned(), names.iter().copied().collect()));
    for name in names {
        let inner = if path == "[case]" { name.to_owned() } else { format!("{path}.{name}") };
        if let Some(fields) = fields.at(name) {
            tables(&inner, fields, found);
        }
    }
}

#[test]
fn every_field_of_a_case_and_its_claim_is_documented() {
    let page = page();
    let rows: BTreeSet<(String, BTreeSet<&str>)> = rows(&page, "| table | fields |")
        .into_iter()
        .chain(rows_of_cases(&page))
        .map(|row| (row[0].to_owned(), words(row[1])))
        .collect();
    let version: CaseVersion = serde_json::from_str(CASE).unwrap();
    let mut found = Vec::new();
    tables("[case]", &Fields::of(&version), &mut found);
    let claim: Claim = serde_json::from_str("{ \"id\": \"1\", \"principal\": 1 }").unwrap();
    tables("open.claim", &Fields::of(&claim), &mut found);
    for (path, mut names) in found {
        let made: &[&str] = match path.as_str() {
            "[case]" => &["case", "version", "effective", "currency", "claims", "attributes"],
            "open.claim" => &["id", "principal"],
            _ => &[],
        };
        names.retain(|name| !made.contains(name));
        assert!(rows.contains(&(path.clone(), names.clone())), "{path}: {names:?}");
    }
}

fn rows_of_cases(page: &str) -> Vec<Vec<&str>> {
    let (_, cases) = page.split_once("\n## Cases\n").unwrap();
    rows(cases, "| table | fields |")
}

#[test]
fn every_key_and_operator_of_a_mapping_is_documented() {
    let page = page();
    for operator in OPERATORS {
        assert!(page.contains(&format!("\n| `{{ {operator} = ")), "{operator}");
    }
    let schema =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/schema/import.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let event = &schema["properties"]["event"]["items"]["properties"];
    let emit = &event["emit"]["items"]["properties"];
    for table in [&schema["properties"]["source"]["properties"], event, emit] {
        for key in table.as_object().unwrap().keys() {
            assert!(page.lines().any(|line| line.starts_with('|') && line.contains(&format!("`{key}`"))), "{key}");
        }
    }
}

/// What the example of the documentation becomes with another part.
fn wrong(was: &str, is: &str) -> String {
    let page = page();
    let text = block(&page, "toml");
    assert!(text.contains(was));
    let file = crate::domain::diagnostic::SourceFile { path: "m.toml".to_owned(), text: text.replace(was, is) };
    let found = crate::cli::import::mapping::Mapping::parse(&file).expect_err("the mapping should be refused");
    found
        .0
        .iter()
        .map(|one| format!("{}:{}: {} / {}", one.line, one.column, one.message, one.remedy))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn what_is_wrong_in_a_template_is_told_with_its_key_its_place_and_what_may_stand_there() {
    for (was, is, told) in [
        (
            "person = { text = \"person\" }",
            "person = { column = \"person\" }",
            "14:14: case.parties[0].person: invalid type: map, expected an id / write a value, or { <operator> = \"<column>\" } with an operator: one of money, increase_of",
        ),
        (
            "person = { text",
            "person_id = { text",
            "case.parties[0]: missing field `person` / add it: docs/importing.md",
        ),
        (
            "role = \"primary\",",
            "role = \"primary\", langauge = \"sv\",",
            "case.parties[0] has no field langauge / write language, or remove it; its fields are person, role, kind",
        ),
        (
            "promise = { activity_of = \"ref\" }",
            "value_datum = { date = \"due\" }",
            "payment has no field value_datum / write value_date, or remove it; its fields are kind, amount, value_date, received_by, method",
        ),
        (
            "promise = { activity_of = \"ref\" }",
            "colour = \"red\"",
            "payment has no field colour / use one of kind, amount, value_date, received_by, method",
        ),
        ("due_original = {", "due_orignal = {", "claim has no field due_orignal / write due_original"),
        (
            "parties = [",
            "placement = { placed = { date = \"due\" } }\nparties = [",
            "case.placement.placed: invalid type: string",
        ),
        ("kind = \"payment\"", "kind = \"paymnt\"", "\"paymnt\" is no kind of activity / write payment"),
        ("class = {", "claims = []\nclass = {", "case.claims is made from the events / remove claims"),
        ("decimal = \",\"", "decimal = \";\"", "\";\" divides no amount"),
    ] {
        let found = wrong(was, is);
        assert!(found.contains(told), "{told}\nin {found}");
    }
}

#[test]
fn an_amount_that_cannot_be_read_is_told_whole() {
    let page = page();
    let (text, csv) = (block(&page, "toml"), block(&page, "csv"));
    let (_, _, report) = run(&mapping(&text.replace("decimal = \",\"\n", "")), csv.as_bytes());
    let seen = &report.refused["the principal cannot be read"].first[0].1;
    assert_eq!(
        seen,
        "amount: \"1250,00\" is no amount: write digits with at most one point, as in 12.50, or decimal = \",\" under [source] if \
         the file has decimal commas"
    );
    let (_, _, report) = run(&mapping(text), csv.replace("1250,00", "1.250,00").as_bytes());
    let seen = &report.refused["the principal cannot be read"].first[0].1;
    assert!(seen.contains("write digits with at most one comma, as in 12,50"), "{seen}");
}

#[test]
fn what_opens_a_case_states_its_claim_and_instants_and_minor_units_are_read() {
    let text = format!(
        "{SOURCE}[case]\nplacement = {{ placed = {{ time = \"placed\" }} }}\nterms = {{ agreed_reminder_fee = {{ minor = \"fee\" }} }}\n\
         [[event]]\nname = \"OPEN\"\nopen = {{ principal = \"amount\", claim = {{ invoice_number = {{ text = \"no\" }} }} }}\n\
         version = {{ due_in_days = 30 }}\n"
    );
    let csv = "case,event,at,id,amount,placed,fee,no\nK,OPEN,2026-03-02T09:00:00,,10.00,2026-03-01 12:00:00,0.60,F7\n\
               L,OPEN,2026-03-02T09:00:00,,10.00,soon,0.60,F7\n";
    let (versions, _, report) = run(&mapping(&text), csv.as_bytes());
    let (case, claim) = (&versions[0], &versions[0].claims[0]);
    assert_eq!(case.placement.placed.unwrap().to_string(), "2026-03-01T11:00:00Z");
    assert_eq!((case.terms.agreed_reminder_fee, claim.invoice_number.as_deref()), (Some(60), Some("F7")));
    assert_eq!(
        (claim.due().unwrap().to_string(), claim.arose.unwrap().to_string()),
        ("2026-04-01".to_owned(), "2026-03-02".to_owned())
    );
    assert_eq!(report.refused["a time cannot be read"].first, [(3, "placed: soon".to_owned())]);
}
