//! Streams: messages in, one answer each, in order; StreamActivities among them.
//!
//! A few messages are in work at once, so that the next is read while one commits; past that nothing is read, and HTTP/2
//! flow control holds the client back. The writer commits in a task of its own: a client that goes away loses its
//! acknowledgement, never half a batch.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{self, Either};
use futures::{FutureExt as _, Stream, StreamExt as _, stream};
use http::Extensions;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::admitted::Admitted;
use super::{Answers, Api, failed, wrong};
use crate::domain::activity::Activity;
use crate::domain::error_kind::ErrorKind;
use crate::domain::ids::MarketId;
use crate::proto::v1;
use crate::transport::auth::Caller;
use crate::transport::batch::Batch;
use crate::transport::connections::{Call, Opened};
use crate::transport::deadline::Deadline;
use crate::transport::decode::request;
use crate::transport::room::Received;
use crate::transport::status;
use crate::wire::decode::activity;
use crate::wire::encode::scalar::{revision, time};

/// Batches of one stream that are in work at once.
const IN_WORK: usize = 4;

/// By then the client of an aged connection has heard of it, and opens its next stream on another.
const TOLD: Duration = Duration::from_secs(2);

/// The acknowledgements of a stream of batches. The first failure ends it, after the acknowledgements before it.
pub(super) fn acknowledge(
    api: Api,
    caller: Caller,
    batches: Streaming<v1::StreamActivitiesRequest>,
    ending: Ending,
) -> Answers<v1::StreamActivitiesResponse> {
    let admitted = Arc::new(Admitted::now(api.clone(), caller.clone()));
    // Read before it is in work: nothing behind a batch that cannot be taken is begun.
    let read = {
        let api = api.clone();
        until_failure(batches.map(move |message| Read::of(&api, &caller, message?)))
    };
    answer_each(read, ending, IN_WORK, move |batch| {
        let (api, admitted, sequence) = (api.clone(), Arc::clone(&admitted), batch.sequence);
        async move {
            // Who may write no more is told so, whatever the batch holds.
            let caller = admitted.still().await?;
            commit(&api, &caller, batch).await.map_err(|found| status::of_batch(&found, sequence))
        }
    })
}

/// A batch as it was read.
struct Read {
    sequence: i64,
    market: MarketId,
    batch: Batch<Activity>,
}

impl Read {
    fn of(api: &Api, caller: &Caller, message: v1::StreamActivitiesRequest) -> Result<Self, Status> {
        let sequence = message.sequence;
        let read = || {
            let market = request::only_market(&message.region_code).map_err(wrong)?;
            api.use_cases.ingest.may_write(&caller.who, &market).map_err(failed)?;
            let batch = Batch::read("activities", message.activities, api.limits.batch_items, activity::activity)?;
            Ok(Self { sequence, market, batch })
        };
        read().map_err(|found: Status| status::of_batch(&found, sequence))
    }
}

/// Answers each message of a stream, in the order sent, with up to `in_work` of them in work at once, until the client
/// ends it, a message fails, or it must end.
pub(super) fn answer_each<Q, A, F>(
    messages: impl Stream<Item = Result<Q, Status>> + Send + 'static,
    ending: Ending,
    in_work: usize,
    answer: impl Fn(Q) -> F + Send + 'static,
) -> Answers<A>
where
    Q: Send + 'static,
    A: Send + 'static,
    F: Future<Output = Result<A, Status>> + Send + 'static,
{
    let received = ending.received.clone();
    let end = ending.reached().boxed().shared();
    let answer = move |message: Result<Q, Status>| {
        let taken = received.as_ref().and_then(Received::next);
        match message {
            // Its room is given back once it is answered.
            Ok(message) => Either::Left(answer(message).inspect(move |_| drop(taken))),
            Err(status) => Either::Right(future::ready(Err(broken(&status)))),
        }
    };
    // Reading ends where the stream must; what was read is still answered, and then the reason follows.
    let read = messages.take_until(end.clone()).map(answer).buffered(in_work);
    let reason = stream::once(async move { end.now_or_never() }).filter_map(future::ready).map(Err);
    let answers = read.chain(reason);
    let answers = AssertUnwindSafe(answers).catch_unwind().map(|answer| {
        answer.unwrap_or_else(|_| {
            metrics::counter!("fairdue_panics_total").increment(1);
            tracing::error!("a stream panicked");
            Err(status::own(ErrorKind::Internal, "INTERNAL", "an internal error, which was logged"))
        })
    });
    Box::pin(until_failure(answers))
}

