//! The scope of a pack: which cases its rules concern at all.

use chrono::NaiveDate;

use super::head::{Attributes, Scope};
use super::parse_rule;
use super::position::Position;
use super::reader::Reader;
use super::words::VersionBy;
use crate::domain::money::Currency;
use crate::domain::verdict::Confidence;

/// One row of a pack's scope. A pack covers a case that any of its rows admits; a pack without rows covers all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// Its id.
    pub id: String,
    /// What it says.
    pub text: String,
    /// Where the text stands.
    pub citation: String,
    /// Whether it was read there.
    pub confidence: Confidence,
    /// First day in force.
    pub valid_from: Option<NaiveDate>,
    /// Last day in force.
    pub valid_until: Option<NaiveDate>,
    /// Which date picks the version.
    pub version_by: VersionBy,
    /// Cases it admits.
    pub scope: Scope,
    /// What is taken for missing attributes.
    pub assume: Attributes,
    /// Where it stands.
    pub position: Position,
}

/// Reads the rows `[[scope]]` of a pack.
pub fn clauses(root: &mut Reader<'_, '_>, jurisdiction: &str, currency: Option<Currency>) -> Vec<Clause> {
    let mut out: Vec<Clause> = Vec::new();
    for mut reader in root.tables("scope") {
        if let Some(clause) = clause(&mut reader, jurisdiction, currency) {
            if out.iter().any(|one| one.id == clause.id) {
                reader.wrong("id", "two rows of the scope have this id", "give each row an id of its own");
            }
            out.push(clause);
        }
        reader.finish();
    }
    out
}

fn clause(reader: &mut Reader<'_, '_>, jurisdiction: &str, currency: Option<Currency>) -> Option<Clause> {
    let id = reader.need_text("id");
    if let Some(id) = &id {
        reader.rename(format!("scope {id}"));
        if !id.strip_prefix(jurisdiction).is_some_and(|rest| rest.starts_with('-') && rest.len() > 1) {
            let message = format!("id \"{id}\" does not begin with \"{jurisdiction}-\"");
            reader.wrong("id", &message, &format!("write {jurisdiction}-words-with-hyphens"));
        }
    }
    let (text, citation) = (reader.need_text("text"), reader.need_text("citation"));
    let confidence = reader.need_word::<Confidence>("confidence");
    let (valid_from, valid_until) = (reader.date("valid_from"), reader.date("valid_until"));
    let version_by = reader.word::<VersionBy>("version_by").unwrap_or(VersionBy::ActivityOn);
    let (mut scope, assume) = (parse_rule::scope(reader, currency), parse_rule::assume(reader));
    scope.max_principal = parse_rule::principal(reader, "max_principal", currency).or(scope.max_principal);
    if scope == Scope::default() && !reader.has("max_principal") {
        reader.missing(
            "applies_to",
            "{ collector_role = [\"agency\"] }, or max_principal: a row without them admits all",
        );
    }
    Some(Clause {
        id: id?,
        text: text?,
        citation: citation?,
        confidence: confidence?,
        valid_from,
        valid_until,
        version_by,
        scope,
        assume,
        position: reader.cx.position(reader.offset()),
    })
}
