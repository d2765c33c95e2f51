//! The emptiest handler that a contact check can be compared with: it reads the same message behind the same layers and
//! answers with the bytes of a real answer, which it keeps from its first call. Only in builds with the feature `bench`,
//! which no build for service has.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::stream::{BoxStream, StreamExt as _};
use http::{Request, Response};
use prost::Message;
use prost::bytes::{BufMut, Bytes};
use tonic::body::Body;
use tonic::codec::{BufferSettings, Codec, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService, StreamingService, UnaryService};
use tonic::{Status, Streaming};
use tonic_prost::{ProstCodec, ProstDecoder};
use tower::Service;

use super::auth::Method;
use super::service::Api;
use crate::domain::principal::Role;
use crate::proto::v1;
use crate::proto::v1::compliance_service_server::ComplianceService;

const ROLES: &[Role] = &[Role::Checker, Role::Reader, Role::Writer];
/// Answers CheckContact's message.
const CHECK: &str = "/fairdue.bench.v1.EmptyService/CheckContact";
/// Answers StreamContactChecks' messages.
const STREAM: &str = "/fairdue.bench.v1.EmptyService/StreamContactChecks";

/// The methods, for the layers to find.
pub const METHODS: [Method; 2] =
    [Method { path: CHECK, roles: ROLES, streaming: false }, Method { path: STREAM, roles: ROLES, streaming: true }];

/// Answers that were given once, one a view.
type Given = Arc<[OnceLock<Bytes>; 4]>;

/// The place of a view's answer.
fn place(given: &Given, view: i32) -> Result<&OnceLock<Bytes>, Status> {
    let place = usize::try_from(view).ok().and_then(|view| given.get(view));
    place.ok_or_else(|| Status::invalid_argument("no such view"))
}

/// The handlers, and the answers that they keep.
#[derive(Clone)]
pub struct EmptyService {
    api: Api,
    check: Given,
    stream: Given,
    receive: usize,
    send: usize,
}

impl EmptyService {
    /// Handlers that take their first answers from this API, with its limits of message sizes in bytes.
    #[must_use]
    pub fn new(api: Api, receive: usize, send: usize) -> Self {
        Self { api, check: Arc::default(), stream: Arc::default(), receive, send }
    }

    async fn check(self, request: tonic::Request<v1::CheckContactRequest>) -> Result<tonic::Response<Bytes>, Status> {
        let given = place(&self.check, request.get_ref().view)?;
        if let Some(bytes) = given.get() {
            return Ok(tonic::Response::new(bytes.clone()));
        }
        let answer = self.api.check_contact(request).await?.into_inner();
        Ok(tonic::Response::new(given.get_or_init(|| answer.encode_to_vec().into()).clone()))
    }

    async fn answer(
        self,
        message: Result<v1::StreamContactChecksRequest, Status>,
        extensions: tonic::Extensions,
    ) -> Result<Bytes, Status> {
        let message = message?;
        let given = place(&self.stream, message.view)?;
        if let Some(bytes) = given.get() {
            return Ok(bytes.clone());
        }
        let v1::StreamContactChecksRequest { sequence, region_code, checks, view } = message;
        let batch = v1::BatchCheckContactsRequest { region_code, checks, view };
        let request = tonic::Request::from_parts(tonic::metadata::MetadataMap::new(), extensions, batch);
        let v1::BatchCheckContactsResponse { results, rules_digest, revision } =
            self.api.batch_check_contacts(request).await?.into_inner();
        let answer = v1::StreamContactChecksResponse { sequence, results, rules_digest, revision };
        Ok(given.get_or_init(|| answer.encode_to_vec().into()).clone())
    }
}

impl NamedService for EmptyService {
    const NAME: &'static str = "fairdue.bench.v1.EmptyService";
}

impl UnaryService<v1::CheckContactRequest> for EmptyService {
    type Response = Bytes;
    type Future = BoxFuture<'static, Result<tonic::Response<Bytes>, Status>>;

    fn call(&mut self, request: tonic::Request<v1::CheckContactRequest>) -> Self::Future {
        Box::pin(self.clone().check(request))
    }
}

impl StreamingService<v1::StreamContactChecksRequest> for EmptyService {
    type Response = Bytes;
    type ResponseStream = BoxStream<'static, Result<Bytes, Status>>;
    type Future = BoxFuture<'static, Result<tonic::Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: tonic::Request<Streaming<v1::StreamContactChecksRequest>>) -> Self::Future {
        let service = self.clone();
        let (_, extensions, messages) = request.into_parts();
        let answers = messages.then(move |message| service.clone().answer(message, extensions.clone()));
        Box::pin(async move { Ok(tonic::Response::new(answers.boxed())) })
    }
}

impl Service<Request<Body>> for EmptyService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            let sizes = (Some(service.receive), Some(service.send));
            Ok(match request.uri().path() {
                CHECK => {
                    let codec = Kept::<v1::CheckContactRequest>(PhantomData);
                    Grpc::new(codec).apply_max_message_size_config(sizes.0, sizes.1).unary(service, request).await
                }
                STREAM => {
                    let codec = Kept::<v1::StreamContactChecksRequest>(PhantomData);
                    Grpc::new(codec).apply_max_message_size_config(sizes.0, sizes.1).streaming(service, request).await
                }
                _ => Status::unimplemented("").into_http(),
            })
        })
    }
}

/// Reads messages, and writes bytes as they are.
struct Kept<M>(PhantomData<M>);

impl<M: Message + Default + Send + 'static> Codec for Kept<M> {
    type Encode = Bytes;
    type Decode = M;
    type Encoder = Whole;
    type Decoder = ProstDecoder<M>;

    fn encoder(&mut self) -> Whole {
        Whole
    }

    fn decoder(&mut self) -> ProstDecoder<M> {
        ProstCodec::<M, M>::raw_decoder(BufferSettings::default())
    }
}

/// Writes bytes as they are.
struct Whole;

impl Encoder for Whole {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}
