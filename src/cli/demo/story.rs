//! The demo's histories: believable cases of one market from their placement to their end, always the same.

use chrono::{Datelike, NaiveDate, NaiveTime, Weekday};

use super::country::{Breach, Country};
use super::rng::Rng;
use crate::domain::activity::{Activity, Actor, Control};
use crate::domain::case::CaseVersion;
use crate::domain::detail::{Charge, Contact, Detail, MatterStep, PageStep, Payment, Promise};
use crate::domain::ids::{ActivityId, PersonId};
use crate::domain::money::{Currency, Money};
use crate::domain::outcome::Outcome;
use crate::domain::time::{SECOND, Timestamp, add_days};
use crate::domain::vocabulary::{
    ActorKind, Beneficiary, Channel, ChargeStep, Form, Initiator, MessageEventKind, Purpose,
};

use super::case::{Opened, open};

/// First day of the demo's history. Fixed and past, so that the same rules are in force whenever it runs.
pub const START: (i32, u32, u32) = (2025, 7, 1);
/// Cases of each market.
pub const CASES: u32 = 60;
/// Last placement, in days after the start.
const PLACEMENT_DAYS: i64 = 100;

/// The history of one market.
pub struct History {
    /// The cases.
    pub cases: Vec<CaseVersion>,
    /// Their activities, and the market's own.
    pub activities: Vec<Activity>,
}

/// The first day of the history.
#[must_use]
pub fn start() -> NaiveDate {
    NaiveDate::from_ymd_opt(START.0, START.1, START.2).unwrap_or_default()
}

/// The history of a market.
#[must_use]
pub fn tell(country: Country) -> History {
    let mut history = History { cases: Vec::new(), activities: Vec::new() };
    let Some(currency) = Currency::parse(country.currency) else { return history };
    let mut rng =
        country.market.bytes().fold(Rng::new(2_025), |rng, byte| Rng::new(rng.clone().next() ^ u64::from(byte)));
    for number in 1..=CASES {
        let placed = add_days(start(), rng.between(0, PLACEMENT_DAYS));
        let opened = open(&country, currency, number, placed, &mut rng);
        let mut teller = Teller::new(country, currency, &opened, &mut rng);
        let breach = country.breaches.iter().find(|(case, _)| *case == number).map(|(_, breach)| *breach);
        teller.life(placed, breach);
        history.activities.append(&mut teller.told);
        history.cases.push(opened.version);
    }
    history.activities.extend(monthly(country, currency, &mut rng));
    history
}

/// Cost and revenue of each month, that profit per account needs.
fn monthly(country: Country, currency: Currency, rng: &mut Rng) -> Vec<Activity> {
    let mut told = Vec::new();
    for month in 7..=12 {
        let Some(last) = NaiveDate::from_ymd_opt(START.0, month, 28) else { continue };
        let at = Timestamp::at_local(last, NaiveTime::MIN, country.zone);
        let scale = i64::from(CASES) * country.principal.0 / 100;
        let cost = Money::new(scale * rng.between(8, 12), currency);
        let revenue = Money::new(scale * rng.between(12, 20), currency);
        let kinds = [
            ("cost", Detail::OperatingCost { amount: cost, category: Some("staff".to_owned()) }),
            ("revenue", Detail::ClientRevenue { amount: revenue, client: None }),
        ];
        for (name, detail) in kinds {
            told.push(plain(&format!("{}-{name}-{month:02}", country.market), at, detail));
        }
    }
    told
}

fn plain(id: &str, occurred: Timestamp, detail: Detail) -> Activity {
    Activity {
        id: ActivityId::trusted(id),
        cases: Vec::new(),
        person: None,
        person_role: None,
        occurred,
        date_only: false,
        received: None,
        effective: None,
        ended: None,
        source_seq: 0,
        initiated_by: None,
        at_debtors_request: false,
        actor: Actor::default(),
        parent: None,
        control: Control::default(),
        detail,
    }
}

/// Tells the life of one case.
pub(super) struct Teller<'t> {
    country: Country,
    currency: Currency,
    case: &'t Opened,
    rng: &'t mut Rng,
    pub(super) told: Vec<Activity>,
}

impl<'t> Teller<'t> {
    fn new(country: Country, currency: Currency, case: &'t Opened, rng: &'t mut Rng) -> Self {
        Self { country, currency, case, rng, told: Vec::new() }
    }

    fn life(&mut self, placed: NaiveDate, breach: Option<Breach>) {
        let letter = self.first_letter(placed, breach);
        self.fees(placed, letter, breach);
        let email = self.email(self.working_day(placed, 6));
        let mut day = self.working_day(placed, 9);
        let mut settled = email && self.self_service(add_days(day, -2));
        for _ in 0..self.rng.between(2, 5) {
            if settled {
                break;
            }
            settled = self.call(day);
            let pause = self.rng.between(8, 14);
            day = self.working_day(day, pause);
        }
        if !settled && self.rng.chance(15) {
            self.inbound(day);
        }
        if !settled && self.rng.chance(30) {
            self.dispute(day);
        }
        if let Some(breach) = breach {
            self.tell_breach(breach, self.working_day(day, 12));
        }
    }

