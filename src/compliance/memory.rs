//! What a case remembers for its rules besides contacts: flags, notices, charges, interruptions, timers.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::authority::{PointState, StatedPoint, Told};
use super::brought::Brought;
use super::charged::Charged;
use super::conditions::Ended;
use super::mark::Mark;
use super::owed::Owed;
use super::span::Span;
use crate::domain::activity::Activity;
use crate::domain::detail::{Detail, LegalStepKind, TransferKind};
use crate::domain::ids::{ActivityId, ContactPointId, PersonId};
use crate::domain::party::{Condition, Permission, PersonalWindow};
use crate::domain::time::Timestamp;
use crate::domain::vocabulary::{Channel, Form, PartyRole, Purpose};
use crate::rules::ruleset::ActiveRule;
use crate::rules::step::{Stage, Step};
use crate::rules::words::Set;

/// A condition told by an activity. `person` absent: it concerns everybody of the case.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Flag {
    pub condition: Condition,
    pub person: Option<PersonId>,
    /// The role of that person, where the activity states it.
    pub role: Option<PartyRole>,
    pub from: Timestamp,
    pub received: Timestamp,
    pub effective: Timestamp,
    pub until: Option<Timestamp>,
    /// Of what concerns everybody: for whom alone it has ended, and when.
    pub ended_for: Vec<(PersonId, Timestamp)>,
    pub written: Option<bool>,
    /// It states grounds, for a dispute.
    pub grounded: Option<bool>,
    pub direct: bool,
    /// Of a dispute: the collector itself rejected it, and nothing has ended it since. Where the law asks for verification,
    /// that ends nothing.
    pub rejected: bool,
    /// Of a dispute.
    pub reference: Option<Box<str>>,
    pub id: ActivityId,
}

impl Flag {
    /// When it ends for a person.
    pub fn until(&self, person: Option<&PersonId>) -> Option<Timestamp> {
        [self.until, self.until_for(person)].into_iter().flatten().min()
    }

    /// When it ended for that person alone.
    fn until_for(&self, person: Option<&PersonId>) -> Option<Timestamp> {
        self.ended_for.iter().find(|(one, _)| Some(one) == person).map(|(_, at)| *at)
    }

    /// When it ends for a person where a rejection by the collector ends nothing.
    pub fn until_answered(&self, person: Option<&PersonId>) -> Option<Timestamp> {
        if self.rejected { self.until_for(person) } else { self.until(person) }
    }
}

/// A consent or opt-out told by an activity.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Given {
    pub person: Option<PersonId>,
    pub point: Option<ContactPointId>,
    #[serde(with = "super::packed::as_text")]
    pub permission: Permission,
}

/// What an activity was, as far as a later step may have to follow it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum What {
    Contact { channel: Channel, demand: bool, reminder: bool, notices: Box<[Box<str>]> },
    LegalStep(LegalStepKind),
    Document { name: Box<str>, produced: bool, requested: bool },
    Other(Step),
}

/// A step that happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Past {
    pub at: Timestamp,
    pub received: Option<Timestamp>,
    pub deadline: Option<NaiveDate>,
    pub form: Option<Form>,
    /// Of a dispute's step.
    pub reference: Option<Box<str>>,
    pub what: What,
    pub id: ActivityId,
}

