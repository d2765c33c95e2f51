//! `[[sink]]` of a tenant's file: to whom changes are sent.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Complaints, Section};
use crate::domain::feed::SyncEntity;
use crate::domain::ids::{MarketId, SinkId};
use crate::domain::market::Market;
use crate::domain::sharing::Sharing;
use crate::domain::sink::{Endpoint, NatsLogin, Receiver, Scheme, SecretPlace, Sink, Start, Whose};

/// Most secrets of a webhook: the one in use, and those that it goes over from and to.
const MAX_SECRETS: usize = 4;
/// Most events under way at once: each has a connection of its own.
const MAX_IN_FLIGHT: i64 = 64;
/// Longest subject.
const MAX_SUBJECT: usize = 128;
/// How a secret is named.
const SECRET: &str = "write \"env:NAME\" or \"file:PATH\": a secret is never written into this file";

/// Reads every sink of a tenant's file.
pub(super) fn read(
    sections: Vec<Section>,
    markets: &BTreeMap<MarketId, Market>,
    partners: &[Sharing],
    out: &mut Complaints,
) -> Vec<Sink> {
    let mut sinks: Vec<Sink> = Vec::new();
    for section in sections {
        let at = section.offset();
        let Some(sink) = sink(section, markets, partners, out) else { continue };
        if sinks.iter().any(|before| before.id == sink.id) {
            out.at(at, format!("sink \"{}\" stands here twice", sink.id), "give each [[sink]] an id of its own");
        }
        sinks.push(sink);
    }
    sinks
}

fn sink(
    mut section: Section,
    known: &BTreeMap<MarketId, Market>,
    partners: &[Sharing],
    out: &mut Complaints,
) -> Option<Sink> {
    let offset = section.offset();
    let id = section.required(out, "id", "write id = \"<a name for the receiver>\"").and_then(|(id, at)| {
        SinkId::new(id).map_err(|error| out.at(at, format!("sink.id {error}"), "write a name of 1 to 128 bytes")).ok()
    });
    let partner = section.text(out, "partner");
    let own = section.boolean(out, "own");
    let sharing = partner.and_then(|(name, _)| partners.iter().find(|sharing| sharing.partner == name));
    let whose = match (partner, own) {
        (Some((name, at)), None | Some(false)) => {
            if sharing.is_none() {
                let message = format!("\"{}\" is no partner of this file", name.escape_debug());
                out.at(at, message, "name a [[partner]], whose policy then holds for the sink");
            }
            Some(Whose::Partner(name.to_owned()))
        }
        (None, Some(true)) => Some(Whose::Own),
        _ => {
            // Neither is a default: what a receiver may see is decided by somebody.
            let remedy = "write partner = \"...\" for what is shared with that partner, or own = true for everything";
            out.at(offset, "a sink is for one partner or for the tenant's own systems", remedy);
            None
        }
    };
    let markets = markets(&mut section, known, sharing, out);
    let entities = entities(&mut section, sharing, out);
    let start = match section.text(out, "start") {
        None | Some(("beginning", _)) => Start::Beginning,
        Some(("now", _)) => Start::Now,
        Some((other, at)) => {
            let message = format!("sink.start is \"{}\"", other.escape_debug());
            out.at(at, message, "write start = \"beginning\" or \"now\"");
            Start::Now
        }
    };
    let in_flight = section.integer(out, "in_flight", 1..MAX_IN_FLIGHT + 1).unwrap_or(1);
    let webhook = section.table(out, "webhook").map(|table| webhook(table, out));
    let nats = section.table(out, "nats").map(|table| nats(table, out));
    let receiver = match (webhook, nats) {
        (Some(receiver), None) | (None, Some(receiver)) => receiver,
        _ => {
            let remedy = "write one [sink.webhook] or one [sink.nats] below it";
            out.at(offset, "a sink has one receiver", remedy);
            None
        }
    };
    section.finish(out);
    let in_flight = u16::try_from(in_flight).unwrap_or(1);
    Some(Sink { id: id?, whose: whose?, markets, entities, start, in_flight, receiver: receiver? })
}

fn markets(
    section: &mut Section,
    known: &BTreeMap<MarketId, Market>,
    sharing: Option<&Sharing>,
    out: &mut Complaints,
) -> BTreeSet<MarketId> {
    let mut markets = BTreeSet::new();
    for (name, at) in section.texts(out, "markets") {
        match MarketId::new(name).ok().filter(|market| known.contains_key(market)) {
            None => out.at(at, format!("\"{name}\" is no market of this tenant"), "write one of [markets.<country>]"),
            Some(market) if sharing.is_some_and(|sharing| !sharing.markets.contains(&market)) => {
                let message = format!("the market {market} is not shared with the sink's partner");
                out.at(at, message, "leave it out, or add it to the [[partner]]");
            }
            Some(market) => {
                markets.insert(market);
            }
        }
    }
    if !section.was_there("markets") {
        section.missing(out, "markets", "write which ones: what is not named is not sent");
    }
    markets
}

