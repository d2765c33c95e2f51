//! Reads `[[kpi]]` tables, and links them to the measures and formulas they name.

use std::collections::BTreeMap;

use super::definition::{
    Additivity, Attribution, Clock, CurrencyPolicy, Definition, DimensionAsOf, Kind, KpiInfo, Root, Rounding, Told,
};
use super::formula::{self, Fault, Formula, Parameter, Raw, Resolver, Scope, Window};
use super::layout::On;
use super::need::{self, WrittenNeed};
use super::read::{Reader, Table, names};
use super::schema::{Measure, Place};
use super::unit::{Quantity, Unit};
use super::{not_by, parse_parts, parse_told, sample};
use crate::domain::fact::FactKind;

/// A KPI as written.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) place: Place,
    pub(crate) info: KpiInfo,
    /// Where the guard is named.
    pub(crate) guard_at: usize,
    formula: Shape,
    /// Days of a conversion's window.
    window_days: Option<i64>,
    told: Told,
    /// The control of a lift.
    control: Option<String>,
    parameters: BTreeMap<String, Parameter>,
    needs: Vec<WrittenNeed>,
}

#[derive(Debug, Clone)]
enum Shape {
    Single(Raw, Window),
    Quotient(Raw, Raw),
    Alias,
}

macro_rules! word {
    ($table:ident, $reader:ident, $key:literal, $type:ident) => {
        $table.word($reader, $key, $type::parse, || names($type::ALL.iter().map(|word| word.as_str())))
    };
}

/// Reads one KPI; `None` if it is too broken to go on with.
pub(crate) fn kpi(reader: &mut Reader<'_>, mut table: Table<'_>, file: usize) -> Option<Written> {
    let id = super::parse_measure::id(reader, &mut table, "KPI");
    let place = Place { file, at: table.at };
    let mut text = |reader: &mut Reader<'_>, key| table.text(reader, key).map(|(text, _)| text.to_owned());
    let (title, description) = (text(reader, "title"), text(reader, "description"));
    let kind = word!(table, reader, "kind", Kind);
    if kind == Some(Kind::Alias) {
        let of = table.text(reader, "of").map(|(text, _)| text.to_owned());
        table.finish(reader);
        let info = alias(id?, title?, description?, of?);
        return Some(Written {
            place,
            info,
            guard_at: place.at,
            formula: Shape::Alias,
            window_days: None,
            told: Told::default(),
            control: None,
            parameters: BTreeMap::new(),
            needs: Vec::new(),
        });
    }
    let mut text = |reader: &mut Reader<'_>, key| table.text(reader, key).map(|(text, _)| text.to_owned());
    let (formula, source) = (text(reader, "formula"), text(reader, "source"));
    let (unit_counted, base) = (text(reader, "unit_counted"), text(reader, "base"));
    let unit = word!(table, reader, "unit", Unit);
    let clock = word!(table, reader, "clock", Clock);
    let currency_policy = word!(table, reader, "currency_policy", CurrencyPolicy);
    let additivity = word!(table, reader, "additivity", Additivity);
    let attribution = word!(table, reader, "attribution", Attribution);
    let dimension_as_of = word!(table, reader, "dimension_as_of", DimensionAsOf);
    let rounding = word!(table, reader, "rounding", Rounding);
    let decimals = parse_parts::decimals(reader, &mut table, unit);
    let variants = match table.need(reader, "variants") {
        Some(_) => table.texts(reader, "variants").into_iter().map(|(text, _)| text.to_owned()).collect(),
        None => Vec::new(),
    };
    let guard = table.maybe_text(reader, "guard");
    let proportion = table.flag(reader, "proportion") == Some(true);
    let parameters = parse_parts::parameters(reader, &mut table);
    let control = if kind == Some(Kind::Lift) { Some(parse_told::control(reader, &mut table)) } else { None };
    let window =
        if matches!(kind, Some(Kind::Conversion | Kind::Lift)) { window(reader, &mut table) } else { Some(None) };
    let told = parse_told::told(reader, &mut table, kind);
    let (needs, not_by) = (need::read(reader, &mut table), not_by::read(reader, &mut table));
    let shape = kind.and_then(|kind| shape(reader, &mut table, kind));
    table.finish(reader);
    let info = KpiInfo {
        id: id?,
        title: title?,
        description: description?,
        formula: formula?,
        source: source?,
        kind: kind?,
        unit: unit?,
        unit_counted: unit_counted?,
        base: base?,
        clock: clock?,
        currency_policy: currency_policy?,
        additivity: additivity?,
        attribution: attribution?,
        dimension_as_of: dimension_as_of?,
        rounding: rounding?,
        decimals: decimals?,
        variants,
        alias_of: None,
        proportion,
        group_by: Vec::new(),
        needs: needs.iter().map(|need| need.words(&reader.case)).collect(),
        not_by,
        guard: guard.map(|(text, _)| text.to_owned()),
    };
    let control = control.map_or(Some(None), |control| control.map(Some))?;
    let (window_days, mut told) = (window?, told?);
    told.wait_for(info.kind, window_days);
    let guard_at = guard.map_or(place.at, |(_, at)| at);
    Some(Written { place, info, guard_at, formula: shape?, window_days, told, control, parameters, needs })
}

