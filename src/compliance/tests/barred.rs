//! When an account becomes barred where several rules speak, or something is missing to tell, against days counted by hand.

use serde_json::{Value, json};

use super::small::{market, noon, version};
use crate::compliance::{CaseWatch, Context, PersonLogs};
use crate::domain::diagnostic::SourceFile;
use crate::domain::limitation::{Enforceable, RunsFrom, Until};
use crate::rules::{Packs, RuleSet};

/// Two years from the due date for sales; a second rule as given.
fn law(second: &str) -> RuleSet {
    let rule = |id: &str, body: &str| {
        format!(
            "[[rule]]\nid = \"{id}\"\ntitle = \"t\"\ntext = \"t\"\ncitation = \"c\"\nsource = \"statute\"\n\
             effect = \"prohibits\"\nconfidence = \"read\"\n{body}"
        )
    };
    let example = |id: &str| {
        format!("[[example]]\nname = \"{id}\"\nrule = \"{id}\"\n[example.check]\ncontact = {{ kind = \"note\" }}\n")
    };
    let first = "applies_to = { debt_type = [\"sale\"] }\n[rule.limitation_period]\n\
        term = { years = 2, count = \"clear_days\", from = \"sent\", roll = \"none\" }\n\
        start = \"due\"\ninterrupted_by = [\"payment\"]\nforbids = [\"legal_step\"]\n";
    let mut rules = format!(
        "format = 1\njurisdiction = \"fr\"\nname = \"F\"\nversion = \"1\"\ncurrency = \"EUR\"\nzones = [\"UTC\"]\n\
         [calendar]\nweekend = [\"sat\", \"sun\"]\n{}",
        rule("fr-rule", first)
    );
    let mut examples = format!("format = 1\n{}", example("fr-rule"));
    if !second.is_empty() {
        rules.push_str(&rule("fr-second", second));
        examples.push_str(&example("fr-second"));
    }
    let file = |path: &str, text: String| SourceFile { path: path.to_owned(), text };
    let packs = Packs::compile(&[file("fr/rules.toml", rules), file("fr/cases.toml", examples)]);
    RuleSet::for_tenant(&packs.unwrap_or_else(|wrong| panic!("{wrong}")), None).unwrap()
}

/// What is said of a claim of 10 January 2024 on a day of January 2026 (day 0 is the fifth).
fn said(rules: &RuleSet, day: i64, case: Value) -> Enforceable {
    asked(rules, day, case).0
}

/// The same, and what is missing to tell it.
fn asked(rules: &RuleSet, day: i64, case: Value) -> (Enforceable, Vec<String>) {
    let mut whole = json!({
        "claims": [{ "id": "c1", "principal": 10_000, "due_original": "2024-01-10" }],
        "class": { "debt_type": "sale" },
    });
    for (key, value) in case.as_object().unwrap() {
        whole[key] = value.clone();
    }
    let (version, market, persons) = (version(whole, json!({})), market(), PersonLogs::default());
    let ctx = Context { rules, market: &market, version: &version, lead: true, persons: &persons };
    let watch = CaseWatch::open(&ctx, &mut Vec::new());
    let mut missing = Vec::new();
    let found = watch.enforceable(&ctx, noon(day), &|_| true, &mut missing);
    (found, missing.into_iter().map(|(rule, attribute)| format!("{rule} {attribute}")).collect())
}

fn last(day: &str, by: RunsFrom) -> Until {
    Until::Day(day.parse().unwrap(), by)
}

const BY_DEFAULT: &str = "applies_to = { debt_type = [\"sale\"] }\n[rule.limitation_period]\n\
    term = { years = 10, count = \"clear_days\", from = \"sent\", roll = \"none\" }\nstart = \"default\"\nforbids = [\"legal_step\"]\n";

