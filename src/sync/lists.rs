//! The lists of a feed, each read by itself: whole commits at a time, and pages of one that is too large for that.

use std::collections::VecDeque;

use tokio::task::JoinHandle;

use super::run::{Part, Run, Tellers, Telling};
use crate::domain::feed::{Behind, ChangeReason, FeedKind, Mark, Place, SyncEntity};
use crate::domain::ids::{FindingId, MarketId};
use crate::domain::time::Timestamp;
use crate::ingest::IngestError;
use crate::store::{FeedRecord, FeedVersion, Reasons, Stretch, TenantScope, order_by_id};

/// Pages that whole commits may fill which are read at a time.
pub(super) const PAGES: u32 = 3;
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
    /// And why it was recorded, where that is noted.
    Record(Box<FeedRecord>, Option<ChangeReason>),
    /// Activities that are told as they are.
    Run(Run),
    Finding(u64, FindingId),
}

impl Raw {
    /// Where the last change of it stands.
    pub(super) fn mark(&self) -> Option<Mark> {
        let one = |revision, kind, id: &str| Some(Mark(revision, kind, id.to_owned(), String::new()));
        match self {
            Self::Version(row, _) => {
                Some(Mark(row.revision, FeedKind::Case, row.case.to_string(), row.version.to_string()))
            }
            Self::Record(row, _) => one(row.revision, FeedKind::Record, row.id()),
            Self::Run(run) => run.last(),
            Self::Finding(revision, id) => one(*revision, FeedKind::Finding, &id.to_string()),
        }
    }

    /// What decides between lists: ids are only compared inside one, by the database.
    pub(super) fn order(&self) -> (u64, FeedKind) {
        match self {
            Self::Version(row, _) => (row.revision, FeedKind::Case),
            Self::Record(row, _) => (row.revision, FeedKind::Record),
            Self::Run(run) => (run.revision(0).unwrap_or_default(), FeedKind::Record),
            Self::Finding(revision, _) => (*revision, FeedKind::Finding),
        }
    }

    /// How many changes it brings.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Run(run) => run.count(),
            _ => 1,
        }
    }

    /// When the last of what it brings was recorded; `None` of what does not say.
    pub(super) fn recorded(&self) -> Option<Timestamp> {
        match self {
            Self::Version(row, _) => Some(row.recorded),
            Self::Record(row, _) => Some(row.recorded),
            Self::Run(run) => run.recorded(),
            Self::Finding(..) => None,
        }
    }
}

/// One list, read up to a place.
pub(super) struct List {
    kind: FeedKind,
    behind: Behind,
    pub(super) rows: VecDeque<Raw>,
    /// All of the list up to this revision is in `rows` or was taken.
    read_through: u64,
    /// Commits to read at a time: about as many as fill what may be read.
    commits: u64,
    /// The last read had many rows.
    many: bool,
    /// Bytes that were told of the activities of the last read.
    told: usize,
    /// Nothing of the list is asked for.
    unwanted: bool,
    /// Stretches that are being read, one behind the other: the revisions between which each lies.
    ahead: VecDeque<((u64, u64), JoinHandle<Read>)>,
}

/// Whole commits.
struct Commits {
    rows: Vec<Raw>,
    /// How many changes they bring.
    count: usize,
    /// Nothing is missing up to this revision.
    through: u64,
}

type Read = Result<Commits, IngestError>;

/// What is asked for of records.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    /// Only voids, or all but voids.
    pub(super) only: Option<SyncEntity>,
    /// Whether it is read what they say.
    pub(super) read: bool,
    /// What tells of activities as they are, where all are told so.
    pub(super) tellers: Option<Tellers>,
    /// Bytes that are likely to be told.
    pub(super) bytes: usize,
}

impl List {
    /// A list that begins behind a place.
    pub(super) fn new(kind: FeedKind, place: &Place, unwanted: bool) -> Self {
        Self {
            kind,
            behind: place.behind(kind),
            rows: VecDeque::new(),
            read_through: place.through,
            commits: COMMITS,
            many: false,
            told: 0,
            unwanted,
            ahead: VecDeque::new(),
        }
    }

    /// Whether it is to be read on before it is known what comes next.
    pub(super) fn wants(&self, head: u64) -> bool {
        !self.unwanted && self.rows.is_empty() && self.read_through < head
    }

    /// Reads on.
    pub(super) async fn read(
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
            let asked = Asked { bytes: self.told + self.told / 4, ..asked };
            let Commits { rows, count, through } = self.stretch((scope, market), head, (asked, most)).await?;
            if through > behind {
                let aim = u64::from(most / 4 * 3) * (through - behind) / (count as u64).max(1);
                self.commits = aim.clamp(1, self.commits.saturating_mul(4));
                self.many = count >= MANY;
                self.told = rows.iter().map(|row| if let Raw::Run(run) = row { run.bytes() } else { 0 }).sum();
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
                let Mark(revision, _, one, two) =
                    last.mark().ok_or_else(|| IngestError::internal("a page of a feed ends nowhere"))?;
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
        let Some((_, first)) = self.ahead.pop_front() else {
            return Ok(Commits { rows: Vec::new(), count: 0, through: self.behind.revision });
        };
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
                let rows = scope.feed_records(market, &self.behind, end, (asked.only, asked.read), page).await?;
                let (first, last) = (rows.first(), rows.last());
                let reasons = match (first.map(|row| row.revision), last.map(|row| row.revision)) {
                    (Some(first), Some(last)) => scope.record_reasons(market, first..=last).await?,
                    _ => Reasons::default(),
                };
                rows.into_iter().map(|row| noted(Box::new(row), &reasons)).collect()
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
        let rows: Vec<_> = rows.into_iter().map(|row| Raw::Version(row, true)).collect();
        return Ok(Commits { count: rows.len(), rows, through });
    }
    let (behind, until) = between;
    let reasons = scope.record_reasons(market, behind.saturating_add(1)..=until).await?;
    if let Some(tellers) = asked.tellers {
        let telling = Telling::new(tellers, reasons, asked.bytes);
        let (parts, count, through) = telling.stretch((scope, market), between, asked.only, most).await?;
        let raw = |part| match part {
            Part::Run(run) => Raw::Run(run),
            Part::Void(row, reason) => Raw::Record(row, reason),
        };
        return Ok(Commits { rows: parts.into_iter().map(raw).collect(), count, through });
    }
    let make = |row| FeedRecord::from_row(row, asked.read).map(Box::new);
    let Stretch { rows, through } = scope.stretch_of_records(market, between, asked.only, most, make).await?;
    let order = order_by_id(&rows, |row| row.id_bytes());
    let mut rows: Vec<_> = rows.into_iter().map(Some).collect();
    let ordered = order.into_iter().filter_map(|place| rows.get_mut(place)?.take());
    let rows: Vec<_> = ordered.map(|row| noted(row, &reasons)).collect();
    Ok(Commits { count: rows.len(), rows, through })
}

/// A record, with why it was recorded.
fn noted(row: Box<FeedRecord>, reasons: &Reasons) -> Raw {
    let reason = reasons.get(row.id_bytes()).copied();
    Raw::Record(row, reason)
}
