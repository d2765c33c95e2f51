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
    fn change(&mut self, day: i32, more: bool, dims: impl FnOnce() -> Arc<Dims>, sink: &mut Sink) {
        let at = self.0.partition_point(|one| one.day < day);
        let before = at.checked_sub(1).and_then(|at| self.0.get(at)).map(|one| one.day);
        let known = self.0.get(at).is_some_and(|one| one.day == day);
        // The day behind it is told with the gap to this one, or without it again.
        let retell = |next: Option<&Day>, from: Option<i32>, to: Option<i32>, sink: &mut Sink| {
            let facts = next.map(|next| [next.fact(from, -1, sink), next.fact(to, 1, sink)]);
            sink.out.extend(facts.into_iter().flatten());
        };
        match (known, more) {
            (true, true) => {
                if let Some(one) = self.0.get_mut(at) {
                    one.count = one.count.saturating_add(1);
                }
            }
            (false, true) => {
                let new = Day { day, count: 1, dims: dims() };
                sink.out.push(new.fact(before, 1, sink));
                retell(self.0.get(at), before, Some(day), sink);
                self.0.insert(at, new);
                self.forget(day);
            }
            (true, false) => {
                let Some(one) = self.0.get_mut(at) else { return };
                one.count -= 1;
                if one.count == 0 {
                    let gone = self.0.remove(at);
                    sink.out.push(gone.fact(before, -1, sink));
                    retell(self.0.get(at), Some(day), before, sink);
                }
            }
            (false, false) => {}
        }
    }

    /// Forgets the days whose messages are remembered no more, but for the last of them.
    fn forget(&mut self, day: i32) {
        let old = self.0.partition_point(|one| one.day.saturating_add(MESSAGE_DAYS) < day);
        self.0.drain(..old.saturating_sub(1));
    }
}

impl CaseLedger {
    /// A message went to its address.
    pub(super) fn addressed(&mut self, message: &Remembered, sink: &mut Sink) {
        self.address(message, What::Sent, true, sink);
    }

    /// A message came to its address, or did not after all.
    pub(super) fn came_to(&mut self, message: &Remembered, came: bool, sink: &mut Sink) {
        self.address(message, What::Reached, came, sink);
    }

    fn address(&mut self, message: &Remembered, what: What, more: bool, sink: &mut Sink) {
        let Some(key) = message.address() else { return };
        let all = &mut self.kept.get_or_insert_default().addresses;
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
        days.change(message.day, more, || case.state(state).shared(), sink);
    }
}
