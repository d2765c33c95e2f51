//! A table of strings in one piece of memory.

use std::cmp::Ordering;

use super::varint::{DecodeError, Input, put_len};

/// Strings one behind the other, with where each ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Strings {
    text: String,
    ends: Vec<usize>,
}

impl Strings {
    /// No strings.
    #[must_use]
    pub const fn new() -> Self {
        Self { text: String::new(), ends: Vec::new() }
    }

    /// How many strings.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes in memory beside its own size.
    pub(super) const fn bytes(&self) -> usize {
        self.text.len() + size_of::<usize>() * self.ends.len()
    }

    /// The string at a place.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<&str> {
        let end = *self.ends.get(place)?;
        let start = place.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.text.get(start..end)
    }

    /// The strings in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let string = self.text.get(start..*end).unwrap_or_default();
            start = *end;
            string
        })
    }

    pub(super) fn push(&mut self, string: &str) {
        self.text.push_str(string);
        self.ends.push(self.text.len());
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_len(out, self.len());
        for string in self.iter() {
            put_len(out, string.len());
            out.extend_from_slice(string.as_bytes());
        }
    }

    /// Reads a table of sorted, distinct strings.
    pub(super) fn decode(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        let count = input.count(1)?;
        let mut strings =
            Self { text: String::with_capacity(count.saturating_mul(8)), ends: Vec::with_capacity(count) };
        let mut last: Option<&str> = None;
        for _ in 0..count {
            let text = input.text()?;
            if last.is_some_and(|last| last >= text) {
                return Err(DecodeError::Invalid("order of strings"));
            }
            last = Some(text);
            strings.push(text);
        }
        Ok(strings)
    }

    /// The sorted union of two sorted tables, and for each table the new key (place plus one) of every old one; key 0
    /// stays 0.
    pub(super) fn union(&self, other: &Self) -> (Self, Vec<u32>, Vec<u32>) {
        let mut strings = Self { text: String::with_capacity(self.text.len()), ends: Vec::with_capacity(self.len()) };
        let (mut mine, mut theirs) = (vec![0_u32], vec![0_u32]);
        let (mut left, mut right) = (self.iter().peekable(), other.iter().peekable());
        loop {
            let order = match (left.peek(), right.peek()) {
                (Some(l), Some(r)) => l.cmp(r),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            let number = strings.len() as u32 + 1;
            let from_left = if order.is_le() { left.next() } else { None };
            let from_right = if order.is_ge() { right.next() } else { None };
            if from_left.is_some() {
                mine.push(number);
            }
            if from_right.is_some() {
                theirs.push(number);
            }
            strings.push(from_left.or(from_right).unwrap_or_default());
        }
        (strings, mine, theirs)
    }
}
