//! Charge checks: may the debtor be charged this, how much is left, and what comes to hold later.

use fairdue::proto::google::r#type::Money;
use fairdue::proto::v1;
use tonic::Code;

use crate::support::api::{Api, Clients};
use crate::support::database::on_both_databases;
use crate::support::wire::{activity, case, date, euros, fields, stamp};

/// Day of the mandate, 2025-06-02, counted as the wire's days.
const MANDATE: i64 = 441;

/// A German consumer who owes 100 euros under a mandate of June 2025, and a Swedish one who owes 100 crowns.
async fn filled(api: &Api) -> Clients {
    let mut mine = api.platform("mine").await;
    for (region, currency, zone) in [("DE", "EUR", "Europe/Berlin"), ("SE", "SEK", "Europe/Stockholm")] {
        let mut case = case("c1", "shop");
        case.currency_code = currency.to_owned();
        case.legal_class = Some(v1::LegalClass { debt_class: v1::DebtClass::Consumer.into(), ..Default::default() });
        case.placement = Some(v1::Placement { mandate_date: date(2025, 6, 2), ..case.placement.unwrap_or_default() });
        for money in case.claims.iter_mut().flat_map(|claim| &mut claim.principal) {
            money.currency_code = currency.to_owned();
        }
        for party in &mut case.parties {
            party.residences[0].region_code = region.to_owned();
            party.time_zones[0].time_zone = zone.to_owned();
        }
        if region == "SE" {
            let agreed_reminder_fee = Some(Money { currency_code: currency.to_owned(), units: 60, nanos: 0 });
            case.terms = Some(v1::Terms { agreed_reminder_fee, ..Default::default() });
        }
        let request = v1::UpsertCaseRequest { region_code: region.to_owned(), case: Some(case) };
        mine.cases.upsert_case(request).await.expect("stored");
    }
    mine
}

fn charge(step: v1::ChargeStep, amount: Option<Money>) -> v1::Charge {
    v1::Charge { step: step.into(), amount, ..Default::default() }
}

fn question(region: &str, day: i64, charge: v1::Charge) -> v1::CheckChargeRequest {
    v1::CheckChargeRequest {
        region_code: region.to_owned(),
        case_id: "c1".to_owned(),
        charge_time: stamp(day),
        charge: Some(charge),
        view: v1::CheckView::Full.into(),
        ..Default::default()
    }
}

/// What a rule has seen, its limit, and what is left.
fn figures(answer: &v1::CheckChargeResponse, id: &str) -> (Option<i64>, Option<i64>, Option<i64>) {
    let rule = answer.rules.iter().find(|rule| rule.rule_id == id);
    let rule = rule.unwrap_or_else(|| panic!("{id} does not speak: {answer:?}"));
    assert!(!rule.citation.is_empty());
    let seen = rule.observation.clone().unwrap_or_default();
    (seen.observed, seen.limit, rule.remaining)
}

