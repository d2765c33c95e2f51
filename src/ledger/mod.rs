//! The fold of one case's money, promises and KPI facts: a pure function of the case's versions and activities in
//! their order, and of market settings. Nothing here reads a clock; timers fire when told how far time has come.
//! What is fixed here, beside datamodel.md's semantics:
//! - Stocks are dated transitions under the dimensions in force: a version that changes one moves the balance from the
//!   old dimensions to the new ones. A payment attributed to another agent than the case's moves what it settles to
//!   that agent first, so that the balance identity holds for every agent and team. Channels have no stocks.
//! - Interest and costs are one sum each for the case and share the class (not yet due, undated, past due) of the claim
//!   that falls due first. A payment's sum of allocations is its amount; what nothing is open for is allocated without
//!   days, and to a claim once something opens.
//! - A reversal takes back at most what is left of its target, opens again what that settled last, and gives back the
//!   allocations as negative amounts on its own day. The parts of a payment that means of days weigh by are all of the
//!   payment's day, also what is put to a claim or taken back later.
//! - A payment counts towards the promise that it names, also after that was judged; else towards those that were open on
//!   the day that it counts on. What is taken back of it is not paid on them. Of a promise that was judged both are told
//!   anew, dated by the judging.
//! - A case is there from `placement.placed`, else from its first version or its first activity, whichever is earlier.
//! - Amounts that validation refuses (negative, in another currency) change nothing.

mod account;
mod addresses;
mod barred;
mod books;
mod claims;
mod contact;
mod conversions;
mod debtor;
mod dims;
mod elsewhere;
mod emit;
mod first;
mod follow;
mod judging;
mod market_wide;
mod matters;
mod money;
mod pages;
mod past_due;
mod plans;
mod promise;
mod released;
mod remembered;
mod reversals;
mod roster;
mod seen;
mod terms;
mod transfers;
mod versions;
mod written_off;

#[cfg(test)]
mod tests;

pub use account::Balance;
pub use barred::{Barred, Grounds};
pub use dims::{DimRef, of_test};
pub use market_wide::{MARKET_WIDE, market_facts};
pub use promise::{PromiseState, PromiseView};
pub use roster::roster_facts;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::detail::Detail;
use crate::domain::fact::{Fact, FactKind, flag};
use crate::domain::facts::Facts;
use crate::domain::market::Market;
use crate::domain::money::Money;
use crate::domain::time::{Timestamp, date_of_day, day_number};
use crate::domain::vocabulary::Ownership;

use books::{Books, NEVER, tag};
use claims::Claims;
use emit::Sink;
use follow::{Exit, Followed, Kept};
use matters::Matter;
use remembered::Contacts;

/// A mark: the customer's loss after the latest closing was told.
const LOST: u8 = 16;

/// What a fact is folded under.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The market.
    pub market: &'a Market,
    /// The case's version in force at the fact's time.
    pub version: &'a CaseVersion,
    /// This case is the activity's first: what an activity counts once is counted here, and its money is this case's.
    pub lead: bool,
}

/// What a case's history has come to. Small, and cheap to copy.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CaseLedger {
    claims: Claims,
    books: Option<Arc<Books>>,
    contacts: Contacts,
    /// The instant of the opening facts; long ago once something earlier made them move.
    opened: Timestamp,
    /// Next timer.
    timer: Timestamp,
    /// Latest instant folded.
    settled: Timestamp,
    /// Day in the market's zone that decides what is past due.
    day: i32,
    /// Day of its latest closing.
    closed_on: i32,
    /// Closed by its master data or by an activity.
    closed: bool,
    /// What the case's contacts have come to, see [`contact`], and [`LOST`].
    marks: u8,
    /// Day on which it came in.
    placed_on: i32,
    /// Its way through the buckets of days past due.
    followed: Followed,
    /// What is told of it later, once there is any of it.
    kept: Option<Box<Kept>>,
    /// Recalled, sold, moved out, or not yet here.
    away: bool,
}

