//! Tests of KPI definitions, cells and figures.

mod accounts;
mod across;
mod cells;
mod debtors;
mod exchanged;
mod faults;
mod figures;
mod keeping;
mod kinds;
mod listed;
mod meaning;
mod needs;
mod parts;
mod running;
mod samples;
mod shapes;
mod suited;
mod worked;

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;

use super::Catalogue;
use crate::domain::case_dimensions::{MOST, case_words};
use crate::domain::diagnostic::SourceFile;
use crate::domain::fact::{Dims, Fact, FactKind};
use crate::domain::money::Currency;
use crate::domain::time::day_number;
use crate::domain::vocabulary::{Channel, Direction};

/// The definition files that are shipped, in the order of their names.
pub(super) fn shipped_files(suffix: &str) -> Vec<SourceFile> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/config/kpis");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let name = |path: &std::path::Path| path.file_name().unwrap().to_string_lossy().into_owned();
    paths.retain(|path| name(path).ends_with(suffix) && (suffix != ".toml" || !name(path).ends_with(".cases.toml")));
    paths.iter().map(|path| SourceFile { path: name(path), text: std::fs::read_to_string(path).unwrap() }).collect()
}

pub(super) fn shipped() -> &'static Catalogue {
    static SHIPPED: LazyLock<Catalogue> =
        LazyLock::new(|| Catalogue::compile(&shipped_files(".toml")).unwrap_or_else(|found| panic!("{found}")));
    &SHIPPED
}

pub(super) fn day(text: &str) -> i32 {
    day_number(text.parse().unwrap())
}

pub(super) fn fact(kind: FactKind, on: &str, amount: i64) -> Fact {
    let dims = Dims { currency: Currency::parse("EUR"), ..Dims::default() };
    Fact { amount, ..Fact::new(kind, day(on), Arc::new(dims)) }
}

fn word(words: &'static [&'static str]) -> impl Strategy<Value = Option<Arc<str>>> {
    prop::option::of(prop::sample::select(words)).prop_map(|word| word.map(Arc::from))
}

fn dims() -> impl Strategy<Value = Arc<Dims>> {
    let states = &["kept", "late", "broken", "passed", "failed", "unknown", "collector", "not_permitted"];
    (
        word(&["ann", "bo", "cy", "ønske"]),
        word(&["north", "south"]),
        word(&["bank", "shop"]),
        word(&["p1", "p2"]),
        word(states),
        prop::option::of(prop::sample::select(Channel::ALL)),
        prop::option::of(prop::sample::select(Direction::ALL)),
        prop::sample::select(&["EUR", "SEK"][..]),
        prop::sample::select(&[[None; MOST], [Some("high"), None, None, None, None, Some("north")]][..]),
    )
        .prop_map(|(agent, team, client, portfolio, state, channel, direction, currency, case)| {
            let (currency, case) = (Currency::parse(currency), case_words(case));
            let known = Dims { agent, team, client, portfolio, state, channel, direction, currency, ..Dims::default() };
            Arc::new(Dims { case, ..known })
        })
}

/// Any fact of a few weeks around two month ends.
pub(super) fn any_fact() -> impl Strategy<Value = Fact> {
    (
        prop::sample::select(FactKind::ALL),
        day("2026-01-20")..day("2026-03-10"),
        prop::sample::select(&[1_i8, 1, 1, -1][..]),
        prop::sample::select(&[1_i64, 1, 1, 0, 3, -1][..]),
        prop_oneof![4 => -5_000_i64..50_000, 1 => any::<i64>()],
        0_i64..10_000,
        prop::option::of(-40_i32..400),
        prop::option::of(-40_i32..400),
        (
            prop::option::of(0_i64..400_000),
            0_u16..1024,
            prop::option::of(0_u8..168),
            prop::option::of(day("2025-12-20")..day("2026-03-10")),
        ),
        dims(),
    )
        .prop_map(|(kind, day, sign, count, amount, amount2, days_due, days_invoice, more, dims)| {
            let (value, flags, hour, placed) = more;
            let plain = Fact::new(kind, day, dims);
            Fact { sign, count, amount, amount2, days_due, days_invoice, value, flags, hour, placed, ..plain }
        })
}

pub(super) fn facts() -> impl Strategy<Value = Vec<Fact>> {
    prop::collection::vec(any_fact(), 0..60)
}
