//! Cases with several claims: which version of the law each is under, and to which of them a charge belongs.

use serde_json::{Value, json};

use super::small::{activity, ask, fold, noon, rules, rules_with, version};
use crate::compliance::{Note, Speaking};
use crate::domain::activity::Activity;
use crate::domain::verdict::Answer;
use crate::rules::words::Attribute;

/// Two claims on either side of a change of law on 2022-01-01.
fn both_sides() -> Value {
    json!([
        { "id": "c1", "principal": 10_000, "arose": "2019-03-01", "due_original": "2019-04-01" },
        { "id": "c2", "principal": 10_000, "arose": "2022-03-01", "due_original": "2022-04-01" },
    ])
}

fn charge(number: usize, day: i64, cents: i64, claim: Option<&str>) -> Activity {
    let mut detail = json!({ "kind": "charge", "step": "reminder", "amount": { "m": cents, "c": "EUR" } });
    if let Some(claim) = claim {
        detail["claim"] = json!(claim);
    }
    activity(number, noon(day), json!({}), detail)
}

fn unknown(said: Option<Speaking>, attribute: Attribute) -> bool {
    said.is_some_and(|said| said.answer == Answer::Unknown && said.note == Note::Missing(attribute))
}

/// A suit for two claims, one of which the new law bars: the other, older one does not hide it.
#[test]
fn a_claim_under_the_new_law_is_not_hidden_by_one_under_the_old() {
    let head = "valid_from = 2022-01-01\nversion_by = \"claim_arose_on\"";
    let law = rules_with(
        "",
        head,
        "[rule.limitation_period]\nterm = { years = 3, count = \"clear_days\", from = \"sent\", roll = \"none\" }\n\
         start = \"arose\"\nforbids = [\"legal_step\"]",
        None,
    );
    let suit = || activity(1, noon(1), json!({}), json!({ "kind": "legal_step", "step": "lawsuit" }));
    let answer = |claims: Value| {
        let version = version(json!({ "claims": claims }), json!({}));
        let (watch, _) = fold(&law, &version, &[], noon(0));
        ask(&law, &version, &watch, &suit())
    };
    assert_eq!(answer(both_sides()).map(|said| said.answer), Some(Answer::Broken), "the later one, by its own law");
    let both = json!([{ "id": "c1", "principal": 1, "arose": "2022-02-01" }, { "id": "c2", "principal": 1, "arose": "2025-03-01" }]);
    assert_eq!(answer(both).map(|said| said.answer), Some(Answer::Broken));
    let none = json!([{ "id": "c1", "principal": 1, "arose": "2019-03-01" }]);
    assert!(answer(none).is_none());
    let open = json!([{ "id": "c1", "principal": 1, "arose": "2025-03-01" }, { "id": "c2", "principal": 1 }]);
    assert!(unknown(answer(open), Attribute::ClaimArose));
}

/// A fee is judged by the law of the claim that it names; where it names none and they are under different ones, that is
/// what is missing.
#[test]
fn a_fee_is_under_the_law_of_its_claim() {
    let limits = "[rule.fee_cap]\nsteps = [\"reminder\"]\nbound = \"ceiling\"\namount = \"10.00\"\nper = \"charge\"";
    let law = rules_with("", "valid_from = 2022-01-01\nversion_by = \"due_on\"", limits, None);
    let version = version(json!({ "claims": both_sides() }), json!({}));
    let (watch, _) = fold(&law, &version, &[], noon(0));
    let said = |claim| ask(&law, &version, &watch, &charge(1, 1, 2_000, claim));
    assert_eq!(said(Some("c2")).map(|said| said.answer), Some(Answer::Broken));
    assert!(said(Some("c1")).is_none());
    assert!(unknown(said(None), Attribute::Claim));
    assert!(unknown(said(Some("c3")), Attribute::Claim));
}

