//! The command line: serve, demo, import, simulate, kpi, check, the law in words, tenants and keys.

mod admin;
mod args;
mod check;
mod client;
pub mod demo;
mod error;
pub mod import;
mod kpi;
mod law;
mod say;
mod schema;
mod send;
mod serve;
mod signals;
mod simulate;
mod sync;
mod telemetry;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command, SyncCommand};
use error::CliError;

/// Runs the program with the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // As with diff(1), 1 says that something differs.
    let differing = matches!(cli.command, Command::Diff { .. } | Command::Sync(SyncCommand::Verify(_)));
    let failed = if differing { 2 } else { 1 };
    say::fail_with(failed);
    let outcome = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let outcome = runtime.block_on(run(&cli.command));
            // A thread that still works (a file being read) must not hold the end up.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(CliError::from(error)),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            say::complain!("fairdue: {error}");
            ExitCode::from(failed)
        }
    }
}

async fn run(command: &Command) -> Result<ExitCode, CliError> {
    match command {
        Command::Diff { old, new, json } => {
            let differs = law::diff::run(old, new, *json)?;
            return Ok(if differs { ExitCode::FAILURE } else { ExitCode::SUCCESS });
        }
        Command::Serve(args) => serve::run(args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Import(args) => import::run(args).await,
        Command::Simulate(args) => simulate::run(args).await,
        Command::Kpi(command) => kpi::run(command).await,
        Command::Check { dir } => check::run(dir),
        Command::Schema { dir } => schema::run(dir),
        Command::Jurisdictions { dir } => law::jurisdictions::run(dir),
        Command::Tenant(command) => admin::tenant(command).await,
        Command::Key(command) => admin::key(command).await,
        Command::Sync(command) => {
            return Ok(if sync::run(command).await? { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
    }?;
    Ok(ExitCode::SUCCESS)
}
