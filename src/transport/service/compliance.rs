//! ComplianceService.

use futures::StreamExt as _;
use tonic::{Request, Response, Status, Streaming};

use super::{Answers, Api, Paging, failed, open, read, wrong};
use crate::domain::ids::FindingId;
use crate::domain::time::Timestamp;
use crate::proto::v1;
use crate::proto::v1::compliance_service_server::ComplianceService;
use crate::transport::decode::{explain, request};
use crate::transport::encode::direct::{Many, One};
use crate::transport::encode::scalar::revision;
use crate::transport::encode::{self, compliance};
use crate::transport::mask::Mask;

#[tonic::async_trait]
impl ComplianceService for Api {
    // The server answers the three methods of contact checks past the generated service, see `direct`: these give the
    // same answers as messages.

    async fn check_contact(
        &self,
        request: Request<v1::CheckContactRequest>,
    ) -> Result<Response<v1::CheckContactResponse>, Status> {
        let One { checked, answer, view } = self.one(request).await?;
        Ok(Response::new(compliance::check(&checked, answer, view)))
    }

    async fn batch_check_contacts(
        &self,
        request: Request<v1::BatchCheckContactsRequest>,
    ) -> Result<Response<v1::BatchCheckContactsResponse>, Status> {
        let Many { checked, results, view, .. } = self.many(request).await?;
        Ok(Response::new(v1::BatchCheckContactsResponse {
            results: results.into_iter().map(|result| result.message(&checked, view)).collect(),
            rules_digest: checked.rules_digest().to_owned(),
            revision: revision(checked.revision),
        }))
    }

    type StreamContactChecksStream = Answers<v1::StreamContactChecksResponse>;

    async fn stream_contact_checks(
        &self,
        request: Request<Streaming<v1::StreamContactChecksRequest>>,
    ) -> Result<Response<Self::StreamContactChecksStream>, Status> {
        let answers = self.stream(request)?.map(|many| {
            let Many { sequence, checked, results, view } = many?;
            Ok(v1::StreamContactChecksResponse {
                sequence: sequence.unwrap_or_default(),
                results: results.into_iter().map(|result| result.message(&checked, view)).collect(),
                rules_digest: checked.rules_digest().to_owned(),
                revision: revision(checked.revision),
            })
        });
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
        let explained = self.use_cases.advice.explain(&caller.who, &market, wanted, &languages).await;
        self.answer(encode::explain::response(explained.map_err(failed)?, silent))
    }

    type SimulateRulesStream = Answers<v1::SimulateRulesResponse>;

    async fn simulate_rules(
        &self,
        request: Request<v1::SimulateRulesRequest>,
    ) -> Result<Response<Self::SimulateRulesStream>, Status> {
        self.simulation(request).map(Response::new)
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
        let after =
            paging.after::<(i64, String)>(&token)?.and_then(|(at, id)| Some((Timestamp(at), FindingId::parse(&id)?)));
        let query = &self.use_cases.query;
        let found = query.list_findings(&caller.who, &market, &filter, after, paging.limit());
        let rows = found.await.map_err(failed)?;
        let (findings, next_page_token) = paging.cut(
            &rows,
            |row| mask.apply(compliance::finding(row)),
            |row| (row.finding.at.0, row.finding.id.to_string()),
        );
        self.answer(v1::ListFindingsResponse { findings, next_page_token })
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
        self.answer(v1::ListRulesResponse { rules, rules_digest: list.digest, next_page_token })
    }
}
