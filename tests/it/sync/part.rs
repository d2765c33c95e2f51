//! A partner's copy of the part that it gets, counted from what its feed brought and from nothing else; and what the service
//! says it should count.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use chrono_tz::Tz;
use fairdue::proto::v1;
use prost::Message as _;
use prost_reflect::{DynamicMessage, Value};
use v1::change::After;

use crate::support::api::Clients;
use crate::support::wire;

/// How many records, their digest, and their sums by currency in billionths.
pub type Sum = (i64, [u64; 4], BTreeMap<String, i128>);
/// By entity and day.
pub type Sums = BTreeMap<(i32, NaiveDate), Sum>;

/// What came last of each record.
#[derive(Default)]
pub struct Part {
    records: BTreeMap<(i32, String, String), (After, Vec<u8>)>,
    voided: BTreeSet<String>,
}

impl Part {
    /// The whole of what a partner's feed brings.
    pub async fn pull(clients: &mut Clients, region: &str) -> Self {
        let request = v1::PullRequest { region_code: region.to_owned(), once: true, ..Default::default() };
        let mut feed = clients.sync.pull(request).await.expect("a feed").into_inner();
        let mut part = Self::default();
        while let Some(message) = feed.message().await.expect("no failure") {
            for change in message.changes {
                part.take(change);
            }
        }
        part
    }

    fn take(&mut self, change: v1::Change) {
        let after = change.after.expect("what changed");
        let key = match &after {
            After::Case(case) => (1, case.case_id.clone(), case.version_id.clone()),
            After::Activity(one) => (2, one.activity_id.clone(), String::new()),
            After::Void(one) => (3, one.activity_id.clone(), String::new()),
            After::Finding(one) => (4, one.finding_id.clone(), String::new()),
        };
        if let After::Void(void) = &after
            && let Some(v1::activity::Detail::Void(record)) = &void.detail
        {
            self.voided.insert(record.target_activity_id.clone());
        }
        self.records.insert(key, (after, change.digest));
    }

    /// Of each entity, how many records came.
    pub fn sizes(&self) -> [usize; 4] {
        std::array::from_fn(|n| self.records.keys().filter(|(entity, ..)| *entity == n as i32 + 1).count())
    }

    /// What counts, by entity and day.
    pub fn sums(&self, zone: Tz) -> Sums {
        let mut sums = Sums::new();
        for ((entity, id, _), (after, digest)) in &self.records {
            if digest.is_empty() || (*entity == 2 && self.voided.contains(id)) {
                continue;
            }
            let (at, amounts) = match after {
                After::Case(case) => (case.effect_time, principals(case)),
                After::Activity(one) | After::Void(one) => (one.occur_time, amount(one)),
                After::Finding(one) => (one.breach_time, Vec::new()),
            };
            let seconds = at.map_or(0, |at| at.seconds);
            let at = chrono::DateTime::from_timestamp(seconds, 0).expect("an instant").with_timezone(&zone);
            let sum = sums.entry((*entity, at.date_naive())).or_default();
            sum.0 += 1;
            add(&mut sum.1, digest);
            for (currency, nanos) in amounts {
                *sum.2.entry(currency).or_default() += nanos;
            }
        }
        sums.values_mut().for_each(|sum| sum.2.retain(|_, sum| *sum != 0));
        sums
    }
}

fn add(lanes: &mut [u64; 4], digest: &[u8]) {
    assert_eq!(digest.len(), 32);
    for (lane, bytes) in lanes.iter_mut().zip(digest.chunks(8)) {
        *lane = lane.wrapping_add(u64::from_le_bytes(bytes.try_into().expect("eight bytes")));
    }
}

fn principals(case: &v1::Case) -> Vec<(String, i128)> {
    let principal = |claim: &v1::Claim| claim.principal.clone().expect("a principal");
    let nanos = |one: fairdue::proto::google::r#type::Money| {
        (one.currency_code, i128::from(one.units) * 1_000_000_000 + i128::from(one.nanos))
    };
    case.claims.iter().map(|claim| nanos(principal(claim))).collect()
}

