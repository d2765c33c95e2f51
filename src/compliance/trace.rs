//! How an answer came about: every rule that was considered, with what it said or why it said nothing. Made only when
//! somebody asks for it, by the same steps as the answer itself.

use std::sync::Arc;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::judgement::{Note, conclude, judge_alone};
use super::situation::Situation;
use super::speaking::Speaking;
use super::verdict::consequence;
use super::walk::Including;
use super::{CaseWatch, Context, applies, cover, watch};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::finding::Severity;
use crate::domain::ids::ActivityId;
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Answer, Source};
use crate::domain::vocabulary::vocabulary;
use crate::rules::RuleSet;
use crate::rules::head::{Attributes, Scope};
use crate::rules::model::{Kind, Rule};
use crate::rules::ruleset::{ActiveRule, Jurisdiction};
use crate::rules::words::{Attribute, Status, Subject};

vocabulary!(
    /// Why a rule that was considered said nothing.
    Silence {
        /// It is not law yet.
        Proposed = "proposed",
        /// It binds only those who have signed its code.
        NotMember = "not_member",
        /// Its dates do not hold it in force.
        NotInForce = "not_in_force",
        /// Its pack does not cover the case.
        OutsideScope = "outside_scope",
        /// It concerns other cases or persons.
        OtherCase = "other_case",
        /// It judges other activities.
        OtherActivity = "other_activity",
        /// It leaves this one alone.
        Exempt = "exempt",
        /// It judges an activity once, with the first of the activity's cases.
        OtherSubject = "other_subject",
        /// The claim is under another law.
        OtherLaw = "other_law",
        /// What it asks for to speak is not so.
        ConditionNotMet = "condition_not_met",
    }
);

/// What a rule that spoke has said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    /// As the answer to a check shows it.
    pub speaking: Speaking,
    /// How bad a breach of it is; `None` where it only informs.
    pub severity: Option<Severity>,
    /// It states no figure, or nothing was stated that it could be held against: it was not tested.
    pub untested: bool,
    /// What is missing to tell, for answer `unknown`.
    pub missing: Option<Attribute>,
}

/// What became of a rule that was considered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It spoke.
    Spoke(Box<Spoken>),
    /// It said nothing, with the exemption or the attribute that decided it, where one did.
    Nothing(Silence, Option<&'static str>),
}

/// A rule that was considered.
#[derive(Debug, Clone)]
pub struct Considered {
    /// The rule as the tenant has it.
    pub active: Arc<ActiveRule>,
    /// What became of it.
    pub said: Said,
}

impl Considered {
    /// Takes what the rule says of another contact, where that is worse than what it says of this one.
    pub(super) fn outdone_by(&mut self, rules: &RuleSet, speaking: &Speaking) {
        if matches!(&self.said, Said::Spoke(spoken) if spoken.speaking.verdict >= speaking.verdict) {
            return;
        }
        let severity = consequence(rules, &self.active, speaking.unconfirmed).severity;
        let missing = missing(speaking);
        self.said = Said::Spoke(Box::new(Spoken { speaking: speaking.clone(), severity, untested: false, missing }));
    }
}

/// What is missing to tell.
fn missing(speaking: &Speaking) -> Option<Attribute> {
    match speaking.note {
        Note::Missing(attribute) if speaking.answer == Answer::Unknown => Some(attribute),
        _ => None,
    }
}

/// Every rule that was considered, in the order in which they were asked.
#[derive(Debug, Clone)]
pub struct Trace {
    /// The instant judged.
    pub at: Timestamp,
    /// The zone in which the person's dates and times are told.
    pub zone: Tz,
    /// All zones that the person may be in; none: no zone is known, and `zone` is UTC.
    pub zones: Vec<Tz>,
    /// The rules.
    pub rules: Vec<Considered>,
    /// Every country concerned has a pack.
    pub complete: bool,
}

pub(super) fn trace(watch: &CaseWatch, ctx: &Context<'_>, activity: &Activity, asked: bool) -> Trace {
    let situation = Situation::new(ctx, watch, activity, asked);
    let law = situation.governing_law();
    let limitation = |active: &ActiveRule| active.rule.limits.kind() == Kind::LimitationPeriod;
    let mut rules: Vec<Considered> = Vec::new();
    let mut consider =
        |jurisdiction: &Jurisdiction, active: &Arc<ActiveRule>, possible: bool, before: &[Option<&Jurisdiction>]| {
            if before.iter().flatten().copied().any(|other| jurisdiction.repeats(&active.rule, other)) {
                return;
            }
            let said = said(&situation, jurisdiction, active, possible);
            rules.push(Considered { active: Arc::clone(active), said });
        };
    let mut including = Including::default();
    let mut complete = situation.each_jurisdiction(&mut |jurisdiction, possible| {
        let before = including.then(jurisdiction, law.map(|_| false));
        let own = jurisdiction.rules.iter().filter(|active| law.is_none() || !limitation(active));
        own.for_each(|active| consider(jurisdiction, active, possible, &before));
    });
    if let Some(law) = law {
        complete &= situation.each_governing(law, &mut |jurisdiction, possible| {
            let before = including.then(jurisdiction, Some(true));
            let chosen = jurisdiction.rules.iter().filter(|active| limitation(active));
            chosen.for_each(|active| consider(jurisdiction, active, possible, &before));
        });
        let mut others = Vec::new();
        situation.each_jurisdiction(&mut |jurisdiction, _| {
            let silent = jurisdiction.rules.iter().filter(|active| limitation(active));
            let said = Said::Nothing(Silence::OtherLaw, None);
            others.extend(silent.map(|active| Considered { active: Arc::clone(active), said: said.clone() }));
        });
        others.retain(|other| !rules.iter().any(|one| one.active.rule.id == other.active.rule.id));
        rules.append(&mut others);
    }
    Trace { at: situation.at, zone: situation.home_zone(), zones: situation.zones.as_slice().to_vec(), rules, complete }
}

