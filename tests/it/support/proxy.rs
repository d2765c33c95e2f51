//! A relay before PostgreSQL that knows enough of its protocol to break it at a chosen statement: cut the connection before the
//! statement or after it (done, and nobody told), refuse it, hold it up; or fall silent as a whole, as a network does that
//! drops every packet.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What becomes of one statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It goes through.
    Pass,
    /// It goes through, so much later.
    Hold(Duration),
    /// The connection is cut before it.
    CutBefore,
    /// The connection is cut after it was done and before anybody is told.
    CutAfter,
    /// It is refused with this SQLSTATE and never arrives.
    Refuse(&'static str),
    /// The transaction is rolled back in its place, which is told as a serialization failure.
    RollBack,
}

/// Decides about each statement by its text; an empty one is a mere "are you there".
pub type Decide = Box<dyn FnMut(&str) -> Act + Send>;

/// Which connections are silent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Quiet {
    /// All of them, for now.
    all: bool,
    /// Those with a lower number, for ever.
    below: u64,
    /// Those with a lower number are cut.
    buried: u64,
}

struct Shared {
    target: String,
    decide: Mutex<Option<Decide>>,
    quiet: watch::Sender<Quiet>,
    latency_micros: AtomicU64,
    next: AtomicU64,
}

/// A running relay. It ends when it is dropped, and with it every connection.
pub struct Proxy {
    shared: Arc<Shared>,
    port: u16,
    accepting: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.shared.quiet.send_modify(|quiet| quiet.buried = u64::MAX);
    }
}

impl Proxy {
    /// A relay before the server of a database's URL.
    pub async fn before(url: &str) -> Self {
        let target = url.split('@').nth(1).and_then(|rest| rest.split('/').next()).expect("an address").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared {
            target,
            decide: Mutex::default(),
            quiet: watch::Sender::new(Quiet::default()),
            latency_micros: AtomicU64::new(0),
            next: AtomicU64::new(0),
        });
        let each = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            loop {
                let Ok((client, _)) = listener.accept().await else { continue };
                tokio::spawn(connection(Arc::clone(&each), client));
            }
        });
        Self { shared, port, accepting }
    }

    /// The URL of the same database through the relay.
    pub fn url(&self, url: &str) -> String {
        let through = format!("127.0.0.1:{}", self.port);
        format!("{}?sslmode=disable", url.replace(&self.shared.target, &through))
    }

    /// Has every statement from now on decided about.
    pub fn decide(&self, decide: impl FnMut(&str) -> Act + Send + 'static) {
        *self.shared.decide.lock().expect("no panic") = Some(Box::new(decide));
    }

    /// Lets everything through again.
    pub fn pass(&self) {
        *self.shared.decide.lock().expect("no panic") = None;
    }

    /// Holds each statement up for so long.
    pub fn latency(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).expect("a short time");
        self.shared.latency_micros.store(micros, Ordering::Relaxed);
    }

    /// Nothing goes through any more, in either direction; nothing is closed.
    pub fn fall_silent(&self) {
        self.shared.quiet.send_modify(|quiet| quiet.all = true);
    }

    /// Everything goes through again, what was held up too. If `for_good`, the connections of before stay silent.
    pub fn speak(&self, for_good: bool) {
        let next = self.shared.next.load(Ordering::SeqCst);
        self.shared.quiet.send_modify(|quiet| {
            quiet.all = false;
            if for_good {
                quiet.below = next;
            }
        });
    }

    /// Cuts what is silent for good, so that the server hears of it.
    pub fn bury(&self) {
        self.shared.quiet.send_modify(|quiet| quiet.buried = quiet.below);
    }
}

/// What the two directions of a connection share.
struct Link {
    shared: Arc<Shared>,
    number: u64,
    client: tokio::sync::Mutex<OwnedWriteHalf>,
    /// The server's last word on whether a transaction is open: `I`, `T` or `E`.
    status: AtomicU8,
    /// What becomes of the server's next answer: 0 passed on, 1 cut, 2 told as a serialization failure.
    next_answer: AtomicU8,
}

async fn connection(shared: Arc<Shared>, client: TcpStream) {
    let number = shared.next.fetch_add(1, Ordering::SeqCst);
    let mut quiet = shared.quiet.subscribe();
    let Ok(server) = TcpStream::connect(&shared.target).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let link = Link {
        shared: Arc::clone(&shared),
        number,
        client: tokio::sync::Mutex::new(to_client),
        status: AtomicU8::new(b'I'),
        next_answer: AtomicU8::new(0),
    };
    let buried = async {
        let _ = quiet.wait_for(|quiet| number < quiet.buried).await;
    };
    tokio::select! {
        _ = questions(&link, from_client, to_server) => {}
        _ = answers(&link, from_server) => {}
        () = buried => {}
    }
}

