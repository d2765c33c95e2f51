//! The fixed workload: cases with skewed debtors and ten activities each, the same at every run for the same scale.
//!
//! A record is a pure function of (case, number), so nothing is kept but the order in which records are sent. The facts
//! that the recount needs (what was paid, what was voided) follow from the same functions, not from the server.

use fairdue::proto::google::r#type::{Date, Money};
use fairdue::proto::v1;

/// Cases at scale 1, over all markets.
#[allow(dead_code)] // read by the load generator, which shares this file
pub const FULL_CASES: u32 = 200_000;
/// Activities of each case, voids and repetitions not counted.
pub const PER_CASE: u32 = 10;
/// Markets that share the cases evenly: country, currency, zone.
pub const MARKETS: [(&str, &str, &str); 4] = [
    ("IT", "EUR", "Europe/Rome"),
    ("SE", "SEK", "Europe/Stockholm"),
    ("DE", "EUR", "Europe/Berlin"),
    ("US", "USD", "America/New_York"),
];
/// 2025-01-06, a Monday, at 00:00 UTC, in seconds since 1970.
pub const START: i64 = 1_736_121_600;
/// Weeks over which activities are spread.
const WEEKS: u64 = 40;

/// One record to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// When it is sent, in seconds from the start. Sending is in this order.
    pub send: i64,
    /// The case, counted over all markets.
    pub case: u32,
    /// Its number among the case's records; `PER_CASE` and up are voids of the record that many lower.
    pub number: u32,
}

/// The order of sending for one market.
pub fn plan(market: usize, cases: u32) -> Vec<Record> {
    let mut records = Vec::new();
    for case in (0..cases).filter(|case| *case as usize % MARKETS.len() == market) {
        for number in 0..PER_CASE {
            let dice = roll(case, number, 1);
            let late = if per_mille(dice, 0) < 10 { 86_400 * (1 + (dice >> 40) as i64 % 60) } else { 0 };
            let send = occurred(case, number) + late;
            records.push(Record { send, case, number });
            if per_mille(dice, 10) < 20 {
                records.push(Record { send: send + 60, case, number }); // a repetition
            }
            if is_voided(case, number) {
                records.push(Record { send: send + 3_600, case, number: number + PER_CASE });
            }
        }
    }
    records.sort_by_key(|record| (record.send, record.case, record.number));
    records
}

/// What a record is. Shares add to 1,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Call,
    /// A call at three in the morning of the debtor's zone.
    NightCall,
    Email,
    Letter,
    Promise,
    Payment,
}

/// The kind of a record that is no void.
pub fn kind(case: u32, number: u32) -> Kind {
    match roll(case, number, 2) % 1_000 {
        0..30 => Kind::NightCall,
        30..80 => Kind::Promise,
        80..130 => Kind::Payment,
        130..330 => Kind::Email,
        330..400 => Kind::Letter,
        _ => Kind::Call,
    }
}

/// Whether a void follows the record.
pub fn is_voided(case: u32, number: u32) -> bool {
    roll(case, number, 3) % 1_000 < 5
}

/// Minor units that a payment or promise carries.
pub fn amount(case: u32, number: u32) -> i64 {
    100 + (roll(case, number, 4) % 20_000) as i64
}

/// When a record happened, in seconds from the start: on a working day between 10 and 16 o'clock of the debtor's zone,
/// a night call at three. The zones' offsets are those of winter; an hour more or less stays in bounds.
pub fn occurred(case: u32, number: u32) -> i64 {
    let dice = roll(case, number, 5);
    let week = u64::from(number) * WEEKS / u64::from(PER_CASE) + dice % (WEEKS / u64::from(PER_CASE));
    let day = (week * 7 + 1 + (dice >> 8) % 4) as i64;
    let second =
        if kind(case, number) == Kind::NightCall { 3 * 3_600 } else { 10 * 3_600 + (dice >> 16) as i64 % 21_600 };
    let west = if case as usize % MARKETS.len() == 3 { 5 * 3_600 } else { -3_600 };
    day * 86_400 + second + west
}

/// The debtor: a few have many cases, most have one or two.
pub fn person_id(case: u32) -> String {
    let uniform = (roll(case, 0, 6) >> 11) as f64 / (1_u64 << 53) as f64;
    let rank = (uniform * uniform * uniform * f64::from(case + 1)) as u32;
    format!("person-{}-{rank:07}", case as usize % MARKETS.len())
}

pub fn case_id(case: u32) -> String {
    format!("case-{case:08}")
}

pub fn activity_id(case: u32, number: u32) -> String {
    format!("{:08x}-0000-7000-8000-{case:08}{number:04}", roll(case, number, 7) as u32)
}

