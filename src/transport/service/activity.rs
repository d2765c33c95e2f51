//! ActivityService.

use tonic::{Request, Response, Status, Streaming};

use super::{Answers, Api, Paging, failed, key, open, read, serve, stream, wrong};
use crate::domain::ids::ActivityId;
use crate::ingest::{Commit, ItemResult};
use crate::proto::v1;
use crate::proto::v1::activity_service_server::ActivityService;
use crate::query::Page;
use crate::transport::batch::{Batch, only};
use crate::transport::decode::request;
use crate::transport::encode::stored;
use crate::transport::mask::Mask;
use crate::wire::decode::activity;
use crate::wire::encode::scalar::{revision, time};

serve! { ActivityService:
    record_activity(v1::RecordActivityRequest) -> v1::RecordActivityResponse;
    batch_record_activities(v1::BatchRecordActivitiesRequest) -> v1::BatchRecordActivitiesResponse;
    stream_activities(Streaming<v1::StreamActivitiesRequest>) -> Answers<v1::StreamActivitiesResponse> as StreamActivitiesStream;
    correct_activity(v1::CorrectActivityRequest) -> v1::CorrectActivityResponse;
    void_activity(v1::VoidActivityRequest) -> v1::VoidActivityResponse;
    get_activity(v1::GetActivityRequest) -> v1::GetActivityResponse;
    list_activities(v1::ListActivitiesRequest) -> v1::ListActivitiesResponse;
}

impl Api {
    async fn record_activity(
        &self,
        request: Request<v1::RecordActivityRequest>,
    ) -> Result<Response<v1::RecordActivityResponse>, Status> {
        let (caller, message) = open(request)?;
        let (market, activity) = read(|at| {
            let market = request::market(at, &message.region_code);
            let activity_at = at.field("activity");
            let activity =
                activity_at.required(message.activity).and_then(|wire| activity::activity(&activity_at, wire));
            Some((market?, activity?))
        })?;
        let commit = self.use_cases.ingest.record(&caller.who, &market, vec![activity]).await.map_err(failed)?;
        let status = only(&commit, 0, "activity")?;
        self.answer(v1::RecordActivityResponse {
            revision: revision(commit.revision),
            record_time: Some(time(commit.record_time)),
            status: status.into(),
        })
    }

    async fn batch_record_activities(
        &self,
        request: Request<v1::BatchRecordActivitiesRequest>,
    ) -> Result<Response<v1::BatchRecordActivitiesResponse>, Status> {
        let (caller, message) = open(request)?;
        let market = request::only_market(&message.region_code).map_err(wrong)?;
        let mut batch = Batch::read("activities", message.activities, self.limits.batch_items, activity::activity)?;
        let commit = self.use_cases.ingest.record(&caller.who, &market, batch.take()).await.map_err(failed)?;
        self.answer(v1::BatchRecordActivitiesResponse {
            revision: revision(commit.revision),
            record_time: Some(time(commit.record_time)),
            results: batch.results(commit)?,
        })
    }

    async fn stream_activities(
        &self,
        request: Request<Streaming<v1::StreamActivitiesRequest>>,
    ) -> Result<Response<Answers<v1::StreamActivitiesResponse>>, Status> {
        let ending = self.ending(request.extensions());
        let (caller, batches) = open(request)?;
        Ok(Response::new(stream::acknowledge(self.clone(), caller, batches, ending)))
    }

    async fn correct_activity(
        &self,
        request: Request<v1::CorrectActivityRequest>,
    ) -> Result<Response<v1::CorrectActivityResponse>, Status> {
        let (caller, wire) = open(request)?;
        let (market, void, replacement) = read(|at| {
            let market = request::market(at, &wire.region_code);
            let void = request::void(at, &wire.void_activity_id, &wire.target_activity_id, wire.void_time, wire.reason);
            let replacement_at = at.field("replacement");
            let replacement =
                replacement_at.required(wire.replacement).and_then(|wire| activity::activity(&replacement_at, wire));
            if let (Some(void), Some(replacement)) = (&void, &replacement) {
                let id_at = replacement_at.field("activity_id");
                if void.id == replacement.id {
                    id_at.refuse("is the id of the void too: send an id of its own");
                }
                // It would be voided as the target, and nothing stand in its place.
                if replacement.id.as_str() == wire.target_activity_id {
                    id_at.refuse("is the id of the activity to correct: send an id of its own");
                }
            }
            Some((market?, void?, replacement?))
        })?;
        let ingest = &self.use_cases.ingest;
        let commit = ingest.correct(&caller.who, &market, void, replacement).await.map_err(failed)?;
        // A half may say only that the other one was refused: the one with the cause is reported.
        if caused_by_other_half(&commit) {
            only(&commit, 1, "replacement")?;
        }
        let void_status = only_void(&commit)?;
        let replacement_status = only(&commit, 1, "replacement")?;
        self.answer(v1::CorrectActivityResponse {
            revision: revision(commit.revision),
            record_time: Some(time(commit.record_time)),
            void_status: void_status.into(),
            replacement_status: replacement_status.into(),
        })
    }

