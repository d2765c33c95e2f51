//! Permits: granted, used and given up under the market's lock, so that of simultaneous requests on any number of replicas
//! no more succeed than places are left.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::IngestError;
use super::check_record::{CheckHead, JudgedCheck};
use super::checks;
use super::derive::CaseEntry;
use super::group::GroupContext;
use super::intake::Ingest;
use super::person_logs::Needs;
use super::work::Work;
use super::writer::{Commit, ItemResult};
use super::writing::Writing;
use crate::compliance::{self, Answered, Planned, check_among, seen_as};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::circle::Circle;
use crate::domain::error_kind::ErrorKind;
use crate::domain::ids::{ActivityId, CaseId, KeyId, MarketId, PermitId};
use crate::domain::permit::{PAST, Permit, PermitAsk, PermitState};
use crate::domain::principal::{Principal, Role};
use crate::domain::time::{SECOND, Timestamp};
use crate::domain::validation::{Refusal, Violation};
use crate::domain::verdict::Verdict;
use crate::domain::vocabulary::Initiator;
use crate::rules::{PersonScope, RuleSet};
use crate::store::PermitRow;

/// Most permits on one case or for its person: every check there judges each of them again.
const TOGETHER: usize = 64;

/// Somebody asks for a permit.
pub struct Reserve {
    /// Made by the client.
    pub id: PermitId,
    /// What is asked.
    pub ask: PermitAsk,
    /// The check that is made for it: first part of its id, and its number.
    pub check: (String, u64),
    /// The key that asks.
    pub key: KeyId,
    answer: OnceLock<Reserved>,
}

impl Reserve {
    /// A request that has no answer yet.
    #[must_use]
    pub const fn new(id: PermitId, ask: PermitAsk, check: (String, u64), key: KeyId) -> Self {
        Self { id, ask, check, key, answer: OnceLock::new() }
    }

    /// The answer, after the commit.
    #[must_use]
    pub fn answer(&self) -> Option<&Reserved> {
        self.answer.get()
    }
}

/// What a request for a permit was answered.
#[derive(Clone)]
pub enum Reserved {
    /// The contact was judged.
    Judged(Arc<Judged>),
    /// The permit was granted before.
    Before(Box<PermitRow>),
    /// The request is wrong.
    Refused(Refusal),
}

/// A contact that was judged under the market's lock.
pub struct Judged {
    /// What the rules say.
    pub answered: Answered,
    /// The rules that said it.
    pub rules: Arc<RuleSet>,
    /// The contact as it was judged.
    pub candidate: Activity,
    /// The state of its case.
    pub entry: Arc<CaseEntry>,
    /// The permits that it was judged among.
    pub planned: Vec<Arc<Permit>>,
    /// The permit; none if the law does not permit the contact. With it its check is on record.
    pub permit: Option<PermitRow>,
    /// When it was judged.
    pub at: Timestamp,
}

/// A permit that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// The commit; its only result tells whether the permit was given up now or before.
    pub commit: Commit,
    /// The permit; absent if the request was refused.
    pub row: Option<PermitRow>,
    /// The instant of the answer.
    pub now: Timestamp,
}

impl Ingest {
    /// Gives a permit up: its place is free again. May be repeated. A permit whose time is over stays as it is.
    ///
    /// # Errors
    /// See [`IngestError`]; that the permit is used or unknown is in the result.
    pub async fn release_permit(
        &self,
        who: &Principal,
        market: &MarketId,
        permit: PermitId,
    ) -> Result<Released, IngestError> {
        let role = if who.has(Role::Writer) { Role::Writer } else { Role::Checker };
        let key = self.admit(role, who, market)?;
        let commit = self.markets().submit(&key, Work::Release(permit.clone())).await?;
        let refused = matches!(commit.results.first(), None | Some(ItemResult::Refused(_)));
        let scope = self.markets().store().scope(&key.tenant);
        let row = if refused { None } else { scope.permit(market, &permit).await? };
        let now = self.markets().clock().now().max(commit.record_time);
        Ok(Released { commit, row, now })
    }
}

