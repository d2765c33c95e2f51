//! No call goes anywhere but outside, whatever a name says and whenever; and what is signed verifies.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::domain::sink::{Endpoint, Scheme};
use crate::domain::time::{SECOND, Timestamp};

/// Addresses that lead inside or nowhere, in the forms in which they are written.
const CLOSED: &[&str] = &[
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.1",
    "127.0.0.53",
    "127.255.255.254",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "0x7f000001",
    "0x7f.1",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "2852039166",
    "0xa9fea9fe",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.257",
    "3232235521",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "168.63.129.16",
    "[::]",
    "[::1]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:10.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::1]",
    "[100::1]",
    "[2001::1]",
    "[2001:10::1]",
    "[2001:db8::1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::]",
    "[3fff::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fe80::a9fe:a9fe]",
    "[fec0::1]",
    "[ff02::1]",
    "[ff0e::1]",
    "[5f00::1]",
];

fn bounds(millis: u64) -> Bounds {
    Bounds { time: Duration::from_millis(millis), answer_bytes: 1_024 }
}

fn https(host: &str) -> Endpoint {
    Endpoint::parse(&format!("https://{host}/hook"), Scheme::Http).unwrap()
}

/// The addresses that a name gives at its first, second, ... look.
fn told(addresses: &'static [&'static [&'static str]]) -> (Resolve, Arc<AtomicUsize>) {
    let looks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&looks);
    let resolve: Resolve = Arc::new(move |_, port| {
        let look = counted.fetch_add(1, Ordering::SeqCst).min(addresses.len() - 1);
        let found = addresses[look].iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), port)).collect();
        Box::pin(async move { Ok(found) })
    });
    (resolve, looks)
}

fn local() -> Guard {
    Guard::new(vec![Network::parse("127.0.0.0/8").unwrap()])
}

/// 6 November 1994 at noon.
const NOON: Timestamp = Timestamp(784_123_200 * SECOND);

async fn post(dialer: Dialer, endpoint: Endpoint, millis: u64) -> Result<Answer, OutboundError> {
    HttpClient::new(Arc::new(dialer), endpoint, bounds(millis)).post(&[], "{}".into(), NOON).await
}

#[tokio::test]
async fn nothing_inside_is_called_in_whatever_form_it_is_written() {
    assert!(CLOSED.len() >= 50, "{}", CLOSED.len());
    for host in CLOSED {
        for scheme in [Scheme::Http, Scheme::Nats] {
            let name = if scheme == Scheme::Http { "https" } else { "tls" };
            let endpoint = Endpoint::parse(&format!("{name}://{host}:9"), scheme).unwrap();
            let dialer = Dialer::new(Guard::default(), None).unwrap();
            let refused = dialer.connect(&endpoint).await.unwrap_err();
            assert!(matches!(refused, OutboundError::Forbidden(_)), "{host}: {refused:?}");
        }
    }
}

#[test]
fn public_addresses_and_named_networks_are_called() {
    let guard = Guard::new(vec![Network::parse("10.20.0.0/16").unwrap(), Network::parse("fd00:12::/32").unwrap()]);
    for address in [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.255.255",
        "100.128.0.1",
        "172.15.0.1",
        "172.32.0.1",
        "192.167.1.1",
        "223.255.255.255",
        "2606:4700::1111",
        "2a00:1450::1",
        "::ffff:8.8.8.8",
        "10.20.255.1",
        "fd00:12::9",
        "::ffff:10.20.0.1",
    ] {
        assert!(guard.admits(address.parse::<IpAddr>().unwrap()), "{address}");
    }
    for address in ["10.21.0.1", "fd00:13::9", "::ffff:10.21.0.1"] {
        assert!(!guard.admits(address.parse::<IpAddr>().unwrap()), "{address}");
    }
    for text in ["10.0.0.0/33", "::/129", "10.0.0", "name", "", "10.0.0.0/-1"] {
        assert_eq!(Network::parse(text), None, "{text}");
    }
    assert!(Network::parse("0.0.0.0/0").unwrap().holds("9.9.9.9".parse().unwrap()));
}

