//! Rows of long answers, made by several threads: each makes those of some of the periods.

use std::num::NonZero;
use std::ops::Range;
use std::sync::OnceLock;
use std::thread;

use super::row::Row;

/// Rows that are worth a thread: to begin one takes as long as making a hundred.
const WORTH_A_THREAD: usize = 2_000;
/// More threads would not make an answer sooner than the wire takes it.
const MOST: usize = 4;

/// How the rows of an answer are taken. Each part of a long one has a taker of its own, so that parts are made at once; what
/// they took follows each other in the order of the parts.
pub struct Taking<'a, T> {
    /// Makes the taker of a part.
    pub begin: &'a (dyn Fn() -> T + Sync),
    /// Gives it a row.
    pub take: &'a (dyn Fn(&mut T, &Row) + Sync),
}

impl<T> Clone for Taking<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Taking<'_, T> {}

impl Taking<'_, Vec<Row>> {
    /// Copies of all rows.
    pub const COPIES: Self = Self { begin: &Vec::new, take: &|rows, row| rows.push(row.clone()) };
}

/// Makes the rows of a KPI, by its place, of some periods.
pub(super) type Making<'a> = dyn Fn(usize, Range<usize>, &mut dyn FnMut(&Row)) + Sync + 'a;

impl<T: Send> Taking<'_, T> {
    /// Takes the rows of so many KPIs, of all periods, in their order; about so many rows in all.
    pub(super) fn all(&self, kpis: usize, periods: usize, rows: usize, make: &Making<'_>) -> Vec<T> {
        self.by(threads().min(rows / WORTH_A_THREAD), (kpis, periods), make)
    }

    /// The same by so many threads.
    pub(super) fn by(&self, threads: usize, (kpis, periods): (usize, usize), make: &Making<'_>) -> Vec<T> {
        let parts = threads.min(periods).max(1);
        let part = |number: usize| -> Vec<T> {
            let periods = periods * number / parts..periods * (number + 1) / parts;
            (0..kpis).map(|kpi| self.part(|take| make(kpi, periods.clone(), take))).collect()
        };
        let part = &part;
        let made: Vec<Vec<T>> = thread::scope(|scope| {
            let begin = |number| (number, thread::Builder::new().spawn_scoped(scope, move || part(number)));
            let others: Vec<_> = (1..parts).map(begin).collect();
            let own = part(0);
            let other = |(number, begun): (usize, std::io::Result<thread::ScopedJoinHandle<'_, Vec<T>>>)| match begun {
                Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                // A machine that has no thread left has time.
                Err(_) => part(number),
            };
            std::iter::once(own).chain(others.into_iter().map(other)).collect()
        });
        // Of each KPI the parts of all threads, one behind the other.
        let mut made: Vec<_> = made.into_iter().map(Vec::into_iter).collect();
        (0..kpis).flat_map(|_| made.iter_mut().filter_map(Iterator::next).collect::<Vec<_>>()).collect()
    }

    fn part(&self, rows: impl FnOnce(&mut dyn FnMut(&Row))) -> T {
        let mut taker = (self.begin)();
        rows(&mut |row| (self.take)(&mut taker, row));
        taker
    }
}

/// How many threads make rows at most.
fn threads() -> usize {
    // Asking the system takes as long as a short answer.
    static THREADS: OnceLock<usize> = OnceLock::new();
    *THREADS.get_or_init(|| thread::available_parallelism().map_or(1, NonZero::get).min(MOST))
}
