//! Fees of cases with several claims, with VAT, with something missing, and beside charges of other days.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::small::{activity, ask, fold, noon, rules, told, unknown, version, with};
use crate::compliance::{Note, Speaking};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::verdict::Answer;
use crate::rules::words::Attribute;

fn claims(principals: &[i64]) -> CaseVersion {
    let claims: Vec<Value> = (1..)
        .zip(principals)
        .map(|(at, principal)| json!({ "id": format!("k{at}"), "principal": principal }))
        .collect();
    version(json!({ "claims": claims }), json!({}))
}

fn charge(number: usize, day: i64, cents: i64, more: Value) -> Activity {
    let detail = json!({ "kind": "charge", "step": "reminder", "amount": { "m": cents, "c": "EUR" } });
    with(number, day, detail, more)
}

fn said(limits: &str, version: &CaseVersion, history: &[Activity], what: &Activity) -> Speaking {
    let law = rules(&format!("[rule.fee_cap]\nsteps = [\"reminder\"]\nbound = \"ceiling\"\n{limits}"));
    let (watch, _) = fold(&law, version, history, noon(0));
    ask(&law, version, &watch, what).unwrap()
}

const KEPT: (Answer, Note) = (Answer::Kept, Note::None);
const BROKEN: (Answer, Note) = (Answer::Broken, Note::None);

/// A form that nobody recorded leaves open whether a lawful fee is owed, and not that far too much of it is.
#[test]
fn what_is_missing_hides_no_excess() {
    let limits = "amount = \"10.00\"\nper = \"case\"\nmax_count = 2\nrequires = [\"written_notice\"]";
    let letter = json!({ "kind": "contact", "channel": "letter", "purpose": "reminder", "outcome": "sent" });
    let mut history = vec![activity(1, noon(1), json!({}), letter)];
    let one = version(json!({}), json!({}));
    let asked = |history: &[Activity], cents| told(said(limits, &one, history, &charge(9, 3, cents, json!({}))));
    assert_eq!(asked(&history, 1_000), unknown(Attribute::NoticeForm));
    assert_eq!(asked(&history, 1_001), BROKEN);
    history.extend([charge(2, 1, 1, json!({})), charge(3, 2, 1, json!({}))]);
    assert_eq!(asked(&history, 1).0, Answer::Broken, "the third");
    let vat = "amount = \"10.00\"\nper = \"case\"\nvat_only_if_not_deductible = true";
    let with_vat = |cents| told(said(vat, &one, &[], &charge(9, 3, cents, json!({ "vat": 5 }))));
    assert_eq!(with_vat(1_000), unknown(Attribute::VatDeduction));
    assert_eq!(with_vat(1_001), BROKEN);
}

/// More than the highest rate of VAT makes of a charge is no VAT, in one charge or over several.
#[test]
fn what_cannot_be_vat_is_a_charge() {
    let one = version(json!({}), json!({}));
    let asked = |limits: &str, history: &[Activity], cents, vat| {
        told(said(limits, &one, history, &charge(9, 3, cents, json!({ "vat": vat }))))
    };
    let ten = "amount = \"10.00\"\nper = \"case\"";
    assert_eq!(asked(ten, &[], 1_000, 270), KEPT);
    assert_eq!(asked(ten, &[], 1_000, 271), BROKEN);
    assert_eq!(asked(ten, &[], 0, 1_000), KEPT);
    assert_eq!(asked(ten, &[], 0, 1_001), BROKEN);
    assert_eq!(asked("amount = \"0.00\"\nper = \"case\"", &[], 0, 1), BROKEN);
    // VAT that comes in a charge of its own belongs to those before it.
    let net = [charge(1, 1, 1_000, json!({}))];
    assert_eq!(asked(ten, &net, 0, 270), KEPT);
    assert_eq!(asked(ten, &net, 0, 271), BROKEN);
}

