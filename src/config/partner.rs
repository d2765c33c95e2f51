//! `[[partner]]` of a tenant's file: what is shared with whom. A field that is not named is not shared, but for the few that
//! come with every record.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Complaints, Section};
use crate::domain::feed::SyncEntity;
use crate::domain::ids::{KeyId, MarketId, check_id};
use crate::domain::market::Market;
use crate::domain::sharing::{Sharing, always_told, fields_of};

/// Reads every partner of a tenant's file.
pub(super) fn read(sections: Vec<Section>, markets: &BTreeMap<MarketId, Market>, out: &mut Complaints) -> Vec<Sharing> {
    let mut partners: Vec<Sharing> = Vec::new();
    for section in sections {
        let at = section.offset();
        let Some(partner) = partner(section, markets, out) else { continue };
        if partners.iter().any(|before| before.partner == partner.partner) {
            out.at(at, format!("partner \"{}\" stands here twice", partner.partner), "write one [[partner]] for it");
        }
        for key in &partner.keys {
            if let Some(before) = partners.iter().find(|before| before.keys.contains(key)) {
                let message = format!("key \"{key}\" belongs to partner \"{}\" already", before.partner);
                out.at(at, message, "name each key for one partner");
            }
        }
        partners.push(partner);
    }
    partners
}

fn partner(mut section: Section, known: &BTreeMap<MarketId, Market>, out: &mut Complaints) -> Option<Sharing> {
    let name = section.required(out, "id", "write id = \"<the partner's name>\"");
    if let Some((name, at)) = name
        && let Err(error) = check_id(name)
    {
        out.at(at, format!("partner.id {error}"), "write a name of 1 to 128 bytes");
    }
    let mut keys = Vec::new();
    for (key, at) in section.texts(out, "keys") {
        match KeyId::new(key) {
            // The key itself would be a secret in a file.
            Ok(_) if key.starts_with("fd_") => {
                let remedy = "write the key's id: the part between its two dots";
                out.at(at, "partner.keys holds a whole API key", remedy);
            }
            Ok(id) => keys.push(id),
            Err(error) => out.at(at, format!("a key's id {error}"), "write the part between the key's dots"),
        }
    }
    let mut markets = BTreeSet::new();
    for (market, at) in section.texts(out, "markets") {
        match MarketId::new(market).ok().filter(|market| known.contains_key(market)) {
            Some(market) => {
                markets.insert(market);
            }
            None => out.at(at, format!("\"{market}\" is no market of this tenant"), "write one of [markets.<country>]"),
        }
    }
    for key in ["keys", "markets"] {
        if !section.was_there(key) {
            section.missing(out, key, "write which ones: what is not named is not shared");
        }
    }
    let clients = section.texts(out, "clients");
    let portfolios = section.texts(out, "portfolios");
    for (key, named) in [("clients", &clients), ("portfolios", &portfolios)] {
        if named.is_empty() && section.was_there(key) {
            out.at(section.offset(), format!("partner.{key} is empty"), "name some, or remove it to share all");
        }
    }
    let names = |named: Vec<(&str, usize)>| named.into_iter().map(|(name, _)| name.to_owned()).collect();
    let (clients, portfolios) = (names(clients), names(portfolios));
    let mut fields = BTreeMap::new();
    let share = section.table(out, "share");
    match share {
        None if !section.was_there("share") => {
            section.missing(out, "share", "write [partner.share] with the fields of each entity that is shared");
        }
        None => {}
        Some(mut share) => {
            for entity in SyncEntity::ALL {
                let named = share.texts(out, entity.as_str());
                if share.was_there(entity.as_str()) {
                    fields.insert(*entity, entity_fields(*entity, named, out));
                }
            }
            share.finish(out);
        }
    }
    section.finish(out);
    Some(Sharing { partner: name?.0.to_owned(), keys, markets, clients, portfolios, fields })
}

fn entity_fields(entity: SyncEntity, named: Vec<(&str, usize)>, out: &mut Complaints) -> BTreeSet<String> {
    let known = fields_of(entity);
    let mut fields = BTreeSet::new();
    for (field, at) in named {
        if known.contains(&field) {
            fields.insert(field.to_owned());
        } else if always_told(entity).contains(&field) {
            let always = always_told(entity).join(", ");
            let text =
                format!("{entity}: \"{field}\" is not to be named: {always} come with every {entity} that is shared");
            out.at(at, text, "leave it out; to share only these, write an empty list");
        } else {
            out.at(
                at,
                format!("{entity} has no field \"{field}\" to share"),
                format!("write some of {}", known.join(", ")),
            );
        }
    }
    fields
}
