//! The read path: cases, activities, findings, rules and KPIs.

mod across;
mod agents;
mod alert;
mod benchmark;
mod case_file;
mod cells;
mod drill;
mod findings;
mod following;
mod frozen;
mod keep_sums;
mod kept;
mod kpis;
mod permits;
pub mod quality;
mod retold;
mod scorecard;
mod shares;
pub mod simulate;
mod stored_sums;
mod summed;
mod told;
mod watch;

use std::sync::Arc;

pub use across::AcrossAnswer;
pub use alert::{Alert, AlertKind, alerts};
pub use benchmark::{Benchmark, NoPeers};
pub use case_file::{CaseFile, Permission};
pub use drill::{DrillCursor, DrillPage, DrillRecord};
pub use findings::{Derivation, FindingHistory, FindingPlace};
pub use following::KpiFilling;
pub use kpis::{FigureSource, KpiAnswer, KpiQuestion, limit_rows};
pub use scorecard::{Rank, Scorecard, TargetStatus};
pub use watch::{Seen, Watched};

pub use crate::kpi::{self, KpiInfo};

pub use crate::compliance::Answered;
pub use crate::ingest::{Origin, Record};
pub use crate::ledger::{Balance, PromiseState, PromiseView};
pub use crate::rules::RuleInfo;
pub use crate::store::{ActivityFilter, CaseFilter, FindingFilter, FindingRow, Page, PermitFilter, StoredActivity};

use crate::config::Snapshot;
use crate::domain::agent_figures::AgentFigures;
use crate::domain::case::CaseVersion;
use crate::domain::case_dimensions::CaseDimensions;
use crate::domain::ids::{ActivityId, CaseId, MarketId, TenantId};
use crate::domain::market::{Market, MarketKey};
use crate::domain::principal::{Principal, Role};
use crate::domain::time::Timestamp;
use crate::ingest::derive::CaseEntry;
use crate::ingest::{IngestError, Markets, Places, Work, case_at_hand, etag, ground};
use crate::kpi::{Calendar, Catalogue};
use crate::rules::RuleSet;
use crate::store::TenantScope;

/// A case as read.
#[derive(Debug, Clone)]
pub struct CaseView {
    /// The version in force now.
    pub version: CaseVersion,
    /// Etag for the next upsert.
    pub etag: String,
    /// How many versions there are.
    pub versions: usize,
    /// Revision of the newest version.
    pub revision: u64,
}

/// Rules in force, and where they come from.
#[derive(Debug, Clone)]
pub struct RuleList {
    /// The rules.
    pub rules: Vec<RuleInfo>,
    /// Digest of the tenant's rule set.
    pub digest: String,
}

/// The reading side of the service.
#[derive(Clone)]
pub struct Query {
    pub(super) markets: Arc<Markets>,
    cells: Arc<cells::Cells>,
    told: Arc<kept::Kept<told::Told>>,
    by_day: Arc<kept::Kept<summed::Summed>>,
    by_month: Arc<kept::Kept<summed::Summed>>,
    turns: Arc<summed::Turns>,
    followed: following::Followed,
    simulations: Arc<Places>,
    recounts: Arc<Places>,
    watches: watch::Watches,
}

/// What a read needs of the configuration, checked against the caller.
pub(super) struct Reading {
    pub(super) key: MarketKey,
    pub(super) scope: TenantScope,
    pub(super) market: Market,
    /// In which form figures tell of agents.
    pub(super) agents: AgentFigures,
    pub(super) rules: Arc<RuleSet>,
    pub(super) catalogue: Arc<Catalogue>,
    /// What facts rest on besides the records.
    pub(super) ground: String,
    pub(super) calendar: kpi::Calendar,
}

impl Query {
    /// The reading side over these writers. Must be called inside a tokio runtime.
    #[must_use]
    pub fn new(markets: Arc<Markets>) -> Self {
        keep_sums::start(&markets);
        Self::over(markets)
    }

    fn over(markets: Arc<Markets>) -> Self {
        let settings = &markets.config().get().server.query;
        let bytes = |mebibytes: u32| usize::try_from(mebibytes).unwrap_or(0) << 20;
        let cells = Arc::new(cells::Cells::new(bytes(settings.kpi_cache_mib)));
        let told = bytes(settings.told_facts_mib);
        let watches = watch::Watches::new(settings);
        Self {
            markets,
            cells,
            told: Arc::new(kept::Kept::new(told)),
            by_day: Arc::new(kept::Kept::new(told)),
            by_month: Arc::new(kept::Kept::new(told)),
            turns: Arc::default(),
            followed: following::Followed::default(),
            // A simulation takes minutes, and whoever finds no place is refused.
            simulations: Arc::new(Places::of_few(1)),
            recounts: Arc::new(Places::of_few(2)),
            watches,
        }
    }

    /// The values of cases that are dimensions, as the definitions in force state them.
    #[must_use]
    pub fn case_dimensions(&self) -> CaseDimensions {
        self.markets.config().get().catalogue.case_dimensions().clone()
    }

    pub(super) fn open(&self, who: &Principal, market: &MarketId) -> Result<Reading, IngestError> {
        self.open_for(Role::Reader, who, market)
    }

    fn open_for(&self, role: Role, who: &Principal, market: &MarketId) -> Result<Reading, IngestError> {
        if !who.has(role) {
            return Err(IngestError::RoleMissing(role.as_str()));
        }
        let snapshot: Arc<Snapshot> = self.markets.config().get();
        if !who.may_touch(market) {
            return Err(IngestError::MarketUnknown(market.to_string()));
        }
        self.reading(&snapshot, &who.tenant, market)
    }

