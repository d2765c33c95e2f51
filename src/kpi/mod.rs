//! KPI definitions: measures, cells and the figures made from them. Pure: no clock, no database, no wire.
//!
//! A [`Catalogue`] is compiled from TOML. Signed facts go through [`Delta::add`] into sums per series (a measure in one
//! declared dimension set), day and tuple; [`Delta::blocks`] cuts them into [`Block`]s by day and month, which are
//! stored and added up. A question becomes a [`Plan`], which names the blocks it needs and makes the [`Answer`] of them.
//!
//! Reading order: `dimension`, `unit`, `exact`, `histogram` (words); `read`, `schema`, `parse_measure`, `formula`, `parse_told`, `parse_parts`, `need`, `not_by`, `sample`, `parse_kpi`,
//! `catalogue`, `keeping`, `meaning` (definitions); `layout`, `since`, `delta`, `delta_rows`, `delta_codec`, `block` (cells); `calendar`, `period`, `query`, `shape`,
//! `asked`, `closed`, `plan`, `ranges`, `sums`, `gather`, `made`, `curve`, `survival`, `lift`, `row`, `figure`, `linear`, `answer`, `teams`, `parts` (figures); `numbers`, `columns`, `stored_columns`, `fact_sums`, `facts`, `drill` (what cells do not answer); `exchange`, `across` (several markets); `target`, `known`, `intake`, `peers` (steering).

pub mod across;
mod answer;
mod asked;
pub mod block;
pub mod calendar;
pub mod cases;
mod catalogue;
mod closed;
mod columns;
mod curve;
pub mod definition;
mod delta;
mod delta_codec;
mod delta_rows;
pub mod dimension;
pub mod drill;
pub mod exact;
pub mod exchange;
mod fact_sums;
mod facts;
mod figure;
mod formula;
mod gather;
mod hash;
mod histogram;
mod ids;
pub mod intake;
mod intake_each;
mod keeping;
mod known;
mod layout;
mod lift;
mod linear;
mod made;
mod meaning;
mod need;
mod not_by;
mod nothing;
mod numbers;
mod parse_kpi;
mod parse_measure;
mod parse_parts;
mod parse_told;
mod parts;
pub mod peers;
pub mod period;
mod plan;
pub mod query;
mod ranges;
mod read;
mod reading;
mod row;
mod sample;
mod schema;
pub mod shape;
mod since;
mod stored_columns;
pub mod strings;
mod sums;
mod survival;
pub mod target;
mod teams;
pub mod unit;
mod varint;

pub use block::{Block, BlockKey, Cell, CellGrain};
pub use calendar::Calendar;
pub use catalogue::Catalogue;
pub use columns::{Columns, ColumnsBuilder, Days};
pub use definition::{KpiInfo, NoValue};
pub use delta::Delta;
pub use dimension::Dimension;
pub use exact::Exact;
pub use fact_sums::FactSums;
pub use keeping::{Stand, Standing};
pub use layout::Lack;
pub use not_by::NotBy;
pub use parts::Taking;
pub use period::{Grain, Period};
pub use plan::{BlockRange, Plan};
pub use query::{Query, QueryError};
pub use reading::Defaults;
pub use row::{Answer, Change, Row, RowKind};
pub use schema::MeasureInfo;
pub use shape::{Comparison, Frame, RowOrder, Shape};
pub use stored_columns::COLUMNS_FORM;
pub use teams::{FEWEST as FEWEST_ACTIVE, Teams};
pub use varint::DecodeError;

#[cfg(test)]
mod tests;
