//! Shadow mode: what a tenant's candidate of rules would have answered to the checks that are asked. It is judged beside
//! the answers, from the stored history as it was known to them and among the permits that they counted; no answer waits
//! for it or depends on it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::past::Sight;
use super::{Advice, CheckId, Desk, Judged, Told};
use crate::compliance::{self, Answered, Speaking};
use crate::domain::activity::Activity;
use crate::domain::ids::{CaseId, MarketId, RuleId};
use crate::domain::market::{Market, MarketKey};
use crate::domain::permit::Permit;
use crate::domain::principal::{Principal, Role};
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Answer, Verdict};
use crate::ingest::derive::CaseEntry;
use crate::ingest::market_state::HeldPermit;
use crate::ingest::{IngestError, Markets};
use crate::rules::RuleSet;

/// Checks that wait for their judgement: what comes while so many wait is skipped, and counted.
const QUEUE: usize = 1_000;
/// The last checks that a candidate would have answered otherwise.
const RECENT: usize = 20;

/// What a candidate would have said of a market's checks, in this process, since it or the rules in force last changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShadowReport {
    /// Digest of the rules in force.
    pub in_force: String,
    /// Digest of the candidate.
    pub candidate: String,
    /// When the first check was asked.
    pub since: Option<Timestamp>,
    /// Checks that were judged by both.
    pub judged: u64,
    /// Checks that came while too many waited.
    pub skipped: u64,
    /// Checks that could not be judged: the database was away, or the case is gone.
    pub failed: u64,
    /// Checks by what was answered and what the candidate would have answered.
    pub verdicts: BTreeMap<(Verdict, Verdict), u64>,
    /// Where a rule's answer differs: by the rule, what it said and what the candidate's would have said. `None`: nothing,
    /// or that it is kept.
    pub rules: BTreeMap<(RuleId, Option<Answer>, Option<Answer>), u64>,
    /// The last checks whose verdict differs, oldest first.
    pub recent: VecDeque<Differing>,
}

/// A check that the candidate would have answered otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differing {
    /// Its id.
    pub check_id: String,
    /// Revision of its answer.
    pub revision: u64,
    /// What was answered.
    pub in_force: Verdict,
    /// What the candidate would have answered.
    pub candidate: Verdict,
}

/// An answered check on its way to the candidate.
struct Job {
    market: Market,
    in_force: Arc<RuleSet>,
    candidate: Arc<RuleSet>,
    check_id: String,
    revision: u64,
    asked: Timestamp,
    activity: Activity,
    /// The permits that the answer counted.
    planned: Vec<Arc<Permit>>,
    verdict: Verdict,
    answers: BTreeMap<RuleId, Answer>,
}

type Reports = Arc<Mutex<HashMap<MarketKey, ShadowReport>>>;

/// The near end of the queue, and what was counted.
#[derive(Clone)]
pub(super) struct Shadow {
    jobs: mpsc::Sender<Job>,
    reports: Reports,
}

/// What all checks of one request share.
pub(super) struct Shared<'a> {
    pub(super) market: &'a Market,
    pub(super) in_force: &'a Arc<RuleSet>,
    pub(super) candidate: &'a Arc<RuleSet>,
    pub(super) run: &'a str,
    pub(super) revision: u64,
    pub(super) asked: Timestamp,
}

fn locked(reports: &Reports) -> MutexGuard<'_, HashMap<MarketKey, ShadowReport>> {
    // Counts are whole after every step.
    reports.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shadow {
    /// Starts the task that judges by candidates. It ends with the last of its senders.
    pub(super) fn start(markets: Arc<Markets>) -> Self {
        let (jobs, mut inbox) = mpsc::channel::<Job>(QUEUE);
        let reports: Reports = Arc::default();
        let counted = Arc::clone(&reports);
        tokio::spawn(async move {
            while let Some(job) = inbox.recv().await {
                let answered = judge(&markets, &job).await;
                note(&counted, job, answered);
            }
        });
        Self { jobs, reports }
    }

    /// Hands an answered check on; one for which there is no place is counted as skipped.
    pub(super) fn follow(&self, shared: &Shared<'_>, judged: &Judged, told: &Told<'_>) {
        let job = Job {
            market: shared.market.clone(),
            in_force: Arc::clone(shared.in_force),
            candidate: Arc::clone(shared.candidate),
            check_id: CheckId::new(shared.run, told.number).as_str().to_owned(),
            revision: shared.revision,
            asked: shared.asked,
            activity: judged.candidate.clone(),
            planned: judged.planned.clone(),
            verdict: told.answered.verdict,
            answers: answers(shared.in_force, &told.answered.speaking),
        };
        if let Err(mpsc::error::TrySendError::Full(job) | mpsc::error::TrySendError::Closed(job)) =
            self.jobs.try_send(job)
        {
            metrics::counter!("fairdue_shadow_checks_total", "outcome" => "skipped").increment(1);
            report_of(&mut locked(&self.reports), &job).skipped += 1;
        }
    }
}

/// What rules said that did not simply allow it.
fn answers(rules: &RuleSet, speaking: &[Speaking]) -> BTreeMap<RuleId, Answer> {
    let loud = speaking.iter().filter(|one| one.answer != Answer::Kept);
    loud.filter_map(|one| Some((rules.numbered(one.rule)?.rule.id.clone(), one.answer))).collect()
}

