//! `fairdue sync`: a copy of a market kept in step, two copies compared, and every copy made to start again.

mod compare;
mod feed;
mod mirror;
mod rows;
mod side;
mod sinks;
mod verify;

pub use sinks::SinksArgs;

use super::admin;
use super::args::SyncCommand;
use super::error::CliError;

/// Runs `fairdue sync ...`. False if a comparison found differences.
///
/// # Errors
/// What the command could not do.
pub async fn run(command: &SyncCommand) -> Result<bool, CliError> {
    match command {
        SyncCommand::Mirror(args) => mirror::run(args).await.map(|()| true),
        SyncCommand::Verify(args) => verify::run(args).await,
        SyncCommand::Sinks(args) => sinks::run(args).await.map(|()| true),
        SyncCommand::Reset { tenant, market, source } => {
            admin::reset_feeds(tenant, market, source).await.map(|()| true)
        }
    }
}
