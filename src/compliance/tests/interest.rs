//! Interest of which something is not known, on more than is owed, on several claims, in another currency.

use serde_json::{Value, json};

use super::bench;
use super::small::{activity, ask, fold, noon, rules, told, unknown, version, with};
use crate::compliance::{Emission, Note, Speaking, TestOutcome};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::verdict::Answer;
use crate::rules::words::Attribute;

/// Interest of the year 2025.
fn interest(number: usize, day: i64, cents: i64, more: Value) -> Activity {
    let detail = json!({
        "kind": "interest", "amount": { "m": cents, "c": "EUR" }, "from": "2025-01-01", "to": "2025-12-31",
    });
    with(number, day, detail, more)
}

fn said(limits: &str, version: &CaseVersion, history: &[Activity], what: &Activity) -> Speaking {
    let law = rules(&format!("[rule.interest_cap]\nbound = \"ceiling\"\n{limits}"));
    let (watch, _) = fold(&law, version, history, noon(0));
    ask(&law, version, &watch, what).unwrap()
}

const TEN: &str = "rate = { percent = \"10\" }";

/// A lawful rate makes no amount lawful: the whole principal of 100.00 bears 10.00 in the year, and all that is owed a little
/// more.
#[test]
fn an_amount_that_no_base_yields() {
    let one = version(json!({}), json!({}));
    let fee = json!({ "kind": "charge", "step": "reminder", "amount": { "m": 1_000, "c": "EUR" } });
    let fee = [activity(1, noon(1), json!({}), fee)];
    let asked = |history: &[Activity], cents, more| told(said(TEN, &one, history, &interest(9, 9, cents, more)));
    let by_rate = json!({ "rate_ppm": 100_000 });
    assert_eq!(asked(&[], 1_000, by_rate.clone()).0, Answer::Kept);
    assert_eq!(asked(&[], 1_001, by_rate.clone()).0, Answer::Broken);
    assert_eq!(asked(&fee, 1_100, by_rate.clone()), unknown(Attribute::InterestBase));
    assert_eq!(asked(&fee, 1_101, by_rate.clone()).0, Answer::Broken);
    let much = |more: Value| {
        let mut more = more;
        (more["rate_ppm"], more["base"]) = (json!(100_000), json!(1_000_000));
        more
    };
    assert_eq!(asked(&fee, 1_000, much(json!({}))).0, Answer::Kept);
    assert_eq!(asked(&fee, 1_001, much(json!({}))), unknown(Attribute::InterestBase));
    assert_eq!(asked(&fee, 1_101, much(json!({}))).0, Answer::Broken);
    assert_eq!(asked(&fee, 1_100, much(json!({ "compound": true }))).0, Answer::Kept);
    assert_eq!(asked(&fee, 1_101, much(json!({ "compound": true }))).0, Answer::Broken);
    // Interest accrued before the history begins may be in the base.
    let late = version(json!({ "history_complete_from": noon(0).0 }), json!({}));
    assert_eq!(told(said(TEN, &late, &[], &interest(9, 9, 9_000, by_rate))), unknown(Attribute::InterestBase));
    // Nobody said at what rate, nor on what.
    assert_eq!(asked(&[], 999, json!({})), unknown(Attribute::InterestBase));
    assert_eq!(asked(&[], 1_001, json!({})).0, Answer::Broken);
}

/// The rate of a claim's accrual against days of which some have no rate: what is above the others' is a breach.
#[test]
fn a_day_without_a_rate_hides_no_excess() {
    let table = "[[rate]]\nid = \"x\"\ntitle = \"t\"\nunit = \"percent\"\nsource = \"s\"\nconfidence = \"read\"\nentries = [\n\
                 { from = 2026-01-01, until = 2026-01-10, value = \"2\" },\n{ from = 2026-01-11, no_figure = true } ]\n";
    let law = bench::rules(
        "",
        "[rule.interest_cap]\nbound = \"ceiling\"\nrate = { table = \"x\", points = \"8\" }",
        table,
        "",
    );
    let found = |more: Value| {
        let mut detail =
            json!({ "kind": "interest", "amount": bench::euros(0), "from": "2026-01-01", "to": "2026-01-20" });
        for (key, value) in more.as_object().unwrap() {
            detail[key] = value.clone();
        }
        let history = [bench::act("i", bench::at(40, 0), detail)];
        let (out, broken) = bench::fold(&law, &bench::version(json!({})), &history, &[], 41);
        let unknown = out.iter().filter(|one| matches!(one, Emission::Test { outcome: TestOutcome::Unknown, .. }));
        (broken.len(), unknown.count())
    };
    assert_eq!(found(json!({ "rate_ppm": 100_001 })), (1, 0));
    assert_eq!(found(json!({ "rate_ppm": 100_000 })), (0, 1));
    // Ten days of 365 yield 27.40 at ten percent.
    assert_eq!(found(json!({ "base": 1_000_000, "amount": bench::euros(2_740) })), (0, 0));
    assert_eq!(found(json!({ "base": 1_000_000, "amount": bench::euros(2_741) })), (0, 1));
}

fn two() -> CaseVersion {
    let claims = json!([
        { "id": "k1", "principal": 10_000, "due_original": "2024-06-01" },
        { "id": "k2", "principal": 90_000, "due_original": "2024-06-02" },
    ]);
    version(json!({ "claims": claims }), json!({}))
}

