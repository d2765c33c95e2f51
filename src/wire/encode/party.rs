//! Parties and their contact points.

use super::scalar::{date, id, text, time};
use crate::domain::party::{
    ConditionPeriod, ContactPoint, Party, Permission, PersonalWindow, Residence, ZoneCandidate,
};
use crate::proto::v1;
use crate::wire::words::{Word, number};

/// A party of a case.
#[must_use]
pub fn party(party: &Party) -> v1::Party {
    v1::Party {
        person_id: party.person.to_string(),
        role: party.role.number(),
        kind: number(party.kind),
        household_id: text(party.household.as_ref()),
        residences: party.residences.iter().map(residence).collect(),
        time_zones: party.zones.iter().map(zone_candidate).collect(),
        language_code: text(party.language.as_ref()),
        conditions: party.conditions.iter().map(condition_period).collect(),
        windows: party.windows.iter().map(window).collect(),
        permissions: party.permissions.iter().map(permission).collect(),
        contact_points: party.contact_points.iter().map(contact_point).collect(),
        creditor_customer: party.creditor_customer,
    }
}

fn residence(residence: &Residence) -> v1::Residence {
    v1::Residence {
        region_code: residence.country.clone(),
        subdivision_code: text(residence.subdivision.as_ref()),
        locality_code: text(residence.locality.as_ref()),
        postal_prefix: text(residence.postal_prefix.as_ref()),
        start_date: residence.from.map(date),
        confirmed: residence.confirmed,
    }
}

fn zone_candidate(candidate: &ZoneCandidate) -> v1::ZoneCandidate {
    v1::ZoneCandidate { time_zone: candidate.zone.clone(), source: candidate.source.clone() }
}

fn condition_period(period: &ConditionPeriod) -> v1::ConditionPeriod {
    v1::ConditionPeriod {
        condition: period.condition.number(),
        start_time: Some(time(period.from)),
        receive_time: period.received.map(time),
        end_time: period.until.map(time),
        written: period.written,
        reference: text(period.reference.as_ref()),
        direct_contact_consented: period.direct_contact_consented,
    }
}

fn contact_point(point: &ContactPoint) -> v1::ContactPoint {
    v1::ContactPoint {
        contact_point_id: id(Some(&point.id)),
        kind: point.kind.number(),
        value_hash: text(point.value_hash.as_ref()),
        number_type: number(point.number_type),
        workplace: point.workplace,
        shared: point.shared,
        state: number(point.state),
        verify_time: point.verified.map(time),
        permissions: point.permissions.iter().map(permission).collect(),
    }
}

/// A consent or an opt-out.
#[must_use]
pub fn permission(permission: &Permission) -> v1::Permission {
    v1::Permission {
        granted: permission.granted,
        scope: permission.scope.number(),
        channel: number(permission.channel),
        technology: number(permission.technology),
        give_time: Some(time(permission.given)),
        expire_time: permission.expires.map(time),
        revoke_time: permission.revoked.map(time),
        evidence: text(permission.evidence.as_ref()),
        written: permission.written,
    }
}

/// A preferred or inconvenient window.
#[must_use]
pub fn window(window: &PersonalWindow) -> v1::PersonalWindow {
    v1::PersonalWindow {
        preferred: window.preferred,
        weekdays: window.weekdays.iter().copied().map(i32::from).collect(),
        start_minute: i32::from(window.from_minute),
        end_minute: i32::from(window.to_minute),
        place: number(window.place),
        receive_time: Some(time(window.received)),
        end_time: window.until.map(time),
    }
}
