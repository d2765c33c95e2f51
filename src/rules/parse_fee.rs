//! The limits of a fee cap: amounts, tiers, percentages, and the conditions under which any fee is owed.

use std::sync::Arc;

use super::model::{FeeCap, LaterFactor, Tier, TierValue};
use super::parse_limits::{past_steps, term};
use super::parse_rule::Defaults;
use super::rates::RateTable;
use super::reader::Reader;
use super::words::{Bound, CountFrom, FeeBasis, FeePer};
use crate::domain::money::{Currency, Money};

/// Millionths that make one.
pub const ONE: i64 = 1_000_000;
/// The highest rate of VAT in force anywhere in the European Union (Hungary's), for packs that state none of their own.
const HIGHEST_VAT: i64 = 270_000;

/// An amount written as text in major units: "60.00".
pub fn amount(table: &mut Reader<'_, '_>, key: &'static str, currency: Currency) -> Option<i64> {
    let text = table.text(key)?;
    match Money::parse(&text, currency) {
        Ok(money) if money.minor >= 0 => Some(money.minor),
        Ok(_) => {
            table.wrong(key, &format!("{key} is negative"), "write an amount of zero or more");
            None
        }
        Err(error) => {
            table.wrong(key, &format!("{key} {error}"), "write it in quotes, in units of the currency, as \"60.00\"");
            None
        }
    }
}

/// A decimal written as text ("0.9", "15") in millionths of `unit`.
pub fn decimal(table: &mut Reader<'_, '_>, key: &'static str, per_hundred: bool) -> Option<i64> {
    let text = table.text(key)?;
    parsed(table, key, &text, per_hundred)
}

/// A percentage written as text ("8", "-0.88") in millionths.
pub fn signed_percent(table: &mut Reader<'_, '_>, key: &'static str) -> Option<i64> {
    let text = table.text(key)?;
    match text.strip_prefix('-') {
        Some(rest) => parsed(table, key, rest, true).map(|value| -value),
        None => parsed(table, key, &text, true),
    }
}

/// The currency that the table names.
pub fn currency(table: &mut Reader<'_, '_>) -> Option<Currency> {
    let code = table.text("currency")?;
    let found = Currency::parse(&code);
    if found.is_none() {
        let message = format!("\"{code}\" is not an ISO 4217 currency");
        table.wrong("currency", &message, "write a code such as \"SEK\"");
    }
    found
}

/// What stands in for a currency that could not be read: amounts with its decimals are the most frequent.
pub fn stand_in() -> Option<Currency> {
    Currency::parse("EUR")
}

fn parsed(table: &mut Reader<'_, '_>, key: &'static str, text: &str, per_hundred: bool) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let parsed = if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > 4 || whole.len() > 6 {
        None
    } else {
        format!("{whole}{part:0<4}").parse::<i64>().ok()
    };
    match parsed {
        // Four decimals are ten-thousandths: a hundred of them are a millionth's hundred for shares.
        Some(value) => Some(if per_hundred { value } else { value * 100 }),
        None => {
            table.wrong(
                key,
                &format!("{key} \"{text}\" is no decimal with at most 4 places"),
                "write it in quotes, as \"0.9\"",
            );
            None
        }
    }
}

/// Reads a fee cap.
pub fn fee_cap(table: &mut Reader<'_, '_>, defaults: &Defaults<'_>) -> Option<FeeCap> {
    if !table.has("steps") {
        table.missing("steps", "[\"reminder\", ...]");
    }
    let steps = table.set("steps");
    let bound = table.need_word::<Bound>("bound");
    let named = match (table.has("currency"), defaults.currency) {
        (true, _) => self::currency(table),
        (false, Some(currency)) => Some(currency).filter(|_| !defaults.misread),
        (false, None) => {
            table.missing("currency", "\"SEK\" here, or currency in the pack's head");
            None
        }
    };
    // All is read even if there is none, so that nothing else is told to be wrong.
    let currency = named.or_else(stand_in)?;
    let yearly = yearly(table, named, defaults);
    let no_figure = table.boolean("no_figure").unwrap_or(false);
    let tiers = tiers(table, currency, defaults);
    if tiers.is_empty() && !no_figure {
        table.missing("amount", "\"60.00\", or percent, or tiers, or no_figure = true");
    }
    let multiplies = tiers.iter().any(|tier| matches!(tier.value, TierValue::Times(_)));
    if multiplies != table.has("yearly") {
        table.wrong("yearly", "yearly and times go together", "name the table in yearly, and write times in its tiers");
    }
    if !tiers.is_empty() && no_figure {
        table.wrong("no_figure", "an amount and no_figure are both given", "remove one");
    }
    let basis_steps = table.set("basis_steps");
    let basis = table.word::<FeeBasis>("basis").unwrap_or(FeeBasis::Principal);
    if (basis == FeeBasis::Steps) == basis_steps.is_empty() {
        table.wrong("basis", "basis \"steps\" and basis_steps go together", "give both or neither");
    }
    let per = table.need_word::<FeePer>("per");
    let read = FeeCap {
        steps,
        currency,
        tiers,
        yearly,
        marginal: table.boolean("marginal").unwrap_or(false),
        basis,
        basis_steps,
        basis_share: decimal(table, "basis_share", false).unwrap_or(ONE),
        factor: decimal(table, "factor", false).unwrap_or(ONE),
        factor_if_complex: decimal(table, "factor_if_complex", false),
        later: later(table),
        factor_if_paid_on_first_letter: decimal(table, "factor_if_paid_on_first_letter", false),
        minimum: amount(table, "minimum", currency),
        maximum: amount(table, "maximum", currency),
        max_count: table.integer("max_count", 0, 1000).and_then(|n| u32::try_from(n).ok()),
        min_days_between: table.integer("min_days_between", 1, 3660).and_then(|n| u16::try_from(n).ok()),
        across_claims: table.boolean("across_claims").unwrap_or(false),
        requires: table.set("requires"),
        vat_only_if_not_deductible: table.boolean("vat_only_if_not_deductible").unwrap_or(false),
        highest_vat: defaults.highest_vat.unwrap_or(HIGHEST_VAT),
        unless_disputed: table.boolean("unless_disputed").unwrap_or(false),
        // Last: whatever is wrong, every key is read, so that none is told to be unknown.
        bound: bound?,
        per: per?,
    };
    named.map(|_| read)
}

