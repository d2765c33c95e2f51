//! What is taken to be the size of messages, beside what it is.

use super::*;
use crate::proto::v1;

fn guessed(name: &str) -> usize {
    SHAPES.all[SHAPES.requests[name]].size
}

fn listed<M: Message + Default>(request: &str, number: u32) -> (usize, usize) {
    let shape = &SHAPES.all[SHAPES.requests[request]];
    let field = shape.fields.iter().find(|(one, _)| *one == number).unwrap();
    let Field::Message { shape, listed: true } = field.1 else { panic!("no list of messages") };
    (SHAPES.all[shape].size, size_of::<M>())
}

#[test]
fn structures_take_about_what_is_guessed() {
    for (guess, real) in [
        listed::<v1::Case>("BatchUpsertCasesRequest", 2),
        listed::<v1::Activity>("BatchRecordActivitiesRequest", 2),
        listed::<v1::ContactCheck>("BatchCheckContactsRequest", 2),
        (guessed("QueryKpisRequest"), size_of::<v1::QueryKpisRequest>()),
    ] {
        assert!(guess >= real && guess <= 3 * real, "guessed {guess}, and it takes {real}");
    }
}

#[test]
fn a_small_message_cannot_take_much() {
    let largest = SHAPES.all.iter().map(|shape| shape.size).max().unwrap();
    assert!(SMALL / 2 * largest <= ANY, "{SMALL} bytes may take {}", SMALL / 2 * largest);
    assert!(SHAPES.requests.len() > 40, "every request has a shape");
}

/// Elements with nothing in them, as they are sent.
fn empties(number: u8, count: usize) -> Vec<u8> {
    [number << 3 | 2, 0].repeat(count)
}

#[test]
fn what_takes_too_much_is_refused_wherever_it_is() {
    let request = SHAPES.requests["BatchUpsertCasesRequest"];
    assert!(refuse(request, &empties(2, 5_000)).is_ok());
    assert!(refuse(request, &empties(2, 1 << 20)).is_err());
    // The claims of one case, field 9 or whichever it is, two levels down.
    let case = &SHAPES.all[match SHAPES.all[request].fields.iter().find(|(one, _)| *one == 2).unwrap().1 {
        Field::Message { shape, .. } => shape,
        _ => panic!("cases are messages"),
    }];
    let lists = case.fields.iter().filter(|(_, field)| matches!(field, Field::Message { listed: true, .. }));
    let mut tried = 0;
    for (number, _) in lists.filter(|(number, _)| *number < 16) {
        let inner = empties(u8::try_from(*number).unwrap(), 2 << 20);
        let mut bytes = vec![2 << 3 | 2];
        prost::encoding::encode_varint(inner.len() as u64, &mut bytes);
        bytes.extend(inner);
        assert!(refuse(request, &bytes).is_err(), "field {number}");
        tried += 1;
    }
    assert!(tried > 0, "a case has lists");
    // What cannot be read is the reader's.
    assert!(refuse(request, &[0xff; 64]).is_ok());
}

/// As many records as a batch may be set to hold, each with as little in it as is taken.
#[test]
fn the_largest_batch_of_the_smallest_records_is_read() {
    let (id, most) = (|number: usize| format!("{number}"), 50_000);
    let checks = (0..most).map(|number| {
        let contact = Some(v1::Contact { channel: v1::Channel::Call.into(), ..Default::default() });
        v1::ContactCheck { case_id: id(number), contact, ..Default::default() }
    });
    let checks = v1::BatchCheckContactsRequest { checks: checks.collect(), ..Default::default() };
    let activities = (0..most).map(|number| v1::Activity {
        activity_id: id(number),
        case_ids: vec![id(number)],
        occur_time: Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 }),
        detail: Some(v1::activity::Detail::Note(v1::Note::default())),
        ..Default::default()
    });
    let activities = v1::BatchRecordActivitiesRequest { activities: activities.collect(), ..Default::default() };
    let cases = (0..most / 2).map(|number| v1::Case {
        case_id: id(number),
        version_id: id(number),
        effect_time: Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 }),
        currency_code: "EUR".to_owned(),
        identity: Some(v1::Identity { creditor_id: "k".to_owned(), ..Default::default() }),
        claims: vec![v1::Claim {
            claim_id: id(number),
            principal: Some(crate::proto::google::r#type::Money {
                currency_code: "EUR".to_owned(),
                units: 100,
                nanos: 0,
            }),
            ..Default::default()
        }],
        parties: vec![v1::Party { person_id: id(number), ..Default::default() }],
        ..Default::default()
    });
    let cases = v1::BatchUpsertCasesRequest { cases: cases.collect(), ..Default::default() };
    for (name, bytes) in [
        ("BatchCheckContactsRequest", checks.encode_to_vec()),
        ("BatchRecordActivitiesRequest", activities.encode_to_vec()),
        ("BatchUpsertCasesRequest", cases.encode_to_vec()),
    ] {
        assert!(refuse(SHAPES.requests[name], &bytes).is_ok(), "{name}: {:?}", refuse(SHAPES.requests[name], &bytes));
    }
}
