//! Whose promises they are: told by the debtor's person id, so that the cases of one person are told of one debtor.

use super::books::tag_text;
use super::promise::PromiseView;
use super::remembered::MadeOn;
use crate::domain::case::CaseVersion;
use crate::domain::fact::{Fact, FactKind};
use crate::domain::party::Party;

/// Whose promise it is: the person contacted on the call that it names, if that is a party of the case then, else the principal
/// debtor. Where the call comes after the promise, as the case states it when that comes.
pub(super) fn debtor(call: Option<&MadeOn>, version: &CaseVersion) -> u64 {
    let short = |party: &Party| tag_text(party.person.as_str());
    let contacted =
        call.map(|call| call.person).filter(|person| version.parties.iter().any(|one| short(one) == *person));
    contacted.or_else(|| version.primary().map(short)).unwrap_or(0)
}

/// That it was judged, told of its debtor; of nobody, it counts nothing.
pub(super) fn of_debtor(promise: &PromiseView, judged: &Fact) -> Fact {
    let kind = FactKind::DebtorPromiseJudged;
    // Half of the short forms lie below zero as signed numbers, which are ids all the same.
    let value = (promise.debtor != 0).then(|| promise.debtor.cast_signed());
    Fact { kind, value, count: i64::from(value.is_some()), ..judged.clone() }
}
