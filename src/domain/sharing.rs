//! What a tenant shares of its markets with a partner: entities, their fields, and only of these creditors or portfolios.
//! What is not named is not shared.

use std::collections::BTreeSet;

use serde::Serialize;

use super::feed::SyncEntity;
use super::ids::{KeyId, MarketId};

/// Fields of a case that can be shared, named as the API names them.
pub const CASE_FIELDS: &[&str] = &[
    "effect_time",
    "currency_code",
    "identity",
    "legal_class",
    "dates",
    "terms",
    "placement",
    "steering",
    "claims",
    "parties",
    "history_complete_time",
    "prior_notices",
    "prior_charges",
    "closed",
    "attributes",
];
/// Fields of an activity that can be shared.
pub const ACTIVITY_FIELDS: &[&str] = &[
    "case_ids",
    "person_id",
    "person_role",
    "occur_time",
    "date_only",
    "receive_time",
    "effect_time",
    "end_time",
    "source_sequence",
    "initiator",
    "at_debtors_request",
    "actor",
    "parent_activity_id",
    "control",
    "detail",
];
/// Fields of a finding that can be shared.
pub const FINDING_FIELDS: &[&str] = &[
    "rule_id",
    "jurisdiction_id",
    "pack_version",
    "pack_digest",
    "severity",
    "effect",
    "case_id",
    "person_id",
    "activity_id",
    "agent_id",
    "client_id",
    "breach_time",
    "omission",
    "known_at_time",
    "observation",
    "evidence_activity_ids",
    "open_time",
    "decision",
];

/// Fields of an entity that are told with each of its records, whatever is shared: a copy cannot be kept without them. A finding that
/// does not tell its status could not be closed in one.
#[must_use]
pub const fn always_told(entity: SyncEntity) -> &'static [&'static str] {
    match entity {
        SyncEntity::Case => &["case_id", "version_id", "revision"],
        SyncEntity::Activity | SyncEntity::Void => &["activity_id", "record_time", "revision"],
        SyncEntity::Finding => &["finding_id", "status", "change_reason", "change_time", "revision"],
    }
}

/// The fields of an entity that can be shared.
#[must_use]
pub const fn fields_of(entity: SyncEntity) -> &'static [&'static str] {
    match entity {
        SyncEntity::Case => CASE_FIELDS,
        SyncEntity::Activity | SyncEntity::Void => ACTIVITY_FIELDS,
        SyncEntity::Finding => FINDING_FIELDS,
    }
}

/// What one partner gets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Sharing {
    /// The partner's name, as the tenant calls it.
    pub partner: String,
    /// Ids of the keys that it uses.
    pub keys: Vec<KeyId>,
    /// The markets that are shared.
    pub markets: BTreeSet<MarketId>,
    /// Only cases of these creditors; all if empty.
    pub clients: BTreeSet<String>,
    /// Only cases that are or were in these portfolios; all if empty.
    pub portfolios: BTreeSet<String>,
    /// The fields of each entity; one that is absent is not shared at all.
    pub fields: std::collections::BTreeMap<SyncEntity, BTreeSet<String>>,
}

impl Sharing {
    /// Whether only some cases are shared.
    #[must_use]
    pub fn chooses_cases(&self) -> bool {
        !self.clients.is_empty() || !self.portfolios.is_empty()
    }

    /// The entities that are shared.
    #[must_use]
    pub fn entities(&self) -> Vec<SyncEntity> {
        self.fields.keys().copied().collect()
    }

    /// Whether a field of an entity is shared.
    #[must_use]
    pub fn shares(&self, entity: SyncEntity, field: &str) -> bool {
        self.fields.get(&entity).is_some_and(|fields| fields.contains(field))
    }

    /// A short hash of what is shared, and how it is told: a copy that was made under another one is not the same copy.
    #[must_use]
    pub fn digest(&self) -> String {
        // Names of keys do not matter: those may be replaced.
        let parts = (&self.markets, &self.clients, &self.portfolios, &self.fields);
        // Plain texts: their JSON cannot fail.
        let mut body = serde_json::to_vec(&parts).unwrap_or_default();
        // Copies and tallies of before the digest told which of a record's cases are shared have to begin anew.
        let names_some = |entity: &SyncEntity| self.shares(*entity, "case_ids");
        if self.chooses_cases() && [SyncEntity::Activity, SyncEntity::Void].iter().any(names_some) {
            body.extend_from_slice(b" digests name cases");
        }
        blake3::hash(&body).to_hex()[..16].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_is_not_shared() {
        let mut sharing = Sharing::default();
        assert!(!sharing.shares(SyncEntity::Case, "parties") && sharing.entities().is_empty());
        sharing.fields.insert(SyncEntity::Case, ["steering".to_owned()].into());
        assert!(sharing.shares(SyncEntity::Case, "steering"));
        assert!(!sharing.shares(SyncEntity::Case, "parties") && !sharing.shares(SyncEntity::Void, "steering"));
        let mut other = sharing.clone();
        other.keys.push(KeyId::trusted("k"));
        assert_eq!(other.digest(), sharing.digest(), "a key may be replaced");
        other.clients.insert("c".to_owned());
        assert_ne!(other.digest(), sharing.digest());
    }
}
