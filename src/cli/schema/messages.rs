//! The schema of `messages/<language>.toml`. Which sentences there are, and which slots each fills, `fairdue check` says.

use serde_json::{Value, json};

use super::shape::{choice, file, of, table, text};

/// The schema of a language's sentences.
pub(super) fn schema() -> Value {
    let root = table("The sentences in which decisions and findings are told in one language")
        .need("language", text("BCP 47 tag, as \"de\""))
        .need("name", text("The language's own name"))
        .need("plural", choice("Which numbers are one", ["one", "zero_or_one"]))
        .any(of("phrases", "Sentences by their names"));
    let phrases = json!({
        "description": "A sentence, or a table of sentences; {slots} are filled, a part in [ ] goes where a slot is empty",
        "type": ["string", "object"],
        "additionalProperties": { "$ref": "#/definitions/phrases" },
    });
    file("Fairdue: messages/<language>.toml", root, &[("phrases", phrases)])
}
