//! What figures mean where records name each other: payments that are taken back, promises made on calls. Each expectation is
//! counted by hand from the records beside it.

use fairdue::proto::v1;
use v1::activity::Detail;

use crate::kpi_semantics::{cases, months, record, service};
use crate::support::api::Clients;
use crate::support::database::on_both_databases;
use crate::support::wire::{activity, case, date, euros, payment, stamp};

const MARCH: (i32, i32, i32) = (2024, 4, 1);

async fn void(mine: &mut Clients, target: &str) {
    let void = v1::VoidActivityRequest {
        region_code: "IT".to_owned(),
        target_activity_id: target.to_owned(),
        void_activity_id: format!("void of {target}"),
        void_time: stamp(60),
        reason: "never happened".to_owned(),
    };
    mine.activities.void_activity(void).await.expect("voided");
}

/// What March shows of a KPI as of an instant.
async fn as_of(mine: &mut Clients, kpi: &str, day: i64) -> String {
    let request = v1::QueryKpisRequest {
        region_code: "IT".to_owned(),
        kpi_ids: vec![kpi.to_owned()],
        grain: v1::Grain::Month.into(),
        start_date: date(2024, 3, 1),
        end_date: date(2024, 4, 1),
        as_of_time: stamp(day),
        ..Default::default()
    };
    let rows = mine.kpis.query_kpis(request).await.expect("figures").into_inner().rows;
    rows[0].value.as_ref().map_or("-", |value| value.value.as_str()).to_owned()
}

on_both_databases!(
    async fn what_led_to_a_payment_follows_the_money(database: Database) {
        let (api, mut mine) = service(&database).await;
        cases(&mut mine, &["c1"]).await;
        let sms = v1::Contact { channel: v1::Channel::Sms.into(), ..Default::default() };
        let page = |id: &str, step: v1::PageStep| {
            activity(id, "c1", 1, Detail::Page(v1::PageEvent { step: step.into(), ..Default::default() }))
        };
        let back = |id: &str, of: &str, day, units| {
            let reason = v1::ReversalKind::Chargeback.into();
            let back = v1::Reversal { reversed_activity_id: of.to_owned(), amount: euros(units), reason };
            activity(id, "c1", day, Detail::Reversal(back))
        };
        let records = vec![
            activity("m1", "c1", 1, Detail::Contact(Box::new(sms))),
            page("v1", v1::PageStep::Visit),
            page("f1", v1::PageStep::PaymentFailed),
            page("f2", v1::PageStep::PaymentFailed),
            payment("p1", "c1", 3, 10),
            payment("p2", "c1", 20, 10),
        ];
        record(&mut mine, records).await;
        // Within seven days, and within thirty.
        let told = async |mine: &mut Clients| {
            let mut shown = Vec::new();
            for kpi in ["message_conversion_rate", "message_conversion_rate_30d", "landing_page_conversion"] {
                shown.extend(months(mine, kpi, MARCH).await);
            }
            for kpi in ["repeat_failed_payers", "repeat_failed_payers_30d"] {
                shown.extend(months(mine, kpi, MARCH).await);
            }
            shown
        };
        let paid = ["100.00 = 1 / 1", "100.00 = 1 / 1", "100.00 = 1 / 1", "0 = 0 / -", "0 = 0 / -"];
        assert_eq!(told(&mut mine).await, paid);
        // Taken back in part: paid all the same.
        record(&mut mine, vec![back("r1", "p1", 30, 9)]).await;
        assert_eq!(told(&mut mine).await, paid);
        // Nothing left of the first one: the second came on the twentieth day.
        record(&mut mine, vec![back("r2", "p1", 31, 1)]).await;
        let later = ["0.00 = 0 / 1", "100.00 = 1 / 1", "0.00 = 0 / 1", "1 = 1 / -", "0 = 0 / -"];
        assert_eq!(told(&mut mine).await, later);
        record(&mut mine, vec![back("r3", "p2", 50, 10)]).await;
        let nothing = ["0.00 = 0 / 1", "0.00 = 0 / 1", "0.00 = 0 / 1", "1 = 1 / -", "1 = 1 / -"];
        assert_eq!(told(&mut mine).await, nothing);
        // Before it, that was not so; and without it, it never was.
        assert_eq!(as_of(&mut mine, "message_conversion_rate_30d", 49).await, "100.00");
        assert_eq!(as_of(&mut mine, "message_conversion_rate", 30).await, "100.00");
        void(&mut mine, "r3").await;
        assert_eq!(told(&mut mine).await, later);
        void(&mut mine, "r1").await;
        assert_eq!(told(&mut mine).await, paid);
        api.end().await;
    }
);

