//! ComplianceService.

use futures::StreamExt as _;
use prost::Message;
use tonic::{Request, Response, Status, Streaming};

use super::{Answers, Api, Paging, failed, key, open, read, serve, wrong};
use crate::domain::error_kind::ErrorKind;
use crate::domain::ids::{FindingId, PermitId};
use crate::domain::time::Timestamp;
use crate::proto::v1;
use crate::proto::v1::compliance_service_server::ComplianceService;
use crate::query::FindingPlace;
use crate::transport::batch::only;
use crate::transport::decode::{explain, finding as decode_finding, request};
use crate::transport::encode::direct::Encoded;
use crate::transport::encode::{self, compliance, finding, permit};
use crate::transport::mask::Mask;
use crate::transport::status;
use crate::wire::encode::scalar::{revision, time};

/// The generated form of what was written for the wire.
fn message<M: Message + Default>(encoded: &Encoded) -> Result<M, Status> {
    encoded.message().map_err(|error| {
        tracing::error!(%error, "an answer to a check cannot be read");
        status::own(ErrorKind::Internal, "INTERNAL", "an internal error, which was logged")
    })
}

serve! { ComplianceService:
    check_contact(v1::CheckContactRequest) -> v1::CheckContactResponse;
    release_permit(v1::ReleasePermitRequest) -> v1::ReleasePermitResponse;
    get_permit(v1::GetPermitRequest) -> v1::GetPermitResponse;
    list_permits(v1::ListPermitsRequest) -> v1::ListPermitsResponse;
    batch_check_contacts(v1::BatchCheckContactsRequest) -> v1::BatchCheckContactsResponse;
    stream_contact_checks(Streaming<v1::StreamContactChecksRequest>) -> Answers<v1::StreamContactChecksResponse> as StreamContactChecksStream;
    check_charge(v1::CheckChargeRequest) -> v1::CheckChargeResponse;
    explain(v1::ExplainRequest) -> v1::ExplainResponse;
    simulate_rules(v1::SimulateRulesRequest) -> Answers<v1::SimulateRulesResponse> as SimulateRulesStream;
    get_shadow_report(v1::GetShadowReportRequest) -> v1::ShadowReport;
    list_findings(v1::ListFindingsRequest) -> v1::ListFindingsResponse;
    get_finding(v1::GetFindingRequest) -> v1::GetFindingResponse;
    update_finding(v1::UpdateFindingRequest) -> v1::UpdateFindingResponse;
    list_rules(v1::ListRulesRequest) -> v1::ListRulesResponse;
}

impl Api {
    // The server answers the three methods of contact checks past the generated service, see `direct`: these give the
    // same answers as messages.

    async fn check_contact(
        &self,
        request: Request<v1::CheckContactRequest>,
    ) -> Result<Response<v1::CheckContactResponse>, Status> {
        message(&self.one(request).await?).map(Response::new)
    }

    async fn release_permit(
        &self,
        request: Request<v1::ReleasePermitRequest>,
    ) -> Result<Response<v1::ReleasePermitResponse>, Status> {
        let (caller, message) = open(request)?;
        let (market, id) = key(&message.region_code, "permit_id", &message.permit_id, PermitId::new)?;
        let ingest = &self.use_cases.ingest;
        let released = ingest.release_permit(&caller.who, &market, id).await.map_err(failed)?;
        only(&released.commit, 0, "")?;
        self.answer(v1::ReleasePermitResponse {
            permit: released.row.as_ref().map(|row| permit::permit(row, released.now)),
            revision: revision(released.commit.revision),
        })
    }

    async fn get_permit(
        &self,
        request: Request<v1::GetPermitRequest>,
    ) -> Result<Response<v1::GetPermitResponse>, Status> {
        let (caller, message) = open(request)?;
        let (market, id) = key(&message.region_code, "permit_id", &message.permit_id, PermitId::new)?;
        self.assure(&caller, &market).await?;
        let (row, now) = self.use_cases.query.get_permit(&caller.who, &market, &id).await.map_err(failed)?;
        self.answer(v1::GetPermitResponse { permit: Some(permit::permit(&row, now)) })
    }

