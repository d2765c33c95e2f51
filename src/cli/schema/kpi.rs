//! The schemas of `kpis/*.toml` and `kpis/*.cases.toml`.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::money::currency;
use super::shape::{Table, choice, date, file, flag, number, pattern, table, tables, text};
use crate::domain::buckets::MOST;
use crate::domain::case_dimensions::{CaseDimensions, MOST as MOST_OF_CASES};
use crate::domain::fact::{ENDS, FactKind, flag as flags};
use crate::domain::vocabulary::{Channel, Direction};
use crate::kpi::definition::{Additivity, Attribution, Clock, CurrencyPolicy, DimensionAsOf, Kind, Rounding};
use crate::kpi::unit::Unit;
use crate::kpi::{Dimension, Grain};

const ID: &str = "^[a-z][a-z0-9_]*$";
const CASE_DIMENSION: &str = "^(attribute|segment):.";

macro_rules! words {
    ($about:literal, $type:ident) => {
        choice($about, $type::ALL.iter().map(|word| word.as_str()))
    };
}

/// A text or a list of texts of that shape.
fn several(about: &str, item: Value) -> Value {
    json!({ "description": about, "anyOf": [item, { "type": "array", "items": item }] })
}

/// The dimensions that definitions may name.
fn dimensions() -> impl Iterator<Item = &'static str> {
    static NONE: LazyLock<CaseDimensions> = LazyLock::new(CaseDimensions::default);
    Dimension::names(&NONE)
}

/// A dimension: one of the list, or a value of cases that the definitions state.
fn dimension(about: &str, without: &[&str]) -> Value {
    let listed = dimensions().filter(|one| !without.contains(one));
    json!({ "description": about, "anyOf": [choice("One of the list", listed), case_dimension()] })
}

/// A value of cases that is a dimension.
fn case_dimension() -> Value {
    pattern("A value of cases that case_dimensions states", CASE_DIMENSION)
}

/// A dimension, or the word for all values of cases.
fn apart() -> Value {
    let word = choice("All values of cases that case_dimensions states", ["case_dimensions"]);
    json!({ "anyOf": [dimension("A dimension", &["currency"]), word] })
}

fn id(about: &str) -> Value {
    pattern(about, ID)
}

fn version() -> Value {
    json!({ "const": 1, "description": "Version of the file's format" })
}

/// The schema of measures, formulas and KPIs.
pub(super) fn definitions() -> Value {
    let root = table("Measures, formulas and KPIs")
        .need("version", version())
        .may(
            "days_past_due",
            json!({
                "type": "array",
                "description": "First days of the buckets of days past due, rising from 1; stated in one file at the most",
                "items": { "type": "integer", "minimum": 1, "maximum": 9_999 },
                "minItems": 1,
                "maxItems": MOST,
            }),
        )
        .may(
            "case_dimensions",
            json!({
                "type": "array",
                "description": "Attributes and segments of cases that are dimensions; stated in one file at the most",
                "items": case_dimension(),
                "maxItems": MOST_OF_CASES,
            }),
        )
        .may("measure", tables("Measures: what is summed or counted", measure()))
        .may("formula", tables("Formulas that several KPIs use", formula().end()))
        .may("kpi", tables("KPIs", kpi()));
    file("Fairdue: kpis/*.toml", root, &[("formula", shape())])
}

