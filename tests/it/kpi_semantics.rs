//! What figures mean, through the API: each expectation is counted by hand from the records beside it.

use fairdue::clock::Clock;
use fairdue::proto::v1;
use v1::activity::Detail;

use crate::finding_life::breach;
use crate::support::api::{Api, Clients};
use crate::support::database::{Database, on_both_databases};
use crate::support::wire::{activity, at, batch, call, case, date, euros, fields, payment, stamp};

/// A service on a day after all records: 10 June 2024 (day 84), at noon.
pub async fn service(database: &Database) -> (Api, Clients) {
    service_on(database, 84).await
}

async fn service_on(database: &Database, day: i64) -> (Api, Clients) {
    let (clock, _) = Clock::manual(at(day));
    let api = Api::start_at(database, &[], clock).await;
    let mine = api.platform("mine").await;
    (api, mine)
}

/// Cases that owe 100 each since day 0.
pub async fn cases(mine: &mut Clients, ids: &[&str]) {
    let cases = ids.iter().map(|id| case(id, "a")).collect();
    let request = v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases };
    mine.cases.batch_upsert_cases(request).await.expect("stored");
}

pub async fn record(mine: &mut Clients, records: Vec<v1::Activity>) {
    let stored = mine.activities.batch_record_activities(batch(records)).await.expect("stored").into_inner();
    assert!(stored.results.iter().all(|result| result.status() == v1::WriteStatus::Created), "{stored:?}");
}

/// Value, or why there is none, numerator and denominator of each month from March 2024.
pub async fn months(mine: &mut Clients, kpi: &str, until: (i32, i32, i32)) -> Vec<String> {
    let request = v1::QueryKpisRequest {
        region_code: "IT".to_owned(),
        kpi_ids: vec![kpi.to_owned()],
        grain: v1::Grain::Month.into(),
        start_date: date(2024, 3, 1),
        end_date: date(until.0, until.1, until.2),
        ..Default::default()
    };
    let answer = mine.kpis.query_kpis(request).await.expect("figures").into_inner();
    let text = |part: &Option<fairdue::proto::google::r#type::Decimal>| {
        part.as_ref().map_or("-", |part| part.value.as_str()).to_owned()
    };
    let shown = |row: &v1::KpiRow| {
        let value = match row.no_value_reason() {
            v1::NoValueReason::Unspecified => text(&row.value),
            reason => reason.as_str_name().trim_start_matches("NO_VALUE_REASON_").to_owned(),
        };
        format!("{value} = {} / {}", text(&row.numerator), text(&row.denominator))
    };
    answer.rows.iter().map(shown).collect()
}

fn transfer(id: &str, case: &str, day: i64, kind: v1::TransferKind) -> v1::Activity {
    activity(id, case, day, Detail::Transfer(v1::Transfer { transfer: kind.into(), ..Default::default() }))
}

fn write_off(id: &str, case: &str, day: i64, units: i64) -> v1::Activity {
    let adjustment = v1::AdjustmentKind::WriteOff.into();
    activity(
        id,
        case,
        day,
        Detail::Adjustment(v1::Adjustment { adjustment, amount: euros(units), ..Default::default() }),
    )
}

fn by(agent: &str, kind: v1::ActorKind, mut one: v1::Activity) -> v1::Activity {
    one.actor = Some(v1::Actor { agent_id: agent.to_owned(), kind: kind.into(), ..Default::default() });
    one
}

on_both_databases!(
    async fn what_is_written_off_leaves_the_base_with_its_case(database: Database) {
        let (api, mut mine) = service(&database).await;
        cases(&mut mine, &["c1", "c2"]).await;
        // Day 0 is 18 March, day 14 is 1 April, day 44 is 1 May: each case owes 100.
        let records = vec![
            write_off("w1", "c1", 1, 40),
            transfer("t1", "c1", 20, v1::TransferKind::Recall),
            payment("p1", "c1", 21, 15),
            payment("p2", "c2", 22, 30),
            payment("p3", "c2", 45, 7),
        ];
        record(&mut mine, records).await;
        // March: all 200 were placed. April: 160 and the 40 written off, less the 60 recalled and the 40 that left with them;
        // of the cash, 15 came after the recall. May: what c2 owes.
        let expected = ["0.00 = 0.00 / 200.00", "30.00 = 30.00 / 100.00", "10.00 = 7.00 / 70.00"];
        assert_eq!(months(&mut mine, "recovery_rate", (2024, 6, 1)).await, expected);
        let expected = ["0.00 = 0.00 / -", "15.00 = 15.00 / -", "0.00 = 0.00 / -"];
        assert_eq!(months(&mut mine, "cash_after_recall", (2024, 6, 1)).await, expected);
        let expected = ["0.00 = 0.00 / -", "45.00 = 45.00 / -", "7.00 = 7.00 / -"];
        assert_eq!(months(&mut mine, "collected_net", (2024, 6, 1)).await, expected);
        api.end().await;
    }
);

