//! What of an explanation decided: the order in which rules are told, the worst of them, what is missing, and whether
//! what is on record still follows.

use std::collections::BTreeSet;

use super::explain::ExplainedRule;
use super::logged::Recorded;
use crate::compliance::{self, trace::Said, trace::Trace};
use crate::domain::finding::FindingStatus;
use crate::domain::verdict::{Answer, Verdict};
use crate::explain::Worst;
use crate::rules::RuleSet;
use crate::store::FindingRow;

/// How much a rule counts in the order in which rules are told.
pub(super) fn weight(said: &Said) -> (u8, Verdict) {
    match said {
        Said::Spoke(spoken) => {
            let answer = match spoken.speaking.answer {
                Answer::Broken => 4,
                Answer::Unknown => 3,
                Answer::Duty => 2,
                Answer::Kept => 1,
            };
            (answer, spoken.speaking.verdict)
        }
        Said::Nothing(..) => (0, Verdict::Allowed),
    }
}

/// The worst that rules say of what happened. A rule that only informs finds nothing.
pub(super) fn worst(rules: &[ExplainedRule]) -> Worst {
    let mut worst = Worst::Kept;
    for rule in rules {
        let Said::Spoke(spoken) = &rule.said else { continue };
        let Some(severity) = spoken.severity.filter(|_| !spoken.untested) else { continue };
        worst = match (spoken.speaking.answer, worst) {
            (Answer::Broken, Worst::Broken(other)) => Worst::Broken(other.min(severity)),
            (Answer::Broken, _) => Worst::Broken(severity),
            (Answer::Unknown, Worst::Kept) => Worst::Unknown,
            (_, worst) => worst,
        };
    }
    worst
}

pub(super) fn missing_of(rules: &[ExplainedRule]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for rule in rules {
        let Said::Spoke(spoken) = &rule.said else { continue };
        let Some(attribute) = spoken.missing.filter(|_| spoken.severity.is_some()) else { continue };
        if !names.iter().any(|name| name == attribute.as_str()) {
            names.push(attribute.as_str().to_owned());
        }
    }
    names
}

/// Citations of the rules that decided.
pub(super) fn because(
    rules: &[ExplainedRule],
    answer: Option<&compliance::Answered>,
    own: impl Fn(&ExplainedRule) -> bool,
) -> Vec<String> {
    let decided = |rule: &&ExplainedRule| match (&rule.said, answer) {
        (_, None) if own(rule) => true,
        (Said::Spoke(spoken), Some(answer)) => {
            answer.verdict > Verdict::Allowed && spoken.speaking.verdict == answer.verdict
        }
        (Said::Spoke(spoken), None) => {
            !rules.iter().any(&own) && spoken.severity.is_some() && spoken.speaking.answer == Answer::Broken
        }
        _ => false,
    };
    let mut citations: Vec<String> = Vec::new();
    for rule in rules.iter().filter(decided) {
        let named = if rule.info.citation == "-" { rule.info.id.to_string() } else { rule.info.citation.clone() };
        if !citations.contains(&named) {
            citations.push(named);
        }
    }
    citations
}

/// Whether what is on record is what is derived now. `voided`: the activity that is judged was.
pub(super) fn agreement(
    rules: &RuleSet,
    trace: &Trace,
    answer: Option<&compliance::Answered>,
    finding: Option<&FindingRow>,
    voided: bool,
    recorded: Option<&Recorded>,
) -> Option<bool> {
    if let (Some(recorded), Some(answer)) = (recorded, answer) {
        let spoke = answer.speaking.iter().filter(|one| one.answer != Answer::Kept);
        let now: BTreeSet<&str> = spoke.filter_map(|one| Some(rules.numbered(one.rule)?.rule.id.as_str())).collect();
        let then: BTreeSet<&str> = recorded.rules.iter().map(String::as_str).collect();
        return Some(recorded.verdict == answer.verdict && now == then);
    }
    let row = finding?;
    let finding = &row.finding;
    if finding.omission {
        // A term that ran out is no judgement of the activity that began it.
        return None;
    }
    let own = trace.rules.iter().find(|one| one.active.rule.id == finding.rule);
    // Of what was voided nothing follows, whatever would have.
    let follows = own.filter(|_| !voided).and_then(|one| match &one.said {
        Said::Spoke(spoken) if spoken.speaking.answer == Answer::Broken => Some(spoken.speaking.observation()),
        _ => None,
    });
    let stands = (row.status != FindingStatus::Withdrawn).then_some(&finding.observed);
    Some(follows.as_ref() == stands)
}
