//! The answer to a check: every rule that speaks, the worst verdict, and the next time that is lawful under all of them.

use super::judgement::{Note, conclude, judge};
use super::situation::Situation;
use super::speaking::Speaking;
use super::verdict::of_answer;
use super::{Answered, CaseWatch, Context};
use crate::domain::activity::Activity;
use crate::domain::time::Timestamp;
use crate::domain::verdict::Verdict;

/// Rules that usually speak at most: room that need not be found bit by bit.
const USUAL: usize = 24;
/// Most jumps of the search for the next lawful time.
const MAX_JUMPS: usize = 512;

/// Fills `answer`, reusing its memory.
pub(super) fn check_into(watch: &CaseWatch, ctx: &Context<'_>, candidate: &Activity, answer: &mut Answered) {
    answer.verdict = Verdict::Allowed;
    answer.speaking.clear();
    answer.next_allowed = None;
    answer.missing.clear();
    answer.speaking.reserve(USUAL);
    let mut situation = Situation::new(ctx, watch, candidate, true);
    let complete = situation.each_rule(|jurisdiction, candidate, possible| {
        let said = judge(&situation, jurisdiction, candidate, possible, &mut answer.speaking);
        let Some(speaking) = said else { return };
        if let Note::Missing(attribute) = speaking.note {
            let name = attribute.as_str();
            if !answer.missing.iter().any(|one| one == name) {
                answer.missing.push(name.to_owned());
            }
        }
        conclude(candidate.number, candidate.consequence(speaking.unconfirmed), speaking);
        answer.verdict = answer.verdict.max(speaking.verdict);
    });
    if !complete {
        answer.verdict = answer.verdict.max(Verdict::Unknown);
        answer.missing.push("pack".to_owned());
    }
    if complete && answer.verdict > Verdict::AllowedWithDuties {
        // What is not permitted is next allowed when it is lawful, whatever else is advised; what is only advised
        // against, when nothing is.
        let blocking = answer.verdict.min(Verdict::RepresentativeOnly);
        answer.next_allowed = next_allowed(&mut situation, &answer.speaking, blocking);
    }
}

/// First instant at which no rule answers `blocking` or worse. Each rule says from when on it alone would allow the
/// contact; jumping to the latest of these can pass no lawful time. `speaking` is what all rules say of the asked instant.
fn next_allowed(situation: &mut Situation<'_>, speaking: &[Speaking], blocking: Verdict) -> Option<Timestamp> {
    let asked = situation.at;
    let mut latest = Latest::default();
    for one in speaking.iter().filter(|one| one.verdict >= blocking) {
        latest.note(one.allowed_from, asked);
    }
    let mut found = None;
    let mut said = Vec::new();
    for _ in 0..MAX_JUMPS {
        if latest.never {
            break;
        }
        let Some(later) = latest.from else {
            found = Some(situation.at);
            break;
        };
        situation.move_to(later);
        latest = Latest::default();
        let now = &*situation;
        now.each_rule(|jurisdiction, candidate, possible| {
            let worst = [false, true].map(|unconfirmed| candidate.consequence(unconfirmed).verdict);
            if latest.never || worst.iter().all(|verdict| *verdict < blocking) {
                return;
            }
            said.clear();
            let Some(said) = judge(now, jurisdiction, candidate, possible, &mut said) else { return };
            if of_answer(said.answer, candidate.consequence(said.unconfirmed).verdict) >= blocking {
                latest.note(said.allowed_from, now.at);
            }
        });
    }
    situation.move_to(asked);
    found
}

/// From when on the rules that speak against an instant would allow it.
#[derive(Default)]
struct Latest {
    from: Option<Timestamp>,
    /// One of them cannot tell, or never would.
    never: bool,
}

impl Latest {
    fn note(&mut self, allowed_from: Option<Timestamp>, at: Timestamp) {
        match allowed_from {
            Some(from) if from > at => self.from = self.from.max(Some(from)),
            _ => self.never = true,
        }
    }
}