    /// The n-th day from `from`, moved on to a day from Monday to Friday.
    pub(super) fn working_day(&self, from: NaiveDate, days: i64) -> NaiveDate {
        let day = add_days(from, days);
        match day.weekday() {
            Weekday::Sat => add_days(day, 2),
            Weekday::Sun => add_days(day, 1),
            _ => day,
        }
    }

    pub(super) fn at(&self, day: NaiveDate, minute: i64) -> Timestamp {
        Timestamp::at_local(day, NaiveTime::MIN, self.case.zone).plus(minute * 60 * SECOND)
    }

    /// A minute of the day inside the hours that every market allows.
    fn office_minute(&mut self) -> i64 {
        self.rng.between(9 * 60, 18 * 60)
    }

    pub(super) fn tell(&mut self, at: Timestamp, by: Initiator, agent: bool, detail: Detail) -> ActivityId {
        let id = format!("{}-{:02}", self.case.version.case, self.told.len() + 1);
        let mut activity = plain(&id, at, detail);
        activity.cases = vec![self.case.version.case.clone()];
        activity.person = Some(self.person());
        activity.initiated_by = Some(by);
        activity.actor = if agent {
            let steering = &self.case.version.steering;
            Actor { kind: Some(ActorKind::Human), agent: steering.agent.clone(), team: steering.team.clone() }
        } else {
            Actor { kind: Some(ActorKind::System), ..Actor::default() }
        };
        self.told.push(activity);
        ActivityId::trusted(&id)
    }

    /// Names the activity that the last one belongs to.
    fn belongs_to(&mut self, parent: &ActivityId) {
        if let Some(last) = self.told.last_mut() {
            last.parent = Some(parent.clone());
        }
    }

    fn person(&self) -> PersonId {
        self.case.person.clone()
    }

    fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.currency)
    }

    fn first_letter(&mut self, placed: NaiveDate, breach: Option<Breach>) -> ActivityId {
        let contact = Contact {
            outcome: Some(Outcome::Sent),
            purpose: Some(Purpose::Demand),
            notices: if breach == Some(Breach::NoticeForgotten) { Vec::new() } else { self.case.notices.clone() },
            form: Some(Form::Paper),
            template: Some("first-demand".to_owned()),
            language: Some(self.country.language.to_owned()),
            deadline: Some(add_days(placed, 21)),
            ..Contact::on(Channel::Letter)
        };
        let sent = self.at(self.working_day(placed, 1), 10 * 60);
        let letter = self.tell(sent, Initiator::Collector, false, Detail::Contact(Box::new(contact)));
        let event = if self.rng.chance(94) { MessageEventKind::Delivered } else { MessageEventKind::Returned };
        let arrived = sent.plus(3 * 86_400 * SECOND);
        self.tell(
            arrived,
            Initiator::Collector,
            false,
            Detail::MessageEvent { event, channel: Channel::Letter, machine: false },
        );
        self.belongs_to(&letter);
        letter
    }

    fn fees(&mut self, placed: NaiveDate, letter: ActivityId, breach: Option<Breach>) {
        let (amount, step) = match breach {
            Some(Breach::FeeOverCap) => (self.country.fee_over_cap, self.country.fee_step),
            Some(Breach::FeeNotAgreed) => (6_000, ChargeStep::Reminder),
            _ => (self.country.demand_fee, self.country.fee_step),
        };
        if amount > 0 {
            let at = self.at(self.working_day(placed, 1), 10 * 60 + 1);
            let charge = Charge {
                step,
                amount: self.money(amount),
                vat: None,
                basis: Some(self.case.version.principal()),
                authorised_by: None,
                beneficiary: Some(Beneficiary::Creditor),
                asserted_on: Some(at.date(self.country.zone)),
                claim: None,
                notice: Some(letter),
                form: Some(Form::Paper),
            };
            self.tell(at, Initiator::Collector, false, Detail::Charge(charge));
        }
    }

    /// An e-mail with what became of it; true if its link was followed.
    fn email(&mut self, day: NaiveDate) -> bool {
        let contact = Contact {
            outcome: Some(Outcome::Sent),
            purpose: Some(Purpose::Reminder),
            template: Some("pay-online".to_owned()),
            variant: Some(if self.rng.chance(50) { "a" } else { "b" }.to_owned()),
            campaign: Some("online".to_owned()),
            language: Some(self.country.language.to_owned()),
            ..Contact::on(Channel::Email)
        };
        let minute = self.office_minute();
        let at = self.at(day, minute);
        let email = self.tell(at, Initiator::Collector, false, Detail::Contact(Box::new(contact)));
        let mut steps = vec![(MessageEventKind::Delivered, 1)];
        if !self.rng.chance(92) {
            steps = vec![(MessageEventKind::BouncedHard, 1)];
        } else if self.rng.chance(55) {
            steps.push((MessageEventKind::Opened, 90));
            if self.rng.chance(35) {
                steps.push((MessageEventKind::Clicked, 92));
            }
        }
        for (event, minutes) in &steps {
            let detail = Detail::MessageEvent { event: *event, channel: Channel::Email, machine: false };
            self.tell(at.plus(minutes * 60 * SECOND), Initiator::Collector, false, detail);
            self.belongs_to(&email);
        }
        steps.len() == 3
    }

    /// A visit to the payment page, with or without a payment at its end.
    fn self_service(&mut self, day: NaiveDate) -> bool {
        let at = self.at(day, 20 * 60);
        let page = |step| Detail::Page { step, source: Some("email".to_owned()), session: None };
        self.tell(at, Initiator::Debtor, false, page(PageStep::Visit));
        if !self.rng.chance(60) {
            return false;
        }
        self.tell(at.plus(120 * SECOND), Initiator::Debtor, false, page(PageStep::PaymentDone));
        self.pay(at.plus(121 * SECOND), self.open_principal(), None, Some(Channel::Portal), false);
        true
    }

    fn open_principal(&self) -> i64 {
        self.case.version.principal()
    }

    fn pay(&mut self, at: Timestamp, minor: i64, promise: Option<ActivityId>, channel: Option<Channel>, agent: bool) {
        let payment = Payment {
            amount: self.money(minor),
            value_date: None,
            received_by: None,
            method: Some("transfer".to_owned()),
            channel,
            allocation: std::collections::BTreeMap::new(),
            promise,
            claim: None,
            original: None,
            rate_ppm: None,
            direction: None,
        };
        self.tell(at, Initiator::Debtor, agent, Detail::Payment(payment));
    }

    /// A call from the collector; true if nothing more is to be done after it.
    fn call(&mut self, day: NaiveDate) -> bool {
        let outcome = match self.rng.between(1, 100) {
            1..=38 => Outcome::NoAnswer,
            39..=48 => Outcome::VoicemailNoMessage,
            49..=53 => Outcome::Busy,
            54..=58 => Outcome::WrongParty,
            59..=78 => Outcome::RightPartyNoCommitment,
            _ => Outcome::RightPartyPromise,
        };
        let minute = self.office_minute();
        let at = self.at(day, minute);
        let call = self.dial(at, outcome);
        outcome == Outcome::RightPartyPromise && self.promise(at, &call, day, Initiator::Collector)
    }

    pub(super) fn dial(&mut self, at: Timestamp, outcome: Outcome) -> ActivityId {
        let contact = Contact {
            outcome: Some(outcome),
            purpose: Some(Purpose::Demand),
            contact_point: self.case.phone.clone(),
            identity_verified: Some(outcome.flags().right_party),
            ..Contact::on(Channel::Call)
        };
        self.tell(at, Initiator::Collector, true, Detail::Contact(Box::new(contact)))
    }

    /// A promise made on a call, and what became of it; true if it was kept in full.
    fn promise(&mut self, at: Timestamp, call: &ActivityId, day: NaiveDate, by: Initiator) -> bool {
        let amount = self.open_principal();
        let due = add_days(day, self.rng.between(7, 14));
        let detail = Detail::Promise(Promise {
            amount: self.money(amount),
            due,
            supersedes: None,
            channel: Some(Channel::Call),
        });
        let promise = self.tell(at.plus(60 * SECOND), by, true, detail);
        self.belongs_to(call);
        let (days_late, minor) = match self.rng.between(1, 100) {
            1..=55 => (-1, amount),
            56..=67 => (-1, amount / 2),
            68..=78 => (2, amount),
            _ => return false,
        };
        let paid = self.at(add_days(due, days_late), 11 * 60);
        self.pay(paid, minor, Some(promise), None, false);
        minor == amount
    }

    fn inbound(&mut self, day: NaiveDate) {
        let contact = Contact {
            outcome: Some(Outcome::RightPartyPromise),
            purpose: Some(Purpose::Reply),
            identity_verified: Some(true),
            ..Contact::on(Channel::Call)
        };
        let minute = self.office_minute();
        let at = self.at(day, minute);
        let call = self.tell(at, Initiator::Debtor, true, Detail::Contact(Box::new(contact)));
        self.promise(at, &call, day, Initiator::Debtor);
    }

    fn dispute(&mut self, day: NaiveDate) {
        let at = self.at(add_days(day, 1), 12 * 60);
        let step = |step| Detail::Dispute { step, written: Some(true), reference: None, grounded: None };
        self.tell(at, Initiator::Debtor, false, step(MatterStep::Opened));
        let rejected = at.plus(10 * 86_400 * SECOND);
        self.tell(rejected, Initiator::Collector, true, step(MatterStep::ResolvedRejected));
    }
}
