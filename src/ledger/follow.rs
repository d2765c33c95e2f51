//! How accounts move between buckets of days past due: each move as it happens, and from the end of one month to the end of
//! the next, with the same accounts followed.
//!
//! What an account did in a month is told against where it stood when the month began, under the dimensions and with the
//! balance that it had then: so the accounts of a bucket's opening stock and what became of them add up. A second move in
//! the month takes the place of the first.

use std::sync::Arc;

use chrono::Datelike;
use serde::{Deserialize, Serialize};

use super::CaseLedger;
use super::addresses::Posted;
use super::books::EntryKind;
use super::claims::Wide;
use super::conversions::Conversions;
use super::dims::DimRef;
use super::emit::Sink;
use super::first::FirstContacts;
use super::past_due::PastDue;
use super::seen::Seen;
use crate::domain::case::CaseVersion;
use crate::domain::detail::{AdjustmentKind, Detail, TransferKind};
use crate::domain::fact::{BEGAN, Dims, Fact, FactKind};
use crate::domain::market::Market;
use crate::domain::time::{date_of_day, day_number};

/// Why an account is in no bucket: it is not open, or nothing is owed on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Exit {
    /// It was never in one, or no longer is for a reason that is not among these.
    Closed,
    Paid,
    Settled,
    WrittenOff,
    Recalled,
    Transferred,
    Cancelled,
    Corrected,
    /// Corrected, too: something was taken back.
    TakenBack,
}

impl Exit {
    const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Paid => "paid",
            Self::Settled => "settled",
            Self::WrittenOff => "written_off",
            Self::Recalled => "recalled",
            Self::Transferred => "transferred",
            Self::Cancelled => "cancelled",
            Self::Corrected | Self::TakenBack => "corrected",
        }
    }

    /// What an account leaves by that an activity makes leave.
    pub(super) const fn by(detail: &Detail) -> Self {
        match detail {
            Detail::Payment(_) => Self::Paid,
            Detail::Adjustment { adjustment, .. } => match adjustment {
                AdjustmentKind::WriteOff => Self::WrittenOff,
                AdjustmentKind::SettlementDiscount => Self::Settled,
                AdjustmentKind::Cancellation => Self::Cancelled,
                AdjustmentKind::Correction | AdjustmentKind::WriteUp => Self::Corrected,
            },
            Detail::Transfer { transfer: TransferKind::Recall, .. } => Self::Recalled,
            Detail::Transfer { .. } => Self::Transferred,
            Detail::Reversal { .. } => Self::TakenBack,
            _ => Self::Closed,
        }
    }
}

/// Where an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Place {
    /// In a bucket.
    In(u8),
    /// Open and owed, and no claim has a due date.
    Undated,
    /// In none.
    Gone(Exit),
}

impl Place {
    fn name(self, market: &Market) -> &str {
        match self {
            Self::In(bucket) => market.buckets.name(bucket),
            Self::Undated => crate::domain::buckets::UNDATED,
            Self::Gone(exit) => exit.name(),
        }
    }

    /// What coming here from there is called.
    const fn outcome(self, from: Self) -> &'static str {
        match (from, self) {
            (_, Self::Gone(exit)) => exit.name(),
            (Self::In(from), Self::In(0)) if from > 0 => "cured",
            (Self::In(from), Self::In(to)) if from < to => "rolled",
            (Self::In(_), Self::In(_)) => "rolled_back",
            _ => "redated",
        }
    }
}

/// Where an account stood when the month began, and what was told of it since.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Start {
    place: Place,
    told: Place,
    amount: Wide,
    #[serde(deserialize_with = "super::dims::read_shared")]
    dims: Arc<Dims>,
}

/// What a case keeps to be followed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Followed {
    /// First day of the month after the one that the kept start is about.
    until: i32,
    place: Place,
    /// It has been in a bucket.
    begun: bool,
}

