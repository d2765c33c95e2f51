//! Contacts that reach somebody are recorded, or recording is told or agreed.

use super::held::Held;
use super::judgement::{Note, Speaking};
use super::persons::Marks;
use super::situation::Situation;
use super::{channel_consent, which};
use crate::domain::verdict::Answer;
use crate::domain::vocabulary::ConsentScope;
use crate::rules::conduct::{CallRecording, RECORDING_CONSENTED, RecordingDuty};
use crate::rules::words::{Attribute, Counted};

pub(crate) fn judge(limits: &CallRecording, situation: &Situation<'_>) -> Option<Speaking> {
    let contact = situation.contact()?;
    let doubt = which::meant(&limits.which, situation)?;
    // What reached nobody has nothing to record.
    if !situation.marks().is_some_and(|marks: Marks| marks.counts(Counted::Contacts)) {
        return None;
    }
    let (mut wrong, mut open) = (None, None);
    for duty in limits.require.iter() {
        // Yes, no, or not stated. Notice and consent are owed only where it is recorded.
        let (kept, attribute, word) = match duty {
            RecordingDuty::Recording => (contact.recorded, Attribute::Recorded, "not recorded"),
            RecordingDuty::Notice => {
                let told = if contact.recorded == Some(false) { Some(true) } else { contact.recording_notice };
                (
                    told.filter(|told| *told || contact.recorded == Some(true)),
                    Attribute::RecordingNotice,
                    "recorded without notice",
                )
            }
            RecordingDuty::Consent => {
                let agreed = contact.recorded == Some(false)
                    || Held::of(situation).is_some_and(|held| held.has(RECORDING_CONSENTED))
                    || channel_consent::agreed(situation, ConsentScope::Recording, false).is_some();
                // A consent that nobody recorded was not given; whether it was needed is known once recording is.
                let known = agreed || contact.recorded == Some(true);
                (known.then_some(agreed), Attribute::Recorded, "recorded without consent")
            }
        };
        match kept {
            Some(true) => {}
            Some(false) => wrong = wrong.or(Some(word)),
            None => open = open.or(Some(attribute)),
        }
    }
    Some(match (wrong, open, doubt) {
        (Some(_), _, Some(attribute)) => which::unsure(&limits.which, situation, attribute),
        (Some(word), _, None) => {
            let mut judgement = Speaking::new(Answer::Broken);
            judgement.note = Note::Word(word);
            judgement.evidence.push(situation.activity.id.clone());
            judgement
        }
        (None, Some(_), _) if situation.asked => Speaking::duty(Some(limits.duties.clone())),
        (None, Some(attribute), _) => Speaking::missing(attribute),
        (None, None, _) => Speaking::new(Answer::Kept),
    })
}
