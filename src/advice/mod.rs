//! Contact checks before the fact, answered from the writer's state. The warm path touches no database.

mod log;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::compliance::{self, Answered, PersonLogs};
use crate::config::Snapshot;
use crate::domain::activity::Activity;
use crate::domain::detail::{Contact, Detail};
use crate::domain::ids::{ActivityId, CaseId, MarketId, PersonId};
use crate::domain::market::{Market, MarketKey};
use crate::domain::principal::{Principal, Role};
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Answer, Speaking, Verdict};
use crate::domain::vocabulary::{Initiator, PartyRole};
use crate::ingest::derive::{self, CaseEntry, Env};
use crate::ingest::{CheckRecord, IngestError, Markets, Work, assure_fresh, persons_at_hand};
use crate::rules::RuleSet;

/// A contact that somebody means to make.
#[derive(Debug, Clone)]
pub struct ContactQuestion {
    /// The case it is about.
    pub case: CaseId,
    /// The person; the case's primary party if absent.
    pub person: Option<PersonId>,
    /// The person's role, where the case does not tell.
    pub person_role: Option<PartyRole>,
    /// When; now if absent.
    pub at: Option<Timestamp>,
    /// The contact as it would be made.
    pub contact: Contact,
    /// Who begins it; the collector if absent.
    pub initiated_by: Option<Initiator>,
    /// Made because the debtor asked for it.
    pub at_debtors_request: bool,
}

/// The answer to a contact check.
#[derive(Debug, Clone)]
pub struct CheckAnswer {
    /// Id under which the check is logged; activities name it.
    pub check_id: String,
    /// The instant that was judged.
    pub at: Timestamp,
    /// The answer of all rules together.
    pub verdict: Verdict,
    /// Every rule that speaks.
    pub speaking: Vec<Speaking>,
    /// The next instant at which all rules together allow it, if one was found.
    pub next_allowed: Option<Timestamp>,
    /// Inputs that are missing.
    pub missing: Vec<String>,
    /// Revision that the answer stands on.
    pub revision: u64,
    /// Digest of the rules.
    pub rules_digest: String,
}