on_both_databases!(
    async fn a_call_counts_once_however_many_of_its_promises_are_kept(database: Database) {
        let (api, mut mine) = service(&database).await;
        cases(&mut mine, &["c1"]).await;
        let call = |id: &str, day| {
            let outcome = v1::Outcome::RightPartyPromise.into();
            let contact = v1::Contact { channel: v1::Channel::Call.into(), outcome, ..Default::default() };
            activity(id, "c1", day, Detail::Contact(Box::new(contact)))
        };
        let promise = |id: &str, call: &str, day, due| {
            let made = v1::Promise { amount: euros(10), due_date: due, ..Default::default() };
            let mut one = activity(id, "c1", day, Detail::Promise(made));
            one.parent_activity_id = call.to_owned();
            one
        };
        let records = vec![
            call("call1", 1),
            promise("a", "call1", 1, date(2024, 3, 22)),
            promise("b", "call1", 1, date(2024, 3, 22)),
            call("call2", 2),
            promise("c", "call2", 2, date(2024, 3, 23)),
            payment("p", "c1", 3, 20),
        ];
        record(&mut mine, records).await;
        assert_eq!(months(&mut mine, "ptp_kept_outbound_rpc", (2024, 4, 1)).await, ["50.00 = 1 / 2"]);
        assert_eq!(months(&mut mine, "ptp_kept_outbound", (2024, 4, 1)).await, ["66.67 = 2 / 3"]);
        api.end().await;
    }
);

on_both_databases!(
    async fn self_service_has_one_rule(database: Database) {
        let (api, mut mine) = service(&database).await;
        cases(&mut mine, &["c1"]).await;
        let instalments = vec![v1::Instalment { due_date: date(2024, 5, 22), amount: euros(10) }];
        let plan = |id: &str, day| {
            let plan = v1::Plan { instalments: instalments.clone(), ..Default::default() };
            activity(id, "c1", day, Detail::Plan(plan))
        };
        use v1::ActorKind::{Bot, Human};
        let records = vec![
            by("chat", Bot, payment("p1", "c1", 1, 1)),
            by("chat", Bot, payment("p5", "c1", 2, 1)),
            by("ann", Human, payment("p2", "c1", 1, 1)),
            by("", Human, payment("p3", "c1", 1, 1)),
            by("chat", Bot, plan("l1", 1)),
            by("", Human, plan("l2", 2)),
            payment("p4", "c1", 3, 1),
        ];
        record(&mut mine, records).await;
        assert_eq!(months(&mut mine, "self_service_rate", (2024, 4, 1)).await, ["57.14 = 4 / 7"]);
        api.end().await;
    }
);

on_both_databases!(
    async fn accounts_are_followed_from_their_first_day_past_due(database: Database) {
        let (api, mut mine) = service(&database).await;
        // All fall due on 18 March: one day past due on the 19th, seven on the 25th.
        cases(&mut mine, &["c1", "c2", "c3", "c4"]).await;
        let records = vec![
            payment("p1", "c1", 3, 100),
            payment("p2", "c2", 9, 100),
            transfer("t", "c3", 2, v1::TransferKind::Recall),
        ];
        record(&mut mine, records).await;
        let march = (2024, 4, 1);
        assert_eq!(months(&mut mine, "repayment_rate_7dpd", march).await, ["33.33 = 1 / 3"]);
        assert_eq!(months(&mut mine, "repayment_rate_from_7dpd", march).await, ["50.00 = 1 / 2"]);
        api.end().await;
    }
);

