//! The parts that schemas are built of. They follow JSON Schema draft 7, which TOML editors know.

use serde_json::{Map, Value, json};

use crate::rules::words::Word;

/// A table of a file.
pub(super) struct Table {
    about: String,
    properties: Map<String, Value>,
    required: Vec<Value>,
    other: Value,
    rules: Map<String, Value>,
}

/// Begins a table.
pub(super) fn table(about: &str) -> Table {
    Table {
        about: about.to_owned(),
        properties: Map::new(),
        required: Vec::new(),
        other: Value::Bool(false),
        rules: Map::new(),
    }
}

impl Table {
    /// A key that must be there.
    pub(super) fn need(mut self, key: &str, value: Value) -> Self {
        self.required.push(json!(key));
        self.may(key, value)
    }

    /// A key that may be there.
    pub(super) fn may(mut self, key: &str, value: Value) -> Self {
        self.properties.insert(key.to_owned(), value);
        self
    }

    /// Keys that may be there, from elsewhere.
    pub(super) fn with(mut self, keys: impl IntoIterator<Item = (String, Value)>) -> Self {
        self.properties.extend(keys);
        self
    }

    /// Keys that are data: each holds such a value.
    pub(super) fn any(mut self, value: Value) -> Self {
        self.other = value;
        self
    }

    /// Exactly one of these keys is there.
    pub(super) fn one_of(mut self, keys: &[&str]) -> Self {
        let each: Vec<Value> = keys.iter().map(|key| json!({ "required": [key] })).collect();
        self.rules.insert("oneOf".to_owned(), each.into());
        self
    }

    /// A further condition.
    pub(super) fn rule(mut self, key: &str, value: Value) -> Self {
        self.rules.insert(key.to_owned(), value);
        self
    }

    pub(super) fn end(self) -> Value {
        let mut out = Map::new();
        out.insert("type".to_owned(), json!("object"));
        out.insert("description".to_owned(), json!(self.about));
        out.insert("properties".to_owned(), Value::Object(self.properties));
        if !self.required.is_empty() {
            out.insert("required".to_owned(), Value::Array(self.required));
        }
        out.insert("additionalProperties".to_owned(), self.other);
        out.extend(self.rules);
        Value::Object(out)
    }
}

/// A whole file.
pub(super) fn file(title: &str, root: Table, definitions: &[(&str, Value)]) -> Value {
    let mut root = root.end();
    if let Value::Object(out) = &mut root {
        out.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
        out.insert("title".to_owned(), json!(title));
        let definitions: Map<String, Value> =
            definitions.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        if !definitions.is_empty() {
            out.insert("definitions".to_owned(), Value::Object(definitions));
        }
    }
    root
}

/// A part that the file defines once.
pub(super) fn of(name: &str, about: &str) -> Value {
    json!({ "description": about, "allOf": [{ "$ref": format!("#/definitions/{name}") }] })
}

/// A text that says something.
pub(super) fn text(about: &str) -> Value {
    json!({ "type": "string", "pattern": "\\S", "description": about })
}

/// A text of a form.
pub(super) fn pattern(about: &str, pattern: &str) -> Value {
    json!({ "type": "string", "pattern": pattern, "description": about })
}

/// A list of texts.
pub(super) fn texts(about: &str) -> Value {
    json!({ "type": "array", "items": { "type": "string" }, "description": about })
}

/// A list of texts of a form.
pub(super) fn patterns(about: &str, pattern: &str) -> Value {
    json!({ "type": "array", "items": { "type": "string", "pattern": pattern }, "description": about })
}

/// One of some words.
pub(super) fn choice<'w>(about: &str, words: impl IntoIterator<Item = &'w str>) -> Value {
    let words: Vec<&str> = words.into_iter().collect();
    json!({ "type": "string", "enum": words, "description": about })
}

/// Some of some words.
pub(super) fn choices<'w>(about: &str, words: impl IntoIterator<Item = &'w str>) -> Value {
    let words: Vec<&str> = words.into_iter().collect();
    json!({ "type": "array", "items": { "type": "string", "enum": words }, "description": about })
}

/// One word of a closed list.
pub(super) fn word<T: Word>(about: &str) -> Value {
    choice(about, T::all().iter().map(|word| word.name()))
}

/// Words of a closed list, at least one where the key is there.
pub(super) fn set<T: Word>(about: &str) -> Value {
    let mut list = choices(about, T::all().iter().map(|word| word.name()));
    if let Value::Object(list) = &mut list {
        list.insert("minItems".to_owned(), json!(1));
    }
    list
}

/// A whole number between two bounds.
pub(super) fn number(about: &str, low: i64, high: i64) -> Value {
    json!({ "type": "integer", "minimum": low, "maximum": high, "description": about })
}

/// Yes or no.
pub(super) fn flag(about: &str) -> Value {
    json!({ "type": "boolean", "description": about })
}

/// A date, which TOML writes without quotes.
pub(super) fn date(about: &str) -> Value {
    pattern(about, "^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
}

/// A local time.
pub(super) fn clock(about: &str) -> Value {
    pattern(about, "^[0-2][0-9]:[0-5][0-9]$")
}

/// A month and day.
pub(super) const MONTH_DAY: &str = "^[01][0-9]-[0-3][0-9]$";
/// An ISO 4217 code.
pub(super) const CURRENCY: &str = "^[A-Za-z]{3}$";

/// An amount in whole units of the currency.
pub(super) fn amount(about: &str) -> Value {
    pattern(about, "^[0-9]+(\\.[0-9]+)?$")
}

/// A decimal with at most four places.
pub(super) fn decimal(about: &str) -> Value {
    pattern(about, "^[0-9]{1,6}(\\.[0-9]{0,4})?$")
}

/// The same, of either sign.
pub(super) fn signed(about: &str) -> Value {
    pattern(about, "^-?[0-9]{1,6}(\\.[0-9]{0,4})?$")
}

/// A list of tables.
pub(super) fn tables(about: &str, item: Value) -> Value {
    json!({ "type": "array", "items": item, "description": about })
}

/// A table whose keys another part of the program checks.
pub(super) fn open(about: &str) -> Value {
    json!({ "type": "object", "description": about })
}
