//! Reads the digits and the parameters of a `[[kpi]]` table.

use std::collections::BTreeMap;

use super::exact::Exact;
use super::formula::Parameter;
use super::read::{Reader, Table, whole};
use super::unit::Unit;

/// Digits behind the point: the currency's for money unless stated, none for counts unless stated, else needed.
pub(super) fn decimals(reader: &mut Reader<'_>, table: &mut Table<'_>, unit: Option<Unit>) -> Option<Option<u32>> {
    match table.whole(reader, "decimals") {
        Some((number, at)) => {
            let decimals = u32::try_from(number).ok().filter(|decimals| *decimals <= 9);
            if decimals.is_none() {
                reader.wrong(at, format!("decimals = {number} of {}", table.what), "write 0 to 9");
            }
            decimals.map(Some)
        }
        None if unit == Some(Unit::Money) => Some(None),
        None if table.get("decimals").is_some() => None,
        None => {
            let message = format!("{} lacks the key \"decimals\"", table.what);
            reader.wrong(table.at, message, "add decimals = 2: only money takes its currency's");
            None
        }
    }
}

/// The values that the KPI sets for its formula.
pub(super) fn parameters(reader: &mut Reader<'_>, table: &mut Table<'_>) -> BTreeMap<String, Parameter> {
    let mut found = BTreeMap::new();
    let Some(value) = table.get("parameters") else { return found };
    let Some(inner) = value.get_ref().as_table() else {
        reader.wrong(value.span().start, "parameters is no table", "write parameters = { n = 1 }");
        return found;
    };
    for (key, value) in inner.iter() {
        let text = value.get_ref().as_str();
        let number = whole(value).map(Exact::whole).or_else(|| text.and_then(Exact::parse));
        let parameter = match (text, number) {
            (Some("months"), _) => Some(Parameter::Months),
            (Some("days"), _) => Some(Parameter::Days),
            (Some("working_days"), _) => Some(Parameter::WorkingDays),
            (Some("last_day"), _) => Some(Parameter::LastDay),
            (_, number) => number.map(Parameter::Number),
        };
        match parameter {
            Some(parameter) => {
                found.insert(key.get_ref().to_string(), parameter);
            }
            None => {
                let message = format!("the parameter \"{}\" of {} is no number", key.get_ref(), table.what);
                reader.wrong(
                    value.span().start,
                    message,
                    "write 1, \"1/12\", \"months\", \"days\", \"working_days\" or \"last_day\"",
                );
            }
        }
    }
    found
}
