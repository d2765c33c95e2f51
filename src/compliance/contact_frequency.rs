//! At most so many attempts, contacts or conversations in a window.

use chrono_tz::Tz;

use super::conditions::stretches;
use super::judgement::Speaking;
use super::persons::{ContactStamp, Marks};
use super::situation::Situation;
use super::which;
use super::windows::{
    Since, any_since, begins_with, by_dates, circle_attribute, earlier, left_by, not_before, open_circle,
};
use crate::domain::ids::ActivityId;
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Answer, Unit};
use crate::rules::model::ContactFrequency;
use crate::rules::words::{Attribute, BindFrom, Counted, Exclude};

/// The unit in which a rule counts.
pub(crate) const fn unit(count: Counted) -> Unit {
    match count {
        Counted::Attempts => Unit::Attempts,
        Counted::Contacts => Unit::Contacts,
        Counted::Conversations => Unit::Conversations,
    }
}

/// The rule counts such a contact, wherever it was, if it went as counted ones do.
#[inline]
fn like_one(limits: &ContactFrequency, marks: Marks) -> bool {
    marks.on(limits.channels) && marks.by(limits.technologies) && !marks.excluded(limits.exclude)
}

/// The rule counts from the first conversation on, and somebody may have been spoken to where the case was worked before.
fn talked_elsewhere(limits: &ContactFrequency, situation: &Situation<'_>) -> bool {
    limits.exclude.has(Exclude::BeforeConversation) && situation.version.history_complete_from.is_some()
}

/// When the first conversation was that a rule counts from: the earliest that is certainly, or only possibly, one of those
/// that count together.
#[derive(Clone, Copy, Default)]
struct Talked {
    certainly: Option<Timestamp>,
    possibly: Option<Timestamp>,
    /// From when the condition binds that a rule counts from.
    bound: Option<Timestamp>,
}

impl Talked {
    fn of(limits: &ContactFrequency, situation: &Situation<'_>) -> Self {
        if !limits.exclude.has(Exclude::BeforeConversation) {
            return Self::default();
        }
        let here = situation.watch.conversed().filter(|talked| *talked <= situation.at);
        let first = |certain| {
            if !limits.per.over_cases() {
                return here;
            }
            let spoken = |marks: Marks| marks.counts(Counted::Conversations);
            let ever = Since::instant(Timestamp(i64::MIN));
            let first = earlier(situation, limits.per, ever, certain, spoken).last().map(|stamp| stamp.at);
            here.into_iter().chain(first).min()
        };
        Self { certainly: first(true), possibly: first(false), bound: None }
    }
}

/// A condition without which a rule says nothing.
struct Bound {
    from: Timestamp,
    until: Option<Timestamp>,
    /// It is known to bind.
    certain: bool,
}

impl Bound {
    /// The one that binds now and was the first to; one that may bind where no other does.
    fn of(limits: &ContactFrequency, bind: BindFrom, situation: &Situation<'_>) -> Option<Self> {
        if !limits.during.meets(situation.known.conditions) {
            return None;
        }
        let unwritten = |written: Option<bool>| limits.during_written && written == Some(false);
        stretches(limits.during, bind, situation)
            .filter(|one| one.holds(situation.at) && !unwritten(one.written))
            .map(|one| Self {
                from: one.from,
                until: one.until,
                certain: !limits.during_written || one.written.is_some(),
            })
            .min_by_key(|one| (!one.certain, one.from))
    }
}

/// What may be missing of earlier contacts: how they went, the first conversation, places, roles, who belongs together, and
/// at what time of their day they were.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doubt {
    Outcome,
    History,
    Place,
    Role,
    Circle,
    Clock,
}

/// Nothing is missing, or it is taken to be so that the contact does not count.
const SURE: &[Doubt] = &[Doubt::Outcome, Doubt::History, Doubt::Place, Doubt::Role, Doubt::Circle, Doubt::Clock];

impl Doubt {
    const fn attribute(self, limits: &ContactFrequency) -> Attribute {
        match self {
            Self::Outcome => Attribute::Outcome,
            Self::History => Attribute::History,
            Self::Place => Attribute::Place,
            Self::Role => Attribute::PersonRole,
            Self::Clock => Attribute::ClockTime,
            Self::Circle => match circle_attribute(limits.per) {
                Some(attribute) => attribute,
                None => Attribute::Person,
            },
        }
    }

