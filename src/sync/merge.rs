//! Three lists in one order: versions of cases, records, changes of findings.

use std::collections::HashSet;
use std::hash::BuildHasher as _;

use super::Filter;
use super::lists::{Asked, List, PAGES, Raw};
use super::run::Tellers;
use crate::domain::feed::{FeedKind, Place, SyncEntity};
use crate::domain::ids::MarketId;
use crate::ingest::IngestError;
use crate::store::TenantScope;

/// Cases that are remembered of a feed, at most: about four MiB.
const CASES: usize = 1 << 18;

/// The cases that a feed has told of from the very beginning, by hashes with a secret of this process: what it has not told of
/// has no earlier version. Of two that fall together one is looked up for nothing.
#[derive(Default)]
struct Told {
    secret: foldhash::quality::RandomState,
    cases: HashSet<u64, foldhash::fast::RandomState>,
}

/// The lists of one feed.
pub(super) struct Merge {
    lists: Vec<List>,
    /// `None` of a feed that began later, or has told of too many.
    told: Option<Told>,
    /// Rows that make a page. A feed holds at most [`PAGES`] of each list, and as many of each of [`AHEAD`] stretches.
    page: u32,
    asked: Asked,
}

/// A piece of a feed in order.
pub(super) struct Piece {
    pub(super) rows: Vec<Raw>,
    /// Every change up to here is in this piece or in one before it.
    pub(super) through: u64,
}

impl Merge {
    /// `tellers` tell of activities as they are, where the filter does not choose by what they say.
    pub(super) fn new(filter: &Filter, place: &Place, page: u32, tellers: Option<Tellers>) -> Self {
        let (activities, voids) = (filter.wants(SyncEntity::Activity), filter.wants(SyncEntity::Void));
        let unwanted = |kind| match kind {
            FeedKind::Case => {
                !filter.wants(SyncEntity::Case) && filter.clients.is_empty() && filter.portfolios.is_empty()
            }
            FeedKind::Record => !activities && !voids,
            FeedKind::Finding => !filter.wants(SyncEntity::Finding),
        };
        let list = |kind: &FeedKind| List::new(*kind, place, unwanted(*kind));
        let only = match (activities, voids) {
            (true, false) => Some(SyncEntity::Activity),
            // Where cases are chosen, an activity tells whom the void concerns that came before it.
            (false, true) if !filter.chooses_cases() => Some(SyncEntity::Void),
            _ => None,
        };
        let told = (*place == Place::default()).then(Told::default);
        let read = filter.chooses_cases();
        let asked = Asked { only, read, tellers: tellers.filter(|_| !read), bytes: 0 };
        Self { lists: FeedKind::ALL.iter().map(list).collect(), told, page, asked }
    }

    /// Notes the case of a version, and whether it may have an earlier one.
    fn note(&mut self, raw: &mut Raw) {
        let Raw::Version(row, others) = raw else { return };
        if let Some(told) = &mut self.told {
            *others = !told.cases.insert(told.secret.hash_one(&row.case));
            if told.cases.len() >= CASES {
                self.told = None;
            }
        }
    }

    /// A page or more of what was committed up to `head`, in order: what is at hand. Nothing only if there is no more.
    pub(super) async fn take(
        &mut self,
        scope: &TenantScope,
        market: &MarketId,
        head: u64,
    ) -> Result<Piece, IngestError> {
        let (page, most) = (self.page as usize, self.page.saturating_mul(PAGES) as usize);
        let (mut rows, mut count) = (Vec::new(), 0);
        while count < most {
            if self.lists.iter().any(|list| list.wants(head)) {
                if count >= page {
                    break;
                }
                self.fill(scope, market, head).await?;
            }
            let Some(mut row) = self.first(most - count) else { break };
            self.note(&mut row);
            count += row.len();
            rows.push(row);
        }
        self.fill(scope, market, head).await?;
        let next = self.lists.iter().filter_map(|list| list.rows.front()).map(|row| row.order().0).min();
        Ok(Piece { rows, through: next.map_or(head, |revision| revision.saturating_sub(1)) })
    }

    /// Takes out what comes first, and of a run no more than what comes before all other lists, and no more than `most`.
    fn first(&mut self, most: usize) -> Option<Raw> {
        let mut next: Vec<_> = self.lists.iter_mut().filter(|list| !list.rows.is_empty()).collect();
        next.sort_by_key(|list| list.rows.front().map(Raw::order));
        let (list, others) = next.split_first_mut()?;
        let before = others.first().and_then(|list| list.rows.front()).map(Raw::order);
        if let Some(Raw::Run(run)) = list.rows.front_mut() {
            let row = run.split(before, most);
            if run.count() == 0 {
                list.rows.pop_front();
            }
            return Some(Raw::Run(row));
        }
        list.rows.pop_front()
    }

    /// Reads on wherever a list is empty and has more.
    async fn fill(&mut self, scope: &TenantScope, market: &MarketId, head: u64) -> Result<(), IngestError> {
        let asked = (self.asked, self.page);
        for list in &mut self.lists {
            while list.wants(head) {
                list.read(scope, market, head, asked).await?;
            }
        }
        Ok(())
    }
}
