//! Addresses that messages of a case went to, and came to, each counted once in any period.
//!
//! As accounts are (see [`super::seen`]), but by the day of sending, which is not the order in which deliveries are told: so
//! the days are kept, and one that comes between two others, or goes, changes what the later one says of the gap before it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::CaseLedger;
use super::books::push_lean;
use super::dims::DimRef;
use super::emit::Sink;
use super::remembered::{MESSAGE_DAYS, Remembered};
use crate::domain::fact::{Dims, Fact, FactKind};
use crate::domain::ids::{ContactPointId, short_form};

/// What is kept of a case's messages beside what is remembered of every contact.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Posted {
    messages: Vec<Sent>,
    addresses: Vec<Address>,
}

/// A message that names its address, or was opened.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Sent {
    /// As of [`Remembered`].
    key: u64,
    day: i32,
    /// The short form of its contact point.
    address: Option<u32>,
    /// Seconds from sending to opening by a person.
    opened: Option<u32>,
}

/// A contact point that messages went to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Address {
    /// The short form of its id.
    key: u32,
    sent: Days,
    reached: Days,
}

/// Days on which something happened to an address, in order.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Days(Vec<Day>);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Day {
    day: i32,
    /// Messages of the day.
    count: u16,
    #[serde(deserialize_with = "super::dims::read_shared")]
    dims: Arc<Dims>,
}

/// What of an address is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Sent,
    Reached,
}

impl Day {
    fn fact(&self, before: Option<i32>, sign: i8, sink: &Sink) -> Fact {
        let value = before.map(|before| i64::from(self.day) - i64::from(before));
        let fact = sink.plain(FactKind::AccountSeen, 1);
        Fact { day: self.day, sign, value, dims: Arc::clone(&self.dims), ..fact }
    }
}

impl Days {
    /// One more message of a day, or one less.
    fn change(&mut self, day: i32, more: bool, dims: &Arc<Dims>, sink: &mut Sink) {
        let at = self.0.partition_point(|one| one.day < day);
        let before = at.checked_sub(1).and_then(|at| self.0.get(at)).map(|one| one.day);
        let known = self.0.get(at).is_some_and(|one| one.day == day);
        match (known, more) {
            (true, true) => {
                if let Some(one) = self.0.get_mut(at) {
                    one.count = one.count.saturating_add(1);
                }
            }
            (false, true) => {
                let new = Day { day, count: 1, dims: Arc::clone(dims) };
                sink.out.push(new.fact(before, 1, sink));
                self.retell(at, (before, Some(day)), sink);
                self.0.insert(at, new);
                self.forget(day);
            }
            (true, false) => {
                let Some(one) = self.0.get_mut(at) else { return };
                one.count -= 1;
                if one.count == 0 {
                    let gone = self.0.remove(at);
                    sink.out.push(gone.fact(before, -1, sink));
                    self.retell(at, (Some(day), before), sink);
                }
            }
            (false, false) => {}
        }
    }

    /// The day that stands there is told with another gap before it.
    fn retell(&self, at: usize, (from, to): (Option<i32>, Option<i32>), sink: &mut Sink) {
        if let Some(next) = self.0.get(at) {
            let facts = [next.fact(from, -1, sink), next.fact(to, 1, sink)];
            sink.out.extend(facts);
        }
    }

    /// Forgets the days whose messages are remembered no more, but for the last of them.
    fn forget(&mut self, day: i32) {
        let old = self.0.partition_point(|one| one.day.saturating_add(MESSAGE_DAYS) < day);
        self.0.drain(..old.saturating_sub(1));
    }
}

impl Posted {
    /// Seconds from sending to opening of a message.
    pub fn opened(&self, key: u64) -> Option<u32> {
        self.messages.iter().rev().find(|one| one.key == key)?.opened
    }

    /// What is kept of a message; what was kept of older ones is forgotten with them.
    fn of(&mut self, message: &Remembered) -> Option<&mut Sent> {
        let at = self.messages.iter().rposition(|one| one.key == message.key);
        let at = at.unwrap_or_else(|| {
            self.messages.retain(|one| one.day.saturating_add(MESSAGE_DAYS) >= message.day);
            push_lean(&mut self.messages, Sent { key: message.key, day: message.day, address: None, opened: None });
            self.messages.len() - 1
        });
        self.messages.get_mut(at)
    }
}

impl CaseLedger {
    fn posted(&mut self) -> &mut Posted {
        self.kept.get_or_insert_default().posted.get_or_insert_default()
    }

    /// A message went to that contact point.
    pub(super) fn addressed(&mut self, message: &Remembered, point: &ContactPointId, sink: &mut Sink) {
        let posted = self.posted();
        let Some(sent) = posted.of(message) else { return };
        // The low half of the short form is enough to tell the few addresses of a case apart.
        sent.address = Some(short_form(point.as_str()) as u32);
        self.address(message, What::Sent, true, sink);
    }

    /// A message came to its address, or did not after all.
    pub(super) fn came_to(&mut self, message: &Remembered, came: bool, sink: &mut Sink) {
        self.address(message, What::Reached, came, sink);
    }

    /// A person opened a message, so many seconds after its sending.
    pub(super) fn opened(&mut self, message: &Remembered, seconds: i64, sink: &mut Sink) {
        // A message is remembered for 90 days, which are far fewer seconds than fit.
        let Ok(seconds) = u32::try_from(seconds) else { return };
        if let Some(sent) = self.posted().of(message) {
            sent.opened = Some(seconds);
        }
        self.opened_converted(message.key, seconds, sink);
    }

    fn address(&mut self, message: &Remembered, what: What, more: bool, sink: &mut Sink) {
        let Some(posted) = self.kept.as_mut().and_then(|kept| kept.posted.as_mut()) else { return };
        let sent = posted.messages.iter().rev().find(|one| one.key == message.key);
        let Some(key) = sent.and_then(|sent| sent.address) else { return };
        let all = &mut posted.addresses;
        let at = all.iter().position(|one| one.key == key).unwrap_or_else(|| {
            push_lean(all, Address { key, sent: Days::default(), reached: Days::default() });
            all.len() - 1
        });
        let Some(address) = all.get_mut(at) else { return };
        let (days, state) = match what {
            What::Sent => (&mut address.sent, "addressed"),
            What::Reached => (&mut address.reached, "address_reached"),
        };
        let case = DimRef { channel: message.dims.channel, direction: message.dims.direction, ..sink.case };
        let dims = case.state(state).shared();
        days.change(message.day, more, &dims, sink);
    }
}
