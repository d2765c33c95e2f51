//! What a client encodes, the server decodes to the same case or activity, through real protobuf bytes.

mod activities;
mod cases;
mod dice;

use proptest::prelude::*;
use prost::Message as _;

use self::activities::KINDS;
use self::dice::Dice;
use super::{decode, encode};
use crate::proto::v1;

proptest! {
    #[test]
    fn cases_round_trip(seed: u64) {
        let case = Dice(seed).case();
        let bytes = encode::case::case(&case).encode_to_vec();
        let wire = v1::Case::decode(bytes.as_slice()).unwrap();
        let back = decode::collect("case", |at| decode::case::case(at, wire));
        prop_assert_eq!(back, Ok(case));
    }

    #[test]
    fn activities_of_every_kind_round_trip(seed: u64) {
        let mut dice = Dice(seed);
        for kind in 0..KINDS {
            let activity = dice.activity(kind);
            let bytes = encode::activity::activity(&activity).encode_to_vec();
            let wire = v1::Activity::decode(bytes.as_slice()).unwrap();
            let back = decode::collect("activity", |at| decode::activity::activity(at, wire));
            prop_assert_eq!(back, Ok(activity));
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
fn duties_are_told_on_the_wire() {
    use crate::advice::{RuleNumber, Speaking};
    use crate::domain::verdict::{Answer, Verdict};
    let speaking = Speaking {
        answer: Answer::Duty,
        verdict: Verdict::AllowedWithDuties,
        duties: Some(vec![Box::from("creditor_name"), Box::from("deadline")].into()),
        ..Speaking::kept(RuleNumber::new(0))
    };
    let told = encode::compliance::speaking(&encode::compliance::Words::default(), &speaking);
    assert_eq!(told.duties, ["creditor_name", "deadline"]);
}
