//! Answers to contact checks written straight onto the wire. A check takes little longer than making the generated
//! messages of its answer and dropping them would; a test holds both forms to the same bytes.

use prost::Message;
use prost::encoding::{encode_varint, encoded_len_varint};

use super::compliance::{self, Words};
use crate::advice::{CheckAnswer, Checked, Speaking};
use crate::domain::time::{SECOND, Timestamp};
use crate::domain::verdict::Answer;
use crate::proto::v1;
use crate::transport::decode::check::View;
use crate::wire::words::{Word, number};

/// The answer to CheckContact.
pub struct One {
    /// What all of it stands on.
    pub checked: Checked,
    /// The answer.
    pub answer: CheckAnswer,
    /// How much it says.
    pub view: View,
    /// The permit, where one was asked for and granted.
    pub permit: Option<v1::Permit>,
}

/// The answers to a message of checks.
pub struct Many {
    /// Number of the message, on a stream.
    pub sequence: Option<i64>,
    /// What all of it stands on.
    pub checked: Checked,
    /// One result a check.
    pub results: Vec<Outcome>,
    /// How much each says.
    pub view: View,
    /// It is encoded already, because its length was asked for.
    pub encoded: Option<Vec<u8>>,
}

/// What became of one check of a message.
pub enum Outcome {
    /// It was answered.
    Answered(Box<CheckAnswer>),
    /// It was answered by itself, because a place was to be held.
    Reserved(Box<One>),
    /// It was refused.
    Refused(Box<v1::Refusal>),
}

impl Outcome {
    /// The generated form.
    #[must_use]
    pub fn message(self, checked: &Checked, view: View) -> v1::ContactCheckResult {
        match self {
            Self::Answered(answer) => compliance::check_result(checked, *answer, view),
            Self::Reserved(one) => {
                let One { checked, answer, view, permit } = *one;
                v1::ContactCheckResult { permit, ..compliance::check_result(&checked, answer, view) }
            }
            Self::Refused(refusal) => v1::ContactCheckResult { refusal: Some(*refusal), ..Default::default() },
        }
    }
}

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
}

/// Bytes that most answers to one check fit into.
const ROOM: usize = 4_096;

impl Direct for One {
    fn write(&self, out: &mut Out) {
        out.answer(0, &self.checked, &self.answer, self.view);
        out.text(7, self.checked.rules_digest());
        out.int(8, crate::wire::encode::scalar::revision(self.checked.revision));
        if let Some(permit) = &self.permit {
            out.generated(9, permit);
        }
    }
}

impl Direct for Many {
    fn room(&self) -> usize {
        let each = match self.view {
            View::Verdict => ROOM / 16,
            View::Basic => ROOM,
            View::Full => ROOM * 4,
        };
        self.results.len().saturating_mul(each)
    }

    fn write(&self, out: &mut Out) {
        let after = match self.sequence {
            Some(sequence) => {
                out.int(1, sequence);
                1
            }
            None => 0,
        };
        for outcome in &self.results {
            out.message(after + 1, |out| match outcome {
                Outcome::Answered(answer) => out.answer(1, &self.checked, answer, self.view),
                Outcome::Reserved(one) => {
                    out.answer(1, &one.checked, &one.answer, one.view);
                    if let Some(permit) = &one.permit {
                        out.generated(8, permit);
                    }
                }
                Outcome::Refused(refusal) => out.generated(1, &**refusal),
            });
        }
        out.text(after + 2, self.checked.rules_digest());
        out.int(after + 3, crate::wire::encode::scalar::revision(self.checked.revision));
    }

    fn into_bytes(self) -> Vec<u8> {
        let encoded = self.encoded.is_none().then(|| self.encode());
        self.encoded.or(encoded).unwrap_or_default()
    }
}

/// Writes fields. Those that hold their default are left out, as proto3 has it.
pub struct Out(pub(super) Vec<u8>);

impl Out {
    #[inline]
    fn varint(&mut self, value: u64) {
        // Nearly all keys, lengths and words take one byte.
        match u8::try_from(value) {
            Ok(byte) if byte < 0x80 => self.0.push(byte),
            _ => encode_varint(value, &mut self.0),
        }
    }

    fn key(&mut self, tag: u32, wire: u64) {
        self.varint(u64::from(tag) << 3 | wire);
    }

