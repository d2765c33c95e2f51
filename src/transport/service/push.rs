//! Push: a partner's writes, a message at a time, each answered when it is durable.

use std::sync::Arc;

use tonic::{Status, Streaming};

use super::admitted::Admitted;
use super::stream::{Ending, answer_each};
use super::{Answers, Api, failed, wrong};
use crate::domain::ids::{CaseId, MarketId};
use crate::ingest::{ItemResult, PushItem};
use crate::proto::v1;
use crate::transport::auth::Caller;
use crate::transport::batch::Batch;
use crate::transport::decode::sync as decode;
use crate::transport::encode::stored;
use crate::wire::encode::scalar::{revision, time};

/// The answers to a stream of messages. The next is read when the one before is durable.
pub(super) fn answers(
    api: Api,
    caller: Caller,
    messages: Streaming<v1::PushRequest>,
    ending: Ending,
) -> Answers<v1::PushResponse> {
    let admitted = Arc::new(Admitted::now(api.clone(), caller));
    answer_each(messages, ending, 1, move |message| {
        let (api, admitted) = (api.clone(), Arc::clone(&admitted));
        async move { answer(&api, &*admitted.still().await?, message).await }
    })
}

async fn answer(api: &Api, caller: &Caller, message: v1::PushRequest) -> Result<v1::PushResponse, Status> {
    let (market, source, sequence) = decode::push(&message).map_err(wrong)?;
    let ingest = &api.use_cases.ingest;
    if sequence == 0 {
        let last = ingest.pushed(&caller.who, &market, &source).await.map_err(failed)?;
        return Ok(v1::PushResponse { acknowledged_sequence: revision(last), ..Default::default() });
    }
    let mut batch = Batch::read("items", message.items, api.limits.batch_items, decode::item)?;
    let items = batch.take();
    let cases: Vec<Option<CaseId>> = items
        .iter()
        .map(|item| match item {
            PushItem::Case(upsert) => Some(upsert.version.case.clone()),
            PushItem::Activity(_) => None,
        })
        .collect();
    let commit = ingest.push(&caller.who, &market, (&source, sequence), items).await.map_err(failed)?;
    let (reached, record_time) = (commit.revision, commit.record_time);
    // Cases whose etag was old, by the place of their item in the message.
    let judged = batch.places().into_iter().zip(cases).zip(&commit.results);
    let old: Vec<(usize, CaseId)> = judged
        .filter(|(_, result)| matches!(result, ItemResult::Refused(refusal) if refusal.reason == "ETAG_MISMATCH"))
        .filter_map(|((place, case), _)| Some((place, case?)))
        .collect();
    let written = batch.results(commit)?.into_iter();
    let result =
        |wire: v1::WriteResult| v1::PushResult { status: wire.status, refusal: wire.refusal, current_case: None };
    let mut results: Vec<v1::PushResult> = written.map(result).collect();
    for (place, case) in old {
        let found = ingest_case(api, caller, &market, &case).await?;
        if let Some(result) = results.get_mut(place) {
            result.current_case = found;
        }
    }
    Ok(v1::PushResponse {
        acknowledged_sequence: message.sequence,
        revision: revision(reached),
        record_time: Some(time(record_time)),
        results,
    })
}

/// A case as it is now; none if it does not exist.
async fn ingest_case(api: &Api, caller: &Caller, market: &MarketId, case: &CaseId) -> Result<Option<v1::Case>, Status> {
    match api.use_cases.query.case_as_it_is(&caller.who, market, case).await {
        Ok(view) => Ok(view.map(|view| stored::case(&view))),
        Err(error) => Err(failed(error)),
    }
}
