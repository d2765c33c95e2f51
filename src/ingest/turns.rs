//! Work of unknown length on the threads that answer everybody: it gives way between its pieces, and a piece that turns out
//! long goes on aside. Cases are derived for all tenants by the same few threads; a history of a hundred thousand records must
//! hold up its own market and nothing else.

use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeFlavor};

/// How long work goes on before it gives way: far longer than a case takes to derive, and hardly felt by a call that waits.
const TURN: Duration = Duration::from_millis(2);
/// Records of a history that is derived aside from the beginning: about a turn's work.
const LONG: usize = 500;

/// The turn of work that is done in pieces.
pub struct Turns(Instant);

impl Turns {
    /// It begins now.
    #[must_use]
    pub fn begin() -> Self {
        Self(Instant::now())
    }

    fn is_over(&self) -> bool {
        self.0.elapsed() >= TURN
    }

    /// Between two pieces: lets others go on, if it has taken its turn.
    pub async fn give_way(&mut self) {
        if self.is_over() {
            tokio::task::yield_now().await;
            self.0 = Instant::now();
        }
    }

    /// Does something with each of some things; once that has taken a turn, with the rest of them aside.
    pub fn each<T>(&self, things: impl IntoIterator<Item = T>, mut work: impl FnMut(T)) {
        let mut things = things.into_iter();
        while let Some(thing) = things.next() {
            work(thing);
            if self.is_over() {
                return aside(LONG, || things.for_each(work));
            }
        }
    }
}

/// Does work with so many records of a history: aside, if they are many.
pub fn aside<R>(records: usize, work: impl FnOnce() -> R) -> R {
    // Where there is one thread only, nobody else could go on.
    let several = || Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
    if records >= LONG && several() { tokio::task::block_in_place(work) } else { work() }
}
