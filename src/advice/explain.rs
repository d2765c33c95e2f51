//! Explanations: a planned contact or charge, a finding, an activity or an answered check, opened into every rule that
//! was considered. Nothing is decided or logged here; it is judged anew by the same code, and told.

use std::collections::BTreeSet;

use super::decided::{agreement, because, missing_of, weight, worst};
use super::logged::Recorded;
use super::past::{Ground, Sight};
use super::state::Warm;
use super::{Advice, Desk, Question, candidate, find};
use crate::compliance::trace::{self, Said, Trace};
use crate::compliance::{self, CaseWatch, PersonLogs};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::detail::Detail;
use crate::domain::ids::{ActivityId, CaseId, FindingId, MarketId};
use crate::domain::principal::{Principal, Role};
use crate::domain::time::Timestamp;
use crate::domain::validation::Violation;
use crate::domain::verdict::Verdict;
use crate::explain::{About, Chosen, Outcome, Scene, Teller};
use crate::ingest::market_state::HeldPermit;
use crate::ingest::{IngestError, assure_fresh};
use crate::rules::RuleInfo;
use crate::rules::written::Written;
use crate::store::{FindingRow, StoredActivity};

/// Most facts that are told beside the rules: evidence beyond that is named by its ids only.
const MAX_FACTS: usize = 500;

/// What is to be explained.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// Something that somebody means to do: asked as a check would be.
    Planned(Box<Question>),
    /// A finding.
    Finding(FindingId),
    /// Something that happened, on one of its cases; on the first if none is named.
    Activity(ActivityId, Option<CaseId>),
    /// A check that was answered, and the revision that its answer stood on.
    Check(String, u64),
}

/// A rule that was considered, as it is told.
#[derive(Debug, Clone)]
pub struct ExplainedRule {
    /// The rule.
    pub info: RuleInfo,
    /// Its limits as its file writes them.
    pub written: Written,
    /// What it said, or why it said nothing.
    pub said: Said,
    /// The same as a sentence.
    pub sentence: String,
}

/// A decision or a finding, opened.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// Tag of the language in which it is told.
    pub language: String,
    /// None of the languages asked for is there.
    pub fallback: bool,
    /// Words that the language does not have, told as packs write them.
    pub untranslated: Vec<String>,
    /// All of it in a few sentences.
    pub summary: String,
    /// The instant judged.
    pub at: Timestamp,
    /// The zone in which instants are told: the person's.
    pub zone: &'static str,
    /// All zones that the person may be in.
    pub zones: Vec<&'static str>,
    /// The verdict of a check.
    pub verdict: Option<Verdict>,
    /// The next lawful instant of a check.
    pub next_allowed: Option<Timestamp>,
    /// The finding.
    pub finding: Option<FindingRow>,
    /// What the log says of the check.
    pub recorded: Option<Recorded>,
    /// What was answered or found then is what is derived now; absent where nothing was on record.
    pub agrees: Option<bool>,
    /// Every rule considered.
    pub rules: Vec<ExplainedRule>,
    /// What is missing: its name, and the same in words.
    pub missing: Vec<(String, String)>,
    /// Facts that rules rest on, oldest first.
    pub facts: Vec<StoredActivity>,
    /// Digest of the rules applied.
    pub digest: String,
    /// Revision of the market.
    pub revision: u64,
}

/// What an explanation is made of.
struct Opened {
    trace: Trace,
    activity: Activity,
    version: CaseVersion,
    revision: u64,
    answer: Option<compliance::Answered>,
    finding: Option<FindingRow>,
    /// The activity was voided: it is judged as if it stood.
    voided: bool,
    recorded: Option<Recorded>,
}

impl Advice {
    /// Opens a decision, a finding, an activity or an answered check. Languages are tried in their order.
    ///
    /// # Errors
    /// The caller may not see it, it or its market is not known, or the database is away.
    pub async fn explain(
        &self,
        who: &Principal,
        market: &MarketId,
        wanted: Wanted,
        languages: &[String],
    ) -> Result<Explanation, IngestError> {
        let roles: &[Role] = match wanted {
            Wanted::Planned(_) => &[Role::Checker, Role::Reader, Role::Writer],
            _ => &[Role::Reader],
        };
        if !roles.iter().any(|role| who.has(*role)) {
            return Err(IngestError::RoleMissing(roles.first().map_or("reader", |role| role.as_str())));
        }
        loop {
            let snapshot = self.markets.config().get();
            let (market, rules) = find(&snapshot, who, market)?;
            let chosen = snapshot.languages.choose(languages).ok_or_else(|| {
                let text = "no messages are configured in any language asked for, nor in English".to_owned();
                IngestError::Invalid(text, Vec::new())
            })?;
            let now = self.markets.clock().now();
            let desk = Desk { markets: &self.markets, market, rules, now };
            let opened = match &wanted {
                Wanted::Planned(question) => {
                    let handle = self.markets.handle(&market.key);
                    assure_fresh(&self.markets, &market.key, &handle.state).await?;
                    let questions = [Question::clone(question)];
                    let Some((mut warm, revision)) = desk.warm(&handle.state, &snapshot, &questions).await? else {
                        // Other rules were put in force meanwhile: they are explained.
                        continue;
                    };
                    desk.look_back(&questions, &mut warm).await?;
                    let [question] = questions;
                    let unknown = || IngestError::NotFound { what: "case", id: question.case.to_string() };
                    let warm = warm.pop().flatten().ok_or_else(unknown)?;
                    let entry = warm.knowing(desk.at(&question));
                    let Warm { person, logs, permits, .. } = warm;
                    let ground = Ground { entry, person, logs, permits, revision };
                    desk.planned(question, ground, None)
                }
                Wanted::Check(id, revision) => {
                    let (question, recorded) = self.logged(who, &market.key.market, id, *revision).await?;
                    let at = desk.at(&question);
                    let sight = Sight { at, before: None, known: Some(recorded.revision) };
                    let mut ground = desk.ground(&question.case, question.person.as_ref(), &sight).await?;
                    ground.permits = desk.held(&question.case, &recorded.permits, &sight).await?;
                    desk.planned(question, ground, Some(recorded))
                }
                Wanted::Finding(id) => desk.found(*id).await?,
                Wanted::Activity(id, case) => desk.happened(id, case.clone(), None).await?,
            };
            return desk.tell(opened, &chosen).await;
        }
    }
}

