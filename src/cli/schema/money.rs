//! Limits of the kinds about money, and the dated tables that they read.

use serde_json::{Value, json};

use super::contact::{no_figure, steps, term};
use super::shape::{
    CURRENCY, Table, amount, date, decimal, file, flag, number, pattern, set, signed, table, tables, text, word,
};
use crate::domain::detail::InterestNature;
use crate::domain::party::Condition;
use crate::domain::verdict::Confidence;
use crate::domain::vocabulary::{ChargeStep, Component};
use crate::rules::interest_cap::{BaseLimit, DayCount, Pick, RateOn, StartAfter, TotalOf};
use crate::rules::model::{ClaimOrder, Payee};
use crate::rules::rates::RateUnit;
use crate::rules::words::{Bound, FeeBasis, FeeCondition, FeePer};

/// The limits of these kinds.
pub(super) fn kinds() -> Vec<(&'static str, Table)> {
    vec![("fee_cap", fee_cap()), ("interest_cap", interest_cap()), ("payment_application", payment_application())]
}

pub(super) fn currency(about: &str) -> Value {
    pattern(about, CURRENCY)
}

/// Tiers of a fee.
pub(super) fn fee_tiers(about: &str) -> Value {
    let tier = table("What is allowed for a basis up to up_to; the open tier comes last")
        .may("up_to", amount("Upper end of the basis, inclusive"))
        .may("amount", amount("An amount"))
        .may("percent", decimal("A percentage of the basis"))
        .may("times", decimal("So many times the yearly amount"))
        .one_of(&["amount", "percent", "times"]);
    tables(about, tier.end())
}

fn fee_cap() -> Table {
    table("The most that the debtor may be charged for a step")
        .need("steps", set::<ChargeStep>("Steps whose charges are summed"))
        .need("bound", word::<Bound>("What the amount is; only a ceiling accuses"))
        .may("currency", currency("ISO 4217 code; the pack's without this key"))
        .may("amount", amount("A flat amount, as \"60.00\""))
        .may("percent", decimal("A percentage of the basis, as \"15\""))
        .may("times", decimal("So many times the yearly amount"))
        .may("tiers", fee_tiers("Amounts by the basis, in rising order"))
        .may("table", text("The id of a [[fee_table]] of the same file"))
        .may("yearly", text("The id of a dated table of amounts that times multiplies"))
        .may("marginal", flag("Each tier's rate concerns only the basis' part inside the tier"))
        .may("basis", word::<FeeBasis>("What a percentage or a tier is taken of; principal without this key"))
        .may("basis_steps", set::<ChargeStep>("Steps whose charges are the basis, for basis steps"))
        .may("basis_share", decimal("The part of the basis that counts, as \"0.5\""))
        .may("factor", decimal("The part of the amount that may be charged, as \"0.9\""))
        .may("factor_later", decimal("The same once time has passed since a step"))
        .may("later_after", steps("The steps from which that time runs"))
        .may("later_than_step", term("How long after the step it holds"))
        .may("later_than_deadline", term("How long after the deadline that the step gave it holds"))
        .may("factor_if_complex", decimal("The same for an especially difficult case"))
        .may("factor_if_paid_on_first_letter", decimal("The same where it was paid before a second letter"))
        .may("minimum", amount("Least amount that may always be charged"))
        .may("maximum", amount("Greatest amount in any case"))
        .need("per", word::<FeePer>("Summed over"))
        .may("max_count", number("At most so many charges", 0, 1000))
        .may("min_days_between", number("Least number of days from one charge to the next", 1, 3660))
        .may("across_claims", flag("Number and days are of all claims together, whatever per is"))
        .may("requires", set::<FeeCondition>("What must be true for any charge"))
        .may("vat_only_if_not_deductible", flag("VAT may be charged only where the creditor cannot deduct it"))
        .may("unless_disputed", flag("Silent where the claim was ever disputed"))
        .may("no_figure", no_figure())
}

fn formula(about: &str) -> Table {
    table(about)
        .may("percent", decimal("A fixed yearly rate, as \"5\""))
        .may("table", text("The id of a dated table of rates"))
        .may("contract", flag("The case's contract rate"))
        .may("points", signed("Percentage points added, as \"8\" or \"-0.88\""))
        .may("times", decimal("Multiplied by, as \"2\""))
        .may("round_up_to", decimal("Rounded up to whole steps of this, as \"0.5\""))
        .one_of(&["percent", "table", "contract"])
}

