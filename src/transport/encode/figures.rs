//! Answers to KPI questions written straight onto the wire. A figure by day and agent has thousands of rows, and the generated
//! message of each is a dozen texts on the heap; a test holds both forms to the same bytes.

use std::sync::Arc;

use chrono::NaiveDate;
use prost::bytes::BufMut as _;
use tonic::codec::EncodeBuf;

use super::direct::Direct;
use super::kpi;
use super::out::Out;
use crate::domain::time::Timestamp;
use crate::query::KpiAnswer;
use crate::query::kpi::{Row, RowKind};
use crate::transport::mask::Mask;
use crate::wire::encode::scalar::{date, revision, time};
use crate::wire::words::Word;

/// Bytes that most rows fit into.
const ROW: usize = 160;

/// The answer to QueryKpis, encoded in pieces that follow each other.
pub struct Figures(Vec<Vec<u8>>);

/// An answer being written, row by row.
pub struct FigureRows<'a> {
    out: Out,
    writer: Writer<'a>,
    rows: usize,
}

impl<'a> FigureRows<'a> {
    /// An answer that is grouped by these dimensions, of whose rows the fields of the mask are written.
    #[must_use]
    pub fn new(group_by: &'a [String], mask: &Mask) -> Self {
        Self { out: Out(Vec::with_capacity(ROW)), writer: Writer::new(group_by, Wanted::of(mask)), rows: 0 }
    }

    /// Writes a row.
    pub fn add(&mut self, row: &Row) {
        self.add_with(row, None);
    }

    /// Writes a row with what it was when its period was closed.
    fn add_with(&mut self, row: &Row, before: Option<&(Timestamp, Row)>) {
        self.rows += 1;
        let Self { out, writer, .. } = self;
        out.message(1, |out| {
            writer.row(out, row);
            let Some((at, before)) = before else { return };
            if writer.wanted.has(tag::FROZEN) {
                out.generated(tag::FROZEN, &kpi::restated(row, before));
            }
            if writer.wanted.has(tag::FREEZE_TIME) {
                out.generated(tag::FREEZE_TIME, &time(*at));
            }
        });
    }

    /// How many rows were written.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }
}

impl Figures {
    /// Writes an answer that is grouped by these dimensions, and of its rows the fields of the mask.
    #[must_use]
    pub fn of(found: &KpiAnswer, group_by: &[String], mask: &Mask) -> Self {
        let mut rows = FigureRows::new(group_by, mask);
        for (place, row) in found.answer.rows.iter().enumerate() {
            rows.add_with(row, found.frozen.get(&place));
        }
        Self::joined([rows], found)
    }

    /// Rows that were written in parts, and what else the answer says.
    pub fn joined<'a>(parts: impl IntoIterator<Item = FigureRows<'a>>, found: &KpiAnswer) -> Self {
        let mut pieces: Vec<Vec<u8>> = parts.into_iter().map(|part| part.out.0).collect();
        let mut out = Out(Vec::new());
        out.int(2, revision(found.revision));
        out.text(3, &found.catalogue_digest);
        out.int(4, i32::from(kpi::source(found.source)).into());
        for one in &found.filling {
            out.generated(5, &kpi::filling(one));
        }
        pieces.push(out.0);
        Self(pieces)
    }

    /// How many bytes it has.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }
}

impl Direct for Figures {
    fn write(&self, out: &mut Out) {
        self.0.iter().for_each(|piece| out.0.extend_from_slice(piece));
    }

    fn put(self, buffer: &mut EncodeBuf<'_>) {
        buffer.reserve(self.bytes());
        self.0.iter().for_each(|piece| buffer.put_slice(piece));
    }
}

/// Numbers of a row's fields.
mod tag {
    macro_rules! tags {
        ($($name:ident = $tag:literal $field:literal),+ $(,)?) => {
            $(pub const $name: u32 = $tag;)+

            /// Names by number.
            pub const NAMES: &[(u32, &str)] = &[$(($tag, $field)),+];
        };
    }

    tags! {
        KPI_ID = 1 "kpi_id",
        VARIANT_ID = 2 "variant_id",
        PERIOD_START_DATE = 3 "period_start_date",
        PERIOD_END_DATE = 4 "period_end_date",
        WHOLE_PERIOD = 5 "whole_period",
        GROUP = 6 "group",
        CURRENCY_CODE = 7 "currency_code",
        VALUE = 8 "value",
        NO_VALUE_REASON = 9 "no_value_reason",
        NUMERATOR = 10 "numerator",
        DENOMINATOR = 11 "denominator",
        SAMPLE_SIZE = 12 "sample_size",
        UNIT = 13 "unit",
        DECIMALS = 14 "decimals",
        INTERVAL_LOW = 15 "interval_low",
        INTERVAL_HIGH = 16 "interval_high",
        ROW_KIND = 17 "row_kind",
        COMPARED = 18 "compared",
        FROZEN = 19 "frozen",
        FREEZE_TIME = 20 "freeze_time",
        RUNNING_PERIOD = 21 "running_period",
    }
}

