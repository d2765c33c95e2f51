//! Checks before the fact: may this contact be made, may this charge be added? Answered from the writer's state; the warm
//! path touches no database.

mod check_id;
mod decided;
mod explain;
mod log;
mod logged;
mod past;
pub mod permits;
mod places;
mod shadow;
mod state;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::compliance;
use crate::config::Snapshot;
use crate::domain::activity::Activity;
use crate::domain::detail::Detail;
use crate::domain::ids::{ActivityId, CaseId, MarketId, PersonId};
use crate::domain::market::Market;
use crate::domain::permit::Permit;
use crate::domain::principal::{Principal, Role};
use crate::domain::time::Timestamp;
use crate::domain::vocabulary::{Initiator, PartyRole};
use crate::ingest::derive::CaseEntry;
use crate::ingest::market_state::HeldPermit;
use crate::ingest::{CheckHead, CheckRecord, IngestError, JudgedCheck, Markets, assure_fresh};

pub use crate::compliance::trace::{Said, Silence, Spoken};
pub use check_id::CheckId;
pub use explain::{ExplainedRule, Explanation, Wanted};
pub use logged::Recorded;
pub use shadow::{Differing, ShadowReport};

use state::Warm;

pub use crate::compliance::{Answered, ConditionalLimit, Note, Speaking};
pub use crate::rules::words::Attribute;
pub use crate::rules::{RuleNumber, RuleSet};

/// Checks of one request that are judged in one go.
const BREATH: usize = 256;

/// Something that somebody means to do.
#[derive(Debug, Clone)]
pub struct Question {
    /// The case it is about.
    pub case: CaseId,
    /// The person; the case's primary party if absent.
    pub person: Option<PersonId>,
    /// The person's role, where the case does not tell.
    pub person_role: Option<PartyRole>,
    /// When; now if absent.
    pub at: Option<Timestamp>,
    /// The contact or charge as it would be made.
    pub detail: Detail,
    /// Who begins it; the collector if absent.
    pub initiated_by: Option<Initiator>,
    /// Made because the debtor asked for it.
    pub at_debtors_request: bool,
}

/// The answer to a question.
#[derive(Debug, Clone)]
pub struct CheckAnswer {
    /// Number of the check in its run, see [`Checked::check_id`].
    pub number: u64,
    /// The instant that was judged.
    pub at: Timestamp,
    /// What all rules say.
    pub answered: Answered,
}

impl CheckAnswer {
    /// The answer as it is told.
    #[must_use]
    pub const fn told(&self) -> Told<'_> {
        Told { number: self.number, at: self.at, answered: &self.answered }
    }
}

/// An answer as it is told: in memory that the next answer uses again.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// Number of the check in its run, see [`Checked::check_id`].
    pub number: u64,
    /// The instant that was judged.
    pub at: Timestamp,
    /// What all rules say.
    pub answered: &'a Answered,
}

impl Told<'_> {
    /// The same, to keep.
    #[must_use]
    pub fn to_owned(&self) -> CheckAnswer {
        CheckAnswer { number: self.number, at: self.at, answered: self.answered.clone() }
    }
}

/// What all answers to the questions of one request stand on.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Revision of the market.
    pub revision: u64,
    rules: Arc<RuleSet>,
    run: Arc<str>,
}

impl Checked {
    /// Id under which a check is logged; activities name it.
    #[must_use]
    pub fn check_id(&self, number: u64) -> CheckId {
        CheckId::new(&self.run, number)
    }

    /// The twelve rules of the benches.
    #[cfg(test)]
    pub(crate) fn empty(run: &str, revision: u64) -> Self {
        use crate::domain::diagnostic::SourceFile;
        let file = |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.to_owned() };
        let packs = crate::rules::Packs::compile(&[
            file("it/rules.toml", include_str!("../../benches/twelve_rules.toml")),
            file("it/cases.toml", include_str!("../../benches/twelve_rules.cases.toml")),
        ]);
        let rules = Arc::new(RuleSet::for_tenant(&packs.unwrap(), None).unwrap());
        Self { revision, rules, run: run.into() }
    }

    /// Digest of the rules.
    #[must_use]
    pub fn rules_digest(&self) -> &str {
        self.rules.digest()
    }

    /// The rules that answered.
    #[must_use]
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }
}

