//! Which disputes a later step is of: those of its reference, else what is open without one, else the oldest that is open.

use super::memory::{Flag, Memory};
use crate::domain::ids::{ActivityId, PersonId};
use crate::domain::party::Condition;
use crate::domain::time::Timestamp;

/// The disputes that a step means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meant<'a> {
    /// Those that were opened under a reference.
    Named(&'a str),
    /// Those that were opened under none.
    Unnamed,
    /// The one that this activity opened.
    One(&'a ActivityId),
    /// None that is known.
    Nothing,
}

impl Meant<'_> {
    /// Whether a dispute is among them.
    pub fn has(&self, dispute: &Flag) -> bool {
        match self {
            Self::Named(reference) => dispute.reference.as_deref() == Some(*reference),
            Self::Unnamed => dispute.reference.is_none(),
            Self::One(id) => dispute.id == **id,
            Self::Nothing => false,
        }
    }
}

impl Memory {
    fn disputes(&self) -> impl Iterator<Item = &Flag> {
        self.flags.iter().filter(|flag| flag.condition == Condition::Disputed)
    }

    /// What a step means that comes now, with its reference and the person whom it concerns, if they are stated. A reference
    /// under which nothing was opened is of what was opened without one.
    pub fn meant<'a>(&'a self, reference: Option<&'a str>, person: Option<&PersonId>) -> Meant<'a> {
        let theirs = |flag: &Flag| person.is_none() || flag.person.is_none() || flag.person.as_ref() == person;
        self.find(reference, |_| true, |flag| theirs(flag) && flag.until(person).is_none())
    }

    /// The same of those that the collector rejected, and that nothing has ended since.
    pub fn meant_rejected<'a>(&'a self, reference: Option<&'a str>, person: Option<&PersonId>) -> Meant<'a> {
        let theirs = |flag: &Flag| person.is_none() || flag.person.is_none() || flag.person.as_ref() == person;
        self.find(reference, |_| true, |flag| theirs(flag) && flag.rejected)
    }

    /// The same of a step in the past, by what was open then. What it ended itself was open until then.
    pub fn meant_at<'a>(&'a self, reference: Option<&'a str>, at: Timestamp) -> Meant<'a> {
        self.find(reference, |flag| flag.from <= at, |flag| flag.until.is_none_or(|until| until >= at))
    }

    fn find<'a>(
        &'a self,
        reference: Option<&'a str>,
        opened: impl Fn(&Flag) -> bool,
        open: impl Fn(&Flag) -> bool,
    ) -> Meant<'a> {
        let disputes = || self.disputes().filter(|flag| opened(flag));
        if let Some(reference) = reference
            && disputes().any(|flag| flag.reference.as_deref() == Some(reference))
        {
            return Meant::Named(reference);
        }
        let mut oldest = None;
        for flag in disputes().filter(|flag| open(flag)) {
            if flag.reference.is_none() {
                return Meant::Unnamed;
            }
            oldest = oldest.or(Some(flag));
        }
        match (reference, oldest) {
            (None, Some(oldest)) => Meant::One(&oldest.id),
            _ => Meant::Nothing,
        }
    }

    /// Whether what the activity opened is meant. What is no dispute is ended by whatever its rule names.
    pub fn is_meant(&self, meant: Meant<'_>, opened: &ActivityId) -> bool {
        self.disputes().find(|flag| flag.id == *opened).is_none_or(|flag| meant.has(flag))
    }
}
