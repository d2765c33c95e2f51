//! Conversions: contacts that led to a payment, visitors who paid, payers who recovered. Each follows its money.
//!
//! A conversion stands on one payment, the first one after it (within thirty days) of which something is left: what is taken
//! back in part has been paid all the same, as it is for first contacts and settlements. When nothing is left of that payment,
//! the conversion is told with the next one, else it is taken back, both dated as at first; one that comes after that and
//! within the thirty days makes it told again. What a payment ended stays ended: failures after a payment that was taken back
//! later are told as the account's first ones, for that one came through at the page.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::CaseLedger;
use super::books::push_lean;
use super::emit::Sink;
use super::remembered::LED_TO;
use crate::domain::fact::{Dims, Fact, FactKind};
use crate::domain::time::{Timestamp, day_number};

/// The conversions of a case, once there are any.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Conversions {
    all: Vec<Conversion>,
    /// Payments on which one of them may stand: their entries, in the order of facts, and when they came.
    payments: Vec<(u32, Timestamp)>,
}

/// Whose conversion it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Converted {
    /// A contact, by its short form.
    Contact(u64),
    Visitor,
    /// A payer whose payments failed.
    Payer,
}

/// What a payment followed, or followed until it was taken back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Conversion {
    pub of: Converted,
    /// From here on payments count.
    pub from: Timestamp,
    /// Day on which it is told.
    pub day: i32,
    /// The last day on which a payment counts.
    pub last: i32,
    /// Hour of the week at the debtor's, of a contact that has one.
    pub hour: Option<u8>,
    /// Flags of a contact.
    pub flags: u16,
    /// Seconds from sending to opening, of a message that a person opened.
    pub opened: Option<u32>,
    #[serde(deserialize_with = "super::dims::read_shared")]
    pub dims: Arc<Dims>,
    /// The payment that it stands on.
    pub by: Option<By>,
}

/// The payment that a conversion stands on.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct By {
    entry: u32,
    at: Timestamp,
}

impl Conversion {
    /// Whether a payment after it, at an instant, may be led to by it.
    fn leads_to(&self, at: Timestamp, sink: &Sink) -> bool {
        at.seconds_since(self.from) <= LED_TO && day_number(at.date(sink.market.zone)) <= self.last
    }

    /// Tells it of the payment that it stands on, or takes that back.
    fn tell(&self, sign: i8, sink: &mut Sink) {
        let Some(by) = self.by else { return };
        let kind = match self.of {
            Converted::Contact(_) => FactKind::ContactPaid,
            Converted::Visitor => FactKind::VisitorPaid,
            Converted::Payer => FactKind::PayerRecovered,
        };
        sink.out.push(self.fact(kind, (sign, self.seconds(by)), sink));
        if let Some(opened) = self.opened_before(by) {
            sink.out.push(self.fact(FactKind::OpenedPaid, (sign, self.seconds(by) - opened), sink));
        }
    }

    fn fact(&self, kind: FactKind, (sign, value): (i8, i64), sink: &Sink) -> Fact {
        let (day, hour, flags, dims) = (self.day, self.hour, self.flags, Arc::clone(&self.dims));
        Fact { day, sign, hour, flags, dims, value: Some(value), ..sink.plain(kind, 1) }
    }

    /// Seconds to the payment that it stands on.
    fn seconds(&self, by: By) -> i64 {
        by.at.seconds_since(self.from)
    }

    /// Seconds to the opening, if the payment did not come before it.
    fn opened_before(&self, by: By) -> Option<i64> {
        self.opened.map(i64::from).filter(|opened| *opened <= self.seconds(by))
    }

    /// Stands on a payment from here on, and says so.
    fn stand_on(&mut self, (entry, at): (u32, Timestamp), sink: &mut Sink) {
        self.by = Some(By { entry, at });
        self.tell(1, sink);
    }
}

impl CaseLedger {
    /// Money came in by an entry: what led to it, and to none before of which something is left, is told.
    pub(super) fn converted(&mut self, (entry, at): (u32, Timestamp), sink: &mut Sink) {
        let posted = self.kept.as_ref().and_then(|kept| kept.posted.as_deref());
        let mut new = self.contacts.led_to(at, posted, sink);
        new.extend(self.visitor_led_to(at));
        new.extend(self.payer_recovers(at));
        let known = self.kept.as_ref().and_then(|kept| kept.conversions.as_ref());
        if new.is_empty() && known.is_none() {
            return;
        }
        let conversions = self.kept.get_or_insert_default().conversions.get_or_insert_default();
        for one in new {
            push_lean(&mut conversions.all, one);
        }
        let mut counts = false;
        for one in &mut conversions.all {
            let led = one.leads_to(at, sink);
            counts |= led;
            if led && one.by.is_none() {
                one.stand_on((entry, at), sink);
            }
        }
        if counts {
            push_lean(&mut conversions.payments, (entry, at));
        }
    }

    /// Nothing is left of what came in by an entry: what it stands for is told of another payment, or no more.
    pub(super) fn unconverted(&mut self, entry: u32, sink: &mut Sink) {
        let Some(conversions) = self.kept.as_mut().and_then(|kept| kept.conversions.as_mut()) else { return };
        conversions.payments.retain(|(one, _)| *one != entry);
        let stood = |one: &&mut Conversion| one.by.is_some_and(|by| by.entry == entry);
        for one in conversions.all.iter_mut().filter(stood) {
            one.tell(-1, sink);
            one.by = None;
            let after = |(other, at): &&(u32, Timestamp)| *other > entry && one.leads_to(*at, sink);
            if let Some(next) = conversions.payments.iter().find(after).copied() {
                one.stand_on(next, sink);
            }
        }
    }

    /// A person opened a message, so many seconds after its sending: a payment of the same instant did not come before.
    pub(super) fn opened_converted(&mut self, key: u64, seconds: u32, sink: &mut Sink) {
        let Some(conversions) = self.kept.as_mut().and_then(|kept| kept.conversions.as_mut()) else { return };
        let of = |one: &&mut Conversion| one.of == Converted::Contact(key) && one.opened.is_none();
        for one in conversions.all.iter_mut().filter(of) {
            one.opened = Some(seconds);
            if let Some((by, opened)) = one.by.and_then(|by| Some((by, one.opened_before(by)?))) {
                sink.out.push(one.fact(FactKind::OpenedPaid, (1, one.seconds(by) - opened), sink));
            }
        }
    }
}
