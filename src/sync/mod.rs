//! The change feed: a market's history as its commits made it, read in pages and then followed live.
//!
//! Nothing is written for it but what a reason or a former state needs: every record bears the revision of its commit,
//! and in a commit the order is made total by kind and id. A feed holds a page and no connection between its messages.

mod change;
mod feeds;
mod follower;
mod hydrate;
mod lag;
mod lists;
mod members;
mod merge;
mod partner;
mod partner_count;
mod run;
mod sharing;
mod sinks;
mod states;
mod status;
mod terms;

pub use change::{Change, Piece, What};
pub use follower::{Batch, Follower};
pub use partner::{Counted, Record, Tell};
pub use run::{Plain, Run, Teller, Tellers};
pub use sinks::{SinkPlace, SinkStatus, Telling, Told};
pub use status::{LeafRow, MarketStatus};
pub use terms::SinkTerms;

pub use crate::store::{FeedRecord, FeedVersion};

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::domain::feed::{Place, SyncEntity};
use crate::domain::ids::{MarketId, SinkId, TenantId};
use crate::domain::market::{Market, MarketKey};
use crate::domain::principal::Principal;
use crate::domain::sharing::Sharing;
use crate::domain::validation::Violation;
use crate::ingest::{Head, IngestError, Markets};

/// What a feed is asked for. Empty lists do not filter.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Filter {
    /// Only changes of these.
    pub entities: Vec<SyncEntity>,
    /// Only cases of these creditors.
    pub clients: Vec<String>,
    /// Only cases that are or were in one of these portfolios.
    pub portfolios: Vec<String>,
}

impl Filter {
    /// The same for every way of writing the same filter.
    #[must_use]
    pub fn canonical(mut self) -> Self {
        self.entities.sort_unstable();
        self.entities.dedup();
        for names in [&mut self.clients, &mut self.portfolios] {
            names.sort_unstable();
            names.dedup();
        }
        self
    }

    pub(crate) fn wants(&self, entity: SyncEntity) -> bool {
        self.entities.is_empty() || self.entities.contains(&entity)
    }
}

/// How a feed is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// End with what was committed at the beginning.
    pub once: bool,
    /// Longest silence.
    pub heartbeat: Duration,
}

/// What a feed's token carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// How far it has come.
    pub place: Place,
    /// The epoch in which it began.
    pub epoch: u64,
    /// What was shared with the caller; empty for everything.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub policy: String,
    /// Of a sink, under which words of its own it was told. Places that were kept before there were such have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<Arc<SinkTerms>>,
}

/// The feeds of this process.
#[derive(Clone)]
pub struct Sync {
    markets: Arc<Markets>,
    lags: lag::Lags,
    feeds: feeds::Feeds,
}

/// Who follows a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Who {
    /// The caller behind a key.
    Key(Principal),
    /// A sink that the tenant's file names.
    Sink(TenantId, SinkId),
}

/// One who may follow a market, before it is known from where.
pub struct Session {
    key: MarketKey,
    market: Market,
    who: Who,
    /// What is shared with the caller; `None` for everything.
    pub sharing: Option<Arc<Sharing>>,
    /// What tokens of this store and tenant are signed with.
    pub secret: [u8; 32],
    /// Of a sink, under which words of its own it is told.
    terms: Option<Arc<SinkTerms>>,
}

impl Sync {
    /// The feeds over these writers.
    #[must_use]
    pub fn new(markets: Arc<Markets>) -> Self {
        Self { markets, lags: lag::Lags::default(), feeds: feeds::Feeds::default() }
    }

    /// Lets a caller in.
    ///
    /// # Errors
    /// The caller may not follow the market, or the database is away.
    pub async fn open(&self, who: &Principal, market: &MarketId) -> Result<Session, IngestError> {
        let snapshot = self.markets.config().get();
        let reader = Who::Key(who.clone());
        let sharing = sharing::of(&snapshot, &reader)?;
        let shared = sharing.as_ref().is_none_or(|sharing| sharing.markets.contains(market));
        let known = snapshot.market(&who.tenant, market).filter(|_| who.may_touch(market) && shared);
        let known = known.ok_or_else(|| IngestError::MarketUnknown(market.to_string()))?.clone();
        let key = MarketKey { tenant: who.tenant.clone(), market: market.clone() };
        let secret = self.markets.secret_of(&who.tenant).await?;
        Ok(Session { key, market: known, who: reader, sharing, secret, terms: None })
    }

