//! `fairdue sync verify`: whether two copies of a market are the same, without sending their records.

use std::path::Path;

use super::super::args::VerifyArgs;
use super::super::client::Client;
use super::super::error::CliError;
use super::compare::differences;
use super::side::{Side, market_status};
use crate::cli::say::say;
use crate::domain::feed::SyncEntity;
use crate::store::Mirror;

/// Looks that are taken before two sides are said to differ: a market that is written to moves between two questions.
const LOOKS: u32 = 3;

/// Runs `fairdue sync verify`. False if the two differ.
///
/// # Errors
/// A side cannot be reached or read.
pub(super) async fn run(args: &VerifyArgs) -> Result<bool, CliError> {
    let region = args.market.to_ascii_uppercase();
    let client = Client::connect(&args.a, &args.a_key).await?;
    let status = market_status(&client, &region).await?;
    let zone = status.time_zone.parse().map_err(|_| CliError::new("the server names a zone that is not known here"))?;
    let first = Side::Server { client: Box::new(client), region: region.clone() };
    let file = !args.b.starts_with("http://") && !args.b.starts_with("https://");
    let second = if file {
        Side::File { mirror: Mirror::existing(Path::new(&args.b), &region).await?, zone }
    } else {
        let key = args.b_key.as_deref().ok_or_else(|| CliError::new("another server needs --b-key"))?;
        Side::Server { client: Box::new(Client::connect(&args.b, key).await?), region }
    };
    // Findings follow from the records, the rules in force and what people decided: two servers may differ in the latter.
    let mut entities = vec![SyncEntity::Case, SyncEntity::Activity, SyncEntity::Void];
    if file || args.findings {
        entities.push(SyncEntity::Finding);
    }
    let mut lines = differences(&first, &second, &entities).await?;
    for _ in 1..LOOKS {
        if lines.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        lines = differences(&first, &second, &entities).await?;
    }
    if lines.is_empty() {
        let all = first.status().await?;
        let records: i64 =
            all.tallies.iter().filter(|(entity, _)| entities.contains(entity)).map(|(_, t)| t.count).sum();
        say!("the same: {records} records at revision {}", all.revision);
        return Ok(true);
    }
    for line in lines {
        say!("{line}");
    }
    Ok(false)
}