/// A fee that names no claim may be for either, or for both.
#[test]
fn a_fee_for_any_of_several_claims() {
    let limits = "per = \"claim\"\ntiers = [{ up_to = \"100.00\", amount = \"14.00\" }, { amount = \"50.00\" }]";
    let prior = |cents: i64, on: &str| json!({ "step": "reminder", "amount": { "m": cents, "c": "EUR" }, "on": on });
    let asked = |version: &CaseVersion, history: &[Activity], cents: i64, more: Value| {
        told(said(limits, version, history, &charge(9, 9, cents, more)))
    };
    let small = claims(&[8_000, 8_000]);
    let mixed = claims(&[8_000, 200_000]);
    assert_eq!(asked(&small, &[], 1_400, json!({})), KEPT);
    for (version, most) in [(&small, 2_800), (&mixed, 6_400)] {
        assert_eq!(asked(version, &[], 1_401, json!({})), unknown(Attribute::Claim));
        assert_eq!(asked(version, &[], most, json!({})), unknown(Attribute::Claim));
        assert_eq!(asked(version, &[], most + 1, json!({})), BROKEN);
    }
    let first = [charge(1, 1, 1_400, json!({}))];
    assert_eq!(asked(&small, &first, 1_400, json!({})), unknown(Attribute::Claim));
    assert_eq!(asked(&small, &first, 1_401, json!({})), BROKEN);
    // What was charged before for both leaves nothing for either.
    let mut before = claims(&[8_000, 8_000]);
    before.prior_charges = serde_json::from_value(json!([prior(2_800, "2026-01-05")])).unwrap();
    assert_eq!(asked(&before, &[], 1, json!({ "claim": "k1" })), BROKEN);
    before.prior_charges = serde_json::from_value(json!([prior(1_400, "2026-01-05")])).unwrap();
    assert_eq!(asked(&before, &[], 1_400, json!({ "claim": "k1" })), unknown(Attribute::Claim));
    // A charge of a later day is none yet.
    before.prior_charges = serde_json::from_value(json!([prior(2_800, "2026-02-05")])).unwrap();
    assert_eq!(asked(&before, &[], 1_400, json!({ "claim": "k1" })), KEPT);
}

/// Number and days are those of the same claim.
#[test]
fn fees_of_another_claim_count_elsewhere() {
    let both = claims(&[8_000, 8_000]);
    let fee = |number, day, claim: &str| charge(number, day, 1, json!({ "claim": claim }));
    let asked = |limits: &str, history: &[Activity], what: &Activity| told(said(limits, &both, history, what)).0;
    let days = "no_figure = true\nper = \"charge\"\nmin_days_between = 10";
    let history = [fee(1, 1, "k1"), fee(2, 5, "k2")];
    assert_eq!(asked(days, &history[..1], &fee(9, 5, "k2")), Answer::Kept);
    assert_eq!(asked(days, &history, &fee(9, 10, "k1")), Answer::Broken);
    assert_eq!(asked(days, &history, &fee(9, 11, "k1")), Answer::Kept);
    // Whichever it is for, it comes too soon; or it comes in time for one.
    let any = |day| charge(9, day, 1, json!({}));
    assert_eq!(asked(days, &history, &any(10)), Answer::Broken);
    assert_eq!(asked(days, &history, &any(11)), Answer::Unknown);
    assert_eq!(asked(days, &history, &any(15)), Answer::Kept);
    let count = "no_figure = true\nper = \"charge\"\nmax_count = 2";
    let twice = [fee(1, 1, "k1"), fee(2, 2, "k1")];
    assert_eq!(asked(count, &twice, &fee(9, 3, "k2")), Answer::Kept);
    assert_eq!(asked(count, &twice, &fee(9, 3, "k1")), Answer::Broken);
    assert_eq!(asked(count, &twice, &any(3)), Answer::Unknown);
    let all = format!("{count}\nacross_claims = true");
    assert_eq!(asked(&all, &twice, &fee(9, 3, "k2")), Answer::Broken);
    let case = count.replace("\"charge\"", "\"case\"");
    assert_eq!(asked(&case, &twice, &fee(9, 3, "k2")), Answer::Broken);
}

/// A charge from before the case came that is dated after what is judged is neither counted nor waited for.
#[test]
fn a_prior_charge_of_a_later_day_is_none_before() {
    let mut later = version(json!({}), json!({}));
    let prior = json!([{ "step": "reminder", "amount": { "m": 500, "c": "EUR" }, "on": "2026-01-20" }]);
    later.prior_charges = serde_json::from_value(prior).unwrap();
    let limits = "amount = \"5.00\"\nper = \"case\"\nmax_count = 1\nmin_days_between = 15";
    let asked = |day| told(said(limits, &later, &[], &charge(1, day, 500, json!({})))).0;
    assert_eq!(asked(14), Answer::Kept);
    assert_eq!(asked(15), Answer::Broken);
}