fn measure() -> Value {
    let presence = |about: &str| choice(about, ["present", "absent"]);
    let flag_names = || choice("A flag", flags::NAMES.iter().map(|(name, _)| *name));
    let filter = table("Which facts count; a key that is missing admits all")
        .may("channel", several("Channels", words!("A channel", Channel)))
        .may("direction", several("Directions", words!("A direction", Direction)))
        .may("flags", several("Flags that are set", flag_names()))
        .may("without_flags", several("Flags that are not set", flag_names()))
        .may("state", several("States, as the kind of fact has them", json!({ "type": "string" })))
        .may("dpd_bucket", several("Buckets of days past due", json!({ "type": "string" })))
        .may("agent", presence("Whether an agent is named"))
        .may("days_due", presence("Whether the due date is known"))
        .may("days_invoice", presence("Whether the invoice's date is known"))
        .may("value_from", json!({ "type": "integer", "description": "The least value that counts" }))
        .may("value_to", json!({ "type": "integer", "description": "The largest value that counts" }));
    let sets = json!({
        "type": "array",
        "description": "Dimension sets by which it is kept; [] is the total",
        "items": { "type": "array", "items": dimension("A dimension", &[]) },
        "minItems": 1,
        "maxItems": 12,
    });
    table("What is summed or counted")
        .need("id", id("Its id"))
        .need("title", text("For people"))
        .need("description", text("What it says"))
        .need("fact", words!("Kind of the facts", FactKind))
        .need(
            "agg",
            choice("How facts become a number", ["count", "sum", "sum_product", "distinct", "histogram", "lives"]),
        )
        .may("field", choice("What is summed", ["amount", "amount2", "value"]))
        .may("times", choice("The days that it is multiplied by", ["days_due", "days_invoice"]))
        .may(
            "of",
            json!({
                "description": "The dimension whose values are counted, or account",
                "anyOf": [choice("One of the list", dimensions().chain(["account", "debtor"])), case_dimension()],
            }),
        )
        .may("day", choice("Which day of a fact counts; its own without this key", ["fact", "placed"]))
        .may("by_currency", flag("A count is kept by currency; amounts always are"))
        .may("where", filter.end())
        .need("dimension_sets", sets)
        .end()
}

/// A formula: a name, a number, or one operation.
fn shape() -> Value {
    let part = || json!({ "$ref": "#/definitions/formula" });
    let list = |about: &str| json!({ "type": "array", "items": part(), "minItems": 1, "description": about });
    let operation = table("One operation")
        .may("add", list("The sum of these"))
        .may("subtract", list("The first without the others"))
        .may("divide", json!({ "type": "array", "items": part(), "minItems": 2, "maxItems": 2 }))
        .may("multiply", json!({ "type": "array", "items": part(), "minItems": 2, "maxItems": 2 }))
        .may("scale", part())
        .may("by", text("The factor of scale, as \"0.5\" or \"1/12\""))
        .may("opening", part())
        .may("closing", part())
        .may("mean", part())
        .may("parameter", text("A parameter that the KPI sets"))
        .one_of(&["add", "subtract", "divide", "multiply", "scale", "opening", "closing", "mean", "parameter"]);
    json!({
        "description": "The name of a measure or formula, a whole number, or an operation",
        "anyOf": [{ "type": "string" }, { "type": "integer" }, operation.end()],
    })
}

fn part(about: &str) -> Value {
    super::shape::of("formula", about)
}

fn formula() -> Table {
    table("A formula under a name")
        .need("id", id("Its id"))
        .need("title", text("For people"))
        .need("description", text("What it says"))
        .need("formula", part("What it is"))
}

