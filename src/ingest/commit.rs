//! How an open commit ends: everything is written, and what is remembered takes it over.

use super::IngestError;
use super::heads::Head;
use super::market_state::Update;
use super::tallies;
use super::writing::Writing;
use crate::domain::finding::FindingStatus;
use crate::domain::time::Timestamp;
use crate::store::{FindingRow, FindingState};

impl Writing<'_> {
    /// Commits what was written to the store directly, with no revision of its own: readers see no change.
    pub(super) async fn commit_in_place(self) -> Result<(), IngestError> {
        if self.stored {
            // Opening this commit derived the market anew: that takes a revision.
            return self.commit().await.map(|_| ());
        }
        let mut head = self.tx.head.clone();
        head.catalogue_digest.clone_from(&self.defined.marker);
        self.tx.commit(&head).await?;
        Ok(())
    }

    /// Whether it changes anything of the market, so that it takes a revision.
    pub(super) fn changes(&self) -> bool {
        let counted = !self.delta.is_empty() || !self.grown.is_empty();
        let derived = counted || !self.opened.is_empty() || !self.closed.is_empty();
        // Firing timers changes a case's state even where nothing comes of it: other replicas must hear of it.
        self.stored || derived || !self.dues.is_empty()
    }

    /// Writes everything and commits; then the remembered state takes it over. Returns the market's revision.
    pub(super) async fn commit(mut self) -> Result<(u64, Timestamp), IngestError> {
        if !self.changes() {
            let (revision, recorded) = (self.tx.head.revision, self.tx.head.recorded);
            let persons = self.changed_logs();
            self.tx.rollback().await;
            let (cases, told) = (self.updated, self.told);
            self.context.state.apply(Update { revision, recorded, persons, cases, told, ..Update::default() });
            return Ok((revision, recorded));
        }
        let rows: Vec<FindingRow> = self
            .opened
            .drain()
            .map(|(_, (finding, reason))| FindingRow {
                finding,
                status: FindingStatus::Open,
                reason: reason.to_owned(),
                revision: self.revision,
                opened: self.recorded,
                changed: self.recorded,
                decision: None,
            })
            .collect();
        let concerned: Vec<String> =
            rows.iter().map(|row| row.finding.id).chain(self.closed.keys().copied()).map(|id| id.to_string()).collect();
        let lives = self.tx.finding_lives(concerned.clone()).await?;
        self.tell_findings(&lives, &rows);
        let before = self.tx.finding_states(concerned).await?;
        // What is withdrawn stands no more, and is counted no more.
        let after: Vec<FindingState> = rows
            .iter()
            .map(|row| FindingState::standing(row, lives.get(&row.finding.id).and_then(|life| life.decisions.last())))
            .collect();
        self.tally_findings(&before, &after);
        self.tx.upsert_findings(rows).await?;
        self.tx.withdraw_findings(&self.closed, self.revision, self.recorded).await?;
        if !self.grown.is_empty() {
            self.delta.merge(&self.grown);
        }
        if !self.delta.is_empty() {
            self.tx.insert_delta(self.revision, self.delta.encode()).await?;
        }
        self.context.state.keep_delta(std::mem::take(&mut self.delta));
        self.tx.upsert_dues(self.revision, std::mem::take(&mut self.dues)).await?;
        if !self.tallies.is_empty() {
            self.tx.insert_tallies(self.revision, &self.tallies).await?;
        }
        let mut head = self.tx.head.clone();
        head.revision = self.revision;
        head.recorded = self.recorded;
        if head.rules_digest != self.ground.mark {
            head.rules_since = self.recorded;
        }
        head.rules_digest.clone_from(&self.ground.mark);
        head.catalogue_digest.clone_from(&self.defined.marker);
        head.digest_version = tallies::version_of(&self.market);
        let persons = self.changed_logs();
        self.tx.commit(&head).await?;
        self.context.state.in_force.note(&self.ground.mark);
        self.context.markets.heads().note(self.context.key, Head { revision: head.revision, recorded: head.recorded });
        self.context.state.apply(Update {
            revision: head.revision,
            recorded: head.recorded,
            cases: self.updated,
            persons,
            waiting: self.waiting,
            resolved: self.resolved,
            permits: self.permits,
            told: self.told,
        });
        Ok((head.revision, head.recorded))
    }
}
