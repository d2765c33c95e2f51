//! Answers to contact checks written straight onto the wire. A check takes little longer than making the generated
//! messages of its answer and dropping them would; a test holds both forms to the same bytes.

#[cfg(test)]
mod tests;

use std::ops::Range;

use prost::encoding::encode_varint;

use super::compliance::Words;
use super::direct::Encoded;
use super::out::Out;
use crate::advice::{Checked, Note, RuleNumber, RuleSet, Speaking, Told};
use crate::domain::verdict::{Answer, Verdict};
use crate::proto::v1;
use crate::transport::decode::check::View;
use crate::wire::words::{Word, number};

/// Bytes that most answers to one check fit into.
const ROOM: usize = 4_096;

/// The answer to CheckContact, with the permit where one was asked for and granted.
#[must_use]
pub fn one(checked: &Checked, told: &Told<'_>, view: View, permit: Option<&v1::Permit>) -> Encoded {
    let mut out = Out(Vec::with_capacity(ROOM));
    out.answer(0, checked, told, (view, None));
    out.text(7, checked.rules_digest());
    out.int(8, crate::wire::encode::scalar::revision(checked.revision));
    if let Some(permit) = permit {
        out.generated(9, permit);
    }
    Encoded(out.0)
}

/// The results of a message of checks. Each is written as soon as it is known, and all of them in the order of their checks
/// at the end.
pub struct Many {
    out: Out,
    view: View,
    /// Number of the field before the results.
    after: u32,
    /// Where the first result begins.
    begin: usize,
    said: Said,
}

/// What each rule said when it was last written, by its number, and where that stands: of a message about cases of one
/// portfolio most rules say the same of every one, and it is copied.
#[derive(Default)]
struct Said(Vec<Option<(Speaking, Place)>>);

impl Said {
    /// Where the same was written before.
    fn same(&self, speaking: &Speaking) -> Option<Place> {
        let (said, place) = self.0.get(speaking.rule.place())?.as_ref()?;
        (said == speaking).then(|| place.clone())
    }

    /// Remembers what rests on no fact of its own case.
    fn keep(&mut self, speaking: &Speaking, place: Place) {
        let own = speaking.allowed_from.is_some() || speaking.conditional.is_some() || !speaking.evidence.is_empty();
        if own || matches!(speaking.note, Note::Text(_)) {
            return;
        }
        let number = speaking.rule.place();
        if self.0.len() <= number {
            self.0.resize_with(number + 1, || None);
        }
        if let Some(slot) = self.0.get_mut(number) {
            *slot = Some((speaking.clone(), place));
        }
    }
}

/// Where a result was written.
pub type Place = Range<usize>;

impl Many {
    /// No results yet. `sequence`: number of the message, on a stream.
    #[must_use]
    pub fn new(sequence: Option<i64>, view: View, checks: usize) -> Self {
        let each = match view {
            View::Verdict => ROOM / 16,
            View::Basic => ROOM,
            View::Full => ROOM * 4,
        };
        let mut out = Out(Vec::with_capacity(checks.saturating_mul(each)));
        out.int(1, sequence.unwrap_or_default());
        let begin = out.0.len();
        Self { out, view, after: u32::from(sequence.is_some()), begin, said: Said::default() }
    }

    /// Writes an answer. All of them stand on the same rules.
    pub fn answered(&mut self, checked: &Checked, told: &Told<'_>) -> Place {
        let view = self.view;
        self.result(|out, said| out.answer(1, checked, told, (view, Some(said))))
    }

    /// Writes an answer to a check that asked for a permit, with the permit where it was granted. It may stand on other rules
    /// than the rest, put in force meanwhile.
    pub fn reserved(&mut self, checked: &Checked, told: &Told<'_>, permit: Option<&v1::Permit>) -> Place {
        let view = self.view;
        self.result(|out, _| {
            out.answer(1, checked, told, (view, None));
            if let Some(permit) = permit {
                out.generated(8, permit);
            }
        })
    }

    /// Writes a refusal.
    pub fn refused(&mut self, refusal: &v1::Refusal) -> Place {
        self.result(|out, _| out.generated(1, refusal))
    }

    fn result(&mut self, write: impl FnOnce(&mut Out, &mut Said)) -> Place {
        let before = self.out.0.len();
        // Below 128 bytes a length takes one byte, below 16 kibibytes two.
        let likely = match self.view {
            View::Verdict => 1,
            View::Basic => 2,
            View::Full => 3,
        };
        let said = &mut self.said;
        let moved = self.out.sized(self.after + 1, likely, |out| write(out, said));
        if moved {
            said.0.clear();
        }
        before..self.out.0.len()
    }

    /// The message: these results, in this order.
    #[must_use]
    pub fn finish(self, checked: &Checked, results: &[Place]) -> Encoded {
        let Self { mut out, after, begin, .. } = self;
        let mut end = begin;
        let follows = |place: &Place| std::mem::replace(&mut end, place.end) == place.start;
        if !(results.iter().all(follows) && end == out.0.len()) {
            let places = std::iter::once(0..begin).chain(results.iter().cloned());
            out.0 = places.filter_map(|place| out.0.get(place)).collect::<Vec<_>>().concat();
        }
        out.text(after + 2, checked.rules_digest());
        out.int(after + 3, crate::wire::encode::scalar::revision(checked.revision));
        Encoded(out.0)
    }
}

