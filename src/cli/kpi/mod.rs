//! `fairdue kpi`: figures of a running service on the command line, and the definitions of a directory as a page.

pub mod args;
mod card;
mod page;
mod request;
mod show;

use super::client::{Client, persist};
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
    say!("{}", answer(command).await?);
    Ok(())
}

/// What the command prints.
///
/// # Errors
/// As [`run`].
pub async fn answer(command: &KpiCommand) -> Result<String, CliError> {
    match command {
        KpiCommand::Page { dir } => Ok(page::page(dir)?.trim_end().to_owned()),
        KpiCommand::List { target } => show::definitions(&list(target).await?, target.format),
        KpiCommand::Query { target, ask } => {
            let request = request::question(&target.market, ask, None)?;
            show::figures(&query(target, request).await?, target.format)
        }
        KpiCommand::Compare { target, ask, with } => {
            let request = request::question(&target.market, ask, Some(with))?;
            show::figures(&query(target, request).await?, target.format)
        }
        KpiCommand::Scorecard { target } => card::scorecard(&scorecard(target).await?, target.format),
        KpiCommand::Drill { target, kpi, from, to, group, filters, currency, limit } => {
            let request = v1::DrillDownRequest {
                region_code: target.market.clone(),
                kpi_id: kpi.clone(),
                start_date: Some(date(*from)),
                end_date: Some(date(*to)),
                group: group.iter().map(|text| request::group(text)).collect::<Result<_, _>>()?,
                filters: filters.iter().map(|text| request::filter(text)).collect::<Result<_, _>>()?,
                currency_code: currency.clone().unwrap_or_default(),
                page_size: 1_000,
                ..Default::default()
            };
            let (records, more) = drill(target, request, *limit as usize).await?;
            show::records(&records, more, target.format)
        }
    }
}

async fn list(target: &Target) -> Result<Vec<v1::Kpi>, CliError> {
    let client = Client::connect(&target.url, &target.key).await?;
    let mut request =
        v1::ListKpisRequest { region_code: target.market.clone(), page_size: 1_000, ..Default::default() };
    let mut found = Vec::new();
    loop {
        let page = persist(|| {
            let (mut client, request) = (client.kpis.clone(), request.clone());
            async move { client.list_kpis(request).await }
        });
        let page = page.await?.into_inner();
        found.extend(page.kpis);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return Ok(found);
        }
    }
}

async fn query(target: &Target, request: v1::QueryKpisRequest) -> Result<v1::QueryKpisResponse, CliError> {
    let client = Client::connect(&target.url, &target.key).await?;
    let answer = persist(|| {
        let (mut client, request) = (client.kpis.clone(), request.clone());
        async move { client.query_kpis(request).await }
    });
    Ok(answer.await?.into_inner())
}

async fn scorecard(target: &Target) -> Result<v1::GetScorecardResponse, CliError> {
    let client = Client::connect(&target.url, &target.key).await?;
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
    let client = Client::connect(&target.url, &target.key).await?;
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
