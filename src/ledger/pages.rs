//! Landing pages and portals: visits, and the payment sessions there, which end by themselves.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::books::push_lean;
use super::conversions::{Conversion, Converted};
use super::dims::DimRef;
use super::emit::Sink;
use super::remembered::LED_TO;
use super::seen::{SeenFor, see};
use super::{CaseLedger, acted};
use crate::domain::activity::Activity;
use crate::domain::detail::PageStep;
use crate::domain::fact::{Dims, Fact, FactKind};
use crate::domain::ids::short_form;
use crate::domain::time::{SECOND, Timestamp};
use crate::domain::vocabulary::{Channel, Direction};

/// A payment session in which nothing happens for so long is over: the session length in common use.
const TIME_OUT: i64 = 30 * 60 * SECOND;

/// A payment session that is not over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Session {
    /// The short form of its id; 0 for the session of the case that names none.
    key: u64,
    /// Day on which it began.
    day: i32,
    /// When it will be over.
    pub over: Timestamp,
    /// The last try failed.
    failed: bool,
    /// Dimensions of its fact, but for the state.
    #[serde(deserialize_with = "super::dims::read_shared")]
    dims: Arc<Dims>,
}

/// A visitor: the first visit after thirty days without one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Visit {
    first: Timestamp,
    last: Timestamp,
    day: i32,
    /// A payment followed it: what came of that is among the conversions.
    paid: bool,
    #[serde(deserialize_with = "super::dims::read_shared")]
    dims: Arc<Dims>,
}

/// Payments of an account that failed, with none that came through since.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Failing {
    /// The last failure.
    last: Timestamp,
    /// The second one, once there is one, with its day and dimensions.
    again: Option<(Timestamp, i32)>,
    #[serde(deserialize_with = "super::dims::read_shared")]
    dims: Arc<Dims>,
}

impl Session {
    fn ended(&self, state: &str, sink: &mut Sink) {
        let dims = DimRef::of(&self.dims).state(state).shared();
        sink.out.push(Fact::new(FactKind::PaymentSession, self.day, dims));
    }
}

/// A conversion of what happened at a page, on which payments of the next thirty days count.
const fn conversion(of: Converted, (from, day): (Timestamp, i32), dims: Arc<Dims>) -> Conversion {
    Conversion { of, from, day, last: i32::MAX, hour: None, flags: 0, opened: None, dims, by: None }
}

impl CaseLedger {
    /// A step at a landing page. Tries to pay belong to the session that they name, else to the case's only one.
    pub(super) fn page(
        &mut self,
        activity: &Activity,
        step: PageStep,
        (source, session): (Option<&str>, Option<&str>),
        sink: &mut Sink,
    ) {
        let mut fact = acted(activity, FactKind::Page, None, sink);
        let (channel, direction) = (Some(Channel::Portal), Some(Direction::Inbound));
        let dims = DimRef { source, channel, direction, ..DimRef::of(&fact.dims) };
        let of_session = dims.shared();
        fact.dims = dims.state(step.as_str()).shared();
        sink.out.push(fact);
        if step == PageStep::Visit {
            return self.visited(activity.occurred, of_session, sink);
        }
        if step == PageStep::PaymentFailed {
            self.payment_failed(activity.occurred, &of_session, sink);
        }
        let key = session.map_or(0, short_form);
        let sessions = &mut self.books_mut().sessions;
        let at = sessions.iter().position(|one| one.key == key).unwrap_or_else(|| {
            let over = activity.occurred;
            push_lean(sessions, Session { key, day: sink.day, over, failed: false, dims: of_session });
            sessions.len() - 1
        });
        if step == PageStep::PaymentDone {
            sessions.remove(at).ended("done", sink);
        } else if let Some(session) = sessions.get_mut(at) {
            session.over = activity.occurred.plus(TIME_OUT);
            session.failed = step == PageStep::PaymentFailed;
        }
    }

    fn visited(&mut self, at: Timestamp, dims: Arc<Dims>, sink: &mut Sink) {
        see(&mut self.kept, SeenFor::Visited, sink.day, sink);
        let visitor = &mut self.books_mut().visitor;
        match visitor {
            Some(visit) if at.seconds_since(visit.last) <= LED_TO => visit.last = at,
            _ => {
                let mut fact = sink.plain(FactKind::Visitor, 1);
                fact.dims = Arc::clone(&dims);
                sink.out.push(fact);
                *visitor = Some(Box::new(Visit { first: at, last: at, day: sink.day, paid: false, dims }));
            }
        }
    }

    /// A payment failed at a page: the first one, the second one, or one more.
    fn payment_failed(&mut self, at: Timestamp, dims: &Arc<Dims>, sink: &mut Sink) {
        let failing = &mut self.books_mut().failing;
        let state = match failing {
            Some(one) if at.seconds_since(one.last) <= LED_TO => {
                one.last = at;
                if one.again.is_some() {
                    return;
                }
                (one.again, one.dims) = (Some((at, sink.day)), Arc::clone(dims));
                "again"
            }
            _ => {
                *failing = Some(Box::new(Failing { last: at, again: None, dims: Arc::clone(dims) }));
                "once"
            }
        };
        let mut fact = sink.plain(FactKind::PayerFailed, 1);
        fact.dims = DimRef::of(dims).state(state).shared();
        sink.out.push(fact);
    }

    /// Money came in: what failed before is over. If it failed again lately, the payer has recovered.
    pub(super) fn payer_recovers(&mut self, at: Timestamp) -> Option<Conversion> {
        let failing = self.books.as_mut().map(Arc::make_mut).and_then(|books| books.failing.take())?;
        let (again, day) = failing.again?;
        (at.seconds_since(again) <= LED_TO).then_some(conversion(Converted::Payer, (again, day), failing.dims))
    }

    /// Money came in: the visitor of the last thirty days, whom no payment followed before, may have paid it.
    pub(super) fn visitor_led_to(&mut self, at: Timestamp) -> Option<Conversion> {
        let open = |visit: &Visit| !visit.paid && at.seconds_since(visit.first) <= LED_TO;
        if !self.books.as_ref().and_then(|books| books.visitor.as_deref()).is_some_and(open) {
            return None;
        }
        let visit = self.books.as_mut().map(Arc::make_mut).and_then(|books| books.visitor.as_mut())?;
        visit.paid = true;
        Some(conversion(Converted::Visitor, (visit.first, visit.day), Arc::clone(&visit.dims)))
    }

    /// Ends the sessions whose time is out: failed if the last try failed, else abandoned.
    pub(super) fn end_sessions(&mut self, at: Timestamp, sink: &mut Sink) {
        let Some(books) = self.books.as_mut().filter(|books| !books.sessions.is_empty()) else { return };
        let books = Arc::make_mut(books);
        books.sessions.retain(|session| {
            let over = session.over <= at;
            if over {
                session.ended(if session.failed { "failed" } else { "abandoned" }, sink);
            }
            !over
        });
    }
}
