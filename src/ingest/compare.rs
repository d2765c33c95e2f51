//! Are two records of one id the same? If not, which fields differ, as the wire names them.

use serde::Serialize;
use serde_json::Value;

/// Fields of a record itself whose name on the wire differs.
const OUTER: [(&str, &str); 15] = [
    ("id", "activity_id"),
    ("case", "case_id"),
    ("version", "version_id"),
    ("occurred", "occur_time"),
    ("received", "receive_time"),
    ("effective", "effect_time"),
    ("ended", "end_time"),
    ("cases", "case_ids"),
    ("person", "person_id"),
    ("parent", "parent_activity_id"),
    ("source_seq", "source_sequence"),
    ("initiated_by", "initiator"),
    ("currency", "currency_code"),
    ("class", "legal_class"),
    ("history_complete_from", "history_complete_time"),
];
/// Fields further inside whose name on the wire differs, and differs alike wherever they stand.
const INNER: [(&str, &str); 34] = [
    ("agent", "agent_id"),
    ("team", "team_id"),
    ("client", "client_id"),
    ("creditor", "creditor_id"),
    ("original_creditor", "original_creditor_id"),
    ("claim_owner", "claim_owner_id"),
    ("collector_entity", "collector_entity_id"),
    ("portfolio", "portfolio_id"),
    ("product", "product_id"),
    ("account_group", "account_group_id"),
    ("mandate", "mandate_id"),
    ("placed", "place_time"),
    ("seller", "seller_id"),
    ("campaign", "campaign_id"),
    ("contact_point", "contact_point_id"),
    ("template", "template_id"),
    ("variant", "variant_id"),
    ("language", "language_code"),
    ("deadline", "deadline_date"),
    ("delivered", "deliver_time"),
    ("returned", "return_time"),
    ("due", "due_date"),
    ("supersedes", "superseded_promise_id"),
    ("allocation", "allocations"),
    ("promise", "promise_id"),
    ("claim", "claim_id"),
    ("original", "original_amount"),
    ("reverses", "reversed_activity_id"),
    ("asserted_on", "assert_date"),
    ("target", "target_activity_id"),
    ("payments", "payment_ids"),
    ("newest", "newest_date"),
    ("agreed_default_rate_ppm", "agreed_default_rate"),
    ("contract_rate_ppm", "contract_rate"),
];

/// The path of a field below `path`, as the wire names it.
fn below(path: &str, name: &str, left: &Value, right: &Value) -> String {
    let renamed = |table: &[(&str, &'static str)]| table.iter().find(|(core, _)| *core == name).map(|(_, wire)| *wire);
    if path.is_empty() {
        // What an activity is stands on the wire in a field named as its kind.
        let kind = |value: &Value| value.get("kind").and_then(Value::as_str).map(str::to_owned);
        return match (name, kind(left), kind(right)) {
            ("detail", Some(left), Some(right)) if left == right => left,
            _ => renamed(&OUTER).unwrap_or(name).to_owned(),
        };
    }
    match name {
        // Money is one field on the wire.
        "m" => path.to_owned(),
        "c" => format!("{path}.currency_code"),
        _ => format!("{path}.{}", renamed(&INNER).unwrap_or(name)),
    }
}

/// Names of the fields in which two records differ, at most ten, deepest known path first.
#[must_use]
pub fn differing<T: Serialize>(a: &T, b: &T) -> Vec<String> {
    let (Ok(a), Ok(b)) = (serde_json::to_value(a), serde_json::to_value(b)) else {
        return vec!["record".to_owned()];
    };
    let mut found = Vec::new();
    walk("", &a, &b, &mut found);
    found.truncate(10);
    found
}

fn walk(path: &str, a: &Value, b: &Value, found: &mut Vec<String>) {
    if a == b {
        return;
    }
    match (a, b) {
        (Value::Object(left), Value::Object(right)) => {
            let mut names: Vec<&String> = left.keys().chain(right.keys()).collect();
            names.sort();
            names.dedup();
            for name in names {
                let (left, right) = (left.get(name).unwrap_or(&Value::Null), right.get(name).unwrap_or(&Value::Null));
                walk(&below(path, name, left, right), left, right, found);
            }
        }
        _ => found.push(if path.is_empty() { "record".to_owned() } else { path.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_named_as_the_wire_names_them() {
        let record = |minor: i64, currency: &str, agent: &str| {
            serde_json::json!({
                "id": "p1", "occurred": 5, "actor": { "agent": agent },
                "detail": { "kind": "payment", "amount": { "m": minor, "c": currency }, "promise": agent },
            })
        };
        assert_eq!(differing(&record(1, "EUR", "a"), &record(1, "EUR", "a")), Vec::<String>::new());
        assert_eq!(differing(&record(1, "EUR", "a"), &record(2, "EUR", "a")), ["payment.amount"]);
        assert_eq!(
            differing(&record(1, "EUR", "a"), &record(1, "SEK", "b")),
            ["actor.agent_id", "payment.amount.currency_code", "payment.promise_id"]
        );
        let note = serde_json::json!({ "id": "p1", "occurred": 6, "detail": { "kind": "note" } });
        let found = differing(&record(1, "EUR", "a"), &note);
        assert!(found.contains(&"occur_time".to_owned()) && found.contains(&"detail.kind".to_owned()), "{found:?}");
    }
}
