//! Parties of a case and their contact points: the unit of contact.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::ids::{ContactPointId, PersonId};
use super::time::Timestamp;
use super::vocabulary::{
    Channel, ConsentScope, ContactPointKind, ContactPointState, NumberType, PartyKind, PartyRole, Place, Technology,
    vocabulary,
};

vocabulary!(
    /// A condition of a person that rules read as a flag, set from `received` on.
    Condition {
        Disputed = "disputed", Represented = "represented", CeaseRequested = "cease_requested",
        Insolvency = "insolvency", Discharged = "discharged", Moratorium = "moratorium",
        BreathingSpace = "breathing_space", DebtRelief = "debt_relief", Deceased = "deceased", Minor = "minor",
        CapacityDoubt = "capacity_doubt", Vulnerable = "vulnerable", Hardship = "hardship",
        MilitaryService = "military_service", AdviserHold = "adviser_hold", EmployerProhibits = "employer_prohibits",
        ArrangementKept = "arrangement_kept",
        /// The person said not to be the debtor.
        NotDebtor = "not_debtor",
        /// A complaint about the debt is before an ombudsman or a complaints board.
        OmbudsmanCase = "ombudsman_case",
        /// The person said not to pay because the claim is barred by limitation.
        LimitationPleaded = "limitation_pleaded",
    }
);

/// A flag with its dates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionPeriod {
    /// Which condition.
    pub condition: Condition,
    /// When it began in the world.
    pub from: Timestamp,
    /// When the collector or creditor learnt of it: what binds. `None`: at `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<Timestamp>,
    /// When it ended; open if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Stated in writing (12 CFR 1006.6(c), 1006.38 ask for it).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<bool>,
    /// Scheme, representative or reason, as the platform names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// For a representation: the debtor consented to direct contact.
    #[serde(default, skip_serializing_if = "is_false")]
    pub direct_contact_consented: bool,
}

/// Where a person lived from a date on. A jurisdiction can be three levels deep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Residence {
    /// ISO 3166-1 alpha-2, upper case.
    pub country: String,
    /// ISO 3166-2 part behind the hyphen, upper case: `NY`, `BY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdivision: Option<String>,
    /// County or city code as packs name it, lower case: `nyc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locality: Option<String>,
    /// Leading part of the postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_prefix: Option<String>,
    /// First day of this residence; from ever if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// The platform is sure of it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub confirmed: bool,
}

/// A zone the person may be in, and how it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneCandidate {
    /// IANA zone name.
    pub zone: String,
    /// `address`, `area_code`, `statement`, ...
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
}

/// A consent or an opt-out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// True: consent. False: opt-out.
    pub granted: bool,
    /// What it covers.
    pub scope: ConsentScope,
    /// The channel, for scope `channel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// The technology it covers; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub technology: Option<Technology>,
    /// When it was given.
    pub given: Timestamp,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// When it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Timestamp>,
    /// Reference to the proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// Given in writing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<bool>,
}

/// A weekly stretch that the person prefers or finds inconvenient, local to the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonalWindow {
    /// True: contact only here. False: never here.
    pub preferred: bool,
    /// ISO weekdays 1 (Monday) to 7; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<u8>,
    /// First minute of the day, 0 to 1439.
    pub from_minute: u16,
    /// Minute of the day at which it ends, 1 to 1440.
    pub to_minute: u16,
    /// Place it speaks of; everywhere if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// From when on the collector knows.
    pub received: Timestamp,
    /// Until when it holds; open if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// A way to reach a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactPoint {
    /// Its id.
    pub id: ContactPointId,
    /// Its kind.
    pub kind: ContactPointKind,
    /// HMAC of the value with the tenant's key, made by the platform: the value itself is never sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_hash: Option<String>,
    /// Type of number, for phones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_type: Option<NumberType>,
    /// At the workplace.
    #[serde(default, skip_serializing_if = "is_false")]
    pub workplace: bool,
    /// Shared with others.
    #[serde(default, skip_serializing_if = "is_false")]
    pub shared: bool,
    /// Working state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ContactPointState>,
    /// When it was last verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<Timestamp>,
    /// Consents and opt-outs for this point.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<Permission>,
}

/// A person's part in a case, valid with the case version that carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// The person, one over all cases and creditors of the tenant.
    pub person: PersonId,
    /// Role in the case.
    pub role: PartyRole,
    /// Legal kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<PartyKind>,
    /// Household key: rules that count per household read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub household: Option<String>,
    /// Where the person lived, in any order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub residences: Vec<Residence>,
    /// Zones the person may be in. A contact must be lawful in each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<ZoneCandidate>,
    /// Language as BCP 47.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Flags with their dates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<ConditionPeriod>,
    /// Preferred and inconvenient windows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<PersonalWindow>,
    /// Consents and opt-outs over all points.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<Permission>,
    /// Contact points.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contact_points: Vec<ContactPoint>,
    /// Still a customer of the creditor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creditor_customer: Option<bool>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // the form serde asks for
pub(crate) fn is_false(value: &bool) -> bool {
    !*value
}

/// One to three letters or digits, as ISO 3166-2 has them behind the hyphen.
#[must_use]
pub fn is_subdivision(code: &str) -> bool {
    (1..=3).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
