//! What definitions and questions get when they are wrong: all of it at once, with place and remedy.

use super::figures::query;
use super::{shipped, shipped_files};
use crate::domain::case_dimensions::CaseDimensions;
use crate::domain::diagnostic::SourceFile;
use crate::domain::error_kind::{ErrorKind, Failure};
use crate::kpi::{Catalogue, Dimension, Grain};

fn compile(text: &str) -> Vec<String> {
    let file = SourceFile { path: "k.toml".to_owned(), text: text.to_owned() };
    Catalogue::compile(&[file]).err().map_or_else(Vec::new, |found| found.0.iter().map(ToString::to_string).collect())
}

const MEASURE: &str = "version = 1\n[[measure]]\nid = \"m\"\ntitle = \"M\"\ndescription = \"d\"\nfact = \"payment\"\n\
                       agg = \"sum\"\nfield = \"amount\"\ndimension_sets = [[], [\"agent\"]]\n";

fn kpi(kind: &str, formula: &str, rest: &str) -> String {
    format!(
        "{MEASURE}[[measure]]\nid = \"calls\"\ntitle = \"C\"\ndescription = \"d\"\nfact = \"contact\"\nagg = \"count\"\n\
         dimension_sets = [[]]\n[[measure]]\nid = \"agents\"\ntitle = \"A\"\ndescription = \"d\"\nfact = \"agent_active\"\n\
         agg = \"distinct\"\nof = \"agent\"\ndimension_sets = [[]]\n[[kpi]]\nid = \"k\"\ntitle = \"K\"\ndescription = \"d\"\n\
         formula = \"f\"\nsource = \"s\"\nkind = \"{kind}\"\n{formula}\nrounding = \"half_even\"\nunit_counted = \"u\"\n\
         base = \"b\"\nclock = \"occurred\"\nattribution = \"actor\"\ndimension_as_of = \"fact\"\nvariants = []\n{rest}\n"
    )
}

const MONEY: &str = "unit = \"money\"\ncurrency_policy = \"per_currency\"\nadditivity = \"time_and_groups\"";
const QUOTIENT: &str = "unit = \"percent\"\ndecimals = 2\ncurrency_policy = \"per_currency\"\nadditivity = \"none\"";

#[test]
fn a_sound_file_compiles() {
    assert_eq!(compile(&kpi("simple", "measure = \"m\"", MONEY)), Vec::<String>::new());
    assert_eq!(
        compile(&kpi("ratio", "numerator = \"m\"\ndenominator = { closing = \"m\" }", QUOTIENT)),
        Vec::<String>::new()
    );
}

#[test]
fn dimensions_that_a_kpi_is_not_told_by_say_why_and_what_to_ask() {
    let kept = |not_by: &str| kpi("simple", "measure = \"m\"", &format!("{MONEY}\nnot_by = {not_by}"));
    let sound = kept("[{ dimensions = [\"agent\", \"case_dimensions\"], because = \"of others\", ask = \"Ask n\" }]");
    assert_eq!(compile(&sound), Vec::<String>::new());
    let file = SourceFile { path: "k.toml".to_owned(), text: sound };
    let catalogue = Catalogue::compile(&[file]).unwrap();
    assert_eq!(catalogue.list().find(|kpi| kpi.id == "k").unwrap().group_by, [Vec::<String>::new()]);
    let error = catalogue.plan(&query("k", Grain::Month, "2026-01-01", "2026-02-01", &[Dimension::Agent])).unwrap_err();
    let found = &error.violations()[0];
    assert_eq!((error.reason(), found.field.as_str()), ("INVALID_KPI_QUERY", "group_by"));
    assert_eq!(found.description, "k is not told by agent: of others. Ask n");
    for (not_by, told) in [
        ("\"agent\"", "not_by of KPI \"k\" is no list"),
        ("[{ dimensions = [\"agents\"], because = \"b\", ask = \"a\" }]", "\"agents\" is no dimension of questions"),
        ("[{ dimensions = [], because = \"b\", ask = \"a\" }]", "not_by names no dimensions"),
        ("[{ dimensions = [\"agent\"], ask = \"a\" }]", "not_by lacks the key \"because\""),
        ("[{ dimensions = [\"agent\"], because = \"b\" }]", "not_by lacks the key \"ask\""),
        ("[3]", "this names no dimensions that a KPI is not told by"),
    ] {
        let found = compile(&kept(not_by));
        assert!(found.len() == 1 && found[0].contains(told), "{not_by}: {found:?}");
    }
}

