//! The records behind a figure.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Query;
use super::agents::withhold;
use super::kpis::refused;
use super::retold::retelling;
use crate::domain::ids::MarketId;
use crate::domain::principal::Principal;
use crate::domain::validation::Violation;
use crate::ingest::{IngestError, Origin, Place, Portion, Teller, View, untold};
use crate::kpi::QueryError;
use crate::kpi::drill::{Contribution, Drill, Figure};

/// Parts of the history that one page looks through: a page may hold fewer records than asked for, and none.
const PORTIONS: usize = 20;

/// One record behind a figure.
#[derive(Debug, Clone)]
pub struct DrillRecord {
    /// The record.
    pub origin: Origin,
    /// What it gives.
    pub given: Contribution,
}

/// Where a list of records goes on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DrillCursor {
    view: View,
    place: Option<Place>,
    /// Records of the part at that place that were told already.
    skip: usize,
    /// Digest of definitions and rules: under others the same history makes other records.
    digest: String,
}

/// A page of records.
#[derive(Debug)]
pub struct DrillPage {
    /// The figure, which tells what each record gives to it.
    pub drill: Drill,
    /// The records: cases by id, then what concerns no case, then checks.
    pub records: Vec<DrillRecord>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<DrillCursor>,
    /// What of the history the list shows. All its pages show the same.
    pub view: View,
}

impl Query {
    /// The records that make a figure, page by page.
    ///
    /// # Errors
    /// The figure is none, definitions changed between two pages, or see [`IngestError`].
    pub async fn drill_down(
        &self,
        who: &Principal,
        market: &MarketId,
        mut figure: Figure,
        from: Option<DrillCursor>,
        size: usize,
    ) -> Result<DrillPage, IngestError> {
        let reading = self.open(who, market)?;
        self.may_drill(&reading, &figure).await?;
        figure.kpi = reading.calendar.defaults.meant(&figure.kpi).to_owned();
        let following = self.following(&reading, true).await?;
        let digest = format!("{}{}", following.digest_of(&figure.kpi), reading.rules.digest());
        let cursor = match from {
            Some(cursor) if cursor.digest == digest => cursor,
            Some(_) => {
                let text =
                    "was made under other definitions or rules, which have changed since: start again without it";
                let violations = vec![Violation::new("page_token", text)];
                return Err(refused(QueryError { violations, undeclared: false }));
            }
            None => DrillCursor { view: self.view(&reading, None, None).await?, place: None, skip: 0, digest },
        };
        let today = cursor.view.now.date(reading.market.zone);
        let mut drill = following.standing.catalogue.drill(figure, today).map_err(refused)?;
        withhold(reading.agents, &mut drill);
        let _place = self.place(&reading.key.tenant).await?;
        let DrillCursor { view, mut place, mut skip, digest } = cursor;
        let mut retelling = retelling(&reading, drill.kinds(), view, place.clone());
        let mut records = Vec::new();
        for _ in 0..PORTIONS {
            let Some(portion) = retelling.next().await? else {
                return Ok(DrillPage { drill, records, next: None, view });
            };
            let behind = portion.next.clone();
            let told;
            (drill, told) = records_of(retelling.teller(), portion, drill).await?;
            let before = records.len();
            let left = told.len().saturating_sub(skip);
            records.extend(told.into_iter().skip(skip).take(size.saturating_sub(before)));
            let taken = records.len() - before;
            if taken < left {
                skip += taken;
                break;
            }
            (place, skip) = (behind, 0);
        }
        Ok(DrillPage { drill, records, next: Some(DrillCursor { view, place, skip, digest }), view })
    }
}

/// The records of a part that give anything to the figure.
async fn records_of(
    teller: Arc<Teller>,
    portion: Portion,
    drill: Drill,
) -> Result<(Drill, Vec<DrillRecord>), IngestError> {
    let work = move || {
        let mut records: Vec<DrillRecord> = Vec::new();
        let told = teller.tell(portion, &mut |origin, fact| {
            let origin = origin();
            // All facts of a record follow each other.
            match records.last_mut().filter(|last| last.origin == origin) {
                Some(last) => drill.add(fact, &mut last.given),
                None => {
                    let mut given = Contribution::default();
                    drill.add(fact, &mut given);
                    if let Some(last) = records.last_mut().filter(|last| last.given.is_empty()) {
                        *last = DrillRecord { origin, given };
                    } else {
                        records.push(DrillRecord { origin, given });
                    }
                }
            }
        });
        records.retain(|record| !record.given.is_empty());
        told.map(|_| (drill, records))
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| untold())?
}
