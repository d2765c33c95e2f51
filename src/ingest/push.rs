//! A partner's writes as a numbered sequence: each message once, none left out, its number durable with its records.

use super::IngestError;
use super::intake::Ingest;
use super::work::{Push, Work};
use super::writer::{CaseUpsert, Commit};
use super::writing::Writing;
use crate::domain::activity::Activity;
use crate::domain::ids::{MarketId, SourceId};
use crate::domain::principal::{Principal, Role};

/// A record of a message.
#[derive(Debug, Clone)]
pub enum PushItem {
    /// A version of a case.
    Case(Box<CaseUpsert>),
    /// An activity.
    Activity(Box<Activity>),
}

impl Ingest {
    /// The last number of a source that is durable; 0 before the first.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub async fn pushed(&self, who: &Principal, market: &MarketId, source: &SourceId) -> Result<u64, IngestError> {
        let key = self.admit(Role::Writer, who, market)?;
        Ok(self.markets().store().scope(&key.tenant).push_mark(market, source).await?)
    }

    /// Stores a message, with one result an item in their order. Its number is that behind the last one, or one that was
    /// sent before: then its records are duplicates.
    ///
    /// # Errors
    /// [`IngestError::Gap`] if a number was left out; else see [`IngestError`].
    pub async fn push(
        &self,
        who: &Principal,
        market: &MarketId,
        (source, sequence): (&SourceId, u64),
        items: Vec<PushItem>,
    ) -> Result<Commit, IngestError> {
        let key = self.admit(Role::Writer, who, market)?;
        // Marks only grow, and each by one: what is no gap now will be none when it is stored.
        let last = self.markets().store().scope(&key.tenant).push_mark(market, source).await?;
        if sequence > last + 1 {
            return Err(IngestError::Gap { sent: sequence, last });
        }
        let (mut cases, mut activities) = (Vec::new(), Vec::new());
        let mut places = Vec::with_capacity(items.len());
        for item in items {
            match item {
                PushItem::Case(case) => {
                    places.push((true, cases.len()));
                    cases.push(*case);
                }
                PushItem::Activity(activity) => {
                    places.push((false, activities.len()));
                    activities.push(*activity);
                }
            }
        }
        self.resolve(who, activities.iter_mut());
        let first = cases.len();
        let push = Push { source: source.clone(), sequence, cases, activities };
        let mut commit = self.markets().submit(&key, Work::Push(Box::new(push))).await?;
        let at = |(case, index): (bool, usize)| if case { index } else { first + index };
        commit.results = places.into_iter().filter_map(|place| commit.results.get(at(place)).cloned()).collect();
        Ok(commit)
    }
}

/// Moves the marks of the group's messages.
pub(super) async fn mark(writing: &mut Writing<'_>, work: &[Work]) -> Result<(), IngestError> {
    for job in work {
        if let Work::Push(push) = job
            && writing.tx.move_push_mark(writing.revision, &push.source, push.sequence).await?
        {
            writing.stored = true;
        }
    }
    Ok(())
}
