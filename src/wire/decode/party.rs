//! Parties and their contact points.

use super::At;
use crate::domain::ids::{ContactPointId, PersonId};
use crate::domain::party::{
    ConditionPeriod, ContactPoint, Party, Permission, PersonalWindow, Residence, ZoneCandidate,
};
use crate::domain::vocabulary::ConsentScope;
use crate::proto::v1;

const MAX_RESIDENCES: usize = 32;
const MAX_ZONES: usize = 16;
const MAX_CONDITIONS: usize = 128;
const MAX_WINDOWS: usize = 64;
const MAX_PERMISSIONS: usize = 64;
const MAX_CONTACT_POINTS: usize = 64;
const MINUTES_PER_DAY: u16 = 1440;

/// A party of a case.
pub fn party(at: &At<'_>, wire: v1::Party) -> Option<Party> {
    let person = at.field("person_id").id(&wire.person_id, PersonId::new);
    let role = at.field("role").word(wire.role);
    let points_at = at.field("contact_points");
    let contact_points = points_at.list(wire.contact_points, MAX_CONTACT_POINTS, contact_point);
    points_at.no_doubles(contact_points.iter().map(|point| point.id.as_str()));
    let kind = at.field("kind").optional_word(wire.kind);
    let household = at.field("household_id").optional_name(wire.household_id);
    let residences = at.field("residences").list(wire.residences, MAX_RESIDENCES, residence);
    let zones = at.field("time_zones").list(wire.time_zones, MAX_ZONES, zone_candidate);
    let language = at.field("language_code").optional_name(wire.language_code);
    let conditions = at.field("conditions").list(wire.conditions, MAX_CONDITIONS, condition_period);
    let windows = at.field("windows").list(wire.windows, MAX_WINDOWS, window);
    let permissions = at.field("permissions").list(wire.permissions, MAX_PERMISSIONS, permission);
    Some(Party {
        person: person?,
        role: role?,
        kind,
        household,
        residences,
        zones,
        language,
        conditions,
        windows,
        permissions,
        contact_points,
        creditor_customer: wire.creditor_customer,
    })
}

fn residence(at: &At<'_>, wire: v1::Residence) -> Option<Residence> {
    let country = region(&at.field("region_code"), &wire.region_code);
    let subdivision = at.field("subdivision_code").optional_subdivision(wire.subdivision_code);
    let locality = at.field("locality_code").optional_name(wire.locality_code);
    let postal_prefix = at.field("postal_prefix").optional_name(wire.postal_prefix);
    let from = at.field("start_date").optional_date(wire.start_date);
    Some(Residence {
        country: country?,
        subdivision: subdivision.map(|code| code.to_uppercase()),
        locality: locality.map(|code| code.to_lowercase()),
        postal_prefix,
        from,
        confirmed: wire.confirmed,
    })
}

/// A country code in any case, as its upper-case form.
pub fn region(at: &At<'_>, code: &str) -> Option<String> {
    if code.len() == 2 && code.bytes().all(|b| b.is_ascii_alphabetic()) {
        return Some(code.to_ascii_uppercase());
    }
    let shown: String = code.chars().take(8).collect();
    at.refuse(format!("{shown:?} is no country: send an ISO 3166-1 alpha-2 code such as IT"));
    None
}

fn zone_candidate(at: &At<'_>, wire: v1::ZoneCandidate) -> Option<ZoneCandidate> {
    let zone = at.field("time_zone").zone(wire.time_zone);
    let source = at.field("source").optional_text(wire.source).unwrap_or_default();
    Some(ZoneCandidate { zone: zone?, source })
}

fn condition_period(at: &At<'_>, wire: v1::ConditionPeriod) -> Option<ConditionPeriod> {
    let condition = at.field("condition").word(wire.condition);
    let from = at.field("start_time").time(wire.start_time);
    let received = at.field("receive_time").optional_time(wire.receive_time);
    let until = at.field("end_time").optional_time(wire.end_time);
    at.field("end_time").not_before(until, from, "start_time");
    let reference = at.field("reference").optional_text(wire.reference);
    Some(ConditionPeriod {
        condition: condition?,
        from: from?,
        received,
        until,
        written: wire.written,
        reference,
        direct_contact_consented: wire.direct_contact_consented,
    })
}

fn contact_point(at: &At<'_>, wire: v1::ContactPoint) -> Option<ContactPoint> {
    let id = at.field("contact_point_id").id(&wire.contact_point_id, ContactPointId::new);
    let kind = at.field("kind").word(wire.kind);
    let value_hash = at.field("value_hash").optional_keyed_hash(wire.value_hash);
    let number_type = at.field("number_type").optional_word(wire.number_type);
    let state = at.field("state").optional_word(wire.state);
    let verified = at.field("verify_time").optional_time(wire.verify_time);
    let permissions = at.field("permissions").list(wire.permissions, MAX_PERMISSIONS, permission);
    Some(ContactPoint {
        id: id?,
        kind: kind?,
        value_hash,
        number_type,
        workplace: wire.workplace,
        shared: wire.shared,
        state,
        verified,
        permissions,
    })
}

/// A consent or an opt-out.
pub fn permission(at: &At<'_>, wire: v1::Permission) -> Option<Permission> {
    let scope = at.field("scope").word(wire.scope);
    let channel = at.field("channel").optional_word(wire.channel);
    if scope == Some(ConsentScope::Channel) && channel.is_none() {
        at.field("channel").refuse("is required for scope CHANNEL: send the channel");
    }
    let technology = at.field("technology").optional_word(wire.technology);
    let given = at.field("give_time").time(wire.give_time);
    let expires = at.field("expire_time").optional_time(wire.expire_time);
    at.field("expire_time").not_before(expires, given, "give_time");
    let revoked = at.field("revoke_time").optional_time(wire.revoke_time);
    at.field("revoke_time").not_before(revoked, given, "give_time");
    let evidence = at.field("evidence").optional_text(wire.evidence);
    Some(Permission {
        granted: wire.granted,
        scope: scope?,
        channel,
        technology,
        given: given?,
        expires,
        revoked,
        evidence,
        written: wire.written,
    })
}

/// A preferred or inconvenient window.
pub fn window(at: &At<'_>, wire: v1::PersonalWindow) -> Option<PersonalWindow> {
    let weekdays_at = at.field("weekdays");
    let weekdays: Vec<u8> = weekdays_at.list(wire.weekdays, 7, |at, day| at.within(day, 1_u8, 7));
    let distinct: std::collections::BTreeSet<u8> = weekdays.iter().copied().collect();
    if distinct.len() < weekdays.len() {
        weekdays_at.refuse("names a weekday twice: send each once");
    }
    let from_minute = at.field("start_minute").within(wire.start_minute, 0_u16, MINUTES_PER_DAY - 1);
    let to_minute = at.field("end_minute").within(wire.end_minute, 1_u16, MINUTES_PER_DAY);
    if let (Some(from), Some(to)) = (from_minute, to_minute)
        && to <= from
    {
        at.field("end_minute").refuse("is not later than start_minute: send two windows for one over midnight");
    }
    let place = at.field("place").optional_word(wire.place);
    let received = at.field("receive_time").time(wire.receive_time);
    let until = at.field("end_time").optional_time(wire.end_time);
    Some(PersonalWindow {
        preferred: wire.preferred,
        weekdays,
        from_minute: from_minute?,
        to_minute: to_minute?,
        place,
        received: received?,
        until,
    })
}
