//! Sending records through the public API: cases in batches, activities over the stream with a window of batches on
//! their way. A connection that breaks is opened again and what was not acknowledged is sent again.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::client::{Client, PAUSES_MS, may_succeed_later, persist};
use super::error::CliError;
use crate::proto::v1;

/// How many refused records of a reason are named.
const EXAMPLES: usize = 3;
/// Batches on their way at once.
const WINDOW: usize = 4;

/// Records to send. The cases are stored before the activities, which name them.
#[derive(Debug, Default, Clone)]
pub struct Batch {
    /// Case versions.
    pub cases: Vec<v1::Case>,
    /// Activities.
    pub activities: Vec<v1::Activity>,
    /// Where they come from, if from a file.
    pub lines: Lines,
}

/// Lines of a file, each at the place of its record; empty if the records come from none.
#[derive(Debug, Default, Clone)]
pub struct Lines {
    /// Of case versions.
    pub cases: Vec<u64>,
    /// Of activities.
    pub activities: Vec<u64>,
}

/// What the server answered of one sort of record.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Stored now.
    pub created: u64,
    /// Stored before, with the same content.
    pub duplicates: u64,
    /// Refused, by reason.
    pub refused: BTreeMap<String, Refused>,
}

/// Records that were refused for one reason.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Refused {
    /// How many.
    pub count: u64,
    /// The first few: line and id of the record, and the words of the refusal.
    pub first: Vec<String>,
}

impl Tally {
    /// Records that were refused.
    #[must_use]
    pub fn refusals(&self) -> u64 {
        self.refused.values().map(|refused| refused.count).sum()
    }

    fn add<'i>(&mut self, ids: impl Iterator<Item = &'i str>, lines: &[u64], results: &[v1::WriteResult]) {
        for (place, (id, result)) in ids.zip(results).enumerate() {
            match result.status() {
                v1::WriteStatus::Created => self.created += 1,
                v1::WriteStatus::Duplicate => self.duplicates += 1,
                v1::WriteStatus::Refused | v1::WriteStatus::Unspecified => {
                    let refusal = result.refusal.clone().unwrap_or_default();
                    self.refuse(&refusal.reason, lines.get(place).copied(), id, || sentence(&refusal));
                }
            }
        }
    }

    /// Counts a refused record, with its line and id if it is among the first of its reason.
    pub(super) fn refuse(&mut self, reason: &str, line: Option<u64>, id: &str, words: impl FnOnce() -> String) {
        let refused = self.refused.entry(reason.to_owned()).or_default();
        refused.count += 1;
        if refused.first.len() < EXAMPLES {
            let line = line.map(|line| format!("line {line}, ")).unwrap_or_default();
            refused.first.push(format!("{line}{id}: {}", words()));
        }
    }
}

/// What was wrong with a record. The place of it in its batch is left out: it tells nobody anything.
fn sentence(refusal: &v1::Refusal) -> String {
    let told = |violation: &v1::FieldViolation| {
        let field = match violation.field.split_once("].") {
            Some((list, field)) if list.starts_with("activities[") || list.starts_with("cases[") => field,
            _ => violation.field.as_str(),
        };
        format!("{field} {}", violation.description).trim().to_owned()
    };
    match refusal.field_violations.as_slice() {
        [] => refusal.message.clone(),
        all => all.iter().map(told).collect::<Vec<_>>().join("; "),
    }
}

/// What the server answered of all records.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Case versions.
    pub cases: Tally,
    /// Activities.
    pub activities: Tally,
}

