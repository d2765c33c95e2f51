//! Closed periods: what a figure was when its books were closed, beside what it is by now.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::following::Following;
use super::kpis::{KpiAnswer, KpiQuestion, refused};
use super::{Query, Reading};
use crate::domain::time::{Timestamp, add_days};
use crate::domain::validation::Violation;
use crate::ingest::IngestError;
use crate::kpi::{Calendar, Frame, QueryError, Row, Shape};

/// Closing instants of one question: each is answered by telling the history again.
const MOST: usize = 36;

/// A figure as it was when its period was closed, by the row that restates it.
pub type Frozen = BTreeMap<usize, (Timestamp, Row)>;

impl Query {
    /// For each row of a closed period the figure as known when it was closed: so many days after its end as the market's
    /// file says, at the first instant of that day. Rules and definitions are today's.
    pub(super) async fn frozen(
        &self,
        reading: &Reading,
        following: &Following,
        question: &KpiQuestion,
        answer: &KpiAnswer,
    ) -> Result<Frozen, IngestError> {
        let wrong =
            |text: String| refused(QueryError { violations: vec![Violation::new("frozen", text)], undeclared: false });
        let market = &reading.key.market;
        let Some(days) = reading.calendar.close_after_days else {
            return Err(wrong(format!(
                "needs close_after_days in [markets.{market}] of the tenant's file: so many days after its end a period \
                 is closed"
            )));
        };
        if question.shape.frame != Frame::Period || question.shape.comparison.is_some() || question.shape.top.is_some()
        {
            let text = "is told of plain periods: leave rolling, to_date, comparison and top out".to_owned();
            return Err(wrong(text));
        }
        let now = self.markets.clock().now();
        let closing = |row: &Row| Timestamp::start_of(add_days(row.end, i64::from(days)), reading.market.zone);
        let mut periods: BTreeMap<chrono::NaiveDate, Vec<usize>> = BTreeMap::new();
        for (place, row) in answer.answer.rows.iter().enumerate() {
            if row.whole_period && closing(row) <= now {
                periods.entry(row.start).or_default().push(place);
            }
        }
        if periods.len() > MOST {
            let text =
                format!("would tell {} closed periods, the limit is {MOST}: ask for a shorter span", periods.len());
            return Err(wrong(text));
        }
        let catalogue = Arc::new(following.standing.catalogue.for_question(&question.query).map_err(refused)?);
        let mut frozen = Frozen::new();
        for places in periods.into_values() {
            let Some(first) = places.first().and_then(|place| answer.answer.rows.get(*place)) else { continue };
            let at = closing(first);
            let mut query = question.query.clone();
            (query.from, query.to) = (first.start, first.end);
            let calendar = Calendar { today: Some(at.date(reading.market.zone)), ..reading.calendar.clone() };
            let shape = Shape { calendar, totals: question.shape.totals, ..Shape::default() };
            let plan = catalogue.plan_shaped(&query, &shape).map_err(refused)?;
            let view = self.view(reading, None, Some(at)).await?;
            let delta = self.retold(reading, Arc::clone(&catalogue), view).await?;
            let ranges = plan.ranges();
            let blocks = delta.blocks_where(|key| ranges.iter().any(|range| range.holds(key)));
            let then = plan.answer(blocks.iter().map(|(key, block)| (*key, block)));
            let then = then.map_err(|error| crate::ingest::corrupt_cell(&error))?;
            for place in places {
                let Some(row) = answer.answer.rows.get(place) else { continue };
                let same = |one: &&Row| {
                    (&one.kpi, one.kind, &one.group, one.currency) == (&row.kpi, row.kind, &row.group, row.currency)
                };
                if let Some(before) = then.rows.iter().find(same) {
                    frozen.insert(place, (at, before.clone()));
                }
            }
        }
        Ok(frozen)
    }
}