    /// What a read needs of a tenant's configuration, whoever asks.
    pub(super) fn reading(
        &self,
        snapshot: &Snapshot,
        id: &TenantId,
        market: &MarketId,
    ) -> Result<Reading, IngestError> {
        let unknown = || IngestError::MarketUnknown(market.to_string());
        let tenant = snapshot.tenants.get(id).ok_or_else(unknown)?;
        let key = MarketKey { tenant: id.clone(), market: market.clone() };
        let settings = tenant.markets.get(market).ok_or_else(unknown)?.clone();
        let agents = tenant.agent_figures.get(market).copied().unwrap_or_default();
        let calendar = tenant.calendars.get(market).cloned().unwrap_or_default();
        let today = Some(self.markets.clock().now().date(settings.zone));
        Ok(Reading {
            key,
            ground: ground(&settings, &tenant.rules),
            scope: self.markets.store().scope(id),
            market: settings,
            agents,
            rules: Arc::clone(&tenant.rules),
            catalogue: Arc::clone(&snapshot.catalogue),
            calendar: Calendar { today, ..calendar },
        })
    }

    /// One case.
    ///
    /// # Errors
    /// The case is unknown, or see [`IngestError`].
    pub async fn get_case(&self, who: &Principal, market: &MarketId, case: &CaseId) -> Result<CaseView, IngestError> {
        let reading = self.open(who, market)?;
        let mut found = self.views(&reading, std::slice::from_ref(case)).await?;
        found.pop().ok_or_else(|| IngestError::NotFound { what: "case", id: case.to_string() })
    }

    /// A case for a writer who is to decide anew on it: who may write it needs no other role to see what stands against it.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub async fn case_as_it_is(
        &self,
        who: &Principal,
        market: &MarketId,
        case: &CaseId,
    ) -> Result<Option<CaseView>, IngestError> {
        let reading = self.open_for(Role::Writer, who, market)?;
        Ok(self.views(&reading, std::slice::from_ref(case)).await?.pop())
    }

    /// Cases by id, after the given one.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub async fn list_cases(
        &self,
        who: &Principal,
        market: &MarketId,
        filter: &CaseFilter,
        after: Option<&CaseId>,
        limit: u32,
    ) -> Result<Vec<CaseView>, IngestError> {
        let reading = self.open(who, market)?;
        let after = after.map_or("", CaseId::as_str);
        let cases = reading.scope.list_cases(market, filter, after, limit).await?;
        self.views(&reading, &cases).await
    }

    /// The cases of these ids, by id; unknown ones are left out.
    async fn views(&self, reading: &Reading, cases: &[CaseId]) -> Result<Vec<CaseView>, IngestError> {
        let now = self.markets.clock().now();
        let mut found = reading.scope.case_versions(&reading.key.market, cases).await?;
        let mut views = Vec::with_capacity(cases.len());
        for case in cases {
            let Some(mut versions) = found.remove(case) else { continue };
            versions.sort_by(|a, b| a.version.order().cmp(&b.version.order()));
            let in_force = versions.iter().rposition(|row| row.version.effective <= now).unwrap_or(0);
            let (Some(row), Some(newest)) = (versions.get(in_force), versions.last()) else { continue };
            views.push(CaseView {
                version: row.version.clone(),
                etag: etag(&newest.version),
                versions: versions.len(),
                revision: versions.iter().map(|row| row.revision).max().unwrap_or_default(),
            });
        }
        Ok(views)
    }

    /// One activity.
    ///
    /// # Errors
    /// The activity is unknown, or see [`IngestError`].
    pub async fn get_activity(
        &self,
        who: &Principal,
        market: &MarketId,
        id: &ActivityId,
    ) -> Result<StoredActivity, IngestError> {
        let reading = self.open(who, market)?;
        let found = reading.scope.activity(market, id).await?;
        found.ok_or_else(|| IngestError::NotFound { what: "activity", id: id.to_string() })
    }

    /// Activities after the given position: of a case by (occurred, id), else by (revision, id).
    ///
    /// # Errors
    /// See [`IngestError`].
    pub async fn list_activities(
        &self,
        who: &Principal,
        market: &MarketId,
        filter: &ActivityFilter,
        after: Option<&Page>,
        limit: u32,
    ) -> Result<Vec<StoredActivity>, IngestError> {
        let reading = self.open(who, market)?;
        Ok(reading.scope.list_activities(market, filter, after, limit).await?)
    }

    /// The rules in force in the market's country on a day.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub fn list_rules(
        &self,
        who: &Principal,
        market: &MarketId,
        on: Option<chrono::NaiveDate>,
    ) -> Result<RuleList, IngestError> {
        let reading = self.open(who, market)?;
        let on = on.unwrap_or_else(|| self.markets.clock().now().date(reading.market.zone));
        let country = reading.market.region.to_ascii_lowercase();
        Ok(RuleList { rules: reading.rules.list(&country, on), digest: reading.rules.digest().to_owned() })
    }

    /// Fires the timers that are due, so that an answer does not depend on when the due-queue last ran.
    pub(super) async fn settle(&self, reading: &Reading) -> Result<Timestamp, IngestError> {
        let now = self.markets.clock().now();
        if reading.scope.next_due(&reading.key.market).await?.is_some_and(|due| due <= now) {
            self.markets.submit(&reading.key, Work::Settle(now)).await?;
        }
        Ok(now)
    }

    /// The derived state of a case.
    pub(super) async fn entry(&self, reading: &Reading, case: &CaseId) -> Result<(Arc<CaseEntry>, u64), IngestError> {
        let found = case_at_hand(&self.markets, &reading.key, case).await?;
        found.ok_or_else(|| IngestError::NotFound { what: "case", id: case.to_string() })
    }
}
