//! How an account stands at the end of a day, counted from what happened to it by plain loops: no fact, cell or timer of the
//! service, and of the law only what it is told: two years from the due date.

use chrono::{Days, Months, NaiveDate};

/// What the two claims of an account owe, and how many days later the second one falls due.
pub(super) const OWED: [i64; 2] = [50_000, 30_000];
pub(super) const LATER: i64 = 40;
/// Days of a history.
pub(super) const HAPPENS: i64 = 150;

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Paid(i64),
    Acknowledged,
    Sued,
    /// A letter; how many days later it came, if that is recorded.
    Demanded(Option<i64>),
    Closed(bool),
    /// The due dates turn out to be others.
    Redated(i64),
    /// The kind of debt is not stated any more.
    Forgotten,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Happened {
    pub(super) day: i64,
    pub(super) minute: u16,
    pub(super) kind: Kind,
    pub(super) void: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Account {
    /// The day on which the first claim is two years due, counted from the first one of the histories.
    pub(super) ends: i64,
    pub(super) happened: Vec<Happened>,
}

pub(super) fn date(day: i64) -> NaiveDate {
    let first: NaiveDate = "2025-01-07".parse().expect("a date");
    if day < 0 { first - Days::new(day.unsigned_abs()) } else { first + Days::new(day.unsigned_abs()) }
}

/// The due date of a claim that is two years due on a day.
pub(super) fn due(ends: i64) -> NaiveDate {
    date(ends) - Months::new(24)
}

/// Which claim a payment names. One that names none of both is known to be one on neither.
pub(super) const fn named(minor: i64) -> Option<usize> {
    match minor % 3 {
        0 => Some(0),
        1 => Some(1),
        _ => None,
    }
}

/// How an account stands at the end of a day: what it owes, and since when or from when on it is barred, and what that
/// rests on.
pub(super) enum Stands {
    OwesNothing,
    Unknown(i64),
    /// The claims are before a court, or the only one is.
    Held(i64),
    Barred(i64, NaiveDate, &'static str),
}

/// What begins the period anew: on which day, what, whether that is proved, and of which claim alone.
type Interruption = (NaiveDate, &'static str, bool, Option<usize>);

/// The last day of a claim, what that rests on, and whether the claim is before a court: nobody records that it is no more.
fn last(
    (claim, due): (usize, NaiveDate),
    interruptions: &[Interruption],
    proved: bool,
) -> (NaiveDate, &'static str, bool) {
    let mut last = (due + Months::new(24), "start", false);
    for (on, what, ..) in interruptions.iter().filter(|one| (one.2 || !proved) && one.3.is_none_or(|one| one == claim))
    {
        if *on >= due && (*on <= last.0 || last.2 && !proved) {
            last = (*on + Months::new(24), what, last.2 || *what == "court_action");
        }
    }
    last
}

impl Account {
    pub(super) fn at_end_of(&self, day: i64) -> Stands {
        let (mut open, mut closed, mut ends, mut known, mut over) = (OWED, false, self.ends, true, 0);
        let mut interruptions = Vec::new();
        for one in self.happened.iter().filter(|one| one.day <= day) {
            match one.kind {
                Kind::Redated(to) => ends = to,
                Kind::Forgotten => known = false,
                _ if one.void => {}
                Kind::Paid(minor) => {
                    let named = named(minor);
                    interruptions.push((date(one.day), "payment", named.is_some(), named));
                    let first = named.unwrap_or(0);
                    let paid = minor.min(open[first]);
                    let rest = (minor - paid).min(open[1 - first]);
                    open[first] -= paid;
                    open[1 - first] -= rest;
                    over += minor - paid - rest;
                }
                Kind::Acknowledged => interruptions.push((date(one.day), "acknowledgement", true, None)),
                Kind::Sued => interruptions.push((date(one.day), "court_action", true, None)),
                Kind::Demanded(None) => interruptions.push((date(one.day), "demand_received", false, None)),
                Kind::Demanded(Some(after)) if one.day + after <= day => {
                    interruptions.push((date(one.day + after), "demand_received", true, None));
                }
                Kind::Demanded(Some(_)) => {}
                Kind::Closed(now) => closed = now,
            }
        }
        let net = open[0] + open[1] - over;
        if closed || net <= 0 {
            return Stands::OwesNothing;
        }
        if !known {
            return Stands::Unknown(net);
        }
        interruptions.sort_by_key(|one| one.0);
        let claims = [(open[0], ends), (open[1], ends + LATER)].into_iter().enumerate();
        // The day of what is decided, and the first on which something undecided may have ended.
        let (mut decided, mut open_end) = (None::<(NaiveDate, &'static str)>, None::<NaiveDate>);
        for (claim, (_, ends)) in claims.filter(|(_, (open, _))| *open > 0) {
            let of = |proved| last((claim, due(ends)), &interruptions, proved);
            let (proved, all) = (of(true), of(false));
            let one = match proved {
                (end, _, true) if date(day) > end => {
                    open_end = Some(open_end.map_or(end, |other| other.min(end)));
                    continue;
                }
                (_, by, true) => (NaiveDate::MAX, by),
                (end, ..) if all.2 || end < all.0 => (end, "unproved"),
                (end, by, _) => (end, by),
            };
            if decided.is_none_or(|other| one.0 < other.0) {
                decided = Some(one);
            }
        }
        match decided.filter(|one| one.0 < date(day) || open_end.is_none_or(|end| one.0 <= end)) {
            None => Stands::Unknown(net),
            Some((NaiveDate::MAX, _)) => Stands::Held(net),
            Some((last, by)) => Stands::Barred(net, last + Days::new(1), by),
        }
    }
}
