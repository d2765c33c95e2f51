//! ComplianceService.

use tonic::{Request, Response, Status};

use super::{Api, Paging, failed, open, read, wrong};
use crate::domain::ids::FindingId;
use crate::domain::time::Timestamp;
use crate::proto::v1;
use crate::proto::v1::compliance_service_server::ComplianceService;
use crate::transport::decode::request;
use crate::transport::encode::compliance;
use crate::transport::mask::Mask;

#[tonic::async_trait]
impl ComplianceService for Api {
    async fn check_contact(
        &self,
        request: Request<v1::CheckContactRequest>,
    ) -> Result<Response<v1::CheckContactResponse>, Status> {
        let (caller, message) = open(request)?;
        let (market, question) = request::check(message).map_err(wrong)?;
        let answer = self.use_cases.advice.check_contact(&caller.who, &market, question).await.map_err(failed)?;
        Ok(Response::new(compliance::check(answer)))
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
