//! `fairdue sync sinks`: how far the receivers of changes have come, and orders to them.

use clap::{Args, Subcommand};
use comfy_table::{Table, presets};

use super::super::client::Client;
use super::super::error::CliError;
use crate::domain::sink::SinkState;
use crate::proto::v1;
use crate::proto::v1::update_sink_request::Order;
use crate::wire::words::Word as _;

/// Options of `sync sinks`.
#[derive(Debug, Args)]
pub struct SinksArgs {
    /// What to do; lists the sinks if it is left out.
    #[command(subcommand)]
    pub command: Option<SinkCommand>,
    /// Country of the market: ISO 3166-1 alpha-2 code. Without it, all markets are listed.
    #[arg(long, value_name = "CC", global = true)]
    pub market: Option<String>,
    /// The service.
    #[arg(long, default_value = "http://127.0.0.1:50051", env = "FAIRDUE_URL", global = true)]
    pub url: String,
    /// A key with the role reader; for orders, admin.
    #[arg(long, env = "FAIRDUE_API_KEY", hide_env_values = true, global = true)]
    pub key: Option<String>,
}

/// Orders to a sink.
#[derive(Debug, Subcommand)]
pub enum SinkCommand {
    /// Send everything behind a revision again, with the ids that it had; it also resumes a paused sink.
    Replay {
        /// The sink's name in the tenant's file.
        sink: String,
        /// The revision; 0 for the whole history.
        #[arg(long, value_name = "REVISION")]
        from: u32,
    },
    /// Send nothing until it is resumed.
    Pause {
        /// The sink's name in the tenant's file.
        sink: String,
    },
    /// Go on where it stands.
    Resume {
        /// The sink's name in the tenant's file.
        sink: String,
    },
}

/// Runs `fairdue sync sinks`.
///
/// # Errors
/// The service refused, or nobody answers.
pub(super) async fn run(args: &SinksArgs) -> Result<(), CliError> {
    let key = args
        .key
        .as_deref()
        .ok_or_else(|| CliError::new("an API key is needed: write --key, or set FAIRDUE_API_KEY"))?;
    let mut client = Client::connect(&args.url, key).await?;
    let region_code = args.market.clone().unwrap_or_default();
    let Some(command) = &args.command else {
        let answer = client.sync.list_sinks(v1::ListSinksRequest { region_code }).await?.into_inner();
        println!("{}", table(&answer.sinks));
        return Ok(());
    };
    if region_code.is_empty() {
        return Err(CliError::new("an order is for the sink in one market: write --market"));
    }
    let (sink, order) = match command {
        SinkCommand::Replay { sink, from } => {
            (sink, Order::Replay(v1::ReplaySink { after_revision: i64::from(*from) }))
        }
        SinkCommand::Pause { sink } => (sink, Order::Pause(v1::PauseSink {})),
        SinkCommand::Resume { sink } => (sink, Order::Resume(v1::ResumeSink {})),
    };
    let request = v1::UpdateSinkRequest { region_code, sink_id: sink.clone(), order: Some(order) };
    let answer = client.sync.update_sink(request).await?.into_inner();
    println!("{}", table(answer.sink.as_slice()));
    Ok(())
}

fn table(sinks: &[v1::Sink]) -> String {
    if sinks.is_empty() {
        return "no sink is configured: tenants/TENANT.toml names them in [[sink]]".to_owned();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["sink", "market", "for", "receiver", "state", "revision", "of", "lag", "last failure"]);
    for sink in sinks {
        let state = SinkState::of_number(sink.state).map_or("unknown", SinkState::as_str);
        let whose = if sink.partner_id.is_empty() { "own" } else { &sink.partner_id };
        let lag = sink.lag.map_or_else(|| "-".to_owned(), |lag| format!("{} s", lag.seconds));
        let mut failure = sink.last_error.clone();
        if let Some(at) = sink.last_error_time {
            failure = format!("{at}: {failure}");
        }
        if sink.failure_count > 0 {
            failure = format!("{} times, {failure}", sink.failure_count);
        }
        if !sink.pause_reason.is_empty() {
            failure = format!("{}; {failure}", sink.pause_reason);
        }
        let (through, head) = (sink.through_revision.to_string(), sink.head_revision.to_string());
        table.add_row([
            sink.sink_id.as_str(),
            &sink.region_code,
            whose,
            &sink.receiver,
            state,
            &through,
            &head,
            &lag,
            &failure,
        ]);
    }
    table.to_string()
}
