//! What figures say of things that end in another way than was thought: reversals of more than there was, clicks without an
//! opening, recalls, matters told twice, settlements that nobody paid. Each expectation is counted by hand from the records
//! beside it.

use fairdue::proto::v1;
use v1::activity::Detail;

use crate::kpi_semantics::{cases, months, record, service};
use crate::support::api::Clients;
use crate::support::database::on_both_databases;
use crate::support::wire::{activity, date, euros, march, payment};

const MARCH: (i32, i32, i32) = (2024, 4, 1);

fn back(id: &str, of: &str, day: i64, units: i64) -> v1::Activity {
    let reason = v1::ReversalKind::Chargeback.into();
    let back = v1::Reversal { reversed_activity_id: of.to_owned(), amount: euros(units), reason };
    activity(id, "c1", day, Detail::Reversal(back))
}

/// How many reversals the data quality of March says to have taken back more than there was.
async fn beyond(mine: &mut Clients) -> Vec<(String, i64)> {
    let request = v1::GetDataQualityRequest {
        region_code: "IT".to_owned(),
        start_date: date(2024, 3, 1),
        end_date: date(2024, 4, 1),
    };
    let quality = mine.kpis.get_data_quality(request).await.expect("gaps").into_inner();
    let gaps = quality.kpis.into_iter().filter(|gap| gap.kpi_id == "collected_net" && gap.lack == "reversed");
    gaps.map(|gap| (gap.measure_id, gap.lacking_count)).collect()
}

/// What reversals stated beyond what was left, by why.
async fn by_state(mine: &mut Clients) -> Vec<String> {
    let question = v1::QueryKpisRequest { group_by: vec!["state".to_owned()], ..march("reversed_beyond") };
    let rows = mine.kpis.query_kpis(question).await.expect("figures").into_inner().rows;
    let value = |row: &v1::KpiRow| row.value.as_ref().map_or("-", |value| value.value.as_str()).to_owned();
    rows.iter().map(|row| format!("{} {}", row.group[0].value, value(row))).collect()
}

on_both_databases!(
    async fn what_is_taken_back_beyond_what_was_there_is_told(database: Database) {
        let (api, mut mine) = service(&database).await;
        cases(&mut mine, &["c1"]).await;
        record(&mut mine, vec![payment("p1", "c1", 1, 20), back("r1", "p1", 2, 15)]).await;
        assert_eq!(beyond(&mut mine).await, []);
        // Five are left of the payment when ten are taken back, and nothing is known of another one.
        record(&mut mine, vec![back("r2", "p1", 3, 10), back("r3", "p9", 4, 7)]).await;
        assert_eq!(months(&mut mine, "collected_net", MARCH).await, ["0.00 = 0.00 / -"]);
        assert_eq!(by_state(&mut mine).await, ["more_than_payment 5.00", "not_there 7.00"]);
        assert_eq!(beyond(&mut mine).await, [("payments_reversed".to_owned(), 2)]);
        // The records behind the figure are the reversals.
        let drill = v1::DrillDownRequest {
            region_code: "IT".to_owned(),
            kpi_id: "reversed_beyond".to_owned(),
            start_date: date(2024, 3, 1),
            end_date: date(2024, 4, 1),
            currency_code: "EUR".to_owned(),
            ..Default::default()
        };
        let records = mine.kpis.drill_down(drill).await.expect("records").into_inner().records;
        assert_eq!(records.iter().map(|one| one.activity_id.as_str()).collect::<Vec<_>>(), ["r2", "r3"]);
        // The payment comes after all, with a time after that of its reversal.
        record(&mut mine, vec![payment("p9", "c1", 6, 30)]).await;
        assert_eq!(months(&mut mine, "collected_net", MARCH).await, ["23.00 = 23.00 / -"]);
        assert_eq!(by_state(&mut mine).await, ["more_than_payment 5.00"]);
        assert_eq!(beyond(&mut mine).await, [("payments_reversed".to_owned(), 1)]);
        // And a late record of the first payment's time, of which the one before took more than there is.
        record(&mut mine, vec![back("r0", "p1", 1, 6)]).await;
        assert_eq!(by_state(&mut mine).await, ["more_than_payment 11.00"]);
        api.end().await;
    }
);

