//! Fields written straight onto the wire.

use prost::Message;
use prost::encoding::{encode_varint, encoded_len_varint};

use crate::domain::time::{SECOND, Timestamp};

/// Writes fields. Those that hold their default are left out, as proto3 has it.
pub struct Out(pub(super) Vec<u8>);

impl Out {
    #[inline]
    pub(super) fn varint(&mut self, value: u64) {
        // Nearly all keys, lengths and words take one byte.
        match u8::try_from(value) {
            Ok(byte) if byte < 0x80 => self.0.push(byte),
            _ => encode_varint(value, &mut self.0),
        }
    }

    pub(super) fn key(&mut self, tag: u32, wire: u64) {
        self.varint(u64::from(tag) << 3 | wire);
    }

    pub(super) fn bytes(&mut self, tag: u32, bytes: &[u8]) {
        self.key(tag, 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn text(&mut self, tag: u32, text: &str) {
        if !text.is_empty() {
            self.bytes(tag, text.as_bytes());
        }
    }

    pub(super) fn int(&mut self, tag: u32, value: i64) {
        if value != 0 {
            self.optional(tag, Some(value));
        }
    }

    pub(super) fn optional(&mut self, tag: u32, value: Option<i64>) {
        if let Some(value) = value {
            self.key(tag, 0);
            self.varint(value.cast_unsigned());
        }
    }

    /// A message within this one, of fewer than 128 bytes in most cases.
    pub(super) fn message(&mut self, tag: u32, write: impl FnOnce(&mut Self)) {
        self.sized(tag, 1, write);
    }

    /// The same where its length will likely take so many bytes. It stands before the message and is known after it: what
    /// was written moves where it takes more or fewer, which is told.
    pub(super) fn sized(&mut self, tag: u32, likely: usize, write: impl FnOnce(&mut Self)) -> bool {
        self.key(tag, 2);
        let at = self.0.len();
        let begin = at + likely;
        self.0.resize(begin, 0);
        write(self);
        let end = self.0.len();
        let length = (end - begin) as u64;
        let takes = encoded_len_varint(length);
        if takes > likely {
            self.0.resize(end + takes - likely, 0);
        }
        if takes != likely {
            self.0.copy_within(begin..end, at + takes);
            self.0.truncate(end + takes - likely);
        }
        if let Some(mut place) = self.0.get_mut(at..at + takes) {
            encode_varint(length, &mut place);
        }
        takes != likely
    }

    /// The same of a message of about so many bytes.
    pub(super) fn nearly(&mut self, tag: u32, bytes: usize, write: impl FnOnce(&mut Self)) {
        self.sized(tag, encoded_len_varint(bytes as u64), write);
    }

    pub(super) fn generated(&mut self, tag: u32, message: &impl Message) {
        self.key(tag, 2);
        self.varint(message.encoded_len() as u64);
        message.encode_raw(&mut self.0);
    }

    pub(super) fn time(&mut self, tag: u32, at: Timestamp) {
        self.message(tag, |out| {
            out.int(1, at.0.div_euclid(SECOND));
            out.int(2, at.0.rem_euclid(SECOND) * 1000);
        });
    }
}