on_both_databases!(
    async fn a_month_that_has_not_begun_has_no_value(database: Database) {
        let (api, mut mine) = service(&database).await;
        cases(&mut mine, &["c1"]).await;
        let made = v1::Promise { amount: euros(10), due_date: date(2024, 7, 10), ..Default::default() };
        let promise = activity("a", "c1", 80, Detail::Promise(made));
        record(&mut mine, vec![payment("p1", "c1", 3, 20), promise]).await;
        let june_and_july = (2024, 8, 1);
        let recovery = months(&mut mine, "recovery_rate", june_and_july).await;
        assert_eq!(recovery[3..], ["0.00 = 0.00 / 80.00", "NOT_BEGUN = - / -"]);
        let collected = months(&mut mine, "collected_net", june_and_july).await;
        assert_eq!(collected[3..], ["0.00 = 0.00 / -", "NOT_BEGUN = - / -"]);
        let expected = months(&mut mine, "cash_expected", june_and_july).await;
        assert_eq!(expected[4], "10.00 = 10.00 / -");
        api.end().await;
    }
);

on_both_databases!(
    async fn a_base_below_nothing_has_no_value(database: Database) {
        let (api, mut mine) = service(&database).await;
        cases(&mut mine, &["c1"]).await;
        let reversal = |id: &str, of: &str, day, units| {
            let reason = v1::ReversalKind::Chargeback.into();
            let back = v1::Reversal { reversed_activity_id: of.to_owned(), amount: euros(units), reason };
            activity(id, "c1", day, Detail::Reversal(back))
        };
        let mut cost = payment("p2", "c1", 16, 1);
        cost.control = Some(v1::Control { cost: euros(8), ..Default::default() });
        record(&mut mine, vec![payment("p1", "c1", 3, 20), reversal("r", "p1", 15, 20), cost]).await;
        let april = months(&mut mine, "cost_to_collect", (2024, 5, 1)).await;
        assert_eq!(april[1], "NEGATIVE_DENOMINATOR = 8.00 / -19.00");
        api.end().await;
    }
);

on_both_databases!(
    async fn a_customer_is_lost_once_to_a_closing(database: Database) {
        // Ninety days after March, when all who were lost to its closings are known.
        let (api, mut mine) = service_on(&database, 110).await;
        cases(&mut mine, &["c1", "c2"]).await;
        let closed = |id: &str, case: &str, day| {
            activity(id, case, day, Detail::CaseStatus(v1::CaseStatus { closed: true, ..Default::default() }))
        };
        let lost =
            |id: &str, day| activity(id, "c1", day, Detail::CustomerStatus(v1::CustomerStatus { customer: false }));
        let records = vec![closed("k1", "c1", 1), closed("k2", "c2", 1), lost("l1", 3), lost("l2", 5)];
        record(&mut mine, records).await;
        assert_eq!(months(&mut mine, "churn_rate", (2024, 4, 1)).await, ["50.00 = 1 / 2"]);
        api.end().await;
    }
);

on_both_databases!(
    async fn findings_are_told_by_where_their_case_stood(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = api.platform("mine").await;
        breach(&mut mine, "c1").await;
        let mut second = case("c2", "creditor");
        let steering = second.steering.get_or_insert_default();
        (steering.portfolio_id, steering.stage) = ("spring".to_owned(), "legal".to_owned());
        steering.segments.insert("segment".to_owned(), "north".to_owned());
        let request = v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases: vec![second] };
        mine.cases.batch_upsert_cases(request).await.expect("stored");
        record(&mut mine, [1, 3, 5].map(|day| call(&format!("c2-{day}"), "c2", day)).to_vec()).await;
        for (dimension, value) in [("portfolio", "spring"), ("stage", "legal"), ("segment", "north")] {
            let request = v1::QueryKpisRequest {
                region_code: "IT".to_owned(),
                kpi_ids: vec!["findings_open".to_owned()],
                grain: v1::Grain::Month.into(),
                start_date: date(2024, 3, 1),
                end_date: date(2024, 4, 1),
                group_by: vec![dimension.to_owned()],
                ..Default::default()
            };
            let rows = mine.kpis.query_kpis(request).await.expect("figures").into_inner().rows;
            let shown = |row: &v1::KpiRow| {
                (row.group[0].value.clone(), row.value.as_ref().map_or(String::new(), |value| value.value.clone()))
            };
            let expected = [(value.to_owned(), "1".to_owned()), (String::new(), "1".to_owned())];
            assert_eq!(rows.iter().map(shown).collect::<Vec<_>>(), expected, "by {dimension}");
        }
        api.end().await;
    }
);

