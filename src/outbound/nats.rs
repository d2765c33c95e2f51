//! Publishing to JetStream: the part of the NATS protocol that takes a message, and waits until a stream has stored it.
//!
//! A client library would connect by itself, also to servers that the first one names; here every connection goes through
//! the guard.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::dial::Wire;
use super::{Bounds, Dialer, OutboundError};
use crate::domain::sink::Endpoint;

/// Longest line of the protocol.
const LINE_BYTES: usize = 64 * 1024;
/// Idle time after which another connection is made: servers ask for signs of life, which nobody reads in between.
const MAX_IDLE: Duration = Duration::from_secs(30);

/// With what the server is asked to let us in.
#[derive(Clone, Default)]
pub struct Login {
    /// A token.
    pub token: Option<String>,
    /// A name.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<String>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login")
    }
}

/// What a server says of itself at first.
#[derive(Debug, Deserialize)]
struct Info {
    #[serde(default)]
    max_payload: usize,
    #[serde(default)]
    headers: bool,
    #[serde(default)]
    tls_required: bool,
}

#[derive(Serialize)]
struct Connect<'a> {
    verbose: bool,
    pedantic: bool,
    tls_required: bool,
    name: &'a str,
    lang: &'a str,
    version: &'a str,
    protocol: u8,
    headers: bool,
    no_responders: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pass: Option<&'a str>,
}

/// What a stream answers to a message.
#[derive(Debug, Deserialize)]
struct Stored {
    #[serde(default)]
    seq: u64,
    error: Option<StreamError>,
}

#[derive(Debug, Deserialize)]
struct StreamError {
    code: u16,
    #[serde(default)]
    description: String,
}

struct Open {
    wire: BufReader<Wire>,
    info: Info,
    inbox: String,
    sent: u64,
    used: Instant,
}

/// A message to be stored.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Its subject.
    pub subject: &'a str,
    /// The id by which the stream knows it again.
    pub id: &'a str,
    /// The media type of its body.
    pub content_type: &'a str,
    /// Its body.
    pub body: &'a [u8],
}

/// A publisher.
pub struct Nats {
    dialer: Arc<Dialer>,
    endpoint: Endpoint,
    login: Login,
    bounds: Bounds,
    open: Option<Open>,
}

impl Nats {
    /// A publisher that has not connected yet.
    #[must_use]
    pub const fn new(dialer: Arc<Dialer>, endpoint: Endpoint, login: Login, bounds: Bounds) -> Self {
        Self { dialer, endpoint, login, bounds, open: None }
    }

    /// Publishes a message, and returns when a stream has it, whether now or from before.
    ///
    /// # Errors
    /// See [`OutboundError`].
    pub async fn publish(&mut self, message: Message<'_>) -> Result<(), OutboundError> {
        // Taken out, so that whatever ends this call in its midst closes the connection.
        let open = self.open.take().filter(|open| open.used.elapsed() < MAX_IDLE);
        let limit = self.bounds.time;
        let exchange = async {
            let open = match open {
                Some(open) => open,
                None => self.connect().await?,
            };
            self.exchange(open, message).await
        };
        self.open = Some(tokio::time::timeout(limit, exchange).await.map_err(|_| OutboundError::Timeout(limit))??);
        Ok(())
    }

    fn broken(&self, why: &dyn std::fmt::Display) -> OutboundError {
        OutboundError::Unreachable(format!("{}: {why}", self.endpoint.place()))
    }

    fn refused(&self, why: &dyn std::fmt::Display) -> OutboundError {
        OutboundError::Refused(format!("{}: {why}", self.endpoint.place()))
    }

