//! Sinks: feeds that the service sends to receivers itself, and what an operator sees and orders of them.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Change, Cursor, Filter, Follower, Manner, Session, SinkTerms, Sync, What, Who};
use crate::domain::ids::{MarketId, SinkId};
use crate::domain::market::MarketKey;
use crate::domain::principal::{Principal, Role};
use crate::domain::sharing::Sharing;
use crate::domain::sink::{DeadLetter, LetterOrder, Sink, Start};
use crate::domain::validation::Violation;
use crate::ingest::IngestError;
use crate::store::{SinkOrder, SinkRow, TenantScope};

/// How long a feed is silent; nothing hangs on it.
const MANNER: Manner = Manner { once: false, heartbeat: std::time::Duration::from_secs(10) };

/// Where a sink goes on, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SinkPlace {
    /// Behind a revision.
    After(u64),
    /// Behind a change.
    At(Cursor),
}

impl SinkPlace {
    /// Everything up to this revision was delivered.
    #[must_use]
    pub const fn through(&self) -> u64 {
        match self {
            Self::After(revision) => *revision,
            Self::At(cursor) => cursor.place.through,
        }
    }

    /// As it is kept.
    #[must_use]
    pub fn kept(&self) -> String {
        // Numbers and texts: their JSON cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A sink in one market, as an operator sees it.
#[derive(Debug, Clone)]
pub struct SinkStatus {
    /// The market.
    pub market: MarketId,
    /// What the tenant's file says.
    pub sink: Arc<Sink>,
    /// How far it has come; `None` before it began.
    pub row: Option<SinkRow>,
    /// The market's newest revision.
    pub head: u64,
    /// Microseconds since the oldest change was recorded that is not delivered; `None` before the sink began.
    pub lag: Option<i64>,
    /// Events that are put aside.
    pub letters: u64,
}

/// One change for one receiver.
pub struct Telling<'a> {
    /// Whose change.
    pub key: &'a MarketKey,
    /// The change.
    pub change: &'a Change,
    /// What the receiver may see; `None` for everything.
    pub sharing: Option<&'a Sharing>,
    /// Most bytes that telling it may take.
    pub most: usize,
}

/// A change as its receiver is told of it.
#[derive(Debug)]
pub struct Told {
    /// The event's id: that of the change, and for a partner what of it is told. The same content has the same one whenever it is
    /// told, and another content another one.
    pub id: String,
    /// The event; or why there is none.
    pub body: Result<Vec<u8>, String>,
}

impl Change {
    /// The id of the change: a hash of whose it is, its commit, and what it is about.
    #[must_use]
    pub fn id(&self, key: &MarketKey) -> String {
        let one = self.what.subject();
        let two = match &self.what {
            What::Case { version, .. } => version.version.to_string(),
            _ => String::new(),
        };
        let mut hasher = blake3::Hasher::new();
        let revision = self.revision.to_string();
        let entity = self.what.entity();
        for part in [key.tenant.as_str(), key.market.as_str(), &revision, entity.as_str(), &one, &two] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.finalize().to_hex()[..32].to_owned()
    }
}

impl Sync {
    /// The feed of a sink, as the configuration in force has it.
    ///
    /// # Errors
    /// The tenant's file has no such sink, partner or market; the place is gone; the database is away.
    pub async fn follow_sink(
        &self,
        key: &MarketKey,
        sink: &Sink,
        place: SinkPlace,
    ) -> Result<(Follower, Option<Arc<Sharing>>), IngestError> {
        let snapshot = self.markets.config().get();
        let who = Who::Sink(key.tenant.clone(), sink.id.clone());
        let sharing = super::sharing::of(&snapshot, &who)?;
        let shared = sharing.as_ref().is_none_or(|sharing| sharing.markets.contains(&key.market));
        let market = snapshot.market(&key.tenant, &key.market).filter(|_| shared).cloned();
        let market = market.ok_or_else(|| IngestError::MarketUnknown(key.market.to_string()))?;
        // Nothing is signed with it: the place stays here.
        let (secret, terms) = ([0; 32], Some(Arc::new(SinkTerms::of(sink))));
        let session = Session { key: key.clone(), market, who, sharing: sharing.clone(), secret, terms };
        let filter = Filter { entities: sink.entities.clone(), ..Filter::default() }.canonical();
        let from = match place {
            SinkPlace::After(revision) => Err(revision),
            SinkPlace::At(cursor) => Ok(cursor),
        };
        Ok((self.follow(session, filter, (MANNER, None), from).await?, sharing))
    }