/// What a case keeps beside, once there is any of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    /// Where it stood when the month of [`Followed`] began.
    start: Option<Start>,
    /// What was told of its end, until it goes on.
    ended: Option<Ended>,
    /// When it was last seen for what.
    pub seen: Seen,
    /// Where its messages went, and when they were opened.
    pub posted: Option<Box<Posted>>,
    /// Its time past due.
    pub past_due: Option<PastDue>,
    /// What led to a payment.
    pub conversions: Option<Box<Conversions>>,
    /// What came of its first contacts.
    pub first: Option<Box<FirstContacts>>,
}

/// What was told of an account's end.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Ended {
    day: i32,
    days: i64,
    #[serde(deserialize_with = "super::dims::read_shared")]
    dims: Arc<Dims>,
    /// The place that it left, with its balance and principal.
    left: Option<(Place, Wide, i64)>,
}

impl Default for Followed {
    fn default() -> Self {
        Self { until: i32::MIN, place: Place::Gone(Exit::Closed), begun: false }
    }
}

/// First day of the next month.
fn next_month(day: i32) -> i32 {
    let date = date_of_day(day);
    let next = date.with_day(1).and_then(|first| first.checked_add_months(chrono::Months::new(1)));
    next.map_or(i32::MAX, day_number)
}

impl CaseLedger {
    /// Where the account stands now; `exit` is why, if that is in no bucket.
    pub(super) fn place(&self, market: &Market, exit: Exit) -> Place {
        let stock = self.stock();
        match stock.past_due {
            _ if stock.open == 0 || stock.net <= 0 => Place::Gone(exit),
            None => Place::Undated,
            Some(days) => Place::In(market.buckets.of(days)),
        }
    }

    /// The case has just come in: it is followed from here on.
    pub(super) fn follow_from(&mut self, sink: &mut Sink) {
        let place = self.place(sink.market, Exit::Closed);
        self.unfollow();
        (self.followed.until, self.followed.place) = (next_month(self.day), place);
        self.past_due(place, sink);
        if !matches!(place, Place::Gone(_)) {
            self.followed.begun = true;
            self.began(sink);
        }
    }

    /// Forgets its way so far.
    pub(super) fn unfollow(&mut self) {
        self.followed = Followed::default();
        if let Some(kept) = &mut self.kept {
            (kept.start, kept.ended, kept.past_due) = (None, None, None);
        }
    }

    /// Emits that the account owes something for the first time; nothing of one that does not.
    pub(super) fn began(&self, sink: &mut Sink) {
        if self.followed.begun {
            let mut fact = sink.plain(FactKind::AccountLife, 1);
            fact.value = Some(self.days_since_placed(sink.day));
            fact.dims = sink.case.state(BEGAN).shared();
            sink.out.push(fact);
        }
    }

    fn days_since_placed(&self, day: i32) -> i64 {
        (i64::from(day) - i64::from(self.placed_on)).max(0)
    }

    /// Tells that the account's life began, ended, or goes on after all.
    fn live(&mut self, now: Place, left: Option<(Place, Wide, i64)>, sink: &mut Sink) {
        let life = |ended: &Ended, sign: i8, sink: &Sink| Fact {
            day: ended.day,
            sign,
            value: Some(ended.days),
            dims: Arc::clone(&ended.dims),
            ..sink.plain(FactKind::AccountLife, 1)
        };
        if let Place::Gone(exit) = now {
            let dims = sink.case.state(exit.name()).shared();
            let ended = Ended { day: sink.day, days: self.days_since_placed(sink.day), dims, left };
            sink.out.push(life(&ended, 1, sink));
            self.kept.get_or_insert_default().ended = Some(ended);
        } else if let Some(ended) = self.kept.as_mut().and_then(|kept| kept.ended.take()) {
            sink.out.push(life(&ended, -1, sink));
        } else if !self.followed.begun {
            self.followed.begun = true;
            self.began(sink);
        }
    }

