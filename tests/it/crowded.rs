//! More connections than there is room for: whoever has a valid key and something to ask is not kept out by those who open
//! connections and do nothing with them, and nothing that is in work ends for it.

use std::time::Duration;

use fairdue::domain::principal::Role;
use fairdue::proto::v1;
use fairdue::proto::v1::sync_service_client::SyncServiceClient;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tonic::Streaming;
use tonic::transport::Channel;

use crate::support::api::{Api, Key};
use crate::support::database::{Backend, Database};

const PLACES: usize = 4;
/// Long enough for an answer of a busy machine, far shorter than anything else that would end a connection.
const SOON: Duration = Duration::from_secs(10);

async fn start() -> (Api, Key, Database) {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start_with(&database, &[("grpc.max_connections", &PLACES.to_string())]).await;
    let key = api.key("mine", &[Role::Admin], &[]).await;
    (api, key, database)
}

async fn channel(api: &Api) -> Channel {
    Channel::from_shared(format!("http://{}", api.address)).expect("an address").connect().await.expect("connect")
}

fn call<T>(key: &Key, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert("authorization", key.header());
    request
}

/// A call over a connection of its own, which the caller goes on to hold.
async fn asked(api: &Api, key: &Key) -> Channel {
    let asking = async {
        let channel = channel(api).await;
        let wish = v1::GetMarketStatusRequest { region_code: "IT".into() };
        SyncServiceClient::new(channel.clone()).get_market_status(call(key, wish)).await.expect("an answer");
        channel
    };
    tokio::time::timeout(SOON, asking).await.expect("there is room for who has a key")
}

/// A feed that stays open.
async fn feed(channel: &Channel, key: &Key) -> Streaming<v1::PullResponse> {
    let wish = v1::PullRequest { region_code: "IT".into(), ..Default::default() };
    SyncServiceClient::new(channel.clone()).pull(call(key, wish)).await.expect("a feed").into_inner()
}

/// Whether a feed goes on: what has come is read, and no end is among it.
async fn goes_on(feed: &mut Streaming<v1::PullResponse>) -> bool {
    loop {
        match tokio::time::timeout(Duration::from_millis(300), feed.message()).await {
            Ok(Ok(Some(_))) => {}
            Ok(end) => {
                eprintln!("the feed ended: {end:?}");
                return false;
            }
            Err(_) => return true,
        }
    }
}

async fn stranger(api: &Api) -> TcpStream {
    TcpStream::connect(api.address).await.expect("connect")
}

#[tokio::test]
async fn connections_of_strangers_give_way_to_who_has_a_key() {
    let (api, key, _database) = start().await;
    let first = asked(&api, &key).await;
    let mut open = feed(&first, &key).await;
    let mut silent = Vec::new();
    for _ in 0..2 * PLACES {
        silent.push(stranger(&api).await);
    }
    let second = asked(&api, &key).await;
    // The oldest of the strangers were let go, and know it.
    let mut bytes = Vec::new();
    // However it ended.
    let _ = tokio::time::timeout(SOON, silent[0].read_to_end(&mut bytes)).await.expect("the oldest has ended");
    assert!(goes_on(&mut open).await, "a stream in work is not touched");
    drop((silent, second));
    api.end().await;
}

#[tokio::test]
async fn forgotten_connections_give_way_and_those_with_a_stream_do_not() {
    let (api, key, _database) = start().await;
    let first = asked(&api, &key).await;
    let mut open = feed(&first, &key).await;
    // The connection of the test's own server handle has had no key on it: it goes first.
    let mut forgotten = Vec::new();
    for _ in 0..2 * PLACES {
        forgotten.push(asked(&api, &key).await);
    }
    assert!(goes_on(&mut open).await, "a stream in work is not touched");
    // Whose connection went opens another when there is something to ask.
    let wish = v1::GetMarketStatusRequest { region_code: "IT".into() };
    let mut again = SyncServiceClient::new(forgotten[0].clone());
    tokio::time::timeout(SOON, again.get_market_status(call(&key, wish))).await.expect("in time").expect("an answer");
    drop((open, first, forgotten));
    api.end().await;
}

#[tokio::test]
async fn while_everybody_has_a_stream_the_next_waits_for_an_end() {
    let (api, key, _database) = start().await;
    let mut feeds = Vec::new();
    for _ in 0..PLACES {
        let channel = asked(&api, &key).await;
        feeds.push((feed(&channel, &key).await, channel));
    }
    let (address, asker) = (api.address, key.clone());
    let next = tokio::spawn(async move {
        let endpoint = Channel::from_shared(format!("http://{address}")).expect("an address");
        let channel = endpoint.connect().await.expect("connect");
        let wish = v1::GetMarketStatusRequest { region_code: "IT".into() };
        SyncServiceClient::new(channel).get_market_status(call(&asker, wish)).await.expect("an answer");
    });
    for (one, _) in &mut feeds {
        assert!(goes_on(one).await, "a stream in work is not touched");
    }
    assert!(!next.is_finished(), "there is no room");
    feeds.pop();
    tokio::time::timeout(SOON, next).await.expect("there is room").expect("an answer");
    drop(feeds);
    api.end().await;
}