fn kpi() -> Value {
    let parameters = table("Values that the formula's parameters take").any(json!({
        "description": "A whole number, a quotient such as \"1/12\", \"months\", \"days\", \"working_days\" or \"last_day\" (of the period)",
        "anyOf": [{ "type": "integer" }, { "type": "string" }],
    }));
    let need = table("Records that must be there")
        .need("records", several("Measures of which one must have a record", json!({ "type": "string" })))
        .may("ever", flag("One record up to the period's end is enough, not one in the period"))
        .may(
            "by",
            several("The only dimensions in which they must be the row's", dimension("A dimension", &["currency"])),
        )
        .may("each", dimension("A dimension of which each value in the row must have its own", &["currency"]))
        .end();
    let not_by =
        table("Dimensions that questions may not ask by, for the sides of the quotient would be of different groups")
            .need("dimensions", several("The dimensions; case_dimensions stands for all values of cases", apart()))
            .need("because", text("Why, as it stands behind \"is not told by stage:\""))
            .need("ask", text("What to ask instead, as a sentence without its full stop"))
            .end();
    let needed = [
        "formula",
        "source",
        "unit_counted",
        "base",
        "unit",
        "clock",
        "currency_policy",
        "additivity",
        "attribution",
        "dimension_as_of",
        "rounding",
        "variants",
    ];
    let of_kind = |kind: &str, keys: &[&str]| json!({ "if": { "properties": { "kind": { "const": kind } } }, "then": { "required": keys } });
    table("A KPI; the keys of its formula depend on its kind")
        .need("id", id("Its id"))
        .need("title", text("For people"))
        .need("description", text("What it says, with its limits"))
        .need("kind", words!("Its kind", Kind))
        .may("of", part("The KPI that an alias stands for; all contacts or visitors, of a conversion"))
        .may("formula", text("The formula in words"))
        .may("source", text("Where the formula comes from"))
        .may("unit_counted", text("What one unit of the denominator is"))
        .may("base", text("What the value is a share or mean of"))
        .may("unit", words!("Unit of the value", Unit))
        .may("clock", words!("Which day puts a fact into a period", Clock))
        .may("currency_policy", words!("What happens to several currencies", CurrencyPolicy))
        .may("additivity", words!("What values may be added up", Additivity))
        .may("attribution", words!("Whose the facts are", Attribution))
        .may("dimension_as_of", words!("Which version of a case gives the dimensions", DimensionAsOf))
        .may("rounding", words!("How the decimal text is rounded", Rounding))
        .may("decimals", number("Digits behind the point; money takes its currency's without this key", 0, 9))
        .may("guard", text("The KPI that must not fall where this one gets better"))
        .may("variants", several("Other readings of the same figure", json!({ "type": "string" })))
        .may("proportion", flag("The numerator is a part of the denominator's count"))
        .may("parameters", parameters.end())
        .may("measure", part("The measure of a simple, cumulative or duration KPI"))
        .may("percentile", number("The percentile of a duration: 50 is the median", 1, 99))
        .may("since", choice("From when a cumulative KPI runs", ["ever", "question"]))
        .may(
            "reached",
            several("The ends of accounts that a duration with agg = \"lives\" asks for", choice("An end", ENDS)),
        )
        .may("numerator", part("The numerator of a ratio or cohort"))
        .may("denominator", part("The denominator of a ratio or cohort"))
        .may("months", number("A cohort of one horizon: its first so many months, and no curve", 1, 99))
        .may("told_after_days", number("Days after a period's end before which it has no value", 1, 3_660))
        .may("needs", json!({ "type": "array", "description": "Records without which it has no value", "items": need, "minItems": 1 }))
        .may("not_by", json!({ "type": "array", "description": "Dimensions by which it is not told", "items": not_by, "minItems": 1 }))
        .may("expression", part("The formula of a derived KPI"))
        .may("stock", part("What a balance is of, or the accounts that a transition follows"))
        .may("moves", part("The moves of a transition"))
        .may("converted", part("What led to a payment, of a conversion"))
        .may("control", text("The variant that the others are held against, of a lift"))
        .may("window_days", number("Days within which the payment must come", 1, 30))
        .may("stays", flag("A transition tells those that did not make the moves"))
        .may("at", choice("When a balance is taken", ["opening", "closing", "mean", "change"]))
        .rule(
            "allOf",
            json!([
                { "if": { "properties": { "kind": { "not": { "const": "alias" } } } }, "then": { "required": needed } },
                of_kind("alias", &["of"]),
                of_kind("simple", &["measure"]),
                of_kind("ratio", &["numerator", "denominator"]),
                of_kind("cohort", &["numerator", "denominator"]),
                of_kind("derived", &["expression"]),
                of_kind("cumulative", &["measure", "since"]),
                of_kind("balance", &["stock", "at"]),
                of_kind("duration", &["measure", "percentile"]),
                of_kind("transition", &["moves", "stock"]),
                of_kind("conversion", &["converted", "of", "window_days"]),
                of_kind("lift", &["converted", "of", "window_days", "control"]),
            ]),
        )
        .end()
}

