//! Which rules may speak of an activity at all, by what it is: found once when a rule set is built.

use super::conduct::Which;
use super::model::Limits;
use super::step::Step;
use crate::domain::vocabulary::Channel;

/// What an activity is, as far as it decides which rules may concern it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// A contact on this channel.
    Contact(Channel),
    /// Anything else.
    Other,
}

/// False only where a rule neither judges nor begins a term by any activity of the topic.
pub(super) fn may_concern(limits: &Limits, topic: Topic) -> bool {
    let any = |steps: &[Step]| steps.iter().any(|step| may_match(step, topic));
    let on = |which: &Which| match topic {
        Topic::Contact(channel) => which.channels.admits(channel) && any(&which.on),
        Topic::Other => which.channels.is_empty() && any(&which.on),
    };
    let contact = match topic {
        Topic::Contact(channel) => Some(channel),
        Topic::Other => None,
    };
    match limits {
        Limits::ContactHours(limits) => contact.is_some_and(|channel| limits.channels.admits(channel)),
        Limits::ContactFrequency(limits) => contact.is_some_and(|channel| limits.channels.admits(channel)),
        Limits::ContactCooldown(limits) => contact.is_some_and(|channel| limits.channels.admits(channel)),
        Limits::ContactBlock(limits) => {
            contact.is_none_or(|channel| limits.channels.admits(channel)) && any(&limits.forbids)
        }
        Limits::NoticePeriod(limits) => any(&limits.before),
        Limits::RequiredNotice(limits) => {
            limits.term.is_some() || any(&limits.event) || limits.since.is_some() && any(&limits.notices)
        }
        Limits::LimitationPeriod(limits) => any(&limits.forbids),
        Limits::CallRecording(limits) => contact.is_some() && on(&limits.which),
        Limits::ChannelConsent(limits) => contact.is_some() && on(&limits.which),
        Limits::Content(limits) => contact.is_some() && on(&limits.which),
        // What is disclosed to a third person is judged whatever the step is.
        Limits::ThirdParty(limits) => contact.is_some_and(|channel| limits.which.channels.admits(channel)),
        Limits::ProhibitedConduct(limits) => on(&limits.which),
        // Steps that are only meant, and those that begin a term, are theirs to find.
        Limits::DisputeHandling(_) | Limits::DocumentsHeld(_) => true,
        Limits::Licence(limits) => any(&limits.forbids),
        Limits::FeeCap(_)
        | Limits::InterestCap(_)
        | Limits::PaymentApplication(_)
        | Limits::PaymentTerm(_)
        | Limits::ClientFunds(_)
        | Limits::CreditReporting(_)
        | Limits::RecordRetention(_)
        | Limits::ComplaintHandling(_) => contact.is_none(),
    }
}

/// Some activity of the topic is this step.
pub(super) fn may_match(step: &Step, topic: Topic) -> bool {
    match (step, topic) {
        (Step::ContactOn(wanted), Topic::Contact(channel)) => *wanted == channel,
        (Step::Contact | Step::Communication | Step::Demand | Step::Reminder | Step::Notice(_), Topic::Contact(_)) => {
            true
        }
        (
            Step::Contact | Step::ContactOn(_) | Step::Communication | Step::Demand | Step::Reminder | Step::Notice(_),
            Topic::Other,
        ) => false,
        (_, Topic::Contact(_)) => false,
        (_, Topic::Other) => true,
    }
}
