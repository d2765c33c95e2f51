//! Sinks, as an operator sees them.

use crate::domain::sink::{DeadLetter, SinkState, Whose};
use crate::domain::time::SECOND;
use crate::proto::v1;
use crate::sync::SinkStatus;
use crate::wire::encode::scalar::{revision, time};
use crate::wire::words::Word as _;

/// A sink in one market.
#[must_use]
pub fn sink(status: &SinkStatus) -> v1::Sink {
    let SinkStatus { market, sink, row, head, lag, letters } = status;
    let mut wire = v1::Sink {
        sink_id: sink.id.to_string(),
        region_code: market.as_str().to_ascii_uppercase(),
        partner_id: match &sink.whose {
            Whose::Own => String::new(),
            Whose::Partner(name) => name.clone(),
        },
        receiver: sink.receiver.described(),
        state: SinkState::Running.number(),
        head_revision: revision(*head),
        dead_letter_count: i32::try_from(*letters).unwrap_or(i32::MAX),
        ..Default::default()
    };
    let Some(row) = row else { return wire };
    let state = match (row.paused, row.failures) {
        (true, _) => SinkState::Paused,
        (false, 0) => SinkState::Running,
        (false, _) => SinkState::Retrying,
    };
    wire.state = state.number();
    wire.pause_reason.clone_from(&row.reason);
    wire.through_revision = revision(row.through);
    wire.lag = lag.map(|lag| prost_types::Duration {
        seconds: lag / SECOND,
        nanos: i32::try_from(lag % SECOND).unwrap_or(0) * 1000,
    });
    wire.deliver_time = row.delivered.map(time);
    wire.failure_count = i32::try_from(row.failures).unwrap_or(i32::MAX);
    wire.last_error.clone_from(&row.error);
    wire.last_error_time = row.error_at.map(time);
    wire.next_try_time = row.next_try.map(time);
    wire
}

/// An event that is put aside.
#[must_use]
pub fn letter(row: &DeadLetter) -> v1::DeadLetter {
    v1::DeadLetter {
        event_id: row.change.clone(),
        revision: revision(row.revision),
        entity: row.entity.number(),
        subject_id: row.subject.clone(),
        refusal_count: i32::try_from(row.refusals).unwrap_or(i32::MAX),
        reason: row.reason.clone(),
        put_aside_time: Some(time(row.put)),
        replay_ordered: row.asked,
    }
}