/// Sends every batch that comes through `batches`; `acked` hears of each acknowledged count of activities.
///
/// # Errors
/// The server refused a batch as a whole, or stayed away for half a minute.
pub async fn send(
    client: &Client,
    region: &str,
    mut batches: mpsc::Receiver<Batch>,
    mut acked: impl FnMut(usize),
) -> Result<Sent, CliError> {
    let mut sent = Sent::default();
    let mut stream =
        Stream { client: client.clone(), region: region.to_owned(), next: 1, waiting: VecDeque::new(), open: None };
    // Of the batches on their way.
    let mut lines: VecDeque<Vec<u64>> = VecDeque::new();
    let mut more = true;
    while more || !stream.waiting.is_empty() {
        if more && stream.waiting.len() < WINDOW {
            match batches.recv().await {
                None => more = false,
                Some(batch) => {
                    store_cases(client, region, batch.cases, &batch.lines.cases, &mut sent.cases).await?;
                    if !batch.activities.is_empty() {
                        lines.push_back(batch.lines.activities);
                        stream.push(batch.activities).await?;
                    }
                }
            }
            continue;
        }
        let (activities, results) = stream.acknowledged().await?;
        let lines = lines.pop_front().unwrap_or_default();
        sent.activities.add(activities.iter().map(|activity| activity.activity_id.as_str()), &lines, &results);
        acked(activities.len());
    }
    Ok(sent)
}

async fn store_cases(
    client: &Client,
    region: &str,
    cases: Vec<v1::Case>,
    lines: &[u64],
    tally: &mut Tally,
) -> Result<(), CliError> {
    if cases.is_empty() {
        return Ok(());
    }
    let request = v1::BatchUpsertCasesRequest { region_code: region.to_owned(), cases };
    let response = persist(|| {
        let (mut client, request) = (client.cases.clone(), request.clone());
        async move { client.batch_upsert_cases(request).await }
    })
    .await?;
    tally.add(request.cases.iter().map(|case| case.case_id.as_str()), lines, &response.get_ref().results);
    Ok(())
}

type Requests = mpsc::Sender<v1::StreamActivitiesRequest>;

/// The stream of activities with what is on its way.
struct Stream {
    client: Client,
    region: String,
    next: i64,
    waiting: VecDeque<v1::StreamActivitiesRequest>,
    open: Option<(Requests, Streaming<v1::StreamActivitiesResponse>)>,
}

impl Stream {
    async fn push(&mut self, activities: Vec<v1::Activity>) -> Result<(), CliError> {
        let request = v1::StreamActivitiesRequest { sequence: self.next, region_code: self.region.clone(), activities };
        self.next += 1;
        self.waiting.push_back(request.clone());
        let on_its_way = match &self.open {
            Some((requests, _)) => requests.send(request).await.is_ok(),
            None => false,
        };
        if on_its_way { Ok(()) } else { self.reopen().await }
    }

    /// Opens the stream and sends all that waits for its acknowledgement.
    async fn reopen(&mut self) -> Result<(), CliError> {
        let mut tries = PAUSES_MS.iter();
        loop {
            let (requests, inbox) = mpsc::channel(WINDOW + 1);
            for request in &self.waiting {
                // The window has room for every waiting batch.
                requests.send(request.clone()).await.map_err(|_| CliError::new("the stream closed on this side"))?;
            }
            match self.client.activities.stream_activities(ReceiverStream::new(inbox)).await {
                Ok(response) => {
                    self.open = Some((requests, response.into_inner()));
                    return Ok(());
                }
                Err(status) => pause(&mut tries, status).await?,
            }
        }
    }

    /// The next batch that is durable, with its results.
    async fn acknowledged(&mut self) -> Result<(Vec<v1::Activity>, Vec<v1::WriteResult>), CliError> {
        let mut tries = PAUSES_MS.iter();
        loop {
            let answer = match &mut self.open {
                Some((_, responses)) => responses.message().await,
                None => Ok(None),
            };
            match answer {
                Ok(Some(ack)) => {
                    let Some(first) = self.waiting.pop_front().filter(|first| first.sequence == ack.sequence) else {
                        return Err(CliError::new("the server acknowledged a batch that was not next"));
                    };
                    return Ok((first.activities, ack.results));
                }
                Ok(None) => pause(&mut tries, Status::unavailable("the server ended the stream")).await?,
                Err(status) => pause(&mut tries, status).await?,
            }
            self.reopen().await?;
        }
    }
}

/// Waits before another try, or gives up.
async fn pause(tries: &mut std::slice::Iter<'_, u64>, status: Status) -> Result<(), CliError> {
    match tries.next() {
        Some(pause) if may_succeed_later(&status) => {
            tokio::time::sleep(Duration::from_millis(*pause)).await;
            Ok(())
        }
        _ => Err(status.into()),
    }
}
