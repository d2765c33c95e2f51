//! More counts made from the records of a history alone: addresses, channels, openings, payments that fail, prices recovered.

use std::collections::{BTreeMap, BTreeSet};

use super::generate::{History, case_id};
use super::recount::{Records, Span, attempt};
use fairdue::domain::activity::{Activity, Control};
use fairdue::domain::case::CaseVersion;
use fairdue::domain::detail::{Contact, Detail, PageStep};
use fairdue::domain::ids::ActivityId;
use fairdue::domain::outcome::Outcome;
use fairdue::domain::time::{DAY, SECOND};
use fairdue::domain::vocabulary::{Channel, Direction, MessageEventKind, Ownership};

/// The attribute of a case's segments that is a dimension.
const SEGMENT: &str = "segment";
/// Days for which a message is remembered.
const REMEMBERED: i64 = 90;

/// The contact of an activity that is an outbound message of its first case.
fn message(one: &Activity, lead: bool) -> Option<&Contact> {
    let Detail::Contact(contact) = &one.detail else { return None };
    let message = matches!(contact.channel, Channel::Email | Channel::Letter);
    (lead && message && one.direction() == Direction::Outbound).then_some(contact)
}

/// What says that a message came or did not.
const fn is_report(event: MessageEventKind) -> bool {
    use MessageEventKind as E;
    matches!(event, E::Delivered | E::BouncedHard | E::BouncedSoft | E::Dropped | E::Returned) || shows_it_came(event)
}

/// What nobody does with a message that did not come.
const fn shows_it_came(event: MessageEventKind) -> bool {
    use MessageEventKind as E;
    matches!(event, E::Opened | E::Clicked | E::Complained | E::Unsubscribed)
}

fn pays(one: &Activity, lead: bool) -> bool {
    lead && matches!(&one.detail, Detail::Payment(payment) if payment.amount.minor > 0)
}

/// Gives calls an end, some of them long, and accounts a segment that later versions may change; lets more calls be about both
/// cases of a person, and promises name them; voids some calls.
pub fn lengthened(mut history: History) -> History {
    for (number, version) in history.opening.iter_mut().chain(&mut history.versions).enumerate() {
        if number % 3 != 2 {
            version.steering.segments.insert(SEGMENT.to_owned(), format!("segment-{}", number % 3));
        }
    }
    for (number, one) in history.activities.iter_mut().enumerate() {
        if matches!(&one.detail, Detail::Contact(contact) if contact.channel == Channel::Call) {
            let seconds = i64::try_from(number * number * 61 % 7_001).expect("a few records");
            one.ended = Some(one.occurred.plus(seconds * SECOND));
        }
    }
    let both = [case_id(0), case_id(1)];
    let calls = history.activities.iter_mut().filter(|one| one.ended.is_some());
    for one in calls.step_by(2) {
        if let [only] = one.cases.as_slice() {
            let other = both.iter().position(|case| case == only).map(|at| both[1 - at].clone());
            one.cases.extend(other);
        }
    }
    let shared: Vec<ActivityId> = history
        .activities
        .iter()
        .filter(|one| one.ended.is_some() && one.cases.len() > 1)
        .map(|one| one.id.clone())
        .collect();
    let promises = history.activities.iter_mut().filter(|one| matches!(one.detail, Detail::Promise(_)));
    for (number, one) in
        promises.filter(|one| both.contains(&one.cases[0])).enumerate().filter(|(number, _)| number % 4 < 3)
    {
        one.parent = shared.get(number % shared.len().max(1)).cloned().or(one.parent.take());
    }
    // Every fourth call is a mistake, and some of them are all that an agent did on a day.
    let calls = history.activities.iter().filter(|one| one.ended.is_some()).skip(1).step_by(4);
    let voids: Vec<Activity> = calls.enumerate().map(|(number, call)| void(number, call)).collect();
    history.activities.extend(voids);
    history
}

fn void(number: usize, call: &Activity) -> Activity {
    Activity {
        id: ActivityId::trusted(&format!("mistake-{number}")),
        occurred: call.occurred.plus(DAY),
        ended: None,
        received: None,
        effective: None,
        initiated_by: None,
        at_debtors_request: false,
        parent: None,
        control: Control::default(),
        detail: Detail::Void { target: call.id.clone(), reason: None },
        ..call.clone()
    }
}

