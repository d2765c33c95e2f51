//! Complaints and data-subject requests: answered in time, and by whoever belongs to a dispute scheme. What is not
//! answered is an omission.

use super::judgement::{Note, Speaking};
use super::situation::Situation;
use crate::domain::detail::{Detail, MatterStep};
use crate::domain::verdict::{Answer, Unit};
use crate::rules::model::{ComplaintHandling, Matter, Rule};

/// The step of a matter that an activity is, with the matter's reference.
pub(crate) fn step(detail: &Detail) -> Option<(Matter, MatterStep, Option<&str>)> {
    match detail {
        Detail::Complaint { step, reference } => Some((Matter::Complaint, *step, reference.as_deref())),
        Detail::DataRequest { step, reference } => Some((Matter::DataRequest, *step, reference.as_deref())),
        _ => None,
    }
}

pub(crate) fn judge(rule: &Rule, limits: &ComplaintHandling, situation: &Situation<'_>) -> Option<Speaking> {
    let (_, step, _) = step(&situation.activity.detail)?;
    if step != MatterStep::Opened {
        return None;
    }
    if limits.scheme {
        if situation.rules.facts().has_dispute_scheme(rule.jurisdiction.as_str(), situation.date()) {
            return Some(Speaking::new(Answer::Kept));
        }
        let mut judgement = Speaking::new(Answer::Broken).seen(0, 1, Unit::Flag);
        judgement.note = Note::Word("no dispute scheme is declared");
        judgement.evidence.push(situation.activity.id.clone());
        return Some(judgement);
    }
    let silent = limits.acknowledge.is_none() && limits.update_every.is_none() && limits.answer.is_none();
    silent.then(Speaking::no_figure)
}
