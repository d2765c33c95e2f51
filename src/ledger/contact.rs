//! Contacts and messages: what is counted once an activity, and what is remembered of them for what comes later.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::books::{Pending, push_lean, tag};
use super::dims::DimRef;
use super::emit::Sink;
use super::promise::MadeOn;
use super::{CaseLedger, Context};
use crate::domain::activity::Activity;
use crate::domain::detail::Contact;
use crate::domain::fact::{Dims, Fact, FactKind, flag};
use crate::domain::market::Market;
use crate::domain::outcome::Outcome;
use crate::domain::time::{SECOND, Timestamp};
use crate::domain::vocabulary::{Channel, Direction, MessageEventKind};

/// Days for which a message is remembered: later events of it count no more.
const MESSAGE_DAYS: i32 = 90;
/// Days for which another contact is remembered: a promise made on it later counts as made on none.
const CONTACT_DAYS: i32 = 30;
const MINUTE: i64 = 60 * SECOND;

/// The case leads among those of the contact: what happens once is counted here.
const LEAD: u16 = 1;
/// It is a message.
const MESSAGE: u16 = 2;
/// A promise made on it was counted.
const PROMISED: u16 = 4;
const OPENED: u16 = 8;
const CLICKED: u16 = 16;
const COMPLAINED: u16 = 32;
const UNSUBSCRIBED: u16 = 64;
const DELIVERED: u16 = 256;
const BOUNCED_HARD: u16 = 512;
const BOUNCED_SOFT: u16 = 1024;
const DROPPED: u16 = 2048;
const FINAL: u16 = DELIVERED | BOUNCED_HARD | BOUNCED_SOFT | DROPPED;

/// An attempt was made on the case; the right party was reached; the first attempt, and the first right-party contact,
/// led to a payment.
const ATTEMPTED: u8 = 1;
const REACHED: u8 = 2;
const ATTEMPT_RESOLVED: u8 = 4;
const REACHED_RESOLVED: u8 = 8;

/// A contact that later activities may name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Remembered {
    key: u64,
    /// Dimensions of its fact.
    #[serde(deserialize_with = "super::dims::read_shared")]
    pub dims: Arc<Dims>,
    pub day: i32,
    /// What happened to it, and behind that the flags of its fact and the minute of its day: see the shifts.
    bits: u32,
}

/// Bits of what happened to a contact; behind them its flags.
const FLAGS_AT: u32 = 12;
/// Behind the flags its minute, from the day's first instant on.
const MINUTE_AT: u32 = 21;

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
            && contact.among(LEAD | PROMISED) == LEAD
        {
            contact.set(PROMISED);
            let fact = contact.fact(FactKind::ContactWithPromise, None, sink);
            sink.out.push(fact);
        }
    }
}

impl Remembered {
    fn has(&self, bits: u16) -> bool {
        self.bits & u32::from(bits) == u32::from(bits)
    }

    fn set(&mut self, bits: u16) {
        self.bits |= u32::from(bits);
    }

    /// Which of the bits it has.
    const fn among(&self, bits: u16) -> u16 {
        (self.bits & bits as u32) as u16
    }

    /// Flags of its fact.
    pub const fn flags(&self) -> u16 {
        (self.bits >> FLAGS_AT & ((1 << (MINUTE_AT - FLAGS_AT)) - 1)) as u16
    }

    /// Seconds from its minute to an instant.
    fn seconds_to(&self, at: Timestamp, market: &Market) -> i64 {
        let minute = i64::from(self.bits >> MINUTE_AT);
        let made = super::midnight(market, self.day).0.saturating_add(minute * MINUTE);
        at.0.saturating_sub(made).max(0) / SECOND
    }

    fn is_over(&self, day: i32) -> bool {
        let days = if self.has(MESSAGE) { MESSAGE_DAYS } else { CONTACT_DAYS };
        self.day.saturating_add(days) < day
    }

    /// A fact of the contact, dated by it.
    fn fact(&self, kind: FactKind, state: Option<&str>, sink: &Sink) -> Fact {
        let mut fact = sink.plain(kind, 1);
        fact.day = self.day;
        fact.flags = self.flags();
        fact.dims = state.map_or_else(|| Arc::clone(&self.dims), |state| DimRef::of(&self.dims).state(state).shared());
        fact
    }

    fn final_fact(&self, state: u16, sink: &Sink) -> Option<Fact> {
        match state & FINAL {
            DELIVERED => Some(self.fact(FactKind::MessageDelivered, None, sink)),
            BOUNCED_HARD => Some(self.fact(FactKind::MessageBounced, Some("bounced_hard"), sink)),
            BOUNCED_SOFT => Some(self.fact(FactKind::MessageBounced, Some("bounced_soft"), sink)),
            DROPPED => Some(self.fact(FactKind::MessageDropped, None, sink)),
            _ => None,
        }
    }

    /// A message ends in one state: a later one takes the place of the one before.
    fn ended(&mut self, state: u16, sink: &mut Sink) {
        if self.among(FINAL) == state {
            return;
        }
        if let Some(mut old) = self.final_fact(self.among(FINAL), sink) {
            old.sign = -1;
            sink.out.push(old);
        }
        self.bits = (self.bits & !u32::from(FINAL)) | u32::from(state);
        sink.out.extend(self.final_fact(state, sink));
    }