impl<'h> Records<'h> {
    /// Messages sent in a span, by the segment that each case had then.
    pub fn messages_by_segment(&self, span: Span) -> BTreeMap<Option<&'h str>, i128> {
        let mut segments = BTreeMap::new();
        for case in Self::cases() {
            let sent = self.of_case(&case).filter(|(one, lead)| message(one, *lead).is_some());
            for (one, _) in sent.filter(|(one, _)| self.inside(one.occurred, span)) {
                let version = self.version(&case, one.occurred);
                *segments
                    .entry(version.and_then(|one| one.steering.segments.get(SEGMENT)).map(String::as_str))
                    .or_default() += 1;
            }
        }
        segments
    }

    /// Calls of a span, and those with a promise: by what they say themselves, or by a promise on one of their cases that names
    /// them, made at most thirty days after or ninety before.
    pub fn calls_promised(&self, span: Span) -> [i128; 2] {
        let mut counts = [0; 2];
        let order = |one: &Activity| (one.occurred, one.source_seq, one.id.clone());
        for call in self.activities.iter().filter(|one| self.inside(one.occurred, span)) {
            let Detail::Contact(contact) = &call.detail else { continue };
            if contact.channel != Channel::Call {
                continue;
            }
            let made = |one: &&Activity| {
                let days = (self.day(one.occurred) - self.day(call.occurred)).num_days();
                let near = if order(one) > order(call) { days <= 30 } else { days >= -REMEMBERED };
                let about = one.cases.first().is_some_and(|case| call.cases.contains(case));
                matches!(one.detail, Detail::Promise(_)) && one.parent.as_ref() == Some(&call.id) && about && near
            };
            let says = contact.outcome == Some(Outcome::RightPartyPromise);
            counts[0] += 1;
            counts[1] += i128::from(says || self.activities.iter().copied().any(|one| made(&one)));
        }
        counts
    }

    /// Seconds of the calls of a span, in order.
    pub fn call_lengths(&self, span: Span) -> Vec<i64> {
        let calls = self.activities.iter().filter(|one| self.inside(one.occurred, span));
        let calls = calls.filter(|one| matches!(&one.detail, Detail::Contact(call) if call.channel == Channel::Call));
        let seconds = |one: &&Activity| Some((one.ended?.0 - one.occurred.0) / SECOND);
        let mut lengths: Vec<i64> = calls.filter_map(seconds).collect();
        lengths.sort_unstable();
        lengths
    }

    /// Accounts attempted by a channel, by team.
    pub fn attempted_by(&self, channel: Channel, span: Span) -> BTreeMap<Option<&'h str>, i128> {
        self.seen(span, |one| attempt(one) == Some(channel))
    }

    /// Events of a message on a case, in their order, that come while it is remembered.
    fn events<'s>(
        &'s self,
        case: &'s fairdue::domain::ids::CaseId,
        message: &'s Activity,
    ) -> impl Iterator<Item = (&'h Activity, MessageEventKind)> + 's {
        self.of_case(case).filter_map(|(one, _)| {
            let Detail::MessageEvent { event, machine, .. } = &one.detail else { return None };
            let opens = matches!(event, MessageEventKind::Opened | MessageEventKind::Clicked);
            let days = (self.day(one.occurred) - self.day(message.occurred)).num_days().abs();
            let counts = one.parent.as_ref() == Some(&message.id) && days <= REMEMBERED && !(*machine && opens);
            counts.then_some((one, *event))
        })
    }

    /// Addresses that messages of a span went to, and those that one of them came to in the end; and of how many of the span's
    /// messages anybody reported what became of them.
    pub fn addresses(&self, span: Span) -> [i128; 3] {
        let (mut sent, mut reached, mut reports) = (BTreeSet::new(), BTreeSet::new(), 0);
        for case in Self::cases() {
            for (one, lead) in self.of_case(&case) {
                let Some(contact) = message(one, lead).filter(|_| self.inside(one.occurred, span)) else { continue };
                reports += i128::from(self.events(&case, one).any(|(_, event)| is_report(event)));
                let Some(point) = contact.contact_point.as_ref() else { continue };
                sent.insert((case.clone(), point.clone()));
                let had = self.events(&case, one).any(|(_, event)| shows_it_came(event));
                let last = self.events(&case, one).last();
                if had || last.is_some_and(|(_, event)| event == MessageEventKind::Delivered) {
                    reached.insert((case.clone(), point.clone()));
                }
            }
        }
        [sent.len() as i128, reached.len() as i128, reports]
    }

    /// Messages of a span that a person opened before the payment that followed them within thirty days and of which something is
    /// left.
    pub fn opened_and_paid(&self, span: Span) -> i128 {
        let mut count = 0;
        for case in Self::cases() {
            for (one, lead) in self.of_case(&case) {
                if message(one, lead).is_none() || !self.inside(one.occurred, span) {
                    continue;
                }
                let mut after = self.of_case(&case).skip_while(|(other, _)| other.id != one.id);
                let stands = |(other, lead): &(&Activity, bool)| pays(other, *lead) && self.stands(&case, other);
                let Some((paid, _)) = after.find(stands) else { continue };
                let opened = self.events(&case, one).find(|(_, event)| *event == MessageEventKind::Opened);
                let before = |opened: &Activity| opened.occurred <= paid.occurred;
                let within = paid.occurred.0 - one.occurred.0 <= 30 * DAY;
                count += i128::from(within && opened.is_some_and(|(opened, _)| before(opened)));
            }
        }
        count
    }

    /// Accounts of which a payment failed a second time in a span, less those on which something was paid within days and is left.
    pub fn failed_again(&self, span: Span, days: i64) -> i128 {
        let mut count = 0;
        for case in Self::cases() {
            // Failures since the last payment, the last one of them first.
            let mut failures: Vec<&Activity> = Vec::new();
            for (one, lead) in self.of_case(&case) {
                if pays(one, lead) {
                    let second = failures.iter().nth_back(1).filter(|second| self.inside(second.occurred, span));
                    count -= i128::from(second.is_some_and(|second| self.paid_after(&case, second, days)));
                    failures.clear();
                } else if lead && matches!(&one.detail, Detail::Page { step: PageStep::PaymentFailed, .. }) {
                    if failures.first().is_some_and(|last| one.occurred.0 - last.occurred.0 > 30 * DAY) {
                        failures.clear();
                    }
                    failures.insert(0, one);
                    count += i128::from(failures.len() == 2 && self.inside(one.occurred, span));
                }
            }
        }
        count
    }

    /// Of claims bought that came in in a span: collected net, price and face value, minor units.
    pub fn bought(&self, span: Span) -> [i128; 3] {
        let mut sums = [0; 3];
        for case in Self::cases() {
            let Some(newest) = self.newest(&case) else { continue };
            let placed = newest.placement.placed.expect("a day of placement");
            if newest.identity.ownership == Some(Ownership::Purchased) && self.inside(placed, span) {
                sums[0] += self.money(&case).iter().map(|one| i128::from(one.minor)).sum::<i128>();
                sums[1] += i128::from(newest.placement.purchase_price.unwrap_or_default());
                sums[2] += i128::from(newest.placement.face_value.unwrap_or_default());
            }
        }
        sums
    }

    /// What payments of a span recovered of the prices of claims bought.
    pub fn amortised(&self, (from, to): Span) -> i128 {
        let mut sum = 0;
        for case in Self::cases() {
            let recovered = |before: chrono::NaiveDate| {
                let of = |one: &&&CaseVersion| one.case == case;
                let first = self.versions.iter().find(of)?;
                let then = self.versions.iter().filter(of).rfind(|one| self.day(one.effective) < before);
                let version = then.unwrap_or(first);
                let bought = version.identity.ownership == Some(Ownership::Purchased);
                let price = version.placement.purchase_price.filter(|_| bought)?;
                let money = self.money(&case);
                let paid = money.iter().filter(|one| self.day(one.at) < before).map(|one| i128::from(one.minor));
                Some(paid.sum::<i128>().clamp(0, i128::from(price)))
            };
            sum += recovered(to).unwrap_or(0) - recovered(from).unwrap_or(0);
        }
        sum
    }
}
