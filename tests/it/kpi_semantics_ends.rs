//! What figures say of things that end in another way than was thought: reversals of more than there was, clicks without an
//! opening, recalls, matters told twice, settlements that nobody paid. Each expectation is counted by hand from the records
//! beside it.

use fairdue::proto::v1;
use v1::activity::Detail;

use crate::kpi_semantics::{cases, months, record, service};
use crate::support::database::on_both_databases;
use crate::support::wire::{activity, date, euros, payment};

const MARCH: (i32, i32, i32) = (2024, 4, 1);

fn back(id: &str, of: &str, day: i64, units: i64) -> v1::Activity {
    let reason = v1::ReversalKind::Chargeback.into();
    let back = v1::Reversal { reversed_activity_id: of.to_owned(), amount: euros(units), reason };
    activity(id, "c1", day, Detail::Reversal(back))
}

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
        api.end().await;
    }
);
