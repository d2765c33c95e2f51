//! A walk over the fields of a message, without a look at what they mean.

/// The fields of a message, one after the other, as the bytes have them.
pub(super) struct Fields<'b> {
    bytes: &'b [u8],
    at: usize,
}

/// What stands in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'b> {
    /// A number, a word of a list or a yes or no.
    Int(u64),
    /// A text, bytes, a message, or numbers that stand packed.
    Bytes(&'b [u8]),
    /// Four or eight bytes, which records do not use.
    Fixed,
}

impl<'b> Fields<'b> {
    pub(super) const fn of(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How much was walked over: a value that was just told ends there.
    pub(super) const fn walked(&self) -> usize {
        self.at
    }

    /// The next field's number and value. `Some(None)`: the bytes are no message.
    #[allow(clippy::option_option)] // the end, and what is none
    pub(super) fn field(&mut self) -> Option<Option<(u64, Value<'b>)>> {
        (self.at < self.bytes.len()).then(|| self.read())
    }

    fn read(&mut self) -> Option<(u64, Value<'b>)> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Int(self.varint()?),
            1 => self.fixed(8)?,
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                let end = self.at.checked_add(length)?;
                let bytes = self.bytes.get(self.at..end)?;
                self.at = end;
                Value::Bytes(bytes)
            }
            5 => self.fixed(4)?,
            _ => return None,
        };
        Some((key >> 3, value))
    }

    fn fixed(&mut self, length: usize) -> Option<Value<'b>> {
        self.at = self.at.checked_add(length).filter(|end| *end <= self.bytes.len())?;
        Some(Value::Fixed)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                // Of the tenth byte only one bit is left.
                return (shift < 63 || byte < 2).then_some(value);
            }
        }
        None
    }
}
