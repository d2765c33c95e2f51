//! What a case remembers of its contacts, for what comes later: events of a message, promises made on a call, payments.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::addresses::Posted;
use super::conversions::{Conversion, Converted};
use super::dims::DimRef;
use super::emit::Sink;
use crate::domain::fact::{Dims, Fact, FactKind, flag};
use crate::domain::market::Market;
use crate::domain::time::{SECOND, Timestamp};
use crate::domain::vocabulary::{Channel, MessageEventKind};

/// Days for which a message is remembered: later events of it count no more.
pub(super) const MESSAGE_DAYS: i32 = 90;
/// Days for which another contact is remembered: a promise made on it later counts as made on none.
const CONTACT_DAYS: i32 = 30;
const MINUTE: i64 = 60 * SECOND;
/// Seconds after a contact or visit in which a payment counts as led to by it: thirty days. Definitions may ask for less.
pub(super) const LED_TO: i64 = 30 * 86_400;

/// The case leads among those of the contact: what happens once is counted here.
pub(super) const LEAD: u16 = 1;
/// It is a message.
pub(super) const MESSAGE: u16 = 2;
/// A promise made on it was counted.
pub(super) const PROMISED: u16 = 4;
const OPENED: u16 = 8;
const CLICKED: u16 = 16;
const COMPLAINED: u16 = 32;
const UNSUBSCRIBED: u16 = 64;
/// A payment followed it: what came of that is among the conversions.
const PAID: u16 = 128;
const DELIVERED: u16 = 256;
const BOUNCED_HARD: u16 = 512;
const BOUNCED_SOFT: u16 = 1024;
const DROPPED: u16 = 2048;
const FINAL: u16 = DELIVERED | BOUNCED_HARD | BOUNCED_SOFT | DROPPED;

/// A contact that later activities may name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Remembered {
    pub key: u64,
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
/// In the place of the minute of a contact of which only the day is known.
const NO_CLOCK: u32 = (1 << 11) - 1;