fn interest_cap() -> Table {
    let start = table("One way in which interest may begin")
        .need("after", word::<StartAfter>("After what"))
        .may("steps", steps("The steps, for after = \"steps\""))
        .may("only_if_fixed", flag("Only where the due date was fixed by contract"))
        .may("term", term("Interest begins the day after this term"));
    let total = table("All of it together")
        .need("percent", decimal("Percent of the principal"))
        .need("count", set::<TotalOf>("What counts"));
    let rate = "A yearly rate: exactly one of percent, table and contract";
    let tier = formula("The rate for a principal up to up_to; the open tier comes last")
        .may("up_to", amount("Upper end of the principal, inclusive"));
    table("What bounds interest")
        .need("bound", word::<Bound>("What the rate is; only a ceiling accuses"))
        .may("rate", formula(rate).end())
        .may("rates", tables("Several rates, of which pick chooses", formula(rate).end()))
        .may("tiers", tables("Rates by the case's principal, in rising order", tier.end()))
        .may("pick", word::<Pick>("Which of several rates holds; needed with rates"))
        .may("natures", set::<InterestNature>("Interest of which nature; all without this key"))
        .may("rate_on", word::<RateOn>("Whose value of a table holds; each_day without this key"))
        .may("day_count", word::<DayCount>("How days make a year; actual_365 without this key"))
        .may("simple", flag("No interest on interest"))
        .may("base_at_most", word::<BaseLimit>("The most that interest may run on"))
        .may("while", set::<Condition>("Only days on which the person has one of these conditions"))
        .may("lasts", term("The longest time that such a condition binds"))
        .may("lasts_for", set::<Condition>("Conditions that it ends; all without this key"))
        .may("while_written", flag("Only a condition stated in writing"))
        .may("contract_before_condition", flag("Only debts contracted before the condition began"))
        .may("starts", tables("When interest may begin; any time without this key", start.end()))
        .may("total", total.end())
        .may("no_figure", no_figure())
}

/// Components in an order.
pub(super) fn components(about: &str) -> Value {
    let mut list = set::<Component>(about);
    if let Value::Object(list) = &mut list {
        list.insert("uniqueItems".to_owned(), true.into());
    }
    list
}

fn payment_application() -> Table {
    table("How a payment is put to what is owed")
        .may("order", components("Components: nothing to a later one while an earlier one stays open"))
        .may("claims", word::<ClaimOrder>("Which of several claims comes first"))
        .may("debtor_choice", flag("A direction of the debtor is followed"))
        .may("never_disputed", flag("With several debts, nothing to a disputed one that the debtor did not name"))
        .may("payee", word::<Payee>("Who alone may receive payments"))
}

/// The schema of `rates/*.toml`.
pub(super) fn rates() -> Value {
    let entry = table("The value of one period")
        .need("from", date("First day"))
        .may("until", date("Last day; until further notice without this key"))
        .may("value", signed("The value in quotes: percent a year, or an amount"))
        .may("no_figure", flag("The value is not known"))
        .may("confidence", word::<Confidence>("Whether the value was read in its source; the table's without this key"))
        .may("source", text("Where the value was taken from; the table's without this key"))
        .one_of(&["value", "no_figure"]);
    let rate = table("A dated table")
        .need("id", pattern("Its id, as \"eu-ecb-mro\"", "^[a-z0-9-]{1,80}$"))
        .need("title", text("What it holds, in one line"))
        .need("unit", word::<RateUnit>("What its values are"))
        .may("currency", currency("ISO 4217 code of amounts; needed for unit amount"))
        .need("source", text("Where the values were taken from"))
        .need("confidence", word::<Confidence>("Whether the values were read in their source"))
        .need("entries", tables("Periods in the order of their dates, without overlap or gap", entry.end()));
    let root = table("Dated tables of yearly rates and amounts")
        .need("format", json!({ "const": 1, "description": "Format of the file" }))
        .may("rate", tables("The tables", rate.end()));
    file("Fairdue: rates/*.toml", root, &[])
}
