//! The limits of a rule on the registration that collecting needs.

use super::parse_limits::steps;
use super::reader::Reader;
use super::step::Step;

/// A registration without which nobody may collect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licence {
    /// The word of the tenant's licence; any licence of the jurisdiction if absent.
    pub licence: Option<String>,
    /// What is forbidden without it.
    pub forbids: Vec<Step>,
    /// Jurisdictions whose licences serve too.
    pub accepts: Vec<String>,
    /// A licence of any jurisdiction serves.
    pub anywhere: bool,
    /// A licence holds no longer, in years.
    pub longest_years: Option<u16>,
}

/// Reads a licence rule.
pub fn licence(table: &mut Reader<'_, '_>) -> Licence {
    let forbids = if table.has("forbids") { steps(table, "forbids", true) } else { vec![Step::Contact] };
    Licence {
        licence: table.text("licence"),
        forbids,
        accepts: table.texts("accepts"),
        anywhere: table.boolean("anywhere").unwrap_or(false),
        longest_years: table.integer("longest_years", 1, 100).and_then(|n| u16::try_from(n).ok()),
    }
}