#[test]
fn the_period_that_ends_first_decides() {
    let one = said(&law(""), 0, json!({}));
    assert_eq!(one.until, last("2026-01-10", RunsFrom::Start));
    assert_eq!(one.rule.map(|(rule, _)| rule.as_str().to_owned()).as_deref(), Some("fr-rule"));
    let longer = said(&law(BY_DEFAULT), 0, json!({ "dates": { "default_on": "2024-02-01" } }));
    assert_eq!(longer.until, last("2026-01-10", RunsFrom::Start));
    let shorter = said(&law(BY_DEFAULT), 0, json!({ "dates": { "default_on": "2016-01-02" } }));
    assert_eq!(shorter.until, last("2026-01-02", RunsFrom::Start));
    assert_eq!(shorter.rule.map(|(rule, _)| rule.as_str().to_owned()).as_deref(), Some("fr-second"));
}

#[test]
fn what_is_missing_leaves_it_open_until_another_period_has_ended() {
    let rules = law(BY_DEFAULT);
    // The second period may have ended at any time, for nobody says when it began.
    assert_eq!(said(&rules, 5, json!({})).until, Until::Unknown, "on the last day of the first one");
    assert_eq!(said(&rules, 6, json!({})).until, last("2026-01-10", RunsFrom::Start), "on the day after");
    assert_eq!(said(&rules, 0, json!({ "class": {} })).until, Until::Unknown, "the kind of debt");
    assert_eq!(said(&rules, 0, json!({ "class": { "debt_type": "rent" } })).until, Until::NoTerm);
    assert_eq!(said(&law(""), 0, json!({ "claims": [] })).until, Until::Unknown, "no claim");
    let lacks = |rules: &RuleSet, day, case| asked(rules, day, case).1;
    assert_eq!(lacks(&rules, 5, json!({})), ["fr-second default_date"]);
    assert!(lacks(&rules, 6, json!({})).is_empty(), "what has ended has, whatever is missing");
    assert_eq!(lacks(&rules, 0, json!({ "class": {} })), ["fr-rule debt_type", "fr-second default_date"]);
    assert_eq!(lacks(&law(""), 0, json!({ "claims": [] })), ["fr-rule claim_arose"]);
    let away = json!({ "dates": {}, "class": { "debt_type": "sale", "governing_law": "xx" } });
    assert_eq!(said(&law(""), 0, away).until, Until::Unknown, "a law without a pack");
}

#[test]
fn a_period_that_stands_still_has_no_end_and_a_version_to_come_is_looked_at_on_its_day() {
    let held = json!({ "dates": { "limitation_events": [{ "kind": "suspension", "on": "2025-03-01" }] } });
    assert_eq!(said(&law(""), 0, held.clone()).until, Until::Held);
    assert_eq!(said(&law(""), 5, held.clone()).look_again, "2026-01-11".parse().ok(), "then it would have ended");
    let (later, lacks) = asked(&law(""), 6, held);
    assert_eq!((later.until, lacks), (Until::Unknown, vec!["fr-rule resumption".to_owned()]));
    let again = json!({ "dates": { "limitation_events": [
        { "kind": "suspension", "on": "2025-03-01" }, { "kind": "resumption", "on": "2025-03-11" },
        { "kind": "payment", "on": "2026-01-08" },
    ] } });
    let found = said(&law(""), 0, again.clone());
    assert_eq!(found.until, last("2026-01-20", RunsFrom::Resumption));
    assert_eq!(found.look_again, Some("2026-01-08".parse().unwrap()), "what is dated later counts from then on");
    assert_eq!(said(&law(""), 3, again).until, last("2028-01-08", RunsFrom::Payment));
    let dated = "valid_from = 2026-01-09\napplies_to = { debt_type = [\"sale\"] }\n[rule.limitation_period]\n\
        term = { years = 1, count = \"clear_days\", from = \"sent\", roll = \"none\" }\nstart = \"due\"\nforbids = [\"legal_step\"]\n";
    let before = said(&law(dated), 3, json!({}));
    assert_eq!((before.until, before.look_again), (last("2026-01-10", RunsFrom::Start), "2026-01-09".parse().ok()));
    assert_eq!(said(&law(dated), 4, json!({})).until, last("2025-01-10", RunsFrom::Start));
}

