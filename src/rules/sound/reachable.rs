//! Rules that can never speak, whatever a case and its activities are.

use super::super::conduct::{Dealing, Which};
use super::super::model::{Limits, Rule};
use super::super::pack::Pack;
use super::super::step::Step;
use super::super::words::{Counted, Set};
use super::meet::{self, Days};
use crate::domain::diagnostic::Diagnostic;
use crate::domain::vocabulary::{Channel, Technology};

pub(super) fn check(pack: &Pack, rule: &Rule, found: &mut Vec<Diagnostic>) {
    uncovered(pack, rule, found);
    by_itself(rule, found);
}

/// The same, whatever pack it stands in or beside.
pub(super) fn by_itself(rule: &Rule, found: &mut Vec<Diagnostic>) {
    let id = &rule.id;
    if let Some((why, remedy)) = never_met(rule) {
        found.push(rule.limits_position.wrong(format!("rule {id} can never speak: {why}"), remedy));
    }
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

/// What no contact is that the limits of the rule speak of, and what to write.
fn never_met(rule: &Rule) -> Option<(&'static str, &'static str)> {
    const TALKED: &str = "a conversation is a call or a visit, and neither is among its channels";
    let apart = |channels: Set<Channel>, among: &[Channel]| !channels.is_empty() && !channels.meets(Set::of(among));
    let silent =
        |count: Counted, channels| count == Counted::Conversations && apart(channels, &[Channel::Call, Channel::Visit]);
    match &rule.limits {
        Limits::ContactFrequency(limits) => {
            let roles = rule.scope.person_role;
            if !roles.is_empty() && !limits.roles.is_empty() && !limits.roles.meets(roles) {
                let remedy = "name in roles one of applies_to.person_role, or widen that";
                return Some(("none of its roles is a person_role that it applies to", remedy));
            }
            if silent(limits.count, limits.channels) {
                return Some((TALKED, "add call or visit to channels, or count contacts or attempts"));
            }
        }
        Limits::ContactCooldown(limits) if silent(limits.after, limits.after_channels) => {
            return Some((TALKED, "add call or visit to after_channels, or name contacts or attempts in after"));
        }
        // Of whoever may be told it speaks by its other keys: only this one says nothing.
        Limits::ThirdParty(limits)
            if limits.contact != Dealing::Free && !limits.persons.is_empty() && limits.told.covers(limits.persons) =>
        {
            let why = "contact is for third persons, and everybody in persons is among those who may be told";
            let remedy = "leave out of told whoever is a third person, or use debtor for those who may be told";
            return Some((why, remedy));
        }
        _ => {}
    }
    let (channels, technologies) = match &rule.limits {
        Limits::ContactFrequency(limits) => (limits.channels, limits.technologies),
        Limits::Content(limits) => (limits.which.channels, limits.which.technologies),
        Limits::ChannelConsent(limits) => (limits.which.channels, limits.which.technologies),
        Limits::ThirdParty(limits) => (limits.which.channels, limits.which.technologies),
        Limits::CallRecording(limits) => (limits.which.channels, limits.which.technologies),
        Limits::ProhibitedConduct(limits) => (limits.which.channels, limits.which.technologies),
        _ => return None,
    };
    let voices = [Technology::Dialler, Technology::Prerecorded, Technology::Ringless, Technology::AiVoice];
    let spoken = !technologies.is_empty() && Set::of(&voices).covers(technologies);
    // A voice message may be sent by a messaging service.
    (spoken && apart(channels, &[Channel::Call, Channel::Messaging])).then_some((
        "its technologies are those of calls, and none of its channels is one",
        "add call to channels, or correct technologies",
    ))
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
