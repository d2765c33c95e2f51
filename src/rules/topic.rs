//! Which rules may speak of an activity at all, found once when a rule set is built: of a country's hundred rules some
//! twenty have anything to say of a call.

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

/// Topics that there are.
const TOPICS: usize = Channel::ALL.len() + 1;

/// For each topic the places of the rules that may concern it, in the order of the rules.
#[derive(Debug, Clone, Default)]
pub struct Topics([Box<[u32]>; TOPICS]);

impl Topics {
    /// Sorts rules by topic.
    pub fn of<'a>(rules: impl Iterator<Item = &'a Limits> + Clone) -> Self {
        let places = |topic: Topic| {
            let numbered = (0..).zip(rules.clone());
            numbered.filter(|(_, limits)| may_concern(limits, topic)).map(|(place, _)| place).collect()
        };
        let mut topics = Self::default();
        for (slot, channel) in topics.0.iter_mut().zip(Channel::ALL) {
            *slot = places(Topic::Contact(*channel));
        }
        if let Some(last) = topics.0.last_mut() {
            *last = places(Topic::Other);
        }
        topics
    }

    /// Places of the rules that may concern a topic.
    #[must_use]
    pub fn rules(&self, topic: Topic) -> &[u32] {
        let slot = match topic {
            Topic::Contact(channel) => channel as usize,
            Topic::Other => TOPICS - 1,
        };
        self.0.get(slot).map_or(&[], AsRef::as_ref)
    }
}

/// False only where a rule neither judges nor begins a term by any activity of the topic.
fn may_concern(limits: &Limits, topic: Topic) -> bool {
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
fn may_match(step: &Step, topic: Topic) -> bool {
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
