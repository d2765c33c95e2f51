//! One file a service, a few lines a method: decode, call the use case, encode.

mod activity;
mod admitted;
mod case;
mod checks;
mod compliance;
pub mod direct;
mod kpi;
mod push;
mod sent;
mod simulate;
mod stream;
mod sync;
mod watch;

use std::sync::Arc;

use prost::Message;
use sent::serve;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::auth::Caller;
use super::decode::request;
use super::page::{self, Binding, PageTokens};
use super::status;
use crate::advice::Advice;
use crate::domain::error_kind::ErrorKind;
use crate::domain::ids::MarketId;
use crate::domain::principal::Principal;
use crate::ingest::{Ingest, IngestError};
use crate::query::Query;
use crate::sync::Sync;
use crate::wire::decode::{At, DecodeError, collect};

/// Bytes of an answer that are left for what surrounds its list.
const ANSWER_MARGIN: usize = 16 * 1024;

/// The use cases that the API calls.
#[derive(Clone)]
pub struct UseCases {
    /// Writes.
    pub ingest: Ingest,
    /// Contact checks.
    pub advice: Advice,
    /// Reads.
    pub query: Query,
    /// Change feeds.
    pub sync: Sync,
}

/// Limits of requests and answers.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most records of a batch.
    pub batch_items: usize,
    /// Results of a page where none are asked for.
    pub default_page: usize,
    /// Most results of a page.
    pub largest_page: usize,
    /// Most rows of a KPI answer.
    pub answer_rows: usize,
    /// Most bytes of an answer.
    pub answer_bytes: usize,
    /// How long a stream of checks waits for its next message.
    pub stream_idle: std::time::Duration,
    /// Age at which a connection is asked to move on.
    pub connection_age: std::time::Duration,
}

/// The handlers of all services. A clone costs one count, however many calls are in work.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

/// What handlers work with.
pub struct Inner {
    use_cases: UseCases,
    limits: Limits,
    stopping: CancellationToken,
}

impl std::ops::Deref for Api {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Api {
    /// Handlers over these use cases; streams end when `stopping` is cancelled.
    #[must_use]
    pub fn new(use_cases: UseCases, limits: Limits, stopping: CancellationToken) -> Self {
        Self(Arc::new(Inner { use_cases, limits, stopping }))
    }

    /// Makes sure that the answer will be as new as the caller asks: the revision that it then holds at least.
    async fn assure(&self, caller: &Caller, market: &MarketId) -> Result<u64, Status> {
        self.use_cases.ingest.assure(&caller.who, market, caller.consistency).await.map_err(failed)
    }

    /// The answer, unless it is too large for one message.
    fn answer<M: Message>(&self, message: M) -> Result<Response<M>, Status> {
        self.limit_bytes(message.encoded_len())?;
        Ok(Response::new(message))
    }

    fn limit_bytes(&self, bytes: usize) -> Result<(), Status> {
        if bytes > self.limits.answer_bytes {
            let remedy = "ask for less, with a read_mask, a filter or a shorter span";
            return Err(too_large(bytes, self.limits.answer_bytes, remedy));
        }
        Ok(())
    }
}

/// The status of a call whose answer does not fit into one message.
fn too_large(bytes: usize, most: usize, remedy: &str) -> Status {
    let text = format!("the answer has {bytes} bytes, the limit is {most}: {remedy}");
    status::own(ErrorKind::ResourceExhausted, "ANSWER_TOO_LARGE", text)
}

/// The caller and the message of a request.
fn open<M>(request: Request<M>) -> Result<(Caller, M), Status> {
    let (_, mut extensions, message) = request.into_parts();
    Ok((Caller::take(&mut extensions)?, message))
}

/// Runs a decoder over a request.
fn read<T>(decode: impl FnOnce(&At<'_>) -> Option<T>) -> Result<T, Status> {
    collect("", decode).map_err(wrong)
}

/// The status of a request with wrong fields.
fn wrong(error: DecodeError) -> Status {
    status::status(&error)
}

/// The status of a use case that failed. An unknown market is a wrong argument, and the field is named.
fn failed(error: IngestError) -> Status {
    if let IngestError::MarketUnknown(_) = &error {
        return status::unknown_market(&error.to_string());
    }
    status::status(&error)
}

/// The market and an id, as Get requests name them.
fn key<T>(
    region_code: &str,
    field: &'static str,
    id: &str,
    make: impl FnOnce(&str) -> Result<T, crate::domain::ids::IdError>,
) -> Result<(MarketId, T), Status> {
    read(|at| {
        let market = request::market(at, region_code);
        let id = at.field(field).id(id, make);
        Some((market?, id?))
    })
}

/// A page of a list: how many to ask for, where to go on, and how to name the place of the next one.
struct Paging<'a> {
    tokens: PageTokens,
    binding: Binding<'a>,
    size: usize,
    most_bytes: usize,
}

impl<'a> Paging<'a> {
    /// The page that a request asks for. `arguments` is the request without page size and token.
    fn open(
        api: &Api,
        caller: &'a Caller,
        method: &'static str,
        page_size: i32,
        arguments: &impl Message,
    ) -> Result<Self, Status> {
        let who: &Principal = &caller.who;
        let size = page::size(page_size, api.limits.default_page, api.limits.largest_page).map_err(wrong)?;
        let binding = Binding { who, method, arguments: arguments.encode_to_vec() };
        let most_bytes = api.limits.answer_bytes.saturating_sub(ANSWER_MARGIN);
        Ok(Self { tokens: caller.page_tokens(), binding, size, most_bytes })
    }

    /// The place after which the page begins.
    fn after<T: serde::de::DeserializeOwned>(&self, token: &str) -> Result<Option<T>, Status> {
        self.tokens.open(&self.binding, token).map_err(wrong)
    }

    /// The token of a page that begins at this place.
    fn seal<T: serde::Serialize>(&self, place: &T) -> String {
        self.tokens.seal(&self.binding, place)
    }

    /// How many rows to ask for: one more than the page holds tells whether there is a next one.
    fn limit(&self) -> u32 {
        u32::try_from(self.size + 1).unwrap_or(u32::MAX)
    }

    /// The rows that fit into the page, encoded, and the token of the next one. At least one row is returned, however
    /// large, so that a list always goes on.
    fn cut<R, M: Message, C: serde::Serialize>(
        &self,
        rows: &[R],
        encode: impl Fn(&R) -> M,
        place: impl Fn(&R) -> C,
    ) -> (Vec<M>, String) {
        let mut messages: Vec<M> = Vec::with_capacity(rows.len().min(self.size));
        let mut bytes = 0;
        for row in rows.iter().take(self.size) {
            let message = encode(row);
            bytes += message.encoded_len() + 8;
            if bytes > self.most_bytes && !messages.is_empty() {
                break;
            }
            messages.push(message);
        }
        let next = match messages.len().checked_sub(1).and_then(|last| rows.get(last)) {
            Some(last) if messages.len() < rows.len() => self.tokens.seal(&self.binding, &place(last)),
            _ => String::new(),
        };
        (messages, next)
    }
}

/// Boxes the stream of answers of a streaming method.
type Answers<M> = std::pin::Pin<Box<dyn futures::Stream<Item = Result<M, Status>> + Send>>;
