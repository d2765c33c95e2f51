//! What a client encodes, the server decodes to the same case or activity, through real protobuf bytes; and so does the
//! store.

mod activities;
mod cases;
mod dice;

use proptest::prelude::*;
use prost::Message as _;

use self::activities::KINDS;
use self::dice::Dice;
use super::{counted, decode, encode, quick, stored};
use crate::domain::detail::Detail;
use crate::proto::v1;

proptest! {
    #[test]
    fn cases_round_trip(seed: u64) {
        let case = Dice(seed).case();
        let bytes = encode::case::case(&case).encode_to_vec();
        let wire = v1::Case::decode(bytes.as_slice()).unwrap();
        let back = decode::collect("case", |at| decode::case::case(at, wire));
        prop_assert_eq!(back.as_ref(), Ok(&case));
        prop_assert_eq!(stored::read_version(&stored::version(&case)).unwrap(), case);
    }

    #[test]
    fn what_names_itself_is_refused_and_read_where_it_is_stored(seed: u64) {
        let mut dice = Dice(seed);
        for kind in 0..KINDS {
            let mut activity = dice.activity(kind);
            activity.parent = Some(activity.id.clone());
            let wire = encode::activity::activity(&activity);
            let refused = decode::collect("activity", |at| decode::activity::activity(at, wire)).unwrap_err();
            prop_assert_eq!(&refused.violations[0].field, "activity.parent_activity_id");
            prop_assert_eq!(stored::read_activity(&stored::activity(&activity)).unwrap(), activity);
        }
    }

    #[test]
    fn activities_of_every_kind_round_trip(seed: u64) {
        let mut dice = Dice(seed);
        for kind in 0..KINDS {
            let activity = dice.activity(kind);
            let bytes = encode::activity::activity(&activity).encode_to_vec();
            let wire = v1::Activity::decode(bytes.as_slice()).unwrap();
            let back = decode::collect("activity", |at| decode::activity::activity(at, wire));
            prop_assert_eq!(back.as_ref(), Ok(&activity));
            prop_assert_eq!(stored::read_activity(&stored::activity(&activity)).unwrap(), activity);
        }
    }

    #[test]
    fn common_records_are_read_quickly_as_they_are_read_slowly(
        seed: u64,
        part: proptest::sample::Index,
        value: u8,
        cut: proptest::sample::Index,
    ) {
        let mut dice = Dice(seed);
        for kind in 0..KINDS {
            let activity = dice.activity(kind);
            let mut bytes = stored::activity(&activity);
            let read = quick::activity(&bytes);
            let common = match &activity.detail {
                Detail::Contact(contact) => contact.amounts.is_empty() && contact.deadline.is_none(),
                Detail::MessageEvent { .. } => true,
                _ => false,
            };
            if common && activity.control.cost.is_none() {
                prop_assert_eq!(&read, &Some(activity));
            } else {
                prop_assert_eq!(read, None);
            }
            // Bytes that nobody wrote so: whatever is read quickly is what the whole way reads.
            let twice = [bytes.as_slice(), bytes.get(part.index(bytes.len())..).unwrap()].concat();
            let torn = bytes.get(..cut.index(bytes.len())).unwrap().to_vec();
            *part.get_mut(&mut bytes) = value;
            for bytes in [twice, torn, bytes] {
                let Some(read) = quick::activity(&bytes) else { continue };
                let wire = v1::Activity::decode(bytes.as_slice());
                let slow = decode::trusting("activity", |at| decode::activity::activity(at, wire.unwrap()));
                prop_assert_eq!(slow.as_ref(), Ok(&read));
            }
        }
    }

    #[test]
    fn a_look_at_the_bytes_tells_ids_and_voids(seed: u64, cut: proptest::sample::Index) {
        let mut dice = Dice(seed);
        for kind in 0..KINDS {
            let activity = dice.activity(kind);
            let bytes = stored::activity(&activity);
            let (id, void) = stored::skim(&bytes).unwrap();
            prop_assert_eq!(&bytes[id], activity.id.as_str().as_bytes());
            prop_assert_eq!(void, activity.detail.kind() == "void");
            // Torn anywhere, it is no message, or one that ends with a field.
            let torn = &bytes[..cut.index(bytes.len())];
            let told = stored::skim(torn);
            prop_assert!(told.is_none() || v1::Activity::decode(torn).is_ok());
        }
    }

    #[test]
    fn what_counts_of_a_message_is_what_counts_of_the_record(seed: u64) {
        let mut dice = Dice(seed);
        let version = dice.case();
        let wire = encode::case::case(&version);
        prop_assert_eq!(counted::of_case(&wire), crate::domain::digest::principal(&version));
        prop_assert_eq!(counted::instant(wire.effect_time.as_ref()), version.effective);
        for kind in 0..KINDS {
            let activity = dice.activity(kind);
            let wire = encode::activity::activity(&activity);
            prop_assert_eq!(counted::of_activity(&wire), activity.detail.money());
            prop_assert_eq!(counted::instant(wire.occur_time.as_ref()), activity.occurred);
        }
    }
}

#[test]
fn every_kind_is_drawn_and_named_on_the_wire_as_in_the_domain() {
    let pool = prost_reflect::DescriptorPool::decode(crate::proto::DESCRIPTOR_SET).unwrap();
    let activity = pool.get_message_by_name("fairdue.v1.Activity").unwrap();
    let fields: std::collections::BTreeSet<String> =
        activity.oneofs().next().unwrap().fields().map(|field| field.name().to_owned()).collect();
    let mut dice = Dice(1);
    let kinds: std::collections::BTreeSet<String> =
        (0..KINDS).map(|kind| dice.detail(kind).kind().to_owned()).collect();
    assert_eq!(kinds, fields);
    assert_eq!(kinds, crate::domain::detail::KINDS.map(str::to_owned).into());
}

#[test]
fn a_document_is_not_asked_for_and_produced_at_once() {
    let wire = |requested, produced| v1::Document { document: "contract".to_owned(), produced, requested };
    let read = |wire| decode::collect("document", |at| decode::matter::document(at, wire));
    assert!(read(wire(true, false)).is_ok() && read(wire(false, true)).is_ok());
    let refused = format!("{:?}", read(wire(true, true)).unwrap_err());
    assert!(refused.contains("requested"), "{refused}");
}

#[test]
fn what_is_stored_is_read_although_limits_got_tighter() {
    let long = "x".repeat(decode::scalar::MAX_TEXT_BYTES + 1);
    let wire = v1::Note { code: long.clone() };
    let activity = v1::Activity {
        detail: Some(v1::activity::Detail::Note(wire)),
        ..encode::activity::activity(&Dice(1).activity(0))
    };
    assert!(decode::collect("", |at| decode::activity::activity(at, activity.clone())).is_err());
    let read = stored::read_activity(&activity.encode_to_vec()).unwrap();
    assert_eq!(read.detail, crate::domain::detail::Detail::Note { code: Some(long) });
}

#[test]
fn torn_bytes_and_missing_fields_are_errors() {
    let whole = stored::activity(&Dice(1).activity(0));
    assert!(stored::read_activity(&whole[..whole.len() - 1]).is_err());
    assert!(stored::read_activity(&[]).is_err() && stored::read_version(&[]).is_err());
    let unknown = v1::Activity { person_role: 9999, ..encode::activity::activity(&Dice(1).activity(0)) };
    assert!(stored::read_activity(&unknown.encode_to_vec()).is_err());
}