/// The messages of a stream, which ends with a failure once none has come for so long.
pub(super) fn until_idle<Q: Send + 'static>(
    messages: Streaming<Q>,
    idle: Duration,
) -> impl Stream<Item = Result<Q, Status>> + Send {
    stream::unfold(Some(messages), move |open| async move {
        let mut messages = open?;
        match tokio::time::timeout(idle, messages.next()).await {
            Ok(Some(message)) => Some((message, Some(messages))),
            Ok(None) => None,
            Err(_) => {
                let text = format!("no message came for {} seconds: open another stream", idle.as_secs());
                Some((Err(status::own(ErrorKind::Unavailable, "STREAM_IDLE", text)), None))
            }
        }
    })
}

/// Why a stream must end although the client did not end it, and when.
#[derive(Debug)]
pub(super) struct Ending {
    stopping: CancellationToken,
    deadline: Option<Instant>,
    /// When its connection is too old.
    aged: Option<Instant>,
    /// The client only listens: it has nothing to send again.
    listens: bool,
    /// The stream is in work on its connection.
    _call: Option<Call>,
    /// The room that its messages take.
    received: Option<Received>,
}

impl Api {
    /// When a stream must end that was opened by a request with these extensions.
    pub(super) fn ending(&self, extensions: &Extensions) -> Ending {
        let deadline = extensions.get().map(|Deadline(at)| *at);
        let opened = extensions.get::<Opened>();
        let aged = opened.map(|opened| opened.at() + self.limits.connection_age + TOLD);
        Ending {
            stopping: self.stopping.clone(),
            deadline,
            aged,
            listens: false,
            _call: opened.map(Opened::call),
            received: extensions.get().cloned(),
        }
    }
}

impl Ending {
    /// That of a stream whose client only listens.
    pub(super) fn of_listener(self) -> Self {
        Self { listens: true, ..self }
    }

    /// Resolves to the reason when the stream must end.
    pub(super) async fn reached(self) -> Status {
        let at = |instant: Option<Instant>| match instant {
            Some(at) => Either::Left(tokio::time::sleep_until(at)),
            None => Either::Right(future::pending()),
        };
        tokio::select! {
            () = self.stopping.cancelled() => {
                let text = if self.listens {
                    "the service is stopping: open the stream again, on another replica or later; a feed, with the token that came last"
                } else {
                    "the service is stopping: send what was not acknowledged to another replica, or again later"
                };
                status::own(ErrorKind::Unavailable, "STOPPING", text)
            }
            () = at(self.deadline) => {
                let text = if self.listens {
                    "the deadline of the stream passed: open it again, with a later one or none; a feed, with the token that came last"
                } else {
                    "the deadline of the stream passed: send what was not acknowledged again in a new stream"
                };
                status::own(ErrorKind::DeadlineExceeded, "DEADLINE_EXCEEDED", text)
            }
            () = at(self.aged) => {
                let text = "the connection is old and gives way to a new one: open the stream again, with the token that came last \
                            or with what was not acknowledged";
                status::own(ErrorKind::Unavailable, "CONNECTION_AGED", text)
            }
        }
    }
}

async fn commit(api: &Api, caller: &Caller, read: Read) -> Result<v1::StreamActivitiesResponse, Status> {
    let Read { sequence, market, mut batch } = read;
    let commit = api.use_cases.ingest.record(&caller.who, &market, batch.take()).await.map_err(failed)?;
    Ok(v1::StreamActivitiesResponse {
        sequence,
        revision: revision(commit.revision),
        record_time: Some(time(commit.record_time)),
        results: batch.results(commit)?,
    })
}

/// What the codec says of a message that it cannot read; a cancelled stream stays cancelled.
fn broken(found: &Status) -> Status {
    if found.details().is_empty() { status::foreign(found) } else { found.clone() }
}

/// The stream up to and including its first failure.
pub(super) fn until_failure<T>(
    answers: impl Stream<Item = Result<T, Status>>,
) -> impl Stream<Item = Result<T, Status>> {
    answers.scan(false, |failed, answer| {
        let go_on = !*failed;
        *failed = answer.is_err();
        future::ready(go_on.then_some(answer))
    })
}