impl Past {
    /// The activity as a later rule may have to look back at it; `None` if no rule can.
    pub fn of(activity: &Activity) -> Option<Self> {
        let mut past = Self {
            at: activity.occurred,
            received: activity.received,
            deadline: None,
            form: None,
            reference: None,
            what: What::Other(Step::Contact),
            id: activity.id.clone(),
        };
        let others = [
            Step::CreditReport,
            Step::Sale,
            Step::Placement,
            Step::Promise,
            Step::Plan,
            Step::SettlementOffer,
            Step::Complaint,
            Step::DataRequest,
            Step::VerificationSent,
            Step::Title,
            Step::Acknowledgement,
            Step::CreditReportNotice,
        ];
        past.what = match &activity.detail {
            Detail::Contact(contact) => {
                let demand =
                    contact.purpose == Some(Purpose::Demand) || contact.notices.iter().any(|one| one == "demand");
                let reminder =
                    contact.purpose == Some(Purpose::Reminder) || contact.notices.iter().any(|one| one == "reminder");
                if !demand && !reminder && contact.notices.is_empty() || contact.came_back() {
                    return None;
                }
                past.received = contact.delivered.or(activity.received);
                past.deadline = contact.deadline;
                past.form = contact.form;
                let notices = contact.notices.iter().map(|one| one.as_str().into()).collect();
                What::Contact { channel: contact.channel, demand, reminder, notices }
            }
            Detail::LegalStep { step } => What::LegalStep(*step),
            Detail::Charge(charge) => What::Other(Step::Charge(Some(charge.step))),
            Detail::Condition { condition, ended: false, .. } => What::Other(Step::Condition(*condition)),
            Detail::Dispute { step, reference, .. } => {
                past.reference = reference.as_deref().map(Into::into);
                What::Other(Stage::of(*step).map_or(Step::Dispute, Step::DisputeStage))
            }
            Detail::Document { document, produced, requested } => {
                What::Document { name: document.as_str().into(), produced: *produced, requested: *requested }
            }
            _ => What::Other(others.into_iter().find(|step| step.matches(activity))?),
        };
        Some(past)
    }

    /// It was no contact on a channel that is not meant.
    pub fn on(&self, channels: Set<Channel>) -> bool {
        !matches!(&self.what, What::Contact { channel, .. } if !channels.admits(*channel))
    }

    /// It was this step.
    pub fn is(&self, step: &Step) -> bool {
        match (&self.what, step) {
            (What::Contact { demand, .. }, Step::Demand) => *demand,
            (What::Contact { reminder, .. }, Step::Reminder) => *reminder,
            (What::Contact { notices, .. }, Step::Notice(kind)) => notices.contains(kind),
            (What::LegalStep(kind), Step::LegalStep(None)) => *kind != LegalStepKind::Threat,
            (What::LegalStep(kind), Step::LegalStep(Some(wanted))) => kind == wanted,
            (What::Other(Step::Charge(_)), Step::Charge(None)) => true,
            (What::Document { requested, .. }, Step::DocumentRequest(None)) => *requested,
            (What::Document { name, requested: true, .. }, Step::DocumentRequest(Some(wanted)))
            | (What::Document { name, requested: false, .. }, Step::Document(wanted))
            | (What::Document { name, produced: true, .. }, Step::DocumentProduced(wanted)) => name == wanted,
            (What::Other(other), step) => other == step,
            _ => false,
        }
    }
}

/// A contact by which the person used a channel towards the collector.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Used {
    pub person: Option<PersonId>,
    pub channel: Channel,
    pub point: Option<ContactPointId>,
    /// The last time.
    pub at: Timestamp,
}

/// A contact by which the collector reached somebody who is no debtor.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Approach {
    pub person: Option<PersonId>,
    pub role: Option<PartyRole>,
    pub at: Timestamp,
    pub id: ActivityId,
}

/// What a timer waits for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Task {
    /// A notice.
    Notice,
    /// A dispute answered.
    Dispute,
    /// Documents produced.
    Produce,
    /// So much money handed over.
    HandOver { left: i64 },
    /// The matter that this activity opened acknowledged.
    Acknowledge { opened: ActivityId },
    /// The person told how it stands.
    Update { opened: ActivityId },
    /// It answered; the longer term that an extension gives.
    Answer { opened: ActivityId, longer: Option<Span> },
    /// A report withdrawn, because it is old or because the debt was paid.
    Withdraw { bureau: Option<String>, paid: bool },
    /// Records erased.
    Erase,
}

impl Task {
    /// What opened the matter that it concerns.
    pub const fn opened(&self) -> Option<&ActivityId> {
        match self {
            Self::Acknowledge { opened } | Self::Update { opened } | Self::Answer { opened, .. } => Some(opened),
            _ => None,
        }
    }
}