on_both_databases!(
    async fn a_tenant_and_its_markets_choose_what_a_bare_name_means(database: Database) {
        let api = Api::start(&database).await;
        let chosen = "\n[kpi_defaults]\nrpc_rate = \"rpc_rate_connects\"\n\n[markets.se.kpi_defaults]\n\
             rpc_rate = \"rpc_rate_attempts\"\n";
        api.tenant("chooses", chosen).await;
        let mut own = api.platform("chooses").await;
        cases(&mut own, &["c1"]).await;
        let outcome = |outcome: v1::Outcome| {
            let contact =
                v1::Contact { channel: v1::Channel::Call.into(), outcome: outcome.into(), ..Default::default() };
            Detail::Contact(Box::new(contact))
        };
        let calls = [v1::Outcome::NoAnswer, v1::Outcome::NoAnswer, v1::Outcome::RightPartyPromise];
        let calls = calls.into_iter().zip(0_i64..);
        let calls = calls.map(|(what, number)| activity(&format!("a{number}"), "c1", 3 * number, outcome(what)));
        record(&mut own, calls.collect()).await;
        let request = |region: &str| v1::QueryKpisRequest {
            region_code: region.to_owned(),
            kpi_ids: vec!["rpc_rate".to_owned()],
            grain: v1::Grain::Month.into(),
            start_date: date(2024, 3, 1),
            end_date: date(2024, 4, 1),
            ..Default::default()
        };
        let shown = |row: &v1::KpiRow| {
            let value = row.value.as_ref().map_or("", |value| value.value.as_str()).to_owned();
            (row.kpi_id.clone(), row.variant_id.clone(), value)
        };
        let rows = own.kpis.query_kpis(request("IT")).await.expect("figures").into_inner().rows;
        let told = |kpi: &str, variant: &str, value: &str| (kpi.to_owned(), variant.to_owned(), value.to_owned());
        assert_eq!(shown(&rows[0]), told("rpc_rate", "rpc_rate_connects", "100.00"));
        // From the facts as well as from cells.
        let facts = v1::QueryKpisRequest { as_of_time: stamp(6), ..request("IT") };
        let rows = own.kpis.query_kpis(facts).await.expect("figures").into_inner().rows;
        assert_eq!(shown(&rows[0]), told("rpc_rate", "rpc_rate_connects", "100.00"));
        let rows = own.kpis.query_kpis(request("SE")).await.expect("figures").into_inner().rows;
        assert_eq!(rows[0].variant_id, "rpc_rate_attempts");
        for (region, meant) in [("IT", "rpc_rate_connects"), ("SE", "rpc_rate_attempts"), ("DE", "rpc_rate_connects")] {
            let request = v1::ListKpisRequest { region_code: region.to_owned(), page_size: 1000, ..Default::default() };
            let kpis = own.kpis.list_kpis(request).await.expect("KPIs").into_inner().kpis;
            let of = |id: &str| kpis.iter().find(|kpi| kpi.kpi_id == id).expect("a KPI");
            assert_eq!(of("rpc_rate").alias_of, meant, "in {region}");
            assert_eq!(of("rpc_rate").formula, of(meant).formula, "in {region}");
        }
        // Figures of two readings are not added up.
        let across = v1::QueryKpisAcrossMarketsRequest {
            region_codes: vec!["IT".to_owned(), "SE".to_owned()],
            question: Some(v1::QueryKpisRequest { region_code: String::new(), ..request("") }),
        };
        let wrong = own.kpis.query_kpis_across_markets(across).await.expect_err("two readings");
        assert_eq!(fields(&wrong), ["question.kpi_ids"], "{wrong:?}");
        api.end().await;
    }
);