    async fn connect(&self) -> Result<Open, OutboundError> {
        let mut stream = self.dialer.connect(&self.endpoint).await?;
        // The server speaks first, and before TLS.
        let line = self.first_line(&mut stream).await?;
        let info = line.strip_prefix("INFO ").ok_or_else(|| self.refused(&"this is no NATS server"))?;
        let info: Info = serde_json::from_str(info).map_err(|error| self.broken(&error))?;
        if info.tls_required && !self.endpoint.secure {
            return Err(self.refused(&"the server asks for TLS: write tls://"));
        }
        if !info.headers {
            return Err(self.refused(&"the server knows no headers, which JetStream needs"));
        }
        let wire = BufReader::new(self.dialer.secure(&self.endpoint, stream, None).await?);
        let connect = Connect {
            verbose: false,
            pedantic: false,
            tls_required: self.endpoint.secure,
            name: "fairdue",
            lang: "rust",
            version: env!("CARGO_PKG_VERSION"),
            protocol: 1,
            headers: true,
            no_responders: true,
            auth_token: self.login.token.as_deref(),
            user: self.login.user.as_deref(),
            pass: self.login.password.as_deref(),
        };
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|_| self.broken(&"the system gives no random numbers"))?;
        let inbox = random.iter().fold("_INBOX.".to_owned(), |inbox, byte| format!("{inbox}{byte:02x}"));
        let connect = serde_json::to_string(&connect).map_err(|error| self.broken(&error))?;
        let mut open = Open { wire, info, inbox, sent: 0, used: Instant::now() };
        let hello = format!("CONNECT {connect}\r\nSUB {}.* 1\r\nPING\r\n", open.inbox);
        self.write(&mut open, hello.as_bytes()).await?;
        loop {
            let line = self.line(&mut open).await?;
            match line.split(' ').next().unwrap_or_default() {
                "PONG" => return Ok(open),
                "PING" => self.write(&mut open, b"PONG\r\n").await?,
                "-ERR" => return Err(self.refused(&line)),
                _ => {}
            }
        }
    }

    async fn exchange(&self, mut open: Open, message: Message<'_>) -> Result<Open, OutboundError> {
        let Message { subject, id, content_type, body } = message;
        let headers = format!("NATS/1.0\r\nNats-Msg-Id: {id}\r\nContent-Type: {content_type}\r\n\r\n");
        let bytes = headers.len().saturating_add(body.len());
        if open.info.max_payload > 0 && bytes > open.info.max_payload {
            let text = format!("the event has {bytes} bytes, the server takes {}", open.info.max_payload);
            return Err(OutboundError::Unfit(format!("{}: {text}", self.endpoint.place())));
        }
        open.sent = open.sent.wrapping_add(1);
        let reply = format!("{}.{}", open.inbox, open.sent);
        let command = format!("HPUB {subject} {reply} {} {bytes}\r\n{headers}", headers.len());
        self.write(&mut open, &[command.as_bytes(), body, b"\r\n"].concat()).await?;
        loop {
            let line = self.line(&mut open).await?;
            let mut words = line.split(' ').filter(|word| !word.is_empty());
            match words.next().unwrap_or_default() {
                "PING" => self.write(&mut open, b"PONG\r\n").await?,
                "-ERR" => return Err(self.refused(&line)),
                kind @ ("MSG" | "HMSG") => {
                    let to = words.next().unwrap_or_default().to_owned();
                    let sizes: Vec<usize> = words.filter_map(|word| word.parse().ok()).collect();
                    let total = sizes.last().copied().unwrap_or(usize::MAX);
                    // Subscription, header if there is one, whole: the reply's reply is no number.
                    let header = if kind == "HMSG" { sizes.iter().rev().nth(1).copied().unwrap_or(0) } else { 0 };
                    let answer = self.payload(&mut open, total).await?;
                    if to == reply {
                        let (header, body) = answer.split_at_checked(header).unwrap_or((&answer, &[]));
                        self.stored(subject, header, body)?;
                        open.used = Instant::now();
                        return Ok(open);
                    }
                }
                _ => {}
            }
        }
    }

    /// Reads what came back to a message.
    fn stored(&self, subject: &str, header: &[u8], body: &[u8]) -> Result<(), OutboundError> {
        let header = String::from_utf8_lossy(header);
        if let Some(status) = header.lines().next().and_then(|line| line.strip_prefix("NATS/1.0 ")) {
            let what = if status.starts_with("503") { "no stream takes the subject" } else { "the server answers" };
            return Err(self.broken(&format!("{what} {subject} ({status})")));
        }
        let stored: Stored = serde_json::from_slice(body).map_err(|error| self.broken(&error))?;
        match stored.error {
            Some(error) if (400..500).contains(&error.code) => Err(self.refused(&error.description)),
            Some(error) => Err(self.broken(&error.description)),
            None if stored.seq == 0 => Err(self.broken(&"the answer names no place in a stream")),
            None => Ok(()),
        }
    }

    async fn write(&self, open: &mut Open, bytes: &[u8]) -> Result<(), OutboundError> {
        open.wire.write_all(bytes).await.map_err(|error| self.broken(&error))?;
        open.wire.flush().await.map_err(|error| self.broken(&error))
    }

    /// A line, byte by byte: nothing behind it may be taken before TLS begins.
    async fn first_line(&self, stream: &mut TcpStream) -> Result<String, OutboundError> {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            if line.len() > LINE_BYTES {
                return Err(self.refused(&"a line that does not end"));
            }
            line.push(stream.read_u8().await.map_err(|error| self.broken(&error))?);
        }
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    async fn line(&self, open: &mut Open) -> Result<String, OutboundError> {
        let mut line = Vec::new();
        let most = u64::try_from(LINE_BYTES).unwrap_or(u64::MAX);
        let read = (&mut open.wire).take(most).read_until(b'\n', &mut line).await;
        read.map_err(|error| self.broken(&error))?;
        if line.last() != Some(&b'\n') {
            let why = if line.is_empty() { "the server closed the connection" } else { "a line that does not end" };
            return Err(self.broken(&why));
        }
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    async fn payload(&self, open: &mut Open, bytes: usize) -> Result<Vec<u8>, OutboundError> {
        if bytes > self.bounds.answer_bytes {
            return Err(self.refused(&"an answer that is too long"));
        }
        let mut answer = vec![0; bytes.saturating_add(2)];
        open.wire.read_exact(&mut answer).await.map_err(|error| self.broken(&error))?;
        answer.truncate(bytes);
        Ok(answer)
    }
}
