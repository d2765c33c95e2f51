//! The schema of `jurisdictions/<id>/cases.toml`. Case versions and activities have the fields of their kinds, which the
//! examples' run checks.

use serde_json::{Value, json};

use super::money::currency;
use super::shape::{Table, choice, date, file, flag, number, open, table, tables, text, texts, word};
use crate::domain::finding::Severity;
use crate::domain::verdict::{Answer, Verdict};

/// The schema of worked examples.
pub(super) fn schema() -> Value {
    let root = table("Worked examples of a pack's rules")
        .need("format", json!({ "const": 1, "description": "Format of the file" }))
        .may("example", tables("The examples", example().end()));
    file("Fairdue: jurisdictions/<id>/cases.toml", root, &[])
}

fn example() -> Table {
    let severities = Severity::ALL.iter().map(|severity| severity.as_str());
    table("Facts of a case, activities, and what a rule must say of them")
        .need("name", text("What it shows"))
        .need("rule", text("The rule it proves"))
        .may("zone", text("IANA zone of its times and of the debtor; the pack's first without this key"))
        .may("currency", currency("ISO 4217 code; the pack's without this key"))
        .may("country", text("Country of the debtor; the pack's without this key"))
        .may("subdivision", text("Subdivision of the debtor"))
        .may("locality", text("County or city of the debtor"))
        .may("memberships", texts("Codes that the tenant has signed"))
        .may("block_guidelines", flag("The tenant lets guidelines block"))
        .may("facts", facts())
        .may("case", open("Parts of the case version, laid over a consumer's plain case"))
        .may("version", tables("Later versions of the case: parts laid over the one before", open("With effective")))
        .may("other", tables("Other cases: parts laid over each version of the first", open("With case, its id")))
        .may("activity", tables("What happens, in any order", open("id, kind, occurred and the fields of the kind")))
        .may("until", text("Until when time passes after the last activity"))
        .may("findings", texts("Activities on which the rule is found broken; due:DATE for an omission"))
        .may("severity", choice("Severity of each finding", severities))
        .may("unknown", texts("Activities on which the rule answers unknown"))
        .may("check", check())
        .rule("anyOf", json!([{ "required": ["activity"] }, { "required": ["check"] }]))
}

fn check() -> Value {
    let answers = Answer::ALL.iter().map(|answer| answer.as_str()).chain(["silent"]);
    table("A contact asked about after these activities, and the answer that must come")
        .may("contact", open("The activity asked about"))
        .may("verdict", word::<Verdict>("Verdict over all rules"))
        .may("answer", choice("What the rule itself answers", answers))
        .may("next_allowed", text("Earliest instant at which all rules allow it"))
        .may("remaining", number("How many more contacts the rule allows after this one", 0, 100_000))
        .may("duties", texts("What the rule says must be held or done, in its order"))
        .may("observed", number("What the rule has seen, in the unit of its observation", 0, i64::MAX))
        .may("limit", number("The limit that it shows", 0, i64::MAX))
        .end()
}

/// What a tenant declares of itself, in its file and in examples.
pub(super) fn facts() -> Value {
    let place = || text("The jurisdiction");
    let spanned = |table: Table| {
        table.need("from", date("First day")).may("until", date("Last day; open without this key")).end()
    };
    let loose = |table: Table| {
        table.may("from", date("First day; from ever without this key")).may("until", date("Last day")).end()
    };
    let licence = table("A licence that the tenant has")
        .need("jurisdiction", place())
        .need("number", text("Its number"))
        .may("licence", text("Its word, as a licence rule names it"))
        .may("authority", text("Who gave it"));
    let account =
        table("An account apart for clients' money").need("jurisdiction", place()).need("account", text("The account"));
    let scheme = table("A dispute scheme that the tenant belongs to")
        .need("jurisdiction", place())
        .need("scheme", text("The scheme"));
    let exemption = table("A rule that does not concern the tenant")
        .need("rule", text("The rule's id"))
        .need("reason", text("Why"));
    let membership = table("A code that the tenant has signed").need("code", text("The code, as the packs name it"));
    table("What the tenant declares of itself")
        .may("licence", tables("Licences", spanned(licence)))
        .may("exemption", tables("Rules that do not concern it", loose(exemption)))
        .may("client_account", tables("Accounts for clients' money", spanned(account)))
        .may("dispute_scheme", tables("Dispute schemes", spanned(scheme)))
        .may("membership", tables("Codes", loose(membership)))
        .end()
}
