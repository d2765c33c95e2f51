//! The codec of the generated services: requests that would take far more memory than they have bytes are refused before they are
//! read. An empty element of a list takes two bytes on the wire, or next to none compressed, and kilobytes as a structure;
//! how many elements a list may have is looked at when it is there.

use std::any::type_name;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::LazyLock;

use prost::Message;
use prost::bytes::Buf as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FileDescriptorSet};
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder};
use tonic_prost::{ProstCodec, ProstDecoder, ProstEncoder};

/// What any message may take, in bytes: fifty thousand of the largest structures that a batch may hold, as good as empty.
const ANY: usize = 64 << 20;
/// So many times its own bytes a larger message may take.
const TIMES: usize = 12;
/// Messages that cannot come near [`ANY`], whatever is in them.
const SMALL: usize = 16 << 10;

/// Reads and writes generated messages.
#[derive(Debug, Clone)]
pub struct Bounded<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for Bounded<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for Bounded<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = BoundedDecoder<U>;

    fn encoder(&mut self) -> ProstEncoder<T> {
        ProstCodec::<T, U>::raw_encoder(BufferSettings::default())
    }

    fn decoder(&mut self) -> BoundedDecoder<U> {
        BoundedDecoder::default()
    }
}

/// Reads messages, and refuses requests that would take too much memory.
#[derive(Debug)]
pub struct BoundedDecoder<U>(ProstDecoder<U>);

impl<U> Default for BoundedDecoder<U> {
    fn default() -> Self {
        Self(ProstDecoder::new(BufferSettings::default()))
    }
}

impl<U: Message + Default> Decoder for BoundedDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        if bytes.remaining() > SMALL
            && let Some(request) = type_name::<U>().rsplit("::").next().and_then(|name| SHAPES.requests.get(name))
        {
            refuse(*request, bytes.chunk())?;
        }
        self.0.decode(bytes)
    }
}

/// Refuses a request that would take too much.
fn refuse(request: usize, bytes: &[u8]) -> Result<(), Status> {
    let most = ANY.max(bytes.len().saturating_mul(TIMES));
    let mut left = most;
    SHAPES.take(request, bytes, &mut left, 0);
    if left > 0 {
        return Ok(());
    }
    let text = format!("{} bytes that would take more than {} MiB of memory", bytes.len(), most >> 20);
    Err(Status::out_of_range(text))
}

/// The messages of the API, as far as it matters what they take.
struct Shapes {
    all: Vec<Shape>,
    /// Requests by their names.
    requests: HashMap<String, usize>,
}

/// A message.
#[derive(Default)]
struct Shape {
    /// Bytes of its structure, about.
    size: usize,
    /// Fields that may take more than their bytes, by number.
    fields: Vec<(u32, Field)>,
}

#[derive(Clone, Copy)]
enum Field {
    /// One message, or a list of them.
    Message { shape: usize, listed: bool },
    /// A list of texts or bytes.
    Texts,
    /// A list of numbers, one after the other.
    Numbers,
}

/// Bytes of a text, a list, or a reference.
const REFERENCE: usize = 24;
/// Bytes of a number.
const NUMBER: usize = 8;
/// Depth at which the reader gives up.
const DEEPEST: usize = 100;

static SHAPES: LazyLock<Shapes> = LazyLock::new(|| {
    // The descriptor is made with the code; without it nothing would be bounded, and a test says so.
    let set = FileDescriptorSet::decode(super::DESCRIPTOR_SET).unwrap_or_default();
    Shapes::of(&set)
});

/// A message and those inside it, with their full names.
fn collect<'d>(prefix: &str, message: &'d DescriptorProto, into: &mut Vec<(String, &'d DescriptorProto)>) {
    let name = format!("{prefix}.{}", message.name());
    message.nested_type.iter().for_each(|inner| collect(&name, inner, into));
    into.push((name, message));
}

