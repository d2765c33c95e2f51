//! Fees, interest and the order of payments in words.

use super::super::interest_cap::{Formula, InterestStart, RateSource, TotalCap};
use super::super::model::{FeeCap, InterestCap, PaymentApplication, Tier, TierValue};
use super::super::words::Bound;
use super::line::Line;
use super::words::{amount_of, factor, lasting, many, money, percent, plain, set, step, term, term_parts, word};

const NOTHING: &str = "nothing";

fn bound(key: &str, bound: Bound) -> Line {
    let said = match bound {
        Bound::Ceiling => "the most that may be charged",
        Bound::Floor => "the least that is owed",
        Bound::DefaultIfNotAgreed => "owed where nothing else was agreed",
        Bound::SetOffAgainst => "set off against other claims",
    };
    Line::phrase(key, "the figure is", said)
}

pub(super) fn fee_cap(limits: &FeeCap) -> Vec<Line> {
    let FeeCap {
        steps,
        bound: figure,
        currency,
        tiers,
        yearly,
        marginal,
        basis,
        basis_steps,
        basis_share,
        factor: share,
        factor_if_complex,
        later,
        factor_if_paid_on_first_letter,
        minimum,
        maximum,
        per,
        max_count,
        min_days_between,
        across_claims,
        requires,
        vat_only_if_not_deductible,
        highest_vat: _,
        unless_disputed,
    } = limits;
    let amount = |minor: &Option<i64>| minor.map(|minor| money(minor, *currency));
    let mut lines = Vec::new();
    for Tier { up_to, value } in tiers {
        let value = match value {
            TierValue::Amount(minor) => money(*minor, *currency),
            TierValue::Rate(rate) => format!("{} of the basis", percent(*rate)),
            TierValue::Times(times) => format!("{} times the yearly amount", factor(*times)),
        };
        lines.push(match *up_to {
            i64::MAX => Line::phrase("fee_cap.tiers", "amount", value),
            up_to => Line::phrase(
                &format!("fee_cap.tiers.{up_to}"),
                &format!("amount for a basis up to {}", money(up_to, *currency)),
                value,
            ),
        });
    }
    lines.extend([
        Line::flag("fee_cap.no_figure", tiers.is_empty(), "no figure is stated"),
        bound("fee_cap.bound", *figure),
        set("fee_cap.steps", "charges concerned", *steps, NOTHING),
        Line::phrase("fee_cap.currency", "currency", currency.code()),
        Line::optional("fee_cap.yearly", "yearly amount of table", yearly.as_ref().map(|table| table.id.clone())),
        Line::flag("fee_cap.marginal", *marginal, "each rate concerns only the part of the basis inside its tier"),
        word("fee_cap.basis", "basis", *basis),
        set("fee_cap.basis_steps", "charges that are the basis", *basis_steps, NOTHING),
        Line::phrase("fee_cap.basis_share", "part of the basis that counts", percent(*basis_share)),
        Line::phrase("fee_cap.factor", "part of the amount that may be charged", percent(*share)),
        Line::optional("fee_cap.factor_if_complex", "the same in a difficult case", factor_if_complex.map(percent)),
        Line::optional(
            "fee_cap.factor_later",
            "the same once time has passed",
            later.as_ref().map(|one| percent(one.factor)),
        ),
        super::words::steps(
            "fee_cap.later_after",
            "counted from",
            later.as_ref().map_or(&[][..], |one| one.after.as_slice()),
            NOTHING,
        ),
        term("fee_cap.later_than_step", "so long after it", later.as_ref().and_then(|one| one.since_step.as_ref())),
        term(
            "fee_cap.later_than_deadline",
            "so long after the deadline that it gave",
            later.as_ref().and_then(|one| one.since_deadline.as_ref()),
        ),
        Line::optional(
            "fee_cap.factor_if_paid_on_first_letter",
            "the same if paid on the first letter",
            factor_if_paid_on_first_letter.map(percent),
        ),
        Line::optional("fee_cap.minimum", "in any case allowed", amount(minimum)),
        Line::optional("fee_cap.maximum", "at most", amount(maximum)),
        word("fee_cap.per", "taken for each", *per),
        Line::optional("fee_cap.max_count", "number of charges", max_count.map(|most| format!("at most {most}"))),
        Line::optional(
            "fee_cap.min_days_between",
            "from one charge to the next",
            min_days_between.map(|days| format!("at least {}", many(i64::from(days), "days"))),
        ),
        Line::flag("fee_cap.across_claims", *across_claims, "number and days are of all claims together"),
        set("fee_cap.requires", "only with", *requires, NOTHING),
        Line::flag(
            "fee_cap.vat_only_if_not_deductible",
            *vat_only_if_not_deductible,
            "VAT only where the creditor cannot deduct it",
        ),
        Line::flag("fee_cap.unless_disputed", *unless_disputed, "not where the claim was ever disputed"),
    ]);
    lines
}

