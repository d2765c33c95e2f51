//! Rules that can never speak, whatever a case and its activities are.

use super::super::conduct::Which;
use super::super::model::{Limits, Rule};
use super::super::pack::Pack;
use super::super::step::Step;
use super::super::words::Set;
use super::meet::{self, Days};
use crate::domain::diagnostic::Diagnostic;
use crate::domain::vocabulary::Channel;

pub(super) fn check(pack: &Pack, rule: &Rule, found: &mut Vec<Diagnostic>) {
    uncovered(pack, rule, found);
    let id = &rule.id;
    let roles = rule.scope.person_role;
    if !roles.is_empty() && rule.exempt.person_roles.covers(roles) {
        found.push(rule.position.wrong(
            format!("rule {id} can never speak: it leaves alone every person_role that it applies to"),
            "remove a role from exempt.person_roles, or add one to applies_to.person_role",
        ));
    }
    let steps: Option<(&[Step], Set<Channel>, &str, bool)> = match &rule.limits {
        Limits::Content(limits) => Some(on(&limits.which, true)),
        Limits::ChannelConsent(limits) => Some(on(&limits.which, true)),
        Limits::ThirdParty(limits) => Some(on(&limits.which, true)),
        Limits::CallRecording(limits) => Some(on(&limits.which, true)),
        Limits::ProhibitedConduct(limits) => Some(on(&limits.which, false)),
        Limits::ContactBlock(limits) => Some((&limits.forbids, limits.channels, "forbids", false)),
        _ => None,
    };
    // That a list of steps is missing or unknown is told where it is read.
    if let Some((steps, channels, key, contacts)) = steps.filter(|(steps, ..)| !steps.is_empty()) {
        let reached = |step: &Step| match step {
            Step::ContactOn(channel) => channels.admits(*channel),
            _ => !contacts || is_contact(step),
        };
        if !steps.iter().any(reached) {
            let why = if contacts && !steps.iter().any(is_contact) {
                format!("none of its steps in {key} is a contact, and a {} rule judges contacts", rule.limits.kind())
            } else {
                format!("the channels of its steps in {key} are not among its channels")
            };
            found.push(rule.limits_position.wrong(
                format!("rule {id} can never speak: {why}"),
                format!("name a step in {key} that its channels admit, such as contact, or correct channels"),
            ));
        }
    }
}

fn on(which: &Which, contacts: bool) -> (&[Step], Set<Channel>, &'static str, bool) {
    (&which.on, which.channels, "on", contacts)
}

/// A contact can be this step.
const fn is_contact(step: &Step) -> bool {
    matches!(
        step,
        Step::Contact | Step::ContactOn(_) | Step::Communication | Step::Demand | Step::Reminder | Step::Notice(_)
    )
}

/// No row of the pack's scope admits a case that the rule applies to, on a day on which both are in force.
fn uncovered(pack: &Pack, rule: &Rule, found: &mut Vec<Diagnostic>) {
    let Some(clauses) = pack.scope.as_deref() else { return };
    let met = clauses.iter().any(|clause| {
        let days = Days { from: clause.valid_from, until: clause.valid_until, by: clause.version_by };
        meet::scopes(&clause.scope, &rule.scope).is_some() && days.meet(Days::of(rule)).is_some()
    });
    if !met {
        let rows: Vec<&str> = clauses.iter().map(|clause| clause.id.as_str()).collect();
        found.push(rule.position.wrong(
            format!("rule {} can never speak: the pack's [[scope]] admits no case that it applies to", rule.id),
            format!("widen applies_to or the dates of the rule, or a row of the scope ({})", rows.join(", ")),
        ));
    }
}
