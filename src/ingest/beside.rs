//! Work that keeps processors busy, some of it at a time, each into a sum that no other is being added to.

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::task::{JoinHandle, spawn_blocking};

use super::IngestError;
use super::retell::untold;

/// Some sums, and the tasks that add to them.
pub struct Beside<S> {
    tasks: usize,
    idle: Vec<S>,
    busy: FuturesUnordered<JoinHandle<Result<S, IngestError>>>,
}

impl<S: Default + Send + 'static> Beside<S> {
    /// At most so many at a time, and at least one.
    #[must_use]
    pub fn new(tasks: usize) -> Self {
        Self { tasks: tasks.max(1), idle: Vec::new(), busy: FuturesUnordered::new() }
    }

    /// Starts work on a sum. Wait with [`Beside::keep_up`] before starting more.
    pub fn start(&mut self, work: impl FnOnce(&mut S) -> Result<(), IngestError> + Send + 'static) {
        let mut sum = self.idle.pop().unwrap_or_default();
        self.busy.push(spawn_blocking(move || work(&mut sum).map(|()| sum)));
    }

    /// Waits until there is room for more.
    ///
    /// # Errors
    /// What the work says.
    pub async fn keep_up(&mut self) -> Result<(), IngestError> {
        self.down_to(self.tasks - 1).await
    }

    /// Waits until nothing is at work.
    ///
    /// # Errors
    /// What the work says.
    pub async fn settle(&mut self) -> Result<(), IngestError> {
        self.down_to(0).await
    }

    async fn down_to(&mut self, most: usize) -> Result<(), IngestError> {
        while self.busy.len() > most
            && let Some(done) = self.busy.next().await
        {
            self.idle.push(done.map_err(|_| untold())??);
        }
        Ok(())
    }

    /// The sums that nothing is being added to.
    pub fn idle(&mut self) -> &mut Vec<S> {
        &mut self.idle
    }
}
