//! A client of the public API: what the import and the demo send and ask with.

use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use super::error::CliError;
use crate::proto::v1;
use v1::activity_service_client::ActivityServiceClient;
use v1::case_service_client::CaseServiceClient;
use v1::compliance_service_client::ComplianceServiceClient;
use v1::kpi_service_client::KpiServiceClient;
use v1::sync_service_client::SyncServiceClient;

/// Bytes in flight to this end: with the 64 KiB of HTTP/2 a table of two megabytes stops for every thirtieth of it.
const WINDOW: u32 = 4 << 20;

/// Puts the API key on every call.
#[derive(Clone)]
pub struct Credential(MetadataValue<Ascii>);

impl Interceptor for Credential {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// A connection with a key.
pub type Caller = InterceptedService<Channel, Credential>;

/// Clients of the services, over one connection.
#[derive(Clone)]
pub struct Client {
    /// Activities.
    pub activities: ActivityServiceClient<Caller>,
    /// Cases.
    pub cases: CaseServiceClient<Caller>,
    /// Findings, rules, checks.
    pub compliance: ComplianceServiceClient<Caller>,
    /// KPIs.
    pub kpis: KpiServiceClient<Caller>,
    /// Change feeds.
    pub sync: SyncServiceClient<Caller>,
}

impl Client {
    /// Connects to `url` (`http://HOST:PORT`) with an API key.
    ///
    /// # Errors
    /// The address or the key cannot be used, or nobody answers there.
    pub async fn connect(url: &str, key: &str) -> Result<Self, CliError> {
        let endpoint = Endpoint::from_shared(url.to_owned())
            .map_err(|_| CliError::new(format!("{url} is no address: write http://HOST:PORT")))?
            .connect_timeout(Duration::from_secs(10))
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .tcp_nodelay(true);
        let channel = endpoint
            .connect()
            .await
            .map_err(|error| CliError::new(format!("nobody answers at {url}: {}", deepest(&error))))?;
        let mut value: MetadataValue<Ascii> = format!("Bearer {key}")
            .parse()
            .map_err(|_| CliError::new("the API key holds characters that no key has"))?;
        value.set_sensitive(true);
        let caller = InterceptedService::new(channel, Credential(value));
        Ok(Self {
            activities: ActivityServiceClient::new(caller.clone()),
            cases: CaseServiceClient::new(caller.clone()),
            compliance: ComplianceServiceClient::new(caller.clone()),
            kpis: KpiServiceClient::new(caller.clone()),
            sync: SyncServiceClient::new(caller),
        })
    }
}

fn deepest(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

/// Whether the same call may succeed a moment later. Ids are made by the client, so every call may be repeated.
#[must_use]
pub fn may_succeed_later(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable
            | Code::ResourceExhausted
            | Code::Aborted
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Unknown
    )
}

/// Pauses before the tries of a call: about half a minute in all, so that a restarting server is waited for.
pub const PAUSES_MS: [u64; 9] = [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000];

/// Repeats a call that may succeed later.
///
/// # Errors
/// The last status, where no try succeeded.
pub async fn persist<T, F: Future<Output = Result<T, Status>>>(mut call: impl FnMut() -> F) -> Result<T, Status> {
    for pause in PAUSES_MS {
        match call().await {
            Err(status) if may_succeed_later(&status) => tokio::time::sleep(Duration::from_millis(pause)).await,
            done => return done,
        }
    }
    call().await
}
