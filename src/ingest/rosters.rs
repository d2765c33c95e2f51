//! Roster records: an agent's take each other's place, so a new or voided one changes what the others count.

use super::IngestError;
use super::derive::Effects;
use super::writing::Writing;
use crate::domain::activity::Activity;
use crate::domain::detail::Detail;
use crate::ledger::roster_facts;

/// The kind of roster records.
const ROSTER: &str = "agent_roster";

/// Whether a record is of a roster.
pub(super) fn is_roster(activity: &Activity) -> bool {
    matches!(activity.detail, Detail::AgentRoster { .. }) && activity.cases.is_empty()
}

/// Counts what the commit changes: all roster records as they were before it, and as they are with it. There are few.
pub(super) async fn recount(writing: &mut Writing<'_>) -> Result<(), IngestError> {
    let rows = writing.tx.market_wide_activities(Some(ROSTER)).await?;
    let rosters = || rows.iter().filter(|row| is_roster(&row.activity));
    let this = writing.revision;
    let (mut old, mut new) = (Effects::default(), Effects::default());
    let before = rosters().filter(|row| row.revision < this && row.voided.is_none_or(|at| at >= this));
    roster_facts(&writing.market, before.map(|row| &row.activity), &mut old.facts);
    let after = rosters().filter(|row| row.voided.is_none());
    roster_facts(&writing.market, after.map(|row| &row.activity), &mut new.facts);
    writing.take_difference(old, new, "new");
    Ok(())
}
