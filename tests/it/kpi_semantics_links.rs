//! What figures mean where records name each other: payments that are taken back, promises made on calls. Each expectation is
//! counted by hand from the records beside it.

use fairdue::proto::v1;
use v1::activity::Detail;

use crate::kpi_semantics::{cases, months, record, service};
use crate::support::api::Clients;
use crate::support::database::on_both_databases;
use crate::support::wire::{activity, date, euros, payment, stamp};

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
