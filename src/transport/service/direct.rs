//! Contact checks, figures and feeds on their way past the generated services: the same requests, answers that are written
//! straight onto the wire. Every other method goes on to the generated service.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{Request, Response};
use prost::Message;
use tonic::body::Body;
use tonic::codec::{Codec, CompressionEncoding, EnabledCompressionEncodings, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService};
use tonic::{Status, Streaming};
use tower::{Service, service_fn};

use super::{Answers, Api};
use crate::proto::bounded::BoundedDecoder;
use crate::proto::v1;
use crate::transport::encode::direct::{Direct, Encoded};
use crate::transport::encode::feed::Pulled;
use crate::transport::encode::figures::Figures;

/// A generated service with its checks, figures or feeds answered here.
#[derive(Clone)]
pub struct Straight<S> {
    rest: S,
    api: Api,
    receive: usize,
    send: usize,
}

impl<S> Straight<S> {
    /// `rest` answers every other method. Sizes are the largest messages received and sent, in bytes.
    #[must_use]
    pub const fn new(rest: S, api: Api, receive: usize, send: usize) -> Self {
        Self { rest, api, receive, send }
    }

    fn grpc<M, A>(&self) -> Grpc<DirectCodec<M, A>>
    where
        M: Message + Default + Send + 'static,
        A: Direct + Send + 'static,
    {
        let mut gzip = EnabledCompressionEncodings::default();
        gzip.enable(CompressionEncoding::Gzip);
        Grpc::new(DirectCodec(PhantomData))
            .apply_compression_config(gzip, EnabledCompressionEncodings::default())
            .apply_max_message_size_config(Some(self.receive), Some(self.send))
    }
}

impl<S: NamedService> NamedService for Straight<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Straight<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.rest.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match request.uri().path() {
            "/fairdue.v1.ComplianceService/CheckContact" => {
                let (api, mut grpc) = (self.api.clone(), self.grpc::<v1::CheckContactRequest, Encoded>());
                let service = service_fn(move |request| {
                    let api = api.clone();
                    async move { api.one(request).await.map(tonic::Response::new) }
                });
                Box::pin(async move { Ok(grpc.unary(service, request).await) })
            }
            "/fairdue.v1.ComplianceService/BatchCheckContacts" => {
                let (api, mut grpc) = (self.api.clone(), self.grpc::<v1::BatchCheckContactsRequest, Encoded>());
                let service = service_fn(move |request| {
                    let api = api.clone();
                    async move { api.many(request).await.map(tonic::Response::new) }
                });
                Box::pin(async move { Ok(grpc.unary(service, request).await) })
            }
            "/fairdue.v1.ComplianceService/StreamContactChecks" => {
                let (api, mut grpc) = (self.api.clone(), self.grpc::<v1::StreamContactChecksRequest, Encoded>());
                let service = service_fn(move |request: tonic::Request<Streaming<v1::StreamContactChecksRequest>>| {
                    let api = api.clone();
                    async move {
                        let answers: Answers<Encoded> = api.stream(request)?;
                        Ok::<_, Status>(tonic::Response::new(answers))
                    }
                });
                Box::pin(async move { Ok(grpc.streaming(service, request).await) })
            }
            "/fairdue.v1.KpiService/QueryKpis" => {
                let (api, mut grpc) = (self.api.clone(), self.grpc::<v1::QueryKpisRequest, Figures>());
                let service = service_fn(move |request| {
                    let api = api.clone();
                    async move { api.figures(request).await.map(tonic::Response::new) }
                });
                Box::pin(async move { Ok(grpc.unary(service, request).await) })
            }
            "/fairdue.v1.SyncService/Pull" => {
                let (api, mut grpc) = (self.api.clone(), self.grpc::<v1::PullRequest, Pulled>());
                let service = service_fn(move |request| {
                    let api = api.clone();
                    async move { api.feed(request).await.map(tonic::Response::new) }
                });
                Box::pin(async move { Ok(grpc.server_streaming(service, request).await) })
            }
            _ => Box::pin(self.rest.call(request)),
        }
    }
}

/// Reads generated messages, and writes what writes itself.
struct DirectCodec<M, A>(PhantomData<(M, A)>);

impl<M, A> Codec for DirectCodec<M, A>
where
    M: Message + Default + Send + 'static,
    A: Direct + Send + 'static,
{
    type Encode = A;
    type Decode = M;
    type Encoder = DirectEncoder<A>;
    type Decoder = BoundedDecoder<M>;

    fn encoder(&mut self) -> DirectEncoder<A> {
        DirectEncoder(PhantomData)
    }

    fn decoder(&mut self) -> BoundedDecoder<M> {
        BoundedDecoder::default()
    }
}

struct DirectEncoder<A>(PhantomData<A>);

impl<A: Direct> Encoder for DirectEncoder<A> {
    type Item = A;
    type Error = Status;

    fn encode(&mut self, item: A, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.put(buffer);
        Ok(())
    }
}