/// What is remembered of a case's contacts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Contacts {
    pub recent: Vec<Remembered>,
    /// When the right party was last reached,
    pub spoke_at: Timestamp,
    /// and by whom.
    #[serde(deserialize_with = "super::dims::read_shared_if_any")]
    pub spoke: Option<Arc<Dims>>,
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

    pub fn forget(&mut self, day: i32) {
        if self.recent.first().is_some_and(|contact| contact.is_over(day)) {
            self.recent.retain(|contact| !contact.is_over(day));
            if self.recent.capacity() > 4 + 2 * self.recent.len() {
                self.recent.shrink_to_fit();
            }
        }
    }

    /// Money came in: the contacts of the last thirty days that no payment followed before may have led to it.
    pub fn led_to(&mut self, at: Timestamp, posted: Option<&Posted>, sink: &Sink) -> Vec<Conversion> {
        let open = |contact: &&mut Remembered| contact.has(LEAD) && !contact.has(PAID) && !contact.is_over(sink.day);
        let mut led = Vec::new();
        for contact in self.recent.iter_mut().filter(open) {
            if contact.seconds_to(at, sink.market) <= LED_TO {
                contact.set(PAID);
                let from = contact.made_at(sink.market);
                led.push(Conversion {
                    of: Converted::Contact(contact.key),
                    from,
                    day: contact.day,
                    last: contact.last_day(),
                    hour: contact.has_clock().then(|| sink.hour_at(from)),
                    flags: contact.flags(),
                    opened: posted.and_then(|posted| posted.opened(contact.key)),
                    dims: Arc::clone(&contact.dims),
                    by: None,
                });
            }
        }
        led
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
    /// A contact at an instant of that day, if more than the day is known, with the flags of its fact.
    pub fn new(
        market: &Market,
        (key, dims): (u64, Arc<Dims>),
        (day, at): (i32, Option<Timestamp>),
        flags: u16,
    ) -> Self {
        let minute = at.map_or(NO_CLOCK, |at| minute_of(market, day, at));
        Self { key, dims, day, bits: u32::from(flags) << FLAGS_AT | minute << MINUTE_AT }
    }

    /// Whether it is a message that was delivered, by what is known of it.
    pub fn is_delivered(&self) -> bool {
        self.has(DELIVERED)
    }

    /// Whether it is a message that a person opened.
    pub fn is_opened(&self) -> bool {
        self.has(OPENED)
    }

    pub fn has(&self, bits: u16) -> bool {
        self.bits & u32::from(bits) == u32::from(bits)
    }

    pub fn set(&mut self, bits: u16) {
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

    /// Whether more than its day is known.
    const fn has_clock(&self) -> bool {
        self.bits >> MINUTE_AT != NO_CLOCK
    }

    /// Its minute; the first of its day, if no more than that is known.
    fn made_at(&self, market: &Market) -> Timestamp {
        let minute = if self.has_clock() { i64::from(self.bits >> MINUTE_AT) } else { 0 };
        super::midnight(market, self.day).plus(minute * MINUTE)
    }

    /// Seconds from its minute to an instant.
    pub fn seconds_to(&self, at: Timestamp, market: &Market) -> i64 {
        at.seconds_since(self.made_at(market))
    }

    /// The last day on which it is remembered.
    fn last_day(&self) -> i32 {
        self.day.saturating_add(if self.has(MESSAGE) { MESSAGE_DAYS } else { CONTACT_DAYS })
    }

    fn is_over(&self, day: i32) -> bool {
        self.last_day() < day
    }

    /// A fact of the contact, dated by it.
    pub fn fact(&self, kind: FactKind, state: Option<&str>, sink: &Sink) -> Fact {
        let mut fact = sink.plain(kind, 1);
        if !sink.out.takes(kind) {
            return fact;
        }
        fact.day = self.day;
        fact.hour = self.has_clock().then(|| sink.hour_at(self.made_at(sink.market)));
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

    /// A message ends in one state: a later one takes the place of the one before. Who opened, followed, complained of or
    /// unsubscribed by it had it, so that it was delivered whatever else is reported: shares of delivered messages hold no others.
    fn ended(&mut self, state: u16, sink: &mut Sink) {
        let had = self.among(OPENED | CLICKED | COMPLAINED | UNSUBSCRIBED) != 0;
        if self.among(FINAL) == state || had && self.is_delivered() {
            return;
        }
        if let Some(mut old) = self.final_fact(self.among(FINAL), sink) {
            old.sign = -1;
            sink.out.push(old);
        }
        self.bits = (self.bits & !u32::from(FINAL)) | u32::from(state);
        sink.out.extend(self.final_fact(state, sink));
    }

    pub fn once(&mut self, bit: u16, kind: FactKind, value: Option<i64>, sink: &mut Sink) {
        if !self.has(bit) {
            self.set(bit);
            let fact = self.fact(kind, None, sink);
            sink.out.push(Fact { value, ..fact });
        }
    }

    /// Something happened to the message, at an instant if that is known.
    pub fn event(&mut self, event: MessageEventKind, at: Option<(Timestamp, &Market)>, sink: &mut Sink) {
        if !self.has(LEAD | MESSAGE) {
            return;
        }
        use MessageEventKind as Kind;
        let followed = self.has(OPENED | CLICKED);
        match event {
            Kind::Delivered | Kind::Opened | Kind::Clicked | Kind::Complained | Kind::Unsubscribed => {
                self.ended(DELIVERED, sink);
            }
            Kind::BouncedHard | Kind::Returned => self.ended(BOUNCED_HARD, sink),
            Kind::BouncedSoft => self.ended(BOUNCED_SOFT, sink),
            Kind::Dropped => self.ended(DROPPED, sink),
            Kind::Accepted | Kind::Deferred => {}
        }
        match event {
            Kind::Opened => {
                let value = at.map(|(at, market)| self.seconds_to(at, market));
                self.once(OPENED, FactKind::MessageOpened, value, sink);
            }
            Kind::Clicked => self.once(CLICKED, FactKind::MessageClicked, None, sink),
            Kind::Complained => self.once(COMPLAINED, FactKind::MessageComplained, None, sink),
            Kind::Unsubscribed => self.once(UNSUBSCRIBED, FactKind::MessageUnsubscribed, None, sink),
            _ => {}
        }
        // Which of the two was reported first says nothing.
        if !followed && self.has(OPENED | CLICKED) {
            let fact = self.fact(FactKind::OpenedClicked, None, sink);
            sink.out.push(fact);
        }
    }
}

/// The low half of a short form.
pub(super) const fn low(key: u64) -> u32 {
    key as u32
}

/// What a promise has from the contact that it was made on.
pub(super) struct MadeOn {
    dims: Arc<Dims>,
    pub flags: u16,
    pub day: i32,
    /// See `PromiseView::call`.
    pub call: u32,
    /// It was made without an agent.
    pub alone: bool,
}

impl MadeOn {
    /// Of a contact that is remembered.
    pub fn of(contact: &Remembered) -> Self {
        let flags = contact.flags() & (flag::RIGHT_PARTY | flag::FIRST_ATTEMPT | flag::FIRST_RIGHT_PARTY);
        let call = if contact.has(LEAD) { low(contact.key) } else { 0 };
        let alone = contact.flags() & flag::SELF_SERVICE != 0;
        Self { dims: Arc::clone(&contact.dims), flags, day: contact.day, call, alone }
    }

    /// The dimensions of the promise: the contact's direction, and what the promise does not say itself.
    pub fn dims<'a>(&'a self, own: DimRef<'a>) -> DimRef<'a> {
        let mut dims = if own.agent.is_some() { own } else { own.acted_by(&self.dims) };
        dims.channel = own.channel.or(self.dims.channel);
        dims.direction = self.dims.direction.or(own.direction);
        dims
    }
}

/// The minute of an instant, from its day's first instant on. No day has 34 hours, so 11 bits are enough.
fn minute_of(market: &Market, day: i32, at: Timestamp) -> u32 {
    let minutes = at.0.saturating_sub(super::midnight(market, day).0).max(0) / MINUTE;
    u32::try_from(minutes).unwrap_or(u32::MAX).min(NO_CLOCK - 1)
}
