//! Documents that must be held before a step, or produced on request.

use super::judgement::{Note, Speaking};
use super::memory::{Memory, What};
use super::situation::Situation;
use super::which::is_step;
use crate::domain::activity::Activity;
use crate::domain::detail::Detail;
use crate::domain::time::Timestamp;
use crate::domain::verdict::Answer;
use crate::rules::conduct::DocumentsHeld;
use crate::rules::words::Attribute;

pub(crate) fn judge(limits: &DocumentsHeld, situation: &Situation<'_>) -> Option<Speaking> {
    let memory = situation.watch.memory();
    let own = &situation.activity.id;
    let mut judgement = Speaking::new(Answer::Kept);
    if is_step(&limits.stops, situation) {
        let asked = memory.past.iter().filter(|past| past.at <= situation.at && past.id != *own);
        let asked = asked.filter(|past| limits.request.iter().any(|step| past.is(step)));
        if let Some(request) = asked.max_by_key(|past| past.at)
            && let Some(missing) = unproduced(limits, memory, request.at, situation.at, None)
        {
            judgement.answer = Answer::Broken;
            judgement.note = Note::Text(format!("not produced: {missing}").into());
            judgement.evidence.push(request.id.clone());
        }
    }
    if judgement.answer == Answer::Kept && is_step(&limits.before, situation) {
        let mut held = documents(memory, situation.at).peekable();
        if held.peek().is_none() {
            return Some(Speaking::missing(Attribute::Documents));
        }
        let holds = |entry: &str| documents(memory, situation.at).any(|(name, _, _)| named(entry, name));
        if let Some(missing) = limits.documents.iter().find(|entry| !holds(entry)) {
            judgement.answer = Answer::Broken;
            judgement.note = Note::Text(format!("not held: {missing}").into());
        }
    }
    if judgement.answer == Answer::Broken {
        judgement.evidence.push(own.clone());
    }
    Some(judgement)
}

fn named(entry: &str, name: &str) -> bool {
    entry.split('|').any(|one| one == name)
}

/// Documents held or produced until an instant: name, whether it was produced, when.
fn documents(memory: &Memory, at: Timestamp) -> impl Iterator<Item = (&str, bool, Timestamp)> {
    memory.past.iter().filter(move |past| past.at <= at).filter_map(|past| match &past.what {
        What::Document { name, produced, requested: false } => Some((&**name, *produced, past.at)),
        _ => None,
    })
}

/// The first document that was not produced from the request until an instant, `activity` included.
pub(crate) fn unproduced<'l>(
    limits: &'l DocumentsHeld,
    memory: &Memory,
    request: Timestamp,
    at: Timestamp,
    activity: Option<&Activity>,
) -> Option<&'l str> {
    let now = activity.and_then(|activity| match &activity.detail {
        Detail::Document { document, produced: true, .. } => Some(document.as_str()),
        _ => None,
    });
    limits.documents.iter().find(|entry| {
        let before = documents(memory, at).any(|(name, produced, on)| produced && on >= request && named(entry, name));
        !before && !now.is_some_and(|name| named(entry, name))
    })
}