    async fn void_activity(
        &self,
        request: Request<v1::VoidActivityRequest>,
    ) -> Result<Response<v1::VoidActivityResponse>, Status> {
        let (caller, wire) = open(request)?;
        let (market, void) = read(|at| {
            let market = request::market(at, &wire.region_code);
            let void = request::void(at, &wire.void_activity_id, &wire.target_activity_id, wire.void_time, wire.reason);
            Some((market?, void?))
        })?;
        let commit = self.use_cases.ingest.record(&caller.who, &market, vec![void]).await.map_err(failed)?;
        let status = only_void(&commit)?;
        self.answer(v1::VoidActivityResponse {
            revision: revision(commit.revision),
            record_time: Some(time(commit.record_time)),
            status: status.into(),
        })
    }

    async fn get_activity(
        &self,
        request: Request<v1::GetActivityRequest>,
    ) -> Result<Response<v1::GetActivityResponse>, Status> {
        let (caller, message) = open(request)?;
        let (market, id) = key(&message.region_code, "activity_id", &message.activity_id, ActivityId::new)?;
        let mask = Mask::read::<v1::Activity>(message.read_mask).map_err(wrong)?;
        self.assure(&caller, &market).await?;
        let found = self.use_cases.query.get_activity(&caller.who, &market, &id).await.map_err(failed)?;
        self.answer(v1::GetActivityResponse { activity: Some(mask.apply(stored::activity(&found))) })
    }

    async fn list_activities(
        &self,
        request: Request<v1::ListActivitiesRequest>,
    ) -> Result<Response<v1::ListActivitiesResponse>, Status> {
        let (caller, mut message) = open(request)?;
        let (market, filter) = request::activities(&message).map_err(wrong)?;
        let mask = Mask::read::<v1::Activity>(message.read_mask.clone()).map_err(wrong)?;
        let token = std::mem::take(&mut message.page_token);
        let size = std::mem::take(&mut message.page_size);
        let paging = Paging::open(self, &caller, "ListActivities", size, &message)?;
        let after = paging.after::<(i64, String)>(&token)?.map(|(key, id)| Page { key, id });
        self.assure(&caller, &market).await?;
        let query = &self.use_cases.query;
        let found = query.list_activities(&caller.who, &market, &filter, after.as_ref(), paging.limit());
        let rows = found.await.map_err(failed)?;
        let by_time = filter.case.is_some();
        let (activities, next_page_token) = paging.cut(
            &rows,
            |row| mask.apply(stored::activity(row)),
            |row| {
                let key = if by_time { row.activity.occurred.0 } else { revision(row.revision) };
                (key, row.activity.id.to_string())
            },
        );
        self.answer(v1::ListActivitiesResponse { activities, next_page_token })
    }
}

/// Fields of a void activity, and what the requests that make one call them.
const VOID_FIELDS: [(&str, &str); 4] = [
    ("activity_id", "void_activity_id"),
    ("occur_time", "void_time"),
    ("void.target_activity_id", "target_activity_id"),
    ("void.reason", "reason"),
];

/// The status of the void, which comes first in its commit.
fn only_void(commit: &Commit) -> Result<v1::WriteStatus, Status> {
    let mut commit = commit.clone();
    if let Some(ItemResult::Refused(refusal)) = commit.results.first_mut() {
        for violation in &mut refusal.violations {
            if let Some((_, wire)) = VOID_FIELDS.iter().find(|(core, _)| *core == violation.field) {
                violation.field = (*wire).to_owned();
            }
        }
    }
    only(&commit, 0, "")
}

fn caused_by_other_half(commit: &Commit) -> bool {
    matches!(commit.results.first(), Some(ItemResult::Refused(refusal)) if refusal.reason == "CORRECTION_REFUSED")
}
