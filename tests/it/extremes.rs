//! What nobody would ask on purpose: the first and the last day that the API can name, amounts at the end of numbers, a case of
//! a thousand claims. Every call is answered, and none with what cannot be.

use fairdue::proto::google::r#type::{Date, Money};
use fairdue::proto::v1;
use fairdue::proto::v1::explain_request::Subject;

use crate::support::api::{Api, Clients};
use crate::support::database::on_both_databases;
use crate::support::wire::{activity, case, date, stamp};

/// The first and the last instant that is taken.
const ENDS: [i64; 2] = [0, 253_402_300_799];
/// The largest amount of a currency with two decimals.
const MOST: i64 = 10_000_000_000_000;
const MARKETS: [(&str, &str, &str); 4] = [
    ("IT", "EUR", "Europe/Rome"),
    ("DE", "EUR", "Europe/Berlin"),
    ("SE", "SEK", "Europe/Stockholm"),
    ("US", "USD", "America/New_York"),
];

fn instant(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

fn money(currency: &str, units: i64) -> Option<Money> {
    Some(Money { currency_code: currency.to_owned(), units, nanos: 0 })
}

/// A case whose claims have these dates, of as much together as an amount can be.
fn old(id: &str, (region, currency, zone): (&str, &str, &str), day: Option<Date>, claims: usize) -> v1::Case {
    let mut case = case(id, "shop");
    case.currency_code = currency.to_owned();
    case.legal_class = Some(v1::LegalClass { debt_class: v1::DebtClass::Consumer.into(), ..Default::default() });
    for party in &mut case.parties {
        party.residences[0].region_code = region.to_owned();
        party.time_zones[0].time_zone = zone.to_owned();
    }
    let most = MOST / i64::try_from(claims).expect("a number");
    let first = case.claims.remove(0);
    case.claims = (0..claims)
        .map(|number| v1::Claim {
            claim_id: format!("k{number}"),
            principal: money(currency, most),
            arise_date: day,
            original_due_date: day,
            due_date: day,
            ..first.clone()
        })
        .collect();
    case
}

async fn asked(mine: &mut Clients, region: &str, id: &str, at: Option<prost_types::Timestamp>, currency: &str) {
    for channel in [v1::Channel::Call, v1::Channel::Letter, v1::Channel::Email] {
        let contact = Some(v1::Contact { channel: channel.into(), ..Default::default() });
        let request = v1::CheckContactRequest {
            region_code: region.to_owned(),
            case_id: id.to_owned(),
            contact_time: at,
            contact: contact.clone(),
            ..Default::default()
        };
        let answer = mine.compliance.check_contact(request).await.expect("an answer").into_inner();
        let told = answer.rules.iter().filter_map(|rule| rule.allow_time).chain(answer.next_allow_time);
        for time in told {
            assert!((ENDS[0]..=ENDS[1]).contains(&time.seconds), "{region}: {time:?}");
        }
        let check = v1::ContactCheck { case_id: id.to_owned(), contact_time: at, contact, ..Default::default() };
        for language in ["de", "fr"] {
            let request = v1::ExplainRequest {
                region_code: region.to_owned(),
                subject: Some(Subject::Contact(check.clone())),
                language_codes: vec![language.to_owned()],
                ..Default::default()
            };
            mine.compliance.explain(request).await.expect("an explanation");
        }
    }
    for step in [v1::ChargeStep::Reminder, v1::ChargeStep::Collection, v1::ChargeStep::Demand] {
        for units in [0, MOST] {
            let charge = v1::Charge { step: step.into(), amount: money(currency, units), ..Default::default() };
            let request = v1::CheckChargeRequest {
                region_code: region.to_owned(),
                case_id: id.to_owned(),
                charge_time: at,
                charge: Some(charge),
                ..Default::default()
            };
            mine.compliance.check_charge(request).await.expect("an answer");
        }
    }
}

/// Figures of the first, of some and of the last days.
async fn figures(mine: &mut Clients, region: &str) {
    for (start_date, end_date) in
        [(date(1, 1, 1), date(1, 3, 1)), (date(2024, 1, 1), date(2024, 7, 1)), (date(9999, 11, 1), date(9999, 12, 31))]
    {
        for (kpi, group_by) in [
            ("open_accounts", vec![]),
            ("cash_expected", vec!["agent"]),
            ("headcount", vec![]),
            ("barred_accounts", vec![]),
            ("rpc_rate", vec!["agent", "client"]),
        ] {
            let question = v1::QueryKpisRequest {
                region_code: region.to_owned(),
                kpi_ids: vec![kpi.to_owned()],
                grain: v1::Grain::Month.into(),
                start_date,
                end_date,
                group_by: group_by.into_iter().map(str::to_owned).collect(),
                ..Default::default()
            };
            let answer = mine.kpis.query_kpis(question).await;
            answer.unwrap_or_else(|status| panic!("{region} {kpi} {start_date:?}: {status:?}"));
        }
    }
}

on_both_databases!(
    async fn the_ends_of_time_and_of_numbers_are_answered(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = api.platform("mine").await;
        for market in MARKETS {
            let (region, currency, _) = market;
            let ends = [date(1, 1, 1), date(9999, 12, 31)];
            let cases = vec![
                old("first", market, ends[0], 2),
                old("last", market, ends[1], 2),
                old("many", market, date(2024, 2, 29), 1_000),
                v1::Case {
                    placement: Some(v1::Placement { place_time: instant(ENDS[1]), ..Default::default() }),
                    ..old("coming", market, ends[0], 1)
                },
            ];
            for case in cases {
                let request = v1::UpsertCaseRequest { region_code: region.to_owned(), case: Some(case) };
                mine.cases.upsert_case(request).await.expect("stored");
            }
            for id in ["first", "last", "many"] {
                let interest = v1::Interest {
                    amount: money(currency, MOST),
                    start_date: ends[0],
                    end_date: ends[1],
                    base: money(currency, MOST),
                    ..Default::default()
                };
                let most = money(currency, MOST);
                let charge = v1::Charge {
                    step: v1::ChargeStep::Collection.into(),
                    amount: most.clone(),
                    vat: most.clone(),
                    ..Default::default()
                };
                let payment = v1::Payment { amount: most.clone(), value_date: ends[0], ..Default::default() };
                let promise = v1::Promise { amount: most, due_date: ends[1], ..Default::default() };
                let details = [
                    v1::activity::Detail::Interest(interest),
                    v1::activity::Detail::Charge(charge),
                    v1::activity::Detail::Payment(payment),
                    v1::activity::Detail::Promise(promise),
                ];
                let activities: Vec<v1::Activity> = (0..)
                    .zip(details)
                    .map(|(number, detail)| activity(&format!("{id}-{number}"), id, number + 1, detail))
                    .collect();
                let request = v1::BatchRecordActivitiesRequest { region_code: region.to_owned(), activities };
                let answer = mine.activities.batch_record_activities(request).await.expect("stored").into_inner();
                assert!(answer.results.iter().all(|one| one.status() == v1::WriteStatus::Created), "{answer:?}");
                for at in [instant(ENDS[0]), instant(ENDS[1]), stamp(9), None] {
                    asked(&mut mine, region, id, at, currency).await;
                }
            }
            let request =
                v1::ListFindingsRequest { region_code: region.to_owned(), page_size: 1_000, ..Default::default() };
            mine.compliance.list_findings(request).await.expect("findings");
            let roster = v1::AgentRoster {
                agent_id: "a".to_owned(),
                fte_thousandths: 1_000,
                end_date: ends[1],
                ..Default::default()
            };
            let roster = activity("roster", "many", 9, v1::activity::Detail::AgentRoster(roster));
            let roster = v1::RecordActivityRequest { region_code: region.to_owned(), activity: Some(roster) };
            mine.activities.record_activity(roster).await.expect("stored");
            // What follows of the last day lies behind the calendar, and takes no figure of other days with it, also once the
            // changes are added to the cells.
            for _ in 0..2 {
                figures(&mut mine, region).await;
                tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
            }
        }
        api.end().await;
    }
);

/// A case with so many phone numbers, each with a permission.
fn crowded(id: &str, points: usize) -> v1::Case {
    let mut case = case(id, "shop");
    let (first, claims) = (case.parties.remove(0), case.claims.len());
    let point = |number: usize| v1::ContactPoint {
        contact_point_id: format!("p{number}"),
        kind: v1::ContactPointKind::Phone.into(),
        permissions: vec![v1::Permission {
            granted: true,
            scope: v1::ConsentScope::Calls.into(),
            give_time: stamp(1),
            ..Default::default()
        }],
        ..Default::default()
    };
    let numbers: Vec<usize> = (0..points).collect();
    case.parties = numbers
        .chunks(64)
        .enumerate()
        .map(|(party, numbers)| v1::Party {
            person_id: format!("person{party}"),
            role: if party == 0 { first.role } else { v1::PartyRole::CoDebtor.into() },
            contact_points: numbers.iter().copied().map(point).collect(),
            ..first.clone()
        })
        .collect();
    assert_eq!(claims, 1);
    case
}

on_both_databases!(
    async fn a_case_has_so_many_parts_in_all(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = api.platform("mine").await;
        let mut store = async |case: v1::Case| {
            let request = v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(case) };
            mine.cases.upsert_case(request).await
        };
        store(crowded("most", 2_400)).await.expect("stored");
        let refused = store(crowded("more", 2_500)).await.expect_err("too many");
        assert!(refused.message().contains("5000 in all"), "{refused:?}");
        asked(&mut mine, "IT", "most", stamp(3), "EUR").await;
        api.end().await;
    }
);
