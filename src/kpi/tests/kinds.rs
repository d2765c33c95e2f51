//! Kinds and forms of formulas that no shipped KPI uses yet, by worked cases over definitions of their own.

use crate::domain::diagnostic::SourceFile;
use crate::kpi::{Catalogue, cases};

const DEFINITIONS: &str = r#"
version = 1
[[measure]]
id = "paid"
title = "Paid"
description = "Payments."
fact = "payment"
agg = "sum"
field = "amount"
dimension_sets = [["agent"]]
[[measure]]
id = "calls"
title = "Calls"
description = "Calls."
fact = "contact"
agg = "count"
dimension_sets = [["agent"]]
"#;

fn kpi(id: &str, kind: &str, formula: &str, unit: &str, additivity: &str) -> String {
    let policy = if formula.contains("paid") { "per_currency" } else { "none" };
    let decimals = if unit == "money" { "" } else { "decimals = 2" };
    format!(
        "[[kpi]]\nid = \"{id}\"\ntitle = \"T\"\ndescription = \"d\"\nformula = \"f\"\nsource = \"s\"\nkind = \"{kind}\"\n\
         {formula}\nunit = \"{unit}\"\n{decimals}\nrounding = \"half_even\"\nunit_counted = \"u\"\nbase = \"b\"\n\
         clock = \"occurred\"\ncurrency_policy = \"{policy}\"\nadditivity = \"{additivity}\"\nattribution = \"actor\"\n\
         dimension_as_of = \"fact\"\nvariants = []\n"
    )
}

fn run(kpis: &[String], case: &str) {
    let file = |path: &str, text: String| SourceFile { path: path.to_owned(), text };
    let definitions = file("k.toml", format!("{DEFINITIONS}{}", kpis.concat()));
    let catalogue = Catalogue::compile(&[definitions]).unwrap_or_else(|found| panic!("{found}"));
    let case = format!("version = 1\n[[case]]\nname = \"n\"\ncurrency = \"EUR\"\n{case}");
    match cases::run(&catalogue, &[file("k.cases.toml", case)]) {
        Ok(count) => assert_eq!(count, 1),
        Err(found) => panic!("{found}"),
    }
}

const FACTS: &str = r#"
facts = [
  { fact = "payment", day = "2025-12-31", amount = "1", agent = "a" },
  { fact = "payment", day = "2026-01-02", amount = "2", agent = "a" },
  { fact = "payment", day = "2026-03-04", amount = "4", agent = "a" },
  { fact = "payment", day = "2026-03-05", amount = "8", agent = "b" },
  { fact = "payment", day = "2026-03-05", amount = "30", agent = "b", currency = "SEK" },
  { fact = "contact", day = "2026-03-05", count = 3, agent = "b" },
]
"#;

#[test]
fn running_totals_begin_where_they_say() {
    let ever = kpi("ever", "cumulative", "measure = \"paid\"\nsince = \"ever\"", "money", "groups");
    let here = kpi("here", "cumulative", "measure = \"paid\"\nsince = \"question\"", "money", "groups");
    let question = "kpi = [\"ever\", \"here\"]\ngrain = \"month\"\nfrom = \"2026-01-01\"\nto = \"2026-04-01\"\ngroup_by = [\"agent\"]\n\
                    filters = { currency = [\"EUR\"] }\n";
    let rows = r#"
rows = [
  { kpi = "ever", start = "2026-01-01", group = ["a"], value = "3.00" },
  { kpi = "ever", start = "2026-02-01", group = ["a"], value = "3.00" },
  { kpi = "ever", start = "2026-03-01", group = ["a"], value = "7.00" },
  { kpi = "ever", start = "2026-03-01", group = ["b"], value = "8.00" },
  { kpi = "here", start = "2026-01-01", group = ["a"], value = "2.00", sample = "1" },
  { kpi = "here", start = "2026-02-01", group = ["a"], value = "2.00" },
  { kpi = "here", start = "2026-03-01", group = ["a"], value = "6.00" },
  { kpi = "here", start = "2026-03-01", group = ["b"], value = "8.00" },
]
"#;
    run(&[ever, here], &format!("{question}{FACTS}{rows}"));
}

#[test]
fn derived_formulas_divide_and_scale() {
    let mean = kpi(
        "mean",
        "derived",
        "expression = { scale = { divide = [\"paid\", \"calls\"] }, by = \"1/2\" }",
        "money",
        "none",
    );
    let twice = kpi("twice", "derived", "expression = { scale = \"calls\", by = \"2.5\" }", "count", "time_and_groups");
    let question = "kpi = [\"mean\", \"twice\"]\ngrain = \"quarter\"\nfrom = \"2026-01-01\"\nto = \"2026-04-01\"\n";
    let rows = r#"
rows = [
  { kpi = "mean", currency = "EUR", value = "2.33" },
  { kpi = "mean", currency = "SEK", value = "5.00" },
  { kpi = "twice", value = "7.50" },
]
"#;
    run(&[mean, twice], &format!("{question}{FACTS}{rows}"));
}

#[test]
fn a_pace_is_by_working_days() {
    let expression =
        "expression = { divide = [\"paid\", { parameter = \"n\" }] }\nparameters = { n = \"working_days\" }";
    let pace = kpi("pace", "derived", expression, "money", "none");
    let question = "kpi = \"pace\"\ngrain = \"month\"\nfrom = \"2026-03-01\"\nto = \"2026-04-01\"\n";
    // March 2026 has 22 days from Monday to Friday.
    let rows = r#"
rows = [
  { currency = "EUR", value = "0.55", numerator = "12.00", denominator = "22" },
  { currency = "SEK", value = "1.36" },
]
"#;
    run(&[pace], &format!("{question}{FACTS}{rows}"));
}

#[test]
fn grouping_money_by_currency_shows_what_is_there_anyway() {
    let paid = kpi("total", "simple", "measure = \"paid\"", "money", "time_and_groups");
    let question = "kpi = \"total\"\ngrain = \"month\"\nfrom = \"2026-03-01\"\nto = \"2026-04-01\"\ngroup_by = [\"currency\", \"agent\"]\n";
    let rows = r#"
rows = [
  { group = ["EUR", "a"], currency = "EUR", value = "4.00" },
  { group = ["EUR", "b"], currency = "EUR", value = "8.00" },
  { group = ["SEK", "b"], currency = "SEK", value = "30.00" },
]
"#;
    run(&[paid], &format!("{question}{FACTS}{rows}"));
}

#[test]
fn a_late_fact_and_its_void_leave_the_answer_as_it_was() {
    let paid = kpi("total", "simple", "measure = \"paid\"", "money", "time_and_groups");
    let question =
        "kpi = \"total\"\ngrain = \"month\"\nfrom = \"2026-01-01\"\nto = \"2026-02-01\"\ngroup_by = [\"agent\"]\n";
    let facts = r#"
facts = [
  { fact = "payment", day = "2026-01-02", amount = "2", agent = "a" },
  { fact = "payment", day = "2026-01-03", amount = "5", agent = "late" },
  { fact = "payment", day = "2026-01-03", amount = "5", agent = "late", sign = -1 },
]
rows = [{ group = ["a"], value = "2.00", sample = "1" }]
"#;
    run(&[paid], &format!("{question}{facts}"));
}