impl Out {
    /// What both forms of an answer share; `before` fields stand before it.
    fn answer(&mut self, before: u32, checked: &Checked, told: &Told<'_>, (view, mut said): (View, Option<&mut Said>)) {
        self.text(before + 1, checked.check_id(told.number).as_str());
        self.time(before + 2, told.at);
        self.int(before + 3, told.answered.verdict.number().into());
        let rules = before + 4;
        for speaking in &told.answered.speaking {
            match view {
                View::Verdict if speaking.answer == Answer::Kept => {}
                View::Verdict => self.message(rules, |out| {
                    out.text(1, Words::of(checked.rules(), speaking).rule);
                    out.int(3, speaking.answer.number().into());
                    out.int(4, speaking.verdict.number().into());
                }),
                View::Basic if says_nothing_more(speaking) => {
                    self.key(rules, 2);
                    self.0.extend_from_slice(checked.rules().form(speaking.rule, kept));
                }
                View::Basic | View::Full => match said.as_deref().and_then(|said| said.same(speaking)) {
                    Some(place) if place.end <= self.0.len() => self.0.extend_from_within(place),
                    _ => {
                        let begin = self.0.len();
                        self.message(rules, |out| out.speaking(checked, speaking, view));
                        if let Some(said) = &mut said {
                            said.keep(speaking, begin..self.0.len());
                        }
                    }
                },
            }
        }
        if let Some(next) = told.answered.next_allowed {
            self.time(before + 5, next);
        }
        for missing in &told.answered.missing {
            self.bytes(before + 6, missing.as_bytes());
        }
    }

    fn speaking(&mut self, checked: &Checked, speaking: &Speaking, view: View) {
        self.0.extend_from_slice(named(checked.rules().form(speaking.rule, kept)));
        self.int(3, speaking.answer.number().into());
        self.int(4, speaking.verdict.number().into());
        self.message(5, |out| {
            out.optional(1, speaking.observed);
            out.optional(2, speaking.limit);
            out.int(3, number(speaking.unit).into());
            if !speaking.note.is_none() {
                let (before, after) = speaking.note.words();
                out.key(4, 2);
                out.varint((before.len() + after.len()) as u64);
                out.0.extend_from_slice(before.as_bytes());
                out.0.extend_from_slice(after.as_bytes());
            }
        });
        self.optional(6, speaking.remaining);
        if let Some(from) = speaking.allowed_from {
            self.time(7, from);
        }
        self.int(8, speaking.overridable.into());
        self.int(9, speaking.known_at_time.into());
        for evidence in speaking.evidence.iter() {
            self.bytes(10, evidence.as_str().as_bytes());
        }
        if let Some(conditional) = speaking.conditional.as_deref() {
            self.message(11, |out| {
                out.text(1, conditional.condition);
                out.int(2, conditional.limit);
                out.int(3, conditional.remaining);
            });
        }
        if view == View::Full {
            let words = Words::of(checked.rules(), speaking);
            self.text(12, words.title);
            self.text(13, words.text);
            self.text(14, words.citation);
        }
        for duty in speaking.duties.iter().flat_map(|duties| duties.iter()) {
            self.bytes(15, duty.as_bytes());
        }
    }
}

/// What an answer tells of a rule that is kept and has nothing more to say, its length before it: id and jurisdiction, and
/// [`KEPT`].
fn kept(rules: &RuleSet, number: RuleNumber, bytes: &mut Vec<u8>) {
    let words = Words::of(rules, &Speaking::kept(number));
    let mut out = Out(Vec::new());
    out.text(1, words.rule);
    out.text(2, words.jurisdiction);
    out.0.extend_from_slice(&KEPT);
    encode_varint(out.0.len() as u64, bytes);
    bytes.extend_from_slice(&out.0);
}

/// The part of it by which an answer names the rule.
fn named(kept: &[u8]) -> &[u8] {
    let length = kept.iter().take_while(|byte| **byte >= 0x80).count() + 1;
    kept.get(length..kept.len().saturating_sub(KEPT.len())).unwrap_or_default()
}

/// What follows the name of a rule that is kept and has nothing more to say: answer, verdict, an empty observation, and
/// that all was known in time.
const KEPT: [u8; 8] = [3 << 3, v1::Answer::Kept as u8, 4 << 3, v1::Verdict::Allowed as u8, 5 << 3 | 2, 0, 9 << 3, 1];

/// The rule is kept, and has nothing more to say than that: most rules of most answers.
fn says_nothing_more(speaking: &Speaking) -> bool {
    let Speaking {
        answer,
        verdict,
        observed,
        limit,
        unit,
        note,
        remaining,
        conditional,
        allowed_from,
        overridable,
        known_at_time,
        evidence,
        duties,
        ..
    } = speaking;
    let seen = observed.is_some() || limit.is_some() || unit.is_some() || !note.is_none() || remaining.is_some();
    let more = conditional.is_some() || allowed_from.is_some() || !evidence.is_empty() || duties.is_some();
    *answer == Answer::Kept && *verdict == Verdict::Allowed && *known_at_time && !overridable && !seen && !more
}