/// An act that falls due.
#[derive(Debug, Clone)]
pub(crate) struct Timer {
    pub span: Span,
    /// When what began it happened, which may be before its first day.
    pub began: Timestamp,
    pub rule: Arc<ActiveRule>,
    /// The activity that began the term; absent for the placement of the case.
    pub trigger: Option<ActivityId>,
    pub person: Option<PersonId>,
    pub agent: Option<String>,
    /// Why nothing can be said: the placement's jurisdictions are only possible, or an attribute is missing.
    pub uncertain: Option<Cow<'static, str>>,
    pub task: Task,
}

/// All of it, boxed, because most cases have little.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Memory {
    pub flags: Vec<Flag>,
    /// Conditions that activities ended: so end those that the master data states.
    pub ended: Vec<Ended>,
    pub given: Vec<Given>,
    #[serde(with = "super::packed::as_text")]
    pub windows: Vec<(Option<PersonId>, PersonalWindow)>,
    pub past: Vec<Past>,
    pub charges: Vec<Charged>,
    pub marks: Vec<Mark>,
    /// Packed apart, see [`super::packed`].
    #[serde(skip)]
    pub timers: Vec<Timer>,
    pub used: Vec<Used>,
    pub approached: Vec<Approach>,
    pub verified: Option<Timestamp>,
    pub titled_on: Option<NaiveDate>,
    pub hold: Option<Told>,
    /// What the latest of master data and activities says of the closing.
    pub closed: Option<bool>,
    /// The activity that closed the case.
    pub closed_by: Option<Told>,
    /// The recall or sale, if no placement followed.
    pub given_up: Option<(TransferKind, Told)>,
    /// The last state of contact points that activities told.
    pub points: Vec<PointState>,
    /// Since when versions state that points are wrong or somebody else's, or are so no more.
    pub stated_points: Vec<StatedPoint>,
    /// Since when versions state that the case is closed.
    pub stated_closed: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    /// Interest accrued.
    pub accruals: Vec<(ActivityId, i64)>,
    /// What else was added to what is owed, by its activity, as far as it was not taken back.
    pub raised: Vec<(ActivityId, i64)>,
    /// Reports that stand, with their bureau.
    pub reports: Vec<(ActivityId, Option<String>)>,
    /// Complaints and requests.
    pub matters: Vec<Brought>,
    /// What is owed by component and claim.
    pub owed: Option<Box<Owed>>,
    /// Letters and other demands sent, to tell the first from the second.
    pub demands: u32,
    /// Instants of activities of which only the date is known: they fall on the market's date wherever the person lives.
    pub by_date: Vec<Timestamp>,
}

/// A case that remembers nothing of the kind.
pub(crate) static EMPTY: Memory = Memory {
    flags: Vec::new(),
    ended: Vec::new(),
    given: Vec::new(),
    windows: Vec::new(),
    past: Vec::new(),
    charges: Vec::new(),
    marks: Vec::new(),
    timers: Vec::new(),
    used: Vec::new(),
    approached: Vec::new(),
    verified: None,
    titled_on: None,
    hold: None,
    closed: None,
    closed_by: None,
    given_up: None,
    points: Vec::new(),
    stated_points: Vec::new(),
    stated_closed: None,
    closed_at: None,
    accruals: Vec::new(),
    raised: Vec::new(),
    reports: Vec::new(),
    matters: Vec::new(),
    owed: None,
    demands: 0,
    by_date: Vec::new(),
};

impl Memory {
    /// Charges of which something stands.
    pub fn standing(&self) -> impl Iterator<Item = &Charged> {
        self.charges.iter().filter(|one| !one.gone)
    }

    /// Takes back what was added to what is owed, no more than there is: what that takes off the balance. `None`: it added
    /// nothing.
    pub fn take_back(&mut self, id: &ActivityId, amount: i64) -> Option<i64> {
        if let Some(charge) = self.charges.iter_mut().find(|one| one.id == *id) {
            return Some(charge.take_back(amount));
        }
        let (_, left) = self.accruals.iter_mut().chain(&mut self.raised).find(|(one, _)| one == id)?;
        let taken = amount.clamp(0, (*left).max(0));
        *left = left.saturating_sub(taken);
        Some(taken)
    }
}