#[test]
fn a_guard_is_another_kpi() {
    let guarded = |guard: &str| {
        let alias = "[[kpi]]\nid = \"same\"\ntitle = \"S\"\ndescription = \"d\"\nkind = \"alias\"\nof = \"k\"\n";
        let other = kpi("simple", "measure = \"m\"", MONEY).replacen(MEASURE, "", 1);
        let (_, other) = other.split_once("[[kpi]]\n").unwrap();
        let other = other.replacen("id = \"k\"", "id = \"other\"", 1);
        let own = kpi("simple", "measure = \"m\"", &format!("{MONEY}\nguard = {guard}"));
        compile(&format!("{own}{alias}[[kpi]]\n{other}"))
    };
    assert_eq!(guarded("\"other\""), Vec::<String>::new());
    for (guard, told) in [
        ("\"k\"", "KPI \"k\" names itself as its guard"),
        ("\"same\"", "KPI \"k\" names itself as its guard"),
        ("\"nothing\"", "KPI \"k\" names the guard \"nothing\", which is no KPI"),
        ("3", "guard"),
    ] {
        let found = guarded(guard);
        assert!(found.len() == 1 && found[0].contains(told) && found[0].starts_with("k.toml:43:9: "), "{found:?}");
    }
    let info = shipped().list().find(|kpi| kpi.id == "accounts_per_agent").unwrap();
    assert_eq!(info.guard.as_deref(), Some("recovery_rate"), "an alias has the guard of what it stands for");
}

