//! What rules say, and the rules in force.

use crate::advice::{CheckAnswer, Checked, RuleSet, Speaking};
use crate::domain::verdict::{Answer, Observation};
use crate::proto::v1;
use crate::query::{Derivation, RuleInfo};
use crate::transport::decode::check::View;
use crate::wire::encode::scalar::{date, text, time};
use crate::wire::words::{Word, number};

/// How far a market has come that is being derived anew.
#[must_use]
pub fn derivation(derivation: Derivation) -> v1::Derivation {
    let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let Derivation { done, total, since, error, error_at } = derivation;
    v1::Derivation {
        cases_done: whole(done),
        cases_total: whole(total),
        start_time: since.map(time),
        last_error: error,
        error_time: error_at.map(time),
    }
}

/// The answer to a charge check.
#[must_use]
pub fn charge(checked: &Checked, answer: CheckAnswer, view: View) -> v1::CheckChargeResponse {
    v1::CheckChargeResponse {
        check_id: checked.check_id(answer.number).as_str().to_owned(),
        charge_time: Some(time(answer.at)),
        verdict: answer.answered.verdict.number(),
        rules: rules(checked, &answer, view),
        next_allow_time: answer.answered.next_allowed.map(time),
        missing: answer.answered.missing,
        rules_digest: checked.rules_digest().to_owned(),
        revision: crate::wire::encode::scalar::revision(checked.revision),
    }
}

/// What the rules of an answer say, as far as a view shows it.
#[must_use]
pub fn rules(checked: &Checked, answer: &CheckAnswer, view: View) -> Vec<v1::Speaking> {
    let spoken = answer.answered.speaking.iter();
    match view {
        View::Basic => spoken.map(|one| speaking(&Words::of(checked.rules(), one), one)).collect(),
        View::Full => spoken.map(|one| full(checked.rules(), one)).collect(),
        View::Verdict => {
            spoken.filter(|one| one.answer != Answer::Kept).map(|one| brief(checked.rules(), one)).collect()
        }
    }
}

/// What one rule says, with its text and where that stands.
#[must_use]
pub fn full(rules: &RuleSet, spoken: &Speaking) -> v1::Speaking {
    let words = Words::of(rules, spoken);
    let [title, text, citation] = [words.title, words.text, words.citation].map(ToOwned::to_owned);
    v1::Speaking { title, text, citation, ..speaking(&words, spoken) }
}

/// What an answer tells of the rule that gives it.
#[derive(Default)]
pub struct Words<'a> {
    /// Its id.
    pub rule: &'a str,
    /// Its jurisdiction.
    pub jurisdiction: &'a str,
    /// One line.
    pub title: &'a str,
    /// What it says.
    pub text: &'a str,
    /// Text of law or code.
    pub citation: &'a str,
}

impl<'a> Words<'a> {
    /// Of a rule of the set that answered. Nothing of any other: numbers are of one set.
    pub fn of(rules: &'a RuleSet, speaking: &Speaking) -> Self {
        rules.numbered(speaking.rule).map_or_else(Self::default, |active| Self {
            rule: active.rule.id.as_str(),
            jurisdiction: active.rule.jurisdiction.as_str(),
            title: &active.rule.title,
            text: &active.rule.text,
            citation: &active.rule.citation,
        })
    }
}

fn brief(rules: &RuleSet, speaking: &Speaking) -> v1::Speaking {
    v1::Speaking {
        rule_id: Words::of(rules, speaking).rule.to_owned(),
        answer: speaking.answer.number(),
        verdict: speaking.verdict.number(),
        ..v1::Speaking::default()
    }
}

/// What one rule says.
#[must_use]
pub fn speaking(words: &Words<'_>, speaking: &Speaking) -> v1::Speaking {
    v1::Speaking {
        rule_id: words.rule.to_owned(),
        jurisdiction_id: words.jurisdiction.to_owned(),
        answer: speaking.answer.number(),
        verdict: speaking.verdict.number(),
        observation: Some(observation(&speaking.observation())),
        remaining: speaking.remaining,
        allow_time: speaking.allowed_from.map(time),
        overridable: speaking.overridable,
        known_at_time: speaking.known_at_time,
        duties: speaking.duties.iter().flat_map(|words| words.iter()).map(ToString::to_string).collect(),
        evidence_activity_ids: speaking.evidence.iter().map(ToString::to_string).collect(),
        conditional_limit: speaking.conditional.as_deref().map(|conditional| v1::ConditionalLimit {
            condition: conditional.condition.to_owned(),
            limit: conditional.limit,
            remaining: conditional.remaining,
        }),
        title: String::new(),
        text: String::new(),
        citation: String::new(),
    }
}

/// What was seen against what is allowed.
#[must_use]
pub fn observation(observation: &Observation) -> v1::Observation {
    v1::Observation {
        observed: observation.observed,
        limit: observation.limit,
        unit: number(observation.unit),
        note: text(observation.note.as_ref()),
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
