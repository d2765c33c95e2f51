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

/// Batches on their way at once.
const WINDOW: usize = 4;

/// Records to send. The cases are stored before the activities, which name them.
#[derive(Debug, Default, Clone)]
pub struct Batch {
    /// Case versions.
    pub cases: Vec<v1::Case>,
    /// Activities.
    pub activities: Vec<v1::Activity>,
}

/// What the server answered of one sort of record.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Stored now.
    pub created: u64,
    /// Stored before, with the same content.
    pub duplicates: u64,
    /// Refused, by reason, with the first record's id and the words of the refusal.
    pub refused: BTreeMap<String, (u64, String)>,
}

impl Tally {
    /// Records that were refused.
    #[must_use]
    pub fn refusals(&self) -> u64 {
        self.refused.values().map(|(count, _)| count).sum()
    }

    fn add<'i>(&mut self, ids: impl Iterator<Item = &'i str>, results: &[v1::WriteResult]) {
        for (id, result) in ids.zip(results) {
            match result.status() {
                v1::WriteStatus::Created => self.created += 1,
                v1::WriteStatus::Duplicate => self.duplicates += 1,
                v1::WriteStatus::Refused | v1::WriteStatus::Unspecified => {
                    let refusal = result.refusal.clone().unwrap_or_default();
                    let entry =
                        self.refused.entry(refusal.reason.clone()).or_insert_with(|| (0, example(id, &refusal)));
                    entry.0 += 1;
                }
            }
        }
    }
}

fn example(id: &str, refusal: &v1::Refusal) -> String {
    let fields: Vec<String> = refusal
        .field_violations
        .iter()
        .map(|violation| format!("{} {}", violation.field, violation.description))
        .collect();
    format!("{id}: {} {}", refusal.message, fields.join("; ")).trim_end().to_owned()
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
    let mut more = true;
    while more || !stream.waiting.is_empty() {
        if more && stream.waiting.len() < WINDOW {
            match batches.recv().await {
                None => more = false,
                Some(batch) => {
                    store_cases(client, region, batch.cases, &mut sent.cases).await?;
                    if !batch.activities.is_empty() {
                        stream.push(batch.activities).await?;
                    }
                }
            }
            continue;
        }
        let (activities, results) = stream.acknowledged().await?;
        sent.activities.add(activities.iter().map(|activity| activity.activity_id.as_str()), &results);
        acked(activities.len());
    }
    Ok(sent)
}

async fn store_cases(client: &Client, region: &str, cases: Vec<v1::Case>, tally: &mut Tally) -> Result<(), CliError> {
    if cases.is_empty() {
        return Ok(());
    }
    let request = v1::BatchUpsertCasesRequest { region_code: region.to_owned(), cases };
    let response = persist(|| {
        let (mut client, request) = (client.cases.clone(), request.clone());
        async move { client.batch_upsert_cases(request).await }
    })
    .await?;
    tally.add(request.cases.iter().map(|case| case.case_id.as_str()), &response.get_ref().results);
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
