//! Answers to contact checks written straight onto the wire. A check takes little longer than making the generated
//! messages of its answer and dropping them would; a test holds both forms to the same bytes.

use std::ops::Range;

use prost::Message;
use prost::bytes::BufMut as _;
use prost::encoding::encode_varint;
use tonic::codec::EncodeBuf;

use super::compliance::Words;
use super::out::Out;
use crate::advice::{Checked, Note, RuleNumber, RuleSet, Speaking, Told};
use crate::domain::verdict::{Answer, Verdict};
use crate::proto::v1;
use crate::transport::decode::check::View;
use crate::wire::words::{Word, number};

/// What is written to the wire without a generated message.
pub trait Direct {
    /// Writes the message.
    fn write(&self, out: &mut Out);

    /// Bytes that the message is likely to fit into.
    fn room(&self) -> usize {
        ROOM
    }

    /// The encoded message.
    fn encode(&self) -> Vec<u8> {
        let mut out = Out(Vec::with_capacity(self.room()));
        self.write(&mut out);
        out.0
    }

    /// The same, at the end.
    fn into_bytes(self) -> Vec<u8>
    where
        Self: Sized,
    {
        self.encode()
    }

    /// Puts it on its way.
    fn put(self, buffer: &mut EncodeBuf<'_>)
    where
        Self: Sized,
    {
        let bytes = self.into_bytes();
        // Growing by doubling would copy a large answer several times.
        buffer.reserve(bytes.len());
        buffer.put_slice(&bytes);
    }
}

/// Bytes that most answers to one check fit into.
const ROOM: usize = 4_096;

/// A message that is encoded already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded(Vec<u8>);

impl Encoded {
    /// Its length in bytes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.0.len()
    }

    /// The generated form.
    ///
    /// # Errors
    /// Never: what was written is read.
    pub fn message<M: Message + Default>(&self) -> Result<M, prost::DecodeError> {
        M::decode(self.0.as_slice())
    }
}

impl Direct for Encoded {
    fn write(&self, out: &mut Out) {
        out.0.extend_from_slice(&self.0);
    }

    fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

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

