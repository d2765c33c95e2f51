//! Are two records of one id the same? If not, which fields differ, as the wire names them.

use serde::Serialize;
use serde_json::Value;

/// Fields of the core whose name on the wire differs.
const WIRE: [(&str, &str); 8] = [
    ("occurred", "occur_time"),
    ("received", "receive_time"),
    ("effective", "effect_time"),
    ("ended", "end_time"),
    ("cases", "case_ids"),
    ("person", "person_id"),
    ("parent", "parent_activity_id"),
    ("version", "version_id"),
];

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
                let wire = WIRE.iter().find(|(core, _)| core == name).map_or(name.as_str(), |(_, wire)| *wire);
                let below = if path.is_empty() { wire.to_owned() } else { format!("{path}.{wire}") };
                walk(&below, left.get(name).unwrap_or(&Value::Null), right.get(name).unwrap_or(&Value::Null), found);
            }
        }
        _ => found.push(if path.is_empty() { "record".to_owned() } else { path.to_owned() }),
    }
}
