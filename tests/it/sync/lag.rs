//! A client that stops reading makes no error: whoever monitors the server sees it.

use std::time::Duration;

use fairdue::proto::v1;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Endpoint;
use v1::sync_service_client::SyncServiceClient;

use super::receive::{MARKET, gauge, until, write};
use crate::support::database::on_both_databases;
use crate::support::postgres::free_port;
use crate::support::service::{Credential, Setup};

/// Bytes that a client takes in before it reads.
const WINDOW: u32 = 65_535;
const LAG: &str = "fairdue_feed_lag_seconds{tenant=\"t\",market=\"it\"}";

on_both_databases!(
    async fn how_long_a_client_has_not_read_is_seen_until_it_reads_on(database: Database) {
        let metrics = format!("127.0.0.1:{}", free_port());
        let setup = Setup::new(&database.url, &[("metrics.listen", &metrics)]).await;
        let service = setup.start().await;
        write(&service, &setup.key, 0..1_200).await;
        let endpoint = Endpoint::from_shared(format!("http://{}", service.address)).expect("an address");
        let endpoint = endpoint.initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW);
        let channel = endpoint.connect().await.expect("a connection");
        let mut client = SyncServiceClient::new(InterceptedService::new(channel, Credential::of(&setup.key)));
        let request = v1::PullRequest { region_code: MARKET.to_owned(), ..Default::default() };
        let mut feed = client.pull(request).await.expect("a feed").into_inner();
        let mut message = feed.message().await.expect("no failure").expect("a message");
        until("the gauge says so", async || gauge(&metrics, LAG).await >= Some(3.0)).await;
        assert!(gauge(&metrics, LAG).await <= Some(60.0));
        while message.through_revision < message.head_revision {
            message = feed.message().await.expect("no failure").expect("a message");
        }
        until("the client has everything", async || gauge(&metrics, LAG).await == Some(0.0)).await;
        // One that follows is never behind for longer than it takes to send.
        let mut most: f64 = 0.0;
        for round in 0..8 {
            write(&service, &setup.key, 1_200 + round * 4..1_204 + round * 4).await;
            while message.through_revision < message.head_revision {
                message = feed.message().await.expect("no failure").expect("a message");
            }
            tokio::time::sleep(Duration::from_millis(700)).await;
            most = most.max(gauge(&metrics, LAG).await.expect("a gauge"));
            message = feed.message().await.expect("no failure").expect("a message");
        }
        assert!(most < 3.0, "{most}");
        drop(feed);
        assert_eq!(service.stop(), 0);
    }
);