/// The placement of a case, or terms that a version changed: what a finding without an activity of its own judged.
#[must_use]
pub fn of_version(id: &ActivityId, version: &CaseVersion, at: Timestamp) -> Activity {
    Activity { id: id.clone(), ..watch::placement(version, at) }
}

fn said(situation: &Situation<'_>, jurisdiction: &Jurisdiction, active: &ActiveRule, possible: bool) -> Said {
    let rule = &*active.rule;
    if !active.judged {
        let why = if rule.status == Status::Proposed { Silence::Proposed } else { Silence::NotMember };
        return Said::Nothing(why, None);
    }
    let clauses = active.cover.as_deref().unwrap_or(&[]);
    let covered = if clauses.is_empty() { Some(None) } else { cover::covers(clauses, situation) };
    let Some(doubt) = covered else { return Said::Nothing(Silence::OutsideScope, None) };
    let possible = possible.then(|| situation.lacking(jurisdiction)).or(doubt);
    let Some(mut speaking) = judge_alone(situation, jurisdiction, active, possible) else {
        let (why, word) = silence(rule, situation);
        return Said::Nothing(why, word);
    };
    let missing = missing(&speaking);
    let untested = speaking.no_figure;
    let breach = consequence(situation.rules, active, speaking.unconfirmed);
    conclude(active.number, breach, &mut speaking);
    Said::Spoke(Box::new(Spoken { speaking, severity: breach.severity, untested, missing }))
}

/// Why a rule said nothing: the first step of [`judge_alone`] that it did not pass.
fn silence(rule: &Rule, situation: &Situation<'_>) -> (Silence, Option<&'static str>) {
    if !situation.lead && matches!(rule.subject, Subject::Activity | Subject::Person) {
        return (Silence::OtherSubject, None);
    }
    if !applies::is_judged(rule, situation) {
        return (Silence::OtherActivity, None);
    }
    if let Some(word) = applies::exemption(rule, situation) {
        return (Silence::Exempt, Some(word));
    }
    if applies::version_holds(rule, situation).is_none() {
        return (Silence::NotInForce, Some(rule.version_by.as_str()));
    }
    if rule.source == Source::Code
        && rule.membership.as_ref().is_some_and(|code| !situation.rules.facts().is_member(code, situation.date()))
    {
        return (Silence::NotMember, None);
    }
    match other_case(&rule.scope, &rule.assume, situation) {
        Some(attribute) => (Silence::OtherCase, Some(attribute.as_str())),
        None => (Silence::ConditionNotMet, None),
    }
}

/// The first attribute by which the scope does not concern the case: each is asked by itself.
fn other_case(scope: &Scope, assume: &Attributes, situation: &Situation<'_>) -> Option<Attribute> {
    let none = Scope::default;
    let probes = [
        (Attribute::CollectorRole, Scope { collector_role: scope.collector_role, ..none() }),
        (Attribute::Ownership, Scope { ownership: scope.ownership, ..none() }),
        (Attribute::DebtClass, Scope { debt_class: scope.debt_class, ..none() }),
        (Attribute::DebtType, Scope { debt_type: scope.debt_type, ..none() }),
        (Attribute::CreditorType, Scope { creditor_type: scope.creditor_type, ..none() }),
        (Attribute::DebtorKind, Scope { debtor_kind: scope.debtor_kind, ..none() }),
        (Attribute::PersonRole, Scope { person_role: scope.person_role, ..none() }),
        (Attribute::RegulatedCredit, Scope { regulated_credit: scope.regulated_credit, ..none() }),
        (Attribute::EuBankNpl, Scope { eu_bank_npl: scope.eu_bank_npl, ..none() }),
        (Attribute::Secured, Scope { secured: scope.secured, ..none() }),
        (Attribute::TitleDate, Scope { titled: scope.titled, ..none() }),
    ];
    let excludes = |probe: &Scope| applies::attributes(probe, assume, situation).is_none();
    probes.into_iter().find(|(_, probe)| excludes(probe)).map(|(attribute, _)| attribute)
}
