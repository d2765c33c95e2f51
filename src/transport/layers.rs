//! What every call goes through before its handler and after it: a request id, the caller, a deadline, the limit of
//! calls in work, and statuses that always say why.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::Instrument as _;

use super::auth::{Authenticate, Caller, Method, PROTECTED, consistency, credential};
use super::connections::Opened;
use super::deadline::{Asked, Deadline, asked};
use super::room::Room;
use super::status;
use crate::domain::error_kind::ErrorKind;

const REQUEST_ID: &str = "x-request-id";
/// Longest request id that is taken over from a caller.
const MAX_REQUEST_ID_BYTES: usize = 64;

/// Settings of the envelope.
pub struct Envelope {
    authenticate: Authenticate,
    room: Room,
    default_deadline: Duration,
    start: u64,
    count: AtomicU64,
}

impl Envelope {
    /// Calls in work have that room; unary calls without a deadline of their own get the default one.
    #[must_use]
    pub fn new(authenticate: Authenticate, room: Room, default_deadline: Duration) -> Self {
        let mut start = [0; 8];
        // Request ids need only be distinct: without random numbers they still are, within this process.
        let _ = getrandom::fill(&mut start);
        Self { authenticate, room, default_deadline, start: u64::from_le_bytes(start), count: AtomicU64::new(0) }
    }

    /// The caller's own id of the request, if it is short and plain, else a new one.
    fn request_id(&self, headers: &HeaderMap) -> HeaderValue {
        if let Some(given) = headers.get(REQUEST_ID) {
            let bytes = given.as_bytes();
            let plain = bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(b));
            if plain && (1..=MAX_REQUEST_ID_BYTES).contains(&bytes.len()) {
                return given.clone();
            }
        }
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:016x}-{count:x}", self.start);
        HeaderValue::from_str(&id).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
    }
}

/// Wraps services into an [`Envelope`].
#[derive(Clone)]
pub struct EnvelopeLayer(pub Arc<Envelope>);

impl<S> Layer<S> for EnvelopeLayer {
    type Service = Enveloped<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Enveloped { inner, envelope: Arc::clone(&self.0) }
    }
}

/// A service in its envelope.
#[derive(Clone)]
pub struct Enveloped<S> {
    inner: S,
    envelope: Arc<Envelope>,
}

impl<S> Service<Request<Body>> for Enveloped<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The service that was polled ready is the one to call; its clone waits for the next request.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        let envelope = Arc::clone(&self.envelope);
        if !request.uri().path().starts_with(PROTECTED) {
            return Box::pin(open_call(inner, request));
        }
        let id = envelope.request_id(request.headers());
        let method = Method::of(request.uri().path());
        let name = method.map_or("unknown", |method| method.path);
        let shown_id = id.to_str().unwrap_or_default();
        let span = tracing::info_span!("call", method = name, request_id = shown_id, tenant = tracing::field::Empty);
        let work = async move {
            let started = Instant::now();
            let (mut response, code) = match protected_call(&envelope, inner, method, request, started).await {
                Ok(Ok(response)) => finish(response),
                Ok(Err(error)) => return Err(error),
                Err(refused) => {
                    let code = refused.code();
                    (refused.into_http(), code)
                }
            };
            response.headers_mut().insert(REQUEST_ID, id);
            let taken = started.elapsed();
            metrics::counter!("fairdue_grpc_calls_total", "method" => name, "code" => status::code_name(code))
                .increment(1);
            metrics::histogram!("fairdue_grpc_call_seconds", "method" => name).record(taken.as_secs_f64());
            tracing::debug!(code = status::code_name(code), micros = taken.as_micros(), "call answered");
            Ok(response)
        };
        Box::pin(work.instrument(span))
    }
}

/// Health and reflection: open to everyone, with complete statuses.
async fn open_call<S>(mut inner: S, request: Request<Body>) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    inner.call(request).await.map(|response| finish(response).0)
}

/// A call of the API itself. The outer error is the answer to a call that is refused before or instead of its handler.
async fn protected_call<S>(
    envelope: &Envelope,
    mut inner: S,
    method: Option<&'static Method>,
    request: Request<Body>,
    now: Instant,
) -> Result<Result<Response<Body>, S::Error>, Status>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    let streaming = method.is_some_and(|method| method.streaming);
    let wait = match asked(request.headers()) {
        Asked::Within(wait) if streaming => Some(wait),
        Asked::Within(wait) => Some(wait.min(envelope.default_deadline)),
        Asked::None => (!streaming).then_some(envelope.default_deadline),
        Asked::Malformed => {
            let message = "the header grpc-timeout is malformed: send 1 to 8 digits and a unit";
            return Err(status::own(ErrorKind::InvalidArgument, "MALFORMED_TIMEOUT", message));
        }
    };
    let deadline = wait.map(|wait| Deadline::after(now, wait));
    let handled = async {
        let credential = credential(request.headers())?;
        let who = (envelope.authenticate)(credential.clone()).await?;
        tracing::Span::current().record("tenant", who.tenant.as_str());
        let _call = request.extensions().get().map(Opened::call);
        if let Some(method) = method {
            method.admit(&who)?;
        }
        let consistency = consistency(request.headers())?;
        // Known first: who is nobody takes no place.
        let Some(place) = envelope.room.enter(&who.tenant) else {
            return Err(status::own(ErrorKind::Unavailable, "OVERLOADED", "too many calls are in work: try again"));
        };
        let (parts, body) = request.into_parts();
        let (body, received) = place.measure(body, streaming);
        let mut request = Request::from_parts(parts, body);
        request.extensions_mut().insert(received.clone());
        request.extensions_mut().insert(Caller::new(who, consistency, credential));
        if let Some(deadline) = deadline {
            request.extensions_mut().insert(deadline);
        }
        let call = AssertUnwindSafe(inner.call(request)).catch_unwind();
        let answer = call.await;
        drop((place, received));
        answer.map_err(|_| {
            metrics::counter!("fairdue_panics_total").increment(1);
            tracing::error!("a handler panicked");
            status::own(ErrorKind::Internal, "INTERNAL", "an internal error, which was logged")
        })
    };
    match deadline {
        Some(Deadline(at)) => tokio::time::timeout_at(at, handled).await.unwrap_or_else(|_| {
            let message = "the deadline passed before the answer was there; a write may have been stored all the same: \
                           sending it again is safe";
            Err(status::own(ErrorKind::DeadlineExceeded, "DEADLINE_EXCEEDED", message))
        }),
        None => handled.await,
    }
}

