//! Contacts and messages: what is counted once an activity, and what is remembered of them for what comes later.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::books::{Pending, push_lean, tag};
use super::dims::DimRef;
use super::emit::Sink;
use super::{CaseLedger, Context};
use crate::domain::activity::Activity;
use crate::domain::detail::Contact;
use crate::domain::fact::{Dims, Fact, FactKind, flag};
use crate::domain::outcome::Outcome;
use crate::domain::time::{SECOND, Timestamp};
use crate::domain::vocabulary::{Channel, Direction, MessageEventKind};

/// Days for which a message is remembered: later events of it count no more.
const MESSAGE_DAYS: i32 = 90;
/// Days for which another contact is remembered: a promise made on it later counts as made on none.
const CONTACT_DAYS: i32 = 30;

/// The case leads among those of the contact: what happens once is counted here.
const LEAD: u8 = 1;
/// It is a message.
const MESSAGE: u8 = 2;
/// A promise made on it was counted.
const PROMISED: u8 = 4;
const OPENED: u8 = 8;
const CLICKED: u8 = 16;
const DELIVERED: u8 = 32;
const BOUNCED_HARD: u8 = 64;
const BOUNCED_SOFT: u8 = 128;
const FINAL: u8 = DELIVERED | BOUNCED_HARD | BOUNCED_SOFT;

/// A contact that later activities may name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Remembered {
    key: u64,
    /// Dimensions of its fact.
    #[serde(deserialize_with = "super::dims::read_shared")]
    pub dims: Arc<Dims>,
    day: i32,
    flags: u8,
    bits: u8,
}

/// What is remembered of a case's contacts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Contacts {
    recent: Vec<Remembered>,
    /// When the right party was last reached,
    spoke_at: Timestamp,
    /// and by whom.
    #[serde(deserialize_with = "super::dims::read_shared_if_any")]
    spoke: Option<Arc<Dims>>,
}

impl Default for Contacts {
    fn default() -> Self {
        Self { recent: Vec::new(), spoke_at: Timestamp(i64::MIN), spoke: None }
    }
}

impl Contacts {
    /// A contact that is remembered on `day`.
    pub fn find(&self, key: u64, day: i32) -> Option<&Remembered> {
        self.recent.iter().rev().find(|contact| contact.key == key && !contact.is_over(day))
    }

    /// Who reached the right party last, if that was not before `since`.
    pub fn spoke_since(&self, since: Timestamp) -> Option<&Dims> {
        self.spoke.as_deref().filter(|_| self.spoke_at >= since)
    }

    fn forget(&mut self, day: i32) {
        if self.recent.first().is_some_and(|contact| contact.is_over(day)) {
            self.recent.retain(|contact| !contact.is_over(day));
            if self.recent.capacity() > 4 + 2 * self.recent.len() {
                self.recent.shrink_to_fit();
            }
        }
    }

    /// A promise was made on that contact: a call is counted once.
    pub fn promise_made_on(&mut self, key: u64, sink: &mut Sink) {
        let call = |contact: &&mut Remembered| contact.key == key && contact.dims.channel == Some(Channel::Call);
        if let Some(contact) = self.recent.iter_mut().rev().find(call)
            && contact.bits & (LEAD | PROMISED) == LEAD
        {
            contact.bits |= PROMISED;
            let fact = contact.fact(FactKind::ContactWithPromise, None, sink);
            sink.out.push(fact);
        }
    }
}

impl Remembered {
    fn is_over(&self, day: i32) -> bool {
        let days = if self.bits & MESSAGE == 0 { CONTACT_DAYS } else { MESSAGE_DAYS };
        self.day.saturating_add(days) < day
    }

    /// A fact of the contact, dated by it.
    fn fact(&self, kind: FactKind, state: Option<&str>, sink: &Sink) -> Fact {
        let mut fact = sink.plain(kind, 1);
        fact.day = self.day;
        fact.flags = u16::from(self.flags);
        fact.dims = state.map_or_else(|| Arc::clone(&self.dims), |state| DimRef::of(&self.dims).state(state).shared());
        fact
    }

    fn final_fact(&self, state: u8, sink: &Sink) -> Option<Fact> {
        match state & FINAL {
            DELIVERED => Some(self.fact(FactKind::MessageDelivered, None, sink)),
            BOUNCED_HARD => Some(self.fact(FactKind::MessageBounced, Some("bounced_hard"), sink)),
            BOUNCED_SOFT => Some(self.fact(FactKind::MessageBounced, Some("bounced_soft"), sink)),
            _ => None,
        }
    }

    /// A message ends in one state: a later one takes the place of the one before.
    fn ended(&mut self, state: u8, sink: &mut Sink) {
        if self.bits & FINAL == state {
            return;
        }
        if let Some(mut old) = self.final_fact(self.bits, sink) {
            old.sign = -1;
            sink.out.push(old);
        }
        self.bits = (self.bits & !FINAL) | state;
        sink.out.extend(self.final_fact(state, sink));
    }

    fn once(&mut self, bit: u8, kind: FactKind, sink: &mut Sink) {
        if self.bits & bit == 0 {
            self.bits |= bit;
            let fact = self.fact(kind, None, sink);
            sink.out.push(fact);
        }
    }

    fn event(&mut self, event: MessageEventKind, sink: &mut Sink) {
        if self.bits & (LEAD | MESSAGE) != LEAD | MESSAGE {
            return;
        }
        match event {
            MessageEventKind::Delivered => self.ended(DELIVERED, sink),
            MessageEventKind::BouncedHard | MessageEventKind::Returned => self.ended(BOUNCED_HARD, sink),
            MessageEventKind::BouncedSoft => self.ended(BOUNCED_SOFT, sink),
            MessageEventKind::Dropped => self.ended(0, sink),
            MessageEventKind::Opened => self.once(OPENED, FactKind::MessageOpened, sink),
            MessageEventKind::Clicked => self.once(CLICKED, FactKind::MessageClicked, sink),
            MessageEventKind::Accepted
            | MessageEventKind::Deferred
            | MessageEventKind::Complained
            | MessageEventKind::Unsubscribed => {}
        }
    }
}