async fn judge(markets: &Arc<Markets>, job: &Job) -> Result<Answered, IngestError> {
    let desk = Desk { markets, market: &job.market, rules: &job.candidate, now: markets.clock().now() };
    let sight = Sight { at: job.activity.occurred, before: None, known: Some(job.revision) };
    let unknown = || IngestError::NotFound { what: "case", id: String::new() };
    let case = job.activity.cases.first().ok_or_else(unknown)?;
    let ground = desk.ground(case, job.activity.person.as_ref(), &sight).await?;
    let context = compliance::Context {
        rules: &job.candidate,
        market: &job.market,
        version: ground.entry.version_at(sight.at),
        lead: true,
        persons: &ground.logs,
    };
    if job.planned.is_empty() {
        return Ok(ground.entry.watch.check(&context, &job.activity));
    }
    let elsewhere = elsewhere(&desk, job, case).await?;
    let planned = job.planned.iter().map(|permit| HeldPermit {
        permit: Arc::clone(permit),
        elsewhere: elsewhere.get(permit.case()).map(Arc::clone),
    });
    let held: Vec<HeldPermit> = planned.collect();
    let among = HeldPermit::among(&held, &ground.entry);
    Ok(compliance::check_among(&context, &ground.entry.watch, &job.activity, &among))
}

/// The other cases on which contacts are planned, as the candidate sees them.
async fn elsewhere(desk: &Desk<'_>, job: &Job, own: &CaseId) -> Result<HashMap<CaseId, Arc<CaseEntry>>, IngestError> {
    let mut found: HashMap<CaseId, Arc<CaseEntry>> = HashMap::new();
    for permit in job.planned.iter().filter(|permit| permit.case() != own) {
        let sight = Sight { at: job.asked.max(permit.at()), before: None, known: Some(job.revision) };
        if !found.contains_key(permit.case())
            && let Some(entry) = desk.entry(permit.case(), &sight).await?
        {
            found.insert(permit.case().clone(), Arc::new(entry));
        }
    }
    Ok(found)
}

/// The report that a job counts in: a new one where the rules of either side have changed.
fn report_of<'r>(reports: &'r mut HashMap<MarketKey, ShadowReport>, job: &Job) -> &'r mut ShadowReport {
    let report = reports.entry(job.market.key.clone()).or_default();
    if report.in_force != job.in_force.digest() || report.candidate != job.candidate.digest() {
        *report = ShadowReport {
            in_force: job.in_force.digest().to_owned(),
            candidate: job.candidate.digest().to_owned(),
            ..ShadowReport::default()
        };
    }
    report.since.get_or_insert(job.asked);
    report
}

fn note(reports: &Reports, job: Job, answered: Result<Answered, IngestError>) {
    let mut reports = locked(reports);
    let report = report_of(&mut reports, &job);
    let outcome = match answered {
        Ok(answered) => {
            report.judged += 1;
            *report.verdicts.entry((job.verdict, answered.verdict)).or_default() += 1;
            let then = answers(&job.candidate, &answered.speaking);
            for rule in job.answers.keys().chain(then.keys().filter(|rule| !job.answers.contains_key(*rule))) {
                let (before, after) = (job.answers.get(rule).copied(), then.get(rule).copied());
                if before != after {
                    *report.rules.entry((rule.clone(), before, after)).or_default() += 1;
                }
            }
            if job.verdict == answered.verdict {
                "same"
            } else {
                if report.recent.len() == RECENT {
                    report.recent.pop_front();
                }
                report.recent.push_back(Differing {
                    check_id: job.check_id,
                    revision: job.revision,
                    in_force: job.verdict,
                    candidate: answered.verdict,
                });
                if job.verdict < answered.verdict { "stricter" } else { "looser" }
            }
        }
        Err(error) => {
            tracing::debug!(%error, "a check was not judged by the candidate in shadow");
            report.failed += 1;
            "failed"
        }
    };
    metrics::counter!("fairdue_shadow_checks_total", "outcome" => outcome).increment(1);
}

impl Advice {
    /// What the tenant's candidate would have said of the market's checks, as this process has counted it.
    ///
    /// # Errors
    /// The caller may not read, the market is unknown, or the tenant has no candidate in shadow.
    pub fn shadow_report(&self, who: &Principal, market: &MarketId) -> Result<ShadowReport, IngestError> {
        if !who.has(Role::Reader) {
            return Err(IngestError::RoleMissing(Role::Reader.as_str()));
        }
        let snapshot = self.markets.config().get();
        let (market, in_force) = super::find(&snapshot, who, market)?;
        let candidate = snapshot.tenants.get(&who.tenant).and_then(|tenant| tenant.shadow.as_ref());
        let missing = || IngestError::NotFound { what: "candidate in shadow of tenant", id: who.tenant.to_string() };
        let candidate = candidate.ok_or_else(missing)?;
        let counted = locked(&self.shadow.reports).get(&market.key).cloned();
        let current = counted.filter(|one| one.in_force == in_force.digest() && one.candidate == candidate.digest());
        Ok(current.unwrap_or_else(|| ShadowReport {
            in_force: in_force.digest().to_owned(),
            candidate: candidate.digest().to_owned(),
            ..ShadowReport::default()
        }))
    }
}