/// The days of a conversion's window: facts that lead to payments are remembered for thirty.
fn window(reader: &mut Reader<'_>, table: &mut Table<'_>) -> Option<Option<i64>> {
    table.need(reader, "window_days")?;
    let (days, at) = table.whole(reader, "window_days")?;
    match i64::try_from(days).ok().filter(|days| (1..=30).contains(days)) {
        Some(days) => Some(Some(days)),
        None => {
            reader.wrong(at, format!("window_days = {days} of {}", table.what), "write 1 to 30");
            None
        }
    }
}

/// What an alias says before it is filled in from the KPI that it stands for.
fn alias(id: String, title: String, description: String, of: String) -> KpiInfo {
    KpiInfo {
        id,
        title,
        description,
        formula: String::new(),
        source: String::new(),
        kind: Kind::Alias,
        unit: Unit::Count,
        unit_counted: String::new(),
        base: String::new(),
        clock: Clock::Occurred,
        currency_policy: CurrencyPolicy::None,
        additivity: Additivity::None,
        attribution: Attribution::Mixed,
        dimension_as_of: DimensionAsOf::Fact,
        rounding: Rounding::HalfEven,
        decimals: None,
        variants: Vec::new(),
        alias_of: Some(of),
        proportion: false,
        group_by: Vec::new(),
        needs: Vec::new(),
        not_by: Vec::new(),
        guard: None,
    }
}

fn shape(reader: &mut Reader<'_>, table: &mut Table<'_>, kind: Kind) -> Option<Shape> {
    let mut read = |reader: &mut Reader<'_>, key| {
        let value = table.need(reader, key)?;
        formula::read(reader, value)
    };
    match kind {
        Kind::Simple => read(reader, "measure").map(|raw| Shape::Single(raw, Window::Flow)),
        Kind::Derived => read(reader, "expression").map(|raw| match raw {
            Raw::Divide(parts, _) => Shape::Quotient(parts.0, parts.1),
            raw => Shape::Single(raw, Window::Flow),
        }),
        Kind::Ratio | Kind::Cohort => {
            let (above, below) = (read(reader, "numerator"), read(reader, "denominator"));
            Some(Shape::Quotient(above?, below?))
        }
        Kind::Cumulative => {
            let raw = read(reader, "measure");
            let since = |text: &str| match text {
                "ever" => Some(Window::Closing),
                "question" => Some(Window::Running),
                _ => None,
            };
            let window = table.word(reader, "since", since, || "ever, question".to_owned());
            Some(Shape::Single(raw?, window?))
        }
        Kind::Balance => {
            let raw = read(reader, "stock");
            let at = |text: &str| match text {
                "opening" => Some(Window::Opening),
                "closing" => Some(Window::Closing),
                "mean" => Some(Window::Mean),
                "change" => Some(Window::Flow),
                _ => None,
            };
            let window = table.word(reader, "at", at, || "opening, closing, mean, change".to_owned());
            Some(Shape::Single(raw?, window?))
        }
        Kind::Duration => {
            let (name, at) = table.text(reader, "measure")?;
            let percent = table.need(reader, "percentile").and_then(|_| table.whole(reader, "percentile"));
            let (percent, percent_at) = percent?;
            let Some(percent) = u8::try_from(percent).ok().filter(|percent| (1..100).contains(percent)) else {
                let message = format!("percentile = {percent} of {}", table.what);
                reader.wrong(percent_at, message, "write 1 to 99: 50 is the median");
                return None;
            };
            let window = match table.get("reached") {
                Some(_) => Window::Survival(percent, parse_told::reached(reader, table)?),
                None => Window::Percentile(percent),
            };
            Some(Shape::Single(Raw::Name(name.to_owned(), at), window))
        }
        Kind::Transition => {
            let (moves, stock) = (read(reader, "moves"), read(reader, "stock"));
            let stays = table.flag(reader, "stays") == Some(true);
            let (moves, at) = (moves?, table.at);
            let opening = Raw::Window(Window::Opening, Box::new(stock?), at);
            let above = if stays { Raw::Subtract(vec![opening.clone(), moves], at) } else { moves };
            Some(Shape::Quotient(above, opening))
        }
        Kind::Conversion | Kind::Lift => {
            let (converted, of) = (read(reader, "converted"), read(reader, "of"));
            Some(Shape::Quotient(converted?, of?))
        }
        Kind::Alias => None,
    }
}

