//! Variable-length integers of stored cells, and why stored bytes cannot be read.

/// Stored bytes that are no block or delta: damage, or a version that this build does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end inside a value.
    #[error("KPI cells end early: the stored bytes are cut off")]
    Truncated,
    /// Bytes follow the end.
    #[error("KPI cells have bytes behind their end")]
    Trailing,
    /// Written by another version.
    #[error("KPI cells have format version {0}, and this build reads version 1: rebuild the cells")]
    Version(u8),
    /// A value that no writer makes.
    #[error("KPI cells hold an impossible {0}")]
    Invalid(&'static str),
}

/// Appends an unsigned number, 7 bits a byte, the lowest first.
pub(crate) fn put(out: &mut Vec<u8>, mut value: u128) {
    if let Ok(mut short) = u64::try_from(value) {
        while short >= 0x80 {
            out.push((short as u8) | 0x80);
            short >>= 7;
        }
        return out.push(short as u8);
    }
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a length or an index.
pub(crate) fn put_len(out: &mut Vec<u8>, value: usize) {
    put(out, value as u128);
}

/// Appends a signed number: small magnitudes are short.
pub(crate) fn put_signed(out: &mut Vec<u8>, value: i128) {
    put(out, ((value << 1) ^ (value >> 127)) as u128);
}

/// Reads from stored bytes; every step can fail, none panics.
pub(crate) struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    /// Starts at the first byte and checks the format version.
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => Ok(Self { rest }),
            Some((&other, _)) => Err(DecodeError::Version(other)),
            None => Err(DecodeError::Truncated),
        }
    }

    pub(crate) fn byte(&mut self) -> Result<u8, DecodeError> {
        let (&first, rest) = self.rest.split_first().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(first)
    }

    /// Reads a number; nearly all are one to nine bytes long, and 128-bit shifts are slow.
    pub(crate) fn number(&mut self) -> Result<u128, DecodeError> {
        let mut value = 0_u64;
        for (place, byte) in self.rest.iter().take(9).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                // A number has one spelling, so that equal cells have equal bytes.
                if *byte == 0 && place > 0 {
                    return Err(DecodeError::Invalid("number"));
                }
                self.rest = self.rest.get(place + 1..).unwrap_or_default();
                return Ok(u128::from(value));
            }
        }
        self.long_number()
    }

    fn long_number(&mut self) -> Result<u128, DecodeError> {
        let mut value = 0_u128;
        let mut shift = 0_u32;
        loop {
            let byte = self.byte()?;
            let bits = u128::from(byte & 0x7f);
            if shift > 126 || (shift == 126 && bits > 3) {
                return Err(DecodeError::Invalid("number"));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return if byte == 0 && shift > 0 { Err(DecodeError::Invalid("number")) } else { Ok(value) };
            }
            shift += 7;
        }
    }

    pub(crate) fn signed(&mut self) -> Result<i128, DecodeError> {
        let raw = self.number()?;
        Ok(((raw >> 1) as i128) ^ -((raw & 1) as i128))
    }

    pub(crate) fn small(&mut self) -> Result<u32, DecodeError> {
        u32::try_from(self.number()?).map_err(|_| DecodeError::Invalid("index"))
    }

    pub(crate) fn signed64(&mut self) -> Result<i64, DecodeError> {
        i64::try_from(self.signed()?).map_err(|_| DecodeError::Invalid("count"))
    }

    /// A count of things that take at least `bytes_each` bytes, so that damage cannot ask for memory.
    pub(crate) fn count(&mut self, bytes_each: usize) -> Result<usize, DecodeError> {
        let count = usize::try_from(self.number()?).map_err(|_| DecodeError::Invalid("length"))?;
        if count.checked_mul(bytes_each.max(1)).is_none_or(|need| need > self.rest.len()) {
            return Err(DecodeError::Truncated);
        }
        Ok(count)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, DecodeError> {
        let length = self.count(1)?;
        let (text, rest) = self.rest.split_at_checked(length).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        std::str::from_utf8(text).map_err(|_| DecodeError::Invalid("text"))
    }

    pub(crate) fn end(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Trailing) }
    }
}

/// Version of both stored formats: the first byte.
pub(crate) const VERSION: u8 = 1;