/// Grants and takes back the permits of a group, each in a commit of its own; the commit of each by its job.
pub(super) async fn decide(context: &GroupContext<'_>, work: &[Work]) -> Result<HashMap<usize, Commit>, IngestError> {
    let mut done = HashMap::new();
    for (job, work) in work.iter().enumerate() {
        let commit = match work {
            Work::Reserve(ask) => reserve(context, ask).await?,
            Work::Release(permit) => release(context, permit).await?,
            _ => continue,
        };
        done.insert(job, commit);
    }
    Ok(done)
}

async fn begin<'a>(context: &'a GroupContext<'a>) -> Result<Writing<'a>, IngestError> {
    let writing = Writing::begin(context).await?;
    if !writing.stored {
        return Ok(writing);
    }
    // Opening this commit has derived the market anew: permits are judged by what came of that.
    writing.commit().await?;
    Writing::begin(context).await
}

fn refusal(kind: ErrorKind, reason: &'static str, field: &str, text: String) -> Refusal {
    Refusal { reason, kind, violations: vec![Violation::new(field, text)], retryable: false }
}

async fn reserve(context: &GroupContext<'_>, asked: &Reserve) -> Result<Commit, IngestError> {
    let mut writing = begin(context).await?;
    let answer = match writing.tx.permit(&asked.id).await? {
        Some(known) => repeated(known, asked),
        None => judge(&mut writing, asked).await?,
    };
    let result = match &answer {
        Reserved::Before(_) => Some(ItemResult::Duplicate),
        Reserved::Refused(refusal) => Some(ItemResult::Refused(refusal.clone())),
        Reserved::Judged(judged) => judged.permit.is_some().then_some(ItemResult::Created),
    };
    let (revision, record_time) = writing.commit().await?;
    // A commit that had to be tried again is answered by the try that was made.
    let _ = asked.answer.set(answer);
    Ok(Commit { revision, record_time, results: result.into_iter().collect() })
}

/// The same request again, or another one under the same id.
fn repeated(known: PermitRow, asked: &Reserve) -> Reserved {
    let (was, is) = (&known.permit.ask, &asked.ask);
    let pairs = [
        ("case_id", was.case != is.case),
        ("person_id", was.person != is.person),
        ("person_role", was.person_role != is.person_role),
        ("contact_time", was.at != is.at),
        ("contact", was.contact != is.contact),
        ("initiator", was.initiated_by != is.initiated_by),
        ("at_debtors_request", was.at_debtors_request != is.at_debtors_request),
        ("reserve.ttl", was.seconds != is.seconds),
    ];
    let violations: Vec<Violation> = pairs
        .into_iter()
        .filter(|(_, differs)| *differs)
        .map(|(field, _)| {
            let text = format!(
                "differs from what permit \"{}\" was granted for: send the same again, or use a new permit id",
                asked.id
            );
            Violation::new(field, text)
        })
        .collect();
    if violations.is_empty() {
        return Reserved::Before(Box::new(known));
    }
    Reserved::Refused(Refusal { reason: "ID_CONFLICT", kind: ErrorKind::AlreadyExists, violations, retryable: false })
}

