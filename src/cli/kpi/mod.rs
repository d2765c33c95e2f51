//! `fairdue kpi`: figures of a running service on the command line, and the definitions of a directory as a page.

pub mod args;
mod card;
mod gaps;
mod markets;
mod page;
mod peers;
mod request;
mod show;
mod table;
mod watch;

use super::client::persist;
use super::error::CliError;
use crate::cli::say::say;
use crate::proto::v1;
use crate::wire::encode::scalar::date;
use args::{KpiCommand, Target};

/// Runs `fairdue kpi`.
///
/// # Errors
/// A word of the command line means nothing, or the service does not answer or refuses.
pub async fn run(command: &KpiCommand) -> Result<(), CliError> {
    match command {
        KpiCommand::Watch { target, ask, updates } => {
            let request = request::question(&target.market, ask, None)?;
            watch::figures(target, request, *updates, &mut |text| say!("{text}")).await
        }
        KpiCommand::Alerts { target, updates } => watch::alerts(target, *updates, &mut |text| say!("{text}")).await,
        command => {
            say!("{}", answer(command).await?);
            Ok(())
        }
    }
}

/// What the command prints.
///
/// # Errors
/// As [`run`].
pub async fn answer(command: &KpiCommand) -> Result<String, CliError> {
    match command {
        KpiCommand::Page { dir } => Ok(page::page(dir)?.trim_end().to_owned()),
        KpiCommand::List { target } => {
            let (kpis, agents) = list(target).await?;
            show::definitions(&kpis, agents, target.service.format)
        }
        KpiCommand::Query { target, ask } => {
            let request = request::question(&target.market, ask, None)?;
            show::figures(&query(target, request).await?, target.service.format)
        }
        KpiCommand::Compare { target, ask, with } => {
            let request = request::question(&target.market, ask, Some(with))?;
            show::figures(&query(target, request).await?, target.service.format)
        }
        KpiCommand::Scorecard { target } => card::scorecard(&scorecard(target).await?, target.service.format),
        KpiCommand::Across { market, service, ask } => {
            let question = request::question("", ask, None)?;
            markets::figures(&markets::ask(service, market, question).await?, service.format)
        }
        KpiCommand::Benchmarks { target, kpi, quarter } => {
            peers::benchmarks(&peers::ask(target, kpi, *quarter).await?, target.service.format)
        }
        KpiCommand::Quality { target, from, to } => {
            gaps::quality(&gaps::ask(target, *from, *to).await?, target.service.format)
        }
        KpiCommand::Watch { target, ask, updates } => {
            let request = request::question(&target.market, ask, None)?;
            let mut told = Vec::new();
            watch::figures(target, request, *updates, &mut |text| told.push(text)).await?;
            Ok(told.join("\n"))
        }
        KpiCommand::Alerts { target, updates } => {
            let mut told = Vec::new();
            watch::alerts(target, *updates, &mut |text| told.push(text)).await?;
            Ok(told.join("\n"))
        }
        KpiCommand::Drill { target, kpi, from, to, group, filters, currency, question_from, limit } => {
            let request = v1::DrillDownRequest {
                region_code: target.market.clone(),
                kpi_id: kpi.clone(),
                start_date: Some(date(*from)),
                end_date: Some(date(*to)),
                group: group.iter().map(|text| request::group(text)).collect::<Result<_, _>>()?,
                filters: filters.iter().map(|text| request::filter(text)).collect::<Result<_, _>>()?,
                currency_code: currency.clone().unwrap_or_default(),
                question_start_date: question_from.map(date),
                page_size: 1_000,
                ..Default::default()
            };
            let (records, more) = drill(target, request, *limit as usize).await?;
            show::records(&records, more, target.service.format)
        }
    }
}

/// The KPIs, and in which form figures of the market tell of agents.
async fn list(target: &Target) -> Result<(Vec<v1::Kpi>, v1::AgentFigures), CliError> {
    let client = target.service.connect().await?;
    let mut request =
        v1::ListKpisRequest { region_code: target.market.clone(), page_size: 1_000, ..Default::default() };
    let mut found = Vec::new();
    loop {
        let page = persist(|| {
            let (mut client, request) = (client.kpis.clone(), request.clone());
            async move { client.list_kpis(request).await }
        });
        let page = page.await?.into_inner();
        let agents = page.agent_figures();
        found.extend(page.kpis);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return Ok((found, agents));
        }
    }
}

async fn query(target: &Target, request: v1::QueryKpisRequest) -> Result<v1::QueryKpisResponse, CliError> {
    let client = target.service.connect().await?;
    let answer = persist(|| {
        let (mut client, request) = (client.kpis.clone(), request.clone());
        async move { client.query_kpis(request).await }
    });
    Ok(answer.await?.into_inner())
}

async fn scorecard(target: &Target) -> Result<v1::GetScorecardResponse, CliError> {
    let client = target.service.connect().await?;
    let answer = persist(|| {
        let mut client = client.kpis.clone();
        let request = v1::GetScorecardRequest { region_code: target.market.clone() };
        async move { client.get_scorecard(request).await }
    });
    Ok(answer.await?.into_inner())
}

/// The records, at most `limit`, and whether there are more.
async fn drill(
    target: &Target,
    mut request: v1::DrillDownRequest,
    limit: usize,
) -> Result<(Vec<v1::ContributingRecord>, bool), CliError> {
    let client = target.service.connect().await?;
    let mut found = Vec::new();
    loop {
        let page = persist(|| {
            let (mut client, request) = (client.kpis.clone(), request.clone());
            async move { client.drill_down(request).await }
        });
        let page = page.await?.into_inner();
        found.extend(page.records);
        request.page_token = page.next_page_token;
        let more = found.len() > limit || (found.len() == limit && !request.page_token.is_empty());
        if more || request.page_token.is_empty() {
            found.truncate(limit);
            return Ok((found, more));
        }
    }
}
