//! Answers to contact checks written straight onto the wire. A check takes little longer than making the generated
//! messages of its answer and dropping them would; a test holds both forms to the same bytes.

use prost::Message;
use prost::bytes::BufMut;
use prost::encoding::{encode_varint, encoded_len_varint};

use super::compliance;
use crate::advice::{CheckAnswer, Checked};
use crate::domain::time::{SECOND, Timestamp};
use crate::domain::verdict::{Answer, Speaking};
use crate::proto::v1;
use crate::transport::decode::check::View;
use crate::transport::words::{Word, number};

/// The answer to CheckContact.
pub struct One {
    /// What all of it stands on.
    pub checked: Checked,
    /// The answer.
    pub answer: CheckAnswer,
    /// How much it says.
    pub view: View,
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
}

/// What became of one check of a message.
pub enum Outcome {
    /// It was answered.
    Answered(Box<CheckAnswer>),
    /// It was refused.
    Refused(Box<v1::Refusal>),
}

impl Outcome {
    /// The generated form.
    #[must_use]
    pub fn message(self, checked: &Checked, view: View) -> v1::ContactCheckResult {
        match self {
            Self::Answered(answer) => compliance::check_result(checked, *answer, view),
            Self::Refused(refusal) => v1::ContactCheckResult { refusal: Some(*refusal), ..Default::default() },
        }
    }
}

/// What is written to the wire without a generated message.
pub trait Direct {
    /// Writes the message.
    fn write<B: BufMut>(&self, out: &mut Out<'_, B>);

    /// Its length in bytes.
    fn encoded_len(&self) -> usize {
        let mut out = Out::<Vec<u8>> { buffer: None, bytes: 0 };
        self.write(&mut out);
        out.bytes
    }

    /// Encodes it.
    fn encode(&self, buffer: &mut impl BufMut) {
        self.write(&mut Out { buffer: Some(buffer), bytes: 0 });
    }
}

impl Direct for One {
    fn write<B: BufMut>(&self, out: &mut Out<'_, B>) {
        out.answer(0, &self.checked, &self.answer, self.view);
        out.text(7, self.checked.rules_digest());
        out.int(8, super::scalar::revision(self.checked.revision));
    }
}

impl Direct for Many {
    fn write<B: BufMut>(&self, out: &mut Out<'_, B>) {
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
                Outcome::Refused(refusal) => out.generated(1, &**refusal),
            });
        }
        out.text(after + 2, self.checked.rules_digest());
        out.int(after + 3, super::scalar::revision(self.checked.revision));
    }
}

/// Writes fields, or only counts their bytes. Fields that hold their default are left out, as proto3 has it.
pub struct Out<'b, B> {
    buffer: Option<&'b mut B>,
    bytes: usize,
}

