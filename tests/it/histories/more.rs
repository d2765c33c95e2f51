//! Steps of random histories that KPIs alone count: what was agreed, and what happened at the collector's service.

use chrono::NaiveDate;

use super::generate::{Step, currency, money};
use fairdue::domain::detail::{Detail, Instalment, MatterStep, PageStep, SettlementStep, SurveyKind};
use fairdue::domain::ids::ActivityId;
use fairdue::domain::party::Permission;
use fairdue::domain::time::Timestamp;
use fairdue::domain::vocabulary::{Channel, ConsentScope};

/// A plan, its end, or a settlement's step; `plan` names an earlier or later step of this kind.
pub fn agreed(
    step: &Step,
    day: &dyn Fn(u64) -> Option<NaiveDate>,
    plan: impl Fn() -> Option<ActivityId>,
) -> Option<Detail> {
    let pick = u64::from(step.pick);
    Some(match pick % 6 {
        0..=2 => {
            let instalment = |number: u64| {
                let due = day(u64::from(step.day) + pick % 9 + number * (1 + pick % 17))?;
                Some(Instalment { due, amount: i64::from(step.amount / 4) })
            };
            let instalments = (0..1 + pick % 4).map(instalment).collect::<Option<Vec<_>>>()?;
            Detail::Plan { instalments, currency: currency(), written: pick.is_multiple_of(2) }
        }
        3 => Detail::PlanEnded { plan: plan()?, broken: pick.is_multiple_of(2) },
        _ => {
            let all = SettlementStep::ALL;
            Detail::Settlement {
                step: all[usize::from(step.pick / 8) % all.len()],
                amount: money(step.amount),
                due: pick.is_multiple_of(5).then(|| day(u64::from(step.day) + pick % 19)).flatten(),
            }
        }
    })
}

/// Anything else that is counted.
pub fn service(step: &Step, at: Timestamp, day: &dyn Fn(u64) -> Option<NaiveDate>) -> Detail {
    let step_days = |pick: usize| pick as u64 / 32 % 40;
    let pick = usize::from(step.pick);
    match pick % 8 {
        0 | 1 => Detail::Page {
            step: PageStep::ALL[pick / 7 % PageStep::ALL.len()],
            source: (!pick.is_multiple_of(3)).then(|| ["email", "sms"][pick % 2].to_owned()),
            session: (!pick.is_multiple_of(5)).then(|| format!("session-{}", pick % 2)),
        },
        2 => {
            let all = MatterStep::ALL;
            let reference = pick.is_multiple_of(2).then(|| format!("matter-{}", pick % 3));
            Detail::Complaint { step: all[pick / 7 % all.len()], reference }
        }
        3 => Detail::Permission {
            permission: Permission {
                granted: pick.is_multiple_of(2),
                scope: ConsentScope::Channel,
                channel: Some(Channel::Sms),
                technology: None,
                given: at,
                expires: None,
                revoked: None,
                evidence: None,
                written: None,
            },
            contact_point: None,
        },
        4 => Detail::Survey { survey: SurveyKind::ALL[pick / 7 % 2], score: (1 + pick % 5) as u8 },
        5 => Detail::CaseStatus { closed: !pick.is_multiple_of(3), code: None },
        6 => Detail::AgentRoster {
            agent: format!("agent-{}", pick / 8 % 2),
            team: pick.is_multiple_of(3).then(|| "team-0".to_owned()),
            fte_thousandths: [0, 500, 1_000][pick / 16 % 3],
            until: day(u64::from(step.day) + step_days(pick)).filter(|_| pick / 16 % 2 == 0),
        },
        _ => Detail::CustomerStatus { customer: pick.is_multiple_of(4) },
    }
}
