//! Days on which an account was last seen, by what for: what lets accounts be counted once in any period.
//!
//! A fact of a day says how long ago the account was last seen for the same. It is the account's first one of a period
//! exactly if that day lies before the period, so that facts add up over days and still count each account once.

use serde::{Deserialize, Serialize};

use super::CaseLedger;
use super::books::push_lean;
use super::dims::DimRef;
use super::emit::Sink;
use super::follow::Kept;
use crate::domain::fact::{Fact, FactKind, SEEN_STATES};
use crate::domain::vocabulary::Channel;

/// What an account is seen for: a place in [`SEEN_STATES`]. What is told of channels and addresses stands behind these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SeenFor {
    OnHand,
    Attempted,
    Reached,
    Emailed,
    Visited,
    PromiseDue,
    PromiseDueInbound,
    PromiseDueOutbound,
    PromiseKept,
    PromiseKeptInbound,
    PromiseKeptOutbound,
}

/// The last day of each, [`NEVER`] for what has not been yet. Of on_hand the day on which it left.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Seen {
    days: [i32; PLAIN],
    /// The last day of an attempt by each channel that there was one by.
    channels: Vec<(Channel, i32)>,
}

/// States whose last day is kept here. The days of promises that were kept are those of the promises, since money that is taken
/// back undoes them.
const PLAIN: usize = SeenFor::PromiseDueOutbound as usize + 1;

const NEVER: i32 = i32::MIN;

impl Default for Seen {
    fn default() -> Self {
        Self { days: [NEVER; PLAIN], channels: Vec::new() }
    }
}

/// Emits that the account was seen for that on a day, unless that day was told.
pub(super) fn see(kept: &mut Option<Box<Kept>>, what: SeenFor, day: i32, sink: &mut Sink) {
    let Some(last) = kept.get_or_insert_default().seen.days.get_mut(what as usize) else { return };
    if *last < day {
        told(what, std::mem::replace(last, day), day, sink);
    }
}

/// Emits that the account was attempted by a channel on a day, unless that was told.
pub(super) fn attempted_by(kept: &mut Option<Box<Kept>>, channel: Channel, day: i32, sink: &mut Sink) {
    let channels = &mut kept.get_or_insert_default().seen.channels;
    let at = channels.iter().position(|(one, _)| *one == channel).unwrap_or_else(|| {
        push_lean(channels, (channel, NEVER));
        channels.len() - 1
    });
    let Some((_, last)) = channels.get_mut(at) else { return };
    if *last < day {
        let case = DimRef { channel: Some(channel), ..sink.case };
        tell(&case.state("attempted_by"), std::mem::replace(last, day), day, sink);
    }
}

fn told(what: SeenFor, before: i32, day: i32, sink: &mut Sink) {
    tell(&sink.case.state(state(what)), before, day, sink);
}

fn state(what: SeenFor) -> &'static str {
    SEEN_STATES.get(what as usize).copied().unwrap_or_default()
}

fn tell(dims: &DimRef<'_>, before: i32, day: i32, sink: &mut Sink) {
    if sink.out.takes(FactKind::AccountSeen) {
        sink.out.push(seen((before != NEVER).then_some(before), day, dims, sink));
    }
}

/// That the account was seen for that on a day, and on which one before, if on any.
pub(super) fn last_seen(what: SeenFor, case: &DimRef<'_>, (before, day): (Option<i32>, i32), sink: &Sink) -> Fact {
    seen(before, day, &case.state(state(what)), sink)
}

fn seen(before: Option<i32>, day: i32, dims: &DimRef<'_>, sink: &Sink) -> Fact {
    let mut fact = sink.plain(FactKind::AccountSeen, 1);
    fact.day = day;
    fact.value = before.map(|before| i64::from(day) - i64::from(before));
    fact.dims = dims.shared();
    fact
}

impl CaseLedger {
    /// Emits that the account came on hand, or remembers that it left, by whether it was open and here before.
    pub(super) fn on_hand(&mut self, before: i64, sink: &mut Sink) {
        let now = self.stock().open;
        if before == 0 && now > 0 {
            let left = self.kept.as_ref().and_then(|kept| kept.seen.days.first().copied());
            told(SeenFor::OnHand, left.unwrap_or(NEVER), sink.day, sink);
        } else if before > 0
            && now == 0
            && let Some(left) = self.kept.get_or_insert_default().seen.days.first_mut()
        {
            *left = sink.day;
        }
    }

    /// The same at the very beginning of an account, which `reach` may take back.
    pub(super) fn first_on_hand(&self, sink: &mut Sink) {
        if self.stock().open > 0 {
            told(SeenFor::OnHand, NEVER, sink.day, sink);
        }
    }
}
