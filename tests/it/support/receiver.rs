//! A receiver of webhooks that answers as a test tells it to, and keeps what it was sent.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What a receiver does with a request that it has read whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// Answers with this status.
    Status(u16),
    /// Takes it, after so many milliseconds.
    Slow(u64),
    /// Answers with this status, after so many milliseconds.
    Late(u16, u64),
    /// Never answers.
    Hang,
    /// Closes the connection.
    Cut,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its headers, by lower-case names.
    pub headers: HashMap<String, String>,
    /// Its body.
    pub body: Vec<u8>,
    /// What was done with it.
    pub reply: Reply,
}

impl Delivery {
    /// The event in it.
    pub fn event(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("an event in JSON")
    }

    /// How many of these secrets the request is signed with.
    pub fn signed_with(&self, secrets: &[&str]) -> usize {
        let header = |name: &str| self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.headers));
        let signed =
            [header("webhook-id").as_bytes(), header("webhook-timestamp").as_bytes(), self.body.as_slice()].join(&b'.');
        let given: Vec<Vec<u8>> = header("webhook-signature")
            .split(' ')
            .map(|one| STANDARD.decode(one.strip_prefix("v1,").expect("version 1")).expect("base64"))
            .collect();
        let verifies = |secret: &&&str| {
            let secret = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
            let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
            given.iter().any(|tag| hmac::verify(&key, &signed, tag).is_ok())
        };
        secrets.iter().filter(verifies).count()
    }
}

type Decide = dyn Fn(usize, &[u8]) -> Reply + Send + Sync;

/// A running receiver.
pub struct Receiver {
    /// Where it listens.
    pub address: SocketAddr,
    deliveries: Arc<Mutex<Vec<Delivery>>>,
    decide: Arc<Mutex<Arc<Decide>>>,
}

impl Receiver {
    /// A receiver that takes everything.
    pub async fn start() -> Self {
        Self::over(None).await
    }

    /// A receiver that takes everything, and shows a certificate where it has one.
    pub async fn over(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let deliveries: Arc<Mutex<Vec<Delivery>>> = Arc::default();
        let takes: Arc<Decide> = Arc::new(|_, _| Reply::Status(204));
        let decide = Arc::new(Mutex::new(takes));
        let receiver = Self { address, deliveries: Arc::clone(&deliveries), decide: Arc::clone(&decide) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (deliveries, decide) = (Arc::clone(&deliveries), Arc::clone(&decide));
                match tls.clone() {
                    None => drop(tokio::spawn(serve(stream, deliveries, decide))),
                    Some(tls) => drop(tokio::spawn(async move {
                        // Whoever does not trust it goes away in the middle of this.
                        if let Ok(stream) = tls.accept(stream).await {
                            serve(stream, deliveries, decide).await;
                        }
                    })),
                }
            }
        });
        receiver
    }

    /// Answers from now on as the function says, which is told how many requests came before.
    pub fn answer(&self, decide: impl Fn(usize) -> Reply + Send + Sync + 'static) {
        *self.decide.lock().expect("the lock") = Arc::new(move |before, _: &[u8]| decide(before));
    }

    /// Answers from now on as the function says of each event.
    pub fn judge(&self, judge: impl Fn(&serde_json::Value) -> Reply + Send + Sync + 'static) {
        let judge = move |_, body: &[u8]| judge(&serde_json::from_slice(body).expect("an event in JSON"));
        *self.decide.lock().expect("the lock") = Arc::new(judge);
    }

    /// Every request so far, in the order in which they came.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.deliveries.lock().expect("the lock").clone()
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    deliveries: Arc<Mutex<Vec<Delivery>>>,
    decide: Arc<Mutex<Arc<Decide>>>,
) {
    let mut bytes = Vec::new();
    loop {
        let Some((headers, body)) = request(&mut stream, &mut bytes).await else { return };
        let reply = {
            let mut deliveries = deliveries.lock().expect("the lock");
            let decide = Arc::clone(&decide.lock().expect("the lock"));
            let reply = decide(deliveries.len(), &body);
            deliveries.push(Delivery { headers, body, reply });
            reply
        };
        match reply {
            Reply::Status(_) | Reply::Slow(_) | Reply::Late(..) => {
                let (status, millis) = match reply {
                    Reply::Slow(millis) => (200, millis),
                    Reply::Late(status, millis) => (status, millis),
                    Reply::Status(status) => (status, 0),
                    Reply::Hang | Reply::Cut => return,
                };
                if millis > 0 {
                    tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
                }
                let answer = format!("HTTP/1.1 {status} -\r\nContent-Length: 0\r\n\r\n");
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
            Reply::Hang => std::future::pending().await,
            Reply::Cut => return,
        }
    }
}

/// One request; `None` at the end of the connection.
async fn request(
    stream: &mut (impl AsyncRead + Unpin),
    bytes: &mut Vec<u8>,
) -> Option<(HashMap<String, String>, Vec<u8>)> {
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            assert!(head.starts_with("POST "), "{head}");
            let header = |line: &str| {
                let (name, value) = line.split_once(':').expect("a header");
                (name.to_ascii_lowercase(), value.trim().to_owned())
            };
            let headers: HashMap<String, String> = head.lines().skip(1).map(header).collect();
            let length: usize = headers["content-length"].parse().expect("a length");
            while bytes.len() < end + 4 + length {
                if stream.read_buf(bytes).await.ok()? == 0 {
                    return None;
                }
            }
            let rest = bytes.split_off(end + 4 + length);
            let body = bytes.split_off(end + 4);
            *bytes = rest;
            return Some((headers, body));
        }
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    }
}