impl CaseLedger {
    /// Begins a case with its earliest version: emits that it was placed, dated by the placement, else by the version.
    pub fn open(market: &Market, first: &CaseVersion, out: &mut Facts) -> Self {
        let opened = first.placement.placed.unwrap_or(first.effective);
        let mut ledger = Self {
            claims: Vec::new().into(),
            books: None,
            contacts: Contacts::default(),
            opened,
            timer: NEVER,
            settled: Timestamp(i64::MIN),
            day: i32::MIN,
            closed_on: i32::MIN,
            closed: first.closed,
            marks: 0,
            placed_on: i32::MIN,
            followed: Followed::default(),
            kept: None,
            away: true,
        };
        ledger.open_at(market, first, opened, out);
        ledger
    }

    /// Folds one activity of the case. The caller has called [`Self::advance`] up to just before it, with the timers
    /// that are due exactly then, and folds activities in the order of facts.
    pub fn apply(&mut self, ctx: &Context, activity: &Activity, out: &mut Facts) {
        self.reach(ctx.market, ctx.version, activity.occurred, moves_money(&activity.detail), out);
        let mut sink =
            Sink::new(out, (self.day_of(ctx.market, activity.occurred), self.placed_on), ctx.market, ctx.version);
        let sink = &mut sink;
        let moves = moves_money(&activity.detail);
        let net = if moves { self.month_begins(sink) } else { 0 };
        match &activity.detail {
            Detail::Contact(contact) => self.contacted(ctx, activity, contact, sink),
            Detail::MessageEvent { event, machine, .. } => {
                self.message_event(ctx.market, activity, (*event, *machine), sink)
            }
            Detail::PromiseWithdrawn { promise } => self.promise_withdrawn(ctx, promise, sink),
            Detail::Promise(_) if !ctx.lead => self.made_elsewhere(activity, sink),
            Detail::Transfer { transfer, .. } => {
                let rest = self.is_at_rest();
                self.transferred(*transfer, activity.occurred, sink);
                self.rested(rest, sink);
            }
            Detail::CaseStatus { closed, .. } => {
                let (before, rest) = (self.stock(), self.is_at_rest());
                self.close(*closed, sink);
                self.rested(rest, sink);
                sink.stocks(before, self.stock());
                self.on_hand(before.open, sink);
            }
            _ if ctx.lead => self.apply_once(ctx, activity, sink),
            _ => {}
        }
        if ctx.lead
            && let Some(cost) = activity.control.cost
        {
            let cost = market_wide::Counted { kind: FactKind::OperatingCost, amount: cost, amount2: 0, client: None };
            counted(activity, &cost, sink);
        }
        if moves {
            self.follow(Exit::by(&activity.detail), net, ctx.version, sink);
        }
        if !matches!(activity.detail, Detail::Contact(_) | Detail::MessageEvent { .. }) {
            self.set_timer(ctx.market);
        }
    }

    /// Folds a promise that does not concern the case, but names a call about several cases that is counted here. The caller
    /// has done as for [`Self::apply`]. It is no activity of the case, and begins none.
    pub fn promised_elsewhere(
        &mut self,
        (market, version): (&Market, &CaseVersion),
        activity: &Activity,
        out: &mut Facts,
    ) {
        self.settled = self.settled.max(activity.occurred);
        let day = day_number(activity.occurred.date(market.zone));
        self.made_elsewhere(activity, &mut Sink::new(out, (day, self.placed_on), market, version));
    }

