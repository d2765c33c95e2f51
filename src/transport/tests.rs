//! What an answer says on the wire.

use super::encode;

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