fn entities(section: &mut Section, sharing: Option<&Sharing>, out: &mut Complaints) -> Vec<SyncEntity> {
    let mut entities = Vec::new();
    for (name, at) in section.texts(out, "entities") {
        match SyncEntity::parse(name) {
            None => {
                let names: Vec<&str> = SyncEntity::ALL.iter().map(|entity| entity.as_str()).collect();
                out.at(
                    at,
                    format!("\"{}\" is no entity", name.escape_debug()),
                    format!("write some of {}", names.join(", ")),
                );
            }
            Some(entity) if sharing.is_some_and(|sharing| !sharing.fields.contains_key(&entity)) => {
                let message = format!("the entity \"{entity}\" is not shared with the sink's partner");
                out.at(at, message, "leave it out, or add it to the partner's [partner.share]");
            }
            Some(entity) => entities.push(entity),
        }
    }
    if entities.is_empty() && section.was_there("entities") {
        out.at(section.offset(), "sink.entities is empty", "name some, or remove it to send all that are shared");
    }
    entities
}

fn endpoint(section: &mut Section, scheme: Scheme, remedy: &str, out: &mut Complaints) -> Option<Endpoint> {
    let (text, at) = section.required(out, "url", remedy)?;
    // The address may hold what identifies the receiver, so it is not repeated.
    Endpoint::parse(text, scheme).map_err(|wrong| out.at(at, format!("the url {wrong}"), remedy)).ok()
}

fn secret(found: Option<(&str, usize)>, out: &mut Complaints) -> Option<SecretPlace> {
    let (text, at) = found?;
    let place = SecretPlace::parse(text);
    if place.is_none() {
        out.at(at, "this names no place of a secret", SECRET);
    }
    place
}

fn webhook(mut section: Section, out: &mut Complaints) -> Option<Receiver> {
    let endpoint = endpoint(&mut section, Scheme::Http, "write url = \"https://HOST/PATH\"", out);
    let named = section.texts(out, "secrets");
    let count = named.len();
    let secrets: Vec<_> = named.into_iter().filter_map(|found| secret(Some(found), out)).collect();
    if !section.was_there("secrets") {
        section.missing(out, "secrets", SECRET);
    } else if !(1..=MAX_SECRETS).contains(&count) {
        let message = format!("{count} secrets are named, there must be 1 to {MAX_SECRETS}");
        out.at(section.offset(), message, "name the one in use, and during a change the next one too");
    }
    section.finish(out);
    Some(Receiver::Webhook { endpoint: endpoint?, secrets })
}

fn nats(mut section: Section, out: &mut Complaints) -> Option<Receiver> {
    let endpoint = endpoint(&mut section, Scheme::Nats, "write url = \"tls://HOST:PORT\"", out);
    let subject = section.required(out, "subject", "write subject = \"fairdue.changes\"");
    if let Some((text, at)) = subject {
        let word = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        if text.len() > MAX_SUBJECT || !text.split('.').all(word) {
            let message = format!("subject is \"{}\"", text.escape_debug());
            let remedy =
                format!("write words of letters, digits, - and _ with dots between them, at most {MAX_SUBJECT} bytes");
            out.at(at, message, remedy);
        }
    }
    let user = section.text(out, "user");
    let password = section.text(out, "password");
    let token = section.text(out, "token");
    let login = match (user, password, token) {
        (None, None, None) => Some(NatsLogin::Nothing),
        (None, None, token) => secret(token, out).map(NatsLogin::Token),
        (Some((user, _)), password @ Some(_), None) => {
            secret(password, out).map(|password| NatsLogin::Password(user.to_owned(), password))
        }
        _ => {
            let remedy = "write token, or user and password, or none of them";
            out.at(section.offset(), "a NATS server is shown a token, or a user with a password", remedy);
            None
        }
    };
    section.finish(out);
    Some(Receiver::Nats { endpoint: endpoint?, subject: subject?.0.to_owned(), login: login? })
}

#[cfg(test)]
mod tests {
    use super::super::tenant;
    use crate::domain::diagnostic::SourceFile;

