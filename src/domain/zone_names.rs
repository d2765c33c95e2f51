//! Zones by their names.

use std::cell::Cell;

use chrono_tz::Tz;

/// Zones that each thread remembers by their names.
const NAMES: usize = 64;

thread_local! {
    static ZONES: [Cell<Tz>; NAMES] = const { [const { Cell::new(Tz::UTC) }; NAMES] };
}

/// The zone of a name. Every check asks for one, and nearly all ask for the same few.
#[must_use]
pub fn zone_of(name: &str) -> Option<Tz> {
    // The names of a continent's zones differ in their ends and lengths.
    let ends = name.as_bytes().last_chunk::<4>().map_or(0, |end| u32::from_le_bytes(*end));
    let mixed = (u64::from(ends) + name.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let place = (mixed >> 32) as usize % NAMES;
    let known = ZONES.try_with(|zones| zones.get(place).map(Cell::get)).ok().flatten();
    if let Some(zone) = known.filter(|zone| zone.name() == name) {
        return Some(zone);
    }
    let zone = name.parse::<Tz>().ok()?;
    let _ = ZONES.try_with(|zones| zones.get(place).map(|known| known.set(zone)));
    Some(zone)
}
