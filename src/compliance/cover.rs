//! Whether a pack concerns a case at all.

use super::applies;
use super::situation::Situation;
use crate::rules::cover::Clause;
use crate::rules::words::Attribute;

/// `None`: the pack does not cover the case. `Some(Some(attribute))`: it may, and that attribute is missing to tell.
#[allow(clippy::option_option)] // three answers
pub(crate) fn covers(clauses: &[Clause], situation: &Situation<'_>) -> Option<Option<Attribute>> {
    let mut maybe = None;
    for clause in clauses {
        match clause_covers(clause, situation) {
            Some(None) => return Some(None),
            Some(doubt) => maybe = maybe.or(doubt),
            None => {}
        }
    }
    maybe.map(Some)
}

#[allow(clippy::option_option)]
fn clause_covers(clause: &Clause, situation: &Situation<'_>) -> Option<Option<Attribute>> {
    let dated = applies::dated(clause.valid_from, clause.valid_until, clause.version_by, situation)?;
    let doubt = applies::attributes(&clause.scope, &clause.assume, situation)?;
    Some(dated.or(doubt))
}
