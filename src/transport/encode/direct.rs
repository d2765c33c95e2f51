//! Answers to contact checks written straight onto the wire. A check takes little longer than making the generated
//! messages of its answer and dropping them would; a test holds both forms to the same bytes.

use prost::bytes::BufMut as _;
use tonic::codec::EncodeBuf;

use super::compliance::{self, Words};
use super::out::Out;
use crate::advice::{CheckAnswer, Checked, RuleNumber, RuleSet, Speaking};
use crate::domain::verdict::{Answer, Verdict};
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
        // Below 16 kibibytes a length takes two bytes, below 128 bytes one.
        let likely = if self.view == View::Verdict { 1 } else { 2 };
        for outcome in &self.results {
            out.sized(after + 1, likely, |out| match outcome {
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

impl Out {
    /// What both forms of an answer share; `before` fields stand before it.
    fn answer(&mut self, before: u32, checked: &Checked, answer: &CheckAnswer, view: View) {
        self.text(before + 1, checked.check_id(answer).as_str());
        self.time(before + 2, answer.at);
        self.int(before + 3, answer.verdict.number().into());
        for speaking in &answer.speaking {
            match view {
                View::Verdict if speaking.answer == Answer::Kept => {}
                View::Verdict => self.message(before + 4, |out| {
                    out.text(1, Words::of(checked.rules(), speaking).rule);
                    out.int(3, speaking.answer.number().into());
                    out.int(4, speaking.verdict.number().into());
                }),
                View::Basic if says_nothing_more(speaking) => {
                    let named = checked.rules().form(speaking.rule, named);
                    self.key(before + 4, 2);
                    self.varint((named.len() + KEPT.len()) as u64);
                    self.0.extend_from_slice(named);
                    self.0.extend_from_slice(&KEPT);
                }
                View::Basic | View::Full => self.message(before + 4, |out| out.speaking(checked, speaking, view)),
            }
        }
        if let Some(next) = answer.next_allowed {
            self.time(before + 5, next);
        }
        for missing in &answer.missing {
            self.bytes(before + 6, missing.as_bytes());
        }
    }

    fn speaking(&mut self, checked: &Checked, speaking: &Speaking, view: View) {
        self.0.extend_from_slice(checked.rules().form(speaking.rule, named));
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

/// The fields by which an answer names a rule: its id and its jurisdiction.
fn named(rules: &RuleSet, number: RuleNumber, bytes: &mut Vec<u8>) {
    let words = Words::of(rules, &Speaking::kept(number));
    let mut out = Out(std::mem::take(bytes));
    out.text(1, words.rule);
    out.text(2, words.jurisdiction);
    *bytes = out.0;
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
    use prost::Message as _;

    use super::*;
    use crate::advice::{Attribute, ConditionalLimit, Note};
    use crate::domain::ids::ActivityId;
    use crate::domain::time::Timestamp;
    use crate::domain::verdict::Unit;

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
                rules_digest: checked.rules_digest().to_owned(),
                revision: 1 << 33,
            };
            let many = Many { sequence: Some(-7), checked: checked.clone(), results: results(), view, encoded: None };
            assert_eq!(bytes(&many), stream.encode_to_vec());
            let batch = v1::BatchCheckContactsResponse {
                results: messages,
                rules_digest: checked.rules_digest().to_owned(),
                revision: 1 << 33,
            };
            let many = Many { sequence: None, checked, results: results(), view, encoded: None };
            assert_eq!(bytes(&many), batch.encode_to_vec());
        }
    }
}