    /// Kinds that belong to the first case of their activity alone.
    fn apply_once(&mut self, ctx: &Context, activity: &Activity, sink: &mut Sink) {
        match &activity.detail {
            Detail::Promise(promise) => self.promised(ctx, activity, promise, sink),
            Detail::Payment(payment) => self.paid(ctx, activity, payment, sink),
            Detail::Reversal { reverses, amount, reason } => self.reversed(ctx, tag(reverses), *amount, *reason, sink),
            Detail::Charge(charge) => self.charged(ctx, activity, charge, sink),
            Detail::Interest(interest) => self.accrued(ctx, activity, interest.amount, sink),
            Detail::Adjustment { adjustment, amount, component } => {
                self.adjusted(ctx, activity, (*adjustment, *amount, *component), sink);
            }
            Detail::Dispute { step, reference, .. } => {
                self.matter(activity, (Matter::Dispute, reference.as_deref()), *step, sink);
            }
            Detail::Complaint { step, reference } => {
                self.matter(activity, (Matter::Complaint, reference.as_deref()), *step, sink);
            }
            Detail::Plan { instalments, currency, .. } if *currency == ctx.version.currency => {
                self.planned(ctx, activity, instalments, sink);
            }
            Detail::PlanEnded { plan, broken } => self.plan_ended(tag(plan), *broken, sink),
            Detail::Settlement { step, amount, due } => self.settlement(ctx, activity, (*step, *amount, *due), sink),
            Detail::Page { step, source, session } => {
                self.page(activity, *step, (source.as_deref(), session.as_deref()), sink);
            }
            Detail::Permission { permission, .. } if !permission.granted => {
                let mut fact = acted(activity, FactKind::OptOut, None, sink);
                fact.dims = DimRef { channel: permission.channel, ..DimRef::of(&fact.dims) }.shared();
                sink.out.push(fact);
            }
            // Of what is told again of one closing, the first is the loss: a customer who came back is lost to it once.
            Detail::CustomerStatus { customer: false } if !self.closed || self.marks & LOST == 0 => {
                self.marks |= if self.closed { LOST } else { 0 };
                let mut fact = sink.plain(FactKind::CustomerLost, 1);
                fact.value = self.closed_for(sink.day);
                // With the accounts that were closed with it: a share of these.
                fact.day = fact.day.saturating_sub(fact.value.and_then(|days| i32::try_from(days).ok()).unwrap_or(0));
                sink.out.push(fact);
            }
            Detail::Survey { survey, score } => {
                let mut fact = acted(activity, FactKind::Survey, Some(survey.as_str()), sink);
                fact.value = Some(i64::from(*score));
                sink.out.push(fact);
            }
            detail => {
                if let Some(counted) = market_wide::market_wide(detail) {
                    self::counted(activity, &counted, sink);
                }
            }
        }
    }

    /// When the next timer of the case is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        (self.timer != NEVER).then_some(self.timer)
    }

    /// The latest instant that the fold has come to, by a fact or by a timer: an earlier fact asks for a new fold.
    #[must_use]
    pub const fn settled(&self) -> Timestamp {
        self.settled
    }

    /// Fires the timers that are due up to and including `until`, in their order, dated by when they were due.
    pub fn advance(&mut self, market: &Market, version: &CaseVersion, until: Timestamp, out: &mut Facts) {
        while self.timer <= until && self.timer != NEVER {
            let at = self.timer;
            self.settled = self.settled.max(at);
            let mut sink = Sink::new(out, (day_number(at.date(market.zone)), self.placed_on), market, version);
            let net = self.month_begins(&sink);
            self.pass_to(sink.day, &mut sink);
            // What is judged at the instant at which the case comes back was over while nobody worked it.
            self.judge(&mut sink);
            self.judge_terms(at, &mut sink);
            self.end_sessions(at, &mut sink);
            if self.books.as_ref().is_some_and(|books| books.returns <= at) {
                let (before, rest) = (self.stock(), self.is_at_rest());
                self.placed(&mut sink);
                self.rested(rest, &mut sink);
                sink.stocks(before, self.stock());
                self.on_hand(before.open, &mut sink);
            }
            self.follow(Exit::Closed, net, version, &mut sink);
            self.set_timer(market);
        }
    }

    /// Finds the next timer: a claim's due date passes while something is open, a promise is judged, the case comes in.
    fn set_timer(&mut self, market: &Market) {
        let gone = self.is_gone();
        let mut next = NEVER;
        let mut pools = false;
        if let Some(books) = &self.books {
            pools = !gone && (books.interest.get() != 0 || books.cost.get() != 0);
            next = books.returns.min(books.promise_due(market)).min(books.terms_due());
        }
        let ahead = |claim: &&claims::Claim| !gone && (pools || claim.open() != 0);
        let due = self.claims.all().iter().filter(ahead).filter_map(claims::Claim::due);
        let mut day = due.filter(|due| *due >= self.day).min().map(|due| due.saturating_add(1));
        // An account grows older while it is open and owes something.
        let stock = self.stock();
        if let Some(days) = stock.past_due.filter(|days| *days > 0 && stock.open > 0 && stock.net > 0)
            && let Some(next) = market.buckets.next(days)
        {
            let older = self.day.saturating_add(next - days);
            day = Some(day.map_or(older, |day| day.min(older)));
        }
        self.timer = day.map_or(next, |day| next.min(midnight(market, day)));
    }

    /// Lets days pass: what was not yet due may be past due.
    fn pass_to(&mut self, day: i32, sink: &mut Sink) {
        if day > self.day {
            let before = self.stock();
            self.day = day;
            sink.stocks(before, self.stock());
        }
    }

    /// The local day of an instant, up to which days have passed by now without changing what is past due.
    fn day_of(&mut self, market: &Market, at: Timestamp) -> i32 {
        let day = day_number(at.date(market.zone));
        self.day = self.day.max(day);
        day
    }
}

