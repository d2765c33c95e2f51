//! The gRPC server: the services, health and reflection, with every limit set.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding;
use tonic::server::NamedService;
use tonic::transport::server::Server;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::auth::Authenticate;
use super::connections;
use super::layers::{Envelope, EnvelopeLayer};
use super::room::{Most, Room};
use super::service::direct::Straight;
use super::service::{Api, Limits, UseCases};
use super::status;
use crate::config::server::{Grpc, QuerySettings};
use crate::proto::v1::activity_service_server::ActivityServiceServer;
use crate::proto::v1::case_service_server::CaseServiceServer;
use crate::proto::v1::compliance_service_server::ComplianceServiceServer;
use crate::proto::v1::kpi_service_server::KpiServiceServer;
use crate::proto::v1::sync_service_server::SyncServiceServer;

/// How long calls on an aged connection may go on. The library's own limit would end it without having asked the client to move on.
const AGED_GRACE: Duration = Duration::from_secs(60);
/// How long connections are still accepted at a stop: clients that made theirs before it have sent their calls, and have heard
/// nothing yet.
const ACCEPTING: Duration = Duration::from_millis(100);
/// How long health says NOT_SERVING to those who watch it before their watch ends.
const FAREWELL: Duration = Duration::from_millis(500);
/// Bytes of one stream in flight: a batch of a thousand activities in two pieces.
const STREAM_WINDOW: u32 = 512 << 10;
/// Bytes of one connection in flight. The HTTP/2 library ends a connection in which too many messages below 256 bytes wait to be
/// read: what they lack to 256 bytes may be half of this. At sixteen times the stream's window one stream is held back before
/// that, however small its messages are.
const CONNECTION_WINDOW: u32 = 16 * STREAM_WINDOW;

/// Why the services cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener failed.
    #[error("the gRPC listener failed: {0}")]
    Transport(#[from] tonic::transport::Error),
    /// The embedded description of the API cannot be read.
    #[error("the description of the API cannot be read: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// Serves the API on a listener until `stop` is cancelled: then health says NOT_SERVING, streams end after what was
/// acknowledged, and calls in work end. The caller bounds how long that may take.
///
/// # Errors
/// The listener failed, or the API's description cannot be read.
pub async fn serve(
    listener: TcpListener,
    grpc: &Grpc,
    query: &QuerySettings,
    use_cases: UseCases,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let (health, health_service) = tonic_health::server::health_reporter();
    set_health(&health, ServingStatus::Serving).await;
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(crate::proto::DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let authenticate = authenticate(use_cases.ingest.clone());
    let most = Most {
        calls: size(grpc.max_concurrent_requests),
        bytes: size(grpc.max_received_mib).saturating_mul(1 << 20),
        message: size(grpc.max_receive_bytes),
        piece: grpc.default_deadline,
    };
    let envelope = Envelope::new(authenticate, Room::new(most), grpc.default_deadline);
    let api = Api::new(use_cases, limits(grpc, query), stop.clone());
    let (receive, send) = (size(grpc.max_receive_bytes), size(grpc.max_send_bytes));
    macro_rules! limited {
        ($server:ident) => {
            $server::new(api.clone())
                .accept_compressed(CompressionEncoding::Gzip)
                .max_decoding_message_size(receive)
                .max_encoding_message_size(send)
        };
    }
    let (most, life) = (size(grpc.max_connections), grpc.connection_age + AGED_GRACE);
    let accepted = connections::accept(listener, most, life, stop.clone());
    let stopped = async move {
        stop.cancelled().await;
        set_health(&health, ServingStatus::NotServing).await;
        // Whoever watches hears it, and then that there is no more to hear: a watch would hold up the stop.
        tokio::spawn(async move {
            tokio::time::sleep(FAREWELL).await;
            clear_health(health).await;
        });
        tokio::time::sleep(ACCEPTING).await;
    };
    let router = Server::builder()
        .layer(EnvelopeLayer(Arc::new(envelope)))
        .max_concurrent_streams(grpc.max_streams_per_connection)
        .http2_max_header_list_size(grpc.max_header_bytes)
        .http2_keepalive_interval(Some(grpc.keepalive_interval))
        .http2_keepalive_timeout(Some(grpc.keepalive_timeout))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_connection_age(grpc.connection_age)
        .add_service(limited!(CaseServiceServer))
        .add_service(limited!(ActivityServiceServer))
        .add_service(Straight::new(limited!(ComplianceServiceServer), api.clone(), receive, send))
        .add_service(Straight::new(limited!(KpiServiceServer), api.clone(), receive, send))
        .add_service(Straight::new(limited!(SyncServiceServer), api.clone(), receive, send))
        .add_service(health_service)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?);
    #[cfg(feature = "bench")]
    let router = router.add_service(super::bench::EmptyService::new(api.clone(), receive, send));
    router.serve_with_incoming_shutdown(accepted, stopped).await?;
    Ok(())
}

/// What has a health of its own: every service, and the server as a whole.
const HEALTHY: [&str; 6] = [
    CaseServiceServer::<Api>::NAME,
    ActivityServiceServer::<Api>::NAME,
    ComplianceServiceServer::<Api>::NAME,
    KpiServiceServer::<Api>::NAME,
    SyncServiceServer::<Api>::NAME,
    "",
];

async fn set_health(health: &HealthReporter, status: ServingStatus) {
    for service in HEALTHY {
        health.set_service_status(service, status).await;
    }
}

/// Ends every watch of the health.
async fn clear_health(mut health: HealthReporter) {
    for service in HEALTHY {
        health.clear_service_status(service).await;
    }
}

fn limits(grpc: &Grpc, query: &QuerySettings) -> Limits {
    Limits {
        batch_items: size(grpc.max_batch_items),
        default_page: size(query.default_page_size),
        largest_page: size(query.max_page_size),
        answer_rows: size(query.max_answer_rows),
        answer_bytes: size(grpc.max_send_bytes),
        stream_idle: grpc.stream_idle,
        connection_age: grpc.connection_age,
    }
}

/// A setting as a size. Settings of 32 bits fit everywhere that the service runs.
fn size(setting: u32) -> usize {
    usize::try_from(setting).unwrap_or(usize::MAX)
}

fn authenticate(ingest: crate::ingest::Ingest) -> Authenticate {
    Arc::new(move |credential| {
        let ingest = ingest.clone();
        Box::pin(async move {
            let key = credential.to_str().map_err(|_| super::auth::unauthenticated())?;
            ingest.authenticate(key).await.map_err(|error| status::status(&error))
        })
    })
}
