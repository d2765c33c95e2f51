//! What one rule says of something that is asked about or that happened. Answers are made by the ten thousand a second, so
//! they name their rule by its number and hold words that are made into text only when they are shown.

use std::fmt;

use chrono_tz::Tz;

use crate::domain::ids::ActivityId;
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Answer, Duties, Observation, Unit, Verdict};
use crate::rules::RuleNumber;
use crate::rules::words::Attribute;

/// A note on amounts of interest: they are what it was charged on, and no interest.
pub const ON: &str = "interest base";
/// A note on amounts of interest: they are all of it, with the charges that count, and not this one alone.
pub const IN_ALL: &str = "all interest";

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
pub struct Evidence(Option<Box<Facts>>);

/// Most that rest on a fact rest on one.
#[derive(Debug, Clone)]
enum Facts {
    One([ActivityId; 1]),
    Many(Vec<ActivityId>),
}

impl Facts {
    const fn as_slice(&self) -> &[ActivityId] {
        match self {
            Self::One(one) => one,
            Self::Many(many) => many.as_slice(),
        }
    }
}

impl PartialEq for Facts {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Facts {}

impl Evidence {
    /// None.
    pub const NONE: Self = Self(None);

    /// Adds a fact. What is only asked about is none.
    pub fn push(&mut self, id: ActivityId) {
        if id.is_planned() {
            return;
        }
        match self.0.as_deref_mut() {
            None => self.0 = Some(Box::new(Facts::One([id]))),
            Some(Facts::Many(many)) => many.push(id),
            Some(facts) => {
                let many = facts.as_slice().iter().cloned().chain([id]).collect();
                *facts = Facts::Many(many);
            }
        }
    }

    /// Adds facts.
    pub fn extend(&mut self, ids: impl IntoIterator<Item = ActivityId>) {
        ids.into_iter().for_each(|id| self.push(id));
    }
}

impl std::ops::Deref for Evidence {
    type Target = [ActivityId];

    fn deref(&self) -> &[ActivityId] {
        self.0.as_deref().map_or(&[], Facts::as_slice)
    }
}

impl From<Vec<ActivityId>> for Evidence {
    fn from(mut ids: Vec<ActivityId>) -> Self {
        ids.retain(|id| !id.is_planned());
        Self((!ids.is_empty()).then(|| Box::new(Facts::Many(ids))))
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
    /// A breach leaves the way over the debtor's representative.
    pub(crate) representative_only: bool,
    /// The rule states no figure: it speaks and tests nothing.
    pub(crate) no_figure: bool,
    /// A figure that it rests on was not read in its source.
    pub(crate) unconfirmed: bool,
    /// It says the same of every later instant, as long as nothing happens: the search for the next lawful one need not ask
    /// again.
    pub(crate) steady: bool,
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
            representative_only: false,
            no_figure: false,
            unconfirmed: false,
            steady: false,
        }
    }

    /// A rule that is kept, and is so at every later instant if `steady`.
    #[inline]
    pub(crate) const fn kept_on(steady: bool) -> Self {
        let mut said = Self::kept(RuleNumber::new(0));
        said.steady = steady;
        said
    }

    /// The same, and so at every later instant if `steady`.
    pub(crate) const fn held_on(mut self, steady: bool) -> Self {
        self.steady = steady;
        self
    }

    /// What a rule's kind answers, before it is known which rule it is and what a breach of it means.
    #[inline]
    pub(crate) const fn new(answer: Answer) -> Self {
        let mut said = Self::kept(RuleNumber::new(0));
        said.answer = answer;
        said
    }

    /// Kept, as long as this is held or done.
    pub(crate) fn duty(duties: Option<Duties>) -> Self {
        Self { duties, ..Self::new(Answer::Duty) }
    }

    /// Nothing was stated that could be tested.
    pub(crate) fn untested() -> Self {
        Self { no_figure: true, ..Self::new(Answer::Kept) }
    }

    /// The text states no number.
    pub(crate) fn no_figure() -> Self {
        Self { note: Note::Word("no figure"), no_figure: true, ..Self::new(Answer::Kept) }
    }

    /// An input is missing.
    pub(crate) fn missing(attribute: Attribute) -> Self {
        Self { note: Note::Missing(attribute), ..Self::new(Answer::Unknown) }
    }

    /// What is missing to tell whether the rule means the activity at all turns a breach into "unknown".
    #[inline]
    pub(crate) fn in_doubt(mut self, doubt: Option<Attribute>) -> Self {
        self.doubt(doubt);
        self
    }

    /// The same in place.
    #[inline]
    pub(crate) fn doubt(&mut self, doubt: Option<Attribute>) {
        if self.answer == Answer::Broken
            && let Some(attribute) = doubt
        {
            self.answer = Answer::Unknown;
            self.note = Note::Missing(attribute);
        }
    }

    /// Drops it. Of an answer's dozens nearly none hold anything that must be given back.
    #[inline]
    pub(super) fn discard(self) {
        let Self { note, conditional, evidence, duties, .. } = self;
        if matches!(note, Note::Text(_)) || conditional.is_some() || evidence.0.is_some() || duties.is_some() {
            drop((note, conditional, evidence, duties));
        } else {
            std::mem::forget((note, conditional, evidence, duties));
        }
    }

    #[inline]
    pub(crate) fn seen(mut self, observed: i64, limit: i64, unit: Unit) -> Self {
        self.observed = Some(observed);
        self.limit = Some(limit);
        self.unit = Some(unit);
        self
    }

    /// What was seen against what is allowed, as it is kept with a finding.
    #[must_use]
    pub fn observation(&self) -> Observation {
        let note = (!self.note.is_none()).then(|| self.note.to_string());
        Observation { observed: self.observed, limit: self.limit, unit: self.unit, note }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_rule_says_is_small() {
        assert!(size_of::<Speaking>() <= 128, "{}", size_of::<Speaking>());
    }
}
