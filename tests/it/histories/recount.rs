//! What figures must be, counted from the records of a history by plain loops: no fact, cell or window of the service, and
//! nothing that it said.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;

use super::generate::{CASES, History, at_minute, case_id};
use fairdue::domain::activity::{Activity, Control};
use fairdue::domain::case::CaseVersion;
use fairdue::domain::detail::{Contact, Detail, PageStep};
use fairdue::domain::ids::{ActivityId, CaseId, ContactPointId};
use fairdue::domain::time::{DAY, SECOND, Timestamp};
use fairdue::domain::vocabulary::{ActorKind, Channel, Direction, MessageEventKind, Ownership};

/// Days by which the cases were placed before the first record, by case: in three cohorts.
const PLACED_BEFORE: [i64; CASES as usize] = [0, 20, 45, 45];
/// A span of days, the last one excluded.
pub type Span = (NaiveDate, NaiveDate);

/// The channel of an attempt: one of who collects.
pub fn attempt(one: &Activity) -> Option<Channel> {
    let Detail::Contact(contact) = &one.detail else { return None };
    (contact.outcome_flags().attempt && one.direction() == Direction::Outbound).then_some(contact.channel)
}

/// Lets the cases come in on days of their own, two of them as claims bought for a price that later versions correct, and
/// their debtors visit pages more often.
pub fn prepared(mut history: History) -> History {
    for (number, version) in history.opening.iter_mut().chain(&mut history.versions).enumerate() {
        let case = (0..CASES).find(|case| case_id(*case) == version.case).unwrap_or_default();
        let before = PLACED_BEFORE[usize::from(case)];
        version.placement.placed = Some(at_minute(0, 0).plus(-before * DAY));
        if case != 1 {
            version.identity.ownership = Some(Ownership::Purchased);
            let number = i64::try_from(number).expect("a few versions");
            version.placement.purchase_price = Some(9_000 + 37 * number);
            version.placement.face_value = Some(60_000 + 11 * number);
        }
    }
    // Each record brings one more of what the generator makes few of: histories are short, and counts are to be above one.
    let more: Vec<Activity> =
        history.activities.iter().enumerate().filter_map(|(number, one)| more(number, one)).collect();
    history.activities.extend(more);
    // E-mails name one of two addresses of their case, and what is told of messages is told of one of its e-mails.
    let mails: Vec<_> = history
        .activities
        .iter()
        .filter(|one| matches!(&one.detail, Detail::Contact(contact) if contact.channel == Channel::Email))
        .map(|one| (one.cases.clone(), one.id.clone()))
        .collect();
    for (number, one) in history.activities.iter_mut().enumerate() {
        match &mut one.detail {
            Detail::Contact(contact) if contact.channel == Channel::Email => {
                contact.contact_point = Some(ContactPointId::trusted(if number % 2 == 0 { "home" } else { "work" }));
            }
            Detail::MessageEvent { .. } => {
                let of = mails.iter().filter(|(cases, _)| cases.first() == one.cases.first());
                one.parent = of.map(|(_, id)| id.clone()).nth(number % 2).or(one.parent.take());
            }
            _ => {}
        }
    }
    // More of what happens at pages: what says nothing that is counted here makes room for it.
    for (number, one) in history.activities.iter_mut().enumerate() {
        let step = match &one.detail {
            Detail::Survey { .. } | Detail::CustomerStatus { .. } | Detail::Interest(_) => PageStep::Visit,
            Detail::Permission { .. } | Detail::Dispute { .. } => PageStep::PaymentFailed,
            _ => continue,
        };
        one.detail = Detail::Page { step, source: None, session: Some(format!("session-{}", number % 2)) };
    }
    history
}

/// A record beside another one, some hours later.
fn more(number: usize, one: &Activity) -> Option<Activity> {
    let told = |event| Detail::MessageEvent { event, channel: Channel::Email, machine: false };
    let detail = match number % 7 {
        0 | 1 => Detail::Contact(Box::new(Contact::on(Channel::Email))),
        2 => told(MessageEventKind::Delivered),
        3 => told(if number.is_multiple_of(2) { MessageEventKind::BouncedHard } else { MessageEventKind::Delivered }),
        4 => told(MessageEventKind::Opened),
        5 => Detail::Page { step: PageStep::PaymentFailed, source: None, session: None },
        _ => return None,
    };
    let hours = i64::try_from(number * 37 % 101).ok()?;
    let occurred = one.occurred.plus(hours * 3_600 * SECOND);
    let id = ActivityId::trusted(&format!("more-{number}"));
    let of_case = !matches!(one.detail, Detail::Void { .. }) && !one.cases.is_empty();
    of_case.then(|| Activity {
        id,
        occurred,
        date_only: false,
        received: None,
        effective: None,
        ended: None,
        initiated_by: None,
        at_debtors_request: false,
        parent: None,
        control: Control::default(),
        detail,
        ..one.clone()
    })
}

