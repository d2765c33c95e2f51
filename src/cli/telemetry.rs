//! Logs and metrics of a running server. Neither carries personal data: ids of requests and tenants, kinds, counts, times.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::error::CliError;
use crate::config::server::Log;

/// Starts logging to standard error.
///
/// # Errors
/// The filter cannot be read.
pub fn start_logging(log: &Log) -> Result<(), CliError> {
    let filter = EnvFilter::try_new(&log.filter)
        .map_err(|error| CliError::new(format!("log.filter cannot be read: {error}")))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Whoever reads the log may go away, or its disk be full: the service goes on without.
    let builder = builder.log_internal_errors(false);
    let started = if log.json {
        builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
    } else {
        builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init()
    };
    // A second start in one process (a test) keeps the first subscriber.
    let _ = started;
    Ok(())
}

/// Durations in seconds: from what a warm check takes to what a deadline allows.
const SECONDS: [f64; 14] =
    [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0];

/// Starts recording metrics; the handle renders them.
///
/// # Errors
/// A recorder was started before.
pub fn start_metrics() -> Result<PrometheusHandle, CliError> {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .map_err(|error| CliError::new(format!("metrics cannot be recorded: {error}")))?;
    recorder.install_recorder().map_err(|error| CliError::new(format!("metrics cannot be recorded: {error}")))
}

/// Serves `/metrics` and `/healthz` until `stop`. `/healthz` answers 503 once the server is asked to stop.
pub async fn serve_metrics(
    listener: TcpListener,
    metrics: PrometheusHandle,
    draining: CancellationToken,
    stop: CancellationToken,
) {
    let render = move || {
        let metrics = metrics.clone();
        async move {
            metrics.run_upkeep();
            metrics.render()
        }
    };
    let health = move || {
        let draining = draining.is_cancelled();
        async move { if draining { (StatusCode::SERVICE_UNAVAILABLE, "stopping") } else { (StatusCode::OK, "ok") } }
    };
    let router = Router::new().route("/metrics", get(render)).route("/healthz", get(health));
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::error!(%error, "the metrics listener failed");
    }
}
