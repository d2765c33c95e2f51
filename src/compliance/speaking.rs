//! What one rule says of something that is asked about or that happened. Answers are made by the ten thousand a second, so
//! they name their rule by its number and hold words that are made into text only when they are shown.

use std::fmt;

use chrono_tz::Tz;

use super::judgement::Judgement;
use crate::domain::ids::ActivityId;
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Answer, Duties, Observation, Unit, Verdict};
use crate::rules::RuleNumber;
use crate::rules::words::Attribute;

/// Further words of a judgement.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Note {
    /// There are none.
    #[default]
    None,
    /// This input is missing.
    Missing(Attribute),
    /// The zone whose clock was looked at.
    Zone(Tz),
    /// The flag, the condition or the fault.
    Word(&'static str),
    /// A fault that names something of the pack or the tenant.
    Text(Box<str>),
}

impl Note {
    /// Whether there are no words.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// The words: what stands before them, and they themselves.
    #[must_use]
    pub fn words(&self) -> (&'static str, &str) {
        match self {
            Self::None => ("", ""),
            Self::Missing(attribute) => ("missing: ", attribute.as_str()),
            Self::Zone(zone) => ("", zone.name()),
            Self::Word(word) => ("", word),
            Self::Text(text) => ("", text),
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, words) = self.words();
        f.write_str(before)?;
        f.write_str(words)
    }
}

/// Facts that a judgement rests on. Most rest on none and pay one pointer for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::box_collection)] // one pointer instead of three words
pub struct Evidence(Option<Box<Vec<ActivityId>>>);

impl Evidence {
    /// None.
    pub const NONE: Self = Self(None);

    /// Adds a fact.
    pub fn push(&mut self, id: ActivityId) {
        self.0.get_or_insert_default().push(id);
    }

    /// Adds facts.
    pub fn extend(&mut self, ids: impl IntoIterator<Item = ActivityId>) {
        ids.into_iter().for_each(|id| self.push(id));
    }
}

impl std::ops::Deref for Evidence {
    type Target = [ActivityId];

    fn deref(&self) -> &[ActivityId] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }
}

impl From<Vec<ActivityId>> for Evidence {
    fn from(ids: Vec<ActivityId>) -> Self {
        Self((!ids.is_empty()).then(|| Box::new(ids)))
    }
}

/// A limit that comes to hold if something happens later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConditionalLimit {
    /// What would have to happen: `paid_on_first_letter`.
    pub condition: &'static str,
    /// The limit then, in the unit of the observation.
    pub limit: i64,
    /// What is left of it then; negative where what was seen lies above it.
    pub remaining: i64,
}

/// What one rule says of a contact or charge that is asked about or that happened. No more than 128 bytes, as a test holds:
/// what is longer is copied by a call, a dozen times an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speaking {
    /// The rule, by its number in the set that answered.
    pub rule: RuleNumber,
    /// What it says.
    pub answer: Answer,
    /// What that does to the verdict.
    pub verdict: Verdict,
    /// What was seen: a count, an amount in minor units, a local time as minutes of the day, a number of days.
    pub observed: Option<i64>,
    /// The limit in the same unit.
    pub limit: Option<i64>,
    /// Unit of both.
    pub unit: Option<Unit>,
    /// Further words.
    pub note: Note,
    /// What is left of the limit once it is done, where the rule counts or sums; what is left without it, where it would
    /// break the rule.
    pub remaining: Option<i64>,
    /// A limit that comes to hold if something happens later.
    pub conditional: Option<Box<ConditionalLimit>>,
    /// First instant at which this rule alone would allow it, where it can be told.
    pub allowed_from: Option<Timestamp>,
    /// A presumption that may be overridden with a reason.
    pub overridable: bool,
    /// False: a fact it rests on reached the collector only later.
    pub known_at_time: bool,
    /// Facts used.
    pub evidence: Evidence,
    /// For answer `duty`: what the contact must hold, or what must be done with it, as packs name it.
    pub duties: Option<Duties>,
}

impl Speaking {
    /// A rule that is kept, with nothing more to say.
    #[must_use]
    pub const fn kept(rule: RuleNumber) -> Self {
        Self {
            rule,
            answer: Answer::Kept,
            verdict: Verdict::Allowed,
            observed: None,
            limit: None,
            unit: None,
            note: Note::None,
            remaining: None,
            conditional: None,
            allowed_from: None,
            overridable: false,
            known_at_time: true,
            evidence: Evidence::NONE,
            duties: None,
        }
    }

    /// What a judgement of its rule comes to.
    pub(super) fn of(rule: RuleNumber, judgement: Judgement, verdict: Verdict, overridable: bool) -> Self {
        Self {
            rule,
            answer: judgement.answer,
            verdict,
            observed: judgement.observed,
            limit: judgement.limit,
            unit: judgement.unit,
            note: judgement.note,
            remaining: judgement.remaining,
            conditional: judgement.conditional,
            allowed_from: judgement.allowed_from,
            overridable,
            known_at_time: judgement.known_at_time,
            evidence: judgement.evidence,
            duties: judgement.duties,
        }
    }

    /// What was seen against what is allowed, as it is kept with a finding.
    #[must_use]
    pub fn observation(&self) -> Observation {
        observation(self.observed, self.limit, self.unit, &self.note)
    }
}

/// What was seen against what is allowed, as it is kept with a finding.
pub(super) fn observation(observed: Option<i64>, limit: Option<i64>, unit: Option<Unit>, note: &Note) -> Observation {
    Observation { observed, limit, unit, note: (!note.is_none()).then(|| note.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_rule_says_is_small() {
        assert!(size_of::<Speaking>() <= 128, "{}", size_of::<Speaking>());
        assert!(size_of::<Judgement>() <= 128, "{}", size_of::<Judgement>());
    }
}
