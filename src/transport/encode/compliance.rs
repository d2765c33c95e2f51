//! What rules say, findings, and the rules in force.

use super::scalar::{date, id, text, time};
use crate::advice::{CheckAnswer, Checked};
use crate::domain::finding::Finding;
use crate::domain::verdict::{Answer, Observation, Speaking};
use crate::proto::v1;
use crate::query::{FindingRow, RuleInfo};
use crate::transport::decode::check::View;
use crate::transport::words::{Word, number};

/// The answer to a contact check.
#[must_use]
pub fn check(checked: &Checked, answer: CheckAnswer, view: View) -> v1::CheckContactResponse {
    v1::CheckContactResponse {
        check_id: checked.check_id(&answer).as_str().to_owned(),
        contact_time: Some(time(answer.at)),
        verdict: answer.verdict.number(),
        rules: rules(checked, &answer, view),
        next_allow_time: answer.next_allowed.map(time),
        missing: answer.missing,
        rules_digest: checked.rules_digest().to_owned(),
        revision: super::scalar::revision(checked.revision),
    }
}

/// The answer to a contact check of a batch.
#[must_use]
pub fn check_result(checked: &Checked, answer: CheckAnswer, view: View) -> v1::ContactCheckResult {
    v1::ContactCheckResult {
        refusal: None,
        check_id: checked.check_id(&answer).as_str().to_owned(),
        contact_time: Some(time(answer.at)),
        verdict: answer.verdict.number(),
        rules: rules(checked, &answer, view),
        next_allow_time: answer.next_allowed.map(time),
        missing: answer.missing,
    }
}

/// The answer to a charge check.
#[must_use]
pub fn charge(checked: &Checked, answer: CheckAnswer, view: View) -> v1::CheckChargeResponse {
    v1::CheckChargeResponse {
        check_id: checked.check_id(&answer).as_str().to_owned(),
        charge_time: Some(time(answer.at)),
        verdict: answer.verdict.number(),
        rules: rules(checked, &answer, view),
        next_allow_time: answer.next_allowed.map(time),
        missing: answer.missing,
        rules_digest: checked.rules_digest().to_owned(),
        revision: super::scalar::revision(checked.revision),
    }
}

fn rules(checked: &Checked, answer: &CheckAnswer, view: View) -> Vec<v1::Speaking> {
    let spoken = answer.speaking.iter();
    match view {
        View::Basic => spoken.map(speaking).collect(),
        View::Full => spoken.map(|one| full(checked, one)).collect(),
        View::Verdict => spoken.filter(|one| one.answer != Answer::Kept).map(brief).collect(),
    }
}

/// What one rule says, with its text and where that stands.
#[must_use]
pub fn full(checked: &Checked, spoken: &Speaking) -> v1::Speaking {
    let told = checked.rule(spoken);
    let (title, text, citation) = told.map(|rule| (rule.title, rule.text, rule.citation)).unwrap_or_default();
    v1::Speaking { title, text, citation, ..speaking(spoken) }
}

fn brief(speaking: &Speaking) -> v1::Speaking {
    v1::Speaking {
        rule_id: speaking.rule.to_string(),
        answer: speaking.answer.number(),
        verdict: speaking.verdict.number(),
        ..v1::Speaking::default()
    }
}

/// What one rule says.
#[must_use]
pub fn speaking(speaking: &Speaking) -> v1::Speaking {
    v1::Speaking {
        rule_id: speaking.rule.to_string(),
        jurisdiction_id: speaking.jurisdiction.to_string(),
        answer: speaking.answer.number(),
        verdict: speaking.verdict.number(),
        observation: Some(observation(&speaking.observed)),
        remaining: speaking.remaining,
        allow_time: speaking.allowed_from.map(time),
        overridable: speaking.overridable,
        known_at_time: speaking.known_at_time,
        duties: speaking.duties.iter().flat_map(|words| words.iter()).map(ToString::to_string).collect(),
        evidence_activity_ids: speaking.evidence.iter().map(ToString::to_string).collect(),
        conditional_limit: speaking.conditional.map(|conditional| v1::ConditionalLimit {
            condition: conditional.condition.to_owned(),
            limit: conditional.limit,
            remaining: conditional.remaining,
        }),
        title: String::new(),
        text: String::new(),
        citation: String::new(),
    }
}

fn observation(observation: &Observation) -> v1::Observation {
    v1::Observation {
        observed: observation.observed,
        limit: observation.limit,
        unit: number(observation.unit),
        note: text(observation.note.as_ref()),
    }
}

/// A finding as stored.
#[must_use]
pub fn finding(row: &FindingRow) -> v1::Finding {
    v1::Finding {
        status: row.status.number(),
        change_reason: row.reason.clone(),
        open_time: Some(time(row.opened)),
        change_time: Some(time(row.changed)),
        revision: super::scalar::revision(row.revision),
        ..derived(&row.finding)
    }
}

/// A finding as it is derived, without what only a stored one has.
#[must_use]
pub fn derived(finding: &Finding) -> v1::Finding {
    v1::Finding {
        finding_id: finding.id.to_string(),
        rule_id: finding.rule.to_string(),
        jurisdiction_id: finding.jurisdiction.to_string(),
        pack_version: finding.pack_version.clone(),
        pack_digest: finding.pack_digest.clone(),
        severity: finding.severity.number(),
        effect: finding.effect.number(),
        case_id: id(finding.case.as_ref()),
        person_id: id(finding.person.as_ref()),
        activity_id: id(finding.activity.as_ref()),
        agent_id: text(finding.agent.as_ref()),
        client_id: text(finding.client.as_ref()),
        breach_time: Some(time(finding.at)),
        omission: finding.omission,
        known_at_time: finding.known_at_time,
        observation: Some(observation(&finding.observed)),
        evidence_activity_ids: finding.evidence.iter().map(ToString::to_string).collect(),
        ..v1::Finding::default()
    }
}

/// A rule in force.
#[must_use]
pub fn rule(rule: RuleInfo) -> v1::Rule {
    v1::Rule {
        rule_id: rule.id.to_string(),
        jurisdiction_id: rule.jurisdiction.to_string(),
        kind: rule.kind.as_str().to_owned(),
        title: rule.title,
        text: rule.text,
        citation: rule.citation,
        source: rule.source.number(),
        effect: rule.effect.number(),
        confidence: rule.confidence.number(),
        start_date: rule.valid_from.map(date),
        end_date: rule.valid_until.map(date),
        judged: rule.judged,
        membership: rule.membership.unwrap_or_default(),
        reviewer: rule.reviewed_by.unwrap_or_default(),
        review_date: rule.reviewed_on.map(date),
        next_review_date: rule.next_review_on.map(date),
        pack_version: rule.pack_version,
        pack_digest: rule.pack_digest,
    }
}