/// The first instant of a day in the market's zone; never, for a day beyond the calendar that instants know.
fn midnight(market: &Market, day: i32) -> Timestamp {
    /// 9999-12-31.
    const LAST: i32 = 2_932_896;
    if day > LAST { NEVER } else { Timestamp::start_of(date_of_day(day), market.zone) }
}

/// The flag of facts on a claim that was bought.
fn purchased(version: &CaseVersion) -> u16 {
    if version.identity.ownership == Some(Ownership::Purchased) { flag::PURCHASED } else { 0 }
}

/// An amount that counts: in the case's currency and not negative.
fn sound(amount: Money, version: &CaseVersion) -> Option<i64> {
    (amount.currency == version.currency && amount.minor >= 0).then_some(amount.minor)
}

/// Who acted: the agent and team of the activity. An agent without a team who is the case's has the case's team.
fn who<'a>(activity: &'a Activity, case: &DimRef<'a>) -> (Option<&'a str>, Option<&'a str>) {
    let agent = activity.actor.agent.as_deref();
    let case_team = if agent.is_some() && agent == case.agent { case.team } else { None };
    (agent, activity.actor.team.as_deref().or(case_team))
}

/// An amount that touches no balance.
fn counted(activity: &Activity, counted: &market_wide::Counted, sink: &mut Sink) {
    let (agent, team) = who(activity, &sink.case);
    let currency = Some(counted.amount.currency);
    let client = counted.client.or(sink.case.client);
    let mut fact = sink.plain(counted.kind, 1);
    fact.amount = counted.amount.minor;
    fact.amount2 = counted.amount2;
    fact.dims = DimRef { agent, team, client, currency, ..sink.case }.shared();
    sink.out.push(fact);
}

/// A fact of whoever acted, on the case.
fn acted(activity: &Activity, kind: FactKind, state: Option<&str>, sink: &Sink) -> Fact {
    let (agent, team) = who(activity, &sink.case);
    let mut fact = sink.plain(kind, 1);
    fact.dims = DimRef { agent, team, state, ..sink.case }.shared();
    fact
}

/// Kinds before which the case must have been placed, or be known not to be yet.
const fn moves_money(detail: &Detail) -> bool {
    matches!(
        detail,
        Detail::Payment(_)
            | Detail::Reversal { .. }
            | Detail::Charge(_)
            | Detail::Interest(_)
            | Detail::Adjustment { .. }
            | Detail::Transfer { .. }
            | Detail::Settlement { .. }
            | Detail::CaseStatus { .. }
    )
}