/// No more than was agreed, where it must have been; what was agreed to be nothing was not.
#[test]
fn the_agreed_fee_is_the_most() {
    let asked = |limits: &str, agreed: i64, cents| {
        let version = version(json!({ "terms": { "agreed_reminder_fee": agreed } }), json!({}));
        said(&format!("{limits}\nrequires = [\"agreed_reminder_fee\"]"), &version, &[], &charge(1, 1, cents, json!({})))
    };
    for limits in ["amount = \"60.00\"\nper = \"case\"", "no_figure = true\nper = \"case\""] {
        assert_eq!(asked(limits, 3_000, 3_000).answer, Answer::Kept);
        let over = asked(limits, 3_000, 3_001);
        assert_eq!((over.answer, over.limit), (Answer::Broken, Some(3_000)));
        assert_eq!(asked(limits, 0, 1).note, Note::Word("agreed_reminder_fee"));
    }
    assert_eq!(asked("amount = \"60.00\"\nper = \"case\"", 9_000, 6_001).limit, Some(6_000));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// A breach is told exactly where no way to put the charges to the claims is lawful; it is kept where every way is.
    #[test]
    fn every_way_to_put_charges_to_claims(
        history in prop::collection::vec((0_i64..5, 0_usize..3), 0..4), last in 0_i64..6, named in 0_usize..3,
    ) {
        let (caps, both) = ([4_i64, 7], claims(&[8_000, 200_000]));
        let limits = "per = \"claim\"\ntiers = [{ up_to = \"100.00\", amount = \"0.04\" }, { amount = \"0.07\" }]";
        let claim = |named: usize| if named == 0 { json!({}) } else { json!({ "claim": format!("k{named}") }) };
        let of = |wanted: usize| history.iter().filter(|(_, named)| *named == wanted).map(|(cents, _)| *cents).sum::<i64>();
        // Those that name none, in every way to share them; what is too much by itself by its name is no matter of theirs.
        let open = of(0) + if named == 0 { last } else { 0 };
        let used = [1, 2].map(|at| of(at) + if named == at { last } else { 0 });
        let own_over = named > 0 && used[named - 1] > caps[named - 1];
        let lawful = |share: i64| {
            let all = [share, open - share];
            (0..2).all(|at| all[at] == 0 || used[at] + all[at] <= caps[at])
        };
        let ways: Vec<bool> = (0..=open).map(lawful).collect();
        let prior: Vec<Activity> =
            (1..).zip(&history).map(|(at, (cents, named))| charge(at, 1, *cents, claim(*named))).collect();
        let answer = said(limits, &both, &prior, &charge(90, 2, last, claim(named))).answer;
        prop_assert_eq!(answer == Answer::Broken, own_over || ways.iter().all(|lawful| !lawful));
        if answer == Answer::Kept && named > 0 {
            prop_assert!(used[named - 1] + open <= caps[named - 1]);
        }
    }
}

/// What came too soon may be charged later only where nothing else is wrong with it, and only where that is known.
#[test]
fn waiting_lowers_no_amount() {
    let limits = "amount = \"5.00\"\nper = \"charge\"\nmin_days_between = 14";
    let before = [charge(1, 1, 500, json!({}))];
    let one = version(json!({}), json!({}));
    let later = Some(noon(15).plus(-12 * 3_600 * crate::domain::time::SECOND));
    let asked = |limits: &str, version: &CaseVersion, cents, more: Value| {
        let said = said(limits, version, &before, &charge(9, 3, cents, more));
        assert_eq!(said.answer, Answer::Broken, "{said:?}");
        (said.observed, said.allowed_from)
    };
    assert_eq!(asked(limits, &one, 500, json!({})), (Some(2), later));
    assert_eq!(asked(limits, &one, 550, json!({})), (Some(550), None));
    // A condition of which nothing is known is not met by waiting.
    let conditional = format!("{limits}\nrequires = [\"cost_clause\"]");
    assert_eq!(asked(&conditional, &one, 500, json!({})), (Some(2), None));
    // Tax that may not be charged stays so; what is too much without it is told.
    let vat = format!("{limits}\nvat_only_if_not_deductible = true");
    let deducts = version(json!({ "terms": { "creditor_deducts_vat": true } }), json!({}));
    assert_eq!(asked(&vat, &deducts, 400, json!({ "vat": 76 })), (Some(76), None));
    assert_eq!(asked(&vat, &deducts, 550, json!({ "vat": 76 })), (Some(550), None));
    // Nor is it known of what other claim or currency an amount is.
    let pounds = version(json!({ "currency": "GBP" }), json!({}));
    assert_eq!(asked(limits, &pounds, 500, json!({})), (Some(2), None));
}
