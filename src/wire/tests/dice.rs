//! Draws valid plain values from one seed.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::domain::ids::ActivityId;
use crate::domain::money::{Currency, Money};
use crate::domain::time::{MAX_TIMESTAMP, Timestamp};
use crate::domain::vocabulary::Component;
use crate::wire::words::Word;

/// Draws valid values of every type from one seed.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit
    }

    pub fn flag(&mut self) -> bool {
        self.below(2) == 0
    }

    pub fn maybe<T>(&mut self, draw: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| draw(self))
    }

    pub fn some<T>(&mut self, draw: impl Fn(&mut Self, u64) -> T) -> Vec<T> {
        let count = self.below(3);
        (0..count).map(|index| draw(self, index)).collect()
    }

    pub fn text(&mut self) -> String {
        const LETTERS: [&str; 6] = ["a", "Z", "9", "-", "ö", "漢"];
        let length = 1 + self.below(12);
        (0..length).map(|_| LETTERS[usize::try_from(self.below(6)).unwrap()]).collect()
    }

    pub fn word<W: Word>(&mut self) -> W {
        W::VALUES[usize::try_from(self.roll()).unwrap() % W::VALUES.len()]
    }

    pub fn time(&mut self) -> Timestamp {
        Timestamp(i64::try_from(self.below(MAX_TIMESTAMP.0.unsigned_abs() + 1)).unwrap())
    }

    pub fn later(&mut self, than: Timestamp) -> Timestamp {
        let room = MAX_TIMESTAMP.0.abs_diff(than.0);
        than.plus(i64::try_from(self.below(room + 1)).unwrap())
    }

    pub fn date(&mut self) -> NaiveDate {
        NaiveDate::from_num_days_from_ce_opt(1 + i32::try_from(self.below(3_652_059)).unwrap()).unwrap()
    }

    pub fn currency(&mut self) -> Currency {
        Currency::parse(["EUR", "SEK", "USD", "JPY", "KWD", "CLF"][usize::try_from(self.below(6)).unwrap()]).unwrap()
    }

    /// As many as there are in a list stay below [`crate::domain::money::MAX_MINOR`] together.
    pub fn minor(&mut self) -> i64 {
        let bits = 1 + self.below(46);
        i64::try_from(self.below(1 << bits)).unwrap()
    }

    pub fn rate(&mut self) -> i64 {
        i64::try_from(self.below(3_000_000)).unwrap()
    }

    pub fn money(&mut self) -> Money {
        Money::new(self.minor(), self.currency())
    }

    pub fn texts(&mut self) -> BTreeMap<String, String> {
        self.some(|dice, index| (format!("{}{index}", dice.text()), dice.text())).into_iter().collect()
    }

    pub fn names(&mut self) -> Vec<String> {
        self.some(|dice, index| format!("{}{index}", dice.text()))
    }

    pub fn activity_id(&mut self) -> ActivityId {
        ActivityId::new(&self.text()).unwrap()
    }

    pub fn components(&mut self, most: i64) -> BTreeMap<Component, i64> {
        let most = u64::try_from(most).unwrap() / 3;
        self.some(|dice, _| (dice.word(), i64::try_from(dice.below(most + 1)).unwrap())).into_iter().collect()
    }
}