/// `table eu-ecb-mro plus 8 points`.
fn rate(formula: &Formula) -> String {
    let Formula { source, points, times, round_up } = formula;
    let mut told = match source {
        RateSource::Fixed(rate) => format!("{} a year", percent(*rate)),
        RateSource::Table(table) => format!("the rate of table {}", table.id),
        RateSource::Contract => "the contract's rate".to_owned(),
    };
    if *points != 0 {
        told.push_str(&format!(" and {} points", percent(*points).trim_end_matches(" %")));
    }
    if *times != 1_000_000 {
        told.push_str(&format!(", taken {} times", factor(*times)));
    }
    if let Some(to) = round_up {
        told.push_str(&format!(", rounded up to whole {}", percent(*to)));
    }
    told
}

fn start(start: &InterestStart) -> String {
    let InterestStart { after, only_if_fixed, steps, term } = start;
    let mut told = format!("after {}", plain(after.as_str()));
    if !steps.is_empty() {
        let named: Vec<String> = steps.iter().map(step).collect();
        told = format!("{told} ({})", named.join(" or "));
    }
    if *only_if_fixed {
        told.push_str(" that the contract fixed");
    }
    if let Some(term) = term {
        told.push_str(&format!(" and {}", term_parts(term).join(" ")));
    }
    told
}

pub(super) fn interest_cap(limits: &InterestCap) -> Vec<Line> {
    // What a tenant tightens (at_most) stands in no pack.
    let InterestCap {
        bound: figure,
        natures,
        tiers,
        currency,
        pick,
        rate_on,
        day_count,
        simple,
        base_at_most,
        during,
        lasts,
        during_written,
        contract_before_condition,
        starts,
        total,
        at_most: _,
    } = limits;
    let mut lines = Vec::new();
    for (up_to, formulas) in tiers {
        let told: Vec<String> = formulas.iter().map(rate).collect();
        lines.push(match *up_to {
            i64::MAX => Line::parts("interest_cap.rate", "rate", Some(told)),
            up_to => Line::parts(
                &format!("interest_cap.tiers.{up_to}"),
                &format!("rate for a principal up to {}", amount_of(up_to, *currency)),
                Some(told),
            ),
        });
    }
    let total = total.map(|TotalCap { share, count }| {
        let counted: Vec<String> = count.iter().map(|one| plain(one.as_str())).collect();
        format!("{} together at most {} of the principal", counted.join(" and "), percent(share))
    });
    lines.extend([
        bound("interest_cap.bound", *figure),
        set("interest_cap.natures", "kinds of interest", *natures, "any interest"),
        word("interest_cap.pick", "of several rates holds the", *pick),
        word("interest_cap.rate_on", "a table's value is that of", *rate_on),
        word("interest_cap.day_count", "days make a year by", *day_count),
        Line::flag("interest_cap.simple", *simple, "no interest on interest"),
        Line::optional(
            "interest_cap.base_at_most",
            "runs on at most the",
            base_at_most.map(|base| plain(base.as_str())),
        ),
        set("interest_cap.while", "only while the person is", *during, "in any condition"),
        lasting("interest_cap.lasts", lasts),
        set("interest_cap.lasts_for", "conditions that this ends", lasts.of, "all of them"),
        Line::flag("interest_cap.while_written", *during_written, "only a condition stated in writing"),
        Line::flag(
            "interest_cap.contract_before_condition",
            *contract_before_condition,
            "only debts contracted before the condition began",
        ),
        Line::list("interest_cap.starts", "begins", starts.iter().map(start).collect(), "at any time"),
        Line::optional("interest_cap.total", "", total),
    ]);
    lines
}

pub(super) fn payment_application(limits: &PaymentApplication) -> Vec<Line> {
    let PaymentApplication { order, claims, debtor_choice, never_disputed, payee } = limits;
    let order = order.iter().map(|component| plain(component.as_str())).collect();
    vec![
        Line::list("payment_application.order", "payments are put to", order, "any component"),
        Line::optional("payment_application.claims", "first claim", claims.map(|one| plain(one.as_str()))),
        Line::flag("payment_application.debtor_choice", *debtor_choice, "a direction of the debtor is followed"),
        Line::flag("payment_application.never_disputed", *never_disputed, "nothing goes to a disputed debt"),
        Line::optional("payment_application.payee", "paid to nobody but the", payee.map(|one| plain(one.as_str()))),
    ]
}
