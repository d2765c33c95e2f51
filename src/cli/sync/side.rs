//! One side of a comparison: a server, asked for what it keeps, or a file, added up here.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::super::client::{Client, persist};
use super::super::error::CliError;
use crate::domain::digest::{Leaf, Tally};
use crate::domain::feed::SyncEntity;
use crate::domain::money::Currency;
use crate::domain::time::{date_of_day, day_number};
use crate::proto::v1;
use crate::store::Mirror;
use crate::wire::encode::scalar;
use crate::wire::words::Word as _;

/// Rows of a file that are added up at a time.
const CHUNK: u32 = 2_000;

/// What is compared with another side.
pub(super) enum Side {
    /// A server's market.
    Server {
        /// Its client.
        client: Box<Client>,
        /// The market.
        region: String,
    },
    /// A copy in a file, with the zone of the market's days.
    File {
        /// The copy.
        mirror: Mirror,
        /// The zone.
        zone: Tz,
    },
}

/// Tallies by entity, and the revision that they stand on.
pub(super) struct Status {
    pub(super) revision: u64,
    pub(super) tallies: BTreeMap<SyncEntity, Tally>,
}

fn broken(what: &str) -> CliError {
    CliError::new(format!("the server sent {what} that does not read"))
}

/// A tally as the wire has it.
fn tally(wire: &v1::EntityTally) -> Result<Tally, CliError> {
    let mut sums = BTreeMap::new();
    for sum in &wire.sums {
        let currency = Currency::parse(&sum.currency_code).ok_or_else(|| broken("a currency"))?;
        let per_unit = currency.minor_per_unit();
        // A sum may be more than any amount of a record.
        let rest = i64::from(sum.nanos) / (1_000_000_000 / per_unit);
        sums.insert(currency, i128::from(sum.units) * i128::from(per_unit) + i128::from(rest));
    }
    let digest = Leaf::from_bytes(&wire.digest).ok_or_else(|| broken("a digest"))?;
    Ok(Tally { count: wire.count, sums, digest })
}

impl Side {
    /// The sums over all days.
    ///
    /// # Errors
    /// The server or the file does not answer.
    pub(super) async fn status(&self) -> Result<Status, CliError> {
        match self {
            Self::Server { client, region } => {
                let answer = market_status(client, region).await?;
                let mut tallies = BTreeMap::new();
                for wire in &answer.tallies {
                    let entity = SyncEntity::of_number(wire.entity).ok_or_else(|| broken("an entity"))?;
                    tallies.insert(entity, tally(wire)?);
                }
                let revision = u64::try_from(answer.revision).map_err(|_| broken("a revision"))?;
                Ok(Status { revision, tallies })
            }
            Self::File { mirror, zone } => {
                let mut tallies: BTreeMap<SyncEntity, Tally> = BTreeMap::new();
                for ((entity, _), tally) in file_days(mirror, *zone).await? {
                    tallies.entry(entity).or_default().add(&tally);
                }
                Ok(Status { revision: mirror.position().await?.1, tallies })
            }
        }
    }

    /// The tallies of an entity by day.
    ///
    /// # Errors
    /// The server or the file does not answer.
    pub(super) async fn days(&self, entity: SyncEntity) -> Result<BTreeMap<i32, Tally>, CliError> {
        match self {
            Self::Server { client, region } => {
                let request = v1::ListDayTalliesRequest {
                    region_code: region.clone(),
                    entity: entity.number(),
                    ..Default::default()
                };
                let answer = persist(|| {
                    let (mut client, request) = (client.sync.clone(), request.clone());
                    async move { client.list_day_tallies(request).await }
                });
                let mut days = BTreeMap::new();
                for day in answer.await?.into_inner().days {
                    let date = day.date.as_ref().and_then(|date| {
                        let (month, day) = (u32::try_from(date.month).ok()?, u32::try_from(date.day).ok()?);
                        chrono::NaiveDate::from_ymd_opt(date.year, month, day)
                    });
                    let date = date.ok_or_else(|| broken("a date"))?;
                    days.insert(day_number(date), tally(&day.tally.unwrap_or_default())?);
                }
                Ok(days)
            }
            Self::File { mirror, zone } => {
                let days = file_days(mirror, *zone).await?.into_iter();
                Ok(days.filter(|((of, _), _)| *of == entity).map(|((_, day), tally)| (day, tally)).collect())
            }
        }
    }

    /// The leaves of an entity on a day, by id and version.
    ///
    /// # Errors
    /// The server or the file does not answer.
    pub(super) async fn leaves(
        &self,
        entity: SyncEntity,
        day: i32,
    ) -> Result<BTreeMap<(String, String), Leaf>, CliError> {
        let mut leaves = BTreeMap::new();
        match self {
            Self::Server { client, region } => {
                let mut request = v1::ListLeavesRequest {
                    region_code: region.clone(),
                    entity: entity.number(),
                    date: Some(scalar::date(date_of_day(day))),
                    page_size: 1_000,
                    page_token: String::new(),
                };
                loop {
                    let answer = persist(|| {
                        let (mut client, request) = (client.sync.clone(), request.clone());
                        async move { client.list_leaves(request).await }
                    });
                    let answer = answer.await?.into_inner();
                    for leaf in answer.leaves {
                        let digest = Leaf::from_bytes(&leaf.digest).ok_or_else(|| broken("a digest"))?;
                        leaves.insert((leaf.id, leaf.version_id), digest);
                    }
                    request.page_token = answer.next_page_token;
                    if request.page_token.is_empty() {
                        return Ok(leaves);
                    }
                }
            }
            Self::File { mirror, zone } => {
                let mut after = (String::new(), String::new(), String::new());
                loop {
                    let rows = mirror.counted(&after, CHUNK).await?;
                    let Some(last) = rows.last() else { return Ok(leaves) };
                    after = (last.entity.as_str().to_owned(), last.id.clone(), last.version.clone());
                    for row in rows.into_iter().filter(|row| row.entity == entity) {
                        if let Some(leaf) = row.leaf
                            && day_number(row.at.date(*zone)) == day
                        {
                            leaves.insert((row.id, row.version), leaf);
                        }
                    }
                }
            }
        }
    }
}

/// What a server says of a market.
///
/// # Errors
/// It does not answer.
pub(super) async fn market_status(client: &Client, region: &str) -> Result<v1::GetMarketStatusResponse, CliError> {
    let request = v1::GetMarketStatusRequest { region_code: region.to_owned() };
    let answer = persist(|| {
        let (mut client, request) = (client.sync.clone(), request.clone());
        async move { client.get_market_status(request).await }
    });
    Ok(answer.await?.into_inner())
}

/// The tallies of a file by entity and day.
async fn file_days(mirror: &Mirror, zone: Tz) -> Result<BTreeMap<(SyncEntity, i32), Tally>, CliError> {
    let mut days: BTreeMap<(SyncEntity, i32), Tally> = BTreeMap::new();
    let mut after = (String::new(), String::new(), String::new());
    loop {
        let rows = mirror.counted(&after, CHUNK).await?;
        let Some(last) = rows.last() else { return Ok(days) };
        after = (last.entity.as_str().to_owned(), last.id.clone(), last.version.clone());
        for row in rows {
            let Some(digest) = row.leaf else { continue };
            let amount = row.amount.filter(|amount| amount.minor != 0);
            let sums: BTreeMap<Currency, i128> =
                amount.map(|amount| (amount.currency, i128::from(amount.minor))).into_iter().collect();
            let day = day_number(row.at.date(zone));
            days.entry((row.entity, day)).or_default().add(&Tally { count: 1, sums, digest });
        }
    }
}