    /// An input of that kind may be missing at all.
    fn arises(self, limits: &ContactFrequency, situation: &Situation<'_>) -> bool {
        match self {
            Self::Outcome => limits.count != Counted::Attempts,
            Self::History => talked_elsewhere(limits, situation),
            Self::Place => !limits.places.is_empty(),
            Self::Role => !limits.roles.is_empty(),
            Self::Circle => circle_attribute(limits.per).is_some(),
            Self::Clock => !by_dates(limits.window),
        }
    }
}

/// Earlier contacts that are counted, newest first. What is missing of them counts against the contact judged, unless the
/// input is named in `sure`.
fn before<'s, 'a>(
    limits: &'s ContactFrequency,
    situation: &'s Situation<'a>,
    talked: Talked,
    since: Since,
    sure: &'s [Doubt],
) -> impl Iterator<Item = &'a ContactStamp> + 's {
    let since = if sure.contains(&Doubt::Clock) { since.wholly() } else { since };
    let since = talked.bound.map_or(since, |bound| since.not_before(bound));
    let talked = if sure.contains(&Doubt::Circle) { talked.certainly } else { talked.possibly };
    let talked = talked.filter(|_| sure.contains(&Doubt::History) || !talked_elsewhere(limits, situation));
    let since = talked.map_or(since, |talked| since.not_before(talked.plus(1)));
    let (place, role) = (sure.contains(&Doubt::Place), !sure.contains(&Doubt::Role));
    let here = move |stamp: &&ContactStamp| limits.places.is_empty() || at_places(limits, situation, stamp, place);
    let went = sure.contains(&Doubt::Outcome);
    let counted = move |marks: Marks| {
        (if went { marks.counts(limits.count) } else { marks.may_count(limits.count) })
            && like_one(limits, marks)
            && marks.with(limits.roles).unwrap_or(role)
    };
    earlier(situation, limits.per, since, sure.contains(&Doubt::Circle), counted).filter(here)
}

/// The contact was, or may have been, at one of the rule's places.
fn at_places(limits: &ContactFrequency, situation: &Situation<'_>, stamp: &ContactStamp, certain: bool) -> bool {
    // The log of a person knows only places that were stated; of this case's contacts the case knows more.
    let own = situation.before_here.iter().find(|one| one.stamp.id == stamp.id);
    let may_be = own.map_or(stamp.marks, |one| one.stamp.marks).places();
    which::among(limits.places, may_be).is_some_and(|sure| sure || !certain)
}

pub(crate) fn judge(limits: &ContactFrequency, bind: BindFrom, situation: &Situation<'_>) -> Option<Speaking> {
    if limits.during.is_empty() {
        return judged(limits, None, situation);
    }
    let bound = Bound::of(limits, bind, situation)?;
    let mut judgement = judged(limits, Some(&bound), situation)?;
    // What ends the condition ends the rule, and a day will come on which that is known to be so.
    judgement.steady = false;
    judgement.allowed_from = judgement.allowed_from.map(|free| bound.until.map_or(free, |until| free.min(until)));
    Some(judgement)
}

/// What the rule says of a contact, counted from when the condition binds where it needs one.
fn judged(limits: &ContactFrequency, bound: Option<&Bound>, situation: &Situation<'_>) -> Option<Speaking> {
    let marks = situation.marks()?;
    if !marks.may_count(limits.count) || !like_one(limits, marks) {
        return None;
    }
    let mut doubt = which::at_place(limits.places, situation)?;
    if bound.is_some_and(|bound| !bound.certain) {
        doubt = doubt.or(Some(Attribute::Written));
    }
    if !marks.counts(limits.count) {
        doubt = doubt.or(Some(Attribute::Outcome));
    }
    match situation.role {
        Some(role) if !limits.roles.admits(role) => return None,
        None if !limits.roles.is_empty() => doubt = doubt.or(Some(Attribute::PersonRole)),
        _ => {}
    }
    let talked = Talked { bound: bound.map(|bound| bound.from), ..Talked::of(limits, situation) };
    if limits.exclude.has(Exclude::BeforeConversation) && talked.certainly.is_none() {
        let elsewhere = talked_elsewhere(limits, situation).then_some(Attribute::History);
        let missing = elsewhere.or(talked.possibly.and(circle_attribute(limits.per)))?;
        doubt = doubt.or(Some(missing));
    }
    let Some(max) = limits.max else { return Some(Speaking::no_figure()) };
    if situation.zones.as_slice().is_empty() || situation.zones.overflow {
        return Some(Speaking::missing(Attribute::Zone));
    }
    let mut possible = counted(limits, max, situation, talked, &[]);
    possible.doubt(doubt);
    if possible.answer != Answer::Broken {
        let open = open_circle(limits.per, situation).filter(|_| possible.answer == Answer::Kept);
        return Some(open.map_or(possible, Speaking::missing));
    }
    let mut doubts = SURE.iter().filter(|doubt| doubt.arises(limits, situation));
    if doubts.clone().next().is_none() {
        return Some(possible);
    }
    let certain = counted(limits, max, situation, talked, SURE);
    if certain.answer == Answer::Broken {
        return Some(certain);
    }
    // The input that alone would tell; where it takes several, the first of them.
    let kept =
        |doubt: &&Doubt| counted(limits, max, situation, talked, std::slice::from_ref(doubt)).answer != Answer::Broken;
    let first = doubts.clone().next();
    let missing = doubts.find(kept).or(first).map(|doubt| doubt.attribute(limits));
    Some(possible.in_doubt(missing))
}

