//! The write side of the service: who may write, and what is made of a request before it waits for its commit.

use std::sync::Arc;
use std::time::Instant;

use super::error::IngestError;
use super::follow;
use super::keys::Keys;
use super::work::Work;
use super::writer::{CaseUpsert, Commit, Markets};
use crate::domain::activity::Activity;
use crate::domain::consistency::Consistency;
use crate::domain::ids::MarketId;
use crate::domain::market::MarketKey;
use crate::domain::principal::{Principal, Role};

/// The write side of the service.
#[derive(Clone)]
pub struct Ingest {
    markets: Arc<Markets>,
    keys: Arc<Keys>,
}

impl Ingest {
    /// The write side over these writers.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new(markets: Arc<Markets>) -> Result<Self, IngestError> {
        Ok(Self { markets, keys: Arc::new(Keys::new()?) })
    }

    /// The writers.
    #[must_use]
    pub fn markets(&self) -> &Arc<Markets> {
        &self.markets
    }

    /// The caller behind an API key.
    ///
    /// # Errors
    /// The key opens nothing, or the database is away.
    pub async fn authenticate(&self, api_key: &str) -> Result<Principal, IngestError> {
        Ok(self.authenticate_until(api_key).await?.0)
    }

    /// The caller behind an API key, and until when whoever holds the answer need not ask again.
    ///
    /// # Errors
    /// See [`Self::authenticate`].
    pub async fn authenticate_until(&self, api_key: &str) -> Result<(Principal, Instant), IngestError> {
        self.keys.authenticate(self.markets.store(), api_key).await
    }

    /// Stores case versions.
    ///
    /// # Errors
    /// See [`IngestError`]; what is wrong with one record is in its result.
    pub async fn upsert_cases(
        &self,
        who: &Principal,
        market: &MarketId,
        cases: Vec<CaseUpsert>,
    ) -> Result<Commit, IngestError> {
        let key = self.admit(Role::Writer, who, market)?;
        self.markets.submit(&key, Work::Cases(cases)).await
    }

    /// Whether somebody may write to a market at all, which asks no database.
    ///
    /// # Errors
    /// The role is missing, or the market is unknown.
    pub fn may_write(&self, who: &Principal, market: &MarketId) -> Result<(), IngestError> {
        self.admit(Role::Writer, who, market).map(|_| ())
    }

    /// Stores activities. A void is an activity of its own.
    ///
    /// # Errors
    /// See [`IngestError`]; what is wrong with one record is in its result.
    pub async fn record(
        &self,
        who: &Principal,
        market: &MarketId,
        mut activities: Vec<Activity>,
    ) -> Result<Commit, IngestError> {
        let key = self.admit(Role::Writer, who, market)?;
        self.resolve(who, activities.iter_mut());
        self.markets.submit(&key, Work::Activities(activities)).await
    }

    /// Stores a void and the replacement of its target in one commit: both, or neither.
    ///
    /// # Errors
    /// See [`IngestError`]; what is wrong with one of the two is in its result.
    pub async fn correct(
        &self,
        who: &Principal,
        market: &MarketId,
        void: Activity,
        mut replacement: Activity,
    ) -> Result<Commit, IngestError> {
        let key = self.admit(Role::Writer, who, market)?;
        self.resolve(who, std::iter::once(&mut replacement));
        self.markets.submit(&key, Work::Correction(Box::new([void, replacement]))).await
    }

    /// Makes sure that a market's answers hold what a read asks for: the revision that they then hold at least, 0 where
    /// nothing was asked for.
    ///
    /// # Errors
    /// The market is unknown or has no such revision, or the database is away.
    pub async fn assure(&self, who: &Principal, market: &MarketId, wanted: Consistency) -> Result<u64, IngestError> {
        if wanted == Consistency::Fastest {
            return Ok(0);
        }
        follow::assure(&self.markets, &self.known(who, market)?, wanted).await
    }

    /// Gives contacts the outcomes that their codes mean.
    pub(super) fn resolve<'a>(&self, who: &Principal, activities: impl Iterator<Item = &'a mut Activity>) {
        let snapshot = self.markets.config().get();
        if let Some(tenant) = snapshot.tenants.get(&who.tenant) {
            activities.for_each(|activity| tenant.dispositions.resolve(activity));
        }
    }

    pub(super) fn admit(&self, role: Role, who: &Principal, market: &MarketId) -> Result<MarketKey, IngestError> {
        if !who.has(role) {
            return Err(IngestError::RoleMissing(role.as_str()));
        }
        self.known(who, market)
    }

    fn known(&self, who: &Principal, market: &MarketId) -> Result<MarketKey, IngestError> {
        let known = who.may_touch(market) && self.markets.config().get().market(&who.tenant, market).is_some();
        if !known {
            return Err(IngestError::MarketUnknown(market.to_string()));
        }
        Ok(MarketKey { tenant: who.tenant.clone(), market: market.clone() })
    }
}
