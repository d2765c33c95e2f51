//! A client as platforms write them: what is refused is sent again after the time that the answer names, what is answered is
//! not. It notes every failure and what it was told is stored.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fairdue::proto::google::r#type::Date;
use fairdue::proto::v1;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;
use v1::WriteStatus;
use v1::activity_service_client::ActivityServiceClient;
use v1::case_service_client::CaseServiceClient;
use v1::compliance_service_client::ComplianceServiceClient;
use v1::kpi_service_client::KpiServiceClient;
use v1::sync_service_client::SyncServiceClient;

use crate::support::service::{Caller, Credential, connect};
use crate::support::workload::{self, MARKETS, Record};

/// Cases of a chunk, over all markets. A client ends between chunks.
pub const CHUNK: u32 = 24;
/// Records of one call.
const BATCH: usize = 25;
/// In the ids of records that a test sends beside the load: they may be there or not, and once at most.
pub const UNASKED: &str = "unasked-";
/// After so long a client gives up, and the test with it.
const PATIENCE: Duration = Duration::from_secs(90);
/// A caller's own deadline.
pub const DEADLINE: Duration = Duration::from_secs(8);

/// A call that was not answered as it should have been.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The call.
    pub call: &'static str,
    /// What came instead.
    pub status: Status,
    /// After how long.
    pub took: Duration,
    /// When.
    pub at: Instant,
}

impl Failure {
    /// Whether it says that trying again helps, and when.
    pub fn invites_another_try(&self) -> bool {
        let passing = matches!(self.status.code(), Code::Unavailable | Code::Aborted);
        passing && self.status.get_details_retry_info().is_some()
    }
}

/// What all clients of a load know.
#[derive(Default)]
pub struct Known {
    /// How often each id was answered with "created".
    pub created: BTreeMap<String, u32>,
    /// Chunks that were acknowledged as a whole, by market.
    pub done: BTreeMap<usize, BTreeSet<u32>>,
    /// Every failure that a client met.
    pub failures: Vec<Failure>,
    /// Ends of writes that were acknowledged.
    pub acknowledged: Vec<Instant>,
    /// The longest that any call took.
    pub longest: Duration,
    /// How many calls of each kind were answered.
    pub answered: BTreeMap<&'static str, usize>,
}

/// Where servers are: it changes when one is started anew.
pub type Addresses = Arc<Mutex<Vec<String>>>;

/// One client: its connection, made anew after each failure.
pub struct Client {
    addresses: Addresses,
    key: String,
    open: Option<Caller>,
    turn: usize,
    known: Arc<Mutex<Known>>,
}

impl Client {
    /// A client that turns first to the server of that place.
    pub fn new(addresses: &Addresses, key: &str, turn: usize, known: &Arc<Mutex<Known>>) -> Self {
        let (addresses, known) = (Arc::clone(addresses), Arc::clone(known));
        Self { addresses, key: key.to_owned(), open: None, turn, known }
    }

    async fn caller(&mut self) -> Result<Caller, Status> {
        if let Some(open) = &self.open {
            return Ok(open.clone());
        }
        let address = {
            let addresses = self.addresses.lock().expect("no panic");
            addresses[self.turn % addresses.len()].clone()
        };
        self.turn += 1;
        let channel = connect(&address).await.map_err(|error| Status::unknown(format!("no connection: {error}")))?;
        let caller = Caller::new(channel, Credential::of(&self.key));
        self.open = Some(caller.clone());
        Ok(caller)
    }

    /// The first case of a chunk in a market.
    pub fn first_case(chunk: u32, market: usize) -> u32 {
        chunk * CHUNK + market as u32
    }

    /// Calls until the answer is there.
    pub async fn insist<T, F>(&mut self, call: &'static str, ask: impl Fn(Caller) -> F) -> T
    where
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        // No server says so.
        self.insist_unless(Code::Ok, call, ask).await.expect("an answer")
    }

    /// Calls until the answer is there; nothing where it is that code.
    pub async fn insist_unless<T, F>(&mut self, code: Code, call: &'static str, ask: impl Fn(Caller) -> F) -> Option<T>
    where
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let first = Instant::now();
        loop {
            let started = Instant::now();
            let answer = match self.caller().await {
                Ok(caller) => ask(caller).await,
                Err(status) => Err(status),
            };
            if answer.as_ref().is_err_and(|status| status.code() == code) {
                return None;
            }
            let Some(status) = self.note(call, started, &answer) else {
                return answer.ok().map(tonic::Response::into_inner);
            };
            assert!(first.elapsed() < PATIENCE, "{call} is never answered: {status:?}");
            let wait = status.get_details_retry_info().and_then(|info| info.retry_delay);
            if wait.is_none() {
                self.open = None;
            }
            tokio::time::sleep(wait.unwrap_or(Duration::from_millis(50)).min(Duration::from_millis(250))).await;
        }
    }

