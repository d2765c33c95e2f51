//! What a rule kind says of a situation, before it becomes a finding, a test or an answer.

use super::situation::Situation;
pub(crate) use super::speaking::{Note, Speaking};
use super::verdict::{Consequence, of_answer};
use super::{applies, contact_block, contact_cooldown, contact_frequency, contact_hours, fee_cap};
use super::{
    call_recording, channel_consent, content, dispute_handling, documents_held, prohibited_conduct, third_party,
};
use super::{client_funds, complaint_handling, credit_reporting, interest_cap, licence, payment_application};
use super::{limitation_period, notice_period, payment_term, record_retention, required_notice, which};
use crate::domain::finding::{Finding, Severity, Steered};
use crate::domain::ids::FindingId;
use crate::domain::market::Market;
use crate::domain::time::MAX_TIMESTAMP;
use crate::domain::verdict::{Answer, Verdict};
use crate::rules::RuleNumber;
use crate::rules::candidates::{Candidate, Judges};
use crate::rules::model::{Limits, Rule};
use crate::rules::ruleset::{ActiveRule, Jurisdiction};
use crate::rules::words::{Attribute, Subject};

/// Judges a candidate: adds what it says to `said`, if it speaks of this activity. `possible`: what is missing to tell
/// whether its pack concerns the person and the case.
///
/// Every rule of every answer comes through here: what it says is written where it stays, not handed on by copies.
#[inline]
pub(crate) fn judge<'s>(
    situation: &Situation<'_>,
    jurisdiction: &Jurisdiction,
    candidate: &Candidate,
    possible: Option<Attribute>,
    said: &'s mut Vec<Speaking>,
) -> Option<&'s mut Speaking> {
    let doubt = concerned(situation, candidate)?;
    if unblocked(situation, candidate) {
        said.push(Speaking::kept_on(true));
        return said.last_mut();
    }
    tell(situation, jurisdiction, candidate, possible.or(doubt), said)
}

/// Adds what a rule says to `said` that concerns the activity; `doubt`: what is missing to be sure that it does.
#[inline]
pub(crate) fn tell<'s>(
    situation: &Situation<'_>,
    jurisdiction: &Jurisdiction,
    candidate: &Candidate,
    doubt: Option<Attribute>,
    said: &'s mut Vec<Speaking>,
) -> Option<&'s mut Speaking> {
    let before = said.len();
    speak(situation, jurisdiction, &candidate.active.rule, said);
    let said = said.get_mut(before)?;
    // Whoever may live elsewhere, or may not be concerned at all, is not accused.
    said.doubt(doubt);
    Some(said)
}

/// It is a block, and none of its flags is set of anybody: it is kept, now and later. Nearly all blocks end here.
#[inline(always)]
pub(crate) fn unblocked(situation: &Situation<'_>, candidate: &Candidate) -> bool {
    candidate.blocked_by.is_some_and(|(conditions, flags)| {
        !situation.known.of_whom(candidate.shares).meets(conditions) && !flags.meets(situation.known.flags)
    })
}

/// Apart from its callers, so that an answer is moved as one piece and not field by field.
#[inline(never)]
fn speak(situation: &Situation<'_>, jurisdiction: &Jurisdiction, rule: &Rule, said: &mut Vec<Speaking>) {
    if let Some(one) = by_kind(situation, jurisdiction, rule) {
        said.push(one);
    }
}

/// The same for a rule by itself, by looking at all of it: how an answer is explained, and what tests hold the quick way to.
pub(crate) fn judge_alone(
    situation: &Situation<'_>,
    jurisdiction: &Jurisdiction,
    active: &ActiveRule,
    possible: Option<Attribute>,
) -> Option<Speaking> {
    let rule = &*active.rule;
    if !situation.lead && matches!(rule.subject, Subject::Activity | Subject::Person) {
        return None;
    }
    let unsure = applies::attributes(&rule.scope, &rule.assume, situation)?;
    if !applies::concerns(rule, situation) {
        return None;
    }
    let doubt = applies::in_force(active, situation)?.or(unsure);
    by_kind(situation, jurisdiction, rule).map(|said| said.in_doubt(possible.or(doubt)))
}

/// The rule may have something to say: what is missing to be sure of it. Most rules are dismissed here, by a look at a few
/// bytes of the candidate.
#[inline(always)]
#[allow(clippy::option_option)] // three answers
pub(crate) fn concerned(situation: &Situation<'_>, candidate: &Candidate) -> Option<Option<Attribute>> {
    let unsure = situation.scoped_by_words(candidate)?;
    if !candidate.holds_on(situation.day) {
        return None;
    }
    if candidate.closely { closely(situation, candidate, unsure) } else { Some(unsure) }
}

