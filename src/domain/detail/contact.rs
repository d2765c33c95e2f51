//! A contact or an attempt at one: channel, outcome, what it carried and how it went.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::domain::ids::ContactPointId;
use crate::domain::money::Currency;
use crate::domain::outcome::{Outcome, OutcomeFlags};
use crate::domain::party::is_false;
use crate::domain::time::Timestamp;
use crate::domain::vocabulary::{Channel, Component, Form, MessageLeft, Place, Purpose, Technology};

/// A contact or an attempt at one, on any channel, in either direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Medium.
    pub channel: Channel,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The platform's own code for it; the tenant's file says which outcome it means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposition: Option<String>,
    /// Flags of the platform's own disposition, where they differ from the outcome's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flags: Option<OutcomeFlags>,
    /// How it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub technology: Option<Technology>,
    /// Campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// Place reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Contact point used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_point: Option<ContactPointId>,
    /// Dropped by a dialler before an agent took it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub abandoned: bool,
    /// What was left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_left: Option<MessageLeft>,
    /// The person's identity was verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_verified: Option<bool>,
    /// The debt became known to a third party.
    #[serde(default, skip_serializing_if = "is_false")]
    pub third_party_disclosure: bool,
    /// It was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<bool>,
    /// The person was told that it is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording_notice: Option<bool>,
    /// Why it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Purpose>,
    /// Notices it carries, as packs name them: `demand`, `validation_notice`, `warning`, ...
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// Form of the notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
    /// Template used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Variant of the template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Language, BCP 47.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Content items it holds, as packs name them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub content_items: Vec<String>,
    /// Amounts it asks for, by component, in minor units of `currency`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub amounts: BTreeMap<Component, i64>,
    /// Currency of those amounts; present whenever there are amounts, and then the case's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Last day to pay that it gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<NaiveDate>,
    /// It interrupts limitation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interrupts_limitation: Option<bool>,
    /// When it was delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<Timestamp>,
    /// Kind of receipt held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// When it came back undelivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<Timestamp>,
    /// What is attested of it beside its content, as packs name it. What is not stated is not so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attestations: Vec<String>,
}

impl Contact {
    /// A contact on a channel, with nothing else known.
    #[must_use]
    pub fn on(channel: Channel) -> Self {
        Self {
            channel,
            outcome: None,
            disposition: None,
            flags: None,
            technology: None,
            campaign: None,
            place: None,
            contact_point: None,
            abandoned: false,
            message_left: None,
            identity_verified: None,
            third_party_disclosure: false,
            recorded: None,
            recording_notice: None,
            purpose: None,
            notices: Vec::new(),
            form: None,
            template: None,
            variant: None,
            language: None,
            content_items: Vec::new(),
            amounts: BTreeMap::new(),
            currency: None,
            deadline: None,
            interrupts_limitation: None,
            delivered: None,
            receipt: None,
            returned: None,
            attestations: Vec::new(),
        }
    }

    /// It came back, and told nobody anything.
    #[must_use]
    pub fn came_back(&self) -> bool {
        self.returned.is_some() || self.outcome == Some(Outcome::ReturnedUndeliverable)
    }

    /// The flags in force: the platform's own, else the outcome's, else those of a mere attempt.
    #[must_use]
    pub fn outcome_flags(&self) -> OutcomeFlags {
        self.flags
            .or_else(|| self.outcome.map(Outcome::flags))
            .unwrap_or(OutcomeFlags { attempt: true, ..OutcomeFlags::default() })
    }
}