/// The first instant of the window that is counted in a zone.
fn window(limits: &ContactFrequency, situation: &Situation<'_>, zone: Tz, sure: &[Doubt]) -> Since {
    let at = if sure.contains(&Doubt::Clock) { situation.latest(zone) } else { situation.earliest(zone) };
    Since::window(begins_with(limits.window, at, situation.clock(zone).0, zone), zone)
}

/// When so many contacts have left the window that one more fits, where some are known by their date alone and leave it in
/// another order than they stand in.
fn leaves_last<'a>(
    limits: &ContactFrequency,
    max: i64,
    situation: &Situation<'_>,
    zone: Tz,
    contacts: impl Iterator<Item = &'a ContactStamp>,
) -> Option<Timestamp> {
    let mut ends: Vec<_> = contacts.map(|one| left_by(limits.window, one, zone, false, situation)).collect();
    ends.sort_unstable();
    let place = ends.len().checked_sub(usize::try_from(max).ok()?)?;
    ends.get(place).copied()
}

fn counted(limits: &ContactFrequency, max: u32, situation: &Situation<'_>, talked: Talked, sure: &[Doubt]) -> Speaking {
    // Without any earlier contact nothing depends on where a day begins; and what has happened is only told where it breaks
    // the rule, so that fewer than so many need no look at the clock.
    let near = not_before(limits.window, situation.at);
    let any = any_since(situation, limits.per, near);
    if !situation.asked && max > 0 {
        let most = max as usize;
        if !any || before(limits, situation, talked, Since::instant(near), sure).take(most).count() < most {
            return Speaking::new(Answer::Kept);
        }
    }
    let max = i64::from(max);
    let mut worst = 0;
    let mut free: Option<Timestamp> = None;
    let zones = if any { situation.zones.as_slice() } else { &[] };
    for zone in zones {
        let since = window(limits, situation, *zone, sure);
        let mut seen = 0_i64;
        let mut by_date = false;
        for stamp in before(limits, situation, talked, since, sure) {
            seen += 1;
            by_date |= stamp.marks.by_date();
            if seen == max && !by_date {
                // So many of the oldest must have left that one more fits: this one and all before it.
                free = free.max(Some(left_by(limits.window, stamp, *zone, false, situation)));
            }
        }
        if by_date && seen >= max {
            free = free.max(leaves_last(limits, max, situation, *zone, before(limits, situation, talked, since, sure)));
        }
        worst = worst.max(seen);
    }
    let seen = worst.saturating_add(1);
    let broken = seen > max;
    let steady = !broken && situation.rests();
    let mut judgement = Speaking::kept_on(steady);
    judgement.observed = Some(seen);
    judgement.limit = Some(max);
    judgement.unit = Some(unit(limits.count));
    judgement.remaining = Some((max - seen).max(0));
    if broken {
        judgement.answer = Answer::Broken;
        judgement.allowed_from = free;
    }
    if broken && !situation.searching {
        let since = situation
            .zones
            .as_slice()
            .iter()
            .map(|zone| window(limits, situation, *zone, sure))
            .min_by_key(Since::begins);
        let since = since.unwrap_or(Since::instant(situation.at));
        let mut evidence: Vec<ActivityId> =
            before(limits, situation, talked, since, sure).map(|one| one.id.clone()).collect();
        evidence.reverse();
        evidence.push(situation.activity.id.clone());
        judgement.evidence = evidence.into();
    }
    judgement
}
