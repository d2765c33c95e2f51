//! The answer to a check: every rule that speaks, the worst verdict, and the next time that is lawful under all of them.

use super::judgement::{Note, concerned, conclude, is_judged, judge, tell, unblocked};
use super::situation::Situation;
use super::speaking::Speaking;
use super::verdict::of_answer;
use super::{Answered, CaseWatch, Context};
use crate::domain::activity::Activity;
use crate::domain::detail::Detail;
use crate::domain::time::{MAX_TIMESTAMP, Timestamp};
use crate::domain::verdict::Verdict;
use crate::rules::candidates::Candidate;
use crate::rules::model::Limits;
use crate::rules::ruleset::Jurisdiction;
use crate::rules::words::Attribute;

/// Rules that usually speak at most: room that need not be found bit by bit.
const USUAL: usize = 24;
/// Most jumps of the search for the next lawful time.
const MAX_JUMPS: usize = 512;

/// Fills `answer`, reusing its memory.
pub(super) fn check_into(watch: &CaseWatch, ctx: &Context<'_>, candidate: &Activity, answer: &mut Answered) {
    answer.verdict = Verdict::Allowed;
    answer.speaking.drain(..).for_each(Speaking::discard);
    answer.next_allowed = None;
    answer.missing.clear();
    answer.speaking.reserve(USUAL);
    let mut bounded = !matches!(candidate.detail, Detail::Charge(_));
    let mut situation = Situation::new(ctx, watch, candidate, true);
    let complete = situation.each_rule(|jurisdiction, candidate, possible| {
        let Some(doubt) = concerned(&situation, candidate) else { return };
        if unblocked(&situation, candidate) {
            answer.speaking.push(Speaking { steady: true, ..Speaking::kept(candidate.number) });
            return;
        }
        let said = tell(&situation, jurisdiction, candidate, possible.or(doubt), &mut answer.speaking);
        let Some(speaking) = said else { return };
        bounded = bounded || matches!(candidate.active.rule.limits, Limits::FeeCap(_));
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
    // A charge that no rule bounds is not thereby lawful: the packs leave open what they did not find in the law.
    if !bounded {
        answer.verdict = answer.verdict.max(Verdict::Unknown);
        answer.missing.push(Attribute::ChargeRule.as_str().to_owned());
    }
    if complete && bounded && answer.verdict > Verdict::AllowedWithDuties {
        // What is not permitted is next allowed when it is lawful, whatever else is advised; what is only advised
        // against, when nothing is.
        let blocking = answer.verdict.min(Verdict::RepresentativeOnly);
        let next = next_allowed(&mut situation, &mut answer.speaking, blocking);
        answer.next_allowed = next.filter(|at| *at <= MAX_TIMESTAMP);
    }
}

/// First instant at which no rule answers `blocking` or worse. Each rule says from when on it alone would allow the
/// contact; jumping to the latest of these can pass no lawful time. `speaking` is what all rules say of the asked instant;
/// what they say of later ones is put behind it and taken away again.
fn next_allowed(situation: &mut Situation<'_>, speaking: &mut Vec<Speaking>, blocking: Verdict) -> Option<Timestamp> {
    let (asked, spoken) = (situation.at, speaking.len());
    let mut latest = Latest::default();
    for one in speaking.iter().filter(|one| one.verdict >= blocking) {
        latest.note(one.allowed_from, asked);
    }
    if latest.never {
        return None;
    }
    let open = open_later(situation, speaking, blocking);
    situation.searching = true;
    for _ in 0..MAX_JUMPS {
        if latest.never {
            break;
        }
        let Some(later) = latest.from else { return Some(situation.at) };
        situation.move_to(later);
        latest = Latest::default();
        let now = &*situation;
        let mut ask = |jurisdiction: &Jurisdiction, candidate: &Candidate, possible| {
            if latest.never || !may_forbid(candidate, blocking) {
                return;
            }
            let Some(said) = judge(now, jurisdiction, candidate, possible, speaking) else { return };
            if of_answer(said.answer, candidate.consequence(said.unconfirmed).verdict) >= blocking {
                latest.note(said.allowed_from, now.at);
            }
            speaking.truncate(spoken);
        };
        match &open {
            Some(open) => open.iter().for_each(|(jurisdiction, candidate, possible)| {
                ask(jurisdiction, candidate, *possible);
            }),
            None => {
                now.each_rule(ask);
            }
        }
    }
    None
}

/// A breach of the rule may answer `blocking` or worse.
fn may_forbid(candidate: &Candidate, blocking: Verdict) -> bool {
    [false, true].iter().any(|unconfirmed| candidate.consequence(*unconfirmed).verdict >= blocking)
}

/// A rule with its jurisdiction, and what is missing to tell whether its pack concerns the person and the case.
type Asked<'a> = (&'a Jurisdiction, &'a Candidate, Option<Attribute>);

/// The rules that may forbid an instant later than the one asked about, in their order. Left out
/// are those that concern other cases or activities, and those that say the same of every later instant. `None`: all must be asked, because
/// who lives where, or what a pack covers, may be otherwise then.
fn open_later<'a>(situation: &Situation<'a>, speaking: &[Speaking], blocking: Verdict) -> Option<Vec<Asked<'a>>> {
    let mut same = !situation.moved && situation.governing_law().is_none();
    situation.each_jurisdiction(&mut |jurisdiction, _| same &= !jurisdiction.candidates.have_scopes());
    if !same {
        return None;
    }
    let mut open = Vec::with_capacity(speaking.len());
    let mut spoken = speaking.iter().peekable();
    situation.each_rule(|jurisdiction, candidate, possible| {
        let said = spoken.next_if(|said| said.rule == candidate.number);
        let settled = match said {
            Some(said) => said.steady && said.verdict < blocking,
            None => situation.scoped_by_words(candidate).is_none() || !is_judged(situation, candidate),
        };
        if !settled && may_forbid(candidate, blocking) {
            open.push((jurisdiction, candidate, possible));
        }
    });
    Some(open)
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
