//! What rules answer: the verdict on a contact, and what was seen against what is allowed.

use serde::{Deserialize, Serialize};

use super::vocabulary::vocabulary;

vocabulary!(
    /// What the text of a rule does.
    Effect {
        Prohibits = "prohibits", PresumesBreach = "presumes_breach", Expects = "expects", Informs = "informs",
    }
);
vocabulary!(
    /// Where a rule comes from.
    Source {
        Statute = "statute", Regulation = "regulation", RegulatorGuideline = "regulator_guideline", Code = "code",
        CaseLaw = "case_law", Practice = "practice", Tenant = "tenant",
    }
);
vocabulary!(
    /// Whether the number was read in the text.
    Confidence { Read = "read", Unconfirmed = "unconfirmed" }
);
vocabulary!(
    /// The answer to "may we contact this person now?". Later values win over earlier ones.
    Verdict {
        Allowed = "allowed", AllowedWithDuties = "allowed_with_duties", AdvisedAgainst = "advised_against",
        RepresentativeOnly = "representative_only", Unknown = "unknown", NotPermitted = "not_permitted",
    }
);
vocabulary!(
    /// What one rule says of one subject.
    Answer {
        /// The rule was evaluated and is kept.
        Kept = "kept",
        /// The rule is kept and adds a duty.
        Duty = "duty",
        /// The rule is broken (or would be).
        Broken = "broken",
        /// An input is missing and some value of it would break the rule.
        Unknown = "unknown",
    }
);

vocabulary!(
    /// Unit of an observation and its limit.
    Unit {
        Attempts = "attempts", Contacts = "contacts", Conversations = "conversations",
        /// Minor units of the case's currency.
        MinorUnits = "minor_units",
        /// Minutes since local midnight.
        MinuteOfDay = "minute_of_day",
        Days = "days", Flag = "flag",
        /// Millionths of a yearly rate.
        RatePpm = "rate_ppm",
        /// Minutes between two instants.
        Minutes = "minutes",
    }
);

/// What was seen against what is allowed, as data; the sentence is made from it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Observation {
    /// What was seen: a count, an amount in minor units, a local time as minutes of the day, a number of days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<i64>,
    /// The limit in the same unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    /// Unit of both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// Further words: the zone judged, the flag, the missing input, the notice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Words of a rule that name what has to be held or done; shared by one pointer, so that an answer copies no text and stays
/// small.
pub type Duties = std::sync::Arc<Vec<Box<str>>>;
