//! Reads `[[measure]]` tables.

use super::dimension::{DimSet, Dimension, MAX_WIDTH};
use super::layout::{Aggregate, Amount, Clock, Filter, On, Source};
use super::read::{Reader, Table, Value, is_id, names, texts};
use super::schema::{Measure, Place};
use super::unit::Quantity;
use crate::domain::case_dimensions::CaseDimensions;
use crate::domain::fact::{FactKind, ValueOf, flag};
use crate::domain::vocabulary::{Channel, Direction};

/// The most dimension sets of one measure: each costs a cell per fact.
pub(crate) const MAX_SETS: usize = 12;

/// What a distinct count of accounts is of: no dimension, since a market has too many of them.
pub(crate) const ACCOUNT: &str = "account";
/// What a distinct count of debtors is of: no dimension either.
const DEBTOR: &str = "debtor";

/// Reads one measure; `None` if it is too broken to go on with. What is wrong is noted.
pub(crate) fn measure(reader: &mut Reader<'_>, mut table: Table<'_>, file: usize) -> Option<Measure> {
    let id = id(reader, &mut table, "measure");
    let title = table.text(reader, "title").map(|(text, _)| text.to_owned());
    let description = table.text(reader, "description").map(|(text, _)| text.to_owned());
    let fact = table.word(reader, "fact", FactKind::parse, || names(FactKind::ALL.iter().map(|k| k.as_str())));
    let aggregate = aggregate(reader, &mut table);
    let on = day(reader, &mut table);
    let by_currency = table.flag(reader, "by_currency");
    let (filter, filter_at) = match table.get("where") {
        Some(value) => (where_clause(reader, value, &table.what), value.span().start),
        None => (Filter::default(), table.at),
    };
    if let Some(fact) = fact {
        check_states(reader, &table.what, fact, &filter, filter_at);
    }
    let needs_value =
        filter.value.is_some() || matches!(aggregate, Some(Aggregate::Histogram | Aggregate::Sum(Amount::Value)));
    let value_of = fact.and_then(FactKind::value_of);
    if let (Some(fact), true, None) = (fact, needs_value, value_of) {
        let message = format!("{} asks for the value of facts of kind {fact}, which have none", table.what);
        let kinds = names(FactKind::ALL.iter().filter(|kind| kind.value_of().is_some()).map(|kind| kind.as_str()));
        reader.wrong(filter_at, message, format!("take facts of one of the kinds {kinds}"));
    }
    let only = match aggregate {
        Some(Aggregate::Accounts) => Some(FactKind::AccountSeen),
        Some(Aggregate::Lives) => Some(FactKind::AccountLife),
        Some(Aggregate::Distinct(Dimension::Debtor)) => Some(FactKind::DebtorPromiseJudged),
        _ => None,
    };
    if let (Some(fact), Some(only)) = (fact, only.filter(|only| fact != Some(*only))) {
        let counted = if only == FactKind::DebtorPromiseJudged { "debtors" } else { "accounts" };
        let message = format!("{} counts {counted} by facts of kind {fact}", table.what);
        reader.wrong(filter_at, message, format!("take facts of kind {only}, or another agg"));
    }
    let declared = dimension_sets(reader, &mut table);
    if matches!(aggregate, Some(Aggregate::Sum(Amount::Value) | Aggregate::Histogram)) && value_of == Some(ValueOf::Id)
    {
        let message = format!("{} adds up ids", table.what);
        reader.wrong(table.at, message, "count the facts, or distinct debtors of them");
    }
    let (at, what) = (table.at, table.what.clone());
    table.finish(reader);

    let aggregate = aggregate?;
    let quantity = match aggregate {
        Aggregate::Count | Aggregate::Distinct(_) | Aggregate::Accounts => Quantity::NUMBER,
        Aggregate::Histogram | Aggregate::Lives | Aggregate::Sum(Amount::Value) => match value_of {
            Some(ValueOf::Seconds) => Quantity::SECONDS,
            Some(ValueOf::Days) => Quantity::DAYS,
            Some(ValueOf::Number | ValueOf::Id) | None => Quantity::NUMBER,
        },
        // Of open items the second amount is the first one times the due day.
        Aggregate::Sum(Amount::Second) if fact == Some(FactKind::OpenItems) => Quantity::MONEY_DAYS,
        Aggregate::Sum(_) => Quantity::MONEY,
        Aggregate::SumProduct(..) => Quantity::MONEY_DAYS,
    };
    let money = quantity.money != 0;
    if money && by_currency.is_some() {
        reader.wrong(at, format!("{what} sums amounts, which are always kept by currency"), "remove by_currency");
    }
    let by_currency = money || by_currency == Some(true);
    let extra: DimSet = aggregate.own_dimension().into_iter().collect();
    let extra = if by_currency { extra.with(Dimension::Currency) } else { extra };
    let mut sets: Vec<(DimSet, u32)> = Vec::new();
    for set in &declared {
        let stored = set.union(extra);
        if stored.len() > MAX_WIDTH {
            let message = format!(
                "{what} keeps {} dimensions in the set {}, and {MAX_WIDTH} are possible",
                stored.len(),
                set.shown(&reader.case)
            );
            reader.wrong(at, message, "declare smaller sets");
        }
        // Two declared sets that store the same tuples are one series.
        if !sets.iter().any(|(known, _)| *known == stored) {
            sets.push((stored, 0));
        }
    }
    let (id, title, description, fact) = (id?, title?, description?, fact?);
    let source = Source { aggregate, on, filter };
    let mut measure = Measure {
        id,
        title,
        description,
        fact,
        source,
        quantity,
        by_currency,
        declared,
        sets,
        place: Place { file, at },
    };
    let of: Vec<u32> = measure.sets.iter().map(|(set, _)| series(&measure, *set, &reader.case)).collect();
    for ((_, slot), number) in measure.sets.iter_mut().zip(of) {
        *slot = number;
    }
    Some(measure)
}

