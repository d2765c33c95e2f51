//! Ids of checks, made without the heap.

/// Id of a check: where its run began, a hyphen, and its number in hexadecimal.
#[derive(Debug, Clone, Copy)]
pub struct CheckId {
    bytes: [u8; 40],
    length: usize,
}

impl CheckId {
    /// The id of a check of a run.
    #[must_use]
    pub fn new(run: &str, number: u64) -> Self {
        let mut id = Self { bytes: [0; 40], length: 0 };
        if let Some(room) = id.bytes.get_mut(..run.len()) {
            room.copy_from_slice(run.as_bytes());
            id.length = run.len();
        }
        id.push(b'-');
        let digits = (u64::BITS - number.leading_zeros()).div_ceil(4).max(1);
        for digit in (0..digits).rev() {
            let value = (number >> (4 * digit) & 15) as usize;
            b"0123456789abcdef".get(value).iter().for_each(|byte| id.push(**byte));
        }
        id
    }

    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.length) {
            *slot = byte;
            self.length += 1;
        }
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::CheckId;

    #[test]
    fn ids_are_the_run_and_the_number() {
        for number in [0, 1, 15, 16, 0xdead_beef, u64::MAX] {
            let id = CheckId::new("0123456789abcdef", number);
            assert_eq!(id.as_str(), format!("0123456789abcdef-{number:x}"));
        }
    }
}