    /// Something will happen on the sink's day: if it is the first of its month, where the account stands is noted. Returns
    /// its balance.
    pub(super) fn month_begins(&mut self, sink: &Sink) -> i128 {
        let net = self.owed().total();
        let followed = &mut self.followed;
        if sink.day >= followed.until {
            followed.until = next_month(sink.day);
            let place = followed.place;
            let start = (!matches!(place, Place::Gone(_))).then(|| Start {
                place,
                told: place,
                amount: Wide::new(net),
                dims: Arc::clone(&sink.dims),
            });
            if start.is_some() || self.kept.is_some() {
                self.kept.get_or_insert_default().start = start;
            }
        }
        net
    }

    /// Something happened: tells the account's move, if it is one. `net` is the balance before.
    pub(super) fn follow(&mut self, exit: Exit, net: i128, version: &CaseVersion, sink: &mut Sink) {
        let market = sink.market;
        let now = match self.place(market, exit) {
            Place::Gone(Exit::Paid) if self.is_settled() => Place::Gone(Exit::Settled),
            now => now,
        };
        self.past_due(now, sink);
        let gone = |place: Place| matches!(place, Place::Gone(_));
        let old = self.followed.place;
        if now == old || (gone(old) && gone(now)) {
            return;
        }
        self.followed.place = now;
        // What made it leave was taken back: it did not.
        let stayed = if gone(old) && exit == Exit::TakenBack { self.not_left(sink) } else { None };
        let (was, net) = stayed.unwrap_or((old, net));
        let principal = version.principal();
        if gone(old) != gone(now) {
            self.live(now, (!gone(was)).then_some((was, Wide::new(net), principal)), sink);
        }
        if !gone(was) && now != was {
            let mut fact = sink.plain(FactKind::BucketLeft, 1);
            let dims = DimRef { bucket: Some(was.name(market)), to_bucket: Some(now.name(market)), ..sink.case };
            fact.dims = dims.state(now.outcome(was)).shared();
            fact.amount2 = if gone(now) { principal } else { 0 };
            fact.value = gone(now).then(|| self.days_since_placed(sink.day));
            sink.amount(fact, net);
        }
        let Some(start) = self.kept.as_mut().and_then(|kept| kept.start.as_mut()) else { return };
        let told = |start: &Start, place: Place, sign: i8, sink: &mut Sink| {
            let dims = DimRef {
                bucket: Some(start.place.name(market)),
                to_bucket: Some(place.name(market)),
                ..DimRef::of(&start.dims)
            };
            let fact = Fact { sign, ..sink.plain(FactKind::AccountMoved, 1) };
            let dims = dims.state(place.outcome(start.place)).shared();
            sink.amount(Fact { dims, ..fact }, start.amount.get());
        };
        if start.told != start.place {
            told(start, start.told, -1, sink);
        }
        if now != start.place {
            told(start, now, 1, sink);
        }
        start.told = now;
    }

    /// Takes back that the account left its place, if that is known. Returns the place, and the balance before.
    fn not_left(&mut self, sink: &mut Sink) -> Option<(Place, i128)> {
        let ended = self.kept.as_mut()?.ended.as_mut()?;
        let (place, net, principal) = ended.left.take()?;
        let mut fact = sink.plain(FactKind::BucketLeft, 1);
        let dims = DimRef::of(&ended.dims);
        let to = dims.state;
        fact.dims = DimRef { bucket: Some(place.name(sink.market)), to_bucket: to, ..dims }.shared();
        (fact.day, fact.sign) = (ended.day, -1);
        (fact.amount2, fact.value) = (principal, Some(ended.days));
        sink.amount(fact, net.get());
        Some((place, net.get()))
    }

    /// A settlement discount was granted that stands: what is paid after it, or before, settles.
    fn is_settled(&self) -> bool {
        let entries = self.books.as_ref().map_or(&[][..], |books| &books.entries);
        entries.iter().any(|entry| entry.kind == EntryKind::Discount && entry.left > 0)
    }
}