fn is_message(channel: Channel) -> bool {
    matches!(
        channel,
        Channel::Email | Channel::Sms | Channel::Letter | Channel::Messaging | Channel::Fax | Channel::SocialMedia
    )
}

impl CaseLedger {
    pub(super) fn contacted(&mut self, ctx: &Context, activity: &Activity, contact: &Contact, sink: &mut Sink) {
        let outcome = contact.outcome_flags();
        let mut flags = 0;
        for (set, bit) in [
            (outcome.attempt, flag::ATTEMPT),
            (outcome.connect, flag::CONNECT),
            (outcome.right_party, flag::RIGHT_PARTY),
            (outcome.communication, flag::COMMUNICATION),
            (activity.control.check_id.is_some(), flag::CHECKED),
            (activity.control.override_reason.is_some(), flag::OVERRIDDEN),
        ] {
            if set {
                flags |= bit;
            }
        }
        let direction = activity.direction();
        let (agent, team) = super::who(activity, &sink.case);
        let dims = DimRef {
            agent,
            team,
            campaign: contact.campaign.as_deref(),
            template: contact.template.as_deref(),
            variant: contact.variant.as_deref(),
            channel: Some(contact.channel),
            direction: Some(direction),
            ..sink.case
        }
        .shared();
        let message = direction == Direction::Outbound && is_message(contact.channel);
        let mut made = Remembered {
            key: tag(&activity.id),
            dims,
            day: sink.day,
            // Every flag of a contact is below 256.
            flags: u8::try_from(flags).unwrap_or(u8::MAX),
            bits: (u8::from(ctx.lead) * LEAD) | (u8::from(message) * MESSAGE),
        };
        if ctx.lead {
            let mut fact = made.fact(FactKind::Contact, None, sink);
            // Handling time in seconds.
            fact.amount2 = activity.ended.map_or(0, |end| end.0.saturating_sub(activity.occurred.0).max(0) / SECOND);
            sink.out.push(fact);
            if message {
                let fact = made.fact(FactKind::MessageSent, None, sink);
                sink.out.push(fact);
            }
            let acted = outcome.attempt || outcome.connect || contact.channel == Channel::Visit;
            if acted && super::is_human(activity) {
                let fact = made.fact(FactKind::AgentActive, None, sink);
                sink.out.push(fact);
            }
        }
        self.told(&mut made, contact, sink);
        if outcome.right_party {
            self.contacts.spoke_at = activity.occurred;
            self.contacts.spoke = Some(Arc::clone(&made.dims));
        }
        self.contacts.forget(sink.day);
        if message || contact.channel == Channel::Call || outcome.right_party {
            let key = made.key;
            push_lean(&mut self.contacts.recent, made);
            self.awaited(key, sink);
        }
    }

    /// What the contact's own record says came of it.
    fn told(&self, made: &mut Remembered, contact: &Contact, sink: &mut Sink) {
        let outcome = contact.outcome;
        if contact.returned.is_some() || outcome == Some(Outcome::ReturnedUndeliverable) {
            made.event(MessageEventKind::Returned, sink);
        } else if contact.delivered.is_some() || outcome == Some(Outcome::Delivered) {
            made.event(MessageEventKind::Delivered, sink);
        }
        match outcome {
            Some(Outcome::Opened) => made.event(MessageEventKind::Opened, sink),
            Some(Outcome::Clicked) => made.event(MessageEventKind::Clicked, sink),
            Some(Outcome::RightPartyPromise) if made.bits & LEAD != 0 && contact.channel == Channel::Call => {
                made.once(PROMISED, FactKind::ContactWithPromise, sink);
            }
            _ => {}
        }
    }

    /// Lets take effect what named the contact before it came.
    fn awaited(&mut self, key: u64, sink: &mut Sink) {
        let Some(books) = self.books.as_mut() else { return };
        books.pending.retain(|(_, day, matter)| {
            !matches!(matter, Pending::MadeOn { .. } | Pending::Event(_))
                || day.saturating_add(MESSAGE_DAYS) >= sink.day
        });
        for waiting in books.arrived(key) {
            match waiting {
                Pending::MadeOn { promise } => {
                    if let Some(parent) = self.contacts.find(key, sink.day).map(|contact| Arc::clone(&contact.dims)) {
                        self.made_on_late(promise, &parent, sink);
                    }
                    self.contacts.promise_made_on(key, sink);
                }
                Pending::Event(event) => self.happened(key, event, sink),
                _ => {}
            }
        }
    }

    fn happened(&mut self, key: u64, event: MessageEventKind, sink: &mut Sink) {
        if let Some(message) = self.contacts.recent.iter_mut().rev().find(|contact| contact.key == key) {
            message.event(event, sink);
        }
    }

    pub(super) fn message_event(
        &mut self,
        activity: &Activity,
        event: MessageEventKind,
        machine: bool,
        sink: &mut Sink,
    ) {
        let Some(key) = activity.parent.as_ref().map(tag) else { return };
        if machine && matches!(event, MessageEventKind::Opened | MessageEventKind::Clicked) {
            return;
        }
        if self.contacts.find(key, sink.day).is_some() {
            self.happened(key, event, sink);
        } else {
            self.books_mut().pending.push((key, sink.day, Pending::Event(event)));
        }
    }
}