/// Gives every failed response complete details, and tells its code.
fn finish(response: Response<Body>) -> (Response<Body>, Code) {
    if !response.headers().contains_key("grpc-status") {
        return (response, Code::Ok);
    }
    let Some(found) = Status::from_header_map(response.headers()) else { return (response, Code::Ok) };
    if found.code() == Code::Ok || !found.details().is_empty() {
        return (response, found.code());
    }
    let complete = status::foreign(&found);
    let code = complete.code();
    (complete.into_http(), code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::room::Most;

    fn envelope() -> Envelope {
        use crate::domain::ids::{KeyId, TenantId};
        let anybody: Authenticate = Arc::new(|_| {
            let who = crate::domain::principal::Principal {
                tenant: TenantId::trusted("t"),
                key: KeyId::trusted("k"),
                roles: vec![crate::domain::principal::Role::Admin],
                markets: Vec::new(),
            };
            Box::pin(async { Ok(who) })
        });
        let most = Most { calls: 1, bytes: 1 << 20, message: 1 << 20, piece: Duration::from_millis(200) };
        Envelope::new(anybody, Room::new(most), Duration::from_millis(200))
    }

    /// What a handler that does this answers, as a status.
    async fn through<F>(envelope: Arc<Envelope>, timeout: &'static str, handler: fn() -> F) -> Status
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let inner = tower::service_fn(move |_: Request<Body>| async move {
            handler().await;
            Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
        });
        let request = Request::builder()
            .uri("/fairdue.v1.KpiService/ListKpis")
            .header("authorization", "Bearer fd_x")
            .header("grpc-timeout", timeout)
            .body(Body::empty())
            .unwrap();
        let Ok(response) = EnvelopeLayer(envelope).layer(inner).call(request).await;
        assert!(response.headers().contains_key(REQUEST_ID));
        Status::from_header_map(response.headers()).unwrap_or_else(|| Status::ok(""))
    }

    #[tokio::test]
    async fn a_handler_that_never_answers_is_answered_for() {
        let never = || std::future::pending::<()>();
        // The caller's deadline, then the default one, which a longer wish does not extend.
        for timeout in ["20m", "40S"] {
            let status = through(Arc::new(envelope()), timeout, never).await;
            assert_eq!(status.code(), Code::DeadlineExceeded, "{timeout}");
            assert!(!status.details().is_empty());
        }
        assert_eq!(through(Arc::new(envelope()), "40S", || async {}).await.code(), Code::Ok);
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error_and_frees_its_place() {
        let envelope = Arc::new(envelope());
        for _ in 0..3 {
            let status = through(Arc::clone(&envelope), "9S", || async { panic!("on purpose") }).await;
            assert_eq!(status.code(), Code::Internal);
            assert!(!status.message().contains("purpose"));
        }
        assert_eq!(through(envelope, "9S", || async {}).await.code(), Code::Ok);
    }

    #[tokio::test]
    async fn more_calls_than_there_is_room_for_are_refused_at_once() {
        let envelope = Arc::new(envelope());
        let held = envelope.room.enter(&crate::domain::ids::TenantId::trusted("t")).unwrap();
        let status = through(Arc::clone(&envelope), "9S", || async {}).await;
        assert_eq!(status.code(), Code::Unavailable);
        assert!(tonic_types::StatusExt::get_details_retry_info(&status).is_some());
        drop(held);
        assert_eq!(through(envelope, "9S", || async {}).await.code(), Code::Ok);
    }

    #[test]
    fn request_ids_are_taken_over_only_if_plain() {
        let envelope = envelope();
        let of = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(value).unwrap());
            envelope.request_id(&headers)
        };
        assert_eq!(of(b"abc-1_2.3:4"), "abc-1_2.3:4");
        for bad in [b"".as_slice(), b"a b", b"a\"b", b"\xff", &[b'x'; 65]] {
            assert_ne!(of(bad).as_bytes(), bad);
        }
        assert_ne!(envelope.request_id(&HeaderMap::new()), envelope.request_id(&HeaderMap::new()));
    }

    #[test]
    fn statuses_without_details_are_completed() {
        let (response, code) = finish(Status::out_of_range("too large").into_http());
        assert_eq!(code, Code::ResourceExhausted);
        let status = Status::from_header_map(response.headers()).unwrap();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert!(!status.details().is_empty());
        let own = status::own(ErrorKind::OutOfRange, "PRUNED", "gone");
        assert_eq!(finish(own.into_http()).1, Code::OutOfRange, "our own OUT_OF_RANGE stays");
        assert_eq!(finish(Response::new(Body::empty())).1, Code::Ok);
    }
}