/// Judges the contact among everything that happened and everything that is planned, and grants the permit if the law
/// permits it.
async fn judge(writing: &mut Writing<'_>, asked: &Reserve) -> Result<Reserved, IngestError> {
    let now = writing.recorded;
    let snapshot = writing.context.markets.config.get();
    let limits = &snapshot.server.advice;
    let seconds = asked.ask.seconds.unwrap_or(limits.permit_seconds);
    if seconds > limits.max_permit_seconds {
        let most = limits.max_permit_seconds;
        let text = format!("is {seconds} seconds, the limit is {most}: ask for less");
        return Ok(Reserved::Refused(refusal(ErrorKind::InvalidArgument, "INVALID_FIELD", "reserve.ttl", text)));
    }
    let ends = now.plus(i64::from(seconds) * SECOND);
    let at = asked.ask.at.unwrap_or(now);
    if at.plus(PAST) < now || at >= ends {
        let from = now.plus(-PAST);
        let text = format!(
            "is {at}: a permit is for a contact from {from} until its end ({ends}): plan it in that time, or ask for a longer ttl"
        );
        return Ok(Reserved::Refused(refusal(ErrorKind::InvalidArgument, "INVALID_FIELD", "contact_time", text)));
    }
    let most = usize::try_from(limits.max_permits).unwrap_or(usize::MAX);
    if writing.context.state.permits_held(now) >= most {
        return Ok(too_many("the market", most));
    }
    let case = &asked.ask.case;
    let Some(entry) = writing.entries(std::slice::from_ref(case)).await?.remove(case) else {
        let text = format!("\"{case}\" is not known: send the case first");
        return Ok(Reserved::Refused(refusal(ErrorKind::NotFound, "NOT_FOUND", "case_id", text)));
    };
    let candidate = planned(asked, entry.version_at(at), at);
    let entry = writing.knowing(entry, candidate.person.as_ref(), at).await?;
    let version = entry.version_at(at);
    let circles: Vec<Circle> = Circle::of(&candidate, version).collect();
    let held = writing.context.state.permits_concerning(case, &circles, now);
    if held.len() >= TOGETHER {
        return Ok(too_many("the case with its person", TOGETHER));
    }
    let mut cases: Vec<CaseId> = held.iter().map(|permit| permit.case().clone()).collect();
    cases.sort_unstable();
    cases.dedup();
    let entries = writing.entries(&cases).await?;
    // Rules of the other cases look back at the same contacts.
    let others = entries.values().map(|entry| writing.scope_of(entry.version_at(at)));
    let scope = others.fold(writing.scope_of(version), PersonScope::with);
    let mut needs = Needs::default();
    for circle in writing.rules.reach().circles(scope, circles.into_iter()) {
        needs.add(circle, writing.need(scope, at.min(now)));
    }
    writing.load_logs(needs).await?;
    let among: Vec<Planned<'_>> = held
        .iter()
        .filter_map(|permit| {
            let entry = entries.get(permit.case())?;
            Some(Planned { permit, watch: &entry.watch, version: entry.version_at(permit.at()) })
        })
        .collect();
    let context = compliance::Context {
        rules: &writing.rules,
        market: &writing.market,
        version,
        lead: true,
        persons: &writing.persons,
    };
    let answered = check_among(&context, &entry.watch, &candidate, &among);
    let (role, consented) = seen_as(&context, &entry.watch, &candidate);
    let granted = answered.verdict < Verdict::RepresentativeOnly;
    let party = candidate.person.as_ref().and_then(|person| version.party(person));
    let permit = granted.then(|| PermitRow {
        permit: Permit {
            id: asked.id.clone(),
            ask: asked.ask.clone(),
            planned: Activity { person_role: role, ..candidate.clone() },
            consented,
            household: party.and_then(|party| party.household.clone()),
            collector: version.identity.collector_entity.clone(),
            creditor: Some(version.identity.creditor.clone()),
            check: asked.check.clone(),
            verdict: answered.verdict,
            granted: now,
            ends,
        },
        released: None,
        used: false,
        revision: writing.revision,
    });
    let rules = Arc::clone(&writing.rules);
    let mut judged = Judged { answered, rules, candidate, entry, planned: held, permit: None, at: now };
    if let Some(row) = permit {
        judged.permit = Some(store(writing, row).await?);
        log(writing, asked, &judged).await?;
    }
    Ok(Reserved::Judged(Arc::new(judged)))
}

/// Puts the check of a permit on record in the permit's own commit: whoever gives up waiting for this one is answered with
/// that check when the request is repeated.
async fn log(writing: &mut Writing<'_>, asked: &Reserve, judged: &Judged) -> Result<(), IngestError> {
    let (run, number) = &asked.check;
    let check = JudgedCheck {
        number: *number,
        asked: judged.at,
        at: judged.candidate.occurred,
        candidate: &judged.candidate,
        entry: &judged.entry,
        verdict: judged.answered.verdict,
        speaking: &judged.answered.speaking,
        rules: &judged.rules,
        permits: &judged.planned,
    };
    let (key, digest) = (asked.key.as_str(), judged.rules.digest());
    let head = CheckHead { run: run.as_str(), asked: judged.at, key, revision: writing.revision, digest };
    checks::log_one(writing, &head, check.record()).await
}

