//! Complaints and requests that were brought up on a case, and to which of them a step belongs.

use serde::{Deserialize, Serialize};

use crate::domain::activity::Activity;
use crate::domain::ids::ActivityId;
use crate::rules::model::Matter;

/// A complaint or request of the case. Those that have ended are kept: a step that names one of them belongs to no other.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Brought {
    matter: Matter,
    reference: Option<Box<str>>,
    /// The activity that opened it.
    pub opened: ActivityId,
    pub open: bool,
}

impl Brought {
    pub fn new(matter: Matter, reference: Option<&str>, opening: &Activity) -> Self {
        Self { matter, reference: reference.map(Into::into), opened: opening.id.clone(), open: true }
    }

    /// The place of the one that a step belongs to: of that reference, be it open or ended. A step whose reference nothing
    /// was opened under belongs to the oldest open one that has none, and a step without one to the oldest open one.
    pub fn of_step(all: &[Self], matter: Matter, reference: Option<&str>) -> Option<usize> {
        let find = |fits: &dyn Fn(&Self) -> bool| all.iter().position(|one| one.matter == matter && fits(one));
        let Some(reference) = reference else { return find(&|one| one.open) };
        let named = |one: &Self| one.reference.as_deref() == Some(reference);
        let open = find(&|one| one.open && named(one));
        open.or_else(|| find(&named)).or_else(|| find(&|one| one.open && one.reference.is_none()))
    }
}
