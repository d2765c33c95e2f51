//! What is known of a person at all, whenever it holds, found once for all rules: nearly always nothing, and then most
//! rules have nothing to look through.

use super::authority;
use super::watch::CaseWatch;
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::detail::TransferKind;
use crate::domain::ids::PersonId;
use crate::domain::party::{Condition, Party};
use crate::domain::vocabulary::ContactPointState;
use crate::rules::words::{OtherFlag, Set};

/// What is known of a person.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Known {
    /// Conditions that the person has, had or will have.
    pub conditions: Set<Condition>,
    /// Conditions that anybody of the case has, had or will have.
    pub anybodys: Set<Condition>,
    /// Other flags that are set, or may be at some instant or place.
    pub flags: Set<OtherFlag>,
    /// There are consents or opt-outs.
    pub permissions: bool,
    /// There are opt-outs.
    pub refusals: bool,
    /// The person stated hours.
    pub windows: bool,
}

impl Known {
    /// Of the person dealt with, who stands in a case as `party` does.
    pub fn of(
        watch: &CaseWatch,
        version: &CaseVersion,
        party: Option<&Party>,
        activity: &Activity,
        person: Option<&PersonId>,
    ) -> Self {
        let mut known = Self::default();
        if let Some(party) = party {
            party.conditions.iter().for_each(|one| known.conditions.insert(one.condition));
            let of_points = party.contact_points.iter().flat_map(|point| &point.permissions);
            for one in party.permissions.iter().chain(of_points) {
                known.permissions = true;
                known.refusals |= !one.granted;
            }
            known.windows = !party.windows.is_empty();
        }
        let memory = watch.memory();
        let stated = version.parties.iter().flat_map(|party| &party.conditions);
        stated.for_each(|one| known.anybodys.insert(one.condition));
        for flag in &memory.flags {
            known.anybodys.insert(flag.condition);
            if flag.person.is_none() || flag.person.as_ref() == person {
                known.conditions.insert(flag.condition);
            }
        }
        for one in &memory.given {
            known.permissions = true;
            known.refusals |= !one.permission.granted;
        }
        known.windows |= !memory.windows.is_empty();
        for (flag, may_be) in [
            (OtherFlag::InconvenientWindow, known.windows),
            (OtherFlag::OptedOut, known.refusals),
            (OtherFlag::Hold, memory.hold.is_some()),
            (OtherFlag::CaseClosed, watch.closed(version)),
            (OtherFlag::PaidOff, watch.paid_off(version)),
            (OtherFlag::Recalled, authority::given_up(watch, version, TransferKind::Recall).is_some()),
            (OtherFlag::Sold, authority::given_up(watch, version, TransferKind::Sell).is_some()),
        ] {
            if may_be {
                known.flags.insert(flag);
            }
        }
        if let Some(point) = authority::state_of_point(watch, version, party, activity) {
            match point.state {
                ContactPointState::Wrong => known.flags.insert(OtherFlag::WrongPoint),
                ContactPointState::Reassigned => known.flags.insert(OtherFlag::ReassignedPoint),
                _ => {}
            }
        }
        known
    }

    /// Conditions of the person; with those of anybody else where a rule may `share` them.
    pub const fn of_whom(&self, share: bool) -> Set<Condition> {
        if share { self.anybodys } else { self.conditions }
    }
}