/// Guards that guard nothing: those that are no KPI, and the KPI itself, if only under another name.
pub(crate) fn guards(written: &[Written]) -> Vec<(&Written, String, String)> {
    let of = |id: &str| written.iter().find(|kpi| kpi.info.id == id);
    let wrong = |kpi: &Written| {
        let guard = kpi.info.guard.as_deref()?;
        let id = &kpi.info.id;
        let found = of(guard);
        if guard == id || found.is_some_and(|found| found.info.alias_of.as_ref() == Some(id)) {
            let message = format!("KPI \"{id}\" names itself as its guard");
            return Some((message, "name another KPI, which must not fall where this one gets better".to_owned()));
        }
        let message = || format!("KPI \"{id}\" names the guard \"{}\", which is no KPI", guard.escape_debug());
        found.is_none().then(|| (message(), "define it, or remove guard".to_owned()))
    };
    written.iter().filter_map(|kpi| wrong(kpi).map(|(message, remedy)| (kpi, message, remedy))).collect()
}

/// Links KPIs to measures and formulas, and holds what they say of themselves against what their formula is. Faults
/// come with the place they are noted at.
pub(crate) fn link(
    written: &[Written],
    measures: &[Measure],
    formulas: &[Formula],
) -> (Vec<Definition>, Vec<(Place, String, String)>) {
    let by_id: BTreeMap<&str, usize> = measures.iter().enumerate().map(|(n, m)| (m.id.as_str(), n)).collect();
    let by_name: BTreeMap<&str, &Raw> = formulas.iter().map(|f| (f.id.as_str(), &f.raw)).collect();
    let mut faults: Vec<(Place, String, String)> = Vec::new();
    let mut linked: Vec<Definition> = Vec::new();
    for kpi in written.iter().filter(|kpi| !matches!(kpi.formula, Shape::Alias)) {
        let scope = Scope { measures, by_id: &by_id, formulas: &by_name, parameters: &kpi.parameters };
        let mut resolver = Resolver::new(&scope);
        let root = match &kpi.formula {
            Shape::Single(raw, window) => resolver.resolve(raw, *window).map(|(node, of)| Root::Single(node, of)),
            Shape::Quotient(above, below) => resolver
                .resolve(above, Window::Flow)
                .and_then(|above| Ok(Root::Quotient { above, below: resolver.resolve(below, Window::Flow)? })),
            Shape::Alias => continue,
        };
        match root {
            Ok(root) => {
                for name in kpi.parameters.keys().filter(|name| !resolver.used_parameters.contains(name)) {
                    let message =
                        format!("KPI \"{}\" sets the parameter \"{name}\", which it does not use", kpi.info.id);
                    faults.push((kpi.place, message, "remove it".to_owned()));
                }
                let money = |leaf: &formula::Leaf| measures.get(leaf.measure).is_some_and(|m| m.quantity.money != 0);
                let money = resolver.leaves.iter().any(money);
                let (info, control) = (kpi.info.clone(), kpi.control.clone());
                let leaves = resolver.leaves;
                let told = Told { ahead: parse_told::is_ahead(&leaves, measures), ..kpi.told };
                let needs = match kpi.needs.iter().map(|need| need.link(&scope)).collect() {
                    Ok(needs) => needs,
                    Err(fault) => {
                        faults.push(of_kpi(kpi, fault));
                        continue;
                    }
                };
                let sampled = sample::leaves(&root, &leaves, measures);
                let definition = Definition { info, root, leaves, money, told, control, needs, sampled };
                let claims = claims(&definition, kpi.window_days, measures);
                faults.extend(claims.into_iter().map(|(message, remedy)| (kpi.place, message, remedy)));
                linked.push(definition);
            }
            Err(fault) => faults.push(of_kpi(kpi, fault)),
        }
    }
    for kpi in written {
        let Some(of) = &kpi.info.alias_of else { continue };
        match linked.iter().find(|known| known.info.id == *of && known.info.alias_of.is_none()) {
            Some(found) => {
                let mut definition = found.clone();
                let KpiInfo { id, title, description, .. } = kpi.info.clone();
                definition.info = KpiInfo { id, title, description, alias_of: Some(of.clone()), ..definition.info };
                linked.push(definition);
            }
            None => {
                let message = format!("KPI \"{}\" stands for \"{of}\", which is no KPI with a formula", kpi.info.id);
                faults.push((kpi.place, message, "name a KPI of another kind than alias".to_owned()));
            }
        }
    }
    (linked, faults)
}

