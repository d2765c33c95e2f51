//! Checks that hold a place: judged by the market's writer, because the rows of a store are the only thing that replicas
//! share.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Advice, CheckAnswer, Checked, Judged, Question, find};
use crate::compliance::Answered;
use crate::domain::ids::{MarketId, PermitId};
use crate::domain::permit::PermitAsk;
use crate::domain::principal::{Principal, Role};
use crate::domain::time::Timestamp;
use crate::domain::validation::Refusal;
use crate::ingest::{CheckHead, IngestError, Reserve, Reserved, Work};
pub use crate::store::PermitRow;

/// The answer to a check that asks for a permit.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What the check says; of a repetition without the rules.
    pub check: CheckAnswer,
    /// What it stands on.
    pub checked: Checked,
    /// The permit, as of `now`; none if the law does not permit the contact.
    pub permit: Option<PermitRow>,
    /// The instant of the answer.
    pub now: Timestamp,
}

impl Advice {
    /// Judges a contact under the market's lock, among everything that happened and everything that is planned, and holds
    /// its place if the law permits it. Repeated, it answers with the permit that there is.
    ///
    /// # Errors
    /// See [`Advice::check_all`]; within, what is wrong with the request.
    pub async fn reserve(
        &self,
        who: &Principal,
        market: &MarketId,
        question: Question,
        (id, seconds): (PermitId, Option<u32>),
    ) -> Result<Result<Answer, Refusal>, IngestError> {
        if ![Role::Checker, Role::Writer].iter().any(|role| who.has(*role)) {
            return Err(IngestError::RoleMissing(Role::Checker.as_str()));
        }
        let snapshot = self.markets.config().get();
        let (market, rules) = find(&snapshot, who, market)?;
        let room = self.log.room(&market.key, 1)?;
        let ask = PermitAsk {
            case: question.case,
            person: question.person,
            person_role: question.person_role,
            at: question.at,
            contact: question.detail,
            initiated_by: question.initiated_by,
            at_debtors_request: question.at_debtors_request,
            seconds,
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let reserve = Arc::new(Reserve::new(id, ask, (self.run.to_string(), number), who.key.clone()));
        let commit = self.markets.submit(&market.key, Work::Reserve(Arc::clone(&reserve))).await?;
        let now = self.markets.clock().now().max(commit.record_time);
        let (judged, permit) = match reserve.answer() {
            // The writer that did not answer has ended.
            None => return Err(IngestError::Stopping),
            Some(Reserved::Refused(refusal)) => return Ok(Err(refusal.clone())),
            Some(Reserved::Before(row)) => {
                let (run, number) = &row.permit.check;
                let answered = Answered { verdict: row.permit.verdict, ..Answered::default() };
                let run = run.as_str().into();
                let checked = Checked { revision: commit.revision, rules: Arc::clone(rules), run };
                let check = CheckAnswer { number: *number, at: row.permit.at(), answered };
                return Ok(Ok(Answer { check, checked, permit: Some(PermitRow::clone(row)), now }));
            }
            Some(Reserved::Judged(judged)) => (judged, judged.permit.clone()),
        };
        let check = CheckAnswer { number, at: judged.candidate.occurred, answered: judged.answered.clone() };
        let (rules, told) = (&judged.rules, check.told());
        let revision = commit.revision;
        let (candidate, entry) = (judged.candidate.clone(), Arc::clone(&judged.entry));
        let asked = judged.at;
        let judged = Judged { candidate, entry, planned: judged.planned.clone() };
        let digest = rules.digest();
        let head = CheckHead { run: &*self.run, asked, key: who.key.as_str(), revision, digest };
        if permit.is_none() {
            // That of a permit is on record with the permit.
            let mut records = room.records(market, head)?;
            records.add(&judged.record(&told, rules, asked))?;
            records.finish()?;
        }
        self.shadow(&snapshot, who, (market, rules), (revision, asked), (&judged, &told));
        let checked = Checked { revision, rules: Arc::clone(rules), run: Arc::clone(&self.run) };
        Ok(Ok(Answer { check, checked, permit, now }))
    }
}
