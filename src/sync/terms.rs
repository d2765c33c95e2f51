//! Under which words of its configuration a sink is told, besides what is shared with its partner. The copy over there was made under
//! them: where they change so that it would lack something, or is another one, somebody has to decide before the sink goes on.

use serde::{Deserialize, Serialize};

use crate::domain::feed::SyncEntity;
use crate::domain::sharing::Sharing;
use crate::domain::sink::{Endpoint, Receiver, Sink, Whose};

/// What a sink's part of the tenant's file says of its copy. It is kept with the sink's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkTerms {
    /// The entities that it asks for; all that are shared if empty.
    entities: Vec<SyncEntity>,
    /// The partner's name; none of one's own.
    partner: Option<String>,
    /// A short hash of where the receiver is: paths may hold what identifies it.
    receiver: String,
}

impl SinkTerms {
    /// Those of a sink.
    #[must_use]
    pub fn of(sink: &Sink) -> Self {
        let partner = match &sink.whose {
            Whose::Own => None,
            Whose::Partner(name) => Some(name.clone()),
        };
        let (kind, Endpoint { secure, host, port, path }, subject) = match &sink.receiver {
            Receiver::Webhook { endpoint, .. } => ("webhook", endpoint, ""),
            Receiver::Nats { endpoint, subject, .. } => ("nats", endpoint, subject.as_str()),
        };
        let mut hasher = blake3::Hasher::new();
        for part in [kind, if *secure { "tls" } else { "plain" }, host, &port.to_string(), path, subject] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Self { entities: sink.entities.clone(), partner, receiver: hasher.finalize().to_hex()[..16].to_owned() }
    }

    /// Why what was told under the terms before is no beginning of what is told under these; `None` where it is. The same must be
    /// shared. Fewer entities leave a copy of them as it is.
    pub(super) fn needs_another_copy(&self, before: &Self, sharing: Option<&Sharing>) -> Option<&'static str> {
        if self.partner != before.partner {
            return Some("the sink is for another partner");
        }
        if self.receiver != before.receiver {
            return Some("the sink has another receiver");
        }
        let shared = sharing.map_or_else(|| SyncEntity::ALL.to_vec(), Sharing::entities);
        let told = |entity: &SyncEntity| before.entities.is_empty() || before.entities.contains(entity);
        let asked = if self.entities.is_empty() { &shared } else { &self.entities };
        (!asked.iter().all(told)).then_some("the sink has asked for more entities")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::SinkId;
    use crate::domain::sink::{Scheme, Start};

    fn terms(entities: &[SyncEntity], partner: Option<&str>, url: &str) -> SinkTerms {
        SinkTerms::of(&Sink {
            id: SinkId::trusted("hub"),
            whose: partner.map_or(Whose::Own, |name| Whose::Partner(name.to_owned())),
            markets: std::collections::BTreeSet::new(),
            entities: entities.to_vec(),
            start: Start::Beginning,
            in_flight: 1,
            receiver: Receiver::Webhook { endpoint: Endpoint::parse(url, Scheme::Http).unwrap(), secrets: Vec::new() },
        })
    }

    #[test]
    fn more_entities_another_partner_and_another_receiver_need_another_copy() {
        use SyncEntity::{Activity, Case};
        let url = "https://hooks.example.org/changes";
        let own = |entities: &[SyncEntity]| terms(entities, None, url);
        for (before, now, same) in [
            (own(&[Case]), own(&[Case]), true),
            (own(&[Case]), own(&[Case, Activity]), false),
            (own(&[Case]), own(&[]), false),
            (own(&[Case, Activity]), own(&[Activity]), true),
            (own(&[]), own(&[Case]), true),
            (own(SyncEntity::ALL), own(&[]), true),
            (own(&[]), terms(&[], None, "https://hooks.example.org:443/changes"), true),
            (own(&[]), terms(&[], None, "https://hooks.example.org/other"), false),
            (own(&[]), terms(&[], None, "https://other.example.org/changes"), false),
            (terms(&[], Some("a"), url), terms(&[], Some("a"), url), true),
            (terms(&[], Some("a"), url), terms(&[], Some("b"), url), false),
        ] {
            assert_eq!(now.needs_another_copy(&before, None).is_none(), same, "{before:?} {now:?}");
        }
        // Of a partner all is what is shared.
        let mut sharing = Sharing::default();
        sharing.fields.insert(Case, ["steering".to_owned()].into());
        assert_eq!(own(&[]).needs_another_copy(&own(&[Case]), Some(&sharing)), None);
    }
    #[test]
    fn a_place_that_was_kept_before_there_were_terms_goes_on() {
        let cursor = crate::sync::Cursor { terms: Some(terms(&[], None, "https://h.example").into()), ..place() };
        let kept = serde_json::to_string(&place()).unwrap();
        assert!(!kept.contains("terms"), "{kept}");
        for cursor in [cursor, place()] {
            let kept = serde_json::to_string(&cursor).unwrap();
            assert_eq!(serde_json::from_str::<crate::sync::Cursor>(&kept).unwrap(), cursor);
        }
    }

    fn place() -> crate::sync::Cursor {
        let place = crate::domain::feed::Place { through: 7, last: None };
        crate::sync::Cursor { place, epoch: 1, policy: "p".to_owned(), terms: None }
    }
}
