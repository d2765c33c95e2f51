//! `fairdue serve`: start, run, reload, and stop within a bound.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::admin::open_store;
use super::args::ServeArgs;
use super::error::CliError;
use super::signals::{Asked, Signals};
use super::telemetry;
use crate::app::App;
use crate::clock::Clock;
use crate::compliance::examples;
use crate::config::{Holder, Snapshot, environment};
use crate::deliver;
use crate::domain::diagnostic::{Diagnostic, Diagnostics};
use crate::domain::ids::{MarketId, TenantId};
use crate::store::{self, Store, StoreError};
use crate::transport::encode::event::event;
use crate::transport::server::{ServeError, serve};
use crate::transport::service::UseCases;

/// How long a start is left alone with what callers wait for.
const RUSH: Duration = Duration::from_secs(30);
/// How long the store may take to close behind the end of the grace period.
const CLOSING: Duration = Duration::from_secs(4);

/// Runs `fairdue serve`.
///
/// # Errors
/// The configuration, the database, or an address that cannot be listened on. A stop on request is no error.
pub async fn run(args: &ServeArgs) -> Result<(), CliError> {
    let mut snapshot = args.source.load()?;
    if let Some(listen) = args.listen {
        snapshot.server.grpc.listen = listen;
    }
    snapshot.server.metrics_listen = args.metrics.or(snapshot.server.metrics_listen);
    telemetry::start_logging(&snapshot.server.log)?;
    for variable in environment::passed_over() {
        tracing::warn!(
            variable,
            "no setting has this name: the variable does nothing; settings are FAIRDUE_<SECTION>__<KEY>"
        );
    }
    let mut signals = Signals::listen()?;
    let grace = snapshot.server.stop_grace;
    let metrics_listen = snapshot.server.metrics_listen;
    let holder = Arc::new(Holder::of(&args.source.config, snapshot));
    let mut server = Server::start(Arc::clone(&holder)).await?;
    let metrics_stop = CancellationToken::new();
    if let Some(address) = metrics_listen {
        let listener = listen(address).await?;
        tracing::info!(address = %listener.local_addr()?, "serving metrics");
        let handle = telemetry::start_metrics()?;
        let draining = server.draining.clone();
        tokio::spawn(telemetry::serve_metrics(listener, handle, draining, metrics_stop.clone()));
    }
    let database = store::address_shown(&holder.get().server.database.url);
    tracing::info!(address = %server.address, database, digest = %holder.get().digest, "serving");
    warn_of_lost(server.app.ingest.markets().store(), &holder.get()).await;
    tokio::spawn(warn_of_failing(args.source.config.clone(), Arc::clone(&holder), server.draining.clone()));
    loop {
        tokio::select! {
            asked = signals.next() => match asked {
                Asked::Stop => break,
                Asked::Reload => {
                    if reload(&args.source.config, &holder) {
                        warn_of_lost(server.app.ingest.markets().store(), &holder.get()).await;
                    }
                }
            },
            // A process that serves nothing must not look alive.
            failure = server.failed() => return Err(failure),
        }
    }
    tracing::info!(grace_seconds = grace.as_secs(), "stopping");
    tokio::select! {
        () = server.stop(grace) => {}
        // Whoever asks twice does not want to wait: acknowledged writes are durable already.
        Asked::Stop = next_stop(&mut signals) => tracing::warn!("asked twice to stop: ending at once"),
    }
    metrics_stop.cancel();
    tracing::info!("stopped");
    Ok(())
}

/// Waits until somebody asks to stop; other wishes are passed over.
pub async fn next_stop(signals: &mut Signals) -> Asked {
    loop {
        let asked = signals.next().await;
        if asked == Asked::Stop {
            return asked;
        }
    }
}

/// Reads the configuration again; whether what was read is in force. Packs that changed must do what their examples promise.
fn reload(dir: &Path, holder: &Holder) -> bool {
    let proved = |new: &Snapshot, former: &Snapshot| {
        // A directory that is not there for a moment must not take every market away.
        if new.tenants.is_empty() && !former.tenants.is_empty() {
            let remedy = "put the files of tenants back; a server that is to have none is started anew";
            let none = Diagnostic::at("tenants", "", 0, "no tenant is left, where there were some", remedy);
            return Err(new.found_in(dir, Diagnostics(vec![none])));
        }
        let failing = examples::failing_anew(&new.packs, &former.packs);
        Diagnostics(failing).into_result(()).map_err(|found| new.found_in(dir, found))
    };
    match tokio::task::block_in_place(|| holder.reload_if(proved)) {
        Ok(snapshot) => {
            metrics::counter!("fairdue_config_reloads_total", "outcome" => "taken").increment(1);
            tracing::info!(digest = %snapshot.digest, "configuration reloaded");
            true
        }
        Err(diagnostics) => {
            metrics::counter!("fairdue_config_reloads_total", "outcome" => "refused").increment(1);
            tracing::error!(%diagnostics, "configuration refused, the old one stays in force");
            false
        }
    }
}

