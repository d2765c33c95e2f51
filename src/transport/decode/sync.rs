//! Where a feed begins, what it tells and how it is followed.

use std::time::Duration;

use chrono::NaiveDate;

use super::request::market;
use super::{At, DecodeError, collect};
use crate::domain::feed::SyncEntity;
use crate::domain::ids::{MarketId, SinkId, SourceId};
use crate::domain::sink::LetterOrder;
use crate::ingest::PushItem;
use crate::proto::google::r#type::Date;
use crate::proto::v1;
use crate::proto::v1::push_item::Item;
use crate::proto::v1::update_sink_request::Order;
use crate::sync::{Filter, Manner};

/// Most names of a filter.
const MAX_NAMES: usize = 100;
/// Most entities of a filter: each may be named twice, but not for ever.
const MAX_ENTITIES: usize = 16;
/// Most events that an order names.
const MAX_EVENTS: usize = 1_000;
/// Characters of an event's id.
const EVENT_ID: usize = 32;
/// Digits that say what of the change is told to a partner.
const EVENT_CONTENT: usize = 16;
/// Longest silence where none is asked for, in seconds.
const HEARTBEAT: u16 = 10;
/// The longest that may be asked for.
const LONGEST_HEARTBEAT: u16 = 300;

/// What a Pull asks for.
pub struct Wish {
    /// The market.
    pub market: MarketId,
    /// What is told.
    pub filter: Filter,
    /// How.
    pub manner: Manner,
    /// Begin behind this revision, where there is no token.
    pub after: u64,
}

/// A request of Pull, but for its token.
///
/// # Errors
/// Every field that is wrong.
pub fn pull(wire: v1::PullRequest) -> Result<Wish, DecodeError> {
    collect("", |at| {
        let market = market(at, &wire.region_code);
        let entities = at.field("entities").list(wire.entities, MAX_ENTITIES, |at, number| at.word(number));
        let clients = at.field("client_ids").names(wire.client_ids, MAX_NAMES);
        let portfolios = at.field("portfolio_ids").names(wire.portfolio_ids, MAX_NAMES);
        let after_at = at.field("after_revision");
        let after = u64::try_from(wire.after_revision);
        if after.is_err() {
            after_at.refuse(format!("is {}: send zero for the whole history, or a revision", wire.after_revision));
        }
        if !wire.token.is_empty() && wire.after_revision != 0 {
            after_at.refuse("is for a feed without a token: send one of the two");
        }
        let heartbeat = heartbeat(&at.field("heartbeat_interval"), wire.heartbeat_interval);
        let filter = Filter { entities, clients, portfolios }.canonical();
        let manner = Manner { once: wire.once, heartbeat: heartbeat? };
        Some(Wish { market: market?, filter, manner, after: after.ok()? })
    })
}

/// Market, source and number of a message of writes.
///
/// # Errors
/// Every field that is wrong.
pub fn push(wire: &v1::PushRequest) -> Result<(MarketId, SourceId, u64), DecodeError> {
    collect("", |at| {
        let market = market(at, &wire.region_code);
        let source = at.field("source_id").id(&wire.source_id, SourceId::new);
        let sequence_at = at.field("sequence");
        let sequence = u64::try_from(wire.sequence);
        match &sequence {
            Err(_) => sequence_at.refuse(format!("is {}: messages are numbered from 1 on", wire.sequence)),
            Ok(0) if !wire.items.is_empty() => {
                sequence_at.refuse("is required for a message with items: send the number behind the last one");
            }
            Ok(_) => {}
        }
        Some((market?, source?, sequence.ok()?))
    })
}

/// A record of a message of writes.
pub fn item(at: &At<'_>, wire: v1::PushItem) -> Option<PushItem> {
    match at.required(wire.item)? {
        Item::Case(case) => {
            super::request::upsert(&at.field("case"), case).map(|upsert| PushItem::Case(Box::new(upsert)))
        }
        Item::Activity(activity) => {
            let activity = crate::wire::decode::activity::activity(&at.field("activity"), activity)?;
            Some(PushItem::Activity(Box::new(activity)))
        }
    }
}

/// Market, entity and days of a request for tallies by day.
///
/// # Errors
/// Every field that is wrong.
pub fn days(wire: &v1::ListDayTalliesRequest) -> Result<Days, DecodeError> {
    collect("", |at| {
        let market = market(at, &wire.region_code);
        let entity = at.field("entity").word(wire.entity);
        let date = |at: &At<'_>, date: Option<Date>| date.map(|date| at.date(Some(date)));
        let from = date(&at.field("start_date"), wire.start_date);
        let before = date(&at.field("end_date"), wire.end_date);
        let whole = |date: Option<Option<NaiveDate>>| date.map_or(Some(None), |date| date.map(Some));
        Some(Days { market: market?, entity: entity?, from: whole(from)?, before: whole(before)? })
    })
}