    /// Writes an answer, with the permit where one was asked for and granted.
    pub fn answered(&mut self, checked: &Checked, told: &Told<'_>, permit: Option<&v1::Permit>) -> Place {
        let view = self.view;
        self.result(|out, said| {
            out.answer(1, checked, told, (view, Some(said)));
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
        self.int(before + 3, told.verdict.number().into());
        let rules = before + 4;
        for speaking in told.speaking {
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
        if let Some(next) = told.next_allowed {
            self.time(before + 5, next);
        }
        for missing in told.missing {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice::{Attribute, CheckAnswer, ConditionalLimit};
    use crate::domain::ids::ActivityId;
    use crate::domain::time::Timestamp;
    use crate::domain::verdict::Unit;
    use crate::transport::encode::compliance::rules;
    use crate::wire::encode::scalar::time;

    fn speaking(answer: Answer) -> Speaking {
        Speaking { answer, verdict: Verdict::AdvisedAgainst, ..Speaking::kept(RuleNumber::new(0)) }
    }

    fn answers() -> Vec<CheckAnswer> {
        let full = Speaking {
            observed: Some(-3),
            limit: Some(0),
            unit: Some(Unit::MinorUnits),
            note: Note::Zone(chrono_tz::Europe::Rome),
            remaining: Some(1 << 40),
            conditional: Some(Box::new(ConditionalLimit {
                condition: "paid_on_first_letter",
                limit: 0,
                remaining: -1,
            })),
            allowed_from: Some(Timestamp(1_710_763_200_123_456)),
            overridable: true,
            known_at_time: false,
            evidence: ["a", "b"].map(ActivityId::trusted).to_vec().into(),
            duties: Some(vec![Box::from("creditor_name"), Box::from("deadline")].into()),
            ..speaking(Answer::Broken)
        };
        let missing = Speaking { note: Note::Missing(Attribute::Zone), ..speaking(Answer::Unknown) };
        let long = Speaking { note: Note::Text("so long ".repeat(40).into()), ..speaking(Answer::Broken) };
        let bare = CheckAnswer {
            number: 0,
            at: Timestamp(0),
            verdict: Verdict::Allowed,
            speaking: Vec::new(),
            next_allowed: None,
            missing: Vec::new(),
        };
        let rich = CheckAnswer {
            number: 0xbeef,
            at: Timestamp(1_710_763_200_000_001),
            verdict: Verdict::NotPermitted,
            speaking: vec![
                Speaking::kept(RuleNumber::new(3)),
                Speaking { observed: Some(2), remaining: Some(5), ..Speaking::kept(RuleNumber::new(5)) },
                Speaking { rule: RuleNumber::new(7), ..speaking(Answer::Kept) },
                full,
                missing,
                speaking(Answer::Duty),
                long,
            ],
            next_allowed: Some(Timestamp(1_710_800_000_000_000)),
            missing: vec!["zone".to_owned(), "pack".to_owned()],
        };
        vec![bare, rich]
    }

    /// The generated form of a result.
    fn generated(checked: &Checked, answer: &CheckAnswer, view: View) -> v1::ContactCheckResult {
        v1::ContactCheckResult {
            refusal: None,
            check_id: checked.check_id(answer.number).as_str().to_owned(),
            contact_time: Some(time(answer.at)),
            verdict: answer.verdict.number(),
            rules: rules(checked, answer, view),
            next_allow_time: answer.next_allowed.map(time),
            missing: answer.missing.clone(),
            permit: None,
        }
    }

    #[test]
    fn both_forms_of_an_answer_are_the_same_bytes() {
        for view in [View::Basic, View::Full, View::Verdict] {
            for answer in answers() {
                let checked = Checked::empty("0123456789abcdef", 9);
                let permit = (view == View::Full).then(|| v1::Permit { permit_id: "p".into(), ..Default::default() });
                let same = generated(&checked, &answer, view);
                let generated = v1::CheckContactResponse {
                    check_id: same.check_id,
                    contact_time: same.contact_time,
                    verdict: same.verdict,
                    rules: same.rules,
                    next_allow_time: same.next_allow_time,
                    missing: same.missing,
                    rules_digest: checked.rules_digest().to_owned(),
                    revision: 9,
                    permit: permit.clone(),
                };
                let encoded = one(&checked, &answer.told(), view, permit.as_ref());
                assert_eq!(encoded.into_bytes(), generated.encode_to_vec(), "{view:?}");
            }
        }
    }

    #[test]
    fn both_forms_of_many_answers_are_the_same_bytes_in_whatever_order_they_were_written() {
        let permit = v1::Permit { permit_id: "p".into(), ..Default::default() };
        let refusal = v1::Refusal { reason: "NOT_FOUND".to_owned(), ..Default::default() };
        let [bare, rich] = <[CheckAnswer; 2]>::try_from(answers()).unwrap();
        let small = CheckAnswer {
            speaking: vec![Speaking { observed: Some(2), remaining: Some(5), ..Speaking::kept(RuleNumber::new(5)) }],
            ..bare.clone()
        };
        let mut other = rich.clone();
        other.speaking[1].remaining = Some(6);
        // The same words again, of other cases too, after results whose length moves them and after ones that say otherwise.
        let all = [&bare, &small, &rich, &rich, &small, &other, &other, &rich, &small, &bare];
        for view in [View::Basic, View::Full, View::Verdict] {
            let checked = Checked::empty("0123456789abcdef", 1 << 33);
            let mut messages: Vec<_> = all.iter().map(|answer| generated(&checked, answer, view)).collect();
            messages[1].permit = Some(permit.clone());
            messages.push(v1::ContactCheckResult { refusal: Some(refusal.clone()), ..Default::default() });
            let stream = v1::StreamContactChecksResponse {
                sequence: -7,
                results: messages.clone(),
                rules_digest: checked.rules_digest().to_owned(),
                revision: 1 << 33,
            };
            let batch = v1::BatchCheckContactsResponse {
                results: messages,
                rules_digest: checked.rules_digest().to_owned(),
                revision: 1 << 33,
            };
            for first in 0..=all.len() {
                let whole = |sequence| {
                    let mut many = Many::new(sequence, view, 3);
                    let mut places = vec![0..0; all.len() + 1];
                    for at in (first..=all.len()).chain(0..first) {
                        places[at] = match all.get(at) {
                            Some(answer) => many.answered(&checked, &answer.told(), (at == 1).then_some(&permit)),
                            None => many.refused(&refusal),
                        };
                    }
                    many.finish(&checked, &places)
                };
                assert_eq!(whole(Some(-7)).into_bytes(), stream.encode_to_vec());
                assert_eq!(whole(None).into_bytes(), batch.encode_to_vec());
                assert_eq!(whole(None).message::<v1::BatchCheckContactsResponse>().unwrap(), batch);
            }
        }
    }
}
