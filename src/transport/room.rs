//! How much is taken in at once, over all connections: calls in work, and the bytes of their requests. One tenant has at most half of
//! either, so that none keeps out the others: neither by calls that never end nor by requests that never come whole.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use prost::bytes::{Buf as _, Bytes};
use tonic::Status;
use tonic::body::Body;

use super::status;
use crate::domain::error_kind::ErrorKind;
use crate::domain::ids::TenantId;
use crate::ingest::{Places, Seat};

/// Bytes before each message: whether it is compressed, and its length.
const PREFIX: usize = 5;
/// Requests that are taken in whatever else is in work: as many as there may be calls take no memory worth counting.
const SMALL: usize = 16 << 10;
/// So many times its bytes a compressed message is taken to have: lists of records have fifty times theirs.
const COMPRESSED: usize = 64;

/// How much there may be.
#[derive(Debug, Clone, Copy)]
pub struct Most {
    /// Calls in work.
    pub calls: usize,
    /// Bytes of their requests.
    pub bytes: usize,
    /// Bytes of one request.
    pub message: usize,
    /// How long the next piece of a message that has begun may take on a stream.
    pub piece: Duration,
}

/// Room for calls and the bytes of their requests.
#[derive(Debug)]
pub struct Room {
    most: Most,
    calls: Places,
    /// KiB of requests.
    kib: Arc<Places>,
}

/// A call that was let in.
#[derive(Debug)]
pub struct Place {
    _call: Seat,
    kib: Arc<Places>,
    tenant: TenantId,
    most: Most,
}

impl Room {
    /// With nothing in it.
    #[must_use]
    pub fn new(most: Most) -> Self {
        let calls = Places::new(most.calls, most.calls.div_ceil(2));
        let kib = Arc::new(Places::new(most.bytes >> 10, most.bytes >> 11));
        Self { most, calls, kib }
    }

    /// A place for a call, if there is one for this tenant.
    #[must_use]
    pub fn enter(&self, tenant: &TenantId) -> Option<Place> {
        let call = self.calls.try_take(tenant, 1)?;
        Some(Place { _call: call, kib: Arc::clone(&self.kib), tenant: tenant.clone(), most: self.most })
    }
}

/// The room that the messages of a call take, in their order: taken out for each message by whoever has it in work, and given
/// back with the last copy of this otherwise.
#[derive(Debug, Clone, Default)]
pub struct Received(Arc<Mutex<VecDeque<Option<Seat>>>>);

impl Received {
    /// The room of the message that came next; nothing for a small one.
    #[must_use]
    pub fn next(&self) -> Option<Seat> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front().flatten()
    }

    fn push(&self, taken: Option<Seat>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(taken);
    }
}

impl Place {
    /// The body of a request, each message of which is passed on once there is room for all of it: that of a unary call is refused
    /// if there is none now, those of a stream wait.
    #[must_use]
    pub fn measure(&self, body: Body, streaming: bool) -> (Body, Received) {
        let received = Received::default();
        let reader = Reader {
            body,
            rest: Bytes::new(),
            prefix: [0; PREFIX],
            known: 0,
            left: 0,
            taking: Taking {
                kib: Arc::clone(&self.kib),
                tenant: self.tenant.clone(),
                received: received.clone(),
                streaming,
                most: self.most,
            },
        };
        let pieces = futures::stream::unfold(reader, |mut reader| async move {
            let piece = reader.piece().await.transpose()?;
            Some((piece, reader))
        });
        // Who reads a request may look behind its end.
        (Body::new(StreamBody::new(pieces.fuse())), received)
    }
}

/// Reads a body message by message.
struct Reader {
    body: Body,
    /// What has come and is not passed on.
    rest: Bytes,
    /// What comes before the message that begins, as far as it has come.
    prefix: [u8; PREFIX],
    known: usize,
    /// Bytes of the message that are still to come.
    left: usize,
    taking: Taking,
}

/// Takes the room of messages.
struct Taking {
    kib: Arc<Places>,
    tenant: TenantId,
    received: Received,
    streaming: bool,
    most: Most,
}

impl Reader {
    /// The next piece, which holds bytes of one message alone; `None` at the end.
    async fn piece(&mut self) -> Result<Option<Frame<Bytes>>, Status> {
        while self.rest.is_empty() {
            let frame = self.body.frame();
            let frame = if self.taking.streaming && (self.left > 0 || self.known > 0) {
                let piece = self.taking.most.piece;
                tokio::time::timeout(piece, frame).await.map_err(|_| unfinished(piece))?
            } else {
                frame.await
            };
            match frame.transpose()?.map(Frame::into_data) {
                None => return Ok(None),
                Some(Ok(data)) => self.rest = data,
                Some(Err(other)) => return Ok(Some(other)),
            }
        }
        let mut prefix = 0;
        if self.left == 0 {
            let missing = self.prefix.iter_mut().skip(self.known);
            for (to, from) in missing.zip(self.rest.iter()) {
                *to = *from;
                prefix += 1;
            }
            self.known += prefix;
            if self.known == PREFIX {
                self.known = 0;
                self.left = self.taking.begin(self.prefix).await?;
            }
        }
        let payload = self.left.min(self.rest.remaining() - prefix);
        self.left -= payload;
        Ok(Some(Frame::data(self.rest.split_to(prefix + payload))))
    }
}

impl Taking {
    /// Takes the room of the message that begins. How many bytes of it follow.
    async fn begin(&self, [compressed, length @ ..]: [u8; PREFIX]) -> Result<usize, Status> {
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        let unpacked = if compressed == 0 { length } else { length.saturating_mul(COMPRESSED) };
        // What is longer than a message may be is refused by whoever reads it.
        let bytes = unpacked.min(self.most.message);
        let taken = if bytes <= SMALL { None } else { Some(self.take(bytes).await?) };
        self.received.push(taken);
        Ok(length)
    }

    async fn take(&self, bytes: usize) -> Result<Seat, Status> {
        let kib = u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX);
        let taken = if self.streaming {
            self.kib.take(&self.tenant, kib).await.ok()
        } else {
            self.kib.try_take(&self.tenant, kib)
        };
        taken.ok_or_else(full)
    }
}

fn unfinished(piece: Duration) -> Status {
    let text = format!("the rest of a message did not come for {} seconds: open another stream", piece.as_secs_f64());
    status::own(ErrorKind::Unavailable, "STREAM_IDLE", text)
}

fn full() -> Status {
    let text = "the requests that are being worked on have as many bytes as are taken in at once: send again later, or on a stream";
    status::own(ErrorKind::Unavailable, "OVERLOADED", text)
}

#[cfg(test)]
mod tests;
