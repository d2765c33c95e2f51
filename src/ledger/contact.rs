//! Contacts and messages: what is counted once an activity, and what is remembered of them for what comes later.

use std::sync::Arc;

use super::books::{Pending, push_lean, tag};
use super::dims::DimRef;
use super::emit::Sink;
use super::remembered::{LEAD, MESSAGE, MESSAGE_DAYS, MadeOn, PROMISED, Remembered};
use super::seen::{SeenFor, attempted_by, see};
use super::{CaseLedger, Context};
use crate::domain::activity::Activity;
use crate::domain::detail::Contact;
use crate::domain::fact::{FactKind, flag};
use crate::domain::market::Market;
use crate::domain::outcome::Outcome;
use crate::domain::time::Timestamp;
use crate::domain::vocabulary::{ActorKind, Channel, Direction, MessageEventKind};

/// An attempt was made on the case; the right party was reached.
const ATTEMPTED: u8 = 1;
const REACHED: u8 = 2;

/// A person of the collector acted: one said to be human, or a named agent that is not said to be a bot or a system.
fn by_person(activity: &Activity) -> bool {
    match activity.actor.kind {
        Some(ActorKind::Human) => true,
        Some(ActorKind::Bot | ActorKind::System) => false,
        None => activity.actor.agent.is_some(),
    }
}