/// The field `amount` of whatever kind an activity is of, read by name.
fn amount(activity: &v1::Activity) -> Vec<(String, i128)> {
    let of = wire::api_pool().get_message_by_name("fairdue.v1.Activity").expect("activities");
    let message = DynamicMessage::decode(of.clone(), activity.encode_to_vec().as_slice()).expect("an activity");
    let kind = of.oneofs().find(|oneof| oneof.name() == "detail").expect("its kinds");
    let Some(field) = kind.fields().find(|field| message.has_field(field)) else { return Vec::new() };
    let detail = message.get_field(&field);
    let Value::Message(detail) = &*detail else { panic!("{detail:?}") };
    let Some(Value::Message(money)) = detail.get_field_by_name("amount").map(|value| value.into_owned()) else {
        return Vec::new();
    };
    let text = money.get_field_by_name("currency_code").expect("a currency").as_str().expect("a text").to_owned();
    let units = money.get_field_by_name("units").expect("units").as_i64().expect("a number");
    let nanos = money.get_field_by_name("nanos").expect("nanos").as_i32().expect("a number");
    if text.is_empty() { Vec::new() } else { vec![(text, i128::from(units) * 1_000_000_000 + i128::from(nanos))] }
}

fn sum_of(tally: &v1::EntityTally) -> Sum {
    let mut sum: Sum = (tally.count, [0; 4], BTreeMap::new());
    add(&mut sum.1, &tally.digest);
    for money in &tally.sums {
        let nanos = i128::from(money.units) * 1_000_000_000 + i128::from(money.nanos);
        sum.2.insert(money.currency_code.clone(), nanos);
    }
    sum
}

fn join(all: &mut Sum, one: &Sum) {
    all.0 += one.0;
    all.1 = std::array::from_fn(|n| all.1[n].wrapping_add(one.1[n]));
    for (currency, nanos) in &one.2 {
        *all.2.entry(currency.clone()).or_default() += nanos;
    }
    all.2.retain(|_, nanos| *nanos != 0);
}

/// What the service keeps of a partner's part, by entity and day. The sums over all days are compared on the way, and with
/// `drill` the records of every day, listed three at a time.
pub async fn kept(clients: &mut Clients, region: &str, entities: &[v1::SyncEntity], drill: bool) -> Sums {
    let region_code = region.to_owned();
    let request = v1::GetMarketStatusRequest { region_code: region_code.clone() };
    let status = clients.sync.get_market_status(request).await.expect("a status").into_inner();
    let mut kept = Sums::new();
    for entity in entities.iter().copied() {
        let request =
            v1::ListDayTalliesRequest { region_code: region_code.clone(), entity: entity.into(), ..Default::default() };
        let answer = clients.sync.list_day_tallies(request).await.expect("days").into_inner();
        let mut all: Sum = Sum::default();
        for day in answer.days {
            let date = day.date.as_ref().expect("a date");
            let on = NaiveDate::from_ymd_opt(date.year, date.month as u32, date.day as u32).expect("a date");
            let sum = sum_of(day.tally.as_ref().expect("a tally"));
            join(&mut all, &sum);
            if drill {
                let listed = listed(clients, region, entity, day.date).await;
                assert_eq!(listed, (sum.0, sum.1), "{entity:?} of {on}");
            }
            kept.insert((entity.into(), on), sum);
        }
        if answer.revision == status.revision {
            let told = status.tallies.iter().find(|tally| tally.entity() == entity).map(sum_of).unwrap_or_default();
            assert_eq!(told, all, "{entity:?} over all days");
        }
    }
    let others = status.tallies.iter().find(|tally| !entities.contains(&tally.entity()));
    assert_eq!(others, None, "an entity that is not shared is not counted");
    kept
}

async fn listed(
    clients: &mut Clients,
    region: &str,
    entity: v1::SyncEntity,
    date: Option<fairdue::proto::google::r#type::Date>,
) -> (i64, [u64; 4]) {
    let mut request = v1::ListLeavesRequest {
        region_code: region.to_owned(),
        entity: entity.into(),
        date,
        page_size: 3,
        page_token: String::new(),
    };
    let mut listed = (0, [0; 4]);
    loop {
        let page = clients.sync.list_leaves(request.clone()).await.expect("leaves").into_inner();
        for leaf in page.leaves {
            listed.0 += 1;
            add(&mut listed.1, &leaf.digest);
        }
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return listed;
        }
    }
}
