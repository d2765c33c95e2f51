//! HTTP requests with a body, one after the other over one connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::NaiveDateTime;
use http::header::{DATE, HOST, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;

use super::{Bounds, Dialer, OutboundError};
use crate::domain::sink::Endpoint;
use crate::domain::time::{SECOND, Timestamp};

/// Age at which a connection is not used any more: the name may lead elsewhere by then.
const MAX_AGE: Duration = Duration::from_secs(60);
/// Bytes of an answer's header.
const HEADER_BYTES: usize = 16 * 1024;
/// Bytes of an answer's body that errors show.
const EXCERPT: usize = 200;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// How long the receiver asks to wait.
    pub retry_after: Option<Duration>,
    /// The beginning of its body.
    pub excerpt: String,
}

struct Open {
    sender: http1::SendRequest<Full<Bytes>>,
    since: Instant,
    task: JoinHandle<()>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A client of one endpoint.
pub struct HttpClient {
    dialer: Arc<Dialer>,
    endpoint: Endpoint,
    bounds: Bounds,
    open: Option<Open>,
}

impl HttpClient {
    /// A client that has not connected yet.
    #[must_use]
    pub const fn new(dialer: Arc<Dialer>, endpoint: Endpoint, bounds: Bounds) -> Self {
        Self { dialer, endpoint, bounds, open: None }
    }

    /// Posts a body. Whatever the status, an answer is one; redirects are answers too. `now` is for answers that do not say when
    /// they were given.
    ///
    /// # Errors
    /// See [`OutboundError`].
    pub async fn post(
        &mut self,
        headers: &[(HeaderName, HeaderValue)],
        body: Bytes,
        now: Timestamp,
    ) -> Result<Answer, OutboundError> {
        // Taken out, so that whatever ends this call in its midst closes the connection.
        let open = self.open.take();
        let limit = self.bounds.time;
        let (answer, open) = tokio::time::timeout(limit, self.exchange(open, headers, body, now))
            .await
            .map_err(|_| OutboundError::Timeout(limit))??;
        self.open = open;
        Ok(answer)
    }

    async fn exchange(
        &self,
        open: Option<Open>,
        headers: &[(HeaderName, HeaderValue)],
        body: Bytes,
        now: Timestamp,
    ) -> Result<(Answer, Option<Open>), OutboundError> {
        let mut kept = match open.filter(|open| open.since.elapsed() < MAX_AGE) {
            Some(mut open) => open.sender.ready().await.is_ok().then_some(open),
            None => None,
        };
        if let Some(open) = &mut kept
            && let Ok(answer) = open.sender.send_request(self.request(headers, body.clone())?).await
        {
            return self.read(answer, kept, now).await;
        }
        // There was none, or the receiver had closed it: that is no failure yet.
        drop(kept);
        let mut open = self.connect().await?;
        let answer = open.sender.send_request(self.request(headers, body)?).await;
        let answer = answer.map_err(|error| self.broken(&error))?;
        self.read(answer, Some(open), now).await
    }

    async fn connect(&self) -> Result<Open, OutboundError> {
        let stream = self.dialer.connect(&self.endpoint).await?;
        let wire = self.dialer.secure(&self.endpoint, stream, Some(b"http/1.1")).await?;
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(HEADER_BYTES)
            .handshake(TokioIo::new(wire))
            .await
            .map_err(|error| self.broken(&error))?;
        let task = tokio::spawn(async move {
            // What breaks it is told to the request on it.
            let _ = connection.await;
        });
        Ok(Open { sender, since: Instant::now(), task })
    }

    fn request(
        &self,
        headers: &[(HeaderName, HeaderValue)],
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, OutboundError> {
        let usual = if self.endpoint.secure { 443 } else { 80 };
        let place = self.endpoint.place();
        let host = if self.endpoint.port == usual { place.trim_end_matches(&format!(":{usual}")) } else { &place };
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(&self.endpoint.path)
            .header(HOST, host)
            .header(USER_AGENT, concat!("fairdue/", env!("CARGO_PKG_VERSION")));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let place = self.endpoint.place();
        request.body(Full::new(body)).map_err(|error| OutboundError::Refused(format!("{place}: {error}")))
    }

    /// Reads an answer as far as it may be long. One that is longer costs its connection.
    async fn read(
        &self,
        answer: http::Response<Incoming>,
        open: Option<Open>,
        now: Timestamp,
    ) -> Result<(Answer, Option<Open>), OutboundError> {
        let (head, mut body) = answer.into_parts();
        let mut text: Vec<u8> = Vec::new();
        let mut whole = true;
        let mut bytes: usize = 0;
        while let Some(frame) = body.frame().await {
            let Some(data) = frame.map_err(|error| self.broken(&error))?.into_data().ok() else { continue };
            bytes = bytes.saturating_add(data.len());
            text.extend(data.iter().take(EXCERPT.saturating_sub(text.len())));
            if bytes > self.bounds.answer_bytes {
                whole = false;
                break;
            }
        }
        let excerpt = String::from_utf8_lossy(&text).replace(char::is_control, " ").trim().to_owned();
        let answer = Answer { status: head.status.as_u16(), retry_after: retry_after(&head.headers, now), excerpt };
        Ok((answer, open.filter(|_| whole)))
    }

    fn broken(&self, error: &hyper::Error) -> OutboundError {
        let place = self.endpoint.place();
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
        OutboundError::Unreachable(format!("{place}: {error}{cause}"))
    }
}

/// How long to wait: seconds, or the instant from which on the receiver takes something. That is by its clock, as is the instant at
/// which it answered.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let answered = headers.get(DATE).and_then(|date| http_date(date.to_str().ok()?.trim()));
    let wait = http_date(text)?.saturating_sub(answered.unwrap_or_else(|| now.0.div_euclid(SECOND)));
    Some(Duration::from_secs(u64::try_from(wait).unwrap_or_default()))
}

/// Seconds since 1970 of an instant in one of the three forms that HTTP knows.
fn http_date(text: &str) -> Option<i64> {
    let forms = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let read = |form: &&str| NaiveDateTime::parse_from_str(text, form).ok();
    Some(forms.iter().find_map(read)?.and_utc().timestamp())
}
