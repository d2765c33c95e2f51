//! How one limitation period runs: begun anew, held, gone on, up to its last day.

use std::cell::RefCell;
use std::collections::HashMap;
use std::num::NonZeroU64;

use chrono::NaiveDate;

use crate::domain::limitation::RunsFrom;
use crate::domain::time::add_days;
use crate::rules::calendar::{Calendar, add_months};
use crate::rules::model::{LimitationPeriod, Term};
use crate::rules::words::{Attribute, Roll};

/// What an event does to a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It begins anew; where by `proceedings`, it does not run before these have ended.
    Anew { by: RunsFrom, proceedings: bool },
    /// It stands still.
    Holds { negotiations: bool, action: bool },
    /// It goes on and the claim is before a court, where its end changes nothing; of another action it does.
    Pends,
    /// What was recorded to hold it has ended.
    GoesOn,
    /// The debtor's default begins to hold it.
    DefaultBegins,
    /// That default holds it no longer.
    DefaultEnds,
}

/// Something that begins a period anew or holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Event {
    pub effect: Effect,
    pub on: NaiveDate,
    /// It begins the period anew after its end, too.
    pub revives: bool,
    /// The short form of the claim that it concerns; absent: all of them.
    pub claim: Option<NonZeroU64>,
    /// What is missing to tell that it counts.
    pub lacks: Option<Attribute>,
}

/// What happened, by day. The periods of a case's claims run through the same events, as a payment on the case is one of each:
/// where one has come to a point that another has passed, the rest of the way is known.
pub(super) struct Course {
    shared: bool,
    /// What counts for certain.
    proved: Way,
    /// All that may count, where that is more.
    all: Option<Way>,
}

impl Course {
    /// The course of these events. `shared`: several claims go through it.
    pub fn new(events: Vec<Event>, shared: bool) -> Self {
        let doubtful = events.iter().any(|event| event.lacks.is_some());
        let proved = events.iter().filter(|event| doubtful && event.lacks.is_none()).copied().collect();
        let (proved, all) = if doubtful { (proved, Some(events)) } else { (events, None) };
        Self { shared, proved: Way::new(proved, shared), all: all.map(|all| Way::new(all, shared)) }
    }

    /// The same with some more events.
    pub fn with(&self, more: &[Event]) -> Self {
        let way = self.all.as_ref().unwrap_or(&self.proved);
        Self::new(way.events.iter().chain(more).copied().collect(), self.shared)
    }
}

/// Some events in their order.
struct Way {
    events: Vec<Event>,
    /// The last event by which a period goes on, and the last that begins one anew after its end.
    last_going_on: Option<usize>,
    last_reviving: Option<usize>,
    /// The last event that concerns a claim alone, by claim.
    own: HashMap<NonZeroU64, usize>,
    /// Where they lead, if several claims go them.
    known: Option<RefCell<Known>>,
}

/// Where periods of a term come to that have begun anew with an event, and that nothing else holds.
#[derive(Default)]
struct Known {
    term: Option<Term>,
    ends: Vec<Run>,
    /// By the place of the event and by whether something was missing by then: the place of the end.
    of_event: HashMap<(usize, bool), usize>,
}

impl Way {
    fn new(mut events: Vec<Event>, shared: bool) -> Self {
        events.sort_by_key(|event| event.on);
        // What happens again on the same day changes nothing.
        events.dedup();
        let last = |is: &dyn Fn(&Event) -> bool| events.iter().rposition(is);
        Self {
            last_going_on: last(&|event| event.effect == Effect::GoesOn),
            last_reviving: last(&|event| event.revives),
            own: events.iter().enumerate().filter_map(|(place, event)| Some((event.claim?, place))).collect(),
            known: (shared && !events.is_empty()).then(RefCell::default),
            events,
        }
    }
}

/// One period of one claim.
pub(super) struct Period<'a> {
    pub limits: &'a LimitationPeriod,
    pub term: Term,
    pub start: NaiveDate,
    /// Nothing before this day concerns it: there was no such claim, or no such title.
    pub born: NaiveDate,
    pub by: RunsFrom,
    pub calendar: &'a Calendar,
    pub subdivision: Option<&'a str>,
    /// The act that is judged brings the claim before a court by itself, so that another action does not help it.
    pub new_action: bool,
}