/// Charges that name no claim count against the only one, and leave it open where there are several.
#[test]
fn a_charge_without_a_claim_counts_too() {
    let law = rules("[rule.fee_cap]\nsteps = [\"reminder\"]\nbound = \"ceiling\"\namount = \"10.00\"\nper = \"claim\"");
    let one = version(json!({}), json!({}));
    let two = version(json!({ "claims": both_sides() }), json!({}));
    let history = [charge(1, 1, 800, None)];
    let said = |version, cents| {
        let (watch, _) = fold(&law, version, &history, noon(2));
        ask(&law, version, &watch, &charge(2, 2, cents, Some("c1"))).unwrap()
    };
    let over = said(&one, 800);
    assert_eq!((over.answer, over.observed, over.remaining), (Answer::Broken, Some(1_600), Some(200)));
    assert_eq!(said(&one, 200).answer, Answer::Kept);
    assert!(unknown(Some(said(&two, 800)), Attribute::Claim));
    assert_eq!(said(&two, 200).answer, Answer::Kept);
    assert_eq!(said(&two, 1_001).answer, Answer::Broken);
}

/// A rate of the day on which the debt fell due: of claims that are under different ones, or of a claim that the case does not
/// state, it is not known which.
#[test]
fn a_rate_of_the_due_date_is_that_of_the_claim() {
    use super::bench;

    let table = "[[rate]]\nid = \"x\"\ntitle = \"t\"\nunit = \"percent\"\nsource = \"s\"\nconfidence = \"read\"\nentries = [\n\
                 { from = 2019-01-01, until = 2021-12-31, value = \"8\" },\n{ from = 2022-01-01, value = \"2\" } ]\n";
    let limits = "[rule.interest_cap]\nbound = \"ceiling\"\nrate = { table = \"x\" }\nrate_on = \"due_on\"";
    let law = bench::rules("", limits, table, "");
    let found = |claims: Value, claim: Option<&str>, ppm: i64| {
        let mut detail = json!({ "kind": "interest", "amount": bench::euros(0), "from": "2026-01-01", "to": "2026-01-31", "rate_ppm": ppm });
        if let Some(claim) = claim {
            detail["claim"] = json!(claim);
        }
        let history = [bench::act("i", bench::at(40, 0), detail)];
        let (out, broken) = bench::fold(&law, &bench::version(json!({ "claims": claims })), &history, &[], 41);
        let unknown = out.iter().filter(|one| {
            matches!(one, crate::compliance::Emission::Test { outcome: crate::compliance::TestOutcome::Unknown, .. })
        });
        (broken.len(), unknown.count())
    };
    assert_eq!(found(both_sides(), Some("c1"), 50_000), (0, 0));
    assert_eq!(found(both_sides(), Some("c2"), 50_000), (1, 0));
    assert_eq!(found(both_sides(), None, 50_000), (0, 1));
    assert_eq!(found(both_sides(), Some("c3"), 50_000), (0, 1));
    // Both rates forbid it, or neither does.
    assert_eq!(found(both_sides(), None, 90_000), (1, 0));
    assert_eq!(found(both_sides(), None, 20_000), (0, 0));
}

/// An accrual that names a claim which the case does not state: what asks no claim is judged all the same.
#[test]
fn what_asks_no_claim_is_judged_of_a_strange_one_too() {
    let tiers = "[rule.interest_cap]\nbound = \"ceiling\"\nrate = { percent = \"10\" }";
    let due = "starts = [{ after = \"due\" }]";
    let steps = "starts = [{ after = \"steps\", steps = [\"reminder\"] }]";
    let said = |limits: &str, ppm: i64| {
        let law = rules(limits);
        let version = version(json!({ "claims": both_sides() }), json!({}));
        let (watch, _) = fold(&law, &version, &[], noon(0));
        let detail = json!({
            "kind": "interest", "amount": { "m": 0, "c": "EUR" }, "from": "2026-01-01", "to": "2026-01-31",
            "rate_ppm": ppm, "claim": "c3",
        });
        ask(&law, &version, &watch, &activity(1, noon(40), json!({}), detail)).unwrap()
    };
    assert_eq!(said(&format!("{tiers}\n{due}"), 300_000).answer, Answer::Broken);
    assert!(unknown(Some(said(&format!("{tiers}\n{due}"), 50_000)), Attribute::Claim));
    assert_eq!(said(&format!("[rule.interest_cap]\nbound = \"ceiling\"\n{steps}"), 50_000).answer, Answer::Broken);
}