/// The stable number of a measure in one dimension set: it changes with anything that changes what is summed, so that
/// cells of two meanings are never added up.
fn series(measure: &Measure, set: DimSet, case: &CaseDimensions) -> u32 {
    let meaning = format!("1|{}|{}|{:?}|{}", measure.id, measure.fact, measure.source, set.shown(case));
    let hash = blake3::hash(meaning.as_bytes());
    hash.as_bytes().iter().take(4).fold(0, |number, byte| (number << 8) | u32::from(*byte))
}

/// The id of a definition.
pub(crate) fn id(reader: &mut Reader<'_>, table: &mut Table<'_>, kind: &str) -> Option<String> {
    let (text, at) = table.text(reader, "id")?;
    table.what = format!("{kind} \"{text}\"");
    if !is_id(text) {
        let message = format!("\"{text}\" is no id");
        reader.wrong(at, message, "use lower-case letters, digits and underscores, a letter first");
        return None;
    }
    Some(text.to_owned())
}

/// Which day of a fact counts: its own, unless the measure says otherwise.
fn day(reader: &mut Reader<'_>, table: &mut Table<'_>) -> On {
    if table.get("day").is_none() {
        return On::Fact;
    }
    let parse = |text: &str| match text {
        "fact" => Some(On::Fact),
        "placed" => Some(On::Placed),
        _ => None,
    };
    table.word(reader, "day", parse, || "fact, placed".to_owned()).unwrap_or_default()
}

fn aggregate(reader: &mut Reader<'_>, table: &mut Table<'_>) -> Option<Aggregate> {
    const KNOWN: [&str; 6] = ["count", "sum", "sum_product", "distinct", "histogram", "lives"];
    let parse = |text: &str| KNOWN.iter().copied().find(|known| *known == text);
    let kind = table.word(reader, "agg", parse, || names(KNOWN.into_iter()))?;
    match kind {
        "sum" => amount(reader, table, &["amount", "amount2", "value"]).map(Aggregate::Sum),
        "sum_product" => {
            let clock = |text: &str| match text {
                "days_due" => Some(Clock::Due),
                "days_invoice" => Some(Clock::Invoice),
                _ => None,
            };
            let amount = amount(reader, table, &["amount", "amount2"]);
            let days = table.word(reader, "times", clock, || "days_due, days_invoice".to_owned());
            Some(Aggregate::SumProduct(amount?, days?))
        }
        "distinct" => {
            let case = reader.case.clone();
            let parse = |text: &str| match text {
                ACCOUNT => Some(Aggregate::Accounts),
                DEBTOR => Some(Aggregate::Distinct(Dimension::Debtor)),
                _ => Dimension::named(text, &case).map(Aggregate::Distinct),
            };
            table.word(reader, "of", parse, || format!("{ACCOUNT}, {DEBTOR}, {}", all_dimensions(&case)))
        }
        "histogram" => Some(Aggregate::Histogram),
        "lives" => Some(Aggregate::Lives),
        _ => Some(Aggregate::Count),
    }
}

fn amount(reader: &mut Reader<'_>, table: &mut Table<'_>, known: &[&str]) -> Option<Amount> {
    let parse = |text: &str| match text {
        _ if !known.contains(&text) => None,
        "amount" => Some(Amount::First),
        "amount2" => Some(Amount::Second),
        "value" => Some(Amount::Value),
        _ => None,
    };
    table.word(reader, "field", parse, || names(known.iter().copied()))
}

pub(crate) fn all_dimensions(case: &CaseDimensions) -> String {
    names(Dimension::names(case))
}