/// The fields of a row that are asked for, a bit each.
#[derive(Debug, Clone, Copy)]
struct Wanted(u32);

impl Wanted {
    fn of(mask: &Mask) -> Self {
        Self(tag::NAMES.iter().filter(|(_, name)| mask.has(name)).fold(0, |bits, (tag, _)| bits | 1 << tag))
    }

    const fn has(self, tag: u32) -> bool {
        self.0 >> tag & 1 == 1
    }
}

/// Writes rows as [`kpi::row`] has them.
struct Writer<'a> {
    group_by: &'a [String],
    wanted: Wanted,
    /// The first five fields of the row before, which most rows of a period share, and what they are of.
    head: Vec<u8>,
    of: Option<(Arc<str>, NaiveDate, NaiveDate, bool)>,
    /// The text of one decimal.
    text: String,
}

impl<'a> Writer<'a> {
    const fn new(group_by: &'a [String], wanted: Wanted) -> Self {
        Self { group_by, wanted, head: Vec::new(), of: None, text: String::new() }
    }

    fn row(&mut self, out: &mut Out, row: &Row) {
        self.head(row);
        out.0.extend_from_slice(&self.head);
        if self.wanted.has(tag::GROUP) && row.kind == RowKind::Group {
            for (dimension, value) in self.group_by.iter().zip(row.group.iter()) {
                out.message(tag::GROUP, |out| {
                    out.text(1, dimension);
                    out.text(2, value.as_deref().unwrap_or_default());
                    out.int(3, value.is_none().into());
                });
            }
        }
        if self.wanted.has(tag::CURRENCY_CODE) {
            out.text(tag::CURRENCY_CODE, row.currency.as_ref().map_or("", |currency| currency.code()));
        }
        self.decimal(out, tag::VALUE, |text| row.write_value(text));
        self.int(out, tag::NO_VALUE_REASON, row.no_value.map_or(0, |reason| i32::from(kpi::no_value(reason))).into());
        self.decimal(out, tag::NUMERATOR, |text| row.write_numerator(text));
        self.decimal(out, tag::DENOMINATOR, |text| row.write_denominator(text));
        if self.wanted.has(tag::SAMPLE_SIZE) {
            out.optional(tag::SAMPLE_SIZE, row.sample_size.and_then(|size| i64::try_from(size).ok()));
        }
        self.int(out, tag::UNIT, row.unit.number().into());
        self.int(out, tag::DECIMALS, kpi::small(row.decimals).into());
        if let Some((low, high)) = row.interval {
            for (tag, bound) in [(tag::INTERVAL_LOW, low), (tag::INTERVAL_HIGH, high)] {
                self.decimal(out, tag, |text| {
                    row.write_bound(bound, text);
                    Some(())
                });
            }
        }
        self.int(out, tag::ROW_KIND, row.kind.number().into());
        if let Some(base) = row.base.as_deref().filter(|_| self.wanted.has(tag::COMPARED)) {
            out.generated(tag::COMPARED, &kpi::compared(row, base));
        }
        self.int(out, tag::RUNNING_PERIOD, row.running.into());
    }

    /// Ids and period.
    fn head(&mut self, row: &Row) {
        let same = |(id, start, end, whole): &(Arc<str>, NaiveDate, NaiveDate, bool)| {
            Arc::ptr_eq(id, &row.kpi) && (*start, *end, *whole) == (row.start, row.end, row.whole_period)
        };
        if self.of.as_ref().is_some_and(same) {
            return;
        }
        self.of = Some((Arc::clone(&row.kpi), row.start, row.end, row.whole_period));
        self.head.clear();
        let mut out = Out(std::mem::take(&mut self.head));
        for (tag, id) in [(tag::KPI_ID, &row.kpi), (tag::VARIANT_ID, &row.variant)] {
            if self.wanted.has(tag) {
                out.text(tag, id);
            }
        }
        for (tag, day) in [(tag::PERIOD_START_DATE, row.start), (tag::PERIOD_END_DATE, row.end)] {
            if !self.wanted.has(tag) {
                continue;
            }
            let day = date(day);
            out.message(tag, |out| {
                out.int(1, day.year.into());
                out.int(2, day.month.into());
                out.int(3, day.day.into());
            });
        }
        self.int(&mut out, tag::WHOLE_PERIOD, row.whole_period.into());
        self.head = out.0;
    }

    fn int(&self, out: &mut Out, tag: u32, value: i64) {
        if self.wanted.has(tag) {
            out.int(tag, value);
        }
    }

