//! Where facts go: one instant's facts of one case, under the case's dimensions unless told otherwise.

use std::cell::Cell;
use std::sync::Arc;

use super::dims::DimRef;
use crate::domain::buckets::UNDATED;
use crate::domain::case::CaseVersion;
use crate::domain::fact::{Dims, Fact, FactKind, flag};
use crate::domain::facts::Facts;
use crate::domain::market::Market;
use crate::domain::time::{HOUR, Timestamp, weekday_of_day};
use crate::domain::vocabulary::{ContactPointKind, ContactPointState};
use crate::domain::zone_names::zone_of;

/// What a case adds to the stocks at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stock {
    /// Balance; below zero it is a credit.
    pub net: i128,
    /// Part of it that is not yet due.
    pub current: i128,
    /// Part of it without a due date.
    pub undated: i128,
    /// What was written off and not paid since, while the case is here.
    pub written_off: i128,
    /// The case is here: not recalled, sold or moved out, and come in.
    pub here: bool,
    /// 1 while the account is open.
    pub open: i64,
    /// 1 while the account is open and past due.
    pub overdue: i64,
    /// Principal open on claims with an original due date, and the same times that day's number.
    pub items: (i128, i128),
    /// Days since the earliest due date that something is open for; none if nothing open has one.
    pub past_due: Option<i32>,
}

impl Stock {
    /// The bucket of an account that is open and owes something.
    fn bucket<'m>(&self, market: &'m Market) -> Option<&'m str> {
        let bucket = self.past_due.map_or(UNDATED, |days| market.buckets.name(market.buckets.of(days)));
        (self.open > 0 && self.net > 0).then_some(bucket)
    }
}

/// Flags of the ways by which the primary party can be reached that work and were verified.
pub(super) fn reached_by(version: &CaseVersion) -> u16 {
    let points = version.primary().map_or(&[][..], |party| &party.contact_points);
    let works = |kind: ContactPointKind| {
        points
            .iter()
            .any(|one| one.kind == kind && one.state == Some(ContactPointState::Working) && one.verified.is_some())
    };
    let flags = [(ContactPointKind::Phone, flag::PHONE), (ContactPointKind::Email, flag::EMAIL)];
    flags.into_iter().filter(|(kind, _)| works(*kind)).fold(0, |flags, (_, flag)| flags | flag)
}

/// Takes the facts of one instant.
pub(super) struct Sink<'a> {
    /// Facts so far.
    pub out: &'a mut Facts,
    /// Day of the instant in the market's zone.
    pub day: i32,
    /// The market.
    pub market: &'a Market,
    /// The case's version in force.
    pub version: &'a CaseVersion,
    /// Day on which the case came in.
    pub placed: Option<i32>,
    /// Dimensions of the case at the instant.
    pub case: DimRef<'a>,
    /// The same, shared.
    pub dims: Arc<Dims>,
    /// The last instant that was looked up, with its hour of the week.
    hour: Cell<Option<(Timestamp, u8)>>,
}

impl<'a> Sink<'a> {
    /// Takes the facts of a case at `day` while `version` is in force.
    pub fn new(out: &'a mut Facts, (day, placed): (i32, i32), market: &'a Market, version: &'a CaseVersion) -> Self {
        let case = DimRef::of_case(market, version);
        let placed = (placed != i32::MIN).then_some(placed);
        Self { out, day, market, version, placed, case, dims: case.shared(), hour: Cell::new(None) }
    }
}

