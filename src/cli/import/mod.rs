//! `fairdue import`: a CSV of events becomes cases and activities by a mapping, sent through the public API.

mod effects;
pub mod engine;
pub mod events;
pub mod fields;
pub mod figures;
mod ids;
mod lines;
pub mod mapping;
mod reading;
pub mod report;
pub mod source;
pub mod template;
#[cfg(test)]
mod tests;
mod trial;

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc;

use super::args::ImportArgs;
use super::client::Client;
use super::error::CliError;
use super::send::{self, Batch, Sent, Tally};
use crate::cli::say::say;
use crate::clock::Clock;
use crate::config::source as files;
use crate::domain::diagnostic::Diagnostics;
use crate::ingest::FUTURE;
use crate::wire::{decode, encode};
use engine::{Engine, Row};
use ids::Ids;
use mapping::Mapping;
use report::Report;

/// Records after which a batch is sent. An event may add a few more; the limit of the API is 5,000.
const BATCH: usize = 2_000;
/// Batches read ahead of the sender.
const AHEAD: usize = 2;

/// Runs `fairdue import`.
///
/// # Errors
/// The mapping, the file, the connection; or that rows or records were refused, or rows became no activity though their event
/// has some, after the report has named them.
pub async fn run(args: &ImportArgs) -> Result<(), CliError> {
    let mut found = Vec::new();
    let file = files::required(&args.mapping, &mut found);
    let Some(file) = file else { return Err(Diagnostics(found).into()) };
    let mapping = Mapping::parse(&file)?;
    let currency = mapping.currency;
    let client = match &args.key {
        Some(key) if !args.dry_run => Some(Client::connect(&args.url, key).await?),
        _ => None,
    };

    let bar = progress();
    let source = {
        let bar = bar.clone();
        let packed = |file, length| {
            bar.set_length(length);
            bar.wrap_read(file)
        };
        source::open(&args.events, &mapping, packed).map_err(|error| CliError::new(error.to_string()))?
    };
    let started = Instant::now();
    let (batches, inbox) = mpsc::channel(AHEAD);
    let reader = tokio::task::spawn_blocking(move || read(source, &mapping, &batches, BATCH));
    let sent = match &client {
        Some(client) => {
            let mut acked: u64 = 0;
            send::send(client, &args.market, inbox, |count| {
                acked += count as u64;
                bar.set_message(format!("{acked} activities stored"));
            })
            .await
        }
        None => judged(inbox).await,
    };
    let read = reader.await.map_err(|_| CliError::new("the file's reader ended unexpectedly"))?;
    bar.finish_and_clear();
    let took = started.elapsed();

    let (report, broke_off) = read;
    say!("{}", report.text(currency));
    let sent = sent?;
    if client.is_some() {
        say!("\n{}", answers(&sent));
    } else {
        say!("{}", refusals(&sent, "would be refused by the server"));
    }
    let stored = sent.cases.created + sent.activities.created;
    let before = sent.cases.duplicates + sent.activities.duplicates;
    let before = if before > 0 { format!(", {before} stored before") } else { String::new() };
    say!("\n{} rows, {stored} records stored{before}, in {}", report.rows(), seconds(took));
    if let Some(error) = broke_off {
        return Err(CliError::new(format!("{} broke off: {error}", args.events.display())));
    }
    if let (Some(year), Some(client)) = (args.report, &client) {
        say!("\n{}", figures::of_year(client, &args.market, year).await?);
    }
    let refused = report.refused_rows() + sent.cases.refusals() + sent.activities.refusals();
    verdict(refused, report.untaken_rows())
}

/// Whether every row became what the mapping says.
fn verdict(refused: u64, untaken: u64) -> Result<(), CliError> {
    let refusals = format!("{refused} rows or records were refused");
    let left = format!("{untaken} rows became no activity because no `when` of the mapping takes them");
    Err(CliError::new(match (refused, untaken) {
        (0, 0) => return Ok(()),
        (_, 0) => format!("{refusals}, as the report says"),
        (0, _) => format!("{left}, as the report says"),
        _ => format!("{refusals} and {left}, as the report says"),
    }))
}

/// A bar that shows how far a long command is.
pub fn progress() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let style = "{bar:40} {percent:>3} %  {elapsed_precise}  {msg}";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

