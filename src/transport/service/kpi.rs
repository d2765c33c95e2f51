//! KpiService.

use tonic::{Request, Response, Status};

use super::{Answers, Api, Paging, failed, open, serve, wrong};
use crate::domain::consistency::Consistency;
use crate::domain::error_kind::ErrorKind;
use crate::domain::ids::MarketId;
use crate::domain::principal::Principal;
use crate::proto::v1;
use crate::proto::v1::kpi_service_server::KpiService;
use crate::query::kpi::Taking;
use crate::query::{DrillCursor, KpiQuestion, limit_rows};
use crate::transport::decode::{kpi as decode, request};
use crate::transport::encode::figures::{FigureRows, Figures};
use crate::transport::encode::{kpi, target};
use crate::transport::mask::Mask;
use crate::transport::status;
use crate::wire::encode::scalar::revision;
use crate::wire::words::Word as _;

serve! { KpiService:
    list_kpis(v1::ListKpisRequest) -> v1::ListKpisResponse;
    query_kpis(v1::QueryKpisRequest) -> v1::QueryKpisResponse;
    query_kpis_across_markets(v1::QueryKpisAcrossMarketsRequest) -> v1::QueryKpisAcrossMarketsResponse;
    watch_kpis(v1::WatchKpisRequest) -> Answers<v1::WatchKpisResponse> as WatchKpisStream;
    get_scorecard(v1::GetScorecardRequest) -> v1::GetScorecardResponse;
    watch_alerts(v1::WatchAlertsRequest) -> Answers<v1::WatchAlertsResponse> as WatchAlertsStream;
    get_benchmarks(v1::GetBenchmarksRequest) -> v1::GetBenchmarksResponse;
    get_data_quality(v1::GetDataQualityRequest) -> v1::GetDataQualityResponse;
    drill_down(v1::DrillDownRequest) -> v1::DrillDownResponse;
}

impl Api {
    async fn list_kpis(&self, request: Request<v1::ListKpisRequest>) -> Result<Response<v1::ListKpisResponse>, Status> {
        let (caller, mut message) = open(request)?;
        let market = request::only_market(&message.region_code).map_err(wrong)?;
        let token = std::mem::take(&mut message.page_token);
        let size = std::mem::take(&mut message.page_size);
        let paging = Paging::open(self, &caller, "ListKpis", size, &message)?;
        let after = paging.after::<String>(&token)?;
        let mut list = self.use_cases.query.list_kpis(&caller.who, &market).await.map_err(failed)?;
        list.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id));
        list.retain(|(kpi, _)| after.as_ref().is_none_or(|after| kpi.id > *after));
        let (kpis, next_page_token) = paging.cut(&list, kpi::kpi, |(kpi, _)| kpi.id.clone());
        let agent_figures = self.use_cases.query.agent_figures(&caller.who, &market).map_err(failed)?.number();
        self.answer(v1::ListKpisResponse { kpis, next_page_token, agent_figures })
    }

    async fn query_kpis(
        &self,
        request: Request<v1::QueryKpisRequest>,
    ) -> Result<Response<v1::QueryKpisResponse>, Status> {
        let Asked { who, market, question, mask } = self.asked(request).await?;
        let group_by = question.group_names();
        let found = self.use_cases.query.query_kpis(&who, &market, question).await.map_err(failed)?;
        self.limit_rows(found.answer.rows.len())?;
        let mut answer = kpi::answer(&found, &group_by);
        answer.rows = answer.rows.into_iter().map(|row| mask.apply(row)).collect();
        self.answer(answer)
    }

    async fn query_kpis_across_markets(
        &self,
        request: Request<v1::QueryKpisAcrossMarketsRequest>,
    ) -> Result<Response<v1::QueryKpisAcrossMarketsResponse>, Status> {
        let (caller, message) = open(request)?;
        let (markets, question) = decode::across(message, &self.use_cases.query.case_dimensions()).map_err(wrong)?;
        let markets = self.use_cases.query.markets_asked(&caller.who, markets).map_err(failed)?;
        if matches!(caller.consistency, Consistency::AtLeast(_)) && markets.len() != 1 {
            let text = "the header fairdue-consistency names a revision, which is one market's, and the question is about \
                        several: send fully-consistent, or name one market";
            return Err(status::own(ErrorKind::InvalidArgument, "MALFORMED_CONSISTENCY", text));
        }
        for market in &markets {
            self.assure(&caller, market).await?;
        }
        let group_by = question.group_names();
        let found = self.use_cases.query.query_across(&caller.who, markets, question).await.map_err(failed)?;
        let own: usize = found.markets.iter().map(|(_, answer)| answer.answer.rows.len()).sum();
        self.limit_rows(own + found.across.rows.len())?;
        self.answer(kpi::across(&found, &group_by))
    }

    async fn watch_kpis(
        &self,
        request: Request<v1::WatchKpisRequest>,
    ) -> Result<Response<Answers<v1::WatchKpisResponse>>, Status> {
        self.kpis_watched(request).await.map(Response::new)
    }

    async fn get_scorecard(
        &self,
        request: Request<v1::GetScorecardRequest>,
    ) -> Result<Response<v1::GetScorecardResponse>, Status> {
        let (caller, message) = open(request)?;
        let market = request::only_market(&message.region_code).map_err(wrong)?;
        self.assure(&caller, &market).await?;
        let card = self.use_cases.query.scorecard(&caller.who, &market).await.map_err(failed)?;
        self.answer(v1::GetScorecardResponse {
            targets: card.targets.iter().map(target::status).collect(),
            revision: revision(card.revision),
            filling: card.filling.iter().map(kpi::filling).collect(),
        })
    }

    async fn watch_alerts(
        &self,
        request: Request<v1::WatchAlertsRequest>,
    ) -> Result<Response<Answers<v1::WatchAlertsResponse>>, Status> {
        self.alerts_watched(request).await.map(Response::new)
    }

    async fn get_benchmarks(
        &self,
        request: Request<v1::GetBenchmarksRequest>,
    ) -> Result<Response<v1::GetBenchmarksResponse>, Status> {
        let (caller, message) = open(request)?;
        let (market, kpis, quarter) = decode::benchmarks(message).map_err(wrong)?;
        self.assure(&caller, &market).await?;
        let found = self.use_cases.query.benchmarks(&caller.who, &market, &kpis, quarter).await.map_err(failed)?;
        self.answer(v1::GetBenchmarksResponse { benchmarks: found.iter().map(kpi::benchmark).collect() })
    }

    async fn get_data_quality(
        &self,
        request: Request<v1::GetDataQualityRequest>,
    ) -> Result<Response<v1::GetDataQualityResponse>, Status> {
        let (caller, message) = open(request)?;
        let (market, days) = decode::quality(&message).map_err(wrong)?;
        self.assure(&caller, &market).await?;
        let found = self.use_cases.query.data_quality(&caller.who, &market, days).await.map_err(failed)?;
        self.answer(kpi::quality(&found))
    }

    async fn drill_down(
        &self,
        request: Request<v1::DrillDownRequest>,
    ) -> Result<Response<v1::DrillDownResponse>, Status> {
        let (caller, mut message) = open(request)?;
        let token = std::mem::take(&mut message.page_token);
        let size = std::mem::take(&mut message.page_size);
        let paging = Paging::open(self, &caller, "DrillDown", size, &message)?;
        let (market, figure) = decode::figure(message, &self.use_cases.query.case_dimensions()).map_err(wrong)?;
        self.assure(&caller, &market).await?;
        let from = paging.after::<DrillCursor>(&token)?;
        let page = self.use_cases.query.drill_down(&caller.who, &market, figure, from, paging.size);
        let page = page.await.map_err(failed)?;
        let next_page_token = page.next.as_ref().map(|next| paging.seal(next)).unwrap_or_default();
        self.answer(v1::DrillDownResponse {
            records: page.records.iter().map(|record| kpi::record(&page.drill, record)).collect(),
            next_page_token,
            revision: revision(page.view.known),
        })
    }
}

