//! The emptiest handler that a contact check can be compared with: it reads the same message behind the same layers and
//! answers with the bytes of a real answer, which it keeps from its first call. Only in builds with the feature `bench`,
//! which no build for service has.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{Request, Response};
use prost::Message;
use prost::bytes::{BufMut, Bytes};
use tonic::Status;
use tonic::body::Body;
use tonic::codec::{BufferSettings, Codec, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic_prost::{ProstCodec, ProstDecoder};
use tower::Service;

use super::auth::Method;
use super::service::Api;
use crate::domain::principal::Role;
use crate::proto::v1;
use crate::proto::v1::compliance_service_server::ComplianceService;

/// The methods, for the layers to find.
pub const METHODS: [Method; 1] = [Method {
    path: "/fairdue.bench.v1.EmptyService/CheckContact",
    roles: &[Role::Checker, Role::Reader, Role::Writer],
    streaming: false,
}];

/// The handlers, and the answers that they keep.
#[derive(Clone)]
pub struct EmptyService {
    api: Api,
    check: Arc<OnceLock<Bytes>>,
    receive: usize,
    send: usize,
}

impl EmptyService {
    /// Handlers that take their first answers from this API, with its limits of message sizes in bytes.
    #[must_use]
    pub fn new(api: Api, receive: usize, send: usize) -> Self {
        Self { api, check: Arc::default(), receive, send }
    }

    async fn check(self, request: tonic::Request<v1::CheckContactRequest>) -> Result<tonic::Response<Bytes>, Status> {
        if let Some(bytes) = self.check.get() {
            return Ok(tonic::Response::new(bytes.clone()));
        }
        let answer = self.api.check_contact(request).await?.into_inner();
        Ok(tonic::Response::new(self.check.get_or_init(|| answer.encode_to_vec().into()).clone()))
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
            if request.uri().path() == METHODS[0].path {
                let codec = Kept::<v1::CheckContactRequest>(PhantomData);
                let mut grpc = Grpc::new(codec).apply_max_message_size_config(sizes.0, sizes.1);
                return Ok(grpc.unary(service, request).await);
            }
            Ok(Status::unimplemented("").into_http())
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
