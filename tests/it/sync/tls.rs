//! Receivers are called with TLS: one whose certificate is from an authority of one's own is trusted where that authority is
//! named, under the name that the certificate bears, and nobody else is.

use std::path::Path;
use std::sync::Arc;

use fairdue::proto::v1;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::receive::{changes, configured, in_order, sinks, until, write};
use super::sinks::{SECRETS, delivered, events};
use crate::support::database::{Backend, Database};
use crate::support::receiver::Receiver;

/// An authority of the test's own.
fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate")
}

/// A server with a certificate for this name.
fn acceptor(authority: &CertifiedIssuer<'static, KeyPair>, name: &str) -> TlsAcceptor {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, authority).expect("a certificate");
    let private = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .expect("certificate and key");
    TlsAcceptor::from(Arc::new(config))
}

fn sink(directory: &Path, receiver: &Receiver) -> String {
    let secret = directory.join("secret");
    std::fs::write(&secret, SECRETS[0]).expect("write a secret");
    format!(
        "[[sink]]\nid = \"hub\"\nown = true\nmarkets = [\"it\"]\n[sink.webhook]\nurl = \"https://localhost:{}/hook\"\n\
         secrets = [\"file:{}\"]\n",
        receiver.address.port(),
        secret.display()
    )
}

/// A service whose one sink leads to a receiver with a certificate for `name`, from an authority that is named or not.
async fn called(name: &str, trusted: bool) -> (Receiver, v1::Sink) {
    let database = Database::fresh(Backend::Sqlite).await;
    let directory = tempfile::tempdir().expect("a directory");
    let (own, other) = (authority("one"), authority("another"));
    let receiver = Receiver::over(Some(acceptor(&own, name))).await;
    let mut setup = configured(&database, &sink(directory.path(), &receiver)).await;
    let named = directory.path().join("authorities.pem");
    std::fs::write(&named, if trusted { own.pem() } else { other.pem() }).expect("write a certificate");
    setup.set("sinks.authorities", &named.display().to_string());
    // The name may lead to ::1 as well.
    setup.set("sinks.allow_networks", "127.0.0.0/8, ::1/128");
    let service = setup.start().await;
    write(&service, &setup.key, 0..8).await;
    if trusted && name == "localhost" {
        delivered(&service, &setup.key).await;
        let all = changes(&service, &setup.key).await;
        delivered(&service, &setup.key).await;
        assert_eq!(in_order(&events(&receiver.deliveries()), &all), 0);
    } else {
        until("it was tried", async || sinks(&service, &setup.key).await[0].failure_count >= 2).await;
    }
    let seen = sinks(&service, &setup.key).await.remove(0);
    assert_eq!(service.stop(), 0);
    (receiver, seen)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_whose_authority_is_named_is_called() {
    let (receiver, seen) = called("localhost", true).await;
    assert_eq!((seen.state(), seen.failure_count), (v1::SinkState::Running, 0), "{seen:?}");
    assert_eq!(receiver.deliveries()[0].signed_with(&SECRETS), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_for_another_name_is_refused() {
    let (receiver, seen) = called("elsewhere.example", true).await;
    assert!(receiver.deliveries().is_empty(), "nothing was told");
    assert!(seen.last_error.contains("TLS") && seen.last_error.contains("not valid for name"), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let (receiver, seen) = called("localhost", false).await;
    assert!(receiver.deliveries().is_empty(), "nothing was told");
    assert!(seen.last_error.contains("TLS") && seen.last_error.contains("UnknownIssuer"), "{seen:?}");
}