impl Sink<'_> {
    /// The hour of the week at the debtor's of an instant: in the first zone that the primary party may be in, else in the
    /// market's.
    pub fn hour_at(&self, at: Timestamp) -> u8 {
        // A contact tells several facts of its one instant.
        if let Some((_, hour)) = self.hour.get().filter(|(known, _)| *known == at) {
            return hour;
        }
        let zones = self.version.primary().map_or(&[][..], |party| &party.zones);
        let zone = zones.iter().find_map(|candidate| zone_of(&candidate.zone)).unwrap_or(self.market.zone);
        let (day, clock) = at.clock(zone);
        // Both parts are below 8 bits: at most 6 x 24 + 23.
        let hour = weekday_of_day(day) * 24 + (clock / HOUR) as u8;
        self.hour.set(Some((at, hour)));
        hour
    }

    /// Emits what changed in the buckets of days past due.
    fn aged(&mut self, before: Stock, after: Stock) {
        if !self.out.takes(FactKind::Aged) {
            return;
        }
        let (was, now) = (before.bucket(self.market), after.bucket(self.market));
        let mut told = |bucket: Option<&str>, count: i64, amount: i128| {
            if bucket.is_some() && (count != 0 || amount != 0) {
                let mut fact = self.plain(FactKind::Aged, count);
                fact.dims = DimRef { bucket, ..self.case }.shared();
                self.amount(fact, amount);
            }
        };
        if was == now {
            told(now, 0, after.net - before.net);
        } else {
            told(was, -1, -before.net);
            told(now, 1, after.net);
        }
    }

    /// A fact with nothing but its kind, counted `count` times, under the case's dimensions.
    pub fn plain(&self, kind: FactKind, count: i64) -> Fact {
        Fact { count, placed: self.placed, ..Fact::new(kind, self.day, Arc::clone(&self.dims)) }
    }

    /// Emits `fact` with `amount`, in as many parts as 64 bits ask for; the first one carries the count and the second amount.
    pub fn amount(&mut self, fact: Fact, amount: i128) {
        let second = fact.amount2.into();
        self.amounts(fact, (amount, second));
    }

    /// The same with a second amount.
    pub fn amounts(&mut self, mut fact: Fact, mut left: (i128, i128)) {
        // The clamps make the conversions certain: what is cut off goes into the next part.
        let part = |of: i128| of.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64;
        loop {
            (fact.amount, fact.amount2) = (part(left.0), part(left.1));
            left = (left.0 - i128::from(fact.amount), left.1 - i128::from(fact.amount2));
            if left == (0, 0) {
                self.out.push(fact);
                return;
            }
            self.out.push(fact.clone());
            fact.count = 0;
        }
    }

    /// Emits that principal came in.
    pub fn placed(&mut self, principal: i128) {
        self.amounts(self.plain(FactKind::Placed, 1), (principal, principal));
    }

    /// Emits what the case was bought for: price and face value.
    pub fn purchased(&mut self, count: i64, (price, face): (i64, i64)) {
        let fact = self.plain(FactKind::Purchased, count);
        self.out.push(Fact { amount: price, amount2: face, ..fact });
    }

    /// Emits a flow of the case, counted once.
    pub fn flow(&mut self, kind: FactKind, amount: i128) {
        self.amount(self.plain(kind, 1), amount);
    }

    /// Emits what changed in the stocks, nothing where nothing did.
    pub fn stocks(&mut self, before: Stock, after: Stock) {
        let amounts = [
            (FactKind::Receivable, before.net.max(0), after.net.max(0)),
            (FactKind::ReceivableCurrent, before.current, after.current),
            (FactKind::ReceivableUndated, before.undated, after.undated),
            (FactKind::CreditBalance, -before.net.min(0), -after.net.min(0)),
        ];
        for (kind, before, after) in amounts {
            if before != after {
                // Each change is one, so that a stock that has come to nothing differs from one that there never was.
                self.amount(self.plain(kind, 1), after - before);
            }
        }
        self.written_off(before, after);
        self.aged(before, after);
        self.items((after.items.0 - before.items.0, after.items.1 - before.items.1));
        if before.open != after.open {
            self.open_accounts(after.open - before.open);
        }
        if before.overdue != after.overdue {
            self.out.push(self.plain(FactKind::OverdueAccounts, after.overdue - before.overdue));
        }
    }

    /// Emits a change of what was written off and is still collectable: it leaves with its case, and comes with it.
    fn written_off(&mut self, before: Stock, after: Stock) {
        let state = match (before.here, after.here) {
            (true, false) => "left",
            (false, true) => "came",
            _ => "changed",
        };
        if before.written_off != after.written_off {
            let mut fact = self.plain(FactKind::WrittenOffOpen, 1);
            fact.dims = self.case.state(state).shared();
            self.amount(fact, after.written_off - before.written_off);
        }
    }

    /// Emits a change of open accounts, with what its debtor can be reached by.
    pub fn open_accounts(&mut self, count: i64) {
        let fact = self.plain(FactKind::OpenAccounts, count);
        self.out.push(Fact { flags: reached_by(self.version), ..fact });
    }

    /// Emits a change of open items, nothing where there is none.
    fn items(&mut self, change: (i128, i128)) {
        if change != (0, 0) {
            self.amounts(self.plain(FactKind::OpenItems, 1), change);
        }
    }
}