on_both_databases!(
    async fn clicks_are_a_part_of_what_was_opened(database: Database) {
        use v1::MessageEventKind::{Clicked, Opened};
        let (api, mut mine) = service(&database).await;
        cases(&mut mine, &["c1"]).await;
        let email = |id: &str| {
            let contact = v1::Contact { channel: v1::Channel::Email.into(), ..Default::default() };
            activity(id, "c1", 1, Detail::Contact(Box::new(contact)))
        };
        let event = |id: &str, of: &str, day, event: v1::MessageEventKind| {
            let event =
                v1::MessageEvent { event: event.into(), channel: v1::Channel::Email.into(), ..Default::default() };
            let mut one = activity(id, "c1", day, Detail::MessageEvent(event));
            one.parent_activity_id = of.to_owned();
            one
        };
        let records = vec![
            // One followed of which nobody told that it was opened, one opened, one followed and then told to be opened, and
            // one opened and then followed twice.
            email("m1"),
            event("e1", "m1", 2, Clicked),
            email("m2"),
            event("e2", "m2", 2, Opened),
            email("m3"),
            event("e3", "m3", 2, Clicked),
            event("e4", "m3", 3, Opened),
            email("m4"),
            event("e5", "m4", 2, Opened),
            event("e6", "m4", 3, Clicked),
            event("e7", "m4", 4, Clicked),
        ];
        record(&mut mine, records[..5].to_vec()).await;
        assert_eq!(months(&mut mine, "click_to_open_rate", MARCH).await, ["0.00 = 0 / 1"]);
        record(&mut mine, records[5..].to_vec()).await;
        assert_eq!(months(&mut mine, "click_to_open_rate", MARCH).await, ["66.67 = 2 / 3"]);
        assert_eq!(months(&mut mine, "click_rate", MARCH).await, ["75.00 = 3 / 4"]);
        let rows = mine.kpis.query_kpis(march("click_to_open_rate")).await.expect("figures").into_inner().rows;
        assert!(rows[0].interval_low.is_some() && rows[0].interval_high.is_some(), "a proportion: {rows:?}");
        api.end().await;
    }
);

on_both_databases!(
    async fn what_the_client_took_back_is_no_base_of_its_cohort(database: Database) {
        let (api, mut mine) = service(&database).await;
        cases(&mut mine, &["c1", "c2"]).await;
        let recall = v1::Transfer { transfer: v1::TransferKind::Recall.into(), ..Default::default() };
        let charge = v1::Charge { amount: euros(10), step: v1::ChargeStep::Reminder.into(), ..Default::default() };
        let records = vec![
            payment("p1", "c1", 2, 40),
            activity("t", "c1", 20, Detail::Transfer(recall)),
            payment("p2", "c1", 25, 15),
            activity("k", "c2", 10, Detail::Charge(charge)),
            payment("p3", "c2", 30, 35),
        ];
        record(&mut mine, records).await;
        // Placed 200 and charged 10, of which 60 left with the recall; what came after it was no longer to be collected.
        assert_eq!(months(&mut mine, "recovery_rate_cohort", MARCH).await, ["50.00 = 75.00 / 150.00"]);
        assert_eq!(months(&mut mine, "recovery_rate_cohort_original", MARCH).await, ["45.00 = 90.00 / 200.00"]);
        api.end().await;
    }
);