    /// Makes sure that a sink has a place, and reads it.
    ///
    /// # Errors
    /// The database is away, or what is kept does not read.
    pub async fn sink_row(&self, key: &MarketKey, sink: &Sink) -> Result<(SinkRow, SinkPlace), IngestError> {
        let scope = self.markets.store().scope(&key.tenant);
        let row = match scope.sink(&key.market, &sink.id).await? {
            Some(row) => row,
            None => {
                let head = scope.head(&key.market).await?.map(|head| head.revision).unwrap_or_default();
                let place = SinkPlace::After(if sink.start == Start::Now { head } else { 0 });
                scope.make_sink(&key.market, &sink.id, &place.kept(), place.through()).await?;
                let made = scope.sink(&key.market, &sink.id).await?;
                made.ok_or_else(|| IngestError::internal("a sink's row is missing right after its insert"))?
            }
        };
        let place =
            serde_json::from_str(&row.place).map_err(|_| IngestError::internal("a sink's place does not read"))?;
        Ok((row, place))
    }

    /// The sinks of the tenant in one of its markets, or in all that the caller may touch.
    ///
    /// # Errors
    /// The caller is no reader, the market is unknown, or the database is away.
    pub async fn sinks(&self, who: &Principal, market: Option<&MarketId>) -> Result<Vec<SinkStatus>, IngestError> {
        if !who.has(Role::Reader) {
            return Err(IngestError::RoleMissing(Role::Reader.as_str()));
        }
        let snapshot = self.markets.config().get();
        let Some(tenant) = snapshot.tenants.get(&who.tenant) else { return Ok(Vec::new()) };
        let wanted = |known: &&MarketId| who.may_touch(known) && market.is_none_or(|market| market == *known);
        let markets: Vec<&MarketId> = tenant.markets.keys().filter(wanted).collect();
        if let (Some(market), true) = (market, markets.is_empty()) {
            return Err(IngestError::MarketUnknown(market.to_string()));
        }
        let scope = self.markets.store().scope(&who.tenant);
        let mut found = Vec::new();
        for market in markets {
            let sinks: Vec<_> = tenant.sinks.iter().filter(|sink| sink.markets.contains(market)).collect();
            if sinks.is_empty() {
                continue;
            }
            let head = scope.head(market).await?.map(|head| head.revision).unwrap_or_default();
            let aside: HashMap<SinkId, u64> = scope.letter_counts(market).await?.into_iter().collect();
            for sink in sinks {
                let letters = aside.get(&sink.id).copied().unwrap_or_default();
                let row = scope.sink(market, &sink.id).await?;
                let lag = self.lag(&scope, market, row.as_ref(), head).await?;
                found.push(SinkStatus { market: market.clone(), sink: Arc::clone(sink), row, head, lag, letters });
            }
        }
        Ok(found)
    }

    /// How far a sink in a market is behind, and whether it is paused; `None` before it began.
    ///
    /// # Errors
    /// The database is away.
    pub async fn sink_lag(&self, key: &MarketKey, sink: &SinkId) -> Result<Option<(i64, bool)>, IngestError> {
        let scope = self.markets.store().scope(&key.tenant);
        let Some(row) = scope.sink(&key.market, sink).await? else { return Ok(None) };
        let head = scope.head(&key.market).await?.map(|head| head.revision).unwrap_or_default();
        let lag = self.lag(&scope, &key.market, Some(&row), head).await?;
        Ok(lag.map(|lag| (lag, row.paused)))
    }

    async fn lag(
        &self,
        scope: &TenantScope,
        market: &MarketId,
        row: Option<&SinkRow>,
        head: u64,
    ) -> Result<Option<i64>, IngestError> {
        let Some(row) = row else { return Ok(None) };
        if row.through >= head {
            return Ok(Some(0));
        }
        // A commit that changed nothing that a feed tells of keeps nobody waiting.
        let oldest = scope.oldest_behind(market, row.through).await?;
        Ok(Some(oldest.map_or(0, |at| self.markets.clock().now().0.saturating_sub(at.0).max(0))))
    }

    /// Sends nothing to a receiver until somebody resumes it.
    ///
    /// # Errors
    /// The caller is no administrator, there is no such sink, or the database is away.
    pub async fn pause_sink(&self, who: &Principal, market: &MarketId, sink: &SinkId) -> Result<(), IngestError> {
        let (key, known) = self.administered(who, market, sink)?;
        self.sink_row(&key, &known).await?;
        self.order(&key, sink, &SinkOrder::Pause(format!("paused by the key {}", who.key))).await
    }