    fn decimal(&mut self, out: &mut Out, tag: u32, write: impl FnOnce(&mut String) -> Option<()>) {
        if !self.wanted.has(tag) {
            return;
        }
        self.text.clear();
        if write(&mut self.text).is_some() {
            out.message(tag, |out| out.text(1, &self.text));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use prost::Message as _;

    use super::*;
    use crate::domain::diagnostic::SourceFile;
    use crate::domain::fact::{Dims, Fact, FactKind, flag};
    use crate::domain::money::Currency;
    use crate::domain::time::day_number;
    use crate::proto::v1;
    use crate::query::kpi::{Answer, Catalogue, Comparison, Delta, Grain, Query, Shape, Stand};
    use crate::query::{FigureSource, KpiFilling};
    use crate::transport::mask::Masked as _;

    fn catalogue() -> Catalogue {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/kpis");
        let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let paths = paths.filter(|path| !path.to_string_lossy().ends_with(".cases.toml"));
        let file = |path: std::path::PathBuf| SourceFile {
            path: path.display().to_string(),
            text: std::fs::read_to_string(&path).unwrap(),
        };
        Catalogue::compile(&paths.map(file).collect::<Vec<_>>()).unwrap()
    }

    /// Contacts and payments of two agents and of nobody, in January of two years.
    fn delta(catalogue: &Catalogue) -> Delta {
        let mut delta = Delta::new();
        for year in [2025, 2026] {
            for (number, agent) in [Some("anna"), Some("bo"), None].into_iter().enumerate() {
                let currency = Currency::parse("EUR");
                let dims = Arc::new(Dims { agent: agent.map(Arc::from), currency, ..Dims::default() });
                let day = day_number(format!("{year}-01-1{number}").parse().unwrap());
                for right in [0, flag::RIGHT_PARTY, flag::RIGHT_PARTY] {
                    let flags = flag::ATTEMPT | flag::CONNECT | right;
                    delta.add(catalogue, &Fact { flags, ..Fact::new(FactKind::Contact, day, Arc::clone(&dims)) });
                }
                let amount = 1_234_567 * (number as i64 - 1);
                delta.add(catalogue, &Fact { amount, ..Fact::new(FactKind::Payment, day, dims) });
            }
        }
        delta
    }

    fn answer(catalogue: &Catalogue, delta: &Delta, shape: &Shape) -> Answer {
        let query = Query {
            kpis: ["rpc_rate", "collected_per_agent_attributed", "collected_per_agent"].map(str::to_owned).to_vec(),
            grain: Grain::Month,
            from: "2026-01-01".parse().unwrap(),
            to: "2026-03-01".parse().unwrap(),
            group_by: vec![crate::query::kpi::Dimension::Agent],
            filters: Vec::new(),
        };
        let plan = catalogue.plan_shaped(&query, shape).unwrap();
        let blocks = delta.blocks_where(|_| true);
        plan.answer(blocks.iter().map(|(key, block)| (*key, block))).unwrap()
    }

    #[test]
    fn both_forms_of_an_answer_are_the_same_bytes() {
        let catalogue = catalogue();
        let delta = delta(&catalogue);
        let compared = Shape { comparison: Some(Comparison::YearEarlier), totals: true, ..Shape::default() };
        for shape in [Shape::default(), compared] {
            let answer = answer(&catalogue, &delta, &shape);
            let rows = &answer.rows;
            assert!(rows.iter().any(|row| row.interval.is_some()), "no interval");
            assert!(rows.iter().any(|row| row.currency.is_some() && row.value.is_some()), "no money");
            assert!(rows.iter().any(|row| row.no_value.is_some()), "no row without a value");
            assert!(rows.iter().any(|row| row.group.iter().any(Option::is_none)), "nothing unattributed");
            assert_eq!(rows.iter().any(|row| row.base.is_some()), shape.comparison.is_some());
            assert_eq!(rows.iter().any(|row| row.kind == RowKind::Total), shape.totals);
            let before = rows[1].clone();
            let filling = KpiFilling {
                kpi: "rpc_rate".to_owned(),
                stand: Stand::Former,
                former_digest: Some("before".to_owned()),
                done: 1,
                total: 2,
                since: Some(Timestamp(3)),
                error: String::new(),
                error_at: None,
            };
            let found = KpiAnswer {
                answer,
                revision: 1 << 40,
                settled_to: Timestamp(0),
                catalogue_digest: "0123".to_owned(),
                source: FigureSource::Facts,
                frozen: [(0, (Timestamp(1_700_000_000_000_001), before))].into(),
                filling: vec![filling],
            };
            let by = ["agent".to_owned()];
            let one = |field: &&str| vec![(*field).to_owned()];
            let several = [vec![], vec!["period_start_date".to_owned(), "group".to_owned(), "value".to_owned()]];
            for paths in v1::KpiRow::FIELDS.iter().map(one).chain(several) {
                let mask = Mask::read::<v1::KpiRow>(Some(prost_types::FieldMask { paths })).unwrap();
                let mut generated = kpi::answer(&found, &by);
                generated.rows = generated.rows.into_iter().map(|row| mask.apply(row)).collect();
                assert_eq!(Figures::of(&found, &by, &mask).encode(), generated.encode_to_vec(), "{mask:?}");
            }
        }
    }
}
