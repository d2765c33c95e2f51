//! CaseService.

use tonic::{Request, Response, Status};

use super::{Api, Paging, failed, key, open, read, serve, wrong};
use crate::domain::ids::CaseId;
use crate::proto::v1;
use crate::proto::v1::case_service_server::CaseService;
use crate::transport::batch::{Batch, only};
use crate::transport::decode::request;
use crate::transport::encode::{case_file, stored};
use crate::transport::mask::Mask;
use crate::wire::encode::scalar::{revision, time};

serve! { CaseService:
    upsert_case(v1::UpsertCaseRequest) -> v1::UpsertCaseResponse;
    batch_upsert_cases(v1::BatchUpsertCasesRequest) -> v1::BatchUpsertCasesResponse;
    get_case(v1::GetCaseRequest) -> v1::GetCaseResponse;
    list_cases(v1::ListCasesRequest) -> v1::ListCasesResponse;
    get_case_file(v1::GetCaseFileRequest) -> v1::GetCaseFileResponse;
}

impl Api {
    async fn upsert_case(
        &self,
        request: Request<v1::UpsertCaseRequest>,
    ) -> Result<Response<v1::UpsertCaseResponse>, Status> {
        let (caller, message) = open(request)?;
        let (market, upsert) = read(|at| {
            let market = request::market(at, &message.region_code);
            let case_at = at.field("case");
            let upsert = case_at.required(message.case).and_then(|case| request::upsert(&case_at, case));
            Some((market?, upsert?))
        })?;
        let commit = self.use_cases.ingest.upsert_cases(&caller.who, &market, vec![upsert]).await.map_err(failed)?;
        let status = only(&commit, 0, "case")?;
        self.answer(v1::UpsertCaseResponse {
            revision: revision(commit.revision),
            record_time: Some(time(commit.record_time)),
            status: status.into(),
        })
    }

    async fn batch_upsert_cases(
        &self,
        request: Request<v1::BatchUpsertCasesRequest>,
    ) -> Result<Response<v1::BatchUpsertCasesResponse>, Status> {
        let (caller, message) = open(request)?;
        let market = request::only_market(&message.region_code).map_err(wrong)?;
        let mut batch = Batch::read("cases", message.cases, self.limits.batch_items, request::upsert)?;
        let commit = self.use_cases.ingest.upsert_cases(&caller.who, &market, batch.take()).await.map_err(failed)?;
        self.answer(v1::BatchUpsertCasesResponse {
            revision: revision(commit.revision),
            record_time: Some(time(commit.record_time)),
            results: batch.results(commit)?,
        })
    }

    async fn get_case(&self, request: Request<v1::GetCaseRequest>) -> Result<Response<v1::GetCaseResponse>, Status> {
        let (caller, message) = open(request)?;
        let (market, id) = key(&message.region_code, "case_id", &message.case_id, CaseId::new)?;
        let mask = Mask::read::<v1::Case>(message.read_mask).map_err(wrong)?;
        self.assure(&caller, &market).await?;
        let view = self.use_cases.query.get_case(&caller.who, &market, &id).await.map_err(failed)?;
        self.answer(v1::GetCaseResponse { case: Some(mask.apply(stored::case(&view))) })
    }

    async fn list_cases(
        &self,
        request: Request<v1::ListCasesRequest>,
    ) -> Result<Response<v1::ListCasesResponse>, Status> {
        let (caller, mut message) = open(request)?;
        let (market, filter) = request::cases(&message).map_err(wrong)?;
        let mask = Mask::read::<v1::Case>(message.read_mask.clone()).map_err(wrong)?;
        let token = std::mem::take(&mut message.page_token);
        let size = std::mem::take(&mut message.page_size);
        let paging = Paging::open(self, &caller, "ListCases", size, &message)?;
        let after = paging.after::<String>(&token)?.map(|id| CaseId::trusted(&id));
        self.assure(&caller, &market).await?;
        let query = &self.use_cases.query;
        let found = query.list_cases(&caller.who, &market, &filter, after.as_ref(), paging.limit());
        let views = found.await.map_err(failed)?;
        let (cases, next_page_token) =
            paging.cut(&views, |view| mask.apply(stored::case(view)), |view| view.version.case.to_string());
        self.answer(v1::ListCasesResponse { cases, next_page_token })
    }

    async fn get_case_file(
        &self,
        request: Request<v1::GetCaseFileRequest>,
    ) -> Result<Response<v1::GetCaseFileResponse>, Status> {
        let (caller, message) = open(request)?;
        let (market, id) = key(&message.region_code, "case_id", &message.case_id, CaseId::new)?;
        let mask = Mask::read::<v1::CaseFile>(message.read_mask).map_err(wrong)?;
        self.assure(&caller, &market).await?;
        let file = self.use_cases.query.case_file(&caller.who, &market, &id).await.map_err(failed)?;
        self.answer(v1::GetCaseFileResponse {
            case_file: Some(mask.apply(case_file::case_file(&file))),
            revision: revision(file.revision),
        })
    }
}