on_both_databases!(
    async fn a_charge_is_summed_with_those_before_it_and_the_rest_is_told(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = filled(&api).await;
        let table = "de-fee-table-2025";
        let collection = |units| charge(v1::ChargeStep::Collection, euros(units));
        let answer = mine.compliance.check_charge(question("DE", MANDATE + 9, collection(40))).await;
        let answer = answer.expect("an answer").into_inner();
        // 0.9 of the fee of 51.50 for a claim of 100.
        assert_eq!(figures(&answer, table), (Some(4_000), Some(4_635), Some(635)));
        let later = answer.rules.iter().find_map(|rule| rule.conditional_limit.clone()).expect("a conditional cap");
        assert_eq!((later.condition.as_str(), later.limit, later.remaining), ("paid_on_first_letter", 2_575, -1_425));
        assert_eq!(answer.charge_time, stamp(MANDATE + 9));

        let charged = v1::activity::Detail::Charge(collection(40));
        let activities = vec![activity("fee", "c1", MANDATE + 10, charged)];
        let request = v1::BatchRecordActivitiesRequest { region_code: "DE".to_owned(), activities };
        mine.activities.batch_record_activities(request).await.expect("stored");
        let answer = mine.compliance.check_charge(question("DE", MANDATE + 11, collection(10))).await;
        let answer = answer.expect("an answer").into_inner();
        assert_eq!(answer.verdict(), v1::Verdict::NotPermitted);
        assert_eq!(figures(&answer, table), (Some(5_000), Some(4_635), Some(635)));
        // On the day before, nothing had been charged yet.
        let answer = mine.compliance.check_charge(question("DE", MANDATE + 9, collection(10))).await;
        assert_eq!(figures(&answer.expect("an answer").into_inner(), table), (Some(1_000), Some(4_635), Some(3_635)));

        let lines = api.logged("mine", "de").await;
        let logged: Vec<_> = lines.iter().flat_map(|line| &line.checks).collect();
        assert_eq!(logged.len(), 3);
        assert!(logged.iter().all(|check| check.charge.is_some() && check.channel.is_none()));
        api.end().await;
    }
);

on_both_databases!(
    async fn what_a_fee_needs_is_asked_for_and_what_is_wrong_is_named(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = filled(&api).await;
        let crowns = |units| Some(Money { currency_code: "SEK".to_owned(), units, nanos: 0 });
        let mut reminder = charge(v1::ChargeStep::Reminder, crowns(60));
        let oral = v1::Charge { form: v1::Form::Oral.into(), ..reminder.clone() };
        let answer = mine.compliance.check_charge(question("SE", 9, oral)).await.expect("an answer").into_inner();
        assert_eq!(answer.verdict(), v1::Verdict::NotPermitted, "the reminder has to be written");
        reminder.form = v1::Form::Paper.into();
        let answer = mine.compliance.check_charge(question("SE", 9, reminder.clone())).await;
        let answer = answer.expect("an answer").into_inner();
        assert_eq!(figures(&answer, "se-fee-reminder"), (Some(6_000), Some(6_000), Some(0)));
        assert_eq!(answer.verdict(), v1::Verdict::Allowed);

        let nothing = v1::CheckChargeRequest { region_code: "SE".to_owned(), view: 7, ..Default::default() };
        let status = mine.compliance.check_charge(nothing).await.expect_err("nothing to judge");
        assert_eq!(fields(&status), ["case_id", "charge", "view"]);
        let nobody = v1::CheckChargeRequest { case_id: "none".to_owned(), ..question("SE", 9, reminder) };
        let status = mine.compliance.check_charge(nobody).await.expect_err("unknown case");
        assert_eq!(status.code(), Code::NotFound);
        api.end().await;
    }
);

on_both_databases!(
    async fn what_is_taken_back_frees_its_share_and_no_more(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = filled(&api).await;
        let table = "de-fee-table-2025";
        let cents = |cents: i64| {
            let nanos = i32::try_from(cents % 100).expect("cents") * 10_000_000;
            Some(Money { currency_code: "EUR".to_owned(), units: cents / 100, nanos })
        };
        let fee = v1::Charge { vat: cents(760), ..charge(v1::ChargeStep::Collection, euros(40)) };
        let back = |amount| v1::Reversal {
            reversed_activity_id: "fee".to_owned(),
            amount,
            reason: v1::ReversalKind::Reversal.into(),
        };
        let activities = vec![
            activity("fee", "c1", MANDATE + 10, v1::activity::Detail::Charge(fee)),
            activity("half", "c1", MANDATE + 11, v1::activity::Detail::Reversal(back(cents(2_380)))),
        ];
        let request = v1::BatchRecordActivitiesRequest { region_code: "DE".to_owned(), activities };
        mine.activities.batch_record_activities(request).await.expect("stored");
        // Of 40 euros net 20 stand, and 46.35 are the most.
        let asked = |cents: Option<Money>| question("DE", MANDATE + 12, charge(v1::ChargeStep::Collection, cents));
        let answer = mine.compliance.check_charge(asked(cents(2_635))).await.expect("an answer").into_inner();
        assert_eq!(figures(&answer, table), (Some(4_635), Some(4_635), Some(0)));
        let answer = mine.compliance.check_charge(asked(cents(2_636))).await.expect("an answer").into_inner();
        assert_eq!(answer.verdict(), v1::Verdict::NotPermitted);
        assert_eq!(figures(&answer, table), (Some(4_636), Some(4_635), Some(2_635)));
        api.end().await;
    }
);

