//! The schema of `server.toml`, read from the compiled-in defaults: their comments are the descriptions, and the limits
//! stand in them as `(1 to 1000)`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::shape::{choice, file, flag, table, text};
use crate::config::server::DEFAULTS;

/// The schema of the server's settings.
pub(super) fn schema() -> Value {
    let mut root = table("Settings of the server; a missing key means the default");
    for (section, keys) in settings() {
        let mut part = table(&format!("Settings of {section}"));
        for (key, shape) in keys {
            part = part.may(&key, shape);
        }
        root = root.may(&section, part.end());
    }
    file("Fairdue: server.toml", root, &[])
}

/// Each section's keys with their shapes.
fn settings() -> BTreeMap<String, Vec<(String, Value)>> {
    let mut found: BTreeMap<String, Vec<(String, Value)>> = BTreeMap::new();
    let (mut section, mut comment) = (String::new(), Vec::new());
    for line in DEFAULTS.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix('#') {
            comment.push(text.trim());
        } else if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
            comment.clear();
        } else if let Some((key, value)) = line.split_once('=') {
            let shape = shape(&comment.join(" "), value.trim());
            found.entry(section.clone()).or_default().push((key.trim().to_owned(), shape));
            comment.clear();
        } else {
            comment.clear();
        }
    }
    found
}

fn shape(about: &str, default: &str) -> Value {
    let mut shape = match default.parse::<i64>() {
        Ok(_) => {
            let mut number = json!({ "type": "integer", "description": about });
            if let (Some((low, high)), Value::Object(number)) = (limits(about), &mut number) {
                number.insert("minimum".to_owned(), json!(low));
                number.insert("maximum".to_owned(), json!(high));
            }
            number
        }
        Err(_) if matches!(default, "true" | "false") => flag(about),
        // The two words of a format are quoted in its comment.
        Err(_) if about.starts_with('"') => choice(about, about.split('"').skip(1).step_by(2)),
        Err(_) => {
            let mut text = text(about);
            if let Value::Object(text) = &mut text {
                // An empty text turns a listener off.
                text.remove("pattern");
            }
            text
        }
    };
    if let (Ok(default), Value::Object(shape)) = (serde_json::from_str::<Value>(default), &mut shape) {
        shape.insert("default".to_owned(), default);
    }
    shape
}

/// The limits that a comment states: `(1 to 1000)`, `(0 to 300; ...)`.
pub(super) fn limits(about: &str) -> Option<(i64, i64)> {
    about.split('(').skip(1).find_map(|part| {
        let (low, rest) = part.split_once(" to ")?;
        let high: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Some((low.parse().ok()?, high.parse().ok()?))
    })
}