    const HEAD: &str = "tenant = \"t\"\n[markets.it]\nzone = \"Europe/Rome\"\ncurrency = \"EUR\"\npromise_grace_days = 3\n\
        [markets.se]\nzone = \"Europe/Stockholm\"\ncurrency = \"SEK\"\npromise_grace_days = 3\n\
        [[partner]]\nid = \"p\"\nkeys = []\nmarkets = [\"it\"]\nshare = { case = [\"terms\"] }\n";
    const GOOD: &str = "[[sink]]\nid = \"hub\"\npartner = \"p\"\nmarkets = [\"it\"]\nentities = [\"case\"]\n\
        webhook = { url = \"https://h.example/x\", secrets = [\"env:S\"] }\n";

    fn complaints(sinks: &str) -> Vec<String> {
        let file = SourceFile { path: "tenants/t.toml".to_owned(), text: format!("{HEAD}{sinks}") };
        let mut found = Vec::new();
        let read = tenant::read(&file, &mut found);
        assert_eq!(read.is_some(), found.is_empty());
        found.into_iter().map(|one| format!("{}; {}", one.message, one.remedy)).collect()
    }

    #[test]
    fn whatever_is_wrong_with_a_sink_is_told() {
        assert_eq!(complaints(GOOD), Vec::<String>::new());
        for (from, to, message) in [
            ("id = \"hub\"\n", "", "id is missing"),
            ("partner = \"p\"\n", "", "for one partner or for the tenant's own systems"),
            ("partner = \"p\"\n", "partner = \"p\"\nown = true\n", "for one partner or for the tenant's own systems"),
            ("partner = \"p\"\n", "own = false\n", "for one partner or for the tenant's own systems"),
            ("\"p\"", "\"q\"", "\"q\" is no partner of this file"),
            ("markets = [\"it\"]", "markets = [\"se\"]", "se is not shared with the sink's partner"),
            ("markets = [\"it\"]", "markets = [\"xx\"]", "\"xx\" is no market"),
            ("markets = [\"it\"]\n", "", "markets is missing"),
            ("[\"case\"]", "[\"finding\"]", "\"finding\" is not shared"),
            ("[\"case\"]", "[\"cases\"]", "\"cases\" is no entity; write some of case, activity"),
            ("[\"case\"]", "[]", "sink.entities is empty"),
            ("https://h.example/x", "ftp://h.example", "the url does not begin with https:// or http://"),
            ("https://h.example/x", "https://u:p@h.example", "holds a name or password"),
            ("env:S", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "names no place of a secret; write \"env:NAME\""),
            ("[\"env:S\"]", "[]", "0 secrets are named, there must be 1 to 4"),
            (", secrets = [\"env:S\"]", "", "secrets is missing"),
            ("webhook = {", "nats = { url = \"tls://n\", subject = \"a\" }\nwebhook = {", "a sink has one receiver"),
            ("webhook = { url = \"https://h.example/x\", secrets = [\"env:S\"] }", "", "a sink has one receiver"),
            ("entities", "entitys", "not a key that is known here; write entities"),
            ("entities = [\"case\"]", "start = \"end\"", "sink.start is \"end\""),
            ("entities = [\"case\"]", "in_flight = 0", "in_flight"),
            ("entities = [\"case\"]", "in_flight = 65", "in_flight"),
        ] {
            let text = GOOD.replacen(from, to, 1);
            assert_ne!(text, GOOD, "{from}");
            let told = complaints(&text);
            assert!(told.iter().any(|one| one.contains(message)), "{from} -> {to}: {told:#?}");
            assert!(told.iter().all(|one| !one.contains("MfKQ9r8G") && !one.contains("u:p")), "a secret: {told:#?}");
        }
        assert!(complaints(&GOOD.repeat(2)).iter().any(|one| one.contains("stands here twice")));
        let nats = |rest: &str| {
            format!("[[sink]]\nid = \"n\"\nown = true\nmarkets = [\"it\"]\nnats = {{ url = \"tls://n\", {rest} }}\n")
        };
        assert_eq!(complaints(&nats("subject = \"a.b-c\"")), Vec::<String>::new());
        for (rest, message) in [
            ("subject = \"a.>\"", "subject is"),
            ("subject = \"a..b\"", "subject is"),
            ("subject = \"a b\"", "subject is"),
            ("token = \"env:T\"", "subject is missing"),
            ("subject = \"a\", user = \"u\"", "a token, or a user with a password"),
            ("subject = \"a\", user = \"u\", password = \"env:P\", token = \"env:T\"", "a token, or a user"),
            ("subject = \"a\", token = \"secret\"", "names no place of a secret"),
        ] {
            let told = complaints(&nats(rest));
            assert!(told.iter().any(|one| one.contains(message)), "{rest}: {told:#?}");
        }
    }
}