/// Warns of worked examples that fail, beside what the server does: rules that say something else than they promise are in force,
/// since a server that does not start helps nobody. It is looked at once the rush of a start is over.
async fn warn_of_failing(dir: PathBuf, holder: Arc<Holder>, stopping: CancellationToken) {
    if stopping.run_until_cancelled(tokio::time::sleep(RUSH)).await.is_none() {
        return;
    }
    // What a reload put in force meanwhile was proved then, as far as it changed.
    let snapshot = holder.get();
    tokio::task::spawn_blocking(move || {
        let failing = examples::failing(&snapshot.packs, &|| stopping.is_cancelled());
        for example in snapshot.found_in(&dir, Diagnostics(failing)).0 {
            tracing::warn!(%example, "a worked example of a rule in force fails: fairdue check tells of all");
        }
    });
}

/// Warns of each market that holds records and is not configured: a file that is gone or misnamed takes it off the air, and
/// every call to it is answered as if it had never been. One query a tenant.
async fn warn_of_lost(store: &Store, snapshot: &Snapshot) {
    match unconfigured(store, snapshot).await {
        Ok(lost) => lost.iter().for_each(|(tenant, market)| {
            tracing::warn!(
                %tenant,
                %market,
                "the market holds records and is not configured: calls to it are refused as MARKET_UNKNOWN; to serve it again, \
                 name it in the tenant's file in tenants/"
            );
        }),
        Err(error) => tracing::warn!(%error, "which markets hold records and are not configured could not be read"),
    }
}

async fn unconfigured(store: &Store, snapshot: &Snapshot) -> Result<Vec<(TenantId, MarketId)>, StoreError> {
    let mut lost = Vec::new();
    for row in store.tenants().await? {
        let markets = store.scope(&row.tenant).markets().await?;
        let gone = markets.into_iter().filter(|market| snapshot.market(&row.tenant, market).is_none());
        lost.extend(gone.map(|market| (row.tenant.clone(), market)));
    }
    Ok(lost)
}

/// Binds a TCP listener.
///
/// # Errors
/// The address is taken or not this machine's.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, CliError> {
    TcpListener::bind(address).await.map_err(|error| CliError::new(format!("cannot listen on {address}: {error}")))
}

/// A running service: the gRPC server over its use cases.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// The use cases, for callers in the same process.
    pub app: App,
    /// Cancelled when the server is asked to stop.
    pub draining: CancellationToken,
    grpc: JoinHandle<Result<(), ServeError>>,
    deliveries: JoinHandle<()>,
}

impl Server {
    /// Opens the database and serves.
    ///
    /// # Errors
    /// The database cannot be opened or the address is taken.
    pub async fn start(holder: Arc<Holder>) -> Result<Self, CliError> {
        let listener = listen(holder.get().server.grpc.listen).await?;
        Self::start_on(listener, holder).await
    }

    /// Opens the database and serves on a listener.
    ///
    /// # Errors
    /// The database cannot be opened.
    pub async fn start_on(listener: TcpListener, holder: Arc<Holder>) -> Result<Self, CliError> {
        let address = listener.local_addr()?;
        let snapshot = holder.get();
        let store = open_store(&snapshot).await?;
        let app =
            App::open(store, Arc::clone(&holder), Clock::system()).map_err(|error| CliError::new(error.to_string()))?;
        let draining = CancellationToken::new();
        let use_cases = UseCases {
            ingest: app.ingest.clone(),
            advice: app.advice.clone(),
            query: app.query.clone(),
            sync: app.sync.clone(),
        };
        let deliveries = deliver::start(app.sync.clone(), Arc::new(event), draining.clone()).map_err(CliError::new)?;
        let stop = draining.clone();
        let served =
            async move { serve(listener, &snapshot.server.grpc, &snapshot.server.query, use_cases, stop).await };
        let grpc = tokio::spawn(served);
        Ok(Self { address, app, draining, grpc, deliveries })
    }

    /// Waits for the gRPC server to end without having been asked to. Must not be called again after it has answered.
    pub async fn failed(&mut self) -> CliError {
        match (&mut self.grpc).await {
            Ok(Ok(())) => CliError::new("the gRPC server ended without being asked to"),
            Ok(Err(error)) => CliError::new(error.to_string()),
            Err(error) => CliError::new(format!("the gRPC server ended unexpectedly: {error}")),
        }
    }

    /// Stops: health says NOT_SERVING, streams end after what they acknowledged, calls in work end, accepted writes are
    /// done, the store closes. Calls that have not ended within `grace` are cut off; what was acknowledged is durable, and
    /// what was answered still goes on record, for which there is what calls have left of that time, and a few more seconds.
    pub async fn stop(self, grace: Duration) {
        let end = tokio::time::Instant::now() + grace;
        self.draining.cancel();
        let ending = async {
            match self.grpc.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "the gRPC listener failed"),
                Err(error) => tracing::error!(%error, "the gRPC server ended unexpectedly"),
            }
            if let Err(error) = self.deliveries.await {
                tracing::error!(%error, "sending changes ended unexpectedly");
            }
        };
        if tokio::time::timeout_at(end, ending).await.is_err() {
            tracing::warn!("calls were still in work at the end of the grace period and were cut off");
        }
        if tokio::time::timeout_at(end + CLOSING, self.app.close()).await.is_err() {
            tracing::warn!("the database did not take what was left to write: it was cut off");
        }
    }
}
