//! Rows in PostgreSQL's binary form of COPY: half of what the database does for a row that comes in an array, and less of
//! ours. COPY knows no `ON CONFLICT`, and a table with row-level security does not take it.

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