/// Case as it is upserted before its activities.
pub fn case(case: u32) -> v1::Case {
    let (region, currency, zone) = MARKETS[case as usize % MARKETS.len()];
    let principal = 10_000 + (roll(case, 0, 8) % 300_000) as i64;
    v1::Case {
        case_id: case_id(case),
        version_id: "1".into(),
        effect_time: Some(time(0)),
        currency_code: currency.into(),
        identity: Some(v1::Identity {
            creditor_id: creditor(case),
            collector_role: v1::CollectorRole::Agency.into(),
            ..Default::default()
        }),
        legal_class: Some(v1::LegalClass { debt_class: v1::DebtClass::Consumer.into(), ..Default::default() }),
        placement: Some(v1::Placement { place_time: Some(time(0)), ..Default::default() }),
        steering: Some(v1::Steering {
            agent_id: agent(case),
            team_id: format!("team-{}", case % 5),
            ..Default::default()
        }),
        claims: vec![v1::Claim {
            claim_id: "1".into(),
            principal: Some(money(principal, currency)),
            invoice_date: Some(Date { year: 2024, month: 10, day: 1 }),
            original_due_date: Some(Date { year: 2024, month: 11, day: 1 }),
            ..Default::default()
        }],
        parties: vec![v1::Party {
            person_id: person_id(case),
            role: v1::PartyRole::Primary.into(),
            kind: v1::PartyKind::Consumer.into(),
            residences: vec![v1::Residence {
                region_code: region.into(),
                subdivision_code: if region == "US" { "NY".into() } else { String::new() },
                confirmed: true,
                ..Default::default()
            }],
            time_zones: vec![v1::ZoneCandidate { time_zone: zone.into(), source: "address".into() }],
            ..Default::default()
        }],
        ..Default::default()
    }
}

pub fn creditor(case: u32) -> String {
    format!("creditor-{}", case % 20)
}

pub fn agent(case: u32) -> String {
    format!("agent-{:02}", case % 50)
}

/// The record as it is sent.
pub fn activity(record: Record) -> v1::Activity {
    use v1::activity::Detail;
    let Record { case, number, .. } = record;
    let (_, currency, _) = MARKETS[case as usize % MARKETS.len()];
    let void = number >= PER_CASE;
    let base = number % PER_CASE;
    let detail = if void {
        Detail::Void(v1::VoidRecord { target_activity_id: activity_id(case, base), ..Default::default() })
    } else {
        match kind(case, base) {
            Kind::Call | Kind::NightCall => Detail::Contact(Box::new(v1::Contact {
                channel: v1::Channel::Call.into(),
                outcome: outcome(case, base).into(),
                ..Default::default()
            })),
            Kind::Email => Detail::Contact(Box::new(message(v1::Channel::Email, base))),
            Kind::Letter => Detail::Contact(Box::new(message(v1::Channel::Letter, base))),
            Kind::Promise => Detail::Promise(v1::Promise {
                amount: Some(money(amount(case, base), currency)),
                due_date: Some(date_of(occurred(case, base) + 14 * 86_400)),
                ..Default::default()
            }),
            Kind::Payment => {
                Detail::Payment(v1::Payment { amount: Some(money(amount(case, base), currency)), ..Default::default() })
            }
        }
    };
    let paid = !void && kind(case, base) == Kind::Payment;
    v1::Activity {
        activity_id: activity_id(case, number),
        case_ids: vec![case_id(case)],
        person_id: person_id(case),
        occur_time: Some(time(occurred(case, base))),
        initiator: if paid { v1::Initiator::Debtor } else { v1::Initiator::Collector }.into(),
        actor: Some(v1::Actor {
            kind: v1::ActorKind::Human.into(),
            agent_id: agent_of(case, base),
            ..Default::default()
        }),
        detail: Some(detail),
        ..Default::default()
    }
}

/// The agent who acted, another than the case's own as often as not.
pub fn agent_of(case: u32, number: u32) -> String {
    agent(case.wrapping_add(number))
}

fn message(channel: v1::Channel, number: u32) -> v1::Contact {
    v1::Contact {
        channel: channel.into(),
        campaign_id: format!("campaign-{}", number % 4),
        purpose: v1::Purpose::Reminder.into(),
        ..Default::default()
    }
}

pub fn outcome(case: u32, number: u32) -> v1::Outcome {
    match roll(case, number, 9) % 4 {
        0 => v1::Outcome::RightPartyNoCommitment,
        1 => v1::Outcome::RightPartyPromise,
        _ => v1::Outcome::NoAnswer,
    }
}

/// The instant that many seconds from the start.
pub fn time(seconds: i64) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: START + seconds, nanos: 0 }
}

fn date_of(seconds: i64) -> Date {
    use chrono::Datelike;
    let day = chrono::DateTime::from_timestamp(START + seconds, 0).map(|at| at.date_naive()).unwrap_or_default();
    Date { year: day.year(), month: day.month() as i32, day: day.day() as i32 }
}

pub fn money(minor: i64, currency: &str) -> Money {
    Money { currency_code: currency.into(), units: minor / 100, nanos: (minor % 100) as i32 * 10_000_000 }
}

fn per_mille(dice: u64, shift: u32) -> u64 {
    (dice >> shift) % 1_000
}

/// An even number for (case, number, purpose): the finaliser of splitmix64.
fn roll(case: u32, number: u32, purpose: u64) -> u64 {
    let mut x = (u64::from(case) << 16 | u64::from(number)).wrapping_add(purpose.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    for factor in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
        x = (x ^ (x >> 30)).wrapping_mul(factor);
    }
    x ^ (x >> 31)
}
