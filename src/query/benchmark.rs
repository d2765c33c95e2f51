//! A market's figures beside published ones, and beside the quartiles of tenants that share theirs.
//!
//! Quartiles are told of whole calendar quarters that ended thirty days ago or more, without groups or filters, of those who
//! share that quarter, and are stored as they were told first, by what the KPI means and not by its name. All KPIs of a quarter are told
//! of the tenants who shared it when the first was told. So nobody can compare two answers that differ by one tenant, one day or one
//! record, whatever process is asked, however often it was started and whatever is written in the KPI files.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate};

use super::following::being_filled;
use super::kpis::refused;
use super::{Query, Reading};
use crate::config::Snapshot;
use crate::domain::ids::{MarketId, TenantId};
use crate::domain::principal::Principal;
use crate::domain::time::{add_days, day_number};
use crate::domain::validation::Violation;
use crate::ingest::{IngestError, corrupt_cell};
use crate::kpi::peers::{Published, Quartiles, Withheld, quartiles};
use crate::kpi::unit::Unit;
use crate::kpi::{self, Exact, Grain, QueryError, Row, Shape};
use crate::store::{QuarterKey, QuartileKey, QuartileRow};

/// Days after its end from which a quarter is told.
const SETTLED_DAYS: i64 = 30;

/// Why there are no quartiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPeers {
    /// Too few tenants share theirs, or one is too large.
    Withheld(Withheld),
    /// The tenant does not share its own figures of that quarter.
    NotShared,
    /// Sums and counts tell the size of tenants: only quotients and days are compared.
    NotComparable,
}

/// One KPI among others.
#[derive(Debug, Clone)]
pub struct Benchmark {
    /// The KPI.
    pub kpi: String,
    /// The market's own figure of the quarter, if there is one in one currency.
    pub own: Option<Row>,
    /// What others published.
    pub published: Vec<Published>,
    /// The quartiles of those who share theirs.
    pub peers: Result<Quartiles, NoPeers>,
}

impl Query {
    /// A market's figures of a quarter among others'.
    ///
    /// # Errors
    /// The day begins no quarter that is over long enough, a KPI is unknown, or see [`IngestError`].
    pub async fn benchmarks(
        &self,
        who: &Principal,
        market: &MarketId,
        kpis: &[String],
        quarter: NaiveDate,
    ) -> Result<Vec<Benchmark>, IngestError> {
        let reading = self.open(who, market)?;
        let end = quarter.checked_add_months(chrono::Months::new(3)).unwrap_or(NaiveDate::MAX);
        let today = self.markets.clock().now().date(reading.market.zone);
        let begins = quarter.day() == 1 && quarter.month0().is_multiple_of(3);
        if !begins || add_days(end, SETTLED_DAYS) > today {
            let text = format!(
                "{quarter} is no first day of a calendar quarter that ended {SETTLED_DAYS} days ago or more: send such a day"
            );
            let violations = vec![Violation::new("quarter_start_date", text)];
            return Err(refused(QueryError { violations, undeclared: false }));
        }
        let snapshot = self.markets.config().get();
        let mut found = Vec::with_capacity(kpis.len());
        for kpi in kpis {
            let own = self.figure(&reading, kpi, (quarter, end)).await?;
            let region = reading.market.region.to_ascii_lowercase();
            let about = |one: &&Published| one.kpi == *kpi && (one.regions.is_empty() || one.regions.contains(&region));
            let published = snapshot.published.iter().filter(about).cloned().collect();
            let unit = reading.catalogue.list().find(|info| info.id == *kpi).map(|info| info.unit);
            let shares = shares(&snapshot, &who.tenant, (quarter, end));
            let peers = match unit.zip(reading.catalogue.meaning(kpi)) {
                Some((Unit::Money | Unit::Count, _)) | None => Err(NoPeers::NotComparable),
                Some(_) if !shares => Err(NoPeers::NotShared),
                Some((unit, meaning)) => {
                    let found = self.peers(&snapshot, &reading, (kpi, meaning), (quarter, end), unit.whole()).await?;
                    found.map_err(NoPeers::Withheld)
                }
            };
            found.push(Benchmark { kpi: kpi.clone(), own, published, peers });
        }
        Ok(found)
    }

