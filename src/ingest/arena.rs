//! Packed states side by side in pieces of memory, each found by the hash of its key. A state costs some fifteen bytes beside its
//! own: a place in a table of small numbers, and its hash and length before its bytes. Five bytes of a hash are kept: of two keys
//! that share them, as two of a million may, one has no place here.
//!
//! Bytes of states that were taken out stay in their piece until it is emptied: when less than half of a piece is in use,
//! what is left of it moves to the last one. No call moves more than half a piece.

use hashbrown::HashTable;

/// Bytes of a piece.
const PIECE: usize = 1 << 20;
/// States begin at multiples of so many bytes.
const UNIT: usize = 4;
/// Of a place, the bits that tell where in its piece a state begins; the others number the piece.
const WITHIN: u32 = (PIECE / UNIT).trailing_zeros();
/// Bytes of a hash that are kept.
const HASH: usize = 5;
/// Bytes before a state: its hash, and its length in the other three.
const HEAD: usize = HASH + 3;
/// Most bytes of a state: what its piece and its length can hold.
const MOST: usize = PIECE - HEAD;
/// What a state costs in the table, which is filled by two thirds on average.
const SLOT: usize = 8;

/// States by the hashes of their keys.
#[derive(Default)]
pub(super) struct Arena {
    table: HashTable<Place>,
    pieces: Vec<Piece>,
    /// Pieces that hold nothing.
    free: Vec<u32>,
    /// The piece that takes the next state.
    open: Option<u32>,
    /// What all pieces take.
    taken: usize,
}

/// Where a state begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place(u32);

#[derive(Default)]
struct Piece {
    bytes: Vec<u8>,
    /// Bytes of states that are in the table.
    used: usize,
}

impl Place {
    const fn piece(self) -> usize {
        (self.0 >> WITHIN) as usize
    }

    const fn begin(self) -> usize {
        (self.0 & ((1 << WITHIN) - 1)) as usize * UNIT
    }
}

/// Bytes that a state of that length takes in its piece.
const fn room(length: usize) -> usize {
    (HEAD + length).next_multiple_of(UNIT)
}

impl Piece {
    /// The hash and the bytes of the state that begins there.
    fn state(&self, begin: usize) -> Option<(u64, &[u8])> {
        let ([a, b, c, d, e], rest) = self.bytes.get(begin..)?.split_first_chunk::<HASH>()?;
        let ([low, mid, high], rest) = rest.split_first_chunk::<3>()?;
        let length = u32::from_le_bytes([*low, *mid, *high, 0]) as usize;
        Some((u64::from_le_bytes([*a, *b, *c, *d, *e, 0, 0, 0]), rest.get(..length)?))
    }
}

impl Arena {
    /// Bytes of memory that all of it takes.
    pub(super) fn bytes(&self) -> usize {
        self.taken + self.table.len() * SLOT
    }

    /// The state of a hash.
    pub(super) fn get(&self, hash: u64) -> Option<&[u8]> {
        let hash = kept(hash);
        let place = self.table.find(spread(hash), |place| hash_in(&self.pieces, *place) == Some(hash))?;
        self.pieces.get(place.piece())?.state(place.begin()).map(|(_, state)| state)
    }

    /// Puts the state of a hash in, in place of what was there. `false` if it is too large, or there is no place.
    pub(super) fn insert(&mut self, hash: u64, state: &[u8]) -> bool {
        self.remove(hash);
        let hash = kept(hash);
        let Some(place) = self.append(hash, state) else { return false };
        let pieces = &self.pieces;
        self.table.insert_unique(spread(hash), place, |place| spread(hash_in(pieces, *place).unwrap_or_default()));
        true
    }

    /// Takes the state of a hash out.
    pub(super) fn remove(&mut self, hash: u64) {
        let (pieces, hash) = (&self.pieces, kept(hash));
        let found = self.table.find_entry(spread(hash), |place| hash_in(pieces, *place) == Some(hash));
        let Ok(found) = found else { return };
        let (place, _) = found.remove();
        let Some(piece) = self.pieces.get_mut(place.piece()) else { return };
        let length = piece.state(place.begin()).map_or(0, |(_, state)| state.len());
        piece.used = piece.used.saturating_sub(room(length));
        if piece.used < PIECE / 2 && self.open.is_none_or(|open| open as usize != place.piece()) {
            self.empty(place.piece());
        }
    }

    /// Writes a state behind the last one.
    fn append(&mut self, hash: u64, state: &[u8]) -> Option<Place> {
        let (room, length) = (room(state.len()), u32::try_from(state.len()).ok()?.to_le_bytes());
        if state.len() > MOST {
            return None;
        }
        let fits = |piece: &Piece| piece.bytes.len() + room <= PIECE;
        let number = match self.open.filter(|open| self.pieces.get(*open as usize).is_some_and(fits)) {
            Some(open) => open,
            None => self.fresh()?,
        };
        let piece = self.pieces.get_mut(number as usize)?;
        let (begin, before) = (piece.bytes.len(), piece.bytes.capacity());
        // Doubling, but never beyond the size of a piece.
        if begin + room > before {
            piece.bytes.reserve_exact((before * 2).clamp(begin + room, PIECE) - begin);
        }
        piece.bytes.extend_from_slice(&hash.to_le_bytes()[..HASH]);
        piece.bytes.extend_from_slice(&length[..3]);
        piece.bytes.extend_from_slice(state);
        piece.bytes.resize(begin + room, 0);
        piece.used += room;
        self.taken += piece.bytes.capacity() - before;
        place_of(number as usize, begin)
    }

    /// Opens a piece. What was open may be more than half empty already.
    fn fresh(&mut self) -> Option<u32> {
        let number = match self.free.pop() {
            Some(number) => number,
            None => {
                let number =
                    u32::try_from(self.pieces.len()).ok().filter(|number| number >> (u32::BITS - WITHIN) == 0)?;
                self.pieces.push(Piece::default());
                number
            }
        };
        self.open = Some(number);
        Some(number)
    }

    /// Moves what is left of a piece to the open one.
    fn empty(&mut self, number: usize) {
        let Some(piece) = self.pieces.get_mut(number).map(std::mem::take) else { return };
        self.taken = self.taken.saturating_sub(piece.bytes.capacity());
        let mut begin = 0;
        while let Some((hash, state)) = piece.state(begin) {
            let old = place_of(number, begin);
            begin += room(state.len());
            // The table tells whether it is still in use: another state of the hash lies elsewhere.
            if self.table.find(spread(hash), |place| Some(*place) == old).is_none() {
                continue;
            }
            let new = self.append(hash, state);
            if let Ok(mut found) = self.table.find_entry(spread(hash), |place| Some(*place) == old) {
                match new {
                    Some(new) => *found.get_mut() = new,
                    None => drop(found.remove()),
                }
            }
        }
        self.free.extend(u32::try_from(number));
    }
}

/// What is kept of a hash.
const fn kept(hash: u64) -> u64 {
    hash & ((1 << (HASH * 8)) - 1)
}

/// A hash of all bits from what is kept of one: the table tells places apart by the first and the last of them.
const fn spread(kept: u64) -> u64 {
    let mixed = kept.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 32
}

fn place_of(piece: usize, begin: usize) -> Option<Place> {
    Some(Place((u32::try_from(piece).ok()? << WITHIN) | u32::try_from(begin / UNIT).ok()?))
}

fn hash_in(pieces: &[Piece], place: Place) -> Option<u64> {
    Some(pieces.get(place.piece())?.state(place.begin())?.0)
}