on_both_databases!(
    async fn a_charge_of_which_no_rule_speaks_is_unknown(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = filled(&api).await;
        for step in [v1::ChargeStep::Reminder, v1::ChargeStep::Visit, v1::ChargeStep::Other] {
            let asked = question("DE", MANDATE + 9, charge(step, euros(90_000_000)));
            let answer = mine.compliance.check_charge(asked).await.expect("an answer").into_inner();
            assert_eq!((answer.verdict(), answer.rules.len()), (v1::Verdict::Unknown, 0), "{step:?}: {answer:?}");
            assert_eq!(answer.missing, ["charge_rule"], "{step:?}");
        }
        let asked = question("DE", MANDATE + 9, charge(v1::ChargeStep::Collection, euros(10)));
        let answer = mine.compliance.check_charge(asked).await.expect("an answer").into_inner();
        assert!(!answer.rules.is_empty() && !answer.missing.contains(&"charge_rule".to_owned()), "{answer:?}");
        api.end().await;
    }
);

on_both_databases!(
    async fn payments_that_state_nothing_settle_in_the_order_of_the_law(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = api.platform("mine").await;
        let consumer = v1::LegalClass { debt_class: v1::DebtClass::Consumer.into(), ..Default::default() };
        let loan = v1::LegalClass { debt_type: v1::DebtType::Loan.into(), ..consumer.clone() };
        for (id, class) in [("sale", consumer), ("loan", loan)] {
            let case = v1::Case { legal_class: Some(class), ..case(id, "shop") };
            let request = v1::UpsertCaseRequest { region_code: "DE".to_owned(), case: Some(case) };
            mine.cases.upsert_case(request).await.expect("stored");
            let interest = v1::Interest { amount: euros(8), ..Default::default() };
            let payment = v1::Payment { amount: euros(50), ..Default::default() };
            let activities = vec![
                activity(&format!("{id}-i"), id, 10, v1::activity::Detail::Interest(interest)),
                activity(
                    &format!("{id}-c"),
                    id,
                    11,
                    v1::activity::Detail::Charge(charge(v1::ChargeStep::Demand, euros(5))),
                ),
                activity(&format!("{id}-p"), id, 12, v1::activity::Detail::Payment(payment)),
            ];
            let request = v1::BatchRecordActivitiesRequest { region_code: "DE".to_owned(), activities };
            mine.activities.batch_record_activities(request).await.expect("stored");
        }
        // BGB § 367: costs, interest, principal; of consumer credit § 497(3): costs, principal, interest.
        for (id, expected) in [("sale", [63, 0, 0]), ("loan", [55, 8, 0])] {
            let request =
                v1::GetCaseFileRequest { region_code: "DE".to_owned(), case_id: id.to_owned(), read_mask: None };
            let file = mine.cases.get_case_file(request).await.expect("a file").into_inner();
            let balance = file.case_file.and_then(|file| file.balance).expect("a balance");
            let units = [balance.principal, balance.interest, balance.cost].map(|sum| sum.map_or(0, |sum| sum.units));
            assert_eq!(units, expected, "{id}");
        }
        let request = v1::ListFindingsRequest { region_code: "DE".to_owned(), ..Default::default() };
        let found = mine.compliance.list_findings(request).await.expect("findings").into_inner().findings;
        assert!(found.iter().all(|finding| !finding.rule_id.contains("payment-order")), "{found:?}");
        api.end().await;
    }
);
