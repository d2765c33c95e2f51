//! What a commit adds to the market's tallies: each record once, with its leaf, where it is counted.

use super::IngestError;
use super::group::{Made, Map, Set};
use super::writing::{Writing, is_void};
use crate::domain::activity::Activity;
use crate::domain::digest::{Leaf, Tallies, day, place_of, principal};
use crate::domain::feed::SyncEntity;
use crate::domain::market::Market;
use crate::store::{CaseUpsertRow, FindingState, StoredActivity};

/// Rows of a recount that are read at a time.
const CHUNK: u32 = 2_000;

/// What the stored tallies of a market follow: the way of counting, and the zone of its days.
#[must_use]
pub fn version_of(market: &Market) -> String {
    format!("2 {}", market.zone)
}

impl Writing<'_> {
    /// Counts new versions.
    pub(super) fn tally_versions(&mut self, rows: &[CaseUpsertRow<'_>]) {
        for row in rows {
            let place = (SyncEntity::Case, day(&self.market, row.version.effective));
            self.tallies.note(place, Leaf::version(&row.record), principal(row.version), false);
        }
    }

    /// Counts new activities and voids, but for activities that are void from the beginning.
    pub(super) fn tally_records(&mut self, new: &[&Activity], made: &Map<&str, Made>, void: &Set<&str>) {
        for activity in new {
            let id = activity.id.as_str();
            let Some(made) = made.get(id) else { continue };
            if is_void(activity) || !void.contains(id) {
                note(&mut self.tallies, &self.market, activity, made.leaf, false);
            }
        }
    }

    /// Takes out activities that were counted and are void from now on. Their leaves are those of what is stored: what
    /// this program would store today may differ from what an older one did.
    pub(super) async fn tally_voided(&mut self, old: &[&Activity]) -> Result<(), IngestError> {
        if old.is_empty() {
            return Ok(());
        }
        let leaves = self.tx.record_leaves(old.iter().map(|old| old.id.as_str().to_owned()).collect()).await?;
        for old in old {
            if let Some(leaf) = leaves.get(old.id.as_str()) {
                note(&mut self.tallies, &self.market, old, *leaf, true);
            }
        }
        Ok(())
    }

    /// Counts findings as they are from now on in place of what they were.
    pub(super) fn tally_findings(&mut self, before: &[FindingState], after: &[FindingState]) {
        for (states, takes_out) in [(before, true), (after, false)] {
            for state in states {
                if let Some(leaf) = state.leaf {
                    let place = (SyncEntity::Finding, day(&self.market, state.at));
                    self.tallies.note(place, leaf, None, takes_out);
                }
            }
        }
    }

    /// Counts everything that is stored anew: the way of counting has changed, or the zone of the market's days.
    pub(super) async fn recount(&mut self) -> Result<(), IngestError> {
        tracing::info!(market = %self.market.key.market, "counting the market's records anew");
        self.tx.clear_tallies().await?;
        let mut sum = Tallies::default();
        let mut after = (String::new(), String::new());
        loop {
            let rows = self.tx.versions_after((&after.0, &after.1), CHUNK).await?;
            let Some((last, _)) = rows.last() else { break };
            after = (last.version.case.to_string(), last.version.version.to_string());
            for (row, leaf) in &rows {
                let place = (SyncEntity::Case, day(&self.market, row.version.effective));
                sum.note(place, *leaf, principal(&row.version), false);
            }
        }
        let mut after = String::new();
        loop {
            let rows = self.tx.activities_after(&after, CHUNK).await?;
            let Some((last, _)) = rows.last() else { break };
            after = last.activity.id.to_string();
            for (StoredActivity { activity, voided, .. }, leaf) in &rows {
                if is_void(activity) || voided.is_none() {
                    note(&mut sum, &self.market, activity, *leaf, false);
                }
            }
        }
        let mut after = String::new();
        loop {
            let states = self.tx.finding_states_after(&after, CHUNK).await?;
            let Some(last) = states.last() else { break };
            after = last.id.to_string();
            for state in &states {
                if let Some(leaf) = state.leaf {
                    sum.note((SyncEntity::Finding, day(&self.market, state.at)), leaf, None, false);
                }
            }
        }
        self.tx.add_tallies(sum).await?;
        // Readers see other figures: that takes a revision.
        self.stored = true;
        Ok(())
    }
}

fn note(tallies: &mut Tallies, market: &Market, activity: &Activity, leaf: Leaf, takes_out: bool) {
    tallies.note(place_of(market, activity), leaf, activity.detail.money(), takes_out);
}