/// A human agent acted: an agent who is named and said to be neither bot nor system.
pub(super) fn is_human(activity: &Activity) -> bool {
    activity.actor.agent.is_some() && !matches!(activity.actor.kind, Some(ActorKind::Bot | ActorKind::System))
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
        let direction = activity.direction();
        // Who is called tries nothing: an attempt is one of the collector's, whatever came of the debtor's own call.
        let attempt = outcome.attempt && direction == Direction::Outbound;
        let mut flags = 0;
        for (set, bit) in [
            (attempt, flag::ATTEMPT),
            (outcome.connect, flag::CONNECT),
            (outcome.right_party, flag::RIGHT_PARTY),
            (outcome.communication, flag::COMMUNICATION),
            (activity.control.check_id.is_some(), flag::CHECKED),
            (activity.control.override_reason.is_some(), flag::OVERRIDDEN),
            (!by_person(activity), flag::SELF_SERVICE),
        ] {
            if set {
                flags |= bit;
            }
        }
        if ctx.lead {
            // Letters and e-mails are attempts too, and nearly always the first: what is asked is what calls bring about.
            let call = contact.channel == Channel::Call && attempt;
            flags |= self.first_of(call, call && outcome.right_party);
        }
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
        let named = (tag(&activity.id), dims);
        let clock = (!activity.date_only).then_some(activity.occurred);
        let mut made = Remembered::new(ctx.market, named, (sink.day, clock), flags);
        if ctx.lead {
            made.set(LEAD);
        }
        if message {
            made.set(MESSAGE);
            if let Some(point) = contact.contact_point.as_ref().filter(|_| ctx.lead) {
                self.addressed(&made, point, sink);
            }
        }
        if ctx.lead {
            let mut fact = made.fact(FactKind::Contact, None, sink);
            fact.value = activity.ended.map(|end| end.seconds_since(activity.occurred));
            sink.out.push(fact);
            if message {
                let fact = made.fact(FactKind::MessageSent, None, sink);
                sink.out.push(fact);
            }
            let acted = outcome.attempt || outcome.connect || contact.channel == Channel::Visit;
            if acted && is_human(activity) {
                let fact = made.fact(FactKind::AgentActive, None, sink);
                sink.out.push(fact);
            }
        }
        self.told(&mut made, contact, sink);
        if made.is_delivered() {
            self.came_to(&made, true, sink);
        }
        if attempt {
            see(&mut self.kept, SeenFor::Attempted, sink.day, sink);
            attempted_by(&mut self.kept, contact.channel, sink.day, sink);
            if outcome.right_party {
                see(&mut self.kept, SeenFor::Reached, sink.day, sink);
            }
        }
        if message && contact.channel == Channel::Email {
            see(&mut self.kept, SeenFor::Emailed, sink.day, sink);
        }
        if outcome.right_party {
            self.contacts.spoke_at = activity.occurred;
            self.contacts.spoke = Some(Arc::clone(&made.dims));
        }
        self.contacts.forget(sink.day);
        if message || contact.channel == Channel::Call || outcome.right_party {
            let key = made.key;
            push_lean(&mut self.contacts.recent, made);
            self.awaited(ctx.market, key, sink);
        }
    }

    /// Whether a payment, promise or plan was made without an agent: no person of the collector made it, nor the contact that it
    /// was made on. What counts towards a promise, and so has its agent, is for the caller to ask.
    pub(super) fn without_agent(&self, activity: &Activity, day: i32) -> bool {
        let on = activity.parent.as_ref().and_then(|contact| self.contacts.find(tag(contact), day));
        !by_person(activity) && on.is_none_or(|contact| contact.flags() & flag::SELF_SERVICE != 0)
    }

    /// What the contact's own record says came of it.
    fn told(&self, made: &mut Remembered, contact: &Contact, sink: &mut Sink) {
        let outcome = contact.outcome;
        if contact.came_back() {
            made.event(MessageEventKind::Returned, None, sink);
        } else if contact.delivered.is_some() || outcome == Some(Outcome::Delivered) || contact.outcome_flags().connect
        {
            // Who answered had it.
            made.event(MessageEventKind::Delivered, None, sink);
        }
        match outcome {
            Some(Outcome::Opened) => made.event(MessageEventKind::Opened, None, sink),
            Some(Outcome::Clicked) => made.event(MessageEventKind::Clicked, None, sink),
            Some(Outcome::RightPartyPromise) if made.has(LEAD) && contact.channel == Channel::Call => {
                made.once(PROMISED, FactKind::ContactWithPromise, None, sink);
            }
            _ => {}
        }
    }

    /// Flags of the case's first attempt by call and its first right-party call, given once each.
    const fn first_of(&mut self, attempt: bool, reached: bool) -> u16 {
        let mut flags = 0;
        if attempt && self.marks & ATTEMPTED == 0 {
            self.marks |= ATTEMPTED;
            flags |= flag::FIRST_ATTEMPT;
        }
        if reached && self.marks & REACHED == 0 {
            self.marks |= REACHED;
            flags |= flag::FIRST_RIGHT_PARTY;
        }
        flags
    }

    /// Lets take effect what named the contact before it came.
    fn awaited(&mut self, market: &Market, key: u64, sink: &mut Sink) {
        let Some(books) = self.books.as_mut().filter(|books| !books.pending.is_empty()) else { return };
        let books = Arc::make_mut(books);
        books.pending.retain(|(_, day, matter)| {
            !matches!(matter, Pending::MadeOn { .. } | Pending::MadeElsewhere | Pending::Event(..))
                || day.saturating_add(MESSAGE_DAYS) >= sink.day
        });
        for waiting in books.arrived(key) {
            match waiting {
                Pending::MadeOn { promise } => {
                    if let Some(parent) = self.contacts.find(key, sink.day).map(MadeOn::of) {
                        let mut concerned: Vec<usize> = self.books_mut().made_on(parent.call).collect();
                        concerned.push(promise as usize);
                        self.retold((None, &concerned), sink, |ledger, sink| {
                            ledger.made_on_late(promise, &parent, sink);
                        });
                    }
                    self.contacts.promise_made_on(key, sink);
                }
                Pending::MadeElsewhere => self.contacts.promise_made_on(key, sink),
                Pending::Event(event, at) => self.happened(key, event, (at, market), sink),
                _ => {}
            }
        }
    }

    fn happened(&mut self, key: u64, event: MessageEventKind, at: (Timestamp, &Market), sink: &mut Sink) {
        if let Some(message) = self.contacts.recent.iter_mut().rev().find(|contact| contact.key == key) {
            let (delivered, opened) = (message.is_delivered(), message.is_opened());
            message.event(event, Some(at), sink);
            let message = message.clone();
            if message.is_delivered() != delivered {
                self.came_to(&message, !delivered, sink);
            }
            if message.is_opened() && !opened {
                self.opened(&message, message.seconds_to(at.0, at.1), sink);
            }
        }
    }

    pub(super) fn message_event(
        &mut self,
        market: &Market,
        activity: &Activity,
        (event, machine): (MessageEventKind, bool),
        sink: &mut Sink,
    ) {
        let Some(key) = activity.parent.as_ref().map(tag) else { return };
        if machine && matches!(event, MessageEventKind::Opened | MessageEventKind::Clicked) {
            return;
        }
        if self.contacts.find(key, sink.day).is_some() {
            self.happened(key, event, (activity.occurred, market), sink);
        } else {
            self.books_mut().pending.push((key, sink.day, Pending::Event(event, activity.occurred)));
        }
    }
}