/// A call about these cases on which the right party was spoken to.
fn call(id: &str, of: &[&str], day: i64) -> v1::Activity {
    let outcome = v1::Outcome::RightPartyCallback.into();
    let contact = v1::Contact { channel: v1::Channel::Call.into(), outcome, ..Default::default() };
    let mut one = activity(id, of[0], day, Detail::Contact(Box::new(contact)));
    one.case_ids = of.iter().map(|case| (*case).to_owned()).collect();
    one
}

/// A promise of ten that was made on a call.
fn promise(id: &str, case: &str, call: &str, day: i64) -> v1::Activity {
    let made = v1::Promise { amount: euros(10), due_date: date(2024, 4, 20), ..Default::default() };
    let mut one = activity(id, case, day, Detail::Promise(made));
    one.parent_activity_id = call.to_owned();
    one
}

on_both_databases!(
    async fn a_promise_on_any_case_of_a_call_counts_for_the_call(database: Database) {
        let (api, mut mine) = service(&database).await;
        cases(&mut mine, &["c1", "c2", "c3", "c4"]).await;
        let told = async |mine: &mut Clients| {
            let calls = months(mine, "call_to_promise", MARCH).await.remove(0);
            assert_eq!(months(mine, "ptp_rate_outbound", MARCH).await, std::slice::from_ref(&calls));
            calls
        };
        // A call about three cases, and one about one of them.
        record(&mut mine, vec![call("k1", &["c1", "c2", "c3"], 1), call("k2", &["c2"], 2)]).await;
        assert_eq!(told(&mut mine).await, "0.00 = 0 / 2");
        record(&mut mine, vec![promise("a", "c2", "k1", 1)]).await;
        assert_eq!(told(&mut mine).await, "50.00 = 1 / 2");
        // A second one, in the batch after; it still counts once.
        record(&mut mine, vec![promise("b", "c3", "k1", 1)]).await;
        assert_eq!(told(&mut mine).await, "50.00 = 1 / 2");
        // A case that the call was not about has nothing to say of it.
        record(&mut mine, vec![promise("c", "c4", "k2", 2)]).await;
        assert_eq!(told(&mut mine).await, "50.00 = 1 / 2");
        void(&mut mine, "a").await;
        assert_eq!(told(&mut mine).await, "50.00 = 1 / 2");
        void(&mut mine, "b").await;
        assert_eq!(told(&mut mine).await, "0.00 = 0 / 2");
        // Promises before their calls: as they came, in one batch, and by their time.
        record(&mut mine, vec![promise("d", "c4", "k3", 3)]).await;
        record(&mut mine, vec![call("k3", &["c1", "c4"], 3)]).await;
        assert_eq!(told(&mut mine).await, "33.33 = 1 / 3");
        record(&mut mine, vec![promise("e", "c4", "k4", 4), call("k4", &["c3", "c2", "c4"], 4)]).await;
        assert_eq!(told(&mut mine).await, "50.00 = 2 / 4");
        record(&mut mine, vec![call("k5", &["c2", "c3"], 6)]).await;
        record(&mut mine, vec![promise("f", "c3", "k5", 5)]).await;
        assert_eq!(told(&mut mine).await, "60.00 = 3 / 5");
        // Told from the history it is the same, and before each of them it was not so.
        assert_eq!(as_of(&mut mine, "call_to_promise", 83).await, "60.00");
        assert_eq!(as_of(&mut mine, "call_to_promise", 4).await, "50.00");
        assert_eq!(as_of(&mut mine, "call_to_promise", 2).await, "0.00");
        // Without its call there is nothing to count; the promise itself is there.
        void(&mut mine, "k4").await;
        assert_eq!(told(&mut mine).await, "50.00 = 2 / 4");
        let list = v1::ListActivitiesRequest {
            region_code: "IT".to_owned(),
            case_id: "c1".to_owned(),
            page_size: 100,
            ..Default::default()
        };
        let listed = mine.activities.list_activities(list).await.expect("activities").into_inner().activities;
        let ids: Vec<&str> = listed.iter().map(|one| one.activity_id.as_str()).collect();
        assert_eq!(ids, ["k1", "k3"], "what another case promised is not this one's");
        api.end().await;
    }
);

