//! The time to pay that claims give, against the longest that the law allows.

use super::judgement::Speaking;
use super::situation::Situation;
use crate::domain::case::Claim;
use crate::domain::time::add_days;
use crate::domain::verdict::{Answer, Unit};
use crate::rules::calendar::Calendar;
use crate::rules::model::{PaymentTerm, Term};
use crate::rules::words::{Attribute, CountFrom};

pub(crate) fn judge(limits: &PaymentTerm, situation: &Situation<'_>, calendar: &Calendar) -> Option<Speaking> {
    let mut worst: Option<Speaking> = None;
    let rank = |one: &Speaking| u8::from(one.answer == Answer::Broken) * 2 + u8::from(one.answer == Answer::Unknown);
    for claim in &situation.version.claims {
        // The original due date is the one that was agreed; a later one is the creditor's patience.
        let Some(due) = claim.due_original.or(claim.due_current) else { continue };
        let one = claimed(limits, claim, due, situation, calendar);
        if worst.as_ref().is_none_or(|worst| rank(&one) > rank(worst)) {
            worst = Some(one);
        }
    }
    let mut worst = worst?;
    if worst.answer == Answer::Broken {
        worst.evidence.push(situation.activity.id.clone());
    }
    Some(worst)
}

fn claimed(
    limits: &PaymentTerm,
    claim: &Claim,
    due: chrono::NaiveDate,
    situation: &Situation<'_>,
    calendar: &Calendar,
) -> Speaking {
    let compare = |term: &Term| -> Result<(bool, i64, i64), Attribute> {
        let start = match term.from {
            CountFrom::Sent => claim.invoice_date,
            CountFrom::Received => claim.invoice_received,
            CountFrom::DeemedReceived => {
                claim.invoice_received.or(claim.invoice_date.map(|on| add_days(on, term.deemed_days.into())))
            }
        };
        let start = start.ok_or(Attribute::InvoiceDate)?;
        let last = calendar.last_day(term, start, situation.subdivision());
        let days = |date: chrono::NaiveDate| date.signed_duration_since(start).num_days();
        Ok((due > last, days(due), days(last)))
    };
    let judged = |term: &Term| match compare(term) {
        Ok((over, days, most)) => {
            Speaking::new(if over { Answer::Broken } else { Answer::Kept }).seen(days, most, Unit::Days)
        }
        Err(attribute) => Speaking::missing(attribute),
    };
    let plain = judged(&limits.longest);
    if plain.answer != Answer::Broken || !limits.unless_agreed {
        return plain;
    }
    match situation.version.terms.payment_term_agreed {
        Some(false) => plain,
        Some(true) => limits.longest_agreed.as_ref().map_or_else(|| Speaking { answer: Answer::Kept, ..plain }, judged),
        None => Speaking::missing(Attribute::PaymentTermAgreed),
    }
}
