//! What was read for a client waits until it reads on. By then it may not have it any more.

use std::time::Duration;

use fairdue::clock::Clock;
use fairdue::domain::ids::{KeyId, TenantId};
use fairdue::domain::principal::Role;
use fairdue::proto::v1;
use fairdue::store::{Store, StoreOptions};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Endpoint;
use tonic::{Code, Status, Streaming};
use v1::case_service_client::CaseServiceClient;
use v1::change::After;
use v1::sync_service_client::SyncServiceClient;

use super::receive::{MARKET, until};
use crate::support::database::on_both_databases;
use crate::support::service::{Credential, Service, Setup, caller};
use crate::support::wire::{case, reason};

/// Bytes that a client takes in before it reads. A server has some hundred thousand more on their way.
const WINDOW: u32 = 65_535;
const CASES: usize = 320;
/// Of each case.
const ATTRIBUTES: usize = 20;

/// Cases of twenty thousand bytes each, so that one page of the feed is six million bytes.
async fn fill(service: &Service, key: &str) {
    let mut client = CaseServiceClient::new(caller(&service.address, key).await);
    let large = |n: usize| {
        let mut case = case(&format!("c{n}"), "creditor");
        case.attributes = (0..ATTRIBUTES).map(|n| (format!("a{n}"), "x".repeat(1_000))).collect();
        case
    };
    for first in (0..CASES).step_by(40) {
        let cases = (first..first + 40).map(large).collect();
        let request = v1::BatchUpsertCasesRequest { region_code: MARKET.to_owned(), cases };
        client.batch_upsert_cases(request).await.expect("cases");
    }
}

async fn pull(service: &Service, key: &str, once: bool) -> Streaming<v1::PullResponse> {
    let endpoint = Endpoint::from_shared(format!("http://{}", service.address)).expect("an address");
    let endpoint = endpoint.initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW);
    let channel = endpoint.connect().await.expect("a connection");
    let mut client = SyncServiceClient::new(InterceptedService::new(channel, Credential::of(key)));
    let request = v1::PullRequest { region_code: MARKET.to_owned(), once, ..Default::default() };
    client.pull(request).await.expect("a feed").into_inner()
}

/// Whether the first change of a message tells attributes.
fn tells_attributes(message: &v1::PullResponse) -> bool {
    let Some(After::Case(case)) = &message.changes.first().expect("a change").after else { panic!("{message:?}") };
    !case.attributes.is_empty()
}

/// How many changes come still, and with what the feed ends.
async fn read_on(mut feed: Streaming<v1::PullResponse>) -> (usize, Option<Status>) {
    let mut changes = 0;
    loop {
        match feed.message().await {
            Ok(Some(message)) => changes += message.changes.len(),
            Ok(None) => return (changes, None),
            Err(status) => return (changes, Some(status)),
        }
    }
}

on_both_databases!(
    async fn what_was_read_is_not_sent_to_who_may_not_have_it_any_more(database: Database) {
        let setup = Setup::new(&database.url, &[]).await;
        let (reader, partner) =
            (setup.another_key(vec![Role::Reader]).await, setup.another_key(vec![Role::Partner]).await);
        let id = |key: &str| key.rsplit('.').nth(1).expect("a key of three parts").to_owned();
        let tenant = setup.configuration().join("tenants/t.toml");
        let text = std::fs::read_to_string(&tenant).expect("read the tenant");
        let share = |fields: &str| {
            let partner = format!(
                "\n[[partner]]\nid = \"hub\"\nkeys = [\"{}\"]\nmarkets = [\"it\"]\n[partner.share]\ncase = [{fields}]\n",
                id(&partner)
            );
            std::fs::write(&tenant, format!("{text}{partner}")).expect("write the tenant");
        };
        share("\"currency_code\", \"attributes\"");
        let service = setup.start().await;
        fill(&service, &setup.key).await;
        let mut feeds = Vec::new();
        for (key, once) in [(&reader, false), (&reader, true), (&partner, false), (&partner, true)] {
            let mut feed = pull(&service, key, once).await;
            let first = feed.message().await.expect("no failure").expect("a message");
            assert!(tells_attributes(&first));
            feeds.push(feed);
        }
        let store = Store::open(&setup.url, &StoreOptions::default()).await.expect("open the store");
        let (tenant, key) = (TenantId::trusted("t"), KeyId::trusted(&id(&reader)));
        assert!(store.revoke_key(&tenant, &key, Clock::system().now()).await.expect("revoke"));
        store.close().await;
        share("\"currency_code\"");
        service.reload();
        until("less is shared", async || {
            // Of one that was opened just before it is told that it is over.
            let first = pull(&service, &partner, true).await.message().await;
            first.is_ok_and(|first| !tells_attributes(&first.expect("a message")))
        })
        .await;
        // A key is looked at again once a second.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        for (feed, who) in feeds.into_iter().zip(["reader", "reader once", "partner", "partner once"]) {
            let (changes, end) = read_on(feed).await;
            assert!(changes < CASES / 2, "{changes} of {CASES} changes to the {who}, then {end:?}");
            let end = end.unwrap_or_else(|| panic!("the feed of the {who} ended without a word"));
            if who.starts_with("reader") {
                assert_eq!(end.code(), Code::Unauthenticated, "{end:?}");
            } else {
                assert_eq!((end.code(), reason(&end).as_str()), (Code::OutOfRange, "RESYNC_NEEDED"));
            }
        }
        assert_eq!(service.stop(), 0);
    }
);