/// The advising side of the service.
#[derive(Clone)]
pub struct Advice {
    markets: Arc<Markets>,
    log: log::CheckLog,
    /// Random start and a counter: ids of checks need be unique, not secret.
    run: Arc<(String, AtomicU64)>,
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
        let run = format!("{:016x}", u64::from_le_bytes(start));
        Ok(Self { log: log::CheckLog::start(Arc::clone(&markets)), markets, run: Arc::new((run, AtomicU64::new(0))) })
    }

    /// Writes every logged check that still waits.
    pub async fn flush(&self) {
        self.log.flush().await;
    }

    /// Answers whether a contact would be lawful.
    ///
    /// # Errors
    /// The caller may not ask, the market or case is unknown, the log is full, or the database is away.
    pub async fn check_contact(
        &self,
        who: &Principal,
        market: &MarketId,
        question: ContactQuestion,
    ) -> Result<CheckAnswer, IngestError> {
        if ![Role::Checker, Role::Reader, Role::Writer].iter().any(|role| who.has(*role)) {
            return Err(IngestError::RoleMissing(Role::Checker.as_str()));
        }
        let snapshot = self.markets.config().get();
        let (configured, rules) = find(&snapshot, who, market)?;
        let key = MarketKey { tenant: who.tenant.clone(), market: market.clone() };
        let now = self.markets.clock().now();
        let at = question.at.unwrap_or(now);
        let handle = self.markets.handle(&key);
        assure_fresh(&self.markets, &key, &handle.state).await?;
        let (entry, revision) = match handle.state.case_at(&question.case) {
            Some(found) => found,
            None => {
                self.markets.submit(&key, Work::Load(vec![question.case.clone()], Vec::new())).await?;
                let unknown = || IngestError::NotFound { what: "case", id: question.case.to_string() };
                handle.state.case_at(&question.case).ok_or_else(unknown)?
            }
        };
        let case = question.case.clone();
        let candidate = candidate(question, &entry, at);
        let version = entry.version_at(at);
        let asked: Vec<PersonId> = candidate.person.iter().cloned().collect();
        let persons = persons_at_hand(&self.markets, &key, (configured, rules), version, asked, at).await?;
        let past =
            if entry.is_past(at) && at < now { self.as_of(&key, configured, rules, &case, at).await? } else { None };
        let entry = past.as_ref().unwrap_or(&entry);
        let version = entry.version_at(at);
        let context = compliance::Context { rules, market: configured, version, lead: true, persons: &persons };
        let answered: Answered = entry.watch.check(&context, &candidate);
        let check_id = format!("{}-{}", self.run.0, self.run.1.fetch_add(1, Ordering::Relaxed));
        let spoke = |speaking: &&Speaking| speaking.answer != Answer::Kept;
        let record = CheckRecord {
            check: check_id.clone(),
            at,
            asked: now,
            key: who.key.to_string(),
            case: case.to_string(),
            person: candidate.person.as_ref().map(ToString::to_string),
            channel: candidate.channel().unwrap_or(crate::domain::vocabulary::Channel::Call),
            client: version.identity.creditor.clone(),
            verdict: answered.verdict,
            rules: answered.speaking.iter().filter(spoke).map(|speaking| speaking.rule.to_string()).collect(),
            revision,
            digest: rules.digest().to_owned(),
        };
        self.log.append(&key, record)?;
        Ok(CheckAnswer {
            check_id,
            at,
            verdict: answered.verdict,
            speaking: answered.speaking,
            next_allowed: answered.next_allowed,
            missing: answered.missing,
            revision,
            rules_digest: rules.digest().to_owned(),
        })
    }

    /// The case's state as it was right before a past instant, derived from its history.
    async fn as_of(
        &self,
        key: &MarketKey,
        market: &Market,
        rules: &RuleSet,
        case: &CaseId,
        at: Timestamp,
    ) -> Result<Option<Arc<CaseEntry>>, IngestError> {
        let scope = self.markets.store().scope(&key.tenant);
        let histories = scope.case_histories(&key.market, std::slice::from_ref(case)).await?;
        let Some(history) = histories.get(case) else { return Ok(None) };
        let persons = PersonLogs::default();
        let env = Env { market, rules, persons: &persons };
        let versions = history.versions.iter().map(|(_, version)| version);
        let activities = history
            .activities
            .iter()
            .filter(|stored| stored.voided.is_none() && stored.activity.occurred < at)
            .map(|stored| &stored.activity)
            .filter(|activity| !matches!(activity.detail, Detail::Void { .. }));
        Ok(derive::fold(&env, versions, activities, at).map(|(entry, _)| Arc::new(entry)))
    }
}

fn find<'s>(
    snapshot: &'s Snapshot,
    who: &Principal,
    market: &MarketId,
) -> Result<(&'s Market, &'s RuleSet), IngestError> {
    let tenant = snapshot.tenants.get(&who.tenant).filter(|_| who.may_touch(market));
    let found = tenant.and_then(|tenant| Some((tenant.markets.get(market)?, tenant.rules.as_ref())));
    found.ok_or_else(|| IngestError::MarketUnknown(market.to_string()))
}

fn candidate(question: ContactQuestion, entry: &CaseEntry, at: Timestamp) -> Activity {
    let primary = || entry.version_at(at).primary().map(|party| party.person.clone());
    let detail = Detail::Contact(Box::new(question.contact));
    Activity {
        person: question.person.or_else(primary),
        person_role: question.person_role,
        source_seq: i64::MAX,
        initiated_by: Some(question.initiated_by.unwrap_or(Initiator::Collector)),
        at_debtors_request: question.at_debtors_request,
        ..Activity::bare(ActivityId::trusted("contact check"), vec![question.case], at, detail)
    }
}
