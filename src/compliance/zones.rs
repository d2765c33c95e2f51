//! Zones that a person may be in, put together without the heap.

use chrono_tz::Tz;

/// More zones than any country has; a longer list is not judged but answered "unknown".
const MAX_ZONES: usize = 32;

/// Zones that a person may be in, without allocation.
#[derive(Clone, Copy)]
pub(crate) struct ZoneList {
    zones: [Tz; MAX_ZONES],
    len: usize,
    /// There were more than fit.
    pub overflow: bool,
}

impl ZoneList {
    pub const fn empty() -> Self {
        Self { zones: [Tz::UTC; MAX_ZONES], len: 0, overflow: false }
    }

    pub fn push(&mut self, zone: Tz) {
        if self.as_slice().contains(&zone) {
            return;
        }
        match self.zones.get_mut(self.len) {
            Some(slot) => {
                *slot = zone;
                self.len += 1;
            }
            None => self.overflow = true,
        }
    }

    pub fn as_slice(&self) -> &[Tz] {
        self.zones.get(..self.len).unwrap_or(&[])
    }
}
