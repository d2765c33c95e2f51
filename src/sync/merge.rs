//! Three lists in one order: versions of cases, records, changes of findings, each read by itself: whole commits at a time,
//! and pages of one that is too large for that.

use std::collections::{HashSet, VecDeque};
use std::hash::BuildHasher as _;

use tokio::task::JoinHandle;

use super::Filter;
use crate::domain::feed::{Behind, FeedKind, Mark, Place, SyncEntity};
use crate::domain::ids::{FindingId, MarketId};
use crate::ingest::IngestError;
use crate::store::{FeedRecord, FeedVersion, Stretch, TenantScope};

/// Pages that whole commits may fill which are read at a time.
const PAGES: u32 = 3;
/// Commits that are read at first, before it is known what one holds.
const COMMITS: u64 = 16;
/// Rows of a read that make it likely that the next one has many as well.
const MANY: usize = 256;
/// Stretches of a list that are read at a time once they have many rows: the database selects one while another is taken in.
const AHEAD: usize = 2;

/// A row of one of the lists.
pub(super) enum Raw {
    /// And whether its case may have an earlier one.
    Version(Box<FeedVersion>, bool),
    Record(Box<FeedRecord>),
    Finding(u64, FindingId),
}

impl Raw {
    pub(super) fn mark(&self) -> Mark {
        match self {
            Self::Version(row, _) => Mark(row.revision, FeedKind::Case, row.case.to_string(), row.version.to_string()),
            Self::Record(row) => Mark(row.revision, FeedKind::Record, row.id().to_owned(), String::new()),
            Self::Finding(revision, id) => Mark(*revision, FeedKind::Finding, id.to_string(), String::new()),
        }
    }

