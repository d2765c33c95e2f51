//! A market that is derived anew counts its logged checks again, as they were counted when they were answered, and reads
//! them a page at a time.

use std::sync::{Arc, Mutex};

use fairdue::proto::v1;

use crate::permits::{ask, open, question, record, start};
use crate::support::api::{Clients, HOUSE_RULE};
use crate::support::database::{Backend, Database, on_both_databases};
use crate::support::proxy::{Act, Proxy};
use crate::support::wire::{batch, call, date, note};

/// Commits of checks: more than are read at once.
const COMMITS: usize = 70;

/// Contacts that were asked about and not permitted, by channel, as the market's cells tell.
async fn prevented(mine: &mut Clients) -> Vec<(String, String)> {
    let question = v1::QueryKpisRequest {
        region_code: "IT".to_owned(),
        kpi_ids: vec!["prevented_contacts".to_owned()],
        grain: v1::Grain::Year.into(),
        start_date: date(2024, 1, 1),
        end_date: date(2040, 1, 1),
        group_by: vec!["channel".to_owned()],
        ..Default::default()
    };
    let answer = mine.kpis.query_kpis(question).await.expect("figures").into_inner();
    let counted = answer.rows.into_iter().filter_map(|row| Some((format!("{:?}", row.group), row.value?.value)));
    counted.filter(|(_, value)| value != "0").collect()
}

on_both_databases!(
    async fn checks_are_counted_anew_page_by_page(database: Database) {
        let proxy = match database.backend {
            Backend::Postgres => Some(Proxy::before(&database.url).await),
            Backend::Sqlite => None,
        };
        let through = proxy.as_ref().map(|proxy| Database::at(Backend::Postgres, &proxy.url(&database.url)));
        let (api, _) = start(through.as_ref().unwrap_or(&database), &[]).await;
        let mut mine = api.platform("mine").await;
        open(&mut mine, &["c1"]).await;
        // As many calls as the house rule allows: no further one is permitted.
        record(&mut mine, vec![call("a1", "c1", -1), call("a2", "c1", -2)]).await;
        for number in 0..COMMITS {
            let channel = if number % 3 == 0 { v1::Channel::Email } else { v1::Channel::Call };
            let contact = Some(v1::Contact { channel: channel.into(), ..Default::default() });
            ask(&mut mine, v1::CheckContactRequest { contact, ..question("c1") }).await.expect("an answer");
            api.app().advice.flush().await;
        }
        let rows = "SELECT COUNT(*) FROM check_log WHERE tenant_id = 'mine'";
        assert_eq!(database.number(rows).await, COMMITS as i64, "each in a commit of its own");
        let before = prevented(&mut mine).await;
        let calls = (0..COMMITS).filter(|number| number % 3 != 0).count().to_string();
        assert_eq!(before.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(), [calls.as_str()]);

        let read = Arc::new(Mutex::new(Vec::new()));
        if let Some(proxy) = &proxy {
            let heard = Arc::clone(&read);
            proxy.decide(move |statement| {
                if statement.contains("SELECT") && statement.contains("FROM check_log") {
                    heard.lock().expect("no panic").push(statement.to_owned());
                }
                Act::Pass
            });
        }
        api.change_rule("mine", &HOUSE_RULE.replace("max = 2", "max = 3"));
        mine.activities.batch_record_activities(batch(vec![note("n1", "c1", -1)])).await.expect("stored");
        assert_eq!(prevented(&mut mine).await, before);
        let read = read.lock().expect("no panic").clone();
        if proxy.is_some() {
            assert!(read.len() > 1, "pages: {read:?}");
            assert!(read.iter().all(|statement| statement.contains("LIMIT")), "the whole log at once: {read:?}");
        }
        api.end().await;
    }
);