fn dimension_sets(reader: &mut Reader<'_>, table: &mut Table<'_>) -> Vec<DimSet> {
    let Some(value) = table.need(reader, "dimension_sets") else { return Vec::new() };
    let at = value.span().start;
    let what = format!("dimension_sets of {}", table.what);
    let Some(lists) = value.get_ref().as_array() else {
        reader.wrong(at, format!("{what} is no list"), "write dimension_sets = [[], [\"agent\"]]");
        return Vec::new();
    };
    let mut sets = Vec::new();
    for list in lists.iter() {
        let list_at = list.span().start;
        if !list.get_ref().is_array() {
            reader.wrong(
                list_at,
                format!("{what} holds something that is no list"),
                "write each set as [\"agent\", \"client\"]",
            );
            continue;
        }
        let mut set = DimSet::default();
        for (text, at) in texts(reader, &what, list) {
            match Dimension::named(text, &reader.case) {
                Some(dimension) if set.has(dimension) => {
                    reader.wrong(at, format!("{what} names {text} twice in one set"), "name it once");
                }
                Some(dimension) => set = set.with(dimension),
                None => {
                    let remedy = format!("write one of {}", all_dimensions(&reader.case));
                    reader.wrong(at, format!("{what} names an unknown dimension \"{text}\""), remedy);
                }
            }
        }
        if sets.contains(&set) {
            reader.wrong(
                list_at,
                format!("{what} holds the set {} twice", set.shown(&reader.case)),
                "remove one of them",
            );
        } else {
            sets.push(set);
        }
    }
    if sets.is_empty() {
        reader.wrong(at, format!("{what} declares no set"), "write [[]] for the total alone");
    }
    if sets.len() > MAX_SETS {
        let message = format!("{what} declares {} sets, and {MAX_SETS} are the limit", sets.len());
        reader.wrong(at, message, "merge sets: a set answers every question about any part of it");
    }
    sets
}

/// Refuses state words that facts of the kind never carry: such a measure would count nothing and say so to nobody.
fn check_states(reader: &mut Reader<'_>, what: &str, fact: FactKind, filter: &Filter, at: usize) {
    let Some(known) = fact.states() else { return };
    for state in filter.states.iter().filter(|state| !known.iter().any(|word| **word == ***state)) {
        let message = format!("{what} takes the state \"{state}\", which facts of kind {fact} never have");
        reader.wrong(at, message, format!("write one of {}", known.join(", ")));
    }
}

fn where_clause(reader: &mut Reader<'_>, value: &Value<'_>, of: &str) -> Filter {
    let at = value.span().start;
    let Some(inner) = value.get_ref().as_table() else {
        reader.wrong(at, format!("where of {of} is no table"), "write where = { channel = [\"call\"] }");
        return Filter::default();
    };
    let mut table = Table::new(inner, at, format!("where of {of}"));
    let mut filter = Filter::default();
    for (text, at) in table.texts(reader, "channel") {
        match Channel::parse(text) {
            Some(channel) => filter.channels |= 1 << channel as u16,
            None => unknown(reader, at, "channel", text, &names(Channel::ALL.iter().map(|c| c.as_str()))),
        }
    }
    for (text, at) in table.texts(reader, "direction") {
        match Direction::parse(text) {
            Some(direction) => filter.directions |= 1 << direction as u16,
            None => unknown(reader, at, "direction", text, &names(Direction::ALL.iter().map(|d| d.as_str()))),
        }
    }
    filter.flags_set = flags(reader, &mut table, "flags");
    filter.flags_clear = flags(reader, &mut table, "without_flags");
    if filter.flags_set & filter.flags_clear != 0 {
        reader.wrong(at, format!("where of {of} asks for a flag and for its absence"), "remove one of them");
    }
    filter.states = table.texts(reader, "state").into_iter().map(|(text, _)| Box::from(text)).collect();
    filter.buckets = table.texts(reader, "dpd_bucket").into_iter().map(|(text, _)| Box::from(text)).collect();
    filter.agent = presence(reader, &mut table, "agent");
    filter.due = presence(reader, &mut table, "days_due");
    filter.invoice = presence(reader, &mut table, "days_invoice");
    let mut bound = |reader: &mut Reader<'_>, key, none: i64| {
        let found = table.whole(reader, key);
        found.map(|(number, _)| i64::try_from(number).unwrap_or(none))
    };
    let (least, most) = (bound(reader, "value_from", i64::MAX), bound(reader, "value_to", i64::MIN));
    if least.is_some() || most.is_some() {
        let bounds = (least.unwrap_or(i64::MIN), most.unwrap_or(i64::MAX));
        if bounds.0 > bounds.1 {
            reader.wrong(
                at,
                format!("no value lies within the bounds of where of {of}"),
                "write value_from below value_to",
            );
        }
        filter.value = Some(bounds);
    }
    table.finish(reader);
    filter
}

fn flags(reader: &mut Reader<'_>, table: &mut Table<'_>, key: &'static str) -> u16 {
    let mut bits = 0;
    for (text, at) in table.texts(reader, key) {
        match flag::NAMES.iter().find(|(name, _)| *name == text) {
            Some((_, bit)) => bits |= bit,
            None => unknown(reader, at, "flag", text, &names(flag::NAMES.iter().map(|(name, _)| *name))),
        }
    }
    bits
}

fn presence(reader: &mut Reader<'_>, table: &mut Table<'_>, key: &'static str) -> Option<bool> {
    table.get(key)?;
    let parse = |text: &str| match text {
        "present" => Some(true),
        "absent" => Some(false),
        _ => None,
    };
    table.word(reader, key, parse, || "present, absent".to_owned())
}

fn unknown(reader: &mut Reader<'_>, at: usize, what: &str, text: &str, known: &str) {
    reader.wrong(at, format!("\"{text}\" is no {what}"), format!("write one of {known}"));
}
