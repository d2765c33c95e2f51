//! A platform's own codes for what came of a contact, and the canonical outcomes that they mean.

use std::collections::BTreeMap;

use super::activity::Activity;
use super::detail::{Contact, Detail};
use super::outcome::Outcome;

/// A tenant's codes by what they mean. Several may mean the same; none means two things.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dispositions(BTreeMap<Box<str>, Outcome>);

/// Why a contact's code and outcome do not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DispositionError {
    /// The tenant has not said what the code means.
    #[error(
        "\"{0}\" is no disposition of this tenant: add it to [dispositions] in the tenant's file, or send the outcome itself"
    )]
    Unknown(String),
    /// The contact also states another outcome.
    #[error(
        "\"{code}\" means {meant} for this tenant, but the outcome sent is {sent}: send one of the two, or mend [dispositions]"
    )]
    Contradicts {
        /// The code.
        code: String,
        /// What it means.
        meant: Outcome,
        /// What was sent.
        sent: Outcome,
    },
}

impl Dispositions {
    /// Adds a code; what it meant before, if it is there already.
    pub fn insert(&mut self, code: &str, outcome: Outcome) -> Option<Outcome> {
        self.0.insert(code.into(), outcome)
    }

    /// Gives a contact that states only a code the outcome that it means. One that means nothing is left alone, and
    /// refused by [`Dispositions::check`].
    pub fn resolve(&self, activity: &mut Activity) {
        if let Detail::Contact(contact) = &mut activity.detail
            && let (Some(code), None) = (&contact.disposition, contact.outcome)
        {
            contact.outcome = self.0.get(code.as_str()).copied();
        }
    }

    /// Whether a contact's code is known, and means the outcome that it states.
    ///
    /// # Errors
    /// See [`DispositionError`].
    pub fn check(&self, activity: &Activity) -> Result<(), DispositionError> {
        let Detail::Contact(contact) = &activity.detail else { return Ok(()) };
        let Some(code) = &contact.disposition else { return Ok(()) };
        match (self.0.get(code.as_str()).copied(), contact.outcome) {
            (None, _) => Err(DispositionError::Unknown(code.clone())),
            (Some(meant), Some(sent)) if meant != sent => {
                Err(DispositionError::Contradicts { code: code.clone(), meant, sent })
            }
            _ => Ok(()),
        }
    }
}

/// Two records of one activity say the same: what a code means may have been mended between them, and the first one holds.
#[must_use]
pub fn same(stored: &Activity, sent: &Activity) -> bool {
    match (&stored.detail, &sent.detail) {
        (Detail::Contact(was), Detail::Contact(is)) if was.disposition.is_some() && was.outcome != is.outcome => {
            let contact = Contact { outcome: was.outcome, ..Contact::clone(is) };
            *stored == Activity { detail: Detail::Contact(Box::new(contact)), ..sent.clone() }
        }
        _ => stored == sent,
    }
}