impl Link {
    /// Waits while the connection is silent: for ever, where it is so for good.
    async fn heard(&self) {
        let mut quiet = self.shared.quiet.subscribe();
        let heard = |quiet: &Quiet| !quiet.all && self.number >= quiet.below;
        let _ = quiet.wait_for(heard).await;
    }

    async fn tell(&self, bytes: &[u8]) -> io::Result<()> {
        self.heard().await;
        self.client.lock().await.write_all(bytes).await
    }

    /// Answers in the server's place with an error.
    async fn refuse(&self, code: &str, status: u8) -> io::Result<()> {
        let fields = format!("SERROR\0VERROR\0C{code}\0Mrefused by the relay\0\0");
        let mut bytes = vec![b'E'];
        bytes.extend(u32::try_from(fields.len() + 4).expect("short").to_be_bytes());
        bytes.extend(fields.as_bytes());
        bytes.extend([b'Z', 0, 0, 0, 5, status]);
        self.tell(&bytes).await
    }
}

/// One message: its bytes, the type first.
async fn message(from: &mut OwnedReadHalf) -> io::Result<Vec<u8>> {
    let mut head = [0; 5];
    from.read_exact(&mut head).await?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    let mut bytes = head.to_vec();
    bytes.resize(length + 1, 0);
    from.read_exact(&mut bytes[5..]).await?;
    Ok(bytes)
}

/// The texts that a message's body begins with.
fn texts(message: &[u8]) -> impl Iterator<Item = String> {
    message[5..].split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned())
}

async fn questions(link: &Link, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> io::Result<()> {
    // The first message has no type.
    let mut length = [0; 4];
    from.read_exact(&mut length).await?;
    let mut start = length.to_vec();
    start.resize(u32::from_be_bytes(length) as usize, 0);
    from.read_exact(&mut start[4..]).await?;
    link.heard().await;
    to.write_all(&start).await?;
    let mut prepared: HashMap<String, String> = HashMap::new();
    let (mut unit, mut text) = (Vec::new(), String::new());
    loop {
        let message = message(&mut from).await?;
        let kind = message[0];
        match kind {
            b'Q' => text = texts(&message).next().unwrap_or_default(),
            b'P' => {
                let (name, sql) = (texts(&message).next().unwrap_or_default(), texts(&message).nth(1));
                text = sql.unwrap_or_default();
                prepared.insert(name, text.clone());
            }
            b'B' => {
                let name = texts(&message).nth(1).unwrap_or_default();
                text = prepared.get(&name).cloned().unwrap_or_default();
            }
            _ => {}
        }
        unit.extend(message);
        if matches!(kind, b'd' | b'c' | b'f') {
            // What is copied belongs to the statement that began the copy, which has been decided about.
            link.heard().await;
            to.write_all(&std::mem::take(&mut unit)).await?;
            continue;
        }
        if !matches!(kind, b'Q' | b'S' | b'X') {
            continue;
        }
        let micros = link.shared.latency_micros.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_micros(micros)).await;
        link.heard().await;
        let act = match link.shared.decide.lock().expect("no panic").as_mut() {
            Some(decide) if kind != b'X' => decide(&text),
            _ => Act::Pass,
        };
        let (unit, text) = (std::mem::take(&mut unit), std::mem::take(&mut text));
        drop(text);
        match act {
            Act::Pass => to.write_all(&unit).await?,
            Act::Hold(time) => {
                tokio::time::sleep(time).await;
                to.write_all(&unit).await?;
            }
            Act::CutBefore => return Ok(()),
            Act::CutAfter => {
                link.next_answer.store(1, Ordering::SeqCst);
                to.write_all(&unit).await?;
            }
            Act::Refuse(code) => {
                let status = if link.status.load(Ordering::SeqCst) == b'I' { b'I' } else { b'E' };
                link.refuse(code, status).await?;
            }
            Act::RollBack => {
                link.next_answer.store(2, Ordering::SeqCst);
                to.write_all(b"Q\0\0\0\x0dROLLBACK\0").await?;
            }
        }
    }
}

async fn answers(link: &Link, mut from: OwnedReadHalf) -> io::Result<()> {
    loop {
        let message = message(&mut from).await?;
        let ready = message[0] == b'Z';
        if ready {
            link.status.store(message[5], Ordering::SeqCst);
        }
        match link.next_answer.load(Ordering::SeqCst) {
            0 => link.tell(&message).await?,
            // The database asks for what is to be copied: the statement has only begun.
            1 if message[0] == b'G' => link.tell(&message).await?,
            1 if ready => return Ok(()),
            2 if ready => {
                link.next_answer.store(0, Ordering::SeqCst);
                link.refuse("40001", b'I').await?;
            }
            _ => {}
        }
    }
}