on_both_databases!(
    async fn servers_tell_each_other_of_promises_on_other_cases(database: Database) {
        let (one, mut here) = service(&database).await;
        let (other, mut there) = service(&database).await;
        cases(&mut here, &["c1", "c2"]).await;
        record(&mut here, vec![call("k1", &["c1", "c2"], 1)]).await;
        // The other server remembers the case that the call is counted on, then hears of a promise on the other case.
        record(&mut there, vec![payment("p1", "c1", 2, 1)]).await;
        record(&mut here, vec![promise("a", "c2", "k1", 1)]).await;
        assert_eq!(months(&mut there, "call_to_promise", MARCH).await, ["100.00 = 1 / 1"]);
        void(&mut there, "a").await;
        for mine in [&mut here, &mut there] {
            assert_eq!(months(mine, "call_to_promise", MARCH).await, ["0.00 = 0 / 1"]);
        }
        // And of the void: the first server goes on from there.
        record(&mut here, vec![promise("b", "c2", "k1", 2), payment("p2", "c1", 0, 1)]).await;
        assert_eq!(months(&mut there, "call_to_promise", MARCH).await, ["100.00 = 1 / 1"]);
        one.end().await;
        other.end().await;
    }
);

on_both_databases!(
    async fn a_debtor_of_several_cases_counts_once(database: Database) {
        let (api, mut mine) = service(&database).await;
        // Both cases are of one person.
        let mut both = vec![case("c1", "a"), case("c2", "a"), case("c3", "a"), case("c4", "a")];
        both[1].parties = both[0].parties.clone();
        both[3].parties.clear();
        let request = v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases: both };
        mine.cases.batch_upsert_cases(request).await.expect("stored");
        let inbound = |mut one: v1::Activity| {
            one.initiator = v1::Initiator::Debtor.into();
            one
        };
        let due = |id: &str, case: &str| {
            let made = v1::Promise { amount: euros(10), due_date: date(2024, 3, 22), ..Default::default() };
            activity(id, case, 1, Detail::Promise(made))
        };
        let promises = vec![inbound(due("a", "c1")), due("b", "c2"), due("c", "c3"), due("d", "c4")];
        record(&mut mine, promises).await;
        record(&mut mine, vec![payment("p1", "c2", 3, 10)]).await;
        for (kpi, told) in [
            ("ptp_kept", "25.00 = 1 / 4"),
            ("ptp_kept_accounts", "25.00 = 1 / 4"),
            ("ptp_kept_debtors", "50.00 = 1 / 2"),
            ("ptp_kept_inbound_debtors", "0.00 = 0 / 1"),
            ("ptp_kept_outbound_debtors", "50.00 = 1 / 2"),
        ] {
            assert_eq!(months(&mut mine, kpi, MARCH).await, [told], "{kpi}");
        }
        // Kept on both cases it is one debtor; after a chargeback of one of them it is that debtor still.
        record(&mut mine, vec![payment("p2", "c1", 3, 10)]).await;
        assert_eq!(months(&mut mine, "ptp_kept_debtors", MARCH).await, ["50.00 = 1 / 2"]);
        let back = |id: &str, case: &str, of: &str| {
            let reason = v1::ReversalKind::Chargeback.into();
            let back = v1::Reversal { reversed_activity_id: of.to_owned(), amount: euros(10), reason };
            activity(id, case, 50, Detail::Reversal(back))
        };
        record(&mut mine, vec![back("r1", "c1", "p2")]).await;
        assert_eq!(months(&mut mine, "ptp_kept_debtors", MARCH).await, ["50.00 = 1 / 2"]);
        record(&mut mine, vec![back("r2", "c2", "p1")]).await;
        assert_eq!(months(&mut mine, "ptp_kept_debtors", MARCH).await, ["0.00 = 0 / 2"]);
        assert_eq!(as_of(&mut mine, "ptp_kept_debtors", 49).await, "50.00");
        void(&mut mine, "r1").await;
        assert_eq!(months(&mut mine, "ptp_kept_debtors", MARCH).await, ["50.00 = 1 / 2"]);
        // Of a fourth case nobody says at first whose it is. What was due on it is told of its debtor once he is named.
        let told = v1::Case { version_id: "v2".to_owned(), effect_time: stamp(60), ..case("c4", "a") };
        let request = v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(told) };
        mine.cases.upsert_case(request).await.expect("stored");
        assert_eq!(months(&mut mine, "ptp_kept_debtors", MARCH).await, ["33.33 = 1 / 3"]);
        assert_eq!(months(&mut mine, "ptp_kept", MARCH).await, ["25.00 = 1 / 4"]);
        assert_eq!(as_of(&mut mine, "ptp_kept_debtors", 59).await, "50.00");
        // The records behind it say by which debtor they count, the same on both cases.
        let drill = v1::DrillDownRequest {
            region_code: "IT".to_owned(),
            kpi_id: "ptp_kept_debtors".to_owned(),
            start_date: date(2024, 3, 1),
            end_date: date(2024, 4, 1),
            ..Default::default()
        };
        let records = mine.kpis.drill_down(drill).await.expect("records").into_inner().records;
        let counted = |case: &str| -> Vec<String> {
            let of = records.iter().filter(|one| one.case_id == case);
            of.flat_map(|one| one.parts.iter().map(|part| part.counted.clone())).collect()
        };
        let (one, other) = (counted("c1"), counted("c3"));
        assert!(!one.is_empty() && one.iter().chain(&counted("c2")).all(|id| *id == one[0]), "{one:?}");
        assert!(!other.is_empty() && other[0] != one[0], "{other:?}");
        assert!(one[0].len() == 16 && one[0].chars().all(|digit| digit.is_ascii_hexdigit()), "{one:?}");
        api.end().await;
    }
);

