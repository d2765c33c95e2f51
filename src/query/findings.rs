//! Findings as read: their statuses are those of the instant of the question.

use super::Query;
use crate::domain::finding_life::{Change, history};
use crate::domain::ids::{FindingId, MarketId};
use crate::domain::principal::Principal;
use crate::domain::time::Timestamp;
use crate::ingest::IngestError;
use crate::store::{FindingFilter, FindingRow};

/// Where a list of findings goes on: every page of it speaks of the same instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FindingPlace {
    /// The instant that the list speaks of.
    pub as_of: Timestamp,
    /// Time of the breach and id of the last finding shown.
    pub last: (Timestamp, FindingId),
}

/// A finding with everything that has happened to it.
#[derive(Debug, Clone)]
pub struct FindingHistory {
    /// The finding as of now.
    pub row: FindingRow,
    /// Its changes, oldest first.
    pub changes: Vec<Change>,
}

/// How far a market has come that is being derived anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Derivation {
    /// Cases that follow what is in force.
    pub done: u64,
    /// Cases that there were when it began.
    pub total: u64,
    /// When it began; `None` if it has not.
    pub since: Option<Timestamp>,
    /// What the last failure was, if any since the last step.
    pub error: String,
    /// When.
    pub error_at: Option<Timestamp>,
}

impl Query {
    /// Findings by (time, id), after the given place, with every timer up to now fired; and the instant that their
    /// statuses speak of.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub async fn list_findings(
        &self,
        who: &Principal,
        market: &MarketId,
        filter: &FindingFilter,
        after: Option<FindingPlace>,
        limit: u32,
    ) -> Result<(Vec<FindingRow>, Timestamp), IngestError> {
        let reading = self.open(who, market)?;
        let now = self.settle(&reading).await?;
        let (as_of, last) = after.map_or((now, None), |place| (place.as_of, Some(place.last)));
        Ok((reading.scope.list_findings(market, filter, as_of, last, limit).await?, as_of))
    }

    /// How far the market has come with rules or settings that were put in force lately; `None` where all findings follow them.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub async fn derivation(&self, who: &Principal, market: &MarketId) -> Result<Option<Derivation>, IngestError> {
        let reading = self.open(who, market)?;
        let head = reading.scope.head(market).await?;
        if head.is_some_and(|head| head.revision > 0 && head.rules_digest != reading.ground) {
            return Ok(Some(Derivation::default()));
        }
        Ok(reading.scope.deriving(market).await?.map(|row| Derivation {
            done: row.done,
            total: row.total,
            since: Some(row.started),
            error: row.error,
            error_at: row.error_at,
        }))
    }

    /// One finding with its history, with every timer up to now fired.
    ///
    /// # Errors
    /// The finding is unknown, or see [`IngestError`].
    pub async fn get_finding(
        &self,
        who: &Principal,
        market: &MarketId,
        finding: FindingId,
    ) -> Result<FindingHistory, IngestError> {
        let reading = self.open(who, market)?;
        let now = self.settle(&reading).await?;
        let found = reading.scope.finding_past(market, finding).await?;
        let past = found.ok_or_else(|| IngestError::NotFound { what: "finding", id: finding.to_string() })?;
        // A commit's recorded time may be ahead of this clock: what is on record is never in the future.
        let recorded = past.decisions.iter().map(|decision| decision.at).chain([past.row.changed]).max();
        let now = recorded.map_or(now, |recorded| now.max(recorded));
        Ok(FindingHistory { row: past.row.as_of(now), changes: history(past.derived, past.decisions, now) })
    }
}