on_both_databases!(
    async fn a_matter_told_twice_is_one(database: Database) {
        let (api, mut mine) = service(&database).await;
        cases(&mut mine, &["c1"]).await;
        let call = v1::Contact { channel: v1::Channel::Call.into(), ..Default::default() };
        let call = activity("k", "c1", 1, Detail::Contact(Box::new(call)));
        let step = |id: &str, day, step: v1::MatterStep, reference: &str| {
            let complaint = v1::Complaint { step: step.into(), reference: reference.to_owned() };
            activity(id, "c1", day, Detail::Complaint(complaint))
        };
        let dispute = |id: &str, day, step: v1::MatterStep| {
            activity(id, "c1", day, Detail::Dispute(v1::Dispute { step: step.into(), ..Default::default() }))
        };
        use v1::MatterStep::{Opened, ResolvedRejected, ResolvedUpheld};
        record(&mut mine, vec![call, step("a", 2, Opened, "x"), step("b", 3, Opened, "x")]).await;
        assert_eq!(months(&mut mine, "complaint_rate_contacts", MARCH).await, ["1000.00 = 1 / 1"]);
        // Another one by its reference, and one without; told as two systems do, each decision twice.
        let records = vec![
            step("c", 4, Opened, "y"),
            step("d", 5, Opened, ""),
            step("e", 6, ResolvedUpheld, "x"),
            step("f", 7, ResolvedUpheld, "x"),
            step("g", 8, ResolvedRejected, "y"),
        ];
        record(&mut mine, records).await;
        assert_eq!(months(&mut mine, "complaint_rate_contacts", MARCH).await, ["3000.00 = 3 / 1"]);
        assert_eq!(months(&mut mine, "complaint_upheld_rate", MARCH).await, ["50.00 = 1 / 2"]);
        // Brought up anew after it was decided, it is brought up again; of what was opened elsewhere the decision counts.
        record(&mut mine, vec![step("h", 9, Opened, "x"), step("i", 10, ResolvedUpheld, "z")]).await;
        assert_eq!(months(&mut mine, "complaint_rate_contacts", MARCH).await, ["4000.00 = 4 / 1"]);
        assert_eq!(months(&mut mine, "complaint_upheld_rate", MARCH).await, ["66.67 = 2 / 3"]);
        // A case has one dispute without a reference at a time.
        record(&mut mine, vec![dispute("l", 2, Opened), dispute("m", 3, Opened)]).await;
        assert_eq!(months(&mut mine, "dispute_rate_contacts", MARCH).await, ["1000.00 = 1 / 1"]);
        api.end().await;
    }
);

on_both_databases!(
    async fn a_settlement_that_was_not_paid_by_its_day_is_not_kept(database: Database) {
        let (api, mut mine) = service(&database).await;
        cases(&mut mine, &["c1", "c2", "c3", "c4", "c5"]).await;
        let settlement = |id: &str, case: &str, day, step: v1::SettlementStep, due| {
            let settlement = v1::Settlement { step: step.into(), amount: euros(60), due_date: due };
            activity(id, case, day, Detail::Settlement(settlement))
        };
        use v1::SettlementStep::{Accepted, Broken};
        // To be paid by 20 March, with three days of grace.
        let due = date(2024, 3, 20);
        let records = vec![
            settlement("a1", "c1", 1, Accepted, due),
            settlement("a2", "c2", 1, Accepted, due),
            payment("p2", "c2", 5, 60),
            settlement("a3", "c3", 1, Accepted, due),
            payment("p3", "c3", 40, 60),
            settlement("a4", "c4", 1, Accepted, due),
            settlement("b4", "c4", 30, Broken, None),
            // Without a day nothing says that it is over.
            settlement("a5", "c5", 1, Accepted, None),
        ];
        record(&mut mine, records).await;
        assert_eq!(months(&mut mine, "settlement_kept_rate", MARCH).await, ["25.00 = 1 / 4"]);
        let may = (2024, 5, 1);
        assert_eq!(months(&mut mine, "settlement_kept_rate", may).await[1], "EMPTY_DENOMINATOR = 0 / 0", "told once");
        // What was paid late was paid all the same: the creditor gave up the same.
        assert_eq!(
            months(&mut mine, "settlement_discount", may).await,
            ["40.00 = 40.00 / 100.00", "40.00 = 40.00 / 100.00"]
        );
        // A transfer on its way on the last day that is told later was in time; money taken back was not paid.
        let mut in_time = payment("p1", "c1", 8, 60);
        if let Some(Detail::Payment(payment)) = &mut in_time.detail {
            payment.value_date = date(2024, 3, 23);
        }
        record(&mut mine, vec![in_time]).await;
        assert_eq!(months(&mut mine, "settlement_kept_rate", MARCH).await, ["50.00 = 2 / 4"]);
        let reversal = |id: &str, of: &str, day, units| v1::Activity {
            case_ids: vec!["c2".to_owned()],
            ..back(id, of, day, units)
        };
        record(&mut mine, vec![reversal("r2", "p2", 50, 1)]).await;
        assert_eq!(months(&mut mine, "settlement_kept_rate", MARCH).await, ["25.00 = 1 / 4"]);
        // The client calls the settlement broken that was paid late, and then the payment is charged back: nothing was paid late.
        let charged_back = v1::Activity { case_ids: vec!["c3".to_owned()], ..back("r3", "p3", 50, 60) };
        record(&mut mine, vec![settlement("b3", "c3", 42, Broken, None), charged_back]).await;
        let april = months(&mut mine, "settlement_discount", may).await.remove(1);
        assert!(!april.starts_with("40.00"), "{april}");
        api.end().await;
    }
);