fn seconds(took: Duration) -> String {
    format!("{}.{:01} s", took.as_secs(), took.subsec_millis() / 100)
}

/// Why an import by places ends at a row that cannot be read.
const UNCOUNTED: &str = "rows behind one that cannot be read would take the ids of others when it is mended, for the mapping says \
                         ids = \"place\": mend the row and repeat the import";

type FileSource = source::Source<Box<dyn std::io::Read + Send>>;

/// Reads the whole file and hands its records on in batches of about `size`. Ends early when nobody takes them any more.
fn read(
    source: FileSource,
    mapping: &Mapping,
    batches: &mpsc::Sender<Batch>,
    size: usize,
) -> (Report, Option<std::io::Error>) {
    let (mut report, mut engine, mut batch) = (Report::default(), Engine::new(mapping), Batch::default());
    let mut halted = None;
    let done = source.each(|line, row| {
        let row = match row {
            Ok(row) => row,
            Err(seen) => {
                report.unreadable(line, seen);
                // Whose row it is cannot be told, so that those behind it cannot be counted.
                if mapping.ids == Ids::Place {
                    halted = Some(std::io::Error::other(UNCOUNTED));
                }
                return halted.is_none();
            }
        };
        let outcome = engine.next(&row);
        report.row(row.column(&mapping.event), line, &outcome);
        if let Ok(records) = &outcome {
            batch.cases.extend(records.version.iter().map(encode::case::case));
            batch.activities.extend(records.activities.iter().map(encode::activity::activity));
            batch.lines.cases.resize(batch.cases.len(), line);
            batch.lines.activities.resize(batch.activities.len(), line);
        }
        if batch.activities.len() >= size || batch.cases.len() >= size {
            return batches.blocking_send(std::mem::take(&mut batch)).is_ok();
        }
        true
    });
    let _ = batches.blocking_send(batch);
    (report, done.err().or(halted))
}

/// What a server would refuse of each record by itself, whatever it has stored: nothing is sent.
async fn judged(mut inbox: mpsc::Receiver<Batch>) -> Result<Sent, CliError> {
    let mut sent = Sent::default();
    while let Some(Batch { cases, activities, lines }) = inbox.recv().await {
        for (place, case) in cases.into_iter().enumerate() {
            let id = case.case_id.clone();
            if let Err(error) = decode::collect("", |at| decode::case::case(at, case)) {
                sent.cases.refuse("INVALID_FIELD", lines.cases.get(place).copied(), &id, || error.to_string());
            }
        }
        for (place, activity) in activities.into_iter().enumerate() {
            let (id, line) = (activity.activity_id.clone(), lines.activities.get(place).copied());
            match decode::collect("", |at| decode::activity::activity(at, activity)) {
                Err(error) => sent.activities.refuse("INVALID_FIELD", line, &id, || error.to_string()),
                Ok(activity) if activity.occurred > Clock::system().now().plus(FUTURE) => {
                    let words = || format!("occur_time is {}, more than five minutes after now", activity.occurred);
                    sent.activities.refuse("TIME_IN_FUTURE", line, &id, words);
                }
                Ok(_) => {}
            }
        }
    }
    Ok(sent)
}

/// What the server answered, as a table with the refusals below it.
fn answers(sent: &Sent) -> String {
    let mut table = report::table(&["sent", "stored", "stored before", "refused"]);
    for (name, tally) in sorts(sent) {
        let counts = [tally.created, tally.duplicates, tally.refusals()].map(|count| count.to_string());
        table.add_row([&[name.to_owned()][..], &counts].concat());
    }
    format!("{table}{}", refusals(sent, "refused by the server"))
}

const fn sorts(sent: &Sent) -> [(&'static str, &Tally); 2] {
    [("case versions", &sent.cases), ("activities", &sent.activities)]
}

/// A line a reason, with the first few records of each below it.
fn refusals(sent: &Sent, by: &str) -> String {
    let mut text = String::new();
    for (name, tally) in sorts(sent) {
        for (reason, refused) in &tally.refused {
            text.push_str(&format!("\n{by}: {} {name}, {reason}", refused.count));
            for one in &refused.first {
                text.push_str(&format!("\n    {}", report::printable(one)));
            }
        }
    }
    text
}