/// The schema of worked figures.
pub(super) fn cases() -> Value {
    let filters = table("Only facts of these groups")
        .any(several("Values of the dimension", json!({ "type": "string" })))
        .rule("propertyNames", dimension("A dimension", &[]));
    let case = table("Facts in, figures out")
        .need("name", text("What it shows"))
        .need("kpi", several("The KPIs asked for", json!({ "type": "string" })))
        .need("grain", words!("Grain of the question", Grain))
        .need("from", date("First day, in quotes"))
        .need("to", date("The day after the last, in quotes"))
        .may("today", date("The day that it is, in quotes; without it nothing is told that must be over"))
        .may("group_by", several("Dimensions", dimension("A dimension", &[])))
        .may("filters", filters.end())
        .may("currency", currency("ISO 4217 code of facts that name none"))
        .may("facts", tables("The facts", fact()))
        .may("rows", tables("The rows that come out, in their order", row()));
    let root = table("Worked figures of KPIs").need("version", version()).may("case", tables("The cases", case.end()));
    file("Fairdue: kpis/*.cases.toml", root, &[])
}

fn fact() -> Value {
    let whole = |about: &str| number(about, i64::from(i32::MIN), i64::from(i32::MAX));
    let money = |about: &str| pattern(about, "^-?[0-9]+(\\.[0-9]+)?$");
    let flag_names = choice("A flag", flags::NAMES.iter().map(|(name, _)| *name));
    let mut table = table("A fact")
        .need("fact", words!("Its kind", FactKind))
        .need("day", date("Its day, in quotes"))
        .may("amount", money("Its amount"))
        .may("amount2", money("Its second amount"))
        .may("count", whole("How many; 1 without this key"))
        .may("sign", whole("-1 takes it back"))
        .may("days_due", whole("Days since the due date"))
        .may("days_invoice", whole("Days since the invoice"))
        .may("value", whole("Its length or number: seconds, days or a score, as its kind has it"))
        .may("hour_of_week", number("Hour of the week at the debtor's: 0 is Monday's first", 0, 167))
        .may("placed", date("Day on which the case came in, in quotes"))
        .may("flags", several("Its flags", flag_names));
    table = table.may("case", json!({ "type": "object", "description": "The case's values, by dimension", "additionalProperties": { "type": "string" } }));
    let own = |name: &str| Dimension::named(name, &CaseDimensions::default());
    for dimension in dimensions().filter_map(own).filter(|one| !one.is_computed()) {
        let about = format!("Its {dimension}");
        let shape = match dimension {
            Dimension::Channel => choice(&about, Channel::ALL.iter().map(|word| word.as_str())),
            Dimension::Direction => choice(&about, Direction::ALL.iter().map(|word| word.as_str())),
            Dimension::Currency => currency(&about),
            _ => text(&about),
        };
        table = table.may(dimension.as_str(), shape);
    }
    table.end()
}

fn row() -> Value {
    let mut table = table("What a row states; what it leaves out is not compared, but for the value");
    for (key, about) in [
        ("value", "The value as decimal text"),
        ("no_value", "Why there is none"),
        ("numerator", "The numerator"),
        ("denominator", "The denominator"),
        ("currency", "The currency"),
        ("start", "First day of the period"),
        ("kpi", "The KPI"),
        ("sample", "Size of the sample"),
        ("interval", "The interval, as \"0.10 to 0.20\""),
    ] {
        table = table.may(key, text(about));
    }
    table.may("group", several("The group's values", json!({ "type": "string" }))).end()
}
