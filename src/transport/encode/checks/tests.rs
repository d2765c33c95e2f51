//! Both forms of answers, held to each other.

use prost::Message as _;

use super::*;
use crate::advice::{Answered, Attribute, CheckAnswer, ConditionalLimit};
use crate::domain::ids::ActivityId;
use crate::domain::time::Timestamp;
use crate::domain::verdict::Unit;
use crate::transport::encode::compliance::rules;
use crate::transport::encode::direct::Direct as _;
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
        conditional: Some(Box::new(ConditionalLimit { condition: "paid_on_first_letter", limit: 0, remaining: -1 })),
        allowed_from: Some(Timestamp(1_710_763_200_123_456)),
        overridable: true,
        known_at_time: false,
        evidence: ["a", "b"].map(ActivityId::trusted).to_vec().into(),
        duties: Some(vec![Box::from("creditor_name"), Box::from("deadline")].into()),
        ..speaking(Answer::Broken)
    };
    let missing = Speaking { note: Note::Missing(Attribute::Zone), ..speaking(Answer::Unknown) };
    let long = Speaking { note: Note::Text("so long ".repeat(40).into()), ..speaking(Answer::Broken) };
    let bare = CheckAnswer { number: 0, at: Timestamp(0), answered: Answered::default() };
    let answered = Answered {
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
    let rich = CheckAnswer { number: 0xbeef, at: Timestamp(1_710_763_200_000_001), answered };
    vec![bare, rich]
}

/// The generated form of a result.
fn generated(checked: &Checked, answer: &CheckAnswer, view: View) -> v1::ContactCheckResult {
    v1::ContactCheckResult {
        refusal: None,
        check_id: checked.check_id(answer.number).as_str().to_owned(),
        contact_time: Some(time(answer.at)),
        verdict: answer.answered.verdict.number(),
        rules: rules(checked, answer, view),
        next_allow_time: answer.answered.next_allowed.map(time),
        missing: answer.answered.missing.clone(),
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
    let mut small = bare.clone();
    small.answered.speaking =
        vec![Speaking { observed: Some(2), remaining: Some(5), ..Speaking::kept(RuleNumber::new(5)) }];
    let mut other = rich.clone();
    other.answered.speaking[1].remaining = Some(6);
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
                        Some(answer) if at == 1 => many.reserved(&checked, &answer.told(), Some(&permit)),
                        Some(answer) => many.answered(&checked, &answer.told()),
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
