//! Feeds on their way past the generated service: their messages are written straight onto the wire. Every other method goes
//! on to the generated service.

use std::convert::Infallible;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{Request, Response};
use tonic::body::Body;
use tonic::codec::{CompressionEncoding, EnabledCompressionEncodings};
use tonic::server::{Grpc, NamedService};
use tower::{Service, service_fn};

use super::Api;
use super::direct::DirectCodec;
use crate::proto::v1;
use crate::proto::v1::sync_service_server::SyncServiceServer;
use crate::transport::encode::sync::Pulled;

/// The sync service with its feeds answered here.
#[derive(Clone)]
pub struct Feeds<S> {
    rest: S,
    api: Api,
    receive: usize,
    send: usize,
}

impl<S> Feeds<S> {
    /// `rest` answers every other method. Sizes are the largest messages received and sent, in bytes.
    #[must_use]
    pub const fn new(rest: S, api: Api, receive: usize, send: usize) -> Self {
        Self { rest, api, receive, send }
    }
}

impl NamedService for Feeds<SyncServiceServer<Api>> {
    const NAME: &'static str = SyncServiceServer::<Api>::NAME;
}

impl<S> Service<Request<Body>> for Feeds<S>
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
        if request.uri().path() != "/fairdue.v1.SyncService/Pull" {
            return Box::pin(self.rest.call(request));
        }
        let mut gzip = EnabledCompressionEncodings::default();
        gzip.enable(CompressionEncoding::Gzip);
        let mut grpc = Grpc::new(DirectCodec::<v1::PullRequest, Pulled>::new())
            .apply_compression_config(gzip, EnabledCompressionEncodings::default())
            .apply_max_message_size_config(Some(self.receive), Some(self.send));
        let api = self.api.clone();
        let service = service_fn(move |request| {
            let api = api.clone();
            async move { api.feed(request).await.map(tonic::Response::new) }
        });
        Box::pin(async move { Ok(grpc.server_streaming(service, request).await) })
    }
}
