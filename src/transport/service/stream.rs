//! StreamActivities: batches in, one acknowledgement each, in order.
//!
//! A few batches are in work at once, so that the next is read while one commits; past that nothing is read, and HTTP/2
//! flow control holds the client back. The writer commits in a task of its own: a client that goes away loses its
//! acknowledgement, never half a batch.

use std::panic::AssertUnwindSafe;

use futures::future::{self, Either};
use futures::{FutureExt as _, Stream, StreamExt as _, stream};
use tonic::{Status, Streaming};

use super::{Answers, Api, failed, wrong};
use crate::domain::error_kind::ErrorKind;
use crate::proto::v1;
use crate::transport::auth::Caller;
use crate::transport::batch::Batch;
use crate::transport::deadline::Deadline;
use crate::transport::decode::{activity, request};
use crate::transport::encode::scalar::{revision, time};
use crate::transport::status;

/// Batches of one stream that are in work at once.
const IN_WORK: usize = 4;

/// The acknowledgements of a stream of batches. The first failure ends it, after the acknowledgements before it.
pub(super) fn acknowledge(
    api: Api,
    caller: Caller,
    batches: Streaming<v1::StreamActivitiesRequest>,
    deadline: Option<Deadline>,
) -> Answers<v1::StreamActivitiesResponse> {
    let end = end(&api, deadline).shared();
    let record = move |batch: Result<v1::StreamActivitiesRequest, Status>| {
        let (api, caller) = (api.clone(), caller.clone());
        async move { commit(&api, &caller, batch.map_err(|status| broken(&status))?).await }
    };
    // Reading ends at the stop or the deadline; what was read is still acknowledged, and then the reason follows.
    let read = batches.take_until(end.clone()).map(record).buffered(IN_WORK);
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

/// Resolves to the reason why a stream must end although the client did not end it.
async fn end_of(stopping: tokio_util::sync::CancellationToken, deadline: Option<Deadline>) -> Status {
    let timer = match deadline {
        Some(Deadline(at)) => Either::Left(tokio::time::sleep_until(at)),
        None => Either::Right(future::pending()),
    };
    tokio::select! {
        () = stopping.cancelled() => {
            let text = "the service is stopping: send what was not acknowledged to another replica, or again later";
            status::own(ErrorKind::Unavailable, "STOPPING", text)
        }
        () = timer => {
            let text = "the deadline of the stream passed: send what was not acknowledged again in a new stream";
            status::own(ErrorKind::DeadlineExceeded, "DEADLINE_EXCEEDED", text)
        }
    }
}

fn end(api: &Api, deadline: Option<Deadline>) -> future::BoxFuture<'static, Status> {
    end_of(api.stopping.clone(), deadline).boxed()
}

async fn commit(
    api: &Api,
    caller: &Caller,
    message: v1::StreamActivitiesRequest,
) -> Result<v1::StreamActivitiesResponse, Status> {
    let market = request::only_market(&message.region_code).map_err(wrong)?;
    let mut batch = Batch::read("activities", message.activities, api.limits.batch_items, activity::activity)?;
    let commit = api.use_cases.ingest.record(&caller.who, &market, batch.take()).await.map_err(failed)?;
    Ok(v1::StreamActivitiesResponse {
        sequence: message.sequence,
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
fn until_failure<T>(answers: impl Stream<Item = Result<T, Status>>) -> impl Stream<Item = Result<T, Status>> {
    answers.scan(false, |failed, answer| {
        let go_on = !*failed;
        *failed = answer.is_err();
        future::ready(go_on.then_some(answer))
    })
}