on_both_databases!(
    async fn a_promise_follows_its_money_after_it_was_judged(database: Database) {
        let (api, mut mine) = service(&database).await;
        cases(&mut mine, &["c1"]).await;
        let promise = |id: &str, due| {
            let made = v1::Promise { amount: euros(10), due_date: due, ..Default::default() };
            activity(id, "c1", 1, Detail::Promise(made))
        };
        let names = |id: &str, promise: &str, day, units| {
            let promise_id = promise.to_owned();
            let payment = v1::Payment { amount: euros(units), promise_id, ..Default::default() };
            activity(id, "c1", day, Detail::Payment(payment))
        };
        // Day 4 is 22 March; three days of grace end on the 25th, day 7.
        let made = vec![promise("a", date(2024, 3, 22)), promise("b", date(2024, 3, 22)), names("p1", "a", 7, 10)];
        record(&mut mine, made).await;
        let march = (2024, 4, 1);
        assert_eq!(months(&mut mine, "ptp_kept", march).await, ["50.00 = 1 / 2"]);
        assert_eq!(months(&mut mine, "ptp_kept_by_due", march).await, ["0.00 = 0 / 2"]);
        assert_eq!(months(&mut mine, "ptp_broken_rate", march).await, ["50.00 = 1 / 2"]);
        assert_eq!(months(&mut mine, "ptp_kept_amount", march).await, ["50.00 = 10.00 / 20.00"]);
        // Paid after grace: no longer broken, and not kept.
        record(&mut mine, vec![names("p2", "b", 20, 10)]).await;
        assert_eq!(months(&mut mine, "ptp_kept", march).await, ["50.00 = 1 / 2"]);
        assert_eq!(months(&mut mine, "ptp_broken_rate", march).await, ["0.00 = 0 / 2"]);
        let states = async |mine: &mut Clients| {
            let request =
                v1::GetCaseFileRequest { region_code: "IT".to_owned(), case_id: "c1".to_owned(), ..Default::default() };
            let file = mine.cases.get_case_file(request).await.expect("a case file").into_inner();
            let file = file.case_file.expect("a case file");
            file.promises.iter().map(v1::PromiseView::state).collect::<Vec<_>>()
        };
        assert_eq!(states(&mut mine).await, [v1::PromiseState::Kept, v1::PromiseState::Late]);
        // A chargeback undoes what was kept, of the month in which it was due.
        let back = |id: &str, of: &str, day| {
            let reason = v1::ReversalKind::Chargeback.into();
            let back = v1::Reversal { reversed_activity_id: of.to_owned(), amount: euros(10), reason };
            activity(id, "c1", day, Detail::Reversal(back))
        };
        record(&mut mine, vec![back("r1", "p1", 50)]).await;
        assert_eq!(months(&mut mine, "ptp_kept", march).await, ["0.00 = 0 / 2"]);
        assert_eq!(months(&mut mine, "ptp_kept_accounts", march).await, ["0.00 = 0 / 1"]);
        assert_eq!(months(&mut mine, "ptp_kept_amount", march).await, ["0.00 = 0.00 / 20.00"]);
        assert_eq!(states(&mut mine).await, [v1::PromiseState::Broken, v1::PromiseState::Late]);
        // Before it, that was not so.
        let before = v1::QueryKpisRequest {
            region_code: "IT".to_owned(),
            kpi_ids: vec!["ptp_kept".to_owned()],
            grain: v1::Grain::Month.into(),
            start_date: date(2024, 3, 1),
            end_date: date(2024, 4, 1),
            as_of_time: stamp(49),
            ..Default::default()
        };
        let rows = mine.kpis.query_kpis(before).await.expect("figures").into_inner().rows;
        assert_eq!(rows[0].value.as_ref().map(|value| value.value.as_str()), Some("50.00"));
        let drill = v1::DrillDownRequest {
            region_code: "IT".to_owned(),
            kpi_id: "ptp_broken_rate".to_owned(),
            start_date: date(2024, 3, 1),
            end_date: date(2024, 4, 1),
            ..Default::default()
        };
        let page = mine.kpis.drill_down(drill).await.expect("records").into_inner();
        let of = |record: &v1::ContributingRecord| -> i64 {
            record.numerator.as_ref().map_or(0, |part| part.value.parse().expect("a number"))
        };
        assert_eq!(page.records.iter().map(of).sum::<i64>(), 1, "{:?}", page.records);
        // Without the chargeback it never was.
        let void = v1::VoidActivityRequest {
            region_code: "IT".to_owned(),
            target_activity_id: "r1".to_owned(),
            void_activity_id: "v1".to_owned(),
            void_time: stamp(60),
            reason: "never happened".to_owned(),
        };
        mine.activities.void_activity(void).await.expect("voided");
        assert_eq!(months(&mut mine, "ptp_kept", march).await, ["50.00 = 1 / 2"]);
        assert_eq!(states(&mut mine).await, [v1::PromiseState::Kept, v1::PromiseState::Late]);
        api.end().await;
    }
);
