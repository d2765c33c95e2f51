//! Whether the first attempt of a case, or its first right-party call, led to a payment.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::CaseLedger;
use super::dims::DimRef;
use super::emit::Sink;
use super::remembered::LEAD;
use crate::domain::fact::{Dims, Fact, FactKind, flag};

const FIRSTS: [(u16, &str); 2] = [(flag::FIRST_ATTEMPT, "attempt"), (flag::FIRST_RIGHT_PARTY, "right_party")];

/// What is kept of it, once there is any of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct FirstContacts {
    /// Payments made on one of them: their entries, and which.
    paid: Vec<(u32, u16)>,
    /// What was told.
    told: Vec<Resolved>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Resolved {
    first: u16,
    day: i32,
    #[serde(deserialize_with = "super::dims::read_shared")]
    dims: Arc<Dims>,
}

impl CaseLedger {
    /// A payment names the contact on which it was made.
    pub(super) fn paid_on(&mut self, key: u64, entry: u32, sink: &mut Sink) {
        let Some(contact) = self.contacts.find(key, sink.day).filter(|contact| contact.has(LEAD)) else { return };
        let firsts = contact.flags() & (flag::FIRST_ATTEMPT | flag::FIRST_RIGHT_PARTY);
        if firsts != 0 {
            let by = (contact.day, Arc::clone(&contact.dims));
            self.kept.get_or_insert_default().first.get_or_insert_default().paid.push((entry, firsts));
            self.resolve(Some(by), sink);
        }
    }

    /// Tells of each of them that it led to a payment, once, as long as there is one: `paid_on` is the contact of a payment that
    /// has just come.
    pub(super) fn resolve(&mut self, paid_on: Option<(i32, Arc<Dims>)>, sink: &mut Sink) {
        for (first, state) in FIRSTS {
            let known = self.kept.as_ref().and_then(|kept| kept.first.as_deref());
            let told = known.and_then(|known| known.told.iter().position(|one| one.first == first));
            let paid = known.is_some_and(|known| self.is_paid(known, first));
            let kept = self.kept_on(first);
            let fact = |resolved: &Resolved, sign: i8, sink: &Sink| {
                let dims = DimRef::of(&resolved.dims).state(state).shared();
                Fact { sign, day: resolved.day, dims, ..sink.plain(FactKind::FirstContactResolved, 1) }
            };
            match (told, paid_on.clone().filter(|_| paid).or(kept)) {
                (None, Some((day, dims))) => {
                    let resolved = Resolved { first, day, dims };
                    sink.out.push(fact(&resolved, 1, sink));
                    self.kept.get_or_insert_default().first.get_or_insert_default().told.push(resolved);
                }
                (Some(at), None) if !paid => {
                    if let Some(known) = self.kept.as_mut().and_then(|kept| kept.first.as_mut()) {
                        let gone = known.told.remove(at);
                        sink.out.push(fact(&gone, -1, sink));
                    }
                }
                _ => {}
            }
        }
    }

    /// The day of such a contact, and whose it is, if a promise that was made on it is kept.
    fn kept_on(&self, first: u16) -> Option<(i32, Arc<Dims>)> {
        let kept = self.promises().iter().find(|promise| promise.is_kept() && promise.flags & first != 0);
        kept.map(|promise| (promise.contact_day, Arc::clone(&promise.dims)))
    }

    /// Something is left of a payment that was made on it.
    fn is_paid(&self, known: &FirstContacts, first: u16) -> bool {
        let left = |entry: u32| self.books.as_ref()?.entries.get(entry as usize).map(|entry| entry.left);
        known.paid.iter().any(|(entry, firsts)| firsts & first != 0 && left(*entry).is_some_and(|left| left > 0))
    }
}
