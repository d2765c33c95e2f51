//! Whose promises they are: told by the person id of the case's principal debtor, so that the cases of one person are told of
//! one debtor.

use super::CaseLedger;
use super::books::tag_text;
use super::emit::Sink;
use crate::domain::case::CaseVersion;
use crate::domain::fact::{Fact, FactKind};

/// Short form of the person id of the principal debtor; `None` if the case names nobody.
fn debtor(version: &CaseVersion) -> Option<u64> {
    version.primary().map(|party| tag_text(party.person.as_str()))
}

/// That a promise was judged, told of its debtor as the version in force names him; none of a case that names nobody.
pub(super) fn of_debtor(judged: &Fact, sink: &Sink) -> Option<Fact> {
    let kind = FactKind::DebtorPromiseJudged;
    if !sink.out.takes(kind) {
        return None;
    }
    // Half of the short forms lie below zero as signed numbers, which are ids all the same.
    debtor(sink.version).map(|debtor| Fact { kind, value: Some(debtor.cast_signed()), ..judged.clone() })
}

impl CaseLedger {
    /// A debtor is named of a case that named nobody: what was judged before is told of him. (One who is named stays; were he
    /// replaced, his promises would be told of the other.)
    pub(super) fn debtor_changes(&self, sink: &mut Sink, old: &CaseVersion) {
        if debtor(old) == debtor(sink.version) {
            return;
        }
        let judged = self.promises().iter().enumerate().filter(|(_, promise)| promise.case.is_some());
        let judged: Vec<Fact> = judged.map(|(at, promise)| self.judged(at, promise, sink)).collect();
        for (sign, version) in [(-1, old), (1, sink.version)] {
            let told = Sink::new(&mut *sink.out, (sink.day, self.placed_on), sink.market, version);
            let facts: Vec<Fact> = judged.iter().filter_map(|one| of_debtor(one, &told)).collect();
            facts.into_iter().for_each(|fact| sink.out.push(Fact { sign, ..fact }));
        }
    }
}
