//! What is written straight onto the wire, without a generated message in between.

use prost::Message;
use prost::bytes::BufMut as _;
use tonic::codec::EncodeBuf;

use super::out::Out;

/// What is written to the wire without a generated message.
pub trait Direct {
    /// Writes the message.
    fn write(&self, out: &mut Out);

    /// Bytes that the message is likely to fit into.
    fn room(&self) -> usize {
        ROOM
    }

    /// The encoded message.
    fn encode(&self) -> Vec<u8> {
        let mut out = Out(Vec::with_capacity(self.room()));
        self.write(&mut out);
        out.0
    }

    /// The same, at the end.
    fn into_bytes(self) -> Vec<u8>
    where
        Self: Sized,
    {
        self.encode()
    }

    /// Puts it on its way.
    fn put(self, buffer: &mut EncodeBuf<'_>)
    where
        Self: Sized,
    {
        let bytes = self.into_bytes();
        // Growing by doubling would copy a large answer several times.
        buffer.reserve(bytes.len());
        buffer.put_slice(&bytes);
    }
}

/// Bytes that most messages fit into.
const ROOM: usize = 4_096;

/// A message that is encoded already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded(pub(super) Vec<u8>);

impl Encoded {
    /// Its length in bytes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.0.len()
    }

    /// The generated form.
    ///
    /// # Errors
    /// Never: what was written is read.
    pub fn message<M: Message + Default>(&self) -> Result<M, prost::DecodeError> {
        M::decode(self.0.as_slice())
    }
}

impl Direct for Encoded {
    fn write(&self, out: &mut Out) {
        out.0.extend_from_slice(&self.0);
    }

    fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}