    /// What decides between lists: ids are only compared inside one, by the database.
    pub(super) const fn order(&self) -> (u64, FeedKind) {
        match self {
            Self::Version(row, _) => (row.revision, FeedKind::Case),
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
    /// Commits to read at a time: about as many as fill what may be read.
    commits: u64,
    /// The last read had many rows.
    many: bool,
    /// Nothing of the list is asked for.
    unwanted: bool,
    /// Stretches that are being read, one behind the other: the revisions between which each lies.
    ahead: VecDeque<((u64, u64), JoinHandle<Read>)>,
}

/// Whole commits, and through which revision.
type Read = Result<(Vec<Raw>, u64), IngestError>;

/// What is asked for of records: only voids or all but voids, and whether it is read what they say.
type Asked = (Option<SyncEntity>, bool);

impl List {
    /// Whether it is to be read on before it is known what comes next.
    fn wants(&self, head: u64) -> bool {
        !self.unwanted && self.rows.is_empty() && self.read_through < head
    }

    /// Reads on.
    async fn read(
        &mut self,
        scope: &TenantScope,
        market: &MarketId,
        head: u64,
        (asked, page): (Asked, u32),
    ) -> Result<(), IngestError> {
        if self.behind.ids.is_none() && self.behind.revision >= head {
            self.read_through = head;
            return Ok(());
        }
        // Changes of findings stand in three tables, of which each is read no further than a page needs.
        if self.behind.ids.is_none() && self.kind != FeedKind::Finding {
            let behind = self.behind.revision;
            let most = page.saturating_mul(PAGES);
            let (rows, through) = self.stretch((scope, market), head, (asked, most)).await?;
            if through > behind {
                let aim = u64::from(most / 4 * 3) * (through - behind) / (rows.len() as u64).max(1);
                self.commits = aim.clamp(1, self.commits.saturating_mul(4));
                self.many = rows.len() >= MANY;
                self.rows = rows.into();
                self.behind.revision = through;
                self.read_through = through;
                return Ok(());
            }
        }
        self.ahead.clear();
        let end = match self.kind {
            FeedKind::Finding => head,
            _ => self.behind.revision + u64::from(self.behind.ids.is_none()),
        };
        self.rows = self.page(scope, market, end, (asked, page)).await?.into();
        match self.rows.back() {
            Some(last) if self.rows.len() >= page as usize => {
                let Mark(revision, _, one, two) = last.mark();
                self.behind = Behind { revision, ids: Some((one, two)) };
            }
            _ => {
                self.behind = Behind { revision: end, ids: None };
                self.read_through = end;
            }
        }
        Ok(())
    }

    /// The whole commits behind the place of the list, with those behind them on their way. A task of its own for each, so that
    /// what one takes in here does not wait for what the database selects for the other.
    async fn stretch(
        &mut self,
        (scope, market): (&TenantScope, &MarketId),
        head: u64,
        (asked, most): (Asked, u32),
    ) -> Read {
        let at_a_time = if self.many { AHEAD } else { 1 };
        let mut behind = self.behind.revision;
        // What was begun behind another place was begun in the hope that what lies before it is whole.
        if self.ahead.front().is_some_and(|((from, _), _)| *from != behind) {
            self.ahead.clear();
        }
        behind = self.ahead.back().map_or(behind, |((_, until), _)| *until);
        while self.ahead.len() < at_a_time && behind < head {
            let until = head.min(behind.saturating_add(self.commits));
            let (scope, market, kind) = (scope.clone(), market.clone(), self.kind);
            let most = (most, self.many || until - behind >= COMMITS);
            let between = (behind, until);
            let task = tokio::spawn(async move { stretch(kind, (&scope, &market), between, (asked, most)).await });
            self.ahead.push_back((between, task));
            behind = until;
        }
        let Some((_, first)) = self.ahead.pop_front() else { return Ok((Vec::new(), self.behind.revision)) };
        first.await.map_err(|error| IngestError::internal(&format!("a stretch of a feed was not read: {error}")))?
    }

    /// A page of what lies behind, up to a revision.
    async fn page(
        &self,
        scope: &TenantScope,
        market: &MarketId,
        end: u64,
        (asked, page): (Asked, u32),
    ) -> Result<Vec<Raw>, IngestError> {
        Ok(match self.kind {
            FeedKind::Case => {
                let rows = scope.feed_versions(market, &self.behind, end, page).await?;
                rows.into_iter().map(|row| Raw::Version(Box::new(row), true)).collect()
            }
            FeedKind::Record => {
                let rows = scope.feed_records(market, &self.behind, end, asked, page).await?;
                rows.into_iter().map(|row| Raw::Record(Box::new(row))).collect()
            }
            FeedKind::Finding => {
                let rows = scope.feed_findings(market, &self.behind, end, page).await?;
                rows.into_iter().map(|(revision, id)| Raw::Finding(revision, id)).collect()
            }
        })
    }
}

/// Whole commits between two revisions, and through which revision.
async fn stretch(
    kind: FeedKind,
    (scope, market): (&TenantScope, &MarketId),
    between: (u64, u64),
    (asked, most): (Asked, (u32, bool)),
) -> Read {
    if kind == FeedKind::Case {
        let Stretch { rows, through } = scope.stretch_of_versions(market, between, most).await?;
        return Ok((rows.into_iter().map(|row| Raw::Version(row, true)).collect(), through));
    }
    let Stretch { rows, through } = scope.stretch_of_records(market, between, asked, most).await?;
    Ok((rows.into_iter().map(Raw::Record).collect(), through))
}

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
            commits: COMMITS,
            many: false,
            unwanted: unwanted(*kind),
            ahead: VecDeque::new(),
        };
        let only = match (activities, voids) {
            (true, false) => Some(SyncEntity::Activity),
            // Where cases are chosen, an activity tells whom the void concerns that came before it.
            (false, true) if !filter.chooses_cases() => Some(SyncEntity::Void),
            _ => None,
        };
        let told = (*place == Place::default()).then(Told::default);
        Self { lists: FeedKind::ALL.iter().map(list).collect(), told, page, only, reads: filter.chooses_cases() }
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
        let mut rows = Vec::new();
        while rows.len() < most {
            if self.lists.iter().any(|list| list.wants(head)) {
                if rows.len() >= page {
                    break;
                }
                self.fill(scope, market, head).await?;
            }
            let next = self.lists.iter_mut().filter(|list| !list.rows.is_empty());
            let first = next.min_by_key(|list| list.rows.front().map(Raw::order));
            match first.and_then(|list| list.rows.pop_front()) {
                Some(mut row) => {
                    self.note(&mut row);
                    rows.push(row);
                }
                None => break,
            }
        }
        self.fill(scope, market, head).await?;
        let next = self.lists.iter().filter_map(|list| list.rows.front()).map(|row| row.order().0).min();
        Ok(Piece { rows, through: next.map_or(head, |revision| revision.saturating_sub(1)) })
    }

    /// Reads on wherever a list is empty and has more.
    async fn fill(&mut self, scope: &TenantScope, market: &MarketId, head: u64) -> Result<(), IngestError> {
        let asked = ((self.only, self.reads), self.page);
        for list in &mut self.lists {
            while list.wants(head) {
                list.read(scope, market, head, asked).await?;
            }
        }
        Ok(())
    }
}