    /// Notes how a call ended; the failure, if it is one.
    fn note<T>(&self, call: &'static str, started: Instant, answer: &Result<T, Status>) -> Option<Status> {
        let (at, took) = (Instant::now(), started.elapsed());
        let mut known = self.known.lock().expect("no panic");
        known.longest = known.longest.max(took);
        match answer {
            Ok(_) => {
                *known.answered.entry(call).or_default() += 1;
                None
            }
            Err(status) => {
                known.failures.push(Failure { call, status: status.clone(), took, at });
                Some(status.clone())
            }
        }
    }

    /// Stores the cases of a chunk and then its records.
    pub async fn chunk(&mut self, market: usize, chunk: u32) {
        let region = MARKETS[market].0;
        let range = chunk * CHUNK..(chunk + 1) * CHUNK;
        let cases: Vec<v1::Case> = of_market(range.clone(), market).map(workload::case).collect();
        let request = v1::BatchUpsertCasesRequest { region_code: region.into(), cases };
        let stored = self.insist("BatchUpsertCases", |caller| {
            let request = timely(request.clone());
            async move { CaseServiceClient::new(caller).batch_upsert_cases(request).await }
        });
        for result in stored.await.results {
            let stored = matches!(result.status(), WriteStatus::Created | WriteStatus::Duplicate);
            assert!(stored, "a case was refused: {:?}", result.refusal);
        }
        let mut records = workload::plan(market, range.end);
        records.retain(|record| range.contains(&record.case));
        for records in records.chunks(BATCH) {
            self.record(region, records).await;
        }
        self.known.lock().expect("no panic").done.entry(market).or_default().insert(chunk);
    }

    async fn record(&mut self, region: &str, records: &[Record]) {
        let activities: Vec<v1::Activity> = records.iter().map(|record| workload::activity(*record)).collect();
        let request = v1::BatchRecordActivitiesRequest { region_code: region.into(), activities };
        let answer = self
            .insist("BatchRecordActivities", |caller| {
                let request = timely(request.clone());
                async move { ActivityServiceClient::new(caller).batch_record_activities(request).await }
            })
            .await;
        let mut known = self.known.lock().expect("no panic");
        known.acknowledged.push(Instant::now());
        for (record, result) in records.iter().zip(&answer.results) {
            let id = workload::activity_id(record.case, record.number);
            match result.status() {
                WriteStatus::Created => *known.created.entry(format!("{region} {id}")).or_default() += 1,
                WriteStatus::Duplicate => {}
                other => panic!("{id} was answered with {other:?}: {:?}", result.refusal),
            }
        }
    }

    /// Asks what a platform asks of a case all day: a check, its file, its activities, figures, where the market stands.
    pub async fn look(&mut self, market: usize, case: u32) {
        let region = || MARKETS[market].0.to_owned();
        let request = v1::CheckContactRequest {
            region_code: region(),
            case_id: workload::case_id(case),
            contact: Some(v1::Contact { channel: v1::Channel::Email.into(), ..Default::default() }),
            ..Default::default()
        };
        self.insist("CheckContact", |caller| {
            let request = timely(request.clone());
            async move { ComplianceServiceClient::new(caller).check_contact(request).await }
        })
        .await;
        let request =
            v1::GetCaseFileRequest { region_code: region(), case_id: workload::case_id(case), ..Default::default() };
        self.insist("GetCaseFile", |caller| {
            let request = timely(request.clone());
            async move { CaseServiceClient::new(caller).get_case_file(request).await }
        })
        .await;
        let request = v1::ListActivitiesRequest { region_code: region(), page_size: 20, ..Default::default() };
        self.insist("ListActivities", |caller| {
            let request = timely(request.clone());
            async move { ActivityServiceClient::new(caller).list_activities(request).await }
        })
        .await;
        let request = v1::QueryKpisRequest {
            region_code: region(),
            kpi_ids: vec!["recovery_rate".into()],
            grain: v1::Grain::Month.into(),
            start_date: Some(Date { year: 2025, month: 1, day: 1 }),
            end_date: Some(Date { year: 2025, month: 6, day: 1 }),
            ..Default::default()
        };
        self.insist("QueryKpis", |caller| {
            let request = timely(request.clone());
            async move { KpiServiceClient::new(caller).query_kpis(request).await }
        })
        .await;
        let request = v1::GetMarketStatusRequest { region_code: region() };
        self.insist("GetMarketStatus", |caller| {
            let request = timely(request.clone());
            async move { SyncServiceClient::new(caller).get_market_status(request).await }
        })
        .await;
    }
}

fn timely<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}

/// The cases among these that are a market's.
pub fn of_market(cases: std::ops::Range<u32>, market: usize) -> impl Iterator<Item = u32> + Clone {
    cases.filter(move |case| *case as usize % MARKETS.len() == market)
}