/// The rule's own answers are proved by the examples of packs; the calendar says the same.
#[test]
fn what_may_hold_a_period_or_begin_it_anew_is_told_as_unproved() {
    let event = |kind: &str| json!({ "dates": { "limitation_events": [{ "kind": kind, "on": "2025-06-02" }] } });
    let unproved = last("2026-01-10", RunsFrom::Unproved);
    assert_eq!(said(&law(""), 0, event("negotiation")).until, unproved, "whether the law lets them was not read");
    assert_eq!(said(&law(""), 0, event("court_action")).until, Until::Held, "it may still be before the court");
    assert_eq!(said(&law(""), 6, event("court_action")).until, Until::Unknown);
    let mut ended = event("court_action");
    let resumed = json!({ "kind": "resumption", "on": "2025-09-01" });
    ended["dates"]["limitation_events"].as_array_mut().unwrap().push(resumed);
    assert_eq!(said(&law(""), 6, ended).until, last("2026-01-10", RunsFrom::Start), "it was, and nothing is added");
    let claims = |second: &str| {
        json!({
            "claims": [
                { "id": "c1", "principal": 1, "arose": "2024-01-02", "due_original": "2024-01-10" },
                { "id": "c2", "principal": 1, "arose": second, "due_original": "2025-12-01" },
            ],
            "dates": { "last_payment": "2025-06-02" },
        })
    };
    assert_eq!(said(&law(""), 0, claims("2024-02-01")).until, unproved, "on which claim was it paid?");
    assert_eq!(said(&law(""), 0, claims("2025-11-03")).until, last("2027-06-02", RunsFrom::Payment), "on the only one");
}

#[test]
fn rules_that_forbid_other_acts_bar_nothing() {
    let other = "applies_to = { debt_type = [\"sale\"] }\n[rule.limitation_period]\n\
        term = { years = 1, count = \"clear_days\", from = \"sent\", roll = \"none\" }\nstart = \"due\"\n\
        forbids = [\"legal_step:threat\", \"sale\", \"credit_report\"]\n";
    assert_eq!(said(&law(other), 0, json!({})).until, last("2026-01-10", RunsFrom::Start));
}

/// A second period for what fell due from 2025 on: one year.
const SINCE_2025: &str = "version_by = \"due_on\"\nvalid_from = 2025-01-01\napplies_to = { debt_type = [\"sale\"] }\n\
    [rule.limitation_period]\nterm = { years = 1, count = \"clear_days\", from = \"sent\", roll = \"none\" }\n\
    start = \"due\"\nforbids = [\"legal_step\"]\n";

#[test]
fn each_claim_has_the_law_of_its_own_day() {
    let rules = law(SINCE_2025);
    let claims =
        |second: Value| json!({ "claims": [{ "id": "c1", "principal": 1, "due_original": "2024-01-10" }, second] });
    let dated = claims(json!({ "id": "c2", "principal": 1, "due_original": "2025-01-06" }));
    let found = said(&rules, 0, dated);
    assert_eq!(found.until, last("2026-01-06", RunsFrom::Start), "the later claim by the later law");
    assert_eq!(found.rule.map(|(rule, _)| rule.as_str().to_owned()).as_deref(), Some("fr-second"));
    let later = claims(json!({ "id": "c2", "principal": 1, "due_original": "2025-02-01" }));
    assert_eq!(said(&rules, 0, later).until, last("2026-01-10", RunsFrom::Start), "the earlier claim is barred first");
    let open = claims(json!({ "id": "c2", "principal": 1 }));
    assert_eq!(asked(&rules, 0, open).0.until, Until::Unknown, "nobody knows when the second was due");
}
