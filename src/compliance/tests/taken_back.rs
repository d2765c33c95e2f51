//! What was taken back: charges in parts, letters that came back.

use serde_json::json;

use super::small::{activity, ask, fold, noon, rules, version};
use crate::domain::activity::Activity;
use crate::domain::verdict::Answer;

fn charge(number: usize, day: i64, cents: i64) -> Activity {
    let detail = json!({ "kind": "charge", "step": "reminder", "amount": { "m": cents, "c": "EUR" } });
    activity(number, noon(day), json!({}), detail)
}

/// A part of a charge that is taken back frees that part of its share, whatever VAT it bore, and no more.
#[test]
fn a_charge_with_vat_is_taken_back_in_parts() {
    let law = rules("[rule.fee_cap]\nsteps = [\"reminder\"]\nbound = \"ceiling\"\namount = \"10.00\"\nper = \"case\"");
    let version = version(json!({}), json!({}));
    let fee = json!({ "kind": "charge", "step": "reminder", "amount": { "m": 1_000, "c": "EUR" }, "vat": 200 });
    let back = |number, day, cents: i64| {
        let detail = json!({ "kind": "reversal", "reverses": "a001", "amount": { "m": cents, "c": "EUR" }, "reason": "reversal" });
        activity(number, noon(day), json!({}), detail)
    };
    let asked = |backs: &[i64], cents| {
        let mut history = vec![activity(1, noon(1), json!({}), fee.clone())];
        history.extend((2..).zip(backs).map(|(number, cents)| back(number, 2, *cents)));
        let (watch, _) = fold(&law, &version, &history, noon(3));
        let said = ask(&law, &version, &watch, &charge(9, 3, cents)).unwrap();
        (said.answer, watch.balance())
    };
    // Half of it: 500 of the net amount.
    assert_eq!(asked(&[600], 500), (Answer::Kept, 10_600));
    assert_eq!(asked(&[600], 501), (Answer::Broken, 10_600));
    // First the net amount, then the VAT: nothing of it is owed, and it frees what it took.
    assert_eq!(asked(&[1_000, 200], 1_000), (Answer::Kept, 10_000));
    assert_eq!(asked(&[1_200], 1_000), (Answer::Kept, 10_000));
    // More than there was takes nothing more back.
    assert_eq!(asked(&[1_200, 700], 1_000), (Answer::Kept, 10_000));
}

/// A letter that came back was no first letter: the debtor who pays on the next one pays on the first.
#[test]
fn a_letter_that_came_back_was_none() {
    let law = rules(
        "[rule.fee_cap]\nsteps = [\"reminder\"]\nbound = \"ceiling\"\namount = \"10.00\"\nper = \"case\"\n\
         factor_if_paid_on_first_letter = \"0.5\"",
    );
    let version = version(json!({}), json!({}));
    let letter = |number, day| {
        let detail = json!({ "kind": "contact", "channel": "letter", "outcome": "sent", "purpose": "demand" });
        activity(number, noon(day), json!({}), detail)
    };
    let returned = activity(
        3,
        noon(5),
        json!({ "parent": "a001" }),
        json!({ "kind": "message_event", "event": "returned", "channel": "letter" }),
    );
    let fee = charge(2, 1, 800);
    let paid = |number| {
        let detail = json!({ "kind": "payment", "amount": { "m": 10_800, "c": "EUR" } });
        activity(number, noon(20), json!({}), detail)
    };
    let broken = |history: &[Activity]| fold(&law, &version, history, noon(30)).1.broken;
    let twice = [letter(1, 1), fee.clone(), letter(4, 9), paid(5)];
    assert_eq!(broken(&twice), Vec::<String>::new());
    let once = [letter(1, 1), fee, returned, letter(4, 9), paid(5)];
    assert_eq!(broken(&once), ["a005"]);
}
