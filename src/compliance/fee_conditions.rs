//! What must be true for a fee to be owed at all.

use super::judgement::{Note, Speaking};
use super::notice_period::earlier_steps;
use super::situation::Situation;
use crate::domain::detail::Charge;
use crate::domain::verdict::{Answer, Unit};
use crate::domain::vocabulary::{ChargeStep, Form};
use crate::rules::model::FeeCap;
use crate::rules::step::Step;
use crate::rules::words::{Attribute, FeeCondition};

/// The breach of a condition that is not met; else the first attribute that is missing to tell whether all are.
pub(super) fn lacking(
    limits: &FeeCap,
    charge: &Charge,
    situation: &Situation<'_>,
) -> Result<Option<Attribute>, Box<Speaking>> {
    let mut missing = None;
    for condition in limits.requires.iter() {
        match met(condition, charge, situation) {
            Some(true) => {}
            Some(false) => {
                let mut judgement = Speaking::new(Answer::Broken).seen(charge.amount.minor, 0, Unit::MinorUnits);
                judgement.note = Note::Word(condition.as_str());
                judgement.evidence.push(situation.activity.id.clone());
                return Err(Box::new(judgement));
            }
            None => missing = missing.or(Some(attribute(condition))),
        }
    }
    Ok(missing)
}

/// The reminder fee that was agreed, where the law owes no other. What was agreed to be nothing was not agreed.
pub(super) fn agreed(limits: &FeeCap, situation: &Situation<'_>) -> Option<i64> {
    let agreed = situation.version.terms.agreed_reminder_fee.filter(|fee| *fee > 0);
    agreed.filter(|_| limits.requires.has(FeeCondition::AgreedReminderFee))
}

/// A condition of the fee is met; `None` if it is not recorded.
fn met(condition: FeeCondition, charge: &Charge, situation: &Situation<'_>) -> Option<bool> {
    let terms = &situation.version.terms;
    match condition {
        FeeCondition::AgreedReminderFee => Some(terms.agreed_reminder_fee.is_some_and(|fee| fee > 0)),
        FeeCondition::CostClause => terms.cost_clause,
        FeeCondition::Title => {
            Some(situation.watch.titled_on(situation.version).is_some_and(|on| on <= situation.date()))
        }
        FeeCondition::Authorised => Some(charge.authorised_by.is_some()),
        FeeCondition::WrittenNotice => {
            let written = |form: Form| form != Form::Oral;
            if let Some(form) = charge.form {
                return Some(written(form));
            }
            let wanted = match charge.step {
                ChargeStep::Reminder => vec![Step::Reminder],
                _ => vec![Step::Demand],
            };
            let notices: Vec<_> = earlier_steps(situation, &wanted).collect();
            if let Some(id) = &charge.notice {
                return notices.iter().find(|one| one.id.as_ref() == Some(id)).map(|one| one.form.map(written))?;
            }
            if notices.iter().any(|one| one.form.is_some_and(written)) {
                return Some(true);
            }
            if notices.iter().any(|one| one.form.is_none()) { None } else { Some(false) }
        }
        FeeCondition::WrittenPlan => Some(situation.watch.written_plan()),
    }
}

const fn attribute(condition: FeeCondition) -> Attribute {
    match condition {
        FeeCondition::AgreedReminderFee => Attribute::AgreedReminderFee,
        FeeCondition::CostClause => Attribute::CostClause,
        _ => Attribute::NoticeForm,
    }
}
