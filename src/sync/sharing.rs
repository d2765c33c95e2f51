//! What a partner may ask for: what the tenant's file shares with its key, and nothing else.

use std::sync::Arc;

use super::{Filter, Session, Who};
use crate::config::Snapshot;
use crate::domain::feed::SyncEntity;
use crate::domain::principal::Role;
use crate::domain::sharing::Sharing;
use crate::domain::sink::Whose;
use crate::ingest::IngestError;

/// What is shared with one who follows; `None` for the tenant's own, who may read everything anyway.
///
/// # Errors
/// A caller is neither a reader nor a partner, or a partner with whom nothing is shared; a sink is none of the tenant's file
/// any more, or its partner is not.
pub(super) fn of(snapshot: &Snapshot, who: &Who) -> Result<Option<Arc<Sharing>>, IngestError> {
    let who = match who {
        Who::Key(who) => who,
        Who::Sink(tenant, sink) => {
            let tenant = snapshot.tenants.get(tenant);
            let known = tenant.and_then(|tenant| tenant.sinks.iter().find(|known| known.id == *sink));
            let partner = match known.map(|sink| &sink.whose) {
                Some(Whose::Own) => return Ok(None),
                Some(Whose::Partner(name)) => name,
                None => return Err(IngestError::NotShared(format!("the tenant's file has no sink \"{sink}\""))),
            };
            let partners = tenant.map(|tenant| Arc::clone(&tenant.partners));
            let found = partners.iter().flat_map(|all| all.iter()).find(|sharing| sharing.partner == *partner);
            let nothing = || IngestError::NotShared(format!("the tenant's file has no partner \"{partner}\""));
            return found.map(|sharing| Some(Arc::new(sharing.clone()))).ok_or_else(nothing);
        }
    };
    if who.has(Role::Reader) {
        return Ok(None);
    }
    if !who.has(Role::Partner) {
        return Err(IngestError::RoleMissing(Role::Partner.as_str()));
    }
    let partners = snapshot.tenants.get(&who.tenant).map(|tenant| Arc::clone(&tenant.partners));
    let found = partners.iter().flat_map(|all| all.iter()).find(|partner| partner.keys.contains(&who.key)).cloned();
    let nothing = || {
        let text = format!("nothing is shared with the key {}: the tenant's file names it in no [[partner]]", who.key);
        IngestError::NotShared(text)
    };
    found.map(|sharing| Some(Arc::new(sharing))).ok_or_else(nothing)
}

fn refuse(what: &str, name: &str) -> IngestError {
    IngestError::NotShared(format!("{what} \"{name}\" is not shared with this partner: leave it out"))
}

impl Session {
    /// A short hash of what is shared; empty for everything.
    pub(super) fn policy(&self) -> String {
        self.sharing.as_ref().map(|sharing| sharing.digest()).unwrap_or_default()
    }

    /// Who follows.
    pub(super) const fn who(&self) -> &Who {
        &self.who
    }

    /// The filter, narrowed to what is shared.
    pub(super) fn narrow(&self, mut filter: Filter) -> Result<Filter, IngestError> {
        let Some(sharing) = &self.sharing else { return Ok(filter) };
        let shared = sharing.entities();
        if let Some(other) = filter.entities.iter().find(|entity| !shared.contains(entity)) {
            return Err(refuse("the entity", other.as_str()));
        }
        if filter.entities.is_empty() {
            filter.entities = shared;
        }
        if filter.entities.is_empty() {
            return Err(IngestError::NotShared("no entity is shared with this partner".to_owned()));
        }
        for (what, wanted, allowed) in [
            ("the client", &mut filter.clients, &sharing.clients),
            ("the portfolio", &mut filter.portfolios, &sharing.portfolios),
        ] {
            if allowed.is_empty() {
                continue;
            }
            if let Some(other) = wanted.iter().find(|name| !allowed.contains(*name)) {
                return Err(refuse(what, other));
            }
            if wanted.is_empty() {
                wanted.extend(allowed.iter().cloned());
            }
        }
        Ok(filter)
    }

    /// Refuses a comparison of what the caller is not told of.
    pub(super) fn may_compare(&self, entity: SyncEntity) -> Result<(), IngestError> {
        let told = self.sharing.as_ref().is_none_or(|sharing| sharing.fields.contains_key(&entity));
        if told { Ok(()) } else { Err(refuse("the entity", entity.as_str())) }
    }
}
