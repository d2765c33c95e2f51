//! Closed periods: what a figure was when its books were closed, beside what it is by now.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;

use super::following::Following;
use super::kpis::{KpiAnswer, KpiQuestion, refused};
use super::{Query, Reading};
use crate::domain::money::Currency;
use crate::domain::time::{Timestamp, add_days};
use crate::domain::validation::Violation;
use crate::ingest::IngestError;
use crate::kpi::{Calendar, Frame, NoValue, Period, QueryError, Row, RowKind, RowOrder, Shape};

/// Closing instants of one question: each is answered by telling the history again.
const MOST: usize = 36;

/// A figure as it was when its period was closed, by the row that restates it.
pub type Frozen = BTreeMap<usize, (Timestamp, Row)>;

impl Query {
    /// For each row of a closed period the figure as known when it was closed: so many days after its end as the market's
    /// file says, at the first instant of that day. Rules and definitions are today's. Groups that had facts then and have none
    /// now come as rows, too.
    pub(super) async fn frozen(
        &self,
        reading: &Reading,
        following: &Following,
        question: &KpiQuestion,
        answer: &mut KpiAnswer,
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
        let closing = |end: NaiveDate| Timestamp::start_of(add_days(end, i64::from(days)), reading.market.zone);
        let exact = question.shape.exact;
        let defaults = &reading.calendar.defaults;
        let catalogue = following.standing.catalogue.for_question(&question.query, exact, defaults).map_err(refused)?;
        let catalogue = Arc::new(catalogue);
        let whole = catalogue.plan_shaped(&question.query, &question.shape).map_err(refused)?;
        let closed = |one: &&Period| one.whole && closing(one.end_date()) <= now;
        let closed: Vec<Period> = whole.periods().iter().filter(closed).copied().collect();
        if closed.len() > MOST {
            let text =
                format!("would tell {} closed periods, the limit is {MOST}: ask for a shorter span", closed.len());
            return Err(wrong(text));
        }
        let rows = std::mem::take(&mut answer.answer.rows);
        let mut lines: Vec<Line> = rows.into_iter().map(|row| Line { row, before: None }).collect();
        for period in closed {
            let at = closing(period.end_date());
            let mut query = question.query.clone();
            (query.from, query.to) = (period.first(), period.end_date());
            let totals = question.shape.totals;
            let shape = |today: Timestamp| {
                let today = Some(today.date(reading.market.zone));
                let (calendar, case_dimensions) = (reading.calendar.clone(), question.shape.case_dimensions.clone());
                let calendar = Calendar { today, ..calendar };
                let pseudonyms = question.shape.pseudonyms.clone();
                Shape { calendar, case_dimensions, totals, exact, pseudonyms, ..Shape::default() }
            };
            let plan = catalogue.plan_shaped(&query, &shape(at)).map_err(refused)?;
            let view = self.view(reading, None, Some(at)).await?;
            let delta = self.retold(reading, Arc::clone(&catalogue), view).await?;
            let ranges = plan.ranges();
            let blocks = delta.blocks_where(|key| ranges.iter().any(|range| range.holds(key)));
            let then = plan.answer(blocks.iter().map(|(key, block)| (*key, block)));
            let mut then = then.map_err(|error| crate::ingest::corrupt_cell(&error))?.rows;
            for line in lines.iter_mut().filter(|line| line.row.start == period.first()) {
                let found = then.iter().position(|one| one.is_of_same(&line.row));
                // A group that had nothing then is restated in whole.
                let before = found.map(|place| then.swap_remove(place)).or_else(|| plan.nothing_of(&line.row));
                line.before = before.map(|before| (at, before));
            }
            // So is one that has nothing any more: all of it was voided or moved.
            let today = catalogue.plan_shaped(&query, &shape(now)).map_err(refused)?;
            for before in then {
                if let Some(row) = today.nothing_of(&before).filter(|row| row.no_value != Some(NoValue::NoFacts)) {
                    let place = lines.partition_point(|line| question.order_of(&line.row) <= question.order_of(&row));
                    lines.insert(place, Line { row, before: Some((at, before)) });
                }
            }
        }
        // Where a currency was told then, that there is none now says nothing.
        let told = |lines: &[Line], row: &Row| {
            lines.iter().any(|line| line.row.currency.is_some() && line.row.is_of_same_group(row))
        };
        let blank =
            |row: &Row| row.currency.is_none() && matches!(row.no_value, Some(NoValue::NoFacts | NoValue::NotBegun));
        let (blank, kept): (Vec<Line>, Vec<Line>) = lines.into_iter().partition(|line| blank(&line.row));
        let blank: Vec<Line> = blank.into_iter().filter(|line| !told(&kept, &line.row)).collect();
        let mut lines = kept;
        for line in blank {
            let place = lines.partition_point(|one| question.order_of(&one.row) <= question.order_of(&line.row));
            lines.insert(place, line);
        }
        let mut frozen = Frozen::new();
        for (place, line) in lines.into_iter().enumerate() {
            answer.answer.rows.push(line.row);
            if let Some(before) = line.before {
                frozen.insert(place, before);
            }
        }
        Ok(frozen)
    }
}

/// A row with what it was at the closing.
struct Line {
    row: Row,
    before: Option<(Timestamp, Row)>,
}

/// Where a row stands in an answer.
type Order<'r> = (Option<usize>, NaiveDate, RowKind, Vec<(bool, Option<&'r str>)>, Option<&'r str>);

impl KpiQuestion {
    /// Where a row stands in the answer. Groups ordered by value stand as they are, and a new one behind them.
    fn order_of<'r>(&self, row: &'r Row) -> Order<'r> {
        let kpi = self.query.kpis.iter().position(|id| **id == *row.kpi);
        let by_value = self.shape.order.is_some_and(|order| order != RowOrder::Name);
        let named = |value: &'r Option<Arc<str>>| (value.is_none(), value.as_deref());
        let group = if by_value { Vec::new() } else { row.group.iter().map(named).collect() };
        let currency = row.currency.as_ref().map(Currency::code).filter(|_| !by_value);
        (kpi, row.start, row.kind, group, currency)
    }
}
