//! A jurisdiction's pack as it was read: calendar, rules, rows left out with their reason, worked examples.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::calendar::Calendar;
use super::cover::Clause;
use super::example::Example;
use super::model::Rule;
use super::position::Position;
use crate::domain::ids::JurisdictionId;
use crate::domain::market::PaymentOrderOf;
use crate::domain::money::Currency;
use crate::domain::vocabulary::Component;

/// A row of the fact sheets that is no rule of its own here, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotEncoded {
    /// The row's id.
    pub id: String,
    /// Rules and packs that encode it; none: it is not judged.
    pub encoded_in: Vec<String>,
    /// Why it cannot be judged, or in what way it is encoded elsewhere.
    pub reason: Option<String>,
    /// Where it stands.
    pub position: Position,
}

impl NotEncoded {
    /// The same in words.
    #[must_use]
    pub fn told(&self) -> String {
        let reason = self.reason.as_deref().unwrap_or_default();
        match (self.encoded_in.as_slice(), reason.is_empty()) {
            ([], _) => format!("not encoded: {reason}"),
            (rules, true) => format!("encoded in {}", rules.join(", ")),
            (rules, false) => format!("encoded in {}: {reason}", rules.join(", ")),
        }
    }
}

/// A jurisdiction's pack.
#[derive(Debug, Clone, PartialEq)]
pub struct Pack {
    /// `it`, `us-ny`: the country in lower case, then what lies below it.
    pub id: JurisdictionId,
    /// Its name in English.
    pub name: String,
    /// The pack's own version.
    pub version: String,
    /// Packs that speak with it: `eu` for a member country.
    pub includes: Vec<JurisdictionId>,
    /// A pack that only others include: it has no residents of its own.
    pub shared: bool,
    /// Currency of its amounts.
    pub currency: Option<Currency>,
    /// The country's highest rate of VAT, in millionths: no more of a charge is taken for VAT.
    pub highest_vat: Option<i64>,
    /// Components in the order in which payments that state nothing settle them.
    pub payment_order: Option<[Component; 3]>,
    /// Kinds of debt of which payments settle them in another order by law: no tenant changes it.
    pub payment_orders: Vec<PaymentOrderOf>,
    /// Zones that a resident may be in, where nothing better is known.
    pub zones: Vec<chrono_tz::Tz>,
    /// Zones of residents of whom the subdivision is known: by the ISO 3166-2 part behind the hyphen.
    pub subdivision_zones: BTreeMap<String, Vec<chrono_tz::Tz>>,
    /// Public holidays and weekend.
    pub calendar: Option<Arc<Calendar>>,
    /// Rules, proposed ones included.
    pub rules: Vec<Arc<Rule>>,
    /// Which cases the rules concern: those that any row admits; all without rows.
    pub scope: Option<Arc<[Clause]>>,
    /// Rows of the fact sheets left out.
    pub not_encoded: Vec<NotEncoded>,
    /// Worked examples.
    pub examples: Vec<Example>,
    /// Digest (blake3, hexadecimal) of the pack's files.
    pub digest: String,
    /// Where the pack's file begins.
    pub position: Position,
}
