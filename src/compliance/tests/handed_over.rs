//! Money handed over by the payments that it names: no more of them than it amounts to.

use serde_json::{Value, json};

use super::small::{activity, fold, noon, rules, version};

fn omitted(remittances: &[Value]) -> Vec<String> {
    let law = rules(
        "[rule.client_funds]\nwithin = { days = 20, count = \"clear_days\", from = \"received\", roll = \"none\" }",
    );
    let identity = json!({ "identity": { "creditor": "creditor", "ownership": "client", "collector_role": "agency" } });
    let paid = |number, cents: i64| {
        let detail = json!({ "kind": "payment", "amount": { "m": cents, "c": "EUR" }, "received_by": "collector" });
        activity(number, noon(1), json!({}), detail)
    };
    let mut history = vec![paid(1, 5_000), paid(2, 3_000)];
    history.extend((3..).zip(remittances).map(|(number, detail)| activity(number, noon(5), json!({}), detail.clone())));
    let (_, found) = fold(&law, &version(identity, json!({})), &history, noon(60));
    found.omitted.into_iter().map(|(trigger, _)| trigger).collect()
}

fn remitted(cents: i64, withheld: i64, payments: &[&str]) -> Value {
    json!({ "kind": "remittance", "amount": { "m": cents, "c": "EUR" }, "withheld": withheld, "payments": payments })
}

#[test]
fn a_payment_that_is_named_is_handed_over_as_far_as_the_money_goes() {
    let both = ["a001", "a002"];
    assert_eq!(omitted(&[remitted(8_000, 0, &both)]), Vec::<String>::new());
    assert_eq!(omitted(&[remitted(7_000, 1_000, &both)]), Vec::<String>::new());
    // A cent names payments of eighty euros.
    assert_eq!(omitted(&[remitted(1, 0, &both)]), ["a001", "a002"]);
    assert_eq!(omitted(&[remitted(7_999, 0, &both)]), ["a002"]);
    assert_eq!(omitted(&[remitted(7_999, 0, &both), remitted(1, 0, &["a002"])]), Vec::<String>::new());
    assert_eq!(omitted(&[remitted(3_000, 0, &["a002"])]), ["a001"]);
    // Money of other cases may be in it.
    assert_eq!(omitted(&[remitted(90_000, 0, &["a001", "a002", "another"])]), Vec::<String>::new());
}
