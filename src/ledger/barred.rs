//! When accounts become barred by limitation: how long each can still be enforced, told as it changes, and the day on which
//! it becomes barred, told ahead.
//!
//! The standing is a stock: what came into it less what left it. The day is a fact of its own, dated by that day, which is
//! taken back where the period begins anew, stands still or is paid in time. Once the day has passed it stays.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::books::NEVER;
use super::claims::Wide;
use super::dims::DimRef;
use super::emit::Sink;
use super::{CaseLedger, midnight};
use crate::domain::case::CaseVersion;
use crate::domain::fact::{Dims, Fact, FactKind};
use crate::domain::facts::Facts;
use crate::domain::limitation::{Enforceable, Interruptions, TermStanding, Until};
use crate::domain::market::Market;
use crate::domain::time::{Timestamp, day_number};

/// Days before an account becomes barred on which its standing changes.
const SOON: [i32; 2] = [90, 30];
/// Claims whose being open is told apart.
const CLAIMS: usize = 64;

/// What decides what is to be told. Where nothing of it has changed, nothing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Grounds {
    /// What is owed, while the account is open and here.
    owing: Option<Wide>,
    /// Which claims are open, as bits; all of them count if none is.
    claims: u64,
    placed_on: i32,
    interruptions: Interruptions,
    versions: usize,
}

impl Grounds {
    /// The account is open, here, and owes something.
    #[must_use]
    pub const fn owes(&self) -> bool {
        self.owing.is_some()
    }

    /// Something is owed on the claim of that number, as far as it is told apart.
    #[must_use]
    pub const fn owes_on(&self, claim: usize) -> bool {
        claim >= CLAIMS || self.claims == 0 || self.claims & (1 << claim) != 0
    }
}

/// Something that was told, until it is taken back.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Told {
    /// The day of the last fact of it.
    day: i32,
    #[serde(deserialize_with = "super::dims::read_shared")]
    dims: Arc<Dims>,
}

/// What was told of when an account becomes barred.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Barred {
    grounds: Option<Grounds>,
    /// The balance that was told, and the day of placement under which it was.
    net: Wide,
    placed: Option<i32>,
    standing: Option<Told>,
    /// The day on which it becomes barred.
    ends: Option<Told>,
    timer: Timestamp,
}

impl Default for Barred {
    fn default() -> Self {
        Self { grounds: None, net: Wide::default(), placed: None, standing: None, ends: None, timer: NEVER }
    }
}

impl CaseLedger {
    /// What decides what is to be told of when the account becomes barred.
    #[must_use]
    pub fn grounds(&self, interruptions: Interruptions, versions: usize) -> Grounds {
        let net = self.balance().total();
        let owes = !self.closed && !self.away && net > 0;
        let open = self.claims.all().iter().take(CLAIMS).enumerate().filter(|(_, claim)| claim.open() > 0);
        Grounds {
            owing: owes.then(|| Wide::new(net)),
            claims: open.fold(0, |bits, (number, _)| bits | 1 << number),
            placed_on: self.placed_on,
            interruptions,
            versions,
        }
    }
}

impl Barred {
    /// Whether there is something to look at: on other grounds, or because a day has come.
    #[must_use]
    pub fn is_due(&self, grounds: &Grounds, at: Timestamp) -> bool {
        self.timer <= at || self.grounds.as_ref() != Some(grounds)
    }

    /// When the standing changes though nothing happens.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        (self.timer != NEVER).then_some(self.timer)
    }

    /// Tells what differs from what was told. `found` is what the rules say of an account that owes something.
    pub fn tell(
        &mut self,
        market: &Market,
        version: &CaseVersion,
        (grounds, found): (Grounds, Option<&Enforceable>),
        at: Timestamp,
        out: &mut Facts,
    ) {
        let day = day_number(at.date(market.zone));
        let mut sink = Sink::new(out, (day, grounds.placed_on), market, version);
        let net = grounds.owing.unwrap_or_default();
        let barred_on = found.and_then(Enforceable::barred_on).map(|(on, by)| (day_number(on), by));
        let rule = found.and_then(|found| found.rule.as_ref());
        let case = DimRef {
            rule: rule.map(|(rule, _)| rule.as_str()),
            jurisdiction: rule.map(|(_, jurisdiction)| jurisdiction.as_str()),
            ..sink.case
        };
        let told = |day, state| Told { day, dims: case.state(state).shared() };
        let left = barred_on.map(|(on, _)| on.saturating_sub(day));
        let standing = found.map(|found| told(day, standing(found.until, left).as_str()));
        // What has become barred has, whatever comes later.
        let stood = self.ends.take().filter(|ends| ends.day > day);
        let ends = barred_on.filter(|(on, _)| *on > day).map(|(on, by)| told(on, by.as_str()));
        let was = |told| State { told, net: self.net.get(), placed: self.placed };
        let now = |told| State { told, net: net.get(), placed: sink.placed };
        let (stock, flow) =
            ((was(self.standing.as_ref()), now(standing.as_ref())), (was(stood.as_ref()), now(ends.as_ref())));
        change(FactKind::Limitation, stock, &mut sink);
        change(FactKind::BecomesBarred, flow, &mut sink);
        let placed = sink.placed;
        *self = Self {
            timer: next_look(day, barred_on.map(|(on, _)| on), found).map_or(NEVER, |day| midnight(market, day)),
            grounds: Some(grounds),
            net,
            placed,
            standing,
            ends,
        };
    }
}

