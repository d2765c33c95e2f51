//! Which blocks a feed needs: days and months of its series.

use super::block::CellGrain;
use super::made::MadeInto;
use super::period::cover;
use super::plan::{BlockRange, Feed};
use super::shape::Stretches;
use super::since::month_of;

/// The cells that the feed needs for all periods, and for a stock all earlier ones and those between.
pub(super) fn ranges(feed: &Feed, stretches: &Stretches) -> Vec<BlockRange> {
    let mut found: Vec<BlockRange> = Vec::new();
    let mut add = |grain: CellGrain, (from, to): (i32, i32)| {
        if from < to {
            found.push(BlockRange { series: feed.series, grain, from, to });
        }
    };
    let Some(first) = stretches.cuts.first().copied() else { return found };
    if feed.stock {
        // However long the history: its whole months, and the days since.
        let month = month_of(first);
        add(CellGrain::Month, (i32::MIN, month));
        add(CellGrain::Day, (month, first));
    }
    let begins = |(slot, _): &(usize, usize)| stretches.days(*slot).0;
    let months = match feed.made_into {
        // Cells of months know the month alone in which accounts were seen before.
        MadeInto::Accounts => stretches.slots.iter().map(begins).all(|day| month_of(day) == day),
        // The days since accounts came in are counted from each day.
        MadeInto::Survival(..) => false,
        // A mean weighs each change by the days it lasts.
        _ => !feed.mean,
    };
    for (stretch, inside) in stretches.inside.iter().enumerate() {
        let (start, end) = stretches.days(stretch);
        if !months && *inside {
            add(CellGrain::Day, (start, end));
        } else if *inside || feed.stock {
            let cover = cover(start, end);
            add(CellGrain::Day, cover.head);
            add(CellGrain::Month, cover.months);
            add(CellGrain::Day, cover.tail);
        }
    }
    merge(found)
}

/// Sorts ranges and joins those that touch.
pub(super) fn merge(mut ranges: Vec<BlockRange>) -> Vec<BlockRange> {
    ranges.sort_unstable();
    let mut merged: Vec<BlockRange> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if last.series == range.series && last.grain == range.grain && range.from <= last.to => {
                last.to = last.to.max(range.to);
            }
            _ => merged.push(range),
        }
    }
    merged
}