on_both_databases!(
    // The case is zed's, the money came through yan: what the payment settles moves to yan first, and what is taken back of it
    // moves back.
    async fn the_balance_identity_holds_for_whoever_earned_a_payment(database: Database) {
        let (api, mut mine) = service(&database).await;
        let mut of_zed = case("c1", "a");
        of_zed.steering = Some(v1::Steering { agent_id: "zed".to_owned(), ..of_zed.steering.unwrap_or_default() });
        let request = v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(of_zed) };
        mine.cases.upsert_case(request).await.expect("stored");
        let by_yan = |mut one: v1::Activity| {
            let kind = v1::ActorKind::Human.into();
            one.actor = Some(v1::Actor { agent_id: "yan".to_owned(), kind, ..Default::default() });
            one
        };
        let reason = v1::ReversalKind::Chargeback.into();
        let back = v1::Reversal { reversed_activity_id: "p1".to_owned(), amount: euros(30), reason };
        let off =
            v1::Adjustment { adjustment: v1::AdjustmentKind::WriteOff.into(), amount: euros(5), ..Default::default() };
        let records = vec![
            by_yan(payment("p1", "c1", 3, 80)),
            by_yan(activity("r1", "c1", 4, Detail::Reversal(back))),
            by_yan(activity("w1", "c1", 5, Detail::Adjustment(off))),
        ];
        record(&mut mine, records).await;
        let came = ["balance_opening", "placed", "moved_in", "interest", "charges", "written_up"];
        let went = ["collected_net", "written_off", "discount", "recalled", "cancelled", "moved_out"];
        let parts = ["payments", "payments_reversed", "balance_closing"];
        let request = v1::QueryKpisRequest {
            region_code: "IT".to_owned(),
            kpi_ids: came.iter().chain(&went).chain(&parts).map(|id| (*id).to_owned()).collect(),
            grain: v1::Grain::Month.into(),
            start_date: date(2024, 3, 1),
            end_date: date(2024, 4, 1),
            group_by: vec!["agent".to_owned()],
            ..Default::default()
        };
        let rows = mine.kpis.query_kpis(request).await.expect("figures").into_inner().rows;
        let figure = |kpi: &str, agent: &str| {
            let row =
                rows.iter().find(|row| row.kpi_id == kpi && row.group.first().is_some_and(|one| one.value == agent));
            row.and_then(|row| row.value.as_ref()).map_or(0.0, |value| value.value.parse::<f64>().expect("a number"))
        };
        for (agent, collected, off, closing) in [("zed", 0.0, 5.0, 45.0), ("yan", 50.0, 0.0, 0.0)] {
            let sum = |kpis: &[&str]| kpis.iter().map(|kpi| figure(kpi, agent)).sum::<f64>();
            assert_eq!(figure("balance_closing", agent), sum(&came) - sum(&went), "{agent}: {rows:#?}");
            let told = ["collected_net", "written_off", "balance_closing"].map(|kpi| figure(kpi, agent));
            assert_eq!(told, [collected, off, closing], "{agent}");
            assert_eq!(figure("payments", agent) - figure("payments_reversed", agent), collected, "{agent}");
        }
        // ListKpis says so.
        let list = v1::ListKpisRequest { region_code: "IT".to_owned(), page_size: 1_000, ..Default::default() };
        let kpis = mine.kpis.list_kpis(list).await.expect("the KPIs").into_inner().kpis;
        for (id, attribution) in
            [("payments", "payment_chain"), ("payments_reversed", "payment_chain"), ("moved_in", "mixed")]
        {
            let kpi = kpis.iter().find(|kpi| kpi.kpi_id == id).expect("a KPI");
            assert_eq!(kpi.attribution, attribution, "{id}");
        }
        api.end().await;
    }
);
