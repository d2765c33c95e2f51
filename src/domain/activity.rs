//! An activity: anything that happens on a case or to a person, with its four times.

use serde::{Deserialize, Serialize};

use super::detail::Detail;
use super::ids::{ActivityId, CaseId, PersonId};
use super::money::Money;
use super::party::{Party, is_false};
use super::time::Timestamp;
use super::vocabulary::{ActorKind, Channel, Direction, Initiator, PartyRole};

/// Who acted for the collector.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Actor {
    /// Human, bot or system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<ActorKind>,
    /// The agent: the KPI dimension `agent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
}

impl Actor {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Ties to checks and permits made before the activity.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Control {
    /// The contact check that preceded it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_id: Option<String>,
    /// The permit it uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permit_id: Option<String>,
    /// Why a presumption was overridden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub override_reason: Option<String>,
    /// What it cost the collector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
}

impl Control {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Anything that happened. Stored once, never edited: a correction is a new record that voids this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// Made by the client, unique in the market.
    pub id: ActivityId,
    /// The cases it concerns; empty only for kinds that concern the whole market.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<CaseId>,
    /// The person it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// The person's role, where the case version does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person_role: Option<PartyRole>,
    /// When it happened in the world.
    pub occurred: Timestamp,
    /// Only the date is known: `occurred` is that date's local midnight.
    #[serde(default, skip_serializing_if = "is_false")]
    pub date_only: bool,
    /// When it reached the collector or creditor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<Timestamp>,
    /// When it takes legal effect, where that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<Timestamp>,
    /// When it ended (a conversation's length).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Orders activities of the same instant as the source did.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub source_seq: i64,
    /// Who began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiated_by: Option<Initiator>,
    /// Made because the debtor asked for it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub at_debtors_request: bool,
    /// Who acted for the collector.
    #[serde(default, skip_serializing_if = "Actor::is_empty")]
    pub actor: Actor,
    /// The activity it belongs to: the call of a promise, the message of an open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ActivityId>,
    /// Check, permit, override, cost.
    #[serde(default, skip_serializing_if = "Control::is_empty")]
    pub control: Control,
    /// What kind of thing it is, with that kind's facts.
    pub detail: Detail,
}

/// The order of facts in a market: (occurred, source sequence, id).
pub type FactOrder<'a> = (Timestamp, i64, &'a ActivityId);

impl Activity {
    /// An activity of which nothing more is known than what it is, which cases it concerns and when it happened.
    #[must_use]
    pub fn bare(id: ActivityId, cases: Vec<CaseId>, occurred: Timestamp, detail: Detail) -> Self {
        Self {
            id,
            cases,
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

    /// The key that orders it among all facts. Recorded time and revision never order facts.
    #[must_use]
    pub fn order(&self) -> FactOrder<'_> {
        (self.occurred, self.source_seq, &self.id)
    }

    /// From when on it binds the collector: received, else occurred.
    #[must_use]
    pub fn known(&self) -> Timestamp {
        self.received.unwrap_or(self.occurred).max(self.occurred)
    }

    /// The role of whom it concerns. `party` is whom it names, as the case states them, or where it names nobody whoever is meant then.
    /// What the case states of somebody named comes first; a stated role is for whom the case does not know, or who is not
    /// named.
    #[must_use]
    pub fn role_of(&self, party: Option<&Party>) -> Option<PartyRole> {
        let known = party.map(|party| party.role);
        if self.person.is_some() { known.or(self.person_role) } else { self.person_role.or(known) }
    }

    /// Inbound if the debtor or a third party began it; outbound otherwise.
    #[must_use]
    pub fn direction(&self) -> Direction {
        match self.initiated_by {
            Some(Initiator::Debtor | Initiator::ThirdParty) => Direction::Inbound,
            Some(Initiator::Collector | Initiator::Creditor) | None => Direction::Outbound,
        }
    }

    /// The channel, if the kind has one.
    #[must_use]
    pub fn channel(&self) -> Option<Channel> {
        self.detail.channel()
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // the form serde asks for
fn is_zero(value: &i64) -> bool {
    *value == 0
}