/// Until when a claim can be enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    /// The last day by what is proved. What holds the period without a recorded end has ended at once, for all that is known.
    pub proved: NaiveDate,
    /// What the period that ends then rests on.
    pub by: RunsFrom,
    /// The last day by all that may have happened; the end of the calendar while the period may stand still.
    pub possible: NaiveDate,
    /// It stands still, or the claim is before a court, and no end of that is recorded.
    pub held: bool,
    /// The claim was brought before a court in time.
    pub action: bool,
    /// What is missing to tell that it ends on the one day or on the other.
    pub lacks: Attribute,
}

impl Period<'_> {
    /// When it ends, by the events that concern it.
    pub fn ends(&self, course: &Course, claim: Option<NonZeroU64>) -> Ends {
        let proved = self.run(&course.proved, claim, true);
        let all = course.all.as_ref().map_or_else(|| proved.clone(), |all| self.run(all, claim, false));
        let (held, may_hold) = (self.stands(&proved), self.stands(&all));
        let possible = if held || may_hold { NaiveDate::MAX } else { self.end(&all).max(self.end(&proved)) };
        let lacks = if held { None } else { all.lacks }.unwrap_or(Attribute::Resumption);
        Ends { proved: self.end(&proved), by: proved.by, possible, held, action: proved.action, lacks }
    }

    /// The last day that it has whatever happened: what begins it anew or holds it makes it no shorter.
    pub fn first_end(&self) -> NaiveDate {
        self.anew(self.start)
    }

    fn stands(&self, run: &Run) -> bool {
        run.recorded || run.action && !self.new_action
    }

    fn run(&self, way: &Way, claim: Option<NonZeroU64>, proved: bool) -> Run {
        let mut run = Run { last: self.anew(self.start), by: self.by, ..Run::default() };
        let mut known = way.known.as_ref().map(RefCell::borrow_mut);
        if let Some(known) = known.as_deref_mut().filter(|known| known.term != Some(self.term)) {
            *known = Known { term: Some(self.term), ..Known::default() };
        }
        let own = claim.and_then(|claim| way.own.get(&claim).copied());
        let mut anew_by = Vec::new();
        let first = way.events.partition_point(|event| event.on < self.born);
        for (place, event) in way.events.iter().enumerate().skip(first) {
            if event.claim.is_some() && event.claim != claim {
                continue;
            }
            match event.effect {
                Effect::GoesOn => self.goes_on(&mut run, event.on),
                Effect::DefaultEnds => self.default_ends(&mut run, event.on),
                effect => {
                    // Before it stands still no more the period cannot end: certainly where an end of that is known.
                    let later = way.last_going_on.is_some_and(|last| last > place);
                    let held = run.since.is_some() && (run.in_default || !proved || later);
                    // What has lapsed is neither held nor begun anew.
                    if !event.revives && !held && !self.lasts_on(&run, event.on) {
                        if run.since.is_none() && !later && way.last_reviving.is_none_or(|last| last < place) {
                            break;
                        }
                        continue;
                    }
                    self.take(&mut run, effect, event.on);
                    run.lacks = run.lacks.or(event.lacks);
                    if let Some(known) = known.as_deref()
                        && own.is_none_or(|own| own <= place)
                        && self.is_anew(&run, event)
                    {
                        let point = (place, run.lacks.is_some());
                        if let Some(end) = known.of_event.get(&point).and_then(|end| known.ends.get(*end)) {
                            run = Run { lacks: run.lacks.or(end.lacks), ..end.clone() };
                            break;
                        }
                        anew_by.push(point);
                    }
                }
            }
        }
        if let Some(known) = known.as_deref_mut().filter(|_| !anew_by.is_empty()) {
            let end = known.ends.len();
            known.of_event.extend(anew_by.into_iter().map(|point| (point, end)));
            known.ends.push(run.clone());
        }
        run
    }

    /// Whether it has just begun anew with an event, and nothing before that matters any more.
    fn is_anew(&self, run: &Run, event: &Event) -> bool {
        let Effect::Anew { by, proceedings: false } = event.effect else { return false };
        event.on > self.start && *run == Run { last: run.last, by, lacks: run.lacks, ..Run::default() }
    }

    /// Whether it has not ended before that day. Days off are looked at where they decide.
    fn lasts_on(&self, run: &Run, on: NaiveDate) -> bool {
        on <= Self::last(run) || on <= self.end(run)
    }

    fn take(&self, run: &mut Run, effect: Effect, on: NaiveDate) {
        // What stood before the first day holds the period from its first day on.
        let from = on.max(self.start);
        match effect {
            Effect::Anew { by, proceedings } => {
                if on >= self.start {
                    (run.last, run.by) = (self.anew(on), by);
                    if run.since.is_some() {
                        (run.since, run.anew) = (Some(on), true);
                    }
                }
                if proceedings {
                    run.since = run.since.or(Some(from));
                    (run.recorded, run.anew, run.action, run.by) = (true, true, true, by);
                }
            }
            Effect::Holds { negotiations, action } => {
                run.since = run.since.or(Some(from));
                run.recorded = true;
                run.negotiations |= negotiations;
                run.action |= action;
            }
            Effect::Pends => run.action = true,
            Effect::DefaultBegins => {
                run.since = run.since.or(Some(from));
                run.in_default = true;
            }
            Effect::GoesOn | Effect::DefaultEnds => {}
        }
    }

    fn goes_on(&self, run: &mut Run, on: NaiveDate) {
        run.action = false;
        if !std::mem::take(&mut run.recorded) {
            return;
        }
        if std::mem::take(&mut run.negotiations)
            && let Some(months) = self.limits.months_after_negotiation
        {
            run.floor = run.floor.max(Some(add_months(on, months.into())));
        }
        self.settle(run, on);
    }

    fn default_ends(&self, run: &mut Run, on: NaiveDate) {
        if std::mem::take(&mut run.in_default) {
            self.settle(run, on);
        }
    }

    /// Adds the days on which it stood still until then, or begins it anew where that fell among them.
    fn settle(&self, run: &mut Run, on: NaiveDate) {
        let Some(since) = run.since else { return };
        let on = on.max(since);
        // Held from its first day on it has all of its term before it.
        let whole = run.anew || since == self.start;
        let days = on.signed_duration_since(since).num_days();
        run.last = if whole { self.anew(on) } else { add_days(run.last, days) };
        if !run.anew && run.by == RunsFrom::Start && days > 0 {
            run.by = RunsFrom::Resumption;
        }
        let still = run.recorded || run.in_default;
        (run.since, run.anew) = (still.then_some(on), still && run.anew);
    }

    /// The last day of the term from a day on, wherever it falls.
    fn anew(&self, from: NaiveDate) -> NaiveDate {
        self.calendar.last_day(&Term { roll: Roll::None, ..self.term }, from, self.subdivision)
    }

    /// The last day, on whatever day of the week it falls.
    fn last(run: &Run) -> NaiveDate {
        run.floor.map_or(run.last, |floor| floor.max(run.last))
    }

    /// The last day, moved to a working day once all is added.
    fn end(&self, run: &Run) -> NaiveDate {
        let day = Self::last(run);
        let rolls = self.term.roll == Roll::NextWorkingDay;
        if rolls { self.calendar.working_day_from(day, self.subdivision) } else { day }
    }
}

/// How a period stands while its events are gone through.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Run {
    last: NaiveDate,
    by: RunsFrom,
    /// It does not end before this day.
    floor: Option<NaiveDate>,
    /// Since when it stands still.
    since: Option<NaiveDate>,
    /// It begins anew when it goes on.
    anew: bool,
    /// Something recorded holds it,
    recorded: bool,
    /// negotiations among it,
    negotiations: bool,
    /// or the debtor's default does.
    in_default: bool,
    /// An action was brought in time.
    action: bool,
    /// What the first event lacks that may not count.
    lacks: Option<Attribute>,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            last: NaiveDate::MAX,
            by: RunsFrom::Start,
            floor: None,
            since: None,
            anew: false,
            recorded: false,
            negotiations: false,
            in_default: false,
            action: false,
            lacks: None,
        }
    }
}

#[cfg(test)]
mod tests;
