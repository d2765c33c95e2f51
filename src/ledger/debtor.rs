//! Whose promises they are: told by the person id of the case's principal debtor, so that the cases of one person are told of
//! one debtor.

use super::CaseLedger;
use super::emit::Sink;
use super::judging::Fulfilled;
use crate::domain::case::CaseVersion;
use crate::domain::fact::{Fact, FactKind};
use crate::domain::facts::Facts;
use crate::domain::ids::short_form;

/// That a promise was judged, told of its debtor as a version names him; none of a case that names nobody.
pub(super) fn of_debtor(judged: &Fact, version: &CaseVersion, out: &Facts) -> Option<Fact> {
    let kind = FactKind::DebtorPromiseJudged;
    let debtor = version.primary().filter(|_| out.takes(kind))?;
    // Half of the short forms lie below zero as signed numbers, which are ids all the same.
    Some(Fact { kind, value: Some(short_form(debtor.person.as_str()).cast_signed()), ..judged.clone() })
}

impl CaseLedger {
    /// A debtor is named of a case that named nobody: what was judged before is told of him. (One who is named stays; were he
    /// replaced, his promises would be told of the other.)
    pub(super) fn debtor_changes(&self, sink: &mut Sink, old: &CaseVersion) {
        let [before, after] = [old, sink.version].map(|version| version.primary().map(|party| &party.person));
        if before == after {
            return;
        }
        let fulfilled = Fulfilled::of(self, sink.market);
        for (at, promise) in self.promises().iter().enumerate().filter(|(_, promise)| promise.case.is_some()) {
            let judged = fulfilled.judged(at, promise, sink);
            for (sign, version) in [(-1, old), (1, sink.version)] {
                let told = of_debtor(&judged, version, sink.out);
                told.into_iter().for_each(|fact| sink.out.push(Fact { sign, ..fact }));
            }
        }
    }
}