/// What becomes of a request for whose records the log has no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// It is refused.
    Refuse,
    /// It waits for its place: right only where waiting holds back the caller's next request.
    Wait,
}

/// The advising side of the service.
#[derive(Clone)]
pub struct Advice {
    markets: Arc<Markets>,
    log: log::CheckLog,
    /// Random start of the ids of checks, which need be unique, not secret.
    run: Arc<str>,
    next: Arc<AtomicU64>,
    shadow: shadow::Shadow,
}

impl Advice {
    /// The advising side over these writers.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new(markets: Arc<Markets>) -> Result<Self, IngestError> {
        let mut start = [0_u8; 8];
        getrandom::fill(&mut start)
            .map_err(|_| IngestError::Invalid("the system gives no random numbers".to_owned(), Vec::new()))?;
        let run = format!("{:016x}", u64::from_le_bytes(start)).into();
        let log = log::CheckLog::new(Arc::clone(&markets));
        let shadow = shadow::Shadow::start(Arc::clone(&markets));
        Ok(Self { log, markets, run, next: Arc::default(), shadow })
    }

    /// Writes every logged check that still waits.
    pub async fn flush(&self) {
        self.log.flush().await;
    }

    /// Answers one question.
    ///
    /// # Errors
    /// See [`Advice::check_all`]; an unknown case too.
    pub async fn check(
        &self,
        who: &Principal,
        market: &MarketId,
        question: Question,
    ) -> Result<(CheckAnswer, Checked), IngestError> {
        // One question has one answer.
        let mut answer = Err(IngestError::Overloaded);
        let keep = |_: &Checked, told: Result<Told<'_>, IngestError>| answer = told.map(|told| told.to_owned());
        let checked = self.check_all(who, market, vec![question], WhenFull::Refuse, keep).await?;
        Ok((answer?, checked))
    }

    /// Answers whether contacts and charges would be lawful: all with one snapshot of the configuration, at one revision
    /// and one instant of asking. Cases that are not in memory are read in one group. Each question's answer is told as it
    /// is judged, in their order, with what it stands on; an error concerns its question alone. What was told is not to
    /// leave before this returns: only then the log has its record.
    ///
    /// # Errors
    /// The caller may not ask, the market is unknown, the log is full, or the database is away. What is wrong with one
    /// question is told as its answer.
    pub async fn check_all(
        &self,
        who: &Principal,
        market: &MarketId,
        questions: Vec<Question>,
        when_full: WhenFull,
        mut tell: impl FnMut(&Checked, Result<Told<'_>, IngestError>) + Send,
    ) -> Result<Checked, IngestError> {
        if ![Role::Checker, Role::Reader, Role::Writer].iter().any(|role| who.has(*role)) {
            return Err(IngestError::RoleMissing(Role::Checker.as_str()));
        }
        let (snapshot, room, now, (mut warm, revision)) = loop {
            let snapshot = self.markets.config().get();
            let (market, rules) = find(&snapshot, who, market)?;
            let room = match when_full {
                WhenFull::Refuse => self.log.room(&market.key, questions.len())?,
                WhenFull::Wait => self.log.wait_for_room(&market.key, questions.len()).await?,
            };
            let handle = self.markets.handle(&market.key);
            assure_fresh(&self.markets, &market.key, &handle.state).await?;
            let now = self.markets.clock().now();
            let desk = Desk { markets: &self.markets, market, rules, now };
            // Where other rules were put in force meanwhile, they answer.
            if let Some(warm) = desk.warm(&handle.state, &snapshot, &questions).await? {
                break (snapshot, room, now, warm);
            }
        };
        let (market, rules) = find(&snapshot, who, market)?;
        let desk = Desk { markets: &self.markets, market, rules, now };
        desk.look_back(&questions, &mut warm).await?;
        let first = self.next.fetch_add(questions.len() as u64, Ordering::Relaxed);
        let checked = Checked { revision, rules: Arc::clone(rules), run: Arc::clone(&self.run) };
        let head = CheckHead { run: &*self.run, asked: now, key: who.key.as_str(), revision, digest: rules.digest() };
        let mut records = room.records(market, head)?;
        let mut answered = Answered::default();
        for (count, ((question, warm), number)) in questions.into_iter().zip(warm).zip(first..).enumerate() {
            if count % BREATH == BREATH - 1 {
                // Thousands of checks are not to make single ones wait.
                tokio::task::yield_now().await;
            }
            let Some(warm) = warm else {
                tell(&checked, Err(IngestError::NotFound { what: "case", id: question.case.to_string() }));
                continue;
            };
            let at = desk.at(&question);
            let judged = desk.judge(question, warm, at, &mut answered);
            let told = Told { number, at, answered: &answered };
            records.add(&judged.record(&told, rules, now))?;
            self.shadow(&snapshot, who, (market, rules), (revision, now), (&judged, &told));
            tell(&checked, Ok(told));
        }
        records.finish()?;
        Ok(checked)
    }

    /// Hands what was answered to the tenant's candidate, if there is one.
    fn shadow(
        &self,
        snapshot: &Snapshot,
        who: &Principal,
        (market, in_force): (&Market, &Arc<RuleSet>),
        (revision, asked): (u64, Timestamp),
        (judged, told): (&Judged, &Told<'_>),
    ) {
        if let Some(candidate) = snapshot.tenants.get(&who.tenant).and_then(|tenant| tenant.shadow.as_ref()) {
            let shared = shadow::Shared { market, in_force, candidate, run: &self.run, revision, asked };
            self.shadow.follow(&shared, judged, told);
        }
    }
}

/// What every question of a request is judged with.
struct Desk<'a> {
    markets: &'a Arc<Markets>,
    market: &'a Market,
    rules: &'a Arc<RuleSet>,
    now: Timestamp,
}