/// A factor that holds once time has passed since a step.
fn later(table: &mut Reader<'_, '_>) -> Option<LaterFactor> {
    let factor = decimal(table, "factor_later", false);
    let after = past_steps(table, "later_after", factor.is_some());
    let (since_step, since_deadline) = (term(table, "later_than_step"), term(table, "later_than_deadline"));
    let timed = since_step.is_some() || since_deadline.is_some();
    if factor.is_none() && (timed || !after.is_empty()) {
        table.missing("factor_later", "\"2\", the factor that holds then");
    }
    if factor.is_some() && !timed {
        table
            .missing("later_than_step", "{ days = 42, ... }, or later_than_deadline: how long after the step it holds");
    }
    if since_deadline.is_some_and(|term| term.from != CountFrom::Sent) {
        table.wrong("later_than_deadline", "a deadline is not received", "write from = \"sent\"");
    }
    Some(LaterFactor { factor: factor?, after, since_step, since_deadline })
}

/// The dated table of amounts that `times` multiplies; in any currency where the rule's could not be read.
fn yearly(table: &mut Reader<'_, '_>, currency: Option<Currency>, defaults: &Defaults<'_>) -> Option<Arc<RateTable>> {
    let id = table.text("yearly")?;
    match defaults.rates.get(&id) {
        Some(found) if currency.is_none_or(|wanted| found.currency == Some(wanted)) => Some(Arc::clone(found)),
        Some(_) => {
            let wanted = currency.map_or(String::new(), |currency| currency.to_string());
            let message = format!("table \"{id}\" does not hold amounts in {wanted}");
            table.wrong("yearly", &message, "name a table with unit = \"amount\" in the rule's currency");
            None
        }
        None => {
            let message = format!("there is no dated table \"{id}\"");
            table.wrong("yearly", &message, "name the id of a [[rate]] in config/rates");
            None
        }
    }
}

fn tiers(table: &mut Reader<'_, '_>, currency: Currency, defaults: &Defaults<'_>) -> Vec<Tier> {
    let mut tiers = Vec::new();
    let flat = amount(table, "amount", currency).map(TierValue::Amount);
    let percent = decimal(table, "percent", true).map(TierValue::Rate);
    let times = decimal(table, "times", false).map(TierValue::Times);
    for value in [flat, percent, times].into_iter().flatten() {
        tiers.push(Tier { up_to: i64::MAX, value });
    }
    let mut listed = listed(table, currency);
    if let Some(id) = table.text("table") {
        match defaults.tables.get(&id) {
            // A rule's own tiers come before the table's and replace those that they cover.
            Some(shared) => {
                let covered = listed.last().map_or(i64::MIN, |last| last.up_to);
                listed.extend(shared.iter().filter(|tier| tier.up_to > covered));
            }
            None => table.wrong(
                "table",
                &format!("there is no fee table \"{id}\""),
                "name a [[fee_table]] of the same file, written before or after the rules",
            ),
        }
    }
    if !listed.is_empty() && !tiers.is_empty() || tiers.len() > 1 {
        table.wrong("tiers", "amount, percent, times and tiers exclude each other", "keep one of them");
    }
    tiers.extend(listed);
    tiers
}

/// The list `tiers` of a rule or of a fee table.
pub fn listed(table: &mut Reader<'_, '_>, currency: Currency) -> Vec<Tier> {
    let mut listed = Vec::new();
    for mut tier in table.tables("tiers") {
        let up_to = if tier.has("up_to") { amount(&mut tier, "up_to", currency) } else { Some(i64::MAX) };
        let flat = amount(&mut tier, "amount", currency).map(TierValue::Amount);
        let percent = decimal(&mut tier, "percent", true).map(TierValue::Rate);
        let times = decimal(&mut tier, "times", false).map(TierValue::Times);
        match (up_to, flat, percent.or(times)) {
            (Some(up_to), Some(value), None) | (Some(up_to), None, Some(value)) => {
                if listed.last().is_some_and(|last: &Tier| last.up_to >= up_to) {
                    tier.wrong("up_to", "tiers are not in rising order", "sort the tiers by up_to, the open one last");
                }
                listed.push(Tier { up_to, value });
            }
            _ => {
                let at = tier.offset();
                tier.cx.wrong(
                    at,
                    "a tier needs either amount, percent or times",
                    "write { up_to = \"500.00\", amount = \"51.50\" }",
                );
            }
        }
        tier.finish();
    }
    listed
}