    pub(super) fn bytes(&mut self, tag: u32, bytes: &[u8]) {
        self.key(tag, 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn text(&mut self, tag: u32, text: &str) {
        if !text.is_empty() {
            self.bytes(tag, text.as_bytes());
        }
    }

    pub(super) fn int(&mut self, tag: u32, value: i64) {
        if value != 0 {
            self.optional(tag, Some(value));
        }
    }

    fn optional(&mut self, tag: u32, value: Option<i64>) {
        if let Some(value) = value {
            self.key(tag, 0);
            self.varint(value.cast_unsigned());
        }
    }

    /// A message within this one, of few bytes.
    pub(super) fn message(&mut self, tag: u32, write: impl FnOnce(&mut Self)) {
        self.sized(tag, 0, write);
    }

    /// A message within this one, of about so many bytes. Its length stands before it and is known after it: as many bytes are
    /// kept free as that would take, and what was written moves where it takes more or fewer.
    pub(super) fn sized(&mut self, tag: u32, about: usize, write: impl FnOnce(&mut Self)) {
        self.key(tag, 2);
        let free = encoded_len_varint(about as u64);
        let at = self.0.len();
        self.0.resize(at + free, 0);
        write(self);
        let end = self.0.len();
        let length = (end - at - free) as u64;
        let taken = encoded_len_varint(length);
        if taken > free {
            self.0.resize(end + taken - free, 0);
        }
        if taken != free {
            self.0.copy_within(at + free..end, at + taken);
            self.0.truncate(end + taken - free);
        }
        if let Some(mut place) = self.0.get_mut(at..at + taken) {
            encode_varint(length, &mut place);
        }
    }

    pub(super) fn generated(&mut self, tag: u32, message: &impl Message) {
        self.key(tag, 2);
        self.varint(message.encoded_len() as u64);
        message.encode_raw(&mut self.0);
    }

    pub(super) fn time(&mut self, tag: u32, at: Timestamp) {
        self.message(tag, |out| {
            out.int(1, at.0.div_euclid(SECOND));
            out.int(2, at.0.rem_euclid(SECOND) * 1000);
        });
    }

    /// What both forms of an answer share; `before` fields stand before it.
    fn answer(&mut self, before: u32, checked: &Checked, answer: &CheckAnswer, view: View) {
        self.text(before + 1, checked.check_id(answer).as_str());
        self.time(before + 2, answer.at);
        self.int(before + 3, answer.verdict.number().into());
        for speaking in &answer.speaking {
            if view == View::Verdict && speaking.answer == Answer::Kept {
                continue;
            }
            let words = Words::of(checked.rules(), speaking);
            self.message(before + 4, |out| {
                if view == View::Verdict {
                    out.text(1, words.rule);
                    out.int(3, speaking.answer.number().into());
                    out.int(4, speaking.verdict.number().into());
                } else {
                    out.speaking(speaking, &words, view);
                }
            });
        }
        if let Some(next) = answer.next_allowed {
            self.time(before + 5, next);
        }
        for missing in &answer.missing {
            self.bytes(before + 6, missing.as_bytes());
        }
    }

    fn speaking(&mut self, speaking: &Speaking, words: &Words<'_>, view: View) {
        self.text(1, words.rule);
        self.text(2, words.jurisdiction);
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
            self.text(12, words.title);
            self.text(13, words.text);
            self.text(14, words.citation);
        }
        for duty in speaking.duties.iter().flat_map(|duties| duties.iter()) {
            self.bytes(15, duty.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice::{Attribute, ConditionalLimit, Note, RuleNumber};
    use crate::domain::ids::ActivityId;
    use crate::domain::verdict::{Unit, Verdict};

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
            speaking: vec![speaking(Answer::Kept), full, missing, speaking(Answer::Duty), long],
            next_allowed: Some(Timestamp(1_710_800_000_000_000)),
            missing: vec!["zone".to_owned(), "pack".to_owned()],
        };
        vec![bare, rich]
    }

    fn bytes(direct: &impl Direct) -> Vec<u8> {
        direct.encode()
    }

    #[test]
    fn both_forms_of_an_answer_are_the_same_bytes() {
        for view in [View::Basic, View::Full, View::Verdict] {
            for answer in answers() {
                let checked = Checked::empty("0123456789abcdef", 9);
                let permit = (view == View::Full).then(|| v1::Permit { permit_id: "p".into(), ..Default::default() });
                let generated = compliance::check(&checked, answer.clone(), view);
                let generated = v1::CheckContactResponse { permit: permit.clone(), ..generated };
                assert_eq!(bytes(&One { checked, answer, view, permit }), generated.encode_to_vec(), "{view:?}");
            }
        }
    }

    #[test]
    fn both_forms_of_many_answers_are_the_same_bytes() {
        let results = || {
            let refusal = v1::Refusal { reason: "NOT_FOUND".to_owned(), ..Default::default() };
            let answered = answers().into_iter().map(|answer| Outcome::Answered(Box::new(answer)));
            answered.chain([Outcome::Refused(Box::new(refusal))]).collect::<Vec<_>>()
        };
        for view in [View::Basic, View::Verdict] {
            let checked = Checked::empty("0123456789abcdef", 1 << 33);
            let messages: Vec<_> = results().into_iter().map(|result| result.message(&checked, view)).collect();
            let stream = v1::StreamContactChecksResponse {
                sequence: -7,
                results: messages.clone(),
                rules_digest: String::new(),
                revision: 1 << 33,
            };
            let many = Many { sequence: Some(-7), checked: checked.clone(), results: results(), view, encoded: None };
            assert_eq!(bytes(&many), stream.encode_to_vec());
            let batch =
                v1::BatchCheckContactsResponse { results: messages, rules_digest: String::new(), revision: 1 << 33 };
            let many = Many { sequence: None, checked, results: results(), view, encoded: None };
            assert_eq!(bytes(&many), batch.encode_to_vec());
        }
    }
}