fn payment(number: usize, cents: i64, on: &str, claim: Option<&str>) -> Activity {
    let at = crate::domain::time::Timestamp::start_of(on.parse().unwrap(), chrono_tz::Tz::UTC);
    let mut detail = json!({ "kind": "payment", "amount": { "m": cents, "c": "EUR" } });
    if let Some(claim) = claim {
        detail["claim"] = json!(claim);
    }
    activity(number, at, json!({}), detail)
}

/// Interest runs on the claim that it names, and on what was open of it when it began.
#[test]
fn the_base_is_what_was_open() {
    for limits in ["base_at_most = \"principal\"", "base_at_most = \"overdue\""] {
        let asked = |history: &[Activity], base: i64, claim: Option<&str>| {
            let mut more = json!({ "base": base });
            if let Some(claim) = claim {
                more["claim"] = json!(claim);
            }
            told(said(limits, &two(), history, &interest(9, 9, 1, more)))
        };
        let broken = |told: (Answer, Note)| told.0 == Answer::Broken;
        assert_eq!(asked(&[], 10_000, Some("k1")).0, Answer::Kept);
        assert!(broken(asked(&[], 10_001, Some("k1"))));
        assert_eq!(asked(&[], 100_000, None).0, Answer::Kept);
        assert_eq!(asked(&[], 1, Some("k3")), unknown(Attribute::Claim));
        let all = [payment(1, 100_000, "2024-12-31", None)];
        assert!(broken(asked(&all, 1, None)) && broken(asked(&all, 1, Some("k2"))));
        // What was paid after interest began was open until then.
        let later = [payment(1, 100_000, "2025-01-02", None)];
        assert_eq!(asked(&later, 100_000, None).0, Answer::Kept);
        let named = [payment(1, 4_000, "2024-12-31", Some("k1"))];
        assert_eq!(asked(&named, 6_000, Some("k1")).0, Answer::Kept);
        assert!(broken(asked(&named, 6_001, Some("k1"))) && broken(asked(&named, 96_001, None)));
        // One that names none went to the older claim by its order, and may have been for the other.
        let unnamed = [payment(1, 4_000, "2024-12-31", None)];
        assert_eq!(asked(&unnamed, 6_001, Some("k1")), unknown(Attribute::PaidClaim));
        assert!(broken(asked(&unnamed, 96_001, None)));
    }
    let open =
        json!([{ "id": "k1", "principal": 10_000, "due_original": "2024-06-01" }, { "id": "k2", "principal": 90_000 }]);
    let open = version(json!({ "claims": open }), json!({}));
    let asked =
        |base: i64| told(said("base_at_most = \"overdue\"", &open, &[], &interest(9, 9, 1, json!({ "base": base }))));
    assert_eq!(asked(10_000).0, Answer::Kept);
    assert_eq!(asked(10_001), unknown(Attribute::DueDate));
    assert_eq!(asked(100_001).0, Answer::Broken);
}

/// A claim whose due date nobody stated may be the one on which interest runs; one that cannot be early enough may not.
#[test]
fn a_claim_without_a_due_date_may_be_older() {
    let begun = |second: Value| {
        let first = json!({ "id": "k1", "principal": 1, "due_original": "2025-03-01", "due_fixed_by_contract": true });
        let claims = version(json!({ "claims": [first, second] }), json!({}));
        let limits = "starts = [{ after = \"due\", only_if_fixed = true }]";
        told(said(limits, &claims, &[], &interest(9, 9, 1, json!({ "from": "2025-02-01" }))))
    };
    let second = |due: Value, fixed: Value| json!({ "id": "k2", "principal": 1, "due_original": due, "due_fixed_by_contract": fixed });
    assert_eq!(begun(second(Value::Null, Value::Null)), unknown(Attribute::DueDate));
    assert_eq!(begun(second(Value::Null, json!(true))), unknown(Attribute::DueDate));
    assert_eq!(begun(second(json!("2025-01-31"), Value::Null)), unknown(Attribute::DueFixedByContract));
    assert_eq!(begun(second(json!("2025-02-01"), Value::Null)).0, Answer::Broken);
    assert_eq!(begun(second(Value::Null, json!(false))).0, Answer::Broken);
}

/// All of it together: with VAT, and nothing of another currency.
#[test]
fn the_total_holds_vat_and_one_currency() {
    let one = version(json!({}), json!({}));
    let limits = "total = { percent = \"100\", count = [\"interest\", \"charges\"] }";
    let charge = |cents: i64, vat: i64, currency: &str| {
        let detail =
            json!({ "kind": "charge", "step": "reminder", "amount": { "m": cents, "c": currency }, "vat": vat });
        activity(9, noon(9), json!({}), detail)
    };
    let history = |cents| [interest(1, 1, cents, json!({}))];
    let asked = |before: i64, what: &Activity| said(limits, &one, &history(before), what);
    assert_eq!(asked(9_900, &charge(80, 20, "EUR")).answer, Answer::Kept);
    let over = asked(9_900, &charge(80, 21, "EUR"));
    assert_eq!((over.answer, over.observed), (Answer::Broken, Some(10_001)));
    assert_eq!(told(asked(9_900, &charge(1_100, 0, "USD"))), unknown(Attribute::Currency));
    assert_eq!(asked(10_001, &charge(1, 0, "USD")).answer, Answer::Broken, "it was too much before");
}