/// The records of a history that count, in their order.
pub struct Records<'h> {
    pub(super) versions: Vec<&'h CaseVersion>,
    pub(super) activities: Vec<&'h Activity>,
    zone: Tz,
}

/// A payment, or what a reversal took back (below zero).
pub(super) struct Money {
    pub at: Timestamp,
    pub minor: i64,
}

impl<'h> Records<'h> {
    /// The records that no void removes.
    pub fn of(history: &'h History, zone: Tz) -> Self {
        fn target(activity: &Activity) -> Option<&ActivityId> {
            match &activity.detail {
                Detail::Void { target, .. } => Some(target),
                _ => None,
            }
        }
        let void: BTreeSet<_> = history.activities.iter().filter_map(target).collect();
        let counts = |one: &&Activity| target(one).is_none() && !void.contains(&one.id);
        let mut activities: Vec<&Activity> = history.activities.iter().filter(counts).collect();
        activities.sort_by_key(|one| (one.occurred, one.source_seq, one.id.clone()));
        let mut versions: Vec<&CaseVersion> = history.opening.iter().chain(&history.versions).collect();
        versions.sort_by_key(|one| (one.effective, one.version.clone()));
        Self { versions, activities, zone }
    }

    pub(super) fn day(&self, at: Timestamp) -> NaiveDate {
        at.date(self.zone)
    }

    pub(super) fn cases() -> impl Iterator<Item = CaseId> {
        (0..CASES).map(case_id)
    }

