//! Every identifier of the project in one registry. Ids are opaque, case-sensitive and made by the client.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Longest id in bytes.
pub const MAX_ID_BYTES: usize = 128;

/// Why a text cannot be an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty.
    #[error("must not be empty: send an id of 1 to {MAX_ID_BYTES} bytes")]
    Empty,
    /// The text is longer than [`MAX_ID_BYTES`].
    #[error("is {0} bytes long, the limit is {MAX_ID_BYTES}: send a shorter id")]
    TooLong(usize),
    /// The text has a control character.
    #[error("has a control character at byte {0}: remove it")]
    Control(usize),
}

/// The short form of an id or a reference, by which one case finds it again.
#[must_use]
pub fn short_form(text: &str) -> u64 {
    let hash = blake3::hash(text.as_bytes());
    let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// Checks the form that every id shares: 1 to 128 bytes, no control characters.
///
/// # Errors
/// An [`IdError`] that says what is wrong and what to send instead.
pub fn check_id(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > MAX_ID_BYTES {
        return Err(IdError::TooLong(text.len()));
    }
    if text.bytes().all(|byte| (b' '..0x7f).contains(&byte)) {
        return Ok(());
    }
    match text.char_indices().find(|(_, c)| c.is_control()) {
        Some((at, _)) => Err(IdError::Control(at)),
        None => Ok(()),
    }
}

/// The text of a record's id. Ids of up to 23 bytes stand where they are used: states of cases hold many, and are copied often.
pub type Inline = smol_str::SmolStr;
/// The text of a name that few records have to themselves.
pub type Shared = Arc<str>;

macro_rules! id_type {
    ($text:ty, $written:meta: $($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(#[$written] $text);

        impl $name {
            /// Makes the id after checking its form.
            ///
            /// # Errors
            /// See [`check_id`].
            pub fn new(text: &str) -> Result<Self, IdError> {
                check_id(text)?;
                Ok(Self(text.into()))
            }

            /// Takes a text that is known to be a valid id: from a stored row, or made by this program.
            #[must_use]
            pub fn trusted(text: &str) -> Self {
                Self(text.into())
            }

            /// The id's text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text, to keep apart from the id.
            #[must_use]
            pub fn text(&self) -> $text {
                self.0.clone()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )+};
}

id_type!(Shared, doc = "Its text.":
    /// A customer of the service. Taken from the credential, never from a request alone.
    TenantId,
    /// A market of a tenant: the lower-case ISO 3166-1 alpha-2 code of its country.
    MarketId,
    /// A rule of a pack: never reused for another rule.
    RuleId,
    /// A jurisdiction: `us`, `us-ny`, `us-ny-nyc`.
    JurisdictionId,
    /// An API key's public part.
    KeyId,
    /// A system of a partner that writes numbered messages, named by the partner.
    SourceId,
    /// A receiver to which the tenant has changes sent, named in its file.
    SinkId,
);

id_type!(Inline, serde(with = "super::id_bytes"):
    /// A debt file worked as one, unique in its market.
    CaseId,
    /// One version of a case's master data, made by the client, unique in its case.
    VersionId,
    /// Anything that happened, unique in its market.
    ActivityId,
    /// One person over all cases and creditors of a tenant.
    PersonId,
    /// One invoice or instalment line of a case.
    ClaimId,
    /// A contact point of a person.
    ContactPointId,
    /// A decision about a finding, made by the client, unique in its market.
    UpdateId,
    /// A permit, made by the client, unique in its market.
    PermitId,
);

/// A finding's identity: a hash of market, rule and subject, so that its life survives re-derivation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FindingId(pub [u8; 16]);

impl FindingId {
    /// The id of what `rule` says about `subject` (an activity and case, or an omission's trigger and due date).
    #[must_use]
    pub fn of(tenant: &TenantId, market: &MarketId, rule: &RuleId, subject: &[&str]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in [tenant.as_str(), market.as_str(), rule.as_str()].iter().chain(subject) {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        let mut id = [0; 16];
        id.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Self(id)
    }

    /// Reads the hexadecimal form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 32 || !text.is_ascii() {
            return None;
        }
        let mut id = [0; 16];
        for (byte, pair) in id.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).ok()?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(Self(id))
    }
}

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for FindingId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FindingId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a finding id"))
    }
}

impl ActivityId {
    /// The id of a contact or charge that is only asked about. It has a control character, so that no record has it.
    #[must_use]
    pub fn planned() -> Self {
        Self::trusted("\u{1}planned")
    }

    /// It is that of something that is only asked about.
    #[must_use]
    pub fn is_planned(&self) -> bool {
        self.as_str().starts_with('\u{1}')
    }
}