#[tokio::test]
async fn a_name_is_looked_at_once_and_one_address_inside_spoils_it() {
    // Outside at the look, inside at the connection: there is no second look.
    let (resolve, looks) = told(&[&["127.0.0.1"], &["10.0.0.1"]]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let dialer = Dialer::new(local(), None).unwrap().resolving(resolve);
    let stream = dialer.connect(&https(&format!("changes.example:{port}"))).await.unwrap();
    assert_eq!((stream.peer_addr().unwrap().port(), looks.load(Ordering::SeqCst)), (port, 1));
    let (resolve, _) = told(&[&["1.1.1.1", "169.254.169.254"]]);
    let dialer = Dialer::new(Guard::default(), None).unwrap().resolving(resolve);
    assert!(matches!(dialer.connect(&https("mixed.example")).await, Err(OutboundError::Forbidden(_))));
    let (resolve, _) = told(&[&[]]);
    let dialer = Dialer::new(Guard::default(), None).unwrap().resolving(resolve);
    assert!(matches!(dialer.connect(&https("empty.example")).await, Err(OutboundError::Unreachable(_))));
}

#[tokio::test]
async fn without_tls_only_named_networks_are_called() {
    let (resolve, _) = told(&[&["1.1.1.1"]]);
    let dialer = Dialer::new(local(), None).unwrap().resolving(resolve);
    let plain = Endpoint::parse("http://public.example/hook", Scheme::Http).unwrap();
    let refused = dialer.connect(&plain).await.unwrap_err();
    assert!(refused.to_string().contains("without TLS"), "{refused}");
}

/// Answers every request on a port with these bytes, and keeps the connection open behind them.
async fn answering(answer: &'static [u8]) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut buffer = [0; 4_096];
                while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    let _ = stream.write_all(answer).await;
                }
            });
        }
    });
    Endpoint::parse(&format!("http://127.0.0.1:{port}/hook"), Scheme::Http).unwrap()
}

#[tokio::test]
async fn answers_are_bounded_and_redirects_are_answers() {
    let dialer = Dialer::new(local(), None).unwrap();
    let moved = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(post(dialer.clone(), answering(moved).await, 2_000).await.unwrap().status, 302);
    let wait = b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nb\tsy";
    let answer = post(dialer.clone(), answering(wait).await, 2_000).await.unwrap();
    assert_eq!((answer.retry_after, answer.excerpt.as_str()), (Some(Duration::from_secs(7)), "b sy"));
    // A date is by the receiver's clock, which its answer tells; where it does not, by one's own.
    for (told, seconds) in [
        ("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:51:37 GMT\r\n", Some(120)),
        ("Date: Sunday, 06-Nov-94 08:49:37 GMT\r\nRetry-After: Sun Nov  6 08:49:47 1994\r\n", Some(10)),
        ("Retry-After: Sun, 06 Nov 1994 12:00:30 GMT\r\n", Some(30)),
        ("Retry-After: Sun, 06 Nov 1994 11:00:00 GMT\r\n", Some(0)),
        ("Retry-After: soon\r\n", None),
    ] {
        let answer = format!("HTTP/1.1 503 Busy\r\n{told}Content-Length: 0\r\n\r\n");
        let answer =
            post(dialer.clone(), answering(Box::leak(answer.into_bytes().into_boxed_slice())).await, 2_000).await;
        assert_eq!(answer.unwrap().retry_after, seconds.map(Duration::from_secs), "{told}");
    }
    // A body without end is read as far as it may be long, and the status counts.
    let endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n";
    let long: &'static [u8] = Box::leak([endless.as_slice(), &[b'x'; 0x800]].concat().into_boxed_slice());
    assert_eq!(post(dialer.clone(), answering(long).await, 2_000).await.unwrap().status, 200);
    let header: &'static [u8] =
        Box::leak([b"HTTP/1.1 200 OK\r\nX: ".as_slice(), &[b'x'; 40_000]].concat().into_boxed_slice());
    let error = post(dialer.clone(), answering(header).await, 2_000).await.unwrap_err();
    assert!(matches!(error, OutboundError::Unreachable(_)), "{error:?}");
    for silent in [b"".as_slice(), b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"] {
        let error = post(dialer.clone(), answering(silent).await, 150).await.unwrap_err();
        assert_eq!(error, OutboundError::Timeout(Duration::from_millis(150)));
    }
}

#[test]
fn the_signature_is_that_of_the_specification() {
    // The worked example of the Standard Webhooks specification.
    let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let signed =
        signature(std::slice::from_ref(&key), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b"{\"test\": 2432232314}");
    assert_eq!(signed.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    assert_eq!(signature(&[key.clone(), key], "i", 1, b"").unwrap().split(' ').count(), 2);
    for wrong in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!", "whsec_MfKQ9r8G"] {
        let error = SigningKey::parse(wrong).unwrap_err();
        assert!(wrong.len() < 8 || !error.contains(wrong), "{error}");
    }
}