/// A question about KPIs.
struct Asked {
    who: Principal,
    market: MarketId,
    question: KpiQuestion,
    /// The fields of the rows that are wanted.
    mask: Mask,
}

impl Api {
    /// QueryKpis past its generated message.
    pub(super) async fn figures(&self, request: Request<v1::QueryKpisRequest>) -> Result<Figures, Status> {
        let Asked { who, market, question, mask } = self.asked(request).await?;
        let group_by = question.group_names();
        let (query, limit) = (&self.use_cases.query, self.limits.answer_rows);
        let figures = if question.frozen {
            let found = query.query_kpis(&who, &market, question).await.map_err(failed)?;
            self.limit_rows(found.answer.rows.len())?;
            Figures::of(&found, &group_by, &mask)
        } else {
            // Each part takes so many at most; of the others it is only told how many there are.
            let taking = Taking {
                begin: &|| (FigureRows::new(&group_by, &mask), 0),
                take: &|(rows, further), row| if rows.rows() < limit { rows.add(row) } else { *further += 1 },
            };
            let (found, parts) = query.query_kpis_to(&who, &market, question, taking).await.map_err(failed)?;
            self.limit_rows(parts.iter().map(|(rows, further)| rows.rows() + further).sum())?;
            Figures::joined(parts.into_iter().map(|(rows, _)| rows), &found)
        };
        self.limit_bytes(figures.bytes())?;
        Ok(figures)
    }

    /// What a request asks, of whom it is, and which fields of the rows it wants.
    async fn asked(&self, request: Request<v1::QueryKpisRequest>) -> Result<Asked, Status> {
        let (caller, mut message) = open(request)?;
        let mask = Mask::read::<v1::KpiRow>(message.read_mask.take()).map_err(wrong)?;
        let (market, question) = decode::question(message, &self.use_cases.query.case_dimensions()).map_err(wrong)?;
        self.assure(&caller, &market).await?;
        Ok(Asked { who: caller.who, market, question, mask })
    }

    pub(super) fn limit_rows(&self, rows: usize) -> Result<(), Status> {
        limit_rows(rows, self.limits.answer_rows).map_err(failed)
    }
}