impl Desk<'_> {
    /// Something planned, judged on its ground as a check judges it.
    fn planned(&self, question: Question, ground: Ground, recorded: Option<Recorded>) -> Opened {
        let at = self.at(&question);
        let activity = candidate(question, ground.person.clone(), at);
        let version = ground.entry.version_at(at);
        let context = self.context(version, true, &ground.logs);
        let among = HeldPermit::among(&ground.permits, &ground.entry);
        let (answer, trace) = compliance::trace_among(&context, &ground.entry.watch, &activity, &among);
        Opened {
            trace,
            activity,
            version: version.clone(),
            revision: ground.revision,
            answer: Some(answer),
            finding: None,
            voided: false,
            recorded,
        }
    }

    fn context<'c>(&'c self, version: &'c CaseVersion, lead: bool, persons: &'c PersonLogs) -> compliance::Context<'c> {
        compliance::Context { rules: self.rules, market: self.market, version, lead, persons }
    }

    /// A finding: what is stored of it, and its activity judged anew.
    async fn found(&self, id: FindingId) -> Result<Opened, IngestError> {
        let scope = self.markets.store().scope(&self.market.key.tenant);
        let unknown = || IngestError::NotFound { what: "finding", id: id.to_string() };
        let row = scope.finding_past(&self.market.key.market, id).await?.ok_or_else(unknown)?.row;
        let (activity, case) = (row.finding.activity.clone(), row.finding.case.clone());
        let activity = activity.unwrap_or_else(|| ActivityId::trusted("placement"));
        self.happened(&activity, case, Some(row)).await
    }

    /// Something that happened, on the ground of what had happened before it.
    async fn happened(
        &self,
        id: &ActivityId,
        case: Option<CaseId>,
        finding: Option<FindingRow>,
    ) -> Result<Opened, IngestError> {
        let scope = self.markets.store().scope(&self.market.key.tenant);
        let stored = scope.activity(&self.market.key.market, id).await?;
        let voided = stored.as_ref().is_some_and(|stored| stored.voided.is_some());
        let stored = stored.map(|stored| stored.activity);
        let unknown = || IngestError::NotFound { what: "activity", id: id.to_string() };
        let (case, lead) = match (&stored, &finding) {
            (Some(activity), _) => {
                let first = activity.cases.first();
                let case = case.or_else(|| first.cloned()).ok_or_else(|| {
                    let text = format!("activity \"{id}\" concerns the whole market: no rule judges it");
                    IngestError::Invalid(text.clone(), vec![Violation::new("activity.activity_id", text)])
                })?;
                if !activity.cases.contains(&case) {
                    return Err(IngestError::NotFound { what: "case of that activity", id: case.to_string() });
                }
                let lead = first == Some(&case);
                (case, lead)
            }
            // A finding of the placement or of the terms of a version has no activity of its own.
            (None, Some(row)) => (row.finding.case.clone().ok_or_else(unknown)?, true),
            (None, None) => return Err(unknown()),
        };
        let at = match (&stored, &finding) {
            (Some(activity), _) => activity.occurred,
            (None, row) => row.as_ref().map_or(self.now, |row| row.finding.at),
        };
        let sight = Sight { at, before: stored.as_ref().map(order_of), known: None };
        let person = stored.as_ref().and_then(|activity| activity.person.as_ref());
        let ground = self.ground(&case, person, &sight).await?;
        let version = ground.entry.version_at(at);
        let activity = stored.unwrap_or_else(|| trace::of_version(id, version, at));
        let context = self.context(version, lead, &ground.logs);
        let placed = CaseWatch::default();
        let watch = if id.as_str() == "placement" { &placed } else { &ground.entry.watch };
        let trace = watch.trace(&context, &activity, false);
        Ok(Opened {
            trace,
            activity,
            version: version.clone(),
            revision: ground.revision,
            answer: None,
            finding,
            voided,
            recorded: None,
        })
    }

    /// Everything as it is told.
    async fn tell(&self, opened: Opened, chosen: &Chosen) -> Result<Explanation, IngestError> {
        let Opened { trace, activity, version, revision, answer, finding, voided, recorded } = opened;
        let date_only = activity.date_only && finding.as_ref().is_none_or(|row| !row.finding.omission);
        let scene = Scene {
            // A date that is known alone is told where the person lives, as it was judged.
            at: finding.as_ref().filter(|_| !date_only).map_or(trace.at, |row| row.finding.at),
            date_only,
            zone: trace.zone,
            currency: currency(&activity, &version),
        };
        let teller = Teller::new(&chosen.language);
        let agrees = agreement(self.rules, &trace, answer.as_ref(), finding.as_ref(), voided, recorded.as_ref());
        let mut rules: Vec<ExplainedRule> = trace
            .rules
            .iter()
            .map(|one| ExplainedRule {
                info: one.active.info(),
                written: one.active.rule.written.clone(),
                said: one.said.clone(),
                sentence: match &finding {
                    Some(row) if row.finding.rule == one.active.rule.id => {
                        teller.finding(&scene, &one.active.rule, &row.finding)
                    }
                    _ => teller.rule(&scene, &one.active.rule, &one.said),
                },
            })
            .collect();
        // What decided comes first, and the finding's own rule before everything.
        let own = |rule: &ExplainedRule| finding.as_ref().is_some_and(|row| row.finding.rule == rule.info.id);
        rules.sort_by_key(|rule| (!own(rule), std::cmp::Reverse(weight(&rule.said))));
        let mut missing: Vec<String> = match &answer {
            Some(answer) => answer.missing.clone(),
            None => missing_of(&rules),
        };
        if answer.is_none() && !trace.complete {
            missing.push("pack".to_owned());
        }
        let because = because(&rules, answer.as_ref(), own);
        let about = match (&finding, &activity.detail) {
            (Some(row), _) => {
                About::Finding(&row.finding, row.status != crate::domain::finding::FindingStatus::Withdrawn)
            }
            (None, Detail::Contact(contact)) if answer.is_some() => About::Contact(contact.channel),
            (None, Detail::Charge(charge)) if answer.is_some() => About::Charge(charge.amount),
            (None, _) => About::Activity(activity.id.as_str(), worst(&rules)),
        };
        let outcome = Outcome {
            verdict: answer.as_ref().map_or(Verdict::Allowed, |answer| answer.verdict),
            next: answer.as_ref().and_then(|answer| answer.next_allowed),
            missing: if finding.is_some() { &[] } else { &missing },
            because: &because,
        };
        let summary = teller.summary(&scene, about, &outcome);
        let missing = missing.into_iter().map(|name| (teller.attribute(&name), name)).map(|(told, name)| (name, told));
        let missing = missing.collect();
        let facts = self.facts(&rules, finding.as_ref(), &activity.id).await?;
        Ok(Explanation {
            language: chosen.language.tag().to_owned(),
            fallback: chosen.fallback,
            untranslated: teller.untranslated(),
            summary,
            at: scene.at,
            zone: trace.zone.name(),
            zones: trace.zones.iter().map(|zone| zone.name()).collect(),
            verdict: answer.as_ref().map(|answer| answer.verdict),
            next_allowed: answer.as_ref().and_then(|answer| answer.next_allowed),
            finding,
            recorded,
            agrees,
            rules,
            missing,
            facts,
            digest: self.rules.digest().to_owned(),
            revision,
        })
    }

    /// The activities that rules rest on, oldest first.
    async fn facts(
        &self,
        rules: &[ExplainedRule],
        finding: Option<&FindingRow>,
        own: &ActivityId,
    ) -> Result<Vec<StoredActivity>, IngestError> {
        let spoken = rules.iter().filter_map(|rule| match &rule.said {
            Said::Spoke(spoken) => Some(&*spoken.speaking.evidence),
            Said::Nothing(..) => None,
        });
        let of_finding = finding.map(|row| row.finding.evidence.as_slice());
        let ids: BTreeSet<&str> = spoken.chain(of_finding).flatten().chain([own]).map(ActivityId::as_str).collect();
        let ids = ids.into_iter().take(MAX_FACTS).map(str::to_owned).collect();
        let scope = self.markets.store().scope(&self.market.key.tenant);
        let mut facts = scope.activities(&self.market.key.market, ids).await?;
        facts.sort_by(|a, b| a.activity.order().cmp(&b.activity.order()));
        Ok(facts)
    }
}

fn order_of(activity: &Activity) -> (Timestamp, i64, ActivityId) {
    (activity.occurred, activity.source_seq, activity.id.clone())
}

/// The currency of the amounts that rules compare: that of the activity's own money, else the case's.
fn currency(activity: &Activity, version: &CaseVersion) -> crate::domain::money::Currency {
    activity.detail.money().map_or(version.currency, |money| money.currency)
}
