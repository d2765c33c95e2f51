//! Calls with bytes instead of messages: for what no generated client would send, and for walking every method.

use prost::bytes::{Buf, BufMut};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

/// Takes messages as the bytes they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        Ok(Some(bytes.to_vec()))
    }
}

fn request<T>(message: T, metadata: MetadataMap) -> Request<T> {
    Request::from_parts(metadata, tonic::Extensions::default(), message)
}

async fn ready(channel: &Channel) -> Grpc<Channel> {
    let mut client = Grpc::new(channel.clone());
    client.ready().await.expect("a connection");
    client
}

fn path(path: &str) -> PathAndQuery {
    path.parse().expect("a path")
}

/// Calls a unary method.
pub async fn unary(
    channel: &Channel,
    method: &str,
    metadata: MetadataMap,
    message: Vec<u8>,
) -> Result<Response<Vec<u8>>, Status> {
    ready(channel).await.unary(request(message, metadata), path(method), Bytes).await
}

/// Calls a streaming method with these messages, and returns its answers and how it ended.
pub async fn stream(
    channel: &Channel,
    method: &str,
    metadata: MetadataMap,
    messages: Vec<Vec<u8>>,
) -> (Vec<Vec<u8>>, Result<(), Status>) {
    let request = request(futures::stream::iter(messages), metadata);
    let mut answers = Vec::new();
    let response = match ready(channel).await.streaming(request, path(method), Bytes).await {
        Ok(response) => response,
        Err(status) => return (answers, Err(status)),
    };
    let mut inbound = response.into_inner();
    loop {
        match inbound.message().await {
            Ok(Some(answer)) => answers.push(answer),
            Ok(None) => return (answers, Ok(())),
            Err(status) => return (answers, Err(status)),
        }
    }
}
