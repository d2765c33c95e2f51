//! The verdict and the severity that a breach of a rule has, and the verdict of one answer.

use crate::domain::verdict::{Answer, Verdict};
use crate::rules::RuleSet;
pub use crate::rules::consequence::Consequence;
use crate::rules::ruleset::ActiveRule;

/// What a breach of `active` means; `unconfirmed`: a figure that it used was not read in its source.
#[must_use]
pub fn consequence(rules: &RuleSet, active: &ActiveRule, unconfirmed: bool) -> Consequence {
    Consequence::of(active, rules.block_guidelines(), unconfirmed)
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