#[test]
fn every_fault_of_a_file_is_reported_with_its_place() {
    let found = compile(
        "version = 2\n[[measure]]\nid = \"M\"\ntitle = \"\"\nfact = \"paymant\"\nagg = \"sum\"\nfield = \"amount3\"\n\
         where = { channel = [\"fon\"], color = 1 }\ndimension_sets = [[\"agent\", \"agent\"], [\"planet\"]]\nextra = 1\n",
    );
    let expected = [
        "k.toml:1:11: this file has an unknown version",
        "k.toml:2:1: measure \"M\" lacks the key \"description\"",
        "k.toml:3:6: \"M\" is no id",
        "k.toml:4:9: title of measure \"M\" is empty",
        "k.toml:5:8: fact = \"paymant\" of measure \"M\" is unknown",
        "k.toml:7:9: field = \"amount3\" of measure \"M\" is unknown",
        "k.toml:8:22: \"fon\" is no channel",
        "k.toml:8:30: where of measure \"M\" has an unknown key \"color\"",
        "k.toml:9:29: dimension_sets of measure \"M\" names agent twice in one set",
        "k.toml:9:40: dimension_sets of measure \"M\" names an unknown dimension \"planet\"",
        "k.toml:10:1: measure \"M\" has an unknown key \"extra\"",
    ];
    for line in expected {
        assert!(
            found.iter().any(|one| one.starts_with(line) && one.contains("\n    remedy: ")),
            "{line} not in {found:#?}"
        );
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
fn formulas_are_held_against_their_units_and_claims() {
    let one = |text: String, part: &str| {
        let found = compile(&text);
        assert!(found.len() == 1 && found[0].contains(part), "{part}: {found:#?}");
    };
    one(kpi("simple", "measure = { add = [\"m\", \"calls\"] }", MONEY), "money and a plain number are not added");
    one(kpi("simple", "measure = \"nope\"", MONEY), "there is no measure or formula \"nope\"");
    one(
        kpi("ratio", "numerator = \"m\"\ndenominator = \"calls\"", QUOTIENT),
        "has the unit percent, and its formula gives money",
    );
    one(
        kpi("simple", "measure = \"m\"", &MONEY.replace("time_and_groups", "none")),
        "its formula gives time_and_groups",
    );
    one(kpi("simple", "measure = \"m\"", &MONEY.replace("per_currency", "none")), "holds money");
    one(kpi("balance", "stock = \"agents\"\nat = \"closing\"", MONEY), "counts distinct values, which have no stock");
    one(kpi("balance", "stock = { opening = \"m\" }\nat = \"closing\"", MONEY), "a stock inside a stock");
    one(kpi("balance", "stock = { divide = [\"m\", \"m\"] }\nat = \"mean\"", MONEY), "a stock is a sum over time");
    one(kpi("derived", "expression = { parameter = \"n\" }", MONEY), "the parameter \"n\" has no value");
    let parts = "numerator = \"m\"\ndenominator = \"m\"";
    one(kpi("cohort", parts, QUOTIENT), "is a cohort of facts of their own day");
    one(kpi("cohort", &format!("{parts}\nmonths = 100"), QUOTIENT), "months = 100");
    one(kpi("ratio", &format!("{parts}\ntold_after_days = 0"), QUOTIENT), "told_after_days = 0");
    let needs = |needs: &str| kpi("ratio", &format!("{parts}\nneeds = {needs}"), QUOTIENT);
    one(needs("[]"), "is no list");
    one(needs("[{ records = [\"nope\"] }]"), "it needs records of \"nope\", which is no measure");
    one(needs("[{ records = [\"agents\"] }]"), "counts values and not records");
    one(needs("[{ records = [\"m\"], by = [\"length\"] }]"), "no dimension that records are sent by");
    one(needs("[{ records = [], ever = true }]"), "names no records");
    let survival = "measure = \"m\"\npercentile = 50\nreached = [\"rolled\"]";
    one(kpi("duration", survival, MONEY), "\"rolled\" is no end of an account");
    let lift = "of = \"calls\"\nconverted = \"calls\"\nwindow_days = 7\ncontrol = \"a/b\"";
    one(kpi("lift", lift, QUOTIENT), "has a slash");
    one(
        kpi("ratio", "numerator = \"m\"\ndenominator = \"m\"", &format!("{QUOTIENT}\nproportion = true")),
        "no proportion of two counts",
    );
    one(kpi("simple", "measure = { add = [\"m\"], subtract = [\"m\"] }", MONEY), "does more than one thing");
    one(
        kpi("simple", "measure = \"m\"", &MONEY.replace("unit =", "variants_of = \"x\"\nunit =")),
        "unknown key \"variants_of\"",
    );
    one(
        format!(
            "{}[[formula]]\nid = \"f\"\ntitle = \"F\"\ndescription = \"d\"\nformula = {{ add = [\"f\"] }}\n",
            kpi("simple", "measure = \"f\"", MONEY)
        ),
        "uses itself",
    );
    one(format!("{MEASURE}{}", MEASURE.replace("version = 1\n", "")), "\"m\" is defined twice");
    one(
        MEASURE.replace("fact = \"payment\"", "fact = \"promise_judged\"\nwhere = { state = \"keppt\" }"),
        "takes the state \"keppt\", which facts of kind promise_judged never have",
    );
}

#[test]
fn too_many_dimension_sets_are_refused() {
    let open = CaseDimensions::default();
    let names: Vec<String> = Dimension::names(&open).map(|dimension| format!("[\"{dimension}\"]")).collect();
    let found = compile(&MEASURE.replace("[[], [\"agent\"]]", &format!("[{}]", names.join(", "))));
    let told = format!("declares {} sets, and 12 are the limit", names.len());
    assert!(found.iter().any(|one| one.contains(&told)), "{found:#?}");
}

#[test]
fn shipped_definitions_name_what_they_can_be_grouped_by() {
    let info = shipped().list().find(|kpi| kpi.id == "cei").unwrap();
    assert!(info.group_by.contains(&vec!["client".to_owned()]), "{:?}", info.group_by);
    let digest = shipped().digest().to_owned();
    let mut files = shipped_files(".toml");
    files[0].text.push_str("# more\n");
    assert_ne!(Catalogue::compile(&files).unwrap().digest(), digest);
}

#[test]
fn a_question_outside_the_declared_sets_says_what_is_declared() {
    let error =
        shipped().plan(&query("cei", Grain::Month, "2026-01-01", "2026-02-01", &[Dimension::Channel])).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::InvalidArgument, "KPI_DIMENSIONS_NOT_DECLARED"));
    let text = &error.violations()[0];
    assert_eq!(text.field, "group_by");
    for part in [
        "cei by [channel]",
        "kept by [agent], [team], [client]",
        "add [channel] to the dimension_sets of charges, interest, moved_in, moved_out, placed, receivable_change",
    ] {
        assert!(text.description.contains(part), "{part} not in {}", text.description);
    }
}

