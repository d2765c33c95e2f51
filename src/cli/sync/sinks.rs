//! `fairdue sync sinks`: how far the receivers of changes have come, and orders to them.

use crate::cli::say::say;
use clap::{Args, Subcommand};
use comfy_table::{Table, presets};

use super::super::client::Client;
use super::super::error::CliError;
use crate::domain::feed::SyncEntity;
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
    /// List the events that its receiver refused for good, and why.
    Letters {
        /// The sink's name in the tenant's file.
        sink: String,
    },
    /// Send such events again.
    Resend {
        /// The sink's name in the tenant's file.
        sink: String,
        /// Ids of the events, as `letters` lists them.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        events: Vec<String>,
        /// All of them.
        #[arg(long)]
        all: bool,
    },
    /// Forget such events: the receiver never gets them.
    Drop {
        /// The sink's name in the tenant's file.
        sink: String,
        /// Ids of the events, as `letters` lists them.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        events: Vec<String>,
        /// All of them.
        #[arg(long)]
        all: bool,
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
        say!("{}", table(&answer.sinks));
        return Ok(());
    };
    if region_code.is_empty() {
        return Err(CliError::new("this is about the sink in one market: write --market"));
    }
    let (sink, order) = match command {
        SinkCommand::Letters { sink } => return letters(&mut client, region_code, sink).await,
        SinkCommand::Resend { sink, events, .. } => {
            (sink, Order::ReplayDeadLetters(v1::ReplayDeadLetters { event_ids: events.clone() }))
        }
        SinkCommand::Drop { sink, events, all } => {
            (sink, Order::DropDeadLetters(v1::DropDeadLetters { event_ids: events.clone(), all: *all }))
        }
        SinkCommand::Replay { sink, from } => {
            (sink, Order::Replay(v1::ReplaySink { after_revision: i64::from(*from) }))
        }
        SinkCommand::Pause { sink } => (sink, Order::Pause(v1::PauseSink {})),
        SinkCommand::Resume { sink } => (sink, Order::Resume(v1::ResumeSink {})),
    };
    let request = v1::UpdateSinkRequest { region_code, sink_id: sink.clone(), order: Some(order) };
    let answer = client.sync.update_sink(request).await?.into_inner();
    say!("{}", table(answer.sink.as_slice()));
    Ok(())
}

/// Lists what is put aside.
async fn letters(client: &mut Client, region_code: String, sink: &str) -> Result<(), CliError> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["event", "revision", "of", "id", "refused", "put aside", "state", "why"]);
    let mut request = v1::ListDeadLettersRequest { region_code, sink_id: sink.to_owned(), ..Default::default() };
    let mut any = false;
    loop {
        let answer = client.sync.list_dead_letters(request.clone()).await?.into_inner();
        for letter in &answer.dead_letters {
            any = true;
            table.add_row([
                letter.event_id.clone(),
                letter.revision.to_string(),
                SyncEntity::of_number(letter.entity).map_or("unknown", SyncEntity::as_str).to_owned(),
                letter.subject_id.clone(),
                format!("{} times", letter.refusal_count),
                letter.put_aside_time.map(|at| at.to_string()).unwrap_or_default(),
                if letter.replay_ordered { "to be sent" } else { "put aside" }.to_owned(),
                letter.reason.clone(),
            ]);
        }
        if answer.next_page_token.is_empty() {
            break;
        }
        request.page_token = answer.next_page_token;
    }
    if any {
        say!("{table}");
    } else {
        say!("nothing is put aside");
    }
    Ok(())
}

fn table(sinks: &[v1::Sink]) -> String {
    if sinks.is_empty() {
        return "no sink is configured: tenants/TENANT.toml names them in [[sink]]".to_owned();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "sink",
        "market",
        "for",
        "receiver",
        "state",
        "revision",
        "of",
        "lag",
        "put aside",
        "last failure",
    ]);
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
            &sink.dead_letter_count.to_string(),
            &failure,
        ]);
    }
    table.to_string()
}
