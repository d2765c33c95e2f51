//! Which reading of a figure a tenant or a market means by its bare name: `[kpi_defaults]` in the tenant's file.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::document::{Complaints, Section};
use crate::domain::diagnostic::{Diagnostic, SourceFile};
use crate::domain::ids::MarketId;
use crate::kpi::{Calendar, Catalogue};

/// A choice as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The market that it is for; every one of the tenant's that does not choose itself, if absent.
    market: Option<MarketId>,
    /// The bare name, and where it stands.
    name: (String, usize),
    /// What is chosen for it, and where that stands.
    kpi: (String, usize),
}

/// Reads a table `[kpi_defaults]`.
pub fn read(mut section: Section, market: Option<&MarketId>, out: &mut Complaints) -> Vec<Choice> {
    let mut choices = Vec::new();
    for (key, at) in section.keys() {
        let Some((value, span)) = section.remove(key) else { continue };
        match value {
            DeValue::String(text) => choices.push(Choice {
                market: market.cloned(),
                name: (key.to_owned(), at),
                kpi: (text.as_ref().to_owned(), span.start),
            }),
            _ => out.at(
                span.start,
                format!("kpi_defaults.{} is no text", key.escape_debug()),
                "write the id of a KPI, as in rpc_rate = \"rpc_rate_connects\"",
            ),
        }
    }
    choices
}

/// Holds the choices against the definitions, and gives each market those that are its own.
pub fn check(
    choices: &[Choice],
    calendars: &mut BTreeMap<MarketId, Calendar>,
    catalogue: &Catalogue,
    file: &SourceFile,
    found: &mut Vec<Diagnostic>,
) {
    for Choice { name, kpi, .. } in choices {
        let mut wrong = |at: usize, message: String, remedy: String| {
            found.push(Diagnostic::at(&file.path, &file.text, at, message, remedy));
        };
        match catalogue.readings(&name.0) {
            Err((message, remedy)) => wrong(name.1, format!("kpi_defaults: {message}"), remedy),
            Ok(readings) if !readings.contains(&kpi.0.as_str()) => {
                let message = format!("\"{}\" is no reading of \"{}\"", kpi.0.escape_debug(), name.0);
                wrong(kpi.1, message, format!("write one of {}, or remove it", readings.join(", ")));
            }
            Ok(_) => {}
        }
    }
    for (market, calendar) in calendars {
        // Those of the market come behind those of the tenant, and so take their place.
        let all = choices.iter().filter(|choice| choice.market.is_none());
        let all = all.chain(choices.iter().filter(|choice| choice.market.as_ref() == Some(market)));
        calendar.defaults = all.map(|choice| (choice.name.0.clone(), choice.kpi.0.clone())).collect();
    }
}