#[test]
fn everything_wrong_with_a_question_is_named_at_once() {
    let mut asked = query("cei", Grain::Day, "2026-02-01", "2026-02-01", &[Dimension::Agent, Dimension::Agent]);
    asked.kpis.push("sei".to_owned());
    asked.filters = vec![(Dimension::Client, Vec::new())];
    let error = shipped().plan(&asked).unwrap_err();
    let fields: Vec<&str> = error.violations().iter().map(|one| one.field.as_str()).collect();
    assert_eq!(fields, ["group_by", "filters", "end_date", "kpi_ids[1]", "group_by"]);
    assert_eq!(error.reason(), "INVALID_KPI_QUERY");
    let long = shipped().plan(&query("cei", Grain::Day, "1990-01-01", "2026-01-01", &[])).unwrap_err();
    assert_eq!(long.violations()[0].field, "grain");
}

#[test]
fn dimensions_of_cases_are_held_against_what_is_stated() {
    let measure = |names: &str, set: &str| {
        compile(&format!(
            "version = 1\ncase_dimensions = [{names}]\n[[measure]]\nid = \"m\"\ntitle = \"t\"\ndescription = \"d\"\n\
             fact = \"contact\"\nagg = \"count\"\ndimension_sets = [[{set}]]\n"
        ))
    };
    let (risk, region) = ("\"attribute:risk\"", "\"segment:region\"");
    assert_eq!(measure(risk, risk), [] as [String; 0]);
    for (names, set, place, part) in [
        (risk, region, "k.toml:9:20", "names an unknown dimension \"segment:region\""),
        (risk, "\"case_1\"", "k.toml:9:20", "names an unknown dimension \"case_1\""),
        ("\"risk\"", "", "k.toml:2:20", "begins neither with attribute: nor with segment:"),
        (&format!("{risk}, {risk}"), "", "k.toml:2:38", "is stated twice"),
    ] {
        let found = measure(names, set);
        assert!(found.len() == 1 && found[0].starts_with(place) && found[0].contains(part), "{found:#?}");
    }
}

#[test]
fn accounts_are_counted_by_what_they_were_seen_for_alone() {
    for (agg, remedy, sets) in [
        ("distinct\"\nof = \"account", "account_seen", "[[]]"),
        ("lives", "account_life", "[[]]"),
        ("distinct\"\nof = \"debtor", "debtor_promise_judged", "[[]]"),
    ] {
        let found = compile(&format!(
            "version = 1\n[[measure]]\nid = \"m\"\ntitle = \"t\"\ndescription = \"d\"\nfact = \"contact\"\n\
             agg = \"{agg}\"\ndimension_sets = {sets}\n"
        ));
        assert!(found.len() == 1 && found[0].contains("s by facts of kind contact"), "{found:#?}");
        assert!(found[0].contains(&format!("take facts of kind {remedy}")), "{found:#?}");
    }
}