    /// Looks at the feeds that clients of this process follow: by market, for how long the one that has waited longest has not
    /// taken what was committed. To be called every few seconds, for a commit counts from when it was seen.
    #[must_use]
    pub fn feed_lags(&self) -> Vec<(MarketKey, Duration)> {
        self.lags.look(Instant::now())
    }

    /// The writers whose commits the feeds tell of.
    #[must_use]
    pub const fn markets(&self) -> &Arc<Markets> {
        &self.markets
    }

    /// Begins a feed: behind a token's place, or behind a revision where there is no token. Where `tellers` are given and
    /// nothing is chosen by what activities say, these are told as they are.
    ///
    /// # Errors
    /// [`IngestError::Resync`] if the place is gone; the revision is none; the tenant has as many feeds as it may; the database
    /// is away.
    pub async fn follow(
        &self,
        session: Session,
        filter: Filter,
        (manner, tellers): (Manner, Option<Tellers>),
        from: Result<Cursor, u64>,
    ) -> Result<Follower, IngestError> {
        let filter = session.narrow(filter)?;
        let policy = session.policy();
        // Of a sink it is kept elsewhere what it has taken, and there are as many as the tenant's file has.
        let own = matches!(session.who, Who::Key(_));
        let most = self.markets.config().get().server.sync.max_feeds;
        let feed = own.then(|| self.feeds.open(&session.key.tenant, most)).transpose()?;
        let scope = self.markets.store().scope(&session.key.tenant);
        let market = &session.key.market;
        // Followed before it is read, so that no commit falls between.
        let heads = self.markets.heads().follow(&session.key);
        let head = scope.head(market).await?;
        let head = head.map(|head| Head { revision: head.revision, recorded: head.recorded }).unwrap_or_default();
        self.markets.heads().note(&session.key, head);
        let epoch = scope.feed_epoch(market).await?;
        let place = match from {
            Err(after) if after > head.revision => {
                let text =
                    format!("is {after}, but the market's newest revision is {}: send one up to that", head.revision);
                return Err(IngestError::Invalid(
                    format!("after_revision: {text}"),
                    vec![Violation::new("after_revision", text)],
                ));
            }
            Err(after) => Place { through: after, last: None },
            Ok(Cursor { place, epoch: began, policy: under, terms }) => {
                if under != policy {
                    return Err(gone(
                        "what is shared with this partner has changed, or how it is told, since the token was given out",
                    ));
                }
                if let (Some(before), Some(now)) = (&terms, &session.terms)
                    && let Some(what) = now.needs_another_copy(before, session.sharing.as_deref())
                {
                    return Err(gone(&format!("{what} since the sink sent last")));
                }
                if began != epoch {
                    return Err(gone("the feeds of this market were reset since the token was given out"));
                }
                let ahead = place.through.max(place.last.as_ref().map_or(0, |mark| mark.0)) > head.revision;
                // A store that was restored from a backup may have taken the same revisions for other changes.
                let lost = match &place.last {
                    Some(mark) if !ahead => !scope.has_change(market, mark).await?,
                    _ => false,
                };
                if ahead || lost {
                    return Err(gone("the token is of a state that this store does not hold, as after a restore"));
                }
                place
            }
        };
        let manner = (manner, tellers);
        let followed = own.then(|| self.lags.follow(&session.key, &heads, place.through));
        let markets = Arc::clone(&self.markets);
        Ok(Follower::new(markets, session, filter, manner, (heads, followed, feed), (head, epoch), place))
    }
}

fn gone(why: &str) -> IngestError {
    IngestError::Resync(format!("{why}: start again without a token, with an empty copy"))
}
