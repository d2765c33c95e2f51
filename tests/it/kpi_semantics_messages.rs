//! What figures say of messages where a channel reports less than everything. Each expectation is counted by hand from the
//! records beside it.

use fairdue::proto::v1;
use v1::activity::Detail;

use crate::kpi_semantics::{cases, months, record, service};
use crate::support::api::Clients;
use crate::support::database::on_both_databases;
use crate::support::wire::activity;

const MARCH: (i32, i32, i32) = (2024, 4, 1);

fn email(id: &str, outcome: v1::Outcome) -> v1::Activity {
    let channel = v1::Channel::Email.into();
    let contact = v1::Contact { channel, outcome: outcome.into(), ..Default::default() };
    activity(id, "c1", 1, Detail::Contact(Box::new(contact)))
}

fn event(id: &str, of: &str, day: i64, event: v1::MessageEventKind, machine: bool) -> v1::Activity {
    let event = v1::MessageEvent { event: event.into(), channel: v1::Channel::Email.into(), machine };
    let mut one = activity(id, "c1", day, Detail::MessageEvent(event));
    one.parent_activity_id = of.to_owned();
    one
}

async fn rates<const N: usize>(mine: &mut Clients, kpis: [&str; N]) -> Vec<String> {
    let mut shown = Vec::new();
    for kpi in kpis {
        shown.extend(months(mine, kpi, MARCH).await);
    }
    shown
}

on_both_databases!(
    async fn what_a_person_opened_was_delivered(database: Database) {
        use v1::MessageEventKind as Kind;
        use v1::Outcome::{Delivered, Opened, Sent};
        let (api, mut mine) = service(&database).await;
        cases(&mut mine, &["c1"]).await;
        let records = vec![
            // One of which only the delivery is reported, and one of which nothing is.
            email("m1", Delivered),
            email("m2", Sent),
            // Read, by its own record and by reports, before which no delivery was reported.
            email("m3", Opened),
            email("m4", Sent),
            event("e4", "m4", 2, Kind::Opened, false),
            // Followed; and one that a machine opened, which tells nothing of its reader.
            email("m5", Sent),
            event("e5", "m5", 2, Kind::Clicked, false),
            email("m6", Sent),
            event("e6", "m6", 2, Kind::Opened, true),
        ];
        record(&mut mine, records).await;
        let kpis = ["delivery_rate", "open_rate", "click_rate", "pending_rate", "unsubscribe_rate"];
        let told = rates(&mut mine, kpis).await;
        assert_eq!(told, ["66.67 = 4 / 6", "50.00 = 2 / 4", "25.00 = 1 / 4", "33.33 = 2 / 6", "MISSING_INPUT = - / -"]);
        // A failure that was reported before the message was opened is over; one reported after that is none.
        let records = vec![
            event("e7", "m2", 2, Kind::BouncedSoft, false),
            event("e8", "m2", 3, Kind::Unsubscribed, false),
            event("e9", "m3", 3, Kind::BouncedHard, false),
        ];
        record(&mut mine, records).await;
        let told = rates(&mut mine, kpis).await;
        assert_eq!(told, ["83.33 = 5 / 6", "40.00 = 2 / 5", "20.00 = 1 / 5", "16.67 = 1 / 6", "20.00 = 1 / 5"]);
        assert_eq!(months(&mut mine, "bounce_rate", MARCH).await, ["0.00 = 0 / 6"]);
        api.end().await;
    }
);

on_both_databases!(
    async fn a_delivery_that_failed_later_is_none(database: Database) {
        use v1::MessageEventKind as Kind;
        let (api, mut mine) = service(&database).await;
        cases(&mut mine, &["c1"]).await;
        let records = vec![
            email("m1", v1::Outcome::Delivered),
            event("e1", "m1", 2, Kind::Opened, true),
            event("e2", "m1", 3, Kind::BouncedHard, false),
        ];
        record(&mut mine, records).await;
        let told = rates(&mut mine, ["delivery_rate", "hard_bounce_rate"]).await;
        assert_eq!(told, ["0.00 = 0 / 1", "100.00 = 1 / 1"]);
        api.end().await;
    }
);