    async fn list_permits(
        &self,
        request: Request<v1::ListPermitsRequest>,
    ) -> Result<Response<v1::ListPermitsResponse>, Status> {
        let (caller, mut message) = open(request)?;
        let (market, filter) = request::permits(&message).map_err(wrong)?;
        let token = std::mem::take(&mut message.page_token);
        let size = std::mem::take(&mut message.page_size);
        let paging = Paging::open(self, &caller, "ListPermits", size, &message)?;
        let after = paging.after::<(i64, String)>(&token)?.map(|(as_of, id)| (Timestamp(as_of), id));
        self.assure(&caller, &market).await?;
        let found = self.use_cases.query.list_permits(&caller.who, &market, &filter, after, paging.limit());
        let (rows, as_of) = found.await.map_err(failed)?;
        let (permits, next_page_token) =
            paging.cut(&rows, |row| permit::permit(row, as_of), |row| (as_of.0, row.permit.id.to_string()));
        self.answer(v1::ListPermitsResponse { permits, next_page_token })
    }

    async fn batch_check_contacts(
        &self,
        request: Request<v1::BatchCheckContactsRequest>,
    ) -> Result<Response<v1::BatchCheckContactsResponse>, Status> {
        message(&self.many(request).await?).map(Response::new)
    }

    async fn stream_contact_checks(
        &self,
        request: Request<Streaming<v1::StreamContactChecksRequest>>,
    ) -> Result<Response<Answers<v1::StreamContactChecksResponse>>, Status> {
        let answers = self.stream(request)?.map(|many| message(&many?));
        Ok(Response::new(Box::pin(answers)))
    }

    async fn check_charge(
        &self,
        request: Request<v1::CheckChargeRequest>,
    ) -> Result<Response<v1::CheckChargeResponse>, Status> {
        let (answer, checked, view) = self.charge(request).await?;
        self.answer(compliance::charge(&checked, answer, view))
    }

    async fn explain(&self, request: Request<v1::ExplainRequest>) -> Result<Response<v1::ExplainResponse>, Status> {
        let (caller, message) = open(request)?;
        let silent = !message.omit_silent_rules;
        let (market, wanted, languages) = explain::request(message).map_err(wrong)?;
        self.assure(&caller, &market).await?;
        let explained = self.use_cases.advice.explain(&caller.who, &market, wanted, &languages).await;
        self.answer(encode::explain::response(explained.map_err(failed)?, silent))
    }

    async fn simulate_rules(
        &self,
        request: Request<v1::SimulateRulesRequest>,
    ) -> Result<Response<Answers<v1::SimulateRulesResponse>>, Status> {
        self.simulation(request).await.map(Response::new)
    }

    async fn get_shadow_report(
        &self,
        request: Request<v1::GetShadowReportRequest>,
    ) -> Result<Response<v1::ShadowReport>, Status> {
        let (caller, message) = open(request)?;
        let market = request::only_market(&message.region_code).map_err(wrong)?;
        let report = self.use_cases.advice.shadow_report(&caller.who, &market).map_err(failed)?;
        self.answer(encode::shadow::report(report))
    }