    /// The activities of a case, and whether it is the first of their cases.
    pub(super) fn of_case<'s>(&'s self, case: &'s CaseId) -> impl Iterator<Item = (&'h Activity, bool)> + 's {
        let lead = |one: &Activity| one.cases.first() == Some(case);
        self.activities.iter().filter(|one| one.cases.contains(case)).map(move |one| (*one, lead(one)))
    }

    /// The version of a case at an instant; the first one holds from ever.
    pub(super) fn version(&self, case: &CaseId, at: Timestamp) -> Option<&'h CaseVersion> {
        let mut of = self.versions.iter().filter(|one| one.case == *case);
        let first = of.next()?;
        Some(of.take_while(|one| one.effective <= at).last().unwrap_or(first))
    }

    fn team(&self, case: &CaseId, at: Timestamp) -> Option<&'h str> {
        self.version(case, at)?.steering.team.as_deref()
    }

    pub(super) fn newest(&self, case: &CaseId) -> Option<&'h CaseVersion> {
        self.versions.iter().rfind(|one| one.case == *case).copied()
    }

    pub(super) fn inside(&self, at: Timestamp, (from, to): Span) -> bool {
        (from..to).contains(&self.day(at))
    }

    /// Accounts with at least one of some activities in a span, by the team that each had at its first one.
    pub(super) fn seen(&self, span: Span, wanted: impl Fn(&Activity) -> bool) -> BTreeMap<Option<&'h str>, i128> {
        let mut teams = BTreeMap::new();
        for case in Self::cases() {
            let mut all = self.of_case(&case).map(|(one, _)| one);
            if let Some(first) = all.find(|one| wanted(one) && self.inside(one.occurred, span)) {
                *teams.entry(self.team(&case, first.occurred)).or_default() += 1;
            }
        }
        teams
    }

    /// Accounts attempted, by team.
    pub fn attempted(&self, span: Span) -> BTreeMap<Option<&'h str>, i128> {
        self.seen(span, |one| attempt(one).is_some())
    }

    /// Accounts that visited a page, by team.
    pub fn visited(&self, span: Span) -> BTreeMap<Option<&'h str>, i128> {
        self.seen(span, |one| matches!(&one.detail, Detail::Page { step: PageStep::Visit, .. }))
    }

    /// Accounts that were open at any time of a span, by the team that each had when it first was.
    pub fn on_hand(&self, (from, to): Span) -> BTreeMap<Option<&'h str>, i128> {
        let mut teams = BTreeMap::new();
        let start = Timestamp::start_of(from, self.zone);
        for (number, case) in Self::cases().enumerate() {
            let placed = at_minute(0, 0).plus(-PLACED_BEFORE[number] * DAY);
            let (mut open, mut first) = (true, (self.day(placed) >= from).then_some(placed));
            for (one, _) in self.of_case(&case) {
                let Detail::CaseStatus { closed, .. } = &one.detail else { continue };
                let before = self.day(one.occurred) < from;
                if !before && first.is_none() {
                    // Open when the span began, or opened by this one.
                    first = if open { Some(start) } else { (!closed).then_some(one.occurred) };
                }
                open = !closed;
            }
            let first = first.or(open.then_some(start)).filter(|first| self.day(*first) < to);
            if let Some(first) = first {
                // A version of the span's very first instant is a change of the span.
                let at = if first == start { start.plus(-1) } else { first };
                *teams.entry(self.team(&case, at)).or_default() += 1;
            }
        }
        teams
    }

    /// Human agents with an attempt, a conversation or a promise.
    pub fn active_agents(&self, span: Span) -> i128 {
        let acts = |one: &&&Activity| match &one.detail {
            Detail::Contact(contact) => contact.outcome_flags().attempt || contact.outcome_flags().connect,
            Detail::Promise(_) => true,
            _ => false,
        };
        let all = self.activities.iter().filter(acts).filter(|one| self.inside(one.occurred, span));
        let human = all.filter(|one| one.actor.kind == Some(ActorKind::Human));
        let agents: BTreeSet<_> = human.filter_map(|one| one.actor.agent.as_deref()).collect();
        agents.len() as i128
    }

    /// Payment sessions begun in a span: all, abandoned, failed.
    pub fn sessions(&self, span: Span) -> [i128; 3] {
        const IDLE: i64 = 30 * 60 * SECOND;
        let mut counts = [0; 3];
        for case in Self::cases() {
            // Begin, last try, and whether that failed, by name.
            let mut open: BTreeMap<Option<&str>, (Timestamp, Timestamp, bool)> = BTreeMap::new();
            let mut over = |begun: Timestamp, failed: Option<bool>| {
                if self.inside(begun, span) {
                    counts[0] += 1;
                    counts[1] += i128::from(failed == Some(false));
                    counts[2] += i128::from(failed == Some(true));
                }
            };
            for (one, lead) in self.of_case(&case) {
                let Detail::Page { step, session, .. } = &one.detail else { continue };
                if !lead || *step == PageStep::Visit {
                    continue;
                }
                let at = one.occurred;
                let ended: Vec<_> = open.iter().filter(|(_, (_, last, _))| last.plus(IDLE) <= at).collect();
                let ended: Vec<_> =
                    ended.into_iter().map(|(name, (begun, _, failed))| (*name, *begun, *failed)).collect();
                for (name, begun, failed) in ended {
                    over(begun, Some(failed));
                    open.remove(&name);
                }
                let name = session.as_deref();
                let begun = open.get(&name).map_or(at, |(begun, ..)| *begun);
                if *step == PageStep::PaymentDone {
                    open.remove(&name);
                    over(begun, None);
                } else {
                    open.insert(name, (begun, at, *step == PageStep::PaymentFailed));
                }
            }
            for (begun, _, failed) in open.into_values() {
                over(begun, Some(failed));
            }
        }
        counts
    }

    /// What was paid on a case and taken back, in its order.
    pub(super) fn money(&self, case: &CaseId) -> Vec<Money> {
        self.money_and_left(case).0
    }

    /// Whether something is left of a payment of the case.
    pub(super) fn stands(&self, case: &CaseId, payment: &Activity) -> bool {
        self.money_and_left(case).1.get(payment.id.as_str()).is_some_and(|left| *left > 0)
    }

    /// The same, and what is left of each payment.
    fn money_and_left(&self, case: &CaseId) -> (Vec<Money>, BTreeMap<&'h str, i64>) {
        let mut left: BTreeMap<&'h str, i64> = BTreeMap::new();
        let mut waiting: Vec<(&str, i64)> = Vec::new();
        let mut moved = Vec::new();
        for (one, _) in self.of_case(case).filter(|(_, lead)| *lead) {
            let at = one.occurred;
            match &one.detail {
                Detail::Payment(payment) => {
                    moved.push(Money { at, minor: payment.amount.minor });
                    left.insert(one.id.as_str(), payment.amount.minor);
                    for (_, asked) in waiting.extract_if(.., |(of, _)| *of == one.id.as_str()) {
                        let rest = left.entry(one.id.as_str()).or_default();
                        let taken = asked.min(*rest);
                        *rest -= taken;
                        moved.push(Money { at, minor: -taken });
                    }
                }
                Detail::Reversal { reverses, amount, .. } => match left.get_mut(reverses.as_str()) {
                    Some(rest) => {
                        let taken = amount.minor.min(*rest);
                        *rest -= taken;
                        moved.push(Money { at, minor: -taken });
                    }
                    None => waiting.push((reverses.as_str(), amount.minor)),
                },
                _ => {}
            }
        }
        (moved, left)
    }

    /// Whether a payment of which something is left follows on the case within some days: by the order of records, and by time.
    pub(super) fn paid_after(&self, case: &CaseId, record: &Activity, days: i64) -> bool {
        let after = self.of_case(case).skip_while(|(one, _)| one.id != record.id).skip(1);
        let mut paid = after.filter(|(one, lead)| *lead && matches!(one.detail, Detail::Payment(_)));
        paid.any(|(one, _)| one.occurred.0 - record.occurred.0 <= days * DAY && self.stands(case, one))
    }

    /// Visitors of a span (visits after thirty days without one), and those who paid within some days.
    pub fn visitors(&self, span: Span, days: i64) -> [i128; 2] {
        let mut counts = [0; 2];
        for case in Self::cases() {
            let mut last: Option<Timestamp> = None;
            for (one, lead) in self.of_case(&case) {
                if !lead || !matches!(&one.detail, Detail::Page { step: PageStep::Visit, .. }) {
                    continue;
                }
                let new = last.is_none_or(|last| one.occurred.0 - last.0 > 30 * DAY);
                last = Some(one.occurred);
                if new && self.inside(one.occurred, span) {
                    counts[0] += 1;
                    counts[1] += i128::from(self.paid_after(&case, one, days));
                }
            }
        }
        counts
    }

    /// Messages sent in a span, and those that a payment followed within some days.
    pub fn messages(&self, span: Span, days: i64) -> [i128; 2] {
        let mut counts = [0; 2];
        for case in Self::cases() {
            for (one, lead) in self.of_case(&case) {
                let Detail::Contact(contact) = &one.detail else { continue };
                let message = matches!(contact.channel, Channel::Email | Channel::Letter);
                if lead && message && one.direction() == Direction::Outbound && self.inside(one.occurred, span) {
                    counts[0] += 1;
                    counts[1] += i128::from(self.paid_after(&case, one, days));
                }
            }
        }
        counts
    }

    /// Of the cases that came in in a span: collected net in the first so many whole months of each, and placed.
    pub fn liquidated(&self, span: Span, months: u32) -> [i128; 2] {
        let mut sums = [0; 2];
        for case in Self::cases() {
            let Some(newest) = self.newest(&case) else { continue };
            let placed = newest.placement.placed.expect("a day of placement");
            if !self.inside(placed, span) {
                continue;
            }
            sums[1] += newest.claims.iter().map(|claim| i128::from(claim.principal)).sum::<i128>();
            let end = months_after(self.day(placed), months);
            let within = |one: &&Money| self.day(one.at) < end;
            sums[0] += self.money(&case).iter().filter(within).map(|one| i128::from(one.minor)).sum::<i128>();
        }
        sums
    }
}

/// The same day so many months later, or the month's last one.
fn months_after(day: NaiveDate, months: u32) -> NaiveDate {
    let month = day.month0() + months;
    let (year, month) = (day.year() + i32::try_from(month / 12).expect("a few years"), month % 12 + 1);
    let last = |on: u32| NaiveDate::from_ymd_opt(year, month, on);
    (1..=day.day()).rev().find_map(last).expect("a day of the month")
}

#[test]
fn months_end_on_the_same_day_or_the_last() {
    let date = |text: &str| text.parse::<NaiveDate>().expect("a date");
    for (from, months, to) in
        [("2024-11-30", 3, "2025-02-28"), ("2025-01-06", 12, "2026-01-06"), ("2025-01-31", 1, "2025-02-28")]
    {
        assert_eq!(months_after(date(from), months), date(to));
    }
}
