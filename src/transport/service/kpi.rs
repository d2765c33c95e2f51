//! KpiService.

use tonic::{Request, Response, Status};

use super::{Api, Paging, failed, open, wrong};
use crate::domain::error_kind::ErrorKind;
use crate::proto::v1;
use crate::proto::v1::kpi_service_server::KpiService;
use crate::transport::decode::request;
use crate::transport::encode::kpi;
use crate::transport::encode::scalar::revision;
use crate::transport::status;

#[tonic::async_trait]
impl KpiService for Api {
    async fn list_kpis(&self, request: Request<v1::ListKpisRequest>) -> Result<Response<v1::ListKpisResponse>, Status> {
        let (caller, mut message) = open(request)?;
        let market = request::only_market(&message.region_code).map_err(wrong)?;
        let token = std::mem::take(&mut message.page_token);
        let size = std::mem::take(&mut message.page_size);
        let paging = Paging::open(self, &caller, "ListKpis", size, &message)?;
        let after = paging.after::<String>(&token)?;
        let mut list = self.use_cases.query.list_kpis(&caller.who, &market).map_err(failed)?;
        list.sort_by(|a, b| a.id.cmp(&b.id));
        list.retain(|kpi| after.as_ref().is_none_or(|after| kpi.id > *after));
        let (kpis, next_page_token) = paging.cut(&list, kpi::kpi, |kpi| kpi.id.clone());
        self.answer(v1::ListKpisResponse { kpis, next_page_token })
    }

    async fn query_kpis(
        &self,
        request: Request<v1::QueryKpisRequest>,
    ) -> Result<Response<v1::QueryKpisResponse>, Status> {
        let (caller, message) = open(request)?;
        let (market, question) = request::kpis(message).map_err(wrong)?;
        self.assure(&caller, &market).await?;
        let found = self.use_cases.query.query_kpis(&caller.who, &market, &question).await.map_err(failed)?;
        let rows = &found.answer.rows;
        if rows.len() > self.limits.answer_rows {
            let text = format!(
                "the answer has {} rows, the limit is {}: ask for fewer KPIs, periods or groups",
                rows.len(),
                self.limits.answer_rows
            );
            return Err(status::own(ErrorKind::ResourceExhausted, "ANSWER_TOO_LARGE", text));
        }
        self.answer(v1::QueryKpisResponse {
            rows: rows.iter().map(|row| kpi::row(row, &question.group_by)).collect(),
            revision: revision(found.revision),
        })
    }
}