impl Shapes {
    fn of(set: &FileDescriptorSet) -> Self {
        let mut messages = Vec::new();
        for file in &set.file {
            file.message_type.iter().for_each(|one| collect(&format!(".{}", file.package()), one, &mut messages));
        }
        let places: HashMap<&str, usize> =
            messages.iter().enumerate().map(|(place, (name, _))| (name.as_str(), place)).collect();
        let mut sizes: Vec<Option<usize>> = vec![None; messages.len()];
        (0..messages.len()).for_each(|place| {
            size(place, &messages, &places, &mut sizes, 0);
        });
        let all = messages.iter().zip(&sizes).map(|((_, message), size)| {
            let fields = message.field.iter().filter_map(|field| {
                let listed = field.label() == Label::Repeated;
                let kind = match (field.r#type(), listed) {
                    (Type::Message, _) => Field::Message { shape: *places.get(field.type_name())?, listed },
                    (Type::String | Type::Bytes, true) => Field::Texts,
                    (_, true) => Field::Numbers,
                    _ => return None,
                };
                Some((field.number().unsigned_abs(), kind))
            });
            Shape { size: size.unwrap_or(REFERENCE), fields: fields.collect() }
        });
        let requests = places.iter().filter_map(|(name, place)| {
            let name = name.strip_prefix(".fairdue.v1.")?;
            name.ends_with("Request").then(|| (name.to_owned(), *place))
        });
        Self { requests: requests.collect(), all: all.collect() }
    }

    /// Takes from `left` what a message would take, until nothing is left of it. What cannot be read is left to the reader.
    fn take(&self, shape: usize, mut bytes: &[u8], left: &mut usize, depth: usize) {
        let Some(shape) = self.all.get(shape).filter(|_| depth < DEEPEST) else { return };
        while *left > 0 && !bytes.is_empty() {
            let Ok(key) = prost::encoding::decode_varint(&mut bytes) else { return };
            let skip = match key & 7 {
                0 => prost::encoding::decode_varint(&mut bytes).map(|_| 0),
                1 => Ok(8),
                2 => prost::encoding::decode_varint(&mut bytes),
                5 => Ok(4),
                _ => return,
            };
            let part = skip.ok().and_then(|skip| bytes.split_at_checked(usize::try_from(skip).ok()?));
            let Some((part, rest)) = part else { return };
            bytes = rest;
            let number = u32::try_from(key >> 3).unwrap_or_default();
            let Some((_, field)) = shape.fields.iter().find(|(one, _)| *one == number) else { continue };
            let more = match field {
                Field::Message { shape, listed } => {
                    self.take(*shape, part, left, depth + 1);
                    if *listed { self.all.get(*shape).map_or(0, |shape| shape.size) } else { 0 }
                }
                Field::Texts => REFERENCE,
                Field::Numbers => NUMBER * part.len().max(1),
            };
            *left = left.saturating_sub(more);
        }
    }
}

/// The bytes of a message's structure: those of its fields, one of several alternatives among them.
fn size(
    place: usize,
    messages: &[(String, &DescriptorProto)],
    places: &HashMap<&str, usize>,
    sizes: &mut Vec<Option<usize>>,
    depth: usize,
) -> usize {
    if let Some(Some(known)) = sizes.get(place) {
        return *known;
    }
    let Some((_, message)) = messages.get(place).filter(|_| depth < DEEPEST) else { return REFERENCE };
    // One that holds itself does so by reference.
    if let Some(own) = sizes.get_mut(place) {
        *own = Some(REFERENCE);
    }
    let (mut sum, mut alternatives) = (0, HashMap::<i32, usize>::new());
    for field in &message.field {
        let bytes = match (field.label(), field.r#type()) {
            (Label::Repeated, _) | (_, Type::String | Type::Bytes) => REFERENCE,
            (_, Type::Message) => {
                let inner = places.get(field.type_name()).copied();
                inner.map_or(REFERENCE, |inner| size(inner, messages, places, sizes, depth + 1) + NUMBER)
            }
            _ => NUMBER,
        };
        match field.oneof_index.filter(|_| !field.proto3_optional()) {
            Some(one) => {
                let largest = alternatives.entry(one).or_default();
                *largest = bytes.max(*largest);
            }
            None => sum += bytes,
        }
    }
    let all = sum + alternatives.values().sum::<usize>();
    if let Some(own) = sizes.get_mut(place) {
        *own = Some(all);
    }
    all
}

#[cfg(test)]
mod tests;
