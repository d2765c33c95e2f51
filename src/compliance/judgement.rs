//! What a rule kind says of a situation, before it becomes a finding, a test or an answer.

use std::sync::Arc;

use super::situation::Situation;
pub(crate) use super::speaking::Note;
use super::speaking::{ConditionalLimit, Evidence, Speaking, observation};
use super::verdict::{consequence, of_answer};
use super::{applies, contact_block, contact_cooldown, contact_frequency, contact_hours, fee_cap};
use super::{
    call_recording, channel_consent, content, dispute_handling, documents_held, prohibited_conduct, third_party,
};
use super::{client_funds, complaint_handling, credit_reporting, interest_cap, licence, payment_application};
use super::{limitation_period, notice_period, payment_term, record_retention, required_notice};
use crate::domain::finding::Finding;
use crate::domain::ids::FindingId;
use crate::domain::market::Market;
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Answer, Duties, Observation, Unit, Verdict};
use crate::rules::model::Limits;
use crate::rules::ruleset::{ActiveRule, Jurisdiction};
use crate::rules::words::{Attribute, Subject};

/// What one rule says.
#[derive(Debug, Clone)]
pub(crate) struct Judgement {
    pub answer: Answer,
    pub observed: Option<i64>,
    pub limit: Option<i64>,
    pub unit: Option<Unit>,
    pub note: Note,
    pub remaining: Option<i64>,
    pub conditional: Option<Box<ConditionalLimit>>,
    pub allowed_from: Option<Timestamp>,
    pub known_at_time: bool,
    pub representative_only: bool,
    /// The rule states no figure: it speaks and tests nothing.
    pub no_figure: bool,
    /// A figure that it rests on was not read in its source.
    pub unconfirmed: bool,
    pub evidence: Evidence,
    /// What must be held or done.
    pub duties: Option<Duties>,
}

impl Judgement {
    pub fn new(answer: Answer) -> Self {
        Self {
            answer,
            observed: None,
            limit: None,
            unit: None,
            note: Note::None,
            remaining: None,
            conditional: None,
            allowed_from: None,
            known_at_time: true,
            representative_only: false,
            no_figure: false,
            unconfirmed: false,
            evidence: Evidence::NONE,
            duties: None,
        }
    }

    /// Kept, as long as this is held or done.
    pub fn duty(duties: Option<Duties>) -> Self {
        Self { duties, ..Self::new(Answer::Duty) }
    }

    /// Nothing was stated that could be tested.
    pub fn untested() -> Self {
        Self { no_figure: true, ..Self::new(Answer::Kept) }
    }

    /// The text states no number.
    pub fn no_figure() -> Self {
        Self { note: Note::Word("no figure"), no_figure: true, ..Self::new(Answer::Kept) }
    }

    /// An input is missing.
    pub fn missing(attribute: Attribute) -> Self {
        Self { note: Note::Missing(attribute), ..Self::new(Answer::Unknown) }
    }

    /// What is missing to tell whether the rule means the activity at all turns a breach into "unknown".
    pub fn in_doubt(mut self, doubt: Option<Attribute>) -> Self {
        if self.answer == Answer::Broken
            && let Some(attribute) = doubt
        {
            self.answer = Answer::Unknown;
            self.note = Note::Missing(attribute);
        }
        self
    }

    pub fn seen(mut self, observed: i64, limit: i64, unit: Unit) -> Self {
        self.observed = Some(observed);
        self.limit = Some(limit);
        self.unit = Some(unit);
        self
    }

    pub fn observation(&self) -> Observation {
        observation(self.observed, self.limit, self.unit, &self.note)
    }
}

