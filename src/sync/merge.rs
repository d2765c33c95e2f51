//! Three lists in one order: versions of cases, records, changes of findings, each read in pages of its own.

use std::collections::VecDeque;

use super::Filter;
use crate::domain::feed::{Behind, FeedKind, Mark, Place, SyncEntity};
use crate::domain::ids::{FindingId, MarketId};
use crate::ingest::IngestError;
use crate::store::{FeedRecord, FeedVersion, TenantScope};

/// A row of one of the lists.
pub(super) enum Raw {
    Version(Box<FeedVersion>),
    Record(Box<FeedRecord>),
    Finding(u64, FindingId),
}

impl Raw {
    pub(super) fn mark(&self) -> Mark {
        match self {
            Self::Version(row) => Mark(row.revision, FeedKind::Case, row.case.to_string(), row.version.to_string()),
            Self::Record(row) => Mark(row.revision, FeedKind::Record, row.id.clone(), String::new()),
            Self::Finding(revision, id) => Mark(*revision, FeedKind::Finding, id.to_string(), String::new()),
        }
    }

    /// What decides between lists: ids are only compared inside one, by the database.
    pub(super) const fn order(&self) -> (u64, FeedKind) {
        match self {
            Self::Version(row) => (row.revision, FeedKind::Case),
            Self::Record(row) => (row.revision, FeedKind::Record),
            Self::Finding(revision, _) => (*revision, FeedKind::Finding),
        }
    }
}

/// One list, read up to a place.
struct List {
    kind: FeedKind,
    behind: Behind,
    rows: VecDeque<Raw>,
    /// All of the list up to this revision is in `rows` or was taken.
    read_through: u64,
    /// Nothing of the list is asked for.
    unwanted: bool,
}

/// The lists of one feed.
pub(super) struct Merge {
    lists: Vec<List>,
    /// Rows of one list that are read at a time: the most that a feed holds of each.
    page: u32,
    only: Option<SyncEntity>,
    /// What activities say decides whether they are told.
    reads: bool,
}

/// A piece of a feed in order.
pub(super) struct Piece {
    pub(super) rows: Vec<Raw>,
    /// Every change up to here is in this piece or in one before it.
    pub(super) through: u64,
}

impl Merge {
    pub(super) fn new(filter: &Filter, place: &Place, page: u32) -> Self {
        let (activities, voids) = (filter.wants(SyncEntity::Activity), filter.wants(SyncEntity::Void));
        let unwanted = |kind| match kind {
            FeedKind::Case => {
                !filter.wants(SyncEntity::Case) && filter.clients.is_empty() && filter.portfolios.is_empty()
            }
            FeedKind::Record => !activities && !voids,
            FeedKind::Finding => !filter.wants(SyncEntity::Finding),
        };
        let list = |kind: &FeedKind| List {
            kind: *kind,
            behind: place.behind(*kind),
            rows: VecDeque::new(),
            read_through: place.through,
            unwanted: unwanted(*kind),
        };
        let only = match (activities, voids) {
            (true, false) => Some(SyncEntity::Activity),
            // Where cases are chosen, an activity tells whom the void concerns that came before it.
            (false, true) if !filter.chooses_cases() => Some(SyncEntity::Void),
            _ => None,
        };
        Self { lists: FeedKind::ALL.iter().map(list).collect(), page, only, reads: filter.chooses_cases() }
    }

    /// Up to a page of what was committed up to `head`, in order.
    pub(super) async fn take(
        &mut self,
        scope: &TenantScope,
        market: &MarketId,
        head: u64,
    ) -> Result<Piece, IngestError> {
        let mut rows = Vec::new();
        while rows.len() < self.page as usize {
            self.fill(scope, market, head).await?;
            let next = self.lists.iter_mut().filter(|list| !list.rows.is_empty());
            let first = next.min_by_key(|list| list.rows.front().map(Raw::order));
            match first.and_then(|list| list.rows.pop_front()) {
                Some(row) => rows.push(row),
                None => break,
            }
        }
        self.fill(scope, market, head).await?;
        let next = self.lists.iter().filter_map(|list| list.rows.front()).map(|row| row.order().0).min();
        Ok(Piece { rows, through: next.map_or(head, |revision| revision.saturating_sub(1)) })
    }

    /// Reads on wherever a list is empty and has more.
    async fn fill(&mut self, scope: &TenantScope, market: &MarketId, head: u64) -> Result<(), IngestError> {
        let (only, reads, page) = (self.only, self.reads, self.page);
        for list in &mut self.lists {
            if list.unwanted || !list.rows.is_empty() || list.read_through >= head {
                continue;
            }
            list.rows = match list.kind {
                FeedKind::Case => {
                    let rows = scope.feed_versions(market, &list.behind, head, page).await?;
                    rows.into_iter().map(|row| Raw::Version(Box::new(row))).collect()
                }
                FeedKind::Record => {
                    let rows = scope.feed_records(market, &list.behind, head, (only, reads), page).await?;
                    rows.into_iter().map(|row| Raw::Record(Box::new(row))).collect()
                }
                FeedKind::Finding => {
                    let rows = scope.feed_findings(market, &list.behind, head, page).await?;
                    rows.into_iter().map(|(revision, id)| Raw::Finding(revision, id)).collect()
                }
            };
            match list.rows.back() {
                Some(last) if list.rows.len() >= page as usize => {
                    let Mark(revision, _, one, two) = last.mark();
                    list.behind = Behind { revision, ids: Some((one, two)) };
                }
                _ => {
                    list.behind = Behind { revision: head, ids: None };
                    list.read_through = head;
                }
            }
        }
        Ok(())
    }
}
