//! Messages as bytes: requests that are encoded before a run, answers of which only the verdicts are looked for. What a
//! server does is measured here, and a load generator that makes and drops messages takes its processors away.

use prost::Message;
use prost::bytes::{Buf, BufMut, Bytes};
use prost::encoding::{WireType, decode_key, decode_varint};
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// Writes and reads bytes as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = buffer.remaining();
        Ok(Some(buffer.copy_to_bytes(length)))
    }
}

/// A message as bytes.
pub fn encoded(message: &impl Message) -> Bytes {
    message.encode_to_vec().into()
}

/// How many verdicts an answer tells. `results` is the number of the field that holds each check's result; absent where the
/// answer is the result. `verdict` is the number of the verdict's field in it. Unspecified verdicts are none.
pub fn verdicts(mut answer: &[u8], results: Option<u32>, verdict: u32) -> usize {
    let mut found = 0;
    while let Some((tag, value)) = field(&mut answer) {
        match (value, results) {
            (Value::Bytes(result), Some(results)) if tag == results => found += verdicts(result, None, verdict),
            (Value::Number(number), None) if tag == verdict && number != 0 => return 1,
            _ => {}
        }
    }
    found
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The next field of a message; `None` at its end, and of what is no message.
fn field<'a>(message: &mut &'a [u8]) -> Option<(u32, Value<'a>)> {
    if message.is_empty() {
        return None;
    }
    let (tag, wire) = decode_key(message).ok()?;
    let number = decode_varint(message).ok()?;
    match wire {
        WireType::Varint => Some((tag, Value::Number(number))),
        WireType::LengthDelimited => {
            let (value, rest) = message.split_at_checked(usize::try_from(number).ok()?)?;
            *message = rest;
            Some((tag, Value::Bytes(value)))
        }
        _ => None,
    }
}