    /// Goes on where the sink stands, under what is shared by now.
    ///
    /// # Errors
    /// As above.
    pub async fn resume_sink(&self, who: &Principal, market: &MarketId, sink: &SinkId) -> Result<(), IngestError> {
        let (key, known) = self.administered(who, market, sink)?;
        let (_, place) = self.sink_row(&key, &known).await?;
        // Behind a revision: epoch and policy are those of now. What of one commit was sent before comes again.
        let through = place.through();
        let place = SinkPlace::After(through);
        self.order(&key, sink, &SinkOrder::Resume(place.kept(), through)).await
    }

    /// Sends everything behind a revision again.
    ///
    /// # Errors
    /// As above, or the revision is none of the market's.
    pub async fn replay_sink(
        &self,
        who: &Principal,
        market: &MarketId,
        sink: &SinkId,
        after: u64,
    ) -> Result<(), IngestError> {
        let (key, known) = self.administered(who, market, sink)?;
        let head = self.markets.store().scope(&key.tenant).head(market).await?;
        let head = head.map(|head| head.revision).unwrap_or_default();
        if after > head {
            let text = format!("is {after}, but the market's newest revision is {head}: send one up to that");
            let violation = Violation::new("after_revision", text.clone());
            return Err(IngestError::Invalid(format!("after_revision: {text}"), vec![violation]));
        }
        self.sink_row(&key, &known).await?;
        let place = SinkPlace::After(after);
        self.order(&key, sink, &SinkOrder::Resume(place.kept(), after)).await
    }

    /// Events of a sink that are put aside, in the order of their revisions, behind a place, at most so many.
    ///
    /// # Errors
    /// The caller is no reader, there is no such sink, or the database is away.
    pub async fn letters(
        &self,
        who: &Principal,
        market: &MarketId,
        sink: &SinkId,
        after: Option<(u64, String)>,
        limit: u64,
    ) -> Result<Vec<DeadLetter>, IngestError> {
        let (key, _) = self.known_sink(who, Role::Reader, market, sink)?;
        Ok(self.markets.store().scope(&key.tenant).letters(market, sink, after, false, limit).await?)
    }

    /// Has events that are put aside sent again, or forgotten: those with the ids named, or all. How many there were.
    ///
    /// # Errors
    /// The caller is no administrator, there is no such sink, one of the ids is of nothing that is put aside, or the database
    /// is away.
    pub async fn order_letters(
        &self,
        who: &Principal,
        market: &MarketId,
        sink: &SinkId,
        changes: Option<Vec<String>>,
        order: LetterOrder,
    ) -> Result<u64, IngestError> {
        let (key, known) = self.administered(who, market, sink)?;
        self.sink_row(&key, &known).await?;
        let scope = self.markets.store().scope(&key.tenant);
        if let Some(changes) = &changes {
            let found = scope.which_letters(market, sink, changes.clone()).await?;
            if let Some(other) = changes.iter().find(|change| !found.contains(*change)) {
                return Err(IngestError::NotFound { what: "dead letter", id: other.clone() });
            }
        }
        Ok(scope.order_letters(market, sink, changes, order).await?)
    }

    fn administered(
        &self,
        who: &Principal,
        market: &MarketId,
        sink: &SinkId,
    ) -> Result<(MarketKey, Arc<Sink>), IngestError> {
        self.known_sink(who, Role::Admin, market, sink)
    }

    fn known_sink(
        &self,
        who: &Principal,
        role: Role,
        market: &MarketId,
        sink: &SinkId,
    ) -> Result<(MarketKey, Arc<Sink>), IngestError> {
        if !who.has(role) {
            return Err(IngestError::RoleMissing(role.as_str()));
        }
        let snapshot = self.markets.config().get();
        let tenant = snapshot.tenants.get(&who.tenant);
        let known = tenant.is_some_and(|tenant| tenant.markets.contains_key(market)) && who.may_touch(market);
        if !known {
            return Err(IngestError::MarketUnknown(market.to_string()));
        }
        let sinks = tenant.map(|tenant| tenant.sinks.iter()).into_iter().flatten();
        let found = sinks.into_iter().find(|known| known.id == *sink && known.markets.contains(market));
        let unknown = || IngestError::NotFound { what: "sink", id: sink.to_string() };
        let key = MarketKey { tenant: who.tenant.clone(), market: market.clone() };
        Ok((key, found.cloned().ok_or_else(unknown)?))
    }

    async fn order(&self, key: &MarketKey, sink: &SinkId, order: &SinkOrder) -> Result<(), IngestError> {
        let done = self.markets.store().scope(&key.tenant).order_sink(&key.market, sink, None, order).await?;
        if done { Ok(()) } else { Err(IngestError::NotFound { what: "sink", id: sink.to_string() }) }
    }
}