fn too_many(who: &str, most: usize) -> Reserved {
    let text = format!("{who} holds {most} permits, as many as it may: use or release some, or wait");
    let full = refusal(ErrorKind::ResourceExhausted, "TOO_MANY_PERMITS", "reserve", text);
    Reserved::Refused(Refusal { retryable: true, ..full })
}

/// Stores a permit. A contact that came before its permit uses it all the same.
async fn store(writing: &mut Writing<'_>, row: PermitRow) -> Result<PermitRow, IngestError> {
    writing.tx.insert_permit(writing.revision, &row.permit).await?;
    let id = row.permit.id.as_str().to_owned();
    let row = writing.tx.settle_permits(writing.revision, vec![id]).await?.pop().unwrap_or(row);
    writing.stored = true;
    writing.permits.push(row.clone());
    Ok(row)
}

/// The contact that is planned.
fn planned(asked: &Reserve, version: &CaseVersion, at: Timestamp) -> Activity {
    let ask = &asked.ask;
    Activity {
        person: ask.person.clone().or_else(|| version.primary().map(|party| party.person.clone())),
        person_role: ask.person_role,
        source_seq: i64::MAX,
        initiated_by: Some(ask.initiated_by.unwrap_or(Initiator::Collector)),
        at_debtors_request: ask.at_debtors_request,
        ..Activity::bare(ActivityId::trusted(asked.id.as_str()), vec![ask.case.clone()], at, ask.contact.clone())
    }
}

async fn release(context: &GroupContext<'_>, permit: &PermitId) -> Result<Commit, IngestError> {
    let mut writing = begin(context).await?;
    let known = writing.tx.permit(permit).await?;
    let result = match known.as_ref().map(|row| row.state(writing.recorded)) {
        None => {
            let text = format!("\"{permit}\" is not known");
            ItemResult::Refused(refusal(ErrorKind::NotFound, "NOT_FOUND", "permit_id", text))
        }
        Some(PermitState::Used) => {
            let text =
                format!("\"{permit}\" is used by a contact that was recorded: void that contact if it was not made");
            ItemResult::Refused(refusal(ErrorKind::FailedPrecondition, "PERMIT_USED", "permit_id", text))
        }
        Some(PermitState::Released | PermitState::Expired) => ItemResult::Duplicate,
        Some(PermitState::Held) => {
            let (revision, at) = (writing.revision, writing.recorded);
            writing.tx.release_permit(revision, permit, at).await?;
            writing.stored = true;
            writing.permits.extend(known.map(|row| PermitRow { released: Some(at), revision, ..row }));
            ItemResult::Created
        }
    };
    let (revision, record_time) = writing.commit().await?;
    Ok(Commit { revision, record_time, results: vec![result] })
}

impl Writing<'_> {
    /// Notes which permits the contacts of this commit name, and finds out anew which of them, and of those that void
    /// contacts named, are used.
    pub(super) async fn use_permits(
        &mut self,
        contacts: impl Iterator<Item = &Activity>,
        voided: Vec<PermitId>,
    ) -> Result<(), IngestError> {
        let mut uses: Vec<(PermitId, CaseId, ActivityId)> = Vec::new();
        for activity in contacts {
            if let Some(permit) = permit_of(activity) {
                uses.extend(activity.cases.iter().map(|case| (permit.clone(), case.clone(), activity.id.clone())));
            }
        }
        let mut named: Vec<String> = uses.iter().map(|(permit, _, _)| permit.as_str().to_owned()).collect();
        named.extend(voided.iter().map(|permit| permit.as_str().to_owned()));
        if named.is_empty() {
            return Ok(());
        }
        named.sort_unstable();
        named.dedup();
        self.tx.insert_permit_uses(uses).await?;
        self.permits.extend(self.tx.settle_permits(self.revision, named).await?);
        Ok(())
    }
}

/// The permit that a contact names.
pub(super) fn permit_of(activity: &Activity) -> Option<PermitId> {
    let contact = matches!(activity.detail, crate::domain::detail::Detail::Contact(_));
    activity.control.permit_id.as_deref().filter(|_| contact).and_then(|id| PermitId::new(id).ok())
}