    async fn list_findings(
        &self,
        request: Request<v1::ListFindingsRequest>,
    ) -> Result<Response<v1::ListFindingsResponse>, Status> {
        let (caller, mut message) = open(request)?;
        let (market, filter) = request::findings(&message).map_err(wrong)?;
        let mask = Mask::read::<v1::Finding>(message.read_mask.clone()).map_err(wrong)?;
        let token = std::mem::take(&mut message.page_token);
        let size = std::mem::take(&mut message.page_size);
        let paging = Paging::open(self, &caller, "ListFindings", size, &message)?;
        let after = paging.after::<(i64, i64, String)>(&token)?.and_then(|(as_of, at, id)| {
            let last = (Timestamp(at), FindingId::parse(&id)?);
            Some(FindingPlace { as_of: Timestamp(as_of), last })
        });
        self.assure(&caller, &market).await?;
        let query = &self.use_cases.query;
        let found = query.list_findings(&caller.who, &market, &filter, after, paging.limit());
        let (rows, as_of) = found.await.map_err(failed)?;
        let (findings, next_page_token) = paging.cut(
            &rows,
            |row| mask.apply(finding::finding(row)),
            |row| (as_of.0, row.finding.at.0, row.finding.id.to_string()),
        );
        let derivation = query.derivation(&caller.who, &market).await.map_err(failed)?.map(compliance::derivation);
        self.answer(v1::ListFindingsResponse { findings, next_page_token, derivation })
    }

    async fn get_finding(
        &self,
        request: Request<v1::GetFindingRequest>,
    ) -> Result<Response<v1::GetFindingResponse>, Status> {
        let (caller, message) = open(request)?;
        let (market, id) = read(|at| {
            let market = request::market(at, &message.region_code);
            let id = decode_finding::finding_id(&at.field("finding_id"), &message.finding_id);
            Some((market?, id?))
        })?;
        let mask = Mask::read::<v1::Finding>(message.read_mask).map_err(wrong)?;
        self.assure(&caller, &market).await?;
        let found = self.use_cases.query.get_finding(&caller.who, &market, id).await.map_err(failed)?;
        self.answer(v1::GetFindingResponse {
            finding: Some(mask.apply(finding::finding(&found.row))),
            changes: found.changes.iter().map(finding::change).collect(),
        })
    }

    async fn update_finding(
        &self,
        request: Request<v1::UpdateFindingRequest>,
    ) -> Result<Response<v1::UpdateFindingResponse>, Status> {
        let (caller, message) = open(request)?;
        let (market, update) = decode_finding::update(message, &caller.who.key).map_err(wrong)?;
        let ingest = &self.use_cases.ingest;
        let decided = ingest.update_finding(&caller.who, &market, update).await.map_err(failed)?;
        let status = only(&decided.commit, 0, "")?;
        let first = decided.row.as_ref();
        self.answer(v1::UpdateFindingResponse {
            status: status.into(),
            finding: first.map(|row| finding::finding(&row.result)),
            revision: first.map_or(0, |row| revision(row.decision.revision)),
            record_time: first.map(|row| time(row.decision.at)),
        })
    }

    async fn list_rules(
        &self,
        request: Request<v1::ListRulesRequest>,
    ) -> Result<Response<v1::ListRulesResponse>, Status> {
        let (caller, mut message) = open(request)?;
        let (market, on) = read(|at| {
            let market = request::market(at, &message.region_code);
            let on = at.field("date").optional_date(message.date);
            Some((market?, on))
        })?;
        let token = std::mem::take(&mut message.page_token);
        let size = std::mem::take(&mut message.page_size);
        let paging = Paging::open(self, &caller, "ListRules", size, &message)?;
        let after = paging.after::<(String, String)>(&token)?;
        let mut list = self.use_cases.query.list_rules(&caller.who, &market, on).map_err(failed)?;
        let place = |rule: &crate::query::RuleInfo| (rule.jurisdiction.to_string(), rule.id.to_string());
        list.rules.sort_by_key(place);
        list.rules.retain(|rule| after.as_ref().is_none_or(|after| place(rule) > *after));
        let (rules, next_page_token) = paging.cut(&list.rules, |rule| compliance::rule(rule.clone()), place);
        let derivation = self.use_cases.query.derivation(&caller.who, &market).await.map_err(failed)?;
        let derivation = derivation.map(compliance::derivation);
        self.answer(v1::ListRulesResponse { rules, rules_digest: list.digest, next_page_token, derivation })
    }
}
