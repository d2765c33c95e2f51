//! The schema of `imports/*.toml`. What an event becomes has the fields of its record, which the mapping's reader tries.

use serde_json::{Value, json};

use super::money::currency;
use super::shape::{choice, file, flag, number, open, table, tables, text, texts};
use crate::domain::vocabulary::Initiator;

/// The schema of a mapping.
pub(super) fn schema() -> Value {
    let root = table("How each event of a CSV becomes case versions and activities")
        .need("source", source())
        .may("case", open("What every case carries: fields of a case version"))
        .need("event", tables("The events of the file, one of which opens the case", event()));
    file("Fairdue: imports/*.toml", root, &[])
}

fn source() -> Value {
    let column = |what: &str| text(&format!("Column of {what}"));
    let ids = json!({
        "description": "What ids are made of: the columns that identify a record, else the content of the row, or its place in its case",
        "anyOf": [
            { "type": "array", "items": { "type": "string", "minLength": 1 }, "minItems": 1 },
            choice("Without columns", ["content", "place"]),
        ],
    });
    table("The file and its columns")
        .need("zone", text("IANA zone of dates and of times without an offset"))
        .need("currency", currency("ISO 4217 code of every amount"))
        .may("decimal", choice("What stands before the decimals of amounts; a point if absent", [".", ","]))
        .may("date_only", flag("Times are dates without a clock time"))
        .may("grouped", flag("The lines of a case stand together"))
        .need("case", column("the case id"))
        .need("event", column("the event's name"))
        .need("time", column("the time"))
        .need("ids", ids)
        .may("unused", table("Columns that nothing reads, with the reason").any(text("The reason")).end())
        .end()
}

fn event() -> Value {
    let column = |what: &str| text(&format!("Column of {what}"));
    let named = json!({
        "description": "Case attributes: columns of the same name, or names with their columns",
        "anyOf": [
            { "type": "array", "items": { "type": "string" } },
            { "type": "object", "additionalProperties": { "type": "string" } },
        ],
    });
    let when = |what: &str| table(what).need("column", text("The column")).need("in", texts("The values")).end();
    let ignore = table("Rows of which no activity is made")
        .need("when", when("Which rows: those whose column holds one of these values"))
        .need("reason", text("Why nothing is made of them"));
    let emit = table("One activity that the event becomes")
        .may("when", when("Only where the column holds one of these values"))
        .may("parent", text("The event whose first activity in the case is the parent"))
        .may("initiated_by", choice("Who began it", Initiator::ALL.iter().map(|one| one.as_str())))
        .may("agent", column("the agent who acted"))
        .need("activity", open("The kind and its fields; { money = COLUMN } and the like read the row"));
    table("An event")
        .need("name", text("Its name as the file has it"))
        .may(
            "open",
            table("It opens the case")
                .need("principal", column("the principal"))
                .may("claim", open("What else is known of its claim: fields of a claim"))
                .end(),
        )
        .may(
            "version",
            table("It makes a new version of the case")
                .may("due_in_days", number("The claim falls due so many days after the event", 0, 36_500))
                .end(),
        )
        .may("attributes", named)
        .may("emit", tables("Activities, in this order", emit.end()))
        .may("ignore", tables("Rows that no `when` of an emit takes, and why that is meant", ignore.end()))
        .end()
}