/// Judges one rule. `None`: it does not speak of this activity. `possible`: what is missing to tell whether its pack
/// concerns the person and the case.
pub(crate) fn judge(
    situation: &Situation<'_>,
    jurisdiction: &Jurisdiction,
    active: &ActiveRule,
    possible: Option<Attribute>,
) -> Option<Judgement> {
    let rule = &*active.rule;
    if !situation.lead && matches!(rule.subject, Subject::Activity | Subject::Person) {
        return None;
    }
    if !applies::concerns(rule, situation) {
        return None;
    }
    let doubt = applies::scope(active, situation)?;
    let calendar = Situation::calendar(jurisdiction);
    let judgement = match &rule.limits {
        Limits::ContactHours(limits) => contact_hours::judge(limits, situation, calendar),
        Limits::ContactFrequency(limits) => contact_frequency::judge(limits, situation),
        Limits::ContactCooldown(limits) => contact_cooldown::judge(limits, situation),
        Limits::ContactBlock(limits) => contact_block::judge(limits, rule.from, situation, calendar),
        Limits::NoticePeriod(limits) => notice_period::judge(limits, situation, calendar),
        Limits::RequiredNotice(limits) => required_notice::judge(limits, situation, jurisdiction),
        Limits::FeeCap(limits) => fee_cap::judge(rule, limits, situation, calendar),
        Limits::LimitationPeriod(limits) => limitation_period::judge(limits, situation, calendar),
        Limits::CallRecording(limits) => call_recording::judge(limits, situation),
        Limits::ChannelConsent(limits) => channel_consent::judge(limits, situation, calendar),
        Limits::Content(limits) => content::judge(limits, situation, jurisdiction),
        Limits::DisputeHandling(limits) => dispute_handling::judge(limits, rule.from, situation, calendar),
        Limits::DocumentsHeld(limits) => documents_held::judge(limits, situation),
        Limits::ProhibitedConduct(limits) => prohibited_conduct::judge(limits, situation),
        Limits::ThirdParty(limits) => third_party::judge(limits, situation),
        Limits::InterestCap(limits) => interest_cap::judge(rule, limits, situation, calendar),
        Limits::PaymentApplication(limits) => payment_application::judge(rule, limits, situation),
        Limits::PaymentTerm(limits) => payment_term::judge(limits, situation, calendar),
        Limits::ClientFunds(limits) => client_funds::judge(rule, limits, situation),
        Limits::CreditReporting(limits) => credit_reporting::judge(rule, limits, situation, calendar),
        Limits::RecordRetention(limits) => record_retention::judge(limits, situation, calendar),
        Limits::Licence(limits) => Some(licence::judge(rule, limits, situation)),
        Limits::ComplaintHandling(limits) => complaint_handling::judge(rule, limits, situation),
    }?;
    // Whoever may live elsewhere, or may not be concerned at all, is not accused.
    Some(judgement.in_doubt(possible.or(doubt)))
}

/// What the rule says, as the answer to a check shows it.
pub(crate) fn speaking(situation: &Situation<'_>, active: &ActiveRule, judgement: Judgement) -> Speaking {
    let consequence = consequence(situation.rules, active, judgement.unconfirmed);
    let mut breach = consequence.verdict;
    if judgement.representative_only && breach == Verdict::NotPermitted {
        breach = Verdict::RepresentativeOnly;
    }
    let overridable = consequence.overridable && judgement.answer == Answer::Broken;
    let verdict = of_answer(judgement.answer, breach);
    Speaking::of(active.number, judgement, verdict, overridable)
}

/// The finding of a broken rule, if a breach of it is one.
pub(crate) fn finding(
    market: &Market,
    situation: &Situation<'_>,
    active: &Arc<ActiveRule>,
    judgement: &Judgement,
) -> Option<Finding> {
    let severity = consequence(situation.rules, active, judgement.unconfirmed).severity?;
    let rule = &active.rule;
    let (activity, case) = (situation.activity, &situation.version.case);
    let subject: &[&str] = match rule.subject {
        Subject::Activity | Subject::Person => &[activity.id.as_str()],
        _ => &[activity.id.as_str(), case.as_str()],
    };
    Some(Finding {
        id: FindingId::of(&market.key.tenant, &market.key.market, &rule.id, subject),
        rule: rule.id.clone(),
        jurisdiction: rule.jurisdiction.clone(),
        pack_digest: active.pack_digest.to_string(),
        pack_version: active.pack_version.to_string(),
        severity,
        effect: rule.effect,
        case: Some(case.clone()),
        person: situation.person.cloned(),
        activity: Some(activity.id.clone()),
        agent: activity.actor.agent.clone(),
        client: Some(situation.version.identity.creditor.clone()),
        at: activity.occurred,
        omission: false,
        known_at_time: judgement.known_at_time,
        observed: judgement.observation(),
        evidence: judgement.evidence.to_vec(),
    })
}