/// A fault of a KPI's formula, where it stands.
fn of_kpi(kpi: &Written, (at, message, remedy): Fault) -> (Place, String, String) {
    (Place { file: kpi.place.file, at }, format!("KPI \"{}\": {message}", kpi.info.id), remedy)
}

/// What a definition says wrongly of itself.
fn claims(definition: &Definition, window_days: Option<i64>, measures: &[Measure]) -> Vec<(String, String)> {
    let info = &definition.info;
    let mut wrong = Vec::new();
    let mut claim = |message: String, remedy: String| wrong.push((format!("KPI \"{}\" {message}", info.id), remedy));
    let quantity = match &definition.root {
        Root::Single(_, quantity) => *quantity,
        Root::Quotient { above, below } => above.1.over(below.1),
    };
    if !quantity.admits(info.unit) {
        claim(
            format!("has the unit {}, and its formula gives {quantity}", info.unit),
            "correct unit or formula".to_owned(),
        );
    }
    let policy = if definition.money { CurrencyPolicy::PerCurrency } else { CurrencyPolicy::None };
    if policy != info.currency_policy {
        let holds = if definition.money { "holds money" } else { "holds no money" };
        claim(holds.to_owned(), format!("write currency_policy = \"{policy}\""));
    }
    let of = |leaf: &formula::Leaf| measures.get(leaf.measure);
    let placed = |leaf: &&formula::Leaf| of(leaf).is_some_and(|measure| measure.source.on == On::Placed);
    let cohorts = definition.leaves.iter().filter(placed).count();
    if cohorts != 0 && cohorts != definition.leaves.len() {
        let message = "puts facts of their own day and facts of the day of placement into one formula".to_owned();
        claim(message, "name measures with day = \"placed\" alone, or none".to_owned());
    } else if (cohorts != 0) != (info.clock == Clock::Placed) {
        let says = if cohorts == 0 { "no measure" } else { "every measure" };
        let remedy = "write clock = \"placed\" where the measures have day = \"placed\", and only there";
        claim(format!("says clock {}, and {says} counts by the day of placement", info.clock), remedy.to_owned());
    }
    if let (Some(days), Root::Quotient { above: (node, _), .. }) = (window_days, &definition.root) {
        let mut converted = Vec::new();
        node.each_leaf(&mut |leaf| converted.push(leaf));
        let leads = |fact| matches!(fact, FactKind::ContactPaid | FactKind::VisitorPaid);
        let within = |measure: &Measure| measure.source.filter.value.map(|(_, most)| most);
        for measure in converted.iter().filter_map(|leaf| definition.leaves.get(*leaf)).filter_map(of) {
            if !leads(measure.fact) || within(measure) != Some(days * 86_400) {
                let message = format!("has a window of {days} days, which \"{}\" does not keep to", measure.id);
                let seconds = days * 86_400;
                let remedy = "name a measure over contact_paid or visitor_paid facts with where = { value_to =";
                claim(message, format!("{remedy} {seconds} }}"));
            }
        }
    }
    if let Some((message, remedy)) = parse_told::claim(definition, measures) {
        claim(message, remedy);
    }
    if info.kind == Kind::Transition {
        for leaf in &definition.leaves {
            let wanted = if leaf.window == Window::Opening { FactKind::Aged } else { FactKind::AccountMoved };
            if let Some(measure) = measures.get(leaf.measure).filter(|measure| measure.fact != wanted) {
                let message =
                    format!("follows accounts by \"{}\", which is over facts of kind {}", measure.id, measure.fact);
                claim(message, format!("name a measure over facts of kind {wanted}"));
            }
        }
    }
    let additivity = definition.root.additivity(&definition.leaves, measures);
    if additivity != info.additivity {
        let message = format!("says additivity {}, and its formula gives {additivity}", info.additivity);
        claim(message, format!("write additivity = \"{additivity}\""));
    }
    if info.proportion {
        let counts = |of: Quantity| of == Quantity::NUMBER;
        let fits = matches!(&definition.root, Root::Quotient { above, below } if counts(above.1) && counts(below.1));
        if !fits {
            claim("is no proportion of two counts".to_owned(), "remove proportion".to_owned());
        }
    }
    wrong
}