/// The same by a closer look at a candidate that words and days do not dismiss; they leave it `unsure`.
#[inline(never)]
#[allow(clippy::option_option)]
fn closely(situation: &Situation<'_>, candidate: &Candidate, unsure: Option<Attribute>) -> Option<Option<Attribute>> {
    if !is_judged(situation, candidate) || candidate.exempts && applies::exempt(&candidate.active.rule, situation) {
        return None;
    }
    if !candidate.closer && !candidate.asks_further {
        return Some(unsure);
    }
    let unsure = unsure.or(applies::further(&candidate.active.rule.scope, situation)?);
    applies::in_force(&candidate.active, situation).map(|doubt| doubt.or(unsure))
}

/// The activity is of a kind that the candidate judges, where words do not say otherwise.
pub(crate) fn is_judged(situation: &Situation<'_>, candidate: &Candidate) -> bool {
    match candidate.judges {
        Judges::Outbound => true,
        Judges::Planned if situation.planned => true,
        _ => applies::is_judged(&candidate.active.rule, situation),
    }
}

/// What the rule says: its kind, and of a contact that may be no demand at all, that its purpose is missing.
fn by_kind(situation: &Situation<'_>, jurisdiction: &Jurisdiction, rule: &Rule) -> Option<Speaking> {
    let mut said = of_kind(situation, jurisdiction, rule)?;
    if said.answer == Answer::Broken
        && let Some(steps) = rule.limits.demands()
    {
        said.doubt(which::unstated(steps, situation));
    }
    if situation.asked
        && matches!(said.answer, Answer::Broken | Answer::Unknown)
        && let Some(lapse) = situation.lapse_of(rule)
    {
        // What another version says from then on is asked of that version.
        said.allowed_from = Some(said.allowed_from.map_or(lapse, |from| from.min(lapse)));
    }
    Some(said)
}

/// What the rule's kind says.
fn of_kind(situation: &Situation<'_>, jurisdiction: &Jurisdiction, rule: &Rule) -> Option<Speaking> {
    let calendar = Situation::calendar(jurisdiction);
    match &rule.limits {
        Limits::ContactHours(limits) => contact_hours::judge(limits, situation, calendar),
        Limits::ContactFrequency(limits) => contact_frequency::judge(limits, rule.from, situation),
        Limits::ContactCooldown(limits) => contact_cooldown::judge(limits, situation),
        Limits::ContactBlock(limits) => contact_block::judge(limits, rule.from, situation, jurisdiction),
        Limits::NoticePeriod(limits) => notice_period::judge(limits, situation, calendar),
        Limits::RequiredNotice(limits) => required_notice::judge(limits, situation, jurisdiction),
        Limits::FeeCap(limits) => fee_cap::judge(rule, limits, situation, calendar),
        Limits::LimitationPeriod(limits) => limitation_period::judge(rule, limits, situation, calendar),
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
    }
}

/// Says which rule it was, and what its breach means for the answer to a check.
#[inline]
pub(crate) fn conclude(number: RuleNumber, consequence: Consequence, said: &mut Speaking) {
    let mut breach = consequence.verdict;
    if said.representative_only && breach == Verdict::NotPermitted {
        breach = Verdict::RepresentativeOnly;
    }
    said.rule = number;
    // What could be allowed only after the last instant that is told never is.
    said.allowed_from = said.allowed_from.filter(|at| *at <= MAX_TIMESTAMP);
    said.overridable = consequence.overridable && said.answer == Answer::Broken;
    said.verdict = of_answer(said.answer, breach);
}

/// The finding of a broken rule.
pub(crate) fn finding(
    market: &Market,
    situation: &Situation<'_>,
    active: &ActiveRule,
    severity: Severity,
    judgement: &Speaking,
) -> Finding {
    let rule = &active.rule;
    let (activity, case) = (situation.activity, &situation.version.case);
    let subject: &[&str] = match rule.subject {
        Subject::Activity | Subject::Person => &[activity.id.as_str()],
        _ => &[activity.id.as_str(), case.as_str()],
    };
    Finding {
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
        steered: Steered::of(
            market,
            situation.version,
            activity.actor.agent.as_deref(),
            activity.actor.team.as_deref(),
        ),
        at: activity.occurred,
        omission: false,
        known_at_time: judgement.known_at_time,
        observed: judgement.observation(),
        evidence: judgement.evidence.to_vec(),
    }
}
