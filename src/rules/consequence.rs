//! What a breach of a rule means: from source, effect, confidence and the tenant's choice.

use super::ruleset::ActiveRule;
use crate::domain::finding::Severity;
use crate::domain::verdict::{Confidence, Effect, Source, Verdict};

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

impl Consequence {
    /// Of a breach of `active`. `block_guidelines`: the tenant lets a regulator's expectations block; `unconfirmed`: a
    /// figure that was used was not read in its source.
    #[must_use]
    pub fn of(active: &ActiveRule, block_guidelines: bool, unconfirmed: bool) -> Self {
        let rule = &active.rule;
        let of = |verdict, severity| Self { verdict, severity: Some(severity), overridable: false };
        if rule.effect == Effect::Informs {
            return Self { verdict: Verdict::Allowed, severity: None, overridable: false };
        }
        let weak = rule.source == Source::Practice || rule.confidence == Confidence::Unconfirmed || unconfirmed;
        let expected = rule.source == Source::RegulatorGuideline || rule.effect == Effect::Expects;
        let mut found = if weak {
            of(Verdict::AdvisedAgainst, Severity::Warning)
        } else if expected {
            let verdict = if block_guidelines { Verdict::NotPermitted } else { Verdict::AdvisedAgainst };
            of(verdict, Severity::Advisory)
        } else if rule.effect == Effect::PresumesBreach {
            Self { overridable: true, ..of(Verdict::NotPermitted, Severity::Presumed) }
        } else {
            of(Verdict::NotPermitted, Severity::Violation)
        };
        if active.blocks {
            found.verdict = Verdict::NotPermitted;
            found.overridable = false;
        }
        found
    }
}
