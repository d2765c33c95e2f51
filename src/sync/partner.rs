//! What a partner's copy is compared by: counts, sums and digests of what its feed tells, and of nothing else.
//!
//! Everything that is counted follows from the message that the partner got, see [`Tell`]. Tallies are kept by policy and move
//! along with the market's revisions: what is told anew is added, what is told to be no more is taken out. Counting goes in
//! portions, each kept by itself, so that a first count that is cut off goes on where it was.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::partner_count::Count;
use super::status::{LeafRow, Tallied, around};
use super::{Filter, Session, Sync, states};
use crate::domain::digest::Leaf;
use crate::domain::feed::SyncEntity;
use crate::domain::ids::CaseId;
use crate::domain::market::Market;
use crate::domain::money::Money;
use crate::domain::sharing::Sharing;
use crate::domain::time::Timestamp;
use crate::ingest::{Head, IngestError};
use crate::store::{FeedRecord, FeedVersion, FindingRow, Kept, PartnerMark, TenantScope};

/// Changes that are counted in one portion, about, for each row of a page.
const PORTION: u32 = 40;
/// Records that are looked through at a time for those of a day.
const STRETCH: u32 = 2_000;
/// How long a call counts before it says that there is more.
const PATIENCE: Duration = Duration::from_secs(10);

/// The way of counting: another one counts everything anew. To be raised with whatever changes how a record is told, unless
/// [`Sharing::digest`] changes with it.
const VERSION: u32 = 2;

/// What is counted of a record as a partner gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// The instant on whose day it counts.
    pub at: Timestamp,
    /// Its leaf.
    pub leaf: Leaf,
    /// The amount that the partner sees in it.
    pub amount: Option<Money>,
}

