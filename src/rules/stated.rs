//! What files of rules name, whether or not they can be read: what is refused is not missing, too.

use std::collections::BTreeSet;

use toml::de::{DeTable, DeValue};

/// What a file of rules names.
pub(super) struct Stated {
    /// Ids of rules.
    pub rules: BTreeSet<String>,
    /// It names zones.
    pub zones: bool,
}

impl Stated {
    /// Looks for what a file names.
    pub fn of(file: &DeTable<'_>) -> Self {
        let rules = file.get("rule").and_then(|rules| rules.get_ref().as_array());
        let id = |rule: &DeValue<'_>| Some(rule.get("id")?.get_ref().as_str()?.to_owned());
        let rules = rules.into_iter().flat_map(|rules| rules.iter()).filter_map(|rule| id(rule.get_ref())).collect();
        let zones = file.get("zones").and_then(|zones| zones.get_ref().as_array());
        Self { rules, zones: zones.is_some_and(|zones| zones.iter().next().is_some()) }
    }
}

/// The folder that a file lies in.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit(['/', '\\']).nth(1).unwrap_or("")
}
