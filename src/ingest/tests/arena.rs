//! States in pieces of memory against a table of them, and what is packed against what it was.

use std::collections::HashMap;

use proptest::prelude::*;

use crate::domain::time::{SECOND, Timestamp};
use crate::ingest::arena::Arena;
use crate::ingest::packed::Dictionary;

/// The bytes of a state: such a number, as often as told.
fn state(turn: usize, length: usize) -> Vec<u8> {
    vec![turn.to_le_bytes()[0]; length]
}

/// Puts states in and takes some out, and compares all of them with a table. Hashes above 6 fall together in groups, as those of
/// a table do by their low bits.
fn against_a_table(steps: &[(u64, usize)]) {
    let (mut arena, mut table) = (Arena::default(), HashMap::new());
    for (turn, (key, length)) in steps.iter().enumerate() {
        let hash = key.wrapping_mul(1 << 37);
        let hash = if *key > 6 { *key } else { hash };
        if length % 3 == 0 {
            arena.remove(hash);
            table.remove(&hash);
        } else {
            let state = state(turn, *length);
            assert!(arena.insert(hash, &state));
            table.insert(hash, state);
        }
    }
    for (hash, state) in &table {
        assert_eq!(arena.get(*hash), Some(state.as_slice()));
    }
    assert_eq!(arena.get(u64::MAX), None);
    for hash in table.keys() {
        arena.remove(*hash);
        assert_eq!(arena.get(*hash), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn states_are_those_of_a_table(steps in prop::collection::vec((0..300_u64, 0..60_000_usize), 1..400)) {
        against_a_table(&steps);
    }

    #[test]
    fn instants_are_read_as_they_were_written(micros in prop::sample::select(&[1, 60, SECOND, SECOND * 86_400, 7]), times in -90_000_i64..90_000) {
        let instant = Timestamp(micros * times);
        for instant in [instant, Timestamp(i64::MIN), Timestamp(i64::MAX), Timestamp(i64::MAX / SECOND * SECOND)] {
            let written = postcard::to_stdvec(&instant).unwrap();
            prop_assert_eq!(postcard::from_bytes::<Timestamp>(&written).unwrap(), instant);
            let text = serde_json::to_string(&instant).unwrap();
            prop_assert_eq!(&text, &instant.0.to_string());
            prop_assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), instant);
        }
    }
}

/// States come and go for long: memory is that of what is there, about twice at the most.
#[test]
fn what_was_taken_out_leaves_its_memory() {
    let (mut arena, living, length) = (Arena::default(), 4_000, 900);
    for turn in 0..100_000_u64 {
        assert!(arena.insert(turn, &state(turn as usize, length)));
        // One in sixteen stays for as long as possible: pieces are never empty by themselves.
        if turn >= living {
            let old = turn - living;
            if old % 16 != 0 || old < 50_000 {
                arena.remove(old);
            }
        }
    }
    let there = living + 50_000 / 16;
    let held = there as usize * length;
    assert!(arena.bytes() > held && arena.bytes() < 5 * held / 2, "{} bytes for {held}", arena.bytes());
}

/// A market's dictionary is made anew as it grows, and what was packed before reads as before.
#[test]
fn what_was_packed_reads_under_later_dictionaries() {
    let dictionary = Dictionary::default();
    let text = |turn: usize| format!("case-{turn:08} of creditor-{} is owed EUR {}", turn % 7, turn * 37).into_bytes();
    let mut packed = Vec::new();
    for part in 0..40 {
        let states: Vec<Option<Vec<u8>>> = (part * 8_192..(part + 1) * 8_192).map(|turn| Some(text(turn))).collect();
        dictionary.learn(&states.iter().flatten().map(Vec::as_slice).collect::<Vec<_>>());
        packed.extend(dictionary.pack(&states));
    }
    let made: std::collections::BTreeSet<u8> = packed.iter().flatten().map(|state| state[0]).collect();
    assert_eq!(made.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
    for (turn, state) in packed.iter().enumerate() {
        let read = dictionary.unpack(state.as_deref().unwrap(), |read| Some(read.to_vec()));
        assert_eq!(read, Some(text(turn)));
    }
}