/// A record that is told.
#[derive(Debug, Clone, Copy)]
pub enum Record<'a> {
    /// A case version.
    Version(&'a FeedVersion),
    /// An activity or void, and which of its cases the partner is not told of.
    Activity(&'a FeedRecord, &'a [CaseId]),
    /// A finding, with the leaf of the whole of it; without one it does not stand.
    Finding(&'a FindingRow, Option<Leaf>),
}

/// Says what a partner counts of a record, from the fields alone that it gets; `None` for nothing.
pub type Tell = fn(Record<'_>, &Sharing) -> Result<Option<Counted>, String>;

/// What [`Tell`] says.
///
/// # Errors
/// A stored record does not read.
pub(super) fn told(tell: Tell, record: Record<'_>, sharing: &Sharing) -> Result<Option<Counted>, IngestError> {
    tell(record, sharing).map_err(|error| {
        tracing::error!(%error, "a stored record is no message");
        IngestError::internal("a stored record is corrupt")
    })
}

/// Whether the partner can tell which activities are void: else all of them count.
pub(super) fn tells_voids(sharing: &Sharing) -> bool {
    sharing.shares(SyncEntity::Void, "detail")
}

impl Sync {
    /// The tallies under a policy, at the market's newest revision.
    pub(super) async fn tallied_for(
        &self,
        session: &Session,
        sharing: &Arc<Sharing>,
        days: Option<(i32, i32)>,
        tell: Tell,
    ) -> Result<Tallied, IngestError> {
        let (scope, market) = (self.markets.store().scope(&session.key.tenant), &session.key.market);
        let filter = Arc::new(session.narrow(Filter::default())?);
        let policy = sharing.digest();
        let version = format!("{VERSION} {} {}", session.market.zone, scope.feed_epoch(market).await?);
        let began = tokio::time::Instant::now();
        let mut least: Option<Head> = None;
        loop {
            let head = scope.head(market).await?;
            let Some(head) = head.map(|head| Head { revision: head.revision, recorded: head.recorded }) else {
                return Ok((BTreeMap::new(), (0, Timestamp(0))));
            };
            let wanted = least.get_or_insert(head).revision;
            let found = scope.partner_tallies(market, &policy, days).await?;
            let Some((mark, tallies)) = found.filter(|(mark, _)| mark.version == version) else {
                let partners = self.markets.config().get().tenants.get(&session.key.tenant).map(|t| t.partners.clone());
                let known = partners.iter().flat_map(|all| all.iter()).map(Sharing::digest).collect::<Vec<_>>();
                scope.begin_partner(market, &policy, &version, &known).await?;
                continue;
            };
            if let Some(recorded) = mark.recorded.filter(|_| mark.through >= wanted) {
                return Ok((tallies, (mark.through, recorded)));
            }
            if head.revision == 0 {
                return Ok((tallies, (0, head.recorded)));
            }
            if began.elapsed() > PATIENCE {
                return Err(IngestError::Counting { through: mark.through, head: head.revision });
            }
            let counting = Counting {
                scope: scope.clone(),
                session: (session.market.clone(), Arc::clone(sharing), Arc::clone(&filter)),
                tell,
                policy: policy.clone(),
                page: self.markets.config().get().server.sync.page_rows,
            };
            // In a task of its own: a caller that goes away cuts nothing in its middle.
            let portion = tokio::spawn(counting.portion(mark, head)).await;
            portion.map_err(|error| IngestError::internal(&format!("a portion was not counted: {error}")))??;
        }
    }

    /// Records of an entity that a partner counts, of which some may be of other days, behind an id; and where to go on.
    pub(super) async fn leaves_for(
        &self,
        session: &Session,
        sharing: &Sharing,
        (entity, day): (SyncEntity, i32),
        behind: &(String, String),
        tell: Tell,
    ) -> Result<(Vec<LeafRow>, Option<(String, String)>), IngestError> {
        let (scope, market) = (self.markets.store().scope(&session.key.tenant), &session.key.market);
        let filter = session.narrow(Filter::default())?;
        let instant = match entity {
            SyncEntity::Case => "effect_time",
            SyncEntity::Activity | SyncEntity::Void => "occur_time",
            SyncEntity::Finding => "breach_time",
        };
        // Where the instant is not shared, all of them count on one day.
        let shows = sharing.shares(entity, instant);
        let stretch = if shows { around(day) } else { (Timestamp(i64::MIN), Timestamp(i64::MAX)) };
        let (kept, next) = scope.kept(market, entity, stretch, (&behind.0, &behind.1), STRETCH).await?;
        let window = (u64::MAX - 1, u64::MAX);
        let count = Count { scope: &scope, market: &session.market, filter: &filter, sharing, tell, window };
        let known = count.known_of(&kept).await?;
        let mut rows = Vec::new();
        for one in kept {
            let id = one.id();
            let (revision, counted) = match &one {
                Kept::Version(row) if known.tells_case(&row.case) => {
                    (row.revision, told(tell, Record::Version(row), sharing)?)
                }
                Kept::Activity(row, void) => {
                    let gone = *void && row.entity == SyncEntity::Activity && tells_voids(sharing);
                    let tells = !gone && known.tells(row, known.target(row)).is_some();
                    let outside = known.outside(row, u64::MAX);
                    (row.revision, if tells { told(tell, Record::Activity(row, &outside), sharing)? } else { None })
                }
                Kept::Finding(state) => {
                    let past = known.past(state.id).filter(|past| known.tells_finding(past));
                    match past.and_then(|past| states::before(past, u64::MAX)) {
                        Some((row, ..)) => {
                            let record = Record::Finding(&row, states::leaf(&row));
                            (row.revision, told(tell, record, sharing)?)
                        }
                        None => (0, None),
                    }
                }
                Kept::Version(_) => (0, None),
            };
            rows.extend(counted.map(|counted| LeafRow { id, revision, at: counted.at, leaf: counted.leaf }));
        }
        Ok((rows, next))
    }
}

/// A count that is brought further.
struct Counting {
    scope: TenantScope,
    session: (Market, Arc<Sharing>, Arc<Filter>),
    tell: Tell,
    policy: String,
    page: u32,
}

impl Counting {
    /// Counts one portion behind a mark and keeps it, unless another has kept it meanwhile.
    async fn portion(self, mark: PartnerMark, head: Head) -> Result<(), IngestError> {
        let (market, sharing, filter) = &self.session;
        let id = &market.key.market;
        let through = self.scope.feed_bound(id, mark.through, head.revision, self.page.saturating_mul(PORTION)).await?;
        let window = (mark.through, through);
        let count = Count { scope: &self.scope, market, filter, sharing, tell: self.tell, window };
        let sum = count.changes(self.page).await?;
        let recorded = (through == head.revision).then_some(head.recorded);
        self.scope.advance_partner(id, &self.policy, &mark, (through, recorded), sum).await?;
        Ok(())
    }
}
