//! What changed in law between two sets of packs, in plain words: every field of every rule, pack and dated table.

mod packs;
mod rules;
mod tables;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::compile::Packs;
use super::tell::Difference;
use crate::domain::vocabulary::vocabulary;

vocabulary!(
    /// What a change concerns.
    Subject {
        Rule = "rule", Pack = "pack",
        /// A row of a pack's scope.
        Scope = "scope",
        /// A row of the fact sheets that is left out.
        NotEncoded = "not_encoded",
        /// A dated table of rates or amounts.
        Table = "table",
    }
);
vocabulary!(
    /// What happened to it.
    What {
        Added = "added", Removed = "removed", Changed = "changed",
        /// A rule of another id that takes its predecessor's place.
        Replaces = "replaces",
    }
);

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What it concerns.
    pub subject: Subject,
    /// The jurisdiction; none for dated tables, which several may read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jurisdiction: Option<String>,
    /// The id of the rule, pack, row or table.
    pub id: String,
    /// What happened.
    pub what: What,
    /// The key of the field that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The rule of which this one takes the place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// What the field said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
    /// First day on which the new version holds, by the date that picks its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<NaiveDate>,
    /// Last day on which it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<NaiveDate>,
    /// The change in words.
    pub sentence: String,
}

impl Change {
    fn of(subject: Subject, jurisdiction: Option<&str>, id: &str, what: What, sentence: &str) -> Self {
        Self {
            subject,
            jurisdiction: jurisdiction.map(str::to_owned),
            id: id.to_owned(),
            what,
            field: None,
            replaces: None,
            old: None,
            new: None,
            valid_from: None,
            valid_until: None,
            sentence: format!("{id}: {sentence}"),
        }
    }

    fn differing(mut self, difference: Difference) -> Self {
        self.field = Some(difference.key);
        self.old = difference.old;
        self.new = difference.new;
        self
    }

    fn dated(mut self, from: Option<NaiveDate>, until: Option<NaiveDate>) -> Self {
        self.valid_from = from;
        self.valid_until = until;
        self
    }
}

/// Everything that differs, jurisdiction by jurisdiction, then the dated tables.
#[must_use]
pub fn compare(old: &Packs, new: &Packs) -> Vec<Change> {
    let mut out = Vec::new();
    packs::compare(old, new, &mut out);
    tables::compare(old, new, &mut out);
    out
}

#[cfg(test)]
mod tests;