/// What is told of an account at one moment.
struct State<'a> {
    told: Option<&'a Told>,
    net: i128,
    placed: Option<i32>,
}

/// Takes back what was told of a kind, and tells what holds now; where only the balance has changed, its change.
fn change(kind: FactKind, (was, now): (State<'_>, State<'_>), sink: &mut Sink) {
    let (stock, today) = (kind == FactKind::Limitation, sink.day);
    let mut tell = |told: &Told, day: i32, placed: Option<i32>, count: i64, amount: i128| {
        if count != 0 || amount != 0 {
            let fact = Fact { day, placed, dims: Arc::clone(&told.dims), ..sink.plain(kind, count) };
            sink.amount(fact, amount);
        }
    };
    if let (Some(told), Some(new)) = (was.told, now.told)
        && (told.dims == new.dims && was.placed == now.placed)
        && (told.day == new.day || stock && told.day < new.day)
    {
        return tell(new, new.day, now.placed, 0, now.net - was.net);
    }
    if let Some(told) = was.told {
        // An account may turn out to have come in earlier than was thought: then what was told of a later day never was.
        let day = if stock { told.day.max(today) } else { told.day };
        tell(told, day, was.placed, -1, -was.net);
    }
    if let Some(told) = now.told {
        tell(told, told.day, now.placed, 1, now.net);
    }
}

/// How long an account can still be enforced that becomes barred in so many days.
fn standing(until: Until, left: Option<i32>) -> TermStanding {
    match (until, left) {
        (Until::NoTerm, _) => TermStanding::NoTerm,
        (Until::Unknown, _) => TermStanding::Unknown,
        (Until::Held, _) | (_, None) => TermStanding::Held,
        (_, Some(left)) if left <= 0 => TermStanding::Barred,
        (_, Some(left)) if left <= SOON[1] => TermStanding::Within30,
        (_, Some(left)) if left <= SOON[0] => TermStanding::Within90,
        _ => TermStanding::Later,
    }
}

/// The next day on which what was told on `day` changes by itself.
fn next_look(day: i32, barred_on: Option<i32>, found: Option<&Enforceable>) -> Option<i32> {
    let steps = barred_on.into_iter().flat_map(|on| [on.saturating_sub(SOON[0]), on.saturating_sub(SOON[1]), on]);
    // Dates of the debtor's zone: in the market's the same day may begin earlier, when they say nothing new yet.
    let again = found.and_then(|found| found.look_again).map(|again| day_number(again).max(day.saturating_add(1)));
    steps.filter(|step| *step > day).chain(again).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::limitation::RunsFrom;
    use crate::domain::time::date_of_day;

    #[test]
    fn an_account_stands_by_the_days_that_are_left_and_is_looked_at_when_that_changes() {
        use TermStanding::{Barred, Later, Within30, Within90};
        let today = 20_000;
        let at = |left: i32| {
            let until = Until::Day(date_of_day(today + left - 1), RunsFrom::Start);
            let found = Enforceable { until, rule: None, look_again: None };
            let on = found.barred_on().map(|(on, _)| day_number(on));
            assert_eq!(on, Some(today + left), "it is barred on the day after the last one");
            (standing(until, Some(left)), next_look(today, on, Some(&found)).map(|day| day - today))
        };
        for (left, expected) in [
            (91, (Later, Some(1))),
            (90, (Within90, Some(60))),
            (31, (Within90, Some(1))),
            (30, (Within30, Some(30))),
            (1, (Within30, Some(1))),
            (0, (Barred, None)),
            (-400, (Barred, None)),
        ] {
            assert_eq!(at(left), expected, "{left} days before");
        }
        assert_eq!(standing(Until::Held, None), TermStanding::Held);
        assert_eq!(
            (standing(Until::NoTerm, None), standing(Until::Unknown, None)),
            (TermStanding::NoTerm, TermStanding::Unknown)
        );
    }
}