    /// The quartiles of all who share, as they were told first. `whole` is the most that a proportion can be in the KPI's unit.
    async fn peers(
        &self,
        snapshot: &Snapshot,
        asking: &Reading,
        (kpi, meaning): (&str, String),
        (from, to): (NaiveDate, NaiveDate),
        whole: Option<i64>,
    ) -> Result<Result<Quartiles, Withheld>, IngestError> {
        let (market, catalogue) = (&asking.key.market, &asking.catalogue);
        let of = QuarterKey { region: market.as_str().to_owned(), quarter: day_number(from) };
        let key = QuartileKey { of, meaning };
        let store = self.markets.store();
        if let Some(known) = store.quartiles(&key).await? {
            return Ok(told(known, whole));
        }
        for name in catalogue.meaning_this(&key.meaning) {
            if let Some(former) = store.former_quartiles(&key.of, name, catalogue.digest()).await? {
                return Ok(told(store.fix_quartiles(&key, former).await?, whole));
            }
        }
        let sharing = snapshot.tenants.keys().filter(|tenant| shares(snapshot, tenant, (from, to)));
        let sharing: BTreeSet<TenantId> = sharing.cloned().collect();
        let group = store.peer_group(&key.of).await?;
        let tenants = group.as_ref().unwrap_or(&sharing);
        let mut made =
            self.quartiles_of(snapshot, tenants.intersection(&sharing), market, (kpi, whole), (from, to)).await?;
        // What is withheld may be told when more tenants share; what was told stays as it was, and of whom.
        if made.is_ok() && group.is_none() {
            let first = store.fix_peer_group(&key.of, &sharing).await?;
            if first != sharing {
                made =
                    self.quartiles_of(snapshot, first.intersection(&sharing), market, (kpi, whole), (from, to)).await?;
            }
        }
        let made = match made {
            Ok(made) => made,
            Err(withheld) => return Ok(Err(withheld)),
        };
        let row = QuartileRow { tenants: u32::try_from(made.tenants).unwrap_or(u32::MAX), texts: made.texts };
        Ok(told(store.fix_quartiles(&key, row).await?, whole))
    }

    /// The quartiles of those of some tenants who have a figure.
    async fn quartiles_of(
        &self,
        snapshot: &Snapshot,
        tenants: impl Iterator<Item = &TenantId>,
        market: &MarketId,
        (kpi, whole): (&str, Option<i64>),
        span: (NaiveDate, NaiveDate),
    ) -> Result<Result<Quartiles, Withheld>, IngestError> {
        let mut figures: Vec<(Exact, Exact)> = Vec::new();
        for tenant in tenants {
            let Ok(reading) = self.reading(snapshot, tenant, market) else { continue };
            let row = self.figure(&reading, kpi, span).await?;
            if let Some((value, volume)) = row.and_then(|row| row.value.zip(row.denominator)) {
                figures.push((value, volume));
            }
        }
        Ok(quartiles(figures).and_then(|made| made.of_nobody(whole)))
    }

    /// The figure of a market over a quarter; `None` without a value or in several currencies.
    async fn figure(
        &self,
        reading: &Reading,
        kpi: &str,
        (from, to): (NaiveDate, NaiveDate),
    ) -> Result<Option<Row>, IngestError> {
        let (kpis, grain) = (vec![kpi.to_owned()], Grain::Quarter);
        let query = kpi::Query { kpis, grain, from, to, group_by: Vec::new(), filters: Vec::new() };
        // What is held against others is read by all alike, whatever a tenant means by a bare name.
        let calendar = kpi::Calendar { defaults: kpi::Defaults::default(), ..reading.calendar.clone() };
        let shape = Shape { calendar, ..Shape::default() };
        let now = self.markets.clock().now();
        let (following, planned) =
            self.planned(reading, now, |catalogue| catalogue.plan_shaped(&query, &shape)).await?;
        // What is told once stays: a former definition's figure must not be told under the new one's digest.
        if let Some(filling) = self.filling(reading, &following, std::iter::once(kpi)).await?.first() {
            return Err(being_filled(filling));
        }
        let (plan, _, stretches) = planned.map_err(refused)?;
        let answer = plan.answer(stretches.iter().flat_map(|stretch| stretch.blocks()));
        let mut rows = answer.map_err(|error| corrupt_cell(&error))?.rows;
        rows.retain(|row| row.value.is_some());
        Ok(if rows.len() == 1 { rows.pop() } else { None })
    }
}

/// Stored quartiles as they are told. An earlier version stored what would be somebody's own figure, too.
fn told(row: QuartileRow, whole: Option<i64>) -> Result<Quartiles, Withheld> {
    Quartiles { tenants: row.tenants as usize, texts: row.texts }.of_nobody(whole)
}

/// Whether a tenant shares its figures of all these days.
fn shares(snapshot: &Snapshot, tenant: &TenantId, (from, to): (NaiveDate, NaiveDate)) -> bool {
    let span = snapshot.tenants.get(tenant).and_then(|tenant| tenant.shared);
    span.is_some_and(|span| span.holds(from) && span.holds(add_days(to, -1)))
}
