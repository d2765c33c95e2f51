//! Rows in PostgreSQL's binary form of COPY, in and out. In: half of what the database does for a row that comes in an array,
//! and less of ours. COPY knows no `ON CONFLICT`, and a table with row-level security does not take it. Out: rows are what came
//! over the connection, and nothing of them is copied.

use super::StoreError;
use crate::wire::stored::{Buf as _, Bytes};

/// Rows about to be copied.
pub(super) struct CopyRows {
    buffer: Vec<u8>,
    fields: u16,
    /// A value is too long for this form.
    overlong: bool,
}

/// What every binary copy begins with: signature, no flags, no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What ends it, in place of a number of fields.
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
/// The length that stands for no value.
const NULL: [u8; 4] = (-1_i32).to_be_bytes();

impl CopyRows {
    /// For rows of so many fields; `bytes` of them are expected.
    pub(super) fn new(fields: u16, bytes: usize) -> Self {
        let mut buffer = Vec::with_capacity(HEADER.len() + bytes + TRAILER.len());
        buffer.extend_from_slice(HEADER);
        Self { buffer, fields, overlong: false }
    }

    /// Begins a row: its fields follow, in the order of the columns.
    pub(super) fn row(&mut self) -> &mut Self {
        self.buffer.extend_from_slice(&self.fields.to_be_bytes());
        self
    }

    /// A TEXT or BYTEA.
    pub(super) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        match i32::try_from(value.len()) {
            Ok(length) => {
                self.buffer.extend_from_slice(&length.to_be_bytes());
                self.buffer.extend_from_slice(value);
            }
            Err(_) => self.overlong = true,
        }
        self
    }

    /// A TEXT, or NULL.
    pub(super) fn text(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.bytes(value.as_bytes()),
            None => {
                self.buffer.extend_from_slice(&NULL);
                self
            }
        }
    }

    /// A BIGINT.
    pub(super) fn int(&mut self, value: i64) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// The whole copy; `None` if a value does not fit.
    pub(super) fn finish(mut self) -> Option<Vec<u8>> {
        self.buffer.extend_from_slice(&TRAILER);
        (!self.overlong).then_some(self.buffer)
    }
}

/// Whether a name may stand in a text of SQL as it is. COPY takes no binds: where a name holds what such a text might hold in
/// another way, it is bound to a statement that is none.
pub(super) fn plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}

/// Bytes of a signature; flags and the length of an extension follow.
const SIGNATURE: usize = 11;

/// The messages of a copy that comes out, of which each brings one row; the first begins with the header, the last with the
/// trailer.
#[derive(Default)]
pub(super) struct CopyOut {
    begun: bool,
}

/// A row that was copied out: its fields follow each other.
pub(super) struct CopiedRow(Bytes);

impl CopyOut {
    /// The row of the next message; `None` of the trailer.
    pub(super) fn row(&mut self, mut message: Bytes) -> Result<Option<CopiedRow>, StoreError> {
        if !std::mem::replace(&mut self.begun, true) {
            let known = message.get(..SIGNATURE) == HEADER.get(..SIGNATURE);
            let extension = message.get(SIGNATURE + 4..HEADER.len()).and_then(|mut length| length.try_get_u32().ok());
            let header = extension.and_then(|more| HEADER.len().checked_add(usize::try_from(more).ok()?));
            let header = header.filter(|header| known && *header <= message.len()).ok_or_else(short)?;
            message.advance(header);
        }
        let fields = message.try_get_i16().map_err(|_| short())?;
        Ok((fields >= 0).then_some(CopiedRow(message)))
    }
}

impl CopiedRow {
    /// A BIGINT.
    pub(super) fn int(&mut self) -> Result<i64, StoreError> {
        let length = self.0.try_get_i32().map_err(|_| short())?;
        if length == 8 { self.0.try_get_i64().map_err(|_| short()) } else { Err(short()) }
    }

    /// A BYTEA or TEXT.
    pub(super) fn bytes(&mut self) -> Result<Bytes, StoreError> {
        let length = self.0.try_get_i32().ok().and_then(|length| usize::try_from(length).ok());
        let length = length.filter(|length| *length <= self.0.len()).ok_or_else(short)?;
        Ok(self.0.split_to(length))
    }

    /// A TEXT, as something is made of it.
    pub(super) fn text<T>(&mut self, make: impl FnOnce(&str) -> T) -> Result<T, StoreError> {
        let bytes = self.bytes()?;
        Ok(make(std::str::from_utf8(&bytes).map_err(|error| StoreError::corrupt("copy", error))?))
    }
}

fn short() -> StoreError {
    StoreError::corrupt("copy", "the database sent rows in another form")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let mut rows = CopyRows::new(3, 0);
        rows.row().int(-7).text(Some("it's")).bytes(&[0, 255]);
        rows.row().int(8).text(Some("")).bytes(b"\\");
        let all = rows.finish().unwrap();
        let first = HEADER.len() + 2 + 12 + 8 + 6;
        let messages = [&all[..first], &all[first..all.len() - 2], &all[all.len() - 2..]].map(Bytes::copy_from_slice);
        let read = |messages: &[Bytes]| {
            let fields = |row: Result<CopiedRow, StoreError>| {
                let mut row = row?;
                Ok((row.int()?, row.text(str::to_owned)?, row.bytes()?))
            };
            let mut copy = CopyOut::default();
            let rows = messages.iter().filter_map(|message| copy.row(message.clone()).transpose());
            rows.map(fields).collect::<Result<Vec<_>, StoreError>>()
        };
        let expected =
            vec![(-7, "it's".to_owned(), Bytes::from_static(&[0, 255])), (8, String::new(), Bytes::from_static(b"\\"))];
        assert_eq!(read(&messages).unwrap(), expected);
        let nothing = Bytes::from([HEADER, &TRAILER].concat());
        assert!(read(&[nothing]).unwrap().is_empty());
        assert!(read(&messages[1..]).is_err(), "no header");
        for cut in 1..first {
            assert!(read(&[messages[0].slice(..first - cut)]).is_err(), "{cut} bytes are missing");
        }
    }
}
