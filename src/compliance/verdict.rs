//! The verdict and the severity that a breach of a rule has: from source, effect, confidence and the tenant's choice.

use crate::domain::finding::Severity;
use crate::domain::verdict::{Answer, Confidence, Effect, Source, Verdict};
use crate::rules::RuleSet;
use crate::rules::ruleset::ActiveRule;

/// What a breach means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consequence {
    /// The verdict on a contact that would break the rule.
    pub verdict: Verdict,
    /// The severity of a finding; `None` where the rule only informs.
    pub severity: Option<Severity>,
    /// A presumption, which a stated reason may override.
    pub overridable: bool,
}

/// What a breach of `active` means; `unconfirmed`: a figure that it used was not read in its source.
#[must_use]
pub fn consequence(rules: &RuleSet, active: &ActiveRule, unconfirmed: bool) -> Consequence {
    let rule = &active.rule;
    let of = |verdict, severity| Consequence { verdict, severity: Some(severity), overridable: false };
    if rule.effect == Effect::Informs {
        return Consequence { verdict: Verdict::Allowed, severity: None, overridable: false };
    }
    let weak = rule.source == Source::Practice || rule.confidence == Confidence::Unconfirmed || unconfirmed;
    let expected = rule.source == Source::RegulatorGuideline || rule.effect == Effect::Expects;
    let mut found = if weak {
        of(Verdict::AdvisedAgainst, Severity::Warning)
    } else if expected {
        let verdict = if rules.block_guidelines() { Verdict::NotPermitted } else { Verdict::AdvisedAgainst };
        of(verdict, Severity::Advisory)
    } else if rule.effect == Effect::PresumesBreach {
        Consequence { overridable: true, ..of(Verdict::NotPermitted, Severity::Presumed) }
    } else {
        of(Verdict::NotPermitted, Severity::Violation)
    };
    if active.blocks {
        found.verdict = Verdict::NotPermitted;
        found.overridable = false;
    }
    found
}

/// The verdict of one answer, given what a breach would mean. What cannot be told is never better than "unknown" where
/// a breach would block, and no worse than the breach itself.
#[must_use]
pub fn of_answer(answer: Answer, breach: Verdict) -> Verdict {
    match answer {
        Answer::Kept => Verdict::Allowed,
        Answer::Duty => Verdict::AllowedWithDuties,
        Answer::Broken => breach,
        Answer::Unknown => breach.min(Verdict::Unknown),
    }
}