/// Which days are asked for.
pub struct Days {
    /// The market.
    pub market: MarketId,
    /// The entity.
    pub entity: SyncEntity,
    /// From this day on.
    pub from: Option<NaiveDate>,
    /// Before this day.
    pub before: Option<NaiveDate>,
}

/// Market, entity and day of a request for leaves.
///
/// # Errors
/// Every field that is wrong.
pub fn leaves(wire: &v1::ListLeavesRequest) -> Result<(MarketId, SyncEntity, NaiveDate), DecodeError> {
    collect("", |at| {
        let market = market(at, &wire.region_code);
        let entity = at.field("entity").word(wire.entity);
        let date = at.field("date").date(wire.date);
        Some((market?, entity?, date?))
    })
}

/// The market of a request for sinks; all if none is named.
///
/// # Errors
/// No country code.
pub fn sinks(wire: &v1::ListSinksRequest) -> Result<Option<MarketId>, DecodeError> {
    collect("", |at| if wire.region_code.is_empty() { Some(None) } else { market(at, &wire.region_code).map(Some) })
}

/// Market and sink of a request for what is put aside.
///
/// # Errors
/// Every field that is wrong.
pub fn letters(wire: &v1::ListDeadLettersRequest) -> Result<(MarketId, SinkId), DecodeError> {
    collect("", |at| {
        let market = market(at, &wire.region_code);
        let sink = at.field("sink_id").id(&wire.sink_id, SinkId::new);
        Some((market?, sink?))
    })
}

/// What is to happen to a sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SinkOrder {
    /// Nothing is sent any more.
    Pause,
    /// It goes on.
    Resume,
    /// It goes on behind a revision.
    Replay(u64),
    /// Something happens to events that are put aside: those with these ids, or all.
    Letters(LetterOrder, Option<Vec<String>>),
}

/// Market, sink and order of a request.
///
/// # Errors
/// Every field that is wrong.
pub fn sink(wire: v1::UpdateSinkRequest) -> Result<(MarketId, SinkId, SinkOrder), DecodeError> {
    collect("", |at| {
        let market = market(at, &wire.region_code);
        let sink = at.field("sink_id").id(&wire.sink_id, SinkId::new);
        let order = match at.field("order").required(wire.order)? {
            Order::Pause(v1::PauseSink {}) => SinkOrder::Pause,
            Order::Resume(v1::ResumeSink {}) => SinkOrder::Resume,
            Order::Replay(replay) => match u64::try_from(replay.after_revision) {
                Ok(after) => SinkOrder::Replay(after),
                Err(_) => {
                    let text = format!("is {}: send zero for the whole history, or a revision", replay.after_revision);
                    at.field("replay").field("after_revision").refuse(text);
                    return None;
                }
            },
            Order::ReplayDeadLetters(v1::ReplayDeadLetters { event_ids }) => {
                let named = event_ids_of(&at.field("replay_dead_letters").field("event_ids"), event_ids)?;
                SinkOrder::Letters(LetterOrder::Replay, (!named.is_empty()).then_some(named))
            }
            Order::DropDeadLetters(v1::DropDeadLetters { event_ids, all }) => {
                let at = at.field("drop_dead_letters");
                if all == event_ids.is_empty() {
                    let named = event_ids_of(&at.field("event_ids"), event_ids)?;
                    SinkOrder::Letters(LetterOrder::Drop, (!all).then_some(named))
                } else {
                    at.field("event_ids").refuse("names the events to drop: send some, or all = true without any");
                    return None;
                }
            }
        };
        Some((market?, sink?, order))
    })
}

/// Ids of events; `None` if one cannot be any.
fn event_ids_of(at: &At<'_>, wire: Vec<String>) -> Option<Vec<String>> {
    let count = wire.len();
    let ids = at.list(wire, MAX_EVENTS, |at, id| {
        let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let right = match id.split_once('-') {
            Some((change, content)) => digits(change, EVENT_ID) && digits(content, EVENT_CONTENT),
            None => digits(&id, EVENT_ID),
        };
        if !right {
            at.refuse(format!(
                "is no id of an event: send {EVENT_ID} hexadecimal digits, of a partner's sink with - and {EVENT_CONTENT} more, \
                 as ListDeadLetters tells them"
            ));
        }
        right.then_some(id)
    });
    (ids.len() == count).then_some(ids)
}

fn heartbeat(at: &At<'_>, wire: Option<prost_types::Duration>) -> Option<Duration> {
    let seconds = match wire {
        None => Some(HEARTBEAT),
        Some(asked) if asked.nanos == 0 => at.within(asked.seconds, 1, LONGEST_HEARTBEAT),
        Some(_) => {
            at.refuse(format!("has parts of a second: send whole seconds from 1 to {LONGEST_HEARTBEAT}"));
            None
        }
    };
    seconds.map(|seconds| Duration::from_secs(u64::from(seconds)))
}
