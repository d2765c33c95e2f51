//! Explanations.

use super::compliance::{self, Words};
use super::finding;
use crate::advice::{ExplainedRule, Explanation, Recorded, Said};
use crate::proto::v1;
use crate::query::StoredActivity;
use crate::wire::encode::scalar::{id, revision, time};
use crate::wire::words::{Word, number};

/// The answer to Explain; `silent`: with the rules that said nothing.
#[must_use]
pub fn response(explained: Explanation, silent: bool) -> v1::ExplainResponse {
    let language = explained.language;
    let text = |text: String| Some(v1::LocalizedText { language_code: language.clone(), text });
    // A notice that was never sent left no activity to judge: the rule of such a finding is silent, and yet what is asked.
    let own = explained.finding.as_ref().map(|row| row.finding.rule.clone());
    let own = |rule: &ExplainedRule| own.as_ref() == Some(&rule.info.id);
    let shown = |rule: &ExplainedRule| silent || matches!(rule.said, Said::Spoke(_)) || own(rule);
    let agreement = match explained.agrees {
        None => v1::Agreement::Unspecified,
        Some(true) => v1::Agreement::Same,
        Some(false) => v1::Agreement::Differs,
    };
    let missing = explained.missing.into_iter();
    let explanation = v1::Explanation {
        summary: text(explained.summary),
        language_code: language.clone(),
        language_fallback: explained.fallback,
        untranslated_words: explained.untranslated,
        judge_time: Some(time(explained.at)),
        time_zone: explained.zone.to_owned(),
        possible_time_zones: explained.zones.into_iter().map(str::to_owned).collect(),
        verdict: number(explained.verdict),
        next_allow_time: explained.next_allowed.map(time),
        finding: explained.finding.as_ref().map(finding::finding),
        recorded: explained.recorded.map(recorded),
        agreement: agreement.into(),
        rules: explained.rules.into_iter().filter(shown).map(|one| rule(one, &language)).collect(),
        missing: missing.map(|(name, told)| v1::MissingInput { name, text: text(told) }).collect(),
        facts: explained.facts.iter().map(fact).collect(),
    };
    v1::ExplainResponse {
        explanation: Some(explanation),
        rules_digest: explained.digest,
        revision: revision(explained.revision),
    }
}

fn rule(rule: ExplainedRule, language: &str) -> v1::RuleTrace {
    let limits = rule.written.iter();
    let limits = limits.map(|(name, value)| v1::RuleLimit { name: name.to_owned(), value: value.to_owned() });
    let info = &rule.info;
    let (id, jurisdiction) = (info.id.clone(), info.jurisdiction.clone());
    let words = Words { rule: id.as_str(), jurisdiction: jurisdiction.as_str(), ..Words::default() };
    let plain = v1::RuleTrace {
        rule: Some(compliance::rule(rule.info)),
        limits: limits.collect(),
        sentence: Some(v1::LocalizedText { language_code: language.to_owned(), text: rule.sentence }),
        ..v1::RuleTrace::default()
    };
    match rule.said {
        Said::Spoke(spoken) => v1::RuleTrace {
            speaking: Some(compliance::speaking(&words, &spoken.speaking)),
            severity: number(spoken.severity),
            untested: spoken.untested,
            missing: spoken.missing.map(|attribute| attribute.as_str().to_owned()).unwrap_or_default(),
            ..plain
        },
        Said::Nothing(silence, reason) => {
            v1::RuleTrace { silence: silence.number(), reason: reason.unwrap_or_default().to_owned(), ..plain }
        }
    }
}

fn recorded(recorded: Recorded) -> v1::RecordedCheck {
    v1::RecordedCheck {
        ask_time: Some(time(recorded.asked)),
        key_id: recorded.key,
        verdict: recorded.verdict.number(),
        rule_ids: recorded.rules,
        rules_digest: recorded.digest,
        revision: revision(recorded.revision),
    }
}

fn fact(stored: &StoredActivity) -> v1::EvidenceFact {
    let activity = &stored.activity;
    v1::EvidenceFact {
        activity_id: activity.id.to_string(),
        occur_time: Some(time(activity.occurred)),
        kind: activity.detail.kind().to_owned(),
        case_ids: activity.cases.iter().map(ToString::to_string).collect(),
        person_id: id(activity.person.as_ref()),
        record_time: Some(time(stored.recorded)),
        revision: revision(stored.revision),
        voided: stored.voided.is_some(),
    }
}
