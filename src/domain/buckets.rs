//! Buckets of days past due, by which accounts are aged and followed from month to month.

use std::sync::Arc;

/// What an account is called that is not past due.
pub const CURRENT: &str = "0";
/// What an account is called of whose claims none has a due date.
pub const UNDATED: &str = "undated";

/// Buckets of days past due. The first, number 0, holds what is not past due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buckets(Arc<[(i32, Arc<str>)]>);

/// The most buckets behind the first.
pub const MOST: usize = 30;

impl Default for Buckets {
    /// Where no definition file states any: 0, 1-7, 8-30, 31-60, 61-90, 91-180, 181+.
    fn default() -> Self {
        Self::of_days(&[1, 8, 31, 61, 91, 181])
    }
}

impl Buckets {
    /// Buckets by the first day of each behind the first: 1, then rising, at most [`MOST`] of them and 9,999 days. `None`
    /// for other days.
    #[must_use]
    pub fn new(days: &[i32]) -> Option<Self> {
        let rising = days.windows(2).all(|pair| matches!(pair, [one, next] if one < next));
        let fits = days.first() == Some(&1) && days.len() <= MOST && days.iter().all(|day| *day <= 9_999);
        (rising && fits).then(|| Self::of_days(days))
    }

    fn of_days(days: &[i32]) -> Self {
        let name = |at: usize, from: i32| match days.get(at + 1) {
            Some(next) if next - 1 == from => from.to_string(),
            Some(next) => format!("{from}-{}", next - 1),
            None => format!("{from}+"),
        };
        Self(days.iter().enumerate().map(|(at, from)| (*from, Arc::from(name(at, *from)))).collect())
    }

    /// The bucket of so many days past due; none or fewer are bucket 0.
    #[must_use]
    pub fn of(&self, days: i32) -> u8 {
        // There are at most MOST.
        u8::try_from(self.0.partition_point(|(from, _)| *from <= days)).unwrap_or(u8::MAX)
    }

    /// The name of a bucket: `0`, `1-7`, `181+`; `undated` for a number that is none.
    #[must_use]
    pub fn name(&self, bucket: u8) -> &str {
        match bucket.checked_sub(1) {
            None => CURRENT,
            Some(at) => self.0.get(usize::from(at)).map_or(UNDATED, |(_, name)| name),
        }
    }

    /// The first day past due of the next bucket.
    #[must_use]
    pub fn next(&self, days: i32) -> Option<i32> {
        self.0.iter().map(|(from, _)| *from).find(|from| *from > days)
    }

    /// Every name, in order, `undated` last.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(CURRENT).chain(self.0.iter().map(|(_, name)| &**name)).chain([UNDATED])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_has_its_bucket_and_every_bucket_its_name() {
        let buckets = Buckets::default();
        let named = |days: i32| buckets.name(buckets.of(days));
        for (days, name) in [
            (-5, "0"),
            (0, "0"),
            (1, "1-7"),
            (7, "1-7"),
            (8, "8-30"),
            (30, "8-30"),
            (31, "31-60"),
            (90, "61-90"),
            (180, "91-180"),
            (181, "181+"),
            (40_000, "181+"),
        ] {
            assert_eq!(named(days), name, "{days} days");
        }
        assert_eq!(
            (buckets.next(-9), buckets.next(0), buckets.next(1), buckets.next(200)),
            (Some(1), Some(1), Some(8), None)
        );
        assert_eq!(buckets.name(99), "undated");
        assert_eq!(Buckets::new(&[1, 2]).unwrap().names().collect::<Vec<_>>(), ["0", "1", "2+", "undated"]);
        for wrong in [&[][..], &[0, 8], &[1, 8, 8], &[1, 9, 8], &[1, 10_000], &[2]] {
            assert_eq!(Buckets::new(wrong), None, "{wrong:?}");
        }
    }
}
