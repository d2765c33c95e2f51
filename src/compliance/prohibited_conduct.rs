//! Methods and statements that are banned at any time. What nobody stated did not happen, and is not tested either.

use super::held::Held;
use super::judgement::{Note, Speaking};
use super::situation::Situation;
use super::which;
use crate::domain::verdict::Answer;
use crate::rules::conduct::ProhibitedConduct;
use crate::rules::words::Attribute;

pub(crate) fn judge(limits: &ProhibitedConduct, situation: &Situation<'_>) -> Option<Speaking> {
    let doubt = which::meant(&limits.which, situation)?;
    let held = Held::of(situation);
    let template = situation.contact().and_then(|contact| contact.template.as_deref());
    let mut open = false;
    let wrong = if limits.always {
        Some(Note::Word("not at all"))
    } else if let Some(banned) = limits.templates.iter().find(|one| template == Some(&***one)) {
        Some(Note::Text(format!("template {banned}").into()))
    } else if let Some(held) = &held {
        let conduct = held.first(&limits.conduct).filter(|_| held.first(&limits.unless).is_none());
        open = !limits.needs.is_empty() && !held.anything_stated();
        match conduct {
            Some(word) => Some(Note::Text(word.into())),
            None if open => None,
            None => held.lacking(&limits.needs).map(|lacking| Note::Text(format!("lacks {lacking}").into())),
        }
    } else {
        None
    };
    Some(match (wrong, doubt) {
        (Some(_), Some(attribute)) => which::unsure(&limits.which, situation, attribute),
        (Some(note), None) => {
            let mut judgement = Speaking::new(Answer::Broken);
            judgement.note = note;
            judgement.evidence.push(situation.activity.id.clone());
            judgement
        }
        (None, _) if situation.asked && limits.duties.is_some() && (open || limits.needs.is_empty()) => {
            Speaking::duty(limits.duties.clone())
        }
        (None, _) if open => Speaking::missing(Attribute::ContentItems),
        (None, _) if held.is_some_and(|held| held.anything_stated()) => Speaking::new(Answer::Kept),
        (None, _) => Speaking::untested(),
    })
}
