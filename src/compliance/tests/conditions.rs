//! Conditions that end for one of several persons.

use serde_json::json;

use super::small::{activity, ask, fold, noon, rules, version};
use crate::domain::activity::Activity;
use crate::domain::verdict::Answer;

fn insolvency(number: usize, day: i64, person: Option<&str>, ended: bool) -> Activity {
    let detail = json!({ "kind": "condition", "condition": "insolvency", "ended": ended });
    activity(number, noon(day), json!({ "person": person }), detail)
}

/// What was told of nobody by name concerns everybody, and ends for whom it is said to end.
#[test]
fn what_concerns_everybody_ends_for_one() {
    let law = rules("[rule.contact_block]\nconditions = [\"insolvency\"]");
    let mut version = version(json!({}), json!({}));
    let other = json!({ "person": "q", "role": "co_debtor", "residences": [{ "country": "FR" }] });
    version.parties.push(serde_json::from_value(other).unwrap());
    let answers = |history: &[Activity]| {
        let (watch, _) = fold(&law, &version, history, noon(9));
        ["p", "q"].map(|person| {
            let call =
                activity(99, noon(9), json!({ "person": person }), json!({ "kind": "contact", "channel": "call" }));
            ask(&law, &version, &watch, &call).map_or(Answer::Kept, |said| said.answer)
        })
    };
    let all = || insolvency(1, 1, None, false);
    assert_eq!(answers(&[all()]), [Answer::Broken, Answer::Broken]);
    assert_eq!(answers(&[all(), insolvency(2, 2, Some("q"), true)]), [Answer::Broken, Answer::Kept]);
    assert_eq!(answers(&[all(), insolvency(2, 2, None, true)]), [Answer::Kept, Answer::Kept]);
    let each = [all(), insolvency(2, 2, Some("q"), true), insolvency(3, 3, Some("p"), true)];
    assert_eq!(answers(&each), [Answer::Kept, Answer::Kept]);
    let again = [all(), insolvency(2, 2, Some("q"), true), insolvency(3, 3, Some("q"), false)];
    assert_eq!(answers(&again), [Answer::Broken, Answer::Broken]);
    // A later end for all does not move the end for one.
    assert_eq!(
        answers(&[insolvency(1, 1, Some("p"), false), insolvency(2, 2, None, true)]),
        [Answer::Kept, Answer::Kept]
    );
}