/// What was judged, as far as the record of its answer needs it.
struct Judged {
    candidate: Activity,
    entry: Arc<CaseEntry>,
    /// The permits that it was judged among.
    planned: Vec<Arc<Permit>>,
}

impl Desk<'_> {
    /// When a question would have it done.
    fn at(&self, question: &Question) -> Timestamp {
        question.at.unwrap_or(self.now)
    }

    fn judge(&self, question: Question, warm: Warm, at: Timestamp, answered: &mut Answered) -> Judged {
        let entry = warm.knowing(at);
        let Warm { person, logs: persons, permits, .. } = warm;
        let candidate = candidate(question, person, at);
        let context = compliance::Context {
            rules: self.rules,
            market: self.market,
            version: entry.version_at(at),
            lead: true,
            persons: &persons,
        };
        let among = HeldPermit::among(&permits, &entry);
        compliance::check_among_into(&context, &entry.watch, &candidate, &among, answered);
        let planned = permits.into_iter().map(|held| held.permit).collect();
        Judged { candidate, entry, planned }
    }
}

impl Judged {
    fn record<'a>(&'a self, told: &Told<'a>, rules: &'a RuleSet, asked: Timestamp) -> CheckRecord<&'a str, &'a Detail> {
        let Told { number, at, answered: Answered { verdict, speaking, .. } } = *told;
        let (candidate, entry, permits) = (&self.candidate, &*self.entry, self.planned.as_slice());
        JudgedCheck { number, asked, at, candidate, entry, verdict: *verdict, speaking, rules, permits }.record()
    }
}

fn find<'s>(
    snapshot: &'s Snapshot,
    who: &Principal,
    market: &MarketId,
) -> Result<(&'s Market, &'s Arc<RuleSet>), IngestError> {
    let tenant = snapshot.tenants.get(&who.tenant).filter(|_| who.may_touch(market));
    let found = tenant.and_then(|tenant| Some((tenant.markets.get(market)?, &tenant.rules)));
    found.ok_or_else(|| IngestError::MarketUnknown(market.to_string()))
}

fn candidate(question: Question, person: Option<PersonId>, at: Timestamp) -> Activity {
    Activity {
        person,
        person_role: question.person_role,
        source_seq: i64::MAX,
        initiated_by: Some(question.initiated_by.unwrap_or(Initiator::Collector)),
        at_debtors_request: question.at_debtors_request,
        ..Activity::bare(ActivityId::planned(), vec![question.case], at, question.detail)
    }
}
