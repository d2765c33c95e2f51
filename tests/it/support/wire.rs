//! Requests with as little in them as is valid.

use std::sync::OnceLock;

use fairdue::domain::case::Claim;
use fairdue::domain::ids::{ClaimId, PersonId};
use fairdue::domain::party::{Party, Residence, ZoneCandidate};
use fairdue::domain::time::{DAY, Timestamp};
use fairdue::domain::vocabulary::PartyRole;
use fairdue::proto::google::r#type::{Date, Money};
use fairdue::proto::{DESCRIPTOR_SET, v1};
use fairdue::wire::encode;
use prost::Message;
use prost_reflect::DescriptorPool;
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

use super::builders::version;

/// Everything that the API consists of. Decoding it takes a while, and some tests ask for every message.
pub fn api_pool() -> &'static DescriptorPool {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    POOL.get_or_init(|| DescriptorPool::decode(DESCRIPTOR_SET).expect("a description"))
}

/// A working day in Rome, at noon, and days after it.
pub fn at(day: i64) -> Timestamp {
    Timestamp(1_710_763_200_000_000).plus(day * DAY)
}

/// The same on the wire.
pub fn stamp(day: i64) -> Option<prost_types::Timestamp> {
    Some(encode::scalar::time(at(day)))
}

/// An amount in whole euros.
pub fn euros(units: i64) -> Option<Money> {
    Some(Money { currency_code: "EUR".to_owned(), units, nanos: 0 })
}

/// The debtor of a case, who lives in Italy.
pub fn debtor(case: &str) -> Party {
    Party {
        person: PersonId::trusted(&format!("person of {case}")),
        role: PartyRole::Primary,
        kind: None,
        household: None,
        residences: vec![Residence {
            country: "IT".to_owned(),
            subdivision: None,
            locality: None,
            postal_prefix: None,
            from: None,
            confirmed: true,
        }],
        zones: vec![ZoneCandidate { zone: "Europe/Rome".to_owned(), source: "address".to_owned() }],
        language: None,
        conditions: Vec::new(),
        windows: Vec::new(),
        permissions: Vec::new(),
        contact_points: Vec::new(),
        creditor_customer: None,
    }
}

/// A case in euros with one claim of 100 and one debtor, whose creditor is `creditor`.
pub fn case(id: &str, creditor: &str) -> v1::Case {
    let mut version = version(id, "v1", at(0));
    version.identity.creditor = creditor.to_owned();
    version.placement.placed = Some(at(0));
    version.claims = vec![Claim {
        id: ClaimId::trusted("k1"),
        principal: 10_000,
        vat: None,
        invoice_number: None,
        invoice_date: None,
        invoice_received: None,
        arose: None,
        due_original: Some(at(0).utc().date_naive()),
        due_current: None,
        due_fixed_by_contract: None,
        interest_from: None,
        interest_kind: None,
        interest_rate_ppm: None,
    }];
    version.parties = vec![debtor(id)];
    encode::case::case(&version)
}

/// The same of a consumer in Mississippi, in dollars.
pub fn southerner(id: &str) -> v1::Case {
    let mut here = case(id, "bank");
    here.currency_code = "USD".to_owned();
    for money in here.claims.iter_mut().flat_map(|claim| &mut claim.principal) {
        money.currency_code = "USD".to_owned();
    }
    here.parties[0].residences[0].region_code = "US".to_owned();
    here.parties[0].residences[0].subdivision_code = "MS".to_owned();
    here.parties[0].time_zones[0].time_zone = "America/Chicago".to_owned();
    here
}

/// An activity of a case on a day.
pub fn activity(id: &str, case: &str, day: i64, detail: v1::activity::Detail) -> v1::Activity {
    v1::Activity {
        activity_id: id.to_owned(),
        case_ids: vec![case.to_owned()],
        occur_time: stamp(day),
        detail: Some(detail),
        ..Default::default()
    }
}

/// A payment of whole euros.
pub fn payment(id: &str, case: &str, day: i64, units: i64) -> v1::Activity {
    let payment = v1::Payment { amount: euros(units), ..Default::default() };
    activity(id, case, day, v1::activity::Detail::Payment(payment))
}

/// A note.
pub fn note(id: &str, case: &str, day: i64) -> v1::Activity {
    activity(id, case, day, v1::activity::Detail::Note(v1::Note::default()))
}

/// A call.
pub fn call(id: &str, case: &str, day: i64) -> v1::Activity {
    let contact = v1::Contact { channel: v1::Channel::Call.into(), ..Default::default() };
    activity(id, case, day, v1::activity::Detail::Contact(Box::new(contact)))
}

/// A batch for the Italian market.
pub fn batch(activities: Vec<v1::Activity>) -> v1::BatchRecordActivitiesRequest {
    v1::BatchRecordActivitiesRequest { region_code: "IT".to_owned(), activities }
}

/// A date.
pub fn date(year: i32, month: i32, day: i32) -> Option<Date> {
    Some(Date { year, month, day })
}

/// The figure of a KPI for the month of these days.
pub fn march(kpi: &str) -> v1::QueryKpisRequest {
    v1::QueryKpisRequest {
        region_code: "IT".to_owned(),
        kpi_ids: vec![kpi.to_owned()],
        grain: v1::Grain::Month.into(),
        start_date: date(2024, 3, 1),
        end_date: date(2024, 4, 1),
        ..Default::default()
    }
}

/// A read that asks how new its answer must be: what another server has committed may be missing from it otherwise.
pub fn asking<M>(message: M, consistency: &str) -> Request<M> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("fairdue-consistency", consistency.parse().expect("plain characters"));
    request
}

/// The stable reason of a status. Every failure has one, and its domain is ours.
pub fn reason(status: &Status) -> String {
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert_eq!(info.domain, "fairdue");
    info.reason
}

/// The fields that a status names.
pub fn fields(status: &Status) -> Vec<String> {
    let violations = status.get_details_bad_request().map(|details| details.field_violations).unwrap_or_default();
    violations.into_iter().map(|violation| violation.field).collect()
}

/// A message of a known type from its bytes.
pub fn parse<M: Message + Default>(bytes: &[u8]) -> M {
    M::decode(bytes).expect("a message of the type")
}