impl<B: BufMut> Out<'_, B> {
    fn varint(&mut self, value: u64) {
        match &mut self.buffer {
            Some(buffer) => encode_varint(value, *buffer),
            None => self.bytes += encoded_len_varint(value),
        }
    }

    fn key(&mut self, tag: u32, wire: u64) {
        self.varint(u64::from(tag) << 3 | wire);
    }

    fn bytes(&mut self, tag: u32, bytes: &[u8]) {
        self.key(tag, 2);
        self.varint(bytes.len() as u64);
        match &mut self.buffer {
            Some(buffer) => buffer.put_slice(bytes),
            None => self.bytes += bytes.len(),
        }
    }

    fn text(&mut self, tag: u32, text: &str) {
        if !text.is_empty() {
            self.bytes(tag, text.as_bytes());
        }
    }

    fn int(&mut self, tag: u32, value: i64) {
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

    fn message(&mut self, tag: u32, write: impl Fn(&mut Out<'_, B>)) {
        let mut counted = Out::<B> { buffer: None, bytes: 0 };
        write(&mut counted);
        self.key(tag, 2);
        self.varint(counted.bytes as u64);
        match &mut self.buffer {
            Some(buffer) => write(&mut Out { buffer: Some(&mut **buffer), bytes: 0 }),
            None => self.bytes += counted.bytes,
        }
    }

    fn generated(&mut self, tag: u32, message: &impl Message) {
        let length = message.encoded_len();
        self.key(tag, 2);
        self.varint(length as u64);
        match &mut self.buffer {
            Some(buffer) => message.encode_raw(*buffer),
            None => self.bytes += length,
        }
    }

    fn time(&mut self, tag: u32, at: Timestamp) {
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
            match view {
                View::Basic => self.message(before + 4, |out| out.speaking(speaking)),
                View::Full => self.generated(before + 4, &compliance::full(checked, speaking)),
                View::Verdict if speaking.answer == Answer::Kept => {}
                View::Verdict => self.message(before + 4, |out| {
                    out.text(1, speaking.rule.as_str());
                    out.int(3, speaking.answer.number().into());
                    out.int(4, speaking.verdict.number().into());
                }),
            }
        }
        if let Some(next) = answer.next_allowed {
            self.time(before + 5, next);
        }
        for missing in &answer.missing {
            self.bytes(before + 6, missing.as_bytes());
        }
    }

    fn speaking(&mut self, speaking: &Speaking) {
        self.text(1, speaking.rule.as_str());
        self.text(2, speaking.jurisdiction.as_str());
        self.int(3, speaking.answer.number().into());
        self.int(4, speaking.verdict.number().into());
        let seen = &speaking.observed;
        self.message(5, |out| {
            out.optional(1, seen.observed);
            out.optional(2, seen.limit);
            out.int(3, number(seen.unit).into());
            out.text(4, seen.note.as_deref().unwrap_or_default());
        });
        self.optional(6, speaking.remaining);
        if let Some(from) = speaking.allowed_from {
            self.time(7, from);
        }
        self.int(8, speaking.overridable.into());
        self.int(9, speaking.known_at_time.into());
        for evidence in &speaking.evidence {
            self.bytes(10, evidence.as_str().as_bytes());
        }
        if let Some(conditional) = speaking.conditional {
            self.message(11, |out| {
                out.text(1, conditional.condition);
                out.int(2, conditional.limit);
                out.int(3, conditional.remaining);
            });
        }
        for duty in speaking.duties.iter().flat_map(|duties| duties.iter()) {
            self.bytes(15, duty.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{ActivityId, JurisdictionId, RuleId};
    use crate::domain::verdict::{ConditionalLimit, Observation, Unit, Verdict};

    fn speaking(answer: Answer) -> Speaking {
        Speaking {
            rule: RuleId::trusted("us-hours"),
            jurisdiction: JurisdictionId::trusted("us"),
            answer,
            verdict: Verdict::AdvisedAgainst,
            observed: Observation::default(),
            remaining: None,
            conditional: None,
            allowed_from: None,
            overridable: false,
            known_at_time: true,
            evidence: Vec::new(),
            duties: None,
        }
    }

    fn answers() -> Vec<CheckAnswer> {
        let full = Speaking {
            observed: Observation {
                observed: Some(-3),
                limit: Some(0),
                unit: Some(Unit::MinorUnits),
                note: Some("Europe/Rome".to_owned()),
            },
            remaining: Some(1 << 40),
            conditional: Some(ConditionalLimit { condition: "paid_on_first_letter", limit: 0, remaining: -1 }),
            allowed_from: Some(Timestamp(1_710_763_200_123_456)),
            overridable: true,
            known_at_time: false,
            evidence: vec![ActivityId::trusted("a"), ActivityId::trusted("b")],
            duties: Some([Box::from("creditor_name"), Box::from("deadline")].into()),
            ..speaking(Answer::Broken)
        };
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
            speaking: vec![speaking(Answer::Kept), full, speaking(Answer::Duty)],
            next_allowed: Some(Timestamp(1_710_800_000_000_000)),
            missing: vec!["zone".to_owned(), "pack".to_owned()],
        };
        vec![bare, rich]
    }

    fn bytes(direct: &impl Direct) -> Vec<u8> {
        let mut bytes = Vec::new();
        direct.encode(&mut bytes);
        assert_eq!(bytes.len(), direct.encoded_len());
        bytes
    }

    #[test]
    fn both_forms_of_an_answer_are_the_same_bytes() {
        for view in [View::Basic, View::Full, View::Verdict] {
            for answer in answers() {
                let checked = Checked::empty("0123456789abcdef", 9);
                let generated = compliance::check(&checked, answer.clone(), view);
                assert_eq!(bytes(&One { checked, answer, view }), generated.encode_to_vec(), "{view:?}");
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
            let many = Many { sequence: Some(-7), checked: checked.clone(), results: results(), view };
            assert_eq!(bytes(&many), stream.encode_to_vec());
            let batch =
                v1::BatchCheckContactsResponse { results: messages, rules_digest: String::new(), revision: 1 << 33 };
            assert_eq!(bytes(&Many { sequence: None, checked, results: results(), view }), batch.encode_to_vec());
        }
    }
}
