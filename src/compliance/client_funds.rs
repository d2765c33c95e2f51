//! Money collected for others: kept apart, and handed over in time. What is not handed over is an omission.

use super::judgement::{Note, Speaking};
use super::situation::Situation;
use crate::domain::detail::{Detail, Payment};
use crate::domain::verdict::{Answer, Unit};
use crate::rules::model::{ClientFunds, Rule};

/// The payment went through the collector's hands: it is not recorded that the creditor received it.
pub(crate) fn collected<'s>(situation: &Situation<'s>) -> Option<&'s Payment> {
    let Detail::Payment(payment) = &situation.activity.detail else { return None };
    let creditor = situation.version.identity.creditor.as_str();
    let elsewhere = payment.received_by.as_deref().is_some_and(|by| by == "creditor" || by == creditor);
    (!elsewhere && payment.amount.minor > 0).then_some(payment)
}

pub(crate) fn judge(rule: &Rule, limits: &ClientFunds, situation: &Situation<'_>) -> Option<Speaking> {
    collected(situation)?;
    if limits.segregated {
        let apart = situation.rules.facts().has_client_account(rule.jurisdiction.as_str(), situation.date());
        if apart {
            return Some(Speaking::new(Answer::Kept));
        }
        let mut judgement = Speaking::new(Answer::Broken).seen(0, 1, Unit::Flag);
        judgement.note = Note::Word("no client account is declared");
        judgement.evidence.push(situation.activity.id.clone());
        return Some(judgement);
    }
    limits.within.is_none().then(Speaking::no_figure)
}