    fn once(&mut self, bit: u16, kind: FactKind, value: Option<i64>, sink: &mut Sink) {
        if !self.has(bit) {
            self.set(bit);
            let fact = self.fact(kind, None, sink);
            sink.out.push(Fact { value, ..fact });
        }
    }

    /// Something happened to the message, at an instant if that is known.
    fn event(&mut self, event: MessageEventKind, at: Option<(Timestamp, &Market)>, sink: &mut Sink) {
        if !self.has(LEAD | MESSAGE) {
            return;
        }
        match event {
            MessageEventKind::Delivered => self.ended(DELIVERED, sink),
            MessageEventKind::BouncedHard | MessageEventKind::Returned => self.ended(BOUNCED_HARD, sink),
            MessageEventKind::BouncedSoft => self.ended(BOUNCED_SOFT, sink),
            MessageEventKind::Dropped => self.ended(DROPPED, sink),
            MessageEventKind::Opened => {
                let value = at.map(|(at, market)| self.seconds_to(at, market));
                self.once(OPENED, FactKind::MessageOpened, value, sink);
            }
            MessageEventKind::Clicked => self.once(CLICKED, FactKind::MessageClicked, None, sink),
            MessageEventKind::Complained => self.once(COMPLAINED, FactKind::MessageComplained, None, sink),
            MessageEventKind::Unsubscribed => self.once(UNSUBSCRIBED, FactKind::MessageUnsubscribed, None, sink),
            MessageEventKind::Accepted | MessageEventKind::Deferred => {}
        }
    }
}

/// The minute of an instant, from its day's first instant on. No day has 34 hours, so 11 bits are enough.
fn minute_of(market: &Market, day: i32, at: Timestamp) -> u32 {
    let minutes = at.0.saturating_sub(super::midnight(market, day).0).max(0) / MINUTE;
    u32::try_from(minutes).unwrap_or(u32::MAX).min((1 << 11) - 1)
}

/// Emits, once a case, that its first attempt or first right-party contact led to a payment.
pub(super) fn first_resolved(marks: &mut u8, flags: u16, day: i32, dims: &Dims, sink: &mut Sink) {
    let both = [
        (flag::FIRST_ATTEMPT, ATTEMPT_RESOLVED, "attempt"),
        (flag::FIRST_RIGHT_PARTY, REACHED_RESOLVED, "right_party"),
    ];
    for (first, resolved, state) in both {
        if flags & first != 0 && *marks & resolved == 0 {
            *marks |= resolved;
            let mut fact = sink.plain(FactKind::FirstContactResolved, 1);
            fact.day = day;
            fact.dims = DimRef::of(dims).state(state).shared();
            sink.out.push(fact);
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
        if ctx.lead {
            flags |= self.first_of(outcome.attempt, outcome.attempt && outcome.right_party);
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
            bits: u32::from(flags) << FLAGS_AT | minute_of(ctx.market, sink.day, activity.occurred) << MINUTE_AT,
        };
        if ctx.lead {
            made.set(LEAD);
        }
        if message {
            made.set(MESSAGE);
        }
        if ctx.lead {
            let mut fact = made.fact(FactKind::Contact, None, sink);
            fact.value = activity.ended.map(|end| end.0.saturating_sub(activity.occurred.0).max(0) / SECOND);
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
            self.awaited(ctx.market, key, sink);
        }
    }

    /// What the contact's own record says came of it.
    fn told(&self, made: &mut Remembered, contact: &Contact, sink: &mut Sink) {
        let outcome = contact.outcome;
        if contact.returned.is_some() || outcome == Some(Outcome::ReturnedUndeliverable) {
            made.event(MessageEventKind::Returned, None, sink);
        } else if contact.delivered.is_some() || outcome == Some(Outcome::Delivered) {
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

    /// Flags of the case's first attempt and first right-party contact, given once each.
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

    /// A payment names the contact on which it was made.
    pub(super) fn paid_on(&mut self, key: u64, sink: &mut Sink) {
        if let Some(contact) = self.contacts.find(key, sink.day).filter(|contact| contact.has(LEAD)) {
            first_resolved(&mut self.marks, contact.flags(), contact.day, &contact.dims, sink);
        }
    }

    /// Lets take effect what named the contact before it came.
    fn awaited(&mut self, market: &Market, key: u64, sink: &mut Sink) {
        let Some(books) = self.books.as_mut() else { return };
        books.pending.retain(|(_, day, matter)| {
            !matches!(matter, Pending::MadeOn { .. } | Pending::Event(..))
                || day.saturating_add(MESSAGE_DAYS) >= sink.day
        });
        for waiting in books.arrived(key) {
            match waiting {
                Pending::MadeOn { promise } => {
                    if let Some(parent) = self.contacts.find(key, sink.day).map(MadeOn::of) {
                        self.made_on_late(promise, &parent, sink);
                    }
                    self.contacts.promise_made_on(key, sink);
                }
                Pending::Event(event, at) => self.happened(key, event, (at, market), sink),
                _ => {}
            }
        }
    }

    fn happened(&mut self, key: u64, event: MessageEventKind, at: (Timestamp, &Market), sink: &mut Sink) {
        if let Some(message) = self.contacts.recent.iter_mut().rev().find(|contact| contact.key == key) {
            message.event(event, Some(at), sink);
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
