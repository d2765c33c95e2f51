//! Dead letters that are to be sent again: found in the feed by where they stand, and told as their receiver may see them now.

use super::holding::{End, Holding};
use super::retry::{Outcome, Tries};
use super::sending::{Hands, Parcel, spot_of};
use super::worker::{Eyes, Worker};
use crate::domain::sink::DeadLetter;
use crate::ingest::IngestError;
use crate::store::PutAside;
use crate::sync::{Change, SinkPlace};

/// Rows of one look.
const PAGE: u64 = 200;

impl Worker {
    /// Notes which events are aside, and sends those that an operator wants sent again.
    pub(super) async fn replay_letters(
        &self,
        hands: &mut Hands,
        holding: &mut Holding,
        tries: &mut Tries,
    ) -> Result<(), End> {
        let mut after = None;
        loop {
            let looked = holding
                .during(self.scope().letters(&self.key.market, &self.sink.id, after.clone(), false, PAGE))
                .await?;
            let page = match looked {
                Ok(page) => page,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, sink = %self.sink.id,
                        "dead letters were not read");
                    // Nothing is sent before it is known what is aside.
                    self.still()?;
                    let outcome = Outcome::Later(format!("dead letters were not read: {error}"), None);
                    self.pause(&outcome, holding, tries).await?;
                    continue;
                }
            };
            hands.aside.extend(page.iter().map(|letter| (spot_of(letter), letter.change.clone())));
            after = page.last().map(|letter| (letter.revision, letter.change.clone()));
            let through = holding.place().through();
            // What the feed is still to bring is not told before what precedes it.
            for letter in page.iter().filter(|letter| letter.asked && letter.found_at <= through) {
                self.replay(letter, hands, holding, tries).await?;
            }
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn replay(
        &self,
        letter: &DeadLetter,
        hands: &mut Hands,
        holding: &mut Holding,
        tries: &mut Tries,
    ) -> Result<(), End> {
        loop {
            match holding.during(self.look_up(letter)).await? {
                Ok(Some((change, eyes))) => {
                    let parcel = Parcel { change, place: None };
                    return self.send(vec![parcel], &eyes, hands, holding, tries).await;
                }
                Ok(None) => {
                    let reason = "the sink sends this no more: what is shared, or what it is to send, has changed";
                    let row = DeadLetter { reason: reason.to_owned(), asked: false, ..letter.clone() };
                    return match holding.put_aside(&row, u32::MAX).await? {
                        PutAside::Lost => Err(End::Lost),
                        PutAside::Done | PutAside::Full => Ok(()),
                    };
                }
                Err(error) => self.broken(error, holding, tries).await?,
            }
        }
    }

    /// The change of a letter, if the feed still brings it to this receiver, and what the receiver may see of it.
    async fn look_up(&self, letter: &DeadLetter) -> Result<Option<(Change, Eyes)>, IngestError> {
        let (sought, found_at) = spot_of(letter);
        let before = SinkPlace::After(found_at.saturating_sub(1));
        let (mut follower, sharing) = self.common.sync.follow_sink(&self.key, &self.sink, before).await?;
        while let Some(batch) = follower.next().await {
            let batch = batch?;
            let reached = batch.reached.place.through;
            for (change, _) in batch.placed()? {
                if change.told_at() == found_at && change.id(&self.key) == sought {
                    return Ok(Some((change, Eyes { sharing })));
                }
            }
            if reached >= found_at {
                return Ok(None);
            }
        }
        Ok(None)
    }
}
