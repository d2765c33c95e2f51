//! From an address as it is written to a connection.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{Guard, OutboundError};
use crate::domain::sink::Endpoint;

/// Finds the addresses of a name and port.
pub type Resolve = Arc<dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// Makes connections that the guard admits.
#[derive(Clone)]
pub struct Dialer {
    guard: Guard,
    tls: Arc<ClientConfig>,
    resolve: Resolve,
}

/// A connection.
#[derive(Debug)]
pub(super) enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Dialer {
    /// A dialer that trusts the certificate authorities of the web, and those of a PEM file.
    ///
    /// # Errors
    /// The file cannot be read, or holds no certificate.
    pub fn new(guard: Guard, authorities: Option<&Path>) -> Result<Self, String> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(path) = authorities {
            let wrong = |why: &dyn std::fmt::Display| format!("certificates in {}: {why}", path.display());
            let mut found = 0;
            for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))? {
                roots.add(certificate.map_err(|error| wrong(&error))?).map_err(|error| wrong(&error))?;
                found += 1;
            }
            if found == 0 {
                return Err(wrong(&"there are none"));
            }
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { guard, tls: Arc::new(tls), resolve: Arc::new(|host, port| Box::pin(system(host, port))) })
    }

    /// The same with another way to find addresses.
    #[must_use]
    pub fn resolving(mut self, resolve: Resolve) -> Self {
        self.resolve = resolve;
        self
    }

    /// A connection to one of the addresses that the name gives now, each of which must be admitted: a name that also
    /// leads inside is not trusted at all.
    pub(super) async fn connect(&self, endpoint: &Endpoint) -> Result<TcpStream, OutboundError> {
        let place = endpoint.place();
        let unreachable = |error: &dyn std::fmt::Display| OutboundError::Unreachable(format!("{place}: {error}"));
        let found = (self.resolve)(endpoint.host.clone(), endpoint.port).await.map_err(|error| unreachable(&error))?;
        for address in &found {
            let ip = address.ip();
            if !self.guard.admits(ip) {
                let text = format!(
                    "{place} is {ip}, which is no public address: name its network in sinks.allow_networks of the \
                     server's settings if it may be called"
                );
                return Err(OutboundError::Forbidden(text));
            }
            if !endpoint.secure && !self.guard.names(ip) {
                let text =
                    format!("{place} is to be called without TLS, which only networks of sinks.allow_networks are");
                return Err(OutboundError::Forbidden(text));
            }
        }
        let mut last = unreachable(&"the name has no address");
        for address in found {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(error) => last = unreachable(&error),
            }
        }
        Err(last)
    }

    /// TLS over a connection, where the address asks for it.
    pub(super) async fn secure(
        &self,
        endpoint: &Endpoint,
        stream: TcpStream,
        protocol: Option<&[u8]>,
    ) -> Result<Wire, OutboundError> {
        if !endpoint.secure {
            return Ok(Wire::Plain(stream));
        }
        let place = endpoint.place();
        let name = ServerName::try_from(endpoint.host.clone())
            .map_err(|error| OutboundError::Forbidden(format!("{place} can have no certificate: {error}")))?;
        let mut config = ClientConfig::clone(&self.tls);
        config.alpn_protocols = protocol.map(<[u8]>::to_vec).into_iter().collect();
        let shaken = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        let stream = shaken.map_err(|error| OutboundError::Unreachable(format!("{place}: TLS: {error}")))?;
        Ok(Wire::Tls(Box::new(stream)))
    }
}

async fn system(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((host, port)).await?.collect())
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
